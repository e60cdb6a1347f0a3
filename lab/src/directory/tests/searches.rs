use std::time::Instant;

use ldap3::SearchOptions;
use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::controls::RawControl;

use super::*;
use crate::directory::identifiers::sid_text;

#[test]
fn fixtures_load_fast_and_hold_everyone() {
    let start = Instant::now();
    let fixtures = Fixtures::load().unwrap();
    assert!(start.elapsed().as_millis() < 1_000, "{:?}", start.elapsed());
    let people = fixtures.people();
    let upns: Vec<&str> = people.iter().map(|person| person.upn.as_str()).collect();
    for upn in [
        "alice@contoso.test",
        "bob@contoso.test",
        "carol@contoso.test",
        "nora@contoso.test",
        "dave@contoso.test",
        "eve@contoso.test",
        "lou@contoso.test",
        "pat@contoso.test",
        "xan@contoso.test",
        "zoe@contoso.test",
        "o'brien@contoso.test",
        "ned@contoso.test",
        "erin@contoso.test",
        "fay@fabrikam.test",
        "gil@sub.contoso.test",
        "hana@phs.test",
        "ivan@pta.test",
        "judy@contoso.test",
        "user0001@contoso.test",
        "user0010@contoso.test",
    ] {
        assert!(upns.contains(&upn), "{upn}");
    }
    let everyone = fixtures.everyone();
    assert!(everyone.starts_with(people.get(..people.len() - 10).unwrap()));
    assert_eq!(everyone.len(), people.len() - 10 + 1_000);
    assert_eq!(everyone.last().unwrap().upn, "user1000@contoso.test");
    let ids: std::collections::HashSet<&str> = everyone
        .iter()
        .map(|person| person.immutable_id.as_str())
        .collect();
    assert_eq!(ids.len(), everyone.len(), "the cloud finds people by it");
    assert!(!upns.contains(&"user0011@contoso.test"));
    assert!(people.iter().all(|person| person.password == PASSWORD));
    let by_name = |name| {
        people
            .iter()
            .find(|person| person.sam_account_name == name)
            .unwrap()
    };
    assert_eq!(
        by_name("alice").immutable_id,
        "TTwrGm9egXCSo7TF1uf4CQ==",
        "spec cloud-scenario 5"
    );
    assert_eq!(
        by_name("bob").immutable_id,
        "GqHbDQsLC0ubCwsLCwsLCw==",
        "consistency GUID wins"
    );
    assert!(by_name("carol").totp_secret.is_some() && by_name("nora").totp_secret.is_none());
    assert_eq!(by_name("zoe").display_name, "Zoë Müller");
}

#[tokio::test]
async fn root_dse_is_open_to_everyone() {
    let server = start().await;
    let mut ldap = connect(&server).await;
    let root = find_below(&mut ldap, "", Scope::Base, "(objectClass=*)", vec!["*"])
        .await
        .remove(0);
    assert_eq!(root.attrs["defaultNamingContext"], [SUFFIX]);
    assert_eq!(root.attrs["dnsHostName"], ["dc1.contoso.test"]);
    assert!(
        root.attrs["supportedControl"]
            .iter()
            .any(|oid| oid == "1.2.840.113556.1.4.319")
    );
    assert_eq!(
        root.attrs["supportedCapabilities"],
        ["1.2.840.113556.1.4.800"]
    );
    assert!(!root.attrs.contains_key("objectClass"));
    let filter = "(supportedLDAPVersion=2)";
    assert!(
        find_below(&mut ldap, "", Scope::Base, filter, vec!["*"])
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn scopes() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    let people = "OU=People,DC=contoso,DC=test";
    let count = async |ldap: &mut Ldap, base: &str, scope, filter: &str| {
        find_below(ldap, base, scope, filter, vec!["1.1"])
            .await
            .len()
    };
    assert_eq!(
        count(&mut ldap, people, Scope::Base, "(ou=people)").await,
        1
    );
    assert_eq!(
        count(&mut ldap, people, Scope::OneLevel, "(ou=people)").await,
        0
    );
    assert_eq!(
        count(&mut ldap, people, Scope::Subtree, "(ou=people)").await,
        1
    );
    assert_eq!(
        count(&mut ldap, people, Scope::OneLevel, "(objectClass=user)").await,
        19
    );
    assert_eq!(
        count(&mut ldap, people, Scope::Subtree, "(objectClass=*)").await,
        20
    );
    assert_eq!(
        count(
            &mut ldap,
            people,
            Scope::Subtree,
            "(sAMAccountName=user0001)"
        )
        .await,
        0
    );
    assert_eq!(
        count(&mut ldap, SUFFIX, Scope::OneLevel, "(objectClass=user)").await,
        0
    );
    assert_eq!(
        count(
            &mut ldap,
            "ou=PEOPLE, dc=Contoso, dc=test",
            Scope::Base,
            "(ou=*)"
        )
        .await,
        1
    );
}

#[tokio::test]
async fn bases_that_are_not_there_or_no_names() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    let cases = [
        (
            "OU=Nowhere,OU=People,DC=contoso,DC=test",
            32,
            "OU=People,DC=contoso,DC=test",
        ),
        ("DC=fabrikam,DC=test", 32, ""),
        ("", 32, ""),
        ("no name", 34, ""),
    ];
    for (base, code, matched) in cases {
        let result = ldap
            .search(base, Scope::Subtree, "(cn=*)", vec!["cn"])
            .await
            .unwrap()
            .1;
        assert_eq!(
            (result.rc, result.matched.as_str()),
            (code, matched),
            "{base:?}"
        );
    }
}

