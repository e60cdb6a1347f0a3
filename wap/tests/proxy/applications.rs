//! Published applications through the proxy.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::support::{APP, Backend, Browser, Proxy, Stage, answer_text, application, eventually};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wap::applications::{CertificateValidation, Preauthentication, PublishedApplication};
use wap::publishing::{PublishError, Publisher};

const SIZE: usize = 64 * 1024 * 1024;

fn external(proxy: &Proxy, path: &str) -> String {
    format!("https://{APP}:{}{path}", proxy.port)
}

fn internal(backend: &Backend, path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", backend.port)
}

/// Publishes and waits until it is in force.
async fn publish(stage: &Stage, browser: &Browser, applications: Vec<PublishedApplication>) {
    stage.publish(applications);
    eventually("the application", async || {
        browser.get(APP, "/ready").await.status() != 421
    })
    .await;
}

async fn stage() -> (Stage, Proxy, Browser, Backend) {
    let stage = Stage::new().await;
    let backend = Backend::start().await;
    let proxy = stage.proxy().await;
    let browser = Browser::new(&stage.pki, proxy.port);
    (stage, proxy, browser, backend)
}

#[tokio::test]
async fn names_are_translated_both_ways() {
    let (stage, proxy, browser, backend) = stage().await;
    let app = application("App", &external(&proxy, "/"), &internal(&backend, "/"));
    publish(&stage, &browser, vec![app]).await;
    let request = Request::get("/x/y?z=%2f")
        .header("authorization", "Bearer end-to-end")
        .header("x-forwarded-for", "10.9.9.9")
        .header("x-ms-proxy", "evil")
        .header("referer", external(&proxy, "/from"))
        .body(Full::<Bytes>::default())
        .unwrap();
    let text = answer_text(browser.send(APP, request).await).await;
    let expected = format!(
        "GET /x/y?z=%2f\nauthorization: Bearer end-to-end\nreferer: {}\nhost: 127.0.0.1:{}\nx-forwarded-for: 127.0.0.1\nx-forwarded-proto: https\nx-forwarded-host: {APP}:{}\n",
        internal(&backend, "/from"),
        backend.port,
        proxy.port
    );
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(&text), sorted(&expected));

    let response = browser.get(APP, "/redirect").await;
    assert_eq!(
        response.headers()["location"],
        external(&proxy, "/landed?x=1")
    );
    assert_eq!(
        response.headers()["set-cookie"],
        format!("s=1; Domain={APP}; Secure")
    );
    assert!(!response.headers().contains_key("x-powered-by"));
    proxy.ended().await;
}

#[tokio::test]
async fn publishing_goes_through_the_store() {
    let (stage, proxy, browser, backend) = stage().await;
    let publisher = Publisher::new(&stage.configuration()).unwrap();
    let mut app = application("App", &external(&proxy, "/"), &internal(&backend, "/"));
    publisher.publish(&app).await.unwrap();
    eventually("publishing", async || {
        browser.get(APP, "/").await.status() == 200
    })
    .await;
    assert!(
        matches!(
            publisher.publish(&app).await,
            Err(PublishError::Application(_))
        ),
        "twice"
    );
    app.name = "Other".to_owned();
    app.external_preauthentication = Preauthentication::Adfs;
    assert!(matches!(
        publisher.publish(&app).await,
        Err(PublishError::Preauthentication(_))
    ));
    assert_eq!(publisher.list().await.unwrap().iter().count(), 1);
    assert!(matches!(
        publisher.unpublish("Other").await,
        Err(PublishError::Unknown(_))
    ));
    publisher.unpublish("app").await.unwrap();
    eventually("unpublishing", async || {
        browser.get(APP, "/").await.status() == 421
    })
    .await;
    proxy.ended().await;
}

#[tokio::test]
async fn an_application_that_needs_more_is_not_served() {
    let (stage, proxy, browser, backend) = stage().await;
    let mut app = application("App", &external(&proxy, "/"), &internal(&backend, "/"));
    app.external_preauthentication = Preauthentication::Adfs;
    publish(&stage, &browser, vec![app]).await;
    assert_eq!(browser.get(APP, "/").await.status(), 403);
    assert_eq!(
        backend.connections.load(Ordering::SeqCst),
        0,
        "the back end was not even connected to"
    );
    proxy.ended().await;
}

