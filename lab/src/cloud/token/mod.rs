//! From the text of `wresult` to an assertion that may be believed (spec cloud-scenario 2.5, rows 3 to 8).
//!
//! [`Response`] has been read but proves nothing. [`Authentic`] can only be made by verifying a signature, and its
//! content is read from the very bytes whose digest was signed, so that nothing that stands beside or around them can
//! be taken for them. [`check_conditions`] then asks whether it is meant for us and for now.

mod assertion;
mod conditions;
mod response;
mod signature;
#[cfg(test)]
pub(crate) mod signer;
#[cfg(test)]
mod tests;

pub(crate) use assertion::Assertion;
pub(crate) use conditions::{SKEW, check_conditions};
pub(crate) use response::Response;
pub(crate) use signature::Authentic;

const TRUST: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust";
const SAML: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
const SAML2: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
