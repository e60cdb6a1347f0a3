//! How each refusal and each notice looks to a person: status, heading, what to do.

use actix_web::http::StatusCode;

use crate::authentication::Mistake;
use crate::sign_in::{Notice, Prompt, Refusal};

/// The fixed texts of one refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Explanation {
    /// Status of the answer. Never 500: nothing that a client sends is our failure (spec passive-sign-in 8.1).
    pub(super) status: StatusCode,
    /// One line.
    pub(super) heading: &'static str,
    /// What the user can do.
    pub(super) message: &'static str,
}

/// The texts for `refusal`.
pub(super) fn explain(refusal: &Refusal) -> Explanation {
    let (status, heading, message) = match refusal {
        Refusal::NoHandler => (
            StatusCode::BAD_REQUEST,
            "There is nothing to sign in to here",
            "This address answers only when an application sends you to it. Go back to the application and start again.",
        ),
        Refusal::ProtocolUnavailable => (
            StatusCode::BAD_REQUEST,
            "This kind of sign-in is not available",
            "The application asks in a way that this service does not offer. Contact your administrator.",
        ),
        Refusal::NotPublished => (
            StatusCode::BAD_REQUEST,
            "The application is not published",
            "The address that brought you here is out of date or incomplete. Contact your administrator.",
        ),
        Refusal::IdpInitiatedDisabled => (
            StatusCode::BAD_REQUEST,
            "Sign-in cannot start on this page",
            "Open the application that you want to use; it brings you back here to sign in.",
        ),
        Refusal::Malformed => (
            StatusCode::BAD_REQUEST,
            "The request is not valid",
            "Something in the address that brought you here is damaged. Go back to the application and start again.",
        ),
        Refusal::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "The request is too large",
            "Go back to the application and start again. If that does not help, contact your administrator.",
        ),
        Refusal::CrossSite => (
            StatusCode::FORBIDDEN,
            "The form came from another site",
            "For your protection it was not used. Open the application and sign in on the page that it shows.",
        ),
        Refusal::UnknownRelyingParty => (
            StatusCode::BAD_REQUEST,
            "The application is not known",
            "This service does not know the application that sent you, or it is switched off. Contact your administrator.",
        ),
        Refusal::ReplyNotRegistered => (
            StatusCode::BAD_REQUEST,
            "The request is not valid",
            "The application asked for an answer at an address that is not registered for it. Contact your administrator.",
        ),
        Refusal::MethodNotSupported => (
            StatusCode::BAD_REQUEST,
            "This way of signing in is not available",
            "The application demands a way of signing in that this service does not offer. Contact your administrator.",
        ),
        Refusal::SecondFactorUnavailable => (
            StatusCode::BAD_REQUEST,
            "Additional verification is not available",
            "The application demands additional verification, and this service has none set up. Contact your administrator.",
        ),
        Refusal::AccessDenied { .. } => (
            StatusCode::FORBIDDEN,
            "You do not have access",
            "You signed in, but you are not allowed to use this application. Contact your administrator.",
        ),
        Refusal::Loop => (
            StatusCode::TOO_MANY_REQUESTS,
            "The application keeps sending you back",
            "It asked for you several times within seconds. Close the browser, wait a moment, and start again.",
        ),
        Refusal::TooManyAttempts { .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many sign-in attempts",
            "Wait a minute, then try again.",
        ),
        Refusal::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Sign-in is not possible right now",
            "The service cannot reach your organization's directory. Your password was not checked. Try again in a moment.",
        ),
        Refusal::Issuance => (
            StatusCode::BAD_REQUEST,
            "An error occurred",
            "You signed in, but the answer for the application could not be made. Contact your administrator.",
        ),
    };
    Explanation {
        status,
        heading,
        message,
    }
}

/// Text above the fields, and the id of the field that it is about (spec passive-sign-in 5.8).
pub(super) fn notice(prompt: &Prompt) -> (&'static str, &'static str) {
    match prompt.notice() {
        None => ("", ""),
        Some(Notice::Mistake(Mistake::UserName)) => (
            r"Enter your user ID in the form user@domain or domain\user.",
            "userNameInput",
        ),
        Some(Notice::Mistake(Mistake::PasswordEmpty)) => ("Enter your password.", "passwordInput"),
        Some(Notice::Mistake(Mistake::PasswordTooLong)) => (
            "The password is too long: it has more than 128 characters.",
            "passwordInput",
        ),
        // Clients look for the first five words; one text for every reason, so that it tells nothing apart.
        Some(Notice::Incorrect) => (
            "Incorrect user ID or password. Check both and try again.",
            "passwordInput",
        ),
        // Clients look for the first four words.
        Some(Notice::PasswordExpired) => (
            "Your password has expired or must be changed before you can sign in. Change it on a computer of your \
             organization, or ask your help desk.",
            "passwordInput",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_begin_with_what_clients_look_for() {
        assert!(
            notice(&Prompt::after(Notice::Incorrect))
                .0
                .starts_with("Incorrect user ID or password")
        );
        assert!(
            notice(&Prompt::after(Notice::PasswordExpired))
                .0
                .starts_with("Your password has expired")
        );
        assert_eq!(notice(&Prompt::default()), ("", ""));
    }
}
