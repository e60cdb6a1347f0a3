use ldap3::LdapConnSettings;
use native_tls::{Certificate, TlsConnector};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name, X509NameBuilder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn name(common_name: &str) -> X509Name {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)
        .unwrap();
    name.build()
}

fn certificate(
    subject: &str,
    key: &PKey<Private>,
    issuer: Option<(&X509, &PKey<Private>)>,
) -> X509 {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(if issuer.is_some() { 2 } else { 1 }).unwrap();
    builder
        .set_serial_number(&serial.to_asn1_integer().unwrap())
        .unwrap();
    builder.set_subject_name(&name(subject)).unwrap();
    builder.set_pubkey(key).unwrap();
    builder
        .set_not_before(&Asn1Time::days_from_now(0).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::days_from_now(1).unwrap())
        .unwrap();
    if issuer.is_none() {
        builder
            .append_extension(BasicConstraints::new().critical().ca().build().unwrap())
            .unwrap();
    }
    let (issuer_name, issuer_key) = match issuer {
        Some((certificate, key)) => (certificate.subject_name().to_owned().unwrap(), key),
        None => (name(subject), key),
    };
    builder.set_issuer_name(&issuer_name).unwrap();
    let context = builder.x509v3_context(issuer.map(|(c, _)| &**c), None);
    let names = SubjectAlternativeName::new()
        .dns("localhost")
        .build(&context)
        .unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(issuer_key, MessageDigest::sha256()).unwrap();
    builder.build()
}

/// A throwaway CA, and an acceptor with a certificate of it for `localhost`.
fn authority() -> (X509, SslAcceptor) {
    let (ca_key, server_key) = (key(), key());
    let ca = certificate("test CA", &ca_key, None);
    let server = certificate("localhost", &server_key, Some((&ca, &ca_key)));
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_private_key(&server_key).unwrap();
    acceptor.set_certificate(&server).unwrap();
    (ca, acceptor.build())
}

async fn start_tls_server() -> (X509, DirectoryServer) {
    let (ca, acceptor) = authority();
    let options = Options {
        ldaps: Some((FREE_PORT, acceptor)),
        bind_needs_tls: true,
        ..Options::new(FREE_PORT)
    };
    (
        ca,
        DirectoryServer::start(options, Fixtures::load().unwrap())
            .await
            .unwrap(),
    )
}

fn trusting(ca: &X509) -> LdapConnSettings {
    let ca = Certificate::from_der(&ca.to_der().unwrap()).unwrap();
    let connector = TlsConnector::builder()
        .add_root_certificate(ca)
        .build()
        .unwrap();
    LdapConnSettings::new().set_connector(connector)
}

async fn bind_over(settings: LdapConnSettings, url: &str) -> ldap3::result::Result<u32> {
    let (connection, mut ldap) = LdapConnAsync::with_settings(settings, url).await?;
    drive!(connection);
    Ok(ldap.simple_bind("alice@contoso.test", PASSWORD).await?.rc)
}

#[tokio::test]
async fn binds_over_ldaps_and_start_tls_and_not_in_clear() {
    let (ca, server) = start_tls_server().await;
    let ldaps = format!(
        "ldaps://localhost:{}",
        server.ldaps_address().unwrap().port()
    );
    let ldap = format!("ldap://localhost:{}", server.ldap_address().port());
    assert_eq!(bind_over(trusting(&ca), &ldaps).await.unwrap(), 0);
    assert_eq!(
        bind_over(trusting(&ca).set_starttls(true), &ldap)
            .await
            .unwrap(),
        0
    );
    assert_eq!(bind_over(LdapConnSettings::new(), &ldap).await.unwrap(), 8);
    let (other, _) = authority();
    assert!(
        bind_over(trusting(&other), &ldaps).await.is_err(),
        "an unknown CA"
    );
    assert_eq!(server.logon_state("alice").unwrap().bad_password_count, 0);
}

#[tokio::test]
async fn without_a_certificate_start_tls_is_refused() {
    let server = start().await;
    let (ca, _) = authority();
    let url = format!("ldap://{}", server.ldap_address());
    assert!(
        bind_over(trusting(&ca).set_starttls(true), &url)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn bytes_between_start_tls_and_the_handshake_end_the_connection() {
    let (_, server) = start_tls_server().await;
    let mut stream = TcpStream::connect(server.ldap_address()).await.unwrap();
    let oid = b"1.3.6.1.4.1.1466.20037";
    let mut bytes = vec![0x30, 29, 2, 1, 1, 0x77, 24, 0x80, 22];
    bytes.extend_from_slice(oid);
    // An anonymous bind that an attacker put behind the request.
    bytes.extend_from_slice(&[0x30, 12, 2, 1, 2, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0]);
    stream.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "{answer:?}");
}
