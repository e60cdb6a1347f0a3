//! One published application and its rules.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::ApplicationError;
use crate::config::{HostName, HostPattern};
use crate::request::Target;

/// How end users prove themselves before anything reaches the back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Preauthentication {
    /// Not at the proxy.
    PassThrough,
    /// Browser sign-in at the federation server.
    #[serde(rename = "ADFS")]
    Adfs,
    /// A certain client certificate.
    ClientCertificate,
    /// HTTP Basic, checked by the federation server.
    #[serde(rename = "ADFSforRichClients")]
    AdfsForRichClients,
    /// Bearer tokens.
    #[serde(rename = "ADFSforOAuth")]
    AdfsForOAuth,
    /// Browsers and Office clients.
    #[serde(rename = "ADFSforBrowsersAndOffice")]
    AdfsForBrowsersAndOffice,
}

impl fmt::Display for Preauthentication {
    /// The product's spelling.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Preauthentication::PassThrough => "PassThrough",
            Preauthentication::Adfs => "ADFS",
            Preauthentication::ClientCertificate => "ClientCertificate",
            Preauthentication::AdfsForRichClients => "ADFSforRichClients",
            Preauthentication::AdfsForOAuth => "ADFSforOAuth",
            Preauthentication::AdfsForBrowsersAndOffice => "ADFSforBrowsersAndOffice",
        })
    }
}

/// Whether the back end's TLS certificate is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CertificateValidation {
    /// Chain and name.
    #[default]
    ValidateCertificate,
    /// Not at all; anybody between proxy and back end can read and change everything.
    None,
}

/// One application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PublishedApplication {
    /// Identity that stays when it is renamed.
    #[serde(rename = "ID")]
    pub id: Uuid,
    /// Unique name.
    pub name: String,
    /// Where end clients find it; https, ends in `/`; the host may start with `*.`.
    pub external_url: Url,
    /// Where it lives; http or https, ends in `/`, same path.
    pub backend_server_url: Url,
    /// What comes before.
    pub external_preauthentication: Preauthentication,
    /// Check of the back end's certificate.
    #[serde(default)]
    pub backend_server_certificate_validation: CertificateValidation,
    /// Leave Host, Origin, Referer and Destination of requests as the end client sent them.
    #[serde(default)]
    pub disable_translate_url_in_request_headers: bool,
    /// Leave Location, Content-Location and cookies' domains of answers as the back end sent them.
    #[serde(default)]
    pub disable_translate_url_in_response_headers: bool,
    /// Seconds after which a transaction that stands still ends.
    #[serde(default = "five_minutes")]
    pub inactive_transactions_timeout_sec: u32,
    /// Largest body of a request in bytes; the proxy's own limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_request_body_bytes: Option<u64>,
    /// Whether WebSocket connections may be opened.
    #[serde(default)]
    pub enable_web_sockets: bool,
}

/// Where an application answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Host.
    pub host: HostPattern,
    /// Port.
    pub port: u16,
    /// Path, which it owns with everything below.
    pub path: Target,
}

impl Place {
    /// Whether the same requests come to both; case does not count.
    pub(super) fn is_same(&self, other: &Place) -> bool {
        self.host == other.host && self.port == other.port && self.path.same_path(&other.path)
    }
}

impl PublishedApplication {
    /// Where it answers.
    ///
    /// # Errors
    /// When the external URL breaks the rules.
    pub fn place(&self) -> Result<Place, ApplicationError> {
        let wrong = |reason| url_error("external URL", &self.external_url, reason);
        if self.external_url.scheme() != "https" {
            return Err(wrong("it must begin with https://"));
        }
        plain("external URL", &self.external_url)?;
        let host = self.external_url.host_str().unwrap_or_default();
        let host = HostPattern::parse(host)
            .map_err(|_| wrong("its host must be a name, or *. and a name"))?;
        let path = Target::parse(self.external_url.path(), None)
            .map_err(|_| wrong("its path is ambiguous"))?;
        Ok(Place {
            host,
            port: self.external_url.port().unwrap_or(443),
            path,
        })
    }

    pub(super) fn check(&self) -> Result<(), ApplicationError> {
        let length = self.name.chars().count();
        if !(1..=256).contains(&length) || self.name.chars().any(char::is_control) {
            return Err(ApplicationError::Name);
        }
        let place = self.place()?;
        let wrong = |reason| url_error("backend URL", &self.backend_server_url, reason);
        if !matches!(self.backend_server_url.scheme(), "http" | "https") {
            return Err(wrong("it must begin with https:// or http://"));
        }
        plain("backend URL", &self.backend_server_url)?;
        let host = self.backend_server_url.host_str().unwrap_or_default();
        // Addresses are taken for back ends that no certificate proves anyway.
        let is_address = host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok();
        if !is_address && HostName::parse(host).is_err() {
            return Err(wrong("its host must be a name"));
        }
        let backend = Target::parse(self.backend_server_url.path(), None)
            .map_err(|_| wrong("its path is ambiguous"))?;
        if backend.path() != place.path.path() {
            return Err(ApplicationError::PathsDiffer {
                external: place.path.path(),
                backend: backend.path(),
            });
        }
        if !(1..=86_400).contains(&self.inactive_transactions_timeout_sec) {
            return Err(wrong("its inactivity time-out must be 1 to 86400 seconds"));
        }
        Ok(())
    }
}

fn plain(which: &'static str, url: &Url) -> Result<(), ApplicationError> {
    let wrong = |reason| Err(url_error(which, url, reason));
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("it must not carry a user name or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("it must end at its path");
    }
    if !url.path().ends_with('/') {
        return wrong("it must end in /");
    }
    Ok(())
}

fn url_error(which: &'static str, url: &Url, reason: &'static str) -> ApplicationError {
    ApplicationError::Url {
        which,
        url: url.to_string(),
        reason,
    }
}

fn five_minutes() -> u32 {
    300
}
