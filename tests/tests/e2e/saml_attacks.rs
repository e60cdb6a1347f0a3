//! What attackers send as SAML messages, over the network and with somebody's live session, so that nothing but the check
//! under test stands in the way (security 2.1, 2.2, 2.4, 3.4; spec passive-sign-in 3.2). Each refusal is an error page
//! with an activity id and exactly one event in the log; nothing is signed, and nobody is redirected.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use end_to_end::http::{Answer, Client};
use end_to_end::lab::Lab;
use end_to_end::process::is_alive;
use end_to_end::saml::answer::Response;
use end_to_end::saml::request::{
    self, AuthnRequest, address, encoded, logout_request, moment, post_fields, signature,
    signed_query,
};
use end_to_end::saml::service_provider::{ServiceProvider, endpoint};
use end_to_end::saml::xmlsec::Algorithm;
use end_to_end::saml::{ASSERTION, PROTOCOL, deflate};
use url::Url;

const SHA256: Algorithm = Algorithm::RsaSha256;

/// A lab with a relying party that must sign, and a person's live session.
struct Target {
    lab: Lab,
    provider: ServiceProvider,
    client: Client,
    service: Url,
}

impl Target {
    async fn start(signed: bool) -> Result<Target> {
        let lab = Lab::start()?;
        let provider = ServiceProvider::new("victim")?;
        let setting = format!("signed_saml_requests_required={signed}");
        provider.register(&lab, &[&setting])?;
        lab.set_property("loop_detection_enabled", "false")?;
        let client = lab.client()?;
        let service = endpoint(&lab)?;
        let target = Target {
            lab,
            provider,
            client,
            service,
        };
        // The positive twin of everything: an honest request of the same provider gets in, first by the form.
        let page = target.honest().await?;
        let user = target.lab.contract().user("alice")?;
        end_to_end::saml::service_provider::fill_in(&target.client, &page, user).await?;
        Ok(target)
    }

    fn request(&self) -> Result<AuthnRequest> {
        self.provider.request(&self.lab)
    }

    async fn honest(&self) -> Result<Answer> {
        let query = request::query(
            "SAMLRequest",
            &request::deflated(&self.request()?.xml()?),
            Some("state"),
        );
        let query = signed_query(&query, &self.provider.signing.key, SHA256)?;
        let answer = self.client.get(&address(&self.service, &query)).await?;
        self.client.follow(answer).await
    }

    async fn assert_honest_works(&self) -> Result<()> {
        let response = Response::read(&self.honest().await?)?;
        assert_eq!(response.status()?, ["Success"]);
        assert_eq!(response.relay_state(), Some("state"));
        Ok(())
    }

    /// Refused as it must be.
    fn assert_refused(&self, name: &str, answer: &Answer) -> Result<()> {
        let place = format!("{name}: {}", answer.summary());
        assert!((400..500).contains(&answer.status), "{place}");
        assert!(answer.header("location").is_none(), "{place}");
        let page = answer.page();
        assert!(page.hidden_form().is_none(), "{place}");
        for form in &page.forms {
            assert!(!form.action.starts_with("https://victim"), "{place}");
        }
        assert!(!answer.body.contains("SAMLResponse"), "{place}");
        assert!(!answer.body.contains("evil.example"), "reflected: {place}");
        let id = page
            .activity_id()
            .with_context(|| format!("no activity id: {place}"))?;
        // The proxy's log may be first, so that the event itself is waited for.
        let event = format!("event_id=364 activity_id={id}");
        assert!(self.lab.is_logged(&event)?, "not in the log: {place}");
        let events = self.lab.logs()?.lines_with(&event);
        assert_eq!(events.len(), 1, "{place}: {events:?}");
        assert!(is_alive(self.lab.contract().pids.adfs), "{place}");
        Ok(())
    }

    async fn get(&self, query: &str) -> Result<Answer> {
        let answer = self.client.get(&address(&self.service, query)).await?;
        self.settle(answer).await
    }

    /// Follows redirects within the service. One that leaves it is what the tests look for.
    async fn settle(&self, mut answer: Answer) -> Result<Answer> {
        for _ in 0..4 {
            match answer.redirect()? {
                Some(target) if target.origin() == self.service.origin() => {
                    answer = self.client.get(&target).await?;
                }
                _ => break,
            }
        }
        Ok(answer)
    }

