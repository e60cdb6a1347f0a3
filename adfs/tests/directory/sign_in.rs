//! Who may sign in, and how it is asked.

use std::time::Instant;

use adfs::directory::{DirectoryError, Reason, SignInRefusal};
use time::Duration;

use super::server::{HASHING, Mood, Person, Seen, Server};
use super::{NOW, directory_of, name, password};

const RIGHT: &str = "Pass@word1";

#[tokio::test]
async fn the_right_password_gives_the_account() {
    let server = Server::start(vec![Person::new("alice"), Person::new("bob")]).await;
    let directory = directory_of(&[&server]);
    for typed in [
        "alice@contoso.test",
        "Alice@CONTOSO.test",
        "CONTOSO\\alice",
        "contoso\\ALICE",
        "contoso.test\\alice",
    ] {
        let account = directory
            .authenticate(&name(typed), &password(RIGHT))
            .await
            .expect(typed);
        assert_eq!(account.dn(), "CN=alice,DC=contoso,DC=test");
        assert_eq!(account.upn(), Some("alice@contoso.test"));
        assert_eq!(account.windows_account_name(), "CONTOSO\\alice");
        assert_eq!(account.object_sid().as_deref(), Some("S-1-5-21-1101"));
        assert_eq!(account.primary_group_sid().as_deref(), Some("S-1-5-21-513"));
        assert_eq!(account.object_guid(), b"alice...........");
        assert_eq!(account.subject().directory(), "contoso");
    }
}

#[tokio::test]
async fn who_is_unknown_costs_what_a_wrong_password_costs() {
    let server = Server::start(vec![Person::new("alice")]).await;
    let directory = directory_of(&[&server]);
    for (typed, secret, reason) in [
        ("alice@contoso.test", "wrong", Reason::WrongPassword),
        ("nobody@contoso.test", "typed", Reason::UnknownUser),
        ("CONTOSO\\nobody", "typed", Reason::UnknownUser),
        ("ELSEWHERE\\alice", RIGHT, Reason::UnknownDomain),
        ("alice@elsewhere.test", RIGHT, Reason::UnknownDomain),
    ] {
        server.forget();
        let refusal = directory
            .authenticate(&name(typed), &password(secret))
            .await
            .expect_err(typed);
        assert_eq!(refusal, SignInRefusal::Incorrect(reason), "{typed}");
        let operations = server.operations();
        let [
            Seen::Search {
                size_limit: 2,
                attributes: 13,
                ..
            },
            Seen::UserBind { dn, password },
        ] = operations.as_slice()
        else {
            panic!("{operations:?} are not one search and one bind");
        };
        let is_known = reason == Reason::WrongPassword;
        assert_eq!(dn == "CN=alice,DC=contoso,DC=test", is_known, "{dn}");
        assert_eq!(
            password == secret,
            is_known,
            "what was typed goes to the account that it was typed for only"
        );
    }
}

#[tokio::test]
async fn who_is_unknown_waits_as_long_as_a_password_takes_to_be_checked() {
    let server = Server::start(vec![Person::new("alice")]).await;
    server.set_mood(Mood::Hash);
    let directory = directory_of(&[&server]);
    assert!(
        directory
            .authenticate(&name("alice@contoso.test"), &password(RIGHT))
            .await
            .is_ok()
    );
    for typed in [
        "nobody@contoso.test",
        "ELSEWHERE\\alice",
        "alice@contoso.test",
    ] {
        let start = Instant::now();
        let answer = directory
            .authenticate(&name(typed), &password("wrong"))
            .await;
        assert!(
            matches!(answer, Err(SignInRefusal::Incorrect(_))),
            "{answer:?}"
        );
        assert!(
            start.elapsed() >= HASHING * 5 / 4,
            "{typed} took {:?}",
            start.elapsed()
        );
    }
}

