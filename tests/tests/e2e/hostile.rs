//! Requests that nobody honest sends (spec security 5.3): each is refused with 4xx and a page that tells its activity id,
//! leaves a line in a log, and changes nothing. The requests are data, below `tests/data/hostile/`.

use std::net::{Ipv4Addr, TcpStream};

use anyhow::{Context as _, Result, bail, ensure};
use end_to_end::form::Page;
use end_to_end::lab::Lab;
use end_to_end::passive::{ENTRA, request, sign_in};
use end_to_end::process::is_alive;
use end_to_end::raw::{self, RawAnswer};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::byte_serialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// `inside`, `outside`, `cloud`, `app`.
    to: Vec<String>,
    #[serde(default = "get")]
    method: String,
    target: String,
    /// `Name: value`.
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    /// In place of the server's own name.
    #[serde(default)]
    host: Option<String>,
    /// Any 4xx when empty.
    #[serde(default)]
    status: Vec<u16>,
    /// Whether HTTP itself is in order, so that the answer must be a page with an activity id.
    #[serde(default = "yes")]
    page: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Streams {
    case: Vec<Stream>,
}

/// Octets as they are; `HOST` is replaced.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stream {
    name: String,
    to: Vec<String>,
    octets: String,
    /// Where it may be brought into one form and answered as one request instead.
    #[serde(default)]
    normalized: Vec<String>,
}

/// Value of a header that only a proxy may set, as streams try to bring it in.
const SMUGGLED: &str = "smuggled-7c1e";

fn get() -> String {
    "GET".to_owned()
}

fn yes() -> bool {
    true
}

/// Replaces `{entra}`, `{repeat:TEXT:COUNT}` and `\xNN`.
fn expand(text: &str) -> Result<Vec<u8>> {
    let realm: String = byte_serialize(ENTRA.as_bytes()).collect();
    let mut rest = text.replace("{entra}", &format!("wa=wsignin1.0&wtrealm={realm}"));
    while let Some((before, after)) = rest.split_once("{repeat:") {
        let (inner, after) = after.split_once('}').context("{repeat: is not closed")?;
        let (what, count) = inner.rsplit_once(':').context("{repeat:TEXT:COUNT}")?;
        rest = format!("{before}{}{after}", what.repeat(count.parse()?));
    }
    let mut octets = Vec::new();
    let mut parts = rest.split("\\x");
    octets.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (digits, text) = part.split_at_checked(2).context("\\xNN")?;
        octets.push(u8::from_str_radix(digits, 16)?);
        octets.extend_from_slice(text.as_bytes());
    }
    Ok(octets)
}

fn place(lab: &Lab, name: &str) -> Result<Url> {
    let contract = lab.contract();
    Ok(match name {
        "inside" => contract.adfs_internal_url.clone(),
        "outside" => contract.adfs_url.clone(),
        "cloud" => contract.cloud_url.clone(),
        "app" => contract
            .published
            .first()
            .context("no published application")?
            .external_url
            .clone(),
        other => bail!("{other} is no place"),
    })
}

fn send(lab: &Lab, place: &Url, case: &Case) -> Result<RawAnswer> {
    let own = format!(
        "{}:{}",
        place.host_str().unwrap_or_default(),
        place.port().unwrap_or(443)
    );
    let mut octets = case.method.clone().into_bytes();
    octets.push(b' ');
    octets.extend(expand(&case.target)?);
    octets.extend(
        format!(
            " HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            case.host.as_deref().unwrap_or(&own)
        )
        .bytes(),
    );
    for header in &case.headers {
        octets.extend(expand(header)?);
        octets.extend(b"\r\n");
    }
    let body = case.body.as_deref().map(expand).transpose()?;
    let names_length = case.headers.iter().any(|header| {
        let header = header.to_ascii_lowercase();
        header.starts_with("content-length") || header.starts_with("transfer-encoding")
    });
    if let Some(body) = &body
        && !names_length
    {
        octets.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
    }
    octets.extend(b"\r\n");
    octets.extend(body.unwrap_or_default());
    raw::exchange(place, &lab.contract().ca_file, &octets)
}

