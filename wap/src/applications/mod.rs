//! Published applications, as all proxies of a farm share them in the federation server's store (spec
//! proxy-integration 6.1; the names of settings are those of the WebApplicationProxy cmdlets).

mod application;

use std::collections::HashSet;

use federation::proxy::{Document, StoreKey, StoreKeyError, WireError};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

pub use application::{CertificateValidation, Place, Preauthentication, PublishedApplication};

/// Name of the store's entry that holds them.
const STORE_KEY: &str = "WebApplicationProxy.Applications";
/// Edition of the document that this program writes.
const SCHEMA_VERSION: u32 = 1;
/// More applications than this are a mistake.
const MAX_APPLICATIONS: usize = 500;

/// Why an application cannot be published.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApplicationError {
    /// Its name.
    #[error("an application's name has 1 to 256 characters and no control characters")]
    Name,
    /// Another one is called so.
    #[error(
        "an application named {0:?} is published already; `wap list` shows all, `wap unpublish` takes one away"
    )]
    NameTaken(String),
    /// Another one answers there.
    #[error("{0} is published already; `wap list` shows all, `wap unpublish` takes one away")]
    UrlTaken(Url),
    /// A URL.
    #[error("{which} {url:?} cannot be used: {reason}")]
    Url {
        /// External or backend.
        which: &'static str,
        /// As given.
        url: String,
        /// What is wrong and what would be right.
        reason: &'static str,
    },
    /// Paths differ.
    #[error(
        "the external URL's path {external} and the backend URL's path {backend} differ; only hosts can be translated, so publish both under the same path"
    )]
    PathsDiffer {
        /// Path outside.
        external: String,
        /// Path inside.
        backend: String,
    },
    /// Too many.
    #[error("there are {MAX_APPLICATIONS} published applications already, which is the most")]
    TooMany,
    /// A newer program's document.
    #[error(
        "the published applications were written by a newer proxy (schema {0}); update this one"
    )]
    Schema(u32),
}

/// The document in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Applications {
    schema_version: u32,
    applications: Vec<PublishedApplication>,
}

impl Document for Applications {
    const NAME: &'static str = "list of published applications";
    const MEMBERS: &'static [&'static str] = &["SchemaVersion", "Applications"];
}

impl Applications {
    /// Reads the document. All of it or nothing: half a list would take applications away.
    ///
    /// # Errors
    /// When it is damaged, newer than this program, or breaks the rules of [`Applications::add`].
    pub fn read(json: &[u8]) -> Result<Applications, WireError> {
        let document: Applications = federation::proxy::read(json)?;
        let failed = |error: ApplicationError| WireError {
            what: Applications::NAME,
            reason: error.to_string(),
        };
        if document.schema_version > SCHEMA_VERSION {
            return Err(failed(ApplicationError::Schema(document.schema_version)));
        }
        let mut checked = Applications::default();
        for application in document.applications {
            checked.add(application).map_err(failed)?;
        }
        Ok(checked)
    }

    /// Writes the document.
    ///
    /// # Errors
    /// Never in practice; the types have a JSON form.
    pub fn write(&self) -> Result<String, WireError> {
        let document = Applications {
            schema_version: SCHEMA_VERSION,
            applications: self.applications.clone(),
        };
        let json = federation::proxy::write(&document)?;
        String::from_utf8(json).map_err(|error| WireError {
            what: Applications::NAME,
            reason: error.to_string(),
        })
    }

    /// Where the document lives.
    ///
    /// # Errors
    /// Never in practice; the name is a constant.
    pub fn store_key() -> Result<StoreKey, StoreKeyError> {
        StoreKey::parse(STORE_KEY)
    }

    /// Adds one that keeps the rules.
    ///
    /// # Errors
    /// Says which rule it breaks.
    pub fn add(&mut self, application: PublishedApplication) -> Result<(), ApplicationError> {
        application.check()?;
        if self.applications.len() >= MAX_APPLICATIONS {
            return Err(ApplicationError::TooMany);
        }
        let names: HashSet<String> = self
            .applications
            .iter()
            .map(|other| other.name.to_lowercase())
            .collect();
        if names.contains(&application.name.to_lowercase()) {
            return Err(ApplicationError::NameTaken(application.name));
        }
        let place = application.place()?;
        for other in &self.applications {
            if other.place()?.is_same(&place) {
                return Err(ApplicationError::UrlTaken(application.external_url));
            }
        }
        self.applications.push(application);
        Ok(())
    }

