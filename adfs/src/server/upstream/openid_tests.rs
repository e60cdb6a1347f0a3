//! Claims providers by OpenID Connect, against a provider that really listens and signs with other software than ours.

use std::collections::{BTreeMap, HashMap};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};

use actix_web::dev::ServerHandle;
use actix_web::web::{Data, Form};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use josekit::jwk::Jwk;
use josekit::jws::{HS256, JwsHeader, RS256, serialize_compact};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sha::sha256;
use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslMethod};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};
use serde_json::{Value, json};
use time::Duration;
use url::Url;

use super::tests::{Answer, Browser, NOW, START, Service, UPN};

const SECRET: &str = "s3cret/+: ü";
const HERE: &str = "https://sts.contoso.test/adfs/ls/oidc";

/// How the provider misbehaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Honest,
    /// Signs with HMAC, and its public key as the secret.
    Mac,
    /// Does not sign.
    Unsigned,
    /// Signs with a key that it does not publish.
    ForeignKey,
    /// Answers the token request with another status.
    Down,
}

/// What a code stands for.
struct Grant {
    challenge: String,
    redirect_uri: String,
    claims: Value,
}

struct State {
    key: Jwk,
    published: Vec<Value>,
    mood: Mood,
    grants: HashMap<String, Grant>,
    discovery: Value,
    keys_fetched: usize,
    redeemed: usize,
}

struct Provider {
    issuer: String,
    state: Arc<Mutex<State>>,
    authority: Vec<u8>,
    server: ServerHandle,
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

fn new_key(id: &str) -> (Jwk, Value) {
    let mut key = Jwk::generate_rsa_key(2048).expect("a key");
    key.set_key_id(id);
    let public = key.to_public_key().expect("a key");
    let mut public = serde_json::to_value(&public).expect("JSON");
    public["kid"] = json!(id);
    (key, public)
}

fn tls() -> (SslAcceptorBuilder, Vec<u8>) {
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "localhost")
        .expect("a name");
    let name = name.build();
    let mut certificate = X509::builder().expect("a certificate");
    certificate.set_version(2).expect("a version");
    let serial = BigNum::from_u32(1).and_then(|number| number.to_asn1_integer());
    certificate
        .set_serial_number(&serial.expect("a number"))
        .expect("a number");
    certificate.set_subject_name(&name).expect("a name");
    certificate.set_issuer_name(&name).expect("a name");
    certificate.set_pubkey(&key).expect("a key");
    let (start, end) = (Asn1Time::from_unix(0), Asn1Time::from_unix(4_000_000_000));
    certificate
        .set_not_before(&start.expect("a time"))
        .expect("a time");
    certificate
        .set_not_after(&end.expect("a time"))
        .expect("a time");
    let names = SubjectAlternativeName::new()
        .dns("localhost")
        .build(&certificate.x509v3_context(None, None))
        .expect("a name");
    certificate.append_extension(names).expect("a name");
    certificate
        .sign(&key, MessageDigest::sha256())
        .expect("a signature");
    let certificate = certificate.build();
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("TLS");
    builder.set_private_key(&key).expect("a key");
    builder
        .set_certificate(&certificate)
        .expect("a certificate");
    (builder, certificate.to_pem().expect("PEM"))
}

