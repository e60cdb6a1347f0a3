//! Writes the LDIF files of `ldap-fixtures/` from `people.toml`, and checks that the committed ones are what it writes.
//! `WRITE_LDAP_FIXTURES=1 cargo nextest run -p lab committed_ldif` rewrites them.

mod text;

use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use self::text::Ldif;
use super::dn::escape;
use super::fixtures::PEOPLE;
use super::identifiers::guid_bytes;

const SUFFIX: &str = "DC=contoso,DC=test";
const DOMAIN_SID: &str = "S-1-5-21-1004336348-1177238915-682003330";
/// 2024-01-01 08:00 UTC.
const CREATED: &str = "20240101080000.0Z";
const PASSWORD_SET: &str = "133485696000000000";
/// 2024-06-30 00:00 UTC.
const EXPIRED: &str = "133641792000000000";
const LOCKED: &str = "133490000000000000";
const NEVER: &str = "9223372036854775807";
const PASSWORD: &str = "Pass@word1";
const SERVICE_PASSWORD: &str = "Service@ccount1";
const GENERATED: u32 = 1_000;
const GIVEN_NAMES: [&str; 10] = [
    "Ada", "Ben", "Cleo", "Dan", "Ella", "Finn", "Gwen", "Hugo", "Iris", "Jan",
];
const SURNAMES: [&str; 10] = [
    "Adler", "Brandt", "Costa", "Dahl", "Engel", "Fuchs", "Graf", "Holm", "Iversen", "Jung",
];

/// Groups of people.toml: name, relative id, whether it is a security group, and the groups in it.
const GROUPS: [(&str, u32, bool, &[&str]); 8] = [
    (
        "All Staff",
        1201,
        true,
        &["Sales", "Engineering", "Finance"],
    ),
    ("Sales", 1202, true, &["Sales North"]),
    ("Sales North", 1203, true, &[]),
    ("Engineering", 1204, true, &[]),
    ("Finance", 1205, true, &[]),
    ("MFA Users", 1206, true, &[]),
    ("Newsletter", 1207, false, &[]),
    ("Load Users", 1208, true, &[]),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    person: Vec<Listed>,
}

/// One person of people.toml.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    sam_account_name: String,
    user_principal_name: String,
    common_name: String,
    given_name: String,
    surname: String,
    title: String,
    rid: u32,
    object_guid: String,
    consistency_guid: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    aliases: Vec<String>,
    state: Option<State>,
    /// For `lab.json` only: the directory does not know it.
    #[serde(rename = "totp_secret")]
    _totp_secret: Option<String>,
    #[serde(rename = "notes")]
    _notes: String,
}

/// Account states other than "can sign in".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Disabled,
    Locked,
    MustChangePassword,
    PasswordExpired,
    AccountExpired,
}

fn category(name: &str) -> String {
    format!("CN={name},CN=Schema,CN=Configuration,{SUFFIX}")
}

fn group_dn(name: &str) -> String {
    format!("CN={},OU=Groups,{SUFFIX}", escape(name))
}

fn person_dn(person: &Listed) -> String {
    format!("CN={},OU=People,{SUFFIX}", escape(&person.common_name))
}

fn user_guid(number: u32) -> String {
    format!("0000{number:04x}-2000-4a6b-8c0d-0000{:08x}", 2000 + number)
}

fn base() -> String {
    let mut out = Ldif::new("The domain, its containers and its service account.");
    out.entry(
        SUFFIX,
        &["top", "domain", "domainDNS"],
        &[
            ("dc", "contoso"),
            ("objectCategory", &category("Domain-DNS")),
            ("whenCreated", CREATED),
            ("whenChanged", CREATED),
            ("lockoutThreshold", "20"),
            ("lockOutObservationWindow", "-18000000000"),
            ("lockoutDuration", "-9223372036854775808"),
            ("maxPwdAge", "-36288000000000"),
            ("minPwdAge", "-864000000000"),
            ("minPwdLength", "7"),
        ],
    )
    .identifiers("c0270500-0001-4a6b-8c0d-000000000001", DOMAIN_SID);
    for (index, (kind, name)) in [
        ("CN", "Users"),
        ("CN", "Builtin"),
        ("OU", "People"),
        ("OU", "Groups"),
        ("OU", "Service Accounts"),
        ("OU", "Load"),
    ]
    .into_iter()
    .enumerate()
    {
        let (class, naming, categorised) = match kind {
            "OU" => ("organizationalUnit", "ou", "Organizational-Unit"),
            _ => ("container", "cn", "Container"),
        };
        out.entry(
            &format!("{kind}={name},{SUFFIX}"),
            &["top", class],
            &[
                (naming, name),
                ("objectCategory", &category(categorised)),
                ("whenCreated", CREATED),
                ("whenChanged", CREATED),
            ],
        );
        let guid = format!("c0270500-0002-4a6b-8c0d-{index:012x}");
        out.octets("objectGUID", &guid_bytes(&guid).expect("a GUID"));
    }
    let dn = format!("CN=svc-adfs,OU=Service Accounts,{SUFFIX}");
    user(
        &mut out,
        &dn,
        &User {
            account: "svc-adfs",
            principal: "svc-adfs@contoso.test",
            common_name: "svc-adfs",
            display_name: "AD FS service account",
            given_name: None,
            surname: Some("svc-adfs"),
            title: None,
            mail: None,
            aliases: &[],
            state: None,
            password: SERVICE_PASSWORD,
            rid: 1001,
            guid: "5e47ce00-1001-4a6b-8c0d-000000001001",
            consistency_guid: None,
            groups: &[],
        },
    );
    out.0
}

