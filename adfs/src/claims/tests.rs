//! The pipeline with a directory that answers from memory.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use claim_rules::directory_query::ActiveDirectoryQuery;
use claim_rules::{Rows, RuleSet, StoreError, StoreQuery, entra};
use time::macros::datetime;
use uuid::Uuid;

use super::acceptance::Incoming;
use super::identity::Identity;
use super::stores::Stores;
use super::*;
use crate::config::{AccessControlPolicy, PermitRule};

const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
const LEGACY_UPN: &str = "http://schemas.xmlsoap.org/claims/UPN";
const IMMUTABLE_ID: &str = "http://schemas.microsoft.com/LiveID/Federation/2008/05/ImmutableID";
const NAME_IDENTIFIER: &str =
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier";
const ISSUER_ID: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/issuerid";
const FORMAT: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claimproperties/format";

/// Alice, with or without a consistency GUID.
#[derive(Default)]
struct Memory {
    consistency_guid: Option<&'static str>,
    asked: Vec<StoreQuery>,
}

impl Stores for Memory {
    async fn answer(&mut self, query: &StoreQuery) -> Option<Result<Rows, StoreError>> {
        self.asked.push(query.clone());
        if query.store != "Active Directory" {
            return None;
        }
        Some(ActiveDirectoryQuery::read(query).map(|read| {
            assert_eq!(
                (
                    read.domain.as_str(),
                    read.effective_filter().to_lowercase().as_str()
                ),
                ("CONTOSO", "(samaccountname=alice)")
            );
            let value = |attribute: &String| match attribute.as_str() {
                "userPrincipalName" => Some("alice@contoso.test".to_owned()),
                "objectGUID" => Some("Z3VpZA==".to_owned()),
                "mS-DS-ConsistencyGuid" => self.consistency_guid.map(str::to_owned),
                _ => None,
            };
            vec![read.attributes.iter().map(value).collect()]
        }))
    }
}

fn identity() -> Identity {
    Identity {
        windows_account_name: "CONTOSO\\alice".to_owned(),
        upn: Some("alice@contoso.test".to_owned()),
        implicit_upn: "alice@contoso.test".to_owned(),
        primary_sid: Some("S-1-5-21-1-2-3-1105".to_owned()),
        primary_group_sid: Some("S-1-5-21-1-2-3-513".to_owned()),
        group_sids: vec![
            "S-1-5-21-1-2-3-513".to_owned(),
            "S-1-5-21-1-2-3-1200".to_owned(),
        ],
        password_expires: None,
    }
}

fn permit_everyone() -> Authorization<'static> {
    static POLICY: LazyLock<AccessControlPolicy> = LazyLock::new(|| AccessControlPolicy {
        name: "Permit everyone".to_owned(),
        rules: vec![PermitRule {
            conditions: Vec::new(),
            exceptions: Vec::new(),
            second_factor: false,
        }],
    });
    Authorization::Policy(&POLICY)
}

fn authentication() -> Authentication {
    Authentication {
        method_uri: PASSWORD.to_owned(),
        methods: vec![PASSWORD.to_owned()],
        instant: datetime!(2026-11-25 13:00 +1),
        persistent: false,
    }
}

fn context(network_location: NetworkLocation) -> RequestContext {
    RequestContext {
        activity_id: Uuid::from_u128(7),
        network_location,
        client_ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)),
        peer_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        endpoint_path: "/adfs/ls/".to_owned(),
        forwarded_client_ip: Some("203.0.113.7".to_owned()),
        proxy: Some("wap".to_owned()),
        user_agent: Some("é".repeat(2_000)),
        relying_party_id: Some("urn:federation:MicrosoftOnline".to_owned()),
    }
}

async fn outcome(
    authorization: Authorization<'_>,
    transform: &str,
    stores: &mut Memory,
    location: NetworkLocation,
) -> Result<Outcome, ClaimsError> {
    let transform = RuleSet::compile(transform).expect("rules");
    let policies = Policies {
        trust: "Test",
        authorization,
        additional_authentication: [None, None],
        transform: &transform,
    };
    pipeline::run(
        &policies,
        Incoming::of_logon(&identity()).expect("rules"),
        &authentication(),
        &context(location),
        stores,
        &mut Log::Off,
    )
    .await
    .map(Outcome::of)
}

