use claim_rules::RuleSet;
use federation::assertion::{AssertedClaim, SubjectName};
use federation::endpoints::ReplyUrl;
use time::macros::datetime;

use super::*;
use crate::config::{ClaimsProviderProtocol, ClaimsProviderSaml, MetadataSource};

const PROVIDER: &str = "http://idp.test/adfs/services/trust";
const US: &str = "http://sts.test/adfs/services/trust";
const HERE: &str = "https://sts.test/adfs/ls/";
const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

fn trust(supports_mfa: bool, suffixes: &[&str]) -> Arc<ClaimsProviderTrust> {
    Arc::new(ClaimsProviderTrust {
        name: "IdP".to_owned(),
        identifier: PROVIDER.to_owned(),
        enabled: true,
        protocol: ClaimsProviderProtocol::WsFederation {
            endpoint: ReplyUrl::parse("https://idp.test/adfs/ls/").expect("an address"),
        },
        token_signing_certificates: Vec::new(),
        acceptance_transform_rules: Arc::new(
            RuleSet::compile("c:[Type != \"never\"] => issue(claim = c);").expect("rules"),
        ),
        organizational_account_suffixes: suffixes.iter().map(|one| (*one).to_owned()).collect(),
        supports_mfa,
        saml: ClaimsProviderSaml::default(),
        metadata: MetadataSource::default(),
        file: "idp.toml".into(),
    })
}

fn claim(claim_type: &str, value: &str) -> AssertedClaim {
    AssertedClaim {
        claim_type: claim_type.to_owned(),
        value: value.to_owned(),
        value_type: None,
        original_issuer: None,
        name_format: None,
    }
}

fn good() -> Assertion {
    Assertion {
        id: "_1".to_owned(),
        issuer: PROVIDER.to_owned(),
        issued_at: NOW,
        not_before: Some(NOW),
        not_on_or_after: Some(NOW + Duration::hours(1)),
        audiences: vec![vec![US.to_owned()]],
        name: Some(SubjectName {
            value: "ann".to_owned(),
            format: Some("urn:f".to_owned()),
            name_qualifier: None,
            sp_name_qualifier: None,
        }),
        confirmations: vec![Confirmation {
            bearer: true,
            recipient: Some(HERE.to_owned()),
            in_response_to: Some("_q".to_owned()),
            not_before: None,
            not_on_or_after: Some(NOW + Duration::minutes(5)),
        }],
        authentication: Some(AuthenticationStatement {
            instant: NOW - Duration::hours(1),
            method: Some("urn:method".to_owned()),
            session_index: None,
            session_not_on_or_after: None,
        }),
        claims: vec![claim(types::UPN, "ann@idp.test"), claim("never", "x")],
    }
}

fn checked(
    trust: &Arc<ClaimsProviderTrust>,
    assertion: &Assertion,
    in_response_to: Option<&str>,
    since: Option<OffsetDateTime>,
) -> Result<Checked, AssertionRefusal> {
    check(
        &Expectation {
            trust,
            audiences: &[US.to_owned()],
            recipients: &[HERE.to_owned()],
            in_response_to,
            signed_in_since: since,
            now: NOW,
        },
        assertion,
    )
}

fn outcome(change: impl FnOnce(&mut Assertion), saml: bool) -> String {
    let mut assertion = good();
    change(&mut assertion);
    match checked(&trust(false, &[]), &assertion, saml.then_some("_q"), None) {
        Ok(_) => "accepted".to_owned(),
        Err(refusal) => format!("{refusal:?}"),
    }
}

