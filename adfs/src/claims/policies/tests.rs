//! Policies as they are configured, against people, places and factors.

use std::fs;
use std::net::IpAddr;
use std::sync::Arc;

use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::config::{Configuration, Environment, RelyingPartyTrust};

const SERVER: &str = r#"
[service]
host_name = "sts.contoso.test"
[https]
certificate = "certificate.pem"
private_key = "key.pem"
[directories.contoso]
servers = ["ldaps://dc1.contoso.test"]
bind_dn = "CN=adfs,DC=contoso,DC=test"
bind_password_file = "password"
base_dn = "DC=contoso,DC=test"
net_bios_name = "CONTOSO"
"#;
const SALES: &str = "S-1-5-21-1-2-3-1104";
const MFA_USERS: &str = "S-1-5-21-1-2-3-1200";
const DOMAIN_USERS: &str = "S-1-5-21-1-2-3-513";
const DEPARTMENT: &str = "http://contoso.test/department";

/// The policy that these settings of a trust and this policy file make, or the problems.
fn configured(settings: &str, file: &str) -> Result<Arc<RelyingPartyTrust>, String> {
    let folder = TempDir::new().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write("adfs.toml", SERVER);
    write("password", "Pass@word1");
    let trust = format!("identifiers = [\"urn:rp\"]\n{settings}\n");
    write("trusts/relying-parties/rp.toml", &trust);
    if !file.is_empty() {
        write("policies/own.toml", file);
    }
    let path = folder.path().join("adfs.toml");
    let loaded = Configuration::load_with(&path, &Environment::of([]));
    loaded
        .map(|loaded| {
            loaded
                .relying_parties
                .by_identifier("urn:rp")
                .expect("a trust")
        })
        .map_err(|error| error.to_string())
}

fn user(groups: &[&str], department: Option<&str>, second_factor: bool) -> Vec<Claim> {
    let groups = groups.iter().map(|sid| Claim::new(types::GROUP_SID, *sid));
    let department = department.map(|name| Claim::new(DEPARTMENT, name));
    let factor = second_factor
        .then(|| Claim::new(types::METHODS_REFERENCES, types::MULTIPLE_AUTHENTICATION));
    groups.chain(department).chain(factor).collect()
}

fn at(location: NetworkLocation, address: &str) -> RequestContext {
    let address: IpAddr = address.parse().expect("an address");
    RequestContext {
        activity_id: Uuid::nil(),
        network_location: location,
        client_ip: address,
        peer_ip: address,
        endpoint_path: "/adfs/ls/".to_owned(),
        forwarded_client_ip: None,
        proxy: None,
        user_agent: None,
        relying_party_id: None,
    }
}

const OWN: &str = r#"
name = "Own"
[[permit]]
location = ["10.0.0.0/8", "2001:db8::/32"]
groups = ["S-1-5-21-1-2-3-1104"]
[[permit.except]]
claims = [{ claim_type = "http://contoso.test/department", operator = "StartsWith", values = ["Temp"] }]
[[permit.except]]
location = ["10.9.9.9"]
[[permit]]
groups = ["S-1-5-21-1-2-3-1104"]
multi_factor_authentication = true
[[permit]]
claims = [{ claim_type = "http://contoso.test/department", operator = "Equals", values = ["IT", "Board"] }]
location = ["extranet"]
"#;

