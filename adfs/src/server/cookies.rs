//! The cookies of AD FS by name and format (spec passive-sign-in 6.1).
//!
//! They are `SameSite=Lax`: relying parties send the browser here by a top-level GET, with which a Lax cookie travels;
//! our own forms are same-origin; and the token leaves by a POST to the relying party, which needs no cookie of ours.
//! So the `None` of AD FS would only help somebody else's page to act in the user's session. The one exception is
//! `MSISContext`, which must come along with the POST of a claims provider, and opens no session.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use crate::sign_in::TokenCount;

/// The sealed session.
pub(super) const SESSION: &str = "MSISAuth";
/// Time of the sign-in, for people and proxies that look.
pub(super) const AUTHENTICATED: &str = "MSISAuthenticated";
/// Tokens given to this browser in the current window.
pub(super) const LOOP: &str = "MSISLoopDetectionCookie";
/// Relying parties that this browser visited.
pub(super) const SIGN_OUT: &str = "MSISSignOut";
/// Tells clients that a sign-in to this site itself has begun.
const SAML_REQUEST: &str = "MSISSamlRequest";
/// The sealed participants of single logout.
pub(super) const SAML_SESSION: &str = "SamlSession";
/// A single logout that is on its way, sealed.
const LOGOUT: &str = "MSISSamlLogout";
/// How long a browser keeps it; the sealed value has an end of its own.
const LOGOUT_LIFE: CookieDuration = CookieDuration::minutes(10);

/// The claims provider that the user chose, for the next time.
const HOME_REALM: &str = "MSISIPSelectionPersistent";
/// How long it is kept (HRDCookieLifetime).
const HOME_REALM_LIFE: CookieDuration = CookieDuration::days(30);
/// A sign-in that is away at a claims provider; its key follows.
const CONTEXT: &str = "MSISContext";
/// How long a browser keeps it; the sealed value has an end of its own.
const CONTEXT_LIFE: CookieDuration = CookieDuration::minutes(10);
/// More sign-ins away at once than this would crowd out the request header.
const MAX_CONTEXTS: usize = 5;

const PATH: &str = "/adfs";
/// A browser keeps 4,096 bytes for name, value and attributes together.
const CHUNK: usize = 3600;
const MAX_CHUNKS: usize = 4;
/// More visited relying parties than this would crowd out the request header.
const MAX_VISITED: usize = 32;
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const US_TIME: &[BorrowedFormatItem<'_>] = format_description!(
    "[month padding:none]/[day padding:none]/[year] [hour repr:12 padding:none]:[minute]:[second] [period]"
);
const LOOP_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]:[hour]:[minute]:[second]Z");

/// The cookies of one request. What does not parse is not there; it never refuses the request, because clients keep
/// stale and foreign values for days.
#[derive(Debug, Default)]
pub(super) struct RequestCookies(Vec<(String, String)>);

impl RequestCookies {
    /// Those of `request` whose names are ours.
    pub(super) fn of(request: &HttpRequest) -> RequestCookies {
        let mut found: Vec<(String, String)> = Vec::new();
        for value in request
            .headers()
            .get_all(header::COOKIE)
            .filter_map(|value| value.to_str().ok())
        {
            for (name, value) in value
                .split(';')
                .filter_map(|pair| pair.trim().split_once('='))
            {
                let ours = name.starts_with("MSIS") || name == SAML_SESSION;
                if ours && !found.iter().any(|(known, _)| known == name) {
                    found.push((name.to_owned(), value.trim_matches('"').to_owned()));
                }
            }
        }
        RequestCookies(found)
    }

    /// Whether any came.
    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// One value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The sealed session, put together from its parts.
    pub(super) fn session(&self) -> Option<String> {
        self.whole(SESSION)
    }

    /// The sealed sign-in that is away under `key`, put together from its parts.
    pub(super) fn context(&self, key: Uuid) -> Option<String> {
        self.whole(&context_name(key))
    }

    /// The sealed participants of the session.
    pub(super) fn saml_session(&self) -> Option<&str> {
        self.get(SAML_SESSION)
    }

    /// The sealed single logout that is on its way, put together from its parts.
    pub(super) fn logout(&self) -> Option<String> {
        self.whole(LOGOUT)
    }

    fn whole(&self, name: &str) -> Option<String> {
        let mut whole = self.get(name)?.to_owned();
        for number in 1..MAX_CHUNKS {
            let Some(part) = self.get(&part_name(name, number)) else {
                break;
            };
            whole.push_str(part);
        }
        Some(whole)
    }
}

fn part_name(name: &str, number: usize) -> String {
    if number == 0 {
        name.to_owned()
    } else {
        format!("{name}{number}")
    }
}

