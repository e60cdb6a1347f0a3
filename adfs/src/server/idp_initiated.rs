//! The page on which sign-in starts here (spec passive-sign-in 3.9 and 5.6): a list of applications.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpResponseBuilder};
use url::form_urlencoded;
use uuid::Uuid;

use super::exchange::Exchange;
use super::flow::same_site;
use super::headers::{FormTargets, PagePolicy};
use super::parameters::Parameters;
use super::transaction::Transaction;
use super::{cookies, sign_out};
use crate::config::{Configuration, RelyingPartyTrust, SamlProtocol};
use crate::pages::{ApplicationChoice, IdpInitiatedPage};
use crate::sign_in::{Refusal, Session};

/// The field, and in it the value, that says to sign in to this site itself. In an address it says the same.
const THIS_SITE: &str = "SignInIdpSite";
/// Fields of the page's form.
const FIELDS: [&str; 6] = [
    THIS_SITE,
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
    let session = exchange.session();
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

/// Whether the address says that the user chose to sign in to this site itself.
pub(super) fn is_chosen(query: &Parameters) -> Result<bool, Refusal> {
    let choice = query.one(THIS_SITE).map_err(|_| Refusal::Malformed)?;
    Ok(choice == Some(THIS_SITE))
}

/// What was chosen on it, mostly as a redirect to where a link could have led just as well; so the form needs no token.
pub(super) async fn choose(
    exchange: &Exchange<'_>,
    posted: &Parameters,
) -> Result<HttpResponse, Refusal> {
    enabled(exchange)?;
    let one = |name: &str| posted.one(name).map_err(|_| Refusal::Malformed);
    let path = exchange.request.path();
    if one("SignOut")?.is_some() {
        let here_only =
            one("SingleSignOut")? == Some("LocalSignOut") || one("LocalSignOut")?.is_some();
        if !here_only {
            return Ok(found(
                exchange,
                &address(exchange, "/adfs/ls/", ("wa", "wsignout1.0")),
            )
            .finish());
        }
        if !same_site(exchange) {
            return Err(Refusal::CrossSite);
        }
        return sign_out::end_here(exchange, path).await;
    }
    let other_site = one(THIS_SITE)? == Some("SignInOtherSite")
        || one("SignInOtherSite")?.is_some()
        || one("SignInGo")?.is_some();
    if !other_site {
        let address = address(exchange, path, (THIS_SITE, THIS_SITE));
        let absolute = format!("{}{address}", exchange.base);
        let mut response = found(exchange, &address);
        response.cookie(cookies::local_sign_in(&absolute));
        return Ok(response.finish());
    }
    let chosen = one("RelyingParty")?.and_then(|text| Uuid::try_parse(text).ok());
    let trust = applications(&exchange.configuration)
        .find(|trust| Some(trust.object_identifier) == chosen)
        .ok_or(Refusal::UnknownRelyingParty)?;
    let identifier = trust
        .identifiers
        .first()
        .ok_or(Refusal::UnknownRelyingParty)?;
    let address = address(exchange, path, ("loginToRp", identifier));
    Ok(found(exchange, &address).finish())
}

/// Back to the page, after a sign-in to this site itself.
pub(super) fn signed_in(exchange: &Exchange<'_>, session: &Session) -> HttpResponse {
    let mut response = found(exchange, exchange.request.path());
    let set = [
        cookies::authenticated(session.authenticated_at()),
        cookies::without_local_sign_in(&exchange.cookies),
    ];
    for cookie in set.into_iter().flatten() {
        response.cookie(cookie);
    }
    response.finish()
}

/// Refuses where the page is off.
pub(super) fn enabled(exchange: &Exchange<'_>) -> Result<(), Refusal> {
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

fn address(exchange: &Exchange<'_>, path: &str, (name, value): (&str, &str)) -> String {
    let start = path.len() + 1;
    form_urlencoded::Serializer::for_suffix(format!("{path}?"), start)
        .append_pair(name, value)
        .append_pair(
            "client-request-id",
            &exchange.context.activity_id.hyphenated().to_string(),
        )
        .finish()
}

fn found(exchange: &Exchange<'_>, address: &str) -> HttpResponseBuilder {
    exchange.redirect(StatusCode::FOUND, address)
}
