//! The lab's own contract (design section 6).

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use end_to_end::clock::LOOK_AGAIN;
use end_to_end::contract::Contract;
use end_to_end::http::Client;
use end_to_end::lab::Lab;
use end_to_end::passive::{ENTRA, deliver, fill_in, from_application, request, sign_in};
use end_to_end::paths::program;
use end_to_end::ports::PortBlock;
use end_to_end::process::{Process, is_alive, signal_to};
use rustix::process::Signal;

const LIMIT: Duration = Duration::from_secs(30);

fn lab_command(arguments: &[&str]) -> Result<Output> {
    Command::new(program("lab")?)
        .args(arguments)
        .output()
        .context("lab cannot be run")
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Waits until a process is gone; it may take a moment after its parent ended.
fn gone(id: u32) -> bool {
    let begin = Instant::now();
    while is_alive(id) && begin.elapsed() < LIMIT {
        std::thread::sleep(LOOK_AGAIN);
    }
    !is_alive(id)
}

#[tokio::test]
async fn lab_json_says_what_the_contract_promises() -> Result<()> {
    let mut lab = Lab::start()?;
    println!("ready after {:?}", lab.ready_after());
    let contract = lab.contract().clone();
    let base = lab.base_port();
    let expected = [
        (&contract.adfs_url, "https", "sts.contoso.localhost", base),
        (
            &contract.adfs_internal_url,
            "https",
            "sts.contoso.localhost",
            base + 1000,
        ),
        (
            &contract.cloud_url,
            "https",
            "login.cloud.localhost",
            base + 1,
        ),
        (
            &contract.dashboard_url,
            "https",
            "lab.cloud.localhost",
            base + 1,
        ),
        (&contract.ldap_url, "ldap", "127.0.0.1", base + 946),
    ];
    for (url, scheme, host, port) in expected {
        assert_eq!(
            (url.scheme(), url.host_str(), url.port()),
            (scheme, Some(host), Some(port)),
            "{url}"
        );
    }
    assert_eq!(
        contract.federation_service_identifier,
        "http://sts.contoso.localhost/adfs/services/trust"
    );
    for name in [
        "alice", "bob", "carol", "nora", "dave", "eve", "lou", "pat", "xan", "zoe", "o'brien",
        "ned", "erin", "fay", "gil", "hana", "ivan", "judy",
    ] {
        let user = contract.user(name)?;
        assert_eq!(user.password, "Pass@word1", "{name}");
        assert!(user.upn.contains('@') && !user.notes.is_empty(), "{user:?}");
    }
    for number in 1..=10 {
        contract.user(&format!("user{number:04}"))?;
    }
    let with_secret: Vec<&str> = contract
        .users
        .iter()
        .filter(|user| user.totp_secret.is_some())
        .map(|user| user.sam_account_name.as_str())
        .collect();
    assert_eq!(with_secret, ["carol"]);
    let entra = contract
        .relying_parties
        .iter()
        .find(|party| party.identifier == ENTRA)
        .context("Entra is missing")?;
    assert!(!entra.name.is_empty() && !entra.protocol.is_empty());
    let hosts: Vec<_> = contract
        .published
        .iter()
        .filter_map(|application| application.external_url.host_str())
        .collect();
    for host in [
        "app.contoso.localhost",
        "mail.contoso.localhost",
        "autodiscover.contoso.localhost",
    ] {
        assert!(hosts.contains(&host), "{host} is not among {hosts:?}");
    }
    assert!(
        contract
            .published
            .iter()
            .all(|application| application.external_url.port() == Some(base))
    );
    for file in [
        &contract.ca_file,
        &contract.config.adfs,
        &contract.config.wap,
    ] {
        assert!(file.is_absolute() && file.is_file(), "{}", file.display());
    }
    assert_eq!(contract.pids.lab, lab.process().id());
    assert!(
        [contract.pids.adfs, contract.pids.wap]
            .into_iter()
            .all(is_alive)
    );
    let output = lab.process().lines();
    assert_eq!(output.last().map(|line| line.trim()), Some("lab ready"));
    for shown in ["alice@contoso.test", contract.dashboard_url.as_str()] {
        assert!(
            output.iter().any(|line| line.contains(shown)),
            "{shown} is not shown:\n{}",
            output.join("\n")
        );
    }
    Ok(())
}

#[tokio::test]
async fn two_labs_run_side_by_side_and_each_ends_without_a_trace() -> Result<()> {
    let (one, other) = (Lab::start()?, Lab::start()?);
    assert_ne!(one.base_port(), other.base_port());
    for lab in [&one, &other] {
        sign_in(
            &lab.client()?,
            &request(lab.outside(), &[])?,
            lab.contract().user("alice")?,
        )
        .await?;
    }
    // A token is worth something only where it was issued.
    let issued = sign_in(
        &one.client()?,
        &request(one.outside(), &[])?,
        one.contract().user("alice")?,
    )
    .await?;
    let stranger = other.contract().cloud_url.join("/login.srf")?;
    let refused = other.client()?.post(&stranger, &issued.fields).await?;
    assert_eq!(
        refused.header("x-lab-aadsts"),
        Some("5000811"),
        "{}",
        refused.summary()
    );

    let pids = one.contract().pids;
    let stopped = one.stop()?;
    assert!(stopped.status.success(), "{}", stopped.output.join("\n"));
    for id in [pids.adfs, pids.wap, pids.lab] {
        assert!(gone(id), "process {id} is left over");
    }
    assert!(
        !stopped.state().join("lab.json").exists(),
        "lab.json tells of a lab that is no more"
    );
    sign_in(
        &other.client()?,
        &request(other.outside(), &[])?,
        other.contract().user("bob")?,
    )
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_second_start_keeps_keys_sessions_and_the_proxys_trust() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let asked = request(lab.outside(), &[])?;
    let before = sign_in(&client, &asked, lab.contract().user("alice")?).await?;
    let certificate = end_to_end::metadata_of(&client, lab.outside())
        .await?
        .signing_certificate()?;
    let stopped = lab.stop()?;

    let lab = stopped.start_again()?;
    println!("ready again after {:?}", lab.ready_after());
    let again = end_to_end::metadata_of(&lab.client()?, lab.outside())
        .await?
        .signing_certificate()?;
    assert_eq!(certificate.to_der()?, again.to_der()?);
    let silent = end_to_end::token::Issued::read(&client.get(&asked).await?)
        .context("the session survives")?;
    assert_ne!(silent.assertion()?, before.assertion()?);
    Ok(())
}

#[tokio::test]
async fn a_killed_lab_leaves_no_process_behind() -> Result<()> {
    let lab = Lab::start()?;
    let pids = lab.contract().pids;
    signal_to(pids.lab, Signal::KILL)?;
    for id in [pids.lab, pids.adfs, pids.wap] {
        assert!(gone(id), "process {id} is left over");
    }
    Ok(())
}

/// `lab.json` lists ten of the generated people; the cloud knows all of them.
#[tokio::test]
async fn a_generated_person_who_is_not_listed_signs_in_to_the_application() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let name = "user1000@contoso.test";
    assert!(lab.contract().users.iter().all(|user| user.upn != name));
    let form = from_application(&client, &lab.contract().application_url()?, name).await?;
    let issued = fill_in(&client, &form, name, "Pass@word1").await?;
    let signed_in = deliver(&client, &issued).await?;
    assert_eq!(signed_in.status, 200, "{}", signed_in.summary());
    assert_eq!(
        signed_in.page().text("upn"),
        Some(name),
        "{}",
        signed_in.summary()
    );
    Ok(())
}

