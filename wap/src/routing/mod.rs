//! The decision: which requests go on, and where to. A [`Permit`] is made here and nowhere else, and nothing but a
//! permit opens the way to the federation server or a back end.

mod application;
mod endpoint;

use std::sync::Arc;

use federation::proxy::Configuration;
use http::StatusCode;
use thiserror::Error;

pub use application::Application;
use endpoint::Endpoint;

use crate::applications::{Applications, Preauthentication};
use crate::config;
use crate::request::{Authority, Target};
use crate::service::ServiceError;

/// How a request reached the proxy.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Name in the TLS handshake, in lower case.
    pub server_name: String,
    /// Port that end clients see.
    pub outside_port: u16,
}

/// Why a request does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Host and TLS name differ, or nobody answers for the host here.
    #[error("nothing is published for this host, or it is not the one of the TLS handshake")]
    Misdirected,
    /// Nothing at this path.
    #[error("nothing is published at this path")]
    NotFound,
    /// The federation server's configuration was never seen.
    #[error("the federation server's configuration is not known yet")]
    NotReady,
    /// The application needs more than this proxy can do.
    #[error("the application's preauthentication is not there yet")]
    Preauthentication,
}

impl Refusal {
    /// Status of the page.
    pub fn status(self) -> StatusCode {
        match self {
            Refusal::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Refusal::NotFound => StatusCode::NOT_FOUND,
            Refusal::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Preauthentication => StatusCode::FORBIDDEN,
        }
    }
}

/// Leave for one request to go on, with the target that it goes on with.
#[derive(Debug)]
pub struct Permit {
    destination: Destination,
    target: Target,
    authority: Authority,
}

/// Where to.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// The federation server.
    Service,
    /// A back end.
    Application(Arc<Application>),
}

impl Permit {
    pub(crate) fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Normalised, as the server behind is to see it.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Host and port that the end client used.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    pub(crate) fn is_service(&self) -> bool {
        matches!(self.destination, Destination::Service)
    }

    /// For the log.
    pub fn route(&self) -> &str {
        match &self.destination {
            Destination::Service => "service",
            Destination::Application(application) => application.name(),
        }
    }
}

/// Everything that is published, as one snapshot.
#[derive(Debug)]
pub struct Routes {
    service: config::HostName,
    endpoints: Option<Vec<Endpoint>>,
    applications: Vec<Arc<Application>>,
}

impl Routes {
    /// Before anything is known.
    pub fn unknown(service: config::HostName) -> Routes {
        Routes {
            service,
            endpoints: None,
            applications: Vec::new(),
        }
    }

    /// The same applications with the endpoints of a configuration. Endpoints that cannot be served are left out and
    /// logged.
    pub fn with_endpoints(&self, configuration: &Configuration) -> Routes {
        let listed = configuration.endpoint_configuration.endpoints.iter();
        let endpoints = listed.filter_map(|published| match Endpoint::new(published) {
            Ok(endpoint) => Some(endpoint),
            Err(reason) => {
                tracing::warn!(
                    path = published.path,
                    "an endpoint is not relayed: {reason}"
                );
                None
            }
        });
        Routes {
            service: self.service.clone(),
            endpoints: Some(endpoints.collect()),
            applications: self.applications.clone(),
        }
    }

    /// The same endpoints with other applications. Those that have not changed keep their connections.
    ///
    /// # Errors
    /// When TLS towards a back end cannot be set up.
    pub fn with_applications(
        &self,
        list: &Applications,
        configuration: &config::Configuration,
    ) -> Result<Routes, ServiceError> {
        let mut applications = Vec::new();
        for published in list.iter() {
            let kept = self
                .applications
                .iter()
                .find(|known| known.published() == published);
            let application = match kept {
                Some(known) => known.clone(),
                None => Arc::new(Application::new(published.clone(), configuration)?),
            };
            if application.is_for(&self.service) {
                tracing::error!(
                    application = published.name,
                    "an application is not served: its host is the federation service's"
                );
                continue;
            }
            applications.push(application);
        }
        Ok(Routes {
            service: self.service.clone(),
            endpoints: self.endpoints.clone(),
            applications,
        })
    }

    /// Decides about a request.
    ///
    /// # Errors
    /// Says why it does not go on.
    pub fn decide(
        &self,
        arrival: &Arrival,
        authority: &Authority,
        target: &Target,
    ) -> Result<Permit, Refusal> {
        if authority.host.as_str() != arrival.server_name || authority.port != arrival.outside_port
        {
            return Err(Refusal::Misdirected);
        }
        let (destination, target) = if authority.host == self.service {
            (Destination::Service, self.relayed(target)?)
        } else {
            (
                Destination::Application(self.published(authority, target)?),
                target.clone(),
            )
        };
        Ok(Permit {
            destination,
            target,
            authority: authority.clone(),
        })
    }

    fn relayed(&self, target: &Target) -> Result<Target, Refusal> {
        let endpoints = self.endpoints.as_ref().ok_or(Refusal::NotReady)?;
        let covering = endpoints
            .iter()
            .filter_map(|endpoint| endpoint.covers(target).map(|covered| (covered, endpoint)));
        let (_, endpoint) = covering
            .max_by_key(|(covered, _)| *covered)
            .ok_or(Refusal::NotFound)?;
        endpoint.inside(target).ok_or(Refusal::NotFound)
    }

    fn published(
        &self,
        authority: &Authority,
        target: &Target,
    ) -> Result<Arc<Application>, Refusal> {
        let of_host = |exact: bool| -> Vec<&Arc<Application>> {
            let all = self.applications.iter();
            all.filter(|application| {
                application.answers(authority) && application.is_exact() == exact
            })
            .collect()
        };
        // An exact host beats a wildcard, whatever the paths are.
        let mut candidates = of_host(true);
        if candidates.is_empty() {
            candidates = of_host(false);
        }
        if candidates.is_empty() {
            return Err(Refusal::Misdirected);
        }
        let covering = candidates
            .into_iter()
            .filter_map(|candidate| candidate.covers(target).map(|covered| (covered, candidate)));
        let (_, application) = covering
            .max_by_key(|(covered, _)| *covered)
            .ok_or(Refusal::NotFound)?;
        match application.published().external_preauthentication {
            Preauthentication::PassThrough => Ok(application.clone()),
            _ => Err(Refusal::Preauthentication),
        }
    }

    /// How many endpoints and applications there are.
    pub fn counts(&self) -> (usize, usize) {
        (
            self.endpoints.as_ref().map_or(0, Vec::len),
            self.applications.len(),
        )
    }
}

#[cfg(test)]
mod tests;