async fn issued(transform: &str, stores: &mut Memory) -> Vec<Claim> {
    let outcome = outcome(
        permit_everyone(),
        transform,
        stores,
        NetworkLocation::Extranet,
    )
    .await;
    match outcome.expect("an outcome") {
        Outcome::Permit(claims) => claims.as_slice().to_vec(),
        other => panic!("{other:?}"),
    }
}

fn find<'c>(claims: &'c [Claim], claim_type: &str) -> Vec<&'c Claim> {
    claims
        .iter()
        .filter(|claim| claim.claim_type == claim_type)
        .collect()
}

fn values<'c>(claims: &'c [Claim], claim_type: &str) -> Vec<&'c str> {
    find(claims, claim_type)
        .into_iter()
        .map(|claim| claim.value.as_str())
        .collect()
}

#[tokio::test]
async fn the_default_rules_of_entra_id_issue_what_entra_id_needs() {
    let rules = entra::default_rules(&["contoso.test"], &[]).expect("rules");
    for (consistency_guid, immutable_id) in [
        (None, "Z3VpZA=="),
        (Some("Y29uc2lzdGVuY3k="), "Y29uc2lzdGVuY3k="),
    ] {
        let mut stores = Memory {
            consistency_guid,
            ..Memory::default()
        };
        let claims = issued(&rules, &mut stores).await;
        assert_eq!(values(&claims, LEGACY_UPN), ["alice@contoso.test"]);
        assert_eq!(values(&claims, IMMUTABLE_ID), [immutable_id]);
        assert_eq!(
            values(&claims, ISSUER_ID),
            ["http://contoso.test/adfs/services/trust/"]
        );
        let name = find(&claims, NAME_IDENTIFIER);
        assert_eq!(name.len(), 1);
        assert_eq!(name[0].value, immutable_id);
        assert_eq!(
            name[0].properties.get(FORMAT).map(String::as_str),
            Some("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified")
        );
        let inside = find(&claims, types::INSIDE_CORPORATE_NETWORK);
        assert_eq!(inside.len(), 1);
        assert_eq!(
            (inside[0].value.as_str(), inside[0].original_issuer.as_str()),
            ("false", "CLIENT CONTEXT")
        );
        assert!(inside[0].value_type.ends_with("#boolean"));
        assert_eq!(values(&claims, types::METHODS_REFERENCES), [PASSWORD]);
        assert_eq!(claims.len(), 6, "{claims:?}");
        assert_eq!(stores.asked.len(), 2);
    }
}

#[tokio::test]
async fn a_logon_makes_the_claims_of_ad_fs() {
    let claims = issued("c:[] => issue(claim = c);", &mut Memory::default()).await;
    let request_context = "http://schemas.microsoft.com/2012/01/requestcontext/claims/";
    let expected = [
        (types::WINDOWS_ACCOUNT_NAME, vec!["CONTOSO\\alice"]),
        (types::NAME, vec!["CONTOSO\\alice"]),
        (types::UPN, vec!["alice@contoso.test"]),
        (types::IMPLICIT_UPN, vec!["alice@contoso.test"]),
        (types::PRIMARY_SID, vec!["S-1-5-21-1-2-3-1105"]),
        (types::PRIMARY_GROUP_SID, vec!["S-1-5-21-1-2-3-513"]),
        (
            types::GROUP_SID,
            vec!["S-1-5-21-1-2-3-513", "S-1-5-21-1-2-3-1200"],
        ),
        (types::ANCHOR_CLAIM_TYPE, vec![types::WINDOWS_ACCOUNT_NAME]),
        (types::AUTHENTICATION_METHOD, vec![PASSWORD]),
        (
            types::AUTHENTICATION_INSTANT,
            vec!["2026-11-25T12:00:00.000Z"],
        ),
        (types::METHODS_REFERENCES, vec![PASSWORD]),
        (types::INSIDE_CORPORATE_NETWORK, vec!["false"]),
        (types::CLIENT_IP, vec!["203.0.113.7"]),
        (types::USER_IP, vec!["203.0.113.7"]),
        (types::PROXY, vec!["wap"]),
        (types::FORWARDED_CLIENT_IP, vec!["203.0.113.7"]),
        (types::ENDPOINT_ABSOLUTE_PATH, vec!["/adfs/ls/"]),
        (
            types::RELYING_PARTY_TRUST_ID,
            vec!["urn:federation:MicrosoftOnline"],
        ),
        (
            types::CLIENT_REQUEST_ID,
            vec!["00000000-0000-0000-0000-000000000007"],
        ),
    ];
    for (claim_type, expected) in &expected {
        assert_eq!(&values(&claims, claim_type), expected, "{claim_type}");
    }
    let agent = values(&claims, &format!("{request_context}x-ms-client-user-agent"));
    assert_eq!(agent, ["é".repeat(512)], "what a client says is cut");
    let count: usize = expected.iter().map(|(_, values)| values.len()).sum();
    assert_eq!(claims.len(), count + 1);
}

