//! Accounts that may not sign in, names that try to be more than names, and what a guesser can learn
//! (spec passive-sign-in 5.8; security 2.7).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use end_to_end::fixtures;
use end_to_end::http::{Answer, Client};
use end_to_end::lab::Lab;
use end_to_end::passive::{attempt, credentials, request};
use end_to_end::relay::Relay;
use end_to_end::separate::{Changes, Separate};
use end_to_end::token::Issued;
use serde::Deserialize;
use url::Url;

const PASSWORD: &str = "Pass@word1";
const IMMUTABLE_ID: &str = "http://schemas.microsoft.com/LiveID/Federation/2008/05/ImmutableID";

/// Neither a redirect nor a session, and no fault of ours.
fn is_refused(answer: &Answer, who: &str) {
    assert_eq!(answer.status, 200, "{who}: {}", answer.summary());
    assert!(
        answer.page().has("loginForm"),
        "{who}: {}",
        answer.summary()
    );
    starts_no_session(answer, who);
}

/// What no keyboard can type may be refused as a malformed request, too.
fn is_refused_or_malformed(answer: &Answer, who: &str) {
    if answer.status != 400 {
        return is_refused(answer, who);
    }
    assert!(
        answer.page().has("errorArea"),
        "{who}: {}",
        answer.summary()
    );
    starts_no_session(answer, who);
}

fn starts_no_session(answer: &Answer, who: &str) {
    let set = answer.cookies_set();
    assert!(
        !set.iter().any(|name| name.starts_with("MSISAuth")),
        "{who}: {set:?}"
    );
}

/// The page without what differs for reasons of its own: ids, and the name that was typed.
fn normalized(answer: &Answer, name: &str) -> String {
    let mut text = answer
        .body
        .replace(name, "NAME")
        .replace(&name.replace('@', "%40"), "NAME");
    let ids: Vec<String> = text
        .split(|character: char| !character.is_ascii_hexdigit() && character != '-')
        .filter(|word| uuid::Uuid::try_parse(word).is_ok())
        .map(str::to_owned)
        .collect();
    for id in ids {
        text = text.replace(&id, "ID");
    }
    text
}

#[tokio::test]
async fn every_refused_account_sees_the_right_text_and_learns_nothing_else() -> Result<()> {
    let lab = Lab::start()?;
    let asked = request(lab.outside(), &[])?;

    let mut same = BTreeMap::new();
    for (who, name, password) in [
        ("wrong password", "alice@contoso.test", "Pass@word2"),
        ("unknown user", "nobody@contoso.test", PASSWORD),
        ("unknown domain", "alice@elsewhere.example", PASSWORD),
        ("disabled", "eve@contoso.test", PASSWORD),
        ("disabled, wrong password", "eve@contoso.test", "Pass@word2"),
        ("locked", "lou@contoso.test", PASSWORD),
        ("account expired", "xan@contoso.test", PASSWORD),
        (
            "must change, wrong password",
            "pat@contoso.test",
            "Pass@word2",
        ),
    ] {
        let answer = attempt(&lab.client()?, &asked, name, password).await?;
        is_refused(&answer, who);
        let text = answer
            .page()
            .text("errorText")
            .unwrap_or_default()
            .to_owned();
        assert!(
            text.starts_with("Incorrect user ID or password"),
            "{who}: {text}"
        );
        same.insert(normalized(&answer, name), who);
    }
    assert_eq!(
        same.len(),
        1,
        "these answers can be told apart: {:?}",
        same.values().collect::<Vec<_>>()
    );

    for (who, name) in [
        ("must change", "pat@contoso.test"),
        ("password expired", "olga@contoso.test"),
    ] {
        let answer = attempt(&lab.client()?, &asked, name, PASSWORD).await?;
        is_refused(&answer, who);
        let text = answer
            .page()
            .text("errorText")
            .unwrap_or_default()
            .to_owned();
        assert!(
            text.starts_with("Your password has expired"),
            "{who}: {text}"
        );
    }

    let long = "x".repeat(129);
    for (who, name, password, hint) in [
        ("empty password", "alice@contoso.test", "", "password"),
        ("white space", "alice@contoso.test", " \t ", "password"),
        ("too long", "alice@contoso.test", long.as_str(), "too long"),
        ("no name", "", PASSWORD, "domain\\user"),
        ("neither form of a name", "alice", PASSWORD, "domain\\user"),
    ] {
        let answer = attempt(&lab.client()?, &asked, name, password).await?;
        is_refused(&answer, who);
        let text = answer
            .page()
            .text("errorText")
            .unwrap_or_default()
            .to_owned();
        assert!(text.contains(hint), "{who}: {text}");
    }
    assert!(
        attempt(&lab.client()?, &asked, "alice@contoso.test", PASSWORD)
            .await?
            .status
            == 302,
        "the twin that works"
    );
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    case: Vec<Name>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
    /// sAMAccountName of the person who is signed in; nobody when absent.
    is: Option<String>,
    why: String,
}

#[tokio::test]
async fn names_are_names_and_never_anything_else() -> Result<()> {
    let lab = Lab::start()?;
    let names: Names =
        toml::from_str(include_str!("../../data/names.toml")).context("names.toml")?;
    let asked = request(lab.inside(), &[])?;
    for Name { name, is, why } in names.case {
        let client = lab.client()?;
        let answer = attempt(&client, &asked, &name, PASSWORD).await?;
        let Some(expected) = is else {
            is_refused_or_malformed(&answer, &format!("{name:?} ({why})"));
            continue;
        };
        assert_eq!(answer.status, 302, "{name:?} ({why}): {}", answer.summary());
        let issued = Issued::read(&client.follow(answer).await?)?;
        assert_eq!(
            issued.claim(IMMUTABLE_ID)?,
            [fixtures::immutable_id(&expected)?],
            "{name:?} ({why})"
        );
    }
    Ok(())
}

