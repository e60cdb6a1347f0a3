//! Sign-in that starts at the identity provider, by people and by command-line clients (spec passive-sign-in 3.9, 5.6 and
//! 5.10).

use anyhow::{Context as _, Result};
use end_to_end::lab::Lab;
use end_to_end::passive::credentials;
use end_to_end::saml::answer::Response;
use end_to_end::saml::request::encoded;
use end_to_end::saml::service_provider::{ServiceProvider, fill_in};
use url::Url;

use crate::scrapers::fill_in_as_saml2aws;

const PAGE: &str = "/adfs/ls/IdpInitiatedSignOn.aspx";

fn page(lab: &Lab, query: &str) -> Result<Url> {
    let mut url = lab.outside().join(PAGE)?;
    if !query.is_empty() {
        url.set_query(Some(query));
    }
    Ok(url)
}

fn assert_unsolicited(response: &Response, provider: &ServiceProvider) -> Result<()> {
    assert_eq!(response.status()?, ["Success"]);
    assert_eq!(response.attribute("InResponseTo")?, None);
    let assertion = response.assertion()?;
    assert_eq!(assertion.in_response_to, None);
    assert_eq!(assertion.audience, provider.entity_id);
    assert_eq!(Some(&response.page.action), provider.consumers.first());
    Ok(())
}

#[tokio::test]
async fn a_person_is_sent_to_the_application_that_the_address_names() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let provider = ServiceProvider::new("target")?;
    provider.register(&lab, &[])?;
    let client = lab.client()?;
    let url = page(&lab, &format!("loginToRp={}", encoded(&provider.entity_id)))?;
    let form = client.follow(client.get(&url).await?).await?;
    let response = fill_in(&client, &form, user).await?;
    assert_unsolicited(&response, &provider)?;
    // Once more, silently.
    let again = client.follow(client.get(&url).await?).await?;
    assert_unsolicited(&Response::read(&again)?, &provider)?;
    let unknown = page(&lab, "loginToRp=urn%3Anobody")?;
    let answer = client.follow(client.get(&unknown).await?).await?;
    assert!((400..500).contains(&answer.status), "{}", answer.summary());
    assert!(answer.page().hidden_form().is_none());
    Ok(())
}

#[tokio::test]
async fn a_relay_state_names_the_application_and_what_it_is_to_show() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let provider = ServiceProvider::new("target")?;
    provider.register(&lab, &[])?;
    let inner = "https://target.example/deep?a=1&b=2";
    let pair = format!(
        "RPID={}&RelayState={}",
        encoded(&provider.entity_id),
        encoded(inner)
    );
    let twice = format!("RelayState={}", encoded(&pair));
    let once = format!(
        "RelayState={}",
        encoded(&format!("RPID={}&RelayState={inner}", provider.entity_id))
    );
    // Off, as AD FS ships it: the parameter is ignored and the list comes.
    let ignored = lab.client()?;
    let answer = ignored
        .follow(ignored.get(&page(&lab, &twice)?).await?)
        .await?;
    assert!(answer.page().has("idpSignonArea"), "{}", answer.summary());
    lab.set_property("enable_relay_state_for_idp_initiated_sign_on", "true")?;
    for query in [twice, once] {
        let client = lab.client()?;
        let answer = client
            .follow(client.get(&page(&lab, &query)?).await?)
            .await?;
        let response = fill_in(&client, &answer, user)
            .await
            .with_context(|| query.clone())?;
        assert_unsolicited(&response, &provider)?;
        assert_eq!(response.relay_state(), Some(inner), "{query}");
    }
    Ok(())
}

