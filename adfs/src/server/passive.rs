//! `/adfs/ls/`: finds the protocol of a browser's request (spec passive-sign-in 1.4). What happens then is the same for
//! all of them, see [`super::flow`].

use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use url::form_urlencoded;

use super::exchange::Exchange;
use super::flow::Flow;
use super::parameters::Parameters;
use super::transaction::Transaction;
use super::{
    SignInRate, body, guard, home_realm, idp_initiated, saml, saml_logout, sign_out, upstream,
};
use crate::protocols::saml::{logout, pending};
use crate::protocols::{CheckedSignIn, wsfed};
use crate::sign_in::Refusal;
use crate::state::Federation;

/// Fields of our own pages; a body with one of them continues a transaction instead of starting one.
const PAGE_FIELDS: [&str; 4] = ["UserName", "Password", "AuthMethod", "Kmsi"];

/// The handler.
pub(super) async fn handle(
    request: HttpRequest,
    payload: Payload,
    federation: Data<Federation>,
    rate: Data<SignInRate>,
) -> HttpResponse {
    let exchange = Exchange::open(&request, &federation);
    match answer(&exchange, payload, &rate).await {
        Ok(response) => response,
        Err(refusal) => exchange.refuse(&refusal),
    }
}

async fn answer(
    exchange: &Exchange<'_>,
    payload: Payload,
    rate: &SignInRate,
) -> Result<HttpResponse, Refusal> {
    let request = exchange.request;
    let query =
        Parameters::decode(request.query_string().as_bytes()).map_err(|_| Refusal::Malformed)?;
    let posted = match *request.method() {
        Method::GET | Method::HEAD => Parameters::default(),
        Method::POST => body::form(request, payload).await?,
        _ => return Ok(exchange.refuse_method("GET, HEAD, POST")),
    };
    if upstream::openid::is_endpoint(request.path()) {
        return upstream::openid::arrive(exchange, &query, &posted).await;
    }
    // A message of another site; no page of ours has a field of this name.
    if posted.has("wresult") {
        return upstream::arrive(exchange, &posted).await;
    }
    let mut page_fields = PAGE_FIELDS.iter().chain(&home_realm::FIELDS);
    let from_page = page_fields.any(|field| posted.has(field));
    if !from_page && posted.has("wa") {
        return restart(exchange, &query, &posted);
    }
    if query.has("wa") {
        return match wsfed::read(query.pairs())? {
            wsfed::Message::SignIn(message) => {
                let transaction = Transaction::of(request, &query, exchange.context.activity_id);
                let checked = message.check(&exchange.configuration, transaction.digest())?;
                let flow = Flow::new(exchange, transaction, CheckedSignIn::WsFed(checked));
                if from_page {
                    flow.posted(&posted, rate).await
                } else {
                    flow.begin().await
                }
            }
            wsfed::Message::SignOut(message) => sign_out::end(exchange, &message).await,
            wsfed::Message::Cleanup => sign_out::clean_up(exchange).await,
        };
    }
    if !from_page && (posted.has("SAMLRequest") || posted.has("SAMLResponse")) {
        return saml::posted_message(exchange, &posted).await;
    }
    if let Some(sealed) = query
        .one(logout::PARAMETER)
        .map_err(|_| Refusal::Malformed)?
    {
        return saml_logout::continued(exchange, sealed).await;
    }
    let page = from_page.then_some(&posted);
    let messages = ["SAMLRequest", "SAMLResponse", pending::PARAMETER];
    if messages.iter().any(|name| query.has(name)) {
        return saml::in_query(exchange, &query, page, rate).await;
    }
    if is_idp_initiated(request.path()) {
        if !from_page && idp_initiated::is_choice(&posted) {
            return idp_initiated::choose(exchange, &posted).await;
        }
        return saml::idp_initiated(exchange, &query, page, rate).await;
    }
    Err(unclaimed(&query, &posted))
}

fn is_idp_initiated(path: &str) -> bool {
    let page = path.rsplit('/').next().unwrap_or_default();
    let name = page.to_ascii_lowercase();
    matches!(
        name.as_str(),
        "idpinitiatedsignon" | "idpinitiatedsignon.aspx" | "idpinitiatedsignon.htm"
    )
}

/// Which of the protocols that are not spoken here the request belongs to (spec passive-sign-in 1.4).
fn unclaimed(query: &Parameters, posted: &Parameters) -> Refusal {
    let has = |name: &str| query.has(name) || posted.has(name);
    let published = query
        .pairs()
        .iter()
        .any(|(name, value)| name == "realm" && value == "urn:AppProxy:com");
    if has("SAMLart") || has("wresult") {
        Refusal::ProtocolUnavailable
    } else if published {
        Refusal::NotPublished
    } else {
        Refusal::NoHandler
    }
}

/// A protocol message that another site posted comes without our `Lax` cookies. Answering with a redirect to the same
/// message by GET lets them come along (spec security SES-5).
fn restart(
    exchange: &Exchange<'_>,
    query: &Parameters,
    posted: &Parameters,
) -> Result<HttpResponse, Refusal> {
    let mut address = form_urlencoded::Serializer::new(format!("{}?", exchange.request.path()));
    address
        .extend_pairs(query.pairs())
        .extend_pairs(posted.pairs());
    let address = address.finish();
    if address.len() > guard::MAX_TARGET {
        return Err(Refusal::TooLarge);
    }
    Ok(exchange.redirect(StatusCode::SEE_OTHER, &address).finish())
}