    async fn post(&self, parameter: &str, xml: &str) -> Result<Answer> {
        let fields = post_fields(parameter, xml, Some("state"));
        let answer = self.client.post(&self.service, &fields).await?;
        self.settle(answer).await
    }
}

#[tokio::test]
async fn tricks_with_the_parameters_of_a_signed_redirect_are_refused() -> Result<()> {
    let target = Target::start(true).await?;
    let key = &target.provider.signing.key;
    let good = target.request()?;
    let evil = target
        .request()?
        .with_attributes("AssertionConsumerServiceIndex=\"1\"");
    let (good, evil) = (
        request::deflated(&good.xml()?),
        request::deflated(&evil.xml()?),
    );
    let query = request::query("SAMLRequest", &good, Some("state"));
    let signed = signed_query(&query, key, SHA256)?;
    let other = encoded(&evil);
    let algorithm = format!("SigAlg={}", encoded(SHA256.uri()));
    let sha1 = format!("SigAlg={}", encoded(Algorithm::RsaSha1.uri()));
    let state_first = format!(
        "RelayState=state&SAMLRequest={}&{algorithm}",
        encoded(&good)
    );
    let by_another_order = format!(
        "{query}&{algorithm}&Signature={}",
        encoded(&signature(&state_first, key, SHA256)?)
    );
    let with_empty_state = format!("SAMLRequest={}&RelayState=", encoded(&good));
    let without_state = request::query("SAMLRequest", &good, None);
    let tricks = [
        (
            "another request before",
            format!("SAMLRequest={other}&{signed}"),
        ),
        (
            "another request after",
            format!("{signed}&SAMLRequest={other}"),
        ),
        (
            "the name in lower case as well",
            format!("{signed}&samlrequest={other}"),
        ),
        (
            "the name encoded as well",
            format!("{signed}&SAML%52equest={other}"),
        ),
        (
            "the name encoded",
            signed.replacen("SAMLRequest", "SAML%52equest", 1),
        ),
        (
            "a response as well",
            format!("{signed}&SAMLResponse={other}"),
        ),
        ("another state after", format!("{signed}&RelayState=evil")),
        ("another state before", format!("RelayState=evil&{signed}")),
        (
            "another state",
            signed.replacen("RelayState=state", "RelayState=evil", 1),
        ),
        ("no state", signed.replacen("&RelayState=state", "", 1)),
        (
            "a state that was not signed",
            signed_query(&without_state, key, SHA256)?.replacen(
                "&SigAlg",
                "&RelayState=evil&SigAlg",
                1,
            ),
        ),
        (
            "an empty state that was not signed",
            signed_query(&with_empty_state, key, SHA256)?.replacen("&RelayState=&", "&", 1),
        ),
        ("signed in another order", by_another_order),
        (
            "the algorithm swapped",
            signed.replacen(&algorithm, &sha1, 1),
        ),
        ("two algorithms", format!("{signed}&{sha1}")),
        (
            "no algorithm",
            signed.replacen(&format!("&{algorithm}"), "", 1),
        ),
        (
            "an algorithm of no kind",
            signed.replacen(&algorithm, "SigAlg=none", 1),
        ),
        (
            "a MAC with the public key",
            signed.replacen(
                &algorithm,
                &format!(
                    "SigAlg={}",
                    encoded("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")
                ),
                1,
            ),
        ),
        ("no signature", format!("{query}&{algorithm}")),
        (
            "an empty signature",
            format!("{query}&{algorithm}&Signature="),
        ),
        ("two signatures", format!("{signed}&Signature=AAAA")),
        (
            "a signature that is not base64",
            format!("{query}&{algorithm}&Signature=%2A%2A"),
        ),
        ("the signature of another request", {
            let octets = format!(
                "{}&{algorithm}",
                request::query("SAMLRequest", &evil, Some("state"))
            );
            format!(
                "{query}&{algorithm}&Signature={}",
                encoded(&signature(&octets, key, SHA256)?)
            )
        }),
        ("unsigned", query.clone()),
        ("SHA-1", signed_query(&query, key, Algorithm::RsaSha1)?),
        ("a signature within as well", {
            let xml = target.request()?.signed_xml(key, SHA256)?;
            let query = request::query("SAMLRequest", &request::deflated(&xml), None);
            signed_query(&query, key, SHA256)?
        }),
        ("a signature within only", {
            let xml = target.request()?.signed_xml(key, SHA256)?;
            request::query("SAMLRequest", &request::deflated(&xml), None)
        }),
    ];
    for (name, query) in tricks {
        let answer = target.get(&query).await?;
        target.assert_refused(name, &answer)?;
    }
    // Partners escape in lower case, or more than needed: the octets as received are what counts.
    let octets = format!("{query}&{algorithm}")
        .replace("%2B", "%2b")
        .replace("%2F", "%2f")
        .replace("%3D", "%3d")
        .replace("RelayState=state", "RelayState=%73tate");
    let lower = format!(
        "{octets}&Signature={}",
        encoded(&signature(&octets, key, SHA256)?)
    );
    let answer = target.client.follow(target.get(&lower).await?).await?;
    let response = Response::read(&answer)?;
    assert_eq!(response.relay_state(), Some("state"));
    target.assert_honest_works().await
}

