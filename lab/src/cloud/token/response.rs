//! What stands in a `wresult` before anything of it is believed: one RequestSecurityTokenResponse with one assertion.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node, ParsingOptions};

use super::{DSIG, ENVELOPED, EXCLUSIVE_C14N, RSA_SHA256, SAML, SAML2, SHA256, TRUST};
use crate::cloud::refusal::Refusal;

/// A real answer has some 6 KB; room for a thousand claims stays.
pub(crate) const MAX_LENGTH: usize = 192 * 1024;
const MAX_NODES: u32 = 8192;
const MAX_DEPTH: usize = 24;

/// A `wresult` whose shape is known. Nothing in it is proven.
#[derive(Debug)]
pub(crate) struct Response<'x> {
    text: &'x str,
    /// Claimed issuer; chooses the domain whose keys must prove it.
    pub(crate) issuer: String,
    pub(super) assertion_id: String,
    signature: Result<SignatureShape, Refusal>,
}

/// The parts of a signature that has the one layout we take (spec passive-sign-in 2.8).
#[derive(Debug, Clone)]
pub(super) struct SignatureShape {
    /// DER of the certificate in `KeyInfo`, when there is one.
    pub(super) certificate: Option<Vec<u8>>,
    /// `DigestValue`, decoded.
    pub(super) digest: Vec<u8>,
}

impl<'x> Response<'x> {
    /// Reads the structure under strict limits.
    ///
    /// # Errors
    /// 20012 when it is not an RSTR that holds an assertion of SAML 1.1.
    pub(crate) fn parse(text: &'x str) -> Result<Response<'x>, Refusal> {
        if text.len() > MAX_LENGTH {
            return Err(Refusal::malformed_response(format!(
                "it is longer than {MAX_LENGTH} bytes"
            )));
        }
        if too_deep(text) {
            return Err(Refusal::malformed_response(format!(
                "elements are nested deeper than {MAX_DEPTH}"
            )));
        }
        let options = ParsingOptions {
            allow_dtd: false,
            nodes_limit: MAX_NODES,
            ..ParsingOptions::default()
        };
        let document =
            Document::parse_with_options(text, options).map_err(|error| match error {
                roxmltree::Error::DtdDetected => {
                    Refusal::malformed_response("a document type declaration is not allowed")
                }
                error => Refusal::malformed_response(format!("not well-formed XML ({error})")),
            })?;
        if document.descendants().any(|node| node.is_pi()) {
            return Err(Refusal::malformed_response(
                "a processing instruction is not allowed",
            ));
        }
        let root = document.root_element();
        if !root.has_tag_name((TRUST, "RequestSecurityTokenResponse")) {
            return Err(Refusal::malformed_response(
                "the root element is not RequestSecurityTokenResponse of WS-Trust 2005/02",
            ));
        }
        let assertion = carried_assertion(root)?;
        let attribute = |name: &str| {
            assertion
                .attribute(name)
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
                .ok_or_else(|| Refusal::malformed_response(format!("the assertion has no {name}")))
        };
        if attribute("MajorVersion")? != "1" || attribute("MinorVersion")? != "1" {
            return Err(Refusal::malformed_response(
                "the assertion is not of SAML version 1.1",
            ));
        }
        let issuer = attribute("Issuer")?;
        let assertion_id = attribute("AssertionID")?;
        let signature = signature_shape(&document, assertion, &assertion_id);
        Ok(Response {
            text,
            issuer,
            assertion_id,
            signature,
        })
    }

    pub(super) fn text(&self) -> &'x str {
        self.text
    }

    /// The signature's parts, if it has the one layout that is taken. Asked for only after the issuer is known to be
    /// one of ours, so that of two faults the earlier is reported (spec cloud-scenario 7, check 30).
    pub(super) fn signature(&self) -> Result<&SignatureShape, Refusal> {
        self.signature.as_ref().map_err(Clone::clone)
    }
}

