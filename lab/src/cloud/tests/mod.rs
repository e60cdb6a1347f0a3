//! The whole pipeline of `login.srf`, without a socket.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::Duration;
use time::macros::datetime;
use uuid::Uuid;

use super::accept::{Accepted, accept};
use super::parameters::Parameters;
use super::sign_in_request::SignInRequest;
use super::token::signer::{Draft, Signer};
use super::*;
use crate::addresses::{Ports, Suffix};

mod pages;

struct World {
    cloud: Cloud,
    signer: Signer,
    immutable_id: String,
}

fn world() -> World {
    let signer = Signer::new();
    let addresses = Addresses {
        ports: Ports::from_base(8443).unwrap(),
        suffix: Suffix::default(),
    };
    let realms = Realms::fixtures(
        &addresses.adfs_url(),
        std::slice::from_ref(&signer.certificate),
    );
    let user = |name: &str, guid: u128, enabled| User {
        id: Uuid::from_u128(guid),
        upn: format!("{name}@contoso.test"),
        display_name: name.to_owned(),
        immutable_id: Some(STANDARD.encode(Uuid::from_u128(guid).as_bytes())),
        enabled,
    };
    let tenant = Tenant::of([
        user("alice", 1, true),
        user("bob", 2, true),
        user("gone", 3, false),
    ]);
    let clock = Clock::fixed(datetime!(2026-06-01 12:00 UTC));
    let cloud = Cloud::new(addresses, realms, tenant, clock).unwrap();
    World {
        cloud,
        signer,
        immutable_id: STANDARD.encode(Uuid::from_u128(1).as_bytes()),
    }
}

impl World {
    fn draft(&self) -> Draft {
        Draft::about(
            &self.immutable_id,
            "alice@contoso.test",
            self.cloud.clock.now(),
        )
    }

    fn request(&self) -> SignInRequest {
        SignInRequest {
            id: Uuid::from_u128(77),
            login_hint: Some("alice@contoso.test".to_owned()),
            application: None,
            browser: "b".repeat(43),
            began: self.cloud.clock.now(),
        }
    }

    fn form(&self, wresult: &str, wctx: Option<&str>) -> Parameters {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("wa", "wsignin1.0")
            .append_pair("wresult", wresult);
        if let Some(wctx) = wctx {
            form.append_pair("wctx", wctx);
        }
        Parameters::parse(&form.finish()).unwrap()
    }

    fn post(&self, draft: &Draft) -> Result<Accepted, (u32, Option<&'static str>)> {
        let wctx = self.cloud.seal.wctx(&self.request()).unwrap();
        self.post_form(&self.form(&draft.signed_by(&self.signer), Some(&wctx)))
    }

    fn post_form(&self, form: &Parameters) -> Result<Accepted, (u32, Option<&'static str>)> {
        accept(&self.cloud, form, Some(&self.request().browser))
            .map_err(|refused| (refused.refusal.number, refused.refusal.sub))
    }
}

#[test]
fn a_good_answer_signs_in_the_user_of_its_immutable_id() {
    let world = world();
    let accepted = world.post(&world.draft()).unwrap();
    assert_eq!(accepted.signed_in.user.upn, "alice@contoso.test");
    assert_eq!(accepted.request, Some(world.request()));
    let steps = &world.cloud.trace.runs()[0].steps;
    assert!(
        steps.iter().all(|step| step.mark == trace::Mark::Passed),
        "{steps:?}"
    );
}

#[test]
fn the_upn_does_not_decide() {
    let world = world();
    let mut draft = world.draft();
    draft.upn = "bob@contoso.test".to_owned();
    assert_eq!(
        world.post(&draft).unwrap().signed_in.user.upn,
        "alice@contoso.test"
    );
    assert!(
        world.cloud.trace.runs()[0]
            .steps
            .iter()
            .any(|step| step.mark == trace::Mark::Noted)
    );
}

#[test]
fn each_fault_has_its_number() {
    type Bend = fn(&mut Draft, &World);
    let cases: [(&str, Bend, u32, Option<&str>); 9] = [
        (
            "issuer without its slash",
            |draft, _| draft.issuer = "http://contoso.test/adfs/services/trust".to_owned(),
            50107,
            None,
        ),
        (
            "issuer of a sub-domain",
            |draft, _| draft.issuer = "http://sub.contoso.test/adfs/services/trust/".to_owned(),
            50107,
            None,
        ),
        (
            "another audience",
            |draft, _| draft.audience = "urn:federation:Other".to_owned(),
            50008,
            Some("audience"),
        ),
        (
            "of the future",
            |draft, world| draft.not_before = world.cloud.clock.now() + Duration::minutes(6),
            50008,
            Some("not_yet_valid"),
        ),
        (
            "expired",
            |draft, world| {
                draft.not_before = world.cloud.clock.now() - Duration::hours(2);
                draft.not_on_or_after = draft.not_before + Duration::hours(1);
            },
            50008,
            Some("expired"),
        ),
        (
            "no ImmutableID",
            |draft, _| draft.immutable_id = String::new(),
            50008,
            Some("missing_immutableid"),
        ),
        (
            "NameIdentifier of another",
            |draft, _| draft.name_identifier = "other".to_owned(),
            50008,
            Some("missing_immutableid"),
        ),
        (
            "unknown ImmutableID",
            |draft, _| {
                draft.immutable_id = "AAAA".to_owned();
                draft.name_identifier = "AAAA".to_owned();
            },
            51004,
            None,
        ),
        (
            "disabled user",
            |draft, _| {
                draft.immutable_id = STANDARD.encode(Uuid::from_u128(3).as_bytes());
                draft.name_identifier = draft.immutable_id.clone();
            },
            50057,
            None,
        ),
    ];
    let world = world();
    for (name, bend, number, sub) in cases {
        let mut draft = world.draft();
        bend(&mut draft, &world);
        assert_eq!(world.post(&draft).map(|_| ()), Err((number, sub)), "{name}");
    }
}

