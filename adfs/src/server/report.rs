//! From what handlers know to the audit's events. Handlers call these functions and no others of [`crate::audit`].

use std::error::Error;
use std::fmt::Display;

use super::exchange::Exchange;
use crate::audit::{self, AuditDocument, AuditKind, AuthProtocol, Failure, RequestFacts};
use crate::claims::NetworkLocation;
use crate::config::ClaimsProviderTrust;
use crate::directory::Reason;
use crate::sign_in::{Permit, Refusal, Session, SignInRequest};

/// A request ended on the error page: 364, and what belongs to the token that policy denied.
pub(super) fn refused(exchange: &Exchange<'_>, refusal: &Refusal, relying_party: Option<&str>) {
    let context = &exchange.context;
    audit::passive_request_failed(
        context.activity_id,
        context.client_ip,
        &context.endpoint_path,
        relying_party,
        refusal.code(),
        &refusal.to_string(),
    );
    if let Refusal::AccessDenied {
        user,
        claims_provider,
        relying_party,
    } = refusal
    {
        audit::authorization_refused(context.activity_id, Some(relying_party), Some(user));
        let failure = Failure {
            kind: "AuthorizationError",
            code: refusal.code(),
        };
        audit::record(
            &AuditDocument {
                failure: Some(failure),
                relying_party: Some(relying_party),
                claims_provider: Some(claims_provider),
                user: Some(user),
                ..app_token(exchange)
            },
            None,
        );
    }
}

/// The answer of a permitted sign-in could not be made: 1201. The error page that follows writes 364.
pub(super) fn issuance_failed(
    exchange: &Exchange<'_>,
    request: &SignInRequest,
    permit: &Permit,
    error: &dyn Error,
) {
    let failure = Failure {
        kind: "TokenIssuanceError",
        code: Refusal::Issuance.code(),
    };
    let user = permit.principal().user();
    audit::record(
        &AuditDocument {
            failure: Some(failure),
            relying_party: Some(&request.identifier),
            claims_provider: Some(permit.principal().claims_provider()),
            user: Some(&user),
            method: Some(permit.session().method()),
            ..app_token(exchange)
        },
        None,
    );
    tracing::error!(
        activity_id = %exchange.context.activity_id,
        relying_party = %audit::Clean(&request.identifier),
        error = %audit::Clean(&error.to_string()),
        "a token could not be issued"
    );
}

/// A token was issued: 1200 and 299.
pub(super) fn issued(
    exchange: &Exchange<'_>,
    request: &SignInRequest,
    permit: &Permit,
    token_id: &str,
) {
    let user = permit.principal().user();
    let document = AuditDocument {
        relying_party: Some(&request.identifier),
        claims_provider: Some(permit.principal().claims_provider()),
        user: Some(&user),
        method: Some(permit.session().method()),
        ..app_token(exchange)
    };
    audit::record(&document, Some(token_id));
    audit::token_issued(
        exchange.context.activity_id,
        token_id,
        &request.identifier,
        &user,
    );
}

/// Credentials were right: 1202 and 412. `user` is `DOMAIN\user`.
pub(super) fn credentials_accepted(
    exchange: &Exchange<'_>,
    request: &SignInRequest,
    user: &str,
    method: &str,
) {
    let document = AuditDocument {
        kind: AuditKind::FreshCredentials,
        relying_party: Some(&request.identifier),
        user: Some(user),
        method: Some(method),
        ..app_token(exchange)
    };
    audit::record(&document, None);
    audit::credentials_checked(
        exchange.context.activity_id,
        user,
        exchange.context.client_ip,
        None,
    );
}

/// A claims provider vouched for somebody: 1202 and 412.
pub(super) fn vouched(exchange: &Exchange<'_>, trust: &ClaimsProviderTrust, session: &Session) {
    let document = AuditDocument {
        kind: AuditKind::FreshCredentials,
        claims_provider: Some(&trust.identifier),
        user: Some(session.user()),
        method: Some(session.method()),
        ..app_token(exchange)
    };
    audit::record(&document, None);
    audit::credentials_checked(
        exchange.context.activity_id,
        session.user(),
        exchange.context.client_ip,
        None,
    );
}

