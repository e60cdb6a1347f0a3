//! Sign-out (spec cloud-scenario 2.12): ends the cloud's session, then the federation service's.

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Cloud;
use super::http::{self, cross_site, removed};
use super::pages::{Frame, SignedOutPage};
use super::passive_request::escape;
use super::realms::FederationSettings;
use super::trace::Mark;

/// `GET /common/oauth2/logout`: by GET, as relying parties send people here.
pub(super) async fn logout(request: HttpRequest, cloud: Data<Cloud>) -> HttpResponse {
    end(&request, &cloud);
    let Some((_, settings)) = cloud.realms.federated().next() else {
        return signed_out(&cloud);
    };
    http::redirect(&federated_sign_out(&cloud, settings))
        .cookie(removed(cross_site(http::SESSION, String::new())))
        .finish()
}

/// `wa=wsignoutcleanup1.0`: asked for by a hidden frame of the federation service's signed-out page.
pub(super) fn clean_up(request: &HttpRequest, cloud: &Cloud) -> HttpResponse {
    end(request, cloud);
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'"))
        .cookie(removed(cross_site(http::SESSION, String::new())))
        .body("signed out")
}

/// The page at the end.
pub(super) fn signed_out(cloud: &Cloud) -> HttpResponse {
    http::page(
        cloud,
        StatusCode::OK,
        &SignedOutPage {
            frame: Frame::of(cloud),
        },
    )
}

fn end(request: &HttpRequest, cloud: &Cloud) {
    let ended = http::cookie(request, http::SESSION).and_then(|id| cloud.sessions.end(&id));
    if let Some(signed_in) = ended {
        cloud.trace.add(
            signed_in.run,
            cloud.clock.now(),
            Mark::Passed,
            "entra",
            "session at the cloud ended",
        );
    }
}

/// The way back leads to `login.srf`, the one address that the relying party trust allows.
fn federated_sign_out(cloud: &Cloud, settings: &FederationSettings) -> String {
    format!(
        "{}?wa=wsignout1.0&wreply={}",
        settings.sign_out_uri,
        escape(&cloud.addresses.login_srf())
    )
}
