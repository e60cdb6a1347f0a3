//! SAML 2.0 at `/adfs/ls/`: finds out what a browser brings, and starts the flow for it (spec passive-sign-in 3).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use url::form_urlencoded;

use super::SignInRate;
use super::exchange::Exchange;
use super::flow::Flow;
use super::parameters::Parameters;
use super::transaction::Transaction;
use super::{guard, idp_initiated as page, saml_logout, upstream};
use crate::protocols::saml::{
    Admitted, Arrival, CheckedSignIn, MessageName, Received, idp_initiated, pending,
};
use crate::protocols::{self, LocalSignIn};
use crate::sign_in::Refusal;

/// A message of the POST binding. It came from another site and so without our cookies; what was verified of it goes on
/// by GET, with which they come along.
pub(super) async fn posted_message(
    exchange: &Exchange<'_>,
    posted: &Parameters,
) -> Result<HttpResponse, Refusal> {
    let received = Received::from_form(posted.pairs())?;
    match received.name()? {
        MessageName::AuthnRequest => {
            let admitted = Admitted::read(
                &received,
                &exchange.configuration,
                exchange.federation.clock.now(),
                Arrival::Browser(None),
            )?;
            let sealed = pending::seal(exchange.federation, &admitted)?;
            let path = format!("{}?", exchange.request.path());
            let start = path.len();
            let address = form_urlencoded::Serializer::for_suffix(path, start)
                .append_pair(pending::PARAMETER, &sealed)
                .append_pair(
                    "client-request-id",
                    &exchange.context.activity_id.hyphenated().to_string(),
                )
                .finish();
            if address.len() > guard::MAX_TARGET {
                return Err(Refusal::TooLarge);
            }
            Ok(exchange.redirect(StatusCode::SEE_OTHER, &address).finish())
        }
        MessageName::Response => upstream::arrive_response(exchange, &received).await,
        MessageName::LogoutRequest | MessageName::LogoutResponse => {
            match upstream::answered(exchange, &received) {
                Some(answer) => Ok(answer),
                None => saml_logout::posted(exchange, &received).await,
            }
        }
    }
}

/// A message in the query, or a sealed one.
pub(super) async fn in_query(
    exchange: &Exchange<'_>,
    query: &Parameters,
    from_page: Option<&Parameters>,
    rate: &SignInRate,
) -> Result<HttpResponse, Refusal> {
    let configuration = &exchange.configuration;
    let federation = exchange.federation;
    let admitted = match query
        .one(pending::PARAMETER)
        .map_err(|_| Refusal::Malformed)?
    {
        Some(_) if query.has("SAMLRequest") || query.has("SAMLResponse") => {
            return Err(Refusal::Malformed);
        }
        Some(sealed) => pending::open(federation, configuration, sealed)?,
        None => {
            let received = Received::from_query(exchange.request.query_string())?;
            match received.name()? {
                MessageName::AuthnRequest => {}
                MessageName::LogoutRequest | MessageName::LogoutResponse => {
                    return match upstream::answered(exchange, &received) {
                        Some(answer) => Ok(answer),
                        None => saml_logout::redirected(exchange, &received).await,
                    };
                }
                MessageName::Response => return Err(Refusal::ProtocolUnavailable),
            }
            let arrival = match from_page {
                Some(_) => Arrival::Form,
                None => {
                    let session = exchange.session();
                    Arrival::Browser(session.map(|session| session.authenticated_at()))
                }
            };
            Admitted::read(&received, configuration, federation.clock.now(), arrival)?
        }
    };
    let transaction = Transaction::of(exchange.request, query, exchange.context.activity_id);
    let checked = admitted.check(configuration, transaction.digest())?;
    go_on(exchange, transaction, checked, from_page, rate).await
}

/// Sign-in that starts here (spec 3.9).
pub(super) async fn idp_initiated(
    exchange: &Exchange<'_>,
    query: &Parameters,
    from_page: Option<&Parameters>,
    rate: &SignInRate,
) -> Result<HttpResponse, Refusal> {
    let configuration = &exchange.configuration;
    let one = |name: &str| query.one(name).map_err(|_| Refusal::Malformed);
    let relay_state = one("RelayState")?.filter(|_| {
        configuration
            .properties
            .relay_state_for_idp_initiated_sign_on_enabled
    });
    let (relying_party, relay_state) = match (one("loginToRp")?, relay_state) {
        (Some(relying_party), relay_state) => {
            (relying_party.to_owned(), relay_state.map(str::to_owned))
        }
        (None, Some(relay_state)) => {
            let target = idp_initiated::target(relay_state).ok_or(Refusal::Malformed)?;
            (target.relying_party, target.relay_state)
        }
        (None, None) => return sign_in_here(exchange, query, from_page, rate).await,
    };
    let transaction = Transaction::of(exchange.request, query, exchange.context.activity_id);
    let checked = CheckedSignIn::unsolicited(
        configuration,
        &relying_party,
        relay_state,
        transaction.digest(),
    )?;
    go_on(exchange, transaction, checked, from_page, rate).await
}

/// The page, or sign-in without an application: where that was chosen on the page, or where a client posts credentials
/// there.
async fn sign_in_here(
    exchange: &Exchange<'_>,
    query: &Parameters,
    from_page: Option<&Parameters>,
    rate: &SignInRate,
) -> Result<HttpResponse, Refusal> {
    if from_page.is_none() && !page::is_chosen(query)? {
        return page::show(exchange, query);
    }
    page::enabled(exchange)?;
    let transaction = Transaction::of(exchange.request, query, exchange.context.activity_id);
    let checked = LocalSignIn::new(&exchange.configuration, transaction.digest())?;
    let flow = Flow::new(
        exchange,
        transaction,
        protocols::CheckedSignIn::Local(checked),
    );
    match from_page {
        Some(posted) => flow.posted(posted, rate).await,
        None => flow.begin().await,
    }
}

async fn go_on(
    exchange: &Exchange<'_>,
    transaction: Transaction,
    checked: CheckedSignIn,
    from_page: Option<&Parameters>,
    rate: &SignInRate,
) -> Result<HttpResponse, Refusal> {
    let checked = protocols::CheckedSignIn::Saml(checked);
    let flow = Flow::new(exchange, transaction, checked);
    match from_page {
        Some(posted) => flow.posted(posted, rate).await,
        None => flow.begin().await,
    }
}
