#![forbid(unsafe_code)]
//! `make bench`: what a sign-in costs the federation server in CPU time, as a ratio to one RSA-2048 signature by the same
//! OpenSSL in the same run, and how long starting takes. docs/performance.md tells how to read it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::cost::{Yardstick, of_process, spread};
use end_to_end::http::Client;
use end_to_end::lab::Lab;
use end_to_end::passive::{credentials, request, sign_in};
use end_to_end::separate::{Changes, Separate};
use end_to_end::token::Issued;
use tokio::task::JoinSet;
use url::Url;

/// Rounds, each with its own yardstick, so that a machine that slows down in the middle does not bend the ratio.
const ROUNDS: usize = 7;
/// Connections that are used at once.
const CLIENTS: usize = 4;
const SILENT_REQUESTS: usize = 2_000;
const FORMS_SIGN_INS: usize = 400;
const SIGNATURES: u32 = 1_000;
const STARTS: usize = 7;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    eprintln!("bench: starting a lab");
    let lab = Lab::start()?;
    let first_start = lab.ready_after();
    let mut starts = Vec::new();
    eprintln!("bench: starting adfs {STARTS} times");
    let mut separate = Separate::beside(&lab, Changes::default())?;
    for _ in 0..STARTS {
        starts.push(separate.start_adfs()?.as_secs_f64() * 1000.0);
        separate.adfs()?.stop()?;
    }
    drop(separate);

    let yardstick = Yardstick::new()?;
    let mut measured = Measured::default();
    let asked = request(
        lab.inside(),
        &[("wctx", "estsredirect=2&estsrequest=rQIIAYWS")],
    )?;
    let session = session(&lab, &asked).await?;
    // Not counted: connections, caches and the directory's pool fill.
    silent(&lab, &asked, &session, SILENT_REQUESTS / 10).await?;
    forms(&lab, &asked, FORMS_SIGN_INS / 10).await?;
    for round in 1..=ROUNDS {
        eprintln!("bench: round {round} of {ROUNDS}");
        measured.round(&lab, &asked, &session, &yardstick).await?;
    }
    let again = lab.stop()?.start_again()?;
    measured.print()?;
    println!();
    println!("| start | min | median | max |");
    println!("| --- | ---: | ---: | ---: |");
    print_row(
        "`adfs` from exec to the first accepted connection, ms",
        &starts,
        0,
    )?;
    let ready = [again.ready_after(), first_start].map(|time| time.as_secs_f64() * 1000.0);
    println!(
        "| `lab up` to `lab ready`, ms: second start, first start with new keys | {:.0} | | {:.0} |",
        ready[0], ready[1]
    );
    Ok(())
}

#[derive(Default)]
struct Measured {
    signature: Vec<f64>,
    silent: Vec<f64>,
    silent_ratio: Vec<f64>,
    forms: Vec<f64>,
    forms_ratio: Vec<f64>,
}

impl Measured {
    async fn round(
        &mut self,
        lab: &Lab,
        asked: &Url,
        session: &str,
        yardstick: &Yardstick,
    ) -> Result<()> {
        let adfs = lab.contract().pids.adfs;
        let before = yardstick.signature(SIGNATURES)?;
        let begin = of_process(adfs)?;
        silent(lab, asked, session, SILENT_REQUESTS).await?;
        let between = of_process(adfs)?;
        forms(lab, asked, FORMS_SIGN_INS).await?;
        let end = of_process(adfs)?;
        let after = yardstick.signature(SIGNATURES)?;

        let signature = microseconds((before + after) / 2);
        let (silent, forms) = (
            each(between - begin, SILENT_REQUESTS),
            each(end - between, FORMS_SIGN_INS),
        );
        self.signature.push(signature);
        self.silent.push(silent);
        self.silent_ratio.push(silent / signature);
        self.forms.push(forms);
        self.forms_ratio.push(forms / signature);
        Ok(())
    }

    fn print(&self) -> Result<()> {
        println!("| CPU time, of {ROUNDS} rounds | min | median | max |");
        println!("| --- | ---: | ---: | ---: |");
        print_row("one RSA-2048 signature by OpenSSL, µs", &self.signature, 0)?;
        print_row("silent sign-in (session to token), µs", &self.silent, 0)?;
        print_row("silent sign-in / signature", &self.silent_ratio, 2)?;
        print_row(
            "forms sign-in (page, credentials, token), µs",
            &self.forms,
            0,
        )?;
        print_row("forms sign-in / signature", &self.forms_ratio, 2)
    }
}

fn print_row(name: &str, values: &[f64], digits: usize) -> Result<()> {
    let (min, median, max) = spread(values).context("nothing was measured")?;
    println!("| {name} | {min:.digits$} | {median:.digits$} | {max:.digits$} |");
    Ok(())
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn each(time: Duration, count: usize) -> f64 {
    microseconds(time) / u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// The cookie of a session.
async fn session(lab: &Lab, asked: &Url) -> Result<String> {
    let client = lab.client()?;
    sign_in(&client, asked, lab.contract().user("alice")?).await?;
    let cookies = client.cookies(asked);
    let session = cookies
        .split("; ")
        .filter(|pair| pair.starts_with("MSISAuth") && !pair.starts_with("MSISAuthenticated"));
    Ok(session.collect::<Vec<_>>().join("; "))
}

/// Requests with the session's cookie and no others, so that the count of tokens for one browser starts anew each time.
async fn silent(lab: &Lab, asked: &Url, session: &str, count: usize) -> Result<()> {
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let client = lab.client()?.with_header("Cookie", session)?;
        let asked = asked.clone();
        clients.spawn(async move {
            for _ in 0..count / CLIENTS {
                let answer = client.get(&asked).await?;
                ensure!(
                    answer.status == 200 && answer.body.contains("name=\"wresult\""),
                    "no token: {}",
                    answer.summary()
                );
            }
            Ok(())
        });
    }
    finished(clients).await
}

/// Whole sign-ins of the generated people: the page, the credentials, the token.
async fn forms(lab: &Lab, asked: &Url, count: usize) -> Result<()> {
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = lab.client()?;
        let asked = asked.clone();
        clients.spawn(async move {
            for turn in 0..count / CLIENTS {
                let name = format!(
                    "user{:04}@contoso.test",
                    1 + (number + turn * CLIENTS) % 1000
                );
                forget(&client, &asked);
                let page = client.get(&asked).await?;
                ensure!(
                    page.status == 200 && page.body.contains("loginForm"),
                    "no form: {}",
                    page.summary()
                );
                let answer = client
                    .post(&asked, &credentials(&name, "Pass@word1"))
                    .await?;
                ensure!(
                    answer.status == 302,
                    "{name} is not signed in: {}",
                    answer.summary()
                );
                Issued::read(&client.follow(answer).await?)?;
            }
            Ok(())
        });
    }
    finished(clients).await
}

fn forget(client: &Client, asked: &Url) {
    for pair in client
        .cookies(asked)
        .split("; ")
        .filter_map(|pair| pair.split_once('='))
    {
        client.set_cookie(
            asked,
            &format!("{}=; Path=/adfs; Max-Age=0; Secure", pair.0),
        );
    }
}

async fn finished(mut clients: JoinSet<Result<()>>) -> Result<()> {
    while let Some(outcome) = clients.join_next().await {
        outcome.context("a client stopped")??;
    }
    Ok(())
}
