//! The comparable form of directory strings.

use unicode_normalization::UnicodeNormalization as _;

/// Folds a string for caseIgnoreMatch: Unicode compatibility form (RFC 4518 2.3), then lower case. `ZOË` in any
/// composition equals `zoë`. Accents count: Active Directory's language-dependent collation is not imitated.
pub(super) fn fold(value: &str) -> String {
    if value.is_ascii() {
        return value.to_ascii_lowercase();
    }
    value.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn folds_case_and_composition_but_not_accents() {
        assert_eq!(fold("Alice"), "alice");
        assert_eq!(fold("ZOË MÜLLER"), fold("zoe\u{308} mu\u{308}ller"));
        assert_ne!(fold("Zoë"), fold("Zoe"));
        assert_eq!(fold("Ａlice"), "alice");
    }
}
