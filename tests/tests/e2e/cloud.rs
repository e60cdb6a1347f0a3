//! The whole way to the application, and what the cloud refuses (spec cloud-scenario 2.5 and 3.4).

use anyhow::{Context as _, Result};
use end_to_end::fixtures;
use end_to_end::http::{Answer, Client};
use end_to_end::lab::Lab;
use end_to_end::passive::{deliver, fill_in, from_application, request, sign_in};
use end_to_end::token::Issued;

const PASSWORD: &str = "Pass@word1";

/// What a browser sees at the end: the number on the cloud's page.
fn number(answer: &Answer) -> Option<&str> {
    answer.header("x-lab-aadsts")
}

fn is_refused_with(answer: &Answer, expected: &str, what: &str) {
    assert!(
        (400..500).contains(&answer.status),
        "{what}: {}",
        answer.summary()
    );
    assert_eq!(
        number(answer),
        Some(expected),
        "{what}: {}",
        answer.summary()
    );
    let text = answer
        .page()
        .text("errorMessage")
        .unwrap_or_default()
        .to_owned();
    assert!(
        text.contains(&format!("AADSTS{expected}")),
        "{what}: {text}"
    );
    assert!(
        answer
            .page()
            .text("correlationId")
            .is_some_and(|id| uuid::Uuid::try_parse(id).is_ok()),
        "{what}"
    );
}

async fn token_for(client: &Client, lab: &Lab, name: &str) -> Result<Issued> {
    let form = from_application(client, &lab.contract().application_url()?, name).await?;
    fill_in(client, &form, name, PASSWORD).await
}