/// Recursive parsers must not meet a document that exhausts their stack. Counts tags without understanding them;
/// what it mistakes, such as markup in CDATA, only makes it refuse sooner.
fn too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    for piece in text.split('<').skip(1) {
        let tag = piece.split('>').next().unwrap_or_default();
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !tag.ends_with('/') && !tag.starts_with(['!', '?']) {
            depth += 1;
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

fn carried_assertion<'a, 'input>(root: Node<'a, 'input>) -> Result<Node<'a, 'input>, Refusal> {
    let mut carriers = root
        .children()
        .filter(|node| node.has_tag_name((TRUST, "RequestedSecurityToken")));
    let (Some(carrier), None) = (carriers.next(), carriers.next()) else {
        return Err(Refusal::malformed_response(
            "it must hold exactly one RequestedSecurityToken",
        ));
    };
    carrier
        .children()
        .find(|node| node.has_tag_name((SAML, "Assertion")))
        .ok_or_else(|| {
            Refusal::malformed_response("RequestedSecurityToken holds no assertion of SAML 1.1")
        })
}

fn signature_shape(
    document: &Document<'_>,
    assertion: Node<'_, '_>,
    id: &str,
) -> Result<SignatureShape, Refusal> {
    let invalid = |text: &str| Refusal::invalid_token("signature", text);
    let assertions = document
        .descendants()
        .filter(|node| node.is_element() && node.tag_name().name() == "Assertion")
        .filter(|node| matches!(node.tag_name().namespace(), Some(SAML | SAML2)))
        .count();
    if assertions != 1 {
        return Err(Refusal::invalid_token(
            "wrapping",
            "the message holds more than one assertion",
        ));
    }
    let beside = assertion
        .parent()
        .into_iter()
        .flat_map(|carrier| carrier.children());
    if beside.filter(Node::is_element).count() != 1 {
        return Err(Refusal::invalid_token(
            "wrapping",
            "the assertion does not stand alone in RequestedSecurityToken",
        ));
    }
    let mut signatures = document
        .descendants()
        .filter(|node| node.has_tag_name((DSIG, "Signature")));
    let (Some(signature), None) = (signatures.next(), signatures.next()) else {
        return Err(invalid("the message must hold exactly one signature"));
    };
    if signature.parent() != Some(assertion) {
        return Err(invalid("the signature is not the assertion's own"));
    }
    let parts: Vec<Node<'_, '_>> = signature.children().filter(Node::is_element).collect();
    let (signed_info, key_info) = match parts.as_slice() {
        [info, value] if value.has_tag_name((DSIG, "SignatureValue")) => (*info, None),
        [info, value, key]
            if value.has_tag_name((DSIG, "SignatureValue"))
                && key.has_tag_name((DSIG, "KeyInfo")) =>
        {
            (*info, Some(*key))
        }
        _ => {
            return Err(invalid(
                "the signature is not SignedInfo, SignatureValue and KeyInfo",
            ));
        }
    };
    let digest = signed_digest(signed_info, id)?;
    let certificate = key_info.map(certificate).transpose()?.flatten();
    Ok(SignatureShape {
        certificate,
        digest,
    })
}

/// Takes one layout only: RSA-SHA256 over exclusive C14N, one reference to the assertion, enveloped, SHA-256.
fn signed_digest(signed_info: Node<'_, '_>, id: &str) -> Result<Vec<u8>, Refusal> {
    let invalid = |text: &str| Refusal::invalid_token("signature", text);
    let parts: Vec<Node<'_, '_>> = signed_info.children().filter(Node::is_element).collect();
    let (true, [canonicalization, method, reference]) = (
        signed_info.has_tag_name((DSIG, "SignedInfo")),
        parts.as_slice(),
    ) else {
        return Err(invalid(
            "SignedInfo must hold a canonicalization, a signature method and one reference",
        ));
    };
    if !is_bare(*canonicalization, "CanonicalizationMethod", EXCLUSIVE_C14N) {
        return Err(invalid("the canonicalization is not plain exclusive C14N"));
    }
    if !is_bare(*method, "SignatureMethod", RSA_SHA256) {
        return Err(invalid("the signature method is not RSA-SHA256"));
    }
    if !reference.has_tag_name((DSIG, "Reference"))
        || reference
            .attribute("URI")
            .and_then(|uri| uri.strip_prefix('#'))
            != Some(id)
    {
        return Err(invalid("the signature does not refer to the assertion"));
    }
    let parts: Vec<Node<'_, '_>> = reference.children().filter(Node::is_element).collect();
    let [transforms, digest_method, digest_value] = parts.as_slice() else {
        return Err(invalid(
            "the reference must hold transforms, a digest method and a digest",
        ));
    };
    let steps: Vec<Node<'_, '_>> = transforms.children().filter(Node::is_element).collect();
    let plain = matches!(steps.as_slice(), [first, second]
        if is_bare(*first, "Transform", ENVELOPED) && is_bare(*second, "Transform", EXCLUSIVE_C14N));
    if !transforms.has_tag_name((DSIG, "Transforms")) || !plain {
        return Err(invalid(
            "the transforms are not enveloped-signature and exclusive C14N",
        ));
    }
    if !is_bare(*digest_method, "DigestMethod", SHA256) {
        return Err(invalid("the digest is not SHA-256"));
    }
    if !digest_value.has_tag_name((DSIG, "DigestValue")) {
        return Err(invalid("the reference has no digest"));
    }
    base64_text(*digest_value).ok_or_else(|| invalid("the digest is not base64"))
}

/// An element of XML-DSig with this algorithm and no parameters.
fn is_bare(node: Node<'_, '_>, name: &str, algorithm: &str) -> bool {
    node.has_tag_name((DSIG, name))
        && node.attribute("Algorithm") == Some(algorithm)
        && !node.children().any(|child| child.is_element())
}

fn certificate(key_info: Node<'_, '_>) -> Result<Option<Vec<u8>>, Refusal> {
    let mut found = key_info
        .descendants()
        .filter(|node| node.has_tag_name((DSIG, "X509Certificate")));
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => base64_text(one).map(Some).ok_or_else(|| {
            Refusal::invalid_token("signature", "the certificate in KeyInfo is not base64")
        }),
        (Some(_), Some(_)) => Err(Refusal::invalid_token(
            "signature",
            "KeyInfo holds more than one certificate",
        )),
    }
}

fn base64_text(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let text: String = node
        .text()?
        .chars()
        .filter(|character| !character.is_ascii_whitespace())
        .collect();
    STANDARD.decode(text).ok()
}
