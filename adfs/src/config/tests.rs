//! Whole configurations on disk.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use time::Duration;

use super::*;

const MINIMAL: &str = r#"
[service]
host_name = "STS.contoso.test"

[https]
certificate = "tls/certificate.pem"
private_key = "/etc/key.pem"

[directories.contoso]
servers = ["ldaps://dc1.contoso.test"]
bind_dn = "CN=adfs,DC=contoso,DC=test"
bind_password_file = "password"
base_dn = "DC=contoso,DC=test"
net_bios_name = "contoso"
"#;

const TRUST: &str = r#"
identifiers = ["urn:rp"]
ws_fed_endpoint = "https://rp.test/wsfed"
"#;

/// A folder with files.
struct Folder(TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Folder {
        let folder = TempDir::new().expect("a folder");
        for (name, text) in [("password", "Pass@word1\n")].iter().chain(files) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        Folder(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self, variables: &[(&str, &str)]) -> Result<Configuration, ConfigError> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Configuration::load_with(&self.path("adfs.toml"), &Environment::of(variables))
    }

    /// What is wrong, one line a problem, paths shortened.
    fn problems(&self, variables: &[(&str, &str)]) -> Vec<String> {
        let folder = format!("{}/", self.0.path().display());
        let error = self
            .load(variables)
            .expect_err("a configuration with problems");
        error
            .problems()
            .iter()
            .map(|problem| problem.to_string().replace(&folder, ""))
            .collect()
    }
}

fn folder(configuration: &str) -> Folder {
    Folder::with(&[("adfs.toml", configuration)])
}

fn with_trust(trust: &str) -> Folder {
    Folder::with(&[
        ("adfs.toml", MINIMAL),
        ("trusts/relying-parties/rp.toml", trust),
    ])
}

#[test]
fn the_least_configuration_has_the_defaults_of_ad_fs() {
    let folder = with_trust(TRUST);
    let configuration = folder.load(&[]).expect("a configuration");
    let service = &configuration.service;
    assert_eq!(service.host_name, "sts.contoso.test");
    assert_eq!(service.display_name, "sts.contoso.test");
    assert_eq!(
        service.identifier,
        "http://sts.contoso.test/adfs/services/trust"
    );
    assert_eq!(service.base_url(), "https://sts.contoso.test");
    assert_eq!(
        configuration.https.certificate,
        folder.path("tls/certificate.pem")
    );
    assert_eq!(
        configuration.https.private_key,
        PathBuf::from("/etc/key.pem")
    );
    let properties = &configuration.properties;
    assert_eq!(properties.sso_lifetime, Duration::hours(8));
    assert!(!properties.kmsi_enabled);
    assert_eq!(properties.kmsi_lifetime, Duration::days(1));
    let expected = LoopDetection {
        time_interval: Duration::seconds(20),
        maximum_tokens_issued_in_interval: 5,
    };
    assert_eq!(properties.loop_detection, Some(expected));
    assert_eq!(properties.proxy_trust_token_lifetime, Duration::days(15));
    assert!(configuration.proxy.administrators.is_empty());

    let directory = &configuration.directories[0];
    assert_eq!(
        (directory.name.as_str(), directory.net_bios_name.as_str()),
        ("contoso", "CONTOSO")
    );
    assert_eq!(directory.dns_name, "contoso.test");
    assert_eq!(directory.service_account.password.expose(), "Pass@word1");
    assert_eq!(directory.servers[0].url(), "ldaps://dc1.contoso.test:636");

    let trust = configuration
        .relying_parties
        .by_identifier("urn:rp")
        .expect("a trust");
    assert!(
        configuration
            .relying_parties
            .by_identifier("urn:RP")
            .is_none()
    );
    assert_eq!(trust.name, "rp");
    assert!(trust.enabled);
    assert_eq!(trust.token_lifetime, Duration::hours(1));
    assert_eq!(
        trust
            .access_control_policy
            .as_ref()
            .map(|policy| policy.name.as_str()),
        Some("Permit everyone")
    );
    assert!(!format!("{configuration:?}").contains("Pass@word1"));
}

#[test]
fn the_examples_load_and_name_every_setting() {
    let text = EXAMPLE.replace("\"secrets/directory-password\"", "\"password\"");
    let files = [
        ("adfs.toml", text.as_str()),
        ("trusts/relying-parties/entra.toml", EXAMPLE_RELYING_PARTY),
    ];
    Folder::with(&files).load(&[]).expect("the example");

    // Each default that is shown in a comment must be a setting, and one that loads. A line needs an example value only.
    let shown = |text: &str| {
        let uncommented = text.lines().map(|line| {
            line.strip_prefix('#')
                .filter(|rest| !rest.starts_with(' '))
                .unwrap_or(line)
        });
        uncommented.collect::<Vec<_>>().join("\n")
    };
    let trust =
        shown(EXAMPLE_RELYING_PARTY).replace("\"...\"", "\"0da2e3f0-8a3c-4a5b-9a3c-0123456789ab\"");
    let text = shown(&text).replace("ca_file = \"tls/directory-ca.pem\"", "");
    let files = [
        ("adfs.toml", text.as_str()),
        ("trusts/relying-parties/entra.toml", trust.as_str()),
        ("secrets/hr-password", "Pass@word1"),
        ("additional-authentication.rules", ""),
        ("trusts/relying-parties/entra-mfa.rules", ""),
    ];
    let configuration = Folder::with(&files)
        .load(&[])
        .expect("the example with its defaults written out");
    assert_eq!(configuration.proxy.administrators, ["CONTOSO\\proxyadmin"]);
}

