//! What every answer of the cloud has in common: headers, cookies, pages and refusals.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use askama::Template;
use time::macros::format_description;
use uuid::Uuid;

use super::Cloud;
use super::pages::{ErrorPage, Frame};
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::trace::Mark;
use crate::random;

/// Session at the cloud.
pub(super) const SESSION: &str = "ESTSAUTH";
/// Ties an answer of the federation service to the browser that asked.
pub(super) const BROWSER: &str = "buid";
/// Session at the application.
pub(super) const APPLICATION: &str = "LabApp";
/// An application sign-in under way.
pub(super) const APPLICATION_REQUEST: &str = "LabAppRequest";

const TOKEN_LENGTH: usize = 43;

/// A cookie that the browser also sends with the federation service's cross-site POST and from its sign-out frame.
pub(super) fn cross_site(name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::None)
        .finish()
}

/// A cookie for visits only.
pub(super) fn lax(name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish()
}

/// Takes a cookie away again.
pub(super) fn removed(mut cookie: Cookie<'static>) -> Cookie<'static> {
    cookie.set_value("");
    cookie.make_removal();
    cookie
}

/// The value of one of our cookies, if it has the form of one.
pub(super) fn cookie(request: &HttpRequest, name: &str) -> Option<String> {
    let value = request.cookie(name)?.value().to_owned();
    let ours = value.len() == TOKEN_LENGTH
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    ours.then_some(value)
}

/// Parameters of the query string.
pub(super) fn query(request: &HttpRequest) -> Result<Parameters, Refusal> {
    Parameters::parse(request.query_string())
}

/// Whether a form was sent by a page of the same origin (Fetch Metadata, else Origin).
pub(super) fn same_origin(request: &HttpRequest, origin: &str) -> bool {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    match header("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => header("origin") == Some(origin),
    }
}

/// An HTML page.
pub(super) fn page(cloud: &Cloud, status: StatusCode, template: &impl Template) -> HttpResponse {
    match template.render() {
        Ok(html) => {
            let mut response = html_response(cloud, status);
            response.body(html)
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Status and headers of an HTML page.
pub(super) fn html_response(cloud: &Cloud, status: StatusCode) -> HttpResponseBuilder {
    let addresses = &cloud.addresses;
    // Browsers hold form-action against every redirect that follows a form, so all stations of a sign-in are named.
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
         form-action 'self' {} {} {}",
        addresses.login_url(),
        addresses.lab_url(),
        addresses.adfs_url()
    );
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

/// A redirect by GET.
pub(super) fn redirect(target: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Found();
    response
        .insert_header((header::LOCATION, target))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

/// The error page of spec cloud-scenario 2.5, with `x-lab-aadsts` for tests. Never sent to an application.
pub(super) fn refused(cloud: &Cloud, run: Uuid, refusal: &Refusal) -> HttpResponse {
    let timestamp = cloud
        .clock
        .now()
        .format(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second]Z"
        ))
        .unwrap_or_default();
    tracing::info!(correlation_id = %run, aadsts = refusal.number, sub = refusal.sub, "refused");
    let page = ErrorPage {
        frame: Frame::of(cloud),
        message: refusal.message(),
        sub: refusal.sub,
        request_id: random::guid(),
        correlation_id: run,
        timestamp,
    };
    let mut response = html_response(cloud, refusal.status);
    response.insert_header(("x-lab-aadsts", refusal.number.to_string()));
    if let Some(sub) = refusal.sub {
        response.insert_header(("x-lab-aadsts-sub", sub));
    }
    match page.render() {
        Ok(html) => response.body(html),
        Err(_) => response.finish(),
    }
}

/// A refusal outside of any sign-in run, also shown on the dashboard.
pub(super) fn refused_early(cloud: &Cloud, refusal: &Refusal) -> HttpResponse {
    let run = random::guid();
    cloud.trace.add(
        run,
        cloud.clock.now(),
        Mark::Refused,
        "entra",
        refusal.message(),
    );
    refused(cloud, run, refusal)
}

/// There is no randomness, so nothing can be begun.
pub(super) fn unavailable(error: &openssl::error::ErrorStack) -> HttpResponse {
    tracing::error!(%error, "no randomness");
    HttpResponse::ServiceUnavailable()
        .body("The lab's cloud cannot make random numbers; try again.")
}