#[tokio::test]
async fn applications_are_served_while_the_federation_server_is_down() {
    let (mut stage, proxy, browser, backend) = stage().await;
    // The port of the next start is another one, so the application is published for a fixed outside port.
    let app = application(
        "App",
        &format!("https://{APP}:7443/"),
        &internal(&backend, "/"),
    );
    stage.publish(vec![app]);
    let saved = stage.state().join("applications.json");
    eventually("the list on disk", async || {
        std::fs::read_to_string(&saved).is_ok_and(|text| text.contains("7443"))
    })
    .await;
    proxy.ended().await;
    stage.adfs.stop().await;
    let mut configuration = stage.configuration();
    configuration.listen[0].public_port = Some(7443);
    let proxy = Proxy::start(configuration).await;
    let browser_again = Browser::new(&stage.pki, proxy.port);
    let request = Request::get("/")
        .header("host", format!("{APP}:7443"))
        .body(Full::<Bytes>::default())
        .unwrap();
    assert_eq!(browser_again.send(APP, request).await.status(), 200);
    drop(browser);
    proxy.ended().await;
}

#[tokio::test]
async fn back_ends_must_prove_themselves() {
    let (stage, proxy, browser, _) = stage().await;
    stage.pki.issue("right", &["127.0.0.1"]);
    stage.pki.issue("wrong", &["other.test"]);
    let right = Backend::start_tls(&stage.pki, "right").await;
    let wrong = Backend::start_tls(&stage.pki, "wrong").await;
    let plain = |name: &str, path: &str, backend: &Backend| {
        application(
            name,
            &external(&proxy, path),
            &format!("https://127.0.0.1:{}{path}", backend.port),
        )
    };
    let mut careless = plain("careless", "/careless/", &wrong);
    careless.backend_server_certificate_validation = CertificateValidation::None;
    let gone = application(
        "gone",
        &external(&proxy, "/gone/"),
        "http://127.0.0.1:1/gone/",
    );
    publish(
        &stage,
        &browser,
        vec![
            plain("right", "/right/", &right),
            plain("wrong", "/wrong/", &wrong),
            careless,
            gone,
        ],
    )
    .await;
    for (path, status) in [
        ("/right/", 200),
        ("/wrong/", 502),
        ("/careless/", 200),
        ("/gone/", 502),
        ("/other", 404),
    ] {
        let response = browser.get(APP, path).await;
        assert_eq!(response.status(), status, "{path}");
        assert!(
            !answer_text(response).await.contains("certificate"),
            "no details for strangers"
        );
    }
    proxy.ended().await;
}

/// Zeros that are made as they are asked for.
struct Zeros(usize);

impl Body for Zeros {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static CHUNK: [u8; 65536] = [0; 65536];
        let length = CHUNK.len().min(self.0);
        self.0 -= length;
        Poll::Ready((length > 0).then(|| Ok(Frame::data(Bytes::from_static(&CHUNK[..length])))))
    }
}

/// Largest memory that this process has had, in KiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_flow_through_without_being_held() {
    let (stage, proxy, browser, backend) = stage().await;
    let mut app = application("App", &external(&proxy, "/"), &internal(&backend, "/"));
    app.maximum_request_body_bytes = Some(u64::try_from(SIZE).unwrap());
    publish(&stage, &browser, vec![app]).await;
    let before = peak();

    let response = browser
        .send(APP, Request::post("/count").body(Zeros(SIZE)).unwrap())
        .await;
    assert_eq!(answer_text(response).await, SIZE.to_string());

    let mut response = browser.get(APP, &format!("/zeros?{SIZE}")).await;
    let mut received = 0;
    while let Some(frame) = response.body_mut().frame().await {
        received += frame.unwrap().data_ref().map_or(0, Bytes::len);
    }
    assert_eq!(received, SIZE);
    let grown = peak() - before;
    assert!(
        grown < 24 * 1024,
        "both ends and the proxy together grew by {grown} KiB for 2 x 64 MiB"
    );

    let response = browser
        .send(APP, Request::post("/count").body(Zeros(SIZE + 1)).unwrap())
        .await;
    assert_eq!(response.status(), 413);
    proxy.ended().await;
}

