//! `wa` requests, from parameters that are decoded already.

use thiserror::Error;

/// More parameters than any request has; Entra sends about ten.
const MAX_PARAMETERS: usize = 100;
/// Longest value, in bytes. `wctx` comes back to the sender and Entra's has some thousand bytes.
const MAX_VALUE: usize = 16 * 1024;

/// Why a request is refused. No message quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RequestError {
    /// No `wa`.
    #[error("the request has no parameter wa")]
    NoAction,
    /// A `wa` that is none of the three.
    #[error("the request's wa is not wsignin1.0, wsignout1.0 or wsignoutcleanup1.0")]
    UnknownAction,
    /// A parameter that we understand comes twice; whoever checks one of them might not be whoever uses the other.
    #[error("the request has the parameter {0} more than once")]
    Repeated(&'static str),
    /// Both `wreq` and `wreqptr`.
    #[error("the request has both wreq and wreqptr")]
    TwoTokenRequests,
    /// `wresult` or `wresultptr`.
    #[error("the request carries a result, so it is an answer and not a request")]
    Answer,
    /// Too many parameters, or too long a value.
    #[error(
        "the request has more than {MAX_PARAMETERS} parameters, or one longer than {MAX_VALUE} bytes"
    )]
    TooLarge,
}

/// A request, well formed and otherwise unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it is taken apart at once"
)]
pub enum PassiveRequest {
    /// `wsignin1.0`.
    SignIn(SignInRequest),
    /// `wsignout1.0`.
    SignOut(SignOutRequest),
    /// `wsignoutcleanup1.0`.
    SignOutCleanup(SignOutRequest),
}

/// The parameters of `wsignin1.0`, as sent. Absent and empty are different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignInRequest {
    /// Identifier of the relying party.
    pub wtrealm: Option<String>,
    /// Where the answer should go.
    pub wreply: Option<String>,
    /// Opaque; goes back unchanged.
    pub wctx: Option<String>,
    /// When the request was made; informative.
    pub wct: Option<String>,
    /// Greatest age of the authentication, in minutes.
    pub wfresh: Option<String>,
    /// Authentication method that is demanded, a URI.
    pub wauth: Option<String>,
    /// Claims provider that is wished for.
    pub whr: Option<String>,
    /// A `RequestSecurityToken`, see [`super::requested_token_type`].
    pub wreq: Option<String>,
    /// Name for the sign-in form.
    pub username: Option<String>,
    /// The same, by its newer name.
    pub login_hint: Option<String>,
    /// Domain for home realm discovery.
    pub domain_hint: Option<String>,
    /// `login` demands fresh credentials.
    pub prompt: Option<String>,
    /// Greatest age of the second factor, in seconds (spec cloud-scenario 2.4).
    pub mfa_max_age: Option<String>,
}

/// The parameters of `wsignout1.0` and `wsignoutcleanup1.0`, as sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignOutRequest {
    /// Identifier of the relying party; often absent.
    pub wtrealm: Option<String>,
    /// Where to go afterwards.
    pub wreply: Option<String>,
    /// Opaque.
    pub wctx: Option<String>,
}

impl PassiveRequest {
    /// Reads decoded parameters. Names are matched exactly; unknown ones are ignored and may repeat, known ones may not.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn parse(parameters: &[(String, String)]) -> Result<PassiveRequest, RequestError> {
        if parameters.len() > MAX_PARAMETERS
            || parameters.iter().any(|(_, value)| value.len() > MAX_VALUE)
        {
            return Err(RequestError::TooLarge);
        }
        let one = |name| one(parameters, name);
        let action = one("wa")?.ok_or(RequestError::NoAction)?;
        if one("wresult")?.is_some() || one("wresultptr")?.is_some() {
            return Err(RequestError::Answer);
        }
        let sign_out = || {
            Ok(SignOutRequest {
                wtrealm: one("wtrealm")?,
                wreply: one("wreply")?,
                wctx: one("wctx")?,
            })
        };
        match action.as_str() {
            "wsignin1.0" => SignInRequest::parse(parameters).map(PassiveRequest::SignIn),
            "wsignout1.0" => sign_out().map(PassiveRequest::SignOut),
            "wsignoutcleanup1.0" => sign_out().map(PassiveRequest::SignOutCleanup),
            _ => Err(RequestError::UnknownAction),
        }
    }
}

