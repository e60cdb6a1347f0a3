use super::*;

const SALES: &str = "CN=Sales,OU=Groups,DC=contoso,DC=test";
const STAFF: &str = "CN=All Staff,OU=Groups,DC=contoso,DC=test";
const NED: &str = "CN=Ned Novak,OU=People,DC=contoso,DC=test";

/// A filter and the account names that it finds, in order.
#[rustfmt::skip]
const CASES: &[(&str, &[&str])] = &[
    // Equality, in any case and spelling of attribute and value.
    ("(sAMAccountName=alice)", &["alice"]),
    ("(SAMACCOUNTNAME=ALICE)", &["alice"]),
    ("(userPrincipalName=FAY@fabrikam.TEST)", &["fay"]),
    ("(displayName=zoë müller)", &["zoe"]),
    ("(displayName=ZOE\u{308} MÜLLER)", &["zoe"]),
    ("(displayName=Zoe Muller)", &[]),
    ("(mail=alice)", &[]),
    ("(proxyAddresses=smtp:alice.andersen@contoso.test)", &["alice"]),
    ("(title~=operations)", &["o'brien"]),
    // Special characters are data.
    (r"(cn=O'Brien, Sean \28Ops\29 \2a)", &["o'brien"]),
    (r"(sAMAccountName=\2a)", &[]),
    (r"(sAMAccountName=alice\00)", &[]),
    // Boolean operators and three-valued logic.
    ("(&(objectCategory=person)(objectClass=user)(sAMAccountName=bob))", &["bob"]),
    ("(&(objectClass=group)(sAMAccountName=bob))", &[]),
    ("(|(sAMAccountName=bob)(mail=carol@contoso.test)(sAMAccountName=nobody))", &["bob", "carol"]),
    ("(&(title=Account manager)(!(sAMAccountName=dave)))", &["alice", "fay", "ned"]),
    ("(&(sAMAccountName=alice)(!(company=x)))", &["alice"]),
    ("(&(sAMAccountName=alice)(!(unknownAttribute=x)))", &[]),
    ("(&(sAMAccountName=alice)(|(unknownAttribute=x)(sn=Andersen)))", &["alice"]),
    ("(&(sAMAccountName=alice)(!(tokenGroups=S-1-5-32-545)))", &[]),
    ("(!(objectClass=*))", &[]),
    // Presence.
    ("(&(mS-DS-ConsistencyGuid=*)(title=Controller))", &["carol", "nora"]),
    ("(&(title=*)(!(mS-DS-ConsistencyGuid=*))(userAccountControl=66048))", &["dave", "erin", "judy", "lou", "xan"]),
    ("(&(sAMAccountName=alice)(userPassword=*))", &[]),
    ("(userPassword=Pass@word1)", &[]),
    // Substrings.
    ("(sn=an*sen)", &["alice"]),
    ("(&(sn=*n*n*)(objectClass=user)(title=Controller))", &["nora"]),
    ("(mail=*@fabrikam.test)", &["fay"]),
    ("(cn=ZOË*)", &["zoe"]),
    ("(cn=*sean*ops*)", &["o'brien"]),
    ("(title=*führ*)", &["zoe"]),
    ("(&(cn=*chen*chen*)(title=*))", &[]),
    ("(memberOf=*CN=Sales*)", &[]),
    // Order.
    ("(&(sAMAccountName>=user0999)(objectClass=user))", &["user0999", "user1000", "xan", "zoe"]),
    ("(&(badPwdCount>=10)(objectClass=user))", &["lou"]),
    ("(&(accountExpires<=133641792000000000)(objectClass=user))", &["xan"]),
    ("(pwdLastSet<=0)", &["pat"]),
    ("(pwdLastSet<=soon)", &[]),
    // Binary values as bytes, and the text forms of AD.
    (r"(objectGUID=\4d\3c\2b\1a\6f\5e\81\70\92\a3\b4\c5\d6\e7\f8\09)", &["alice"]),
    ("(objectGUID=1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809)", &["alice"]),
    (r"(objectGUID=\1a\2b\3c\4d\5e\6f\70\81\92\a3\b4\c5\d6\e7\f8\09)", &[]),
    ("(objectSid=S-1-5-21-1004336348-1177238915-682003330-1103)", &["carol"]),
    (r"(objectSid=\01\05\00\00\00\00\00\05\15\00\00\00\dc\f4\dc\3b\83\3d\2b\46\82\8b\a6\28\4f\04\00\00)", &["carol"]),
    (r"(mS-DS-ConsistencyGuid=\1a\a1\db\0d\0b\0b\0b\4b\9b\0b\0b\0b\0b\0b\0b\0b)", &["bob"]),
    // Bit rules.
    ("(&(objectClass=user)(userAccountControl:1.2.840.113556.1.4.803:=2))", &["eve"]),
    ("(&(title=*)(userAccountControl:1.2.840.113556.1.4.803:=66050))", &["eve"]),
    ("(&(title=*)(!(userAccountControl:1.2.840.113556.1.4.804:=65538)))", &["olga", "pat"]),
    ("(userAccountControl:1.2.840.113556.1.4.803:=two)", &[]),
    ("(sAMAccountName:1.2.840.113556.1.4.803:=2)", &[]),
    ("(sAMAccountName:=alice)", &["alice"]),
    ("(sAMAccountName:1.2.3:=alice)", &[]),
    ("(cn:dn:=alice andersen)", &[]),
    // DN values: direct and in chain.
    ("(memberOf=cn=finance, ou=groups, dc=contoso, dc=test)", &["carol", "nora"]),
    ("(memberOf=CN=Sales North,OU=Groups,DC=contoso,DC=test)", &["ned"]),
    ("(memberOf:1.2.840.113556.1.4.1941:=CN=Sales,OU=Groups,DC=contoso,DC=test)",
        &["Sales North", "alice", "dave", "fay", "ned", "zoe"]),
    ("(member:1.2.840.113556.1.4.1941:=CN=Ned Novak,OU=People,DC=contoso,DC=test)",
        &["All Staff", "Sales", "Sales North"]),
    (r"(member=CN=O'Brien\5c, Sean \28Ops\29 \2a,OU=People,DC=contoso,DC=test)", &["Engineering"]),
    ("(memberOf:1.2.840.113556.1.4.1941:=CN=Nobody,DC=contoso,DC=test)", &[]),
    ("(memberOf:1.2.840.113556.1.4.1941:=not a name)", &[]),
    ("(objectCategory=group)", &["All Staff", "Domain Computers", "Domain Users", "Engineering", "Finance",
        "Load Users", "MFA Users", "Newsletter", "Sales", "Sales North", "Users"]),
];

