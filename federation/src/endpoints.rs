//! Addresses to which a browser may be sent with a token (spec security 2.4).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;
use url::{Position, Url};

/// Longest address, in bytes.
const MAX_LENGTH: usize = 2048;
const SCHEME: &str = "https://";
/// Characters that RFC 3986 has in no URL. Browsers, proxies and servers disagree on what they mean.
const UNSAFE: [char; 10] = ['"', '<', '>', '\\', '^', '`', '{', '|', '}', '#'];

/// Why a text is no reply address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReplyUrlError {
    /// Too long.
    #[error("the address is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// Another scheme, or a relative address.
    #[error("the address does not begin with https://; tokens are sent over TLS only")]
    NotHttps,
    /// Space, control character, non-ASCII character, one that RFC 3986 has in no URL, or the start of a fragment.
    #[error(
        "the address holds a character that no URL may hold, or a fragment; write host names in their ASCII form and other \
         characters as %XX"
    )]
    Character,
    /// `user@host`.
    #[error("the address holds a user name before the host")]
    UserInfo,
    /// The host or the port.
    #[error("the address has no valid host or port")]
    Host,
    /// `.`, `..`, an encoded slash or a bad escape.
    #[error(
        "the path of the address holds a segment '.' or '..', an encoded slash or NUL, or a '%' without two digits"
    )]
    Path,
}

/// An absolute https address without user name and fragment, in one spelling: host in lower case, default port left out,
/// path and query as given. Equal values are the same address octet by octet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReplyUrl(Url);

impl ReplyUrl {
    /// Reads an address, without any repair.
    ///
    /// # Errors
    /// See [`ReplyUrlError`].
    pub fn parse(text: &str) -> Result<ReplyUrl, ReplyUrlError> {
        if text.len() > MAX_LENGTH {
            return Err(ReplyUrlError::TooLong);
        }
        let (scheme, rest) = text
            .split_at_checked(SCHEME.len())
            .ok_or(ReplyUrlError::NotHttps)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(ReplyUrlError::NotHttps);
        }
        if !text
            .chars()
            .all(|character| character.is_ascii_graphic() && !UNSAFE.contains(&character))
        {
            return Err(ReplyUrlError::Character);
        }
        let (authority, path_and_query) =
            rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(ReplyUrlError::UserInfo);
        }
        // The URL parser skips slashes before a host and accepts an empty port.
        if authority.is_empty() || authority.ends_with(':') {
            return Err(ReplyUrlError::Host);
        }
        let path = path_and_query.split('?').next().unwrap_or_default();
        if !path.split('/').all(is_plain_segment) {
            return Err(ReplyUrlError::Path);
        }
        let url = Url::parse(text).map_err(|_| ReplyUrlError::Host)?;
        // What the checks above let through, the parser must have left alone.
        let expected = if path.is_empty() {
            format!("/{path_and_query}")
        } else {
            path_and_query.to_owned()
        };
        if url[Position::BeforePath..Position::AfterQuery] != expected {
            return Err(ReplyUrlError::Path);
        }
        Ok(ReplyUrl(url))
    }

    /// Whether this address is `base`, or lies below it: same host and port, and a path that continues `base`'s at a
    /// segment's end. A `base` with a query has nothing below it.
    pub fn is_at_or_below(&self, base: &ReplyUrl) -> bool {
        if self == base {
            return true;
        }
        let same_origin = self.0.host() == base.0.host() && self.0.port() == base.0.port();
        let below = self
            .0
            .path()
            .strip_prefix(base.0.path())
            .is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('/') || base.0.path().ends_with('/')
            });
        same_origin && base.0.query().is_none() && below
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Nothing that a later reader could take for a step up, a separator or an end; nor one who cuts parameters off at a
/// semicolon, or decodes twice.
fn is_plain_segment(segment: &str) -> bool {
    let mut pieces = segment.split('%');
    let mut decoded: Vec<u8> = pieces.next().unwrap_or_default().into();
    for piece in pieces {
        let Some((digits, rest)) = piece.split_at_checked(2) else {
            return false;
        };
        let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        match u8::from_str_radix(digits, 16) {
            Ok(byte) if hexadecimal && !matches!(byte, 0 | b'%' | b'/' | b'\\') => {
                decoded.push(byte);
            }
            _ => return false,
        }
        decoded.extend_from_slice(rest.as_bytes());
    }
    let before_parameters = decoded.split(|byte| *byte == b';').next();
    !matches!(before_parameters, Some(b"." | b".."))
}

