//! The proxy's own small pages. They tell what the end user can do, and nothing about what lies behind.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    RETRY_AFTER, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{Response, StatusCode};
use uuid::Uuid;

use crate::relay::Body;

/// Seconds after which an unavailable service is worth another try.
const RETRY_SECONDS: &str = "10";

/// The page of a status.
pub(crate) fn page(status: StatusCode, activity_id: Uuid) -> Response<Body> {
    let (heading, advice) = text(status);
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{heading}</title>\n</head>\n\
         <body>\n<main>\n<h1>{heading}</h1>\n<p>{advice}</p>\n<p>Activity ID: <span id=\"activityId\">{activity_id}</span></p>\n\
         </main>\n</body>\n</html>\n"
    );
    let mut response = Response::new(Body::full(Bytes::from(html)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (REFERRER_POLICY, "same-origin"),
        (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
    }
    response
}

fn text(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::FORBIDDEN => (
            "Access denied",
            "This application cannot be opened from here. Contact your administrator.",
        ),
        StatusCode::NOT_FOUND => (
            "Page not found",
            "There is nothing at this address. Check the address for typing errors.",
        ),
        StatusCode::METHOD_NOT_ALLOWED => (
            "Method not allowed",
            "The request used a method that is not served here.",
        ),
        StatusCode::REQUEST_TIMEOUT => (
            "Request timed out",
            "The request took too long to arrive. Try again.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (
            "Request too large",
            "What was sent is larger than allowed here.",
        ),
        StatusCode::URI_TOO_LONG => (
            "Address too long",
            "The address is longer than allowed here.",
        ),
        StatusCode::EXPECTATION_FAILED => (
            "Expectation failed",
            "The request expects something that is not served here.",
        ),
        StatusCode::MISDIRECTED_REQUEST => (
            "Wrong server",
            "This server does not answer for the requested name.",
        ),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
            "Request header too large",
            "Clear the cookies of this site and try again.",
        ),
        StatusCode::BAD_GATEWAY => (
            "No valid answer",
            "The application did not answer properly. Try again later; if it stays so, contact your administrator.",
        ),
        StatusCode::SERVICE_UNAVAILABLE => (
            "Service unavailable",
            "The service cannot be reached at the moment. Try again in a few seconds; if it stays so, contact your administrator.",
        ),
        StatusCode::GATEWAY_TIMEOUT => (
            "No answer in time",
            "The service took too long to answer. Try again later; if it stays so, contact your administrator.",
        ),
        _ => (
            "Bad request",
            "The request cannot be understood. Check the address, or go back and try again.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_page_carries_its_activity_id_and_safe_headers() {
        let id = Uuid::from_u128(7);
        let response = page(StatusCode::SERVICE_UNAVAILABLE, id);
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "10");
        assert_eq!(response.headers()["x-frame-options"], "DENY");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(
            text.contains(&id.to_string()) && text.contains("<h1>Service unavailable</h1>"),
            "{text}"
        );
    }
}
