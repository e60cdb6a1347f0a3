//! THE pipeline, one for every protocol: session, primary authentication, second factor, authorization.
//!
//! Each step takes what the step before proved, as a type: a [`Session`] can only be opened from a sealed value or
//! made from a proof, a [`Permit`] only from a session that still holds and claims that policy permitted, and only a
//! permit has claims to issue. No XML and no query strings in here.

mod home_realm;
mod loop_guard;
mod refusal;
mod request;
mod session;

use std::sync::Arc;

use time::Duration;

pub use home_realm::{HomeRealm, RealmHints, Realms, choose_realm, realms_of};
pub use loop_guard::{TokenCount, count_token};
pub use refusal::Refusal;
pub use request::{DemandedMethod, Freshness, SignInRequest};
pub use session::{Session, SessionSubject, asserted_digest};

use crate::authentication::{
    Credentials, Mistake, PasswordFailure, Proof, local_identity, verify_password,
    verify_password_at,
};
use crate::claims::{
    self, Authentication, ClaimsError, IssuedClaims, Outcome, Principal, RequestContext,
};
use crate::config::{ClaimsProviderProtocol, ClaimsProviderTrust};
use crate::directory::{Reason, SignInRefusal};
use crate::state::Federation;

/// How long credentials given for one transaction count as fresh for it.
const FRESH_FOR: Duration = Duration::minutes(5);

/// What the form says above its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A typing mistake.
    Mistake(Mistake),
    /// Unknown user, wrong password, disabled, locked, expired account: one text for all (spec security WEB-7).
    Incorrect,
    /// The password was right and has expired or must be changed.
    PasswordExpired,
}

/// The forms page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prompt {
    notice: Option<Notice>,
}

impl Prompt {
    /// The form again, with a notice.
    pub fn after(notice: Notice) -> Prompt {
        Prompt {
            notice: Some(notice),
        }
    }

    /// Why the form is shown again.
    pub fn notice(&self) -> Option<Notice> {
        self.notice
    }
}

/// What comes of a request without credentials.
#[derive(Debug)]
pub enum Answer {
    /// Ask.
    Show(Prompt),
    /// Issue.
    Permit(Box<Permit>),
    /// End.
    Refuse(Refusal),
}

/// What comes of credentials.
#[derive(Debug)]
pub enum Proved {
    /// A new session; the browser comes back with it.
    Session(Session),
    /// Ask again. The reason is for administrators: the prompt tells no more of it than the user may know.
    Rejected {
        /// The form.
        prompt: Prompt,
        /// What the directory said.
        reason: Reason,
    },
    /// End.
    Refuse(Refusal),
}

/// Leave to issue one token: an authenticated user, and claims that the relying party's policy let through.
#[derive(Debug)]
pub struct Permit {
    session: Session,
    principal: Principal,
    authentication: Authentication,
    claims: IssuedClaims,
}

impl Permit {
    /// The session that it rests on.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Who.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// How and when.
    pub fn authentication(&self) -> &Authentication {
        &self.authentication
    }

    /// What to say about the user.
    pub fn claims(&self) -> &IssuedClaims {
        &self.claims
    }
}

/// A request without credentials: goes on from the session, if there is one that serves.
pub async fn resume(
    federation: &Federation,
    request: &SignInRequest,
    session: Option<Session>,
    context: RequestContext,
) -> Answer {
    let realms = realms_of(&federation.configuration.load(), &request.relying_party);
    // A session of somewhere else serves as little as one that is too old: where the user may come from is part of what
    // the relying party demands.
    let serves = |session: &Session| {
        fresh_enough(federation, request, session) && realms.take(session.claims_provider())
    };
    let Some(session) = session.filter(serves) else {
        return first_factor(request);
    };
    let principal = match still_holds(federation, &session, &context).await {
        Ok(Some(principal)) => principal,
        Ok(None) => return first_factor(request),
        Err(refusal) => return Answer::Refuse(refusal),
    };
    if let Err(refusal) = second_factor(request) {
        return Answer::Refuse(refusal);
    }
    match authorize(federation, request, session, principal, context).await {
        Ok(permit) => Answer::Permit(Box::new(permit)),
        Err(refusal) => Answer::Refuse(refusal),
    }
}

