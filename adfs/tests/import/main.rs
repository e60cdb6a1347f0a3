//! `adfs import`, `adfs relying-party` and `adfs entra` as an administrator runs them.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot prepare its files must fail"
)]

mod entra;
mod exports;
mod server;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a configuration that loads.
struct Site {
    folder: TempDir,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        let text = r#"
[service]
host_name = "sts.contoso.test"
lab_keys = true
[https]
listen = ["127.0.0.1:0"]
certificate = "tls.pem"
private_key = "tls.key"
[directories.contoso]
servers = ["ldap://127.0.0.1:9"]
allow_plain = true
bind_dn = "cn=service"
bind_password_file = "password"
base_dn = "dc=contoso,dc=test"
net_bios_name = "CONTOSO"
"#;
        std::fs::write(folder.path().join("adfs.toml"), text).expect("written");
        std::fs::write(folder.path().join("password"), "secret\n").expect("written");
        make_certificate(folder.path());
        Site { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn trust(&self, file: &str) -> PathBuf {
        self.path().join("trusts/relying-parties").join(file)
    }

    fn adfs(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_adfs"))
            .args(arguments)
            .current_dir(self.path())
            .env("ADFS_CONFIG", self.path().join("adfs.toml"))
            .output()
            .expect("the program runs")
    }

    /// What a command prints; it must end with `code`.
    fn run(&self, arguments: &[&str], code: i32) -> String {
        let output = self.adfs(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let arguments = [arguments, &["--output", "json"]].concat();
        serde_json::from_str(&self.run(&arguments, code)).expect("JSON")
    }
}

fn data(file: &str) -> String {
    format!("{}/tests/import/data/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// A certificate of its own for the listener.
fn make_certificate(folder: &Path) {
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;
    use openssl::x509::{X509, X509NameBuilder};
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "sts.contoso.test")
        .expect("a name");
    let name = name.build();
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("a version");
    builder.set_subject_name(&name).expect("a subject");
    builder.set_issuer_name(&name).expect("an issuer");
    builder.set_pubkey(&key).expect("a key");
    builder
        .set_not_before(&Asn1Time::days_from_now(0).expect("now"))
        .expect("a time");
    builder
        .set_not_after(&Asn1Time::days_from_now(2).expect("later"))
        .expect("a time");
    builder
        .sign(&key, MessageDigest::sha256())
        .expect("a signature");
    std::fs::write(
        folder.join("tls.pem"),
        builder.build().to_pem().expect("PEM"),
    )
    .expect("written");
    let pem = key.private_key_to_pem_pkcs8().expect("PEM");
    std::fs::write(folder.join("tls.key"), pem).expect("written");
    for secret in ["tls.key", "password"] {
        let owner_only = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(folder.join(secret), owner_only).expect("a mode");
    }
}
