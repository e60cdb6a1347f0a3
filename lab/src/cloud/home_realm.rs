//! From a user name to whoever checks its password: the form that asks, and home realm discovery behind it.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Cloud;
use super::http;
use super::pages::{EmailPage, Frame, Hidden};
use super::parameters::Parameters;
use super::passive_request::send_to_federation_service;
use super::realms::Authentication;
use super::sessions::SignedIn;
use super::sign_in_request::CodeRequest;

/// A UPN has at most 113 characters in Entra; room for what people type.
const MAX_NAME: usize = 256;

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

/// The session of this browser, while it lives.
pub(super) fn session(request: &HttpRequest, cloud: &Cloud) -> Option<(String, Arc<SignedIn>)> {
    let id = http::cookie(request, http::SESSION)?;
    let signed_in = cloud.sessions.find(&id, cloud.clock.now())?;
    Some((id, signed_in))
}

/// From a name to whoever checks its password.
pub(super) fn discover(
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
