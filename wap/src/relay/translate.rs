//! External names to internal ones in requests, and back in answers (spec proxy-integration 6.4, security PRX-16).
//! Paths never change, and bodies are left alone.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::{Origin, Position, Url};

use crate::request::Authority;

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

    /// Translates an answer's fields, if asked for; cookies become secure in any case, as they travel outside.
    pub(super) fn response(&self, headers: &mut HeaderMap, translate: bool) {
        let Some(external) = self.external.as_ref() else {
            return;
        };
        if translate {
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
            let changed = cookie
                .to_str()
                .ok()
                .map(|text| self.cookie(text, external, translate));
            let value = changed
                .and_then(|text| HeaderValue::from_str(&text).ok())
                .unwrap_or(cookie);
            headers.append(header::SET_COOKIE, value);
        }
    }

    fn cookie(&self, text: &str, external: &Url, translate: bool) -> String {
        let outside = external.host_str().unwrap_or_default();
        let inside = self.backend.host_str().unwrap_or_default();
        let mut parts = Vec::new();
        let mut secure = false;
        for part in text.split(';').map(str::trim) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if name.trim().eq_ignore_ascii_case("secure") {
                secure = true;
            }
            if !translate || parts.is_empty() || !name.trim().eq_ignore_ascii_case("domain") {
                parts.push(part.to_owned());
                continue;
            }
            let domain = value.trim().trim_start_matches('.');
            if domain.eq_ignore_ascii_case(inside) {
                parts.push(format!("Domain={outside}"));
            } else if covers(domain, outside) {
                parts.push(part.to_owned());
            }
            // Any other domain would make the browser drop the cookie; without one it belongs to the external host.
        }
        if !secure {
            parts.push("Secure".to_owned());
        }
        parts.join("; ")
    }
}

fn covers(domain: &str, host: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    host == domain
        || host
            .strip_suffix(&domain)
            .is_some_and(|rest| rest.ends_with('.'))
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
            ("a=b; domain=corp.test", true, "a=b; Secure"),
            (
                "a=b; domain=contoso.test",
                true,
                "a=b; domain=contoso.test; Secure",
            ),
            ("a=b; domain=ntoso.test", true, "a=b; Secure"),
            ("domain=b; path=/", true, "domain=b; path=/; Secure"),
            (
                "a=b; Domain=corp.test",
                false,
                "a=b; Domain=corp.test; Secure",
            ),
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
}