#[tokio::test]
async fn names_with_syntax_find_their_owner_or_nobody() {
    let odd = Person::new("o'brien").with("userPrincipalName", b"o'brien*)(|@contoso.test");
    let server = Server::start(vec![Person::new("alice"), odd]).await;
    let directory = directory_of(&[&server]);
    for (typed, found) in [
        ("o'brien*)(|@contoso.test", true),
        ("CONTOSO\\o'brien", true),
        ("*@contoso.test", false),
        ("al*@contoso.test", false),
        ("alice)(objectClass=*@contoso.test", false),
        ("CONTOSO\\*", false),
        ("CONTOSO\\alice)(cn=a", false),
        ("\\2a@contoso.test", false),
    ] {
        let Ok(typed) = adfs::directory::SignInName::parse(typed) else {
            continue;
        };
        let answer = directory.authenticate(&typed, &password(RIGHT)).await;
        assert_eq!(answer.is_ok(), found, "{typed}");
        assert!(
            found || matches!(answer, Err(SignInRefusal::Incorrect(Reason::UnknownUser))),
            "{typed}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_name_of_two_accounts_is_nobodys() {
    let twin = |user: &str| Person::new(user).with("userPrincipalName", b"same@contoso.test");
    let server = Server::start(vec![twin("a"), twin("b"), twin("c")]).await;
    let refusal = directory_of(&[&server])
        .authenticate(&name("same@contoso.test"), &password(RIGHT))
        .await;
    assert_eq!(
        refusal.err(),
        Some(SignInRefusal::Incorrect(Reason::Ambiguous))
    );
}

#[tokio::test]
async fn an_account_that_may_not_be_used_is_refused_by_bind_or_by_attribute() {
    let incorrect = SignInRefusal::Incorrect;
    let refused = |data| Person {
        refusal: Some(data),
        ..Person::new("a")
    };
    for (person, refusal) in [
        (refused("533"), incorrect(Reason::Disabled)),
        (refused("701"), incorrect(Reason::AccountExpired)),
        (refused("775"), incorrect(Reason::Locked)),
        (refused("530"), incorrect(Reason::LogonHours)),
        (refused("531"), incorrect(Reason::Workstation)),
        (
            refused("532"),
            SignInRefusal::MustChangePassword(Reason::PasswordExpired),
        ),
        (
            refused("773"),
            SignInRefusal::MustChangePassword(Reason::MustChangePassword),
        ),
        // These servers let the bind succeed.
        (
            Person::new("a").with("userAccountControl", b"514"),
            incorrect(Reason::Disabled),
        ),
        (
            Person::new("a").with("accountExpires", b"133485408000000000"),
            incorrect(Reason::AccountExpired),
        ),
        (
            Person::new("a").with("lockoutTime", b"133485408000000000"),
            incorrect(Reason::Locked),
        ),
        (
            Person::new("a").with("userAccountControl", b"none"),
            incorrect(Reason::Unreadable),
        ),
        (
            Person::new("a").with("pwdLastSet", b"0"),
            SignInRefusal::MustChangePassword(Reason::MustChangePassword),
        ),
    ] {
        let server = Server::start(vec![person]).await;
        let directory = directory_of(&[&server]);
        let answer = directory
            .authenticate(&name("a@contoso.test"), &password(RIGHT))
            .await;
        assert_eq!(answer.err(), Some(refusal));
        // With a wrong password nothing of this shows.
        let answer = directory
            .authenticate(&name("a@contoso.test"), &password("wrong"))
            .await;
        assert_eq!(answer.err(), Some(incorrect(Reason::WrongPassword)));
    }
}

#[tokio::test]
async fn an_entry_without_name_or_identity_signs_nobody_in() {
    let nameless = Person {
        dn: String::new(),
        ..Person::new("a")
    };
    let server = Server::start(vec![nameless]).await;
    let answer = directory_of(&[&server])
        .authenticate(&name("a@contoso.test"), &password(RIGHT))
        .await;
    assert!(
        matches!(answer, Err(SignInRefusal::Unavailable(_))),
        "{answer:?}"
    );
    assert!(
        !server
            .operations()
            .iter()
            .any(|seen| matches!(seen, Seen::UserBind { .. }))
    );

    let server = Server::start(vec![Person::new("a").with("objectGUID", b"")]).await;
    let answer = directory_of(&[&server])
        .authenticate(&name("a@contoso.test"), &password(RIGHT))
        .await;
    assert!(
        matches!(
            answer,
            Err(SignInRefusal::Unavailable(
                DirectoryError::NoIdentifier { .. }
            ))
        ),
        "{answer:?}"
    );
}

#[tokio::test]
async fn sessions_hold_as_long_as_the_account_and_its_password() {
    let server = Server::start(vec![Person::new("alice")]).await;
    let directory = directory_of(&[&server]);
    let account = directory
        .authenticate(&name("alice@contoso.test"), &password(RIGHT))
        .await
        .expect("alice");
    let subject = account.subject();
    let holds = async || {
        let state = directory.lookup(&subject).await.expect("an answer");
        state
            .holds_since(NOW - Duration::days(1))
            .map(|account| account.windows_account_name())
    };
    assert_eq!(holds().await.as_deref(), Some("CONTOSO\\alice"));
    let renamed = Person::new("alice").with("sAMAccountName", b"alicia");
    server.set_people(vec![Person {
        dn: "CN=alicia,DC=contoso,DC=test".to_owned(),
        ..renamed
    }]);
    assert_eq!(holds().await.as_deref(), Some("CONTOSO\\alicia"));
    for changed in [
        vec![Person::new("alice").with("userAccountControl", b"514")],
        vec![Person::new("alice").with("accountExpires", b"133485408000000000")],
        // 2025-12-31 12:00.
        vec![Person::new("alice").with("pwdLastSet", b"134116704000000000")],
        vec![Person::new("alice").with("pwdLastSet", b"0")],
        vec![Person::new("alice").with("pwdLastSet", b"soon")],
        vec![Person::new("alice").with("objectGUID", b"another")],
        vec![Person::new("alice"), Person::new("alice")],
        vec![],
    ] {
        server.set_people(changed.clone());
        assert_eq!(holds().await, None, "{changed:?}");
    }
}

#[tokio::test]
async fn claim_rules_get_what_they_ask_for() {
    let server = Server::start(vec![Person::new("alice"), Person::new("bob")]).await;
    let directory = directory_of(&[&server]);
    let attributes = ["displayname".to_owned(), "objectGUID".to_owned()];
    let entries = directory
        .query("CONTOSO\\alice", None, &attributes)
        .await
        .expect("an answer");
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].text("displayName"), Some("alice"));
    assert_eq!(
        entries[0].octets("objectguid"),
        [b"alice...........".to_vec()]
    );
    assert!(entries[0].octets("sAMAccountName").is_empty());

    let both = directory
        .query(
            "contoso\\x",
            Some("objectClass=user".to_owned()),
            &attributes,
        )
        .await;
    assert_eq!(both.expect("an answer").len(), 2);
    let none = directory
        .query(
            "CONTOSO\\alice",
            Some("(mail=a\\2a)".to_owned()),
            &attributes,
        )
        .await;
    assert_eq!(none.expect("an answer"), []);
    for (account, filter, attribute, error) in [
        (
            "ELSEWHERE\\alice",
            None,
            "mail",
            DirectoryError::UnknownDomain("ELSEWHERE\\alice".to_owned()),
        ),
        (
            "alice@contoso.test",
            None,
            "mail",
            DirectoryError::UnknownDomain("alice@contoso.test".to_owned()),
        ),
        (
            "CONTOSO\\alice",
            Some("(mail=a"),
            "mail",
            DirectoryError::Filter("(mail=a".to_owned()),
        ),
        (
            "CONTOSO\\alice",
            None,
            "*",
            DirectoryError::Attribute("*".to_owned()),
        ),
    ] {
        let answer = directory
            .query(account, filter.map(str::to_owned), &[attribute.to_owned()])
            .await;
        assert_eq!(answer, Err(error), "{account} {filter:?} {attribute}");
    }
    server.set_people(
        (0..1001)
            .map(|number| Person::new(&format!("user{number}")))
            .collect(),
    );
    let many = directory
        .query(
            "CONTOSO\\x",
            Some("objectClass=user".to_owned()),
            &attributes,
        )
        .await;
    assert_eq!(many, Err(DirectoryError::TooManyEntries { limit: 1000 }));
}

