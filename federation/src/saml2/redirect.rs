//! The Redirect binding: a compressed message in the query, with a signature over the query's own octets (SAML 2.0
//! Bindings 3.4).

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use openssl::x509::X509;
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::DecodeError;
use super::post::base64_within;
use crate::IssueError;
use crate::dsig::{Algorithm, SignatureError};
use crate::signature::{SignatureAlgorithm, SigningKey};
use crate::xml::Limits;

/// Compressed messages are bounded more tightly than what becomes of them.
const MAX_COMPRESSED: usize = 64 * 1024;
/// How much is decompressed before the limit is looked at again.
const CHUNK: usize = 32 * 1024;
const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// `SAMLRequest`.
    Request,
    /// `SAMLResponse`.
    Response,
}

impl MessageKind {
    /// The parameter or form field that carries it.
    pub const fn parameter(self) -> &'static str {
        match self {
            MessageKind::Request => "SAMLRequest",
            MessageKind::Response => "SAMLResponse",
        }
    }
}

/// What a query carries. The signature, if there is one, is not verified yet.
#[derive(Debug, Clone)]
pub struct RedirectMessage {
    kind: MessageKind,
    xml: String,
    relay_state: Option<String>,
    signature: Option<QuerySignature>,
}

#[derive(Debug, Clone)]
struct QuerySignature {
    octets: String,
    algorithm: Option<Algorithm>,
    value: Vec<u8>,
}

/// Takes the message out of a query, given as it was sent.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(raw_query: &str) -> Result<RedirectMessage, DecodeError> {
    let parameters = Parameters::of(raw_query)?;
    let (kind, raw) = match (parameters.request, parameters.response) {
        (Some(raw), None) => (MessageKind::Request, raw),
        (None, Some(raw)) => (MessageKind::Response, raw),
        _ => return Err(DecodeError::NotOne),
    };
    if let Some(encoding) = parameters.encoding
        && value(encoding, "SAMLEncoding")? != DEFLATE
    {
        return Err(DecodeError::Encoding);
    }
    let compressed = base64_within(&value(raw, kind.parameter())?, MAX_COMPRESSED)?;
    let relay_state = parameters
        .relay_state
        .map(|raw| value(raw, "RelayState"))
        .transpose()?;
    let signature = match (parameters.algorithm, parameters.signature) {
        (None, None) => None,
        (Some(algorithm), Some(signature)) => Some(QuerySignature {
            octets: signed_octets(kind, raw, parameters.relay_state, algorithm),
            algorithm: Algorithm::from_uri(&value(algorithm, "SigAlg")?),
            value: base64_within(&value(signature, "Signature")?, MAX_COMPRESSED)?,
        }),
        _ => return Err(DecodeError::HalfSigned),
    };
    Ok(RedirectMessage {
        kind,
        xml: inflate(&compressed)?,
        relay_state,
        signature,
    })
}

impl RedirectMessage {
    /// Request or response.
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The message.
    pub fn xml(&self) -> &str {
        &self.xml
    }

    /// What is to come back with the answer, unescaped.
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }

    /// Whether there is a signature.
    pub fn is_signed(&self) -> bool {
        self.signature.is_some()
    }

    /// Algorithm of the signature; `None` without one, or where it is none that is understood.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.signature.as_ref()?.algorithm
    }

    /// Verifies the signature with one of `certificates`, and tells its algorithm, which is for the caller to judge.
    ///
    /// # Errors
    /// [`SignatureError`], also when there is no signature.
    pub fn verify(&self, certificates: &[X509]) -> Result<Algorithm, SignatureError> {
        let signature = self.signature.as_ref().ok_or(SignatureError::NotSigned)?;
        let algorithm = signature.algorithm.ok_or(SignatureError::Algorithm)?;
        let octets = signature.octets.as_bytes();
        algorithm.verify(certificates, octets, &signature.value)?;
        Ok(algorithm)
    }
}

/// The whole address that carries `message` to `location`, which may have a query of its own.
///
/// # Errors
/// When the signature cannot be made.
pub fn encode(
    location: &str,
    kind: MessageKind,
    message: &str,
    relay_state: Option<&str>,
    signing: Option<(&SigningKey, SignatureAlgorithm)>,
) -> Result<String, IssueError> {
    let deflated = deflate(message)?;
    let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let mut query = format!(
        "{}={}",
        kind.parameter(),
        escaped(&STANDARD.encode(deflated))
    );
    if let Some(relay_state) = relay_state {
        query.push_str("&RelayState=");
        query.push_str(&escaped(relay_state));
    }
    if let Some((key, algorithm)) = signing {
        query.push_str("&SigAlg=");
        query.push_str(&escaped(algorithm.uri()));
        let signature = key.sign_octets(query.as_bytes(), algorithm)?;
        query.push_str("&Signature=");
        query.push_str(&escaped(&STANDARD.encode(signature)));
    }
    let separator = if location.contains('?') { '&' } else { '?' };
    Ok(format!("{location}{separator}{query}"))
}

