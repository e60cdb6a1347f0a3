//! pysaml2 as a relying party: its requests, its judgement of our responses, its sign-outs (spec passive-sign-in 3).

use anyhow::{Context as _, Result};
use end_to_end::form::Page;
use end_to_end::http::{Answer, Client};
use end_to_end::lab::Lab;
use end_to_end::metadata_of;
use end_to_end::pysaml2::order;
use end_to_end::saml::answer::Response;
use end_to_end::saml::service_provider::{ServiceProvider, endpoint, fill_in, name_id};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

/// pysaml2 with the keys of a service provider and our metadata.
struct Peer {
    provider: ServiceProvider,
    base: Value,
    _folder: TempDir,
}

impl Peer {
    async fn start(lab: &Lab, provider: ServiceProvider, settings: &[&str]) -> Result<Peer> {
        provider.register(lab, settings)?;
        let folder = tempfile::tempdir()?;
        let metadata = metadata_of(&lab.client()?, lab.outside()).await?;
        let text = |pem: Vec<u8>| String::from_utf8(pem).context("PEM is text");
        let mut base = json!({
            "entity_id": provider.entity_id,
            "consumer": provider.consumers.first().context("no consumer")?,
            "logout": provider.logout_response,
            "key": text(provider.signing.key_pem()?)?,
            "certificate": text(provider.signing.certificate.to_pem()?)?,
            "idp_metadata": metadata.text(),
            "folder": folder.path(),
        });
        if let Some(encryption) = &provider.encryption {
            merge(
                &mut base,
                json!({
                    "encryption_key": text(encryption.key_pem()?)?,
                    "encryption_certificate": text(encryption.certificate.to_pem()?)?,
                }),
            );
        }
        Ok(Peer {
            provider,
            base,
            _folder: folder,
        })
    }

    fn order(&self, what: Value) -> Result<Value> {
        let mut whole = self.base.clone();
        merge(&mut whole, what);
        order(&whole)
    }

    /// Has pysaml2 make a request and sends it; gives back the request's id and the answer.
    async fn ask(
        &self,
        client: &Client,
        lab: &Lab,
        binding: &str,
        arguments: Value,
    ) -> Result<(String, Answer)> {
        let made = self.order(json!({
            "do": "request", "binding": binding, "relay_state": "state & more", "arguments": arguments,
        }))?;
        let id = made
            .get("id")
            .and_then(Value::as_str)
            .context("no id")?
            .to_owned();
        let answer = client.follow(send(client, lab, &made).await?).await?;
        Ok((id, answer))
    }