/// Asks for the first factor, unless it would be for nothing.
fn first_factor(request: &SignInRequest) -> Answer {
    match second_factor(request) {
        Ok(()) => Answer::Show(Prompt::default()),
        Err(refusal) => Answer::Refuse(refusal),
    }
}

/// No method for a second factor exists on this server, so a demand for one can only be refused: a token that does not
/// say "multiple factors" must not answer a request for them.
fn second_factor(request: &SignInRequest) -> Result<(), Refusal> {
    match request.method {
        DemandedMethod::SecondFactor => Err(Refusal::SecondFactorUnavailable),
        DemandedMethod::Any | DemandedMethod::Password => Ok(()),
    }
}

fn fresh_enough(federation: &Federation, request: &SignInRequest, session: &Session) -> bool {
    let now = federation.clock.now();
    let age = now - session.authenticated_at();
    let made_for_this = session.is_made_for(&request.transaction, now);
    match request.freshness {
        Freshness::AnyAge => true,
        Freshness::AtMost(limit) => age <= limit || made_for_this,
        Freshness::Now => made_for_this,
    }
}

/// Whether the session still holds: not signed out, of a kind that is still offered, and of an account that is still
/// enabled and has the same password (spec security SES-4).
async fn still_holds(
    federation: &Federation,
    session: &Session,
    context: &RequestContext,
) -> Result<Option<Principal>, Refusal> {
    let unavailable = |error: &dyn std::error::Error| {
        tracing::error!(activity_id = %context.activity_id, %error, "a session cannot be checked");
        Refusal::Unavailable
    };
    if !session.is_allowed_by(&federation.configuration.load().properties) {
        return Ok(None);
    }
    // If the store cannot say that a session was not ended, it must be taken for ended.
    let over = federation
        .store
        .is_over(
            session.id(),
            &session.subject().digest(),
            session.begun_at(),
        )
        .await;
    if over.map_err(|error| unavailable(&error))? {
        return Ok(None);
    }
    match session.subject() {
        SessionSubject::Account(subject) => {
            let state = federation.directory.lookup(subject).await;
            Ok(state
                .map_err(|error| unavailable(&error))?
                .holds_since(session.authenticated_at())
                .map(Principal::Account))
        }
        // What was asserted holds as long as the session, unless its claims provider is trusted no more. Directories are
        // asked again.
        SessionSubject::Asserted(identity) => {
            let configuration = federation.configuration.load_full();
            let providers = &configuration.claims_providers;
            let trust = providers.by_identifier(identity.provider());
            let Some(trust) = trust.filter(|trust| trust.enabled) else {
                return Ok(None);
            };
            let identity = match &trust.protocol {
                ClaimsProviderProtocol::Ldap(provider) => {
                    let (name, since) = (identity.user(), session.authenticated_at());
                    let key = identity.key().unwrap_or_default();
                    let person = federation
                        .local_providers
                        .lookup(&trust.identifier, name, key, since)
                        .await
                        .map_err(|error| unavailable(&error))?;
                    person.map(|person| Arc::new(local_identity(&trust, provider, &person)))
                }
                _ => Some(Arc::clone(identity)),
            };
            Ok(identity.map(|identity| Principal::Asserted {
                identity,
                acceptance: Arc::clone(&trust.acceptance_transform_rules),
            }))
        }
    }
}

