//! The page on which sign-in starts here (spec passive-sign-in 3.9 and 5.6): a list of applications.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use url::form_urlencoded;
use uuid::Uuid;

use super::exchange::Exchange;
use super::headers::{FormTargets, PagePolicy};
use super::parameters::Parameters;
use super::transaction::Transaction;
use crate::config::{Configuration, RelyingPartyTrust, SamlProtocol};
use crate::pages::{ApplicationChoice, IdpInitiatedPage};
use crate::sign_in::{Refusal, Session};

/// Fields of the page's form.
const FIELDS: [&str; 6] = [
    "SignInIdpSite",
    "SignInOtherSite",
    "SignInSubmit",
    "SignInGo",
    "RelyingParty",
    "SignOut",
];

/// Whether a form is this page's.
pub(super) fn is_choice(posted: &Parameters) -> bool {
    FIELDS.iter().any(|field| posted.has(field))
}

/// The page, if it is enabled.
pub(super) fn show(exchange: &Exchange<'_>, query: &Parameters) -> Result<HttpResponse, Refusal> {
    enabled(exchange)?;
    let mut listed: Vec<(String, String)> = applications(&exchange.configuration)
        .map(|trust| (trust.object_identifier.to_string(), trust.name.clone()))
        .collect();
    listed.sort_by_key(|(_, name)| name.to_lowercase());
    let sealed = exchange.cookies.session();
    let session = sealed.and_then(|sealed| Session::open(exchange.federation, &sealed));
    let transaction = Transaction::of(exchange.request, query, exchange.context.activity_id);
    let page = IdpInitiatedPage {
        frame: exchange.frame(),
        action: transaction.relative(),
        signed_in: session.is_some(),
        user: session.as_ref().map(Session::user),
        applications: listed
            .iter()
            .map(|(id, name)| ApplicationChoice { id, name })
            .collect(),
        selected: listed.first().map(|(id, _)| id.as_str()),
        hidden: Vec::new(),
    };
    let policy = PagePolicy::interactive(FormTargets::Ourselves);
    Ok(exchange.page(StatusCode::OK, &policy, &page).finish())
}

/// What was chosen on it, as a redirect to where a link could have led just as well; so the form needs no token.
pub(super) fn choose(
    exchange: &Exchange<'_>,
    posted: &Parameters,
) -> Result<HttpResponse, Refusal> {
    enabled(exchange)?;
    let one = |name: &str| posted.one(name).map_err(|_| Refusal::Malformed);
    if one("SignOut")?.is_some() {
        return Ok(found(exchange, "/adfs/ls/", ("wa", "wsignout1.0")));
    }
    let other_site = one("SignInIdpSite")? == Some("SignInOtherSite")
        || one("SignInOtherSite")?.is_some()
        || one("SignInGo")?.is_some();
    if !other_site {
        return Err(Refusal::ApplicationNotChosen);
    }
    let chosen = one("RelyingParty")?.and_then(|text| Uuid::try_parse(text).ok());
    let trust = applications(&exchange.configuration)
        .find(|trust| Some(trust.object_identifier) == chosen)
        .ok_or(Refusal::UnknownRelyingParty)?;
    let identifier = trust
        .identifiers
        .first()
        .ok_or(Refusal::UnknownRelyingParty)?;
    Ok(found(
        exchange,
        exchange.request.path(),
        ("loginToRp", identifier),
    ))
}

fn enabled(exchange: &Exchange<'_>) -> Result<(), Refusal> {
    let properties = &exchange.configuration.properties;
    if properties.idp_initiated_sign_on_page_enabled {
        Ok(())
    } else {
        Err(Refusal::IdpInitiatedDisabled)
    }
}

/// Applications that take a response which they did not ask for.
fn applications(configuration: &Configuration) -> impl Iterator<Item = &RelyingPartyTrust> {
    let all = configuration.relying_parties.iter().map(AsRef::as_ref);
    all.filter(|trust| {
        let consumers = &mut trust.saml.endpoints_for(SamlProtocol::AssertionConsumer);
        trust.enabled && trust.protocol_profile.allows_saml() && consumers.next().is_some()
    })
}

fn found(exchange: &Exchange<'_>, path: &str, (name, value): (&str, &str)) -> HttpResponse {
    let start = path.len() + 1;
    let address = form_urlencoded::Serializer::for_suffix(format!("{path}?"), start)
        .append_pair(name, value)
        .append_pair(
            "client-request-id",
            &exchange.context.activity_id.hyphenated().to_string(),
        )
        .finish();
    exchange.redirect(StatusCode::FOUND, &address).finish()
}
