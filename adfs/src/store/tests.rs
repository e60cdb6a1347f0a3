use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::*;

const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

async fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db")).await.unwrap();
    (folder, store)
}

async fn is_over(store: &Store, session: Uuid) -> Result<bool, StoreError> {
    store.is_over(session, &[1; 32], START).await
}

fn certificate(number: u8) -> NewProxyCertificate {
    NewProxyCertificate {
        der: vec![number; 10],
        sha256: [number; 32],
        sha1: [number; 20],
        public_key_sha256: [number; 32],
        name: format!("wap{number:02}"),
        not_before: START - Duration::HOUR,
        expires: START + Duration::days(15),
    }
}

#[tokio::test]
async fn what_was_written_survives_and_the_file_is_private() {
    let (folder, store) = store().await;
    let session = Uuid::from_u128(7);
    store.sign_out(session, START).await.unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            file.path()
        );
    }
    store.close().await;
    let again = Store::open(store.path()).await.unwrap();
    assert!(is_over(&again, session).await.unwrap());
}

#[tokio::test]
async fn rights_of_others_are_taken_away_from_a_store_that_was_open_to_them() {
    let (_folder, store) = store().await;
    store.close().await;
    std::fs::set_permissions(store.path(), std::fs::Permissions::from_mode(0o666)).unwrap();
    Store::open(store.path()).await.unwrap();
    assert_eq!(
        std::fs::metadata(store.path())
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("store.db");
    assert!(matches!(
        Store::open_existing(&missing).await,
        Err(StoreError::Absent { .. })
    ));
    assert!(!missing.exists());
    let no_folder = folder.path().join("absent").join("store.db");
    let error = Store::open(&no_folder).await.unwrap_err();
    assert!(error.to_string().contains("absent/store.db"), "{error}");
    let other = folder.path().join("other.db");
    std::fs::write(
        &other,
        "this is no database, and is long enough to be looked at by the engine".repeat(20),
    )
    .unwrap();
    assert!(matches!(
        Store::open(&other).await,
        Err(StoreError::Open { .. } | StoreError::Migrate { .. })
    ));
}

#[tokio::test]
async fn a_store_of_a_newer_program_is_refused() {
    let (_folder, store) = store().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', TRUE, x'00', 0)",
    )
    .execute(&store.writer)
    .await
    .unwrap();
    store.close().await;
    let error = Store::open(store.path()).await.unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");
}

