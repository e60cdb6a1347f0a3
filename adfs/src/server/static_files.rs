//! `/adfs/portal/`: the files that pages link to, ours and those of themes.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

use super::headers;
use crate::config::WebContent;
use crate::pages::{ASSETS, asset_hash};

/// Serves a built-in file or a file of a theme.
pub(super) fn find(request: &HttpRequest, web: &WebContent) -> Option<HttpResponse> {
    let path = request.path().to_ascii_lowercase();
    if let Some(asset) = ASSETS.iter().find(|asset| path == asset.path) {
        let mut response = file(request, asset.content_type, &asset_hash(asset));
        return Some(response.body(asset.content));
    }
    let own = web.file(&path)?;
    let mut response = file(request, own.content_type, &own.hash);
    Some(response.body(own.content.clone()))
}

fn file(
    request: &HttpRequest,
    content_type: &'static str,
    hash: &str,
) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    headers::common(&mut response);
    // An address with the content's hash never changes its content; by any other a browser must come back within the
    // hour.
    let life = if request.query_string().strip_prefix("id=") == Some(hash) {
        "max-age=31536000, immutable"
    } else {
        "max-age=3600"
    };
    response
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CACHE_CONTROL, format!("public, {life}")))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ));
    response
}
