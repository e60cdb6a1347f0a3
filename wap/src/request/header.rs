//! What a header may carry through the proxy (spec security PRX-1, PRX-3, PRX-7, PRX-8, PRX-16).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;

/// Why a request's header is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// A Connection field that would take away what security rests on.
    #[error("the Connection field names a field that is not hop-by-hop")]
    Connection,
    /// Transfer-Encoding that is not exactly `chunked`, or that comes with Content-Length.
    #[error("the length of the body is ambiguous")]
    Framing,
    /// Expect that is not exactly `100-continue`.
    #[error("an expectation cannot be met")]
    Expect,
}

/// Fields between two neighbours only (RFC 9110 section 7.6.1, with those that old software still sends).
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Starts and whole names of fields that only a proxy may set, in lower case with `-` for `_`. Not all of `X-MS-`:
/// Exchange's own protocols have fields of that form, such as `X-MS-PolicyKey`, which published applications need
/// (spec cloud-scenario 7, check 25). The federation server gets none of those either, see [`without_vendor_fields`].
const RESERVED_STARTS: &[&str] = &[
    "x-ms-adfs-",
    "x-ms-client-",
    "x-ms-endpoint-",
    "x-ms-forwarded-",
    "x-ms-proxy",
    "x-ms-target-",
    "x-forwarded-",
    "x-original-",
];
const VENDOR_START: &str = "x-ms-";
const RESERVED: &[&str] = &[
    "forwarded",
    "true-client-ip",
    "via",
    "x-client-cert",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-real-ip",
    "x-remote-user",
    "x-rewrite-url",
    "x-ssl-client-cert",
];
/// Fields that a Connection field must not name besides.
const PROTECTED_STARTS: &[&str] = &["content-", "sec-"];
const PROTECTED: &[&str] = &[
    "authorization",
    "cookie",
    "expect",
    "host",
    "origin",
    "referer",
];

/// Whether only a proxy may set a field. Back ends that fold `_` to `-` would be fooled by either spelling.
pub fn is_reserved(name: &str) -> bool {
    let folded = name.to_ascii_lowercase().replace('_', "-");
    RESERVED.contains(&folded.as_str())
        || RESERVED_STARTS
            .iter()
            .any(|start| folded.starts_with(start))
}

/// The header without any `X-MS-` field in whatever spelling, for the federation server: its claim rules read such
/// fields, and none of a stranger's may reach them (spec security PRX-8).
pub(crate) fn without_vendor_fields(headers: HeaderMap) -> HeaderMap {
    let is_vendor = |name: &HeaderName| name.as_str().replace('_', "-").starts_with(VENDOR_START);
    if !headers.keys().any(is_vendor) {
        return headers;
    }
    let kept = headers.iter().filter(|(name, _)| !is_vendor(name));
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn is_protected(name: &str) -> bool {
    let folded = name.to_ascii_lowercase().replace('_', "-");
    is_reserved(&folded)
        || PROTECTED.contains(&folded.as_str())
        || PROTECTED_STARTS
            .iter()
            .any(|start| folded.starts_with(start))
}

/// A request's header without what is hop-by-hop and what only a proxy may say. The body's length is left to whoever
/// writes the body.
///
/// # Errors
/// When the header itself is an attack.
pub fn clean_request(received: &HeaderMap) -> Result<HeaderMap, HeaderError> {
    let encodings: Vec<&HeaderValue> = received.get_all(header::TRANSFER_ENCODING).iter().collect();
    let chunked = |value: &&HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    let lengths = received.get_all(header::CONTENT_LENGTH).iter().count();
    if encodings.len() + lengths > 1 || !encodings.iter().all(chunked) {
        return Err(HeaderError::Framing);
    }
    let continues = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if !received.get_all(header::EXPECT).iter().all(continues) {
        return Err(HeaderError::Expect);
    }
    let named = connection_names(received);
    if named.iter().any(|name| is_protected(name)) {
        return Err(HeaderError::Connection);
    }
    let own = [header::HOST, header::CONTENT_LENGTH, header::EXPECT];
    let mut kept = HeaderMap::with_capacity(received.len());
    for (name, value) in received {
        let hop =
            HOP_BY_HOP.contains(&name.as_str()) || named.iter().any(|other| other == name.as_str());
        if !hop && !own.contains(name) && !is_reserved(name.as_str()) {
            kept.append(name, value.clone());
        }
    }
    join_cookies(&mut kept);
    Ok(kept)
}

/// A response's header without what is hop-by-hop and what tells about the software behind.
pub fn clean_response(received: &HeaderMap) -> HeaderMap {
    let named = connection_names(received);
    let telling = [
        "alt-svc",
        "server",
        "x-powered-by",
        "x-aspnet-version",
        "x-aspnetmvc-version",
    ];
    let mut kept = HeaderMap::with_capacity(received.len());
    for (name, value) in received {
        let text = name.as_str();
        let drop = HOP_BY_HOP.contains(&text)
            || telling.contains(&text)
            || named.iter().any(|other| other == text);
        if !drop {
            kept.append(name, value.clone());
        }
    }
    kept
}

fn connection_names(headers: &HeaderMap) -> Vec<String> {
    let fields = headers.get_all(header::CONNECTION).iter();
    let text = fields.filter_map(|value| value.to_str().ok());
    let names = text
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !name.is_empty()).collect()
}

