//! The page where sign-in starts here and not at an application (spec passive-sign-in 5.6).

use askama::Template;

use super::Frame;

/// A relying party to choose.
#[derive(Debug, Clone, Copy)]
pub struct ApplicationChoice<'a> {
    /// What `RelyingParty` is posted as: the trust's object GUID.
    pub id: &'a str,
    /// Its display name.
    pub name: &'a str,
}

/// The IdP-initiated sign-on page.
///
/// Every choice works without script. So the two ways to sign in share the field `SignInIdpSite`, whose value is
/// `SignInIdpSite` for this site and `SignInOtherSite` for the application in `RelyingParty`; likewise `SingleSignOut`
/// is `SingleSignOut` or `LocalSignOut`. A server should also take the field `SignInOtherSite` or `LocalSignOut` by
/// itself, as AD FS's own page posts it. The buttons are `SignInSubmit`, `SignInGo` and `SignOut`; their values are
/// texts in the page's language.
#[derive(Debug, Template)]
#[template(path = "idp-initiated.html")]
pub struct IdpInitiatedPage<'a> {
    /// Around it.
    pub frame: Frame<'a>,
    /// Relative address that the form posts to: path and whole query.
    pub action: &'a str,
    /// Whether there is a session.
    pub signed_in: bool,
    /// Name of the person whose session it is.
    pub user: Option<&'a str>,
    /// The applications that may be chosen, sorted by name.
    pub applications: Vec<ApplicationChoice<'a>>,
    /// The `id` of the one that is chosen at first.
    pub selected: Option<&'a str>,
    /// Further hidden fields, such as the token of spec security WEB-3.
    pub hidden: Vec<(&'a str, &'a str)>,
}

impl IdpInitiatedPage<'_> {
    fn is_selected(&self, application: &ApplicationChoice<'_>) -> bool {
        self.selected == Some(application.id)
    }
}