#[tokio::test]
async fn authorization_follows_permit_and_deny() {
    let (permit, deny) = (types::PERMIT, types::DENY);
    let cases = [
        (
            format!("=> issue(Type = \"{permit}\", Value = \"true\");"),
            Ok(()),
        ),
        (
            format!("=> issue(Type = \"{permit}\"); => issue(Type = \"{deny}\");"),
            Err(Denial::Denied),
        ),
        (
            format!("=> issue(Type = \"{deny}\"); => issue(Type = \"{permit}\");"),
            Err(Denial::Denied),
        ),
        (
            format!("=> add(Type = \"{permit}\");"),
            Err(Denial::NotPermitted),
        ),
        (String::new(), Err(Denial::NotPermitted)),
        (
            format!(
                "c:[Type == \"{}\", Value == \"true\"] => issue(Type = \"{permit}\");",
                types::INSIDE_CORPORATE_NETWORK
            ),
            Err(Denial::NotPermitted),
        ),
        (
            format!(
                "c:[Type == \"{}\", Value =~ \"-1200$\"] => issue(Type = \"{permit}\");",
                types::GROUP_SID
            ),
            Ok(()),
        ),
    ];
    for (text, expected) in cases {
        let rules = RuleSet::compile(&text).expect("rules");
        let outcome = outcome(
            Authorization::Rules(&rules),
            "c:[] => issue(claim = c);",
            &mut Memory::default(),
            NetworkLocation::Extranet,
        )
        .await;
        match (outcome.expect("an outcome"), expected) {
            (Outcome::Permit(claims), Ok(())) => assert!(
                find(claims.as_slice(), permit).is_empty(),
                "permits are no claims"
            ),
            (Outcome::Deny { reason }, Err(expected)) => assert_eq!(reason, expected, "{text}"),
            (outcome, _) => panic!("{text}: {outcome:?}"),
        }
    }
    let nobody = outcome(
        Authorization::Nobody,
        "",
        &mut Memory::default(),
        NetworkLocation::Intranet,
    )
    .await;
    assert_eq!(
        nobody.expect("an outcome"),
        Outcome::Deny {
            reason: Denial::NotPermitted
        }
    );
}

#[tokio::test]
async fn the_network_is_told_apart() {
    let rules = format!(
        "c:[Type == \"{}\"] => issue(claim = c);",
        types::INSIDE_CORPORATE_NETWORK
    );
    let cases = [
        (NetworkLocation::Intranet, "true"),
        (NetworkLocation::Extranet, "false"),
    ];
    for (location, expected) in cases {
        let mut stores = Memory::default();
        let outcome = outcome(permit_everyone(), &rules, &mut stores, location);
        let Outcome::Permit(claims) = outcome.await.expect("an outcome") else {
            panic!("denied")
        };
        let inside = values(claims.as_slice(), types::INSIDE_CORPORATE_NETWORK);
        assert_eq!(inside, [expected]);
    }
}

#[tokio::test]
async fn failing_rules_refuse_the_request() {
    let cases = [
        (
            "=> issue(Type = \"a\"); => issue(store = \"HR\", types = (\"b\"), query = \"q\");",
            "no attribute store 'HR'",
        ),
        (
            "=> issue(store = \"Active Directory\", types = (\"b\"), query = \";mail;alice\");",
            "POLICY3826",
        ),
        (
            "c:[] && d:[] && e:[] && f:[] => issue(Type = \"a\");",
            "ran too often",
        ),
    ];
    for (rules, message) in cases {
        let error = outcome(
            permit_everyone(),
            rules,
            &mut Memory::default(),
            NetworkLocation::Intranet,
        )
        .await;
        let error = error.expect_err(rules).to_string();
        assert!(
            error.contains(message)
                && error.contains("issuance transform rules for relying party trust \"Test\""),
            "{error}"
        );
    }
    let broken = RuleSet::compile("=> issue(store = \"HR\", types = (\"b\"), query = \"q\");")
        .expect("rules");
    let error = outcome(
        Authorization::Rules(&broken),
        "",
        &mut Memory::default(),
        NetworkLocation::Intranet,
    )
    .await;
    assert!(
        error
            .expect_err("a failure")
            .to_string()
            .contains("issuance authorization rules")
    );
}

