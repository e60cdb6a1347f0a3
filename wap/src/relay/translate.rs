//! External names to internal ones in requests, and back in answers (spec proxy-integration 6.4, security PRX-16).
//! Paths never change, and bodies are left alone.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::{Origin, Position, Url};

use crate::request::Authority;

/// Beginnings of the names of cookies that no back end may set (spec security PRX-16).
const RESERVED: [&str; 2] = ["MSIS", "EdgeAccessCookie"];

/// One application's pair of origins, for the host that this request came to.
pub(super) struct UrlMap {
    external: Option<Url>,
    backend: Url,
}

impl UrlMap {
    pub(super) fn new(external: &Authority, backend: &Url) -> UrlMap {
        UrlMap {
            external: Url::parse(&format!("https://{external}/")).ok(),
            backend: backend.clone(),
        }
    }

    /// Translates the fields that carry a URL of the application.
    pub(super) fn request(&self, headers: &mut HeaderMap) {
        let Some(external) = &self.external else {
            return;
        };
        for name in [header::REFERER, HeaderName::from_static("destination")] {
            replace(headers, &name, |url| {
                swapped(url, &external.origin(), &self.backend)
            });
        }
        replace(headers, &header::ORIGIN, |url| {
            (url.origin() == external.origin()).then(|| self.backend.origin().ascii_serialization())
        });
    }

    /// Translates an answer's fields, if asked for. What cookies may do outside is not a matter of translation: they
    /// become secure, stay at the external host, and are not the federation server's.
    pub(super) fn response(&self, headers: &mut HeaderMap, translate: bool) {
        if let Some(external) = self.external.as_ref().filter(|_| translate) {
            for name in [header::LOCATION, header::CONTENT_LOCATION] {
                replace(headers, &name, |url| {
                    swapped(url, &self.backend.origin(), external)
                });
            }
        }
        let cookies: Vec<HeaderValue> = headers
            .get_all(header::SET_COOKIE)
            .iter()
            .cloned()
            .collect();
        headers.remove(header::SET_COOKIE);
        for cookie in cookies {
            let changed = self.cookie(cookie.as_bytes(), translate);
            if let Some(value) = changed.and_then(|text| HeaderValue::from_bytes(&text).ok()) {
                headers.append(header::SET_COOKIE, value);
            }
        }
    }

    /// A cookie as it may go outside, or nothing. Its value need not be ASCII.
    fn cookie(&self, cookie: &[u8], translate: bool) -> Option<Vec<u8>> {
        let mut parts = cookie.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let pair = parts.next().filter(|pair| !is_reserved(pair))?;
        let mut kept = vec![Cow::Borrowed(pair)];
        let mut secure = false;
        for part in parts {
            let at = part.iter().position(|byte| *byte == b'=');
            let (name, value) = part.split_at(at.unwrap_or(part.len()));
            let name = name.trim_ascii();
            secure |= name.eq_ignore_ascii_case(b"secure");
            if name.eq_ignore_ascii_case(b"domain") {
                let domain = value.strip_prefix(b"=").unwrap_or(value).trim_ascii();
                kept.extend(self.domain(domain, translate).map(Cow::Owned));
            } else {
                kept.push(Cow::Borrowed(part));
            }
        }
        if !secure {
            kept.push(Cow::Borrowed(b"Secure"));
        }
        Some(kept.join(&b"; "[..]))
    }

    /// The attribute for a back end's domain. A wider one would reach the federation server and other applications,
    /// and any other would make the browser drop the cookie; without one it belongs to the external host.
    fn domain(&self, domain: &[u8], translate: bool) -> Option<Vec<u8>> {
        let outside = self.external.as_ref().and_then(Url::host_str)?;
        let inside = self.backend.host_str().filter(|_| translate);
        let domain = domain.strip_prefix(b".").unwrap_or(domain);
        let is = |host: &str| domain.eq_ignore_ascii_case(host.as_bytes());
        (is(outside) || inside.is_some_and(is)).then(|| format!("Domain={outside}").into_bytes())
    }
}

/// Whether a name and value are a cookie of the federation server or of this proxy.
fn is_reserved(pair: &[u8]) -> bool {
    // Browsers send a cookie without a name as its bare value, which then reads as a name and a value.
    let start = pair
        .iter()
        .position(|byte| !matches!(byte, b'=' | b' ' | b'\t'));
    let name = start
        .and_then(|start| pair.get(start..))
        .unwrap_or_default();
    RESERVED.iter().any(|reserved| {
        let begin = name.get(..reserved.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(reserved.as_bytes()))
    })
}

/// The URL with another origin, when it has the one that is looked for.
fn swapped(url: &Url, from: &Origin, onto: &Url) -> Option<String> {
    if url.origin() != *from {
        return None;
    }
    let rest = &url[Position::BeforePath..];
    Some(format!("{}{rest}", onto.origin().ascii_serialization()))
}