#[test]
fn policies_decide_by_people_places_and_factors() {
    let group = r#"access_control_policy_parameters = ["S-1-5-21-1-2-3-1104"]"#;
    let named = r#"access_control_policy_parameters = { groupparameter = "s-1-5-21-1-2-3-1104" }"#;
    // Policy and parameters, and then: inside, inside with two factors, outside, outside with two factors.
    // P permits, M demands a second factor, D denies. Sales, then everybody else.
    for (policy, parameters, sales, others) in [
        ("Permit everyone", "", "PPPP", "PPPP"),
        ("PERMIT EVERYONE", "", "PPPP", "PPPP"),
        ("Permit everyone and require MFA", "", "MPMP", "MPMP"),
        (
            "Permit everyone and require MFA for specific group",
            group,
            "MPMP",
            "PPPP",
        ),
        (
            "Permit everyone and require MFA from extranet access",
            "",
            "PPMP",
            "PPMP",
        ),
        (
            "Permit everyone and require MFA from unauthenticated devices",
            "",
            "MPMP",
            "MPMP",
        ),
        (
            "Permit everyone and require MFA, allow automatic device registration",
            "",
            "MPMP",
            "MPMP",
        ),
        ("Permit everyone for intranet access", "", "PPDD", "PPDD"),
        ("Permit specific group", group, "PPPP", "DDDD"),
        ("Permit specific group", named, "PPPP", "DDDD"),
        ("Own", "", "PPMP", "DDDD"),
    ] {
        let settings = format!("access_control_policy_name = \"{policy}\"\n{parameters}");
        let trust = configured(&settings, OWN).expect(policy);
        let policy = trust.access_control_policy.as_ref().expect("a policy");
        for (groups, expected) in [
            ([DOMAIN_USERS, SALES], sales),
            ([DOMAIN_USERS, MFA_USERS], others),
        ] {
            let inside = at(NetworkLocation::Intranet, "10.1.2.3");
            let outside = at(NetworkLocation::Extranet, "203.0.113.7");
            let verdicts: String = [&inside, &outside]
                .into_iter()
                .flat_map(|context| [(context, false), (context, true)])
                .map(|(context, factor)| {
                    let verdict = judge(policy, &user(&groups, None, factor), context);
                    match verdict.expect("a verdict") {
                        Verdict::Permit => 'P',
                        Verdict::SecondFactor => 'M',
                        Verdict::Deny(Denial::NotPermitted) => 'D',
                        Verdict::Deny(reason) => panic!("policies never say {reason:?}"),
                    }
                })
                .collect();
            assert_eq!(verdicts, expected, "{} for {groups:?}", policy.name);
        }
    }
}

#[test]
fn exceptions_claims_and_ranges_count() {
    let trust = configured("access_control_policy_name = \"own\"", OWN).expect("a policy");
    let policy = trust.access_control_policy.as_ref().expect("a policy");
    let sales: &[&str] = &[DOMAIN_USERS, SALES];
    let others: &[&str] = &[DOMAIN_USERS];
    let (inside, outside) = (NetworkLocation::Intranet, NetworkLocation::Extranet);
    for (groups, department, location, address, expected) in [
        (sales, None, inside, "10.1.2.3", Verdict::Permit),
        // An exception cancels the permit of its rule only: the second rule still permits with a second factor.
        (
            sales,
            Some("temporary"),
            inside,
            "10.1.2.3",
            Verdict::SecondFactor,
        ),
        (sales, None, inside, "10.9.9.9", Verdict::SecondFactor),
        (sales, None, inside, "11.0.0.1", Verdict::SecondFactor),
        (sales, None, inside, "2001:db8:1::7", Verdict::Permit),
        (sales, None, inside, "2001:db9::7", Verdict::SecondFactor),
        // An IPv4 address that a listener for IPv6 saw.
        (sales, None, inside, "::ffff:10.1.2.3", Verdict::Permit),
        (others, Some("it"), outside, "203.0.113.7", Verdict::Permit),
        (
            others,
            Some("board"),
            inside,
            "10.1.2.3",
            Verdict::Deny(Denial::NotPermitted),
        ),
        (
            others,
            Some("ITX"),
            outside,
            "203.0.113.7",
            Verdict::Deny(Denial::NotPermitted),
        ),
    ] {
        let verdict = judge(
            policy,
            &user(groups, department, false),
            &at(location, address),
        );
        assert_eq!(verdict, Ok(expected), "{groups:?} {department:?} {address}");
    }
}