#[test]
fn every_problem_is_told_at_once_with_line_key_and_remedy() {
    let text = r#"
[service]
hostname = "sts.contoso.test"
https_port_outside = 70000

[https]
listen = ["443"]
certificate = ""
private_key = "key.pem"

[log]
filter = "=="
format = "xml"

[properties]
sso_lifetime = "long"
tls_client_port = 49443

[dirctories.contoso]
"#;
    let problems = folder(text).problems(&[]);
    for (problem, parts) in problems.iter().zip([
        [
            "adfs.toml:2: service.host_name: this must be set",
            "for example",
        ],
        [
            "adfs.toml:4: service.https_port_outside: 70000 is out of range",
            "from 1 to 65535",
        ],
        [
            "adfs.toml:3: service.hostname: there is no such setting",
            "did you mean `host_name`?",
        ],
        [
            "adfs.toml:7: https.listen: invalid socket address",
            "[\"0.0.0.0:443\"]",
        ],
        ["adfs.toml:8: https.certificate: the text is empty", "PEM"],
        ["adfs.toml:12: log.filter: ", "\"info\""],
        [
            "adfs.toml:13: log.format: unknown variant `xml`",
            "\"text\" or \"json\"",
        ],
        [
            "adfs.toml:16: properties.sso_lifetime: invalid type",
            "a whole number from 1",
        ],
        [
            "adfs.toml:17: properties.tls_client_port: this is not available in this version",
            "remove it",
        ],
        [
            "adfs.toml: directories.NAME: this must be set",
            "[directories.contoso]",
        ],
        [
            "adfs.toml:19: dirctories: there is no such setting",
            "did you mean `directories`?",
        ],
    ]) {
        for part in parts {
            assert!(problem.contains(part), "{part:?} is not in {problem:?}");
        }
    }
    assert_eq!(problems.len(), 11, "{problems:#?}");
}

#[test]
fn text_that_is_not_toml_is_told_with_its_lines() {
    let problems = folder("[service\nhost_name = = 1\n").problems(&[]);
    assert!(
        problems[0].starts_with("adfs.toml:1: this is not TOML: "),
        "{problems:#?}"
    );
    assert!(
        problems
            .iter()
            .any(|problem| problem.starts_with("adfs.toml:2: this is not TOML: ")),
        "{problems:#?}"
    );

    let folder = Folder::with(&[]);
    assert!(folder.problems(&[])[0].starts_with("adfs.toml: the file cannot be opened"));
    fs::write(folder.path("adfs.toml"), vec![b'#'; 2 * 1024 * 1024]).expect("a file");
    assert!(folder.problems(&[])[0].contains("larger than 1 MiB"));
    fs::write(folder.path("adfs.toml"), [0xff]).expect("a file");
    assert!(folder.problems(&[])[0].contains("UTF-8"));
}

#[test]
fn the_environment_overrides_every_setting() {
    let variables = [
        ("ADFS_SERVICE__HOST_NAME", "login.fabrikam.test"),
        ("ADFS_SERVICE__HTTPS_PORT_OUTSIDE", "8443"),
        ("ADFS_HTTPS__LISTEN", "[\"127.0.0.1:9443\"]"),
        ("ADFS_PROPERTIES__KMSI_ENABLED", "true"),
        ("ADFS_LOG__FORMAT", "json"),
        ("ADFS_DIRECTORIES__CONTOSO__BIND_PASSWORD", "12345"),
        (
            "ADFS_DIRECTORIES__CONTOSO__ATTRIBUTES__OBJECT_GUID",
            "entryUUID",
        ),
        ("ADFS_CONFIG", "elsewhere.toml"),
    ];
    let configuration = folder(MINIMAL).load(&variables).expect("a configuration");
    assert_eq!(
        configuration.service.base_url(),
        "https://login.fabrikam.test:8443"
    );
    assert_eq!(
        configuration.https.listen,
        ["127.0.0.1:9443".parse().expect("an address")]
    );
    assert!(configuration.properties.kmsi_enabled);
    assert_eq!(configuration.log.format, LogFormat::Json);
    assert_eq!(
        configuration.directories[0]
            .service_account
            .password
            .expose(),
        "12345"
    );
    assert_eq!(
        configuration.directories[0].attributes.object_guid,
        "entryUUID"
    );
}

