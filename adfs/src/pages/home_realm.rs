//! The page that asks where somebody's account is (spec passive-sign-in 5.5).

use askama::Template;

use super::Frame;

/// A claims provider to choose.
#[derive(Debug, Clone, Copy)]
pub struct RealmChoice<'a> {
    /// Identifier of the claims provider trust; `AD AUTHORITY` for our own directory. Posted as `HomeRealmSelection`.
    pub identifier: &'a str,
    /// Its display name.
    pub name: &'a str,
}

/// The home realm discovery page. Posts `HomeRealmSelection`, or `Email` with `HomeRealmByEmail`.
#[derive(Debug, Template)]
#[template(path = "home-realm.html")]
pub struct HomeRealmPage<'a> {
    /// Around it.
    pub frame: Frame<'a>,
    /// Name of the application that asked, if it is to be shown.
    pub application: Option<&'a str>,
    /// Relative address that the form posts to: path and whole query.
    pub action: &'a str,
    /// The claims providers that may be chosen.
    pub choices: Vec<RealmChoice<'a>>,
    /// Whether an e-mail address may be given instead; only when some provider has a suffix.
    pub by_email: bool,
    /// Value of the e-mail field.
    pub email: &'a str,
    /// Key of the text about the e-mail address; empty without one, else `invalid-suffix`.
    pub error: &'a str,
}

/// First letter of a name, for the picture of a choice.
impl RealmChoice<'_> {
    fn initial(&self) -> String {
        super::initial(self.name)
    }
}
