//! Rollover as a whole: on disk, over time, with several processes and after crashes.

use std::fs;
use std::path::Path;

use openssl::hash::MessageDigest;
use time::macros::datetime;

use super::change::{Change, RolledOver, RolloverEvent};
use super::*;
use crate::config::CertificateRollover;

const BEGIN: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);
const SIGNING: CertificateType = CertificateType::TokenSigning;

/// `CertificateThresholdMultiplier` 1: every day of the properties is a minute.
const MINUTES: CertificateRollover = CertificateRollover {
    automatic: true,
    duration: Duration::minutes(365),
    generation_threshold: Duration::minutes(20),
    promotion_threshold: Duration::minutes(5),
    critical_threshold: Duration::minutes(2),
    interval: Duration::minutes(1),
};

fn open(folder: &Path) -> Keys {
    let settings = Settings {
        service_key: folder.join("service.key"),
        folder: folder.join("keys"),
        host_name: "sts.contoso.test".to_owned(),
        lab: false,
        duration: MINUTES.duration,
        pkcs11: None,
    };
    Keys::load_from(&settings, BEGIN).expect("keys")
}

fn at(minute: i64) -> OffsetDateTime {
    BEGIN + Duration::minutes(minute)
}

fn published(keys: &Keys) -> Vec<String> {
    let certificates = keys.signing_certificates();
    certificates
        .iter()
        .map(|one| one.thumbprint().to_owned())
        .collect()
}

fn signing_events(events: &[RolledOver]) -> Vec<RolloverEvent> {
    let signing = events.iter().filter(|event| event.role == SIGNING);
    signing.map(|event| event.event).collect()
}

#[test]
fn certificates_roll_over_by_the_time_line_and_tokens_verify_at_every_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = open(folder.path());
    // What a partner knows who reads our metadata only every four minutes.
    let mut known = published(&keys);
    let mut happened = Vec::new();
    for minute in 0..=720 {
        let events = keys
            .roll_over(&MINUTES, at(minute), &|_| false)
            .expect("rolled over");
        happened.extend(
            signing_events(&events)
                .into_iter()
                .map(|event| (minute, event)),
        );
        let signing = keys.token_signing();
        assert!(
            signing.certificate().not_after() > at(minute),
            "minute {minute}"
        );
        assert_eq!(
            published(&keys).first().map(String::as_str),
            Some(signing.certificate().thumbprint())
        );
        assert!(
            known.contains(&signing.certificate().thumbprint().to_owned()),
            "minute {minute}"
        );
        assert!(published(&keys).len() <= 2);
        if minute % 4 == 0 {
            known = published(&keys);
        }
    }
    use RolloverEvent::{Promoted, Published, Retired};
    assert_eq!(
        happened,
        [
            (345, Published),
            (350, Promoted { urgent: false }),
            (365, Retired),
            (690, Published),
            (695, Promoted { urgent: false }),
            (710, Retired),
        ]
    );
    let again = open(folder.path());
    assert_eq!(published(&again), published(&keys));
}

#[test]
fn a_late_rollover_is_urgent() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = open(folder.path());
    let events = keys
        .roll_over(&MINUTES, at(363), &|_| false)
        .expect("rolled over");
    assert_eq!(
        signing_events(&events),
        [
            RolloverEvent::Published,
            RolloverEvent::Promoted { urgent: true }
        ]
    );
    assert_eq!(published(&keys).len(), 2, "the one before stays published");
}

#[test]
fn nothing_happens_when_it_is_turned_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = open(folder.path());
    let manual = CertificateRollover {
        automatic: false,
        ..MINUTES
    };
    assert_eq!(
        keys.roll_over(&manual, at(400), &|_| false)
            .expect("looked"),
        []
    );
    assert_eq!(published(&keys).len(), 1);
}

#[test]
fn processes_on_one_folder_make_one_successor_and_follow_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = open(folder.path());
    let second = open(folder.path());
    let events = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            second
                .roll_over(&MINUTES, at(345), &|_| false)
                .expect("rolled over")
        });
        let mut events = first
            .roll_over(&MINUTES, at(345), &|_| false)
            .expect("rolled over");
        events.extend(other.join().expect("no panic"));
        events
    });
    assert_eq!(signing_events(&events), [RolloverEvent::Published]);
    assert_eq!(published(&first), published(&second));
    first
        .roll_over(&MINUTES, at(350), &|_| false)
        .expect("rolled over");
    assert_ne!(published(&first), published(&second));
    assert!(second.refresh(at(350)).expect("read"));
    assert_eq!(published(&first), published(&second));
    assert!(!second.refresh(at(350)).expect("read"), "nothing new");
}