#[test]
fn a_wrong_override_names_its_variable_and_keeps_secrets() {
    let problems = folder(MINIMAL).problems(&[
        ("ADFS_PROPERTIES__SSO_LIFETIME", "8h"),
        ("ADFS_DIRECTORIES__CONTOSO__BIND_PASSWORD", "secret\nline"),
        ("ADFS_SERVICE__HOSTNAME", "x"),
    ]);
    assert!(problems[0].starts_with(
        "environment variable ADFS_PROPERTIES__SSO_LIFETIME: properties.sso_lifetime: "
    ));
    assert!(problems[1].contains(
        "directories.contoso.bind_password: the password is empty or has more than one line"
    ));
    assert_eq!(
        problems[2],
        "environment variable ADFS_SERVICE__HOSTNAME: it overrides no setting; did you mean ADFS_SERVICE__HOST_NAME?"
    );
    assert!(
        !problems.iter().any(|problem| problem.contains("secret")),
        "{problems:#?}"
    );
}

#[test]
fn passwords_stand_in_files_of_their_own() {
    let inline = MINIMAL.replace("bind_password_file", "bind_password");
    let problems = folder(&inline).problems(&[]);
    assert!(problems[0].contains(
        "directories.contoso.bind_password: a password must not stand here; put it into a file"
    ));
    assert!(!problems[0].contains("password = "));
    for (text, part) in [
        ("", "the password is empty"),
        ("\n", "the password is empty"),
        ("a\nb\n", "more than one line"),
    ] {
        let problems = Folder::with(&[("adfs.toml", MINIMAL), ("password", text)]).problems(&[]);
        assert!(problems[0].contains(part), "{problems:#?}");
    }
    let missing = MINIMAL.replace("\"password\"", "\"absent\"");
    assert!(folder(&missing).problems(&[])[0].contains("absent: the file cannot be opened"));
    let none = MINIMAL.replace("bind_password_file = \"password\"", "");
    assert!(
        folder(&none).problems(&[])[0]
            .contains("directories.contoso.bind_password_file: this must be set")
    );
}

#[test]
fn passwords_travel_protected_or_not_at_all() {
    for (address, settings, fits) in [
        ("ldaps://dc.test", "", true),
        ("ldaps://dc.test:3269", "", true),
        ("ldap://dc.test", "start_tls = true", true),
        ("ldap://127.0.0.1:9389", "allow_plain = true", true),
        ("ldap://[::1]:9389", "allow_plain = true", true),
        ("ldap://localhost", "allow_plain = true", true),
        ("ldap://dc.test", "", false),
        ("ldap://127.0.0.1", "", false),
        ("ldap://dc.test", "allow_plain = true", false),
        ("ldap://localhost.evil.test", "allow_plain = true", false),
        ("ldap://10.0.0.1", "allow_plain = true", false),
        ("ldaps://dc.test", "start_tls = true", false),
        ("ldaps://user:secret@dc.test", "", false),
        ("ldaps://dc.test/dc=x??sub", "", false),
        ("ldapi:///", "", false),
        ("https://dc.test", "", false),
        ("dc.test", "", false),
    ] {
        let text = MINIMAL.replace(
            "servers = [\"ldaps://dc1.contoso.test\"]",
            &format!("servers = [\"{address}\"]\n{settings}"),
        );
        assert_eq!(
            folder(&text).load(&[]).is_ok(),
            fits,
            "{address} with {settings:?}"
        );
    }
}

#[test]
fn several_directories_share_no_names() {
    let second = r#"
[directories.fabrikam]
servers = ["ldaps://dc1.fabrikam.test"]
bind_dn = "CN=adfs,DC=fabrikam,DC=test"
bind_password_file = "password"
base_dn = "DC=fabrikam,DC=test"
net_bios_name = "Contoso"
upn_suffixes = ["contoso.test"]
"#;
    let first = MINIMAL.replace("base_dn", "upn_suffixes = [\"contoso.test\"]\nbase_dn");
    let problems = folder(&format!("{first}{second}")).problems(&[]);
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(problems[0].contains("adfs.toml:17: directories.fabrikam: [directories.contoso] claims the UPN suffix contoso.test too"));
    assert!(problems[1].contains("claims the domain contoso too"));
    let second = second
        .replace("\"Contoso\"", "\"FABRIKAM\"")
        .replace("\"contoso.test\"", "\"Fabrikam.test\"");
    let configuration = folder(&format!("{first}{second}"))
        .load(&[])
        .expect("two directories");
    assert_eq!(configuration.directories[1].upn_suffixes, ["fabrikam.test"]);

    let problems = folder(&format!("{MINIMAL}{second}")).problems(&[]);
    assert!(
        problems[0].contains("directories.contoso.upn_suffixes: this must be set"),
        "{problems:#?}"
    );
}