/// What is wrong with the answer to one request; nothing when it is as it must be.
fn fault(lab: &Lab, place: &str, case: &Case, answer: &RawAnswer) -> Result<Option<String>> {
    let Some(status) = answer.status else {
        return Ok(case.page.then(|| "closed without an answer".to_owned()));
    };
    if !(400..500).contains(&status) || (!case.status.is_empty() && !case.status.contains(&status))
    {
        let start: String = answer.body.chars().take(300).collect();
        return Ok(Some(format!(
            "status {status}, not {:?}: {start}",
            case.status
        )));
    }
    if ["location", "set-cookie"]
        .iter()
        .any(|name| answer.header(name).is_some())
    {
        return Ok(Some(format!("an effect: {:?}", answer.headers)));
    }
    if !case.page || case.method == "HEAD" {
        return Ok(None);
    }
    let page = Page::read(&answer.body);
    let id = if place == "cloud" {
        page.text("correlationId")
    } else {
        page.activity_id()
    };
    let Some(id) = id.filter(|id| uuid::Uuid::try_parse(id).is_ok()) else {
        return Ok(Some(format!(
            "status {status} without an activity id on the page"
        )));
    };
    if place != "cloud" && !lab.is_logged(id)? {
        return Ok(Some(format!(
            "status {status}, but no line in any log has its activity id"
        )));
    }
    Ok(None)
}

/// After all of it, everything still runs and people still get in.
async fn everything_still_works(lab: &Lab) -> Result<()> {
    let pids = lab.contract().pids;
    for (name, id) in [("adfs", pids.adfs), ("wap", pids.wap), ("lab", pids.lab)] {
        ensure!(is_alive(id), "{name} is gone:\n{}", lab.logs()?.tail());
    }
    sign_in(
        &lab.client()?,
        &request(lab.outside(), &[])?,
        lab.contract().user("alice")?,
    )
    .await?;
    Ok(())
}

async fn refuses_all(table: &str) -> Result<()> {
    let lab = Lab::start()?;
    let cases: Cases = toml::from_str(table)?;
    let mut faults = Vec::new();
    for case in &cases.case {
        for name in &case.to {
            let answer = send(&lab, &place(&lab, name)?, case)
                .with_context(|| format!("{} to {name}", case.name));
            let found = answer.and_then(|answer| fault(&lab, name, case, &answer));
            match found {
                Ok(None) => {}
                Ok(Some(fault)) => faults.push(format!("{} to {name}: {fault}", case.name)),
                Err(error) => faults.push(format!("{error:#}")),
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {} requests:\n{}",
        faults.len(),
        cases.case.len(),
        faults.join("\n")
    );
    everything_still_works(&lab).await
}

#[tokio::test]
async fn hostile_requests_to_the_sign_in_endpoint_are_refused() -> Result<()> {
    refuses_all(include_str!("../../data/hostile/sign-in.toml")).await
}

#[tokio::test]
async fn hostile_requests_to_metadata_proxy_and_unknown_paths_are_refused() -> Result<()> {
    refuses_all(include_str!("../../data/hostile/paths.toml")).await
}

#[tokio::test]
async fn hostile_answers_to_the_cloud_are_refused() -> Result<()> {
    refuses_all(include_str!("../../data/hostile/login-srf.toml")).await
}

#[tokio::test]
async fn streams_that_two_programs_could_read_differently_are_not_read_at_all() -> Result<()> {
    let lab = Lab::start()?;
    let streams: Streams = toml::from_str(include_str!("../../data/hostile/streams.toml"))?;
    let mut faults = Vec::new();
    for stream in &streams.case {
        for name in &stream.to {
            let place = place(&lab, name)?;
            let host = format!(
                "{}:{}",
                place.host_str().unwrap_or_default(),
                place.port().unwrap_or(443)
            );
            let octets = expand(&stream.octets.replace("HOST", &host))?;
            let answer = match raw::exchange(&place, &lab.contract().ca_file, &octets) {
                Ok(answer) => answer,
                Err(error) => {
                    faults.push(format!("{} to {name}: {error:#}", stream.name));
                    continue;
                }
            };
            // Refused, cut off, or read in one way that nobody behind can read differently; never as two requests.
            let normalized = stream.normalized.contains(name)
                && answer.status == Some(200)
                && !answer.body.contains(SMUGGLED);
            let refused = answer
                .status
                .is_none_or(|status| (400..500).contains(&status));
            let refused = refused || normalized;
            if !refused || answer.answers > 1 {
                faults.push(format!(
                    "{} to {name}: {} answers, the first {:?}",
                    stream.name, answer.answers, answer.status
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    everything_still_works(&lab).await
}

#[tokio::test]
async fn connections_that_say_nothing_hold_nobody_up() -> Result<()> {
    const SILENT: usize = 60;
    let lab = Lab::start()?;
    let ports = [
        lab.outside().port(),
        lab.inside().port(),
        lab.contract().cloud_url.port(),
    ];
    let mut silent = Vec::new();
    for port in ports.into_iter().flatten() {
        for _ in 0..SILENT {
            silent.push(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
        }
    }
    everything_still_works(&lab).await?;
    drop(silent);
    everything_still_works(&lab).await
}
