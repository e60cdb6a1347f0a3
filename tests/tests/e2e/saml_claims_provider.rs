//! pysaml2 as a claims provider by SAML 2.0, added from its metadata to a server that runs: sign-in and sign-out (spec
//! passive-sign-in 7.4 and 2.12).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use end_to_end::http::Client;
use end_to_end::lab::Lab;
use end_to_end::metadata_of;
use end_to_end::paths::program;
use end_to_end::pysaml2_idp::IdentityProvider;
use end_to_end::separate::{Changes, Separate};
use end_to_end::token::Issued;
use serde_json::{Value, json};
use url::Url;

const PROVIDER: &str = "https://idp.partner.test/metadata";
const ADDRESS: &str = "https://idp.partner.test";
const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
const ACCEPTANCE: &str = r#"
c:[Type == "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"]
 => issue(Type = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", Value = c.Value, Issuer = c.Issuer);
"#;
const ISSUANCE: &str = r#"
c:[Type == "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", Issuer == "https://idp.partner.test/metadata"]
 => issue(claim = c);
"#;
const SHOP: &str = r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="urn:test:shop">
<RoleDescriptor xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:fed="http://docs.oasis-open.org/wsfed/federation/200706" xsi:type="fed:ApplicationServiceType" protocolSupportEnumeration="http://docs.oasis-open.org/wsfed/federation/200706">
<fed:PassiveRequestorEndpoint><EndpointReference xmlns="http://www.w3.org/2005/08/addressing"><Address>https://shop.contoso.localhost/</Address></EndpointReference></fed:PassiveRequestorEndpoint>
</RoleDescriptor></EntityDescriptor>"#;

/// Runs `adfs ARGUMENTS --config ... --output json`.
fn adfs(config: &Path, arguments: &[&str]) -> Result<Value> {
    let output = Command::new(program("adfs")?)
        .args(arguments)
        .args(["--output", "json", "--config"])
        .arg(config)
        .env_remove("RUST_LOG")
        .output()?;
    ensure!(
        output.status.success(),
        "adfs {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn file(folder: &Path, name: &str, content: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, content)?;
    Ok(path)
}

fn text<'a>(answer: &'a Value, name: &str) -> Result<&'a str> {
    answer[name].as_str().with_context(|| format!("no {name}"))
}

fn request(service: &Url, more: &[(&str, &str)]) -> Result<Url> {
    let mut url = service.join("/adfs/ls/")?;
    url.query_pairs_mut()
        .append_pair("wa", "wsignin1.0")
        .append_pair("wtrealm", "urn:test:shop")
        .append_pair("whr", PROVIDER)
        .extend_pairs(more);
    Ok(url)
}

/// Goes to the claims provider; gives the address with the request.
async fn leave(client: &Client, request: &Url) -> Result<Url> {
    let answer = client.get(request).await?;
    let away = answer.redirect()?.with_context(|| answer.summary())?;
    ensure!(
        away.as_str().starts_with(&format!("{ADDRESS}/sso?")),
        "{away}"
    );
    Ok(away)
}