#[test]
fn trusts_share_no_names_and_no_identifiers() {
    let folder = Folder::with(&[
        ("adfs.toml", MINIMAL),
        (
            "trusts/relying-parties/a.toml",
            "name = \"App\"\nidentifiers = [\"urn:a\", \"urn:b\"]",
        ),
        (
            "trusts/relying-parties/b.toml",
            "name = \"app\"\nidentifiers = [\"urn:B\", \"urn:b\"]",
        ),
        ("trusts/relying-parties/.draft.toml", "not toml"),
        ("trusts/relying-parties/notes.txt", "not toml"),
    ]);
    let problems = folder.problems(&[]);
    assert_eq!(problems.len(), 2, "{problems:#?}");
    let place = "trusts/relying-parties/b.toml:2: ";
    assert!(problems[0].starts_with(&format!(
        "{place}name: \"app\" is also the name of the trust in "
    )));
    assert!(problems[1].starts_with(&format!(
        "{place}identifiers: \"urn:b\" is also an identifier of the trust in "
    )));
}

#[test]
fn a_trust_refuses_what_it_cannot_do() {
    for (setting, part) in [
        (
            "saml_endpoints = [\"https://rp.test\"]",
            "rp.toml:4: saml_endpoints: invalid type",
        ),
        (
            "saml_endpoints = [{ binding = \"POST\", protocol = \"SAMLAssertionConsumer\", uri = \"http://rp.test\" }]",
            "cannot be an endpoint",
        ),
        (
            "saml_endpoints = [{ binding = \"POST\", protocol = \"SAMLConsumer\", uri = \"https://rp.test\" }]",
            "there is no endpoint of binding",
        ),
        (
            "saml_endpoints = [{ binding = \"POST\", protocol = \"SAMLAssertionConsumer\", uri = \"https://rp.test/1\" }, \
             { binding = \"POST\", protocol = \"SAMLAssertionConsumer\", uri = \"https://rp.test/2\" }]",
            "two assertion consumers have the index 0",
        ),
        (
            "request_signing_certificate = [\"-----BEGIN CERTIFICATE-----\"]",
            "this is no certificate in PEM",
        ),
        (
            "saml_response_signature = \"Both\"",
            "\"Both\" is not known; write one of \"AssertionOnly\"",
        ),
        (
            "encryption_certificate = \"x.pem\"",
            "encryption_certificate: this is no certificate, and no file",
        ),
        ("protocol_profile = \"OAuth\"", "\"OAuth\" is not known"),
        (
            "access_control_policy_name = \"Permit MFA\"",
            "there is no access control policy \"Permit MFA\"; write one of \"Permit everyone\"",
        ),
        ("ws_fed_endpoints = []", "did you mean `ws_fed_endpoint`?"),
        (
            "additional_ws_fed_endpoint = [\"http://rp.test\"]",
            "\"http://rp.test\" cannot be an endpoint",
        ),
        ("token_lifetime = -1", "-1 is out of range"),
        ("object_identifier = \"x\"", "write a GUID"),
        (
            "issuance_transform_rules_file = \"absent.rules\"",
            "absent.rules: the file cannot be opened",
        ),
    ] {
        let problems = with_trust(&format!("{TRUST}{setting}\n")).problems(&[]);
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(
            problems[0].contains(part),
            "{part:?} is not in {problems:#?}"
        );
    }
    let nothing = "monitoring_enabled = false\nauto_update_enabled = false\nsaml_endpoints = []\nmetadata_url = \"\"\nencrypt_claims = true\n";
    with_trust(&format!("{TRUST}{nothing}"))
        .load(&[])
        .expect("a trust that was exported whole");
    let problems = with_trust("name = \"x\"").problems(&[]);
    assert!(
        problems[0].starts_with("trusts/relying-parties/rp.toml: identifiers: this must be set"),
        "{problems:#?}"
    );
}

#[test]
fn rules_are_compiled_and_their_mistakes_shown_in_place() {
    let rules = "issuance_transform_rules = '''\n@RuleName = \"x\"\nc:[Type == \"a\"]\n => isue(claim = c);\n'''\n";
    let problems = with_trust(&format!("{TRUST}{rules}")).problems(&[]);
    assert!(
        problems[0]
            .starts_with("trusts/relying-parties/rp.toml:7: issuance_transform_rules: POLICY"),
        "{problems:#?}"
    );
    assert!(
        problems[0].contains(" => isue(claim = c);") && problems[0].contains('^'),
        "{}",
        problems[0]
    );

    let file = "issuance_authorization_rules_file = \"deny.rules\"\n";
    let files = [
        ("adfs.toml", MINIMAL),
        ("trusts/relying-parties/rp.toml", &format!("{TRUST}{file}")),
        (
            "trusts/relying-parties/deny.rules",
            "=> issue(Type = \"a\", Value = \"b\");",
        ),
    ];
    let folder = Folder::with(&files);
    let trust = folder
        .load(&[])
        .expect("a trust")
        .relying_parties
        .by_identifier("urn:rp")
        .expect("a trust");
    assert!(trust.issuance_authorization_rules.is_some());
    assert!(trust.access_control_policy.is_none());
    fs::write(
        folder.path("trusts/relying-parties/deny.rules"),
        "\n\n=> issue(",
    )
    .expect("a file");
    assert!(
        folder.problems(&[])[0].starts_with(
            "trusts/relying-parties/deny.rules:3: issuance_authorization_rules_file: "
        )
    );

    let both = format!("{TRUST}{file}access_control_policy_name = \"Permit everyone\"\n");
    let folder = Folder::with(&[
        files[0],
        ("trusts/relying-parties/rp.toml", &both),
        files[2],
    ]);
    assert!(folder.problems(&[])[0].contains("either a policy or authorization rules"));
}

