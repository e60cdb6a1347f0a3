//! The control channel to the federation server (spec proxy-integration 2).

mod error;
mod upstream;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use federation::proxy::{
    ApiVersion, Configuration, ProxyTrust, ProxyTrustRenewal, Resource, SerializedCertificate,
    StoreEntry, StoreEntryWrite, StoreKey, headers, read, write,
};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use zeroize::Zeroizing;

pub use error::ServiceError;
pub(crate) use error::reason;
pub(crate) use upstream::{Upstream, UpstreamTls};

use crate::config;
use crate::relay::Body;
use crate::trust::TrustIdentity;

/// Largest answer that is read: a list of as many store entries as the server may hold.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Who may add proxies, as the administrator typed it. The password is wiped from memory afterwards.
pub struct Credentials {
    username: String,
    password: Zeroizing<String>,
}

impl Credentials {
    /// Takes a user name and a password.
    ///
    /// # Errors
    /// When HTTP Basic authentication (RFC 7617) cannot carry them.
    pub fn new(username: &str, password: Zeroizing<String>) -> Result<Credentials, ServiceError> {
        let control = |text: &str| text.chars().any(char::is_control);
        if username.is_empty() || username.contains(':') || control(username) {
            return Err(ServiceError::Credentials(
                "the user name is empty, or has a colon or a control character",
            ));
        }
        if password.is_empty() || control(&password) {
            return Err(ServiceError::Credentials(
                "the password is empty or has a control character",
            ));
        }
        Ok(Credentials {
            username: username.to_owned(),
            password,
        })
    }

