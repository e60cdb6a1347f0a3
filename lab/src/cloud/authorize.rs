//! The authorization endpoint (spec cloud-scenario 2.3) and the way from there to the federation service (2.4).

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use url::Url;
use uuid::Uuid;

use super::http::{self, cross_site};
use super::pages::{EmailPage, Frame, Hidden};
use super::parameters::Parameters;
use super::realms::{Authentication, FederationSettings, PromptLogin};
use super::refusal::Refusal;
use super::sign_in_request::{CodeRequest, SignInRequest};
use super::tenant::TENANT_ID;
use super::trace::Mark;
use super::{Cloud, ENTRA_IDENTIFIER};
use crate::random;

const PASSWORD_METHOD: &str =
    "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password";
/// A UPN has at most 113 characters in Entra; room for what people type.
const MAX_NAME: usize = 256;

/// `GET /{tenant}/oauth2/authorize` and `/{tenant}/oauth2/v2.0/authorize`.
pub(super) async fn get(
    request: HttpRequest,
    tenant: Path<String>,
    cloud: Data<Cloud>,
) -> HttpResponse {
    match authorize(&request, &tenant, &cloud) {
        Ok(response) => response,
        Err(refusal) => http::refused_early(&cloud, &refusal),
    }
}

/// `GET /`: asks who it is; `GET /login?login_hint=...`: signs that user in without an application.
pub(super) async fn home(request: HttpRequest, cloud: Data<Cloud>) -> HttpResponse {
    if session(&request, &cloud).is_some() {
        return http::redirect(&cloud.addresses.application_url()).finish();
    }
    ask(&cloud, StatusCode::OK, "/login", "", None, Vec::new())
}

/// See [`home`].
pub(super) async fn login(request: HttpRequest, cloud: Data<Cloud>) -> HttpResponse {
    match http::query(&request) {
        Ok(parameters) => discover(&request, &cloud, &parameters, "/login", None),
        Err(refusal) => http::refused_early(&cloud, &refusal),
    }
}

fn session(
    request: &HttpRequest,
    cloud: &Cloud,
) -> Option<(String, std::sync::Arc<super::sessions::SignedIn>)> {
    let id = http::cookie(request, http::SESSION)?;
    let signed_in = cloud.sessions.find(&id, cloud.clock.now())?;
    Some((id, signed_in))
}

fn authorize(request: &HttpRequest, tenant: &str, cloud: &Cloud) -> Result<HttpResponse, Refusal> {
    if !["common", "organizations", TENANT_ID].contains(&tenant)
        && cloud.realms.of_domain(tenant).is_none()
    {
        return Err(Refusal::new(90002, format!("Tenant '{tenant}' not found.")));
    }
    let parameters = http::query(request)?;
    let client_id = parameters.get("client_id").unwrap_or_default();
    let client = cloud
        .clients
        .find(client_id)
        .ok_or_else(|| Refusal::unknown_client(client_id))?;
    let redirect_uri = parameters.get("redirect_uri").unwrap_or_default();
    if !client.allows(redirect_uri) {
        return Err(Refusal::unregistered_redirect());
    }
    let code_request = CodeRequest {
        client_id: client.id.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        state: parameters.get("state").map(str::to_owned),
        fragment: parameters.get("response_mode") == Some("fragment"),
        code_challenge: parameters.get("code_challenge").map(str::to_owned),
    };
    if let Some((error, description)) = unsupported(&parameters) {
        return Ok(error_to_application(&code_request, error, description));
    }
    let prompt = parameters.get("prompt");
    let hint = parameters.get("login_hint");
    if let Some((id, signed_in)) = session(request, cloud)
        && !matches!(prompt, Some("login" | "select_account"))
        && hint.is_none_or(|hint| hint.eq_ignore_ascii_case(&signed_in.user.upn))
    {
        cloud.trace.add(
            signed_in.run,
            cloud.clock.now(),
            Mark::Passed,
            "entra",
            format!(
                "{} gets in by the session, without a new sign-in",
                client.name
            ),
        );
        return Ok(answer_application(
            cloud,
            signed_in.run,
            &id,
            code_request,
            None,
        ));
    }
    if prompt == Some("none") {
        return Ok(error_to_application(
            &code_request,
            "login_required",
            "AADSTS50058: No session, and prompt=none.",
        ));
    }
    Ok(discover(
        request,
        cloud,
        &parameters,
        request.path(),
        Some(code_request),
    ))
}

/// What the lab does not play is refused to the application by name.
fn unsupported(parameters: &Parameters) -> Option<(&'static str, &'static str)> {
    if parameters.get("response_type") != Some("code") {
        return Some((
            "unsupported_response_type",
            "AADSTS70005: response_type must be code.",
        ));
    }
    if !matches!(
        parameters.get("response_mode"),
        None | Some("query" | "fragment")
    ) {
        return Some((
            "invalid_request",
            "AADSTS90014: response_mode must be query or fragment.",
        ));
    }
    if parameters.get("code_challenge").is_some()
        && parameters.get("code_challenge_method") != Some("S256")
    {
        return Some((
            "invalid_request",
            "AADSTS90014: code_challenge_method must be S256.",
        ));
    }
    if !matches!(
        parameters.get("prompt"),
        None | Some("login" | "none" | "consent" | "select_account")
    ) {
        return Some((
            "invalid_request",
            "AADSTS90014: prompt must be login, none, consent or select_account.",
        ));
    }
    None
}