#[tokio::test]
async fn attribute_selection() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    let alice = "(sAMAccountName=alice)";
    let entry = find(&mut ldap, alice, vec!["MAIL", "objectguid", "nonsense"])
        .await
        .remove(0);
    assert_eq!(entry.attrs["mail"], ["alice@contoso.test"]);
    assert_eq!(
        entry.bin_attrs.get("objectGUID").map(|v| v[0].len()),
        Some(16)
    );
    assert_eq!(entry.attrs.len() + entry.bin_attrs.len(), 2);

    let entry = find(&mut ldap, alice, vec!["1.1"]).await.remove(0);
    assert!(entry.attrs.is_empty() && entry.bin_attrs.is_empty());

    for all in [vec![], vec!["*"]] {
        let entry = find(&mut ldap, alice, all).await.remove(0);
        let dn = "CN=Alice Andersen,OU=People,DC=contoso,DC=test";
        assert_eq!(entry.attrs["distinguishedName"], [dn]);
        assert_eq!(entry.attrs["name"], ["Alice Andersen"]);
        assert_eq!(
            entry.attrs["proxyAddresses"],
            [
                "SMTP:alice@contoso.test",
                "smtp:alice.andersen@contoso.test"
            ]
        );
        for hidden in [
            "userPassword",
            "tokenGroups",
            "msDS-User-Account-Control-Computed",
        ] {
            assert!(!entry.attrs.contains_key(hidden), "{hidden}");
            assert!(!entry.bin_attrs.contains_key(hidden), "{hidden}");
        }
    }

    ldap.with_search_options(SearchOptions::new().typesonly(true));
    let entry = find(&mut ldap, alice, vec!["mail"]).await.remove(0);
    assert_eq!(entry.attrs["mail"], Vec::<String>::new());

    let computed = vec![
        "*",
        "msDS-PrincipalName",
        "msDS-UserPasswordExpiryTimeComputed",
    ];
    let entry = find(&mut ldap, "(sAMAccountName=pat)", computed)
        .await
        .remove(0);
    assert_eq!(entry.attrs["msDS-PrincipalName"], ["CONTOSO\\pat"]);
    assert_eq!(entry.attrs["msDS-UserPasswordExpiryTimeComputed"], ["0"]);
    assert_eq!(entry.attrs["pwdLastSet"], ["0"]);
}

#[tokio::test]
async fn token_groups_are_nested_and_for_base_searches() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    let domain = "S-1-5-21-1004336348-1177238915-682003330";
    let groups = async |ldap: &mut Ldap, name: &str| -> BTreeSet<String> {
        let dn = format!("CN={name},OU=People,{SUFFIX}");
        let mut found = find_below(
            ldap,
            &dn,
            Scope::Base,
            "(objectClass=*)",
            vec!["tokenGroups"],
        )
        .await;
        let sids = found.remove(0).bin_attrs.remove("tokenGroups").unwrap();
        sids.iter().map(|sid| sid_text(sid).unwrap()).collect()
    };
    let everyone = ["S-1-5-32-545".to_owned(), format!("{domain}-513")];
    let sids = |rids: &[u32]| -> BTreeSet<String> {
        rids.iter()
            .map(|rid| format!("{domain}-{rid}"))
            .chain(everyone.clone())
            .collect()
    };
    assert_eq!(
        groups(&mut ldap, "Ned Novak").await,
        sids(&[1201, 1202, 1203])
    );
    assert_eq!(
        groups(&mut ldap, "Alice Andersen").await,
        sids(&[1201, 1202]),
        "no Newsletter"
    );
    assert_eq!(
        groups(&mut ldap, "Carol Chen").await,
        sids(&[1201, 1205, 1206])
    );
    assert_eq!(groups(&mut ldap, "Eve Evans").await, sids(&[]));
    let found = find(&mut ldap, "(sAMAccountName=ned)", vec!["tokenGroups"])
        .await
        .remove(0);
    assert!(
        found.attrs.is_empty() && found.bin_attrs.is_empty(),
        "subtree search"
    );
}

