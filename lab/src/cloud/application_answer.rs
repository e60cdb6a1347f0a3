//! What an application gets back: a code, or why there is none.

use actix_web::cookie::Cookie;
use actix_web::{HttpResponse, HttpResponseBuilder};
use url::Url;
use uuid::Uuid;

use super::Cloud;
use super::http;
use super::sign_in_request::CodeRequest;
use super::trace::Mark;

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

/// Tells the application by name why there is no code.
pub(super) fn error_to_application(
    request: &CodeRequest,
    error: &str,
    description: &str,
) -> HttpResponse {
    to_application(
        request,
        &[("error", error), ("error_description", description)],
    )
    .finish()
}

fn to_application(request: &CodeRequest, pairs: &[(&str, &str)]) -> HttpResponseBuilder {
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
