//! Requests as browsers send them, through the route table.

use actix_web::App;
use actix_web::cookie::Cookie;
use actix_web::dev::ServiceResponse;
use actix_web::http::{StatusCode, header};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::Data;

use super::*;
use crate::cloud::serve::routes;

const LOGIN: &str = "login.cloud.localhost:8444";
const LAB: &str = "lab.cloud.localhost:8444";

/// A browser with one cookie jar, which is enough here: no cookie name is used by two hosts.
struct Browser {
    world: Data<World>,
    cloud: Data<Cloud>,
    cookies: Vec<Cookie<'static>>,
}

struct Answer {
    status: StatusCode,
    location: String,
    aadsts: Option<String>,
    headers: header::HeaderMap,
    body: String,
}

impl Browser {
    fn new() -> Browser {
        let mut world = world();
        let placeholder = Cloud::new(
            world.cloud.addresses.clone(),
            Realms::fixtures("", &[]),
            Tenant::default(),
            Clock::system(),
        );
        let cloud = std::mem::replace(&mut world.cloud, placeholder.unwrap());
        Browser {
            world: Data::new(world),
            cloud: Data::new(cloud),
            cookies: Vec::new(),
        }
    }

    fn draft(&self) -> Draft {
        Draft::about(
            &self.world.immutable_id,
            "alice@contoso.test",
            self.cloud.clock.now(),
        )
    }

    async fn get(&mut self, host: &str, target: &str) -> Answer {
        self.send(host, TestRequest::get().uri(target)).await
    }

    async fn follow(&mut self, location: &str) -> Answer {
        let url = url::Url::parse(location).unwrap();
        let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        self.get(
            &host,
            &location[location.find(&host).unwrap() + host.len()..],
        )
        .await
    }

    async fn post_form(&mut self, pairs: &[(&str, &str)]) -> Answer {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs);
        let request = TestRequest::post()
            .uri("/login.srf")
            .insert_header((header::CONTENT_TYPE, "application/x-www-form-urlencoded"))
            .set_payload(form.finish());
        self.send(LOGIN, request).await
    }

    async fn send(&mut self, host: &str, request: TestRequest) -> Answer {
        let cloud = self.cloud.clone();
        let service = init_service(
            App::new()
                .app_data(cloud.clone())
                .configure(|config| routes(config, &cloud)),
        )
        .await;
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|cookie| format!("{}={}", cookie.name(), cookie.value()))
            .collect();
        let request = request
            .insert_header((header::HOST, host.to_owned()))
            .insert_header((header::COOKIE, cookies.join("; ")));
        let response: ServiceResponse = call_service(&service, request.to_request()).await;
        let changed: Vec<Cookie<'static>> = response
            .response()
            .cookies()
            .map(Cookie::into_owned)
            .collect();
        for cookie in changed {
            assert!(
                cookie.secure() == Some(true) && cookie.http_only() == Some(true),
                "{cookie}"
            );
            self.cookies.retain(|known| known.name() != cookie.name());
            if !cookie.value().is_empty() {
                self.cookies.push(cookie);
            }
        }
        let text = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        Answer {
            status: response.status(),
            location: text("location").unwrap_or_default(),
            aadsts: text("x-lab-aadsts"),
            headers: response.headers().clone(),
            body: String::from_utf8(read_body(response).await.to_vec()).unwrap(),
        }
    }

    /// From the application to the federation service; gives the `wctx` that went there.
    async fn until_federation_service(&mut self) -> String {
        let to_cloud = self
            .get(LAB, "/app?login_hint=alice%40contoso.test")
            .await
            .location;
        assert!(
            to_cloud.starts_with("https://login.cloud.localhost:8444/common/oauth2/authorize?"),
            "{to_cloud}"
        );
        let to_federation_service = self.follow(&to_cloud).await.location;
        let url = url::Url::parse(&to_federation_service).unwrap();
        assert_eq!(url.host_str(), Some("sts.contoso.localhost"));
        url.query_pairs()
            .find(|(name, _)| name == "wctx")
            .unwrap()
            .1
            .into_owned()
    }

    async fn sign_in(&mut self) -> Answer {
        let wctx = self.until_federation_service().await;
        let wresult = self.draft().signed_by(&self.world.signer);
        let answer = self
            .post_form(&[("wa", "wsignin1.0"), ("wresult", &wresult), ("wctx", &wctx)])
            .await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        let to_application = self.follow(&answer.location).await;
        assert_eq!(to_application.location, "/app");
        self.get(LAB, "/app").await
    }
}