/// The terminal is closed under a lab that is ready: sign-ins go on, and it still ends everything when told to.
#[tokio::test]
async fn a_lab_whose_terminal_is_gone_runs_on() -> Result<()> {
    let (folder, ports) = (tempfile::tempdir()?, PortBlock::take()?);
    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    let mut lab = Command::new(program("lab")?)
        .args(["up", "--verbose", "--base-port", &ports.base().to_string()])
        .arg("--state")
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()?;
    let begin = Instant::now();
    let contract = loop {
        if let Ok(contract) = Contract::read(folder.path()) {
            break contract;
        }
        assert!(begin.elapsed() < LIMIT && lab.try_wait()?.is_none());
        std::thread::sleep(LOOK_AGAIN);
    };
    sign_in(
        &Client::new(&contract.ca_file)?,
        &request(&contract.adfs_url, &[])?,
        contract.user("alice")?,
    )
    .await?;
    signal_to(lab.id(), Signal::HUP)?;
    assert_eq!(lab.wait()?.code(), Some(0));
    for id in [contract.pids.adfs, contract.pids.wap] {
        assert!(gone(id), "process {id} is left over");
    }
    assert!(Contract::read(folder.path()).is_err());
    Ok(())
}

/// A lab that was killed leaves stores that the next start can use.
#[tokio::test]
async fn a_killed_lab_starts_again_with_what_it_kept() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut lab = Lab::start_in(folder.path(), PortBlock::take()?)?;
    for name in ["alice", "bob"] {
        sign_in(
            &lab.client()?,
            &request(lab.outside(), &[])?,
            lab.contract().user(name)?,
        )
        .await?;
        let pids = lab.contract().pids;
        lab.process().signal(Signal::KILL)?;
        lab.process().wait(LIMIT)?;
        for id in [pids.adfs, pids.wap] {
            assert!(gone(id), "process {id} is left over");
        }
        lab = Lab::start_in(folder.path(), PortBlock::take()?)?;
    }
    Ok(())
}