#[test]
fn nobody_else_asserts_reserved_types() {
    let own = authentication().claims("AD AUTHORITY");
    let forged = [
        Claim::new(
            types::METHODS_REFERENCES,
            "http://schemas.microsoft.com/claims/multipleauthn",
        ),
        Claim::new(types::INSIDE_CORPORATE_NETWORK, "true"),
        Claim::new(types::PERMIT, "true"),
        Claim::new(
            "HTTP://SCHEMAS.MICROSOFT.COM/2012/01/requestcontext/claims/x-ms-proxy",
            "wap",
        ),
        Claim::new(
            "http://schemas.microsoft.com/2012/01/devicecontext/claims/isregistereduser",
            "true",
        ),
    ];
    let harmless = Claim::new(types::UPN, "alice@contoso.test");
    let accepted: Vec<Claim> = own
        .iter()
        .cloned()
        .chain(forged)
        .chain([harmless.clone()])
        .collect();
    let mut expected = own.clone();
    expected.push(harmless);
    assert_eq!(
        acceptance::let_in(accepted, &own, acceptance::Source::Directory),
        expected
    );
}

#[test]
fn memberships_are_asked_for_only_where_a_rule_could_see_them() {
    let upn_only = RuleSet::compile("c:[Type == \"upn\"] => issue(claim = c);").expect("rules");
    let groups = RuleSet::compile(&format!(
        "c:[Type == \"{}\"] => issue(claim = c);",
        types::GROUP_SID
    ))
    .expect("rules");
    let reads = |authorization, transform| {
        Policies {
            trust: "",
            authorization,
            additional_authentication: [None, None],
            transform,
        }
        .may_read(types::GROUP_SID)
    };
    assert!(!reads(permit_everyone(), &upn_only));
    assert!(reads(permit_everyone(), &groups));
    assert!(reads(Authorization::Rules(&groups), &upn_only));
    assert!(!reads(Authorization::Rules(&upn_only), &upn_only));
}

#[tokio::test]
async fn additional_authentication_rules_demand_a_second_factor() {
    let demand = format!(
        "issue(Type = \"{}\", Value = \"{}\");",
        types::AUTHENTICATION_METHOD,
        types::MULTIPLE_AUTHENTICATION
    );
    let outside = format!(
        "c:[Type == \"{}\", Value == \"false\"] => {demand}",
        types::INSIDE_CORPORATE_NETWORK
    );
    let group = format!(
        "c:[Type == \"{}\", Value == \"S-1-5-21-1-2-3-1200\"] => {demand}",
        types::GROUP_SID
    );
    let added = format!("=> {}", demand.replace("issue", "add"));
    let other = demand.replace("multipleauthn", "other");
    let other = format!("=> {other}");
    let (inside, extranet) = (NetworkLocation::Intranet, NetworkLocation::Extranet);
    for (global, own, location, demanded) in [
        ("", "", extranet, false),
        (outside.as_str(), "", extranet, true),
        (outside.as_str(), "", inside, false),
        ("", outside.as_str(), extranet, true),
        (outside.as_str(), group.as_str(), inside, true),
        (group.as_str(), "", inside, true),
        (added.as_str(), other.as_str(), extranet, false),
    ] {
        for second_factor in [false, true] {
            let rules = [global, own].map(|text| RuleSet::compile(text).expect("rules"));
            let transform = RuleSet::compile("").expect("rules");
            let policies = Policies {
                trust: "Test",
                authorization: permit_everyone(),
                additional_authentication: [Some(&rules[0]), Some(&rules[1])],
                transform: &transform,
            };
            let mut authentication = authentication();
            if second_factor {
                let method = types::MULTIPLE_AUTHENTICATION.to_owned();
                authentication.methods.push(method);
            }
            let outcome = pipeline::run(
                &policies,
                Incoming::of_logon(&identity()).expect("rules"),
                &authentication,
                &context(location),
                &mut Memory::default(),
                &mut Log::Off,
            )
            .await
            .map(Outcome::of);
            let refused = outcome.expect("an outcome") == Outcome::SecondFactorRequired;
            assert_eq!(
                refused,
                demanded && !second_factor,
                "{global} / {own} {location:?} {second_factor}"
            );
            assert_eq!(
                policies.may_read(types::GROUP_SID),
                global.contains("groupsid") || own.contains("groupsid")
            );
        }
    }
    let denied = RuleSet::compile("").expect("rules");
    let demanding = RuleSet::compile(&format!("=> {demand}")).expect("rules");
    let policies = Policies {
        trust: "Test",
        authorization: Authorization::Rules(&denied),
        additional_authentication: [Some(&demanding), None],
        transform: &denied,
    };
    let outcome = pipeline::run(
        &policies,
        Incoming::of_logon(&identity()).expect("rules"),
        &authentication(),
        &context(extranet),
        &mut Memory::default(),
        &mut Log::Off,
    )
    .await
    .map(Outcome::of);
    assert_eq!(
        outcome.expect("an outcome"),
        Outcome::Deny {
            reason: Denial::NotPermitted
        },
        "who may not sign in at all is not asked for more"
    );
}