#[tokio::test]
async fn signatures_wrapped_within_requests_are_refused() -> Result<()> {
    let target = Target::start(true).await?;
    let key = &target.provider.signing.key;
    let honest = target.request()?;
    let signed = honest.signed_xml(key, SHA256)?;
    let evil = |id: &str, inner: &str| -> Result<String> {
        let mut request = target
            .request()?
            .with_attributes("AssertionConsumerServiceIndex=\"1\"")
            .with_content(inner);
        id.clone_into(&mut request.id);
        request.xml()
    };
    let start = signed.find("<ds:Signature").context("no signature")?;
    let end = signed.find("</ds:Signature>").context("no signature")? + "</ds:Signature>".len();
    let (before, cut, after) = (
        signed.get(..start).context("cut")?,
        signed.get(start..end).context("cut")?,
        signed.get(end..).context("cut")?,
    );
    let unsigned = format!("{before}{after}");
    let extensions = |inner: &str| format!("<samlp:Extensions>{inner}</samlp:Extensions>");
    let issuer_end = "</saml:Issuer>";
    let with_signature = |xml: &str, signature: &str| {
        xml.replacen(issuer_end, &format!("{issuer_end}{signature}"), 1)
    };
    let object = |inner: &str| {
        cut.replacen(
            "</ds:Signature>",
            &format!("<ds:Object>{inner}</ds:Object></ds:Signature>"),
            1,
        )
    };
    let corpus = [
        (
            "the signed request in Extensions, its signature with it",
            evil("_evil", &extensions(&signed))?,
        ),
        (
            "the signed request in Extensions, its signature taken out",
            with_signature(&evil("_evil", &extensions(&unsigned))?, cut),
        ),
        (
            "the signed request in the signature's Object",
            with_signature(&evil("_evil", "")?, &object(&unsigned)),
        ),
        (
            "the same id twice",
            with_signature(&evil(&honest.id, &extensions(&unsigned))?, cut),
        ),
        (
            "a signature of another request",
            with_signature(&evil(&honest.id, "")?, cut),
        ),
        (
            "changed after it was signed",
            signed.replacen("Version=\"2.0\"", "Version=\"2.0\" ForceAuthn=\"true\"", 1),
        ),
        (
            "two signatures",
            signed.replacen(issuer_end, &format!("{issuer_end}{cut}"), 1),
        ),
        (
            "an empty reference",
            signed.replacen(&format!("URI=\"#{}\"", honest.id), "URI=\"\"", 1),
        ),
        (
            "another's reference",
            signed.replacen(
                &format!("URI=\"#{}\"", honest.id),
                "URI=\"https://evil.example/\"",
                1,
            ),
        ),
        (
            "an XPointer",
            signed.replacen(
                &format!("URI=\"#{}\"", honest.id),
                &format!("URI=\"#xpointer(id('{}'))\"", honest.id),
                1,
            ),
        ),
        (
            "XSLT among the transforms",
            signed.replacen(
                "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
                "http://www.w3.org/TR/1999/REC-xslt-19991116",
                1,
            ),
        ),
        ("no value", {
            let from = signed.find("<ds:SignatureValue>").context("no value")?;
            let to = signed.find("</ds:SignatureValue>").context("no value")?;
            format!(
                "{}<ds:SignatureValue>{}",
                signed.get(..from).context("cut")?,
                signed.get(to..).context("cut")?
            )
        }),
        ("another root", format!("<x>{signed}</x>")),
        ("no signature", unsigned.clone()),
        (
            "SHA-1",
            target.request()?.signed_xml(key, Algorithm::RsaSha1)?,
        ),
        (
            "another's key",
            target
                .request()?
                .signed_xml(&ServiceProvider::new("stranger")?.signing.key, SHA256)?,
        ),
        (
            "the issuer parted by a comment",
            signed.replacen("https://victim", "https://<!-- -->victim", 1),
        ),
        ("a DTD", format!("<!DOCTYPE samlp:AuthnRequest>{signed}")),
        (
            "something after the root",
            format!("{signed}<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\"/>"),
        ),
        (
            "a processing instruction",
            format!("<?xml-stylesheet href=\"https://evil.example/\"?>{signed}"),
        ),
    ];
    for (name, xml) in corpus {
        let answer = target.post("SAMLRequest", &xml).await?;
        target.assert_refused(name, &answer)?;
    }
    let answer = target
        .client
        .follow(target.post("SAMLRequest", &signed).await?)
        .await?;
    let response = Response::read(&answer)?;
    assert_eq!(response.status()?, ["Success"], "the honest twin");
    target.assert_honest_works().await
}

