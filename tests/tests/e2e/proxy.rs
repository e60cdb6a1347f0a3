//! What the proxy lets through, what it refuses, and what it survives (spec proxy-integration 4, 7 and 9.2).

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use end_to_end::clock::LOOK_AGAIN;
use end_to_end::http::Client;
use end_to_end::lab::Lab;
use end_to_end::passive::{request, sign_in};
use end_to_end::paths::program;
use end_to_end::separate::{Changes, Separate};
use end_to_end::token::Issued;
use serde_json::Value;
use url::Url;

const INSIDE: &str = "http://schemas.microsoft.com/ws/2012/01/insidecorporatenetwork";
const LIMIT: Duration = Duration::from_secs(60);

/// Headers with which a client outside may try to look as if it were inside, or somebody else.
const FORGED: [(&str, &str); 14] = [
    ("X-MS-Proxy", "wap9"),
    ("x-ms-proxy", ""),
    ("X-MS-Forwarded-Client-IP", "10.0.0.1"),
    ("X-MS-ADFS-Proxy-Client-IP", "10.0.0.1"),
    (
        "X-MS-Endpoint-Absolute-Path",
        "/adfs/services/trust/2005/windowstransport",
    ),
    ("X-MS-Target-Role", "PrimaryComputer"),
    ("X-MS-ProxyAuth-Token", "eyJhbGciOiJub25lIn0.e30."),
    ("X_MS_Proxy", "wap9"),
    ("X-Forwarded-For", "10.0.0.1"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "http"),
    ("X-Original-URL", "/adfs/proxy/GetConfiguration"),
    ("X-Rewrite-URL", "/adfs/proxy/GetConfiguration"),
    ("Forwarded", "for=10.0.0.1;host=evil.example"),
];

async fn inside_claim(client: &Client, service: &Url, lab: &Lab) -> Result<Vec<String>> {
    sign_in(
        client,
        &request(service, &[])?,
        lab.contract().user("alice")?,
    )
    .await?
    .claim(INSIDE)
}

#[tokio::test]
async fn no_header_of_a_client_makes_it_come_from_inside() -> Result<()> {
    let lab = Lab::start()?;
    assert_eq!(
        inside_claim(&lab.client()?, lab.inside(), &lab).await?,
        ["true"]
    );
    assert_eq!(
        inside_claim(&lab.client()?, lab.outside(), &lab).await?,
        ["false"]
    );
    let mut all = lab.client()?;
    for (name, value) in FORGED {
        let client = lab.client()?.with_header(name, value)?;
        match sign_in(
            &client,
            &request(lab.outside(), &[])?,
            lab.contract().user("alice")?,
        )
        .await
        {
            Ok(issued) => assert_eq!(issued.claim(INSIDE)?, ["false"], "{name}: {value}"),
            // A name with an underscore may be refused as a whole instead.
            Err(_) if name.contains('_') => {}
            Err(error) => return Err(error.context(format!("{name}: {value}"))),
        }
        if !name.contains('_') {
            all = all.with_header(name, value)?;
        }
    }
    assert_eq!(
        inside_claim(&all, lab.outside(), &lab).await?,
        ["false"],
        "all of them together"
    );
    // From inside, the proxy's header alone can only make things stricter.
    let modest = lab.client()?.with_header("X-MS-Proxy", "wap")?;
    assert_eq!(inside_claim(&modest, lab.inside(), &lab).await?, ["false"]);
    Ok(())
}

/// What an application behind the proxy received.
async fn received(client: &Client, url: &Url) -> Result<Value> {
    let answer = client.get(url).await?;
    assert_eq!(answer.status, 200, "{}", answer.summary());
    assert_eq!(
        answer.set_cookie_lines().count(),
        0,
        "the proxy adds no cookie to a pass-through application"
    );
    serde_json::from_str(&answer.body).with_context(|| answer.summary())
}

fn header<'a>(received: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = received["headers"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    headers
        .iter()
        .filter(|pair| pair[0].as_str() == Some(name))
        .filter_map(|pair| pair[1].as_str())
        .collect()
}

#[tokio::test]
async fn published_applications_get_what_was_sent_and_nothing_that_was_forged() -> Result<()> {
    let lab = Lab::start()?;
    for application in &lab.contract().published {
        assert_eq!(application.preauthentication, "PassThrough");
        let mut client = lab.client()?.with_header("Authorization", "Bearer ")?;
        client = client
            .with_header("MS-ASProtocolVersion", "16.1")?
            .with_header("X-MS-PolicyKey", "42")?;
        for (name, value) in FORGED.into_iter().filter(|(name, _)| !name.contains('_')) {
            client = client.with_header(name, value)?;
        }
        let url = application
            .external_url
            .join("a%20b/c?x=1&y=%2f+&z=dGVzdA==")?;
        let received = received(&client, &url).await?;
        let host = format!(
            "{}:{}",
            url.host_str().unwrap_or_default(),
            url.port().unwrap_or_default()
        );
        assert_eq!(received["host"], Value::from(host), "{}", application.name);
        assert_eq!(
            received["target"], "/a%20b/c?x=1&y=%2f+&z=dGVzdA==",
            "{}",
            application.name
        );
        // hyper and reqwest trim the end of a value, as RFC 9110 5.5 demands of every recipient.
        assert_eq!(
            header(&received, "authorization"),
            ["Bearer"],
            "{}",
            application.name
        );
        assert_eq!(header(&received, "ms-asprotocolversion"), ["16.1"]);
        assert_eq!(header(&received, "x-ms-policykey"), ["42"]);
        for gone in [
            "x-ms-proxy",
            "x-ms-target-role",
            "x-ms-proxyauth-token",
            "x-original-url",
            "x-rewrite-url",
        ] {
            assert!(
                !header(&received, gone).iter().any(|value| FORGED
                    .iter()
                    .any(|(_, forged)| !forged.is_empty() && forged == value)),
                "{gone}: {received}"
            );
        }
        let forwarded = header(&received, "x-forwarded-for");
        assert!(
            forwarded
                .last()
                .is_some_and(|value| value.ends_with("127.0.0.1")),
            "the true address comes last: {forwarded:?}"
        );
    }
    Ok(())
}