impl Provider {
    fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let issuer = format!("https://localhost:{port}");
        let (key, public) = new_key("k1");
        let state = Arc::new(Mutex::new(State {
            key,
            published: vec![public],
            mood: Mood::Honest,
            grants: HashMap::new(),
            discovery: json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/keys"),
                "response_modes_supported": ["query", "form_post"],
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                "authorization_response_iss_parameter_supported": true,
            }),
            keys_fetched: 0,
            redeemed: 0,
        }));
        let data = Data::from(Arc::clone(&state));
        let (acceptor, authority) = tls();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .route(
                    "/.well-known/openid-configuration",
                    web::get().to(discovery),
                )
                .route("/keys", web::get().to(keys))
                .route("/token", web::post().to(token))
        })
        .workers(1)
        .disable_signals()
        .listen_openssl(listener, acceptor)
        .expect("a listener")
        .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Provider {
            issuer,
            state,
            authority,
            server: handle,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state")
    }

    async fn trusted(&self, more: &str, trust: &str) -> Service {
        let trust = format!(
            r#"
            name = "Fabrikam"
            identifier = "{}"
            acceptance_transform_rules = 'c:[Type == "{UPN}"] => issue(claim = c);'
            {trust}
            [openid_connect]
            client_id = "us"
            client_secret_file = "secret"
            ca_file = "authority.pem"
            allow_private_addresses = true
            {more}"#,
            self.issuer
        );
        let files: [(&str, &[u8]); 2] = [
            ("secret", SECRET.as_bytes()),
            ("authority.pem", &self.authority),
        ];
        Service::start_with(&trust, "", &files).await
    }

    /// What an honest provider says to this question.
    fn claims(&self, asked: &BTreeMap<String, String>) -> Value {
        let now = NOW.unix_timestamp();
        json!({
            "iss": self.issuer, "sub": "42", "aud": "us", "nonce": asked["nonce"], "iat": now,
            "exp": now + 300, "upn": "ann@fabrikam.test",
        })
    }

    /// A code for that question, whose ID token will have these claims.
    fn grant(&self, asked: &BTreeMap<String, String>, claims: Value) -> String {
        let mut state = self.state();
        let code = format!("code{}", state.grants.len() + state.redeemed);
        let grant = Grant {
            challenge: asked["code_challenge"].clone(),
            redirect_uri: asked["redirect_uri"].clone(),
            claims,
        };
        state.grants.insert(code.clone(), grant);
        code
    }
}

async fn discovery(state: Data<Mutex<State>>) -> HttpResponse {
    HttpResponse::Ok().json(&state.lock().expect("the state").discovery)
}

async fn keys(state: Data<Mutex<State>>) -> HttpResponse {
    let mut state = state.lock().expect("the state");
    state.keys_fetched += 1;
    HttpResponse::Ok().json(json!({ "keys": state.published }))
}

async fn token(
    request: HttpRequest,
    form: Form<HashMap<String, String>>,
    state: Data<Mutex<State>>,
) -> HttpResponse {
    let mut state = state.lock().expect("the state");
    state.redeemed += 1;
    let invalid = |error: &str| HttpResponse::BadRequest().json(json!({ "error": error }));
    let basic = request.headers().get("authorization");
    let basic = basic.map(|value| value.to_str().expect("text").to_owned());
    // RFC 6749 section 2.3.1: both parts are encoded as in forms first.
    let expected = format!("Basic {}", STANDARD.encode("us:s3cret%2F%2B%3A+%C3%BC"));
    let by_form = form.get("client_id").map(String::as_str) == Some("us")
        && form.get("client_secret").map(String::as_str) == Some(SECRET);
    if basic.as_deref() != Some(&expected) && !by_form {
        return invalid("invalid_client");
    }
    if state.mood == Mood::Down {
        return HttpResponse::InternalServerError().finish();
    }
    // A code is good for once.
    let Some(grant) = form.get("code").and_then(|code| state.grants.remove(code)) else {
        return invalid("invalid_grant");
    };
    let challenge = form
        .get("code_verifier")
        .map(|verifier| URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes())));
    if challenge.as_ref() != Some(&grant.challenge)
        || form.get("redirect_uri") != Some(&grant.redirect_uri)
        || form.get("grant_type").map(String::as_str) != Some("authorization_code")
    {
        return invalid("invalid_grant");
    }
    let content = grant.claims.to_string();
    let mut header = JwsHeader::new();
    header.set_key_id(state.key.key_id().expect("an id"));
    let sign = |key: &Jwk| {
        let signer = RS256.signer_from_jwk(key).expect("a signer");
        serialize_compact(content.as_bytes(), &header, &signer).expect("a token")
    };
    let id_token = match state.mood {
        Mood::Mac => {
            let public = state.published[0].to_string();
            let signer = HS256
                .signer_from_bytes(public.as_bytes())
                .expect("a signer");
            serialize_compact(content.as_bytes(), &header, &signer).expect("a token")
        }
        Mood::Unsigned => format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"k1"}"#),
            URL_SAFE_NO_PAD.encode(&content)
        ),
        Mood::ForeignKey => sign(&new_key("k1").0),
        Mood::Honest | Mood::Down => sign(&state.key),
    };
    HttpResponse::Ok().json(json!({
        "access_token": "a", "token_type": "Bearer", "id_token": id_token,
    }))
}

