//! Sessions over several relying parties, tabs and demands (spec passive-sign-in 3.5, 3.10, 6.2, 6.4 and the checks 35, 36,
//! 40, 41, 60 and 63).

use anyhow::{Context as _, Result};
use end_to_end::http::Answer;
use end_to_end::lab::Lab;
use end_to_end::passive;
use end_to_end::saml::answer::Response;
use end_to_end::saml::request::{logout_request, logout_response, post_fields};
use end_to_end::saml::service_provider::{ServiceProvider, endpoint, fill_in};
use url::Url;

fn asks_for_credentials(answer: &Answer) -> bool {
    answer.page().form("loginForm").is_some()
}

#[tokio::test]
async fn the_second_application_is_silent_unless_a_fresh_sign_in_is_demanded() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let (first, second, wary) = (
        ServiceProvider::new("first")?,
        ServiceProvider::new("second")?,
        ServiceProvider::new("wary")?,
    );
    first.register(&lab, &[])?;
    second.register(&lab, &[])?;
    wary.register(&lab, &["always_require_authentication=true"])?;
    // More tokens in a row than a person asks for.
    lab.set_property("loop_detection_enabled", "false")?;
    let client = lab.client()?;
    let passive = "IsPassive=\"true\"";
    let asked = first.request(&lab)?.with_attributes(passive);
    let refused = Response::read(&first.send(&client, &lab, &asked, None).await?)?;
    assert_eq!(refused.status()?, ["Responder", "NoPassive"]);
    assert_eq!(
        refused.attribute("InResponseTo")?.as_deref(),
        Some(asked.id.as_str())
    );

    let begin = first.sign_in(&client, &lab, user).await?.assertion()?;
    for attributes in ["", passive] {
        let asked = second.request(&lab)?.with_attributes(attributes);
        let answer = second.send(&client, &lab, &asked, None).await?;
        let silent = Response::read(&answer)?.assertion()?;
        assert_eq!(silent.audience, second.entity_id);
        assert_eq!(silent.authn_instant, begin.authn_instant);
        assert_ne!(silent.session_index, begin.session_index);
    }
    // WS-Federation shares the session.
    let answer = client.get(&passive::request(lab.outside(), &[])?).await?;
    end_to_end::token::Issued::read(&client.follow(answer).await?)?;

    let asked = second.request(&lab)?.with_attributes("ForceAuthn=\"true\"");
    let page = second.send(&client, &lab, &asked, None).await?;
    assert!(asks_for_credentials(&page), "{}", page.summary());
    let fresh = fill_in(&client, &page, user).await?.assertion()?;
    assert!(fresh.authn_instant > begin.authn_instant, "{fresh:?}");
    for _ in 0..2 {
        let page = wary.send(&client, &lab, &wary.request(&lab)?, None).await?;
        assert!(asks_for_credentials(&page), "{}", page.summary());
        fill_in(&client, &page, user).await?;
    }
    let both = "ForceAuthn=\"true\" IsPassive=\"true\"";
    let asked = first.request(&lab)?.with_attributes(both);
    let refused = Response::read(&first.send(&client, &lab, &asked, None).await?)?;
    assert_eq!(refused.status()?, ["Responder", "NoPassive"]);
    Ok(())
}

#[tokio::test]
async fn tabs_that_sign_in_at_the_same_time_do_not_disturb_each_other() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let (first, second) = (
        ServiceProvider::new("first")?,
        ServiceProvider::new("second")?,
    );
    first.register(&lab, &[])?;
    second.register(&lab, &[])?;
    let client = lab.client()?;
    let (ask_first, ask_second) = (first.request(&lab)?, second.request(&lab)?);
    // One comes by Redirect and one by POST, which has to be kept somewhere while the form is shown.
    let first_tab = first.send(&client, &lab, &ask_first, Some("one")).await?;
    let fields = post_fields("SAMLRequest", &ask_second.xml()?, Some("two"));
    let second_tab = client
        .follow(client.post(&endpoint(&lab)?, &fields).await?)
        .await?;
    let third = passive::request(lab.outside(), &[("wctx", "three")])?;
    let third_tab = client.follow(client.get(&third).await?).await?;
    // Completed in the other order.
    let federated = passive::fill_in(&client, &third_tab, &user.upn, &user.password).await?;
    assert_eq!(federated.field("wctx"), Some("three"));
    for (tab, provider, asked, state) in [
        (&second_tab, &second, &ask_second, "two"),
        (&first_tab, &first, &ask_first, "one"),
    ] {
        let response = fill_in(&client, tab, user).await?;
        assert_eq!(response.relay_state(), Some(state));
        let assertion = response.assertion()?;
        assert_eq!(assertion.audience, provider.entity_id);
        assert_eq!(assertion.in_response_to.as_deref(), Some(asked.id.as_str()));
    }
    // Two requests by POST at once, too.
    let fresh = lab.client()?;
    let mut tabs = Vec::new();
    for (provider, state) in [(&first, "left"), (&second, "right")] {
        let asked = provider.request(&lab)?;
        let fields = post_fields("SAMLRequest", &asked.xml()?, Some(state));
        let tab = fresh.post(&endpoint(&lab)?, &fields).await?;
        tabs.push((fresh.follow(tab).await?, provider, asked, state));
    }
    for (tab, provider, asked, state) in &tabs {
        let response = fill_in(&fresh, tab, user).await?;
        assert_eq!(response.relay_state(), Some(*state));
        let assertion = response.assertion()?;
        assert_eq!(assertion.audience, provider.entity_id);
        assert_eq!(assertion.in_response_to.as_deref(), Some(asked.id.as_str()));
    }
    Ok(())
}