#[actix_web::test]
async fn the_application_shows_who_signed_in_and_sign_out_ends_it() {
    let mut browser = Browser::new();
    let page = browser.sign_in().await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "id=\"upn\">alice@contoso.test<",
        &format!("id=\"immutable-id\">{}<", browser.world.immutable_id),
        "id=\"issuer\">http://contoso.test/adfs/services/trust/<",
        "data-claim-type=\"http://schemas.xmlsoap.org/claims/UPN\"",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let policy = page
        .headers
        .get(header::CONTENT_SECURITY_POLICY)
        .unwrap()
        .to_str()
        .unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );

    // The second time the session is enough.
    browser.cookies.retain(|cookie| cookie.name() != "LabApp");
    let to_cloud = browser.get(LAB, "/app").await.location;
    let silent = browser.follow(&to_cloud).await.location;
    assert!(
        silent.starts_with("https://lab.cloud.localhost:8444/app/signed-in?code="),
        "{silent}"
    );
    browser.follow(&silent).await;

    let foreign = TestRequest::post()
        .uri("/app/sign-out")
        .insert_header(("sec-fetch-site", "cross-site"));
    assert_eq!(
        browser.send(LAB, foreign).await.status,
        StatusCode::FORBIDDEN
    );
    let own = TestRequest::post()
        .uri("/app/sign-out")
        .insert_header(("sec-fetch-site", "same-origin"));
    let to_cloud = browser.send(LAB, own).await;
    assert_eq!(to_cloud.status, StatusCode::SEE_OTHER);
    let to_federation_service = browser.follow(&to_cloud.location).await.location;
    assert_eq!(
        to_federation_service,
        "https://sts.contoso.localhost:8443/adfs/ls/?wa=wsignout1.0&wreply=https%3a%2f%2flogin.cloud.localhost%3a8444%2flogin.srf"
    );
    assert!(
        browser.cookies.iter().all(|cookie| cookie.name() == "buid"),
        "{:?}",
        browser.cookies
    );
    let again = browser.get(LAB, "/app").await;
    assert_eq!(
        again.status,
        StatusCode::FOUND,
        "nobody is signed in any more"
    );
}

#[actix_web::test]
async fn a_clean_up_frame_ends_the_session_on_the_server() {
    let mut browser = Browser::new();
    browser.sign_in().await;
    let kept = browser.cookies.clone();
    let answer = browser.get(LOGIN, "/login.srf?wa=wsignoutcleanup1.0").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::OK, "signed out")
    );
    assert!(
        !answer.headers.contains_key(header::X_FRAME_OPTIONS),
        "it is shown in a frame"
    );
    browser.cookies = kept;
    assert_eq!(
        browser.get(LAB, "/app").await.status,
        StatusCode::FOUND,
        "a kept cookie is worth nothing"
    );
}

#[actix_web::test]
async fn a_code_is_good_once_and_in_its_own_browser() {
    let mut browser = Browser::new();
    let wctx = browser.until_federation_service().await;
    let wresult = browser.draft().signed_by(&browser.world.signer);
    let code = browser
        .post_form(&[("wa", "wsignin1.0"), ("wresult", &wresult), ("wctx", &wctx)])
        .await
        .location;
    let own = browser.cookies.clone();
    browser.cookies.clear();
    assert_eq!(
        browser.follow(&code).await.aadsts.as_deref(),
        Some("70008"),
        "another browser"
    );
    browser.cookies = own.clone();
    assert_eq!(browser.follow(&code).await.location, "/app");
    browser.cookies = own;
    assert_eq!(
        browser.follow(&code).await.aadsts.as_deref(),
        Some("70008"),
        "a second time"
    );
}

