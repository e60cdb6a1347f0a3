//! A browser's sign-in, whatever its protocol: from a checked request through [`crate::sign_in`] to the answer.

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};

use super::cookies::{self, Visited};
use super::exchange::Exchange;
use super::headers::{FormTargets, PagePolicy};
use super::parameters::Parameters;
use super::transaction::Transaction;
use super::{
    SignInRate, failure, home_realm, idp_initiated, report, saml_logout, sign_out, upstream,
};
use crate::authentication::Credentials;
use crate::pages::SignInPage;
use crate::protocols::CheckedSignIn;
use crate::sign_in::{
    self, Answer, HomeRealm, Notice, Prompt, Realms, Refusal, Session, SignInRequest,
};

/// Whether the credential form may be used from where it was posted (spec security WEB-3). Command-line clients post
/// with no earlier page and send neither header.
pub(super) fn same_site(exchange: &Exchange<'_>) -> bool {
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

/// One checked request on its way.
pub(super) struct Flow<'a> {
    exchange: &'a Exchange<'a>,
    transaction: Transaction,
    checked: CheckedSignIn,
}

impl<'a> Flow<'a> {
    /// `transaction` is where pages and redirects come back to.
    pub(super) fn new(
        exchange: &'a Exchange<'a>,
        transaction: Transaction,
        checked: CheckedSignIn,
    ) -> Flow<'a> {
        Flow {
            exchange,
            transaction,
            checked,
        }
    }

    fn request(&self) -> &SignInRequest {
        self.checked.request()
    }

    /// A request without credentials: a token when there is a session that serves, else the form.
    pub(super) async fn begin(self) -> Result<HttpResponse, Refusal> {
        let exchange = self.exchange;
        if let Some(refusal) = self.checked.unmet() {
            return Ok(self.refuse(refusal).await);
        }
        // A token that nobody receives is not made.
        if *exchange.request.method() == Method::HEAD {
            return Ok(self.show(&Prompt::default(), self.checked.user_name()));
        }
        let session = exchange
            .cookies
            .session()
            .and_then(|sealed| Session::open(exchange.federation, &sealed));
        let context = exchange.context.clone();
        match sign_in::resume(exchange.federation, self.request(), session, context).await {
            Answer::Show(_) if self.checked.is_passive() => {
                Ok(self.refuse(&Refusal::Passive).await)
            }
            Answer::Show(prompt) => self.at_home(&prompt).await,
            Answer::Permit(permit) => self.issue(&permit).await,
            Answer::Refuse(refusal) => Ok(self.refuse(&refusal).await),
        }
    }

    /// Asks where the user belongs, unless that is known: then for credentials, or away to the claims provider.
    async fn at_home(&self, prompt: &Prompt) -> Result<HttpResponse, Refusal> {
        let exchange = self.exchange;
        let realms = self.realms();
        let user_name = self.checked.user_name();
        let listed = self.checked.identity_providers();
        match home_realm::decide(exchange, &realms, listed, user_name) {
            Some(HomeRealm::Provider(trust)) if !trust.is_local() => {
                upstream::leave(
                    exchange,
                    &trust,
                    &self.transaction,
                    self.request(),
                    user_name,
                )
                .await
            }
            Some(_) => Ok(self.show(prompt, user_name)),
            None => Ok(self.ask_home(&realms, None)),
        }
    }

    fn realms(&self) -> Realms {
        sign_in::realms_of(&self.exchange.configuration, &self.request().relying_party)
    }

    fn ask_home(&self, realms: &Realms, wrong_address: Option<&str>) -> HttpResponse {
        let application = &self.request().relying_party.name;
        home_realm::ask(
            self.exchange,
            &self.transaction,
            application,
            realms,
            wrong_address,
        )
    }

    /// The answer to the question where the user belongs.
    fn home_chosen(&self, posted: &Parameters) -> Result<HttpResponse, Refusal> {
        let realms = self.realms();
        match home_realm::chosen(self.exchange, &self.transaction, &realms, posted)? {
            home_realm::Choice::Made(response) => Ok(response),
            home_realm::Choice::Nowhere(address) => Ok(self.ask_home(&realms, Some(&address))),
        }
    }

    /// Credentials. The answer to right ones is always a redirect, because clients take 302 for success.
    pub(super) async fn posted(
        self,
        posted: &Parameters,
        rate: &SignInRate,
    ) -> Result<HttpResponse, Refusal> {
        let exchange = self.exchange;
        if !same_site(exchange) {
            return Err(Refusal::CrossSite);
        }
        if home_realm::FIELDS.iter().any(|field| posted.has(field)) {
            return self.home_chosen(posted);
        }
        let field = |name: &str| {
            posted
                .one(name)
                .map(Option::unwrap_or_default)
                .map_err(|_| Refusal::Malformed)
        };
        if let Some(refusal) = self.checked.unmet() {
            return Ok(self.refuse(refusal).await);
        }
        let (user_name, password) = (field("UserName")?, field("Password")?);
        let method = field("AuthMethod")?;
        if !method.is_empty() && method != "FormsAuthentication" {
            return Err(Refusal::MethodNotSupported);
        }
        if !posted.has("UserName") && !posted.has("Password") {
            return Ok(self.show(&Prompt::default(), self.checked.user_name()));
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
        let upn = credentials.name().upn();
        let provider = upn.and_then(|upn| self.realms().local_provider_of(&upn));
        let request = self.request();
        match sign_in::prove(
            exchange.federation,
            request,
            credentials,
            provider.as_deref(),
            keep,
            &exchange.context,
        )
        .await
        {
            sign_in::Proved::Session(session) => {
                report::credentials_accepted(exchange, request, session.user(), session.method());
                let session = sign_out::replaced(exchange, session).await?;
                self.signed_in(session)
            }
            sign_in::Proved::Rejected { prompt, reason } => {
                report::credentials_refused(exchange, request, &name, reason);
                Ok(self.show(&prompt, user_name))
            }
            sign_in::Proved::Refuse(refusal) => Ok(self.refuse(&refusal).await),
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
            frame: exchange.frame_for(Some(&self.request().relying_party.name)),
            application: Some(&self.request().relying_party.name),
            action: self.transaction.relative(),
            absolute_action: &absolute_action,
            user_name,
            error,
            error_field,
            kmsi: exchange.configuration.properties.offers_to_stay_signed_in(),
            paginated: exchange
                .configuration
                .web
                .enable_paginated_authentication_pages,
        };
        exchange
            .page(
                StatusCode::OK,
                &PagePolicy::interactive(FormTargets::Ourselves),
                &page,
            )
            .finish()
    }

    async fn issue(&self, permit: &sign_in::Permit) -> Result<HttpResponse, Refusal> {
        let exchange = self.exchange;
        if let CheckedSignIn::Local(_) = self.checked {
            return Ok(idp_initiated::signed_in(exchange, permit.session()));
        }
        let properties = &exchange.configuration.properties;
        let now = exchange.federation.clock.now();
        let count = match sign_in::count_token(
            cookies::token_count(&exchange.cookies),
            properties.loop_detection,
            now,
        ) {
            Ok(count) => count,
            Err(refusal) => return Ok(self.refuse(&refusal).await),
        };
        let answer = match self.checked.respond(exchange.federation, permit).await {
            Ok(answer) => answer,
            Err(error) => {
                report::issuance_failed(exchange, self.request(), permit, &error);
                return Ok(self.refuse(&error.refusal()).await);
            }
        };
        report::issued(exchange, self.request(), permit, &answer.token_id);
        let mut response = self.exchange.send(&answer.outgoing);
        let visit = Visited {
            identifier: self.request().identifier.clone(),
            name: self.request().relying_party.name.clone(),
            endpoint: answer.endpoint,
        };
        let mut set = vec![
            cookies::authenticated(permit.session().authenticated_at()),
            cookies::with_token_count(count),
            cookies::with_visited(&exchange.cookies, &visit),
            answer.participant.and_then(|participant| {
                saml_logout::joined(exchange, permit.session(), participant)
            }),
        ];
        if let Some(session) = permit.session().used_up_by(&self.request().transaction) {
            set.extend(session_cookies(exchange, &session)?.into_iter().map(Some));
        }
        for cookie in set.into_iter().flatten() {
            response.response.cookie(cookie);
        }
        Ok(response.finish())
    }

    /// Ends with a page for the user, or with a message to the relying party where the protocol has one.
    async fn refuse(&self, refusal: &Refusal) -> HttpResponse {
        let relying_party = &self.request().relying_party.name;
        match self.checked.tell(self.exchange.federation, refusal).await {
            Some(message) => {
                report::refused(self.exchange, refusal, Some(relying_party));
                self.exchange.send(&message).finish()
            }
            None => self.exchange.refuse_for(relying_party, refusal),
        }
    }
}

/// Cookies that hold `session`.
pub(super) fn session_cookies(
    exchange: &Exchange<'_>,
    session: &Session,
) -> Result<Vec<actix_web::cookie::Cookie<'static>>, Refusal> {
    let sealed = session.seal(exchange.federation).ok_or(Refusal::Issuance)?;
    let persistent = session.persistent_for(exchange.federation.clock.now());
    let mut cookies = cookies::session(&sealed, &exchange.cookies, persistent);
    cookies.extend(saml_logout::carried_over(exchange, session));
    Ok(cookies)
}
