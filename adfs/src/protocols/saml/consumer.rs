//! Where a response goes: the one function that decides it (spec passive-sign-in 3.3, spec security RED-1).

use federation::endpoints::ReplyUrl;
use federation::saml2::{Binding, ConsumerChoice};

use crate::config::{RelyingPartyTrust, SamlEndpoint, SamlProtocol};
use crate::sign_in::Refusal;

/// A registered address, and how the response gets there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Consumer {
    pub(super) location: ReplyUrl,
    /// By artifact, and not by POST.
    pub(super) by_artifact: bool,
}

impl Consumer {
    fn at(location: ReplyUrl, endpoint: &SamlEndpoint) -> Consumer {
        Consumer {
            location,
            by_artifact: endpoint.binding == Binding::Artifact,
        }
    }
}

/// The address that fits the request's wishes. Wishes select among the registered endpoints and never add one.
///
/// # Errors
/// [`Refusal::ConsumerNotRegistered`], also where the only fitting endpoint takes neither POST nor artifacts, or takes
/// artifacts that the relying party could not resolve, because it has no certificate to sign with.
pub(super) fn choose(
    trust: &RelyingPartyTrust,
    choice: &ConsumerChoice,
) -> Result<Consumer, Refusal> {
    let can_resolve = !trust.saml.request_signing_certificates.is_empty();
    let is_usable = |endpoint: &&SamlEndpoint| match endpoint.binding {
        Binding::Post => true,
        Binding::Artifact => can_resolve,
        Binding::Redirect | Binding::Soap => false,
    };
    let endpoints: Vec<&SamlEndpoint> = trust
        .saml
        .endpoints_for(SamlProtocol::AssertionConsumer)
        .filter(is_usable)
        .filter(|endpoint| {
            choice
                .binding
                .is_none_or(|wanted| wanted == endpoint.binding)
        })
        .collect();
    let found = match (choice.index, &choice.url) {
        (Some(index), _) => endpoints
            .iter()
            .find(|endpoint| endpoint.index == index)
            .map(|endpoint| Consumer::at(endpoint.location.clone(), endpoint)),
        (None, Some(url)) => ReplyUrl::parse(url)
            .ok()
            .and_then(|url| at_or_below(trust, &endpoints, url)),
        (None, None) => default(&endpoints),
    };
    found.ok_or(Refusal::ConsumerNotRegistered)
}

/// Of several endpoints with one address, the first by index decides how the response gets there.
fn at_or_below(
    trust: &RelyingPartyTrust,
    endpoints: &[&SamlEndpoint],
    url: ReplyUrl,
) -> Option<Consumer> {
    if let Some(exact) = endpoints.iter().find(|endpoint| endpoint.location == url) {
        return Some(Consumer::at(url, exact));
    }
    let below = endpoints
        .iter()
        .find(|endpoint| url.is_at_or_below(&endpoint.location))?;
    tracing::warn!(
        trust = %trust.name,
        endpoint = below.location.as_str(),
        "a SAML request names an assertion consumer below a registered one; register the address itself"
    );
    Some(Consumer::at(url, below))
}

fn default(endpoints: &[&SamlEndpoint]) -> Option<Consumer> {
    endpoints
        .iter()
        .min_by_key(|endpoint| (!endpoint.is_default, endpoint.index))
        .map(|endpoint| Consumer::at(endpoint.location.clone(), endpoint))
}
