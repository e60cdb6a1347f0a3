//! The control channel as a proxy meets it, over real connections with everything but TLS: which client certificate a
//! connection has is decided by the door that it came through.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use actix_web::web::{Data, Payload};
use actix_web::{App, FromRequest as _, HttpServer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::answer::{Refused, Reply};
use super::call::Call;
use super::certificate::tests::{Form, NOW, elliptic};
use super::trust;
use crate::clock::Clock;
use crate::server::{PeerCertificate, SignInRate, routes};
use crate::state::Federation;

const PARTY: &str = "6f0a3f52-5e0b-4c0a-9a67-2d4c7f1b8e11";
const STORE: &str = "/adfs/proxy/WebApplicationProxy/Store";
const TRUST: &str = "/adfs/proxy/WebApplicationProxy/trust?api-version=1";

/// A federation service with one relying party and no directory to ask.
struct Service {
    federation: Arc<Federation>,
    clock: Clock,
    folder: TempDir,
}

impl Service {
    async fn start() -> Service {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let listener = Form {
            name: "sts.contoso.test",
            ..Form::good()
        };
        let pem = openssl::x509::X509::from_der(&listener.der())
            .unwrap()
            .to_pem()
            .unwrap();
        file("tls/certificate.pem", std::str::from_utf8(&pem).unwrap());
        file(
            "tls/key.pem",
            std::str::from_utf8(&listener.key.private_key_to_pem_pkcs8().unwrap()).unwrap(),
        );
        file("password", "Pass@word1");
        file(
            "adfs.toml",
            r#"
            [service]
            host_name = "sts.contoso.test"
            https_port_outside = 8443
            [https]
            certificate = "tls/certificate.pem"
            private_key = "tls/key.pem"
            [proxy]
            administrators = ["CONTOSO\\proxyadmin"]
            [directories.contoso]
            servers = ["ldaps://127.0.0.1:1"]
            bind_dn = "CN=adfs,DC=contoso,DC=test"
            bind_password_file = "password"
            base_dn = "DC=contoso,DC=test"
            net_bios_name = "CONTOSO"
            "#,
        );
        file(
            "trusts/relying-parties/app.toml",
            &format!(
                r#"
                name = "App"
                identifiers = ["urn:app"]
                ws_fed_endpoint = "https://app.corp.test/"
                object_identifier = "{PARTY}"
                "#
            ),
        );
        std::fs::create_dir_all(folder.path().join("state")).unwrap();
        let clock = Clock::fixed(NOW);
        let federation = Federation::open(&folder.path().join("adfs.toml"), clock.clone())
            .await
            .unwrap();
        Service {
            federation,
            clock,
            folder,
        }
    }

    /// An address where every connection has this client certificate.
    fn door(&self, certificate: Option<Vec<u8>>) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let federation = Data::from(Arc::clone(&self.federation));
        let rate = Data::new(SignInRate::default());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(federation.clone())
                .app_data(rate.clone())
                .configure(routes::configure)
        })
        .on_connect(move |_, data| {
            data.insert(PeerCertificate(certificate.clone()));
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap();
        actix_web::rt::spawn(server.run());
        address
    }

    /// Lets a proxy in and gives the connection that it makes.
    async fn proxy(&self) -> Connection {
        let der = Form::good().der();
        self.trust(&der).await.unwrap();
        Connection::open(self.door(Some(der))).await
    }

    /// What `EstablishTrust` does once the administrator is known.
    async fn trust(&self, der: &[u8]) -> Result<(), Refused> {
        self.establish(json!({ "SerializedTrustCertificate": STANDARD.encode(der) }))
            .await
    }

    async fn establish(&self, body: Value) -> Result<(), Refused> {
        let (request, mut payload) = actix_web::test::TestRequest::post()
            .uri("/adfs/proxy/EstablishTrust")
            .insert_header(("content-type", "application/json"))
            .set_payload(body.to_string())
            .to_http_parts();
        let mut payload = Payload::from_request(&request, &mut payload).await.unwrap();
        let call = Call::open(&request, &self.federation);
        match trust::accept(&call, r"CONTOSO\proxyadmin", &mut payload).await? {
            Reply::Done => Ok(()),
            Reply::Json(_) => panic!("an answer with a body"),
        }
    }

    async fn certificates(&self) -> usize {
        self.federation
            .store
            .proxy_certificates()
            .await
            .unwrap()
            .len()
    }
}

