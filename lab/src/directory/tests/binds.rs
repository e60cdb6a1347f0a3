use time::Duration;
use time::macros::datetime;

use super::*;
use crate::clock::Clock;

/// `data` code of a refusal, or `ok`.
async fn outcome(server: &DirectoryServer, name: &str, password: &str) -> String {
    let mut ldap = connect(server).await;
    let result = ldap.simple_bind(name, password).await.unwrap();
    let text = result.text;
    match result.rc {
        0 => "ok".to_owned(),
        49 => {
            let code = text
                .split("data ")
                .nth(1)
                .and_then(|rest| rest.split(',').next());
            let code = code.unwrap().to_owned();
            let whole = format!(
                "80090308: LdapErr: DSID-0C09042F, comment: AcceptSecurityContext error, data {code}, v4563\0"
            );
            assert_eq!(text, whole, "clients parse this text");
            code
        }
        other => panic!("{name}: {other} {text}"),
    }
}

#[tokio::test]
async fn every_account_state_has_its_code() {
    let server = start().await;
    let cases = [
        ("alice", PASSWORD, "ok"),
        ("alice", "pass@word1", "52e"),
        ("alice", "Pass@word1 ", "52e"),
        ("nobody", PASSWORD, "52e"),
        ("eve", PASSWORD, "533"),
        ("eve", "wrong", "52e"),
        ("lou", PASSWORD, "775"),
        ("lou", "wrong", "775"),
        ("pat", PASSWORD, "773"),
        ("pat", "wrong", "52e"),
        ("olga", PASSWORD, "532"),
        ("xan", PASSWORD, "701"),
        ("zoe", PASSWORD, "ok"),
        ("o'brien", PASSWORD, "ok"),
        ("user0001", PASSWORD, "ok"),
        ("user1000", PASSWORD, "ok"),
        ("Sales", PASSWORD, "52e"),
    ];
    for (account, password, expected) in cases {
        let name = format!("CONTOSO\\{account}");
        assert_eq!(outcome(&server, &name, password).await, expected, "{name}");
    }
}

#[tokio::test]
async fn names_of_a_bind() {
    let server = start().await;
    let cases = [
        ("alice@contoso.test", "ok"),
        ("ALICE@CONTOSO.TEST", "ok"),
        ("contoso\\Alice", "ok"),
        ("contoso.test\\alice", "ok"),
        ("CN=Alice Andersen,OU=People,DC=contoso,DC=test", "ok"),
        ("cn=alice andersen, ou=people, dc=contoso, dc=test", "ok"),
        (
            "CN=O'Brien\\, Sean (Ops) *,OU=People,DC=contoso,DC=test",
            "ok",
        ),
        (
            "CN=O'Brien\\2c Sean \\28Ops\\29 \\2a,OU=People,DC=contoso,DC=test",
            "ok",
        ),
        ("CN=Zoë Müller,OU=People,DC=contoso,DC=test", "ok"),
        ("CN=ZOE\u{308} MÜLLER,OU=People,DC=contoso,DC=test", "ok"),
        ("fay@fabrikam.test", "ok"),
        ("fay@contoso.test", "ok"),
        ("gil@sub.contoso.test", "ok"),
        ("CN=svc-adfs,OU=Service Accounts,DC=contoso,DC=test", "52e"),
        ("FABRIKAM\\fay", "52e"),
        ("alice", "52e"),
        ("*", "52e"),
        ("CONTOSO\\*", "52e"),
        ("CONTOSO\\", "52e"),
        (
            "CN=O'Brien, Sean (Ops) *,OU=People,DC=contoso,DC=test",
            "52e",
        ),
        ("DC=contoso,DC=test", "52e"),
        ("", "52e"),
    ];
    for (name, expected) in cases {
        assert_eq!(outcome(&server, name, PASSWORD).await, expected, "{name:?}");
    }
}

#[tokio::test]
async fn the_service_account_has_its_own_password() {
    let fixtures = Fixtures::load().unwrap();
    let account = fixtures.service_account().unwrap();
    assert_ne!(account.password, PASSWORD);
    let server = DirectoryServer::start(Options::new(FREE_PORT), fixtures)
        .await
        .unwrap();
    assert_eq!(outcome(&server, &account.dn, &account.password).await, "ok");
}

#[tokio::test]
async fn an_empty_password_succeeds_and_proves_nothing() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    ldap.simple_bind("CONTOSO\\alice", "")
        .await
        .unwrap()
        .success()
        .unwrap();
    let refused = ldap
        .search(SUFFIX, Scope::Subtree, "(cn=*)", vec!["cn"])
        .await
        .unwrap()
        .1;
    assert_eq!(refused.rc, 1);
    assert!(
        refused.text.starts_with("000004DC: LdapErr: "),
        "{}",
        refused.text
    );
    assert!(
        refused.text.contains("a successful bind must be completed"),
        "{}",
        refused.text
    );
    assert_eq!(server.logon_state("alice").unwrap().bad_password_count, 0);
}

#[tokio::test]
async fn a_failed_bind_ends_the_earlier_identity() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    assert_eq!(
        ldap.simple_bind("CONTOSO\\alice", "wrong")
            .await
            .unwrap()
            .rc,
        49
    );
    let refused = ldap
        .search(SUFFIX, Scope::Subtree, "(cn=*)", vec!["cn"])
        .await
        .unwrap()
        .1;
    assert_eq!(refused.rc, 1);
}

