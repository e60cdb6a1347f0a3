//! Debian's Chromium, driven over WebDriver, with a fresh profile for each browser.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::sha::sha256;
use serde_json::json;
use tempfile::TempDir;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities as _;
use thirtyfour::prelude::{By, ElementQueryable as _, WebDriver, WebElement};
use thirtyfour::{BrowserLogEntry, DesiredCapabilities, TypingData};
use url::Url;

use crate::clock::START_LIMIT;
use crate::contract::Contract;
use crate::process::Process;
use crate::raw;

const WAIT: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// A browser.
#[derive(Debug)]
pub struct Browser {
    driver: WebDriver,
    port: u16,
    // Dropped in this order: the driver's process ends the browser, then the profile can go.
    _chromedriver: Process,
    _profile: TempDir,
}

impl Browser {
    /// Starts one that believes the certificates which the lab's servers present, and no others.
    ///
    /// # Errors
    /// When Chromium or its driver is missing or does not start.
    pub async fn start(lab: &Contract) -> Result<Browser> {
        Browser::start_believing(lab, &[]).await
    }

    /// Starts one that also believes the certificates of more servers, which the lab's authority issued.
    ///
    /// # Errors
    /// As [`Browser::start`].
    pub async fn start_believing(lab: &Contract, more: &[&Url]) -> Result<Browser> {
        let profile = tempfile::Builder::new()
            .prefix("chromium-")
            .tempdir()
            .context("no temporary folder")?;
        let mut command = Command::new("chromedriver");
        // Whatever else browser and driver put down goes with the profile.
        command.arg("--port=0").env("TMPDIR", profile.path());
        let chromedriver =
            Process::start("chromedriver", command).context("Debian package chromium-driver")?;
        let line = chromedriver.wait_for_line(START_LIMIT, |line| {
            line.contains("started successfully on port")
        })?;
        let port: u16 = line
            .trim_end_matches('.')
            .rsplit(' ')
            .next()
            .and_then(|port| port.parse().ok())
            .with_context(|| format!("chromedriver does not name its port: {line}"))?;
        let mut capabilities = DesiredCapabilities::chrome();
        capabilities.set_binary("/usr/bin/chromium")?;
        for argument in [
            "--headless=new",
            // Chromium's sandbox does not work as root, and tests run in containers as root.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-features=OptimizationHints,MediaRouter",
            "--window-size=1280,800",
            "--hide-scrollbars",
            "--lang=en",
        ] {
            capabilities.add_arg(argument)?;
        }
        capabilities.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
        capabilities.add_arg(&format!(
            "--ignore-certificate-errors-spki-list={}",
            trusted_keys(lab, more)?
        ))?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities)
            .await
            .with_context(|| format!("Chromium does not start:\n{}", chromedriver.last_lines()))?;
        Ok(Browser {
            driver,
            port,
            _chromedriver: chromedriver,
            _profile: profile,
        })
    }

    /// The WebDriver session, for what has no word of its own here.
    pub fn driver(&self) -> &WebDriver {
        &self.driver
    }

    /// Goes to an address.
    ///
    /// # Errors
    /// When the page does not load.
    pub async fn open(&self, url: &Url) -> Result<()> {
        self.driver
            .goto(url.as_str())
            .await
            .with_context(|| format!("{url} does not load"))
    }

    /// Waits for an element of the page, or of the next one.
    ///
    /// # Errors
    /// When it does not come; the message tells where the browser is instead.
    pub async fn element(&self, id: &str) -> Result<WebElement> {
        let query = self
            .driver
            .query(By::Id(id))
            .wait(WAIT, LOOK)
            .and_displayed();
        match query.first().await {
            Ok(element) => Ok(element),
            Err(error) => Err(error)
                .with_context(|| format!("no element #{id}"))
                .context(self.place().await),
        }
    }

    /// The text of an element.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn text(&self, id: &str) -> Result<String> {
        Ok(self.element(id).await?.text().await?)
    }

    /// Waits until an element of this page, or of the one that is on its way, says a text that begins so. Unlike a click,
    /// a key does not wait for the page that it asks for.
    ///
    /// # Errors
    /// When it does not; the message tells where the browser is instead.
    pub async fn wait_for_text(&self, id: &str, beginning: &str) -> Result<String> {
        let begin = Instant::now();
        let script = "const e = document.getElementById(arguments[0]); return e ? e.innerText : ''";
        loop {
            // Between two pages there is none to ask.
            let answer = self.driver.execute(script, vec![id.into()]).await;
            let text: String = answer.and_then(|value| value.convert()).unwrap_or_default();
            if text.starts_with(beginning) {
                return Ok(text);
            }
            if begin.elapsed() > WAIT {
                let place = self.place().await;
                anyhow::bail!("#{id} says {text:?}, not {beginning:?}; {place}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Clicks an element.
    ///
    /// # Errors
    /// When it does not come or cannot be clicked.
    pub async fn click(&self, id: &str) -> Result<()> {
        self.element(id)
            .await?
            .click()
            .await
            .with_context(|| format!("#{id} cannot be clicked"))
    }

    /// Replaces the text of a field.
    ///
    /// # Errors
    /// When it does not come or cannot be typed into.
    pub async fn fill(&self, id: &str, text: &str) -> Result<()> {
        let field = self.element(id).await?;
        field.clear().await?;
        field
            .send_keys(text)
            .await
            .with_context(|| format!("#{id} cannot be typed into"))
    }

    /// Whether an element is on the page now.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn has(&self, id: &str) -> Result<bool> {
        Ok(self.driver.query(By::Id(id)).nowait().exists().await?)
    }

    /// Types on the keyboard, wherever the focus is.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn type_keys(&self, keys: impl Into<TypingData>) -> Result<()> {
        // Chromium drops what is typed before it has drawn a new page for the first time.
        let drawn = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(true)))";
        self.driver
            .execute_async(drawn, Vec::new())
            .await
            .context("the page is not drawn")?;
        let typed = self.driver.action_chain().send_keys(keys).perform().await;
        typed.context("the keyboard does not work")
    }

    /// Presses Enter once. WebDriver's own key actions are repeated by the driver when the page goes away under them, and
    /// the next page then meets a key that nobody has pressed.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn press_enter(&self) -> Result<()> {
        let key = |kind: &str, text: &str| json!({ "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": text });
        self.devtools("Input.dispatchKeyEvent", key("keyDown", "\r"))
            .await?;
        self.devtools("Input.dispatchKeyEvent", key("keyUp", ""))
            .await?;
        Ok(())
    }

    /// Types a text into the field that has the focus, again if need be: a busy Chromium drops keys of a page that it has
    /// only just drawn, where a person would see it and type again.
    ///
    /// # Errors
    /// When the text does not get into the field.
    pub async fn type_text(&self, text: &str) -> Result<()> {
        let begin = Instant::now();
        loop {
            self.type_keys(text).await?;
            let value: String = self
                .evaluate("return document.activeElement.value || ''")
                .await?;
            if value == text {
                return Ok(());
            }
            ensure!(
                begin.elapsed() < WAIT,
                "the keyboard does not reach the field"
            );
            let empty =
                "if (document.activeElement.value) document.activeElement.value = ''; return null";
            self.evaluate::<serde_json::Value>(empty).await?;
        }
    }

    /// The id of the element that has the focus.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn focused(&self) -> Result<String> {
        self.evaluate("return document.activeElement ? document.activeElement.id : ''")
            .await
    }

    /// Runs a script in the page and takes its result.
    ///
    /// # Errors
    /// When it fails.
    pub async fn evaluate<T: serde::de::DeserializeOwned>(&self, script: &str) -> Result<T> {
        Ok(self.driver.execute(script, Vec::new()).await?.convert()?)
    }

    /// Makes the page as wide and as high as a screen of this size, in CSS pixels.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await?;
        Ok(())
    }

    /// Prefers a dark or a light page.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn prefer_colours(&self, scheme: &str) -> Result<()> {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media).await?;
        Ok(())
    }

    /// Every cookie of an address, HttpOnly ones too.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn cookies(&self, url: &Url) -> Result<Vec<(String, String)>> {
        let answer = self
            .devtools("Network.getCookies", json!({ "urls": [url.as_str()] }))
            .await?;
        let cookies = answer
            .get("cookies")
            .and_then(|cookies| cookies.as_array())
            .cloned()
            .unwrap_or_default();
        let text =
            |cookie: &serde_json::Value, name: &str| cookie.get(name)?.as_str().map(str::to_owned);
        Ok(cookies
            .iter()
            .filter_map(|cookie| Some((text(cookie, "name")?, text(cookie, "value")?)))
            .collect())
    }

    /// Forgets the cookies of one host and keeps all others.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn forget(&self, url: &Url) -> Result<()> {
        for (name, _) in self.cookies(url).await? {
            self.devtools(
                "Network.deleteCookies",
                json!({ "name": name, "url": url.as_str() }),
            )
            .await?;
        }
        Ok(())
    }

    /// Errors that scripts and policies have written to the console since the last look.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn console_errors(&self) -> Result<Vec<String>> {
        let entries: Vec<BrowserLogEntry> = self.driver.browser_log().await?;
        Ok(entries
            .into_iter()
            .filter(|entry| entry.level == "SEVERE")
            .map(|entry| entry.message)
            .collect())
    }

    /// Writes a picture of the page.
    ///
    /// # Errors
    /// When it cannot be taken or written.
    pub async fn screenshot(&self, path: &Path) -> Result<()> {
        self.driver
            .screenshot(path)
            .await
            .with_context(|| format!("no picture at {}", path.display()))
    }

    async fn devtools(
        &self,
        command: &str,
        parameters: serde_json::Value,
    ) -> Result<serde_json::Value> {
        self.driver
            .cdp()
            .send_raw(command, parameters)
            .await
            .with_context(|| format!("{command} failed"))
    }

    async fn place(&self) -> String {
        let url = self
            .driver
            .current_url()
            .await
            .map(|url| url.to_string())
            .unwrap_or_default();
        let text: String = self
            .evaluate("return document.body ? document.body.innerText : ''")
            .await
            .unwrap_or_default();
        format!(
            "the browser is at {url}, which says:\n{}",
            text.chars().take(1500).collect::<String>()
        )
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // WebDriver's own farewell waits for answers that may never come once a test has failed; the driver's process
        // ends all its browsers when it is told to.
        let _ = self.driver.clone().leak();
        let told = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).and_then(|mut stream| {
            stream.set_read_timeout(Some(SHUTDOWN_LIMIT))?;
            stream.write_all(
                b"GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
            )?;
            stream.read_to_end(&mut Vec::new())
        });
        if let Err(error) = told {
            eprintln!("chromedriver could not be told to end its browser: {error}");
        }
    }
}

/// Hashes of the public keys that the lab's servers present, as Chromium's switch takes them.
fn trusted_keys(lab: &Contract, more: &[&Url]) -> Result<String> {
    let addresses = [
        &lab.adfs_url,
        &lab.adfs_internal_url,
        &lab.cloud_url,
        &lab.dashboard_url,
    ];
    let published = lab
        .published
        .iter()
        .map(|application| &application.external_url);
    let mut keys = BTreeSet::new();
    for address in addresses
        .into_iter()
        .chain(published)
        .chain(more.iter().copied())
    {
        let certificate = raw::certificate(address, &lab.ca_file)?;
        keys.insert(STANDARD.encode(sha256(&certificate.public_key()?.public_key_to_der()?)));
    }
    Ok(keys.into_iter().collect::<Vec<_>>().join(","))
}