struct Connection(BufReader<TcpStream>);

#[derive(Debug)]
struct Response {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Response {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Connection {
    async fn open(address: SocketAddr) -> Connection {
        Connection(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    async fn call(&mut self, method: &str, target: &str, body: Option<Value>) -> Response {
        let body = body
            .map(|body| body.to_string().into_bytes())
            .unwrap_or_default();
        self.send(
            method,
            target,
            &[("Content-Type", "application/json;charset=UTF-8")],
            &body,
        )
        .await
    }

    async fn status(&mut self, method: &str, target: &str, body: Option<Value>) -> u16 {
        self.call(method, target, body).await.status
    }

    async fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: sts.contoso.test\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        self.0.write_all(request.as_bytes()).await.unwrap();
        // A server that refuses a body early may have closed its side.
        let _ = self.0.write_all(body).await;
        let mut head = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(
                self.0.read_line(&mut line).await.unwrap(),
                0,
                "the connection ended after {head:?}"
            );
            if line == "\r\n" {
                break;
            }
            head.push_str(&line.to_ascii_lowercase());
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).await.unwrap();
        Response { status, head, body }
    }
}

fn in_store(key: &str) -> String {
    format!("{STORE}/{key}?api-version=1")
}

fn settings() -> String {
    format!("/adfs/proxy/RelyingPartyTrusts/{PARTY}/PublishedSettings?api-version=1")
}

fn party() -> String {
    format!("/adfs/proxy/RelyingPartyTrusts/{PARTY}?api-version=1")
}

#[actix_web::test]
async fn without_a_trusted_certificate_every_call_is_refused() {
    let service = Service::start().await;
    for certificate in [None, Some(Form::good().der()), Some(b"junk".to_vec())] {
        let mut connection = Connection::open(service.door(certificate)).await;
        for (method, target, status) in [
            (
                "GET",
                "/adfs/proxy/GetConfiguration?api-version=2".to_owned(),
                401,
            ),
            ("GET", "/adfs/proxy/GetConfiguration".to_owned(), 401),
            (
                "GET",
                "/adfs/proxy/RelyingPartyTrusts?api-version=1".to_owned(),
                401,
            ),
            ("GET", party(), 401),
            ("POST", settings(), 401),
            ("DELETE", settings(), 401),
            ("GET", TRUST.to_owned(), 401),
            ("POST", TRUST.to_owned(), 401),
            ("GET", format!("{STORE}?api-version=1"), 401),
            ("PUT", in_store("k"), 401),
            (
                "POST",
                "/adfs/proxy/relyingpartytoken?api-version=1".to_owned(),
                401,
            ),
            ("POST", "/adfs/proxy/RenewTrust".to_owned(), 400),
            ("POST", "/adfs/proxy/EstablishTrust".to_owned(), 401),
            ("GET", "/adfs/proxy/unheard-of".to_owned(), 404),
            (
                "POST",
                "/adfs/proxy/PrimaryWriter/EstablishTrust".to_owned(),
                404,
            ),
        ] {
            let response = connection
                .call(method, &target, Some(json!({"Identifier": "urn:x:y"})))
                .await;
            assert_eq!(response.status, status, "{method} {target}");
            assert!(
                response.head.contains("cache-control: no-store"),
                "{}",
                response.head
            );
            assert_eq!(response.json()["id"], status, "the body says what happened");
        }
    }
    assert_eq!(service.certificates().await, 0);
    assert_eq!(
        service
            .federation
            .store
            .proxy_relying_party()
            .await
            .unwrap(),
        None
    );
}

#[actix_web::test]
async fn establishing_a_trust_demands_credentials() {
    let service = Service::start().await;
    let mut connection = Connection::open(service.door(None)).await;
    let body =
        json!({ "SerializedTrustCertificate": STANDARD.encode(Form::good().der()) }).to_string();
    for authorization in [
        "Bearer x",
        "Basic",
        "Basic !",
        "Basic YWxpY2U6cA==",
        "Basic YUBjLnRlc3Q6",
    ] {
        let headers = [
            ("Authorization", authorization),
            ("Content-Type", "application/json"),
        ];
        let response = connection
            .send(
                "POST",
                "/adfs/proxy/EstablishTrust",
                &headers,
                body.as_bytes(),
            )
            .await;
        assert_eq!(response.status, 401, "{authorization}");
        assert!(
            response.head.contains("www-authenticate: basic realm="),
            "{}",
            response.head
        );
    }
    // The directory does not answer, so nobody can be let in, and the answer does not say "wrong".
    let right = format!(
        "Basic {}",
        STANDARD.encode("proxyadmin@contoso.test:Pass@word1")
    );
    let headers = [
        ("Authorization", right.as_str()),
        ("Content-Type", "application/json"),
    ];
    let response = connection
        .send(
            "POST",
            "/adfs/proxy/EstablishTrust",
            &headers,
            body.as_bytes(),
        )
        .await;
    assert_eq!(response.status, 503);
    assert_eq!(
        connection
            .status("GET", "/adfs/proxy/EstablishTrust", None)
            .await,
        405
    );
    assert_eq!(service.certificates().await, 0);
}

#[actix_web::test]
async fn an_established_certificate_opens_the_configuration() {
    let service = Service::start().await;
    let der = Form::good().der();
    let mut connection = Connection::open(service.door(Some(der.clone()))).await;
    assert_eq!(
        connection
            .status("GET", "/adfs/proxy/GetConfiguration?api-version=2", None)
            .await,
        401
    );
    service.trust(&der).await.unwrap();
    service.trust(&der).await.unwrap();
    assert_eq!(service.certificates().await, 1);
    for target in [
        "/adfs/proxy/GetConfiguration?api-version=1",
        "/ADFS/Proxy/getconfiguration?API-version=2",
    ] {
        let response = connection.call("GET", target, None).await;
        assert_eq!(response.status, 200, "{target}");
        assert!(
            response
                .head
                .contains("content-type: application/json;charset=utf-8"),
            "{}",
            response.head
        );
        let configuration = response.json();
        let service = &configuration["ServiceConfiguration"];
        assert_eq!(service["ServiceHostName"], "sts.contoso.test");
        assert_eq!(
            (
                &service["HttpsPort"],
                &service["ProxyTrustCertificateLifetime"]
            ),
            (&json!(8443), &json!(21600))
        );
        assert_eq!(configuration["FarmBehavior"], "10.0");
        let endpoints = configuration["EndpointConfiguration"]["Endpoints"]
            .as_array()
            .unwrap();
        let paths: Vec<_> = endpoints
            .iter()
            .map(|endpoint| endpoint["Path"].as_str().unwrap())
            .collect();
        assert!(
            paths.contains(&"/adfs/ls/") && paths.contains(&"/FederationMetadata/2007-06/"),
            "{paths:?}"
        );
        assert!(
            !paths
                .iter()
                .any(|path| path.contains("/adfs/proxy") || path.contains("updatepassword")),
            "{paths:?}"
        );
    }
    for (query, status) in [
        ("", 500),
        ("?api-version=3", 501),
        ("?api-version=1&api-version=2", 501),
    ] {
        let target = format!("/adfs/proxy/GetConfiguration{query}");
        assert_eq!(
            connection.status("GET", &target, None).await,
            status,
            "{query}"
        );
    }
    assert_eq!(
        connection
            .status("POST", "/adfs/proxy/GetConfiguration?api-version=2", None)
            .await,
        405
    );
    assert_eq!(
        connection
            .status("GET", "/adfs/proxy/RelyingPartyTrusts?api-version=2", None)
            .await,
        501
    );
}

#[actix_web::test]
async fn certificates_that_are_unfit_are_refused_and_nothing_is_stored() {
    let service = Service::start().await;
    for form in [
        Form {
            usage: None,
            ..Form::good()
        },
        Form {
            not_after: NOW,
            ..Form::good()
        },
        Form {
            not_before: NOW + Duration::SECOND,
            ..Form::good()
        },
    ] {
        assert_eq!(service.trust(&form.der()).await.unwrap_err().status(), 400);
    }
    for text in ["", "MIL_", "MIIB", "-----BEGIN CERTIFICATE-----"] {
        let refused = service
            .establish(json!({ "SerializedTrustCertificate": text }))
            .await
            .unwrap_err();
        assert_eq!(refused.status(), 400, "{text}");
    }
    assert_eq!(
        service.establish(json!({})).await.unwrap_err().status(),
        400
    );
    let own = std::fs::read(service.folder.path().join("tls/key.pem")).unwrap();
    let own = Form {
        key: openssl::pkey::PKey::private_key_from_pem(&own).unwrap(),
        ..Form::good()
    };
    assert_eq!(service.trust(&own.der()).await.unwrap_err().status(), 400);
    assert_eq!(service.certificates().await, 0);
}

#[actix_web::test]
async fn renewal_adds_a_certificate_and_keeps_the_old_one() {
    let service = Service::start().await;
    let mut connection = service.proxy().await;
    let renewed = Form {
        key: elliptic(openssl::nid::Nid::SECP384R1),
        ..Form::good()
    }
    .der();
    let body =
        |der: &[u8]| Some(json!({ "SerializedReplacementCertificate": STANDARD.encode(der) }));
    let response = connection
        .call("POST", "/adfs/proxy/RenewTrust", body(&renewed))
        .await;
    assert_eq!((response.status, response.body.len()), (200, 0));
    let mut other = Connection::open(service.door(Some(renewed.clone()))).await;
    for connection in [&mut connection, &mut other] {
        assert_eq!(
            connection
                .status("GET", "/adfs/proxy/GetConfiguration?api-version=2", None)
                .await,
            200
        );
    }
    let bad = Form {
        usage: None,
        ..Form::good()
    }
    .der();
    assert_eq!(
        connection
            .status("POST", "/adfs/proxy/RenewTrust", body(&bad))
            .await,
        400
    );
    let mut stranger = Connection::open(service.door(Some(bad))).await;
    assert_eq!(
        stranger
            .status("POST", "/adfs/proxy/RenewTrust", body(&renewed))
            .await,
        400
    );
    assert_eq!(service.certificates().await, 2);
}

#[actix_web::test]
async fn a_revocation_ends_connections_that_are_open() {
    let service = Service::start().await;
    let mut connection = service.proxy().await;
    let target = "/adfs/proxy/GetConfiguration?api-version=2";
    assert_eq!(connection.status("GET", target, None).await, 200);
    service
        .federation
        .store
        .revoke_every_proxy(NOW)
        .await
        .unwrap();
    service
        .federation
        .proxy_trusts
        .refresh(&service.federation.store)
        .await
        .unwrap();
    assert_eq!(connection.status("GET", target, None).await, 401);
    let renewal =
        json!({ "SerializedReplacementCertificate": STANDARD.encode(Form::good().der()) });
    assert_eq!(
        connection
            .status("POST", "/adfs/proxy/RenewTrust", Some(renewal))
            .await,
        400
    );
    assert_eq!(service.certificates().await, 1);
}

#[actix_web::test]
async fn a_trust_ends_with_its_time() {
    let service = Service::start().await;
    let mut connection = service.proxy().await;
    let target = "/adfs/proxy/GetConfiguration?api-version=2";
    service.clock.advance(Duration::days(10) - Duration::SECOND);
    assert_eq!(connection.status("GET", target, None).await, 200);
    service.clock.advance(Duration::SECOND);
    assert_eq!(connection.status("GET", target, None).await, 401);
}

#[actix_web::test]
async fn the_control_channel_is_absent_through_a_proxy() {
    let service = Service::start().await;
    let mut connection = service.proxy().await;
    let headers = [("X-MS-Proxy", "wap01")];
    let target = "/adfs/proxy/GetConfiguration?api-version=2";
    assert_eq!(
        connection.send("GET", target, &headers, b"").await.status,
        404
    );
}

#[actix_web::test]
async fn the_relying_party_of_the_proxies_is_set_once() {
    let service = Service::start().await;
    let mut connection = service.proxy().await;
    let identifier = || Some(json!({"Identifier": "urn:AppProxy:com"}));
    for (method, body, status) in [
        ("GET", None, 404),
        ("DELETE", None, 404),
        ("POST", Some(json!({"Identifier": "not a URI"})), 400),
        ("POST", Some(json!({})), 400),
        // It must not become somebody else's audience.
        ("POST", Some(json!({"Identifier": "urn:app"})), 409),
        ("POST", identifier(), 200),
        ("POST", identifier(), 409),
        ("PUT", identifier(), 405),
    ] {
        assert_eq!(
            connection.status(method, TRUST, body).await,
            status,
            "{method}"
        );
    }
    assert_eq!(
        connection.call("GET", TRUST, None).await.json(),
        json!({"Identifier": "urn:AppProxy:com"})
    );
    assert_eq!(connection.status("DELETE", TRUST, None).await, 200);
    assert_eq!(connection.status("GET", TRUST, None).await, 404);
}

#[actix_web::test]
async fn relying_parties_are_listed_and_published() {
    let service = Service::start().await;
    let mut connection = service.proxy().await;
    let summary = json!({
        "objectIdentifier": PARTY, "name": "App", "publishedThroughProxy": false, "nonClaimsAware": false, "enabled": true
    });
    let list = connection
        .call("GET", "/adfs/proxy/relyingpartytrusts?api-version=1", None)
        .await;
    assert_eq!(list.json(), json!([summary]));
    let unknown = party().replace(PARTY, "00000000-0000-0000-0000-000000000009");
    assert_eq!(connection.status("GET", &unknown, None).await, 404);

    let (inside, outside) = ("https://app.corp.test/", "https://app.contoso.test/");
    let publication =
        json!({"externalUrl": outside, "internalUrl": inside, "proxyTrustedEndpoint": outside});
    let old =
        json!({"externalUrl": outside, "internalUrl": inside, "proxyTrustedEndpointUrl": outside});
    let unsafe_one = json!({"externalUrl": outside, "internalUrl": inside, "proxyTrustedEndpoint": "http://app.contoso.test/"});
    let with_segment = settings().replace("/PublishedSettings", "/fedpassive/publishedsettings");
    for (target, body, status) in [
        (settings(), json!({}), 400),
        (settings(), unsafe_one, 400),
        (
            settings().replace(PARTY, "00000000-0000-0000-0000-000000000009"),
            publication.clone(),
            404,
        ),
        (settings(), old, 200),
        (settings(), publication.clone(), 409),
        (with_segment, publication, 409),
    ] {
        assert_eq!(
            connection.status("POST", &target, Some(body)).await,
            status,
            "{target}"
        );
    }
    let item = connection.call("GET", &party(), None).await.json();
    assert_eq!(item["publishedThroughProxy"], true);
    assert_eq!(item["identifiers"], json!(["urn:app"]));
    assert_eq!(item["proxyTrustedEndpoints"], json!([outside]));
    assert_eq!(
        item["proxyEndpointMappings"],
        json!([{"Key": inside, "Value": outside}])
    );

    for (body, status) in [
        (
            json!({"externalUrl": outside, "internalUrl": inside, "proxyTrustedEndpoint": outside}),
            400,
        ),
        (json!({"externalUrl": outside}), 400),
        (json!({"proxyTrustedEndpoint": "https://other.test/"}), 404),
        (
            json!({"externalUrl": "https://other.test/", "proxyTrustedEndpoint": outside}),
            404,
        ),
        (
            json!({"externalUrl": outside, "proxyTrustedEndpoint": outside}),
            200,
        ),
        (
            json!({"externalUrl": outside, "proxyTrustedEndpoint": outside}),
            404,
        ),
    ] {
        assert_eq!(
            connection
                .status("DELETE", &settings(), Some(body.clone()))
                .await,
            status,
            "{body}"
        );
    }
    let item = connection.call("GET", &party(), None).await.json();
    assert_eq!(item["publishedThroughProxy"], false);
    assert_eq!(item["proxyEndpointMappings"], json!([]));
}

#[actix_web::test]
async fn the_store_counts_versions() {
    let service = Service::start().await;
    let mut connection = service.proxy().await;
    let value = "v".repeat(256 * 1024);
    for (method, target, body, status) in [
        ("GET", in_store("Key"), None, 404),
        (
            "PUT",
            in_store("Key"),
            Some(json!({"version": 1, "value": "x"})),
            404,
        ),
        (
            "POST",
            in_store("Key"),
            Some(json!({"key": "other", "value": "x"})),
            400,
        ),
        (
            "POST",
            in_store("Key"),
            Some(json!({"value": "first"})),
            200,
        ),
        (
            "POST",
            in_store("KEY"),
            Some(json!({"key": "key", "value": "x"})),
            409,
        ),
        (
            "PUT",
            in_store("key"),
            Some(json!({"version": 2, "value": "x"})),
            412,
        ),
        ("PUT", in_store("key"), Some(json!({"value": "x"})), 400),
        (
            "PUT",
            in_store("key"),
            Some(json!({"key": "other", "version": 1, "value": "x"})),
            400,
        ),
        (
            "PUT",
            in_store("key"),
            Some(json!({"key": "key", "version": "1", "value": value})),
            200,
        ),
        (
            "PUT",
            in_store("key"),
            Some(json!({"version": 1, "value": "x"})),
            412,
        ),
        (
            "PATCH",
            in_store("key"),
            Some(json!({"version": 1, "value": "x"})),
            405,
        ),
        (
            "POST",
            format!("{STORE}?api-version=1"),
            Some(json!({"value": "x"})),
            405,
        ),
        ("GET", in_store("a%20b"), None, 404),
    ] {
        assert_eq!(
            connection.status(method, &target, body).await,
            status,
            "{method} {target}"
        );
    }
    let entry = connection.call("GET", &in_store("kEY"), None).await.json();
    assert_eq!(entry, json!({"key": "Key", "version": 2, "value": value}));
    let list = connection
        .call("GET", &format!("{STORE}/?api-version=1"), None)
        .await
        .json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(
        connection.status("DELETE", &in_store("key"), None).await,
        200
    );
    assert_eq!(
        connection.status("DELETE", &in_store("key"), None).await,
        404
    );
}

#[actix_web::test]
async fn bodies_are_bounded_and_of_one_type() {
    let service = Service::start().await;
    let mut connection = service.proxy().await;
    let typed = |kind| [("Content-Type", kind)];
    let body = json!({"value": "x"}).to_string();
    for (kind, body, status) in [
        ("text/plain", body.as_bytes(), 400),
        ("application/x-www-form-urlencoded", body.as_bytes(), 400),
        ("application/json", b"{", 400),
        ("application/json", br#"{"value":"a","Value":"b"}"#, 400),
        ("application/json", "[".repeat(10_000).as_bytes(), 400),
        ("application/json", b"\xff", 400),
        ("APPLICATION/json; charset=utf-8", body.as_bytes(), 200),
    ] {
        let response = connection
            .send("POST", &in_store("key"), &typed(kind), body)
            .await;
        assert_eq!(response.status, status, "{kind}");
    }
    let value = json!({"value": "v".repeat(256 * 1024 + 1)});
    assert_eq!(
        connection
            .status("POST", &in_store("long"), Some(value))
            .await,
        413
    );
    let huge = json!({"value": "v".repeat(512 * 1024)}).to_string();
    let response = connection
        .send(
            "POST",
            &in_store("long"),
            &typed("application/json"),
            huge.as_bytes(),
        )
        .await;
    assert_eq!(response.status, 413);
    assert_eq!(
        connection.status("GET", &in_store("long"), None).await,
        404,
        "the connection goes on"
    );
}

#[actix_web::test]
async fn parts_that_are_not_offered_say_so() {
    let service = Service::start().await;
    let mut connection = service.proxy().await;
    let target = "/adfs/proxy/relyingpartytoken?api-version=1";
    let response = connection
        .call("POST", target, Some(json!({"username": "a"})))
        .await;
    assert_eq!(response.status, 404);
    assert!(
        response.json()["message"]
            .as_str()
            .unwrap()
            .contains("does not offer")
    );
    assert_eq!(connection.status("GET", target, None).await, 405);
    assert_eq!(
        connection
            .status("POST", "/adfs/proxy/relyingpartytoken?api-version=9", None)
            .await,
        501
    );
}

#[actix_web::test]
async fn a_store_that_fails_is_an_error_and_changes_nothing() {
    let service = Service::start().await;
    let mut connection = service.proxy().await;
    service.federation.store.close().await;
    let response = connection
        .call("GET", &format!("{STORE}?api-version=1"), None)
        .await;
    assert_eq!(response.status, 500);
    let message = response.json()["message"].as_str().unwrap().to_owned();
    assert!(
        !message.contains(Path::new(service.folder.path()).to_str().unwrap()),
        "{message}"
    );
}