#[test]
fn what_is_not_known_permits_nobody() {
    let everywhere = at(NetworkLocation::Intranet, "10.1.2.3");
    let settings =
        "access_control_policy_name = \"Permit everyone and require MFA for specific group\"\n";
    let trust = configured(
        &format!("{settings}access_control_policy_parameters = [\"{SALES}\"]"),
        "",
    );
    let trust = trust.expect("a policy");
    let policy = trust.access_control_policy.as_ref().expect("a policy");
    assert_eq!(judge(policy, &[], &everywhere), Err(PolicyError::NoGroups));
    let trust = configured(
        &format!("{settings}access_control_policy_parameters = ['CONTOSO\\Sales']"),
        "",
    );
    let trust = trust.expect("a policy");
    let policy = trust.access_control_policy.as_ref().expect("a policy");
    assert!(matches!(
        judge(policy, &user(&[DOMAIN_USERS], None, false), &everywhere),
        Err(PolicyError::NoSuchGroup { .. })
    ));
}

#[tokio::test]
async fn a_group_is_looked_up_once_and_failures_are_not_remembered() {
    let trust = configured(
        "access_control_policy_name = \"Permit specific group\"\naccess_control_policy_parameters = ['contoso.test\\Sales']",
        "",
    );
    let trust = trust.expect("a policy");
    let policy = trust.access_control_policy.as_ref().expect("a policy");
    let group = policy.groups().next().expect("a group");
    let failed = group.resolve(async |_, _| Err::<String, _>("down")).await;
    assert_eq!((failed, group.sid()), (Err("down"), None));
    let found = group.resolve(async |domain, name| {
        assert_eq!((domain, name), ("contoso.test", "Sales"));
        Ok::<_, ()>(SALES.to_owned())
    });
    assert_eq!((found.await, group.sid()), (Ok(()), Some(SALES)));
    let again = group.resolve(async |_, _| Err::<String, _>("asked again"));
    assert_eq!(again.await, Ok(()));
    let verdict = judge(
        policy,
        &user(&[SALES], None, false),
        &at(NetworkLocation::Extranet, "203.0.113.7"),
    );
    assert_eq!(verdict, Ok(Verdict::Permit));
}