#[tokio::test]
async fn pysaml2_signs_people_in_and_out_as_a_claims_provider_added_while_the_server_runs()
-> Result<()> {
    let lab = Lab::start()?;
    let mut separate = Separate::beside(&lab, Changes::default())?;
    separate.start_adfs()?;
    let config = separate.adfs_config().to_owned();
    let service = separate.inside().clone();
    let mut provider = IdentityProvider::new(PROVIDER, ADDRESS)?;
    let client = separate.client()?;
    provider.know(metadata_of(&client, &service).await?.text())?;

    // Both trusts from metadata; the server has taken them when the commands end.
    let metadata = provider.order("metadata", None, json!({}))?;
    let folder = provider.folder();
    let metadata = file(folder, "metadata.xml", text(&metadata, "metadata")?)?;
    let rules = file(folder, "acceptance.rules", ACCEPTANCE)?;
    let shop = file(folder, "shop.xml", SHOP)?;
    let issuance = file(folder, "issuance.rules", ISSUANCE)?;
    let path = |path: &PathBuf| path.to_str().map(str::to_owned).context("not text");
    let added = adfs(
        &config,
        &[
            "claims-provider",
            "add",
            "--name",
            "Partner",
            "--metadata",
            &path(&metadata)?,
            "--rules",
            &path(&rules)?,
        ],
    )?;
    assert_eq!(text(&added, "identifier")?, PROVIDER);
    let added = adfs(
        &config,
        &[
            "relying-party",
            "add",
            "--name",
            "Shop",
            "--metadata",
            &path(&shop)?,
            "--rules",
            &path(&issuance)?,
        ],
    )?;
    assert_eq!(text(&added, "identifier")?, "urn:test:shop");
    let listed = adfs(&config, &["claims-provider", "list"])?;
    assert!(listed.to_string().contains("SAML 2.0"), "{listed}");
    let shown = adfs(&config, &["claims-provider", "show", PROVIDER])?;
    assert_eq!(text(&shown, "Name")?, "Partner");
    assert_eq!(shown["SignedSamlRequestsRequired"], true);

    for (sign_response, sign_assertion) in [(false, true), (true, false), (true, true)] {
        let client = separate.client()?;
        let away = leave(&client, &request(&service, &[("wfresh", "0")])?).await?;
        // pysaml2 verifies the signature in the query with the certificate in our metadata.
        let answer = provider.order(
            "answer",
            Some(&away),
            json!({
                "sign_response": sign_response,
                "sign_assertion": sign_assertion,
            }),
        )?;
        assert_eq!(
            (text(&answer, "force")?, text(&answer, "create")?),
            ("true", "true")
        );
        let consumer = Url::parse(text(&answer, "consumer")?)?;
        assert_eq!(consumer.path(), "/adfs/ls/");
        let here = service.join("/adfs/ls/")?;
        let fields = [(
            "SAMLResponse".to_owned(),
            text(&answer, "response")?.to_owned(),
        )];

        // Nobody else can use it.
        let stranger = separate.client()?.post(&here, &fields).await?;
        assert_eq!(stranger.status, 400, "{}", stranger.summary());

        let back = client.post(&here, &fields).await?;
        assert_eq!(back.status, 302, "{}", back.summary());
        let issued = Issued::read(&client.follow(back).await?)?;
        assert_eq!(issued.claim(UPN)?, ["ann@partner.test"]);
        assert_eq!(
            client.post(&here, &fields).await?.status,
            400,
            "a second time"
        );

        let mut out = service.join("/adfs/ls/")?;
        out.query_pairs_mut().append_pair("wa", "wsignout1.0");
        let page = client.get(&out).await?;
        let onward = page
            .page()
            .attribute("signoutArea", "data-return")
            .map(str::to_owned);
        let onward = Url::parse(&onward.with_context(|| page.summary())?)?;
        ensure!(
            onward.as_str().starts_with(&format!("{ADDRESS}/slo?")),
            "{onward}"
        );
        let answer = provider.order("logout", Some(&onward), json!({}))?;
        assert_eq!(text(&answer, "name")?, "ann@partner.test");
        let mut answered = Url::parse(text(&answer, "url")?)?;
        answered
            .set_port(service.port())
            .ok()
            .context("an address")?;
        let end = client.get(&answered).await?;
        assert_eq!(end.status, 200, "{}", end.summary());
        assert_eq!(
            end.page().attribute("signoutMessage", "role"),
            None,
            "all is ended"
        );
        leave(&client, &request(&service, &[])?).await?;
    }

    // Without it, nobody is asked where the account is.
    adfs(&config, &["claims-provider", "remove", "Partner"])?;
    let client = separate.client()?;
    let gone = client.get(&request(&service, &[])?).await?;
    assert!(
        gone.page().form("loginForm").is_some(),
        "{}",
        gone.summary()
    );
    Ok(())
}