#[tokio::test]
async fn wrong_passwords_count_lock_and_unlock() {
    let options = Options {
        lockout_threshold: Some(3),
        ..Options::new(FREE_PORT)
    };
    let server = DirectoryServer::start(options, Fixtures::load().unwrap())
        .await
        .unwrap();
    let name = "bob@contoso.test";
    assert_eq!(outcome(&server, name, "wrong").await, "52e");
    assert_eq!(outcome(&server, name, "wrong").await, "52e");
    assert_eq!(server.logon_state("bob").unwrap().bad_password_count, 2);
    assert_eq!(outcome(&server, name, PASSWORD).await, "ok");
    assert_eq!(server.logon_state("bob").unwrap().bad_password_count, 0);
    for _ in 0..3 {
        assert_eq!(outcome(&server, name, "wrong").await, "52e");
    }
    assert_eq!(outcome(&server, name, PASSWORD).await, "775");
    let mut ldap = bound(&server).await;
    let attributes = vec![
        "badPwdCount",
        "lockoutTime",
        "msDS-User-Account-Control-Computed",
    ];
    let entry = find(&mut ldap, "(sAMAccountName=bob)", attributes)
        .await
        .remove(0);
    assert_eq!(entry.attrs["badPwdCount"], ["3"]);
    assert_ne!(entry.attrs["lockoutTime"], ["0"]);
    assert_eq!(entry.attrs["msDS-User-Account-Control-Computed"], ["16"]);
    assert_eq!(
        names(&mut ldap, "(&(objectClass=user)(lockoutTime>=1))").await,
        ["bob", "lou"].map(str::to_owned).into()
    );
    assert!(server.unlock("bob") && !server.unlock("nobody"));
    assert_eq!(outcome(&server, name, PASSWORD).await, "ok");
}

/// A domain whose lockout ends and whose people are restricted in other ways.
const RESTRICTED: &str = "dn: DC=t
objectClass: domainDNS
lockoutThreshold: 2
lockOutObservationWindow: -18000000000
lockoutDuration: -18000000000

dn: CN=kim,DC=t
objectClass: user
sAMAccountName: kim
userPassword: Pass@word1

dn: CN=night,DC=t
objectClass: user
sAMAccountName: night
userPassword: Pass@word1
logonHours:: AAAAAAAAAAAAAAAAAAAAAAAAAAAA

dn: CN=desk,DC=t
objectClass: user
sAMAccountName: desk
userPassword: Pass@word1
userWorkstations: DESK7,DESK8

dn: CN=server,DC=t
objectClass: user
sAMAccountName: server
userPassword: Pass@word1
userWorkstations: DESK7,DC1
";

#[tokio::test]
async fn lockout_ends_and_other_restrictions_hold() {
    let clock = Clock::fixed(datetime!(2026-01-05 12:00 UTC));
    let options = Options {
        clock: clock.clone(),
        ..Options::new(FREE_PORT)
    };
    let server = DirectoryServer::start(options, Fixtures::from_ldif(RESTRICTED).unwrap())
        .await
        .unwrap();
    assert_eq!(outcome(&server, "T\\night", PASSWORD).await, "530");
    assert_eq!(outcome(&server, "T\\desk", PASSWORD).await, "531");
    assert_eq!(outcome(&server, "T\\server", PASSWORD).await, "ok");
    assert_eq!(outcome(&server, "T\\kim", "wrong").await, "52e");
    clock.advance(Duration::minutes(31));
    assert_eq!(
        outcome(&server, "T\\kim", "wrong").await,
        "52e",
        "a new observation window"
    );
    assert_eq!(outcome(&server, "T\\kim", "wrong").await, "52e");
    assert_eq!(outcome(&server, "T\\kim", PASSWORD).await, "775");
    clock.advance(Duration::minutes(31));
    assert_eq!(
        outcome(&server, "T\\kim", PASSWORD).await,
        "ok",
        "the lockout ended"
    );
    let mut ldap = connect(&server).await;
    ldap.simple_bind("T\\kim", PASSWORD)
        .await
        .unwrap()
        .success()
        .unwrap();
    let base = "CN=kim,DC=t";
    let kim = find_below(&mut ldap, base, Scope::Base, "(name=kim)", vec![])
        .await
        .remove(0);
    assert_eq!(kim.attrs["badPwdCount"], ["0"]);
    assert_ne!(
        kim.attrs["lastLogon"],
        ["0"],
        "counted although the LDIF does not name it"
    );
}

#[tokio::test]
async fn who_am_i() {
    use ldap3::exop::{WhoAmI, WhoAmIResp};
    let server = start().await;
    let mut ldap = connect(&server).await;
    let (answer, _) = ldap.extended(WhoAmI).await.unwrap().success().unwrap();
    assert_eq!(answer.parse::<WhoAmIResp>().authzid, "");
    let mut ldap = bound(&server).await;
    let (answer, _) = ldap.extended(WhoAmI).await.unwrap().success().unwrap();
    assert_eq!(answer.parse::<WhoAmIResp>().authzid, "u:CONTOSO\\alice");
}