/// HTTP/2 may split Cookie into many fields; HTTP/1.1 may not (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if cookies.len() > 1
        && let Ok(mut joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        joined.set_sensitive(true);
        headers.insert(header::COOKIE, joined);
    }
}

/// Sets a field to exactly one value, or takes it away when the value has no header form.
pub(crate) fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    let name = HeaderName::from_static(name);
    match HeaderValue::from_str(value) {
        Ok(value) => {
            headers.insert(name, value);
        }
        Err(_) => {
            headers.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                name.parse::<HeaderName>().unwrap(),
                value.parse::<HeaderValue>().unwrap(),
            );
        }
        headers
    }

    #[test]
    fn what_only_a_proxy_may_say_is_taken_away_in_every_spelling() {
        for name in [
            "X-MS-Proxy",
            "x_ms_proxy",
            "X-MS_Proxy",
            "X-MS-Forwarded-Client-IP",
            "X-MS-ADFS-Proxy-Client-IP",
            "X-MS-Endpoint-Absolute-Path",
            "X-MS-Target-Role",
            "X-MS-ProxyAuth-Token",
            "X-MS-Client-Application",
            "x_ms_client_application",
            "X-Forwarded-For",
            "X_Forwarded_For",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "X-Forwarded",
            "Forwarded",
            "Via",
            "X-Real-IP",
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-HTTP-Method-Override",
            "X-Remote-User",
            "True-Client-IP",
            "Connection",
            "Keep-Alive",
            "Proxy-Connection",
            "Proxy-Authorization",
            "TE",
            "Trailer",
            "Upgrade",
            "HTTP2-Settings",
        ] {
            let sent = map(&[(name, "close"), ("accept", "*/*")]);
            assert_eq!(
                clean_request(&sent).unwrap(),
                map(&[("accept", "*/*")]),
                "{name}"
            );
        }
    }

    #[test]
    fn what_belongs_to_the_end_client_stays() {
        let sent = [
            ("accept-language", "de"),
            ("authorization", "Basic x"),
            ("cookie", "a=b"),
            ("origin", "https://a.test"),
            ("client-request-id", "1"),
            ("x-requested-with", "XMLHttpRequest"),
            ("x-ms", "1"),
            ("x-ms-policykey", "4711"),
            ("content-type", "text/plain"),
            ("accept", "a"),
            ("accept", "b"),
        ];
        assert_eq!(clean_request(&map(&sent)).unwrap(), map(&sent));
    }

    #[test]
    fn the_federation_server_gets_no_vendor_field_at_all() {
        let sent = map(&[
            ("x-ms-policykey", "1"),
            ("x_ms_anything", "2"),
            ("accept", "a"),
            ("accept", "b"),
        ]);
        let kept = map(&[("accept", "a"), ("accept", "b")]);
        assert_eq!(without_vendor_fields(sent), kept);
    }

    #[test]
    fn a_connection_field_takes_its_own_fields_and_no_others() {
        let sent = map(&[
            ("connection", "close, X-Hop ,"),
            ("x-hop", "1"),
            ("x-end", "1"),
        ]);
        assert_eq!(clean_request(&sent).unwrap(), map(&[("x-end", "1")]));
        for name in [
            "Cookie",
            "authorization",
            "X-MS-Proxy",
            "x_forwarded_for",
            "Host",
            "Content-Length",
            "forwarded",
        ] {
            let sent = map(&[("connection", "close"), ("connection", name)]);
            assert_eq!(clean_request(&sent), Err(HeaderError::Connection), "{name}");
        }
    }

    #[test]
    fn ambiguous_lengths_and_odd_expectations_are_refused() {
        for (fields, expected) in [
            (
                vec![("content-length", "5"), ("transfer-encoding", "chunked")],
                HeaderError::Framing,
            ),
            (
                vec![("content-length", "5"), ("content-length", "5")],
                HeaderError::Framing,
            ),
            (
                vec![("transfer-encoding", "gzip, chunked")],
                HeaderError::Framing,
            ),
            (
                vec![("transfer-encoding", "identity")],
                HeaderError::Framing,
            ),
            (
                vec![
                    ("transfer-encoding", "chunked"),
                    ("transfer-encoding", "chunked"),
                ],
                HeaderError::Framing,
            ),
            (vec![("expect", "100-continue, x")], HeaderError::Expect),
            (vec![("expect", "x")], HeaderError::Expect),
        ] {
            assert_eq!(clean_request(&map(&fields)), Err(expected), "{fields:?}");
        }
        let sent = map(&[
            ("expect", "100-Continue"),
            ("content-length", "5"),
            ("a", "b"),
        ]);
        assert_eq!(clean_request(&sent).unwrap(), map(&[("a", "b")]));
    }

    #[test]
    fn cookies_of_http2_become_one_field() {
        let sent = map(&[("cookie", "a=1"), ("cookie", "b=2")]);
        assert_eq!(
            clean_request(&sent).unwrap(),
            map(&[("cookie", "a=1; b=2")])
        );
    }

    #[test]
    fn answers_lose_what_is_hop_by_hop_or_telling() {
        let sent = map(&[
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("server", "Microsoft-IIS/10.0"),
            ("x-powered-by", "ASP.NET"),
            ("alt-svc", "h3=\":443\""),
            ("set-cookie", "a"),
            ("set-cookie", "b"),
            ("content-length", "3"),
        ]);
        let kept = map(&[
            ("set-cookie", "a"),
            ("set-cookie", "b"),
            ("content-length", "3"),
        ]);
        assert_eq!(clean_response(&sent), kept);
    }
}