async fn authorize(
    federation: &Federation,
    request: &SignInRequest,
    session: Session,
    principal: Principal,
    context: RequestContext,
) -> Result<Permit, Refusal> {
    let authentication = Authentication {
        method_uri: session.method().to_owned(),
        methods: session.methods().to_vec(),
        instant: session.authenticated_at(),
        persistent: session.is_persistent(),
    };
    let context = RequestContext {
        relying_party_id: Some(request.identifier.clone()),
        ..context
    };
    match claims::run(
        federation,
        &request.relying_party,
        &principal,
        &authentication,
        &context,
    )
    .await
    {
        Ok(Outcome::Permit(claims)) => Ok(Permit {
            session,
            principal,
            authentication,
            claims,
        }),
        // No method for a second factor exists on this server, see [`second_factor`].
        Ok(Outcome::SecondFactorRequired) => Err(Refusal::SecondFactorUnavailable),
        Ok(Outcome::Deny { .. }) => Err(Refusal::AccessDenied {
            user: principal.user(),
            claims_provider: principal.claims_provider().to_owned(),
            relying_party: request.identifier.clone(),
        }),
        Err(error) => {
            tracing::error!(activity_id = %context.activity_id, %error, "claims could not be made");
            Err(match error {
                ClaimsError::Directory(_) => Refusal::Unavailable,
                ClaimsError::Rules { .. }
                | ClaimsError::Policy { .. }
                | ClaimsError::AcceptanceRules(_) => Refusal::Issuance,
            })
        }
    }
}

/// Checks credentials; right ones make a new session. `provider` is the local claims provider that the name belongs to,
/// if it is not the directory's. `keep` asks that the session outlive the browser.
pub async fn prove(
    federation: &Federation,
    request: &SignInRequest,
    credentials: Credentials,
    provider: Option<&ClaimsProviderTrust>,
    keep: bool,
    context: &RequestContext,
) -> Proved {
    if let Err(refusal) = second_factor(request) {
        return Proved::Refuse(refusal);
    }
    let configuration = federation.configuration.load_full();
    let realms = realms_of(&configuration, &request.relying_party);
    if !realms.take(provider.map(|trust| trust.identifier.as_str())) {
        return Proved::Refuse(Refusal::UnknownClaimsProvider);
    }
    let verified = match provider {
        Some(trust) => verify_password_at(federation, trust, &credentials, context).await,
        None => verify_password(federation, &credentials, context).await,
    };
    match verified {
        Ok(proof) => {
            let extranet = context.network_location == claims::NetworkLocation::Extranet;
            let mark = (request.freshness != Freshness::AnyAge).then_some(request.transaction);
            match Session::begin(&proof, &configuration.properties, extranet, keep, mark) {
                Ok(session) => Proved::Session(session),
                Err(refusal) => Proved::Refuse(refusal),
            }
        }
        Err(PasswordFailure::Uncounted(error)) => {
            tracing::error!(activity_id = %context.activity_id, %error, "an attempt from outside cannot be counted");
            Proved::Refuse(Refusal::Unavailable)
        }
        Err(PasswordFailure::Refused(refusal)) => match refusal {
            SignInRefusal::Incorrect(reason) => Proved::Rejected {
                prompt: Prompt::after(Notice::Incorrect),
                reason,
            },
            SignInRefusal::MustChangePassword(reason) => Proved::Rejected {
                prompt: Prompt::after(Notice::PasswordExpired),
                reason,
            },
            SignInRefusal::Unavailable(error) => {
                tracing::error!(activity_id = %context.activity_id, %error, "the directory cannot check credentials");
                Proved::Refuse(Refusal::Unavailable)
            }
        },
    }
}

/// Makes a session of what a claims provider vouched for. `mark` is the transaction that demanded a fresh sign-in, if one
/// did.
///
/// # Errors
/// [`Refusal::TooManyClaims`].
pub fn vouched(
    federation: &Federation,
    proof: &Proof,
    mark: Option<[u8; 32]>,
    context: &RequestContext,
) -> Result<Session, Refusal> {
    let configuration = federation.configuration.load();
    let extranet = context.network_location == claims::NetworkLocation::Extranet;
    Session::begin(proof, &configuration.properties, extranet, false, mark)
}
