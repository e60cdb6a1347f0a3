//! What people see: the sign-in form, the page that posts a token, the signed-out page and the error page.
//!
//! Element ids and field names are those of AD FS (spec passive-sign-in section 5), because scrapers and themes know
//! them. Templates live in `templates/` and escape by default; this module only fills them in.

mod assets;
mod escape;
mod home_realm;
mod idp_initiated;
mod language;

use askama::Template;
use url::Url;
use uuid::Uuid;

use crate::config::{Layout, Theme};

pub use assets::{ASSETS, Asset, asset_hash, auto_post_hash, links};
pub use escape::Attribute;
pub use home_realm::{HomeRealmPage, RealmChoice};
pub use idp_initiated::{ApplicationChoice, IdpInitiatedPage};
pub use language::Language;

/// What every page shows around its content.
#[derive(Debug)]
pub struct Frame<'a> {
    /// Language of the texts.
    pub language: &'static Language,
    /// Name of the organisation, from `service.display_name`.
    pub company: &'a str,
    /// Federation service name.
    pub host_name: &'a str,
    /// Files and texts of the organisation.
    pub theme: &'a Theme,
    monogram: String,
    assets: &'static assets::AssetLinks,
}

impl<'a> Frame<'a> {
    /// The frame for an organisation.
    pub fn new(
        company: &'a str,
        host_name: &'a str,
        language: &'static Language,
        theme: &'a Theme,
    ) -> Frame<'a> {
        let company = theme.text(language.tag, "company_name").unwrap_or(company);
        Frame {
            language,
            theme,
            company,
            host_name,
            monogram: initial(company),
            assets: links(),
        }
    }

    /// A text in the page's language; see `templates/texts/en.ftl` for the keys.
    pub fn say(&self, key: &str) -> String {
        self.language.say(key)
    }

    /// The organisation's own text of this name in the page's language; empty without one.
    pub fn own(&self, name: &str) -> &'a str {
        self.theme.text(self.language.tag, name).unwrap_or_default()
    }

    /// The organisation's own text of this name, else ours.
    pub fn own_or(&self, name: &str, key: &str) -> String {
        match self.own(name) {
            "" => self.say(key),
            text => text.to_owned(),
        }
    }

    /// Class of the layout, for the style sheet.
    fn layout(&self) -> &'static str {
        match self.theme.layout {
            Layout::Centred => "centred",
            Layout::Classic => "classic",
        }
    }

    /// A text with one placeable filled in.
    pub fn say_with(&self, key: &str, name: &str, value: &str) -> String {
        self.language.say_with(key, name, value)
    }
}

/// The letter that stands for a name without a picture.
fn initial(name: &str) -> String {
    name.chars()
        .find(|character| character.is_alphanumeric())
        .map(|first| first.to_uppercase().collect())
        .unwrap_or_default()
}

/// The forms page (spec 5.2).
#[derive(Debug, Template)]
#[template(path = "sign-in.html")]
pub struct SignInPage<'a> {
    /// Around it.
    pub frame: Frame<'a>,
    /// Name of the application that asked, if it is to be shown.
    pub application: Option<&'a str>,
    /// Relative address that the form posts to: path and whole query.
    pub action: &'a str,
    /// The same address with scheme, host and port, for the second form.
    pub absolute_action: &'a str,
    /// Value of the user name field.
    pub user_name: &'a str,
    /// Key of the text of a failed attempt; empty without one.
    pub error: &'a str,
    /// Id of the field that the error is about; empty without one.
    pub error_field: &'a str,
    /// Whether "keep me signed in" is offered.
    pub kmsi: bool,
    /// Whether the script shows name and password one after the other (spec 5.3). The page is the same without it.
    pub paginated: bool,
}

