//! Requests, as text: what a test wants wrong is simply written wrong.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use url::Url;
use url::form_urlencoded::byte_serialize;
use uuid::Uuid;

use super::deflate;
use super::xmlsec::{self, Algorithm};
use super::{ASSERTION, BINDINGS, PROTOCOL};
use crate::clock::now;

/// An `AuthnRequest`.
#[derive(Debug, Clone)]
pub struct AuthnRequest {
    /// `ID`.
    pub id: String,
    /// `Issuer`.
    pub issuer: String,
    /// `IssueInstant`.
    pub issue_instant: OffsetDateTime,
    /// `Destination`.
    pub destination: Option<String>,
    /// More attributes, as written into the start tag.
    pub attributes: String,
    /// What follows `Issuer` and signature.
    pub content: String,
}

/// A fresh id.
pub fn fresh_id() -> String {
    format!("_{}", Uuid::new_v4())
}

/// A moment as SAML writes it, some seconds from now.
pub fn moment(offset: i64) -> OffsetDateTime {
    now() + Duration::seconds(offset)
}

/// `text` as an XML attribute's or element's content.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

/// A moment as SAML writes it.
///
/// # Errors
/// Never for years of four digits.
pub fn written(moment: OffsetDateTime) -> Result<String> {
    Ok(moment.replace_nanosecond(0)?.format(&Rfc3339)?)
}

impl AuthnRequest {
    /// An ordinary one.
    pub fn new(issuer: &str, destination: &Url) -> AuthnRequest {
        AuthnRequest {
            id: fresh_id(),
            issuer: issuer.to_owned(),
            issue_instant: now(),
            destination: Some(destination.to_string()),
            attributes: String::new(),
            content: String::new(),
        }
    }

    /// With more attributes.
    #[must_use]
    pub fn with_attributes(mut self, attributes: &str) -> AuthnRequest {
        self.attributes = attributes.to_owned();
        self
    }

    /// With children after the issuer.
    #[must_use]
    pub fn with_content(mut self, content: &str) -> AuthnRequest {
        self.content = content.to_owned();
        self
    }

    /// The text.
    ///
    /// # Errors
    /// When the time cannot be written.
    pub fn xml(&self) -> Result<String> {
        self.text("")
    }

    /// The text with a signature within.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn signed_xml(&self, key: &PKey<Private>, algorithm: Algorithm) -> Result<String> {
        let text = self.text(&xmlsec::template(&self.id, algorithm))?;
        let signed = xmlsec::sign(&text, &key.private_key_to_pem_pkcs8()?)?;
        Ok(without_declaration(&signed).to_owned())
    }

    fn text(&self, signature: &str) -> Result<String> {
        let destination = self.destination.as_ref().map_or_else(String::new, |url| {
            format!(" Destination=\"{}\"", escape(url))
        });
        Ok(format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{}\" Version=\"2.0\" \
             IssueInstant=\"{}\"{destination} {}><saml:Issuer>{}</saml:Issuer>{signature}{}</samlp:AuthnRequest>",
            self.id,
            written(self.issue_instant)?,
            self.attributes,
            escape(&self.issuer),
            self.content
        ))
    }
}

/// `NameIDPolicy` that asks for a format.
pub fn name_id_policy(format: &str) -> String {
    format!("<samlp:NameIDPolicy Format=\"{format}\" AllowCreate=\"true\"/>")
}

/// `RequestedAuthnContext`; no comparison when it is empty.
pub fn requested_context(comparison: &str, classes: &[&str]) -> String {
    let comparison = if comparison.is_empty() {
        String::new()
    } else {
        format!(" Comparison=\"{comparison}\"")
    };
    let classes: String = classes
        .iter()
        .map(|class| format!("<saml:AuthnContextClassRef>{class}</saml:AuthnContextClassRef>"))
        .collect();
    format!("<samlp:RequestedAuthnContext{comparison}>{classes}</samlp:RequestedAuthnContext>")
}