#[test]
fn of_two_faults_the_earlier_is_reported() {
    let world = world();
    let mut draft = world.draft();
    draft.audience = "urn:federation:Other".to_owned();
    draft.issuer = "http://nobody.test/".to_owned();
    assert_eq!(world.post(&draft).map(|_| ()), Err((50107, None)));
    let expired_and_unknown_key = Draft {
        not_on_or_after: draft.not_before,
        ..world.draft()
    }
    .signed_by(&Signer::new());
    assert_eq!(
        world
            .post_form(&world.form(&expired_and_unknown_key, None))
            .map(|_| ()),
        Err((5_000_811, None))
    );
}

#[test]
fn the_same_answer_is_taken_once() {
    let world = world();
    let draft = world.draft();
    world.post(&draft).unwrap();
    assert_eq!(
        world.post(&draft).map(|_| ()),
        Err((50008, Some("replayed")))
    );
    world.cloud.clock.advance(Duration::minutes(64));
    assert_eq!(
        world.post(&draft).map(|_| ()),
        Err((50008, Some("replayed"))),
        "still within the skew"
    );
    world.cloud.clock.advance(Duration::minutes(1));
    assert_eq!(
        world.post(&draft).map(|_| ()),
        Err((50008, Some("expired")))
    );
}

#[test]
fn the_state_must_be_ours_fresh_and_of_this_browser() {
    let world = world();
    let foreign = sign_in_request::Seal::new()
        .unwrap()
        .wctx(&world.request())
        .unwrap();
    let form = |wctx: &str| world.form(&world.draft().signed_by(&world.signer), Some(wctx));
    assert_eq!(
        world.post_form(&form(&foreign)).map(|_| ()),
        Err((50089, Some("estsrequest_altered")))
    );

    let ours = world.cloud.seal.wctx(&world.request()).unwrap();
    for browser in [None, Some("c".repeat(43))] {
        let refused = accept(&world.cloud, &form(&ours), browser.as_deref()).unwrap_err();
        assert_eq!(
            (refused.refusal.number, refused.refusal.sub),
            (50089, Some("other_browser"))
        );
    }
    world.cloud.clock.advance(Duration::minutes(15));
    assert_eq!(
        world.post_form(&form(&ours)).map(|_| ()),
        Err((50089, Some("estsrequest_expired")))
    );
}

#[test]
fn without_state_only_a_session_is_made() {
    let world = world();
    let accepted = world
        .post_form(&world.form(&world.draft().signed_by(&world.signer), None))
        .unwrap();
    assert_eq!(accepted.request, None);
}

#[test]
fn forms_that_are_no_answer() {
    let world = world();
    for (text, number) in [
        ("", 90081),
        ("wa=wsignout1.0&wresult=x", 90081),
        ("wa=wsignin1.0", 90013),
        ("wa=wsignin1.0&wresult=", 90013),
        ("wa=wsignin1.0&wresult=x", 20012),
    ] {
        assert_eq!(
            world
                .post_form(&Parameters::parse(text).unwrap())
                .map(|_| ())
                .unwrap_err()
                .0,
            number,
            "{text}"
        );
    }
}

#[test]
fn the_request_to_the_federation_service_has_the_seen_form() {
    let world = world();
    let (_, settings) = world.cloud.realms.federated().next().unwrap();
    let url = passive_request::passive_request(
        settings,
        &world.request(),
        "estsredirect=2&estsrequest=abc",
        true,
    );
    assert_eq!(
        url,
        "https://sts.contoso.localhost:8443/adfs/ls/?client-request-id=00000000-0000-0000-0000-00000000004d\
         &username=alice%40contoso.test&wa=wsignin1.0&wtrealm=urn%3afederation%3aMicrosoftOnline\
         &wctx=estsredirect%3d2%26estsrequest%3dabc&wfresh=0\
         &wauth=http%3a%2f%2fschemas.microsoft.com%2fws%2f2008%2f06%2fidentity%2fauthenticationmethod%2fpassword"
    );
}