    /// Takes one away by its name, in whatever case.
    pub fn remove(&mut self, name: &str) -> Option<PublishedApplication> {
        let at = self
            .applications
            .iter()
            .position(|other| other.name.to_lowercase() == name.to_lowercase())?;
        Some(self.applications.remove(at))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &PublishedApplication> {
        self.applications.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use uuid::Uuid;

    use super::*;

    pub(crate) fn application(name: &str, external: &str, backend: &str) -> PublishedApplication {
        PublishedApplication {
            id: Uuid::from_u128(1),
            name: name.to_owned(),
            external_url: external.parse().unwrap(),
            backend_server_url: backend.parse().unwrap(),
            external_preauthentication: Preauthentication::PassThrough,
            backend_server_certificate_validation: CertificateValidation::default(),
            disable_translate_url_in_request_headers: false,
            disable_translate_url_in_response_headers: false,
            inactive_transactions_timeout_sec: 300,
            maximum_request_body_bytes: None,
            enable_web_sockets: false,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut applications = Applications::default();
        applications
            .add(application(
                "App",
                "https://app.contoso.test/",
                "http://app.corp.test:8080/",
            ))
            .unwrap();
        applications
            .add(application(
                "All",
                "https://*.apps.contoso.test:8443/x/",
                "https://10.0.0.1/x/",
            ))
            .unwrap();
        let text = applications.write().unwrap();
        let read = Applications::read(text.as_bytes()).unwrap();
        assert!(read.iter().eq(applications.iter()));
        assert!(
            text.contains(r#""ExternalPreauthentication":"PassThrough""#),
            "{text}"
        );
    }

    #[test]
    fn rules_of_publishing_hold() {
        for (external, backend, expected) in [
            (
                "http://a.test/",
                "http://b.test/",
                "must begin with https://",
            ),
            ("https://a.test/x", "https://b.test/x", "must end in /"),
            ("https://a.test/x/", "https://b.test/y/", "differ"),
            ("https://a.test/", "ftp://b.test/", "https:// or http://"),
            ("https://u:p@a.test/", "https://b.test/", "user name"),
            ("https://a.test/?q", "https://b.test/", "end at its path"),
            ("https://10.0.0.1/", "https://b.test/", "must be a name"),
            (
                "https://a.test/a%2fb/",
                "https://b.test/a%2fb/",
                "ambiguous",
            ),
        ] {
            let error = Applications::default()
                .add(application("A", external, backend))
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{external} {backend}: {error}");
        }
    }

    #[test]
    fn neither_name_nor_place_is_given_twice() {
        let mut applications = Applications::default();
        applications
            .add(application("App", "https://a.test/x/", "http://b.test/x/"))
            .unwrap();
        let same_name = application("aPP", "https://b.test/", "http://b.test/");
        assert!(matches!(
            applications.add(same_name),
            Err(ApplicationError::NameTaken(_))
        ));
        let same_place = application("Other", "https://A.test:443/X/", "http://b.test/X/");
        assert!(matches!(
            applications.add(same_place),
            Err(ApplicationError::UrlTaken(_))
        ));
        assert_eq!(applications.remove("APP").unwrap().name, "App");
        assert_eq!(applications.remove("APP"), None);
    }

    #[test]
    fn a_newer_or_damaged_document_is_refused_whole() {
        for (json, expected) in [
            (
                r#"{"SchemaVersion":2,"Applications":[]}"#,
                "update this one",
            ),
            (r#"{"SchemaVersion":1}"#, "missing field"),
            (
                r#"{"SchemaVersion":1,"Applications":[{"Name":"x"}]}"#,
                "missing field",
            ),
            ("", "EOF"),
        ] {
            let error = Applications::read(json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,200}") {
            let _ = Applications::read(text.as_bytes());
        }
    }
}