#[test]
fn parameters_and_files_that_cannot_be_meant_are_refused() {
    let named = |name: &str| format!("access_control_policy_name = \"{name}\"\n");
    let specific = named("Permit specific group");
    for (settings, file, expected) in [
        (
            named("Permit MFA"),
            "",
            "there is no access control policy \"Permit MFA\"",
        ),
        (specific.clone(), "", "has a parameter without a value"),
        (
            format!("{specific}access_control_policy_parameters = []"),
            "",
            "without a value",
        ),
        (
            format!("{specific}access_control_policy_parameters = {{ Group = [\"x\"] }}"),
            "",
            "has no parameter \"group\"; write one of GroupParameter",
        ),
        (
            format!("{specific}access_control_policy_parameters = [\"Sales\"]"),
            "",
            "\"Sales\" names no group",
        ),
        (
            format!("{specific}access_control_policy_parameters = ['FABRIKAM\\Sales']"),
            "",
            "no directory has the domain of the group FABRIKAM\\Sales",
        ),
        (
            format!(
                "{}access_control_policy_parameters = [\"x\"]",
                named("Permit everyone")
            ),
            "",
            "has not exactly one parameter",
        ),
        (
            "access_control_policy_parameters = [\"x\"]".to_owned(),
            "",
            "there is no policy that these are for",
        ),
        (
            format!(
                "{}issuance_authorization_rules = ''",
                named("Permit everyone")
            ),
            "",
            "either a policy or authorization rules",
        ),
        (
            String::new(),
            "name = \"Permit everyone\"\n[[permit]]\neveryone = true",
            "another policy",
        ),
        (String::new(), "name = \"x\"", "permit: this must be set"),
        (String::new(), "permit = []", "there are 0 rules"),
        (
            String::new(),
            "[[permit]]",
            "it is unclear whom the rule permits",
        ),
        (
            String::new(),
            "[[permit]]\neveryone = true\ngroups = [\"S-1-1\"]",
            "unclear whom",
        ),
        (
            String::new(),
            "[[permit]]\nmulti_factor_authentication = true",
            "unclear whom",
        ),
        (
            String::new(),
            "[[permit]]\nlocations = [\"intranet\"]",
            "no such element as `locations`",
        ),
        (
            String::new(),
            "[[permit]]\nlocation = [\"office\"]",
            "\"office\" is neither",
        ),
        (
            String::new(),
            "[[permit]]\nlocation = [\"10.0.0.1/8\"]",
            "bits beyond the length",
        ),
        (
            String::new(),
            "[[permit]]\nlocation = [\"10.0.0.0/33\"]",
            "is neither",
        ),
        (
            String::new(),
            "[[permit]]\nlocation = [\"::ffff:10.0.0.0/104\"]",
            "in disguise",
        ),
        (
            String::new(),
            "[[permit]]\nlocation = []",
            "an empty list fits nobody",
        ),
        (
            String::new(),
            "[[permit]]\ngroups = [\"S-1-5-x\"]",
            "names no group",
        ),
        (
            String::new(),
            "[[permit]]\ndevice = \"compliant\"",
            "\"compliant\" is not available",
        ),
        (
            String::new(),
            "[[permit]]\nclaims = [{ claim_type = \"a\", operator = \"Matches\", values = [\"x\"] }]",
            "\"Matches\" is no operator",
        ),
        (
            String::new(),
            "[[permit]]\nclaims = [{ claim_type = \"a\", operator = \"Contains\", values = [\"\"] }]",
            "an empty value",
        ),
        (
            String::new(),
            "[[permit]]\nclaims = [{ claim_type = \"a\", operator = \"Equals\" }]",
            "needs a claim type",
        ),
        (
            String::new(),
            "[[permit]]\neveryone = true\n[[permit.except]]\nlocation = [\"intranet\"]\ngroups = [\"S-1-1\"]",
            "an exception has exactly one condition",
        ),
        (
            String::new(),
            "[[permit]]\neveryone = true\n[[permit.except]]\nmulti_factor_authentication = true",
            "exactly one condition",
        ),
    ] {
        let problems = configured(&settings, file).expect_err(expected);
        assert!(
            problems.contains(expected),
            "{expected:?} is not in {problems}"
        );
    }
}

#[test]
fn policies_take_parameters_of_every_kind() {
    let file = r#"
name = "Any"
description = "Every gap that there can be"
[[permit]]
groups = { parameter = "PermitGroup" }
location = { parameter = "From" }
[[permit.except]]
claims = [{ parameter = "SPParameter" }]
"#;
    let settings = format!(
        "access_control_policy_name = \"Any\"\n[access_control_policy_parameters]\nPermitGroup = \"{SALES}\"\nFrom = [\"10.0.0.0/8\"]\n\
         SPParameter = {{ ClaimType = \"{DEPARTMENT}\", Operator = \"Equals\", Value = [\"IT\"] }}\n"
    );
    let trust = configured(&settings, file).expect("a policy");
    let policy = trust.access_control_policy.as_ref().expect("a policy");
    let context = at(NetworkLocation::Intranet, "10.1.2.3");
    for (department, expected) in [
        (None, Verdict::Permit),
        (Some("Sales"), Verdict::Permit),
        (Some("it"), Verdict::Deny(Denial::NotPermitted)),
    ] {
        let verdict = judge(policy, &user(&[SALES], department, false), &context);
        assert_eq!(verdict, Ok(expected), "{department:?}");
    }
}

#[test]
fn memberships_are_asked_for_where_a_policy_depends_on_them() {
    for (name, parameters, expected) in [
        ("Permit everyone and require MFA", "", false),
        (
            "Permit specific group",
            "access_control_policy_parameters = [\"S-1-1\"]",
            true,
        ),
    ] {
        let settings = format!("access_control_policy_name = \"{name}\"\n{parameters}");
        let trust = configured(&settings, "").expect("a policy");
        let policy = trust.access_control_policy.as_ref().expect("a policy");
        assert_eq!(may_read(policy, types::GROUP_SID), expected, "{name}");
    }
}
