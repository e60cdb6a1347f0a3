//! Secrets never reach a log (spec security LOG-2): everything is done once at the most talkative level, and then all
//! that was written is searched for every secret that took part.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use end_to_end::lab::Lab;
use end_to_end::logs::Logs;
use end_to_end::passive::{attempt, deliver, fill_in, from_application, request, sign_in};
use end_to_end::separate::{Changes, Separate};
use end_to_end::token::Issued;
use url::Url;

const MARK: &str = "Canary-7f3a9c-wrong-password";

/// Shorter ones would be found by chance.
const SHORTEST: usize = 8;

/// What must not be found, by what it is.
#[derive(Default)]
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn add(&mut self, what: &str, value: &str) {
        if value.len() >= SHORTEST {
            self.0.push((what.to_owned(), value.to_owned()));
        }
    }

    /// A key file as text, and as what it stands for.
    fn add_file(&mut self, path: &Path) -> Result<()> {
        let what = path.display().to_string();
        let octets = fs::read(path).with_context(|| format!("cannot read {what}"))?;
        self.add(
            &what,
            &octets
                .iter()
                .map(|octet| format!("{octet:02x}"))
                .collect::<String>(),
        );
        self.add(&what, &STANDARD.encode(&octets));
        self.add(&what, &URL_SAFE_NO_PAD.encode(&octets));
        if let Ok(text) = String::from_utf8(octets) {
            for line in text.lines().filter(|line| !line.starts_with("-----")) {
                self.add(&what, line.trim());
            }
        }
        Ok(())
    }

    fn add_token(&mut self, issued: &Issued) -> Result<()> {
        let assertion = issued.assertion()?;
        let value = |name: &str| -> Option<String> {
            let (_, rest) = assertion.split_once(&format!("<ds:{name}>"))?;
            rest.split_once('<').map(|(value, _)| value.to_owned())
        };
        self.add(
            "signature of a token",
            &value("SignatureValue").context("no SignatureValue")?,
        );
        self.add(
            "digest of a token",
            &value("DigestValue").context("no DigestValue")?,
        );
        self.add("an assertion", "<saml:Assertion");
        self.add("an assertion, escaped", "%3Csaml%3AAssertion");
        Ok(())
    }

    fn add_cookies(&mut self, cookies: &str) {
        for (name, value) in cookies.split("; ").filter_map(|pair| pair.split_once('=')) {
            if name.starts_with("MSISAuth") && name != "MSISAuthenticated" {
                self.add(&format!("cookie {name}"), value);
            }
        }
    }

    fn found_in(&self, logs: &Logs) -> Vec<String> {
        let mut found = Vec::new();
        for (what, secret) in &self.0 {
            for (place, line) in logs.lines_with(secret) {
                found.push(format!("{what} in {place}: {line}"));
            }
        }
        found
    }
}

/// Everything in the state folder that holds a key or a password.
fn add_files(secrets: &mut Secrets, folder: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_ascii_lowercase();
        if path.is_dir() {
            count += add_files(secrets, &path)?;
        } else if ["key", "password", "secret", "trust.pem"]
            .iter()
            .any(|word| name.contains(word))
        {
            secrets.add_file(&path)?;
            count += 1;
        }
    }
    Ok(count)
}

async fn one_of_everything(
    secrets: &mut Secrets,
    separate: &Separate,
    lab: &Lab,
    service: &Url,
) -> Result<()> {
    let user = lab.contract().user("alice")?;
    let client = separate.client()?;
    let asked = request(service, &[("wctx", "a"), ("username", &user.upn)])?;
    for (name, password) in [
        (user.upn.as_str(), MARK),
        ("nobody@contoso.test", MARK),
        ("eve@contoso.test", "Pass@word1"),
        ("pat@contoso.test", "Pass@word1"),
        ("lou@contoso.test", "Pass@word1"),
        (user.upn.as_str(), ""),
    ] {
        attempt(&separate.client()?, &asked, name, password).await?;
    }
    let issued = sign_in(&client, &asked, user).await?;
    secrets.add_token(&issued)?;
    secrets.add_cookies(&client.cookies(&asked));
    let again = Issued::read(&client.get(&asked).await?)?;
    secrets.add_token(&again)?;
    // Requests that are refused are logged too, and must not take a secret with them.
    let fields = end_to_end::passive::credentials(&user.upn, MARK);
    client
        .post(
            &service.join(&format!(
                "/adfs/ls/?wa=wsignin1.0&wtrealm=urn:unknown&Password={MARK}"
            ))?,
            &fields,
        )
        .await?;
    client.post(&service.join("/adfs/ls/")?, &fields).await?;
    client
        .get(&service.join("/adfs/ls/?wa=wsignout1.0")?)
        .await?;
    Ok(())
}

