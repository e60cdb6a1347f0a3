//! The page that asks where a user belongs, and what follows from the answer (spec passive-sign-in 5.5).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use url::form_urlencoded;

use super::cookies;
use super::exchange::Exchange;
use super::headers::{FormTargets, PagePolicy};
use super::parameters::Parameters;
use super::transaction::Transaction;
use crate::claims::NetworkLocation;
use crate::pages::{HomeRealmPage, RealmChoice};
use crate::sign_in::{HomeRealm, RealmHints, Realms, Refusal, choose_realm};

/// Carries the choice in the address.
const CHOSEN: &str = "RedirectToIdentityProvider";
/// Names of this page's fields.
pub(super) const FIELDS: [&str; 3] = ["HomeRealmSelection", "HomeRealmByEmail", "Email"];

/// What the request says, whatever its protocol. `listed` are the claims providers that the message itself names.
pub(super) fn decide(
    exchange: &Exchange<'_>,
    realms: &Realms,
    listed: &[String],
    user_name: &str,
) -> Option<HomeRealm> {
    let query = Parameters::decode(exchange.request.query_string().as_bytes()).unwrap_or_default();
    let one = |name: &str| {
        query
            .one(name)
            .ok()
            .flatten()
            .filter(|value| !value.is_empty())
    };
    let mut named: Vec<&str> = [one(CHOSEN), one("whr")].into_iter().flatten().collect();
    named.extend(listed.iter().map(String::as_str));
    let remembered = cookies::home_realm(&exchange.cookies);
    let hints = RealmHints {
        named: &named,
        domain: one("domain_hint"),
        user_name: (!user_name.is_empty()).then_some(user_name),
        cookie: remembered.as_deref(),
        intranet: exchange.context.network_location == NetworkLocation::Intranet,
    };
    choose_realm(&exchange.configuration, realms, &hints)
}

/// What came of an answer.
pub(super) enum Choice {
    /// The way goes on.
    Made(HttpResponse),
    /// No claims provider has users with addresses like this one.
    Nowhere(String),
}

/// The page. `wrong_address` is the one that led nowhere.
pub(super) fn ask(
    exchange: &Exchange<'_>,
    transaction: &Transaction,
    application: &str,
    realms: &Realms,
    wrong_address: Option<&str>,
) -> HttpResponse {
    let service = &exchange.configuration.service;
    let all: Vec<HomeRealm> = realms.iter().collect();
    let choices = all
        .iter()
        .map(|realm| RealmChoice {
            identifier: realm.identifier(),
            name: match realm {
                HomeRealm::Directory => &service.display_name,
                HomeRealm::Provider(trust) => &trust.name,
            },
        })
        .collect();
    let page = HomeRealmPage {
        frame: exchange.frame(),
        application: Some(application),
        action: transaction.relative(),
        choices,
        by_email: realms.have_suffixes(),
        email: wrong_address.unwrap_or_default(),
        error: wrong_address.map_or("", |_| "invalid-suffix"),
    };
    exchange
        .page(
            StatusCode::OK,
            // The answer to the form leads on to the claims provider.
            &PagePolicy::interactive(FormTargets::AnyHttps),
            &page,
        )
        .finish()
}

/// The user's answer: back to the same request, with the choice in the address and remembered in a cookie.
///
/// # Errors
/// [`Refusal::UnknownClaimsProvider`] when what was posted is not on the page.
pub(super) fn chosen(
    exchange: &Exchange<'_>,
    transaction: &Transaction,
    realms: &Realms,
    posted: &Parameters,
) -> Result<Choice, Refusal> {
    let field = |name: &str| posted.one(name).map_err(|_| Refusal::Malformed);
    let realm = match field("HomeRealmSelection")? {
        Some(identifier) => {
            let ours = &exchange.configuration.service.identifier;
            let realm = realms.by_identifier(identifier, ours);
            realm.ok_or(Refusal::UnknownClaimsProvider)?
        }
        None => {
            let address = field("Email")?.unwrap_or_default().trim();
            match realms.by_suffix(address, &exchange.configuration) {
                Some(realm) if address.contains('@') => realm,
                _ => return Ok(Choice::Nowhere(address.to_owned())),
            }
        }
    };
    let address = with_choice(transaction.relative(), realm.identifier());
    let mut response = exchange.redirect(StatusCode::FOUND, &address);
    response.cookie(cookies::with_home_realm(realm.identifier()));
    Ok(Choice::Made(response.finish()))
}

/// `target` with that choice in place of any other.
fn with_choice(target: &str, identifier: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_choice = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        form_urlencoded::parse(name.as_bytes()).any(|(name, _)| name == CHOSEN)
    };
    let mut kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !is_choice(pair))
        .collect();
    let choice = form_urlencoded::Serializer::new(String::new())
        .append_pair(CHOSEN, identifier)
        .finish();
    kept.push(&choice);
    format!("{path}?{}", kept.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_choice_replaces_the_old_one_and_all_else_stays() {
        assert_eq!(
            with_choice(
                "/adfs/ls/?wa=wsignin1.0&RedirectToIdentityProvider=x&wctx=%2f+a&flag",
                "AD AUTHORITY"
            ),
            "/adfs/ls/?wa=wsignin1.0&wctx=%2f+a&flag&RedirectToIdentityProvider=AD+AUTHORITY"
        );
        assert_eq!(
            with_choice("/adfs/ls/", "http://idp.test/?a&b"),
            "/adfs/ls/?RedirectToIdentityProvider=http%3A%2F%2Fidp.test%2F%3Fa%26b"
        );
    }
}
