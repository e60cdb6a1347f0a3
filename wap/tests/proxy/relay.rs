//! The federation server's endpoints through the proxy.

use crate::support::{APP, Browser, STS, Stage, answer_text, eventually};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;

const JUST_BODY: &str = "username=alice&password=canary";

async fn ready(browser: &Browser) {
    eventually("the configuration", async || {
        browser.get(STS, "/adfs/ls/").await.status() == 200
    })
    .await;
}

#[tokio::test]
async fn a_relayed_request_carries_the_proxys_own_facts_and_no_others() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let browser = Browser::new(&stage.pki, proxy.port);
    ready(&browser).await;
    let spoofed = [
        ("X-MS-Proxy", "evil"),
        ("x_ms_proxy", "evil"),
        ("X-MS-Forwarded-Client-IP", "10.9.9.9"),
        ("X-MS-ADFS-Proxy-Client-IP", "10.9.9.9"),
        ("X-MS-Endpoint-Absolute-Path", "/evil"),
        ("X-MS-Target-Role", "PrimaryComputer"),
        ("X-Forwarded-For", "10.9.9.9"),
        ("X-Forwarded-Host", "evil.test"),
        ("Forwarded", "for=10.9.9.9"),
        ("X-Real-IP", "10.9.9.9"),
        ("X-Original-URL", "/adfs/proxy/"),
        ("Proxy-Authorization", "Basic x"),
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("Cookie", "MSISAuth=1"),
        ("Origin", "https://sts.contoso.test"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let mut request = Request::post("/%61dfs/LS?wa=wsignin1.0&wctx=a%2fb");
    for (name, value) in spoofed {
        request = request.header(name, value);
    }
    let response = browser
        .send(
            STS,
            request.body(Full::new(Bytes::from(JUST_BODY))).unwrap(),
        )
        .await;
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("server"));
    assert_eq!(response.headers()["set-cookie"], "MSISAuth=1; Path=/adfs");
    assert_eq!(answer_text(response).await, "federation");

    let seen = stage.adfs.seen().pop().unwrap();
    assert!(seen.trusted, "the trust certificate is presented");
    assert_eq!(seen.method, "POST");
    assert_eq!(seen.target, "/adfs/ls?wa=wsignin1.0&wctx=a%2fb");
    assert_eq!(seen.body, JUST_BODY);
    let host = format!("{STS}:{}", proxy.port);
    let url = format!("https://{host}/adfs/ls");
    let id = seen.headers["client-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(uuid::Uuid::try_parse(&id).is_ok());
    let length = JUST_BODY.len().to_string();
    let mut expected = vec![
        ("client-request-id", id.as_str()),
        ("content-length", &length),
        ("content-type", "application/x-www-form-urlencoded"),
        ("cookie", "MSISAuth=1"),
        ("host", &host),
        ("origin", "https://sts.contoso.test"),
        ("x-ms-adfs-proxy-client-ip", "127.0.0.1"),
        ("x-ms-endpoint-absolute-path", &url),
        ("x-ms-forwarded-client-ip", "127.0.0.1"),
        ("x-ms-proxy", "wap01.contoso.test"),
    ];
    let mut got: Vec<_> = seen
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    got.sort_unstable();
    expected.sort_unstable();
    assert_eq!(got, expected);
    proxy.ended().await;
}

#[tokio::test]
async fn only_listed_endpoints_are_there() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let browser = Browser::new(&stage.pki, proxy.port);
    ready(&browser).await;
    let before = stage.adfs.seen().len();
    for (target, status) in [
        ("/", 404),
        ("/adfs", 404),
        ("/adfs/lsx", 404),
        ("/adfs/proxy/GetConfiguration?api-version=2", 404),
        ("/ADFS/proxy/EstablishTrust", 404),
        ("/adfs/backendproxytls", 404),
        ("/adfs/probe", 404),
        ("/adfs/ls/..%2fproxy/GetConfiguration", 400),
        ("/adfs/ls/../proxy/GetConfiguration", 400),
        ("/adfs/ls/%2e%2e/proxy/GetConfiguration", 400),
        ("/adfs/ls/%252e%252e/proxy/GetConfiguration", 400),
        ("/adfs/ls/..;/proxy/GetConfiguration", 400),
        ("//adfs/ls/", 400),
        ("/adfs\\ls", 400),
        ("/adfs/ls%00", 400),
    ] {
        let response = browser.get(STS, target).await;
        assert_eq!(response.status(), status, "{target}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let text = answer_text(response).await;
        assert!(text.contains("Activity ID"), "{text}");
    }
    assert_eq!(
        stage.adfs.seen().len(),
        before,
        "nothing of it reached the server"
    );
    assert_eq!(
        browser
            .get(STS, "/adfs/services/trust/mex/x")
            .await
            .status(),
        200
    );
    assert_eq!(
        stage.adfs.seen().pop().unwrap().target,
        "/adfs/services/trust/proxymex/x"
    );
    proxy.ended().await;
}

#[tokio::test]
async fn hosts_and_handshakes_must_agree() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let browser = Browser::new(&stage.pki, proxy.port);
    ready(&browser).await;
    assert!(
        browser.connect("elsewhere.test", b"").await.is_err(),
        "no certificate for other names"
    );
    assert!(
        browser.connect("", b"").await.is_err(),
        "no certificate without a name"
    );
    for (host, status) in [
        (format!("{STS}:{}", proxy.port), 421),
        (format!("{APP}:{}", proxy.port), 421),
        (APP.to_owned(), 421),
        (format!("user@{APP}:{}", proxy.port), 400),
        ("127.0.0.1".to_owned(), 400),
    ] {
        let request = Request::get("/")
            .header("host", &host)
            .body(Full::<Bytes>::default())
            .unwrap();
        let response = browser.send(APP, request).await;
        assert_eq!(response.status(), status, "{host}");
    }
    proxy.ended().await;
}

