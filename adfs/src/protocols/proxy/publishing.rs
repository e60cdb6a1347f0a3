//! Relying parties as proxies see them, and what proxies publish of them (spec proxy-integration 2.3, 2.5 and 2.6).
//!
//! A proxy changes nothing of a trust itself: what it publishes is kept beside the trusts, and names only where proxy
//! tokens may go.

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::web::Payload;
use federation::proxy::{
    EndpointMapping, ProxyRelyingParty, PublishingSettings, RelyingParty, RelyingPartySummary,
};
use url::Url;
use uuid::Uuid;

use super::answer::{Refused, Reply};
use super::call::Call;
use super::trusts::TrustedProxy;
use crate::config::RelyingPartyTrust;
use crate::store::{Published, Withdrawn};

const RELYING_PARTY: &str = "a relying party trust of this object identifier";
const PROXY_RELYING_PARTY: &str = "the relying party trust of the proxies";
const MAX_URL: usize = 2048;
const MAX_IDENTIFIER: usize = 1024;

/// `GET RelyingPartyTrusts`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, Refused> {
    let published = call.federation.store.published_relying_parties().await?;
    let configuration = call.federation.configuration.load_full();
    let trusts = configuration.relying_parties.iter();
    let summaries: Vec<_> = trusts
        .map(|trust| summary(trust, published.contains(&trust.object_identifier)))
        .collect();
    Reply::json(&summaries)
}

/// `GET RelyingPartyTrusts/{id}`.
pub(super) async fn item(call: &Call<'_>, id: &str) -> Result<Reply, Refused> {
    let trust = find(call, id)?;
    let settings = call
        .federation
        .store
        .published_settings(trust.object_identifier)
        .await?;
    let mapping = |(internal_url, external_url)| EndpointMapping {
        internal_url,
        external_url,
    };
    Reply::json(&RelyingParty {
        summary: summary(&trust, !settings.trusted_endpoints.is_empty()),
        identifiers: trust.identifiers.clone(),
        proxy_trusted_endpoints: settings.trusted_endpoints,
        proxy_endpoint_mappings: settings.mappings.into_iter().map(mapping).collect(),
    })
}

/// `POST RelyingPartyTrusts/{id}/PublishedSettings`.
pub(super) async fn publish(
    call: &Call<'_>,
    proxy: &TrustedProxy,
    id: &str,
    payload: &mut Payload,
) -> Result<Reply, Refused> {
    let body: PublishingSettings = call.body(payload).await?;
    let trust = find(call, id)?;
    let endpoint = address(
        "proxyTrustedEndpoint",
        body.proxy_trusted_endpoint,
        &["https"],
    )?;
    let external = address("externalUrl", body.external_url, &["https"])?;
    let internal = address("internalUrl", body.internal_url, &["https", "http"])?;
    match call
        .federation
        .store
        .publish(trust.object_identifier, &endpoint, &internal, &external)
        .await?
    {
        Published::Done => {
            call.note_change(
                proxy,
                &format!("{} published at {external} for {internal}", trust.name),
            );
            Ok(Reply::Done)
        }
        Published::Exists => Err(Refused::Exists("this publication")),
        Published::Full => Err(Refused::Full("publications")),
    }
}

/// `DELETE RelyingPartyTrusts/{id}/PublishedSettings`.
pub(super) async fn withdraw(
    call: &Call<'_>,
    proxy: &TrustedProxy,
    id: &str,
    payload: &mut Payload,
) -> Result<Reply, Refused> {
    let body: PublishingSettings = call.body(payload).await?;
    if body.internal_url.is_some() {
        return Err(Refused::Malformed(
            "internalUrl must not be named here".to_owned(),
        ));
    }
    let Some(endpoint) = body.proxy_trusted_endpoint else {
        return Err(Refused::Malformed(
            "proxyTrustedEndpoint must be named".to_owned(),
        ));
    };
    let trust = find(call, id)?;
    let external = body.external_url.as_deref();
    match call
        .federation
        .store
        .withdraw(trust.object_identifier, &endpoint, external)
        .await?
    {
        Withdrawn::Done => {
            call.note_change(proxy, &format!("{} withdrawn from {endpoint}", trust.name));
            Ok(Reply::Done)
        }
        Withdrawn::Absent => Err(Refused::Absent("this publication")),
    }
}