#[tokio::test]
async fn the_page_lists_applications_and_signs_in_and_out() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let provider = ServiceProvider::new("listed")?;
    provider.register(&lab, &[])?;
    let client = lab.client()?;
    let first = client.follow(client.get(&page(&lab, "")?).await?).await?;
    let read = first.page();
    for id in [
        "idpSignonArea",
        "idp_SignInThisSiteStatusLabel",
        "idp_SignInPanel",
        "idp_ThisRpRadioButton",
        "idp_OtherRpRadioButton",
        "idp_RelyingPartyDropDownList",
        "idp_SignInButton",
    ] {
        assert!(read.has(id), "no #{id}: {}", first.body);
    }
    assert!(!read.has("idp_SignOutButton"), "nobody is signed in yet");
    let list = read
        .text("idp_RelyingPartyDropDownList")
        .unwrap_or_default();
    assert!(list.contains("listed"), "{list}");
    let form = read.form("idpForm").context("no idpForm")?;
    let local = [
        ("SignInIdpSite", "SignInIdpSite"),
        ("SignInSubmit", "Sign in"),
        ("SingleSignOut", "SingleSignOut"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let answer = client.submit(&first, &form.action, &local).await?;
    assert!(
        answer
            .cookies_set()
            .iter()
            .any(|name| name.starts_with("MSISSamlRequest")),
        "{:?}",
        answer.cookies_set()
    );
    let asked = client.follow(answer).await?;
    let login = asked.page();
    let form = login
        .form("loginForm")
        .with_context(|| format!("no sign-in form: {}", asked.summary()))?;
    let answer = client
        .submit(
            &asked,
            &form.action,
            &credentials(&user.upn, &user.password),
        )
        .await?;
    assert_eq!(answer.status, 302, "{}", answer.summary());
    let signed_in = client.follow(answer).await?;
    for id in ["idp_GoButton", "idp_SignOutButton"] {
        assert!(
            signed_in.page().has(id),
            "no #{id}: {}",
            signed_in.summary()
        );
    }
    // Out of this site only, and the page says so.
    let form = signed_in.page();
    let form = form.form("idpForm").context("no idpForm")?;
    let out = [("SingleSignOut", "LocalSignOut"), ("SignOut", "Sign out")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let answer = client.submit(&signed_in, &form.action, &out).await?;
    let signed_out = client.follow(answer).await?;
    let read = signed_out.page();
    assert!(!read.has("idp_SignOutButton"), "{}", signed_out.summary());
    assert!(read.has("idp_SignInButton"), "{}", signed_out.summary());
    let url = page(&lab, &format!("loginToRp={}", encoded(&provider.entity_id)))?;
    let asked = client.follow(client.get(&url).await?).await?;
    assert!(asked.page().has("loginForm"), "{}", asked.summary());
    Ok(())
}

#[tokio::test]
async fn command_line_clients_get_an_assertion_in_one_post_and_by_the_page() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let provider = ServiceProvider::new("amazon")?;
    provider.register(&lab, &[])?;
    for path in [
        "/adfs/ls/IdpInitiatedSignOn.aspx",
        "/adfs/ls/idpinitiatedsignon.aspx",
        "/adfs/ls/idpinitiatedsignon",
    ] {
        let mut url = lab.outside().join(path)?;
        url.set_query(Some(&format!("loginToRp={}", encoded(&provider.entity_id))));
        // aws-adfs: nothing was asked for before, no cookie, no token.
        let client = lab.client()?.with_header("Accept-Language", "en")?;
        let fields = credentials(&user.upn, &user.password);
        let end = client.follow(client.post(&url, &fields).await?).await?;
        let response = Response::read(&end).with_context(|| path.to_owned())?;
        assert_unsolicited(&response, &provider)?;
        // The same client comes again with its jar.
        let end = client.follow(client.get(&url).await?).await?;
        assert_unsolicited(&Response::read(&end)?, &provider)?;

        // saml2aws: the page, every field, the action of the last form.
        let client = lab.client()?;
        let start = client.follow(client.get(&url).await?).await?;
        let (action, fields) = fill_in_as_saml2aws(&start.page(), &user.upn, &user.password)?;
        let end = client
            .follow(client.submit(&start, &action, &fields).await?)
            .await?;
        assert_unsolicited(&Response::read(&end)?, &provider)?;

        // And with a wrong password both read why.
        let fields = credentials(&user.upn, "Pass@word2");
        let refused = lab.client()?.post(&url, &fields).await?;
        assert_eq!(refused.status, 200, "{}", refused.summary());
        let page = refused.page();
        let text = page.text("errorText").unwrap_or_default();
        assert!(text.starts_with("Incorrect user ID or password"), "{text}");
        assert!(
            !refused
                .cookies_set()
                .iter()
                .any(|name| name.starts_with("MSISAuth"))
        );
    }
    Ok(())
}
