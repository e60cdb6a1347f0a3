//! Two relying parties of SAML and one of WS-Federation, a user of another organisation, and a browser with cookies.

use std::collections::BTreeMap;

use federation::saml2::{
    LogoutRequest, LogoutResponse, LogoutSubject, MessageKind, NameId, Status, post, redirect,
    write_logout_request, write_logout_response,
};
use federation::signature::{SignatureAlgorithm, SigningKey};
use federation::xmlenc::ContentEncryption;
use openssl::x509::X509;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::protocols::saml::logout::{Chain, LogoutMessage, Participant, Participants};
use crate::server::upstream::tests::{
    AT_PROVIDER, Answer, Browser, NOW, START, Service, UPN, US, Word, key_pair,
};
use crate::sign_in::Session;

const SHA256: SignatureAlgorithm = SignatureAlgorithm::RsaSha256;
const HERE: &str = "https://sts.contoso.test/adfs/ls/";
const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const STATE: &str = "a b&c=<\">";
const BOTH: &str = r#"
    { binding = "Redirect", protocol = "SAMLLogout", uri = "https://NAME.test/slo?x=1", response_uri = "https://NAME.test/done", index = 0 },
    { binding = "POST", protocol = "SAMLLogout", uri = "https://NAME.test/slo-post", response_uri = "https://NAME.test/done-post", index = 1 },"#;
const POST_ONLY: &str = r#"
    { binding = "POST", protocol = "SAMLLogout", uri = "https://NAME.test/slo-post", index = 1 },"#;

/// A relying party that signs.
struct Party {
    identifier: String,
    key: SigningKey,
    certificate: X509,
}

impl Party {
    /// Registers `urn:NAME` with endpoints for logout.
    async fn register(service: &Service, name: &str, logout: &str, more: &str) -> Party {
        let (key, certificate) = key_pair();
        let party = Party {
            identifier: format!("urn:{name}"),
            key: SigningKey::new(key, &certificate).unwrap(),
            certificate,
        };
        party.write(service, name, logout, more).await;
        party
    }

    async fn write(&self, service: &Service, name: &str, logout: &str, more: &str) {
        let pem = String::from_utf8(self.certificate.to_pem().unwrap()).unwrap();
        let logout = logout.replace("NAME", name);
        let more = more.replace("CERTIFICATE", &format!("\"\"\"{pem}\"\"\""));
        let text = format!(
            r#"
            name = "{name}"
            identifiers = ["urn:{name}", "urn:also:{name}"]
            access_control_policy_name = "Permit everyone"
            issuance_transform_rules = '''
            c:[Type == "{UPN}"] => issue(Type = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
              Value = c.Value, Properties["http://schemas.xmlsoap.org/ws/2005/05/identity/claimproperties/format"] = "{PERSISTENT}");
            '''
            request_signing_certificate = ["""{pem}"""]
            saml_endpoints = [{logout}
              {{ binding = "POST", protocol = "SAMLAssertionConsumer", uri = "https://{name}.test/acs", index = 0 }},
            ]
            {more}
            "#
        );
        service.with_party(&format!("{name}.toml"), &text).await;
    }

    fn order(&self, seat: &Seat) -> LogoutRequest {
        LogoutRequest {
            id: format!("_{}", crate::ids::guid()),
            issuer: self.identifier.clone(),
            issue_instant: NOW,
            destination: Some(HERE.to_owned()),
            subject: LogoutSubject::Name(seat.name.clone()),
            session_indexes: vec![seat.index.clone()],
            not_on_or_after: None,
            reason: None,
            is_signed: false,
        }
    }

    /// The address that a browser is sent to.
    fn redirected(&self, order: &LogoutRequest) -> String {
        redirected(MessageKind::Request, order, Some(&self.key))
    }

    /// The field that a browser posts.
    fn posted(&self, order: &LogoutRequest) -> String {
        let sign = Some((&self.key, SHA256));
        post::encode(write_logout_request(order, None, sign).unwrap().as_str())
    }

    /// Its answer to a request of ours.
    fn report(&self, to: &LogoutRequest, status: Status) -> String {
        self.report_to(&to.id, status, NOW)
    }

