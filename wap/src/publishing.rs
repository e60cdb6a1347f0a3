//! Publishing applications: the list in the federation server's store is read, changed and written with the version
//! that was read, so that two administrators cannot undo each other's work.

use thiserror::Error;

use crate::applications::{
    ApplicationError, Applications, Preauthentication, PublishedApplication,
};
use crate::config::Configuration;
use crate::service::{FederationService, ServiceError};
use crate::trust::StateFolder;

/// How often a change is tried anew when another proxy was faster.
const TRIES: usize = 5;

/// Why nothing was published or taken away.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The server.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The application.
    #[error(transparent)]
    Application(#[from] ApplicationError),
    /// Its preauthentication.
    #[error("preauthentication {0} is not there yet; only PassThrough can be published")]
    Preauthentication(Preauthentication),
    /// Its host.
    #[error(
        "{0} is the federation service's own name; its endpoints are published by the federation server itself"
    )]
    ServiceName(String),
    /// Nothing to take away.
    #[error("no application named {0:?} is published; `wap list` shows all")]
    Unknown(String),
}

/// The list, with the trust of this proxy.
pub struct Publisher {
    service: FederationService,
    own_name: String,
}

impl Publisher {
    /// Uses the saved trust.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(configuration: &Configuration) -> Result<Publisher, ServiceError> {
        let identity = StateFolder::new(&configuration.trust.folder).identity()?;
        let service = FederationService::new(
            &configuration.federation_service,
            &configuration.limits,
            Some(&identity),
        )?;
        Ok(Publisher {
            service,
            own_name: configuration.federation_service.name.as_str().to_owned(),
        })
    }

    /// All published applications.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self) -> Result<Applications, ServiceError> {
        Ok(self.read().await?.0)
    }

    /// Publishes one. All proxies of the farm serve it within their poll interval.
    ///
    /// # Errors
    /// When it breaks a rule or the store cannot be written.
    pub async fn publish(&self, application: &PublishedApplication) -> Result<(), PublishError> {
        if application.external_preauthentication != Preauthentication::PassThrough {
            return Err(PublishError::Preauthentication(
                application.external_preauthentication,
            ));
        }
        let host = application.external_url.host_str().unwrap_or_default();
        if host.eq_ignore_ascii_case(&self.own_name) {
            return Err(PublishError::ServiceName(self.own_name.clone()));
        }
        self.change(|list| Ok(list.add(application.clone())?)).await
    }

    /// Takes one away.
    ///
    /// # Errors
    /// When there is none of that name or the store cannot be written.
    pub async fn unpublish(&self, name: &str) -> Result<(), PublishError> {
        let unknown = || PublishError::Unknown(name.to_owned());
        self.change(|list| list.remove(name).map(|_| ()).ok_or_else(unknown))
            .await
    }

    async fn change(
        &self,
        change: impl Fn(&mut Applications) -> Result<(), PublishError>,
    ) -> Result<(), PublishError> {
        let key =
            Applications::store_key().map_err(|error| ServiceError::Internal(error.to_string()))?;
        for _ in 0..TRIES {
            let (mut list, version) = self.read().await?;
            change(&mut list)?;
            let value = list.write().map_err(ServiceError::from)?;
            match self.service.write_store_entry(&key, version, value).await {
                Err(ServiceError::Conflict) => {}
                written => return Ok(written?),
            }
        }
        Err(ServiceError::Conflict.into())
    }

    async fn read(&self) -> Result<(Applications, Option<i64>), ServiceError> {
        let key =
            Applications::store_key().map_err(|error| ServiceError::Internal(error.to_string()))?;
        let Some(entry) = self.service.store_entry(&key).await? else {
            return Ok((Applications::default(), None));
        };
        let json = entry.value.unwrap_or_default();
        Ok((Applications::read(json.as_bytes())?, Some(entry.version)))
    }
}
