//! A client as browsers are: certificates checked, cookies kept, no redirect followed unless told to.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use reqwest::cookie::{CookieStore as _, Jar};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use url::Url;

use crate::form::Page;

/// More than the longest time limit of any program under test.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
const MAX_REDIRECTS: usize = 12;

/// One browser's worth of state.
#[derive(Debug, Clone)]
pub struct Client {
    inner: reqwest::Client,
    jar: Arc<Jar>,
    headers: HeaderMap,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked for.
    pub url: Url,
    /// Status code.
    pub status: u16,
    /// Header.
    pub headers: HeaderMap,
    /// Body as text.
    pub body: String,
}

/// Every name is this machine: the lab's names need no resolver then.
#[derive(Debug)]
struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, _name: Name) -> Resolving {
        // The port is put in by the client.
        let addresses: Addrs =
            Box::new([SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)].into_iter());
        Box::pin(async move { Ok(addresses) })
    }
}

impl Client {
    /// A browser with an empty jar that believes one authority.
    ///
    /// # Errors
    /// When the authority cannot be read.
    pub fn new(ca_file: &Path) -> Result<Client> {
        Client::from_address(ca_file, None)
    }

    /// The same, on a machine with another address of the loopback network.
    ///
    /// # Errors
    /// When the authority cannot be read.
    pub fn from_address(ca_file: &Path, address: Option<IpAddr>) -> Result<Client> {
        let pem =
            fs::read(ca_file).with_context(|| format!("cannot read {}", ca_file.display()))?;
        let authority = reqwest::Certificate::from_pem(&pem)
            .context("the lab's authority is no certificate")?;
        let jar = Arc::new(Jar::default());
        let inner = reqwest::Client::builder()
            .tls_certs_only([authority])
            .redirect(Policy::none())
            .cookie_provider(jar.clone())
            .dns_resolver(Arc::new(Loopback))
            .no_proxy()
            .local_address(address)
            .timeout(ANSWER_LIMIT)
            .build()
            .context("the client cannot be made")?;
        Ok(Client {
            inner,
            jar,
            headers: HeaderMap::new(),
        })
    }

    /// The same browser, sending one more header with each request.
    ///
    /// # Errors
    /// When it is no header.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Client> {
        self.headers.insert(
            HeaderName::from_bytes(name.as_bytes())?,
            HeaderValue::from_bytes(value.as_bytes())?,
        );
        Ok(self)
    }

    /// GET.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub async fn get(&self, url: &Url) -> Result<Answer> {
        self.send(self.inner.get(url.clone()), url).await
    }

    /// POST of a form.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub async fn post(&self, url: &Url, fields: &[(String, String)]) -> Result<Answer> {
        self.send(self.inner.post(url.clone()).form(fields), url)
            .await
    }

    /// POST of a body that is no form.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub async fn post_text(&self, url: &Url, media_type: &str, text: String) -> Result<Answer> {
        let request = self.inner.post(url.clone()).body(text);
        let request = request.header(reqwest::header::CONTENT_TYPE, media_type);
        self.send(request, url).await
    }

    /// Submits a form as filled in, wherever its action leads.
    ///
    /// # Errors
    /// When the action is no address, or no whole answer comes.
    pub async fn submit(
        &self,
        answer: &Answer,
        action: &str,
        fields: &[(String, String)],
    ) -> Result<Answer> {
        let url = answer
            .url
            .join(action)
            .with_context(|| format!("the action {action:?} is no address"))?;
        self.post(&url, fields).await
    }

    /// Follows redirects until something else comes.
    ///
    /// # Errors
    /// When there are too many, or one is broken.
    pub async fn follow(&self, mut answer: Answer) -> Result<Answer> {
        for _ in 0..MAX_REDIRECTS {
            match answer.redirect()? {
                Some(target) => answer = self.get(&target).await?,
                None => return Ok(answer),
            }
        }
        bail!(
            "more than {MAX_REDIRECTS} redirects, the last to {}",
            answer.url
        )
    }

    /// The cookies that would go with a request to `url`, as `name=value; ...`.
    pub fn cookies(&self, url: &Url) -> String {
        self.jar
            .cookies(url)
            .and_then(|value| value.to_str().ok().map(str::to_owned))
            .unwrap_or_default()
    }

    /// Puts a cookie into the jar, as `Set-Cookie` writes it.
    pub fn set_cookie(&self, url: &Url, cookie: &str) {
        self.jar.add_cookie_str(cookie, url);
    }

    async fn send(&self, request: reqwest::RequestBuilder, url: &Url) -> Result<Answer> {
        let response = request
            .headers(self.headers.clone())
            .send()
            .await
            .with_context(|| format!("no answer from {url}"))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response
            .text()
            .await
            .with_context(|| format!("no whole answer from {url}"))?;
        Ok(Answer {
            url: url.clone(),
            status,
            headers,
            body,
        })
    }
}

impl Answer {
    /// A header's value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Where a redirect leads; none when this is no redirect.
    ///
    /// # Errors
    /// When `Location` is missing or no address.
    pub fn redirect(&self) -> Result<Option<Url>> {
        if !matches!(self.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let location = self
            .header("location")
            .context("a redirect without Location")?;
        Ok(Some(self.url.join(location).with_context(|| {
            format!("redirect to {location:?}, which is no address")
        })?))
    }

    /// The page.
    pub fn page(&self) -> Page {
        Page::read(&self.body)
    }

    /// Names of the cookies that this answer sets (not those that it removes).
    pub fn cookies_set(&self) -> Vec<String> {
        self.set_cookie_lines()
            .filter(|line| !line.to_ascii_lowercase().contains("max-age=0"))
            .filter_map(|line| line.split_once('=').map(|(name, _)| name.to_owned()))
            .collect()
    }

    /// Every `Set-Cookie` value.
    pub fn set_cookie_lines(&self) -> impl Iterator<Item = &str> {
        self.headers
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
    }

    /// For messages of failed assertions: status, address and the beginning of the body.
    pub fn summary(&self) -> String {
        let body: String = self.body.chars().take(1500).collect();
        format!("{} from {}\n{body}", self.status, self.url)
    }
}