#[test]
fn a_crash_at_any_moment_leaves_a_usable_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = open(folder.path());
    let key_folder = folder.path().join("keys");
    let list = set::path(&key_folder);
    keys.roll_over(&MINUTES, at(345), &|_| false)
        .expect("rolled over");
    let before = published(&keys);
    let before_text = fs::read_to_string(&list).expect("a list");
    keys.change(&Change::Announce(SIGNING), &MINUTES, at(346))
        .expect("there is one already");
    keys.change(&Change::Urgent(SIGNING), &MINUTES, at(346))
        .expect("rolled over");
    let newest = published(&keys).first().cloned().expect("a primary one");

    // Both files of the new pair are there, but the list is the old one; then the key alone; then half a list.
    fs::write(&list, &before_text).expect("written");
    let missing = |error: KeyError| matches!(error, KeyError::NoCertificate { .. });
    assert!(
        Keys::listed_in(&key_folder, &CertificateType::ALL).is_err_and(missing),
        "files go after the list only"
    );
    let listed = before_text.replace(&before[1], &newest);
    fs::write(&list, &listed).expect("written");
    fs::write(key_folder.join(".new-1"), "{\"version\"").expect("written");
    let after = open(folder.path());
    assert_eq!(published(&after), [before[0].clone(), newest.clone()]);

    let single = tempfile::tempdir().expect("a folder");
    let keys = open(single.path());
    keys.roll_over(&MINUTES, at(345), &|_| false)
        .expect("rolled over");
    let key_folder = single.path().join("keys");
    let second = published(&keys).get(1).cloned().expect("a secondary one");
    let first_list = "{\"version\":1,\"token_signing\":[{\"file\":\"token-signing\",\"published\":null}],\
        \"token_decrypting\":[{\"file\":\"token-decrypting\",\"published\":null}]}";
    for also_remove in [None, Some("pem"), Some("key")] {
        fs::write(set::path(&key_folder), first_list).expect("written");
        if let Some(extension) = also_remove {
            let file = key_folder.join(format!("token-signing-{second}.{extension}"));
            fs::remove_file(file).expect("removed");
        }
        let after = open(single.path());
        assert_eq!(published(&after).len(), 1);
        let events = after
            .roll_over(&MINUTES, at(346), &|_| false)
            .expect("rolled over");
        assert_eq!(signing_events(&events), [RolloverEvent::Published]);
    }
}

#[test]
fn twice_urgent_puts_a_known_key_out_of_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = open(folder.path());
    let stolen = published(&keys).first().cloned().expect("one");
    keys.change(&Change::Urgent(SIGNING), &MINUTES, at(1))
        .expect("rolled over");
    assert_eq!(published(&keys).get(1), Some(&stolen));
    keys.change(&Change::Urgent(SIGNING), &MINUTES, at(2))
        .expect("rolled over");
    assert!(!published(&keys).contains(&stolen));
    assert!(!folder.path().join("keys/token-signing.key").exists());
    assert_eq!(published(&open(folder.path())), published(&keys));
}

#[test]
fn certificates_from_elsewhere_are_added_made_primary_and_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = open(folder.path());
    let first = published(&keys).first().cloned().expect("one");
    let (key, x509) =
        certificate::make(SIGNING, "other.test", BEGIN, Duration::days(900)).expect("made");
    let (pem, key_pem) = (
        x509.to_pem().expect("PEM"),
        key.private_key_to_pem_pkcs8().expect("PEM"),
    );
    let change = |change: Change<'_>| keys.change(&change, &MINUTES, at(1));
    let add = |certificate, private_key| Change::Add {
        role: SIGNING,
        certificate,
        private_key,
        primary: false,
    };
    change(add(&pem, &key_pem)).expect("added");
    let added = published(&keys).get(1).cloned().expect("a secondary one");
    assert!(matches!(
        change(add(&pem, &key_pem)),
        Err(KeyError::Present { .. })
    ));
    let (other, _) = certificate::make(SIGNING, "x", BEGIN, Duration::days(9)).expect("made");
    let other = other.private_key_to_pem_pkcs8().expect("PEM");
    assert!(matches!(change(add(&pem, &other)), Err(KeyError::Given(_))));
    assert!(matches!(
        change(add(b"x", &other)),
        Err(KeyError::GivenCertificate(_))
    ));
    assert!(matches!(
        change(add(&pem, b"x")),
        Err(KeyError::GivenKey(_))
    ));
    assert!(matches!(
        change(Change::SetPrimary(SIGNING, "00")),
        Err(KeyError::Unknown { .. })
    ));

    change(Change::SetPrimary(SIGNING, &added.to_lowercase())).expect("primary");
    assert_eq!(published(&keys), [added.clone(), first.clone()]);
    assert!(matches!(
        change(Change::Remove(SIGNING, &added)),
        Err(KeyError::Primary { .. })
    ));
    change(Change::Remove(SIGNING, &first)).expect("removed");
    assert_eq!(published(&open(folder.path())), [added]);
}

#[test]
fn all_decrypting_keys_open_what_was_encrypted_to_them_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = open(folder.path());
    keys.roll_over(&MINUTES, at(345), &|_| false)
        .expect("rolled over");
    let both = keys.decrypting_keys();
    assert_eq!(both.len(), 2);
    let sha1 = MessageDigest::sha1();
    for key in &both {
        let public = key
            .certificate()
            .x509()
            .public_key()
            .expect("a key")
            .rsa()
            .expect("RSA");
        let mut wrapped = vec![0; 256];
        public
            .public_encrypt(b"secret", &mut wrapped, openssl::rsa::Padding::PKCS1_OAEP)
            .expect("encrypted");
        let opened: Vec<_> = both
            .iter()
            .filter_map(|key| {
                Some((
                    key.certificate().thumbprint().to_owned(),
                    key.unwrap_key(&wrapped, sha1, sha1).ok()?,
                ))
            })
            .collect();
        assert_eq!(opened.len(), 1);
        assert_eq!(opened[0].0, key.certificate().thumbprint());
        assert_eq!(opened[0].1.as_slice(), b"secret");
        assert!(
            key.unwrap_key(&wrapped, MessageDigest::sha256(), sha1)
                .is_err()
        );
        assert!(key.unwrap_key(b"short", sha1, sha1).is_err());
    }
}