fn context_name(key: Uuid) -> String {
    // Behind the hyphen stands the number of a part, which the key must not run into.
    format!("{CONTEXT}{}-", key.hyphenated())
}

/// `None` when more cookies would be needed than are read back.
fn parts(sealed: &str) -> Option<Vec<&str>> {
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = sealed;
    while !rest.is_empty() {
        let (part, remainder) = rest.split_at_checked(CHUNK).unwrap_or((rest, ""));
        parts.push(part);
        rest = remainder;
    }
    (parts.len() <= MAX_CHUNKS).then_some(parts)
}

fn cookie(name: impl Into<String>, value: impl Into<String>) -> Cookie<'static> {
    Cookie::build(name.into(), value.into())
        .path(PATH)
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish()
}

fn expired(name: impl Into<String>) -> Cookie<'static> {
    let mut gone = cookie(name, "");
    gone.set_max_age(CookieDuration::ZERO);
    gone.set_expires(actix_web::cookie::time::OffsetDateTime::UNIX_EPOCH);
    gone
}

/// Cookies that hold a sealed session, and expiries of the parts that a longer one before it left behind.
///
/// `persistent` is the remaining life of a session that survives the browser.
pub(super) fn session(
    sealed: &str,
    before: &RequestCookies,
    persistent: Option<Duration>,
) -> Vec<Cookie<'static>> {
    let Some(parts) = parts(sealed) else {
        tracing::warn!(
            "a session is too large for its cookies; the user will be asked to sign in again"
        );
        return Vec::new();
    };
    let mut cookies: Vec<Cookie<'static>> = parts
        .iter()
        .enumerate()
        .map(|(number, part)| cookie(part_name(SESSION, number), *part))
        .collect();
    if let Some(life) = persistent {
        for cookie in &mut cookies {
            cookie.set_max_age(CookieDuration::seconds(life.whole_seconds()));
        }
    }
    cookies.extend(expired_parts(SESSION, parts.len(), before));
    cookies
}

/// Expiries of everything that sign-out ends.
pub(super) fn signed_out(before: &RequestCookies) -> Vec<Cookie<'static>> {
    let mut names = vec![
        SESSION.to_owned(),
        AUTHENTICATED.to_owned(),
        SIGN_OUT.to_owned(),
        SAML_SESSION.to_owned(),
    ];
    names.extend(
        (1..MAX_CHUNKS)
            .map(|number| part_name(SESSION, number))
            .filter(|name| before.get(name).is_some()),
    );
    names.into_iter().map(expired).collect()
}

/// `MSISSamlRequest`: base64 of `BaseUrl=` and the address that the sign-in goes on at. For clients that look for it; it
/// is never read.
pub(super) fn local_sign_in(address: &str) -> Cookie<'static> {
    cookie(SAML_REQUEST, STANDARD.encode(format!("BaseUrl={address}")))
}

/// Expiry of that cookie, when it came.
pub(super) fn without_local_sign_in(before: &RequestCookies) -> Option<Cookie<'static>> {
    before.get(SAML_REQUEST).map(|_| expired(SAML_REQUEST))
}

/// Expiries of the session alone; what the browser knows of applications stays.
pub(super) fn signed_out_here(before: &RequestCookies) -> Vec<Cookie<'static>> {
    let mut gone = vec![expired(SESSION), expired(AUTHENTICATED)];
    gone.extend(expired_parts(SESSION, 1, before));
    gone
}

/// `SamlSession`: the sealed participants of single logout.
pub(super) fn saml_session(sealed: &str) -> Cookie<'static> {
    cookie(SAML_SESSION, sealed)
}

/// The single logout that is on its way, and expiries of the parts that a longer one before it left behind. `None` when
/// it is too large for a browser.
pub(super) fn logout(sealed: &str, before: &RequestCookies) -> Option<Vec<Cookie<'static>>> {
    let parts = parts(sealed)?;
    let mut cookies: Vec<Cookie<'static>> = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let mut cookie = cookie(part_name(LOGOUT, number), *part);
        cookie.set_max_age(LOGOUT_LIFE);
        cookies.push(cookie);
    }
    cookies.extend(expired_parts(LOGOUT, parts.len(), before));
    Some(cookies)
}

/// Expiries of the cookies of a single logout that is over.
pub(super) fn without_logout(before: &RequestCookies) -> Vec<Cookie<'static>> {
    expired_parts(LOGOUT, 0, before).collect()
}

/// Expiries of the parts that came, from number `first` on.
fn expired_parts(
    name: &'static str,
    first: usize,
    before: &RequestCookies,
) -> impl Iterator<Item = Cookie<'static>> {
    (first..MAX_CHUNKS)
        .map(move |number| part_name(name, number))
        .filter(|name| before.get(name).is_some())
        .map(expired)
}

