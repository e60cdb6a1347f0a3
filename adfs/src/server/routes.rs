//! The route table. It compares paths in lower case; the guard folds them before.

use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource};

use super::exchange::Exchange;
use super::{artifact_resolution, guard, metadata, passive, static_files};
use crate::protocols;
use crate::protocols::saml::resolution;
use crate::sign_in::Refusal;
use crate::state::Federation;

/// Every route of the HTTPS listener. App data: `Data<Federation>` and `Data<SignInRate>`.
pub fn configure(config: &mut ServiceConfig) {
    config.service(
        web::scope("")
            .wrap(from_fn(guard::guard))
            .service(probe())
            .service(web::resource(["/adfs/ls", "/adfs/ls/{page:.*}"]).to(passive::handle))
            .service(web::resource(resolution::PATH).to(artifact_resolution::handle))
            .service(web::resource("/adfs/portal/{file:.*}").to(portal))
            .service(
                web::resource("/federationmetadata/2007-06/federationmetadata.xml")
                    .to(metadata::handle),
            )
            .configure(protocols::proxy::configure)
            .default_service(web::to(not_found)),
    );
}

/// `/adfs/probe`, on this listener and on the plain one: empty 200 (spec passive-sign-in 1.2).
pub fn probe() -> Resource {
    web::resource("/adfs/probe").to(async || {
        HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish()
    })
}

async fn portal(request: HttpRequest, federation: Data<Federation>) -> HttpResponse {
    match static_files::find(&request, &federation.configuration.load().web) {
        Some(file) => file,
        None => not_found(request, federation).await,
    }
}

async fn not_found(request: HttpRequest, federation: Data<Federation>) -> HttpResponse {
    Exchange::open(&request, &federation)
        .refuse_as(actix_web::http::StatusCode::NOT_FOUND, &Refusal::NoHandler)
}
