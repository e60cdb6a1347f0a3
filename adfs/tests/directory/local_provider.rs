//! Directories that are claims providers: who signs in there, and whose session ends.

use std::fs;

use adfs::clock::Clock;
use adfs::config::{Configuration, Environment};
use adfs::directory::{LocalProviders, Reason, SignInRefusal};

use super::server::{Person, SERVICE_PASSWORD, Seen, Server};
use super::{NOW, folder, name, password, plain};

const VENDORS: &str = "urn:vendors";
const RIGHT: &str = "Pass@word1";

fn vendor(user: &str) -> Person {
    Person::new(user).with("mail", format!("{user}@vendors.test").as_bytes())
}

fn load(trust: &str, servers: &[String]) -> Result<Configuration, String> {
    let folder = folder(
        &["ldaps://127.0.0.1:1".to_owned()],
        "",
        SERVICE_PASSWORD,
        b"",
    );
    let trusts = folder.path().join("trusts/claims-providers");
    fs::create_dir_all(&trusts).expect("a folder");
    fs::write(trusts.join("password"), SERVICE_PASSWORD).expect("a file");
    let trust = format!(
        r#"
        name = "Vendors"
        identifier = "{VENDORS}"
        {trust}
        [ldap]
        servers = {servers:?}
        allow_plain = true
        bind_dn = "CN=adfs,DC=contoso,DC=test"
        bind_password_file = "password"
        user_container = "DC=contoso,DC=test"
        user_object_class = "user"
        anchor_claim_ldap_attribute = "mail"
        ldap_attribute_to_claim_mapping = [{{ ldap_attribute = "displayName", claim_type = "urn:name" }}]
        "#
    );
    fs::write(trusts.join("vendors.toml"), trust).expect("a file");
    let path = folder.path().join("adfs.toml");
    Configuration::load_with(&path, &Environment::default()).map_err(|error| error.to_string())
}

fn providers_of(server: &Server) -> LocalProviders {
    let trust = r#"organizational_account_suffix = ["vendors.test"]"#;
    let configuration = load(trust, &[plain(server)]).expect("a configuration");
    LocalProviders::open(&configuration.claims_providers, Clock::fixed(NOW)).expect("providers")
}

#[tokio::test]
async fn people_are_found_by_the_anchor_and_everybody_else_is_refused_alike() {
    let twin = vendor("twin").with("sAMAccountName", b"other");
    let server = Server::start(vec![vendor("vera"), twin.clone(), twin]).await;
    let providers = providers_of(&server);
    let person = providers
        .authenticate(VENDORS, &name("Vera@VENDORS.test"), &password(RIGHT))
        .await
        .expect("vera");
    assert_eq!(person.name(), "vera@vendors.test");
    assert_eq!(person.texts("displayName").collect::<Vec<_>>(), ["vera"]);
    for (typed, secret, reason) in [
        ("vera@vendors.test", "wrong", Reason::WrongPassword),
        ("nobody@vendors.test", RIGHT, Reason::UnknownUser),
        ("*@vendors.test", RIGHT, Reason::UnknownUser),
        ("twin@vendors.test", RIGHT, Reason::Ambiguous),
        // Its name in another directory is none here.
        ("vera@contoso.test", RIGHT, Reason::UnknownUser),
    ] {
        server.forget();
        let refusal = providers
            .authenticate(VENDORS, &name(typed), &password(secret))
            .await
            .expect_err(typed);
        assert_eq!(refusal, SignInRefusal::Incorrect(reason), "{typed}");
        let operations = server.operations();
        assert!(
            matches!(
                operations.as_slice(),
                [Seen::Search { .. }, Seen::UserBind { .. }]
            ),
            "{typed}: {operations:?}"
        );
    }
}

#[tokio::test]
async fn a_session_ends_with_the_account_or_its_password() {
    let server = Server::start(vec![vendor("vera")]).await;
    let providers = providers_of(&server);
    let person = providers
        .authenticate(VENDORS, &name("vera@vendors.test"), &password(RIGHT))
        .await
        .expect("vera");
    let renamed = vendor("vera").with("displayName", b"Vera V.");
    let file_time = "134220000000000000";
    for (what, people, holds) in [
        ("nothing", vec![vendor("vera")], true),
        ("another name", vec![renamed], true),
        ("gone", vec![], false),
        (
            "disabled",
            vec![vendor("vera").with("userAccountControl", b"514")],
            false,
        ),
        (
            "another entry with the name",
            vec![vendor("vera").with("objectGUID", b"another.........")],
            false,
        ),
        (
            "another password",
            vec![vendor("vera").with("pwdLastSet", file_time.as_bytes())],
            false,
        ),
        (
            "another password, elsewhere",
            vec![vendor("vera").with("pwdChangedTime", b"20270101000000Z")],
            false,
        ),
    ] {
        server.set_people(people);
        let found = providers
            .lookup(VENDORS, person.name(), person.key(), NOW)
            .await
            .expect("an answer");
        assert_eq!(found.is_some(), holds, "{what}");
    }
    server.set_people(vec![vendor("vera")]);
    let unknown = providers
        .lookup("urn:other", person.name(), person.key(), NOW)
        .await;
    assert!(unknown.expect("an answer").is_none());
}

#[test]
fn a_name_must_mean_one_directory() {
    let servers = ["ldap://127.0.0.1:1".to_owned()];
    for (trust, complaint) in [
        ("", "they decide which directory a password is sent to"),
        (
            r#"organizational_account_suffix = ["Contoso.test"]"#,
            "is a suffix of [directories.contoso] too",
        ),
    ] {
        let refused = load(trust, &servers).expect_err("refused");
        assert!(refused.contains(complaint), "{refused}");
    }
}
