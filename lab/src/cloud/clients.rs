//! Applications that are registered in the tenant.

use crate::addresses::Addresses;

/// The lab's own web application.
pub(crate) const PORTAL_ID: &str = "1ab00000-0000-4000-8000-00000000a990";
/// Outlook for iOS and Android: the real id (spec cloud-scenario 1).
const OUTLOOK_MOBILE_ID: &str = "27922004-5251-4030-b22d-91ecd9a37ea4";

/// One registration.
#[derive(Debug)]
pub(crate) struct Client {
    /// Application id.
    pub(crate) id: &'static str,
    /// Shown on pages.
    pub(crate) name: &'static str,
    redirect_uris: Vec<String>,
}

impl Client {
    /// Whether the address is registered; compared byte for byte.
    pub(crate) fn allows(&self, redirect_uri: &str) -> bool {
        self.redirect_uris
            .iter()
            .any(|registered| registered == redirect_uri)
    }
}

/// All registrations.
#[derive(Debug)]
pub(crate) struct Clients(Vec<Client>);

impl Clients {
    /// The application of this lab, and Outlook.
    pub(crate) fn fixtures(addresses: &Addresses) -> Clients {
        Clients(vec![
            Client {
                id: PORTAL_ID,
                name: "Contoso Portal",
                redirect_uris: vec![portal_redirect_uri(addresses)],
            },
            Client {
                id: OUTLOOK_MOBILE_ID,
                name: "Outlook",
                redirect_uris: vec![
                    format!("{}/common/oauth2/nativeclient", addresses.login_url()),
                    "msauth.lab.outlook://auth".to_owned(),
                ],
            },
        ])
    }

    /// The registration with this id.
    pub(crate) fn find(&self, id: &str) -> Option<&Client> {
        self.0.iter().find(|client| client.id == id)
    }
}

/// Where the portal takes its code.
pub(crate) fn portal_redirect_uri(addresses: &Addresses) -> String {
    format!("{}/signed-in", addresses.application_url())
}
