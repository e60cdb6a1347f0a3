//! Lab keys are public by intent, so they may only speak for names that mean nothing outside a lab.

use super::KeyError;

/// Names that never belong to anybody (RFC 2606 and RFC 6761).
const RESERVED: [&str; 4] = ["localhost", "test", "example", "invalid"];

/// Refuses lab keys for every name that somebody could own.
///
/// # Errors
/// [`KeyError::LabKeys`].
pub(super) fn check(host_name: &str, lab: bool) -> Result<(), KeyError> {
    let name = host_name
        .strip_suffix('.')
        .unwrap_or(host_name)
        .to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    if !lab || RESERVED.contains(&last) {
        return Ok(());
    }
    Err(KeyError::LabKeys {
        host_name: host_name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lab_keys_serve_reserved_names_only() {
        for name in [
            "sts.contoso.localhost",
            "localhost",
            "STS.Contoso.TEST",
            "a.example.",
            "a.invalid",
        ] {
            assert!(check(name, true).is_ok(), "{name}");
        }
        for name in [
            "sts.contoso.com",
            "test.contoso.com",
            "latest",
            "atest",
            "",
            ".",
            "sts.contoso.testing",
        ] {
            assert!(
                matches!(check(name, true), Err(KeyError::LabKeys { .. })),
                "{name}"
            );
            assert!(check(name, false).is_ok(), "{name}");
        }
    }
}