impl SignInPage<'_> {
    /// Classes of the form. With pagination they name the step that comes first: the password where the name is known.
    fn form_class(&self) -> &'static str {
        match self.paginated {
            false => "",
            true if self.user_name.is_empty() || self.error_field == "userNameInput" => {
                "paginatedPageForm usernamePage"
            }
            true => "paginatedPageForm passwordPage",
        }
    }
}

/// The page that carries a token to the relying party by the browser's own POST (spec 2.4).
#[derive(Debug, Template)]
#[template(path = "auto-post.html")]
pub struct AutoPostPage<'a> {
    /// Address of the relying party, with its port written out.
    pub action: Attribute<'a>,
    /// Hidden fields in order.
    pub fields: Vec<(&'a str, Attribute<'a>)>,
    script: &'static str,
}

impl<'a> AutoPostPage<'a> {
    /// A page that posts `fields` to `action`.
    pub fn new(action: &'a str, fields: &'a [(&'static str, String)]) -> AutoPostPage<'a> {
        AutoPostPage {
            action: Attribute(action),
            fields: fields
                .iter()
                .map(|(name, value)| (*name, Attribute(value)))
                .collect(),
            script: assets::AUTO_POST_SCRIPT,
        }
    }
}

/// Whether the browser sent cookies; the error page says so, because lost cookies are the usual cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieState {
    /// At least one of ours came back.
    Enabled,
    /// None came.
    NotSeen,
}

/// The error page (spec 8.1). It never shows a request parameter, except the relying party's own registered name.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    /// Around it.
    pub frame: Frame<'a>,
    /// Key of the line on top.
    pub heading: &'a str,
    /// What to do, in the organisation's own words; empty without them.
    pub own_message: &'a str,
    /// Key of the text that says what to do otherwise.
    pub message: &'a str,
    /// Correlates the page with log lines.
    pub activity_id: Uuid,
    /// Registered name of the relying party, when known.
    pub relying_party: Option<&'a str>,
    /// Whether code and text are shown (AdditionalErrorPageInfo).
    pub detailed: bool,
    /// `MSIS` code, when one fits.
    pub code: Option<&'a str>,
    /// What happened, in our words.
    pub code_text: &'a str,
    /// RFC 1123 time, GMT.
    pub time: String,
    /// Key of the text about cookies: `cookies-enabled` or `cookies-not-seen`.
    pub cookies: &'static str,
    /// Whether the details start unfolded.
    pub open: bool,
    /// Address to try again, on our own origin.
    pub retry: Option<&'a str>,
}

/// How far a sign-out came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedOut {
    /// Everywhere, as far as we know.
    Everywhere,
    /// Here; some application could not be told, or did not end its session.
    NotEverywhere,
    /// In this browser; the server could not note it, so that a copy of the session elsewhere lives on.
    ThisBrowser,
}

impl SignedOut {
    /// Keys of the texts: what happened, and what to do.
    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            SignedOut::Everywhere => ("signed-out-heading", "signed-out-advice"),
            SignedOut::NotEverywhere => (
                "signed-out-not-everywhere-heading",
                "signed-out-not-everywhere-advice",
            ),
            SignedOut::ThisBrowser => ("signed-out-partly-heading", "signed-out-partly-advice"),
        }
    }
}

/// The page after sign-out (spec 2.12), with a hidden frame for each application to clean up.
#[derive(Debug, Template)]
#[template(path = "signed-out.html")]
pub struct SignedOutPage<'a> {
    /// Around it.
    pub frame: Frame<'a>,
    /// How far it came.
    pub signed_out: SignedOut,
    /// Registered address to go on to, or our own that leads there.
    pub target: Option<&'a str>,
    /// Addresses of the hidden frames.
    pub cleanup: &'a [String],
}

/// The address with its port written out, as AD FS prints form targets (spec 2.4).
pub fn with_explicit_port(url: &Url) -> String {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return url.as_str().to_owned();
    };
    let query = url
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    format!("{}://{host}:{port}{}{query}", url.scheme(), url.path())
}

#[cfg(test)]
mod tests;
