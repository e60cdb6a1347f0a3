//! The directory stops, hangs and comes back; the federation server goes on (spec security 5.4).

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use end_to_end::clock::LOOK_AGAIN;
use end_to_end::http::{Answer, Client};
use end_to_end::lab::Lab;
use end_to_end::passive::{credentials, request};
use end_to_end::relay::{Condition, Relay};
use end_to_end::separate::{Changes, Separate};
use end_to_end::token::Issued;
use url::Url;

/// Connect 5 s and operation 10 s (PWD-7), and room for a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(25);
/// How long the server may take to notice that the directory is back.
const RECOVERY_LIMIT: Duration = Duration::from_secs(60);

const PASSWORD: &str = "Pass@word1";

async fn post(client: &Client, asked: &Url, password: &str) -> Result<Answer> {
    client
        .post(asked, &credentials("alice@contoso.test", password))
        .await
}

/// The page of a service that cannot do its work now: 503, in words for people, with an id that the log knows.
fn is_unavailable(answer: &Answer, separate: &Separate) -> Result<()> {
    assert_eq!(answer.status, 503, "{}", answer.summary());
    assert!(
        answer
            .header("retry-after")
            .is_some_and(|value| value.parse::<u32>().is_ok())
    );
    let page = answer.page();
    assert!(
        page.has("errorArea")
            && page
                .text("errorMessage")
                .is_some_and(|text| text.len() > 20),
        "{}",
        answer.body
    );
    let id = page.activity_id().unwrap_or_default().to_owned();
    assert!(uuid::Uuid::try_parse(&id).is_ok(), "{id}");
    assert!(
        separate.is_logged(&id)?,
        "{id}
{}",
        separate.logs()?.tail()
    );
    assert!(
        !answer
            .cookies_set()
            .iter()
            .any(|name| name.starts_with("MSISAuth"))
    );
    for internal in ["ldap", "127.0.0.1", "refused", "timeout"] {
        assert!(
            !answer.body.to_ascii_lowercase().contains(internal),
            "{internal} is nobody's business: {}",
            answer.body
        );
    }
    Ok(())
}

async fn until_it_works(client: &Client, asked: &Url) -> Result<Answer> {
    let begin = Instant::now();
    loop {
        let answer = post(client, asked, PASSWORD).await?;
        match answer.status {
            302 => return Ok(answer),
            503 if begin.elapsed() < RECOVERY_LIMIT => tokio::time::sleep(LOOK_AGAIN).await,
            _ => bail!(
                "no sign-in after {:?} with the directory back: {}",
                begin.elapsed(),
                answer.summary()
            ),
        }
    }
}

#[tokio::test]
async fn a_stopped_directory_is_told_as_such_and_sign_in_works_again_when_it_is_back() -> Result<()>
{
    let lab = Lab::start()?;
    let mut relay = Relay::start(lab.ldaps_port()).await?;
    let mut separate = Separate::beside(
        &lab,
        Changes {
            ldaps_port: Some(relay.port()),
            ..Changes::default()
        },
    )?;
    separate.start_adfs()?;
    let process = separate.adfs()?.id();
    let client = separate.client()?;
    let asked = request(separate.inside(), &[])?;
    assert_eq!(post(&client, &asked, PASSWORD).await?.status, 302);

    relay.stop().await;
    let begin = Instant::now();
    for (who, password) in [
        ("right password", PASSWORD),
        ("wrong password", "Pass@word2"),
    ] {
        let answer = post(&separate.client()?, &asked, password).await?;
        is_unavailable(&answer, &separate).map_err(|error| error.context(who))?;
    }
    let unknown = separate
        .client()?
        .post(&asked, &credentials("nobody@contoso.test", PASSWORD))
        .await?;
    is_unavailable(&unknown, &separate)?;
    assert!(begin.elapsed() < ANSWER_LIMIT * 3, "{:?}", begin.elapsed());
    // What needs no directory goes on.
    assert_eq!(separate.client()?.get(&asked).await?.status, 200);
    assert_eq!(
        client
            .get(
                &separate
                    .inside()
                    .join("/FederationMetadata/2007-06/FederationMetadata.xml")?
            )
            .await?
            .status,
        200
    );

    relay.resume().await?;
    let back = separate.client()?;
    let answer = until_it_works(&back, &asked).await?;
    Issued::read(&back.follow(answer).await?)?;
    assert!(separate.adfs()?.is_running()?);
    assert_eq!(separate.adfs()?.id(), process);
    Ok(())
}

#[tokio::test]
async fn a_hanging_directory_costs_no_more_than_the_time_limit() -> Result<()> {
    let lab = Lab::start()?;
    let relay = Relay::start(lab.ldaps_port()).await?;
    let mut separate = Separate::beside(
        &lab,
        Changes {
            ldaps_port: Some(relay.port()),
            ..Changes::default()
        },
    )?;
    separate.start_adfs()?;
    let client = separate.client()?;
    let asked = request(separate.inside(), &[])?;
    assert_eq!(post(&client, &asked, PASSWORD).await?.status, 302);

    relay.set(Condition::Hanging);
    let begin = Instant::now();
    let fresh = separate.client()?;
    let hanging = post(&fresh, &asked, PASSWORD);
    let others = async {
        // Another endpoint is not held up meanwhile.
        let answer = separate.client()?.get(&asked).await?;
        Ok::<_, anyhow::Error>((answer.status, begin.elapsed()))
    };
    let (answer, others) = tokio::join!(hanging, others);
    let took = begin.elapsed();
    is_unavailable(&answer?, &separate)?;
    assert!(took < ANSWER_LIMIT, "{took:?}");
    let (status, answered_after) = others?;
    assert_eq!(status, 200);
    assert!(
        answered_after < took,
        "the form came after {answered_after:?}, the refusal after {took:?}"
    );

    relay.set(Condition::Working);
    until_it_works(&separate.client()?, &asked).await?;
    assert!(separate.adfs()?.is_running()?);
    Ok(())
}