#[tokio::test]
async fn fields_that_come_twice_or_not_at_all_sign_nobody_in() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let asked = request(lab.inside(), &[])?;
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let whole = credentials("alice@contoso.test", PASSWORD);
    let mut twice = whole.clone();
    twice.push(field("UserName", "eve@contoso.test"));
    let mut two_passwords = whole.clone();
    two_passwords.insert(0, field("Password", "other"));
    let cases = [
        ("two names", twice),
        ("two passwords", two_passwords),
        (
            "no password",
            vec![
                field("UserName", "alice@contoso.test"),
                field("AuthMethod", "FormsAuthentication"),
            ],
        ),
        (
            "no name",
            vec![
                field("Password", PASSWORD),
                field("AuthMethod", "FormsAuthentication"),
            ],
        ),
        (
            "other method",
            vec![
                field("UserName", "alice@contoso.test"),
                field("Password", PASSWORD),
                field("AuthMethod", "NoAuthentication"),
            ],
        ),
    ];
    for (what, fields) in cases {
        let answer = client.post(&asked, &fields).await?;
        assert!(
            answer.status == 200 || (400..500).contains(&answer.status),
            "{what}: {}",
            answer.summary()
        );
        assert!(
            !answer
                .cookies_set()
                .iter()
                .any(|name| name.starts_with("MSISAuth")),
            "{what}"
        );
        assert!(!answer.body.contains("wresult"), "{what}");
    }
    assert_eq!(client.post(&asked, &whole).await?.status, 302);
    Ok(())
}

/// A federation server whose directory traffic goes through a relay.
async fn observed(lab: &Lab) -> Result<(Relay, Separate)> {
    let relay = Relay::start(lab.ldaps_port()).await?;
    let mut separate = Separate::beside(
        lab,
        Changes {
            ldaps_port: Some(relay.port()),
            ..Changes::default()
        },
    )?;
    separate.start_adfs()?;
    Ok((relay, separate))
}

async fn posted(client: &Client, asked: &Url, name: &str, password: &str) -> Result<Answer> {
    client.post(asked, &credentials(name, password)).await
}

#[tokio::test]
async fn an_empty_password_never_reaches_the_directory() -> Result<()> {
    let lab = Lab::start()?;
    let (relay, separate) = observed(&lab).await?;
    let client = separate.client()?;
    let asked = request(separate.inside(), &[])?;
    // Also makes the connections that the server keeps.
    assert_eq!(
        posted(&client, &asked, "alice@contoso.test", PASSWORD)
            .await?
            .status,
        302
    );

    let before = (relay.connections(), relay.records());
    for password in ["", " ", "\t \u{a0}\u{3000}", "\u{0}", "a\u{0}"] {
        let answer = posted(&client, &asked, "alice@contoso.test", password).await?;
        is_refused_or_malformed(&answer, &format!("{password:?}"));
    }
    assert_eq!(
        (relay.connections(), relay.records()),
        before,
        "something was asked of the directory"
    );

    is_refused(
        &posted(&client, &asked, "alice@contoso.test", "Pass@word2").await?,
        "wrong password",
    );
    assert!(
        relay.records() > before.1,
        "a wrong password is asked for, so the counter counts"
    );
    Ok(())
}

#[tokio::test]
async fn unknown_users_and_wrong_passwords_cost_the_same() -> Result<()> {
    const TRIES: usize = 15;
    const ROUNDS: usize = 4;
    let lab = Lab::start()?;
    let (relay, separate) = observed(&lab).await?;
    let client = separate.client()?;
    let asked = request(separate.inside(), &[])?;
    assert_eq!(
        posted(&client, &asked, "user1000@contoso.test", PASSWORD)
            .await?
            .status,
        302
    );

    let mut known = 0;
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
        let mut operations = (0, 0);
        for _ in 0..TRIES {
            known += 1;
            let before = relay.records();
            wrong.push(
                timed(
                    &client,
                    &asked,
                    &format!("user{known:04}@contoso.test"),
                    "Pass@word2",
                )
                .await?,
            );
            let between = relay.records();
            unknown.push(
                timed(
                    &client,
                    &asked,
                    &format!("nobody{known:04}@contoso.test"),
                    "Pass@word2",
                )
                .await?,
            );
            operations.0 += between - before;
            operations.1 += relay.records() - between;
        }
        assert_eq!(
            operations.0, operations.1,
            "requests to the directory for wrong passwords and for unknown users"
        );
        let ratio = median(wrong).as_secs_f64() / median(unknown).as_secs_f64();
        ratios.push(ratio);
        // A busy machine spoils a round, but not four in a row: a real difference of a bind is a factor, each time.
        if (0.5..2.0).contains(&ratio) {
            println!("median time of wrong passwords to unknown users: {ratio:.2}");
            return Ok(());
        }
    }
    panic!("wrong passwords and unknown users differ in time: {ratios:?}");
}

async fn timed(client: &Client, asked: &Url, name: &str, password: &str) -> Result<Duration> {
    let begin = Instant::now();
    let answer = posted(client, asked, name, password).await?;
    let took = begin.elapsed();
    is_refused(&answer, name);
    Ok(took)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
