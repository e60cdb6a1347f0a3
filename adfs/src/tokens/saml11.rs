//! From claims to a SAML 1.1 assertion (spec passive-sign-in 2.6, 2.9 and 2.10).

use claim_rules::Claim;
use federation::saml11::{self, Assertion, NameIdentifier};
use time::OffsetDateTime;

use super::structure::{FORMAT, NAME_QUALIFIER, Structure, Validity, warn_of_sha1};
use super::{IssueError, Token};
use crate::claims::{Authentication, IssuedClaims};
use crate::config::RelyingPartyTrust;
use crate::ids;
use crate::keys::TokenSigning;

/// Issuers of claims that mean this service (spec claim-rules 3.1).
const OURSELVES: [&str; 3] = [
    claim_rules::LOCAL_AUTHORITY,
    "AD AUTHORITY",
    "SELF AUTHORITY",
];
/// Issues an assertion about the subject of `claims` to `audience`, the relying party's identifier as the request named
/// it. `issuer` is the federation service identifier, which an `issuerid` claim replaces.
///
/// # Errors
/// [`IssueError`]: claims that contradict each other or that SAML 1.1 cannot carry, or a failing signature.
pub(super) fn issue_saml11(
    trust: &RelyingPartyTrust,
    claims: &IssuedClaims,
    authentication: &Authentication,
    audience: &str,
    issuer: &str,
    now: OffsetDateTime,
    signing: &TokenSigning,
) -> Result<Token, IssueError> {
    let validity = Validity::from(now, trust.not_before_skew, trust.token_lifetime)?;
    let id = format!("_{}", ids::guid());
    let assertion = assertion(
        &id,
        claims.as_slice(),
        authentication,
        audience,
        issuer,
        now,
        validity,
    )?;
    warn_of_sha1(trust);
    let xml = signing
        .key()
        .sign(assertion.write()?, trust.signature_algorithm)?;
    Ok(Token {
        xml,
        id,
        created: validity.not_before,
        expires: validity.not_on_or_after,
    })
}

/// The claims in their places.
fn assertion<'a>(
    id: &'a str,
    claims: &'a [Claim],
    authentication: &'a Authentication,
    audience: &'a str,
    issuer: &'a str,
    now: OffsetDateTime,
    validity: Validity,
) -> Result<Assertion<'a>, IssueError> {
    let structure = Structure::of(claims, authentication, issuer)?;
    let attributes = structure.attributes.iter().map(|claim| saml11::Claim {
        claim_type: &claim.claim_type,
        value: &claim.value,
        value_type: &claim.value_type,
        original_issuer: foreign(&claim.original_issuer, issuer),
    });
    Ok(Assertion {
        id,
        issuer: structure.issuer,
        issued: now,
        not_before: validity.not_before,
        not_on_or_after: validity.not_on_or_after,
        audience,
        name_identifier: structure.name.map(|claim| NameIdentifier {
            value: &claim.value,
            format: claim.properties.get(FORMAT).map(String::as_str),
            qualifier: claim.properties.get(NAME_QUALIFIER).map(String::as_str),
        }),
        claims: attributes.collect(),
        authentication_method: structure.method,
        authentication_instant: structure.instant,
    })
}

