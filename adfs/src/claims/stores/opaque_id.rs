//! `_OpaqueIdStore`: names for users that no two relying parties can compare (spec claim-rules 4.5).
//!
//! AD FS does not document how it makes them, so its values cannot be carried over.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use claim_rules::{Rows, StoreError, StoreQuery};
use uuid::Uuid;

use crate::keys::Keys;

const PURPOSE: &str = "claims _OpaqueIdStore";

/// Answers with one value: stable for `ppid`, other in every session for `useEntropy`.
pub(super) fn query(
    keys: &Keys,
    relying_party: Uuid,
    query: &StoreQuery,
) -> Result<Rows, StoreError> {
    let data = subject(relying_party, query)?;
    let id = keys
        .pseudonym(PURPOSE, &data)
        .map_err(|error| StoreError::new(format!("the pseudonym cannot be computed: {error}")))?;
    Ok(vec![vec![Some(BASE64_STANDARD.encode(id))]])
}

/// What the name depends on.
fn subject(relying_party: Uuid, query: &StoreQuery) -> Result<Vec<u8>, StoreError> {
    let blank_free: String = query.query.split_whitespace().collect();
    let mode = query.params.first().map(String::as_str);
    let fits = match (mode, query.params.len()) {
        (Some("ppid"), 3) => blank_free == "{0};{1};{2}",
        (Some("useEntropy"), 5) => blank_free == "{0};{1};{2};{3};{4}",
        _ => false,
    };
    if !fits || query.columns != 1 {
        let message = "write query = \"{0};{1};{2}\" with the params \"ppid\", user and original issuer, or query = \"{0};{1};{2};{3};{4}\" \
                       with \"useEntropy\", user, original issuer, \"\" and authentication instant, and one type";
        return Err(StoreError::new(message));
    }
    if query.params.get(1).is_none_or(String::is_empty) {
        return Err(StoreError::new(
            "the param that names the user is empty, so that all users would get one name",
        ));
    }
    let mut data = relying_party.as_bytes().to_vec();
    for param in &query.params {
        // Lengths keep the borders between params apart.
        data.extend((param.len() as u64).to_be_bytes());
        data.extend(param.as_bytes());
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn ask(text: &str, params: &[&str], columns: usize) -> StoreQuery {
        StoreQuery {
            store: "_OpaqueIdStore".to_owned(),
            query: text.to_owned(),
            params: params.iter().map(|param| (*param).to_owned()).collect(),
            columns,
        }
    }

    #[test]
    fn names_are_stable_and_differ_by_user_and_relying_party() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = Keys::in_folder(folder.path(), datetime!(2026-11-25 12:00 UTC));
        let name = |relying_party, params: &[&str]| {
            query(&keys, relying_party, &ask("{0};{1};{2}", params, 1)).expect("a name")
        };
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = name(one, &["ppid", "C\\ann", "AD AUTHORITY"]);
        assert_eq!(first, name(one, &["ppid", "C\\ann", "AD AUTHORITY"]));
        assert_ne!(first, name(other, &["ppid", "C\\ann", "AD AUTHORITY"]));
        assert_ne!(first, name(one, &["ppid", "C\\bob", "AD AUTHORITY"]));
        assert_ne!(
            name(one, &["ppid", "ab", "c"]),
            name(one, &["ppid", "a", "bc"])
        );
    }

    #[test]
    fn other_queries_are_refused() {
        for wrong in [
            ask("{0};{1}", &["ppid", "u"], 1),
            ask("{0};{1};{2}", &["other", "u", "i"], 1),
            ask("{0};{1};{2}", &["ppid", "u", "i"], 2),
            ask("{0};{1};{2}", &["ppid", "", "i"], 1),
            ask("{1};{0};{2}", &["ppid", "u", "i"], 1),
            ask("{0};{1};{2}", &["useEntropy", "u", "i"], 1),
        ] {
            assert!(subject(Uuid::nil(), &wrong).is_err(), "{wrong:?}");
        }
        assert!(
            subject(
                Uuid::nil(),
                &ask("{0};{1};{2};{3};{4}", &["useEntropy", "u", "i", "", "t"], 1)
            )
            .is_ok()
        );
    }
}
