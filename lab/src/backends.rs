//! The published applications' back ends: they answer every request with what they received, so that people and tests
//! can see what came through the proxy.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header;
use actix_web::web::{self, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use askama::Template;
use openssl::sha::sha256;
use openssl::ssl::SslAcceptorBuilder;
use serde::Serialize;

const MAX_BODY: usize = 64 * 1024 * 1024;

/// What arrived.
#[derive(Debug, Serialize, Template)]
#[template(path = "backend.html")]
struct Received {
    host: String,
    method: String,
    target: String,
    protocol: String,
    /// In the order of arrival by name; a name with two fields has two entries.
    headers: Vec<(String, String)>,
    body_length: usize,
    body_sha256: String,
}

/// Starts to serve; the handle stops it.
///
/// # Errors
/// When the port is taken.
pub fn serve(address: SocketAddr, tls: SslAcceptorBuilder) -> io::Result<ServerHandle> {
    let server = HttpServer::new(|| App::new().default_service(web::to(answer)))
        .workers(1)
        .tcp_nodelay(true)
        .client_request_timeout(Duration::from_secs(10))
        .shutdown_timeout(1)
        .disable_signals()
        .bind_openssl(address, tls)?
        .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

async fn answer(request: HttpRequest, payload: Payload) -> HttpResponse {
    let body = match payload.to_bytes_limited(MAX_BODY).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => {
            return HttpResponse::BadRequest()
                .body(format!("the body did not arrive whole: {error}"));
        }
        Err(_) => {
            return HttpResponse::PayloadTooLarge()
                .body(format!("the body is longer than {MAX_BODY} bytes"));
        }
    };
    let text = |value: &header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let received = Received {
        host: request.connection_info().host().to_owned(),
        method: request.method().to_string(),
        target: request
            .uri()
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string),
        protocol: format!("{:?}", request.version()),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body_length: body.len(),
        body_sha256: sha256(&body)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    };
    let wants_page = request
        .headers()
        .get(header::ACCEPT)
        .is_some_and(|accept| text(accept).contains("text/html"));
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    match received.render() {
        Ok(page) if wants_page => response
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"))
            .body(page),
        _ => response.json(received),
    }
}