#[tokio::test]
async fn websockets_flow_where_they_are_enabled() {
    let (stage, proxy, browser, backend) = stage().await;
    let mut enabled = application("on", &external(&proxy, "/on/"), &internal(&backend, "/on/"));
    enabled.enable_web_sockets = true;
    let disabled = application(
        "off",
        &external(&proxy, "/off/"),
        &internal(&backend, "/off/"),
    );
    publish(&stage, &browser, vec![enabled, disabled]).await;
    let request = |path: &str| {
        Request::get(path)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(Full::<Bytes>::default())
            .unwrap()
    };
    let response = browser.send(APP, request("/on/socket")).await;
    assert_eq!(response.status(), 101);
    let mut stream = hyper_util::rt::TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    stream.write_all(b"hello").await.unwrap();
    let mut echoed = [0; 5];
    stream.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"hello");
    let text = answer_text(browser.send(APP, request("/off/echo")).await).await;
    assert!(!text.to_lowercase().contains("upgrade"), "{text}");
    assert_eq!(
        browser.send(APP, request("/off/socket")).await.status(),
        502,
        "101 that was not asked for"
    );
    proxy.ended().await;
}

#[tokio::test]
async fn a_stopping_proxy_ends_what_is_under_way() {
    let (stage, proxy, browser, backend) = stage().await;
    publish(
        &stage,
        &browser,
        vec![application(
            "App",
            &external(&proxy, "/"),
            &internal(&backend, "/"),
        )],
    )
    .await;
    let slow = tokio::spawn(async move { answer_text(browser.get(APP, "/slow").await).await });
    backend.arrived.notified().await;
    proxy.stop();
    let port = proxy.port;
    eventually("refusal of new connections", async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
    })
    .await;
    backend.go.notify_one();
    assert_eq!(slow.await.unwrap(), "slow but sure");
    proxy.ended().await;
}

#[tokio::test]
async fn a_back_end_that_says_nothing_is_given_up() {
    let (stage, proxy, browser, backend) = stage().await;
    let mut app = application("App", &external(&proxy, "/"), &internal(&backend, "/"));
    app.inactive_transactions_timeout_sec = 1;
    publish(&stage, &browser, vec![app]).await;
    assert_eq!(browser.get(APP, "/slow").await.status(), 504);
    proxy.ended().await;
}

#[tokio::test]
async fn an_upload_that_takes_its_time_is_not_the_back_ends_silence() {
    let (stage, proxy, browser, backend) = stage().await;
    let mut app = application("App", &external(&proxy, "/"), &internal(&backend, "/"));
    app.inactive_transactions_timeout_sec = 1;
    publish(&stage, &browser, vec![app]).await;
    let mut stream = browser.connect(APP, b"").await.unwrap();
    let head = format!(
        "POST /count HTTP/1.1\r\nHost: {APP}:{}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        proxy.port
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // What is tested is that time passes: often, and once for longer than the back end may take.
    for pause in [400, 400, 400, 1500] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        stream.write_all(b"4\r\nslow\r\n").await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("\r\n16\r\n"), "{answer}");
    proxy.ended().await;
}

/// Answers the first request of a connection, promises to stay, and closes when the next one has come.
async fn fickle() -> (u16, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let count = count.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                count.fetch_add(1, Ordering::SeqCst);
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .await
                    .unwrap();
                if stream
                    .read(&mut buffer)
                    .await
                    .is_ok_and(|length| length > 0)
                {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    (port, requests)
}

#[tokio::test]
async fn only_what_does_no_harm_is_sent_again() {
    let (stage, proxy, browser, _) = stage().await;
    let (port, requests) = fickle().await;
    let app = application(
        "App",
        &external(&proxy, "/"),
        &format!("http://127.0.0.1:{port}/"),
    );
    publish(&stage, &browser, vec![app]).await;
    // The first answer leaves a connection in the pool; on it the next request is lost.
    let post = || {
        Request::post("/")
            .body(Full::new(Bytes::from("once")))
            .unwrap()
    };
    let mut statuses = Vec::new();
    let before = requests.load(Ordering::SeqCst);
    for _ in 0..4 {
        let response = browser.send(APP, post()).await;
        statuses.push(response.status().as_u16());
        let _ = response.into_body().collect().await;
    }
    assert_eq!(
        requests.load(Ordering::SeqCst) - before,
        4,
        "each POST was sent once: {statuses:?}"
    );
    assert!(statuses.contains(&502), "{statuses:?}");
    for _ in 0..4 {
        let response = browser.get(APP, "/").await;
        assert_eq!(response.status(), 200);
        let _ = response.into_body().collect().await;
    }
    proxy.ended().await;
}
