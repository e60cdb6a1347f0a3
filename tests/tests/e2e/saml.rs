//! SAML 2.0 message by message (spec passive-sign-in 3 and the checks 26 to 42 of its section 10).

use anyhow::{Context as _, Result};
use end_to_end::lab::Lab;
use end_to_end::metadata_of;
use end_to_end::saml::answer::Response;
use end_to_end::saml::request::{
    self, binding, name_id_policy, post_fields, requested_context, signed_query,
};
use end_to_end::saml::service_provider::{ServiceProvider, endpoint, fill_in, name_id};
use end_to_end::saml::xmlsec::Algorithm;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";

#[tokio::test]
async fn a_response_is_as_the_specification_says() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let provider = ServiceProvider::new("shape")?;
    provider.register(&lab, &[])?;
    let certificate = metadata_of(&lab.client()?, lab.outside())
        .await?
        .signing_certificate()?;
    let client = lab.client()?;
    let asked = provider.request(&lab)?;
    let page = provider
        .send(&client, &lab, &asked, Some("a&b <\"> ü"))
        .await?;
    let response = fill_in(&client, &page, user).await?;
    let consumer = provider.consumers.first().context("no consumer")?;
    assert_eq!(response.page.action, *consumer);
    assert_eq!(response.relay_state(), Some("a&b <\"> ü"));
    assert_eq!(response.status()?, ["Success"]);
    response.verify(&certificate)?;
    for (name, value) in [
        ("Destination", consumer.as_str()),
        ("InResponseTo", asked.id.as_str()),
        ("Version", "2.0"),
        ("Consent", "urn:oasis:names:tc:SAML:2.0:consent:unspecified"),
    ] {
        assert_eq!(response.attribute(name)?.as_deref(), Some(value), "{name}");
    }
    let assertion = response.assertion()?;
    assert_eq!(
        response.signed()?,
        std::slice::from_ref(&assertion.id),
        "AssertionOnly is the default"
    );
    assert_eq!(
        assertion.children,
        [
            "Issuer",
            "Signature",
            "Subject",
            "Conditions",
            "AttributeStatement",
            "AuthnStatement"
        ]
    );
    assert_eq!(
        assertion.name_id,
        Some((
            "alice@contoso.test".to_owned(),
            Some(name_id::UNSPECIFIED.to_owned())
        ))
    );
    assert_eq!(assertion.audience, provider.entity_id);
    assert_eq!(assertion.recipient, consumer.as_str());
    assert_eq!(assertion.in_response_to.as_deref(), Some(asked.id.as_str()));
    assert_eq!(assertion.session_index, assertion.id);
    assert_eq!(assertion.values(UPN), ["alice@contoso.test"]);
    assert!(!assertion.attributes_are_formatted, "{}", response.xml);
    assert_eq!(
        assertion.context_class,
        "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
    );
    let instant = response.attribute("IssueInstant")?.unwrap_or_default();
    let (issued, end) = (moment(&instant)?, moment(&assertion.delivered_before)?);
    assert_eq!((end - issued).whole_seconds(), 300);
    assert!(response.xml.contains(&format!(
        "<Issuer xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">{}</Issuer>",
        lab.contract().federation_service_identifier
    )));
    Ok(())
}

fn moment(text: &str) -> Result<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).with_context(|| format!("{text} is no moment"))
}

#[tokio::test]
async fn encrypted_assertions_open_with_the_key_and_hold_after_that() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("zoe")?;
    let certificate = metadata_of(&lab.client()?, lab.outside())
        .await?
        .signing_certificate()?;
    for (number, (settings, signatures_outside)) in [
        (vec![], 0),
        (vec!["saml_response_signature=MessageAndAssertion"], 1),
        (vec!["saml_response_signature=MessageOnly"], 1),
    ]
    .into_iter()
    .enumerate()
    {
        let provider = ServiceProvider::new(&format!("encrypted-{number}"))?.with_encryption()?;
        provider.register(&lab, &settings)?;
        let response = provider.sign_in(&lab.client()?, &lab, user).await?;
        assert!(!response.xml.contains("zoe@"), "{}", response.xml);
        for algorithm in [
            "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
            "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
        ] {
            assert!(
                response.xml.contains(algorithm),
                "{settings:?}: no {algorithm}"
            );
        }
        assert_eq!(response.signed()?.len(), signatures_outside, "{settings:?}");
        if signatures_outside > 0 {
            response.verify(&certificate)?;
        }
        let key = provider.encryption.as_ref().context("no key")?.key_pem()?;
        let opened = response.decrypted(&key)?;
        let assertion = opened.assertion()?;
        assert_eq!(assertion.values(UPN), ["zoe@contoso.test"], "{settings:?}");
        if settings != ["saml_response_signature=MessageOnly"] {
            end_to_end::saml::xmlsec::verify(&opened.xml, &assertion.id, &certificate)?;
        }
        let other = ServiceProvider::new("somebody")?.signing.key_pem()?;
        assert!(response.decrypted(&other).is_err(), "any key opens it");
    }
    let provider = ServiceProvider::new("plain")?.with_encryption()?;
    provider.register(&lab, &["encrypt_claims=false"])?;
    let response = provider.sign_in(&lab.client()?, &lab, user).await?;
    response.verify(&certificate)?;
    assert_eq!(response.assertion()?.values(UPN), ["zoe@contoso.test"]);
    Ok(())
}

