//! `wresult`: a `RequestSecurityTokenResponse` of WS-Trust 2005/02 around the assertion.

use time::OffsetDateTime;

use super::TokenType;
use crate::xml::{self, Fragment, Namespace, Writer};
use crate::{IssueError, timestamp};

pub(crate) const TRUST_2005: Namespace =
    Namespace::new("t", "http://schemas.xmlsoap.org/ws/2005/02/trust");
pub(crate) const ADDRESSING: Namespace =
    Namespace::new("wsa", "http://www.w3.org/2005/08/addressing");
const POLICY: Namespace = Namespace::new("wsp", "http://schemas.xmlsoap.org/ws/2004/09/policy");
const UTILITY: Namespace = Namespace::new(
    "wsu",
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
);
const ISSUE: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust/Issue";
const NO_PROOF_KEY: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/NoProofKey";

/// Wraps a token: a signed assertion of the kind `token_type`, or the `EncryptedData` that stands for one. `applies_to`
/// is the relying party's identifier as the request named it; `created` and `expires` are those of the token.
///
/// # Errors
/// [`IssueError::ForbiddenCharacter`] in `applies_to`.
pub fn request_security_token_response(
    token: &Fragment,
    token_type: TokenType,
    created: OffsetDateTime,
    expires: OffsetDateTime,
    applies_to: &str,
) -> Result<String, IssueError> {
    let response = xml::write(
        TRUST_2005.name("RequestSecurityTokenResponse"),
        &[],
        |writer: &mut Writer| {
            writer.element(TRUST_2005.name("Lifetime"), &[], |writer| {
                writer.leaf(UTILITY.name("Created"), &[], &timestamp(created));
                writer.leaf(UTILITY.name("Expires"), &[], &timestamp(expires));
            });
            writer.element(POLICY.name("AppliesTo"), &[], |writer| {
                writer.element(ADDRESSING.name("EndpointReference"), &[], |writer| {
                    writer.leaf(ADDRESSING.name("Address"), &[], applies_to);
                });
            });
            writer.element(TRUST_2005.name("RequestedSecurityToken"), &[], |writer| {
                writer.fragment(token)
            });
            writer.leaf(TRUST_2005.name("TokenType"), &[], token_type.uri());
            writer.leaf(TRUST_2005.name("RequestType"), &[], ISSUE);
            writer.leaf(TRUST_2005.name("KeyType"), &[], NO_PROOF_KEY);
        },
    )?;
    Ok(response.into_fragment().into_string())
}
