//! A directory as a claims provider of its own: the lab's, under another name, for the people of fabrikam.test.

use std::fs;

use anyhow::{Context as _, Result};
use end_to_end::http::Answer;
use end_to_end::lab::Lab;
use end_to_end::passive::{attempt, credentials};
use end_to_end::separate::{Changes, Separate};
use end_to_end::token::Issued;
use url::Url;

const PASSWORD: &str = "Pass@word1";
const VENDORS: &str = "urn:test:vendors";
const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
const ISSUER: &str = "http://types.test/issuer";

const RELYING_PARTY: &str = r#"
name = "Shop"
identifiers = ["urn:test:shop"]
ws_fed_endpoint = "https://shop.contoso.localhost/"
access_control_policy_name = "Permit everyone"
issuance_transform_rules = '''
c:[Type == "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"] => issue(claim = c);
c:[Type == "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"]
 => issue(Type = "http://types.test/issuer", Value = c.Issuer);
c:[Type == "http://types.test/mail"] => issue(claim = c);
c:[Type == "http://types.test/secret"] => issue(claim = c);
'''
"#;

/// The lab's directory once more, as a local claims provider trust.
fn vendors(configuration: &str) -> Result<String> {
    let directory = configuration
        .split("[directories.contoso]")
        .nth(1)
        .and_then(|rest| rest.split("\n[").next())
        .context("the lab's configuration has a directory")?;
    let kept: Vec<String> = directory
        .lines()
        .filter(|line| !line.starts_with("net_bios_name"))
        .map(|line| line.replace("base_dn", "user_container"))
        .collect();
    Ok(format!(
        r#"
name = "Vendors"
identifier = "{VENDORS}"
organizational_account_suffix = ["fabrikam.test"]
acceptance_transform_rules = '''
c:[Type == "{UPN}"] => issue(claim = c);
c:[Type == "http://types.test/mail"] => issue(claim = c);
'''
[ldap]
user_object_class = "user"
anchor_claim_ldap_attribute = "userPrincipalName"
ldap_attribute_to_claim_mapping = [
    {{ ldap_attribute = "mail", claim_type = "http://types.test/mail" }},
    {{ ldap_attribute = "displayName", claim_type = "http://types.test/secret" }},
]
{}
"#,
        kept.join("\n")
    ))
}

fn request(service: &Url, more: &[(&str, &str)]) -> Result<Url> {
    let mut url = service.join("/adfs/ls/")?;
    url.query_pairs_mut()
        .append_pair("wa", "wsignin1.0")
        .append_pair("wtrealm", "urn:test:shop")
        .extend_pairs(more);
    Ok(url)
}

/// What differs between two refusals to the eye of a user, without ids and times.
fn seen(answer: &Answer) -> (u16, Option<String>) {
    let text = answer.page().text("errorText").map(str::to_owned);
    (answer.status, text)
}

#[tokio::test]
async fn people_of_a_local_claims_provider_sign_in_on_the_form() -> Result<()> {
    let lab = Lab::start()?;
    let mut separate = Separate::beside(&lab, Changes::default())?;
    let configuration = fs::read_to_string(separate.adfs_config())?;
    let trusts = separate.adfs_config().with_file_name("trusts");
    fs::create_dir_all(trusts.join("claims-providers"))?;
    let text = vendors(&configuration)?;
    // The paths in adfs.toml are from its folder.
    fs::write(trusts.join("claims-providers/vendors.toml"), text)?;
    fs::write(trusts.join("relying-parties/shop.toml"), RELYING_PARTY)?;
    separate.start_adfs()?;
    let asked = request(separate.inside(), &[])?;

    let client = separate.client()?;
    let answer = attempt(&client, &asked, "fay@fabrikam.test", PASSWORD).await?;
    let issued = Issued::read(&client.follow(answer).await?)?;
    assert_eq!(issued.claim(UPN)?, ["fay@fabrikam.test"]);
    assert_eq!(issued.claim(ISSUER)?, [VENDORS]);
    assert_eq!(
        issued.claim("http://types.test/mail")?,
        ["fay@fabrikam.test"]
    );
    assert_eq!(
        issued.claim("http://types.test/secret")?,
        Vec::<String>::new(),
        "no acceptance rule lets it in"
    );
    // The session goes on, from the directory as it is now.
    let again = Issued::read(&client.get(&asked).await?)?;
    assert_eq!(again.claim(UPN)?, ["fay@fabrikam.test"]);

    // Our own people are where they were, whatever an address says.
    let elsewhere = request(separate.inside(), &[("whr", VENDORS)])?;
    for asked in [&asked, &elsewhere] {
        let client = separate.client()?;
        let answer = client
            .post(asked, &credentials("alice@contoso.test", PASSWORD))
            .await?;
        let issued = Issued::read(&client.follow(answer).await?)?;
        assert_eq!(issued.claim(ISSUER)?, ["AD AUTHORITY"]);
    }

    let refused = |name: &'static str, password: &'static str| {
        let (client, asked) = (separate.client(), asked.clone());
        async move { attempt(&client?, &asked, name, password).await }
    };
    let wrong = refused("fay@fabrikam.test", "Pass@word2").await?;
    assert!(seen(&wrong).1.is_some_and(|text| text.len() > 20));
    for name in [
        "nobody@fabrikam.test",
        "*@fabrikam.test",
        "fay@fabrikam.test)(cn=*@fabrikam.test",
        "nobody@contoso.test",
    ] {
        let other = refused(name, "Pass@word2").await?;
        assert_eq!(seen(&other), seen(&wrong), "{name}");
    }
    assert!(
        separate.logs()?.lines_with(PASSWORD).is_empty(),
        "a password is in a log"
    );
    Ok(())
}
