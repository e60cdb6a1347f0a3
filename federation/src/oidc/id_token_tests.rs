//! Every value of an ID token that must fit.

use josekit::jwk::Jwk as WitnessKey;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jws::{ES256, JwsHeader, serialize_compact};
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::{Expected, IdToken, IdTokenError};
use crate::jose::{Algorithm, JwkSet, verify};

const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

fn expected() -> Expected<'static> {
    Expected {
        issuer: "https://op.test",
        client_id: "us",
        nonce: "n-1",
        access_token: Some("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
        now: NOW,
    }
}

fn claims() -> Value {
    let now = NOW.unix_timestamp();
    json!({
        "iss": "https://op.test", "sub": "248289761001", "aud": "us", "nonce": "n-1",
        "iat": now, "exp": now + 300, "auth_time": now - 60, "acr": "urn:level", "amr": ["pwd", "mfa"],
    })
}

fn accept(claims: &Value, token_type: &str) -> Result<IdToken, IdTokenError> {
    let key = WitnessKey::generate_ec_key(EcCurve::P256).expect("a key");
    let mut header = JwsHeader::new();
    header.set_token_type(token_type);
    let signer = ES256.signer_from_jwk(&key).expect("a signer");
    let token =
        serialize_compact(claims.to_string().as_bytes(), &header, &signer).expect("a token");
    let public = key.to_public_key().expect("a key");
    let set = json!({ "keys": [serde_json::to_value(&public).expect("JSON")] });
    let keys = JwkSet::parse(set.to_string().as_bytes()).expect("keys");
    let verified = verify(&token, &keys, &[Algorithm::Es256]).expect("verified");
    IdToken::accept(&verified, &expected())
}

#[test]
fn what_fits_is_accepted() {
    let token = accept(&claims(), "JWT").expect("accepted");
    assert_eq!(token.subject, "248289761001");
    assert_eq!(token.signed_in_at, Some(NOW - Duration::minutes(1)));
    assert_eq!(token.context.as_deref(), Some("urn:level"));
    assert_eq!(token.methods, ["pwd", "mfa"]);
    let now = NOW.unix_timestamp();
    for (member, value) in [
        ("aud", json!(["us"])),
        ("azp", json!("us")),
        ("exp", json!(now - 59)),
        ("iat", json!(now + 60)),
        ("exp", json!(now as f64 + 300.5)),
        ("auth_time", Value::Null),
        // The example of RFC 7515's sister, OpenID Connect Core A.4.
        ("at_hash", json!("77QmUPtjPfzWtF2AnpK9RQ")),
    ] {
        let mut fitting = claims();
        fitting[member] = value.clone();
        assert!(accept(&fitting, "JWT").is_ok(), "{member} {value}");
    }
    let mut shared = claims();
    shared["aud"] = json!(["us", "them"]);
    shared["azp"] = json!("us");
    assert!(accept(&shared, "JWT").is_ok());
}

#[test]
fn what_does_not_fit_is_refused() {
    let now = NOW.unix_timestamp();
    for (member, value, refusal) in [
        ("iss", json!("https://op.test/"), IdTokenError::Issuer),
        ("iss", json!(["https://op.test"]), IdTokenError::Issuer),
        ("aud", json!("them"), IdTokenError::Audience),
        ("aud", json!([]), IdTokenError::Audience),
        ("aud", Value::Null, IdTokenError::Audience),
        ("aud", json!(["us", "them"]), IdTokenError::Audience),
        ("azp", json!("them"), IdTokenError::Audience),
        ("azp", Value::Null, IdTokenError::Audience),
        ("sub", json!(""), IdTokenError::Subject),
        ("sub", json!(7), IdTokenError::Subject),
        ("sub", json!("s".repeat(256)), IdTokenError::Subject),
        ("nonce", json!("n-2"), IdTokenError::Nonce),
        ("nonce", Value::Null, IdTokenError::Nonce),
        ("exp", json!(now - 60), IdTokenError::Expired),
        ("exp", json!((now + 300).to_string()), IdTokenError::Times),
        ("exp", json!(now + 24 * 3600 + 1), IdTokenError::Times),
        ("exp", json!(1e300), IdTokenError::Times),
        ("exp", Value::Null, IdTokenError::Times),
        ("iat", Value::Null, IdTokenError::Times),
        ("iat", json!(now + 61), IdTokenError::NotYetValid),
        ("nbf", json!(now + 61), IdTokenError::NotYetValid),
        ("nbf", json!("soon"), IdTokenError::Times),
        ("auth_time", json!(now + 61), IdTokenError::NotYetValid),
        ("auth_time", json!("then"), IdTokenError::Times),
        (
            "at_hash",
            json!("77QmUPtjPfzWtF2AnpK9RR"),
            IdTokenError::AccessToken,
        ),
        ("at_hash", json!(""), IdTokenError::AccessToken),
        ("at_hash", Value::Null, IdTokenError::AccessToken),
    ] {
        let mut wrong = claims();
        wrong[member] = value.clone();
        assert_eq!(
            accept(&wrong, "JWT").err(),
            Some(refusal),
            "{member} {value}"
        );
    }
    assert_eq!(accept(&claims(), "at+jwt").err(), Some(IdTokenError::Type));
}