#[test]
fn those_who_act_for_others_are_named_by_rules() {
    const PERMIT: &str = "'=> issue(Type = \"http://schemas.microsoft.com/authorization/claims/permit\", Value = \"x\");'";
    let read = |extra: &str| {
        let configuration = with_trust(&format!("{TRUST}{extra}"))
            .load(&[])
            .expect("a trust");
        let trust = configuration
            .relying_parties
            .by_identifier("urn:rp")
            .expect("a trust");
        (
            trust.delegation_authorization_rules.is_some(),
            trust.impersonation_authorization_rules.is_some(),
        )
    };
    assert_eq!(read(""), (false, false));
    assert_eq!(
        read(&format!("delegation_authorization_rules = {PERMIT}\n")),
        (true, false)
    );
    assert_eq!(
        read(&format!("impersonation_authorization_rules = {PERMIT}\n")),
        (false, true)
    );
    let wrong = with_trust(&format!(
        "{TRUST}delegation_authorization_rules = '=> issue('\n"
    ));
    assert!(wrong.problems(&[])[0].contains("delegation_authorization_rules"));
}

#[test]
fn an_identifier_within_the_service_is_given_or_stays_the_same() {
    let identifier = |trust: &str| {
        let configuration = with_trust(trust).load(&[]).expect("a trust");
        configuration
            .relying_parties
            .by_identifier("urn:rp")
            .expect("a trust")
            .object_identifier
    };
    assert_eq!(
        identifier(TRUST),
        identifier(&format!("name = \"other\"{TRUST}"))
    );
    let given = "0da2e3f0-8a3c-4a5b-9a3c-0123456789ab";
    assert_eq!(
        identifier(&format!("{TRUST}object_identifier = \"{given}\"")).to_string(),
        given
    );
}

#[test]
fn the_documentation_names_every_setting() {
    let documentation = include_str!("../../../docs/configuration.md");
    for line in EXAMPLE.lines().chain(EXAMPLE_RELYING_PARTY.lines()) {
        let Some((key, _)) = line.trim_start_matches('#').split_once(" = ") else {
            continue;
        };
        if key
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            let named = [format!("`{key}`"), format!(".{key}`")];
            assert!(
                named.iter().any(|name| documentation.contains(name)),
                "{key} is not documented"
            );
        }
    }
}

const RULE: &str = "issuance_transform_rules = '''\n=> issue(store = \"HR\", types = (\"a\"), query = \"SELECT 1\");\n'''\n";

fn with_stores(stores: &str, trust: &str) -> Folder {
    Folder::with(&[
        ("adfs.toml", &format!("{MINIMAL}{stores}")),
        ("trusts/relying-parties/rp.toml", trust),
    ])
}

#[test]
fn attribute_stores_are_read() {
    let folder = with_stores(
        "[attribute_stores.HR]\nkind = \"sql\"\nurl = \"postgresql://r%40le@[2001:db8::1]:6000/h%20r\"\npassword_file = \"password\"\n\
         [attribute_stores.Files]\nkind = \"sql\"\npath = \"hr.sqlite\"\nmax_rows = 7\n\
         [attribute_stores.\"Partner people\"]\nkind = \"ldap\"\nservers = [\"ldaps://ldap.test\"]\nbind_dn = \"cn=a\"\n\
         bind_password_file = \"password\"\nbase_dn = \"o=partners\"\n",
        &format!("{TRUST}{RULE}"),
    );
    let configuration = folder.load(&[]).expect("a configuration");
    let store = |name: &str| {
        let found = configuration
            .attribute_stores
            .iter()
            .find(|store| store.name == name);
        &found.expect("a store").kind
    };
    let AttributeStoreKind::Sql(SqlConfig {
        database: Database::Postgresql(server),
        ..
    }) = store("HR")
    else {
        panic!("no PostgreSQL")
    };
    assert_eq!(
        (server.host.as_str(), server.port, server.is_local),
        ("2001:db8::1", 6000, false)
    );
    assert_eq!(
        (server.user.as_str(), server.database.as_str()),
        ("r@le", "h r")
    );
    let password = server.password.as_ref().expect("a password");
    assert_eq!(password.expose(), "Pass@word1");
    let AttributeStoreKind::Sql(files) = store("Files") else {
        panic!("no database")
    };
    assert_eq!(files.database, Database::Sqlite(folder.path("hr.sqlite")));
    assert_eq!((files.max_rows, files.timeout.as_secs()), (7, 5));
    let AttributeStoreKind::Ldap(partners) = store("Partner people") else {
        panic!("no directory")
    };
    assert_eq!(partners.base_dn, "o=partners");
}