/// A signed or unsigned `LogoutRequest`.
///
/// # Errors
/// When it cannot be written or signed.
pub fn logout_request(
    issuer: &str,
    destination: &Url,
    name_id: &str,
    session_index: &str,
    key: Option<&PKey<Private>>,
) -> Result<String> {
    let id = fresh_id();
    let template = key.map_or_else(String::new, |_| xmlsec::template(&id, Algorithm::RsaSha256));
    let text = format!(
        "<samlp:LogoutRequest xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" Version=\"2.0\" \
         IssueInstant=\"{}\" Destination=\"{destination}\"><saml:Issuer>{}</saml:Issuer>{template}{name_id}\
         <samlp:SessionIndex>{session_index}</samlp:SessionIndex></samlp:LogoutRequest>",
        written(now())?,
        escape(issuer)
    );
    match key {
        Some(key) => {
            let signed = xmlsec::sign(&text, &key.private_key_to_pem_pkcs8()?)?;
            Ok(without_declaration(&signed).to_owned())
        }
        None => Ok(text),
    }
}

/// A signed `LogoutResponse` that tells a status, named without the part that all begin with.
///
/// # Errors
/// When it cannot be written or signed.
pub fn logout_response(
    issuer: &str,
    destination: &Url,
    in_response_to: &str,
    status: &str,
    key: &PKey<Private>,
) -> Result<String> {
    let id = fresh_id();
    let text = format!(
        "<samlp:LogoutResponse xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" Version=\"2.0\" \
         IssueInstant=\"{}\" Destination=\"{destination}\" InResponseTo=\"{in_response_to}\"><saml:Issuer>{}</saml:Issuer>{}\
         <samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:{status}\"/></samlp:Status></samlp:LogoutResponse>",
        written(now())?,
        escape(issuer),
        xmlsec::template(&id, Algorithm::RsaSha256)
    );
    let signed = xmlsec::sign(&text, &key.private_key_to_pem_pkcs8()?)?;
    Ok(without_declaration(&signed).to_owned())
}

fn without_declaration(text: &str) -> &str {
    match text.split_once("?>") {
        Some((declaration, rest)) if declaration.starts_with("<?xml") => rest.trim(),
        _ => text.trim(),
    }
}

/// The value of `SAMLRequest` in the Redirect binding, not yet percent-encoded.
pub fn deflated(xml: &str) -> String {
    STANDARD.encode(deflate::stored(xml.as_bytes()))
}

/// The query of the Redirect binding without a signature.
pub fn query(parameter: &str, value: &str, relay_state: Option<&str>) -> String {
    let mut query = format!("{parameter}={}", encoded(value));
    if let Some(state) = relay_state {
        query.push_str(&format!("&RelayState={}", encoded(state)));
    }
    query
}

/// The query with `SigAlg` and `Signature` over just these octets (SAML 2.0 Bindings 3.4.4.1).
///
/// # Errors
/// When OpenSSL cannot sign.
pub fn signed_query(query: &str, key: &PKey<Private>, algorithm: Algorithm) -> Result<String> {
    let octets = format!("{query}&SigAlg={}", encoded(algorithm.uri()));
    let signature = signature(&octets, key, algorithm)?;
    Ok(format!("{octets}&Signature={}", encoded(&signature)))
}

/// A signature over octets, in base64.
///
/// # Errors
/// When OpenSSL cannot sign.
pub fn signature(octets: &str, key: &PKey<Private>, algorithm: Algorithm) -> Result<String> {
    let digest = match algorithm {
        Algorithm::RsaSha256 => MessageDigest::sha256(),
        Algorithm::RsaSha1 => MessageDigest::sha1(),
    };
    let mut signer = Signer::new(digest, key)?;
    Ok(STANDARD.encode(signer.sign_oneshot_to_vec(octets.as_bytes())?))
}

/// The address with this query, octet for octet.
pub fn address(endpoint: &Url, query: &str) -> Url {
    let mut url = endpoint.clone();
    url.set_query(Some(query));
    url
}

/// The fields of the POST binding.
pub fn post_fields(parameter: &str, xml: &str, relay_state: Option<&str>) -> Vec<(String, String)> {
    let mut fields = vec![(parameter.to_owned(), STANDARD.encode(xml))];
    fields.extend(relay_state.map(|state| ("RelayState".to_owned(), state.to_owned())));
    fields
}

/// A binding's URI.
pub fn binding(name: &str) -> String {
    format!("{BINDINGS}{name}")
}

/// Percent-encoded as a form does.
pub fn encoded(value: &str) -> String {
    byte_serialize(value.as_bytes()).collect()
}
