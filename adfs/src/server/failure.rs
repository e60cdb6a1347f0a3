//! How each refusal and each notice looks to a person: status, heading, what to do. Texts are named by their keys in
//! `templates/texts/en.ftl`.

use actix_web::http::StatusCode;

use crate::authentication::Mistake;
use crate::sign_in::{Notice, Prompt, Refusal};

/// The status and the keys of the fixed texts of one refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Explanation {
    /// Status of the answer. Never 500: nothing that a client sends is our failure (spec passive-sign-in 8.1).
    pub(super) status: StatusCode,
    /// Key of one line.
    pub(super) heading: &'static str,
    /// Key of what the user can do.
    pub(super) message: &'static str,
}

/// The texts for `refusal`.
pub(super) fn explain(refusal: &Refusal) -> Explanation {
    let (status, heading, message) = match refusal {
        Refusal::NoHandler => (
            StatusCode::BAD_REQUEST,
            "no-handler-heading",
            "no-handler-message",
        ),
        Refusal::ProtocolUnavailable => (
            StatusCode::BAD_REQUEST,
            "protocol-heading",
            "protocol-message",
        ),
        Refusal::NotPublished => (
            StatusCode::BAD_REQUEST,
            "not-published-heading",
            "not-published-message",
        ),
        Refusal::IdpInitiatedDisabled => (
            StatusCode::BAD_REQUEST,
            "idp-initiated-heading",
            "idp-initiated-message",
        ),
        Refusal::SamlMessage(_)
        | Refusal::Destination
        | Refusal::MessageTime
        | Refusal::SignatureRequired
        | Refusal::LogoutNotSigned
        | Refusal::Replayed
        | Refusal::NoSigningCertificate
        | Refusal::SignatureInvalid
        | Refusal::SignatureAlgorithm
        | Refusal::Context
        | Refusal::Malformed => (
            StatusCode::BAD_REQUEST,
            "malformed-heading",
            "malformed-message",
        ),
        Refusal::NoPendingSignOut | Refusal::NotSignedOut => (
            StatusCode::BAD_REQUEST,
            "signed-out-not-everywhere-heading",
            "signed-out-not-everywhere-advice",
        ),
        Refusal::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large-heading",
            "too-large-message",
        ),
        Refusal::CrossSite => (
            StatusCode::FORBIDDEN,
            "cross-site-heading",
            "cross-site-message",
        ),
        Refusal::UnknownRelyingParty => (
            StatusCode::BAD_REQUEST,
            "unknown-party-heading",
            "unknown-party-message",
        ),
        Refusal::ReplyNotRegistered | Refusal::ConsumerNotRegistered => {
            (StatusCode::BAD_REQUEST, "reply-heading", "reply-message")
        }
        Refusal::MethodNotSupported => {
            (StatusCode::BAD_REQUEST, "method-heading", "method-message")
        }
        Refusal::Passive => (StatusCode::BAD_REQUEST, "method-heading", "method-message"),
        Refusal::SecondFactorUnavailable => (
            StatusCode::BAD_REQUEST,
            "second-factor-heading",
            "second-factor-message",
        ),
        Refusal::AccessDenied { .. } => (
            StatusCode::FORBIDDEN,
            "access-denied-heading",
            "access-denied-message",
        ),
        Refusal::Loop => (
            StatusCode::TOO_MANY_REQUESTS,
            "loop-heading",
            "loop-message",
        ),
        Refusal::TooManyAttempts { .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-heading",
            "too-many-message",
        ),
        Refusal::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable-heading",
            "unavailable-message",
        ),
        Refusal::NoPendingSignIn
        | Refusal::UnknownClaimsProvider
        | Refusal::ClaimsProviderRefused
        | Refusal::ClaimsProviderToken
        | Refusal::TooManyClaims => (
            StatusCode::BAD_REQUEST,
            "upstream-heading",
            "upstream-message",
        ),
        Refusal::Issuance | Refusal::NameIdPolicy => (
            StatusCode::BAD_REQUEST,
            "issuance-heading",
            "issuance-message",
        ),
    };
    Explanation {
        status,
        heading,
        message,
    }
}

/// Key of the text above the fields, and the id of the field that it is about (spec passive-sign-in 5.8).
pub(super) fn notice(prompt: &Prompt) -> (&'static str, &'static str) {
    match prompt.notice() {
        None => ("", ""),
        Some(Notice::Mistake(Mistake::UserName)) => ("user-name-format", "userNameInput"),
        Some(Notice::Mistake(Mistake::PasswordEmpty)) => ("password-empty", "passwordInput"),
        Some(Notice::Mistake(Mistake::PasswordTooLong)) => ("password-too-long", "passwordInput"),
        // One text for every reason, so that it tells nothing apart.
        Some(Notice::Incorrect) => ("incorrect", "passwordInput"),
        Some(Notice::PasswordExpired) => ("password-expired", "passwordInput"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::Language;

    #[test]
    fn texts_begin_with_what_clients_look_for() {
        let english = |notice| Language::english().say(super::notice(&Prompt::after(notice)).0);
        assert!(english(Notice::Incorrect).starts_with("Incorrect user ID or password"));
        assert!(english(Notice::PasswordExpired).starts_with("Your password has expired"));
        assert_eq!(notice(&Prompt::default()), ("", ""));
    }
}