#[test]
fn attribute_stores_that_cannot_be_used_are_refused() {
    let hr = |settings: &str| format!("[attribute_stores.HR]\n{settings}\n");
    for (stores, part) in [
        (hr(""), "attribute_stores.HR.kind: this must be set"),
        (hr("kind = \"file\""), "\"file\" is no kind of store"),
        (
            hr("kind = \"sql\""),
            "attribute_stores.HR.url: this must be set",
        ),
        (
            hr("kind = \"sql\"\npath = \"a\"\nurl = \"postgresql://a@b/c\""),
            "the database is in `path` too",
        ),
        (
            hr("kind = \"sql\"\nurl = \"postgresql://a:secret@b/c\""),
            "a password must not stand here",
        ),
        (
            hr("kind = \"sql\"\npassword = \"secret\"\nurl = \"postgresql://a@b/c\""),
            "attribute_stores.HR.password: a password must not stand here",
        ),
        (
            hr("kind = \"sql\"\nurl = \"postgresql://a@b/c?sslmode=disable\""),
            "the address has parameters",
        ),
        (
            hr("kind = \"sql\"\nurl = \"mysql://a@b/c\""),
            "\"mysql\" is no database that can be asked",
        ),
        (
            hr("kind = \"sql\"\nurl = \"postgresql://b/c\""),
            "lacks a role",
        ),
        (
            hr("kind = \"sql\"\npath = \"a\"\nmax_row = 1"),
            "did you mean `max_rows`?",
        ),
        (
            "[attribute_stores._HR]\nkind = \"sql\"\npath = \"a\"\n".to_owned(),
            "\"_HR\" cannot be the name of a store",
        ),
        (
            "[attribute_stores.\"active directory\"]\nkind = \"sql\"\npath = \"a\"\n".to_owned(),
            "cannot be the name of a store",
        ),
        (
            hr(
                "kind = \"ldap\"\nservers = [\"ldap://ldap.test\"]\nbind_dn = \"a\"\nbind_password_file = \"password\"\nbase_dn = \"b\"",
            ),
            "unprotected",
        ),
    ] {
        let problems = with_stores(&stores, TRUST).problems(&[]);
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(
            problems[0].contains(part) && !problems[0].contains("secret@"),
            "{part:?} is not in {problems:#?}"
        );
    }
}

#[test]
fn rules_ask_configured_stores_only() {
    let other = "[attribute_stores.HRR]\nkind = \"sql\"\npath = \"a\"\n";
    for (stores, remedy) in [
        ("", "configure it in [attribute_stores.\"HR\"] of adfs.toml"),
        (other, "did you mean \"HRR\"?"),
    ] {
        let problems = with_stores(stores, &format!("{TRUST}{RULE}")).problems(&[]);
        let expected = "trusts/relying-parties/rp.toml:5: issuance_transform_rules: a rule asks the attribute store \"HR\", which is not configured";
        assert_eq!(problems, [format!("{expected}; {remedy}")]);
    }
    let global = MINIMAL.to_owned()
        + "[properties]\nadditional_authentication_rules = '''=> add(store = \"HR\", types = (\"a\"), query = \"q\");'''\n";
    let problems = folder(&global).problems(&[]);
    assert!(
        problems[0].contains(
            "properties.additional_authentication_rules: a rule asks the attribute store"
        ),
        "{problems:#?}"
    );
    // What a claim names is known only at the sign-in.
    let computed = RULE.replace("=> issue(store = \"HR\"", "c:[] => issue(store = c.Value");
    with_trust(&format!("{TRUST}{computed}"))
        .load(&[])
        .expect("a configuration");
}

const THEME: &str = r##"
layout = "classic"
[colours]
accent = "#123456"
[dark_colours]
accent = "#abc"
[texts.default]
help_desk_link = "https://help.contoso.test/"
company_name = "Contoso"
[texts.de]
company_name = "Contoso DE"
[texts.zh-Hant]
company_name = "Contoso TW"
"##;

