//! A published application with its connections.

use std::time::Duration;

use crate::applications::{CertificateValidation, Place, PublishedApplication};
use crate::config::{Configuration, HostName, HostPattern};
use crate::request::{Authority, Target};
use crate::service::{ServiceError, Upstream, UpstreamTls};

/// One application.
pub struct Application {
    published: PublishedApplication,
    place: Place,
    upstream: Upstream,
    body_limit: u64,
}

impl Application {
    pub(super) fn new(
        published: PublishedApplication,
        configuration: &Configuration,
    ) -> Result<Application, ServiceError> {
        let place = published
            .place()
            .map_err(|error| ServiceError::Internal(error.to_string()))?;
        let validate = published.backend_server_certificate_validation
            == CertificateValidation::ValidateCertificate;
        let url = &published.backend_server_url;
        let tls = UpstreamTls {
            name: None,
            ca_file: configuration.backends.ca_file.as_deref(),
            validate,
            identity: None,
        };
        let scheme = if url.scheme() == "https" {
            "https"
        } else {
            "http"
        };
        if scheme == "https" && !validate {
            tracing::warn!(
                application = published.name,
                "the back end's certificate is not checked"
            );
        }
        let upstream = Upstream::new(
            scheme,
            url.authority(),
            &tls,
            configuration.limits.connect_timeout.get(),
        )?;
        let body_limit = published
            .maximum_request_body_bytes
            .unwrap_or(configuration.limits.application_body_bytes);
        Ok(Application {
            published,
            place,
            upstream,
            body_limit,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.published.name
    }

    pub(crate) fn published(&self) -> &PublishedApplication {
        &self.published
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub(crate) fn body_limit(&self) -> u64 {
        self.body_limit
    }

    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(u64::from(self.published.inactive_transactions_timeout_sec))
    }

    pub(super) fn answers(&self, authority: &Authority) -> bool {
        self.place.port == authority.port && self.place.host.matches(authority.host.as_str())
    }

    pub(super) fn is_exact(&self) -> bool {
        self.place.host.is_exact()
    }

    pub(super) fn is_for(&self, host: &HostName) -> bool {
        self.place.host == HostPattern::Exact(host.clone())
    }

    pub(super) fn covers(&self, target: &Target) -> Option<usize> {
        target.below(&self.place.path)
    }
}

impl std::fmt::Debug for Application {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Application")
            .field("published", &self.published)
            .finish_non_exhaustive()
    }
}
