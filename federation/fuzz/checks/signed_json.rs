//! Signed JSON of anybody: nothing verifies with keys that did not sign it.

use std::sync::LazyLock;

use federation::jose::{Algorithm, JwkSet, verify};

const ACCEPTED: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256];

/// The key of RFC 7515 appendix A.3.
static KEYS: LazyLock<JwkSet> = LazyLock::new(|| {
    JwkSet::parse(
        br#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#,
    )
    .expect("keys")
});

/// The token of RFC 7515 appendix A.3, which that key signed.
const GENUINE: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

pub(crate) fn check(text: &str) {
    let _ = JwkSet::parse(text.as_bytes()).map(|keys| keys.iter().count());
    let parts = |token: &str| {
        let mut parts = token.split('.').map(str::to_owned);
        (parts.next(), parts.next())
    };
    if let Ok(verified) = verify(text, &KEYS, &ACCEPTED) {
        // What was signed is what is read: only the signature itself can be another one.
        assert_eq!(parts(text), parts(GENUINE));
        assert_eq!(verified.algorithm(), Algorithm::Es256);
    }
}
