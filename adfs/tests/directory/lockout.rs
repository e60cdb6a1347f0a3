//! Extranet lockout (spec security 2.8): how many guesses reach the directory, and who still signs in.

use std::sync::Arc;

use adfs::authentication::{Credentials, PasswordFailure, account_key, verify_password};
use adfs::claims::{NetworkLocation, RequestContext};
use adfs::clock::Clock;
use adfs::directory::{Reason, SignInRefusal};
use adfs::state::Federation;
use futures_util::future::join_all;
use tempfile::TempDir;
use time::Duration;
use time::macros::datetime;

use super::server::{Mood, Person, SERVICE_PASSWORD, Seen, Server};
use super::{folder, name, plain};

const RIGHT: &str = "Pass@word1";
const ENFORCE: &str =
    "extranet_lockout_mode = \"ADFSSmartLockoutEnforce\"\nextranet_lockout_threshold = 5";
const OFFICE: &str = "192.0.2.1";
const ELSEWHERE: &str = "203.0.113.9";

struct Service {
    federation: Arc<Federation>,
    server: Server,
    clock: Clock,
    _folder: TempDir,
}

impl Service {
    /// With `properties` in that section.
    async fn start(properties: &str) -> Service {
        let server = Server::start(vec![Person::new("alice"), Person::new("bob")]).await;
        let more = format!("allow_plain = true\n[properties]\n{properties}");
        let folder = folder(&[plain(&server)], &more, SERVICE_PASSWORD, b"");
        let clock = Clock::fixed(datetime!(2026-11-25 12:00 UTC));
        let path = folder.path().join("adfs.toml");
        let federation = Federation::open(&path, clock.clone())
            .await
            .expect("a service");
        Service {
            federation,
            server,
            clock,
            _folder: folder,
        }
    }

    async fn try_from(&self, address: &str, name: &str, password: &str) -> Answer {
        self.try_with(address, None, name, password).await
    }

    async fn try_with(
        &self,
        address: &str,
        forwarded: Option<&str>,
        name: &str,
        password: &str,
    ) -> Answer {
        let inside = address.starts_with("10.");
        let context = RequestContext {
            activity_id: uuid::Uuid::from_u128(7),
            network_location: if inside {
                NetworkLocation::Intranet
            } else {
                NetworkLocation::Extranet
            },
            client_ip: address.parse().expect("an address"),
            peer_ip: "127.0.0.1".parse().expect("an address"),
            endpoint_path: "/adfs/ls/".to_owned(),
            forwarded_client_ip: forwarded.map(str::to_owned),
            proxy: (!inside).then(|| "wap".to_owned()),
            user_agent: None,
            relying_party_id: None,
        };
        let credentials = Credentials::read(name, password).expect("credentials");
        match verify_password(&self.federation, &credentials, &context).await {
            Ok(_) => Answer::SignedIn,
            Err(PasswordFailure::Refused(SignInRefusal::Incorrect(Reason::ExtranetLockout))) => {
                Answer::LockedOut
            }
            Err(PasswordFailure::Refused(SignInRefusal::Incorrect(Reason::BannedAddress))) => {
                Answer::Banned
            }
            Err(PasswordFailure::Refused(SignInRefusal::Unavailable(_))) => Answer::Unavailable,
            Err(PasswordFailure::Refused(_)) => Answer::Wrong,
            Err(PasswordFailure::Uncounted(_)) => Answer::Uncounted,
        }
    }