#[tokio::test]
async fn filter_matrix() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    for (filter, expected) in CASES {
        let found = names(&mut ldap, filter).await;
        let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(found, expected, "{filter}");
    }
}

#[tokio::test]
async fn nested_membership_is_not_direct() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    let ned = find(&mut ldap, "(sAMAccountName=ned)", vec!["memberOf"])
        .await
        .remove(0);
    assert_eq!(
        ned.attrs["memberOf"],
        ["CN=Sales North,OU=Groups,DC=contoso,DC=test"]
    );
    for group in [SALES, STAFF] {
        let filter = format!("(&(sAMAccountName=ned)(memberOf:1.2.840.113556.1.4.1941:={group}))");
        assert_eq!(find(&mut ldap, &filter, vec!["1.1"]).await[0].dn, NED);
    }
}

#[tokio::test]
async fn circles_of_groups_end() {
    let text = "dn: DC=t
objectClass: domainDNS

dn: CN=kim,DC=t
objectClass: user
sAMAccountName: kim
userPassword: p

dn: CN=a,DC=t
objectClass: group
sAMAccountName: a
groupType: -2147483646
objectSid:: AQEAAAAAAAUBAAAA
member: CN=b,DC=t
member: CN=kim,DC=t

dn: CN=b,DC=t
objectClass: group
sAMAccountName: b
groupType: -2147483646
objectSid:: AQEAAAAAAAUCAAAA
member: CN=a,DC=t
";
    let fixtures = Fixtures::from_ldif(text).unwrap();
    let server = DirectoryServer::start(Options::new(FREE_PORT), fixtures)
        .await
        .unwrap();
    let mut ldap = connect(&server).await;
    ldap.simple_bind("T\\kim", "p")
        .await
        .unwrap()
        .success()
        .unwrap();
    let filter = "(memberOf:1.2.840.113556.1.4.1941:=CN=b,DC=t)";
    let found = find_below(&mut ldap, "DC=t", Scope::Subtree, filter, vec!["cn"]).await;
    let found: BTreeSet<String> = found.into_iter().map(|entry| entry.dn).collect();
    assert_eq!(
        found,
        ["CN=a,DC=t", "CN=b,DC=t", "CN=kim,DC=t"]
            .map(str::to_owned)
            .into()
    );
    let kim = find_below(
        &mut ldap,
        "CN=kim,DC=t",
        Scope::Base,
        "(cn=*)",
        vec!["tokenGroups"],
    )
    .await;
    assert!(kim.is_empty(), "kim has no cn");
    let kim = find_below(
        &mut ldap,
        "CN=kim,DC=t",
        Scope::Base,
        "(name=kim)",
        vec!["tokenGroups"],
    );
    // ldap3 takes octets that happen to be UTF-8 for text, which these short SIDs are.
    assert_eq!(kim.await[0].attrs["tokenGroups"].len(), 2);
}