/// The original issuer, where it is somebody else.
fn foreign<'a>(original_issuer: &'a str, service: &str) -> Option<&'a str> {
    (original_issuer != service && !OURSELVES.contains(&original_issuer)).then_some(original_issuer)
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;
    use crate::tokens::structure::{
        AUTHENTICATION_INSTANT, AUTHENTICATION_METHOD, ISSUER_ID, NAME_IDENTIFIER,
    };

    const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);
    const SERVICE: &str = "http://sts.contoso.test/adfs/services/trust";
    const RULE_ISSUED_METHOD: &str = "http://schemas.microsoft.com/claims/multipleauthn";

    fn build<T>(claims: &[Claim], look: impl FnOnce(&Assertion<'_>) -> T) -> Result<T, IssueError> {
        let authentication = Authentication {
            persistent: false,
            method_uri: "urn:method".to_owned(),
            methods: vec!["urn:method".to_owned()],
            instant: NOW - Duration::minutes(10),
        };
        let validity = Validity::from(NOW, Duration::ZERO, Duration::ZERO)?;
        assertion(
            "_1",
            claims,
            &authentication,
            "urn:rp",
            SERVICE,
            NOW,
            validity,
        )
        .map(|assertion| look(&assertion))
    }

    fn types(assertion: &Assertion<'_>) -> Vec<(String, String)> {
        assertion
            .claims
            .iter()
            .map(|claim| (claim.claim_type.to_owned(), claim.value.to_owned()))
            .collect()
    }

    #[test]
    fn validity_follows_the_trust() {
        for (skew, lifetime, before, after) in [(0, 0, 0, 60), (0, 5, 0, 5), (2, 0, 2, 60)] {
            let validity =
                Validity::from(NOW, Duration::minutes(skew), Duration::minutes(lifetime))
                    .expect("valid");
            assert_eq!(validity.not_before, NOW - Duration::minutes(before));
            assert_eq!(validity.not_on_or_after, NOW + Duration::minutes(after));
        }
        assert!(matches!(
            Validity::from(NOW, Duration::ZERO, Duration::MAX),
            Err(IssueError::Lifetime)
        ));
    }

    #[test]
    fn without_claims_the_sign_in_decides() {
        let (issuer, method, instant, name) = build(&[], |assertion| {
            let instant = assertion.authentication_instant;
            (
                assertion.issuer.to_owned(),
                assertion.authentication_method.to_owned(),
                instant,
                assertion.name_identifier.is_some(),
            )
        })
        .expect("an assertion");
        assert_eq!(
            (issuer.as_str(), method.as_str(), instant, name),
            (SERVICE, "urn:method", NOW - Duration::minutes(10), false)
        );
    }

    #[test]
    fn claims_with_a_place_of_their_own_are_no_attributes() {
        let format = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
        let claims = [
            Claim::new(ISSUER_ID, "http://contoso.test/adfs/services/trust/"),
            Claim::new(NAME_IDENTIFIER, "TTwrGm9egXCSo7TF1uf4CQ==").with_property(FORMAT, format),
            Claim::new(AUTHENTICATION_METHOD, RULE_ISSUED_METHOD),
            Claim::new(AUTHENTICATION_INSTANT, "2026-11-25T11:00:00.000Z"),
            Claim::new(
                "http://schemas.xmlsoap.org/claims/UPN",
                "alice@contoso.test",
            ),
        ];
        build(&claims, |assertion| {
            assert_eq!(assertion.issuer, "http://contoso.test/adfs/services/trust/");
            let name = assertion.name_identifier.expect("a name");
            assert_eq!(
                (name.value, name.format, name.qualifier),
                ("TTwrGm9egXCSo7TF1uf4CQ==", Some(format), None)
            );
            assert_eq!(assertion.authentication_method, RULE_ISSUED_METHOD);
            assert_eq!(
                assertion.authentication_instant,
                datetime!(2026-11-25 11:00 UTC)
            );
            assert_eq!(
                types(assertion),
                [(
                    "http://schemas.xmlsoap.org/claims/UPN".to_owned(),
                    "alice@contoso.test".to_owned()
                )]
            );
        })
        .expect("an assertion");
    }

    #[test]
    fn a_second_method_stays_an_attribute() {
        let claims = [
            Claim::new(AUTHENTICATION_METHOD, "urn:first"),
            Claim::new(AUTHENTICATION_METHOD, RULE_ISSUED_METHOD),
        ];
        let left = build(&claims, types).expect("an assertion");
        assert_eq!(
            left,
            [(
                AUTHENTICATION_METHOD.to_owned(),
                RULE_ISSUED_METHOD.to_owned()
            )]
        );
    }

    #[test]
    fn contradicting_claims_end_issuance() {
        let names = [
            Claim::new(NAME_IDENTIFIER, "1"),
            Claim::new(NAME_IDENTIFIER, "2"),
        ];
        assert!(matches!(
            build(&names, |_| ()),
            Err(IssueError::NameIdentifiers(2))
        ));
        for values in [vec![""], vec![" "], vec!["a", "b"]] {
            let ids: Vec<Claim> = values
                .into_iter()
                .map(|value| Claim::new(ISSUER_ID, value))
                .collect();
            assert!(matches!(build(&ids, |_| ()), Err(IssueError::IssuerId)));
        }
        let instant = [Claim::new(AUTHENTICATION_INSTANT, "yesterday")];
        assert!(matches!(
            build(&instant, |_| ()),
            Err(IssueError::AuthenticationInstant)
        ));
    }

    #[test]
    fn only_foreign_issuers_are_named() {
        for (issuer, expected) in [
            ("LOCAL AUTHORITY", None),
            ("AD AUTHORITY", None),
            ("SELF AUTHORITY", None),
            (SERVICE, None),
            ("CLIENT CONTEXT", Some("CLIENT CONTEXT")),
            (
                "http://other/adfs/services/trust",
                Some("http://other/adfs/services/trust"),
            ),
        ] {
            assert_eq!(foreign(issuer, SERVICE), expected);
        }
    }
}