impl SignInRequest {
    fn parse(parameters: &[(String, String)]) -> Result<SignInRequest, RequestError> {
        let one = |name| one(parameters, name);
        let wreq = one("wreq")?;
        if one("wreqptr")?.is_some() && wreq.is_some() {
            return Err(RequestError::TwoTokenRequests);
        }
        Ok(SignInRequest {
            wtrealm: one("wtrealm")?,
            wreply: one("wreply")?,
            wctx: one("wctx")?,
            wct: one("wct")?,
            wfresh: one("wfresh")?,
            wauth: one("wauth")?,
            whr: one("whr")?,
            wreq,
            username: one("username")?,
            login_hint: one("login_hint")?,
            domain_hint: one("domain_hint")?,
            prompt: one("prompt")?,
            mfa_max_age: one("mfa_max_age")?,
        })
    }
}

fn one(
    parameters: &[(String, String)],
    name: &'static str,
) -> Result<Option<String>, RequestError> {
    let mut values = parameters
        .iter()
        .filter(|(found, _)| found == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(RequestError::Repeated(name)),
        (value, None) => Ok(value.cloned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<PassiveRequest, RequestError> {
        let owned: Vec<(String, String)> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        PassiveRequest::parse(&owned)
    }

    #[test]
    fn entra_s_request_is_read_as_sent() {
        let wctx = "LoginOptions=3&estsredirect=2&estsrequest=rQIIA\u{e9}<\">";
        let request = parse(&[
            ("client-request-id", "6f1c"),
            ("username", "alice@contoso.test"),
            ("wa", "wsignin1.0"),
            ("wtrealm", "urn:federation:MicrosoftOnline"),
            ("wctx", wctx),
            ("cbcxt", ""),
            ("cbcxt", "twice"),
            ("wfresh", ""),
        ]);
        let expected = SignInRequest {
            wtrealm: Some("urn:federation:MicrosoftOnline".to_owned()),
            wctx: Some(wctx.to_owned()),
            username: Some("alice@contoso.test".to_owned()),
            wfresh: Some(String::new()),
            ..SignInRequest::default()
        };
        assert_eq!(request, Ok(PassiveRequest::SignIn(expected)));
    }

    #[test]
    fn sign_out_and_cleanup_are_told_apart() {
        let wreply = Some("https://rp.example/".to_owned());
        let message = SignOutRequest {
            wreply,
            ..SignOutRequest::default()
        };
        let pair = ("wreply", "https://rp.example/");
        assert_eq!(
            parse(&[("wa", "wsignout1.0"), pair]),
            Ok(PassiveRequest::SignOut(message.clone()))
        );
        assert_eq!(
            parse(&[("wa", "wsignoutcleanup1.0"), pair]),
            Ok(PassiveRequest::SignOutCleanup(message))
        );
    }

    #[test]
    fn contradictions_are_refused() {
        let long = "x".repeat(MAX_VALUE + 1);
        let sign_in = ("wa", "wsignin1.0");
        for (pairs, expected) in [
            (vec![], RequestError::NoAction),
            (vec![("WA", "wsignin1.0")], RequestError::NoAction),
            (vec![("wa", "wattr1.0")], RequestError::UnknownAction),
            (vec![("wa", "WSIGNIN1.0")], RequestError::UnknownAction),
            (
                vec![sign_in, ("wa", "wsignout1.0")],
                RequestError::Repeated("wa"),
            ),
            (
                vec![sign_in, ("wctx", "1"), ("wctx", "1")],
                RequestError::Repeated("wctx"),
            ),
            (
                vec![("wa", "wsignout1.0"), ("wreply", "1"), ("wreply", "2")],
                RequestError::Repeated("wreply"),
            ),
            (
                vec![sign_in, ("wreq", ""), ("wreqptr", "")],
                RequestError::TwoTokenRequests,
            ),
            (vec![sign_in, ("wresult", "<a/>")], RequestError::Answer),
            (
                vec![sign_in, ("wctx", long.as_str())],
                RequestError::TooLarge,
            ),
            (vec![("x", "y"); MAX_PARAMETERS + 1], RequestError::TooLarge),
        ] {
            assert_eq!(parse(&pairs), Err(expected), "{expected}");
        }
    }

    proptest! {
        #[test]
        fn every_parameter_comes_through_or_the_request_is_refused(
            pairs in proptest::collection::vec(("wa|wtrealm|wreply|wctx|wfresh|prompt|username|other", "wsignin1\\.0|.{0,20}"), 0..8)
        ) {
            let value = |name: &str| pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
            if let Ok(PassiveRequest::SignIn(request)) = PassiveRequest::parse(&pairs) {
                prop_assert_eq!(value("wa"), Some("wsignin1.0".to_owned()));
                for (name, read) in [
                    ("wtrealm", &request.wtrealm), ("wreply", &request.wreply), ("wctx", &request.wctx),
                    ("wfresh", &request.wfresh), ("prompt", &request.prompt), ("username", &request.username),
                ] {
                    prop_assert_eq!(&value(name), read);
                    prop_assert!(pairs.iter().filter(|(found, _)| found == name).count() <= 1);
                }
            }
        }
    }
}
