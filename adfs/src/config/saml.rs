//! What a trust says about SAML 2.0 and about certificates (spec passive-sign-in 3.1 and 7.2).

use federation::endpoints::ReplyUrl;
use federation::saml2::Binding;
use openssl::x509::X509;

/// An endpoint of a partner (New-AdfsSamlEndpoint).
#[derive(Debug, Clone)]
pub struct SamlEndpoint {
    /// How messages travel there.
    pub binding: Binding,
    /// What it is for.
    pub protocol: SamlProtocol,
    /// Its address (Uri).
    pub location: ReplyUrl,
    /// Where answers go, when that is elsewhere (ResponseUri).
    pub response_location: Option<ReplyUrl>,
    /// Number that requests choose it by.
    pub index: u16,
    /// Whether it serves when a request chooses none.
    pub is_default: bool,
}

/// What an endpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SamlProtocol {
    /// Takes assertions.
    AssertionConsumer,
    /// Takes part in single logout.
    Logout,
    /// Takes requests, at an identity provider.
    SingleSignOn,
    /// Resolves artifacts.
    ArtifactResolution,
}

impl SamlProtocol {
    /// Its name in AD FS's cmdlets (New-AdfsSamlEndpoint -Protocol).
    pub const fn name(self) -> &'static str {
        match self {
            SamlProtocol::AssertionConsumer => "SAMLAssertionConsumer",
            SamlProtocol::Logout => "SAMLLogout",
            SamlProtocol::SingleSignOn => "SAMLSingleSignOn",
            SamlProtocol::ArtifactResolution => "SAMLArtifactResolution",
        }
    }
}

/// What is signed in a response (SamlResponseSignature).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SamlResponseSignature {
    /// The assertion.
    #[default]
    AssertionOnly,
    /// Both.
    MessageAndAssertion,
    /// The response.
    MessageOnly,
}

impl SamlResponseSignature {
    /// Whether the assertion has a signature of its own.
    pub const fn signs_assertion(self) -> bool {
        !matches!(self, SamlResponseSignature::MessageOnly)
    }

    /// Whether the response has a signature of its own.
    pub const fn signs_message(self) -> bool {
        !matches!(self, SamlResponseSignature::AssertionOnly)
    }
}

/// Protocols that a relying party may use (ProtocolProfile).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProtocolProfile {
    /// Both.
    #[default]
    WsFedSaml,
    /// WS-Federation.
    WsFederation,
    /// SAML 2.0.
    Saml,
}

impl ProtocolProfile {
    /// Whether WS-Federation is among them.
    pub const fn allows_ws_federation(self) -> bool {
        !matches!(self, ProtocolProfile::Saml)
    }

    /// Whether SAML 2.0 is among them.
    pub const fn allows_saml(self) -> bool {
        !matches!(self, ProtocolProfile::WsFederation)
    }
}

/// How the content of an encrypted token is encrypted. AD FS offers the first only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContentEncryption {
    /// AES-256 in CBC mode.
    #[default]
    Aes256Cbc,
    /// AES-128 in GCM mode.
    Aes128Gcm,
    /// AES-256 in GCM mode.
    Aes256Gcm,
}

/// The SAML side of a relying party trust.
#[derive(Debug, Clone, Default)]
pub struct SamlSettings {
    /// Its endpoints (SamlEndpoint).
    pub endpoints: Vec<SamlEndpoint>,
    /// What its signed requests are verified with (RequestSigningCertificate).
    pub request_signing_certificates: Vec<X509>,
    /// Whether its requests must be signed (SignedSamlRequestsRequired).
    pub signed_requests_required: bool,
    /// What is signed in the response (SamlResponseSignature).
    pub response_signature: SamlResponseSignature,
    /// Whether the name of the subject is encrypted by itself (EncryptedNameIdRequired).
    pub encrypted_name_id_required: bool,
    /// Further classes that it may ask for (AllowedAuthenticationClassReferences).
    pub allowed_authentication_class_references: Vec<String>,
}

impl SamlSettings {
    /// Endpoints for one purpose, in order of their index.
    pub fn endpoints_for(&self, protocol: SamlProtocol) -> impl Iterator<Item = &SamlEndpoint> {
        self.endpoints
            .iter()
            .filter(move |endpoint| endpoint.protocol == protocol)
    }
}
