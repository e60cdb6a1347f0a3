//! The shipped program, as an administrator uses it.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};

use crate::support::{
    APP, Backend, Browser, PASSWORD, STS, Stage, answer_text, application, eventually,
};

fn wap(config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wap"));
    command
        .args(arguments)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
        .env_remove("WAP_TRUST_PASSWORD")
        .env_remove("WAP_CONFIG");
    command
}

async fn run(config: &Path, arguments: &[&str]) -> Output {
    wap(config, arguments).output().await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A proxy that logs JSON, its port, and the rest and the start of its log.
async fn serve(config: &Path) -> (Child, u16, BufReader<ChildStderr>, String) {
    let mut serving = wap(config, &["serve"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(serving.stderr.take().unwrap());
    let mut log = String::new();
    loop {
        let mut line = String::new();
        assert_ne!(reader.read_line(&mut line).await.unwrap(), 0, "{log}");
        log.push_str(&line);
        if let Some((_, rest)) = line.split_once("\"outside_port\":") {
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap();
            return (serving, digits.parse().unwrap(), reader, log);
        }
    }
}

async fn send(serving: &Child, signal: &str) {
    let pid = serving.id().unwrap().to_string();
    let kill = Command::new("kill").args(["-s", signal, &pid]).status();
    assert!(kill.await.unwrap().success());
}

#[tokio::test]
async fn from_installation_to_a_stop() {
    let stage = Stage::new().await;
    let backend = Backend::start().await;
    stage.configuration_with("[log]\nformat = \"json\"\nfilter = \"trace\"");
    let config = stage.folder.path().join("wap.toml");
    let file = stage.folder.path().join("password");

    let early = run(&config, &["serve"]).await;
    assert_eq!(early.status.code(), Some(1));
    assert!(
        text(&early.stderr).contains("run `wap install` first"),
        "{early:?}"
    );

    std::fs::write(&file, "wrong\n").unwrap();
    let install = [
        "install",
        "--username",
        "CONTOSO\\admin",
        "--password-file",
        file.to_str().unwrap(),
    ];
    let refused = run(&config, &install).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("refused the credentials"),
        "{refused:?}"
    );

    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let installed = run(&config, &install).await;
    assert!(installed.status.success(), "{installed:?}");
    assert!(
        text(&installed.stdout).contains("now trusts this proxy; it lists 3 endpoints"),
        "{installed:?}"
    );
    assert!(!text(&installed.stderr).contains(PASSWORD), "{installed:?}");
    let status = run(&config, &["status", "--output", "json"]).await;
    assert!(
        status.status.success() && text(&status.stdout).contains("accepted"),
        "{status:?}"
    );

    let (mut serving, port, mut lines, log) = serve(&config).await;
    let rest = tokio::spawn(async move {
        let mut log = log;
        lines.read_to_string(&mut log).await.unwrap();
        log
    });

    let (external, internal) = (
        format!("https://{APP}:{port}/"),
        format!("http://127.0.0.1:{}/", backend.port),
    );
    let publish = [
        "publish",
        "--name",
        "App",
        "--external-url",
        &external,
        "--backend-url",
        &internal,
    ];
    let published = run(&config, &publish).await;
    assert!(published.status.success(), "{published:?}");
    let browser = Browser::new(&stage.pki, port);
    eventually("publishing", async || {
        browser.get(APP, "/").await.status() == 200
    })
    .await;
    let list = run(&config, &["list", "--output", "json"]).await;
    assert!(text(&list.stdout).contains(&external), "{list:?}");
    let other = [
        "publish",
        "--name",
        "B",
        "--external-url",
        &external,
        "--backend-url",
        &internal,
        "--preauthentication",
        "ADFS",
    ];
    let refused = run(&config, &other).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("preauthentication ADFS is not there yet"),
        "{refused:?}"
    );

    let secret = Request::post("/adfs/ls?code=canary-query")
        .header("cookie", "MSISAuth=canary-cookie")
        .header("authorization", "Bearer canary-bearer")
        .body(Full::new(Bytes::from("password=canary-body")))
        .unwrap();
    assert_eq!(
        answer_text(browser.send(STS, secret).await).await,
        "federation"
    );

    send(&serving, "TERM").await;
    assert!(
        serving.wait().await.unwrap().success(),
        "SIGTERM is an ordinary end"
    );
    let log = rest.await.unwrap();
    assert!(!log.contains("canary"), "a secret is in the log");
    assert!(!log.contains("PRIVATE KEY"));
    let access = log
        .lines()
        .find(|line| line.contains("\"path\":\"/adfs/ls\""))
        .unwrap();
    for part in [
        "\"status\":200",
        "\"method\":\"POST\"",
        "\"route\":\"service\"",
        "\"bytes\":10",
        "\"activity_id\":\"",
    ] {
        assert!(access.contains(part), "{part}: {access}");
    }
}

#[tokio::test]
async fn a_proxy_whose_log_nobody_reads_goes_on_and_stops() {
    let stage = Stage::new().await;
    stage.install().await;
    stage.configuration_with("[log]\nformat = \"json\"");
    let (mut serving, port, reader, _) = serve(&stage.folder.path().join("wap.toml")).await;
    drop(reader);
    let browser = Browser::new(&stage.pki, port);
    eventually("the configuration", async || {
        browser.get(STS, "/adfs/ls/").await.status() == 200
    })
    .await;
    send(&serving, "TERM").await;
    let ended = tokio::time::timeout(Duration::from_secs(20), serving.wait()).await;
    assert!(ended.expect("it does not stop").unwrap().success());
}

#[tokio::test]
async fn a_hangup_signal_refreshes_certificates_and_applications() {
    let stage = Stage::new().await;
    let backend = Backend::start().await;
    stage.install().await;
    stage.configuration_with("[log]\nformat = \"json\"");
    let config = stage.folder.path().join("wap.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let slow = text.replace("poll_interval = 1", "poll_interval = 3600");
    assert_ne!(text, slow);
    std::fs::write(&config, slow).unwrap();
    let (mut serving, port, _log, _) = serve(&config).await;
    let browser = Browser::new(&stage.pki, port);
    eventually("the first poll", async || stage.adfs.store_reads() > 0).await;
    let presented = async || {
        let stream = browser.connect(APP, b"").await.unwrap();
        stream.ssl().peer_certificate().unwrap().to_der().unwrap()
    };
    let before = presented().await;

    stage.pki.issue("edge", &[STS, APP]);
    let external = format!("https://{APP}:{port}/");
    let internal = format!("http://127.0.0.1:{}/", backend.port);
    stage.publish(vec![application("App", &external, &internal)]);
    send(&serving, "HUP").await;
    eventually("a fresh look at the store", async || {
        browser.get(APP, "/").await.status() == 200
    })
    .await;
    eventually("the new certificate", async || presented().await != before).await;

    std::fs::write(stage.pki.path("edge", "pem"), "no certificate").unwrap();
    send(&serving, "HUP").await;
    assert_eq!(browser.get(APP, "/").await.status(), 200);
    assert!(serving.try_wait().unwrap().is_none());
    send(&serving, "TERM").await;
    assert!(serving.wait().await.unwrap().success());
}

#[tokio::test]
async fn mistakes_are_explained() {
    let stage = Stage::new().await;
    stage.configuration();
    let config = stage.folder.path().join("wap.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{good}\n[limits]\nconections = 5\n")).unwrap();
    let output = run(&config, &["serve"]).await;
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(
        message.contains("did you mean `connections`?") && message.contains("wap.toml:"),
        "{message}"
    );
    std::fs::write(&config, good).unwrap();
    let output = wap(&config, &["serve"])
        .env("WAP_LIMITS__DRAIN", "0")
        .output()
        .await
        .unwrap();
    let message = text(&output.stderr);
    assert!(
        message.contains("environment variable WAP_LIMITS__DRAIN: 0 is out of range"),
        "{message}"
    );
    let missing = stage.folder.path().join("nowhere.toml");
    let output = run(&missing, &["serve"]).await;
    let message = text(&output.stderr);
    assert_eq!(message.matches("os error").count(), 1, "{message}");
    let output = run(&config, &["serv"]).await;
    assert_eq!(output.status.code(), Some(2));
    let output = run(&config, &["install", "--username", "a"]).await;
    assert!(
        text(&output.stderr).contains("--password-file"),
        "{output:?}"
    );
}