#[actix_web::test]
async fn hostile_posts_get_a_page_with_a_number_and_never_a_5xx() {
    let mut browser = Browser::new();
    let form = "application/x-www-form-urlencoded";
    let long = format!("wa=wsignin1.0&wresult={}", "A".repeat(700 * 1024));
    for (media_type, body, status, number) in [
        (form, "", 400, "90081"),
        (form, "wa=wsignin1.0&wresult=a&wresult=b", 400, "90013"),
        (form, "wa=wsignin1.0&wresult=%ff", 400, "90013"),
        (form, "wa=wsignin1.0&wresult=%4", 400, "90013"),
        (form, "wa=wsignin1.0&wresult=%00", 400, "90013"),
        (form, "wa=wsignin1.0&wresult=%3Ca", 400, "20012"),
        (form, long.as_str(), 413, "90013"),
        (
            "application/x-www-form-urlencoded; charset=utf-16",
            "wa=wsignin1.0",
            415,
            "90013",
        ),
        ("text/plain", "wa=wsignin1.0", 415, "90013"),
        ("multipart/form-data; boundary=x", "--x--", 415, "90013"),
    ] {
        let request = TestRequest::post()
            .uri("/login.srf")
            .insert_header((header::CONTENT_TYPE, media_type))
            .set_payload(body.to_owned());
        let answer = browser.send(LOGIN, request).await;
        let name = body.get(..40).unwrap_or(body);
        assert_eq!(
            (answer.status.as_u16(), answer.aadsts.as_deref()),
            (status, Some(number)),
            "{media_type} {name}"
        );
        assert!(answer.body.contains("id=\"correlationId\""), "{name}");
    }
    assert_eq!(
        browser
            .get(LOGIN, "/login.srf?wa=wsignin1.0&wresult=x")
            .await
            .status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[actix_web::test]
async fn what_the_request_says_is_escaped_on_the_page() {
    let mut browser = Browser::new();
    let mut draft = browser.draft();
    draft.issuer = "&lt;script&gt;alert(1)&lt;/script&gt;".to_owned();
    let wresult = draft.signed_by(&browser.world.signer);
    let answer = browser
        .post_form(&[("wa", "wsignin1.0"), ("wresult", &wresult)])
        .await;
    assert_eq!(answer.aadsts.as_deref(), Some("50107"));
    assert!(!answer.body.contains("<script"), "{}", answer.body);
    let name = browser
        .get(LOGIN, "/login?login_hint=%22%3E%3Cscript%3E%40other.test")
        .await;
    assert!(!name.body.contains("<script"), "{}", name.body);
}

#[actix_web::test]
async fn authorize_answers_by_its_rules() {
    let mut browser = Browser::new();
    let base = "/common/oauth2/v2.0/authorize?client_id=27922004-5251-4030-b22d-91ecd9a37ea4&redirect_uri=msauth.lab.outlook%3A%2F%2Fauth";
    for (target, number) in [
        ("/common/oauth2/authorize?client_id=unknown".to_owned(), "700016"),
        ("/common/oauth2/authorize?client_id=27922004-5251-4030-b22d-91ecd9a37ea4&redirect_uri=https%3A%2F%2Fevil.test".to_owned(), "50011"),
        (base.replace("common", "other.test"), "90002"),
        (format!("{base}&client_id=again"), "90013"),
    ] {
        let answer = browser.get(LOGIN, &target).await;
        assert_eq!((answer.status, answer.aadsts.as_deref()), (StatusCode::BAD_REQUEST, Some(number)), "{target}");
    }
    for (rest, expected) in [
        (
            "&response_type=token&state=a%26b",
            "msauth.lab.outlook://auth?error=unsupported_response_type&",
        ),
        (
            "&response_type=code&prompt=none&login_hint=alice%40contoso.test",
            "msauth.lab.outlook://auth?error=login_required&",
        ),
        (
            "&response_type=code&prompt=none&response_mode=fragment",
            "msauth.lab.outlook://auth#error=login_required&",
        ),
        (
            "&response_type=code&response_mode=form_post",
            "msauth.lab.outlook://auth?error=invalid_request&",
        ),
        (
            "&response_type=code&login_hint=gil%40sub.contoso.test",
            "https://sts.contoso.localhost:8443/adfs/ls/?client-request-id=",
        ),
        (
            "&response_type=code&domain_hint=fabrikam.test",
            "https://sts.contoso.localhost:8443/adfs/ls/?client-request-id=",
        ),
    ] {
        let answer = browser.get(LOGIN, &format!("{base}{rest}")).await;
        assert!(
            answer.location.starts_with(expected),
            "{rest}: {}",
            answer.location
        );
    }
    let form = browser
        .get(LOGIN, &format!("{base}&response_type=code&state=a%26b"))
        .await;
    assert!(
        form.body.contains("name=\"state\" value=\"a&#38;b\""),
        "{}",
        form.body
    );
    let managed = browser
        .get(LOGIN, "/login?login_hint=hana%40phs.test")
        .await;
    assert_eq!(
        (managed.status, managed.location.as_str()),
        (StatusCode::BAD_REQUEST, ""),
        "no way to the federation service"
    );
}

#[actix_web::test]
async fn the_realm_endpoints_agree() {
    let mut browser = Browser::new();
    for (upn, kind) in [
        ("alice@contoso.test", "Federated"),
        ("gil@sub.contoso.test", "Federated"),
        ("hana@phs.test", "Managed"),
        ("x@other.test", "Unknown"),
    ] {
        let encoded = upn.replace('@', "%40");
        let json =
            |answer: Answer| serde_json::from_str::<serde_json::Value>(&answer.body).unwrap();
        let first = json(
            browser
                .get(
                    LOGIN,
                    &format!("/common/userrealm/{encoded}?api-version=1.0"),
                )
                .await,
        );
        let second = json(browser.get(LOGIN, &format!("/common/userrealm/?user={encoded}&api-version=2.1&checkForMicrosoftAccount=false")).await);
        let third = json(
            browser
                .get(LOGIN, &format!("/GetUserRealm.srf?login={encoded}"))
                .await,
        );
        let xml = browser
            .get(LOGIN, &format!("/getuserrealm.srf?login={encoded}&xml=1"))
            .await
            .body;
        let question = TestRequest::post()
            .uri("/common/GetCredentialType")
            .set_payload(format!("{{\"username\":\"{upn}\"}}"));
        let fourth = json(browser.send(LOGIN, question).await);
        assert_eq!(first["account_type"], kind);
        assert_eq!(second["NameSpaceType"], kind);
        assert_eq!(third["NameSpaceType"], kind);
        assert!(
            xml.contains(&format!("<NameSpaceType>{kind}</NameSpaceType>")),
            "{xml}"
        );
        assert_eq!(second["AuthURL"], third["AuthURL"]);
        assert_eq!(
            fourth["Credentials"]["FederationRedirectUrl"],
            third["AuthURL"]
        );
        assert_eq!(
            first.get("federation_active_auth_url").is_some(),
            kind == "Federated"
        );
    }
    assert_eq!(
        browser
            .get(LOGIN, "/common/userrealm/alice%40contoso.test")
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
}

#[actix_web::test]
async fn other_hosts_and_paths_say_that_nothing_is_there() {
    let mut browser = Browser::new();
    for (host, target) in [
        (LOGIN, "/app"),
        (LAB, "/login.srf"),
        ("exo.cloud.localhost:8444", "/"),
        ("evil.test", "/"),
    ] {
        assert_eq!(
            browser.get(host, target).await.status,
            StatusCode::NOT_FOUND,
            "{host}{target}"
        );
    }
}

#[actix_web::test]
async fn the_dashboard_tells_the_story_without_secrets() {
    let mut browser = Browser::new();
    browser.sign_in().await;
    let page = browser.get(LAB, "/").await;
    assert!(
        page.body.contains("signature holds")
            && page.body.contains("alice@contoso.test is signed in"),
        "{}",
        page.body
    );
    let events = browser.get(LAB, "/lab/events").await.body;
    for cookie in &browser.cookies {
        assert!(
            !page.body.contains(cookie.value()) && !events.contains(cookie.value()),
            "{}",
            cookie.name()
        );
    }
}
