use std::os::unix::fs::PermissionsExt;

use openssl::stack::Stack;
use openssl::x509::X509StoreContext;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyParam;

use super::*;
use crate::addresses::{Ports, Suffix};

fn addresses(suffix: &str) -> Addresses {
    Addresses {
        ports: Ports::from_base(8443).unwrap(),
        suffix: suffix.parse::<Suffix>().unwrap(),
    }
}

fn verifies(pki: &Pki, files: &CertificateFiles, host: &str) -> bool {
    let mut store = X509StoreBuilder::new().unwrap();
    store
        .add_cert(X509::from_pem(&fs::read(&pki.ca_file).unwrap()).unwrap())
        .unwrap();
    let mut parameters = X509VerifyParam::new().unwrap();
    match host.parse() {
        Ok(address) => parameters.set_ip(address).unwrap(),
        Err(_) => parameters.set_host(host).unwrap(),
    }
    store.set_param(&parameters).unwrap();
    let certificate = X509::from_pem(&fs::read(&files.certificate).unwrap()).unwrap();
    let mut context = X509StoreContext::new().unwrap();
    context
        .init(
            &store.build(),
            &certificate,
            &Stack::new().unwrap(),
            |context| context.verify_cert(),
        )
        .unwrap()
}

#[test]
fn every_server_is_trusted_by_its_names_and_by_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::open(folder.path(), &addresses("localhost")).unwrap();
    for (files, host) in [
        (&pki.sts, "sts.contoso.localhost"),
        (&pki.published, "mail.contoso.localhost"),
        (&pki.cloud, "login.cloud.localhost"),
        (&pki.backends, "app.contoso.localhost"),
        (&pki.backends, "localhost"),
        (&pki.directory, "127.0.0.1"),
    ] {
        assert!(verifies(&pki, files, host), "{host}");
        assert!(!verifies(&pki, files, "elsewhere.localhost"), "{host}");
    }
    let mode = fs::metadata(&pki.sts.private_key)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_second_start_keeps_what_fits_and_replaces_what_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let read = |pki: &Pki| {
        (
            fs::read(&pki.ca_file).unwrap(),
            fs::read(&pki.sts.certificate).unwrap(),
            fs::read(&pki.directory.certificate).unwrap(),
        )
    };
    let first = read(&Pki::open(folder.path(), &addresses("localhost")).unwrap());
    let second = Pki::open(folder.path(), &addresses("localhost")).unwrap();
    assert_eq!(read(&second), first);
    let renamed = Pki::open(folder.path(), &addresses("test")).unwrap();
    let third = read(&renamed);
    assert_eq!((&third.0, &third.2), (&first.0, &first.2));
    assert_ne!(third.1, first.1);
    assert!(verifies(&renamed, &renamed.sts, "sts.contoso.test"));
}

#[test]
fn a_lost_authority_key_makes_everything_new() {
    let folder = tempfile::tempdir().unwrap();
    let first = Pki::open(folder.path(), &addresses("localhost")).unwrap();
    let before = fs::read(&first.sts.certificate).unwrap();
    fs::write(folder.path().join("ca.key.pem"), "lost").unwrap();
    let second = Pki::open(folder.path(), &addresses("localhost")).unwrap();
    assert_ne!(fs::read(&second.sts.certificate).unwrap(), before);
    assert!(verifies(&second, &second.sts, "sts.contoso.localhost"));
}