const NAMES: [&str; 6] = [
    "SAMLRequest",
    "SAMLResponse",
    "RelayState",
    "SigAlg",
    "Signature",
    "SAMLEncoding",
];

/// The binding's parameters, escaped as they were sent.
#[derive(Default)]
struct Parameters<'a> {
    request: Option<&'a str>,
    response: Option<&'a str>,
    relay_state: Option<&'a str>,
    algorithm: Option<&'a str>,
    signature: Option<&'a str>,
    encoding: Option<&'a str>,
}

impl<'a> Parameters<'a> {
    fn of(raw_query: &'a str) -> Result<Parameters<'a>, DecodeError> {
        let mut found = Parameters::default();
        for pair in raw_query.split('&') {
            let (raw_name, raw_value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent_decode_str(raw_name).decode_utf8_lossy();
            let known = NAMES
                .into_iter()
                .find(|known| name.trim().eq_ignore_ascii_case(known));
            let Some(known) = known else { continue };
            let (name, place) = match known {
                "SAMLRequest" => ("SAMLRequest", &mut found.request),
                "SAMLResponse" => ("SAMLResponse", &mut found.response),
                "RelayState" => ("RelayState", &mut found.relay_state),
                "SigAlg" => ("SigAlg", &mut found.algorithm),
                "Signature" => ("Signature", &mut found.signature),
                _ => ("SAMLEncoding", &mut found.encoding),
            };
            // The signed octets hold the bare name; another spelling would be signed as something else.
            if raw_name != name || place.replace(raw_value).is_some() {
                return Err(DecodeError::Parameter(name));
            }
        }
        Ok(found)
    }
}

fn signed_octets(
    kind: MessageKind,
    raw: &str,
    relay_state: Option<&str>,
    algorithm: &str,
) -> String {
    let mut octets = format!("{}={raw}", kind.parameter());
    if let Some(relay_state) = relay_state {
        octets.push_str("&RelayState=");
        octets.push_str(relay_state);
    }
    octets.push_str("&SigAlg=");
    octets.push_str(algorithm);
    octets
}

fn value(raw: &str, name: &'static str) -> Result<String, DecodeError> {
    let spaced = raw.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded
        .map(|text| text.into_owned())
        .map_err(|_| DecodeError::Parameter(name))
}

/// Decompresses within the limit for one message: a few bytes can stand for gigabytes. The stream must end where the
/// parameter ends.
fn inflate(compressed: &[u8]) -> Result<String, DecodeError> {
    let limit = Limits::message().bytes;
    let mut inflater = Decompress::new(false);
    let mut octets = Vec::new();
    let mut rest = compressed;
    loop {
        octets.reserve(CHUNK);
        let (taken, given) = (inflater.total_in(), octets.len());
        let status = inflater
            .decompress_vec(rest, &mut octets, FlushDecompress::None)
            .map_err(|_| DecodeError::Deflate)?;
        if octets.len() > limit {
            return Err(DecodeError::TooLarge(limit));
        }
        let taken = usize::try_from(inflater.total_in() - taken).unwrap_or(usize::MAX);
        rest = rest.get(taken..).ok_or(DecodeError::Deflate)?;
        match status {
            Status::StreamEnd if rest.is_empty() => break,
            Status::StreamEnd => return Err(DecodeError::Deflate),
            // Nothing went in and nothing came out: the stream has no end.
            _ if taken == 0 && octets.len() == given => return Err(DecodeError::Deflate),
            _ => {}
        }
    }
    String::from_utf8(octets).map_err(|_| DecodeError::Text)
}

fn deflate(message: &str) -> Result<Vec<u8>, IssueError> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(message.as_bytes())
        .and_then(|()| encoder.finish())
        .map_err(|_| IssueError::Inconsistent("a message cannot be compressed"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_key::{CERTIFICATE, OTHER_CERTIFICATE, SIGNING};

    const MESSAGE: &str =
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>";

    fn query(relay_state: Option<&str>, signed: bool) -> String {
        let signing = signed.then_some((&*SIGNING, SignatureAlgorithm::RsaSha256));
        let url = encode(
            "https://sts.test/adfs/ls/",
            MessageKind::Request,
            MESSAGE,
            relay_state,
            signing,
        );
        url.unwrap().split_once('?').unwrap().1.to_owned()
    }

    #[test]
    fn what_is_encoded_is_decoded_and_verified() {
        for relay_state in [None, Some(""), Some("a b&c=d/é+%20")] {
            let message = decode(&query(relay_state, true)).unwrap();
            assert_eq!(message.kind(), MessageKind::Request);
            assert_eq!(message.xml(), MESSAGE);
            assert_eq!(message.relay_state(), relay_state);
            let certificates = [OTHER_CERTIFICATE.clone(), CERTIFICATE.clone()];
            assert_eq!(message.verify(&certificates).unwrap(), Algorithm::RsaSha256);
            let strangers = std::slice::from_ref(&*OTHER_CERTIFICATE);
            assert!(matches!(
                message.verify(strangers),
                Err(SignatureError::Invalid)
            ));
            assert!(matches!(
                message.verify(&[]),
                Err(SignatureError::NoCertificate)
            ));
        }
        let unsigned = decode(&query(None, false)).unwrap();
        assert!(!unsigned.is_signed());
        assert!(matches!(
            unsigned.verify(std::slice::from_ref(&*CERTIFICATE)),
            Err(SignatureError::NotSigned)
        ));
    }

    #[test]
    fn the_signature_covers_the_octets_as_they_were_sent_in_whatever_order() {
        let sent = query(Some("state"), true);
        let mut parts: Vec<&str> = sent.split('&').collect();
        parts.reverse();
        parts.push("client-request-id=1");
        let turned = decode(&parts.join("&")).unwrap();
        assert!(turned.verify(std::slice::from_ref(&*CERTIFICATE)).is_ok());
        // The same values, escaped otherwise, are other octets.
        let escaped = sent.replace("RelayState=state", "RelayState=st%61te");
        let escaped = decode(&escaped).unwrap();
        assert_eq!(escaped.relay_state(), Some("state"));
        assert!(escaped.verify(std::slice::from_ref(&*CERTIFICATE)).is_err());
    }

    #[test]
    fn no_part_of_a_signed_query_can_be_exchanged() {
        let sent = query(Some("state"), true);
        let other = encode("", MessageKind::Request, "<other/>", Some("state"), None).unwrap();
        let other = other
            .split('&')
            .next()
            .unwrap()
            .trim_start_matches('?')
            .to_owned();
        let own = sent.split('&').next().unwrap().to_owned();
        for forged in [
            sent.replace("RelayState=state", "RelayState=other"),
            sent.replace("&RelayState=state", ""),
            sent.replace(&own, &other),
            sent.replace("rsa-sha256", "rsa-sha512"),
        ] {
            let message = decode(&forged).unwrap();
            assert!(
                message.verify(std::slice::from_ref(&*CERTIFICATE)).is_err(),
                "{forged}"
            );
        }
        let response = decode(&sent.replace("SAMLRequest", "SAMLResponse")).unwrap();
        assert!(
            response
                .verify(std::slice::from_ref(&*CERTIFICATE))
                .is_err()
        );
    }

    #[test]
    fn two_readers_could_not_read_two_things() {
        let sent = query(Some("state"), true);
        let first = sent.split('&').next().unwrap().to_owned();
        for (forged, expected) in [
            (
                format!("{sent}&{first}"),
                DecodeError::Parameter("SAMLRequest"),
            ),
            (
                format!("{sent}&RelayState=x"),
                DecodeError::Parameter("RelayState"),
            ),
            (format!("{sent}&SigAlg=x"), DecodeError::Parameter("SigAlg")),
            (
                format!("{sent}&Signature=x"),
                DecodeError::Parameter("Signature"),
            ),
            (
                sent.replace("RelayState", "Relay%53tate"),
                DecodeError::Parameter("RelayState"),
            ),
            (
                format!("{sent}&relaystate=x"),
                DecodeError::Parameter("RelayState"),
            ),
            (
                sent.replace("RelayState", "relaystate"),
                DecodeError::Parameter("RelayState"),
            ),
            (
                format!("{sent}&SAMLRequest%20=x"),
                DecodeError::Parameter("SAMLRequest"),
            ),
            (format!("{sent}&SAMLResponse=x"), DecodeError::NotOne),
            (format!("{sent}&SAMLEncoding=urn:x"), DecodeError::Encoding),
            (sent.replace("SigAlg", "Other"), DecodeError::HalfSigned),
            ("RelayState=x".to_owned(), DecodeError::NotOne),
            ("SAMLRequest=%2A".to_owned(), DecodeError::Base64),
            ("SAMLRequest=PGEvPg%3D%3D".to_owned(), DecodeError::Deflate),
        ] {
            assert_eq!(decode(&forged).map(|_| ()), Err(expected), "{forged}");
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = deflate(&" ".repeat(8 * 1024 * 1024)).unwrap();
        assert!(bomb.len() < 16 * 1024);
        let query: String =
            form_urlencoded::byte_serialize(STANDARD.encode(bomb).as_bytes()).collect();
        let refused = decode(&format!("SAMLRequest={query}"));
        assert!(matches!(refused, Err(DecodeError::TooLarge(_))));
    }

    proptest! {
        #[test]
        fn no_query_panics(query in "((SAMLRequest|SAMLResponse|RelayState|SigAlg|Signature|%53AMLRequest)(=[a-zA-Z0-9%+/=]{0,12})?&){0,4}") {
            let _ = decode(&query);
        }

        #[test]
        fn any_text_comes_back(message in ".{0,300}", relay_state in proptest::option::of(".{0,80}")) {
            let url = encode("https://sp.test/?a=b", MessageKind::Response, &message, relay_state.as_deref(), None).unwrap();
            let decoded = decode(url.split_once('?').unwrap().1).unwrap();
            prop_assert_eq!(decoded.xml(), &message);
            prop_assert_eq!(decoded.relay_state(), relay_state.as_deref());
        }
    }
}