    fn report_to(&self, request: &str, status: Status, at: OffsetDateTime) -> String {
        let response = LogoutResponse {
            id: format!("_{}", crate::ids::guid()),
            issuer: self.identifier.clone(),
            issue_instant: at,
            destination: Some(HERE.to_owned()),
            in_response_to: Some(request.to_owned()),
            status,
            is_signed: false,
        };
        let message = write_logout_response(&response, None).unwrap();
        let sign = Some((&self.key, SHA256));
        redirect::encode(
            "/adfs/ls/",
            MessageKind::Response,
            message.as_str(),
            None,
            sign,
        )
        .unwrap()
    }
}

fn redirected(kind: MessageKind, order: &LogoutRequest, key: Option<&SigningKey>) -> String {
    let message = write_logout_request(order, None, None).unwrap();
    let sign = key.map(|key| (key, SHA256));
    redirect::encode("/adfs/ls/", kind, message.as_str(), Some(STATE), sign).unwrap()
}

/// What a relying party knows of a session.
struct Seat {
    name: NameId,
    index: String,
}

/// Signs in at `identifier`, which takes the claims provider the first time.
async fn sign_in(browser: &mut Browser<'_>, identifier: &str) -> Seat {
    sign_in_by(browser, identifier, "_1", "").await
}

async fn sign_in_by(
    browser: &mut Browser<'_>,
    identifier: &str,
    assertion: &'static str,
    attributes: &str,
) -> Seat {
    let request = format!(
        "<p:AuthnRequest xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_r1\" Version=\"2.0\" {attributes} \
         IssueInstant=\"2026-11-25T12:00:00Z\"><a:Issuer xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\">{identifier}</a:Issuer></p:AuthnRequest>"
    );
    let address = redirect::encode("/adfs/ls/", MessageKind::Request, &request, None, None);
    let mut page = browser
        .get(&format!("{}{AT_PROVIDER}", address.unwrap()))
        .await;
    if page.status == 302 {
        let asked = Url::parse(&page.location).unwrap();
        let asked: BTreeMap<String, String> = asked.query_pairs().into_owned().collect();
        let word = Word {
            id: assertion,
            ..Word::default()
        };
        let wresult = word.wresult(&browser.service.provider);
        let answer = browser.bring(&asked["wctx"], &wresult).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        page = browser.get(&answer.location).await;
    }
    let response = post::decode(&page.field("SAMLResponse")).unwrap();
    let document = roxmltree::Document::parse(&response).unwrap();
    let element = |name: &str| {
        document
            .descendants()
            .find(|node| node.tag_name().name() == name)
    };
    let index = element("AuthnStatement").and_then(|node| node.attribute("SessionIndex"));
    Seat {
        name: NameId {
            format: Some(PERSISTENT.to_owned()),
            ..NameId::new("ann@idp.test")
        },
        index: index.unwrap().to_owned(),
    }
}

impl Answer {
    /// A hidden field of the page that posts itself.
    fn field(&self, name: &str) -> String {
        let (_, rest) = self
            .body
            .split_once(&format!("name=\"{name}\" value=\""))
            .unwrap_or_else(|| panic!("no {name}: {} {}", self.status, self.body));
        let value = rest.split('"').next().unwrap();
        value
            .replace("&#43;", "+")
            .replace("&#x2B;", "+")
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    }

    fn is_refused_with(&self, code: &str) -> bool {
        (400..500).contains(&self.status)
            && self.location.is_empty()
            && self.body.contains(code)
            && !self.body.contains("SAMLResponse")
            && !self.body.contains("SAMLRequest")
    }

    /// Our request by Redirect to `location`, its signature verified.
    fn asks(&self, service: &Service, location: &str) -> LogoutRequest {
        assert_eq!(self.status, 302, "{}", self.body);
        assert!(self.location.starts_with(location), "{}", self.location);
        let (_, query) = self.location.split_once('?').unwrap();
        let message = redirect::decode(query).unwrap();
        assert_eq!(message.kind(), MessageKind::Request);
        message.verify(&ours(service)).unwrap();
        let request = LogoutRequest::parse(message.xml()).unwrap();
        assert_eq!(request.issuer, US);
        assert_eq!(request.issue_instant, NOW);
        request
    }

