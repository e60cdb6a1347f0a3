//! The kinds of documents that we verify, and evil twins of them.

use federation::dsig::{
    AcceptedAlgorithms, SignatureError, authenticate_issued_token, authenticate_response,
    authenticate_root,
};
use federation::metadata::read::{MetadataReadError, Reading, read};
use time::macros::datetime;

use crate::signer::SIGNER;

/// One kind of signed element, in the document that carries it.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The signed element.
    pub(crate) genuine: String,
    /// The same before it was signed.
    pub(crate) template: String,
    /// What is around it, if it is not the whole document.
    pub(crate) container: Option<(&'static str, &'static str)>,
    /// Start tag with `{id}`, and what comes before a signature, with `{value}`.
    before: &'static str,
    /// What comes behind it, with `{value}`, and without the end tag.
    behind: &'static str,
    pub(crate) close: &'static str,
    /// Ours: the text that it vouches for.
    pub(crate) authenticate: fn(&str) -> Result<String, SignatureError>,
}

impl Kind {
    fn new(
        name: &'static str,
        container: Option<(&'static str, &'static str)>,
        [before, behind, close]: [&'static str; 3],
        authenticate: fn(&str) -> Result<String, SignatureError>,
    ) -> Kind {
        let template = format!(
            "{}{}{}{close}",
            before
                .replace("{id}", "_genuine")
                .replace("{value}", "alice"),
            signature_template(),
            behind.replace("{value}", "alice")
        );
        let mut kind = Kind {
            name,
            genuine: String::new(),
            template,
            container,
            before,
            behind,
            close,
            authenticate,
        };
        let signed = SIGNER.sign(&kind.within(&kind.template)).expect("signed");
        let (open, end) = container.unwrap_or_default();
        let genuine = signed
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(end));
        kind.genuine = genuine.expect("the container unchanged").to_owned();
        kind
    }

    /// Start and end of an evil element, around the place of a signature.
    pub(crate) fn evil(&self, id: &str) -> (String, String) {
        (
            self.before.replace("{id}", id).replace("{value}", "evil"),
            self.behind.replace("{value}", "evil") + self.close,
        )
    }

    /// A document with `content` where the signed element would be.
    pub(crate) fn within(&self, content: &str) -> String {
        let (open, close) = self.container.unwrap_or_default();
        format!("{open}{content}{close}")
    }

    pub(crate) fn document(&self) -> String {
        self.within(&self.genuine)
    }
}

fn signature_template() -> String {
    format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>\
         <ds:Reference URI=\"#_genuine\"><ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
         <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue></ds:DigestValue></ds:Reference>\
         </ds:SignedInfo><ds:SignatureValue></ds:SignatureValue>\
         <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>",
        SIGNER.certificate_base64()
    )
}

const VALUE: &str = "<x xmlns=\"urn:x\">{value}</x>";
const ISSUED: &str = "IssueInstant=\"2026-11-25T12:00:00Z\" Version=\"2.0\"";

fn certificates() -> &'static [openssl::x509::X509] {
    std::slice::from_ref(&SIGNER.certificate)
}

fn root(document: &str) -> Result<String, SignatureError> {
    let accepted = AcceptedAlgorithms::default();
    let authentic = authenticate_root(document, certificates(), &accepted)?;
    Ok(authentic.element().to_owned())
}

fn response(document: &str) -> Result<String, SignatureError> {
    let accepted = AcceptedAlgorithms::default();
    let authentic = authenticate_response(document, certificates(), &accepted)?;
    let message = authentic.message().map_or("", |message| message.element());
    let assertion = authentic
        .assertion()
        .map_or("", |assertion| assertion.element());
    Ok(format!("{message}{assertion}"))
}

fn token(document: &str) -> Result<String, SignatureError> {
    let accepted = AcceptedAlgorithms::default();
    let authentic = authenticate_issued_token(document, certificates(), &accepted)?;
    Ok(authentic.element().to_owned())
}

fn metadata(document: &str) -> Result<String, SignatureError> {
    let reading = Reading::at(datetime!(2026-11-25 12:00 UTC)).signed_by(certificates());
    match read(document, &reading) {
        Ok(entity) => Ok(format!("{entity:?}")),
        Err(MetadataReadError::Document(error)) => Err(error),
        Err(error) => panic!("{error} comes after the signature"),
    }
}

/// Every kind, with fresh signatures.
pub(crate) fn kinds() -> Vec<Kind> {
    let text = |parts: [String; 3]| parts.map(|part| &*part.leak());
    let message = |name: &str| {
        text([
            format!(
                "<p:{name} xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"{{id}}\" {ISSUED}>\
                 <a:Issuer xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\">https://sp.test/</a:Issuer>"
            ),
            VALUE.to_owned(),
            format!("</p:{name}>"),
        ])
    };
    let assertion = text([
        format!(
            "<a:Assertion xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{{id}}\" {ISSUED}><a:Issuer>https://idp.test/</a:Issuer>"
        ),
        VALUE.to_owned(),
        "</a:Assertion>".to_owned(),
    ]);
    let assertion_of_saml11 = text([
        format!(
            "<s:Assertion xmlns:s=\"urn:oasis:names:tc:SAML:1.0:assertion\" AssertionID=\"{{id}}\" Issuer=\"https://idp.test/\">{VALUE}"
        ),
        String::new(),
        "</s:Assertion>".to_owned(),
    ]);
    let entity = text([
        "<m:EntityDescriptor xmlns:m=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"{id}\" entityID=\"https://{id}.test/\">".to_owned(),
        format!("<m:Organization><m:OrganizationName>{{value}}</m:OrganizationName></m:Organization>{VALUE}"),
        "</m:EntityDescriptor>".to_owned(),
    ]);
    let in_response = Some((
        "<p:Response xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_r\"><p:Status/>",
        "</p:Response>",
    ));
    let in_trust_answer = Some((
        "<t:RequestSecurityTokenResponse xmlns:t=\"http://schemas.xmlsoap.org/ws/2005/02/trust\"><t:RequestedSecurityToken>",
        "</t:RequestedSecurityToken></t:RequestSecurityTokenResponse>",
    ));
    let in_group = Some((
        "<m:EntitiesDescriptor xmlns:m=\"urn:oasis:names:tc:SAML:2.0:metadata\">",
        "</m:EntitiesDescriptor>",
    ));
    vec![
        Kind::new("AuthnRequest", None, message("AuthnRequest"), root),
        Kind::new("LogoutRequest", None, message("LogoutRequest"), root),
        Kind::new("LogoutResponse", None, message("LogoutResponse"), root),
        Kind::new("Response", None, message("Response"), response),
        Kind::new("Assertion alone", None, assertion, root),
        Kind::new("Assertion in Response", in_response, assertion, response),
        Kind::new("Assertion in WS-Trust", in_trust_answer, assertion, token),
        Kind::new(
            "Assertion of SAML 1.1",
            in_trust_answer,
            assertion_of_saml11,
            token,
        ),
        Kind::new("EntityDescriptor", None, entity, metadata),
        Kind::new("EntityDescriptor in a group", in_group, entity, metadata),
    ]
}
