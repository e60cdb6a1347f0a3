//! Which kind of assertion travels in `wresult`, and the wish for one in `wreq` (spec passive-sign-in 2.2 and 2.5).

use crate::xml::{self, Limits, only_text};
use crate::{saml2, saml11};

use super::response::TRUST_2005;

/// WS-Trust 1.3, which other issuers of requests write.
const TRUST_13: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
/// The names that the SAML token profile of WS-Security 1.1 gives to the two kinds.
const PROFILE_SAML_11: &str =
    "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1";
const PROFILE_SAML_20: &str =
    "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV2.0";

/// A kind of assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenType {
    /// SAML 1.1, what AD FS answers with.
    #[default]
    Saml11,
    /// SAML 2.0.
    Saml20,
}

impl TokenType {
    /// The URI that a response names it by.
    pub const fn uri(self) -> &'static str {
        match self {
            TokenType::Saml11 => saml11::TOKEN_TYPE,
            TokenType::Saml20 => saml2::TOKEN_TYPE,
        }
    }

    fn named(uri: &str) -> Option<TokenType> {
        match uri {
            saml11::TOKEN_TYPE | PROFILE_SAML_11 => Some(TokenType::Saml11),
            saml2::TOKEN_TYPE | PROFILE_SAML_20 => Some(TokenType::Saml20),
            _ => None,
        }
    }
}

/// The `TokenType` of a `RequestSecurityToken`. `None` for a request that cannot be read, that has no such wish or
/// several, or wishes for something else: `wreq` never breaks a sign-in.
pub fn requested_token_type(wreq: &str) -> Option<TokenType> {
    let document = xml::read(wreq.as_bytes(), &Limits::message()).ok()?;
    let root = document.root();
    let trust = root.tag_name().namespace()?;
    let is_request = root.tag_name().name() == "RequestSecurityToken"
        && [TRUST_2005.uri(), TRUST_13].contains(&trust);
    if !is_request {
        return None;
    }
    let mut wishes = root
        .children()
        .filter(|child| child.has_tag_name((trust, "TokenType")));
    match (wishes.next(), wishes.next()) {
        (Some(wish), None) => TokenType::named(only_text(wish).ok()?.trim()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(trust: &str, content: &str) -> String {
        format!("<t:RequestSecurityToken xmlns:t=\"{trust}\">{content}</t:RequestSecurityToken>")
    }

    #[test]
    fn a_wish_is_understood_by_both_of_its_names_in_both_versions() {
        for trust in [TRUST_2005.uri(), TRUST_13] {
            for (uri, expected) in [
                (saml11::TOKEN_TYPE, TokenType::Saml11),
                (PROFILE_SAML_11, TokenType::Saml11),
                (saml2::TOKEN_TYPE, TokenType::Saml20),
                (PROFILE_SAML_20, TokenType::Saml20),
            ] {
                let wish = format!("<t:KeySize>256</t:KeySize><t:TokenType> {uri} </t:TokenType>");
                let found = requested_token_type(&request(trust, &wish));
                assert_eq!(found, Some(expected), "{trust} {uri}");
            }
        }
    }

    #[test]
    fn what_is_no_clear_wish_is_none() {
        let trust = TRUST_2005.uri();
        let two = "<t:TokenType>urn:oasis:names:tc:SAML:2.0:assertion</t:TokenType>".repeat(2);
        for wreq in [
            String::new(),
            "<".to_owned(),
            request(trust, ""),
            request(trust, &two),
            request(
                trust,
                "<t:TokenType>urn:ietf:params:oauth:token-type:jwt</t:TokenType>",
            ),
            request(
                trust,
                "<TokenType>urn:oasis:names:tc:SAML:2.0:assertion</TokenType>",
            ),
            request(
                trust,
                "<t:TokenType>urn:oasis:names:tc:SAML:2.0:<!-- -->assertion</t:TokenType>",
            ),
            request(
                "urn:x",
                "<t:TokenType>urn:oasis:names:tc:SAML:2.0:assertion</t:TokenType>",
            ),
        ] {
            assert_eq!(requested_token_type(&wreq), None, "{wreq}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(wreq in ".{0,200}") {
            let _ = requested_token_type(&wreq);
        }
    }
}
