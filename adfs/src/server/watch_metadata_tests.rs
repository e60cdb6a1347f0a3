//! A partner's https server that says whatever a test wants, and a service whose clock the test moves.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use openssl::ssl::{Ssl, SslAcceptor, SslMethod};
use openssl::x509::X509;
use tempfile::TempDir;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_openssl::SslStream;
use tracing_subscriber::fmt::MakeWriter;

use super::watch_metadata::round;
use crate::clock::Clock;
use crate::partner_metadata::test_support::{
    base64, certificate, identity_provider, pair_until, service_provider,
};
use crate::state::Federation;
use crate::store::MetadataCheck;

const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);
const SP: &str = "https://sp.test/metadata";
const IDP: &str = "https://idp.test/metadata";
const ACS: &str = "https://sp.test/acs";

#[derive(Clone, Default)]
struct Said(Arc<Mutex<(u16, String, usize)>>);

impl Said {
    fn say(&self, status: u16, body: String) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (said.0, said.1) = (status, body);
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).2
    }

    fn answer(&self) -> String {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.2 += 1;
        format!(
            "HTTP/1.1 {} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{}",
            said.0,
            said.1.len(),
            said.1
        )
    }
}

/// Serves on a free port until the test ends, and gives that and its certificate.
async fn partner(said: Said) -> (u16, X509) {
    let (key, tls) = pair_until(9, datetime!(2090-01-01 0:00 UTC));
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_certificate(&tls).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let ssl = Ssl::new(acceptor.context()).unwrap();
            let mut stream = SslStream::new(ssl, stream).unwrap();
            if Pin::new(&mut stream).accept().await.is_ok() {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(said.answer().as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    (port, tls)
}

pub(super) struct Service {
    pub(super) federation: Arc<Federation>,
    pub(super) clock: Clock,
    folder: TempDir,
    said: Said,
}

impl Service {
    /// With a relying party and a claims provider; `relying` and `claims` are settings of theirs.
    pub(super) async fn start(relying: &str, claims: &str) -> Service {
        let said = Said::default();
        let (port, tls) = partner(said.clone()).await;
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        file(
            "adfs.toml",
            r#"
            [service]
            host_name = "sts.contoso.test"
            [https]
            certificate = "tls/certificate.pem"
            private_key = "tls/key.pem"
            [directories.contoso]
            servers = ["ldaps://127.0.0.1:1"]
            bind_dn = "CN=adfs,DC=contoso,DC=test"
            bind_password_file = "password"
            base_dn = "DC=contoso,DC=test"
            net_bios_name = "CONTOSO"
            "#,
        );
        file("password", "Pass@word1");
        file("state/x", "");
        let tls = String::from_utf8(tls.to_pem().unwrap()).unwrap();
        let metadata = format!(
            "metadata_url = \"https://localhost:{port}/metadata\"\nmetadata_ca_file = \"{}\"\n\
             metadata_allow_private_addresses = true\n",
            folder.path().join("ca.pem").display()
        );
        file("ca.pem", &tls);
        file(
            "trusts/relying-parties/sp.toml",
            &format!(
                "# Ours.\nname = \"SP\"\nidentifiers = [\"{SP}\"]\nsaml_endpoints = [{{ binding = \"POST\", \
                 protocol = \"SAMLAssertionConsumer\", uri = \"{ACS}\" }}]\n{metadata}{relying}"
            ),
        );
        file(
            "trusts/claims-providers/idp.toml",
            &format!(
                "# Theirs.\nname = \"IdP\"\nidentifier = \"{IDP}\"\nsaml_endpoints = [{{ binding = \"Redirect\", \
                 protocol = \"SAMLSingleSignOn\", uri = \"https://idp.test/sso\" }}]\n{metadata}{claims}"
            ),
        );
        let clock = Clock::fixed(NOW);
        let federation = Federation::open(&folder.path().join("adfs.toml"), clock.clone()).await;
        Service {
            federation: federation.unwrap(),
            clock,
            folder,
            said,
        }
    }

    /// A cycle; what was taken is in force afterwards, as the look at the files does in a server.
    async fn cycle(&self) -> bool {
        let looked = round(&self.federation).await.unwrap();
        self.federation.reload().await.unwrap();
        looked
    }

    async fn check(&self) -> MetadataCheck {
        self.federation
            .store
            .metadata_checks()
            .await
            .unwrap()
            .remove(0)
    }

    fn trust(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.path().join("trusts").join(file)).unwrap()
    }

    fn signing_certificates(&self) -> Vec<Vec<u8>> {
        let configuration = self.federation.configuration.load();
        let trust = configuration.relying_parties.by_identifier(SP).unwrap();
        let certificates = trust.saml.request_signing_certificates.iter();
        certificates.map(|one| one.to_der().unwrap()).collect()
    }
}

fn signed_by(certificate: &X509) -> String {
    service_provider(SP, ACS, &[("signing", certificate)], "")
}

const MONITORED: &str = "monitoring_enabled = true\n";
const FOLLOWED: &str = "monitoring_enabled = true\nauto_update_enabled = true\n";

#[tokio::test]
async fn a_changed_certificate_is_in_force_after_one_cycle() {
    let [old, new, idp] = [1, 2, 3].map(certificate);
    let relying = format!(
        "{FOLLOWED}request_signing_certificate = \"{}\"\n",
        base64(&old)
    );
    let service = Service::start(
        &relying,
        &format!("token_signing_certificate = \"{}\"\n", base64(&idp)),
    )
    .await;
    service.said.say(200, signed_by(&old));
    assert!(service.cycle().await);
    let before = service.trust("relying-parties/sp.toml");
    assert!(!service.cycle().await, "once");
    service.said.say(200, signed_by(&new));
    service.clock.advance(Duration::minutes(1439));
    assert!(!service.cycle().await, "not yet");
    assert_eq!(service.trust("relying-parties/sp.toml"), before);
    service.clock.advance(Duration::minutes(150));
    assert!(service.cycle().await);
    assert_eq!(service.signing_certificates(), [new.to_der().unwrap()]);
    assert!(
        service
            .trust("relying-parties/sp.toml")
            .starts_with("# Ours.\n")
    );
    let check = service.check().await;
    assert_eq!(check.updated, Some(service.clock.now()));
    assert_eq!(
        (check.error, check.pending.as_str(), check.failures),
        (None, "[]", 0)
    );
    assert_eq!(service.said.asked(), 2);
}

#[tokio::test]
async fn monitoring_alone_tells_and_changes_nothing() {
    let [old, new, idp] = [1, 2, 3].map(certificate);
    let relying = format!(
        "{MONITORED}request_signing_certificate = \"{}\"\n",
        base64(&old)
    );
    let service = Service::start(
        &relying,
        &format!("token_signing_certificate = \"{}\"\n", base64(&idp)),
    )
    .await;
    service.said.say(200, signed_by(&new));
    let before = service.trust("relying-parties/sp.toml");
    assert!(service.cycle().await);
    assert_eq!(service.trust("relying-parties/sp.toml"), before);
    let check = service.check().await;
    assert!(
        check.pending.contains("request_signing_certificate"),
        "{check:?}"
    );
    assert_eq!(
        (check.error, check.updated, check.succeeded),
        (None, None, Some(NOW))
    );
}

#[tokio::test]
async fn a_claims_provider_follows_in_the_same_manner_but_never_becomes_another_issuer() {
    let [old, new] = [1, 2].map(certificate);
    let claims = format!(
        "{FOLLOWED}token_signing_certificate = \"{}\"\n",
        base64(&old)
    );
    let service = Service::start("", &claims).await;
    let document =
        |entity_id| identity_provider(entity_id, "https://idp.test/new", &[("signing", &new)]);
    service.said.say(200, document("https://evil.test/"));
    let before = service.trust("claims-providers/idp.toml");
    assert!(service.cycle().await);
    assert_eq!(service.trust("claims-providers/idp.toml"), before);
    assert!(
        service
            .check()
            .await
            .error
            .unwrap()
            .contains("https://evil.test/")
    );
    service.said.say(200, document(IDP));
    service.clock.advance(Duration::minutes(6));
    assert!(service.cycle().await);
    let configuration = service.federation.configuration.load();
    let trust = configuration.claims_providers.by_identifier(IDP).unwrap();
    let certificates: Vec<_> = trust
        .token_signing_certificates
        .iter()
        .map(|one| one.to_der().unwrap())
        .collect();
    assert_eq!(certificates, [new.to_der().unwrap()]);
    assert!(
        service
            .trust("claims-providers/idp.toml")
            .contains("https://idp.test/new")
    );
}

#[tokio::test]
async fn no_failure_changes_a_trust_and_each_is_tried_again_later_and_later() {
    let [old, idp] = [1, 3].map(certificate);
    let relying = format!(
        "{FOLLOWED}request_signing_certificate = \"{}\"\n",
        base64(&old)
    );
    let service = Service::start(
        &relying,
        &format!("token_signing_certificate = \"{}\"\n", base64(&idp)),
    )
    .await;
    let before = service.trust("relying-parties/sp.toml");
    let bomb = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_owned();
    let mut pauses = Vec::new();
    for (status, body) in [
        (500, String::new()),
        (302, String::new()),
        (200, "no XML".to_owned()),
        (200, bomb),
        (
            200,
            signed_by(&old).replace("AssertionConsumerService", "Other"),
        ),
    ] {
        service.said.say(status, body);
        assert!(service.cycle().await);
        let check = service.check().await;
        assert!(
            check.error.is_some() && check.succeeded.is_none(),
            "{check:?}"
        );
        assert_eq!(service.trust("relying-parties/sp.toml"), before);
        pauses.push((check.due - check.checked).whole_minutes());
        service.clock.advance(check.due - check.checked);
    }
    assert!(
        pauses.windows(2).all(|pair| pair[0] < pair[1]),
        "{pauses:?}"
    );
    service.said.say(200, signed_by(&old));
    assert!(service.cycle().await);
    let check = service.check().await;
    assert_eq!((check.error, check.failures), (None, 0));
}

#[tokio::test]
async fn a_trust_that_does_not_ask_for_it_is_never_fetched() {
    let idp = certificate(3);
    let service = Service::start(
        "auto_update_enabled = true\n",
        &format!("token_signing_certificate = \"{}\"\n", base64(&idp)),
    )
    .await;
    assert!(!service.cycle().await);
    assert_eq!(service.said.asked(), 0);
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Sink;

    fn make_writer(&'a self) -> Sink {
        self.clone()
    }
}

#[tokio::test]
async fn a_cycle_is_told_with_the_numbers_of_ad_fs() {
    let [old, new, idp] = [1, 2, 3].map(certificate);
    let relying = format!(
        "{MONITORED}request_signing_certificate = \"{}\"\n",
        base64(&old)
    );
    let claims = format!(
        "{MONITORED}token_signing_certificate = \"{}\"\n",
        base64(&idp)
    );
    let service = Service::start(&relying, &claims).await;
    // It is a relying party and no claims provider.
    service.said.say(200, signed_by(&new));
    let sink = Sink::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_writer(sink.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    assert!(service.cycle().await);
    drop(guard);
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    let records: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let audit = records.iter().filter(|record| record["target"] == "audit");
    let told: Vec<_> = audit
        .map(|record| {
            (
                record["fields"]["event_id"].as_u64(),
                record["fields"]["trust"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some(156), None),
            (None, Some("SP")),
            (Some(163), Some("IdP")),
            (Some(157), None)
        ]
    );
    assert_eq!(service.said.asked(), 1, "one document for both");
}