/// From a name to whoever checks its password.
fn discover(
    request: &HttpRequest,
    cloud: &Cloud,
    parameters: &Parameters,
    action: &str,
    application: Option<CodeRequest>,
) -> HttpResponse {
    let hint = parameters
        .get("login_hint")
        .or_else(|| parameters.get("username"))
        .map(str::trim)
        .filter(|hint| !hint.is_empty());
    let prompt = parameters.get("prompt");
    let again = |name: &str, message: Option<String>, status| {
        ask(cloud, status, action, name, message, carried(parameters))
    };
    let domain = match (hint, parameters.get("domain_hint")) {
        (Some(hint), _)
            if hint.chars().count() > MAX_NAME || hint.chars().any(char::is_control) =>
        {
            return again(
                "",
                Some("That is not a user name.".to_owned()),
                StatusCode::BAD_REQUEST,
            );
        }
        (Some(hint), _) => cloud.realms.of_upn(hint),
        (None, Some(domain)) => cloud.realms.of_domain(domain),
        (None, None) => return again("", None, StatusCode::OK),
    };
    // The picker is left by naming a user in its form, which sends prompt no more.
    if prompt == Some("select_account") {
        return again(hint.unwrap_or_default(), None, StatusCode::OK);
    }
    match domain.map(|domain| (domain.name, &domain.authentication)) {
        Some((_, Authentication::Federated(settings))) => {
            send_to_federation_service(request, cloud, settings, hint, prompt == Some("login"), application)
        }
        Some((name, Authentication::Managed)) => again(
            hint.unwrap_or_default(),
            Some(format!("{name} is a managed domain: its passwords are checked by the cloud, which this version of the lab does not play. Use a name of contoso.test or fabrikam.test.")),
            StatusCode::BAD_REQUEST,
        ),
        None => again(
            hint.unwrap_or_default(),
            Some("We could not find an account with that user name. It ends in @contoso.test or @fabrikam.test.".to_owned()),
            StatusCode::BAD_REQUEST,
        ),
    }
}

/// What the form must say again so that the request survives it.
fn carried(parameters: &Parameters) -> Vec<Hidden> {
    const NAMES: [&str; 11] = [
        "client_id",
        "response_type",
        "redirect_uri",
        "scope",
        "resource",
        "response_mode",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "client-request-id",
    ];
    NAMES
        .iter()
        .filter_map(|name| {
            parameters.get(name).map(|value| Hidden {
                name,
                value: value.to_owned(),
            })
        })
        .collect()
}

fn ask(
    cloud: &Cloud,
    status: StatusCode,
    action: &str,
    name: &str,
    message: Option<String>,
    hidden: Vec<Hidden>,
) -> HttpResponse {
    let page = EmailPage {
        frame: Frame::of(cloud),
        action,
        name,
        message,
        hidden,
    };
    http::page(cloud, status, &page)
}

fn send_to_federation_service(
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

/// Sends a code to the application.
pub(super) fn answer_application(
    cloud: &Cloud,
    run: Uuid,
    session: &str,
    request: CodeRequest,
    cookie: Option<Cookie<'static>>,
) -> HttpResponse {
    let now = cloud.clock.now();
    let code = match cloud.sessions.issue_code(session, request.clone(), now) {
        Ok(code) => code,
        Err(error) => return http::unavailable(&error),
    };
    cloud.trace.add(
        run,
        now,
        Mark::Passed,
        "entra",
        "code issued to the application",
    );
    let mut response = to_application(&request, &[("code", &code)]);
    if let Some(cookie) = cookie {
        response.cookie(cookie);
    }
    response.finish()
}

fn error_to_application(request: &CodeRequest, error: &str, description: &str) -> HttpResponse {
    to_application(
        request,
        &[("error", error), ("error_description", description)],
    )
    .finish()
}

fn to_application(request: &CodeRequest, pairs: &[(&str, &str)]) -> actix_web::HttpResponseBuilder {
    let mut answer = url::form_urlencoded::Serializer::new(String::new());
    answer.extend_pairs(pairs);
    if let Some(state) = &request.state {
        answer.append_pair("state", state);
    }
    let answer = answer.finish();
    // The address was compared with the registered one, so it parses; if not, it is sent as registered and nothing more.
    let target = Url::parse(&request.redirect_uri).map_or_else(
        |_| request.redirect_uri.clone(),
        |mut url| {
            if request.fragment {
                url.set_fragment(Some(&answer))
            } else {
                url.set_query(Some(&answer))
            }
            url.into()
        },
    );
    http::redirect(&target)
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
