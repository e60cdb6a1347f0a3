//! Makes tokens for tests, signed with throwaway keys by a library that is not the product's.

use bergshamra::keys::loader::load_rsa_private_pem;
use bergshamra::{DsigContext, KeysManager, sign};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// A token-signing key with its self-signed certificate.
pub(crate) struct Signer {
    key: PKey<Private>,
    /// DER.
    pub(crate) certificate: Vec<u8>,
}

impl Signer {
    pub(crate) fn new() -> Signer {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "ADFS Signing - sts.contoso.test")
            .unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder
            .set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap())
            .unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder
            .set_not_before(&Asn1Time::days_from_now(0).unwrap())
            .unwrap();
        builder
            .set_not_after(&Asn1Time::days_from_now(365).unwrap())
            .unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Signer {
            key,
            certificate: builder.build().to_der().unwrap(),
        }
    }

    /// Fills digest and signature of a message's template.
    pub(crate) fn sign(&self, message: &str) -> String {
        let mut keys = KeysManager::new();
        keys.add_key(load_rsa_private_pem(&self.key.private_key_to_pem_pkcs8().unwrap()).unwrap());
        sign(&DsigContext::new(keys), message).unwrap()
    }
}

/// What a token of a test says; every field can be bent.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) id: String,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_on_or_after: OffsetDateTime,
    pub(crate) name_identifier: String,
    /// Empty: no such attribute.
    pub(crate) immutable_id: String,
    pub(crate) upn: String,
    /// Goes before the statements as it is.
    pub(crate) extra: String,
}

impl Draft {
    /// A good token about `immutable_id`, issued at `now` for an hour.
    pub(crate) fn about(immutable_id: &str, upn: &str, now: OffsetDateTime) -> Draft {
        Draft {
            id: format!("_{}", uuid::Uuid::new_v4()),
            issuer: "http://contoso.test/adfs/services/trust/".to_owned(),
            audience: "urn:federation:MicrosoftOnline".to_owned(),
            not_before: now,
            not_on_or_after: now + Duration::hours(1),
            name_identifier: immutable_id.to_owned(),
            immutable_id: immutable_id.to_owned(),
            upn: upn.to_owned(),
            extra: String::new(),
        }
    }

    /// The signed message.
    pub(crate) fn signed_by(&self, signer: &Signer) -> String {
        signer.sign(&self.message(&signature_template(&self.id, &signer.certificate)))
    }

    /// The message with this in the place of the signature.
    pub(crate) fn message(&self, signature: &str) -> String {
        let instant = |at: OffsetDateTime| at.format(&Rfc3339).unwrap();
        let (created, expires) = (instant(self.not_before), instant(self.not_on_or_after));
        let Draft {
            id,
            issuer,
            audience,
            name_identifier,
            immutable_id,
            upn,
            extra,
            ..
        } = self;
        let subject = format!(
            "<saml:Subject><saml:NameIdentifier Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified\">{name_identifier}</saml:NameIdentifier>\
             <saml:SubjectConfirmation><saml:ConfirmationMethod>urn:oasis:names:tc:SAML:1.0:cm:bearer</saml:ConfirmationMethod></saml:SubjectConfirmation></saml:Subject>"
        );
        let immutable_id = match immutable_id.as_str() {
            "" => String::new(),
            value => format!(
                "<saml:Attribute AttributeName=\"ImmutableID\" AttributeNamespace=\"http://schemas.microsoft.com/LiveID/Federation/2008/05\"><saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute>"
            ),
        };
        format!(
            "<t:RequestSecurityTokenResponse xmlns:t=\"http://schemas.xmlsoap.org/ws/2005/02/trust\">\
             <t:RequestedSecurityToken><saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\" MajorVersion=\"1\" MinorVersion=\"1\" AssertionID=\"{id}\" Issuer=\"{issuer}\" IssueInstant=\"{created}\">\
             <saml:Conditions NotBefore=\"{created}\" NotOnOrAfter=\"{expires}\"><saml:AudienceRestrictionCondition><saml:Audience>{audience}</saml:Audience></saml:AudienceRestrictionCondition></saml:Conditions>{extra}\
             <saml:AttributeStatement>{subject}<saml:Attribute AttributeName=\"UPN\" AttributeNamespace=\"http://schemas.xmlsoap.org/claims\"><saml:AttributeValue>{upn}</saml:AttributeValue></saml:Attribute>{immutable_id}</saml:AttributeStatement>\
             <saml:AuthenticationStatement AuthenticationMethod=\"urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport\" AuthenticationInstant=\"{created}\">{subject}</saml:AuthenticationStatement>\
             {signature}</saml:Assertion></t:RequestedSecurityToken>\
             <t:TokenType>urn:oasis:names:tc:SAML:1.0:assertion</t:TokenType></t:RequestSecurityTokenResponse>"
        )
    }
}

/// An unfilled signature of the layout that AD FS writes.
pub(crate) fn signature_template(id: &str, certificate: &[u8]) -> String {
    use base64::Engine;
    let certificate = base64::engine::general_purpose::STANDARD.encode(certificate);
    format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod>\
         <ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>\
         <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod><ds:DigestValue></ds:DigestValue></ds:Reference>\
         </ds:SignedInfo><ds:SignatureValue></ds:SignatureValue>\
         <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></ds:Signature>"
    )
}
