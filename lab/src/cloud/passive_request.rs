//! The request to the federation service (spec cloud-scenario 2.4).

use actix_web::{HttpRequest, HttpResponse};

use super::http::{self, cross_site};
use super::realms::{FederationSettings, PromptLogin};
use super::sign_in_request::{CodeRequest, SignInRequest};
use super::trace::Mark;
use super::{Cloud, ENTRA_IDENTIFIER};
use crate::random;

const PASSWORD_METHOD: &str =
    "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password";

/// Sends the browser there, with the sign-in's state sealed into `wctx`.
pub(super) fn send_to_federation_service(
    request: &HttpRequest,
    cloud: &Cloud,
    settings: &FederationSettings,
    login_hint: Option<&str>,
    fresh: bool,
    application: Option<CodeRequest>,
) -> HttpResponse {
    let now = cloud.clock.now();
    let run = random::guid();
    let location = http::cookie(request, http::BROWSER)
        .map_or_else(random::token, Ok)
        .and_then(|browser| {
            let sign_in = SignInRequest {
                id: run,
                login_hint: login_hint.map(str::to_owned),
                application,
                browser: browser.clone(),
                began: now,
            };
            Ok((
                passive_request(settings, &sign_in, &cloud.seal.wctx(&sign_in)?, fresh),
                browser,
            ))
        });
    match location {
        Ok((location, browser)) => {
            cloud.trace.add(
                run,
                now,
                Mark::Passed,
                "entra",
                format!(
                    "{} is federated: sent to {}",
                    login_hint.unwrap_or("the user"),
                    settings.passive_sign_in_uri
                ),
            );
            if let Some(hint) = login_hint {
                cloud.trace.name(run, hint);
            }
            http::redirect(&location)
                .cookie(cross_site(http::BROWSER, browser))
                .finish()
        }
        Err(error) => http::unavailable(&error),
    }
}

/// The URL of spec cloud-scenario 2.4, parameters in the order that is seen there.
pub(super) fn passive_request(
    settings: &FederationSettings,
    request: &SignInRequest,
    wctx: &str,
    fresh: bool,
) -> String {
    let id = request.id.to_string();
    let mut pairs = vec![
        ("client-request-id", id.as_str()),
        (
            "username",
            request.login_hint.as_deref().unwrap_or_default(),
        ),
        ("wa", "wsignin1.0"),
        ("wtrealm", ENTRA_IDENTIFIER),
        ("wctx", wctx),
    ];
    if fresh {
        match settings.prompt_login {
            PromptLogin::Translate => pairs.extend([("wfresh", "0"), ("wauth", PASSWORD_METHOD)]),
            PromptLogin::Native => pairs.push(("prompt", "login")),
            PromptLogin::Disabled => pairs.push(("wfresh", "0")),
        }
    }
    let query: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", escape(value)))
        .collect();
    format!("{}?{}", settings.passive_sign_in_uri, query.join("&"))
}

/// Percent escapes in lower case, as Entra writes them.
pub(super) fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02x}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_lower_case() {
        assert_eq!(
            escape(ENTRA_IDENTIFIER),
            "urn%3afederation%3aMicrosoftOnline"
        );
        assert_eq!(
            escape("o'brien+ü@contoso.test"),
            "o%27brien%2b%c3%bc%40contoso.test"
        );
    }
}
