//! `/adfs/services/trust/artifactresolution`: relying parties fetch messages by artifact (spec passive-sign-in 1.2 and
//! 3.11).

use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use federation::soap11::{self, FaultCode};

use super::exchange::Exchange;
use super::{body, failure, headers};
use crate::protocols::saml::resolution;
use crate::state::Federation;

const XML: &str = "text/xml; charset=utf-8";

/// The handler.
pub(super) async fn handle(
    request: HttpRequest,
    payload: Payload,
    federation: Data<Federation>,
) -> HttpResponse {
    let exchange = Exchange::open(&request, &federation);
    if *request.method() != Method::POST {
        return exchange.refuse_method("POST");
    }
    let envelope = match body::xml(&request, payload).await {
        Ok(envelope) => envelope,
        Err(refusal) => {
            let fault = soap11::fault(FaultCode::Client, &refusal.to_string());
            return soap(failure::explain(&refusal).status, fault.unwrap_or_default());
        }
    };
    match resolution::resolve(&federation, &envelope).await {
        Ok(answer) => soap(StatusCode::OK, answer),
        Err(error) => {
            tracing::warn!(
                activity_id = %exchange.context.activity_id,
                client_ip = %exchange.context.client_ip,
                %error,
                "an artifact was not resolved"
            );
            // The status of every SOAP fault over HTTP (SOAP 1.1, 6.2).
            let fault = error.fault().unwrap_or_default();
            soap(StatusCode::INTERNAL_SERVER_ERROR, fault)
        }
    }
}

fn soap(status: StatusCode, envelope: String) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    headers::common(&mut response);
    response
        .insert_header((header::CONTENT_TYPE, XML))
        .insert_header((header::CACHE_CONTROL, "no-cache, no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .body(envelope)
}