#[test]
fn a_theme_is_a_folder_of_files_and_a_relying_party_may_have_its_own() {
    let folder = Folder::with(&[
        ("adfs.toml", MINIMAL),
        ("web/theme.toml", THEME),
        (
            "web/logo.svg",
            "<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        ),
        ("web/style.css", "h1 { color: red }"),
        (
            "web/relying-parties/mail/theme.toml",
            "relying_party = \"Mail\"\n[texts.de]\nsign_in_page_description_text = \"Post\"\n",
        ),
        ("web/relying-parties/mail/onload.js", "var a = 1;"),
    ]);
    let web = folder.load(&[]).expect("a configuration").web;
    let general = web.theme(None);
    assert_eq!(general.layout, Layout::Classic);
    assert_eq!(general.text("de-AT", "company_name"), Some("Contoso DE"));
    assert_eq!(general.text("zh-Hant", "company_name"), Some("Contoso TW"));
    assert_eq!(general.text("fr-FR", "company_name"), Some("Contoso"));
    assert_eq!(general.text("fr-FR", "privacy_link"), None);
    let style = web
        .file("/adfs/portal/theme/default/style.css")
        .expect("a style sheet");
    let content = String::from_utf8(style.content.clone()).expect("text");
    assert_eq!(
        content,
        ":root { --accent: #123456; }\n@media (prefers-color-scheme: dark) { :root { --accent: #abc; } }\nh1 { color: red }"
    );
    assert_eq!(style.link(), format!("{}?id={}", style.path, style.hash));
    let mail = web.theme(Some("Mail"));
    assert_eq!(mail.layout, Layout::Classic);
    assert_eq!(
        mail.text("de-DE", "sign_in_page_description_text"),
        Some("Post")
    );
    assert_eq!(mail.text("de-DE", "company_name"), Some("Contoso DE"));
    assert!(mail.script.is_some() && mail.logo.is_some() && general.script.is_none());
    assert!(web.file("/adfs/portal/theme/mail/onload.js").is_some());
    assert!(web.file("/adfs/portal/theme/default/theme.toml").is_none());
    assert!(web.theme(Some("Other")).script.is_none());
}

#[test]
fn a_broken_theme_is_refused_and_says_where() {
    let cases = [
        (
            "web/theme.toml",
            "[colours]\naccent = \"red; } body {\"",
            "colours.accent",
        ),
        ("web/theme.toml", "[colours]\nacent = \"#fff\"", "`accent`"),
        ("web/theme.toml", "layout = \"wide\"", "layout"),
        (
            "web/theme.toml",
            "[texts.default]\nhome_link = \"javascript:alert(1)\"",
            "home_link",
        ),
        (
            "web/theme.toml",
            "[texts.\"de/../x\"]\ncompany_name = \"x\"",
            "language tag",
        ),
        (
            "web/theme.toml",
            "[texts.de]\ncompany_name = \"a\\u0007\"",
            "company_name",
        ),
        ("web/logo.png", "<html>", "logo.png"),
        ("web/logo.svg", "no picture", "logo.svg"),
        ("web/relying-parties/mail/style.css", "", "theme.toml"),
        ("web/relying-parties/Mail Box/style.css", "", "Mail Box"),
        (
            "web/relying-parties/mail/theme.toml",
            "layout = \"classic\"",
            "relying_party",
        ),
    ];
    for (file, content, expected) in cases {
        let problems = Folder::with(&[("adfs.toml", MINIMAL), (file, content)]).problems(&[]);
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{file}: {problems:?}"
        );
    }
    let large = "a".repeat(256 * 1024 + 1);
    let folder = Folder::with(&[("adfs.toml", MINIMAL), ("web/style.css", &large)]);
    assert!(
        folder
            .problems(&[])
            .concat()
            .contains("larger than 256 KiB")
    );
}

#[test]
fn metadata_names_organization_and_contact_only_where_they_are_configured() {
    let plain = folder(MINIMAL).load(&[]).expect("a configuration");
    assert_eq!(plain.organization, None);
    assert_eq!(plain.contact, None);
    let told = format!(
        "{MINIMAL}\n[organization]\nname = \"Contoso\"\nurl = \"https://www.contoso.test/\"\n\
         [contact]\nemail_addresses = [\"help@contoso.test\"]\n"
    );
    let told = folder(&told).load(&[]).expect("a configuration");
    let organization = told.organization.expect("an organization");
    assert_eq!(organization.display_name.as_deref(), Some("Contoso"));
    let contact = told.contact.expect("a contact");
    assert_eq!(contact.contact_type, "support");
    assert_eq!(contact.email_addresses, ["help@contoso.test"]);
    let half = format!("{MINIMAL}\n[organization]\nname = \"Contoso\"\n");
    let problems = folder(&half).problems(&[]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("organization.url"), "{problems:?}");
}

#[test]
fn a_cutoff_is_a_moment_in_any_spelling_and_the_first_year_is_none() {
    let expected = time::macros::datetime!(2026-01-31 08:00 UTC);
    for (written, cutoff) in [
        ("2026-01-31T08:00:00Z", Some(expected)),
        ("2026-01-31 09:00:00+01:00", Some(expected)),
        ("2026-01-31T08:00:00", Some(expected)),
        ("\"2026-01-31T08:00:00Z\"", Some(expected)),
        ("\"0001-01-01T00:00:00\"", None),
        ("0001-01-01T00:00:00Z", None),
    ] {
        let text = format!("{MINIMAL}[properties]\npersistent_sso_cutoff_time = {written}\n");
        let configuration = folder(&text).load(&[]).expect(written);
        let properties = configuration.properties;
        assert_eq!(properties.persistent_sso_cutoff_time, cutoff, "{written}");
    }
    for wrong in ["2026-01-31", "\"soon\"", "08:00:00", "1769846400"] {
        let text = format!("{MINIMAL}[properties]\npersistent_sso_cutoff_time = {wrong}\n");
        let problems = folder(&text).problems(&[]);
        assert!(
            matches!(problems.as_slice(), [problem] if problem.contains("write a time, for example")),
            "{problems:?}"
        );
    }
}