/// Whoever tries a setting ends one program and starts it by hand with the lab's own configuration.
#[tokio::test]
async fn a_program_that_ended_can_be_started_by_hand_while_the_rest_runs_on() -> Result<()> {
    let mut lab = Lab::start()?;
    let state = lab
        .state()
        .to_str()
        .context("a path that is not text")?
        .to_owned();
    let (pids, config) = (lab.contract().pids, lab.contract().config.clone());
    let mut by_hand = Vec::new();
    for (name, pid, config) in [
        ("adfs", pids.adfs, config.adfs),
        ("wap", pids.wap, config.wap),
    ] {
        signal_to(pid, Signal::TERM)?;
        let command = format!("{name} serve --config {}", config.display());
        lab.process().wait_for_line(LIMIT, |line| {
            line.contains("Start it again with: ") && line.ends_with(&command)
        })?;
        let status = lab_command(&["status", "--state", &state])?;
        assert_eq!(status.status.code(), Some(1), "{}", text(&status));
        assert!(text(&status).contains(&command), "{}", text(&status));
        assert!(lab.process().is_running()? && Contract::read(lab.state()).is_ok());

        let mut serve = Command::new(program(name)?);
        serve.arg("serve").arg("--config").arg(&config);
        by_hand.push(Process::start(name, serve)?);
        let begin = Instant::now();
        while lab_command(&["status", "--state", &state])?.status.code() != Some(0) {
            assert!(begin.elapsed() < LIMIT, "{name} does not come back");
            std::thread::sleep(LOOK_AGAIN);
        }
        sign_in(
            &lab.client()?,
            &request(lab.outside(), &[])?,
            lab.contract().user("alice")?,
        )
        .await?;
    }
    let stopped = lab.stop()?;
    assert!(stopped.status.success(), "{}", stopped.output.join("\n"));
    for process in &mut by_hand {
        assert!(process.is_running()?, "the lab ended what it did not start");
        assert!(process.stop()?.success());
    }
    Ok(())
}

#[tokio::test]
async fn the_commands_status_hosts_and_down_do_what_they_say() -> Result<()> {
    let mut lab = Lab::start()?;
    let state = lab
        .state()
        .to_str()
        .context("a path that is not text")?
        .to_owned();
    let status = lab_command(&["status", "--state", &state])?;
    assert_eq!(status.status.code(), Some(0), "{}", text(&status));
    assert!(text(&status).contains("ready"), "{}", text(&status));
    let status = lab_command(&["status", "--state", &state, "--output", "json"])?;
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&status.stdout)?["state"],
        "ready"
    );

    // The same folder or the same ports cannot be used twice, and both are said.
    let base = lab.base_port().to_string();
    let second = lab_command(&["up", "--state", &state, "--base-port", &base])?;
    assert_eq!(second.status.code(), Some(1), "{}", text(&second));
    assert!(text(&second).contains("lab down"), "{}", text(&second));
    let elsewhere = tempfile::tempdir()?;
    let folder = elsewhere
        .path()
        .to_str()
        .context("a path that is not text")?;
    let second = lab_command(&["up", "--state", folder, "--base-port", &base])?;
    assert_eq!(second.status.code(), Some(1), "{}", text(&second));
    assert!(
        text(&second).contains("--base-port") && text(&second).contains(&base),
        "{}",
        text(&second)
    );

    for port in ["0", "65000"] {
        let wrong = lab_command(&["up", "--state", folder, "--base-port", port])?;
        assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong));
    }
    let walk = lab_command(&["walk", "mex", "--state", folder])?;
    assert_eq!(walk.status.code(), Some(2), "{}", text(&walk));
    assert!(
        text(&walk).contains("not in this version"),
        "{}",
        text(&walk)
    );

    let hosts = lab_command(&["hosts", "--state", &state])?;
    assert!(
        text(&hosts).contains("\tsts.contoso.localhost\n"),
        "{}",
        text(&hosts)
    );
    let hosts = lab_command(&["hosts", "--state", &state, "--suffix", "test"])?;
    for name in [
        "sts.contoso.test",
        "mail.contoso.test",
        "autodiscover.contoso.test",
        "app.contoso.test",
        "login.cloud.test",
        "lab.cloud.test",
    ] {
        assert!(
            text(&hosts)
                .lines()
                .any(|line| line.split_whitespace().eq(["127.0.0.1", name])),
            "{name}: {}",
            text(&hosts)
        );
    }

    let down = lab_command(&["down", "--state", &state])?;
    assert_eq!(down.status.code(), Some(0), "{}", text(&down));
    assert!(lab.process().wait(LIMIT)?.success());
    let status = lab_command(&["status", "--state", &state])?;
    assert_eq!(status.status.code(), Some(1), "{}", text(&status));
    assert!(Contract::read(lab.state()).is_err());
    Ok(())
}

#[test]
fn a_suffix_outside_the_reserved_names_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().to_str().context("a path that is not text")?;
    for suffix in ["com", "contoso.com"] {
        let refused = lab_command(&["up", "--state", path, "--suffix", suffix])?;
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
        assert!(text(&refused).contains(suffix), "{}", text(&refused));
    }
    Ok(())
}
