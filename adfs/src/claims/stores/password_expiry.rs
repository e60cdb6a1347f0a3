//! `_PasswordExpiryStore`: how long a password still lasts (spec claim-rules 4.5).

use claim_rules::{Rows, StoreError, StoreQuery};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// The directory tells the end of a password only so long before it.
pub(in super::super) const NOTICE: Duration = Duration::days(14);

/// Answers with one row: seconds and whole days that remain, as Entra ID takes them, and the address of the page for
/// changing the password, where there is one.
pub(super) fn query(
    now: OffsetDateTime,
    change_url: Option<&str>,
    query: &StoreQuery,
) -> Result<Rows, StoreError> {
    let [expires] = query.params.as_slice() else {
        return Err(wrong());
    };
    if query.query.trim() != "{0};" || query.columns != 3 {
        return Err(wrong());
    }
    let expires = OffsetDateTime::parse(expires, &Rfc3339).map_err(|_| wrong())?;
    let left = expires - now;
    if left.is_negative() || left > NOTICE {
        return Ok(Vec::new());
    }
    Ok(vec![vec![
        Some(left.whole_seconds().to_string()),
        Some(left.whole_days().to_string()),
        change_url.map(str::to_owned),
    ]])
}

fn wrong() -> StoreError {
    StoreError::new(
        "write query = \"{0};\" with one param, the value of a passwordexpirationtime claim, and three types: time, days and address",
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

    fn asked(text: &str, params: &[&str], columns: usize) -> Result<Rows, StoreError> {
        let asked = StoreQuery {
            store: "_PasswordExpiryStore".to_owned(),
            query: text.to_owned(),
            params: params.iter().map(|param| (*param).to_owned()).collect(),
            columns,
        };
        query(NOW, Some("https://sts.test/"), &asked)
    }

    #[test]
    fn what_remains_is_told_only_near_the_end() {
        let cases: [(&str, Option<[&str; 2]>); 6] = [
            ("2026-12-09T12:00:00.000Z", Some(["1209600", "14"])),
            ("2026-12-09T12:00:01Z", None),
            ("2026-11-27T11:00:00+01:00", Some(["165600", "1"])),
            ("2026-11-25T12:00:00Z", Some(["0", "0"])),
            ("2026-11-25T11:59:59Z", None),
            ("9999-12-31T23:59:59Z", None),
        ];
        for (expires, expected) in cases {
            let rows = asked("{0};", &[expires], 3).expect(expires);
            let expected: Rows = expected
                .into_iter()
                .map(|[seconds, days]| {
                    let address = "https://sts.test/";
                    [seconds, days, address]
                        .map(|text| Some(text.to_owned()))
                        .to_vec()
                })
                .collect();
            assert_eq!(rows, expected, "{expires}");
        }
    }

    #[test]
    fn other_queries_are_refused() {
        let time = "2026-12-01T00:00:00Z";
        for (text, params, columns) in [
            ("{0}", &[time][..], 3),
            ("{0};", &[time], 2),
            ("{0};", &[], 3),
            ("{0};", &["soon"], 3),
            ("{0};", &[time, time], 3),
        ] {
            assert!(
                asked(text, params, columns).is_err(),
                "{text} {params:?} {columns}"
            );
        }
    }
}