#[tokio::test]
async fn requests_that_are_no_good_xml_or_too_large_or_too_old_are_refused() -> Result<()> {
    let target = Target::start(false).await?;
    let request = target.request()?;
    let xml = request.xml()?;
    let entity = xml.replacen("https://victim", "&victim;", 1);
    let aged = |seconds: i64| -> Result<String> {
        let mut request = target.request()?;
        request.issue_instant = moment(seconds);
        request.xml()
    };
    let to = |destination: &str| -> Result<String> {
        let mut request = target.request()?;
        request.destination = Some(destination.to_owned());
        request.xml()
    };
    let content = |content: &str| -> Result<String> {
        target
            .request()
            .map(|request| request.with_content(content))?
            .xml()
    };
    let corpus = [
        ("nothing", String::new()),
        ("no XML", "hello".to_owned()),
        (
            "a DTD",
            format!("<!DOCTYPE x [<!ENTITY victim 'https://victim'>]>{entity}"),
        ),
        (
            "an external entity",
            format!("<!DOCTYPE x [<!ENTITY victim SYSTEM 'file:///etc/passwd'>]>{entity}"),
        ),
        (
            "entities within entities",
            format!(
                "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>\
                 <!ENTITY victim '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>]>{entity}"
            ),
        ),
        ("an entity that is not declared", entity.clone()),
        (
            "a comment in the issuer",
            xml.replacen("victim.example", "victim<!---->.example", 1),
        ),
        ("not closed", xml.trim_end_matches('>').to_owned()),
        ("two roots", format!("{xml}{xml}")),
        (
            "an attribute twice",
            xml.replacen("Version=\"2.0\"", "Version=\"2.0\" Version=\"2.0\"", 1),
        ),
        (
            "a prefix that is not declared",
            xml.replacen("<saml:Issuer", "<x:Issuer", 1),
        ),
        ("another namespace", xml.replace(PROTOCOL, "urn:evil")),
        (
            "the issuer in another namespace",
            xml.replace(ASSERTION, "urn:evil"),
        ),
        (
            "another version",
            xml.replacen("Version=\"2.0\"", "Version=\"1.1\"", 1),
        ),
        (
            "no issuer",
            xml.replacen(
                &format!("<saml:Issuer>{}</saml:Issuer>", target.provider.entity_id),
                "",
                1,
            ),
        ),
        (
            "another message",
            xml.replace("AuthnRequest", "ManageNameIDRequest"),
        ),
        (
            "an unknown issuer",
            xml.replacen("https://victim", "https://evil", 1),
        ),
        ("no id", xml.replacen(" ID=", " Id=", 1)),
        (
            "another's destination",
            to("https://evil.example/adfs/ls/")?,
        ),
        (
            "a destination beside ours",
            to(&format!("{}../x", target.service))?,
        ),
        ("an old one", aged(-3600)?),
        ("one from tomorrow", aged(86_400)?),
        (
            "very deep",
            content(&format!("{}{}", "<a>".repeat(200), "</a>".repeat(200)))?,
        ),
        ("very many", content(&"<a/>".repeat(12_000))?),
        ("very many attributes", {
            let attributes: String = (0..100).map(|number| format!(" a{number}=\"x\"")).collect();
            content(&format!("<a{attributes}/>"))?
        }),
        (
            "very large",
            content(&format!("<a>{}</a>", "x".repeat(300_000)))?,
        ),
    ];
    for (name, xml) in corpus {
        let by_post = target.post("SAMLRequest", &xml).await?;
        target.assert_refused(&format!("POST: {name}"), &by_post)?;
        // More than a request line holds goes by POST only.
        if xml.len() < 4_000 {
            let query = request::query("SAMLRequest", &request::deflated(&xml), None);
            let by_redirect = target.get(&query).await?;
            target.assert_refused(&format!("Redirect: {name}"), &by_redirect)?;
        }
    }
    let bomb = |size| {
        format!(
            "SAMLRequest={}",
            encoded(&STANDARD.encode(deflate::bomb(size)))
        )
    };
    for (name, query) in [
        ("not base64", "SAMLRequest=%21%21%21".to_owned()),
        ("empty", "SAMLRequest=".to_owned()),
        (
            "not deflated",
            format!("SAMLRequest={}", encoded(&STANDARD.encode(&xml))),
        ),
        ("a small bomb", bomb(300_000)),
        ("a larger bomb", bomb(900_000)),
        ("cut off", {
            let deflated = deflate::stored(xml.as_bytes());
            let half = deflated.get(..deflated.len() / 2).context("half")?;
            format!("SAMLRequest={}", encoded(&STANDARD.encode(half)))
        }),
        ("more after the end", {
            let mut deflated = deflate::stored(xml.as_bytes());
            deflated.extend(b"more");
            format!("SAMLRequest={}", encoded(&STANDARD.encode(deflated)))
        }),
        ("not UTF-8", {
            let mut octets = xml.clone().into_bytes();
            octets.extend([0xff, 0xfe]);
            format!(
                "SAMLRequest={}",
                encoded(&STANDARD.encode(deflate::stored(&octets)))
            )
        }),
    ] {
        let answer = target.get(&query).await?;
        target.assert_refused(name, &answer)?;
    }
    // The honest twin of each, unsigned as this provider may.
    let page = target
        .client
        .follow(target.post("SAMLRequest", &xml).await?)
        .await?;
    assert_eq!(Response::read(&page)?.status()?, ["Success"]);
    target.assert_honest_works().await
}