/// Goes to the provider; gives what it was asked.
async fn leave(
    browser: &mut Browser<'_>,
    provider: &Provider,
    more: &str,
) -> BTreeMap<String, String> {
    let issuer: String = url::form_urlencoded::byte_serialize(provider.issuer.as_bytes()).collect();
    let answer = browser.get(&format!("{START}&whr={issuer}{more}")).await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    assert!(
        answer
            .location
            .starts_with(&format!("{}/authorize?", provider.issuer))
    );
    let url = Url::parse(&answer.location).expect("an address");
    url.query_pairs().into_owned().collect()
}

async fn bring(browser: &mut Browser<'_>, code: &str, state: &str, issuer: &str) -> Answer {
    let fields = [("code", code), ("state", state), ("iss", issuer)];
    browser.post("/adfs/ls/oidc", &fields).await
}

#[actix_web::test]
async fn a_user_signs_in_by_openid_connect() {
    let provider = Provider::start();
    let service = provider.trusted("", "").await;
    let mut browser = service.browser();
    let asked = leave(
        &mut browser,
        &provider,
        "&username=ann%40fabrikam.test&domain_hint=x",
    )
    .await;
    for (name, value) in [
        ("client_id", "us"),
        ("response_type", "code"),
        ("response_mode", "form_post"),
        ("redirect_uri", HERE),
        ("scope", "openid profile email"),
        ("code_challenge_method", "S256"),
        ("login_hint", "ann@fabrikam.test"),
        ("domain_hint", "x"),
    ] {
        assert_eq!(asked.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!asked.contains_key("prompt") && !asked.contains_key("max_age"));
    let code = provider.grant(&asked, provider.claims(&asked));
    let answer = bring(&mut browser, &code, &asked["state"], &provider.issuer).await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    assert!(answer.location.starts_with(START), "{}", answer.location);
    let page = browser.get(&answer.location).await;
    assert!(page.body.contains("ann@fabrikam.test"), "{}", page.body);
}

#[actix_web::test]
async fn answers_in_the_address_and_secrets_in_the_form_serve_too() {
    let provider = Provider::start();
    let more = "response_mode = \"query\"\ntoken_endpoint_auth_method = \"client_secret_post\"\n\
                claim_types = { email = \"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn\", upn = \"\" }";
    let service = provider.trusted(more, "").await;
    for (verified, serves) in [
        (json!(true), true),
        (Value::Null, false),
        (json!(false), false),
    ] {
        let mut browser = service.browser();
        let asked = leave(&mut browser, &provider, "").await;
        assert_eq!(asked["response_mode"], "query");
        let mut claims = provider.claims(&asked);
        claims["email"] = json!("eve@fabrikam.test");
        claims["email_verified"] = verified;
        let code = provider.grant(&asked, claims);
        let issuer = url::form_urlencoded::byte_serialize(provider.issuer.as_bytes());
        let target = format!(
            "/adfs/ls/oidc?code={code}&state={}&iss={}",
            asked["state"],
            issuer.collect::<String>()
        );
        let answer = browser.get(&target).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        let page = browser.get(&answer.location).await;
        assert_eq!(page.body.contains("eve@fabrikam.test"), serves);
        assert!(
            !page.body.contains("ann@fabrikam.test"),
            "taken out of the mapping"
        );
    }
}

#[actix_web::test]
async fn tokens_that_do_not_fit_make_no_session() {
    let provider = Provider::start();
    let service = provider.trusted("", "").await;
    let now = NOW.unix_timestamp();
    for (member, value) in [
        ("nonce", json!("another")),
        ("nonce", Value::Null),
        ("iss", json!("https://localhost")),
        ("aud", json!("them")),
        ("aud", json!(["us", "them"])),
        ("azp", json!("them")),
        ("exp", json!(now - 61)),
        ("iat", json!(now + 61)),
        ("sub", Value::Null),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")),
    ] {
        let mut browser = service.browser();
        let asked = leave(&mut browser, &provider, "").await;
        let mut claims = provider.claims(&asked);
        claims[member] = value.clone();
        let code = provider.grant(&asked, claims);
        let answer = bring(&mut browser, &code, &asked["state"], &provider.issuer).await;
        assert!(
            answer.status >= 400 && !browser.has_session(),
            "{member} {value}"
        );
    }
    for mood in [Mood::Mac, Mood::Unsigned, Mood::ForeignKey, Mood::Down] {
        provider.state().mood = mood;
        let mut browser = service.browser();
        let asked = leave(&mut browser, &provider, "").await;
        let code = provider.grant(&asked, provider.claims(&asked));
        let answer = bring(&mut browser, &code, &asked["state"], &provider.issuer).await;
        assert!(answer.status >= 400 && !browser.has_session(), "{mood:?}");
    }
}

#[actix_web::test]
async fn answers_that_this_browser_did_not_ask_for_are_refused() {
    let provider = Provider::start();
    let service = provider.trusted("", "").await;
    let mut browser = service.browser();
    let asked = leave(&mut browser, &provider, "").await;
    let code = provider.grant(&asked, provider.claims(&asked));
    // Another browser, another state, none.
    let mut other = service.browser();
    let others = leave(&mut other, &provider, "").await;
    for (who, state) in [
        (&mut other, asked["state"].as_str()),
        (&mut browser, others["state"].as_str()),
    ] {
        let answer = bring(who, &code, state, &provider.issuer).await;
        assert!(answer.status >= 400 && !who.has_session());
    }
    for state in ["", "x", "00000000-0000-4000-8000-000000000000"] {
        let answer = bring(&mut browser, &code, state, &provider.issuer).await;
        assert!(answer.status >= 400 && !browser.has_session(), "{state}");
    }
    // A mix-up: another provider's name, or none though this one always says its own.
    let answer = bring(&mut browser, &code, &asked["state"], "https://other.test").await;
    assert!(answer.status >= 400 && !browser.has_session());
    let unnamed = [("code", code.as_str()), ("state", asked["state"].as_str())];
    let answer = browser.post("/adfs/ls/oidc", &unnamed).await;
    assert!(answer.status >= 400 && !browser.has_session());
    assert_eq!(provider.state().redeemed, 0, "no code went out");
    // Another browser's code in this browser's own question: the challenge is not of this verifier.
    let injected = bring(&mut other, &code, &others["state"], &provider.issuer).await;
    assert!(injected.status >= 400 && !other.has_session());
    assert_eq!(provider.state().redeemed, 1);
}

#[actix_web::test]
async fn an_answer_counts_once() {
    let provider = Provider::start();
    let service = provider.trusted("", "").await;
    let mut browser = service.browser();
    let asked = leave(&mut browser, &provider, "").await;
    let code = provider.grant(&asked, provider.claims(&asked));
    let cookies = browser.cookies.clone();
    let answer = bring(&mut browser, &code, &asked["state"], &provider.issuer).await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    let mut again = service.browser();
    again.cookies = cookies;
    let second = provider.grant(&asked, provider.claims(&asked));
    for code in [&code, &second] {
        let answer = bring(&mut again, code, &asked["state"], &provider.issuer).await;
        assert!(answer.status >= 400 && !again.has_session());
    }
    assert_eq!(provider.state().redeemed, 1);
    let mut late = service.browser();
    let asked = leave(&mut late, &provider, "").await;
    service.clock.advance(Duration::minutes(11));
    let code = provider.grant(&asked, provider.claims(&asked));
    let answer = bring(&mut late, &code, &asked["state"], &provider.issuer).await;
    assert!(answer.status >= 400 && !late.has_session());
}

#[actix_web::test]
async fn the_providers_refusal_is_a_page_that_repeats_nothing() {
    let provider = Provider::start();
    let service = provider.trusted("", "").await;
    for error in ["access_denied", "<script>alert(1)</script>"] {
        let mut browser = service.browser();
        let asked = leave(&mut browser, &provider, "").await;
        let fields = [
            ("error", error),
            ("error_description", "<b>call 555-1234</b>"),
            ("state", asked["state"].as_str()),
            ("iss", provider.issuer.as_str()),
        ];
        let answer = browser.post("/adfs/ls/oidc", &fields).await;
        assert!(answer.status >= 400 && answer.body.contains("errorArea"));
        assert!(!answer.body.contains("555") && !answer.body.contains("alert(1)"));
    }
    assert_eq!(provider.state().redeemed, 0);
}

#[actix_web::test]
async fn a_new_key_of_the_provider_is_fetched_once_a_minute() {
    let provider = Provider::start();
    let service = provider.trusted("", "").await;
    let sign_in = async || {
        let mut browser = service.browser();
        let asked = leave(&mut browser, &provider, "").await;
        let code = provider.grant(&asked, provider.claims(&asked));
        bring(&mut browser, &code, &asked["state"], &provider.issuer).await;
        (browser.has_session(), provider.state().keys_fetched)
    };
    assert_eq!(sign_in().await, (true, 1));
    assert_eq!(sign_in().await, (true, 1));
    let (key, public) = new_key("k2");
    {
        let mut state = provider.state();
        state.key = key;
        state.published.push(public);
    }
    assert_eq!(sign_in().await, (false, 1), "too soon");
    service.clock.advance(Duration::seconds(60));
    assert_eq!(sign_in().await, (true, 2));
    provider.state().key = new_key("unknown").0;
    assert_eq!(sign_in().await, (false, 2));
}

#[actix_web::test]
async fn fresh_sign_in_is_demanded_and_checked() {
    let provider = Provider::start();
    let service = provider.trusted("", "").await;
    let now = NOW.unix_timestamp();
    for (auth_time, serves) in [
        (json!(now), true),
        (json!(now - 61), false),
        (Value::Null, false),
    ] {
        let mut browser = service.browser();
        let asked = leave(&mut browser, &provider, "&wfresh=0").await;
        assert_eq!(
            (asked["prompt"].as_str(), asked["max_age"].as_str()),
            ("login", "0")
        );
        let mut claims = provider.claims(&asked);
        claims["auth_time"] = auth_time.clone();
        let code = provider.grant(&asked, claims);
        bring(&mut browser, &code, &asked["state"], &provider.issuer).await;
        assert_eq!(browser.has_session(), serves, "{auth_time}");
    }
    let mut browser = service.browser();
    let asked = leave(&mut browser, &provider, "&wfresh=5").await;
    assert_eq!(asked["max_age"], "300");
}

#[actix_web::test]
async fn a_provider_that_is_away_or_somebody_else_is_told_as_such() {
    let provider = Provider::start();
    provider.state().discovery["issuer"] = json!("https://other.test");
    let service = provider.trusted("", "").await;
    let issuer: String = url::form_urlencoded::byte_serialize(provider.issuer.as_bytes()).collect();
    let target = format!("{START}&whr={issuer}");
    let answer = service.browser().get(&target).await;
    assert_eq!(answer.status, 503, "{}", answer.location);
    provider.state().discovery["issuer"] = json!(provider.issuer);
    assert_eq!(service.browser().get(&target).await.status, 503, "too soon");
    service.clock.advance(Duration::seconds(5));
    assert_eq!(service.browser().get(&target).await.status, 302);
}

#[actix_web::test]
async fn sign_out_goes_by_the_provider_and_back_to_the_application() {
    let provider = Provider::start();
    provider.state().discovery["end_session_endpoint"] =
        json!(format!("{}/logout?a=b", provider.issuer));
    let service = provider.trusted("", "").await;
    let mut browser = service.browser();
    let asked = leave(&mut browser, &provider, "").await;
    let code = provider.grant(&asked, provider.claims(&asked));
    bring(&mut browser, &code, &asked["state"], &provider.issuer).await;
    assert!(browser.has_session());
    let out = "/adfs/ls/?wa=wsignout1.0&wreply=https%3A%2F%2Fapp.corp.test%2Fbye";
    let answer = browser.get(out).await;
    assert!(!browser.has_session());
    let logout = format!("{}/logout?a=b&", provider.issuer);
    let address = answer.location;
    let url = Url::parse(&address).expect("an address");
    let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert!(address.starts_with(&logout), "{address}");
    assert_eq!(asked["client_id"], "us");
    assert_eq!(asked["post_logout_redirect_uri"], HERE);
    // Somebody else's return leads nowhere.
    let back = format!("/adfs/ls/oidc?state={}", asked["state"]);
    assert!(service.browser().get(&back).await.status >= 400);
    let answer = browser.get(&back).await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    assert_eq!(answer.location, "https://app.corp.test/bye");
    assert!(browser.get(&back).await.status >= 400, "once");
}