#[tokio::test]
async fn sessions_are_signed_out_until_they_are_over() {
    let (_folder, store) = store().await;
    let [one, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
    assert!(!is_over(&store, one).await.unwrap());
    store
        .sign_out(one, START + Duration::hours(8))
        .await
        .unwrap();
    // A second sign-out with an earlier end must not shorten the first.
    store.sign_out(one, START).await.unwrap();
    assert!(is_over(&store, one).await.unwrap());
    assert!(!is_over(&store, other).await.unwrap());
    assert_eq!(store.prune(START + Duration::hours(8)).await.unwrap(), 0);
    assert!(is_over(&store, one).await.unwrap());
    assert_eq!(
        store
            .prune(START + Duration::hours(8) + Duration::seconds(2))
            .await
            .unwrap(),
        1
    );
    assert!(!is_over(&store, one).await.unwrap());
}

#[tokio::test]
async fn a_cutoff_ends_the_sessions_of_one_person_or_of_everybody_that_began_before_it() {
    let (_folder, store) = store().await;
    let other_node = Store::open_existing(store.path()).await.unwrap();
    let (alice, bob) = ([1; 32], [2; 32]);
    let (noon, later) = (START + Duration::hours(12), START + Duration::hours(13));
    let over = async |store: &Store, who: &[u8; 32], begun| {
        store.is_over(Uuid::from_u128(1), who, begun).await.unwrap()
    };
    store
        .revoke_sessions(SessionsOf::Subject(alice), noon)
        .await
        .unwrap();
    // An earlier one takes nothing back.
    store
        .revoke_sessions(SessionsOf::Subject(alice), START)
        .await
        .unwrap();
    for (who, begun, expected) in [
        (alice, noon - Duration::MINUTE, true),
        (alice, noon, true),
        (alice, noon + Duration::milliseconds(1), false),
        (bob, noon - Duration::MINUTE, false),
    ] {
        assert_eq!(over(&store, &who, begun).await, expected, "{begun}");
    }
    store
        .revoke_sessions(SessionsOf::Everybody, later)
        .await
        .unwrap();
    assert!(over(&store, &bob, noon).await);
    assert!(!over(&store, &bob, later + Duration::MINUTE).await);
    let started = std::time::Instant::now();
    while !(over(&other_node, &alice, START).await && over(&other_node, &bob, noon).await) {
        assert!(
            started.elapsed() < std::time::Duration::from_secs(5),
            "another node does not follow"
        );
        tokio::task::yield_now().await;
    }
    // They are kept as long as a session can live that they end.
    let week = crate::config::MAX_SESSION_LIFETIME;
    let almost = later + week - Duration::minutes(30);
    assert_eq!(store.prune(almost).await.unwrap(), 2);
    assert!(over(&store, &bob, noon).await);
    assert_eq!(store.prune(later + week * 2).await.unwrap(), 1);
}

#[tokio::test]
async fn a_closed_store_answers_with_errors_and_never_with_no() {
    let (_folder, store) = store().await;
    store.close().await;
    let closed = std::time::Instant::now();
    while let Ok(signed_out) = is_over(&store, Uuid::from_u128(1)).await {
        assert!(!signed_out);
        assert!(
            closed.elapsed() < std::time::Duration::from_secs(2),
            "an old copy answers for the store"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(store.sign_out(Uuid::from_u128(1), START).await.is_err());
    assert!(store.proxy_certificates().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_writers_at_once_lose_nothing() {
    let (_folder, store) = store().await;
    let mut tasks = JoinSet::new();
    for number in 0..50u128 {
        let store = store.clone();
        tasks.spawn(async move {
            let session = Uuid::from_u128(number);
            store.sign_out(session, START).await.unwrap();
            store
                .create_proxy_store_entry(&format!("key{number}"), "value")
                .await
                .unwrap();
            assert!(is_over(&store, session).await.unwrap());
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(store.proxy_store_entries().await.unwrap().len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_may_write_the_same_store() {
    let (_folder, store) = store().await;
    let other = Store::open_existing(store.path()).await.unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..40u128 {
        let store = if number % 2 == 0 {
            store.clone()
        } else {
            other.clone()
        };
        tasks.spawn(async move { store.sign_out(Uuid::from_u128(number), START).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    let all = async || {
        for number in 0..40u128 {
            if !is_over(&store, Uuid::from_u128(number)).await.unwrap() {
                return false;
            }
        }
        true
    };
    let written = std::time::Instant::now();
    while !all().await {
        assert!(
            written.elapsed() < std::time::Duration::from_secs(2),
            "sign-outs of another process are not seen"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_replacements_of_one_version_exactly_one_succeeds() {
    let (_folder, store) = store().await;
    store
        .create_proxy_store_entry("wap", "first")
        .await
        .unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let store = store.clone();
        tasks.spawn(async move {
            store
                .replace_proxy_store_entry("wap", 1, &format!("value {number}"))
                .await
                .unwrap()
        });
    }
    let mut outcomes = Vec::new();
    while let Some(outcome) = tasks.join_next().await {
        outcomes.push(outcome.unwrap());
    }
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Replaced::Done(2))
            .count(),
        1
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Replaced::OtherVersion)
            .count(),
        49
    );
    assert_eq!(
        store
            .proxy_store_entry("wap")
            .await
            .unwrap()
            .unwrap()
            .version,
        2
    );
}

#[tokio::test]
async fn entries_are_found_in_any_case_and_keep_the_first() {
    let (_folder, store) = store().await;
    assert_eq!(
        store
            .create_proxy_store_entry("Wap.Config", "v")
            .await
            .unwrap(),
        Created::Done
    );
    assert_eq!(
        store
            .create_proxy_store_entry("wap.config", "w")
            .await
            .unwrap(),
        Created::Exists
    );
    let entry = ProxyStoreEntry {
        key: "Wap.Config".to_owned(),
        version: 1,
        value: "v".to_owned(),
    };
    assert_eq!(
        store.proxy_store_entry("WAP.CONFIG").await.unwrap(),
        Some(entry)
    );
    assert_eq!(
        store
            .replace_proxy_store_entry("wap.CONFIG", 2, "x")
            .await
            .unwrap(),
        Replaced::OtherVersion
    );
    assert_eq!(
        store
            .replace_proxy_store_entry("wap.CONFIG", 1, "x")
            .await
            .unwrap(),
        Replaced::Done(2)
    );
    assert_eq!(
        store
            .replace_proxy_store_entry("other", 1, "x")
            .await
            .unwrap(),
        Replaced::Absent
    );
    assert!(store.remove_proxy_store_entry("wap.config").await.unwrap());
    assert!(!store.remove_proxy_store_entry("wap.config").await.unwrap());
    assert_eq!(store.proxy_store_entry("wap.config").await.unwrap(), None);
}

#[tokio::test]
async fn the_number_of_entries_is_bounded_and_a_long_list_leaves_values_out() {
    let (_folder, store) = store().await;
    let long = "v".repeat(256 * 1024);
    for number in 0..4 {
        store
            .create_proxy_store_entry(&format!("key{number}"), &long)
            .await
            .unwrap();
    }
    assert!(
        store
            .proxy_store_entries()
            .await
            .unwrap()
            .iter()
            .all(|entry| entry.value.is_some())
    );
    store.create_proxy_store_entry("key4", "v").await.unwrap();
    assert!(
        store
            .proxy_store_entries()
            .await
            .unwrap()
            .iter()
            .all(|entry| entry.value.is_none())
    );
    for number in 5..MAX_PROXY_STORE_ENTRIES {
        assert_eq!(
            store
                .create_proxy_store_entry(&format!("key{number}"), "v")
                .await
                .unwrap(),
            Created::Done
        );
    }
    assert_eq!(
        store
            .create_proxy_store_entry("one-too-many", "v")
            .await
            .unwrap(),
        Created::Full
    );
    assert_eq!(
        store.create_proxy_store_entry("key4", "v").await.unwrap(),
        Created::Exists
    );
}

#[tokio::test]
async fn publications_add_up_and_are_withdrawn_one_by_one() {
    let (_folder, store) = store().await;
    let party = Uuid::from_u128(1);
    let (inside, outside) = ("https://app.corp/", "https://app.contoso.test/");
    assert_eq!(
        store.published_settings(party).await.unwrap(),
        PublishedSettings::default()
    );
    assert_eq!(
        store
            .publish(party, outside, inside, outside)
            .await
            .unwrap(),
        Published::Done
    );
    assert_eq!(
        store
            .publish(party, outside, inside, outside)
            .await
            .unwrap(),
        Published::Exists
    );
    assert_eq!(
        store
            .publish(party, outside, "https://other.corp/", outside)
            .await
            .unwrap(),
        Published::Done
    );
    assert!(
        store
            .published_relying_parties()
            .await
            .unwrap()
            .contains(&party)
    );
    let settings = store.published_settings(party).await.unwrap();
    assert_eq!(
        (settings.trusted_endpoints.len(), settings.mappings.len()),
        (1, 2)
    );
    for (endpoint, external) in [
        ("https://x.test/", None),
        (outside, Some("https://x.test/")),
    ] {
        assert_eq!(
            store.withdraw(party, endpoint, external).await.unwrap(),
            Withdrawn::Absent
        );
        assert_eq!(
            store.published_settings(party).await.unwrap(),
            settings,
            "nothing is removed by halves"
        );
    }
    assert_eq!(
        store.withdraw(party, outside, Some(outside)).await.unwrap(),
        Withdrawn::Done
    );
    assert_eq!(
        store.published_settings(party).await.unwrap(),
        PublishedSettings::default()
    );
    assert!(store.published_relying_parties().await.unwrap().is_empty());
}

#[tokio::test]
async fn there_is_one_relying_party_of_the_proxies() {
    let (_folder, store) = store().await;
    assert_eq!(store.proxy_relying_party().await.unwrap(), None);
    assert!(
        store
            .set_proxy_relying_party("urn:AppProxy:com")
            .await
            .unwrap()
    );
    assert!(!store.set_proxy_relying_party("urn:other").await.unwrap());
    assert_eq!(
        store.proxy_relying_party().await.unwrap().as_deref(),
        Some("urn:AppProxy:com")
    );
    assert!(store.unset_proxy_relying_party().await.unwrap());
    assert!(!store.unset_proxy_relying_party().await.unwrap());
}

#[tokio::test]
async fn a_certificate_is_trusted_once_and_a_second_time_begins_a_new_life() {
    let (_folder, store) = store().await;
    let before = store.proxy_certificates_revision().await.unwrap();
    let first = store
        .establish_proxy_trust(&certificate(1), "admin", START)
        .await
        .unwrap();
    assert!(matches!(first, TrustChange::Done(_)));
    let later = NewProxyCertificate {
        expires: START + Duration::days(20),
        ..certificate(1)
    };
    assert_eq!(
        store
            .establish_proxy_trust(&later, "other", START + Duration::days(5))
            .await
            .unwrap(),
        first
    );
    let all = store.proxy_certificates().await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].expires, START + Duration::days(20));
    assert_eq!(all[0].trusted_by.as_deref(), Some("other"));
    assert_eq!(
        store.proxy_certificates_revision().await.unwrap(),
        before + 2
    );
}

#[tokio::test]
async fn a_renewed_certificate_belongs_to_its_proxy_and_falls_with_it() {
    let (_folder, store) = store().await;
    let TrustChange::Done(proxy) = store
        .establish_proxy_trust(&certificate(1), "admin", START)
        .await
        .unwrap()
    else {
        panic!("not trusted");
    };
    let now = START + Duration::days(5);
    assert_eq!(
        store
            .renew_proxy_trust(&[1; 32], &certificate(2), now)
            .await
            .unwrap(),
        TrustChange::Done(proxy)
    );
    assert_eq!(
        store
            .renew_proxy_trust(&[1; 32], &certificate(2), now)
            .await
            .unwrap(),
        TrustChange::Done(proxy)
    );
    let all = store.proxy_certificates().await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(
        all.iter()
            .all(|certificate| certificate.proxy == proxy && certificate.name == "wap01")
    );
    // Another proxy's key is refused on either way in.
    store
        .establish_proxy_trust(&certificate(3), "admin", now)
        .await
        .unwrap();
    let stolen = NewProxyCertificate {
        sha256: [9; 32],
        public_key_sha256: [3; 32],
        ..certificate(9)
    };
    assert_eq!(
        store
            .renew_proxy_trust(&[1; 32], &stolen, now)
            .await
            .unwrap(),
        TrustChange::KeyInUse
    );
    assert_eq!(
        store
            .establish_proxy_trust(&stolen, "admin", now)
            .await
            .unwrap(),
        TrustChange::KeyInUse
    );

    assert_eq!(store.revoke_proxies(&[proxy], now).await.unwrap(), 2);
    assert_eq!(
        store
            .renew_proxy_trust(&[2; 32], &certificate(4), now)
            .await
            .unwrap(),
        TrustChange::NotTrusted
    );
    assert_eq!(
        store
            .establish_proxy_trust(&certificate(1), "admin", now)
            .await
            .unwrap(),
        TrustChange::KeyInUse
    );
    assert_eq!(
        store
            .renew_proxy_trust(&[3; 32], &certificate(2), now)
            .await
            .unwrap(),
        TrustChange::KeyInUse
    );
    let trusted = store
        .proxy_certificates()
        .await
        .unwrap()
        .into_iter()
        .filter(|c| c.revoked.is_none());
    assert_eq!(trusted.map(|c| c.sha256).collect::<Vec<_>>(), [[3; 32]]);
}

#[tokio::test]
async fn expired_and_unknown_certificates_renew_nothing() {
    let (_folder, store) = store().await;
    store
        .establish_proxy_trust(&certificate(1), "admin", START)
        .await
        .unwrap();
    let end = certificate(1).expires;
    assert_eq!(
        store
            .renew_proxy_trust(&[1; 32], &certificate(2), end)
            .await
            .unwrap(),
        TrustChange::NotTrusted
    );
    assert_eq!(
        store
            .renew_proxy_trust(&[7; 32], &certificate(2), START)
            .await
            .unwrap(),
        TrustChange::NotTrusted
    );
    assert_eq!(store.proxy_certificates().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_proxy_cannot_collect_certificates_without_end() {
    let (_folder, store) = store().await;
    store
        .establish_proxy_trust(&certificate(1), "admin", START)
        .await
        .unwrap();
    for number in 2..=16 {
        let renewed = store
            .renew_proxy_trust(&[1; 32], &certificate(number), START)
            .await
            .unwrap();
        assert!(matches!(renewed, TrustChange::Done(_)), "{number}");
    }
    assert_eq!(
        store
            .renew_proxy_trust(&[1; 32], &certificate(17), START)
            .await
            .unwrap(),
        TrustChange::TooMany
    );
}

#[tokio::test]
async fn certificates_are_forgotten_a_month_after_their_end_and_not_before() {
    let (_folder, store) = store().await;
    store
        .establish_proxy_trust(&certificate(1), "admin", START)
        .await
        .unwrap();
    let revision = store.proxy_certificates_revision().await.unwrap();
    let end = certificate(1).expires;
    assert_eq!(store.prune(end + Duration::days(29)).await.unwrap(), 0);
    assert_eq!(store.proxy_certificates_revision().await.unwrap(), revision);
    assert_eq!(store.prune(end + Duration::days(30)).await.unwrap(), 1);
    assert!(store.proxy_certificates().await.unwrap().is_empty());
}
