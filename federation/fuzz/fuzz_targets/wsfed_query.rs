//! A sign-in request that is taken says what the query says, once.
#![no_main]

use federation::wsfed::PassiveRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let parameters: Vec<(String, String)> =
        url::form_urlencoded::parse(bytes).into_owned().collect();
    let values = |name: &str| -> Vec<&String> {
        parameters
            .iter()
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value)
            .collect()
    };
    match PassiveRequest::parse(&parameters) {
        Ok(PassiveRequest::SignIn(request)) => {
            assert_eq!(values("wa"), ["wsignin1.0"]);
            assert_eq!(
                values("wtrealm"),
                request.wtrealm.iter().collect::<Vec<_>>()
            );
            assert_eq!(values("wreply"), request.wreply.iter().collect::<Vec<_>>());
            assert_eq!(values("wctx"), request.wctx.iter().collect::<Vec<_>>());
            assert!(values("wresult").is_empty());
        }
        Ok(PassiveRequest::SignOut(request) | PassiveRequest::SignOutCleanup(request)) => {
            assert_eq!(values("wa").len(), 1);
            assert_eq!(values("wreply"), request.wreply.iter().collect::<Vec<_>>());
        }
        Err(_) => {}
    }
});
