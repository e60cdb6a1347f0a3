//! Why a sign-in ends without a token, other than by asking again.

use thiserror::Error;

/// Every end that shows the error page. The texts are fixed: nothing of the request is repeated in them.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No protocol claims the request.
    #[error("no registered protocol handler takes this path and request")]
    NoHandler,
    /// A protocol that this server knows by name but does not speak.
    #[error("the protocol of this request is not available on this server")]
    ProtocolUnavailable,
    /// The published application's request does not name a published application.
    #[error("the application that the proxy named is not published")]
    NotPublished,
    /// The page for sign-in that starts here is off.
    #[error("sign-in that starts at the identity provider is not enabled")]
    IdpInitiatedDisabled,
    /// The request cannot be understood.
    #[error("the request is malformed")]
    Malformed,
    /// The request is larger than any real one.
    #[error("the request is too large")]
    TooLarge,
    /// A form of ours was posted by another site.
    #[error("the form was posted by another site")]
    CrossSite,
    /// Missing, unknown or disabled relying party.
    #[error("the relying party is unknown, disabled or not named")]
    UnknownRelyingParty,
    /// The answer was to go somewhere that is not registered.
    #[error("the reply address is not registered for the relying party")]
    ReplyNotRegistered,
    /// A SAML message that cannot be read; what is wrong with it, without quoting it.
    #[error("the SAML message cannot be taken: {0}")]
    SamlMessage(String),
    /// Sent to somebody else.
    #[error("the SAML message names another destination than this server")]
    Destination,
    /// Too old, or from the future.
    #[error("the SAML message was not sent just now; check the clock of the application's server")]
    MessageTime,
    /// Not signed, and it has to be.
    #[error("the request has to be signed and is not")]
    SignatureRequired,
    /// A logout message that is not signed.
    #[error("a logout request or response has to be signed and is not")]
    LogoutNotSigned,
    /// A message that was taken before.
    #[error("the SAML message was used before; sign out again at the application")]
    Replayed,
    /// A step of a sign-out that this browser is not in.
    #[error("the message belongs to no sign-out that this browser began here in the last minutes")]
    NoPendingSignOut,
    /// A sign-out of somebody who is not signed in here, by an application that cannot be told so.
    #[error("the application asks to sign out somebody else than the user of this session")]
    NotSignedOut,
    /// Signed, and nobody knows by whom.
    #[error(
        "the request is signed, and the relying party trust has no certificate to verify it with"
    )]
    NoSigningCertificate,
    /// Signed by somebody else, or altered.
    #[error("the signature of the request is not valid")]
    SignatureInvalid,
    /// Signed otherwise than the trust says.
    #[error("the request is signed with another algorithm than the relying party trust is set to")]
    SignatureAlgorithm,
    /// No registered assertion consumer fits.
    #[error(
        "the requested assertion consumer is not registered for the relying party, or takes no POST"
    )]
    ConsumerNotRegistered,
    /// The rules issue no name that the request accepts.
    #[error("the name identifier policy of the request cannot be satisfied by the issued claims")]
    NameIdPolicy,
    /// The sealed request in the address is not ours, or too old.
    #[error(
        "the sign-in took too long, or its address was altered; start again at the application"
    )]
    Context,
    /// The demanded way to authenticate is not one of ours.
    #[error("the requested authentication method is not supported")]
    MethodNotSupported,
    /// A second factor is demanded and none can be asked for.
    #[error("a second factor is demanded and none is set up on this server")]
    SecondFactorUnavailable,
    /// The user would have to be asked something, and the request forbids that.
    #[error("the user has to be asked, and the request does not allow it")]
    Passive,
    /// Policy says no.
    #[error("access is denied by the policy of the relying party")]
    AccessDenied {
        /// `DOMAIN\user`, or the name that a claims provider gave; for the audit.
        user: String,
        /// Whom the user comes by: `AD AUTHORITY` or the identifier of a claims provider trust.
        claims_provider: String,
        /// Identifier of the relying party.
        relying_party: String,
    },
    /// A claims provider's answer that belongs to no request of this browser, or comes too late.
    #[error(
        "the claims provider's answer belongs to no sign-in that this browser began here in the last minutes"
    )]
    NoPendingSignIn,
    /// A claims provider that is not configured, not enabled or not for this relying party.
    #[error("the claims provider is unknown, disabled or cannot be used")]
    UnknownClaimsProvider,
    /// The claims provider refused the sign-in itself.
    #[error("the claims provider did not sign the user in")]
    ClaimsProviderRefused,
    /// Its token was not accepted; details are in the log only.
    #[error("the token of the claims provider was not accepted")]
    ClaimsProviderToken,
    /// It says more about the user than a session can carry.
    #[error(
        "the claims provider sent more claims than a session can carry; let the acceptance transform rules name the types they need"
    )]
    TooManyClaims,
    /// Too many tokens for one browser.
    #[error("the same browser made too many requests in a short time")]
    Loop,
    /// Too many attempts from one address.
    #[error("too many sign-in attempts from this address")]
    TooManyAttempts {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// The directory or another store does not answer.
    #[error("the directory cannot be reached")]
    Unavailable,
    /// Claims or token could not be made; details are in the log only.
    #[error("the token could not be issued")]
    Issuance,
}

impl Refusal {
    /// The code that administrators search for (spec passive-sign-in 8.2), where AD FS has one.
    pub fn code(&self) -> Option<&'static str> {
        Some(match self {
            Refusal::NoHandler | Refusal::ProtocolUnavailable => "MSIS7065",
            Refusal::NotPublished => "MSIS7009",
            Refusal::IdpInitiatedDisabled | Refusal::Issuance => "MSIS7012",
            Refusal::Malformed | Refusal::TooLarge | Refusal::ReplyNotRegistered => "MSIS7000",
            Refusal::CrossSite | Refusal::Context | Refusal::NoPendingSignIn => "MSIS7001",
            Refusal::SamlMessage(_)
            | Refusal::Destination
            | Refusal::MessageTime
            | Refusal::Replayed => "MSIS7015",
            Refusal::LogoutNotSigned => "MSIS7084",
            Refusal::NoPendingSignOut | Refusal::NotSignedOut => "MSIS7054",
            Refusal::SignatureRequired => "MSIS7066",
            Refusal::NoSigningCertificate => "MSIS0037",
            Refusal::SignatureInvalid => "MSIS0038",
            Refusal::SignatureAlgorithm => "MSIS7093",
            Refusal::ConsumerNotRegistered => "MSIS3200",
            Refusal::NameIdPolicy => "MSIS7070",
            Refusal::UnknownClaimsProvider => "MSIS7012",
            Refusal::ClaimsProviderRefused
            | Refusal::ClaimsProviderToken
            | Refusal::TooManyClaims => "MSIS7066",
            Refusal::UnknownRelyingParty => "MSIS7007",
            Refusal::MethodNotSupported | Refusal::SecondFactorUnavailable => "MSIS7102",
            Refusal::AccessDenied { .. } => "MSIS7068",
            Refusal::Loop => "MSIS7042",
            Refusal::TooManyAttempts { .. } | Refusal::Unavailable | Refusal::Passive => {
                return None;
            }
        })
    }
}