    /// Our answer by Redirect to `location`, its signature verified.
    fn tells(&self, service: &Service, location: &str) -> LogoutResponse {
        assert_eq!(self.status, 302, "{}", self.body);
        let (address, query) = self.location.split_once('?').unwrap();
        assert_eq!(address, location);
        let message = redirect::decode(query).unwrap();
        assert_eq!(message.kind(), MessageKind::Response);
        assert_eq!(message.relay_state(), Some(STATE));
        message.verify(&ours(service)).unwrap();
        let response = LogoutResponse::parse(message.xml()).unwrap();
        assert_eq!(response.destination.as_deref(), Some(location));
        response
    }

    fn is_at_provider(&self) -> bool {
        self.status == 302 && self.location.starts_with("https://idp.test/")
    }
}

fn ours(service: &Service) -> Vec<X509> {
    let certificates = service.federation.keys.signing_certificates();
    let one = |pem: String| X509::from_pem(pem.as_bytes()).unwrap();
    certificates
        .iter()
        .map(|certificate| one(certificate.to_pem().unwrap()))
        .collect()
}

/// Whether an application gets a token without asking the user. The browser itself visits nothing.
async fn is_signed_in(browser: &Browser<'_>) -> bool {
    let mut copy = browser.service.browser();
    copy.cookies = browser.cookies.clone();
    copy.cookies.remove("MSISLoopDetectionCookie");
    let answer = copy.get(&format!("{START}{AT_PROVIDER}")).await;
    assert!(
        answer.is_at_provider() || answer.body.contains("wresult"),
        "{}",
        answer.body
    );
    !answer.is_at_provider()
}

async fn service() -> (Service, Party, Party) {
    let service = Service::start("", "").await;
    let one = Party::register(&service, "one", BOTH, "").await;
    let two = Party::register(&service, "two", BOTH, "").await;
    (service, one, two)
}

#[actix_web::test]
async fn a_request_goes_through_all_participants_and_frames_and_back_to_who_asked() {
    let (service, one, two) = service().await;
    let mut browser = service.browser();
    let first = sign_in(&mut browser, "urn:one").await;
    let second = sign_in(&mut browser, "urn:also:two").await;
    assert!(browser.get(START).await.body.contains("wresult"));
    let copy = browser.cookies.clone();

    let order = one.order(&first);
    let asked = browser.get(&one.redirected(&order)).await;
    let question = asked.asks(&service, "https://two.test/slo?x=1&SAMLRequest=");
    assert_eq!(
        question.destination.as_deref(),
        Some("https://two.test/slo?x=1")
    );
    assert_eq!(question.subject, LogoutSubject::Name(second.name));
    assert_eq!(question.session_indexes, [second.index]);
    assert_eq!(question.not_on_or_after, Some(NOW + Duration::minutes(5)));
    assert!(!browser.has_session());

    let cleaning = browser.get(&two.report(&question, Status::success())).await;
    assert_eq!(cleaning.status, 200, "{}", cleaning.body);
    assert!(cleaning.body.contains("id=\"signoutArea\""));
    assert!(
        cleaning
            .body
            .contains("https://app.corp.test/?wa=wsignoutcleanup1.0")
    );
    let (_, rest) = cleaning.body.split_once("data-return=\"").unwrap();
    let onward = rest
        .split('"')
        .next()
        .unwrap()
        .replace("&#38;", "&")
        .replace("&amp;", "&");
    assert!(onward.starts_with("/adfs/ls/?MSISLogout="), "{onward}");

    let told = browser
        .get(&onward)
        .await
        .tells(&service, "https://one.test/done");
    assert_eq!(told.in_response_to.as_deref(), Some(order.id.as_str()));
    assert_eq!(told.status, Status::success());
    assert!(
        !browser
            .cookies
            .keys()
            .any(|name| name.starts_with("MSISSamlLogout"))
    );
    assert!(!is_signed_in(&browser).await);
    // A copy of the cookies is worth nothing.
    let mut thief = service.browser();
    thief.cookies = copy;
    assert!(!is_signed_in(&thief).await);
}

