//! The cloud's pages, compiled from `templates/`.

use askama::Template;
use uuid::Uuid;

use super::Cloud;
use super::dashboard::PersonCard;
use super::sessions::SignedIn;
use super::trace::{Mark, Run};

/// The style sheet of every page.
pub(super) const STYLE: &str = include_str!("../../templates/style.css");
/// The icon of every page.
pub(super) const ICON: &str = include_str!("../../templates/icon.svg");

/// What every page shows around its content.
pub(super) struct Frame {
    dashboard: String,
    application: String,
}

impl Frame {
    pub(super) fn of(cloud: &Cloud) -> Frame {
        Frame {
            dashboard: format!("{}/", cloud.addresses.lab_url()),
            application: cloud.addresses.application_url(),
        }
    }
}

/// A parameter that a form carries on.
pub(super) struct Hidden {
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// Asks for the user name.
#[derive(Template)]
#[template(path = "email.html")]
pub(super) struct EmailPage<'a> {
    pub(super) frame: Frame,
    pub(super) action: &'a str,
    pub(super) name: &'a str,
    pub(super) message: Option<String>,
    pub(super) hidden: Vec<Hidden>,
}

/// A refusal.
#[derive(Template)]
#[template(path = "error.html")]
pub(super) struct ErrorPage {
    pub(super) frame: Frame,
    pub(super) message: String,
    pub(super) sub: Option<&'static str>,
    pub(super) request_id: Uuid,
    pub(super) correlation_id: Uuid,
    pub(super) timestamp: String,
}

/// The end of a sign-out.
#[derive(Template)]
#[template(path = "signed-out.html")]
pub(super) struct SignedOutPage {
    pub(super) frame: Frame,
}

/// One claim value.
pub(super) struct ClaimRow<'a> {
    pub(super) claim_type: &'a str,
    pub(super) value: &'a str,
    pub(super) original_issuer: Option<&'a str>,
}

/// Who is signed in, and what the token said.
#[derive(Template)]
#[template(path = "application.html")]
pub(super) struct ApplicationPage<'a> {
    pub(super) frame: Frame,
    pub(super) signed_in: &'a SignedIn,
    pub(super) methods: Vec<&'a str>,
    pub(super) inside: Option<&'a str>,
    pub(super) claims: Vec<ClaimRow<'a>>,
}

/// An address worth opening.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) note: String,
}

/// The dashboard.
#[derive(Template)]
#[template(path = "dashboard.html")]
pub(super) struct DashboardPage<'a> {
    pub(super) frame: Frame,
    pub(super) places: Vec<Place>,
    pub(super) people: &'a [PersonCard],
    pub(super) runs: Vec<Run>,
}

/// The word for a mark, also its style class.
fn word(mark: &Mark) -> &'static str {
    match mark {
        Mark::Passed => "passed",
        Mark::Refused => "refused",
        Mark::Noted => "noted",
    }
}

/// Time of day in UTC with milliseconds.
fn clock_time(at: &time::OffsetDateTime) -> String {
    at.format(time::macros::format_description!(
        "[hour]:[minute]:[second].[subsecond digits:3]"
    ))
    .unwrap_or_default()
}