#[tokio::test]
async fn only_those_who_may_end_a_session_end_it() -> Result<()> {
    let target = Target::start(false).await?;
    let key = &target.provider.signing.key;
    let issuer = &target.provider.entity_id;
    let assertion = Response::read(&target.honest().await?)?.assertion()?;
    let stranger = ServiceProvider::new("stranger")?.signing.key;
    let message = |key| {
        logout_request(
            issuer,
            &target.service,
            &assertion.name_id_xml,
            &assertion.session_index,
            key,
        )
    };
    let unsigned = message(None)?;
    let by_redirect = |key: Option<&_>| -> Result<String> {
        let query = request::query("SAMLRequest", &request::deflated(&unsigned), None);
        match key {
            Some(key) => signed_query(&query, key, SHA256),
            None => Ok(query),
        }
    };
    for (name, answer) in [
        (
            "unsigned by POST",
            target.post("SAMLRequest", &unsigned).await?,
        ),
        (
            "unsigned by Redirect",
            target.get(&by_redirect(None)?).await?,
        ),
        (
            "signed by a stranger, POST",
            target
                .post("SAMLRequest", &message(Some(&stranger))?)
                .await?,
        ),
        (
            "signed by a stranger, Redirect",
            target.get(&by_redirect(Some(&stranger))?).await?,
        ),
    ] {
        target.assert_refused(name, &answer)?;
        target.assert_honest_works().await?;
    }
    // Bob's session is nothing that the holder of Alice's browser may end by naming it, nor the other way round: the
    // message is honest and signed, but it is about a session that this browser does not have.
    let bobs = target.lab.client()?;
    let bob = target.lab.contract().user("bob")?;
    let response = target.provider.sign_in(&bobs, &target.lab, bob).await;
    let his = match response {
        Ok(response) => response.assertion()?,
        Err(error) => return Err(error.context("bob cannot sign in")),
    };
    let about_bob = logout_request(
        issuer,
        &target.service,
        &his.name_id_xml,
        &his.session_index,
        Some(key),
    )?;
    let answer = target.post("SAMLRequest", &about_bob).await?;
    assert!(answer.status < 500, "{}", answer.summary());
    target.assert_honest_works().await?;
    // The honest twin ends it.
    let answer = target.post("SAMLRequest", &message(Some(key))?).await?;
    assert!(answer.status < 400, "{}", answer.summary());
    let after = target.honest().await?;
    assert!(
        after.page().form("loginForm").is_some(),
        "still signed in: {}",
        after.summary()
    );
    Ok(())
}
