//! What `wfresh`, `prompt` and `wauth` demand (spec passive-sign-in 2.2 and 2.3).

use time::Duration;

use crate::sign_in::{DemandedMethod, Freshness, Refusal};

const PASSWORD: [&str; 4] = [
    "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password",
    "urn:oasis:names:tc:SAML:1.0:am:password",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
];
/// The second is satisfied inside the network by Windows authentication, which is not offered here; what remains of it
/// is the second factor.
const SECOND_FACTOR: [&str; 2] = [
    "http://schemas.microsoft.com/claims/multipleauthn",
    "http://schemas.microsoft.com/claims/wiaormultiauthn",
];

/// `wfresh` is a number of minutes, 0 for "now"; `prompt=login` is the same as 0.
///
/// # Errors
/// [`Refusal::Malformed`] when `wfresh` is no number: to guess would be to weaken a demand.
pub(super) fn freshness(wfresh: Option<&str>, prompt: Option<&str>) -> Result<Freshness, Refusal> {
    if prompt == Some("login") {
        return Ok(Freshness::Now);
    }
    match wfresh.map(str::trim) {
        None | Some("") => Ok(Freshness::AnyAge),
        Some(minutes) => match minutes.parse::<u32>() {
            Ok(0) => Ok(Freshness::Now),
            Ok(minutes) => Ok(Freshness::AtMost(Duration::minutes(minutes.into()))),
            Err(_) => Err(Refusal::Malformed),
        },
    }
}

/// `wauth` names one method.
///
/// # Errors
/// [`Refusal::MethodNotSupported`].
pub(super) fn method(wauth: Option<&str>) -> Result<DemandedMethod, Refusal> {
    match wauth {
        None | Some("") => Ok(DemandedMethod::Any),
        Some(uri) if PASSWORD.contains(&uri) => Ok(DemandedMethod::Password),
        Some(uri) if SECOND_FACTOR.contains(&uri) => Ok(DemandedMethod::SecondFactor),
        Some(_) => Err(Refusal::MethodNotSupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_is_in_minutes_and_prompt_login_is_now() {
        assert_eq!(freshness(None, None), Ok(Freshness::AnyAge));
        assert_eq!(freshness(Some("0"), None), Ok(Freshness::Now));
        assert_eq!(
            freshness(Some("30"), None),
            Ok(Freshness::AtMost(Duration::minutes(30)))
        );
        assert_eq!(freshness(None, Some("login")), Ok(Freshness::Now));
        assert_eq!(
            freshness(None, Some("select_account")),
            Ok(Freshness::AnyAge)
        );
        for broken in ["-1", "x", "99999999999"] {
            assert_eq!(freshness(Some(broken), None), Err(Refusal::Malformed));
        }
    }

    #[test]
    fn methods_are_known_by_their_http_spelling_only() {
        for uri in PASSWORD {
            assert_eq!(method(Some(uri)), Ok(DemandedMethod::Password));
        }
        assert_eq!(
            method(Some(SECOND_FACTOR[0])),
            Ok(DemandedMethod::SecondFactor)
        );
        for uri in [
            "urn:federation:authentication:windows",
            "https://schemas.microsoft.com/claims/multipleauthn",
            "x",
        ] {
            assert_eq!(method(Some(uri)), Err(Refusal::MethodNotSupported));
        }
        assert_eq!(method(None), Ok(DemandedMethod::Any));
    }
}
