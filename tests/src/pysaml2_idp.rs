//! pysaml2 as an identity provider: `tests/python/identity_provider.py` judges our requests and makes its answers.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::pysaml2::run;
use crate::saml::service_provider::Identity;

/// A provider with keys of its own.
#[derive(Debug)]
pub struct IdentityProvider {
    base: Value,
    folder: TempDir,
}

impl IdentityProvider {
    /// Makes one that is called `entity_id`, with its endpoints below `address`.
    ///
    /// # Errors
    /// When keys or folder cannot be made.
    pub fn new(entity_id: &str, address: &str) -> Result<IdentityProvider> {
        let identity = Identity::new("identity provider")?;
        let folder = tempfile::tempdir()?;
        let text = |pem: Vec<u8>| String::from_utf8(pem).context("PEM is text");
        let base = json!({
            "entity_id": entity_id,
            "sign_on": format!("{address}/sso"),
            "logout": format!("{address}/slo"),
            "key": text(identity.key_pem()?)?,
            "certificate": text(identity.certificate.to_pem()?)?,
            "folder": folder.path(),
        });
        Ok(IdentityProvider { base, folder })
    }

    /// Has it know a service provider by its metadata.
    ///
    /// # Errors
    /// Never, as long as an order is an object.
    pub fn know(&mut self, metadata: &str) -> Result<()> {
        let fields = self.base.as_object_mut().context("an order is an object")?;
        fields.insert("sp_metadata".to_owned(), metadata.into());
        Ok(())
    }

    /// A folder for files.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Runs one order, with the message in the query of `request` if there is one.
    ///
    /// # Errors
    /// When pysaml2 refuses; the message is its own.
    pub fn order(&self, what: &str, request: Option<&Url>, more: Value) -> Result<Value> {
        let mut whole = self.base.clone();
        let fields = whole.as_object_mut().context("an order is an object")?;
        fields.insert("do".to_owned(), what.into());
        if let Some(request) = request {
            let query: Value = request
                .query_pairs()
                .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
                .collect();
            fields.insert("query".to_owned(), query);
        }
        if let Value::Object(more) = more {
            fields.extend(more);
        }
        run("identity_provider.py", &whole)
    }
}