#[tokio::test]
async fn no_secret_is_in_any_log() -> Result<()> {
    let lab = Lab::start()?;
    let mut secrets = Secrets::default();
    secrets.add("a password that was tried", MARK);
    for user in &lab.contract().users {
        secrets.add(&format!("password of {}", user.upn), &user.password);
        secrets.add(
            &format!("one-time password secret of {}", user.upn),
            user.totp_secret.as_deref().unwrap_or_default(),
        );
    }
    assert!(
        add_files(&mut secrets, lab.state())? >= 4,
        "keys of TLS, of the authority, of tokens and of the seal"
    );

    // The run through the lab's own programs, with its proxy's installation in their logs already.
    let client = lab.client()?;
    let form = from_application(
        &client,
        &lab.contract().application_url()?,
        "alice@contoso.test",
    )
    .await?;
    let issued = fill_in(&client, &form, "alice@contoso.test", "Pass@word1").await?;
    secrets.add_token(&issued)?;
    secrets.add_cookies(&client.cookies(&issued_at(&lab)?));
    assert_eq!(
        deliver(&client, &issued).await?.page().text("upn"),
        Some("alice@contoso.test")
    );

    // And the same once more with programs that tell everything they know.
    let mut separate = Separate::beside(
        &lab,
        Changes {
            log_filter: Some("trace"),
            ..Changes::default()
        },
    )?;
    separate.start_adfs()?;
    let (account, password_file) = proxy_administrator(&separate)?;
    let password = fs::read_to_string(&password_file)?;
    secrets.add("password of the proxy's administrator", password.trim());
    let basic = format!("{account}:{}", password.trim());
    secrets.add(
        "Authorization of the proxy's administrator",
        &STANDARD.encode(basic),
    );
    separate.install_wap(&account, &password_file)?;
    add_files(&mut secrets, separate.folder())?;
    separate.start_wap()?;
    for service in [separate.inside().clone(), separate.outside().clone()] {
        one_of_everything(&mut secrets, &separate, &lab, &service).await?;
    }

    let (own, talkative) = (lab.logs()?, separate.logs()?);
    for (name, logs) in [("the lab's logs", &own), ("the talkative logs", &talkative)] {
        assert!(!logs.is_empty(), "{name} are empty");
    }
    // The lab shows the passwords of its people in a table on its terminal; that is not a log.
    let mut found = secrets.found_in(&own);
    found.retain(|line| !is_the_labs_table(line));
    found.extend(secrets.found_in(&talkative));
    let shown: Vec<&str> = found.iter().take(5).map(String::as_str).collect();
    assert!(
        found.is_empty(),
        "{} lines, such as\n{}",
        found.len(),
        shown.join("\n")
    );
    let mut no_secret = Secrets::default();
    no_secret.add("what is logged on purpose", "alice@contoso.test");
    assert!(
        !no_secret.found_in(&talkative).is_empty(),
        "the search finds what is there"
    );
    // Were they not at their most talkative, nothing would be proven.
    for (program, library) in [("adfs", "actix_http"), ("wap", "hyper_util")] {
        let traced = talkative
            .lines()
            .any(|(_, line)| line.contains("TRACE") && line.contains(library));
        assert!(traced, "{program} traces nothing:\n{}", talkative.tail());
    }
    Ok(())
}

/// Who may make a proxy trusted, and the file with the password: the lab takes the account that `adfs` searches with.
fn proxy_administrator(separate: &Separate) -> Result<(String, PathBuf)> {
    let adfs: toml::Table = fs::read_to_string(separate.adfs_config())?.parse()?;
    let account = adfs
        .get("proxy")
        .and_then(|proxy| proxy.get("administrators"));
    let account = account
        .and_then(|list| list.get(0))
        .and_then(toml::Value::as_str);
    let directories = adfs.get("directories").and_then(toml::Value::as_table);
    let file = directories.and_then(|all| all.values().next()?.get("bind_password_file")?.as_str());
    let account = account.context("adfs.toml names no proxy.administrators")?;
    Ok((
        account.to_owned(),
        PathBuf::from(file.context("adfs.toml names no bind_password_file")?),
    ))
}

fn issued_at(lab: &Lab) -> Result<Url> {
    Ok(lab.outside().join("/adfs/ls/")?)
}

/// `lab up` prints people with their passwords once, to be typed by whoever tries the lab.
fn is_the_labs_table(line: &str) -> bool {
    line.starts_with("password of ")
        && line.contains(" in output of process ")
        && line.contains("@")
        && line.contains("Pass@word1")
}
