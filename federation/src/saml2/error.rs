//! Why a message of others is refused.

use thiserror::Error;

use crate::xml::ReadError;

/// Why what a binding carries cannot be taken off it. No message quotes the input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// No message, or two.
    #[error("the request holds no SAML message, or more than one")]
    NotOne,
    /// A parameter of the binding that comes twice, or whose name is disguised by escapes.
    #[error("the parameter {0} comes twice or in disguise")]
    Parameter(&'static str),
    /// Another encoding than DEFLATE.
    #[error("the SAML message names an encoding other than DEFLATE")]
    Encoding,
    /// Not base64.
    #[error("the SAML message is not in base64")]
    Base64,
    /// Not compressed as it says.
    #[error("the SAML message cannot be decompressed")]
    Deflate,
    /// Larger than any real message, before or after decompression.
    #[error("the SAML message is larger than {0} bytes")]
    TooLarge(usize),
    /// Not UTF-8.
    #[error("the SAML message is not in UTF-8")]
    Text,
    /// A signature without its algorithm, or the other way round.
    #[error("the query has a signature without an algorithm, or an algorithm without a signature")]
    HalfSigned,
}

/// Why a message cannot be understood. No message quotes the input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// The XML itself.
    #[error(transparent)]
    Xml(#[from] ReadError),
    /// Another element than expected.
    #[error("the SAML message is no {0}")]
    Kind(&'static str),
    /// Not version 2.0.
    #[error("the SAML message is not of version 2.0")]
    Version,
    /// What must be there is not.
    #[error("the SAML message has no {0}")]
    Missing(&'static str),
    /// What may be there once is there twice.
    #[error("the SAML message has more than one {0}")]
    Repeated(&'static str),
    /// A signature that could cover another part than the one that is read (spec security SIG-2).
    #[error("the SAML message has a signature at another place than below its outermost element")]
    MisplacedSignature,
    /// A value that cannot be read.
    #[error("the {0} of the SAML message cannot be understood")]
    Value(&'static str),
    /// A value longer than any real one, or too many of them.
    #[error("the {0} of the SAML message is too long")]
    TooLong(&'static str),
}