/// `MSISContext...`: a sign-in that is away under `key`. The answer is a POST from another site, which only cookies with
/// `SameSite=None` come along with. `None` when it is too large for a browser.
pub(super) fn context(key: Uuid, sealed: &str) -> Option<Vec<Cookie<'static>>> {
    let name = context_name(key);
    let made = parts(sealed)?
        .into_iter()
        .enumerate()
        .map(|(number, part)| {
            let mut cookie = across_sites(cookie(part_name(&name, number), part));
            cookie.set_max_age(CONTEXT_LIFE);
            cookie
        });
    Some(made.collect())
}

/// Expiries of the cookies of a sign-in that is back.
pub(super) fn without_context(before: &RequestCookies, key: Uuid) -> Vec<Cookie<'static>> {
    let name = context_name(key);
    let gone = before
        .0
        .iter()
        .filter(|(known, _)| known.starts_with(&name));
    gone.map(|(known, _)| across_sites(expired(known.clone())))
        .collect()
}

/// Expiries that make room for one more sign-in to be away: browsers list the oldest cookies first (RFC 6265 5.4).
pub(super) fn surplus_contexts(before: &RequestCookies) -> Vec<Cookie<'static>> {
    let away: Vec<&String> = before
        .0
        .iter()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with(CONTEXT))
        .collect();
    let surplus = (away.len() + 1).saturating_sub(MAX_CONTEXTS);
    let gone = away.into_iter().take(surplus);
    gone.map(|name| across_sites(expired(name.clone())))
        .collect()
}

fn across_sites(mut cookie: Cookie<'static>) -> Cookie<'static> {
    cookie.set_same_site(SameSite::None);
    cookie
}

/// The claims provider that the user chose the last time: base64 of its identifier.
pub(super) fn home_realm(cookies: &RequestCookies) -> Option<String> {
    String::from_utf8(STANDARD.decode(cookies.get(HOME_REALM)?).ok()?).ok()
}

/// `MSISIPSelectionPersistent`.
pub(super) fn with_home_realm(identifier: &str) -> Cookie<'static> {
    let mut cookie = cookie(HOME_REALM, STANDARD.encode(identifier));
    cookie.set_max_age(HOME_REALM_LIFE);
    cookie
}

/// `MSISAuthenticated`: base64 of the sign-in time in US format, UTC.
pub(super) fn authenticated(at: OffsetDateTime) -> Option<Cookie<'static>> {
    let text = at.to_offset(time::UtcOffset::UTC).format(US_TIME).ok()?;
    Some(cookie(AUTHENTICATED, STANDARD.encode(text)))
}

/// Tokens that this browser got, from `MSISLoopDetectionCookie`; anything unreadable counts as a new window.
pub(super) fn token_count(cookies: &RequestCookies) -> Option<TokenCount> {
    let text = String::from_utf8(STANDARD.decode(cookies.get(LOOP)?).ok()?).ok()?;
    let (since, tokens) = text.split_once('\\')?;
    Some(TokenCount {
        since: PrimitiveDateTime::parse(since, LOOP_TIME)
            .ok()?
            .assume_utc(),
        tokens: tokens.parse().ok()?,
    })
}

/// `MSISLoopDetectionCookie`: base64 of the window's beginning, to the second, and the count.
pub(super) fn with_token_count(count: TokenCount) -> Option<Cookie<'static>> {
    let since = count.since.format(LOOP_TIME).ok()?;
    Some(cookie(
        LOOP,
        STANDARD.encode(format!("{since}\\{}", count.tokens)),
    ))
}

/// One relying party that this browser got a token for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visited {
    /// Identifier of the trust. The other fields of the cookie are for show: sign-out looks the trust up by this.
    pub(super) identifier: String,
    /// Display name.
    pub(super) name: String,
    /// Registered endpoint.
    pub(super) endpoint: String,
}

/// Identifiers in `MSISSignOut`.
pub(super) fn visited(cookies: &RequestCookies) -> Vec<String> {
    entries(cookies)
        .iter()
        .filter_map(|entry| decode(entry.split('&').next()?))
        .collect()
}

/// `MSISSignOut` with one more relying party; nothing when it is there already.
pub(super) fn with_visited(cookies: &RequestCookies, visit: &Visited) -> Option<Cookie<'static>> {
    let mut entries = entries(cookies);
    let identifier = encode(&visit.identifier);
    if entries
        .iter()
        .any(|entry| entry.split('&').next() == Some(identifier.as_str()))
    {
        return None;
    }
    let endpoint = encode(&visit.endpoint);
    entries.push(format!(
        "{identifier}&{}&{endpoint}&{endpoint}",
        encode(&visit.name)
    ));
    let surplus = entries.len().saturating_sub(MAX_VISITED);
    let text: String = entries
        .iter()
        .skip(surplus)
        .map(|entry| format!("{entry}\\"))
        .collect();
    Some(cookie(
        SIGN_OUT,
        STANDARD.encode(format!("signoutCleanup;{text}")),
    ))
}

