//! Pooled connections to one server behind the proxy.

use std::path::Path;
use std::time::Duration;

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_openssl::client::legacy::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use openssl::ssl::{SslConnector, SslConnectorBuilder, SslMethod, SslVerifyMode, SslVersion};

use super::ServiceError;
use crate::relay::Body;
use crate::trust::TrustIdentity;

/// Bytes that are held for an end client who takes a large answer slowly, in each direction.
const BUFFER: usize = 64 * 1024;

/// How the server proves itself, and we to it.
pub(crate) struct UpstreamTls<'a> {
    /// Name in its certificate when it is not the host that is connected to.
    pub(crate) name: Option<&'a str>,
    /// Authorities; the system's when absent.
    pub(crate) ca_file: Option<&'a Path>,
    /// Whether chain and name are checked.
    pub(crate) validate: bool,
    /// What we present.
    pub(crate) identity: Option<&'a TrustIdentity>,
}

/// One server. Requests are HTTP/1.1: the server's side of the protocol needs it, and a slow answer then holds up
/// no other.
pub(crate) struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    scheme: &'static str,
    authority: String,
}

impl Upstream {
    pub(crate) fn new(
        scheme: &'static str,
        authority: &str,
        tls: &UpstreamTls<'_>,
        connect_timeout: Duration,
    ) -> Result<Upstream, ServiceError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_timeout));
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        let mut connector = HttpsConnector::with_connector(tcp, builder(tls)?)?;
        if let Some(name) = tls.name.map(str::to_owned) {
            // The library would take the name from the address that we connect to.
            connector.set_callback(move |configuration, _| {
                configuration.set_use_server_name_indication(false);
                configuration.set_verify_hostname(false);
                configuration.set_hostname(&name)?;
                configuration.param_mut().set_host(&name)
            });
        }
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(50))
            .pool_max_idle_per_host(256)
            .http1_max_buf_size(BUFFER)
            .set_host(false)
            .build(connector);
        Ok(Upstream {
            client,
            scheme,
            authority: authority.to_owned(),
        })
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The absolute URI of a path and query.
    pub(crate) fn uri(&self, target: &str) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.scheme)
            .authority(self.authority.as_str())
            .path_and_query(target)
            .build()
    }

    pub(crate) async fn send(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        self.client.request(request).await
    }
}

fn builder(tls: &UpstreamTls<'_>) -> Result<SslConnectorBuilder, ServiceError> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    if let Some(path) = tls.ca_file {
        // Only these: a service whose authority is named is not to be trusted by others' word.
        let store = openssl::x509::store::X509StoreBuilder::new()?;
        builder.set_cert_store(store.build());
        builder
            .set_ca_file(path)
            .map_err(|reason| ServiceError::CaFile {
                path: path.to_owned(),
                reason,
            })?;
    }
    if !tls.validate {
        builder.set_verify(SslVerifyMode::NONE);
    }
    if let Some(identity) = tls.identity {
        builder.set_certificate(identity.certificate())?;
        builder.set_private_key(identity.key())?;
        builder.check_private_key()?;
    }
    Ok(builder)
}