    /// Has pysaml2 judge a response to the request with this id.
    fn judge(&self, response: &Response, id: &str, wants_response_signed: bool) -> Result<Value> {
        let field = response
            .page
            .field("SAMLResponse")
            .context("no SAMLResponse")?;
        self.order(json!({
            "do": "response",
            "response": field,
            "outstanding": { id: "/" },
            "want_assertions_signed": !wants_response_signed,
            "want_response_signed": wants_response_signed,
        }))
    }
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

async fn send(client: &Client, lab: &Lab, made: &Value) -> Result<Answer> {
    match made["url"].as_str() {
        Some(url) => client.get(&Url::parse(url)?).await,
        None => {
            let fields = made["fields"].as_object().context("neither URL nor form")?;
            let fields: Vec<(String, String)> = fields
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect();
            client.post(&endpoint(lab)?, &fields).await
        }
    }
}

#[tokio::test]
async fn every_place_of_signatures_holds_for_pysaml2_by_both_bindings() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    for (number, (signature, encrypted, format)) in [
        ("AssertionOnly", false, name_id::EMAIL),
        ("MessageAndAssertion", false, name_id::PERSISTENT),
        ("MessageOnly", false, name_id::TRANSIENT),
        ("AssertionOnly", true, name_id::UNSPECIFIED),
        ("MessageAndAssertion", true, name_id::EMAIL),
    ]
    .into_iter()
    .enumerate()
    {
        let mut provider = ServiceProvider::new(&format!("pysaml2-{number}"))?.with_name_id(format);
        if encrypted {
            provider = provider.with_encryption()?;
        }
        let setting = format!("saml_response_signature={signature}");
        let peer = Peer::start(
            &lab,
            provider,
            &[&setting, "signed_saml_requests_required=true"],
        )
        .await?;
        // Each binding meets places of signatures with and without encryption.
        for binding in ["redirect", "post"].into_iter().skip(number % 2).take(1) {
            let place = format!("{signature}, encrypted: {encrypted}, {binding}");
            let client = lab.client()?;
            let arguments = json!({ "name_id_policy": format });
            let (id, page) = peer.ask(&client, &lab, binding, arguments).await?;
            let response = fill_in(&client, &page, user)
                .await
                .with_context(|| place.clone())?;
            assert_eq!(response.relay_state(), Some("state & more"), "{place}");
            let said = peer
                .judge(&response, &id, signature != "AssertionOnly")
                .with_context(|| place.clone())?;
            assert_eq!(said["name_id"], "alice@contoso.test", "{place}");
            assert_eq!(said["format"], format, "{place}");
            let upn =
                &said["attributes"]["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"];
            assert_eq!(*upn, json!(["alice@contoso.test"]), "{place}: {said}");
            // A response to somebody else's request is none to ours.
            assert!(
                peer.judge(&response, "_other", signature != "AssertionOnly")
                    .is_err(),
                "{place}: InResponseTo is not there"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn pysaml2_gets_the_context_that_it_asks_for_or_a_refusal() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let peer = Peer::start(&lab, ServiceProvider::new("contexts")?, &[]).await?;
    let class = |name: &str| format!("urn:oasis:names:tc:SAML:2.0:ac:classes:{name}");
    let asked = |comparison: &str, class: String| json!({ "requested_authn_context": { "comparison": comparison, "class": class } });
    for arguments in [
        asked("minimum", class("Password")),
        asked("exact", class("PasswordProtectedTransport")),
    ] {
        let client = lab.client()?;
        let (id, page) = peer.ask(&client, &lab, "redirect", arguments).await?;
        let said = peer.judge(&fill_in(&client, &page, user).await?, &id, false)?;
        let got = said["class"].as_str().unwrap_or_default();
        assert_eq!(got, class("PasswordProtectedTransport"));
    }
    for arguments in [
        asked("exact", "urn:federation:authentication:windows".to_owned()),
        asked("exact", "urn:nobody:knows".to_owned()),
    ] {
        let client = lab.client()?;
        let (id, page) = peer.ask(&client, &lab, "redirect", arguments).await?;
        let response = Response::read(&page)?;
        assert_eq!(response.status()?, ["Responder", "NoAuthnContext"]);
        let refusal = peer.judge(&response, &id, false).unwrap_err().to_string();
        assert!(refusal.contains("StatusNoAuthnContext"), "{refusal}");
    }
    Ok(())
}

#[tokio::test]
async fn pysaml2_asks_for_silence_and_for_a_fresh_sign_in() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let peer = Peer::start(&lab, ServiceProvider::new("silence")?, &[]).await?;
    let client = lab.client()?;
    let passive = json!({ "is_passive": "true" });
    let (_, answer) = peer.ask(&client, &lab, "redirect", passive.clone()).await?;
    let refused = Response::read(&answer)?;
    assert_eq!(refused.status()?, ["Responder", "NoPassive"]);

    let (id, page) = peer.ask(&client, &lab, "post", json!({})).await?;
    let first = fill_in(&client, &page, user).await?;
    peer.judge(&first, &id, false)?;

    let (id, answer) = peer.ask(&client, &lab, "redirect", passive).await?;
    let silent = Response::read(&answer)?;
    peer.judge(&silent, &id, false)?;
    assert_eq!(
        silent.assertion()?.authn_instant,
        first.assertion()?.authn_instant,
        "the time of the real sign-in"
    );

    let force = json!({ "force_authn": "true" });
    let (id, page) = peer.ask(&client, &lab, "redirect", force).await?;
    let again = fill_in(&client, &page, user).await?;
    peer.judge(&again, &id, false)?;
    assert!(again.assertion()?.authn_instant > first.assertion()?.authn_instant);
    Ok(())
}

#[tokio::test]
async fn pysaml2_signs_out_by_both_bindings() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let provider = ServiceProvider::new("leaver")?.with_name_id(name_id::PERSISTENT);
    let peer = Peer::start(&lab, provider, &[]).await?;
    for binding in ["redirect", "post"] {
        let client = lab.client()?;
        let (id, page) = peer.ask(&client, &lab, "redirect", json!({})).await?;
        let said = peer.judge(&fill_in(&client, &page, user).await?, &id, false)?;
        let made = peer.order(json!({
            "do": "logout", "binding": binding, "name_id": said["name_id"], "format": said["format"],
            "session_index": said["session_index"],
        }))?;
        let answer = send(&client, &lab, &made).await?;
        let (field, answered_by) = logout_response(&answer, &peer.provider.logout_response)?;
        let seen = peer.order(json!({
            "do": "logged_out", "binding": answered_by, "response": field,
        }))?;
        assert_eq!(seen["in_response_to"], made["id"], "{binding}");
        assert_eq!(seen["status"], end_to_end::saml::SUCCESS, "{binding}");
        let (_, page) = peer.ask(&client, &lab, "redirect", json!({})).await?;
        assert!(
            page.page().form("loginForm").is_some(),
            "{binding}: still signed in: {}",
            page.summary()
        );
    }
    Ok(())
}

/// The `LogoutResponse` in a redirect or a page, which must go to the address for responses.
fn logout_response(answer: &Answer, expected: &Url) -> Result<(String, &'static str)> {
    if let Some(target) = answer.redirect()? {
        assert_eq!(target.path(), expected.path(), "{target}");
        assert_eq!(target.host_str(), expected.host_str(), "{target}");
        let names: Vec<String> = target
            .query_pairs()
            .map(|(name, _)| name.into_owned())
            .collect();
        assert!(
            names.contains(&"Signature".to_owned()),
            "unsigned: {target}"
        );
        let value = target
            .query_pairs()
            .find(|(name, _)| name == "SAMLResponse")
            .context("no SAMLResponse")?;
        return Ok((value.1.into_owned(), "redirect"));
    }
    let page: Page = answer.page();
    let form = page
        .forms
        .iter()
        .find(|form| form.value("SAMLResponse").is_some())
        .with_context(|| format!("no LogoutResponse: {}", answer.summary()))?;
    assert_eq!(form.action, expected.as_str());
    let value = form.value("SAMLResponse").unwrap_or_default();
    Ok((value.to_owned(), "post"))
}