fn entries(cookies: &RequestCookies) -> Vec<String> {
    cookies
        .get(SIGN_OUT)
        .and_then(|value| STANDARD.decode(value).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.strip_prefix("signoutCleanup;").map(str::to_owned))
        .map(|text| {
            text.split('\\')
                .filter(|entry| !entry.is_empty())
                .take(MAX_VISITED)
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default()
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use time::macros::datetime;

    use super::*;

    fn from(cookies: &[Cookie<'_>]) -> RequestCookies {
        let header = cookies
            .iter()
            .map(|cookie| format!("{}={}", cookie.name(), cookie.value()))
            .collect::<Vec<_>>()
            .join("; ");
        RequestCookies::of(
            &TestRequest::default()
                .insert_header((header::COOKIE, header))
                .to_http_request(),
        )
    }

    #[test]
    fn a_large_session_is_split_and_read_back_and_a_smaller_one_removes_the_rest() {
        let sealed = "abcdefghij".repeat(800);
        let cookies = session(&sealed, &RequestCookies::default(), None);
        assert_eq!(
            cookies.iter().map(Cookie::name).collect::<Vec<_>>(),
            ["MSISAuth", "MSISAuth1", "MSISAuth2"]
        );
        let before = from(&cookies);
        assert_eq!(before.session().as_deref(), Some(sealed.as_str()));
        let smaller = session("short", &before, None);
        let gone: Vec<_> = smaller
            .iter()
            .filter(|cookie| cookie.value().is_empty())
            .map(Cookie::name)
            .collect();
        assert_eq!(gone, ["MSISAuth1", "MSISAuth2"]);
    }

    #[test]
    fn cookies_are_secure_and_have_the_path_of_ad_fs() {
        for cookie in session("x", &RequestCookies::default(), Some(Duration::hours(1)))
            .iter()
            .chain(&signed_out(&RequestCookies::default()))
        {
            let text = cookie.to_string();
            for attribute in ["Path=/adfs", "Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(text.contains(attribute), "{text}");
            }
            assert!(!text.contains("Domain"));
        }
        let persistent = session("x", &RequestCookies::default(), Some(Duration::hours(1)));
        assert!(
            persistent
                .first()
                .is_some_and(|cookie| cookie.to_string().contains("Max-Age=3600"))
        );
    }

    #[test]
    fn formats_are_those_of_captured_cookies() {
        let at = datetime!(2023-10-16 06:22:15 UTC);
        let decoded = |cookie: Option<Cookie<'_>>| {
            cookie
                .and_then(|cookie| STANDARD.decode(cookie.value()).ok())
                .and_then(|bytes| String::from_utf8(bytes).ok())
        };
        assert_eq!(
            decoded(authenticated(at)).as_deref(),
            Some("10/16/2023 6:22:15 AM")
        );
        let count = TokenCount {
            since: at,
            tokens: 1,
        };
        assert_eq!(
            decoded(with_token_count(count)).as_deref(),
            Some("2023-10-16:06:22:15Z\\1")
        );
        let back = with_token_count(count).map(|cookie| from(&[cookie]));
        assert_eq!(back.as_ref().and_then(token_count), Some(count));
        let visit = Visited {
            identifier: "urn:a&b".into(),
            name: "A \\ B".into(),
            endpoint: "https://rp.test/".into(),
        };
        let cookie = with_visited(&RequestCookies::default(), &visit);
        assert_eq!(
            decoded(cookie.clone()).as_deref(),
            Some(
                "signoutCleanup;urn%3Aa%26b&A%20%5C%20B&https%3A%2F%2Frp.test%2F&https%3A%2F%2Frp.test%2F\\"
            )
        );
        let back = cookie.map(|cookie| from(&[cookie])).unwrap_or_default();
        assert_eq!(visited(&back), ["urn:a&b"]);
        assert_eq!(with_visited(&back, &visit), None);
    }

    #[test]
    fn foreign_values_count_as_absent() {
        let request = TestRequest::default()
            .insert_header((
                header::COOKIE,
                "=; a; MSISLoopDetectionCookie=%%%; MSISSignOut=AAAA; other=\"x",
            ))
            .to_http_request();
        let cookies = RequestCookies::of(&request);
        assert_eq!(token_count(&cookies), None);
        assert_eq!(visited(&cookies), Vec::<String>::new());
        assert_eq!(cookies.session(), None);
    }
}