#[actix_web::test]
async fn posted_messages_come_without_cookies_and_go_on_sealed() {
    let (service, one, _) = service().await;
    let two = Party::register(&service, "two", POST_ONLY, "").await;
    let mut browser = service.browser();
    let first = sign_in(&mut browser, "urn:one").await;
    sign_in(&mut browser, "urn:two").await;
    let cookies = browser.cookies.clone();
    let order = one.order(&first);
    let field = one.posted(&order);
    let mut other_site = service.browser();
    let fields = [("SAMLRequest", field.as_str()), ("RelayState", STATE)];
    let sealed = other_site.post("/adfs/ls/", &fields).await;
    assert_eq!(sealed.status, 303, "{}", sealed.body);
    assert!(sealed.location.starts_with("/adfs/ls/?MSISLogout="));
    assert!(other_site.cookies.is_empty());
    let altered = sealed.location.replacen("MSISLogout=A", "MSISLogout=B", 1);
    assert_ne!(altered, sealed.location);
    browser.cookies = cookies;
    assert!(browser.get(&altered).await.is_refused_with("MSIS7054"));
    assert!(is_signed_in(&browser).await);

    let asked = browser.get(&sealed.location).await;
    assert!(
        asked.body.contains("action=\"https://two.test/slo-post\""),
        "{}",
        asked.body
    );
    let question = post::decode(&asked.field("SAMLRequest")).unwrap();
    let question = LogoutRequest::parse(&question).unwrap();
    assert!(question.is_signed);
    let answer = LogoutResponse {
        id: "_answer".to_owned(),
        issuer: "urn:two".to_owned(),
        issue_instant: NOW,
        destination: None,
        in_response_to: Some(question.id),
        status: Status::success(),
        is_signed: false,
    };
    let answer = write_logout_response(&answer, Some((&two.key, SHA256))).unwrap();
    let field = post::encode(answer.as_str());
    let sealed = other_site
        .post("/adfs/ls/", &[("SAMLResponse", &field)])
        .await;
    assert_eq!(sealed.status, 303, "{}", sealed.body);
    // Without the browser that is in the sign-out it leads nowhere.
    assert!(
        other_site
            .get(&sealed.location)
            .await
            .is_refused_with("MSIS7054")
    );
    let told = browser.get(&sealed.location).await;
    assert!(
        told.body.contains("action=\"https://one.test/done-post\""),
        "{}",
        told.body
    );
    assert_eq!(
        told.field("RelayState")
            .replace("&#34;", "\"")
            .replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&#38;", "&"),
        STATE
    );
    let told = LogoutResponse::parse(&post::decode(&told.field("SAMLResponse")).unwrap()).unwrap();
    assert!(told.is_signed);
    assert_eq!(told.in_response_to, Some(order.id));
    // The sealed form does not live long.
    service.clock.advance(Duration::minutes(6));
    assert!(
        browser
            .get(&sealed.location)
            .await
            .is_refused_with("MSIS7054")
    );
}