#[test]
fn only_an_assertion_for_us_for_now_and_for_this_request_is_accepted() {
    type Change = fn(&mut Assertion);
    let cases: [(Change, &str, &str); 21] = [
        (|_| (), "accepted", "accepted"),
        (|a| a.issuer = format!("{PROVIDER}/"), "Issuer", "Issuer"),
        (|a| a.issuer = "AD AUTHORITY".to_owned(), "Issuer", "Issuer"),
        (|a| a.audiences.clear(), "Audience", "Audience"),
        (
            |a| a.audiences[0] = vec!["http://other.test/".to_owned()],
            "Audience",
            "Audience",
        ),
        (
            |a| a.audiences.push(vec!["http://other.test/".to_owned()]),
            "Audience",
            "Audience",
        ),
        (
            |a| a.audiences[0].push("http://other.test/".to_owned()),
            "accepted",
            "accepted",
        ),
        (
            |a| a.not_on_or_after = Some(NOW - Duration::minutes(5)),
            "Expired",
            "Expired",
        ),
        (
            |a| a.not_on_or_after = Some(NOW - Duration::minutes(4)),
            "accepted",
            "accepted",
        ),
        (
            |a| a.not_before = Some(NOW + Duration::minutes(6)),
            "NotYetValid",
            "NotYetValid",
        ),
        (
            |a| a.issued_at = NOW + Duration::minutes(6),
            "NotYetValid",
            "NotYetValid",
        ),
        (
            |a| a.not_on_or_after = Some(NOW + Duration::hours(25)),
            "Unbounded",
            "Unbounded",
        ),
        (|a| a.confirmations.clear(), "Confirmation", "Confirmation"),
        (
            |a| a.confirmations[0].bearer = false,
            "Confirmation",
            "Confirmation",
        ),
        (
            |a| a.confirmations[0].recipient = Some("https://other.test/".to_owned()),
            "Confirmation",
            "Confirmation",
        ),
        (
            |a| a.confirmations[0].recipient = None,
            "Confirmation",
            "accepted",
        ),
        (
            |a| a.confirmations[0].in_response_to = Some("_other".to_owned()),
            "Confirmation",
            "accepted",
        ),
        (
            |a| a.confirmations[0].in_response_to = None,
            "Confirmation",
            "accepted",
        ),
        (
            |a| a.confirmations[0].not_on_or_after = Some(NOW - Duration::minutes(6)),
            "Confirmation",
            "Confirmation",
        ),
        (|a| a.authentication = None, "NoAuthentication", "accepted"),
        (
            |a| {
                a.name = None;
                a.claims.clear();
            },
            "Nobody",
            "Nobody",
        ),
    ];
    for (number, (change, saml, wsfed)) in cases.into_iter().enumerate() {
        assert_eq!(outcome(change, true), saml, "case {number} by SAML");
        assert_eq!(
            outcome(change, false),
            wsfed,
            "case {number} by WS-Federation"
        );
    }
}

#[test]
fn a_demand_for_a_fresh_sign_in_is_not_answered_with_an_old_one() {
    let trust = trust(false, &[]);
    let mut assertion = good();
    let since = Some(NOW - Duration::minutes(1));
    assert!(matches!(
        checked(&trust, &assertion, None, since),
        Err(AssertionRefusal::NotFresh)
    ));
    if let Some(statement) = &mut assertion.authentication {
        statement.instant = NOW + Duration::minutes(1);
    }
    let proof = checked(&trust, &assertion, None, since)
        .expect("accepted")
        .proof;
    assert_eq!(proof.instant(), NOW, "no sign-in lies in the future");
    assertion.authentication = None;
    assert!(matches!(
        checked(&trust, &assertion, None, since),
        Err(AssertionRefusal::NotFresh)
    ));
}

#[test]
fn a_second_factor_counts_only_where_the_trust_says_so() {
    for (supported, by_statement) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut assertion = good();
        match &mut assertion.authentication {
            Some(statement) if by_statement => {
                statement.method = Some(types::MULTIPLE_AUTHENTICATION.to_owned());
            }
            _ => assertion.claims.push(claim(
                types::METHODS_REFERENCES,
                types::MULTIPLE_AUTHENTICATION,
            )),
        }
        let proof = checked(&trust(supported, &[]), &assertion, None, None)
            .expect("accepted")
            .proof;
        let counts = proof
            .methods()
            .iter()
            .any(|method| method == types::MULTIPLE_AUTHENTICATION);
        assert_eq!(counts, supported, "{by_statement}");
        assert_ne!(proof.method(), types::MULTIPLE_AUTHENTICATION);
    }
}

#[test]
fn accounts_of_other_suffixes_and_claims_that_no_rule_reads_stay_outside() {
    for (suffixes, expected) in [
        (&[][..], &["ann", "ann@idp.test"][..]),
        (&["IDP.test"], &["ann", "ann@idp.test"]),
        (&["other.test"], &["ann"]),
        (&["p.test"], &["ann"]),
    ] {
        let proof = checked(&trust(false, suffixes), &good(), None, None)
            .expect("accepted")
            .proof;
        let Identified::Asserted(identity) = proof.who() else {
            panic!("asserted")
        };
        let values: Vec<&str> = identity
            .claims()
            .iter()
            .map(|claim| claim.value.as_str())
            .collect();
        assert_eq!(
            values
                .iter()
                .filter(|value| **value != "x")
                .copied()
                .collect::<Vec<_>>(),
            expected,
            "{suffixes:?}"
        );
        assert!(
            identity
                .claims()
                .iter()
                .all(|claim| claim.issuer == PROVIDER)
        );
    }
}
