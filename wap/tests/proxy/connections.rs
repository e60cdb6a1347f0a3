//! Connections that do nothing, and how many there may be.

use std::cell::RefCell;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use crate::support::{APP, Backend, Browser, STS, Stage, application, eventually};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn connections_that_ask_for_nothing_are_closed() {
    let stage = Stage::new().await;
    let proxy = stage
        .proxy_with("[limits]\nheader_timeout = 1\nkeep_alive = 3600")
        .await;
    let browser = Browser::new(&stage.pki, proxy.port);
    for (protocols, sent) in [
        (&b""[..], &b""[..]),
        (b"\x08http/1.1", b""),
        (b"\x08http/1.1", b"GET / HTTP/1.1\r\nHost: a"),
        (b"\x02h2", b""),
        (b"\x02h2", b"PRI * HT"),
    ] {
        let mut stream = browser.connect(STS, protocols).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut answer = Vec::new();
        // Whether it ends with or without an alert of TLS is not what matters.
        let _ = timeout(SOON, stream.read_to_end(&mut answer))
            .await
            .unwrap_or_else(|_| panic!("{protocols:?} {sent:?} is open still"));
    }
    proxy.ended().await;
}

#[tokio::test]
async fn http1_connections_may_pause_for_longer_than_a_header_may_take() {
    let stage = Stage::new().await;
    let proxy = stage
        .proxy_with("[limits]\nheader_timeout = 1\nkeep_alive = 3600")
        .await;
    let browser = Browser::new(&stage.pki, proxy.port);
    let stream = browser.connect(STS, b"").await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..2 {
        sender.ready().await.unwrap();
        let request = Request::get("/nothing")
            .header("host", format!("{STS}:{}", proxy.port))
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 404);
        response.into_body().collect().await.unwrap();
        // What is tested is that time passes.
        sleep(Duration::from_millis(1500)).await;
    }
    proxy.ended().await;
}

#[tokio::test]
async fn http2_connections_without_requests_are_closed_though_they_answer_pings() {
    let stage = Stage::new().await;
    let proxy = stage.proxy_with("[limits]\nkeep_alive = 1").await;
    let browser = Browser::new(&stage.pki, proxy.port);
    let stream = browser.connect(STS, b"\x02h2").await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get(format!("https://{STS}:{}/nothing", proxy.port))
        .body(Empty::<Bytes>::new())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 404);
    let ended = timeout(SOON, connection).await.expect("it is open still");
    ended.unwrap().unwrap();
    drop(sender);
    proxy.ended().await;
}

#[tokio::test]
async fn websockets_count_as_connections() {
    let stage = Stage::new().await;
    let backend = Backend::start().await;
    let proxy = stage
        .proxy_with("[limits]\nconnections_per_address = 3")
        .await;
    let browser = Browser::new(&stage.pki, proxy.port);
    let external = format!("https://{APP}:{}/", proxy.port);
    let internal = format!("http://127.0.0.1:{}/", backend.port);
    let mut app = application("App", &external, &internal);
    app.enable_web_sockets = true;
    stage.publish(vec![app]);
    let host = format!("{APP}:{}", proxy.port);
    let open = async || {
        let mut stream = browser.connect(APP, b"").await.ok()?;
        let request = format!(
            "GET /socket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.ok()?;
        (&start == b"HTTP/1.1 101").then_some(stream)
    };
    let sockets = RefCell::new(Vec::new());
    eventually("three WebSockets", async || {
        if let Some(socket) = open().await {
            sockets.borrow_mut().push(socket);
        }
        sockets.borrow().len() == 3
    })
    .await;
    assert!(open().await.is_none(), "one too many");
    sockets.borrow_mut().pop();
    eventually("a place for another", async || open().await.is_some()).await;
    drop(sockets);
    proxy.ended().await;
}