#[actix_web::test]
async fn what_is_not_proven_ends_nothing_and_is_sent_nowhere() {
    let (service, one, two) = service().await;
    let mut browser = service.browser();
    let seat = sign_in(&mut browser, "urn:one").await;
    let (stranger, certificate) = key_pair();
    let stranger = SigningKey::new(stranger, &certificate).unwrap();
    let order = || one.order(&seat);
    let of = |change: &dyn Fn(&mut LogoutRequest)| {
        let mut order = order();
        change(&mut order);
        one.redirected(&order)
    };
    let signed = one.redirected(&order());
    let cases = [
        (
            "unsigned",
            redirected(MessageKind::Request, &order(), None),
            "MSIS7084",
        ),
        (
            "signed by a stranger",
            redirected(MessageKind::Request, &order(), Some(&stranger)),
            "MSIS0038",
        ),
        (
            "signed by another relying party",
            redirected(MessageKind::Request, &order(), Some(&two.key)),
            "MSIS0038",
        ),
        (
            "another relay state",
            signed.replace("RelayState=a", "RelayState=b"),
            "MSIS0038",
        ),
        (
            "as a response",
            signed.replace("SAMLRequest=", "SAMLResponse="),
            "MSIS7015",
        ),
        (
            "unknown",
            of(&|order| order.issuer = "urn:nobody".to_owned()),
            "MSIS7007",
        ),
        (
            "no SAML",
            of(&|order| order.issuer = "urn:app".to_owned()),
            "MSIS0037",
        ),
        (
            "elsewhere",
            of(&|order| order.destination = Some("https://other.test/adfs/ls/".to_owned())),
            "MSIS7015",
        ),
        (
            "old",
            of(&|order| order.issue_instant = NOW - Duration::minutes(11)),
            "MSIS7015",
        ),
        (
            "future",
            of(&|order| order.issue_instant = NOW + Duration::minutes(11)),
            "MSIS7015",
        ),
        (
            "over",
            of(&|order| order.not_on_or_after = Some(NOW - Duration::minutes(5))),
            "MSIS7015",
        ),
        (
            "too many sessions",
            of(&|order| order.session_indexes = vec!["_x".to_owned(); 65]),
            "MSIS7015",
        ),
        ("twice", format!("{signed}&RelayState=x"), "MSIS7015"),
    ];
    for (name, address, code) in cases {
        let answer = browser.get(&address).await;
        assert!(
            answer.is_refused_with(code),
            "{name}: {} {}",
            answer.location,
            answer.body
        );
        assert!(is_signed_in(&browser).await, "{name}");
    }
    let unsigned = write_logout_request(&order(), None, None).unwrap();
    let field = post::encode(unsigned.as_str());
    let answer = browser.post("/adfs/ls/", &[("SAMLRequest", &field)]).await;
    assert!(answer.is_refused_with("MSIS7084"), "{}", answer.body);
    // What was not refused is a different message.
    let answer = browser.get(&signed).await;
    assert!(
        answer.location.starts_with("https://one.test/done") || answer.body.contains("MSISLogout")
    );
    assert!(!is_signed_in(&browser).await);
}

#[actix_web::test]
async fn somebody_else_s_name_or_session_ends_nothing_and_is_answered_all_the_same() {
    let (service, one, two) = service().await;
    let mut browser = service.browser();
    let seat = sign_in(&mut browser, "urn:one").await;
    let name = |change: &dyn Fn(&mut NameId)| {
        let mut order = one.order(&seat);
        let mut name = seat.name.clone();
        change(&mut name);
        order.subject = LogoutSubject::Name(name);
        order
    };
    let mut other_index = one.order(&seat);
    other_index.session_indexes = vec!["_other".to_owned()];
    let cases = [
        (&one, name(&|name| name.value = "bob@idp.test".to_owned())),
        (&one, name(&|name| name.format = None)),
        (
            &one,
            name(&|name| name.sp_name_qualifier = Some("urn:two".to_owned())),
        ),
        (
            &one,
            name(&|name| name.name_qualifier = Some("urn:idp".to_owned())),
        ),
        (&one, other_index),
        // It got no assertion in this session.
        (&two, two.order(&seat)),
    ];
    for (party, order) in cases {
        let place = format!("https://{}.test/done", party.identifier.replace("urn:", ""));
        let told = browser
            .get(&party.redirected(&order))
            .await
            .tells(&service, &place);
        assert_eq!(told.status, Status::success(), "{order:?}");
        assert!(is_signed_in(&browser).await, "{order:?}");
    }
    // Nor does a browser without a session hear anything else.
    let told = service
        .browser()
        .get(&one.redirected(&one.order(&seat)))
        .await;
    assert_eq!(
        told.tells(&service, "https://one.test/done").status,
        Status::success()
    );
    assert!(is_signed_in(&browser).await);
    // The same name in other words, for all sessions.
    let mut order = name(&|name| {
        name.sp_name_qualifier = Some("urn:also:one".to_owned());
        name.name_qualifier = Some(US.to_owned());
    });
    order.session_indexes.clear();
    browser.get(&one.redirected(&order)).await;
    assert!(!is_signed_in(&browser).await);
}

#[actix_web::test]
async fn a_request_ends_no_session_that_begins_later() {
    let (service, one, _) = service().await;
    let mut browser = service.browser();
    let seat = sign_in(&mut browser, "urn:one").await;
    let mut order = one.order(&seat);
    order.session_indexes.clear();
    let address = one.redirected(&order);
    browser
        .get(&address)
        .await
        .tells(&service, "https://one.test/done");
    sign_in_by(&mut browser, "urn:one", "_2", "").await;
    let replayed = browser.get(&address).await;
    assert!(replayed.is_refused_with("MSIS7015"), "{}", replayed.body);
    assert!(is_signed_in(&browser).await);
}

