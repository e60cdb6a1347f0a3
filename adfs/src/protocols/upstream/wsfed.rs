//! WS-Federation towards a claims provider: `wsignin1.0` out, `wresult` in.

use federation::assertion::{self, Assertion};
use federation::dsig::{self, AcceptedAlgorithms, SignatureError};
use federation::timestamp;
use federation::wsfed::{ResultToken, read_result};
use federation::xmlenc::decrypt::{DecryptionKey, Integrity, decrypt};
use openssl::x509::X509;
use time::OffsetDateTime;
use url::Url;
use uuid::Uuid;

use super::AnswerError;
use crate::sign_in::{DemandedMethod, Freshness};

/// What is asked of the claims provider.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Our identifier.
    pub realm: &'a str,
    /// Comes back with the answer.
    pub key: Uuid,
    /// How fresh the sign-in must be.
    pub freshness: Freshness,
    /// How the user must sign in.
    pub method: DemandedMethod,
    /// Name that the user is known by, if any.
    pub user_name: &'a str,
    /// Now.
    pub now: OffsetDateTime,
}

/// The claims provider's address with our request (spec passive-sign-in 7.4).
pub fn sign_in_address(endpoint: &str, question: &Question<'_>) -> Option<String> {
    let mut address = Url::parse(endpoint).ok()?;
    let fresh = match question.freshness {
        Freshness::AnyAge => None,
        // Rounded down: to ask for less than was demanded would be to weaken the demand.
        Freshness::AtMost(age) => Some(age.whole_minutes().max(0).to_string()),
        Freshness::Now => Some("0".to_owned()),
    };
    let method = match question.method {
        DemandedMethod::Any => None,
        DemandedMethod::Password => Some("urn:oasis:names:tc:SAML:1.0:am:password"),
        DemandedMethod::SecondFactor => Some("http://schemas.microsoft.com/claims/multipleauthn"),
    };
    let mut query = address.query_pairs_mut();
    query
        .append_pair("wa", "wsignin1.0")
        .append_pair("wtrealm", question.realm)
        .append_pair("wctx", &question.key.hyphenated().to_string())
        .append_pair("wct", &timestamp(question.now));
    if let Some(minutes) = fresh {
        query.append_pair("wfresh", &minutes);
    }
    if let Some(method) = method {
        query.append_pair("wauth", method);
    }
    if !question.user_name.is_empty() {
        query.append_pair("login_hint", question.user_name);
    }
    drop(query);
    Some(address.into())
}

/// The claims provider's address that ends its session, and that may lead back to `reply`, an address of ours (spec
/// passive-sign-in 2.12).
pub fn sign_out_address(endpoint: &str, realm: &str, reply: &str) -> Option<String> {
    let mut address = Url::parse(endpoint).ok()?;
    address
        .query_pairs_mut()
        .append_pair("wa", "wsignout1.0")
        .append_pair("wtrealm", realm)
        .append_pair("wreply", reply);
    Some(address.into())
}

/// The assertion in `wresult`, if one of `certificates` signed it. They are those of the one trust that was asked. `keys`
/// open encrypted tokens.
///
/// # Errors
/// See [`AnswerError`].
pub fn read_answer(
    wresult: &str,
    certificates: &[X509],
    keys: &[&dyn DecryptionKey],
) -> Result<Assertion, AnswerError> {
    // SHA-1 is never accepted on a claims provider's token (spec security SIG-8).
    let accepted = AcceptedAlgorithms::default();
    let authentic = match dsig::authenticate_issued_token(wresult, certificates, &accepted) {
        // There is no signature around an encrypted token; it is within.
        Err(SignatureError::NotSigned) => match read_result(wresult)? {
            ResultToken::Encrypted(token) => {
                let plain = decrypt(&token, keys, Integrity::Unknown)?;
                dsig::authenticate_root(&plain, certificates, &accepted)?
            }
            ResultToken::Assertion(_) => return Err(SignatureError::NotSigned.into()),
        },
        outcome => outcome?,
    };
    Ok(assertion::read_with_keys(authentic.element(), keys)?)
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn demands_travel_to_the_claims_provider() {
        let question = Question {
            realm: "http://sts.test/adfs/services/trust",
            key: Uuid::from_u128(7),
            freshness: Freshness::AnyAge,
            method: DemandedMethod::Any,
            user_name: "",
            now: datetime!(2026-11-25 12:00 UTC),
        };
        let address = |question: &Question<'_>| {
            sign_in_address("https://idp.test/adfs/ls/?a=b", question).expect("an address")
        };
        assert_eq!(
            address(&question),
            "https://idp.test/adfs/ls/?a=b&wa=wsignin1.0&wtrealm=http%3A%2F%2Fsts.test%2Fadfs%2Fservices%2Ftrust\
             &wctx=00000000-0000-0000-0000-000000000007&wct=2026-11-25T12%3A00%3A00.000Z"
        );
        let demanding = Question {
            freshness: Freshness::Now,
            method: DemandedMethod::SecondFactor,
            user_name: "ann@idp.test&x=y",
            ..question
        };
        let text = address(&demanding);
        for part in [
            "&wfresh=0",
            "&wauth=http%3A%2F%2Fschemas.microsoft.com%2Fclaims%2Fmultipleauthn",
            "&login_hint=ann%40idp.test%26x%3Dy",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let old = Question {
            freshness: Freshness::AtMost(Duration::seconds(119)),
            ..question
        };
        assert!(address(&old).contains("&wfresh=1"));
    }
}