struct User<'a> {
    account: &'a str,
    principal: &'a str,
    common_name: &'a str,
    display_name: &'a str,
    given_name: Option<&'a str>,
    surname: Option<&'a str>,
    title: Option<&'a str>,
    mail: Option<&'a str>,
    aliases: &'a [String],
    state: Option<State>,
    password: &'a str,
    rid: u32,
    guid: &'a str,
    consistency_guid: Option<&'a str>,
    groups: &'a [String],
}

fn user(out: &mut Ldif, dn: &str, user: &User<'_>) {
    let mut attributes = vec![
        ("objectCategory", category("Person")),
        ("cn", user.common_name.to_owned()),
        ("displayName", user.display_name.to_owned()),
        ("sAMAccountName", user.account.to_owned()),
        ("userPrincipalName", user.principal.to_owned()),
    ];
    let optional = [
        ("givenName", user.given_name),
        ("sn", user.surname),
        ("title", user.title),
    ];
    for (name, value) in optional {
        attributes.extend(value.map(|value| (name, value.to_owned())));
    }
    if let Some(mail) = user.mail {
        attributes.push(("mail", mail.to_owned()));
        attributes.push(("proxyAddresses", format!("SMTP:{mail}")));
        attributes.extend(
            user.aliases
                .iter()
                .map(|a| ("proxyAddresses", format!("smtp:{a}"))),
        );
    }
    // The password of people who are not there to show an expiry never expires.
    let control = match user.state {
        Some(State::Disabled) => "66050",
        Some(State::MustChangePassword | State::PasswordExpired) => "512",
        _ => "66048",
    };
    let when = |state, then: &str, otherwise: &str| {
        if user.state == Some(state) {
            then.to_owned()
        } else {
            otherwise.to_owned()
        }
    };
    attributes.extend([
        ("userAccountControl", control.to_owned()),
        ("primaryGroupID", "513".to_owned()),
        ("sAMAccountType", "805306368".to_owned()),
        (
            "pwdLastSet",
            when(State::MustChangePassword, "0", PASSWORD_SET),
        ),
        (
            "accountExpires",
            when(State::AccountExpired, EXPIRED, NEVER),
        ),
        ("lockoutTime", when(State::Locked, LOCKED, "0")),
        ("badPwdCount", when(State::Locked, "10", "0")),
        ("badPasswordTime", when(State::Locked, LOCKED, "0")),
        ("whenCreated", CREATED.to_owned()),
        ("whenChanged", CREATED.to_owned()),
    ]);
    attributes.extend(
        user.groups
            .iter()
            .map(|group| ("memberOf", group_dn(group))),
    );
    attributes.push(("userPassword", user.password.to_owned()));
    let borrowed: Vec<(&str, &str)> = attributes.iter().map(|(n, v)| (*n, v.as_str())).collect();
    out.entry(
        dn,
        &["top", "person", "organizationalPerson", "user"],
        &borrowed,
    )
    .identifiers(user.guid, &format!("{DOMAIN_SID}-{}", user.rid));
    if let Some(guid) = user.consistency_guid {
        out.octets("mS-DS-ConsistencyGuid", &guid_bytes(guid).expect("a GUID"));
    }
}

fn people(people: &[Listed]) -> String {
    let mut out = Ldif::new("The people that the lab shows.");
    for person in people {
        user(
            &mut out,
            &person_dn(person),
            &User {
                account: &person.sam_account_name,
                principal: &person.user_principal_name,
                common_name: &person.common_name,
                display_name: &person.common_name,
                given_name: Some(&person.given_name),
                surname: Some(&person.surname),
                title: Some(&person.title),
                mail: Some(&person.user_principal_name),
                aliases: &person.aliases,
                state: person.state,
                password: PASSWORD,
                rid: person.rid,
                guid: &person.object_guid,
                consistency_guid: person.consistency_guid.as_deref(),
                groups: &person.groups,
            },
        );
    }
    out.0
}