#[test]
fn what_concerns_registered_devices_alone_is_refused() {
    for key in [
        "persistent_sso_lifetime_mins",
        "device_usage_window_in_days",
    ] {
        let text = format!("{MINIMAL}[properties]\n{key} = 14\n");
        let problems = folder(&text).problems(&[]);
        assert!(
            matches!(problems.as_slice(), [problem] if problem.contains("there are no registered devices")),
            "{problems:?}"
        );
    }
}

const CLAIMS_PROVIDER: &str = r#"
name = "Fabrikam"
identifier = "http://sts.fabrikam.test/adfs/services/trust"
token_signing_certificate = "idp.pem"
"#;

/// A configuration with a claims provider that has these settings, and a relying party with those.
fn with_claims_provider(provider: &str, party: &str) -> Folder {
    let rsa = openssl::rsa::Rsa::generate(2048).expect("a key");
    let key = openssl::pkey::PKey::from_rsa(rsa).expect("a key");
    let mut certificate = openssl::x509::X509::builder().expect("a certificate");
    certificate.set_pubkey(&key).expect("a key");
    let end = openssl::asn1::Asn1Time::days_from_now(1).expect("a time");
    certificate.set_not_after(&end).expect("a time");
    certificate.set_not_before(&end).expect("a time");
    let digest = openssl::hash::MessageDigest::sha256();
    certificate.sign(&key, digest).expect("a signature");
    let pem = certificate.build().to_pem().expect("PEM");
    let provider = format!("{CLAIMS_PROVIDER}{provider}");
    let party = format!("{TRUST}{party}");
    Folder::with(&[
        ("adfs.toml", MINIMAL),
        ("trusts/claims-providers/fabrikam.toml", &provider),
        (
            "trusts/claims-providers/idp.pem",
            std::str::from_utf8(&pem).expect("text"),
        ),
        ("trusts/relying-parties/rp.toml", &party),
    ])
}

#[test]
fn a_claims_provider_speaks_saml_as_its_trust_says() {
    let folder = with_claims_provider(
        r#"saml_endpoints = [
            { binding = "POST", protocol = "SAMLSingleSignOn", uri = "https://idp.test/post" },
            { binding = "Redirect", protocol = "SAMLSingleSignOn", uri = "https://idp.test/redirect", index = 1 },
            { binding = "POST", protocol = "SAMLLogout", uri = "https://idp.test/out" },
        ]
        required_name_id_format = "urn:needed"
        saml_authn_request_index = 2
        custom_mfa_uri = "urn:mfa"
        organizational_account_suffix = ["@fabrikam.test", " "]
        "#,
        "claims_provider_name = [\"fabrikam\", \"Active directory\"]",
    );
    let configuration = folder.load(&[]).expect("a configuration");
    let trust = configuration.claims_providers.iter().next().expect("one");
    let endpoint = trust.saml_endpoint(SamlProtocol::SingleSignOn);
    assert_eq!(
        endpoint.expect("one").location.as_str(),
        "https://idp.test/redirect"
    );
    assert!(trust.logout_by_redirect().is_none());
    assert_eq!(trust.organizational_account_suffixes, ["fabrikam.test"]);
    let saml = &trust.saml;
    assert!(saml.allow_create && !saml.signed_requests_required);
    assert_eq!(saml.request_index, Some(2));
    assert_eq!(saml.request_name_id_format, None);
    assert_eq!(saml.required_name_id_format.as_deref(), Some("urn:needed"));
    assert_eq!(saml.custom_mfa_uri.as_deref(), Some("urn:mfa"));
}

#[test]
fn claims_providers_and_the_rest_of_the_configuration_do_not_contradict_each_other() {
    let endpoint = "ws_fed_endpoint = \"https://idp.test/adfs/ls/\"\n";
    for (provider, party, expected) in [
        (
            "organizational_account_suffix = [\"fabrikam.test\", \"@CONTOSO.test\"]",
            "",
            "\"CONTOSO.test\" is a suffix of [directories.contoso] too",
        ),
        (
            "",
            "claims_provider_name = [\"Fabrikam\", \"Fabrikan\"]",
            "no claims provider trust has the name \"Fabrikan\"",
        ),
        ("name_id = 1", "", "name_id"),
        (
            "saml_authn_request_index = -1",
            "",
            "saml_authn_request_index",
        ),
    ] {
        let folder = with_claims_provider(&format!("{endpoint}{provider}"), party);
        let problems = folder.problems(&[]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(expected), "{problems:?}");
    }
}