#[tokio::test]
async fn everybody_reaches_the_application_as_themselves() -> Result<()> {
    let lab = Lab::start()?;
    for (name, upn) in [
        ("alice", "alice@contoso.test"),
        ("bob", "bob@contoso.test"),
        ("fay", "fay@fabrikam.test"),
        ("gil", "gil@sub.contoso.test"),
    ] {
        let client = lab.client()?;
        let end = deliver(&client, &token_for(&client, &lab, upn).await?)
            .await
            .with_context(|| name.to_owned())?;
        let page = end.page();
        assert_eq!(end.status, 200, "{name}: {}", end.summary());
        assert_eq!(page.text("upn"), Some(upn), "{name}: {}", end.summary());
        assert_eq!(
            page.text("immutable-id"),
            Some(fixtures::immutable_id(name)?.as_str()),
            "{name}"
        );
        assert_eq!(page.text("insidecorporatenetwork"), Some("false"), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn people_whom_the_cloud_does_not_know_by_their_immutable_id_are_refused() -> Result<()> {
    let lab = Lab::start()?;
    for name in ["dave", "erin", "judy"] {
        let client = lab.client()?;
        let issued = token_for(&client, &lab, &format!("{name}@contoso.test")).await?;
        let end = deliver(&client, &issued).await?;
        is_refused_with(&end, "51004", name);
        let text = end
            .page()
            .text("errorMessage")
            .unwrap_or_default()
            .to_owned();
        assert!(
            text.contains(&fixtures::immutable_id(name)?),
            "{name}: {text}"
        );
    }
    // Managed domains never come to the federation server.
    let client = lab.client()?;
    let end =
        from_application(&client, &lab.contract().application_url()?, "hana@phs.test").await?;
    assert!(
        !end.url.as_str().starts_with(lab.outside().as_str()),
        "{}",
        end.url
    );
    assert!(end.body.contains("managed"), "{}", end.summary());
    Ok(())
}

#[tokio::test]
async fn what_was_altered_on_the_way_is_refused() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let issued = token_for(&client, &lab, "alice@contoso.test").await?;
    let response = issued.response()?.to_owned();
    let assertion = issued.assertion()?;
    let swap = |from: &str, to: &str| -> Result<String> {
        anyhow::ensure!(response.contains(from), "{from} is not in the response");
        Ok(response.replace(from, to))
    };
    let id = between(&assertion, "AssertionID=\"", "\"")?;
    let certificate = between(&assertion, "<X509Certificate>", "</X509Certificate>")?;
    let signature = format!(
        "<ds:Signature{}</ds:Signature>",
        between(&assertion, "<ds:Signature", "</ds:Signature>")?
    );
    let forged = assertion
        .replace("alice@contoso.test", "bob@contoso.test")
        .replace(id, "_forged")
        .replace(&signature, "");
    let until = between(&assertion, "NotOnOrAfter=\"", "\"")?;

    let cases = [
        (
            "issuer of no domain",
            "50107",
            swap(
                "http://contoso.test/adfs/services/trust/",
                "http://contoso.test/adfs/services/trust",
            )?,
        ),
        (
            "issuer of another domain of the same service",
            "50008",
            swap("http://contoso.test/adfs", "http://fabrikam.test/adfs")?,
        ),
        (
            "another audience",
            "50008",
            swap(
                "<saml:Audience>urn:federation:MicrosoftOnline",
                "<saml:Audience>urn:federation:Other",
            )?,
        ),
        (
            "another UPN",
            "50008",
            swap("alice@contoso.test", "bob@contoso.test")?,
        ),
        (
            "a later end",
            "50008",
            swap(until, "2099-01-01T00:00:00.000Z")?,
        ),
        ("no signature", "50008", swap(&signature, "")?),
        (
            "another certificate",
            "5000811",
            swap(certificate, &other_certificate()?)?,
        ),
        (
            "a forged assertion before the signed one",
            "20012",
            swap(&assertion, &format!("{forged}{assertion}"))?,
        ),
        (
            "a forged assertion around the signed one",
            "50008",
            swap(
                &assertion,
                &forged.replacen(
                    "<saml:Conditions",
                    &format!("{assertion}<saml:Conditions"),
                    1,
                ),
            )?,
        ),
        (
            "a document type",
            "20012",
            format!("<!DOCTYPE x [<!ENTITY e \"alice\">]>{response}"),
        ),
        (
            "half a response",
            "20012",
            response.chars().take(response.len() / 2).collect(),
        ),
        ("no XML", "20012", "hello".to_owned()),
    ];
    for (what, expected, altered) in cases {
        let end = client
            .post(
                &issued.action,
                &issued.clone().with_field("wresult", &altered).fields,
            )
            .await?;
        let got = number(&end).map(str::to_owned);
        // Where one check sees what another would have seen too, any refusal of the token will do.
        let refused = got.as_deref() == Some(expected)
            || (matches!(expected, "50008" | "20012")
                && matches!(got.as_deref(), Some("50008" | "20012")));
        assert!(
            refused,
            "{what}: {got:?} instead of {expected}: {}",
            end.summary()
        );
        assert!(
            (400..500).contains(&end.status),
            "{what}: {}",
            end.summary()
        );
    }

    // The form around the token.
    let without = |name: &str| Issued {
        fields: issued
            .fields
            .iter()
            .filter(|(known, _)| known != name)
            .cloned()
            .collect(),
        ..issued.clone()
    };
    is_refused_with(
        &client.post(&issued.action, &without("wa").fields).await?,
        "90081",
        "no wa",
    );
    is_refused_with(
        &client
            .post(&issued.action, &without("wresult").fields)
            .await?,
        "90013",
        "no wresult",
    );
    let mut twice = issued.clone();
    twice.fields.push(("wresult".to_owned(), response.clone()));
    let end = client.post(&issued.action, &twice.fields).await?;
    assert!(
        (400..500).contains(&end.status),
        "two tokens: {}",
        end.summary()
    );

    // The twin that works: none of the refusals has used the token up. Once more is once too often.
    let end = deliver(&client, &issued).await?;
    assert_eq!(
        end.page().text("upn"),
        Some("alice@contoso.test"),
        "{}",
        end.summary()
    );
    is_refused_with(
        &client.post(&issued.action, &issued.fields).await?,
        "50008",
        "replayed",
    );
    Ok(())
}

#[tokio::test]
async fn an_answer_without_its_request_or_with_another_browsers_is_told_apart() -> Result<()> {
    let lab = Lab::start()?;
    let alice = lab.contract().user("alice")?;

    let client = lab.client()?;
    let issued = token_for(&client, &lab, "alice@contoso.test").await?;
    let wctx = issued
        .field("wctx")
        .context("the cloud sends wctx")?
        .to_owned();
    let other = lab.client()?;
    is_refused_with(
        &other.post(&issued.action, &issued.fields).await?,
        "50089",
        "another browser",
    );

    let damaged = request(lab.outside(), &[("wctx", &format!("{wctx}x"))])?;
    let issued = sign_in(&lab.client()?, &damaged, alice).await?;
    assert_eq!(issued.field("wctx"), Some(format!("{wctx}x").as_str()));
    is_refused_with(
        &client.post(&issued.action, &issued.fields).await?,
        "50089",
        "damaged wctx",
    );

    // Without wctx the federation service began it: a session at the cloud, no code.
    let client = lab.client()?;
    let issued = sign_in(&client, &request(lab.outside(), &[])?, alice).await?;
    let end = deliver(&client, &issued).await?;
    assert_eq!(
        end.page().text("upn"),
        Some("alice@contoso.test"),
        "{}",
        end.summary()
    );
    Ok(())
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Result<&'a str> {
    let (_, rest) = text
        .split_once(from)
        .with_context(|| format!("no {from}"))?;
    Ok(rest.split_once(to).with_context(|| format!("no {to}"))?.0)
}

/// A certificate of nobody.
fn other_certificate() -> Result<String> {
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;
    use openssl::x509::{X509, X509NameBuilder};

    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_text("CN", "ADFS Signing - elsewhere.example")?;
    let name = name.build();
    let mut builder = X509::builder()?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    let (begin, end) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(1)?);
    builder.set_not_before(&begin)?;
    builder.set_not_after(&end)?;
    builder.set_pubkey(&key)?;
    builder.sign(&key, MessageDigest::sha256())?;
    Ok(openssl::base64::encode_block(&builder.build().to_der()?))
}
