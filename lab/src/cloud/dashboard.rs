//! The dashboard: where everything is, who lives here, and what happened in recent sign-ins.

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::Cloud;
use super::http;
use super::pages::{DashboardPage, Frame, Place};

/// A person of the lab, as shown.
#[derive(Debug, Clone)]
pub struct PersonCard {
    /// `userPrincipalName`.
    pub upn: String,
    /// Fixture password; the lab's people have no secrets.
    pub password: String,
    /// What is special about them.
    pub notes: String,
}

/// A published application, as shown.
#[derive(Debug, Clone)]
pub struct Published {
    /// Name.
    pub name: String,
    /// Outside address.
    pub external_url: String,
    /// As in `lab.json`: `PassThrough`.
    pub preauthentication: String,
}

/// `GET /` on the dashboard's host.
pub(super) async fn show(_request: HttpRequest, cloud: Data<Cloud>) -> HttpResponse {
    let page = DashboardPage {
        frame: Frame::of(&cloud),
        places: places(&cloud),
        people: &cloud.people,
        runs: cloud.trace.runs(),
    };
    http::page(&cloud, StatusCode::OK, &page)
}

/// `GET /lab/events`: the same runs as JSON, for tests.
pub(super) async fn events(cloud: Data<Cloud>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "runs": cloud.trace.runs() }))
}

fn places(cloud: &Cloud) -> Vec<Place> {
    let addresses = &cloud.addresses;
    let place = |name: &str, url: String, note: &str| Place {
        name: name.to_owned(),
        url,
        note: note.to_owned(),
    };
    let mut places = vec![
        place("Application", addresses.application_url(), "sign in here"),
        place(
            "Cloud sign-in",
            format!("{}/", addresses.login_url()),
            "the played Entra ID",
        ),
        place(
            "Federation metadata",
            format!(
                "{}/FederationMetadata/2007-06/FederationMetadata.xml",
                addresses.adfs_url()
            ),
            "through wap",
        ),
        place(
            "AD FS, inside",
            format!("{}/adfs/ls/", addresses.adfs_internal_url()),
            "not through wap",
        ),
    ];
    places.extend(cloud.published.iter().map(|application| {
        place(
            &application.name,
            application.external_url.clone(),
            &format!("published, {}", application.preauthentication),
        )
    }));
    places
}
