//! What a token costs beside the one RSA operation that it cannot do without. The aim is 1.2 at most.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use federation::saml11::{Assertion, Claim};
use federation::signature::{SignatureAlgorithm, SigningKey};
use federation::wsfed::{TokenType, request_security_token_response};
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use openssl::x509::X509;
use time::macros::datetime;

fn key() -> (PKey<Private>, SigningKey) {
    let made = (|| {
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        let mut builder = X509::builder()?;
        builder.set_pubkey(&key)?;
        let (begin, end) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(1)?);
        builder.set_not_before(&begin)?;
        builder.set_not_after(&end)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok::<_, openssl::error::ErrorStack>((key, builder.build()))
    })();
    let Ok((key, certificate)) = made else {
        panic!("OpenSSL makes no key")
    };
    let Ok(signing) = SigningKey::new(key.clone(), &certificate) else {
        panic!("the key does not serve")
    };
    (key, signing)
}

fn issuance(criterion: &mut Criterion) {
    let (key, signing) = key();
    let types: Vec<String> = (0..14)
        .map(|number| format!("http://schemas.contoso.test/claims/number{number}"))
        .collect();
    let claims = types.iter().map(|claim_type| Claim {
        claim_type,
        value: "a value of some length, as groups & names have it",
        value_type: "http://www.w3.org/2001/XMLSchema#string",
        original_issuer: None,
    });
    let now = datetime!(2026-11-25 12:00 UTC);
    let assertion = Assertion {
        id: "_6f1c2a4e-0000-4000-8000-000000000001",
        issuer: "http://sts.contoso.test/adfs/services/trust",
        issued: now,
        not_before: now,
        not_on_or_after: now + time::Duration::hours(1),
        audience: "urn:federation:MicrosoftOnline",
        name_identifier: None,
        claims: claims.collect(),
        authentication_method: "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
        authentication_instant: now,
    };
    let mut group = criterion.benchmark_group("token");
    group.bench_function("bare RSA-2048 signature", |bencher| {
        bencher.iter(|| {
            let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
            signer.sign_oneshot_to_vec(black_box(b"a digest's worth of octets......"))
        });
    });
    group.bench_function("SAML 1.1 response of 14 claims", |bencher| {
        bencher.iter(|| {
            let token = signing.sign(
                black_box(&assertion).write()?,
                SignatureAlgorithm::RsaSha256,
            )?;
            request_security_token_response(
                &token,
                TokenType::Saml11,
                assertion.not_before,
                assertion.not_on_or_after,
                assertion.audience,
            )
        });
    });
    group.finish();
}

criterion_group!(benches, issuance);
criterion_main!(benches);