#[tokio::test]
async fn http2_is_spoken_too() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let browser = Browser::new(&stage.pki, proxy.port);
    ready(&browser).await;
    let response = browser.get2(STS, "/adfs/ls/?a=b").await;
    assert_eq!(response.status(), 200);
    assert_eq!(answer_text(response).await, "federation");
    let seen = stage.adfs.seen().pop().unwrap();
    assert_eq!(seen.headers["host"], format!("{STS}:{}", proxy.port));
    proxy.ended().await;
}

#[tokio::test]
async fn ambiguous_requests_are_refused_or_made_plain() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let browser = Browser::new(&stage.pki, proxy.port);
    ready(&browser).await;
    let before = stage.adfs.seen().len();
    let host = format!("Host: {STS}:{}\r\n", proxy.port);
    for (name, request) in [
        (
            "two lengths",
            format!(
                "POST /adfs/ls HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"
            ),
        ),
        (
            "list of lengths",
            format!("POST /adfs/ls HTTP/1.1\r\n{host}Content-Length: 1, 1\r\n\r\na"),
        ),
        (
            "signed length",
            format!("POST /adfs/ls HTTP/1.1\r\n{host}Content-Length: +1\r\n\r\na"),
        ),
        (
            "other encoding",
            format!(
                "POST /adfs/ls HTTP/1.1\r\n{host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "not chunked",
            format!("POST /adfs/ls HTTP/1.1\r\n{host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "chunked in 1.0",
            format!("POST /adfs/ls HTTP/1.0\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "folded line",
            format!("GET /adfs/ls HTTP/1.1\r\n{host}X-A: b\r\n c\r\n\r\n"),
        ),
        (
            "space before colon",
            format!("GET /adfs/ls HTTP/1.1\r\n{host}X-MS-Proxy : c\r\n\r\n"),
        ),
        (
            "NUL",
            format!("GET /adfs/ls HTTP/1.1\r\n{host}X-A: b\0c\r\n\r\n"),
        ),
        (
            "bare CR",
            format!("GET /adfs/ls HTTP/1.1\r\n{host}X-A: b\rX-B: c\r\n\r\n"),
        ),
        (
            "two hosts",
            format!("GET /adfs/ls HTTP/1.1\r\n{host}{host}\r\n"),
        ),
        ("no host", "GET /adfs/ls HTTP/1.1\r\n\r\n".to_owned()),
        (
            "host in the target",
            format!("GET https://evil.test/adfs/ls HTTP/1.1\r\n{host}\r\n"),
        ),
        (
            "protected field named",
            format!("GET /adfs/ls HTTP/1.1\r\n{host}Connection: Cookie\r\nCookie: a\r\n\r\n"),
        ),
    ] {
        let answer = browser.raw(STS, request.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.0 400 "),
            "{name}: {answer:?}"
        );
    }
    for (name, request, status) in [
        (
            "TRACE",
            format!("TRACE /adfs/ls HTTP/1.1\r\n{host}Connection: close\r\n\r\n"),
            "405",
        ),
        (
            "CONNECT",
            format!(
                "CONNECT {STS}:{} HTTP/1.1\r\n{host}Connection: close\r\n\r\n",
                proxy.port
            ),
            "405",
        ),
        (
            "expectation",
            format!(
                "POST /adfs/ls HTTP/1.1\r\n{host}Connection: close\r\nExpect: x\r\nContent-Length: 0\r\n\r\n"
            ),
            "417",
        ),
        (
            "long target",
            format!(
                "GET /adfs/ls?{} HTTP/1.1\r\n{host}Connection: close\r\n\r\n",
                "x".repeat(17_000)
            ),
            "414",
        ),
        (
            "many fields",
            format!(
                "GET /adfs/ls HTTP/1.1\r\n{host}{}\r\n",
                "X-A: b\r\n".repeat(200)
            ),
            "431",
        ),
    ] {
        let answer = browser.raw(STS, request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{name}: {answer:?}"
        );
    }
    assert_eq!(
        stage.adfs.seen().len(),
        before,
        "nothing of it reached the server"
    );
    // The library keeps the encoding and drops the length; what goes on has one meaning.
    let both = format!(
        "POST /adfs/ls HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    );
    browser.raw(STS, both.as_bytes()).await;
    assert_eq!(stage.adfs.seen().len(), before + 1);
    let seen = stage.adfs.seen().pop().unwrap();
    assert_eq!(seen.body, "abc");
    assert!(!seen.headers.contains_key("content-length"));
    proxy.ended().await;
}

#[tokio::test]
async fn malformed_bodies_are_refused() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let browser = Browser::new(&stage.pki, proxy.port);
    ready(&browser).await;
    for (body, status) in [
        ("5\r\nhello\r\n0\r\n\r\n", 200),
        ("-5\r\nhello\r\n0\r\n\r\n", 400),
        ("5\nhello\n0\n\n", 400),
        ("5\r\nhelloX\r\n0\r\n\r\n", 400),
        ("fffffffffffffffff\r\nhello\r\n0\r\n\r\n", 400),
        ("5;a\nb\r\nhello\r\n0\r\n\r\n", 400),
    ] {
        let request = format!(
            "POST /adfs/ls HTTP/1.1\r\nHost: {STS}:{}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{body}",
            proxy.port
        );
        let answer = browser.raw(STS, request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{body:?}: {answer:?}"
        );
    }
    proxy.ended().await;
}

#[tokio::test]
async fn a_body_that_will_be_too_long_is_not_asked_for() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let browser = Browser::new(&stage.pki, proxy.port);
    ready(&browser).await;
    let before = stage.adfs.seen().len();
    let request = format!(
        "POST /adfs/ls HTTP/1.1\r\nHost: {STS}:{}\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n",
        proxy.port
    );
    let answer = browser.raw(STS, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert_eq!(stage.adfs.seen().len(), before);
    proxy.ended().await;
}

#[tokio::test]
async fn a_large_body_is_cut_off() {
    let stage = Stage::new().await;
    let proxy = stage
        .proxy_with("[limits]\nservice_body_bytes = 1000")
        .await;
    let browser = Browser::new(&stage.pki, proxy.port);
    ready(&browser).await;
    for (length, status) in [(1000, 200), (1001, 413)] {
        let body = Full::new(Bytes::from(vec![b'x'; length]));
        let response = browser
            .send(STS, Request::post("/adfs/ls").body(body).unwrap())
            .await;
        assert_eq!(response.status(), status, "{length}");
    }
    proxy.ended().await;
}

#[tokio::test]
async fn the_proxy_lives_through_a_restart_of_the_server() {
    let mut stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let browser = Browser::new(&stage.pki, proxy.port);
    ready(&browser).await;
    stage.adfs.stop().await;
    let response = browser.get(STS, "/adfs/ls/").await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "10");
    let text = answer_text(response).await;
    assert!(
        !text.contains(&stage.adfs.port.to_string()) && !text.contains("127.0.0.1"),
        "{text}"
    );
    stage.adfs.restart().await;
    assert_eq!(
        browser.get(STS, "/adfs/ls/").await.status(),
        200,
        "at once, and with the trust that it had"
    );
    assert!(stage.adfs.seen().last().unwrap().trusted);
    proxy.ended().await;
}

#[tokio::test]
async fn a_proxy_starts_with_what_it_last_knew() {
    let mut stage = Stage::new().await;
    stage.install().await;
    stage.adfs.stop().await;
    let proxy = stage.proxy().await;
    let browser = Browser::new(&stage.pki, proxy.port);
    assert_eq!(browser.get(STS, "/adfs/ls/").await.status(), 503);
    assert_eq!(
        browser.get(STS, "/nothing").await.status(),
        404,
        "the list of endpoints is known"
    );
    stage.adfs.restart().await;
    ready(&browser).await;
    proxy.ended().await;
}

#[tokio::test]
async fn the_probe_answers_one_path() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    for (target, status) in [("/adfs/probe", "200"), ("/adfs/ls/", "404"), ("/", "404")] {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", proxy.probe_port))
            .await
            .unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{target}: {answer}"
        );
    }
    proxy.ended().await;
}
