//! A token of SoftHSM in a temporary folder. The module reads its own environment when it is loaded, so the test runs
//! itself again in a process that has it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use federation::metadata::read::{Reading, read};
use federation::signature::SignatureAlgorithm;
use openssl::hash::MessageDigest;
use openssl::sign::Verifier;
use openssl::x509::X509;
use time::macros::datetime;

use super::*;
use crate::config::Configuration;
use crate::partner_metadata::test_support::pair_until;
use crate::protocols::metadata;
use crate::state::{Federation, StartError};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const CHILD: &str = "ADFS_TEST_TOKEN_FOLDER";
const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

fn softhsm(folder: &Path, arguments: &[&str]) {
    let done = Command::new("softhsm2-util")
        .args(arguments)
        .env("SOFTHSM2_CONF", folder.join("softhsm2.conf"))
        .output()
        .expect("softhsm2-util; `make setup` installs it");
    assert!(done.status.success(), "{done:?}");
}

/// A token `adfs` with the key `signing`, whose certificate lies beside, and a configuration that names it.
fn prepare(folder: &Path) {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    file(
        "softhsm2.conf",
        &format!(
            "directories.tokendir = {}\nobjectstore.backend = file\n",
            folder.join("tokens").display()
        ),
    );
    file("tokens/.keep", "");
    softhsm(
        folder,
        &[
            "--init-token",
            "--free",
            "--label",
            "adfs",
            "--so-pin",
            "12345678",
            "--pin",
            "98765432",
        ],
    );
    let (key, certificate) = pair_until(7, datetime!(2090-01-01 0:00 UTC));
    let pem = String::from_utf8(key.private_key_to_pem_pkcs8().expect("PEM")).expect("text");
    file("key.pem", &pem);
    let key_file = folder.join("key.pem");
    let path = key_file.to_str().expect("text");
    softhsm(
        folder,
        &[
            "--import", path, "--token", "adfs", "--label", "signing", "--id", "A1", "--pin",
            "98765432",
        ],
    );
    std::fs::remove_file(key_file).expect("removed");
    let next = pair_until(8, datetime!(2090-01-01 0:00 UTC)).1;
    for (name, certificate) in [("signing.pem", &certificate), ("next.pem", &next)] {
        file(
            name,
            &String::from_utf8(certificate.to_pem().expect("PEM")).expect("text"),
        );
    }
    file("pin", "98765432\n");
    file("wrong-pin", "00000000\n");
    file("password", "x");
    file("state/x", "");
    file("adfs.toml", &configuration("signing", "pin", false));
}

fn configuration(label: &str, pin: &str, automatic: bool) -> String {
    format!(
        r#"
        [service]
        host_name = "sts.contoso.test"
        [https]
        certificate = "tls/certificate.pem"
        private_key = "tls/key.pem"
        [properties]
        auto_certificate_rollover = {automatic}
        [keys.pkcs11]
        module = "{MODULE}"
        token_label = "adfs"
        key_label = "{label}"
        pin_file = "{pin}"
        certificate = "signing.pem"
        secondary_certificates = ["next.pem"]
        [directories.contoso]
        servers = ["ldaps://127.0.0.1:1"]
        bind_dn = "CN=adfs,DC=contoso,DC=test"
        bind_password_file = "password"
        base_dn = "DC=contoso,DC=test"
        net_bios_name = "CONTOSO"
        "#
    )
}

#[test]
fn tokens_are_signed_by_a_key_that_never_leaves_its_token() {
    if let Some(folder) = std::env::var_os(CHILD) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        return runtime.block_on(in_child(Path::new(&folder)));
    }
    let folder = tempfile::tempdir().expect("a folder");
    prepare(folder.path());
    let name = "keys::pkcs11_tests::tokens_are_signed_by_a_key_that_never_leaves_its_token";
    let done = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", name, "--nocapture"])
        .env("SOFTHSM2_CONF", folder.path().join("softhsm2.conf"))
        .env(CHILD, folder.path())
        .output()
        .expect("run");
    let said =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

async fn in_child(folder: &Path) {
    let config = folder.join("adfs.toml");
    let pem = std::fs::read(folder.join("signing.pem")).expect("a file");
    let certificate = X509::from_pem(&pem).expect("a certificate");
    // First, since a process that is logged in is asked for no PIN any more.
    for (label, pin, expected) in [
        ("signing", "wrong-pin", "PIN"),
        ("absent", "pin", "0 private keys"),
    ] {
        std::fs::write(&config, configuration(label, pin, false)).expect("a file");
        let refused = Federation::open(&config, Clock::fixed(NOW)).await;
        let refused = refused.expect_err("no such key").to_string();
        assert!(
            refused.contains(expected) && !refused.contains("00000000"),
            "{refused}"
        );
    }
    std::fs::write(&config, configuration("signing", "pin", false)).expect("a file");
    let federation = Federation::open(&config, Clock::fixed(NOW))
        .await
        .expect("a service");

    // What partners read is signed by it, and lists both certificates.
    let document = metadata::document(&federation).expect("metadata");
    let anchors = [certificate.clone()];
    let entity = read(&document, &Reading::at(NOW).signed_by(&anchors))
        .expect("signed by the key in the token");
    let listed = entity
        .claims_provider()
        .expect("a claims provider")
        .signing_certificates
        .len();
    assert_eq!(listed, 2);

    // Many at once, by both algorithms.
    let signing = federation.keys.token_signing();
    std::thread::scope(|scope| {
        for number in 0..24u32 {
            let (signing, certificate) = (Arc::clone(&signing), &certificate);
            scope.spawn(move || {
                let (algorithm, digest) = if number % 2 == 0 {
                    (SignatureAlgorithm::RsaSha256, MessageDigest::sha256())
                } else {
                    (SignatureAlgorithm::RsaSha1, MessageDigest::sha1())
                };
                let message = number.to_string();
                let signature = signing
                    .key()
                    .sign_detached(message.as_bytes(), algorithm)
                    .expect("signed");
                let public = certificate.public_key().expect("a key");
                let mut verifier = Verifier::new(digest, &public).expect("a verifier");
                assert!(
                    verifier
                        .verify_oneshot(&signature, message.as_bytes())
                        .expect("checked")
                );
            });
        }
    });

    // No private key of it is on this disk, and commands know the certificates without the PIN.
    assert!(!folder.join("state/keys/token-signing.key").exists());
    let configuration_now = federation.configuration.load_full();
    let listed = Keys::listed(&configuration_now).expect("listed");
    let signing: Vec<_> = listed
        .iter()
        .filter(|one| one.role == CertificateType::TokenSigning)
        .collect();
    assert_eq!(
        (signing.len(), signing[0].primary, signing[1].primary),
        (2, true, false)
    );

    // Certificates are the administrator's.
    let rollover = &configuration_now.properties.certificate_rollover;
    let refused = federation.keys.change(
        &Change::Urgent(CertificateType::TokenSigning),
        rollover,
        NOW,
    );
    assert!(
        matches!(refused, Err(KeyError::Pkcs11Manual)),
        "{refused:?}"
    );
    std::fs::write(&config, configuration("signing", "pin", true)).expect("a file");
    let refused = Configuration::load(&config)
        .expect_err("rolled over automatically")
        .to_string();
    assert!(refused.contains("auto_certificate_rollover"), "{refused}");

    std::fs::write(&config, configuration("other", "pin", false)).expect("a file");
    let reloaded = federation.reload().await;
    assert!(
        matches!(reloaded, Err(StartError::Keys(KeyError::Pkcs11Changed))),
        "{reloaded:?}"
    );
}
