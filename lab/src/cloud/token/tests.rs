use proptest::prelude::*;
use time::macros::datetime;

use super::signer::{Draft, Signer, signature_template};
use super::*;

const NOW: time::OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

fn draft() -> Draft {
    Draft::about("TTwrGm9egXCSo7TF1uf4CQ==", "alice@contoso.test", NOW)
}

fn refusal(message: &str, signer: &Signer) -> (u32, Option<&'static str>) {
    let outcome = Response::parse(message).and_then(|response| {
        Authentic::verify(&response, std::slice::from_ref(&signer.certificate))
    });
    let refusal = outcome.expect_err("must be refused");
    (refusal.number, refusal.sub)
}

#[test]
fn a_good_token_is_read_as_it_was_signed() {
    let signer = Signer::new();
    let mut draft = draft();
    draft.upn = "zo&amp;&lt;ë&gt;<!-- comment -->@contoso.test".to_owned();
    let message = draft.signed_by(&signer);
    let response = Response::parse(&message).unwrap();
    assert_eq!(response.issuer, "http://contoso.test/adfs/services/trust/");
    let token = Authentic::verify(&response, std::slice::from_ref(&signer.certificate)).unwrap();
    let assertion = token.assertion();
    assert_eq!(assertion.id, draft.id);
    assert_eq!(
        assertion.name_identifier.as_deref(),
        Some("TTwrGm9egXCSo7TF1uf4CQ==")
    );
    let upn: Vec<&str> = assertion
        .values("http://schemas.xmlsoap.org/claims/UPN")
        .collect();
    assert_eq!(
        upn,
        ["zo&<ë>@contoso.test"],
        "a comment must not cut a value short"
    );
    assert_eq!(assertion.audiences, ["urn:federation:MicrosoftOnline"]);
    assert_eq!(assertion.authentication_instant, NOW);
}

#[test]
fn the_next_certificate_is_as_good_as_the_current_one() {
    let (current, next) = (Signer::new(), Signer::new());
    let message = draft().signed_by(&next);
    let certificates = [current.certificate, next.certificate];
    Authentic::verify(&Response::parse(&message).unwrap(), &certificates).unwrap();
}

#[test]
fn an_altered_token_is_refused() {
    let signer = Signer::new();
    let message = draft().signed_by(&signer);
    for (from, to) in [
        ("alice@contoso.test", "bob@contoso.test"),
        (
            "TTwrGm9egXCSo7TF1uf4CQ==</saml:NameIdentifier>",
            "AAAAAAAAAAAAAAAAAAAAAA==</saml:NameIdentifier>",
        ),
        ("<saml:Audience>urn:", "<saml:Audience>URN:"),
        ("</saml:Conditions>", "</saml:Conditions> "),
        ("<ds:SignatureValue>", "<ds:SignatureValue>AAAA"),
    ] {
        assert!(message.contains(from), "{from}");
        assert_eq!(
            refusal(&message.replacen(from, to, 1), &signer),
            (50008, Some("signature")),
            "{from}"
        );
    }
}

#[test]
fn another_key_is_refused_whatever_certificate_it_shows() {
    let (ours, other) = (Signer::new(), Signer::new());
    assert_eq!(
        refusal(&draft().signed_by(&other), &ours),
        (5_000_811, None)
    );
    let draft = draft();
    let pretending = other.sign(&draft.message(&signature_template(&draft.id, &ours.certificate)));
    assert_eq!(refusal(&pretending, &ours), (50008, Some("signature")));
    let silent = signature_template(&draft.id, &ours.certificate);
    let silent = format!(
        "{}</ds:Signature>",
        silent.split("<KeyInfo").next().unwrap()
    );
    assert_eq!(
        refusal(&other.sign(&draft.message(&silent)), &ours),
        (50008, Some("signature"))
    );
    Authentic::verify(
        &Response::parse(&ours.sign(&draft.message(&silent))).unwrap(),
        std::slice::from_ref(&ours.certificate),
    )
    .unwrap();
}

