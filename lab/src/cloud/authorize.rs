//! The authorization endpoint (spec cloud-scenario 2.3).

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::Cloud;
use super::application_answer::{answer_application, error_to_application};
use super::home_realm::{discover, session};
use super::http;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::sign_in_request::CodeRequest;
use super::tenant::TENANT_ID;
use super::trace::Mark;

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
