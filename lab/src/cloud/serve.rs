//! The cloud's listener and route table.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer, guard};
use openssl::ssl::SslAcceptorBuilder;
use thiserror::Error;

use super::pages::{ICON, STYLE};
use super::refusal::Refusal;
use super::{
    Cloud, application, authorize, dashboard, discovery, home_realm, http, login_srf, sign_out,
};

/// Why the cloud does not listen.
#[derive(Debug, Error)]
pub enum CloudError {
    /// The port cannot be taken.
    #[error(
        "the cloud cannot listen on {address}: {source}; is another lab running? Choose another --base-port"
    )]
    Listen {
        /// Where it should.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Starts to serve; the handle stops it.
///
/// # Errors
/// When the port is taken.
pub fn serve(
    cloud: Data<Cloud>,
    address: SocketAddr,
    tls: SslAcceptorBuilder,
) -> Result<ServerHandle, CloudError> {
    let data = cloud.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .configure(|config| routes(config, &data))
    })
    .workers(2)
    .tcp_nodelay(true)
    .client_request_timeout(Duration::from_secs(10))
    .tls_handshake_timeout(Duration::from_secs(10))
    .keep_alive(Duration::from_secs(30))
    .shutdown_timeout(1)
    .disable_signals()
    .bind_openssl(address, tls)
    .map_err(|source| CloudError::Listen { address, source })?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

/// Every route; hosts that are not played yet say so.
pub(super) fn routes(config: &mut ServiceConfig, cloud: &Cloud) {
    let login = guard::Host(cloud.addresses.cloud("login"));
    let lab = guard::Host(cloud.addresses.cloud("lab"));
    config
        .route("/style.css", web::get().to(style))
        .route("/icon.svg", web::get().to(icon))
        .service(
            web::scope("")
                .guard(login)
                .route("/", web::get().to(home_realm::home))
                .route("/login", web::get().to(home_realm::login))
                .route("/login.srf", web::post().to(login_srf::post))
                .route("/login.srf", web::get().to(login_srf::get))
                .route(
                    "/GetUserRealm.srf",
                    web::get().to(discovery::get_user_realm),
                )
                .route(
                    "/getuserrealm.srf",
                    web::get().to(discovery::get_user_realm),
                )
                .route("/common/userrealm", web::get().to(discovery::user_realm))
                .route("/common/userrealm/", web::get().to(discovery::user_realm))
                .route(
                    "/common/userrealm/{upn}",
                    web::get().to(discovery::user_realm_of),
                )
                .route(
                    "/common/GetCredentialType",
                    web::post().to(discovery::get_credential_type),
                )
                .route("/common/oauth2/logout", web::get().to(sign_out::logout))
                .route("/{tenant}/oauth2/authorize", web::get().to(authorize::get))
                .route(
                    "/{tenant}/oauth2/v2.0/authorize",
                    web::get().to(authorize::get),
                )
                .default_service(web::to(not_here)),
        )
        .service(
            web::scope("")
                .guard(lab)
                .route("/", web::get().to(dashboard::show))
                .route("/lab/events", web::get().to(dashboard::events))
                .route("/app", web::get().to(application::show))
                .route("/app/signed-in", web::get().to(application::signed_in))
                .route("/app/sign-out", web::post().to(application::sign_out))
                .default_service(web::to(not_here)),
        )
        .default_service(web::to(not_here));
}

async fn style() -> HttpResponse {
    file("text/css; charset=utf-8", STYLE)
}

async fn icon() -> HttpResponse {
    file("image/svg+xml", ICON)
}

fn file(media_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CACHE_CONTROL, "max-age=300"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(text)
}

async fn not_here(cloud: Data<Cloud>) -> HttpResponse {
    let refusal = Refusal::new(90_100, "The lab's cloud plays nothing at this address.")
        .status(StatusCode::NOT_FOUND);
    http::refused(&cloud, crate::random::guid(), &refusal)
}
