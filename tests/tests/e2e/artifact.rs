//! A response by artifact through the proxy, fetched by the relying party's server and verified by xmlsec1 (spec
//! passive-sign-in 3.11).

use anyhow::{Context as _, Result, ensure};
use end_to_end::clock::now;
use end_to_end::contract::User;
use end_to_end::lab::Lab;
use end_to_end::metadata_of;
use end_to_end::passive::credentials;
use end_to_end::saml::service_provider::{ServiceProvider, register, rules};
use end_to_end::saml::xmlsec::{self, Algorithm};
use end_to_end::saml::{ASSERTION, BINDINGS, PROTOCOL};
use roxmltree::Document;
use time::format_description::well_known::Rfc3339;
use url::Url;

#[tokio::test]
async fn a_response_by_artifact_is_fetched_through_the_proxy_and_holds() -> Result<()> {
    let lab = Lab::start()?;
    let provider = ServiceProvider::new("artifacts")?;
    // The same relying party, with a consumer for artifacts instead of forms.
    let metadata = provider.metadata()?.replace(
        &format!("<md:AssertionConsumerService Binding=\"{BINDINGS}HTTP-POST\""),
        &format!("<md:AssertionConsumerService Binding=\"{BINDINGS}HTTP-Artifact\""),
    );
    let rules = rules(&provider.name_id_format);
    register(
        &lab,
        "artifacts",
        &metadata,
        &rules,
        &["saml_response_signature=MessageAndAssertion"],
    )?;
    let metadata = metadata_of(&lab.client()?, lab.outside()).await?;
    let certificate = metadata.signing_certificate()?;
    let endpoint = lab
        .outside()
        .join("/adfs/services/trust/artifactresolution")?;

    let artifact = signed_in(&lab, &provider, lab.contract().user("zoe")?).await?;
    let first = resolve(&lab, &endpoint, &provider, &artifact).await?;
    let document = Document::parse(&first)?;
    let id = |namespace, name| {
        document
            .descendants()
            .find(|node| node.has_tag_name((namespace, name)))
            .and_then(|node| node.attribute("ID"))
            .with_context(|| format!("no {name}: {first}"))
    };
    for (namespace, name) in [
        (PROTOCOL, "ArtifactResponse"),
        (PROTOCOL, "Response"),
        (ASSERTION, "Assertion"),
    ] {
        xmlsec::verify(&first, id(namespace, name)?, &certificate).context(name)?;
    }
    assert!(first.contains("zoe@contoso.test"), "{first}");
    let again = resolve(&lab, &endpoint, &provider, &artifact).await?;
    assert!(!again.contains("zoe@contoso.test") && again.contains("status:Success"));
    Ok(())
}

/// The artifact that the browser is sent with.
async fn signed_in(lab: &Lab, provider: &ServiceProvider, user: &User) -> Result<String> {
    let client = lab.client()?;
    let page = provider
        .send(&client, lab, &provider.request(lab)?, Some("state"))
        .await?;
    let read = page.page();
    let form = read.form("loginForm").context("no sign-in form")?;
    let fields = credentials(&user.upn, &user.password);
    let posted = client.submit(&page, &form.action, &fields).await?;
    ensure!(posted.status == 302, "{}", posted.summary());
    let next = posted.redirect()?.context("nowhere to go")?;
    let sent = client.get(&next).await?;
    ensure!(sent.status == 302, "{}", sent.summary());
    let consumer = sent.redirect()?.context("nowhere to go")?;
    ensure!(
        consumer
            .as_str()
            .starts_with("https://artifacts.example/acs?")
    );
    let mut pairs = consumer.query_pairs();
    let found = pairs.find(|(name, _)| name == "SAMLart");
    Ok(found.context("no artifact")?.1.into_owned())
}

async fn resolve(
    lab: &Lab,
    endpoint: &Url,
    provider: &ServiceProvider,
    artifact: &str,
) -> Result<String> {
    let now = now().format(&Rfc3339)?;
    let template = xmlsec::template("_resolve", Algorithm::RsaSha256);
    let message = format!(
        "<samlp:ArtifactResolve xmlns:samlp=\"{PROTOCOL}\" ID=\"_resolve\" Version=\"2.0\" IssueInstant=\"{now}\" \
         Destination=\"{endpoint}\"><saml:Issuer xmlns:saml=\"{ASSERTION}\">{}</saml:Issuer>{template}\
         <samlp:Artifact>{artifact}</samlp:Artifact></samlp:ArtifactResolve>",
        provider.entity_id
    );
    let signed = xmlsec::sign(&message, &provider.signing.key_pem()?)?;
    let message = signed
        .split_once("?>")
        .map_or(signed.as_str(), |(_, rest)| rest);
    let envelope = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{message}</s:Body></s:Envelope>"
    );
    let answer = lab
        .client()?
        .post_text(endpoint, "text/xml", envelope)
        .await?;
    ensure!(answer.status == 200, "{}", answer.summary());
    Ok(answer.body)
}
