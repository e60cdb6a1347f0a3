use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use time::macros::datetime;

use super::*;

fn settings(folder: &Path) -> Settings {
    Settings {
        service_key: folder.join("service.key"),
        folder: folder.join("keys"),
        host_name: "sts.contoso.test".to_owned(),
        lab: false,
        duration: Duration::days(365),
        pkcs11: None,
    }
}

fn primary_decrypting(keys: &Keys) -> Certificate {
    keys.decrypting_keys()[0].certificate().clone()
}

const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

#[test]
fn keys_are_made_once_and_read_from_then_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Keys::load_from(&settings(folder.path()), NOW).expect("made");
    let second =
        Keys::load_from(&settings(folder.path()), NOW + time::Duration::days(1)).expect("read");
    assert_eq!(
        first.token_signing().certificate().thumbprint(),
        second.token_signing().certificate().thumbprint()
    );
    assert_eq!(
        primary_decrypting(&first).thumbprint(),
        primary_decrypting(&second).thumbprint()
    );
    assert_ne!(
        first.token_signing().certificate().thumbprint(),
        primary_decrypting(&first).thumbprint()
    );
    let sealed = first.seal("session", b"alice").expect("sealed");
    assert_eq!(second.open("session", &sealed).expect("opened"), b"alice");
}

#[test]
fn two_first_starts_at_once_make_one_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(folder.path());
    let thumbprint = || {
        Keys::load_from(&settings, NOW)
            .expect("keys")
            .token_signing()
            .certificate()
            .thumbprint()
            .to_owned()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(thumbprint);
        let one = thumbprint();
        assert_eq!(one, other.join().expect("no panic"));
    });
}

#[test]
fn no_private_key_lies_open_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    Keys::load_from(&settings(folder.path()), NOW).expect("made");
    for (name, mode) in [
        ("service.key", 0o600),
        ("keys/token-signing.key", 0o600),
        ("keys/token-decrypting.key", 0o600),
        ("keys/token-signing.pem", 0o644),
        ("keys/token-decrypting.pem", 0o644),
    ] {
        let path = folder.path().join(name);
        assert_eq!(
            fs::metadata(&path).expect(name).permissions().mode() & 0o777,
            mode,
            "{name}"
        );
        let text = fs::read_to_string(&path).expect(name);
        assert!(!text.contains("PRIVATE"), "{name}");
        let octets = openssl::base64::decode_block(text.trim()).unwrap_or_default();
        assert!(
            openssl::pkey::PKey::private_key_from_der(&octets).is_err(),
            "{name}"
        );
    }
}

#[test]
fn damage_is_named_and_never_repaired() {
    let spoil = |name: &str, change: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings(folder.path());
        Keys::load_from(&settings, NOW).expect("made");
        change(&folder.path().join(name));
        let first = Keys::load_from(&settings, NOW).map(|_| ()).expect_err(name);
        let second = Keys::load_from(&settings, NOW).map(|_| ()).expect_err(name);
        assert_eq!(
            first.to_string(),
            second.to_string(),
            "nothing was made in its place"
        );
        first
    };
    let remove = |path: &Path| fs::remove_file(path).expect("removed");
    let copy = |from: &'static str| {
        move |path: &Path| assert!(fs::copy(path.with_file_name(from), path).expect("copied") > 0)
    };
    assert!(matches!(
        spoil("service.key", &remove),
        KeyError::ServiceKeyMissing { .. }
    ));
    assert!(matches!(
        spoil("keys/token-signing.key", &remove),
        KeyError::KeyMissing { .. }
    ));
    assert!(matches!(
        spoil("keys/token-signing.key", &copy("token-decrypting.key")),
        KeyError::Sealed { .. }
    ));
    assert!(matches!(
        spoil("keys/token-signing.pem", &copy("token-decrypting.pem")),
        KeyError::Mismatch { .. }
    ));
    assert!(matches!(
        spoil("keys/token-signing.pem", &copy("token-signing.key")),
        KeyError::Certificate { .. }
    ));
    let expose =
        |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("chmod");
    assert!(matches!(
        spoil("service.key", &expose),
        KeyError::Exposed { .. }
    ));
    assert!(matches!(
        spoil("keys/token-decrypting.key", &expose),
        KeyError::Exposed { .. }
    ));
}

#[test]
fn a_key_without_a_certificate_was_never_used_and_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(folder.path());
    let before = Keys::load_from(&settings, NOW).expect("made");
    fs::remove_file(folder.path().join("keys/token-signing.pem")).expect("removed");
    let after = Keys::load_from(&settings, NOW).expect("made again");
    assert_ne!(
        before.token_signing().certificate().thumbprint(),
        after.token_signing().certificate().thumbprint()
    );
}

#[test]
fn certificates_are_shown_without_their_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = Keys::listed_in(&folder.path().join("keys"), &CertificateType::ALL)
        .map(|_| ())
        .expect_err("none yet");
    assert!(matches!(missing, KeyError::NoCertificate { .. }));
    let keys = Keys::in_folder(folder.path(), NOW);
    fs::remove_file(folder.path().join("service.key")).expect("removed");
    let shown = Keys::listed_in(&folder.path().join("keys"), &CertificateType::ALL).expect("shown");
    assert_eq!(
        shown[0].certificate.thumbprint(),
        keys.token_signing().certificate().thumbprint()
    );
}

#[test]
fn lab_keys_stay_lab_keys_wherever_they_are_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let lab = Settings {
        lab: true,
        ..settings(folder.path())
    };
    Keys::load_from(&lab, NOW).expect("made");
    let elsewhere = Settings {
        lab: false,
        host_name: "sts.contoso.com".to_owned(),
        ..lab
    };
    assert!(matches!(
        Keys::load_from(&elsewhere, NOW),
        Err(KeyError::LabKeys { .. })
    ));
}

#[test]
fn messages_name_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = Keys::load_from(&settings(folder.path()), NOW).expect("made");
    let secret = fs::read_to_string(folder.path().join("service.key")).expect("the file");
    let secret = secret
        .lines()
        .nth(1)
        .and_then(|line| line.split_once(' '))
        .expect("a key")
        .1;
    assert!(!format!("{keys:?}").contains(secret));
}