#[actix_web::test]
async fn participants_hear_of_it_even_where_the_session_s_cookie_is_lost() {
    let (service, one, two) = service().await;
    let mut browser = service.browser();
    let seat = sign_in(&mut browser, "urn:one").await;
    sign_in(&mut browser, "urn:two").await;
    let session = browser.cookies.remove("MSISAuth").unwrap();
    let asked = browser.get(&one.redirected(&one.order(&seat))).await;
    let question = asked.asks(&service, "https://two.test/slo");
    let told = browser.get(&two.report(&question, Status::success())).await;
    assert_eq!(
        told.tells(&service, "https://one.test/done").status,
        Status::success()
    );
    // The lost one has ended too.
    browser.cookies.insert("MSISAuth".to_owned(), session);
    assert!(!is_signed_in(&browser).await);
}

#[actix_web::test]
async fn altered_participants_are_none() {
    let (service, one, _) = service().await;
    let mut browser = service.browser();
    let seat = sign_in(&mut browser, "urn:one").await;
    sign_in(&mut browser, "urn:two").await;
    let honest = browser.cookies["SamlSession"].clone();
    let mut other = service.browser();
    sign_in_by(&mut other, "urn:one", "_2", "").await;
    let last = if honest.ends_with('A') { "B" } else { "A" };
    let altered = [
        format!("{}{last}", &honest[..honest.len() - 1]),
        honest[..honest.len() / 2].to_owned(),
        // Another session's, of the same user.
        other.cookies["SamlSession"].clone(),
        // Sealed by us, for something else.
        browser.cookies["MSISAuth"].clone(),
    ];
    for value in altered {
        browser.cookies.insert("SamlSession".to_owned(), value);
        let told = browser.get(&one.redirected(&one.order(&seat))).await;
        assert_eq!(
            told.tells(&service, "https://one.test/done").status,
            Status::success()
        );
        assert!(is_signed_in(&browser).await);
    }
    browser.cookies.insert("SamlSession".to_owned(), honest);
    let asked = browser.get(&one.redirected(&one.order(&seat))).await;
    asked.asks(&service, "https://two.test/slo");
}

#[actix_web::test]
async fn only_the_answer_that_was_asked_for_goes_on() {
    let (service, one, two) = service().await;
    let three = Party::register(&service, "three", BOTH, "").await;
    let mut browser = service.browser();
    let seat = sign_in(&mut browser, "urn:one").await;
    sign_in(&mut browser, "urn:two").await;
    let asked = browser.get(&one.redirected(&one.order(&seat))).await;
    let question = asked.asks(&service, "https://two.test/slo");
    let chain = browser.cookies["MSISSamlLogout"].clone();
    let good = two.report(&question, Status::success());
    let message = |party: &Party, at| party.report_to(&question.id, Status::success(), at);
    let forged = [
        (two.report_to("_other", Status::success(), NOW), "MSIS7054"),
        (message(&three, NOW), "MSIS7054"),
        (message(&two, NOW - Duration::minutes(11)), "MSIS7015"),
        (good.split("&SigAlg").next().unwrap().to_owned(), "MSIS7084"),
        (good.replace("SAMLResponse=", "SAMLRequest="), "MSIS7015"),
    ];
    for (address, code) in forged {
        let answer = browser.get(&address).await;
        assert!(answer.is_refused_with(code), "{code}: {}", answer.body);
    }
    // Another browser's, or an altered, state.
    assert!(
        service
            .browser()
            .get(&good)
            .await
            .is_refused_with("MSIS7054")
    );
    browser
        .cookies
        .insert("MSISSamlLogout".to_owned(), chain.replacen('A', "B", 1));
    assert!(browser.get(&good).await.is_refused_with("MSIS7054"));
    browser
        .cookies
        .insert("MSISSamlLogout".to_owned(), chain.clone());
    let told = browser
        .get(&good)
        .await
        .tells(&service, "https://one.test/done");
    assert_eq!(told.status, Status::success());
    // Once is enough, and ten minutes are too.
    assert!(browser.get(&good).await.is_refused_with("MSIS7054"));
    browser.cookies.insert("MSISSamlLogout".to_owned(), chain);
    service.clock.advance(Duration::minutes(10));
    let late = message(&two, NOW + Duration::minutes(10));
    assert!(browser.get(&late).await.is_refused_with("MSIS7054"));
}

