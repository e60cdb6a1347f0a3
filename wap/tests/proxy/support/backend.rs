//! A back end that echoes, streams, redirects and stalls.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use openssl::ssl::{Ssl, SslAcceptor, SslFiletype, SslMethod};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_openssl::SslStream;

use super::Pki;

#[derive(Clone)]
pub(crate) struct Backend {
    pub(crate) port: u16,
    pub(crate) connections: Arc<AtomicUsize>,
    pub(crate) requests: Arc<AtomicUsize>,
    /// Set when a request to `/slow` has arrived; it is answered when `go` is set.
    pub(crate) arrived: Arc<Notify>,
    pub(crate) go: Arc<Notify>,
}

enum Answer {
    Text(Full<Bytes>),
    Zeros(usize),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Answer::Text(text) => Pin::new(text).poll_frame(context),
            Answer::Zeros(0) => Poll::Ready(None),
            Answer::Zeros(left) => {
                static CHUNK: [u8; 65536] = [0; 65536];
                let length = CHUNK.len().min(*left);
                *left -= length;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&CHUNK[..length])))))
            }
        }
    }
}

impl Backend {
    pub(crate) async fn start() -> Backend {
        Backend::listen(None).await
    }

    /// With the certificate that was issued as `file`.
    pub(crate) async fn start_tls(pki: &Pki, file: &str) -> Backend {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        builder
            .set_certificate_chain_file(pki.path(file, "pem"))
            .unwrap();
        builder
            .set_private_key_file(pki.path(file, "key"), SslFiletype::PEM)
            .unwrap();
        Backend::listen(Some(builder.build())).await
    }

    async fn listen(tls: Option<SslAcceptor>) -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backend = Backend {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            requests: Arc::default(),
            arrived: Arc::default(),
            go: Arc::default(),
        };
        let known = backend.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                known.connections.fetch_add(1, Ordering::SeqCst);
                let (known, tls) = (known.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => known.serve(stream).await,
                        Some(tls) => {
                            let mut stream =
                                SslStream::new(Ssl::new(tls.context()).unwrap(), stream).unwrap();
                            if Pin::new(&mut stream).accept().await.is_ok() {
                                known.serve(stream).await;
                            }
                        }
                    }
                });
            }
        });
        backend
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(move |request| self.clone().answer(request));
        let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        let _ = serving.with_upgrades().await;
    }

    async fn answer(self, mut request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let text = |text: String| Response::new(Answer::Text(Full::new(Bytes::from(text))));
        let path = request.uri().path().to_owned();
        Ok(match path.rsplit('/').next().unwrap() {
            "zeros" => Response::new(Answer::Zeros(
                request.uri().query().unwrap().parse().unwrap(),
            )),
            "count" => {
                let mut count = 0;
                while let Some(frame) = request.body_mut().frame().await {
                    match frame {
                        Ok(frame) => count += frame.data_ref().map_or(0, Bytes::len),
                        Err(_) => break,
                    }
                }
                text(count.to_string())
            }
            "redirect" => {
                let mut response = text(String::new());
                *response.status_mut() = http::StatusCode::FOUND;
                let location = format!("http://127.0.0.1:{}/landed?x=1", self.port);
                response
                    .headers_mut()
                    .insert("location", location.parse().unwrap());
                response
                    .headers_mut()
                    .insert("set-cookie", "s=1; Domain=127.0.0.1".parse().unwrap());
                response
                    .headers_mut()
                    .insert("x-powered-by", "ASP.NET".parse().unwrap());
                response
            }
            "slow" => {
                self.arrived.notify_one();
                self.go.notified().await;
                text("slow but sure".to_owned())
            }
            "socket" => {
                let upgrade = hyper::upgrade::on(&mut request);
                tokio::spawn(async move {
                    let mut stream = TokioIo::new(upgrade.await.unwrap());
                    let mut buffer = [0; 64];
                    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                        stream.write_all(&buffer[..length]).await.unwrap();
                    }
                });
                let mut response = text(String::new());
                *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
                response
                    .headers_mut()
                    .insert("connection", "Upgrade".parse().unwrap());
                response
                    .headers_mut()
                    .insert("upgrade", "websocket".parse().unwrap());
                response
            }
            _ => {
                let fields = request
                    .headers()
                    .iter()
                    .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
                text(format!(
                    "{} {}\n{}",
                    request.method(),
                    request.uri(),
                    fields.collect::<String>()
                ))
            }
        })
    }
}
