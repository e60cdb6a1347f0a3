//! What `RequestedAuthnContext` demands (spec passive-sign-in 3.4).

use federation::saml2::{Comparison, RequestedAuthnContext};

use crate::sign_in::{DemandedMethod, Refusal};

const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified";
/// Classes that a password over TLS truly is, whatever their order.
const PASSWORD: [&str; 2] = [
    "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
];
const SECOND_FACTOR: [&str; 2] = [
    "http://schemas.microsoft.com/claims/multipleauthn",
    "http://schemas.microsoft.com/claims/wiaormultiauthn",
];

/// The method that meets the demand. `order` is AuthenticationContextOrder, weakest first; `allowed` are the trust's
/// AllowedAuthenticationClassReferences, which stand for a second factor.
///
/// # Errors
/// [`Refusal::MethodNotSupported`] when none does.
pub(super) fn method(
    requested: Option<&RequestedAuthnContext>,
    order: &[String],
    allowed: &[String],
) -> Result<DemandedMethod, Refusal> {
    let Some(requested) = requested else {
        return Ok(DemandedMethod::Any);
    };
    let found = match requested.comparison {
        Comparison::Exact => requested
            .classes
            .iter()
            .find_map(|class| exactly(class, allowed)),
        comparison => compared(comparison, &requested.classes, order),
    };
    found.ok_or(Refusal::MethodNotSupported)
}

fn exactly(class: &str, allowed: &[String]) -> Option<DemandedMethod> {
    if class == UNSPECIFIED {
        Some(DemandedMethod::Any)
    } else if PASSWORD.contains(&class) {
        Some(DemandedMethod::Password)
    } else if SECOND_FACTOR.contains(&class) || allowed.iter().any(|known| known == class) {
        Some(DemandedMethod::SecondFactor)
    } else {
        None
    }
}

/// Judges by position. Classes that have none can be compared with nothing.
fn compared(
    comparison: Comparison,
    classes: &[String],
    order: &[String],
) -> Option<DemandedMethod> {
    let position = |class: &str| order.iter().position(|known| known == class);
    let demanded: Vec<usize> = classes.iter().filter_map(|class| position(class)).collect();
    // An unknown class could be stronger than all that are known.
    if demanded.is_empty() || (comparison == Comparison::Better && demanded.len() < classes.len()) {
        return None;
    }
    let fits = |offered: usize| match comparison {
        Comparison::Exact => demanded.contains(&offered),
        Comparison::Minimum => demanded.iter().any(|wanted| offered >= *wanted),
        Comparison::Maximum => demanded.iter().any(|wanted| offered <= *wanted),
        Comparison::Better => demanded.iter().all(|wanted| offered > *wanted),
    };
    PASSWORD
        .into_iter()
        .filter_map(position)
        .any(fits)
        .then_some(DemandedMethod::Password)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: [&str; 6] = [
        PASSWORD[0],
        PASSWORD[1],
        "urn:oasis:names:tc:SAML:2.0:ac:classes:TLSClient",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:X509",
        "urn:federation:authentication:windows",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos",
    ];

    #[test]
    fn demands_are_met_truthfully_or_not_at_all() {
        use Comparison::{Better, Exact, Maximum, Minimum};
        use DemandedMethod::{Any, Password, SecondFactor};
        let order = ORDER.map(str::to_owned);
        let allowed = ["https://refeds.org/profile/mfa".to_owned()];
        let cases: [(Comparison, &[&str], Option<DemandedMethod>); 17] = [
            (Exact, &[ORDER[0]], Some(Password)),
            (Exact, &[ORDER[1]], Some(Password)),
            (Exact, &[ORDER[4]], None),
            (Exact, &[ORDER[2]], None),
            (Exact, &[ORDER[4], ORDER[1]], Some(Password)),
            (Exact, &[UNSPECIFIED], Some(Any)),
            (Exact, &[SECOND_FACTOR[0]], Some(SecondFactor)),
            (
                Exact,
                &["https://refeds.org/profile/mfa"],
                Some(SecondFactor),
            ),
            (Exact, &["https://refeds.org/profile/sfa"], None),
            (Minimum, &[ORDER[0]], Some(Password)),
            (Minimum, &[ORDER[2]], None),
            (Maximum, &[ORDER[5]], Some(Password)),
            (Maximum, &["urn:x"], None),
            (Better, &[ORDER[0]], Some(Password)),
            (Better, &[ORDER[1]], None),
            (Better, &[ORDER[0], ORDER[1]], None),
            (Better, &[ORDER[0], "urn:x"], None),
        ];
        for (comparison, classes, expected) in cases {
            let requested = RequestedAuthnContext {
                comparison,
                classes: classes.iter().map(|class| (*class).to_owned()).collect(),
            };
            assert_eq!(
                method(Some(&requested), &order, &allowed).ok(),
                expected,
                "{requested:?}"
            );
        }
        assert_eq!(method(None, &order, &[]), Ok(Any));
    }
}