fn replace(headers: &mut HeaderMap, name: &HeaderName, change: impl Fn(&Url) -> Option<String>) {
    let text = headers.get(name).and_then(|value| value.to_str().ok());
    let changed = text
        .and_then(|text| Url::parse(text).ok())
        .and_then(|url| change(&url));
    if let Some(value) = changed.and_then(|text| HeaderValue::from_str(&text).ok()) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> UrlMap {
        let external = Authority::parse("app.contoso.test:8443").unwrap();
        UrlMap::new(&external, &"http://app.corp.test:8080/".parse().unwrap())
    }

    fn fields(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                name.parse::<HeaderName>().unwrap(),
                value.parse::<HeaderValue>().unwrap(),
            );
        }
        headers
    }

    #[test]
    fn requests_speak_of_the_back_end() {
        for (name, outside, inside) in [
            (
                "referer",
                "https://app.contoso.test:8443/a?b=c",
                "http://app.corp.test:8080/a?b=c",
            ),
            (
                "origin",
                "https://app.contoso.test:8443",
                "http://app.corp.test:8080",
            ),
            (
                "destination",
                "https://app.contoso.test:8443/x/y",
                "http://app.corp.test:8080/x/y",
            ),
            ("referer", "https://other.test/a", "https://other.test/a"),
            (
                "referer",
                "https://app.contoso.test/a",
                "https://app.contoso.test/a",
            ),
            ("origin", "null", "null"),
            ("referer", "/relative", "/relative"),
        ] {
            let mut headers = fields(&[(name, outside)]);
            map().request(&mut headers);
            assert_eq!(headers, fields(&[(name, inside)]), "{outside}");
        }
    }

    #[test]
    fn answers_speak_of_the_proxy() {
        for (inside, outside) in [
            (
                "http://app.corp.test:8080/x?y#z",
                "https://app.contoso.test:8443/x?y#z",
            ),
            (
                "http://APP.corp.test:8080",
                "https://app.contoso.test:8443/",
            ),
            (
                "https://app.corp.test:8080/x",
                "https://app.corp.test:8080/x",
            ),
            (
                "http://app.corp.test.evil.test:8080/",
                "http://app.corp.test.evil.test:8080/",
            ),
            (
                "http://user@app.corp.test:8080/x",
                "https://app.contoso.test:8443/x",
            ),
            ("/x", "/x"),
        ] {
            let mut headers = fields(&[("location", inside), ("content-location", inside)]);
            map().response(&mut headers, true);
            assert_eq!(
                headers,
                fields(&[("location", outside), ("content-location", outside)]),
                "{inside}"
            );
        }
        let mut headers = fields(&[("location", "http://app.corp.test:8080/x")]);
        map().response(&mut headers, false);
        assert_eq!(headers["location"], "http://app.corp.test:8080/x");
    }

    #[test]
    fn cookies_are_secure_and_belong_outside() {
        for (inside, translate, outside) in [
            ("a=b", true, "a=b; Secure"),
            ("a=b; secure; HttpOnly", true, "a=b; secure; HttpOnly"),
            (
                "a=b; Domain=.app.corp.test; Path=/",
                true,
                "a=b; Domain=app.contoso.test; Path=/; Secure",
            ),
            (
                "a=b; domain = APP.contoso.test",
                true,
                "a=b; Domain=app.contoso.test; Secure",
            ),
            ("a=b; domain=corp.test; Path=/", true, "a=b; Path=/; Secure"),
            ("a=b; Domain=.contoso.test", true, "a=b; Secure"),
            ("a=b; domain=ntoso.test", true, "a=b; Secure"),
            ("a=b; Domain; Domain=test", true, "a=b; Secure"),
            ("domain=b; path=/", true, "domain=b; path=/; Secure"),
            ("a=b; Domain=app.corp.test", false, "a=b; Secure"),
            ("a=b; Domain=contoso.test", false, "a=b; Secure"),
            ("a=MSISAuth", true, "a=MSISAuth; Secure"),
        ] {
            let mut headers = fields(&[("set-cookie", inside), ("set-cookie", "z=1; Secure")]);
            map().response(&mut headers, translate);
            assert_eq!(
                headers,
                fields(&[("set-cookie", outside), ("set-cookie", "z=1; Secure")]),
                "{inside}"
            );
        }
    }

    #[test]
    fn the_federation_servers_cookies_are_its_own() {
        for cookie in [
            "MSISAuth=x; Domain=.contoso.test",
            "msisauth=x",
            "MSIS",
            "=MSISSignOut=x",
            " \t= MSISAuth=x",
            "EdgeAccessCookie=x; Path=/",
        ] {
            let mut headers = fields(&[("set-cookie", cookie), ("set-cookie", "z=1; Secure")]);
            map().response(&mut headers, false);
            assert_eq!(
                headers,
                fields(&[("set-cookie", "z=1; Secure")]),
                "{cookie}"
            );
        }
    }

    #[test]
    fn cookies_that_are_not_ascii_are_secure_too() {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(b"a=\xfc; Domain=contoso.test").unwrap();
        headers.append(header::SET_COOKIE, value);
        map().response(&mut headers, true);
        assert_eq!(headers["set-cookie"].as_bytes(), b"a=\xfc; Secure");
    }
}
