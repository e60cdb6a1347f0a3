//! An end client.

use std::io;
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use openssl::ssl::{SslConnector, SslMethod};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::Pki;

pub(crate) struct Browser {
    ca_file: std::path::PathBuf,
    port: u16,
}

impl Browser {
    pub(crate) fn new(pki: &Pki, port: u16) -> Browser {
        Browser {
            ca_file: pki.ca_file(),
            port,
        }
    }

    /// Opens TLS for a name.
    pub(crate) async fn connect(
        &self,
        name: &str,
        protocols: &[u8],
    ) -> io::Result<SslStream<TcpStream>> {
        let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
        builder.set_ca_file(&self.ca_file).unwrap();
        if !protocols.is_empty() {
            builder.set_alpn_protos(protocols).unwrap();
        }
        let mut configuration = builder.build().configure().unwrap();
        configuration.set_use_server_name_indication(!name.is_empty());
        configuration.set_verify_hostname(!name.is_empty());
        let ssl = configuration.into_ssl(name).unwrap();
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let mut stream = SslStream::new(ssl, stream).unwrap();
        Pin::new(&mut stream)
            .connect()
            .await
            .map_err(io::Error::other)?;
        Ok(stream)
    }

    /// One request over HTTP/1.1 on a connection of its own. Host is that of the handshake unless given.
    pub(crate) async fn send<B>(&self, name: &str, mut request: Request<B>) -> Response<Incoming>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::error::Error + Send + Sync,
    {
        let host = format!("{name}:{}", self.port);
        request
            .headers_mut()
            .entry("host")
            .or_insert_with(|| host.parse().unwrap());
        let stream = self.connect(name, b"").await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        sender.send_request(request).await.unwrap()
    }

    pub(crate) async fn get(&self, name: &str, target: &str) -> Response<Incoming> {
        let request = Request::builder()
            .uri(target)
            .body(Full::<Bytes>::default())
            .unwrap();
        self.send(name, request).await
    }

    /// One request over HTTP/2.
    pub(crate) async fn get2(&self, name: &str, target: &str) -> Response<Incoming> {
        let stream = self.connect(name, b"\x02h2").await.unwrap();
        assert_eq!(stream.ssl().selected_alpn_protocol(), Some(&b"h2"[..]));
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let uri = format!("https://{name}:{}{target}", self.port);
        let request = Request::builder()
            .uri(uri)
            .body(Full::<Bytes>::default())
            .unwrap();
        sender.send_request(request).await.unwrap()
    }

    /// Bytes as they are; everything that comes back until the proxy closes.
    pub(crate) async fn raw(&self, name: &str, bytes: &[u8]) -> String {
        let mut stream = self.connect(name, b"").await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A proxy that closes before it has read everything may reset the connection; what came counts.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }
}

pub(crate) async fn answer_text(response: Response<Incoming>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}