#[actix_web::test]
async fn who_could_not_be_signed_out_is_told() {
    let (service, one, two) = service().await;
    Party::register(&service, "three", "", "").await;
    for (index, participants, status, expected) in [
        (
            0,
            &["urn:two"] as &[&str],
            Status::responder(),
            Status::partial_logout(),
        ),
        (
            1,
            &["urn:two"],
            Status::partial_logout(),
            Status::partial_logout(),
        ),
        (2, &["urn:two"], Status::success(), Status::success()),
        (
            3,
            &["urn:three", "urn:two"],
            Status::success(),
            Status::partial_logout(),
        ),
    ] {
        let mut browser = service.browser();
        let assertion = ["_1", "_2", "_3", "_4"][index];
        let seat = sign_in_by(&mut browser, "urn:one", assertion, "").await;
        for participant in participants {
            sign_in(&mut browser, participant).await;
        }
        let asked = browser.get(&one.redirected(&one.order(&seat))).await;
        let question = asked.asks(&service, "https://two.test/slo");
        let told = browser.get(&two.report(&question, status)).await;
        assert_eq!(
            told.tells(&service, "https://one.test/done").status,
            expected
        );
    }
    // Begun here, the user reads it.
    for (assertion, participant, id) in [
        ("_5", "urn:three", "role=\"alert\""),
        ("_6", "urn:app", "id=\"signoutMessage\""),
    ] {
        let mut browser = service.browser();
        if participant == "urn:app" {
            sign_in_by(&mut browser, "urn:two", assertion, "").await;
        } else {
            sign_in_by(&mut browser, participant, assertion, "").await;
        }
        // With the session at hand the way would end at the claims provider.
        let session = browser.cookies.remove("MSISAuth").unwrap();
        let mut page = browser.get("/adfs/ls/?wa=wsignout1.0").await;
        if page.status == 302 {
            let question = page.asks(&service, "https://two.test/slo");
            page = browser.get(&two.report(&question, Status::success())).await;
        }
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.body.contains(id), "{}", page.body);
        assert_eq!(page.body.contains("role=\"alert\""), id.contains("alert"));
        browser.cookies.insert("MSISAuth".to_owned(), session);
        assert!(!is_signed_in(&browser).await);
    }
}

#[actix_web::test]
async fn an_application_without_an_endpoint_for_answers_ends_on_our_page() {
    let (service, _, _) = service().await;
    let three = Party::register(&service, "three", "", "").await;
    let mut browser = service.browser();
    let seat = sign_in(&mut browser, "urn:three").await;
    let mut order = three.order(&seat);
    order.session_indexes = vec!["_other".to_owned()];
    let refused = browser.get(&three.redirected(&order)).await;
    assert!(refused.is_refused_with("MSIS7054"), "{}", refused.body);
    assert!(is_signed_in(&browser).await);
    let page = browser.get(&three.redirected(&three.order(&seat))).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("id=\"signoutArea\""), "{}", page.body);
    assert!(!is_signed_in(&browser).await);
}

#[actix_web::test]
async fn a_fresh_sign_in_of_the_same_user_keeps_the_participants() {
    let (service, one, _) = service().await;
    let mut browser = service.browser();
    let seat = sign_in(&mut browser, "urn:one").await;
    let before = browser.cookies["MSISAuth"].clone();
    sign_in_by(&mut browser, "urn:two", "_2", "ForceAuthn=\"true\"").await;
    assert_ne!(before, browser.cookies["MSISAuth"]);
    let asked = browser.get(&one.redirected(&one.order(&seat))).await;
    asked.asks(&service, "https://two.test/slo");
}