fn wap(lab: &Lab, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(program("wap")?);
    command
        .args(arguments)
        .arg("--config")
        .arg(&lab.contract().config.wap)
        .env_remove("RUST_LOG");
    command.output().context("wap cannot be run")
}

#[tokio::test]
async fn the_commands_tell_what_is_published_and_whether_the_trust_holds() -> Result<()> {
    let lab = Lab::start()?;
    let listed = wap(&lab, &["list", "--output", "json"])?;
    assert!(
        listed.status.success(),
        "{}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let listed: Value = serde_json::from_slice(&listed.stdout)?;
    let mut names: Vec<&str> = listed
        .as_array()
        .context("no list")?
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    let mut expected: Vec<&str> = lab
        .contract()
        .published
        .iter()
        .map(|application| application.name.as_str())
        .collect();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);

    let table = wap(&lab, &["list"])?;
    let text = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(expected.iter().all(|name| text.contains(name)), "{text}");
    let status = wap(&lab, &["status"])?;
    assert!(
        status.status.success(),
        "{}{}",
        String::from_utf8_lossy(&status.stdout),
        String::from_utf8_lossy(&status.stderr)
    );
    assert!(!status.stdout.is_empty());
    assert_eq!(
        wap(&lab, &["nonsense"])?.status.code(),
        Some(2),
        "wrong usage"
    );
    Ok(())
}

#[tokio::test]
async fn a_restart_of_the_federation_server_needs_none_of_the_proxy() -> Result<()> {
    let lab = Lab::start()?;
    let mut separate = Separate::beside(&lab, Changes::default())?;
    separate.start_adfs()?;
    separate.start_wap()?;
    let asked = request(separate.outside(), &[])?;
    let user = lab.contract().user("alice")?;
    let client = separate.client()?;
    until_served(&client, &asked).await?;
    assert_eq!(
        sign_in(&client, &asked, user).await?.claim(INSIDE)?,
        ["false"]
    );
    let proxy = separate.wap()?.id();

    separate.adfs()?.stop()?;
    let down = separate.client()?.get(&asked).await?;
    assert!(matches!(down.status, 502..=504), "{}", down.summary());
    assert!(down.page().activity_id().is_some(), "{}", down.body);

    separate.start_adfs()?;
    until_served(&separate.client()?, &asked).await?;
    assert_eq!(
        sign_in(&separate.client()?, &asked, user)
            .await?
            .claim(INSIDE)?,
        ["false"],
        "the trust holds"
    );
    // The session of before is sealed under keys that survived.
    Issued::read(&client.get(&asked).await?).context("the session of before")?;
    assert!(separate.wap()?.is_running()?);
    assert_eq!(separate.wap()?.id(), proxy);
    Ok(())
}

#[tokio::test]
async fn a_restart_of_the_proxy_needs_no_credentials_and_no_federation_server() -> Result<()> {
    let lab = Lab::start()?;
    let mut separate = Separate::beside(&lab, Changes::default())?;
    separate.start_adfs()?;
    separate.start_wap()?;
    let asked = request(separate.outside(), &[])?;
    until_served(&separate.client()?, &asked).await?;
    separate.wap()?.stop()?;
    separate.adfs()?.stop()?;

    separate.start_wap()?;
    let down = separate.client()?.get(&asked).await?;
    assert!(
        matches!(down.status, 502..=504),
        "the last known configuration is in force: {}",
        down.summary()
    );
    separate.start_adfs()?;
    until_served(&separate.client()?, &asked).await?;
    sign_in(&separate.client()?, &asked, lab.contract().user("alice")?).await?;
    Ok(())
}

async fn until_served(client: &Client, asked: &Url) -> Result<()> {
    let begin = Instant::now();
    loop {
        let answer = client.get(asked).await?;
        match answer.status {
            200 => return Ok(()),
            500..=599 if begin.elapsed() < LIMIT => tokio::time::sleep(LOOK_AGAIN).await,
            _ => bail!(
                "the proxy does not serve after {:?}: {}",
                begin.elapsed(),
                answer.summary()
            ),
        }
    }
}
