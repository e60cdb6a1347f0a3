//! The server's side of the proxy integration protocol (MS-ADFSPIP; spec proxy-integration): proxies are let in, learn
//! what to relay, publish applications and keep their shared configuration here.
//!
//! Of the protocol these parts are not offered and say so: sign-in through a proxy with a user certificate
//! (`backendproxytls`), tokens for active clients of published applications (`relyingpartytoken`), and the
//! `PrimaryWriter` addresses, which are for members of a Windows farm.

mod answer;
mod attempts;
mod call;
mod certificate;
mod configuration;
mod publishing;
mod shared_store;
#[cfg(test)]
mod tests;
mod trust;
mod trusts;

use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

pub use trusts::{ProxyTrusts, TrustedProxy};

use crate::state::Federation;

/// Mounts the control channel. Its paths come in any case, and with keys whose case is kept.
pub fn configure(config: &mut ServiceConfig) {
    for path in [
        "/{adfs:(?i:adfs)}/{proxy:(?i:proxy)}/{resource:.*}",
        "/{adfs:(?i:adfs)}/{tls:(?i:backendproxytls)}",
    ] {
        config.service(web::resource(path).to(handle));
    }
}

async fn handle(
    request: HttpRequest,
    payload: Payload,
    federation: Data<Federation>,
) -> HttpResponse {
    call::Call::open(&request, &federation)
        .answer(payload)
        .await
}

/// Lower-case hexadecimal.
fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