#[actix_web::test]
async fn names_are_encrypted_both_ways_where_the_trust_says_so() {
    let (service, one, _) = service().await;
    let encrypted = "encrypted_name_id_required = true\nencrypt_claims = true\nencryption_certificate = CERTIFICATE";
    let mut browser = service.browser();
    let seat = sign_in(&mut browser, "urn:one").await;
    sign_in(&mut browser, "urn:two").await;
    Party::register(&service, "two", BOTH, encrypted).await;
    let decrypting = service.federation.keys.decrypting_keys();
    let pem = decrypting[0].certificate().to_pem().unwrap();
    let recipient = X509::from_pem(pem.as_bytes()).unwrap();
    let order = one.order(&seat);
    let encrypt = Some((&recipient, ContentEncryption::Aes256Cbc));
    let message = write_logout_request(&order, encrypt, Some((&one.key, SHA256))).unwrap();
    let field = post::encode(message.as_str());
    let asked = browser.post("/adfs/ls/", &[("SAMLRequest", &field)]).await;
    let question = asked.asks(&service, "https://two.test/slo");
    assert!(
        matches!(question.subject, LogoutSubject::Encrypted(_)),
        "{question:?}"
    );
}

#[actix_web::test]
async fn the_participants_fit_into_one_cookie_and_those_who_do_not_are_remembered_as_missing() {
    let (service, ..) = service().await;
    let mut browser = service.browser();
    sign_in(&mut browser, "urn:one").await;
    let session = Session::open(&service.federation, &browser.cookies["MSISAuth"]).unwrap();
    let keys = &service.federation.keys;
    let mut participants = Participants::of(&session);
    for number in 0..60 {
        participants.add(Participant {
            relying_party: format!("urn:{}", crate::ids::guid()),
            name: Some(NameId::new(&format!(
                "{}{}",
                crate::ids::guid(),
                crate::ids::guid()
            ))),
            session_indexes: vec![format!("_{number}"), crate::ids::guid().to_string()],
            more: false,
        });
    }
    let sealed = participants.seal(keys).unwrap();
    assert!(sealed.len() <= 3500, "{}", sealed.len());
    let opened = Participants::open(keys, NOW, &sealed).unwrap();
    assert!(opened.are_incomplete());
    assert_eq!(opened.session(), session.id());
    assert!(Participants::open(keys, session.expires(), &sealed).is_none());
    let kept = opened.into_others(None);
    assert!((10..32).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept.last().unwrap().session_indexes[0], "_59");
}

#[actix_web::test]
async fn assertions_of_one_relying_party_are_one_participant() {
    let (service, one, _) = service().await;
    let mut browser = service.browser();
    let seat = sign_in(&mut browser, "urn:one").await;
    let session = Session::open(&service.federation, &browser.cookies["MSISAuth"]).unwrap();
    let trust = service.federation.configuration.load();
    let trust = trust.relying_parties.by_identifier("urn:one").unwrap();
    let mut participants = Participants::of(&session);
    let index = |number: usize| format!("_{number}");
    let has = |participants: &Participants, index: String| {
        participants.include(&trust, &seat.name, &[index], US)
    };
    for number in 0..7 {
        participants.add(Participant {
            relying_party: one.identifier.clone(),
            name: Some(seat.name.clone()),
            session_indexes: vec![index(number)],
            more: false,
        });
        assert!(has(&participants, index(0)), "the first of {number}");
        assert!(has(&participants, index(number)));
        // Where there were more than are told apart, any may have been one.
        assert_eq!(has(&participants, index(99)), number >= 5);
    }
    let all = participants.clone().into_others(None);
    assert_eq!(all.len(), 1);
    assert!(all[0].more && all[0].session_indexes.len() == 5, "{all:?}");
    assert!(participants.into_others(Some(&trust)).is_empty());
}

proptest::proptest! {
    #[test]
    fn foreign_text_opens_as_nothing(text in "[A-Za-z0-9_-]{0,200}") {
        static SERVICE: std::sync::LazyLock<(tokio::runtime::Runtime, Service)> = std::sync::LazyLock::new(|| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let service = runtime.block_on(Service::start("", ""));
            (runtime, service)
        });
        let federation = &SERVICE.1.federation;
        proptest::prop_assert!(Participants::open(&federation.keys, NOW, &text).is_none());
        proptest::prop_assert!(Chain::open(&federation.keys, NOW, &text).is_none());
        proptest::prop_assert!(LogoutMessage::open(federation, &text).is_err());
    }
}
