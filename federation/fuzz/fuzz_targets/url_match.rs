//! An address below a registered one has its scheme, host and port by the judgement of the URL parser that browsers'
//! standard describes.
#![no_main]

use federation::endpoints::ReplyUrl;
use libfuzzer_sys::fuzz_target;
use url::Url;

const REGISTERED: [&str; 3] = [
    "https://rp.example/app",
    "https://rp.example:8443/",
    "https://xn--mller-kva.example/login.srf?a=b",
];

fuzz_target!(|text: &str| {
    let Ok(address) = ReplyUrl::parse(text) else {
        return;
    };
    let browser = Url::parse(text).expect("what is taken is a URL");
    assert_eq!(browser.as_str(), address.as_str());
    for registered in REGISTERED {
        let base = ReplyUrl::parse(registered).expect("registered");
        if address.is_at_or_below(&base) {
            let registered = Url::parse(registered).expect("registered");
            assert_eq!(browser.origin(), registered.origin());
            assert!(browser.path().starts_with(registered.path()));
            assert!(
                browser.username().is_empty()
                    && browser.password().is_none()
                    && browser.fragment().is_none()
            );
        }
    }
});