#[tokio::test]
async fn a_browser_that_comes_again_and_again_is_stopped() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let provider = ServiceProvider::new("loop")?;
    provider.register(&lab, &[])?;
    let client = lab.client()?;
    provider.sign_in(&client, &lab, user).await?;
    for number in 2..=5 {
        let answer = provider
            .send(&client, &lab, &provider.request(&lab)?, None)
            .await?;
        Response::read(&answer).with_context(|| format!("token {number}"))?;
    }
    let sixth = provider
        .send(&client, &lab, &provider.request(&lab)?, None)
        .await?;
    assert!((400..500).contains(&sixth.status), "{}", sixth.summary());
    let page = sixth.page();
    let code = page.text("errorCode").unwrap_or_default();
    assert!(code.starts_with("MSIS7042"), "{code}");
    // Another browser is not to blame.
    provider.sign_in(&lab.client()?, &lab, user).await?;
    Ok(())
}

/// Address and fields of the page that posts itself, without its own `SAML...` field named.
fn posted(answer: &Answer, field: &str) -> Result<(Url, String)> {
    let page = answer.page();
    let form = page
        .forms
        .iter()
        .find(|form| form.value(field).is_some())
        .with_context(|| format!("no {field}: {}", answer.summary()))?;
    Ok((
        answer.url.join(&form.action)?,
        form.value(field).unwrap_or_default().to_owned(),
    ))
}

#[tokio::test]
async fn a_sign_out_reaches_every_application_and_comes_back() -> Result<()> {
    use base64::Engine as _;
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let (first, second) = (
        ServiceProvider::new("first")?,
        ServiceProvider::new("second")?,
    );
    first.register(&lab, &[])?;
    second.register(&lab, &[])?;
    let service = endpoint(&lab)?;
    let decode = |field: &str| -> Result<String> {
        let octets = base64::engine::general_purpose::STANDARD.decode(field)?;
        Ok(String::from_utf8(octets)?)
    };
    let certificate = end_to_end::metadata_of(&lab.client()?, lab.outside())
        .await?
        .signing_certificate()?;
    // What the other application answers and whether it is really that one, and what the one who asked is told.
    for (says, honest, told_in_the_end) in [
        ("Success", true, Some("status:Success")),
        ("Responder", true, Some("status:PartialLogout")),
        ("Success", false, None),
    ] {
        let client = lab.client()?;
        let one = first.sign_in(&client, &lab, user).await?.assertion()?;
        let page = second
            .send(&client, &lab, &second.request(&lab)?, None)
            .await?;
        let other = Response::read(&page)?.assertion()?;
        let asked = logout_request(
            &first.entity_id,
            &service,
            &one.name_id_xml,
            &one.session_index,
            Some(&first.signing.key),
        )?;
        let answer = client
            .post(&service, &post_fields("SAMLRequest", &asked, Some("after")))
            .await?;
        // The other application is asked first.
        let (to, told) = match answer.redirect()? {
            Some(target) => (target, None),
            None => {
                let (to, field) = posted(&answer, "SAMLRequest")?;
                (to, Some(decode(&field)?))
            }
        };
        assert_eq!(to.host_str(), second.logout.host_str(), "{to}");
        assert_eq!(to.path(), second.logout.path(), "{to}");
        let id = match &told {
            Some(xml) => {
                assert!(xml.contains(&other.session_index), "{xml}");
                let read = roxmltree::Document::parse(xml)?;
                let id = read.root_element().attribute("ID").unwrap_or_default();
                end_to_end::saml::xmlsec::verify(xml, id, &certificate)?;
                id.to_owned()
            }
            None => {
                let id = end_to_end::pysaml2::inflated(&to)?;
                let read = roxmltree::Document::parse(&id)?;
                read.root_element()
                    .attribute("ID")
                    .unwrap_or_default()
                    .to_owned()
            }
        };
        let key = if honest {
            second.signing.key.clone()
        } else {
            // An answer that anybody could have written is none.
            ServiceProvider::new("stranger")?.signing.key
        };
        let xml = logout_response(&second.entity_id, &service, &id, says, &key)?;
        let state = match &told {
            Some(_) => answer
                .page()
                .forms
                .iter()
                .find_map(|form| form.value("RelayState").map(str::to_owned)),
            None => to
                .query_pairs()
                .find(|(name, _)| name == "RelayState")
                .map(|(_, value)| value.into_owned()),
        };
        let answer = client
            .post(
                &service,
                &post_fields("SAMLResponse", &xml, state.as_deref()),
            )
            .await?;
        if let Some(status) = told_in_the_end {
            let (to, xml) = match answer.redirect()? {
                Some(target) => {
                    let xml = end_to_end::pysaml2::inflated(&target)?;
                    (target, xml)
                }
                None => {
                    let (to, field) = posted(&answer, "SAMLResponse")?;
                    (to, decode(&field)?)
                }
            };
            assert_eq!(to.path(), first.logout_response.path(), "{to}");
            assert_eq!(to.host_str(), first.logout_response.host_str(), "{to}");
            assert!(xml.contains(status), "{says}: {xml}");
        } else {
            assert!((400..500).contains(&answer.status), "{}", answer.summary());
        }
        let page = first
            .send(&client, &lab, &first.request(&lab)?, None)
            .await?;
        assert!(asks_for_credentials(&page), "{}", page.summary());
    }
    Ok(())
}