#[tokio::test]
async fn signed_requests_are_verified_and_unsigned_ones_refused_where_told() -> Result<()> {
    let lab = Lab::start()?;
    let strict = ServiceProvider::new("strict")?;
    strict.register(&lab, &["signed_saml_requests_required=true"])?;
    let keyless = ServiceProvider::new("keyless")?.without_signing();
    keyless.register(&lab, &[])?;
    let old = ServiceProvider::new("old")?;
    old.register(
        &lab,
        &["signature_algorithm=http://www.w3.org/2000/09/xmldsig#rsa-sha1"],
    )?;
    let service = endpoint(&lab)?;
    let key = &strict.signing.key;
    let sha256 = Algorithm::RsaSha256;
    // Whose request, signed how: by which the code of a refusal, or none when the form is to come.
    for (provider, algorithm, refusal) in [
        (&strict, Some(sha256), None),
        (&strict, None, Some("MSIS")),
        (&strict, Some(Algorithm::RsaSha1), Some("MSIS7093")),
        (&keyless, None, None),
        (&keyless, Some(sha256), Some("MSIS0037")),
        (&old, Some(Algorithm::RsaSha1), None),
        (&old, Some(sha256), Some("MSIS7093")),
    ] {
        let client = lab.client()?;
        let asked = provider.request(&lab)?;
        let deflated = request::deflated(&asked.xml()?);
        let query = request::query("SAMLRequest", &deflated, Some("x"));
        let key = &provider.signing.key;
        let (query, xml) = match algorithm {
            Some(algorithm) => (
                signed_query(&query, key, algorithm)?,
                asked.signed_xml(key, algorithm)?,
            ),
            None => (query, asked.xml()?),
        };
        let by_redirect = client.get(&request::address(&service, &query)).await?;
        let by_post = client
            .post(&service, &post_fields("SAMLRequest", &xml, Some("x")))
            .await?;
        for (binding, answer) in [("Redirect", by_redirect), ("POST", by_post)] {
            let answer = client.follow(answer).await?;
            let place = format!(
                "{} {algorithm:?} {binding}: {}",
                provider.name,
                answer.summary()
            );
            match refusal {
                None => assert!(answer.page().form("loginForm").is_some(), "{place}"),
                Some(code) => {
                    assert!((400..500).contains(&answer.status), "{place}");
                    let page = answer.page();
                    let said = page.text("errorCode").unwrap_or_default();
                    assert!(said.starts_with(code), "{said} at {place}");
                }
            }
        }
    }
    // A good key, but another's.
    let asked = strict.request(&lab)?;
    let stranger = ServiceProvider::new("stranger")?.signing.key;
    let query = request::query("SAMLRequest", &request::deflated(&asked.xml()?), None);
    let forged = signed_query(&query, &stranger, sha256)?;
    let answer = lab
        .client()?
        .get(&request::address(&service, &forged))
        .await?;
    let page = answer.page();
    assert!((400..500).contains(&answer.status), "{}", answer.summary());
    let said = page.text("errorCode").unwrap_or_default();
    assert!(said.starts_with("MSIS0038"), "{said}");
    // And the right one again.
    let good = signed_query(&query, key, sha256)?;
    let answer = lab
        .client()?
        .get(&request::address(&service, &good))
        .await?;
    let answer = lab.client()?.follow(answer).await?;
    assert!(
        answer.page().form("loginForm").is_some(),
        "{}",
        answer.summary()
    );
    Ok(())
}