#[tokio::test]
async fn attribute_stores_are_asked_by_name_and_filter() {
    let server = Server::start(vec![Person::new("alice"), Person::new("bob")]).await;
    let directory = directory_of(&[&server]);
    let attributes = ["displayName".to_owned()];
    let search = async |name: &str, filter: &str| {
        directory.search(name, filter.to_owned(), &attributes).await
    };
    assert!(directory.has("contoso") && !directory.has("CONTOSO"));
    let found = search("contoso", "(sAMAccountName=bob)")
        .await
        .expect("an answer");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].text("displayName"), Some("bob"));
    let nobody = search("contoso", "(sAMAccountName=\\2a)").await;
    assert_eq!(nobody, Ok(Vec::new()));
    assert_eq!(
        search("partners", "(a=b)").await,
        Err(DirectoryError::UnknownDomain("partners".to_owned()))
    );
    assert_eq!(
        search("contoso", "(a=b").await,
        Err(DirectoryError::Filter("(a=b".to_owned()))
    );
}

#[tokio::test]
async fn groups_are_those_that_the_directory_computes() {
    let users = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x21, 2, 0, 0];
    let server = Server::start(vec![Person::new("alice").with("tokenGroups", &users)]).await;
    let directory = directory_of(&[&server]);
    let account = directory
        .authenticate(&name("alice@contoso.test"), &password(RIGHT))
        .await
        .expect("alice");
    assert_eq!(
        directory.group_sids(&account).await,
        Ok(vec!["S-1-5-32-545".to_owned()])
    );
}