impl fmt::Display for ReplyUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for ReplyUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ReplyUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ReplyUrl, D::Error> {
        let text = String::deserialize(deserializer)?;
        ReplyUrl::parse(&text)
            .map_err(|error| de::Error::custom(format!("{text:?} cannot be an endpoint: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_have_one_spelling() {
        for (text, spelling) in [
            ("https://rp.example", "https://rp.example/"),
            (
                "HTTPS://RP.Example:443/App?x=%2F#".trim_end_matches('#'),
                "https://rp.example/App?x=%2F",
            ),
            (
                "https://rp.example:8444/login.srf",
                "https://rp.example:8444/login.srf",
            ),
            ("https://[::1]:8443/a%20b/", "https://[::1]:8443/a%20b/"),
            ("https://rp.example?a=b", "https://rp.example/?a=b"),
            (
                "https://xn--mller-kva.example/",
                "https://xn--mller-kva.example/",
            ),
        ] {
            assert_eq!(ReplyUrl::parse(text).expect(text).as_str(), spelling);
        }
    }

    #[test]
    fn doubtful_addresses_are_refused() {
        use ReplyUrlError::*;
        for (text, expected) in [
            ("", NotHttps),
            ("/adfs/ls", NotHttps),
            ("http://rp.example/", NotHttps),
            ("http://localhost/", NotHttps),
            ("javascript:alert(1)", NotHttps),
            ("//rp.example/", NotHttps),
            ("https:/rp.example/", NotHttps),
            (" https://rp.example/", NotHttps),
            ("https:///rp.example/", Host),
            ("https://rp.example:/", Host),
            ("https://rp.example:99999/", Host),
            ("https://rp%2eexample%2f/", Host),
            ("https://user@rp.example/", UserInfo),
            ("https://rp.example\\@evil.example/", Character),
            ("https://rp.example/a b", Character),
            ("https://rp.example/\ta", Character),
            ("https://rp.example/é", Character),
            ("https://rp.example/#a", Character),
            ("https://rp.example/a/../b", Path),
            ("https://rp.example/a/.%2E/b", Path),
            ("https://rp.example/a/.", Path),
            ("https://rp.example/a%2Fb", Path),
            ("https://rp.example/a%5cb", Path),
            ("https://rp.example/a%00", Path),
            ("https://rp.example/a/..;/b", Path),
            ("https://rp.example/a/%2e%2E;x=1/b", Path),
            ("https://rp.example/a/%252e%252e/b", Path),
            ("https://rp.example/a%", Path),
            ("https://rp.example/a%+1", Path),
        ] {
            assert_eq!(ReplyUrl::parse(text), Err(expected), "{text}");
        }
        assert_eq!(
            ReplyUrl::parse(&format!("https://rp.example/{}", "a".repeat(MAX_LENGTH))),
            Err(TooLong)
        );
    }

    #[test]
    fn below_means_at_a_segment_boundary() {
        let url = |text: &str| ReplyUrl::parse(text).expect(text);
        for (base, address, expected) in [
            ("https://rp.example/app", "https://rp.example/app", true),
            ("https://rp.example/app", "https://RP.example:443/app", true),
            ("https://rp.example/app", "https://rp.example/app/x", true),
            ("https://rp.example/app", "https://rp.example/app?x=1", true),
            ("https://rp.example/app/", "https://rp.example/app/x", true),
            ("https://rp.example", "https://rp.example/x", true),
            (
                "https://rp.example/app",
                "https://rp.example/application",
                false,
            ),
            ("https://rp.example/app/", "https://rp.example/app", false),
            ("https://rp.example/app", "https://rp.example/App", false),
            (
                "https://rp.example/app",
                "https://rp.example:8443/app",
                false,
            ),
            ("https://rp.example/app", "https://x.rp.example/app", false),
            (
                "https://rp.example/app",
                "https://rp.example.evil/app",
                false,
            ),
            (
                "https://rp.example/app?a=b",
                "https://rp.example/app?a=b",
                true,
            ),
            (
                "https://rp.example/app?a=b",
                "https://rp.example/app?a=b&c=d",
                false,
            ),
            (
                "https://rp.example/app?a=b",
                "https://rp.example/app",
                false,
            ),
        ] {
            assert_eq!(
                url(address).is_at_or_below(&url(base)),
                expected,
                "{address} below {base}"
            );
        }
    }

    #[test]
    fn configuration_errors_quote_the_address() {
        let error =
            serde_json::from_str::<ReplyUrl>("\"http://rp.example/\"").expect_err("plain http");
        assert!(error.to_string().starts_with(
            "\"http://rp.example/\" cannot be an endpoint: the address does not begin"
        ));
    }

    proptest! {
        #[test]
        fn an_accepted_address_is_its_own_spelling(text in "https://[a-z@:.%\\[\\]0-9]{0,12}(/[ -~é]{0,12}){0,3}") {
            if let Ok(url) = ReplyUrl::parse(&text) {
                prop_assert_eq!(ReplyUrl::parse(url.as_str()), Ok(url.clone()));
                prop_assert!(url.is_at_or_below(&url));
                prop_assert_eq!(url.0.username(), "");
                prop_assert!(url.0.fragment().is_none());
            }
        }

        #[test]
        fn what_is_below_has_the_same_origin_and_prefix(address in "https://[ab](\\.[ab])?(:[12])?(/[ab%2Ff.]{0,3}){0,3}") {
            let base = ReplyUrl::parse("https://a/a").expect("a base");
            if let Ok(url) = ReplyUrl::parse(&address) && url.is_at_or_below(&base) {
                prop_assert!(url.as_str() == "https://a/a" || url.as_str().starts_with("https://a/a/"));
            }
        }
    }
}