#[tokio::test]
async fn a_session_that_is_kept_shows_in_a_claim() {
    let transform = RuleSet::compile("c:[] => issue(claim = c);").expect("rules");
    let policies = Policies {
        trust: "Test",
        authorization: permit_everyone(),
        additional_authentication: [None, None],
        transform: &transform,
    };
    for (persistent, expected) in [(true, &["true"][..]), (false, &[])] {
        let authentication = Authentication {
            persistent,
            ..authentication()
        };
        let outcome = pipeline::run(
            &policies,
            Incoming::of_logon(&identity()).expect("rules"),
            &authentication,
            &context(NetworkLocation::Intranet),
            &mut Memory::default(),
            &mut Log::Off,
        )
        .await
        .map(Outcome::of);
        let Outcome::Permit(claims) = outcome.expect("an outcome") else {
            panic!("no permit")
        };
        assert_eq!(values(claims.as_slice(), types::PERSISTENT_SSO), expected);
    }
}

#[tokio::test]
async fn a_claims_provider_says_what_its_acceptance_rules_let_in_and_nothing_reserved() {
    const PROVIDER: &str = "http://idp.fabrikam.test/adfs/services/trust";
    let identity = AssertedIdentity::new(
        PROVIDER,
        "ann",
        [
            Claim::new(types::UPN, "ann@fabrikam.test"),
            Claim::new("http://fabrikam.test/role", "reader").issued_by("AD AUTHORITY"),
            Claim::new("http://fabrikam.test/secret", "x"),
            Claim::new(types::METHODS_REFERENCES, types::MULTIPLE_AUTHENTICATION),
            Claim::new(types::PERMIT, "true"),
        ],
    );
    let acceptance =
        RuleSet::compile("c:[Type != \"http://fabrikam.test/secret\"] => issue(claim = c);")
            .expect("rules");
    let transform = RuleSet::compile("c:[] => issue(claim = c);").expect("rules");
    let policies = Policies {
        trust: "Test",
        authorization: permit_everyone(),
        additional_authentication: [None, None],
        transform: &transform,
    };
    let mut stores = Memory::default();
    let decision = pipeline::run(
        &policies,
        Incoming::of_token(&identity, &acceptance),
        &authentication(),
        &context(NetworkLocation::Intranet),
        &mut stores,
        &mut Log::Off,
    )
    .await;
    let Decision::Permit(claims) = decision.expect("a decision") else {
        panic!("no permit")
    };
    assert_eq!(values(&claims, types::UPN), ["ann@fabrikam.test"]);
    assert_eq!(values(&claims, "http://fabrikam.test/secret"), [""; 0]);
    assert_eq!(values(&claims, types::METHODS_REFERENCES), [PASSWORD]);
    assert_eq!(values(&claims, types::AUTHENTICATION_METHOD), [PASSWORD]);
    assert_eq!(values(&claims, types::PERMIT), [""; 0]);
    for claim_type in [
        types::UPN,
        "http://fabrikam.test/role",
        types::AUTHENTICATION_METHOD,
    ] {
        assert_eq!(
            find(&claims, claim_type)[0].issuer,
            PROVIDER,
            "{claim_type}"
        );
    }

    let nothing = RuleSet::compile("").expect("rules");
    let decision = pipeline::run(
        &policies,
        Incoming::of_token(&identity, &nothing),
        &authentication(),
        &context(NetworkLocation::Intranet),
        &mut stores,
        &mut Log::Off,
    )
    .await;
    let Decision::Permit(claims) = decision.expect("a decision") else {
        panic!("no permit")
    };
    assert_eq!(values(&claims, types::UPN), [""; 0]);
    assert_eq!(values(&claims, types::METHODS_REFERENCES), [PASSWORD]);
}
