//! Refusals of the played Entra ID, with the numbers of spec cloud-scenario 2.5 and 3.4.

use actix_web::http::StatusCode;

/// Why a request got no further. People see number and text; tests read the number from `x-lab-aadsts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// AADSTS number.
    pub(crate) number: u32,
    /// The lab's finer reason where one number has several.
    pub(crate) sub: Option<&'static str>,
    /// What happened and what to look at, without the number.
    pub(crate) text: String,
    /// Always a 4xx: a refusal is an answer, not a fault.
    pub(crate) status: StatusCode,
}

impl Refusal {
    /// A refusal with status 400.
    pub(crate) fn new(number: u32, text: impl Into<String>) -> Refusal {
        Refusal {
            number,
            sub: None,
            text: text.into(),
            status: StatusCode::BAD_REQUEST,
        }
    }

    /// Names the finer reason.
    #[must_use]
    pub(crate) fn sub(mut self, sub: &'static str) -> Refusal {
        self.sub = Some(sub);
        self
    }

    /// Takes another 4xx status.
    #[must_use]
    pub(crate) fn status(mut self, status: StatusCode) -> Refusal {
        self.status = status;
        self
    }

    /// The line that Entra prints: `AADSTSnnnnn: text`.
    pub(crate) fn message(&self) -> String {
        format!("AADSTS{}: {}", self.number, self.text)
    }

    /// 90081: not a sign-in response at all.
    pub(crate) fn no_response(text: impl Into<String>) -> Refusal {
        Refusal::new(90081, text)
    }

    /// 90013: input that cannot be read.
    pub(crate) fn invalid_input(text: impl Into<String>) -> Refusal {
        Refusal::new(90013, text)
    }

    /// 20012: not the expected WS-Federation message.
    pub(crate) fn malformed_response(text: impl Into<String>) -> Refusal {
        Refusal::new(
            20012,
            format!("The WS-Federation message is invalid: {}.", text.into()),
        )
    }

    /// 50107: no federated domain has this issuer.
    pub(crate) fn unknown_realm(issuer: &str) -> Refusal {
        Refusal::new(
            50107,
            format!("The requested federation realm object '{issuer}' does not exist."),
        )
    }

    /// 5000811: signed by a certificate that the domain does not list.
    pub(crate) fn unknown_key() -> Refusal {
        Refusal::new(
            5_000_811,
            "Unable to verify token signature. The signing certificate in the token is neither signingCertificate nor \
             nextSigningCertificate of the domain.",
        )
    }

    /// 50008: the token fails a check.
    pub(crate) fn invalid_token(sub: &'static str, text: impl Into<String>) -> Refusal {
        Refusal::new(50008, format!("SAML token is invalid: {}.", text.into())).sub(sub)
    }

    /// 51004: nobody in the tenant has this ImmutableID.
    pub(crate) fn unknown_user(immutable_id: &str, tenant: &str) -> Refusal {
        Refusal::new(
            51004,
            format!(
                "The user account '{immutable_id}' does not exist in the {tenant} directory. To sign into this application, the account must be added to the directory."
            ),
        )
    }

    /// 50057: the account is switched off.
    pub(crate) fn account_disabled() -> Refusal {
        Refusal::new(50057, "The user account is disabled.")
    }

    /// 50089: the sign-in took too long, or is not one of ours.
    pub(crate) fn stale_request(sub: &'static str, text: &str) -> Refusal {
        Refusal::new(50089, format!("{text} Start the sign-in again.")).sub(sub)
    }

    /// 700016: no such application.
    pub(crate) fn unknown_client(client_id: &str) -> Refusal {
        Refusal::new(
            700_016,
            format!("Application with identifier '{client_id}' was not found in the directory."),
        )
    }

    /// 50011: the reply address is not the application's.
    pub(crate) fn unregistered_redirect() -> Refusal {
        Refusal::new(
            50011,
            "The redirect URI in the request does not match one that is registered for the application.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_entras_form() {
        let refusal = Refusal::unknown_realm("http://other/");
        assert_eq!(
            refusal.message(),
            "AADSTS50107: The requested federation realm object 'http://other/' does not exist."
        );
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
    }
}