    fn header(&self) -> Result<HeaderValue, ServiceError> {
        let pair = Zeroizing::new(format!("{}:{}", self.username, *self.password));
        let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| ServiceError::Credentials("they do not fit into a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The server, as seen by one identity.
pub struct FederationService {
    upstream: Upstream,
    name: config::HostName,
    timeout: Duration,
}

/// An answer: what it says, and the text to keep.
pub struct Fetched<T> {
    /// Parsed.
    pub value: T,
    /// As received.
    pub json: Bytes,
}

impl FederationService {
    /// Prepares connections; none is made yet. Without an identity, only trust can be established.
    ///
    /// # Errors
    /// When the file of authorities or the identity cannot be used.
    pub fn new(
        service: &config::FederationService,
        limits: &config::Limits,
        identity: Option<&TrustIdentity>,
    ) -> Result<FederationService, ServiceError> {
        let tls = UpstreamTls {
            name: Some(service.name.as_str()),
            ca_file: service.ca_file.as_deref(),
            validate: true,
            identity,
        };
        let address = service.address();
        let upstream = Upstream::new(
            "https",
            &address.to_string(),
            &tls,
            limits.connect_timeout.get(),
        )?;
        Ok(FederationService {
            upstream,
            name: service.name.clone(),
            timeout: service.response_timeout.get(),
        })
    }

    /// Where it connects.
    pub fn address(&self) -> &str {
        self.upstream.authority()
    }

    /// Asks the server to trust `identity` from now on (spec proxy-integration 2.1).
    ///
    /// # Errors
    /// When the credentials are refused or the server cannot be reached.
    pub async fn establish_trust(
        &self,
        credentials: &Credentials,
        identity: &TrustIdentity,
    ) -> Result<(), ServiceError> {
        let document = ProxyTrust {
            serialized_trust_certificate: certificate(identity)?,
        };
        let body = Bytes::from(write(&document)?);
        let mut request =
            self.request(Method::POST, &Resource::EstablishTrust, None, Some(body))?;
        request
            .headers_mut()
            .insert(AUTHORIZATION, credentials.header()?);
        match self.exchange(request).await? {
            (StatusCode::OK, _) => Ok(()),
            (StatusCode::UNAUTHORIZED, _) => Err(ServiceError::CredentialsRefused {
                user: credentials.username.clone(),
            }),
            (status, answer) => Err(self.refused("establishing trust", status, &answer)),
        }
    }

    /// Offers a successor of the certificate that this connection presents (spec proxy-integration 2.2).
    ///
    /// # Errors
    /// When the server refuses it or cannot be reached.
    pub async fn renew_trust(&self, successor: &TrustIdentity) -> Result<(), ServiceError> {
        let document = ProxyTrustRenewal {
            serialized_replacement_certificate: certificate(successor)?,
        };
        let body = Bytes::from(write(&document)?);
        let request = self.request(Method::POST, &Resource::RenewTrust, None, Some(body))?;
        match self.exchange(request).await? {
            (StatusCode::OK, _) => Ok(()),
            (StatusCode::UNAUTHORIZED, _) => Err(ServiceError::TrustRefused),
            (status, answer) => Err(self.refused("renewing trust", status, &answer)),
        }
    }

    /// What the server tells its proxies about itself (spec proxy-integration 2.4).
    ///
    /// # Errors
    /// When this proxy is not trusted, or the server cannot be reached or understood.
    pub async fn configuration(&self) -> Result<Fetched<Configuration>, ServiceError> {
        let resource = Resource::Configuration;
        let request = self.request(Method::GET, &resource, Some(ApiVersion::V2), None)?;
        let json = self.must("reading the configuration", self.exchange(request).await?)?;
        Ok(Fetched {
            value: read(&json)?,
            json,
        })
    }

    /// An entry of the store that the proxies of a farm share; nothing when there is none (spec proxy-integration 2.7).
    ///
    /// # Errors
    /// When this proxy is not trusted, or the server cannot be reached or understood.
    pub async fn store_entry(&self, key: &StoreKey) -> Result<Option<StoreEntry>, ServiceError> {
        let resource = Resource::StoreEntry(key.clone());
        let request = self.request(Method::GET, &resource, Some(ApiVersion::V1), None)?;
        match self.exchange(request).await? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            answer => Ok(Some(read(&self.must("reading the store", answer)?)?)),
        }
    }

    /// Writes an entry that was read with `version`, or makes it when it was not there.
    ///
    /// # Errors
    /// [`ServiceError::Conflict`] when another proxy was faster; else as [`FederationService::store_entry`].
    pub async fn write_store_entry(
        &self,
        key: &StoreKey,
        version: Option<i64>,
        value: String,
    ) -> Result<(), ServiceError> {
        let document = StoreEntryWrite {
            key: Some(key.to_string()),
            version,
            value,
        };
        let method = if version.is_some() {
            Method::PUT
        } else {
            Method::POST
        };
        let resource = Resource::StoreEntry(key.clone());
        let body = Bytes::from(write(&document)?);
        let request = self.request(method, &resource, Some(ApiVersion::V1), Some(body))?;
        match self.exchange(request).await? {
            (StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED, _) => {
                Err(ServiceError::Conflict)
            }
            answer => self.must("writing the store", answer).map(|_| ()),
        }
    }

    fn must(
        &self,
        doing: &'static str,
        (status, answer): (StatusCode, Bytes),
    ) -> Result<Bytes, ServiceError> {
        match status {
            StatusCode::OK => Ok(answer),
            StatusCode::UNAUTHORIZED => Err(ServiceError::TrustRefused),
            status => Err(self.refused(doing, status, &answer)),
        }
    }

    fn refused(&self, doing: &'static str, status: StatusCode, answer: &Bytes) -> ServiceError {
        let start: String = String::from_utf8_lossy(answer).chars().take(200).collect();
        ServiceError::Refused {
            doing,
            address: self.address().to_owned(),
            status: status.as_u16(),
            detail: start.escape_debug().to_string(),
        }
    }

    fn request(
        &self,
        method: Method,
        resource: &Resource,
        version: Option<ApiVersion>,
        body: Option<Bytes>,
    ) -> Result<Request<Body>, ServiceError> {
        let query = version.map_or(String::new(), |version| format!("?{}", version.as_query()));
        let target = format!("{}{query}", resource.path());
        let uri: Uri = self.upstream.uri(&target).map_err(ServiceError::internal)?;
        let mut builder = Request::builder()
            .method(method)
            .uri(uri)
            .header(HOST, self.name.as_str());
        if body.is_some() {
            builder = builder.header(CONTENT_TYPE, headers::JSON);
        }
        builder
            .body(body.map_or_else(Body::empty, Body::full))
            .map_err(ServiceError::internal)
    }

    async fn exchange(&self, request: Request<Body>) -> Result<(StatusCode, Bytes), ServiceError> {
        let address = || self.address().to_owned();
        let whole = async {
            let response = self
                .upstream
                .send(request)
                .await
                .map_err(|error| ServiceError::of_client(address(), &error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER)
                .collect()
                .await;
            let body = body.map_err(|error| ServiceError::Broken {
                address: address(),
                reason: error.to_string(),
            })?;
            Ok((status, body.to_bytes()))
        };
        let timeout = tokio::time::timeout(self.timeout, whole).await;
        timeout.unwrap_or_else(|_| {
            Err(ServiceError::Silent {
                address: address(),
                seconds: self.timeout.as_secs(),
            })
        })
    }
}

fn certificate(identity: &TrustIdentity) -> Result<SerializedCertificate, ServiceError> {
    Ok(SerializedCertificate(identity.der()?))
}
