//! Just enough of a federation server: trust, configuration, store, and endpoints that tell what reached them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use federation::proxy::{
    Configuration, ProxyTrust, ProxyTrustRenewal, PublishedEndpoint, Resource, StoreEntry,
    StoreEntryWrite, read, write,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use openssl::ssl::{Ssl, SslAcceptor, SslFiletype, SslMethod, SslVerifyMode};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_openssl::SslStream;

use super::{Pki, STS};

pub(crate) const PASSWORD: &str = "canary-Pass@word1";

/// A relayed request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) trusted: bool,
    pub(crate) body: Bytes,
}

#[derive(Default)]
struct Memory {
    trusted: Vec<Vec<u8>>,
    store: HashMap<String, (i64, String)>,
    seen: Vec<Seen>,
    store_reads: usize,
}

pub(crate) struct FederationServer {
    pub(crate) port: u16,
    memory: Arc<Mutex<Memory>>,
    acceptor: Arc<SslAcceptor>,
    task: JoinHandle<()>,
}

impl FederationServer {
    pub(crate) async fn start(pki: &Pki, port: u16) -> FederationServer {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        builder
            .set_certificate_chain_file(pki.path("sts", "pem"))
            .unwrap();
        builder
            .set_private_key_file(pki.path("sts", "key"), SslFiletype::PEM)
            .unwrap();
        builder.set_session_id_context(b"test").unwrap();
        builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
        let acceptor = Arc::new(builder.build());
        let memory = Arc::new(Mutex::new(Memory::default()));
        let (port, task) = listen(port, acceptor.clone(), memory.clone()).await;
        FederationServer {
            port,
            memory,
            acceptor,
            task,
        }
    }

    /// Ends the listener and every connection.
    pub(crate) async fn stop(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// Listens on the same port again, with what it knew.
    pub(crate) async fn restart(&mut self) {
        (_, self.task) = listen(self.port, self.acceptor.clone(), self.memory.clone()).await;
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.memory.lock().unwrap().seen.clone()
    }

    /// How often entries of the store were asked for.
    pub(crate) fn store_reads(&self) -> usize {
        self.memory.lock().unwrap().store_reads
    }

    pub(crate) fn trusted(&self) -> usize {
        self.memory.lock().unwrap().trusted.len()
    }

    /// As an administrator who revokes all proxies.
    pub(crate) fn revoke(&self) {
        self.memory.lock().unwrap().trusted.clear();
    }

    pub(crate) fn trust(&self, der: Vec<u8>) {
        self.memory.lock().unwrap().trusted.push(der);
    }

    pub(crate) fn put(&self, key: &str, value: &str) {
        let mut memory = self.memory.lock().unwrap();
        let version = memory.store.get(key).map_or(1, |(version, _)| version + 1);
        memory
            .store
            .insert(key.to_owned(), (version, value.to_owned()));
    }
}

async fn listen(
    port: u16,
    acceptor: Arc<SslAcceptor>,
    memory: Arc<Mutex<Memory>>,
) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, memory) = (acceptor.clone(), memory.clone());
            connections.spawn(async move {
                let mut stream =
                    SslStream::new(Ssl::new(acceptor.context()).unwrap(), stream).unwrap();
                if std::pin::Pin::new(&mut stream).accept().await.is_err() {
                    return;
                }
                let peer = stream
                    .ssl()
                    .peer_certificate()
                    .map(|certificate| certificate.to_der().unwrap());
                let service =
                    service_fn(move |request| answer(memory.clone(), peer.clone(), request));
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    (port, task)
}

async fn answer(
    memory: Arc<Mutex<Memory>>,
    peer: Option<Vec<u8>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let mut memory = memory.lock().unwrap();
    let trusted = peer.is_some_and(|der| memory.trusted.contains(&der));
    let (status, text) = match Resource::parse(parts.uri.path()) {
        Some((resource, _)) => control(&mut memory, trusted, &parts, &resource, &body),
        None => {
            memory.seen.push(Seen {
                method: parts.method.clone(),
                target: parts.uri.to_string(),
                headers: parts.headers.clone(),
                trusted,
                body,
            });
            (StatusCode::OK, b"federation".to_vec())
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("server", "secret/1".parse().unwrap());
    response
        .headers_mut()
        .insert("set-cookie", "MSISAuth=1; Path=/adfs".parse().unwrap());
    Ok(response)
}

fn control(
    memory: &mut Memory,
    trusted: bool,
    parts: &http::request::Parts,
    resource: &Resource,
    body: &[u8],
) -> (StatusCode, Vec<u8>) {
    if *resource == Resource::EstablishTrust {
        let expected = format!(
            "Basic {}",
            STANDARD.encode(format!("CONTOSO\\admin:{PASSWORD}"))
        );
        let given = parts
            .headers
            .get("authorization")
            .map(|value| value.as_bytes());
        if given != Some(expected.as_bytes()) {
            return (StatusCode::UNAUTHORIZED, Vec::new());
        }
        memory.trusted.push(
            read::<ProxyTrust>(body)
                .unwrap()
                .serialized_trust_certificate
                .0,
        );
        return (StatusCode::OK, Vec::new());
    }
    if !trusted {
        return (StatusCode::UNAUTHORIZED, Vec::new());
    }
    if let (Resource::StoreEntry(_), &Method::GET) = (resource, &parts.method) {
        memory.store_reads += 1;
    }
    match (resource, &parts.method) {
        (Resource::RenewTrust, _) => {
            memory.trusted.push(
                read::<ProxyTrustRenewal>(body)
                    .unwrap()
                    .serialized_replacement_certificate
                    .0,
            );
            (StatusCode::OK, Vec::new())
        }
        (Resource::Configuration, _) => (StatusCode::OK, write(&configuration()).unwrap()),
        (Resource::StoreEntry(key), &Method::GET) => match memory.store.get(key.as_str()) {
            Some((version, value)) => {
                let entry = StoreEntry {
                    key: key.to_string(),
                    version: *version,
                    value: Some(value.clone()),
                };
                (StatusCode::OK, write(&entry).unwrap())
            }
            None => (StatusCode::NOT_FOUND, Vec::new()),
        },
        (Resource::StoreEntry(key), method) => {
            let document: StoreEntryWrite = read(body).unwrap();
            let known = memory.store.get(key.as_str()).map(|(version, _)| *version);
            match (method, known) {
                (&Method::POST, None) => {}
                (&Method::POST, Some(_)) => return (StatusCode::CONFLICT, Vec::new()),
                (_, known) if known == document.version => {}
                _ => return (StatusCode::PRECONDITION_FAILED, Vec::new()),
            }
            memory
                .store
                .insert(key.to_string(), (known.unwrap_or(0) + 1, document.value));
            (StatusCode::OK, Vec::new())
        }
        _ => (StatusCode::NOT_FOUND, Vec::new()),
    }
}

fn configuration() -> Configuration {
    let json = format!(
        r#"{{"ServiceConfiguration":{{"ServiceHostName":"{STS}"}},"EndpointConfiguration":{{"Endpoints":[]}}}}"#
    );
    let mut configuration: Configuration = read(json.as_bytes()).unwrap();
    let mut mex = PublishedEndpoint::https("/adfs/services/trust/mex");
    mex.service_path = "/adfs/services/trust/proxymex".to_owned();
    configuration.endpoint_configuration.endpoints = vec![
        PublishedEndpoint::https("/adfs/ls/"),
        PublishedEndpoint::https("/FederationMetadata/2007-06/"),
        mex,
    ];
    configuration
}
