//! Where a response goes: the one function that decides it (spec passive-sign-in 3.3, spec security RED-1).

use federation::endpoints::ReplyUrl;
use federation::saml2::{Binding, ConsumerChoice};

use crate::config::{RelyingPartyTrust, SamlEndpoint, SamlProtocol};
use crate::sign_in::Refusal;

/// The address that fits the request's wishes. Wishes select among the registered endpoints and never add one.
///
/// # Errors
/// [`Refusal::ConsumerNotRegistered`], also where the only fitting endpoint takes no POST.
pub(super) fn choose(
    trust: &RelyingPartyTrust,
    choice: &ConsumerChoice,
) -> Result<ReplyUrl, Refusal> {
    let wanted = choice.binding.unwrap_or(Binding::Post);
    let mut endpoints = trust
        .saml
        .endpoints_for(SamlProtocol::AssertionConsumer)
        .filter(|endpoint| endpoint.binding == Binding::Post && wanted == Binding::Post);
    let found = match (choice.index, &choice.url) {
        (Some(index), _) => endpoints
            .find(|endpoint| endpoint.index == index)
            .map(|endpoint| endpoint.location.clone()),
        (None, Some(url)) => ReplyUrl::parse(url)
            .ok()
            .and_then(|url| at_or_below(trust, endpoints, url)),
        (None, None) => default(endpoints),
    };
    found.ok_or(Refusal::ConsumerNotRegistered)
}

fn at_or_below<'a>(
    trust: &RelyingPartyTrust,
    endpoints: impl Iterator<Item = &'a SamlEndpoint>,
    url: ReplyUrl,
) -> Option<ReplyUrl> {
    let endpoints: Vec<_> = endpoints.collect();
    if endpoints.iter().any(|endpoint| endpoint.location == url) {
        return Some(url);
    }
    let below = endpoints
        .iter()
        .find(|endpoint| url.is_at_or_below(&endpoint.location))?;
    tracing::warn!(
        trust = %trust.name,
        endpoint = below.location.as_str(),
        "a SAML request names an assertion consumer below a registered one; register the address itself"
    );
    Some(url)
}

fn default<'a>(endpoints: impl Iterator<Item = &'a SamlEndpoint>) -> Option<ReplyUrl> {
    endpoints
        .min_by_key(|endpoint| (!endpoint.is_default, endpoint.index))
        .map(|endpoint| endpoint.location.clone())
}
