//! `/FederationMetadata/2007-06/FederationMetadata.xml`.

use actix_web::http::{Method, StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::certificate_sightings;
use super::exchange::Exchange;
use super::headers;
use crate::protocols::metadata;
use crate::sign_in::Refusal;
use crate::state::Federation;

/// The handler. Clients may keep the document for an hour, well below the days for which a new key is announced.
pub(super) async fn handle(request: HttpRequest, federation: Data<Federation>) -> HttpResponse {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Exchange::open(&request, &federation).refuse_method("GET, HEAD");
    }
    // Taken first: the document may have more certificates by then, and never fewer that matter.
    let keys = federation.keys.current();
    match metadata::document(&federation) {
        Ok(document) => {
            if request.method() == Method::GET {
                certificate_sightings::note_fetch(&request, &federation, &keys).await;
            }
            let mut response = HttpResponse::Ok();
            headers::common(&mut response);
            response
                .insert_header((
                    header::CONTENT_TYPE,
                    "application/samlmetadata+xml; charset=utf-8",
                ))
                .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
                .body(document.as_ref().to_owned())
        }
        Err(error) => {
            tracing::error!(%error, "the federation metadata cannot be written");
            Exchange::open(&request, &federation)
                .refuse_as(StatusCode::SERVICE_UNAVAILABLE, &Refusal::Issuance)
        }
    }
}