#[tokio::test]
async fn size_limits() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    let users = "(objectClass=user)";
    let result = ldap
        .search(SUFFIX, Scope::Subtree, users, vec!["1.1"])
        .await
        .unwrap();
    assert_eq!((result.0.len(), result.1.rc), (1_000, 4), "MaxPageSize");
    ldap.with_search_options(SearchOptions::new().sizelimit(5));
    let result = ldap
        .search(SUFFIX, Scope::Subtree, users, vec!["1.1"])
        .await
        .unwrap();
    assert_eq!((result.0.len(), result.1.rc), (5, 4));
    ldap.with_search_options(SearchOptions::new().sizelimit(5));
    let result = ldap
        .search(SUFFIX, Scope::Subtree, "(sn=Chen)", vec!["1.1"])
        .await
        .unwrap();
    assert_eq!((result.0.len(), result.1.rc), (1, 0));
}

async fn paged(ldap: &mut Ldap, filter: &str, size: i32) -> Vec<String> {
    let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![
        Box::new(EntriesOnly::new()),
        Box::new(PagedResults::new(size)),
    ];
    let mut stream = ldap
        .streaming_search_with(adapters, SUFFIX, Scope::Subtree, filter, vec!["1.1"])
        .await
        .unwrap();
    let mut names = Vec::new();
    while let Some(entry) = stream.next().await.unwrap() {
        names.push(SearchEntry::construct(entry).dn);
    }
    stream.finish().await.success().unwrap();
    names
}

#[tokio::test]
async fn pages_hold_everyone_once() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    for (filter, size) in [
        ("(objectClass=user)", 100),
        ("(objectClass=user)", 5_000),
        ("(memberOf=CN=Load Users,OU=Groups,DC=contoso,DC=test)", 333),
        (
            "(memberOf:1.2.840.113556.1.4.1941:=CN=Load Users,OU=Groups,DC=contoso,DC=test)",
            500,
        ),
        ("(sn=Chen)", 1),
        ("(sn=nobody)", 10),
    ] {
        let names = paged(&mut ldap, filter, size).await;
        let distinct: BTreeSet<&String> = names.iter().collect();
        let expected = match filter {
            "(objectClass=user)" => 1_020,
            "(sn=Chen)" => 1,
            "(sn=nobody)" => 0,
            _ => 1_000,
        };
        assert_eq!(
            (names.len(), distinct.len()),
            (expected, expected),
            "{filter} {size}"
        );
    }
}

/// A paged results control: BER of size and cookie.
fn page_control(size: u8, cookie: &[u8]) -> RawControl {
    let length = u8::try_from(cookie.len()).unwrap();
    let mut value = vec![0x30, length + 5, 2, 1, size, 4, length];
    value.extend_from_slice(cookie);
    RawControl {
        ctype: "1.2.840.113556.1.4.319".to_owned(),
        crit: true,
        val: Some(value),
    }
}

fn cookie_of(result: &ldap3::LdapResult) -> Vec<u8> {
    let control = result.ctrls.first().unwrap();
    let value = control.1.val.clone().unwrap();
    crate::directory::request::paged_results(&value).unwrap().1
}

#[tokio::test]
async fn a_cookie_belongs_to_its_search() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    let users = "(objectClass=user)";
    let page = async |ldap: &mut Ldap, filter: &str, control| {
        ldap.with_controls(vec![control]);
        ldap.search(SUFFIX, Scope::Subtree, filter, vec!["1.1"])
            .await
            .unwrap()
    };
    let first = page(&mut ldap, users, page_control(3, &[])).await;
    assert_eq!((first.0.len(), first.1.rc), (3, 0));
    let cookie = cookie_of(&first.1);
    let other = page(&mut ldap, "(objectClass=group)", page_control(3, &cookie)).await;
    assert_eq!((other.0.len(), other.1.rc), (0, 53));
    let forged = page(&mut ldap, users, page_control(3, b"forged")).await;
    assert_eq!((forged.0.len(), forged.1.rc), (0, 53));
    let given_up = page(&mut ldap, users, page_control(0, &cookie)).await;
    assert_eq!((given_up.0.len(), given_up.1.rc), (0, 0));
    assert_eq!(cookie_of(&given_up.1), b"");
    let second = page(&mut ldap, users, page_control(3, &cookie)).await;
    assert_eq!((second.0.len(), second.1.rc), (3, 0));
}

#[tokio::test]
async fn searches_from_the_root_end_with_a_reference() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    let found = ldap
        .search(SUFFIX, Scope::Subtree, "(sn=Chen)", vec!["1.1"])
        .await
        .unwrap();
    assert_eq!(
        found.1.refs,
        ["ldap://DomainDnsZones.contoso.test/DC=DomainDnsZones,DC=contoso,DC=test"]
    );
    let domain_scope = RawControl {
        ctype: "1.2.840.113556.1.4.1339".to_owned(),
        crit: true,
        val: None,
    };
    ldap.with_controls(vec![domain_scope]);
    let found = ldap
        .search(SUFFIX, Scope::Subtree, "(sn=Chen)", vec!["1.1"])
        .await
        .unwrap();
    assert!(found.1.refs.is_empty());
}
