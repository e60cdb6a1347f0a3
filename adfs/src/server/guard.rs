//! What every request passes before its handler: size limits, one spelling of the path, and whether the endpoint
//! exists for a request of this origin.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{ConnectionType, StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpResponse};

use super::exchange::Exchange;
use super::{context, endpoints};
use crate::sign_in::Refusal;
use crate::state::Federation;

/// Request line and headers together, in bytes (spec security 3.3).
const MAX_HEAD: usize = 32 * 1024;
/// One header field.
const MAX_FIELD: usize = 16 * 1024;
/// Number of fields.
const MAX_FIELDS: usize = 100;
/// Path and query.
pub(super) const MAX_TARGET: usize = 16 * 1024;

/// The middleware.
///
/// # Errors
/// Only those of the inner service; refusals are answers.
pub(super) async fn guard<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let Some(federation) = request.app_data::<Data<Federation>>().cloned() else {
        return Ok(request
            .into_response(HttpResponse::ServiceUnavailable().finish())
            .map_into_right_body());
    };
    if let Err(status) = within_limits(request.uri(), request.headers()) {
        let refusal = match status {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Refusal::Malformed,
            _ => Refusal::TooLarge,
        };
        let mut answer = Exchange::open(request.request(), &federation).refuse_as(status, &refusal);
        answer.head_mut().set_connection_type(ConnectionType::Close);
        return Ok(request.into_response(answer).map_into_right_body());
    }
    let origin = context::Origin::of(request.request(), &federation);
    let through_proxy = origin.through_proxy();
    request.extensions_mut().insert(origin);
    let known = plain(request.path())
        && endpoints::find(request.path()).is_some_and(|endpoint| endpoint.answers(through_proxy));
    if !known {
        let answer = Exchange::open(request.request(), &federation)
            .refuse_as(StatusCode::NOT_FOUND, &Refusal::NoHandler);
        return Ok(request.into_response(answer).map_into_right_body());
    }
    fold_case(&mut request);
    Ok(next.call(request).await?.map_into_left_body())
}

fn within_limits(uri: &Uri, headers: &HeaderMap) -> Result<(), StatusCode> {
    let target = uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > MAX_TARGET {
        return Err(StatusCode::URI_TOO_LONG);
    }
    let too_large = Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let mut total = target;
    for (number, (name, value)) in headers.iter().enumerate() {
        let field = name.as_str().len().saturating_add(value.len());
        total = total.saturating_add(field).saturating_add(4);
        if number >= MAX_FIELDS || field > MAX_FIELD || total > MAX_HEAD {
            return too_large;
        }
    }
    // Nothing is decompressed here, so no body can grow.
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| coding != "identity")
    {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    Ok(())
}

/// Whether the path has one reading only. Escapes, empty and dot segments and backslashes mean different things to
/// different programs on the way here, and none of our addresses needs them.
fn plain(path: &str) -> bool {
    let last = path.matches('/').count();
    !path.contains(['%', '\\', ';'])
        && path
            .split('/')
            .enumerate()
            .all(|(number, segment)| match segment {
                "" => number == 0 || number == last,
                "." | ".." => false,
                _ => true,
            })
}

/// Lets the router compare lower case, while handlers still see the path as it came. The proxy API keeps its case,
/// because keys of its store are part of the path.
fn fold_case(request: &mut ServiceRequest) {
    let path = request.path();
    let prefix = "/adfs/proxy/";
    let keep = path
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if keep || !path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return;
    }
    if let Ok(folded) = path.to_ascii_lowercase().parse::<Uri>() {
        request.match_info_mut().get_mut().update(&folded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_with_one_reading_are_plain() {
        for path in [
            "/adfs/ls/",
            "/adfs/ls",
            "/",
            "/adfs/ls/idpinitiatedsignon.aspx",
        ] {
            assert!(plain(path), "{path}");
        }
        for path in [
            "/adfs//ls/",
            "//adfs/ls/",
            "/adfs/%6cs/",
            "/adfs/./ls/",
            "/adfs/ls/../probe",
            "/adfs\\ls",
            "/adfs/ls/;x",
        ] {
            assert!(!plain(path), "{path}");
        }
    }

    #[test]
    fn limits_are_those_of_the_specification() {
        let uri = |length: usize| {
            format!("/{}", "a".repeat(length - 1))
                .parse::<Uri>()
                .unwrap()
        };
        let mut headers = HeaderMap::new();
        assert_eq!(within_limits(&uri(MAX_TARGET), &headers), Ok(()));
        assert_eq!(
            within_limits(&uri(MAX_TARGET + 1), &headers),
            Err(StatusCode::URI_TOO_LONG)
        );
        headers.insert(header::COOKIE, "a".repeat(MAX_FIELD).parse().unwrap());
        assert_eq!(
            within_limits(&uri(1), &headers),
            Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
        );
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(
            within_limits(&uri(1), &headers),
            Err(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        );
    }
}
