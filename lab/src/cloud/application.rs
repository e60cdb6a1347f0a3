//! The application that people sign in to. It knows nothing of federation: it asks the cloud for a code and shows who came.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::memcmp;
use openssl::sha::sha256;

use super::Cloud;
use super::clients::{PORTAL_ID, portal_redirect_uri};
use super::http::{self, lax, removed};
use super::pages::{ApplicationPage, ClaimRow, Frame};
use super::refusal::Refusal;
use super::sessions::SignedIn;
use super::trace::Mark;
use crate::random;

const METHODS: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";
const INSIDE: &str = "http://schemas.microsoft.com/ws/2012/01/insidecorporatenetwork";

/// `GET /app`: who you are, or the way to say so.
pub(super) async fn show(request: HttpRequest, cloud: Data<Cloud>) -> HttpResponse {
    let signed_in = http::cookie(&request, http::APPLICATION)
        .and_then(|id| cloud.sessions.of_application(&id, cloud.clock.now()));
    match signed_in {
        Some(signed_in) => http::page(&cloud, StatusCode::OK, &page(&cloud, &signed_in)),
        None => begin(&request, &cloud),
    }
}

/// The cookie holds the PKCE verifier; its hash is the `state`, so that one value ties code, browser and request together.
fn begin(request: &HttpRequest, cloud: &Cloud) -> HttpResponse {
    let verifier = match random::token() {
        Ok(verifier) => verifier,
        Err(error) => return http::unavailable(&error),
    };
    let challenge = URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()));
    let redirect_uri = portal_redirect_uri(&cloud.addresses);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("client_id", PORTAL_ID)
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", &redirect_uri)
        .append_pair("scope", "openid profile")
        .append_pair("state", &state_of(&verifier))
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    // A link on the dashboard may say who is meant, and whether to ask for the password again.
    if let Ok(parameters) = http::query(request) {
        for name in ["login_hint", "prompt"] {
            if let Some(value) = parameters.get(name) {
                query.append_pair(name, value);
            }
        }
    }
    let target = format!(
        "{}/common/oauth2/authorize?{}",
        cloud.addresses.login_url(),
        query.finish()
    );
    http::redirect(&target)
        .cookie(lax(http::APPLICATION_REQUEST, verifier))
        .finish()
}

fn state_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(format!("state {verifier}").as_bytes()))
}

/// `GET /app/signed-in`: takes the code.
pub(super) async fn signed_in(request: HttpRequest, cloud: Data<Cloud>) -> HttpResponse {
    match redeem(&request, &cloud) {
        Ok(session) => http::redirect("/app")
            .cookie(lax(http::APPLICATION, session))
            .cookie(removed(lax(http::APPLICATION_REQUEST, String::new())))
            .finish(),
        Err(refusal) => http::refused_early(&cloud, &refusal),
    }
}

fn redeem(request: &HttpRequest, cloud: &Cloud) -> Result<String, Refusal> {
    let stale = || {
        Refusal::new(
            70008,
            "The application could not take the code: it is used, expired or of another browser. Open the application again.",
        )
    };
    let parameters = http::query(request)?;
    if let Some(error) = parameters.get("error") {
        let description = parameters.get("error_description").unwrap_or_default();
        return Err(Refusal::new(
            70008,
            format!("The cloud answered the application with {error}: {description}"),
        ));
    }
    let verifier = http::cookie(request, http::APPLICATION_REQUEST).ok_or_else(stale)?;
    let (state, expected) = (
        parameters.get("state").unwrap_or_default(),
        state_of(&verifier),
    );
    if state.len() != expected.len() || !memcmp::eq(state.as_bytes(), expected.as_bytes()) {
        return Err(stale());
    }
    let code = parameters.get("code").ok_or_else(stale)?;
    let (redirect_uri, now) = (portal_redirect_uri(&cloud.addresses), cloud.clock.now());
    let session = cloud
        .sessions
        .redeem(code, PORTAL_ID, &redirect_uri, &verifier, now)
        .ok_or_else(stale)?;
    if let Some(signed_in) = cloud.sessions.of_application(&session, now) {
        cloud.trace.add(
            signed_in.run,
            now,
            Mark::Passed,
            "application",
            format!("{} is signed in", signed_in.user.upn),
        );
    }
    Ok(session)
}

/// `POST /app/sign-out`: ends the application's session and sends the browser on to end the others.
pub(super) async fn sign_out(request: HttpRequest, cloud: Data<Cloud>) -> HttpResponse {
    if !http::same_origin(&request, &cloud.addresses.lab_url()) {
        let refusal =
            Refusal::invalid_input("Sign-out must be asked for by the application's own page.");
        return http::refused_early(&cloud, &refusal.status(StatusCode::FORBIDDEN));
    }
    if let Some(id) = http::cookie(&request, http::APPLICATION) {
        cloud.sessions.end_application(&id);
    }
    let target = format!("{}/common/oauth2/logout", cloud.addresses.login_url());
    http::redirect(&target)
        .status(StatusCode::SEE_OTHER)
        .cookie(removed(lax(http::APPLICATION, String::new())))
        .finish()
}

fn page<'a>(cloud: &'a Cloud, signed_in: &'a SignedIn) -> ApplicationPage<'a> {
    let assertion = &signed_in.assertion;
    let mut claims: BTreeMap<&str, Vec<ClaimRow<'_>>> = BTreeMap::new();
    for attribute in &assertion.attributes {
        let rows = attribute.values.iter().map(|value| ClaimRow {
            claim_type: &attribute.claim_type,
            value,
            original_issuer: attribute.original_issuer.as_deref(),
        });
        claims
            .entry(&attribute.claim_type)
            .or_default()
            .extend(rows);
    }
    ApplicationPage {
        frame: Frame::of(cloud),
        signed_in,
        methods: assertion.values(METHODS).collect(),
        inside: assertion.values(INSIDE).next(),
        claims: claims.into_values().flatten().collect(),
    }
}
