//! `/adfs/portal/`: the files that pages link to.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

use super::headers;
use crate::pages::ASSETS;

/// Serves one of the built-in files; nothing else is below `/adfs/portal/` yet.
pub(super) fn find(request: &HttpRequest) -> Option<HttpResponse> {
    let path = request.path();
    let asset = ASSETS
        .iter()
        .find(|asset| path.eq_ignore_ascii_case(asset.path))?;
    let mut response = HttpResponse::Ok();
    headers::common(&mut response);
    // The address carries the content's hash; without it a browser must come back within the hour.
    let life = if request.query_string().starts_with("id=") {
        "max-age=31536000, immutable"
    } else {
        "max-age=3600"
    };
    response
        .insert_header((header::CONTENT_TYPE, asset.content_type))
        .insert_header((header::CACHE_CONTROL, format!("public, {life}")))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ));
    Some(response.body(asset.content))
}
