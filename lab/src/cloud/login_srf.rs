//! `/login.srf`: where the federation service's answers and sign-out clean-ups arrive.

use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::accept::{Accepted, accept};
use super::application_answer::answer_application;
use super::http::{self, cross_site};
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::trace::Mark;
use super::{Cloud, sign_out};

/// Percent escapes may make the response three times as long.
const MAX_BODY: usize = 640 * 1024;

/// `POST /login.srf`.
pub(super) async fn post(
    request: HttpRequest,
    payload: Payload,
    cloud: Data<Cloud>,
) -> HttpResponse {
    let form = match read_form(&request, payload).await {
        Ok(form) => form,
        Err(refusal) => return http::refused_early(&cloud, &refusal),
    };
    let browser = http::cookie(&request, http::BROWSER);
    match accept(&cloud, &form, browser.as_deref()) {
        Ok(accepted) => signed_in(&cloud, accepted),
        Err(refused) => http::refused(&cloud, refused.run, &refused.refusal),
    }
}

/// `GET /login.srf`: the clean-up frame of a sign-out, or the way back from it.
pub(super) async fn get(request: HttpRequest, cloud: Data<Cloud>) -> HttpResponse {
    let parameters = match http::query(&request) {
        Ok(parameters) => parameters,
        Err(refusal) => return http::refused_early(&cloud, &refusal),
    };
    match parameters.get("wa") {
        Some("wsignoutcleanup1.0") => sign_out::clean_up(&request, &cloud),
        None => sign_out::signed_out(&cloud),
        Some(_) => http::refused_early(
            &cloud,
            &Refusal::no_response("A sign-in response must be posted.")
                .status(StatusCode::METHOD_NOT_ALLOWED),
        ),
    }
}

async fn read_form(request: &HttpRequest, payload: Payload) -> Result<Parameters, Refusal> {
    let media_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut parts = media_type.split(';').map(str::trim);
    let is_form = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let other_charset = parts.any(|parameter| {
        let parameter = parameter.to_ascii_lowercase();
        parameter
            .strip_prefix("charset=")
            .is_some_and(|charset| charset.trim_matches('"') != "utf-8")
    });
    if !is_form || other_charset {
        return Err(Refusal::invalid_input(
            "The response must be a form (application/x-www-form-urlencoded, UTF-8).",
        )
        .status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    match payload.to_bytes_limited(MAX_BODY).await {
        Ok(Ok(body)) => Parameters::parse_bytes(&body),
        Ok(Err(_)) => Err(Refusal::invalid_input("The form did not arrive whole.")),
        Err(_) => Err(
            Refusal::invalid_input(format!("The form is longer than {MAX_BODY} bytes."))
                .status(StatusCode::PAYLOAD_TOO_LARGE),
        ),
    }
}

fn signed_in(cloud: &Cloud, accepted: Accepted) -> HttpResponse {
    let Accepted { signed_in, request } = accepted;
    let (run, now) = (signed_in.run, cloud.clock.now());
    let session = match cloud.sessions.begin(signed_in, now) {
        Ok(session) => session,
        Err(error) => return http::unavailable(&error),
    };
    cloud.trace.add(
        run,
        now,
        Mark::Passed,
        "entra",
        "session at the cloud begun",
    );
    let cookie = cross_site(http::SESSION, session.clone());
    match request.and_then(|request| request.application) {
        Some(application) => answer_application(cloud, run, &session, application, Some(cookie)),
        None => http::redirect(&cloud.addresses.application_url())
            .cookie(cookie)
            .finish(),
    }
}