    /// Binds with passwords that users typed, since the last call.
    fn guesses(&self) -> usize {
        let seen = self.server.operations();
        self.server.forget();
        let typed = |seen: &&Seen| match seen {
            Seen::UserBind { dn, .. } => dn.starts_with("CN=alice") || dn.starts_with("CN=bob"),
            _ => false,
        };
        seen.iter().filter(typed).count()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    SignedIn,
    Wrong,
    LockedOut,
    Banned,
    Unavailable,
    Uncounted,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_guesses_at_once_no_more_than_the_threshold_reach_the_directory() {
    let service = Service::start(ENFORCE).await;
    // The owner has signed in from the office before.
    assert_eq!(
        service.try_from(OFFICE, "alice@contoso.test", RIGHT).await,
        Answer::SignedIn
    );
    service.guesses();
    // All names of one account share a counter, and so do all addresses that are not familiar.
    let names = ["alice@contoso.test", "CONTOSO\\ALICE", "Alice@Contoso.test"];
    let attempts = (0..50).map(|number| {
        let service = &service;
        async move {
            let address = format!("203.0.113.{number}");
            let guess = format!("guess {number}");
            service.try_from(&address, names[number % 3], &guess).await
        }
    });
    let answers = join_all(attempts).await;
    let wrong = answers.iter().filter(|answer| **answer == Answer::Wrong);
    assert_eq!(wrong.count(), 5, "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Answer::Wrong | Answer::LockedOut)),
        "{answers:?}"
    );
    assert_eq!(service.guesses(), 5);

    // Neither does the right password help from there, while the owner signs in at the office and inside, and others
    // from anywhere.
    for (address, name, expected) in [
        (ELSEWHERE, "alice@contoso.test", Answer::LockedOut),
        (OFFICE, "alice@contoso.test", Answer::SignedIn),
        ("10.0.0.1", "alice@contoso.test", Answer::SignedIn),
        (ELSEWHERE, "bob@contoso.test", Answer::SignedIn),
        // What was right at the office opens nothing elsewhere.
        (ELSEWHERE, "alice@contoso.test", Answer::LockedOut),
    ] {
        assert_eq!(
            service.try_from(address, name, RIGHT).await,
            expected,
            "{address} {name}"
        );
    }
    // An address that a client claims besides makes the office less familiar, not another place familiar.
    for forwarded in ["203.0.113.9, 192.0.2.1", "192.0.2.1, 203.0.113.9", "?"] {
        let answer = service
            .try_with(OFFICE, Some(forwarded), "alice@contoso.test", RIGHT)
            .await;
        assert_eq!(answer, Answer::LockedOut, "{forwarded}");
    }
}

#[tokio::test]
async fn each_window_has_one_attempt_and_success_ends_the_lockout() {
    let service = Service::start(ENFORCE).await;
    let guess = async |password| {
        service
            .try_from(ELSEWHERE, "alice@contoso.test", password)
            .await
    };
    for _ in 0..5 {
        assert_eq!(guess("wrong").await, Answer::Wrong);
    }
    assert_eq!(guess(RIGHT).await, Answer::LockedOut);
    service.clock.advance(Duration::minutes(31));
    assert_eq!(guess("wrong").await, Answer::Wrong);
    assert_eq!(guess(RIGHT).await, Answer::LockedOut);
    service.clock.advance(Duration::minutes(31));
    assert_eq!(guess(RIGHT).await, Answer::SignedIn);
    // It begins anew, and the place is familiar now.
    assert_eq!(guess("wrong").await, Answer::Wrong);
    assert_eq!(guess(RIGHT).await, Answer::SignedIn);
}

#[tokio::test]
async fn a_directory_that_does_not_answer_costs_nobody_an_attempt() {
    let service = Service::start(ENFORCE).await;
    let name = name("alice@contoso.test");
    let candidate = service.federation.directory.candidate(&name).await;
    let key = account_key(candidate.expect("an answer").digest(), &name);
    service.server.set_mood(Mood::CloseOnBind);
    for _ in 0..8 {
        let answer = service
            .try_from(ELSEWHERE, "alice@contoso.test", RIGHT)
            .await;
        assert_eq!(answer, Answer::Unavailable);
    }
    let store = &service.federation.store;
    let activity = store.account_activity(&key).await.expect("an answer");
    assert_eq!(activity.map_or(0, |activity| activity.unknown.count), 0);
}

#[tokio::test]
async fn a_store_that_cannot_count_lets_nobody_guess_from_outside() {
    let service = Service::start(ENFORCE).await;
    service.federation.store.close().await;
    service.guesses();
    assert_eq!(
        service
            .try_from(ELSEWHERE, "alice@contoso.test", RIGHT)
            .await,
        Answer::Uncounted
    );
    assert_eq!(service.guesses(), 0);
    assert_eq!(
        service
            .try_from("10.0.0.1", "alice@contoso.test", RIGHT)
            .await,
        Answer::SignedIn
    );
}

#[tokio::test]
async fn the_modes_do_what_they_are_called() {
    const LOG_ONLY: &str =
        "extranet_lockout_mode = \"ADFSSmartLockoutLogOnly\"\nextranet_lockout_threshold = 2";
    const COUNTER: &str =
        "extranet_lockout_mode = \"ADPasswordCounter\"\nextranet_lockout_threshold = 2";
    const OFF: &str = "enable_extranet_lockout = false\nextranet_lockout_threshold = 2";
    const BANNED: &str = "banned_ip_list = [\"203.0.113.0/28\", \"2001:db8::1\"]";
    for (properties, expected) in [
        (LOG_ONLY, Answer::SignedIn),
        (COUNTER, Answer::LockedOut),
        (OFF, Answer::SignedIn),
        (BANNED, Answer::Banned),
        // A new installation tells for a week, and enforces from then on.
        ("extranet_lockout_threshold = 2", Answer::SignedIn),
    ] {
        let service = Service::start(properties).await;
        // Familiar, where there is such a thing.
        service
            .try_from(ELSEWHERE, "alice@contoso.test", RIGHT)
            .await;
        for _ in 0..3 {
            service
                .try_from(ELSEWHERE, "alice@contoso.test", "wrong")
                .await;
        }
        let answer = service
            .try_from(ELSEWHERE, "alice@contoso.test", RIGHT)
            .await;
        assert_eq!(answer, expected, "{properties}");
    }
    let service = Service::start("extranet_lockout_threshold = 2").await;
    service
        .try_from(ELSEWHERE, "bob@contoso.test", "wrong")
        .await;
    service.clock.advance(Duration::days(8));
    for _ in 0..3 {
        service
            .try_from(ELSEWHERE, "alice@contoso.test", "wrong")
            .await;
    }
    let answer = service
        .try_from(ELSEWHERE, "alice@contoso.test", RIGHT)
        .await;
    assert_eq!(answer, Answer::LockedOut);
}
