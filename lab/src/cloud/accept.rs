//! Whether a sign-in response is believed: the checks of spec cloud-scenario 2.5 in their order.

use std::sync::Arc;

use openssl::memcmp;
use uuid::Uuid;

use super::parameters::Parameters;
use super::refusal::Refusal;
use super::sessions::SignedIn;
use super::sign_in_request::SignInRequest;
use super::tenant::{TENANT_ID, User};
use super::token::{Assertion, Authentic, Response, SKEW, check_conditions};
use super::trace::Mark;
use super::{Cloud, ENTRA_IDENTIFIER};
use crate::random;

const IMMUTABLE_ID: &str = "http://schemas.microsoft.com/LiveID/Federation/2008/05/ImmutableID";
const UPN: &str = "http://schemas.xmlsoap.org/claims/UPN";

/// A response that passed every check.
#[derive(Debug)]
pub(super) struct Accepted {
    /// Who signed in, and by what.
    pub(super) signed_in: SignedIn,
    /// What the sign-in was for; absent when the federation service began it.
    pub(super) request: Option<SignInRequest>,
}

/// A response that failed one.
#[derive(Debug)]
pub(super) struct Refused {
    /// For the error page's correlation id.
    pub(super) run: Uuid,
    /// The failed check.
    pub(super) refusal: Refusal,
}

/// Checks a posted form. `browser` is the value of the cookie that ties an answer to the browser that asked.
pub(super) fn accept(
    cloud: &Cloud,
    form: &Parameters,
    browser: Option<&str>,
) -> Result<Accepted, Refused> {
    let now = cloud.clock.now();
    let request = form.get("wctx").map(|wctx| cloud.seal.open(wctx, now));
    let run = match &request {
        Some(Ok(request)) => request.id,
        _ => random::guid(),
    };
    checked(cloud, form, browser, request, run).map_err(|refusal| {
        cloud
            .trace
            .add(run, now, Mark::Refused, "entra", refusal.message());
        Refused { run, refusal }
    })
}

fn checked(
    cloud: &Cloud,
    form: &Parameters,
    browser: Option<&str>,
    request: Option<Result<SignInRequest, Refusal>>,
    run: Uuid,
) -> Result<Accepted, Refusal> {
    let now = cloud.clock.now();
    let passed = |text: String| cloud.trace.add(run, now, Mark::Passed, "entra", text);

    if form.get("wa") != Some("wsignin1.0") {
        return Err(Refusal::no_response(
            "The request is not a WS-Federation sign-in response: wa must be wsignin1.0.",
        ));
    }
    let text = form
        .get("wresult")
        .ok_or_else(|| Refusal::invalid_input("The request has no wresult."))?;
    let response = Response::parse(text)?;
    passed(format!(
        "login.srf received one SAML 1.1 assertion ({} bytes)",
        text.len()
    ));

    let (domain, settings) = cloud
        .realms
        .of_issuer(&response.issuer)
        .ok_or_else(|| Refusal::unknown_realm(&response.issuer))?;
    passed(format!(
        "issuer {} is the domain {}",
        response.issuer, domain.name
    ));

    let token = Authentic::verify(&response, &settings.signing_certificates)?;
    passed("signature holds with the domain's signing certificate".to_owned());

    check_conditions(&token, ENTRA_IDENTIFIER, now)?;
    let assertion = token.assertion();
    passed(format!(
        "audience is {ENTRA_IDENTIFIER}, valid until {}",
        assertion.not_on_or_after
    ));

    cloud.replays.take(
        &assertion.issuer,
        &assertion.id,
        assertion.not_on_or_after.saturating_add(SKEW),
        now,
    )?;
    passed(format!("assertion {} was not used before", assertion.id));

    let user = named_user(cloud, assertion)?;
    passed(format!("ImmutableID belongs to {}", user.upn));
    cloud.trace.name(run, &user.upn);
    if !user.enabled {
        return Err(Refusal::account_disabled());
    }

    let request = request.transpose()?;
    match &request {
        Some(request) => {
            from_the_same_browser(request, browser)?;
            passed("wctx holds the request that this browser began".to_owned());
        }
        None => cloud.trace.add(
            run,
            now,
            Mark::Noted,
            "entra",
            "no wctx: the federation service began this sign-in",
        ),
    }
    if let Some(text) = surprise(&user, assertion, request.as_ref()) {
        cloud.trace.add(run, now, Mark::Noted, "entra", text);
    }
    let signed_in = SignedIn {
        run,
        user,
        assertion: assertion.clone(),
        at: now,
    };
    Ok(Accepted { signed_in, request })
}

/// The ImmutableID alone decides who it is; the UPN in the token does not.
fn named_user(cloud: &Cloud, assertion: &Assertion) -> Result<Arc<User>, Refusal> {
    let missing = |text: &str| Refusal::invalid_token("missing_immutableid", text);
    let mut values = assertion.values(IMMUTABLE_ID);
    let (Some(immutable_id), None) = (values.next(), values.next()) else {
        return Err(missing("it must carry exactly one ImmutableID"));
    };
    if assertion.name_identifier.as_deref() != Some(immutable_id) {
        return Err(missing(
            "its NameIdentifier and its ImmutableID are not the same",
        ));
    }
    cloud
        .tenant
        .by_immutable_id(immutable_id)
        .ok_or_else(|| Refusal::unknown_user(immutable_id, TENANT_ID))
}

/// Without this, an attacker could finish a sign-in of their own in somebody else's browser.
fn from_the_same_browser(request: &SignInRequest, browser: Option<&str>) -> Result<(), Refusal> {
    let same = browser.is_some_and(|value| {
        value.len() == request.browser.len()
            && memcmp::eq(value.as_bytes(), request.browser.as_bytes())
    });
    if same {
        return Ok(());
    }
    Err(Refusal::stale_request(
        "other_browser",
        "The sign-in was begun in another browser, or cookies are blocked.",
    ))
}

/// What is allowed but worth a look on the dashboard.
fn surprise(user: &User, assertion: &Assertion, request: Option<&SignInRequest>) -> Option<String> {
    let hint = request.and_then(|request| request.login_hint.as_deref());
    if let Some(hint) = hint.filter(|hint| !hint.eq_ignore_ascii_case(&user.upn)) {
        return Some(format!(
            "the request named {hint}, the token is about {}",
            user.upn
        ));
    }
    let upn = assertion.values(UPN).next()?;
    (!upn.eq_ignore_ascii_case(&user.upn)).then(|| {
        format!(
            "the token's UPN {upn} is not {}; ImmutableID decides",
            user.upn
        )
    })
}
