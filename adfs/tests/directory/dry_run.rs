//! Accounts that are found without a password.

use adfs::directory::{DirectoryError, Reason};

use super::server::{Person, Seen, Server};
use super::{directory_of, name};

#[tokio::test]
async fn an_account_is_found_with_the_rights_of_the_service_alone() {
    let server = Server::start(vec![Person::new("alice"), Person::new("bob")]).await;
    let directory = directory_of(&[&server]);
    for typed in ["alice@contoso.test", "CONTOSO\\alice"] {
        let found = directory
            .find(&name(typed))
            .await
            .expect("an answer")
            .expect("an account");
        assert_eq!(found.account().windows_account_name(), "CONTOSO\\alice");
        assert_eq!(found.refusal(), None);
    }
    let seen = server.operations();
    let user_bind = |seen: &Seen| matches!(seen, Seen::UserBind { .. });
    assert!(!seen.is_empty() && !seen.iter().any(user_bind), "{seen:?}");
}

#[tokio::test]
async fn who_could_not_sign_in_is_found_with_the_reason() {
    for (attribute, value, reason) in [
        ("userAccountControl", &b"514"[..], Reason::Disabled),
        ("pwdLastSet", b"0", Reason::MustChangePassword),
    ] {
        let server = Server::start(vec![Person::new("a").with(attribute, value)]).await;
        let found = directory_of(&[&server]).find(&name("a@contoso.test")).await;
        let found = found.expect("an answer").expect("an account");
        assert_eq!(found.refusal(), Some(reason));
    }
}

#[tokio::test]
async fn who_is_not_exactly_one_is_not_found() {
    let twin = |user: &str| Person::new(user).with("userPrincipalName", b"same@contoso.test");
    let server = Server::start(vec![twin("a"), twin("b")]).await;
    let directory = directory_of(&[&server]);
    for (typed, reason) in [
        ("nobody@contoso.test", Reason::UnknownUser),
        ("same@contoso.test", Reason::Ambiguous),
        ("ELSEWHERE\\a", Reason::UnknownDomain),
    ] {
        let found = directory.find(&name(typed)).await.expect("an answer");
        assert_eq!(found.err(), Some(reason), "{typed}");
    }
    server.stop().await;
    let answer = directory.find(&name("a@contoso.test")).await;
    assert!(
        matches!(answer, Err(DirectoryError::Unavailable { .. })),
        "{answer:?}"
    );
}
