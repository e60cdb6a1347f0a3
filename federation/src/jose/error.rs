//! Why a signed token or a set of keys is not accepted.

use thiserror::Error;

/// What is wrong. No message repeats anything that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JoseError {
    /// Larger than any real one.
    #[error("it is larger than is accepted")]
    TooLarge,
    /// Not three parts of base64url.
    #[error("it is no signed token in the compact form of RFC 7515")]
    Form,
    /// Not JSON, nested too deeply, a member named twice, or no object.
    #[error("a part of it is no JSON object, is nested too deeply or names a member twice")]
    Json,
    /// The header asks for something that is not done here.
    #[error("its header asks for encryption, nesting or an extension")]
    Header,
    /// `none`, a MAC, or an algorithm that is not accepted.
    #[error("it is signed with an algorithm that is not accepted")]
    Algorithm,
    /// No key of the issuer has that id, or none can be told without one.
    #[error("the key that it names is not among its issuer's keys")]
    UnknownKey,
    /// The key that it names is for another algorithm.
    #[error("it is signed with another algorithm than the key that it names is for")]
    KeyAlgorithm,
    /// The signature is not of that key, or the content was changed.
    #[error("its signature is not valid")]
    Signature,
    /// A set of keys without a usable one.
    #[error("the set of keys holds no public key that tokens could be signed with")]
    NoKeys,
}
