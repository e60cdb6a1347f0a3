//! One call on the control channel: what it addresses, who makes it, and its body.

use std::net::IpAddr;
use std::time::Duration;

use actix_web::http::{ConnectionType, Method, header};
use actix_web::web::{BytesMut, Payload};
use actix_web::{HttpRequest, HttpResponse};
use federation::proxy::{ApiVersion, ApiVersionError, Document, MAX_DOCUMENT, Resource, read};
use futures_util::StreamExt as _;
use tokio::time::timeout;
use uuid::Uuid;

use super::answer::{Refused, Reply};
use super::trusts::TrustedProxy;
use super::{configuration, publishing, shared_store, trust};
use crate::audit::{self, ProxyEvent};
use crate::ids;
use crate::server::{PeerCertificate, context};
use crate::state::Federation;

const BODY_TIMEOUT: Duration = Duration::from_secs(30);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// A call.
pub(super) struct Call<'a> {
    pub(super) request: &'a HttpRequest,
    pub(super) federation: &'a Federation,
    pub(super) activity_id: Uuid,
    pub(super) peer: IpAddr,
}

impl<'a> Call<'a> {
    pub(super) fn open(request: &'a HttpRequest, federation: &'a Federation) -> Call<'a> {
        let told = request
            .headers()
            .get("client-request-id")
            .and_then(|value| value.to_str().ok());
        let activity_id = told
            .and_then(|text| Uuid::try_parse(text).ok())
            .unwrap_or_else(ids::guid);
        let peer = context::of(request, federation, activity_id).peer_ip;
        Call {
            request,
            federation,
            activity_id,
            peer,
        }
    }

    pub(super) async fn answer(&self, mut payload: Payload) -> HttpResponse {
        let mut response = match self.serve(&mut payload).await {
            Ok(reply) => reply.response(),
            Err(refused) => {
                self.report(&refused);
                refused.response()
            }
        };
        // A body that nobody wanted is read all the same, so that the proxy can go on with the connection; it asks once
        // without credentials before it sends them. A long or slow one is not.
        let rest = timeout(DRAIN_TIMEOUT, bounded(&mut payload, MAX_DOCUMENT)).await;
        if !matches!(rest, Ok(Ok(_))) {
            response
                .head_mut()
                .set_connection_type(ConnectionType::Close);
        }
        response
    }

    async fn serve(&self, payload: &mut Payload) -> Result<Reply, Refused> {
        let Some((resource, primary_writer)) = Resource::parse(self.request.path()) else {
            return Err(Refused::Absent("a resource of this name"));
        };
        if primary_writer {
            return Err(Refused::NotOffered(
                "addresses for members of a Windows farm (PrimaryWriter)",
            ));
        }
        match &resource {
            Resource::EstablishTrust => {
                self.allow(&[Method::POST], "POST")?;
                return trust::establish(self, payload).await;
            }
            Resource::RenewTrust => {
                self.allow(&[Method::POST], "POST")?;
                let certificate = self.certificate().ok_or(Refused::RenewalNotTrusted)?;
                return trust::renew(self, certificate, payload).await;
            }
            _ => {}
        }
        let proxy = self.trusted_proxy().ok_or(Refused::NotTrusted)?;
        self.serve_proxy(&resource, &proxy, payload).await
    }

    async fn serve_proxy(
        &self,
        resource: &Resource,
        proxy: &TrustedProxy,
        payload: &mut Payload,
    ) -> Result<Reply, Refused> {
        const READ: &[Method] = &[Method::GET];
        match resource {
            Resource::Configuration => {
                self.allow(READ, "GET")?;
                ApiVersion::of_query(self.request.query_string())?;
                configuration::get(self)
            }
            Resource::RelyingParties => {
                self.allow(READ, "GET")?;
                self.version_one()?;
                publishing::list(self).await
            }
            Resource::RelyingParty(id) => {
                self.allow(READ, "GET")?;
                self.version_one()?;
                publishing::item(self, id).await
            }
            Resource::PublishedSettings(id) => {
                self.allow(&[Method::POST, Method::DELETE], "POST, DELETE")?;
                self.version_one()?;
                if *self.request.method() == Method::POST {
                    publishing::publish(self, proxy, id, payload).await
                } else {
                    publishing::withdraw(self, proxy, id, payload).await
                }
            }
            Resource::ProxyRelyingParty => {
                self.allow(
                    &[Method::GET, Method::POST, Method::DELETE],
                    "GET, POST, DELETE",
                )?;
                self.version_one()?;
                publishing::proxy_relying_party(self, proxy, payload).await
            }
            Resource::Store => {
                self.allow(READ, "GET")?;
                self.version_one()?;
                shared_store::list(self).await
            }
            Resource::StoreEntry(key) => {
                self.allow(
                    &[Method::GET, Method::POST, Method::PUT, Method::DELETE],
                    "GET, POST, PUT, DELETE",
                )?;
                self.version_one()?;
                shared_store::entry(self, proxy, key, payload).await
            }
            Resource::RelyingPartyToken => {
                self.allow(&[Method::POST], "POST")?;
                self.version_one()?;
                Err(Refused::NotOffered(
                    "tokens for active clients of published applications",
                ))
            }
            Resource::BackendProxyTls => {
                self.allow(&[Method::POST], "POST")?;
                Err(Refused::NotOffered(
                    "sign-in with user certificates through a proxy",
                ))
            }
            Resource::EstablishTrust | Resource::RenewTrust => Err(Refused::NotTrusted),
        }
    }

    fn allow(&self, methods: &[Method], allowed: &'static str) -> Result<(), Refused> {
        if methods.contains(self.request.method()) {
            Ok(())
        } else {
            Err(Refused::Method { allowed })
        }
    }

    /// Every resource but the configuration has one version.
    fn version_one(&self) -> Result<(), Refused> {
        match ApiVersion::of_query(self.request.query_string())? {
            ApiVersion::V1 => Ok(()),
            ApiVersion::V2 => Err(ApiVersionError::Unsupported.into()),
        }
    }

    /// The client certificate of the connection, DER.
    fn certificate(&self) -> Option<&[u8]> {
        self.request.conn_data::<PeerCertificate>()?.0.as_deref()
    }

    /// The proxy whose certificate the connection has, if it is trusted now: a kept-alive connection is judged anew at
    /// every call.
    fn trusted_proxy(&self) -> Option<TrustedProxy> {
        self.federation
            .proxy_trusts
            .recognise(self.certificate()?, self.federation.clock.now())
    }

    /// Reads the body as a document.
    pub(super) async fn body<T: Document>(&self, payload: &mut Payload) -> Result<T, Refused> {
        // No form of a web page can send this type, so a browser that knows credentials cannot be made to.
        let media_type = self
            .request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let essence = media_type
            .and_then(|value| value.split(';').next())
            .unwrap_or_default()
            .trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Refused::Malformed(
                "the body must have the type application/json".to_owned(),
            ));
        }
        let limit = T::MAX_BYTES.min(MAX_DOCUMENT);
        let bytes = timeout(BODY_TIMEOUT, bounded(payload, limit))
            .await
            .map_err(|_| Refused::Malformed("the body did not come in time".to_owned()))??;
        Ok(read(&bytes)?)
    }

    fn report(&self, refused: &Refused) {
        let reason = refused.for_log();
        let event = match refused {
            Refused::NotTrusted | Refused::Credentials | Refused::TooManyAttempts { .. } => {
                ProxyEvent::NotAuthenticated { reason: &reason }
            }
            Refused::RenewalNotTrusted => ProxyEvent::NotRenewed { reason: &reason },
            _ => ProxyEvent::Refused {
                path: self.request.path(),
                reason: &reason,
            },
        };
        audit::proxy(self.activity_id, self.peer, &event);
    }

    /// Notes a change that a proxy made.
    pub(super) fn note_change(&self, proxy: &TrustedProxy, change: &str) {
        audit::proxy(
            self.activity_id,
            self.peer,
            &ProxyEvent::Changed {
                proxy: &proxy.name,
                change,
            },
        );
    }
}

async fn bounded(payload: &mut Payload, limit: usize) -> Result<BytesMut, Refused> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Refused::Malformed("the body is incomplete".to_owned()))?;
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(Refused::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
