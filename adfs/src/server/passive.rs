//! `/adfs/ls/`: finds the protocol of a browser's request, and walks it through [`crate::sign_in`].

use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use url::form_urlencoded;

use super::cookies::{self, Visited};
use super::exchange::Exchange;
use super::headers::{FormTargets, PagePolicy};
use super::parameters::Parameters;
use super::transaction::Transaction;
use super::{SignInRate, body, failure, guard, report, sign_out};
use crate::authentication::Credentials;
use crate::pages::{AutoPostPage, SignInPage};
use crate::protocols::wsfed;
use crate::sign_in::{self, Answer, Notice, Prompt, Refusal, Session};
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
    let from_page = PAGE_FIELDS.iter().any(|field| posted.has(field));
    if !from_page && posted.has("wa") {
        return restart(exchange, &query, &posted);
    }
    if query.has("wa") {
        return match wsfed::read(query.pairs())? {
            wsfed::Message::SignIn(message) => {
                let transaction = Transaction::of(request, &query, exchange.context.activity_id);
                let checked = message.check(&exchange.configuration, transaction.digest())?;
                let flow = Flow {
                    exchange,
                    transaction,
                    checked,
                };
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
    Err(unclaimed(request, &query, &posted))
}

/// Which of the protocols that are not spoken here the request belongs to (spec passive-sign-in 1.4).
fn unclaimed(request: &HttpRequest, query: &Parameters, posted: &Parameters) -> Refusal {
    let has = |name: &str| query.has(name) || posted.has(name);
    let published = query
        .pairs()
        .iter()
        .any(|(name, value)| name == "realm" && value == "urn:AppProxy:com");
    if has("SAMLRequest") || has("SAMLResponse") || has("SAMLart") || has("wresult") {
        Refusal::ProtocolUnavailable
    } else if published {
        Refusal::NotPublished
    } else if request
        .path()
        .to_ascii_lowercase()
        .contains("/idpinitiatedsignon")
    {
        Refusal::IdpInitiatedDisabled
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
    if posted.has("wresult") {
        return Err(Refusal::ProtocolUnavailable);
    }
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

/// Whether the credential form may be used from where it was posted (spec security WEB-3). Command-line clients post
/// with no earlier page and send neither header.
fn same_site(exchange: &Exchange<'_>) -> bool {
    let header = |name: &str| {
        exchange
            .request
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap_or("invalid"))
    };
    match header("sec-fetch-site") {
        Some(site) => !matches!(site, "cross-site" | "same-site"),
        None => header("origin").is_none_or(|origin| origin == exchange.base),
    }
}

struct Flow<'a> {
    exchange: &'a Exchange<'a>,
    transaction: Transaction,
    checked: wsfed::CheckedSignIn,
}

impl Flow<'_> {
    /// A request without credentials: a token when there is a session that serves, else the form.
    async fn begin(self) -> Result<HttpResponse, Refusal> {
        let exchange = self.exchange;
        // A token that nobody receives is not made.
        if *exchange.request.method() == Method::HEAD {
            return Ok(self.show(&Prompt::default(), &self.checked.user_name));
        }
        let session = exchange
            .cookies
            .session()
            .and_then(|sealed| Session::open(exchange.federation, &sealed));
        let context = exchange.context.clone();
        match sign_in::resume(exchange.federation, &self.checked.request, session, context).await {
            Answer::Show(prompt) => Ok(self.show(&prompt, &self.checked.user_name)),
            Answer::Permit(permit) => self.issue(&permit),
            Answer::Refuse(refusal) => Ok(self.refuse(&refusal)),
        }
    }

    /// Credentials. The answer to right ones is always a redirect, because clients take 302 for success.
    async fn posted(self, posted: &Parameters, rate: &SignInRate) -> Result<HttpResponse, Refusal> {
        let exchange = self.exchange;
        if !same_site(exchange) {
            return Err(Refusal::CrossSite);
        }
        let field = |name: &str| {
            posted
                .one(name)
                .map(Option::unwrap_or_default)
                .map_err(|_| Refusal::Malformed)
        };
        let (user_name, password) = (field("UserName")?, field("Password")?);
        let method = field("AuthMethod")?;
        if !method.is_empty() && method != "FormsAuthentication" {
            return Err(Refusal::MethodNotSupported);
        }
        if !posted.has("UserName") && !posted.has("Password") {
            return Ok(self.show(&Prompt::default(), &self.checked.user_name));
        }
        if let Err(retry_after) = rate.attempt(exchange.context.client_ip) {
            return Err(Refusal::TooManyAttempts { retry_after });
        }
        let credentials = match Credentials::read(user_name, password) {
            Ok(credentials) => credentials,
            Err(mistake) => {
                return Ok(self.show(&Prompt::after(Notice::Mistake(mistake)), user_name));
            }
        };
        let keep = field("Kmsi")? == "true";
        let name = credentials.name().to_string();
        let request = &self.checked.request;
        match sign_in::prove(
            exchange.federation,
            request,
            credentials,
            keep,
            &exchange.context,
        )
        .await
        {
            sign_in::Proved::Session(session) => {
                report::credentials_accepted(exchange, request, session.user(), session.method());
                sign_out::replaced(exchange, &session).await?;
                self.signed_in(session)
            }
            sign_in::Proved::Rejected { prompt, reason } => {
                report::credentials_refused(exchange, request, &name, &reason);
                Ok(self.show(&prompt, user_name))
            }
            sign_in::Proved::Refuse(refusal) => Ok(self.refuse(&refusal)),
        }
    }

    fn signed_in(&self, session: Session) -> Result<HttpResponse, Refusal> {
        let exchange = self.exchange;
        let mut response = exchange.redirect(StatusCode::FOUND, self.transaction.relative());
        for cookie in session_cookies(exchange, &session)? {
            response.cookie(cookie);
        }
        Ok(response.finish())
    }

    fn show(&self, prompt: &Prompt, user_name: &str) -> HttpResponse {
        let exchange = self.exchange;
        let absolute_action = self.transaction.absolute(&exchange.base);
        let (error, error_field) = failure::notice(prompt);
        let page = SignInPage {
            frame: exchange.frame(),
            application: Some(&self.checked.request.relying_party.name),
            action: self.transaction.relative(),
            absolute_action: &absolute_action,
            user_name,
            error,
            error_field,
            kmsi: exchange.configuration.properties.kmsi_enabled,
        };
        exchange
            .page(
                StatusCode::OK,
                &PagePolicy::interactive(FormTargets::Ourselves),
                &page,
            )
            .finish()
    }

    fn issue(&self, permit: &sign_in::Permit) -> Result<HttpResponse, Refusal> {
        let exchange = self.exchange;
        let properties = &exchange.configuration.properties;
        let now = exchange.federation.clock.now();
        let count = match sign_in::count_token(
            cookies::token_count(&exchange.cookies),
            properties.loop_detection,
            now,
        ) {
            Ok(count) => count,
            Err(refusal) => return Ok(self.refuse(&refusal)),
        };
        let answer = match wsfed::respond(exchange.federation, &self.checked, permit) {
            Ok(answer) => answer,
            Err(error) => {
                report::issuance_failed(exchange, &self.checked.request.relying_party, &error);
                return Ok(self.refuse(&Refusal::Issuance));
            }
        };
        report::issued(exchange, &self.checked.request, permit, &answer.token_id);
        let page = AutoPostPage::new(&answer.action, &answer.fields);
        let mut response = exchange.page(StatusCode::OK, &PagePolicy::auto_post(), &page);
        let visit = Visited {
            identifier: self.checked.request.identifier.clone(),
            name: self.checked.request.relying_party.name.clone(),
            endpoint: answer.action.clone(),
        };
        let mut set = vec![
            cookies::authenticated(permit.session().authenticated_at()),
            cookies::with_token_count(count),
            cookies::with_visited(&exchange.cookies, &visit),
        ];
        // The mark for this transaction has done its work: the next demand for fresh credentials asks again.
        if permit.session().is_marked() {
            set.extend(
                session_cookies(exchange, &permit.session().unmarked())?
                    .into_iter()
                    .map(Some),
            );
        }
        for cookie in set.into_iter().flatten() {
            response.response.cookie(cookie);
        }
        Ok(response.finish())
    }

    fn refuse(&self, refusal: &Refusal) -> HttpResponse {
        self.exchange
            .refuse_for(&self.checked.request.relying_party.name, refusal)
    }
}

fn session_cookies(
    exchange: &Exchange<'_>,
    session: &Session,
) -> Result<Vec<actix_web::cookie::Cookie<'static>>, Refusal> {
    let sealed = session.seal(exchange.federation).ok_or(Refusal::Issuance)?;
    let persistent = session.persistent_for(exchange.federation.clock.now());
    Ok(cookies::session(&sealed, &exchange.cookies, persistent))
}