fn generated_dn(number: u32) -> String {
    format!("CN=user{number:04},OU=Load,{SUFFIX}")
}

fn load() -> String {
    let mut out = Ldif::new("1,000 generated people, for load.");
    for number in 1..=GENERATED {
        let account = format!("user{number:04}");
        let given_name = GIVEN_NAMES[number as usize % 10];
        let surname = SURNAMES[number as usize / 10 % 10];
        let principal = format!("{account}@contoso.test");
        user(
            &mut out,
            &generated_dn(number),
            &User {
                account: &account,
                principal: &principal,
                common_name: &account,
                display_name: &format!("{given_name} {surname} ({number:04})"),
                given_name: Some(given_name),
                surname: Some(surname),
                title: None,
                mail: Some(&principal),
                aliases: &[],
                state: None,
                password: PASSWORD,
                rid: 2000 + number,
                guid: &user_guid(number),
                consistency_guid: None,
                groups: &["Load Users".to_owned()],
            },
        );
    }
    out.0
}

fn groups(people: &[Listed]) -> String {
    let mut out = Ldif::new("Groups; their members are the people and groups before them.");
    let well_known = [
        (
            "Domain Users",
            "Users",
            "-2147483646",
            "268435456",
            format!("{DOMAIN_SID}-513"),
        ),
        (
            "Domain Computers",
            "Users",
            "-2147483646",
            "268435456",
            format!("{DOMAIN_SID}-515"),
        ),
        (
            "Users",
            "Builtin",
            "-2147483643",
            "536870912",
            "S-1-5-32-545".to_owned(),
        ),
    ];
    for (index, (name, container, kind, account, sid)) in well_known.iter().enumerate() {
        group(
            &mut out,
            &format!("CN={name},CN={container},{SUFFIX}"),
            name,
            kind,
            account,
        );
        let guid = format!("6209b000-0001-4a6b-8c0d-{index:012x}");
        out.identifiers(&guid, sid);
        let (domain_users, users) = (
            format!("CN=Domain Users,CN=Users,{SUFFIX}"),
            format!("CN=Users,CN=Builtin,{SUFFIX}"),
        );
        match *name {
            "Domain Users" => out.text("memberOf", &users),
            "Users" => out.text("member", &domain_users),
            _ => &mut out,
        };
    }
    for (name, rid, security, nested) in GROUPS {
        let (kind, account) = if security {
            ("-2147483646", "268435456")
        } else {
            ("2", "268435457")
        };
        group(&mut out, &group_dn(name), name, kind, account);
        let guid = format!("6209b000-0002-4a6b-8c0d-{rid:012x}");
        out.identifiers(&guid, &format!("{DOMAIN_SID}-{rid}"));
        for (parent, ..) in GROUPS.iter().filter(|(.., nested)| nested.contains(&name)) {
            out.text("memberOf", &group_dn(parent));
        }
        for nested in nested {
            out.text("member", &group_dn(nested));
        }
        for person in people
            .iter()
            .filter(|person| person.groups.iter().any(|g| g == name))
        {
            out.text("member", &person_dn(person));
        }
        if name == "Load Users" {
            for number in 1..=GENERATED {
                out.text("member", &generated_dn(number));
            }
        }
    }
    out.0
}

fn group(out: &mut Ldif, dn: &str, name: &str, kind: &str, account: &str) {
    out.entry(
        dn,
        &["top", "group"],
        &[
            ("objectCategory", &category("Group")),
            ("cn", name),
            ("sAMAccountName", name),
            ("groupType", kind),
            ("sAMAccountType", account),
            ("whenCreated", CREATED),
            ("whenChanged", CREATED),
        ],
    );
}

#[test]
fn committed_ldif_is_what_the_writer_makes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ldap-fixtures");
    let listed = toml::from_str::<Index>(PEOPLE).unwrap().person;
    let files = [
        ("base.ldif", base()),
        ("people.ldif", people(&listed)),
        ("load.ldif", load()),
        ("groups.ldif", groups(&listed)),
    ];
    let mut stale = String::new();
    for (name, text) in files {
        let path = folder.join(name);
        if std::env::var_os("WRITE_LDAP_FIXTURES").is_some() {
            std::fs::write(&path, &text).unwrap();
        } else if std::fs::read_to_string(&path).unwrap_or_default() != text {
            write!(stale, " {name}").unwrap();
        }
    }
    assert!(
        stale.is_empty(),
        "not what people.toml says:{stale}; run WRITE_LDAP_FIXTURES=1 cargo nextest run -p lab committed_ldif"
    );
}