/// Each attack leaves a signature in the message that is mathematically valid.
#[test]
fn wrapping_is_refused() {
    let signer = Signer::new();
    let good = draft().signed_by(&signer);
    let start = good.find("<saml:Assertion").unwrap();
    let end = good.find("</saml:Assertion>").unwrap() + "</saml:Assertion>".len();
    let assertion = &good[start..end];
    let forged = |extra: &str, id: &str| {
        let mut evil = draft();
        evil.immutable_id = "AAAAAAAAAAAAAAAAAAAAAA==".to_owned();
        evil.name_identifier = evil.immutable_id.clone();
        evil.id = id.to_owned();
        evil.extra = extra.to_owned();
        evil
    };
    let plain = forged("", "_evil").message("");
    let evil_start = plain.find("<saml:Assertion").unwrap();
    let evil_end = plain.find("</saml:Assertion>").unwrap() + "</saml:Assertion>".len();
    let evil = &plain[evil_start..evil_end];
    let attacks = [
        (
            "forged first, good second",
            good.replacen(assertion, &format!("{evil}{assertion}"), 1),
        ),
        (
            "good first, forged second",
            good.replacen(assertion, &format!("{assertion}{evil}"), 1),
        ),
        (
            "good one moved into the forged one",
            forged(assertion, "_evil").message(""),
        ),
        (
            "good one moved behind the token",
            plain.replacen(
                "<t:TokenType>",
                &format!("<t:Lifetime>{assertion}</t:Lifetime><t:TokenType>"),
                1,
            ),
        ),
        ("good one in the signature of the forged one", {
            let signature = &assertion[assertion.find("<ds:Signature").unwrap()
                ..assertion.find("</saml:Assertion>").unwrap()];
            let bare = assertion.replacen(signature, "", 1);
            let holding = signature.replacen(
                "</ds:Signature>",
                &format!("<ds:Object>{bare}</ds:Object></ds:Signature>"),
                1,
            );
            forged("", "_evil").message(&holding)
        }),
        ("two elements with one id", {
            let id = assertion
                .split("AssertionID=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap();
            good.replacen(
                "<t:TokenType>",
                &format!("<t:x AssertionID=\"{id}\"></t:x><t:TokenType>"),
                1,
            )
        }),
        (
            "signature of another element",
            good.replacen(
                "<t:RequestSecurityTokenResponse ",
                "<t:RequestSecurityTokenResponse Id=\"_r\" ",
                1,
            )
            .replacen("URI=\"#", "URI=\"#_r\" x=\"", 1),
        ),
        ("reference to the whole document", {
            let id = assertion
                .split("AssertionID=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap();
            good.replacen(&format!("URI=\"#{id}\""), "URI=\"\"", 1)
        }),
    ];
    for (name, message) in attacks {
        let (number, sub) = refusal(&message, &signer);
        assert_eq!(number, 50008, "{name}: {sub:?}");
    }
}

#[test]
fn unsigned_and_foreign_algorithms_are_refused() {
    let signer = Signer::new();
    let draft = draft();
    assert_eq!(refusal(&draft.message(""), &signer).0, 50008);
    let template = signature_template(&draft.id, &signer.certificate);
    for (from, to) in [
        ("xmldsig-more#rsa-sha256", "xmldsig-more#rsa-sha512"),
        (
            "http://www.w3.org/2001/04/xmlenc#sha256",
            "http://www.w3.org/2000/09/xmldsig#sha1",
        ),
        (
            "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform>",
            "",
        ),
        (
            "http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod>",
            "http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"></ds:CanonicalizationMethod>",
        ),
    ] {
        assert!(template.contains(from), "{from}");
        let message = signer.sign(&draft.message(&template.replacen(from, to, 1)));
        assert_eq!(
            refusal(&message, &signer),
            (50008, Some("signature")),
            "{to}"
        );
    }
}

#[test]
fn what_is_not_the_expected_message_is_20012() {
    let good = draft().signed_by(&Signer::new());
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    let long = good.replacen(
        "<t:TokenType>",
        &format!("<!--{}--><t:TokenType>", "x".repeat(response::MAX_LENGTH)),
        1,
    );
    let many = good.replacen(
        "<t:TokenType>",
        &format!("{}<t:TokenType>", "<t:x/>".repeat(9000)),
        1,
    );
    for (name, message) in [
        ("empty", String::new()),
        ("text", "hello".to_owned()),
        ("cut short", good[..good.len() / 2].to_owned()),
        ("another root", good.replace("RequestSecurityTokenResponse", "Other")),
        ("another trust version", good.replace("http://schemas.xmlsoap.org/ws/2005/02/trust", "http://docs.oasis-open.org/ws-sx/ws-trust/200512")),
        ("SAML 2.0", good.replace("urn:oasis:names:tc:SAML:1.0:assertion\" Major", "urn:oasis:names:tc:SAML:2.0:assertion\" Major")),
        ("version 1.0", good.replace("MinorVersion=\"1\"", "MinorVersion=\"0\"")),
        ("no issuer", good.replace(" Issuer=\"http://contoso.test/adfs/services/trust/\"", "")),
        ("document type", format!("<!DOCTYPE x [<!ENTITY e \"alice\">]>{good}")),
        ("processing instruction", format!("<?xml-stylesheet href=\"x\"?>{good}")),
        ("two carriers", good.replacen("<t:TokenType>", "<t:RequestedSecurityToken></t:RequestedSecurityToken><t:TokenType>", 1)),
        ("no token", "<t:RequestSecurityTokenResponse xmlns:t=\"http://schemas.xmlsoap.org/ws/2005/02/trust\"/>".to_owned()),
        ("deep", deep),
        ("long", long),
        ("many", many),
    ] {
        assert_eq!(Response::parse(&message).map(|_| ()).unwrap_err().number, 20012, "{name}");
    }
}

#[test]
fn signed_nonsense_is_refused_all_the_same() {
    let signer = Signer::new();
    let bend = |change: fn(&mut Draft)| {
        let mut draft = draft();
        change(&mut draft);
        refusal(&draft.signed_by(&signer), &signer)
    };
    let content = (50008, Some("content"));
    assert_eq!(
        bend(|draft| draft.extra = "<saml:AuthorizationDecisionStatement/>".to_owned()),
        content
    );
    assert_eq!(
        bend(|draft| {
            draft.extra = "<saml:Conditions NotBefore=\"2026-06-01T12:00:00Z\" NotOnOrAfter=\"2030-06-01T12:00:00Z\"/>".to_owned()
        }),
        content
    );
    assert_eq!(
        bend(|draft| draft.extra = "<saml:Advice/>".to_owned()),
        content
    );
}

#[test]
fn audience_and_time() {
    let signer = Signer::new();
    let check = |draft: &Draft, at| {
        let message = draft.signed_by(&signer);
        let token = Authentic::verify(
            &Response::parse(&message).unwrap(),
            std::slice::from_ref(&signer.certificate),
        )
        .unwrap();
        check_conditions(&token, "urn:federation:MicrosoftOnline", at)
            .map_err(|refusal| (refusal.number, refusal.sub))
    };
    let second = time::Duration::SECOND;
    let end = NOW + time::Duration::hours(1);
    let good = draft();
    for (at, expected) in [
        (NOW, Ok(())),
        (NOW - SKEW, Ok(())),
        (NOW - SKEW - second, Err((50008, Some("not_yet_valid")))),
        (end, Ok(())),
        (end + SKEW - second, Ok(())),
        (end + SKEW, Err((50008, Some("expired")))),
    ] {
        assert_eq!(check(&good, at), expected, "{at}");
    }
    let mut other = draft();
    other.audience = "urn:federation:Other".to_owned();
    assert_eq!(check(&other, NOW), Err((50008, Some("audience"))));
    let mut reversed = draft();
    reversed.not_on_or_after = reversed.not_before;
    assert_eq!(check(&reversed, NOW), Err((50008, Some("time"))));
}

proptest! {
    #[test]
    fn reading_never_panics(text in "[ -~<>/=\"]{0,300}") {
        let _ = Response::parse(&text);
    }

    #[test]
    fn a_bent_message_is_never_believed_as_something_else(at in 0_usize..6000, byte in 0x20_u8..0x7f) {
        use std::sync::LazyLock;
        static SIGNED: LazyLock<(Signer, String)> = LazyLock::new(|| {
            let signer = Signer::new();
            let message = draft().signed_by(&signer);
            (signer, message)
        });
        let (signer, message) = &*SIGNED;
        let mut bytes = message.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let text = String::from_utf8(bytes).unwrap();
        let certificates = [signer.certificate.clone()];
        let original = Authentic::verify(&Response::parse(message).unwrap(), &certificates).unwrap();
        if let Ok(token) = Response::parse(&text).and_then(|response| Authentic::verify(&response, &certificates)) {
            prop_assert_eq!(token.assertion(), original.assertion());
        }
    }
}