/// `GET`, `POST` and `DELETE WebApplicationProxy/trust`.
pub(super) async fn proxy_relying_party(
    call: &Call<'_>,
    proxy: &TrustedProxy,
    payload: &mut Payload,
) -> Result<Reply, Refused> {
    let store = &call.federation.store;
    match *call.request.method() {
        Method::POST => {
            let body: ProxyRelyingParty = call.body(payload).await?;
            let identifier = body.identifier;
            if identifier.len() > MAX_IDENTIFIER || Url::parse(&identifier).is_err() {
                return Err(Refused::Malformed(
                    "Identifier must be a URI of at most 1,024 bytes".to_owned(),
                ));
            }
            // A name that a relying party has would make tokens for proxies acceptable to it.
            if call
                .federation
                .configuration
                .load()
                .relying_parties
                .by_identifier(&identifier)
                .is_some()
            {
                return Err(Refused::Exists("a relying party trust of this identifier"));
            }
            if !store.set_proxy_relying_party(&identifier).await? {
                return Err(Refused::Exists(PROXY_RELYING_PARTY));
            }
            call.note_change(
                proxy,
                &format!("relying party of the proxies set to {identifier}"),
            );
            Ok(Reply::Done)
        }
        Method::DELETE => {
            if !store.unset_proxy_relying_party().await? {
                return Err(Refused::Absent(PROXY_RELYING_PARTY));
            }
            call.note_change(proxy, "relying party of the proxies removed");
            Ok(Reply::Done)
        }
        _ => {
            let identifier = store
                .proxy_relying_party()
                .await?
                .ok_or(Refused::Absent(PROXY_RELYING_PARTY))?;
            Reply::json(&ProxyRelyingParty { identifier })
        }
    }
}

fn find(call: &Call<'_>, id: &str) -> Result<Arc<RelyingPartyTrust>, Refused> {
    let id = Uuid::try_parse(id).map_err(|_| Refused::Absent(RELYING_PARTY))?;
    let configuration = call.federation.configuration.load();
    let found = configuration
        .relying_parties
        .iter()
        .find(|trust| trust.object_identifier == id);
    found.cloned().ok_or(Refused::Absent(RELYING_PARTY))
}

fn summary(trust: &RelyingPartyTrust, published: bool) -> RelyingPartySummary {
    RelyingPartySummary {
        object_identifier: trust.object_identifier.to_string(),
        name: trust.name.clone(),
        published_through_proxy: published,
        non_claims_aware: false,
        enabled: trust.enabled,
    }
}

/// An absolute URL, kept as it was written: it is named again by the same text when it is withdrawn.
fn address(member: &str, value: Option<String>, schemes: &[&str]) -> Result<String, Refused> {
    let refused = |problem: &str| Refused::Malformed(format!("{member} {problem}"));
    let text = value.ok_or_else(|| refused("must be named"))?;
    if text.len() > MAX_URL {
        return Err(refused("is longer than 2,048 bytes"));
    }
    let url = Url::parse(&text).map_err(|_| refused("is not an absolute URL"))?;
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
        && url.query().is_none();
    if !plain || !bare || url.host_str().is_none() {
        return Err(refused(
            "must have a host and no credentials, query, fragment, backslash or white space",
        ));
    }
    if !schemes.contains(&url.scheme()) {
        return Err(refused(&format!(
            "must begin with {}://",
            schemes.join(":// or ")
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_addresses_are_plain_absolute_urls() {
        let long = format!("https://app.contoso.test/{}", "a".repeat(MAX_URL));
        for (text, good) in [
            ("https://app.contoso.test/", true),
            ("https://app.contoso.test:8443/orders/", true),
            ("http://app.contoso.test/", false),
            ("https://app.contoso.test@evil.test/", false),
            ("https://user:p@app.contoso.test/", false),
            ("https:\\\\app.contoso.test\\", false),
            ("https://app.contoso.test/#x", false),
            ("https://app.contoso.test/?x", false),
            (" https://app.contoso.test/", false),
            ("https://app.contoso.test/a b", false),
            ("/orders/", false),
            ("javascript:alert(1)", false),
            ("", false),
            (long.as_str(), false),
        ] {
            assert_eq!(
                address("externalUrl", Some(text.to_owned()), &["https"]).is_ok(),
                good,
                "{text}"
            );
        }
        assert!(address("externalUrl", None, &["https"]).is_err());
        assert!(
            address(
                "internalUrl",
                Some("http://app.corp/".to_owned()),
                &["https", "http"]
            )
            .is_ok()
        );
    }
}