/// The answer of a claims provider was not accepted: 1203 and 411. `reason` is for administrators only.
pub(super) fn not_vouched(
    exchange: &Exchange<'_>,
    trust: &ClaimsProviderTrust,
    reason: &dyn Display,
) {
    let document = AuditDocument {
        kind: AuditKind::FreshCredentials,
        failure: Some(Failure {
            kind: "CredentialValidationError",
            code: None,
        }),
        claims_provider: Some(&trust.identifier),
        ..app_token(exchange)
    };
    audit::record(&document, None);
    let reason = format!(
        "the answer of the claims provider {:?}: {reason}",
        trust.name
    );
    audit::credentials_checked(
        exchange.context.activity_id,
        "-",
        exchange.context.client_ip,
        Some(&reason),
    );
}

/// Credentials were not accepted: 1203 and 411, or 1210 and 411 where extranet lockout refused them unseen. `user` is what was typed; `reason` is for administrators only.
pub(super) fn credentials_refused(
    exchange: &Exchange<'_>,
    request: &SignInRequest,
    user: &str,
    reason: Reason,
) {
    let (kind, failure) = if reason == Reason::ExtranetLockout {
        let failure = Failure {
            kind: "ExtranetLockoutError",
            code: Some("AccountRestrictedAudit"),
        };
        (AuditKind::ExtranetLockout, failure)
    } else {
        let failure = Failure {
            kind: "CredentialValidationError",
            code: None,
        };
        (AuditKind::FreshCredentials, failure)
    };
    let document = AuditDocument {
        kind,
        failure: Some(failure),
        relying_party: Some(&request.identifier),
        user: Some(user),
        ..app_token(exchange)
    };
    audit::record(&document, None);
    let reason = reason.to_string();
    audit::credentials_checked(
        exchange.context.activity_id,
        user,
        exchange.context.client_ip,
        Some(&reason),
    );
}

/// A session was signed out, or the store could not note it: 1206 or 1207. `relying_party` asked for it, if one did;
/// whose session it was is unknown where the browser has lost it.
pub(super) fn signed_out(
    exchange: &Exchange<'_>,
    session: Option<&Session>,
    relying_party: Option<&str>,
    done: bool,
) {
    let failure = Failure {
        kind: "StoreError",
        code: None,
    };
    let document = AuditDocument {
        kind: AuditKind::SignOut,
        failure: (!done).then_some(failure),
        relying_party,
        claims_provider: session.and_then(Session::claims_provider),
        user: session.map(Session::user),
        method: session.map(Session::method),
        ..app_token(exchange)
    };
    audit::record(&document, None);
}

/// Single logout did not reach everybody: 364 with MSIS7055.
pub(super) fn partly_signed_out(exchange: &Exchange<'_>, relying_party: Option<&str>) {
    let context = &exchange.context;
    audit::passive_request_failed(
        context.activity_id,
        context.client_ip,
        &context.endpoint_path,
        relying_party,
        Some("MSIS7055"),
        "not every application of the session could be signed out",
    );
}

/// By which protocol the browser came. The requests of WS-Federation alone have a `wa`.
fn protocol(exchange: &Exchange<'_>) -> AuthProtocol {
    let mut parameters = exchange.request.query_string().split('&');
    if parameters.any(|parameter| parameter.starts_with("wa=")) {
        AuthProtocol::WsFederation
    } else {
        AuthProtocol::Saml
    }
}

/// The document of this exchange with everything open but its request.
fn app_token<'a>(exchange: &'a Exchange<'_>) -> AuditDocument<'a> {
    let context = &exchange.context;
    let extranet = context.network_location == NetworkLocation::Extranet;
    AuditDocument {
        kind: AuditKind::AppToken,
        failure: None,
        relying_party: None,
        claims_provider: None,
        user: None,
        method: None,
        request: RequestFacts {
            activity_id: context.activity_id,
            server: &exchange.configuration.service.identifier,
            protocol: Some(protocol(exchange)),
            extranet,
            client: context.client_ip,
            forwarded: context.forwarded_client_ip.as_deref(),
            proxy_address: extranet.then_some(context.peer_ip),
            proxy: context.proxy.as_deref(),
            user_agent: context.user_agent.as_deref(),
            endpoint: &context.endpoint_path,
        },
    }
}