#[tokio::test]
async fn the_answer_goes_to_registered_addresses_only() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let provider = ServiceProvider::new("places")?;
    provider.register(&lab, &[])?;
    let (first, second) = (
        provider.consumers.first().context("no first")?,
        provider.consumers.get(1).context("no second")?,
    );
    let url = |url: &str| format!("AssertionConsumerServiceURL=\"{url}\"");
    for (attributes, expected) in [
        (String::new(), first),
        (url(first.as_str()), first),
        (url(second.as_str()), second),
        ("AssertionConsumerServiceIndex=\"0\"".to_owned(), first),
        ("AssertionConsumerServiceIndex=\"1\"".to_owned(), second),
        (
            format!("ProtocolBinding=\"{}\"", binding("HTTP-POST")),
            first,
        ),
    ] {
        let client = lab.client()?;
        let asked = provider.request(&lab)?.with_attributes(&attributes);
        let page = provider.send(&client, &lab, &asked, None).await?;
        let response = fill_in(&client, &page, user)
            .await
            .with_context(|| attributes.clone())?;
        assert_eq!(response.page.action, *expected, "{attributes}");
        assert_eq!(response.assertion()?.recipient, expected.as_str());
        assert_eq!(response.relay_state(), None, "none was sent");
    }
    let client = lab.client()?;
    provider.sign_in(&client, &lab, user).await?;
    for attributes in [
        url("https://evil.example/acs"),
        url("https://places.example.evil.example/acs"),
        url("https://places.example/acsx"),
        url("https://places.example/acs/../steal"),
        url("https://places.example/acs/%2e%2e/steal"),
        url("https://user@places.example/acs"),
        url("https://places.example:8443/acs"),
        url("http://places.example/acs"),
        url("https://places.example/ACS/"),
        url("javascript:alert(1)"),
        "AssertionConsumerServiceIndex=\"2\"".to_owned(),
        "AssertionConsumerServiceIndex=\"65536\"".to_owned(),
        "AssertionConsumerServiceIndex=\"-1\"".to_owned(),
        format!("ProtocolBinding=\"{}\"", binding("PAOS")),
    ] {
        let asked = provider.request(&lab)?.with_attributes(&attributes);
        // With a live session, so that nothing but the address stands in the way.
        let answer = provider.send(&client, &lab, &asked, None).await?;
        assert!(
            (400..500).contains(&answer.status),
            "{attributes}: {}",
            answer.summary()
        );
        assert!(answer.page().hidden_form().is_none(), "{attributes}");
        assert!(answer.page().activity_id().is_some(), "{attributes}");
    }
    Ok(())
}

#[tokio::test]
async fn a_name_identifier_has_the_format_asked_for_or_none_is_issued() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let unspecified = ServiceProvider::new("unspecified")?;
    unspecified.register(&lab, &[])?;
    let email = ServiceProvider::new("email")?.with_name_id(name_id::EMAIL);
    email.register(&lab, &[])?;
    for (provider, format, works) in [
        (&unspecified, name_id::UNSPECIFIED, true),
        (&unspecified, name_id::EMAIL, false),
        (&unspecified, name_id::PERSISTENT, false),
        (&unspecified, name_id::TRANSIENT, false),
        (&email, name_id::EMAIL, true),
        (&email, name_id::UNSPECIFIED, true),
        (&email, name_id::TRANSIENT, false),
    ] {
        let client = lab.client()?;
        let asked = provider
            .request(&lab)?
            .with_content(&name_id_policy(format));
        let page = provider.send(&client, &lab, &asked, Some("back")).await?;
        let response = fill_in(&client, &page, user).await?;
        let place = format!("{} asks for {format}", provider.name);
        assert_eq!(response.relay_state(), Some("back"), "{place}");
        if works {
            assert_eq!(response.status()?, ["Success"], "{place}");
            let (value, got) = response.assertion()?.name_id.context("no NameID")?;
            assert_eq!(value, "alice@contoso.test", "{place}");
            assert_eq!(
                got.as_deref(),
                Some(provider.name_id_format.as_str()),
                "{place}"
            );
        } else {
            assert_eq!(
                response.status()?,
                ["Requester", "InvalidNameIDPolicy"],
                "{place}"
            );
            assert!(!response.xml.contains("Assertion "), "{place}");
            assert_eq!(
                response.attribute("InResponseTo")?.as_deref(),
                Some(asked.id.as_str())
            );
        }
    }
    assert!(lab.is_logged("MSIS7070")?);
    Ok(())
}

#[tokio::test]
async fn requested_contexts_are_answered_truthfully() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let provider = ServiceProvider::new("contexts")?;
    provider.register(&lab, &[])?;
    let class = |name: &str| format!("urn:oasis:names:tc:SAML:2.0:ac:classes:{name}");
    let (password, protected, x509) = (
        class("Password"),
        class("PasswordProtectedTransport"),
        class("X509"),
    );
    let windows = "urn:federation:authentication:windows";
    for (comparison, classes, works) in [
        ("exact", vec![protected.as_str()], true),
        ("", vec![protected.as_str()], true),
        ("minimum", vec![password.as_str()], true),
        ("exact", vec!["urn:unknown:class", protected.as_str()], true),
        ("exact", vec![windows], false),
        ("exact", vec!["urn:unknown:class"], false),
        ("exact", vec![x509.as_str()], false),
        ("minimum", vec![x509.as_str()], false),
        ("better", vec![protected.as_str()], false),
        ("maximum", vec![protected.as_str()], true),
    ] {
        let client = lab.client()?;
        let asked = provider
            .request(&lab)?
            .with_content(&requested_context(comparison, &classes));
        let answer = provider.send(&client, &lab, &asked, None).await?;
        let place = format!("{comparison} {classes:?}");
        if works {
            let response = fill_in(&client, &answer, user)
                .await
                .with_context(|| place.clone())?;
            assert_eq!(response.status()?, ["Success"], "{place}");
        } else {
            let response = Response::read(&answer).with_context(|| place.clone())?;
            assert_eq!(
                response.status()?,
                ["Responder", "NoAuthnContext"],
                "{place}"
            );
            assert!(response.signed()?.is_empty(), "AssertionOnly: {place}");
        }
    }
    Ok(())
}
