//! Servers that are down, hang, break off, or talk nonsense.

use std::time::{Duration, Instant};

use adfs::clock::Clock;
use adfs::directory::{Directory, DirectoryError, Reason, SignInRefusal};
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::server::{Mood, Person, Protection, Seen, Server};
use super::{LIMIT, NOW, configuration, directory_of, name, open, password, plain};

const RIGHT: &str = "Pass@word1";

async fn sign_in(directory: &Directory) -> Result<String, SignInRefusal> {
    let answer = tokio::time::timeout(
        LIMIT,
        directory.authenticate(&name("alice@contoso.test"), &password(RIGHT)),
    )
    .await;
    answer
        .expect("an answer in time")
        .map(|account| account.windows_account_name())
}

fn is_unavailable(answer: &Result<String, SignInRefusal>) -> bool {
    matches!(answer, Err(SignInRefusal::Unavailable(_)))
}

/// Asks until the directory serves again.
async fn served_again(directory: &Directory) {
    let began = Instant::now();
    while let Err(refusal) = sign_in(directory).await {
        assert!(
            matches!(refusal, SignInRefusal::Unavailable(_)),
            "{refusal:?}"
        );
        assert!(began.elapsed() < LIMIT, "{refusal:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_directory_that_is_down_fails_fast_and_serves_again_by_itself() {
    let server = Server::start(vec![Person::new("alice")]).await;
    let address = server.address;
    let directory = directory_of(&[&server]);
    assert_eq!(sign_in(&directory).await.as_deref(), Ok("CONTOSO\\alice"));
    server.stop().await;
    assert!(is_unavailable(&sign_in(&directory).await));
    let recovering = DirectoryError::Recovering {
        directory: "contoso".to_owned(),
    };
    assert_eq!(
        sign_in(&directory).await,
        Err(SignInRefusal::Unavailable(recovering))
    );
    let _server = Server::start_on(address, Protection::None, vec![Person::new("alice")]).await;
    served_again(&directory).await;
}

#[tokio::test]
async fn a_restart_between_two_sign_ins_is_not_noticed() {
    let server = Server::start(vec![Person::new("alice")]).await;
    let address = server.address;
    let directory = directory_of(&[&server]);
    assert!(sign_in(&directory).await.is_ok());
    server.stop().await;
    let _server = Server::start_on(address, Protection::None, vec![Person::new("alice")]).await;
    assert_eq!(sign_in(&directory).await.as_deref(), Ok("CONTOSO\\alice"));
}

#[tokio::test]
async fn a_server_that_never_answers_costs_its_time_limit_once() {
    let server = Server::start(vec![Person::new("alice")]).await;
    let directory = directory_of(&[&server]);
    server.set_mood(Mood::HangOnSearch);
    let began = Instant::now();
    let timeout = DirectoryError::Timeout {
        directory: "contoso".to_owned(),
    };
    assert_eq!(
        sign_in(&directory).await,
        Err(SignInRefusal::Unavailable(timeout))
    );
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    let began = Instant::now();
    assert!(is_unavailable(&sign_in(&directory).await));
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
    server.set_mood(Mood::Serve);
    served_again(&directory).await;
}

#[tokio::test]
async fn a_server_that_takes_connections_and_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let silent = format!("ldap://{}", listener.local_addr().expect("an address"));
    let config = configuration(&[silent], "allow_plain = true");
    let directory = Directory::open(&config, Clock::fixed(NOW)).expect("a directory");
    let began = Instant::now();
    assert!(is_unavailable(&sign_in(&directory).await));
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn another_server_takes_over_and_the_first_is_used_again_later() {
    let first = Server::start(vec![Person::new("alice")]).await;
    let second = Server::start(vec![Person::new("alice")]).await;
    let directory = directory_of(&[&first, &second]);
    assert!(sign_in(&directory).await.is_ok());
    assert!(
        second.operations().is_empty(),
        "the first that answers is asked"
    );
    let address = first.address;
    first.stop().await;
    for _ in 0..20 {
        assert!(sign_in(&directory).await.is_ok());
    }
    let first = Server::start_on(address, Protection::None, vec![Person::new("alice")]).await;
    let began = Instant::now();
    while first.operations().is_empty() {
        assert!(sign_in(&directory).await.is_ok());
        assert!(
            began.elapsed() < LIMIT,
            "the first server is never used again"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_server_that_is_busy_or_breaks_off_is_passed_over() {
    let moods = [
        Mood::Busy,
        Mood::CloseOnSearch,
        Mood::CloseOnBind,
        Mood::Garbage,
        Mood::TooMany,
        Mood::HangOnSearch,
    ];
    join_all(moods.map(async |mood| {
        let first = Server::start(vec![Person::new("alice")]).await;
        let second = Server::start(vec![Person::new("alice")]).await;
        first.set_mood(mood);
        assert_eq!(
            sign_in(&directory_of(&[&first, &second])).await.as_deref(),
            Ok("CONTOSO\\alice"),
            "{mood:?}"
        );
        let alone = directory_of(&[&first]);
        let answer = sign_in(&alone).await;
        assert!(is_unavailable(&answer), "{mood:?}: {answer:?}");
        first.set_mood(Mood::Serve);
        served_again(&alone).await;
    }))
    .await;
}

#[tokio::test]
async fn referrals_are_not_followed() {
    let server = Server::start(vec![Person::new("alice")]).await;
    server.set_mood(Mood::Refer);
    let answer = sign_in(&directory_of(&[&server])).await;
    assert!(
        matches!(
            &answer,
            Err(SignInRefusal::Unavailable(DirectoryError::Refused { .. }))
        ),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_refused_service_account_is_reported_and_not_tried_with_every_sign_in() {
    let server = Server::start(vec![Person::new("alice")]).await;
    let directory =
        open(&[plain(&server)], "allow_plain = true", "wrong", b"").expect("a directory");
    let answer = sign_in(&directory).await;
    assert!(
        matches!(
            &answer,
            Err(SignInRefusal::Unavailable(
                DirectoryError::ServiceAccount { .. }
            ))
        ),
        "{answer:?}"
    );
    for _ in 0..10 {
        assert!(is_unavailable(&sign_in(&directory).await));
    }
    let binds = server
        .connections()
        .into_iter()
        .flatten()
        .filter(|seen| *seen == Seen::ServiceBind)
        .count();
    assert_eq!(
        binds, 1,
        "every further try brings the service account nearer to its lockout"
    );
}

#[tokio::test]
async fn searches_never_run_where_a_user_was_bound_and_connections_are_few() {
    let server = Server::start(vec![Person::new("alice")]).await;
    let config = configuration(&[plain(&server)], "allow_plain = true\npool_size = 2");
    let directory =
        std::sync::Arc::new(Directory::open(&config, Clock::fixed(NOW)).expect("a directory"));
    let mut sign_ins = JoinSet::new();
    for number in 0..60 {
        let directory = std::sync::Arc::clone(&directory);
        sign_ins.spawn(async move {
            let secret = if number % 3 == 0 { "wrong" } else { RIGHT };
            let answer = directory
                .authenticate(&name("alice@contoso.test"), &password(secret))
                .await;
            match answer {
                Ok(_) => assert_eq!(secret, RIGHT),
                Err(refusal) => {
                    assert_eq!(
                        (refusal, secret),
                        (SignInRefusal::Incorrect(Reason::WrongPassword), "wrong")
                    );
                }
            }
        });
    }
    while let Some(ended) = sign_ins.join_next().await {
        ended.expect("a sign-in that was judged rightly");
    }
    let connections = server.connections();
    assert!(connections.len() <= 4, "{} connections", connections.len());
    for connection in connections {
        let binds = connection
            .iter()
            .any(|seen| matches!(seen, Seen::UserBind { .. }));
        let searches = connection
            .iter()
            .any(|seen| matches!(seen, Seen::Search { .. }));
        assert!(!(binds && searches), "{connection:?}");
        assert!(
            !binds || !connection.contains(&Seen::ServiceBind),
            "{connection:?}"
        );
    }
}

#[tokio::test]
async fn whoever_goes_away_in_the_middle_spoils_no_connection() {
    let server = Server::start(vec![Person::new("alice")]).await;
    let directory = directory_of(&[&server]);
    for _ in 0..20 {
        let (name, password) = (name("alice@contoso.test"), password("wrong"));
        let asking = directory.authenticate(&name, &password);
        let _ = tokio::time::timeout(Duration::from_micros(300), asking).await;
        assert_eq!(sign_in(&directory).await.as_deref(), Ok("CONTOSO\\alice"));
    }
}

#[tokio::test]
async fn a_reload_keeps_what_did_not_change_and_takes_what_did() {
    let server = Server::start(vec![Person::new("alice")]).await;
    let config = configuration(&[plain(&server)], "allow_plain = true");
    let directory = Directory::open(&config, Clock::fixed(NOW)).expect("a directory");
    assert!(sign_in(&directory).await.is_ok());
    let before = server.connections().len();
    directory.reload(&config).expect("the same");
    assert!(sign_in(&directory).await.is_ok());
    assert_eq!(server.connections().len(), before);

    let other = Server::start(vec![Person::new("alice")]).await;
    directory
        .reload(&configuration(&[plain(&other)], "allow_plain = true"))
        .expect("another");
    server.stop().await;
    assert!(sign_in(&directory).await.is_ok());
    directory.reload(&[]).expect("none");
    assert_eq!(
        sign_in(&directory).await,
        Err(SignInRefusal::Unavailable(DirectoryError::NoDirectory))
    );
}
