//! `adfs certificate list` and `confirm`: the certificates, what is going to happen to each, and who has to know.

use anyhow::Context;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Output, runtime};
use crate::clock::Clock;
use crate::config::Configuration;
use crate::keys::expiry::days_left;
use crate::keys::sightings::PartySight;
use crate::keys::{Keys, Plan, PlannedCertificate, PlannedStep};
use crate::store::{CertificateSighting, Store};

/// Columns, and keys of the JSON.
const HEADINGS: [&str; 10] = [
    "type",
    "primary",
    "subject",
    "thumbprint",
    "not before",
    "not after",
    "days left",
    "published since",
    "next step",
    "next step at",
];

/// `list`.
///
/// # Errors
/// When the certificates or the store cannot be read.
pub(super) fn list(configuration: &Configuration, output: Output) -> anyhow::Result<()> {
    let listed = Keys::listed(configuration)?;
    let sightings = runtime()?.block_on(async {
        let path = &configuration.store.path;
        if !path.is_file() {
            return anyhow::Ok(Vec::new());
        }
        let store = Store::open_existing(path).await?;
        let sightings = store.certificate_sightings().await?;
        store.close().await;
        Ok(sightings)
    })?;
    let rollover = &configuration.properties.certificate_rollover;
    let plan = Plan::of(
        listed,
        rollover,
        configuration.relying_parties.iter(),
        &sightings,
    );
    println!("{}", shown(&plan, Clock::system().now(), output)?);
    Ok(())
}

fn shown(plan: &Plan, now: OffsetDateTime, output: Output) -> anyhow::Result<String> {
    let rows = plan
        .certificates
        .iter()
        .map(|planned| row(planned, now))
        .collect::<Result<Vec<_>, _>>()?;
    if output == Output::Json {
        let objects = rows.iter().zip(&plan.certificates).map(|(row, planned)| {
            let mut object: serde_json::Map<String, Value> = HEADINGS
                .iter()
                .zip(row)
                .map(|(name, value)| (name.replace(' ', "_"), value.as_str().into()))
                .collect();
            let parties: Value = planned.parties.iter().map(party).collect();
            object.insert("relying_parties".to_owned(), parties);
            Value::Object(object)
        });
        return Ok(Value::Array(objects.collect()).to_string());
    }
    let mut text = output.write(&HEADINGS, &rows);
    for planned in plan
        .certificates
        .iter()
        .filter(|one| !one.parties.is_empty())
    {
        let thumbprint = planned.listed.certificate.thumbprint();
        let parties = planned.parties.iter().map(|one| {
            vec![
                one.name.clone(),
                one.sight.name().to_owned(),
                one.sight.since().map_or_else(String::new, moment),
                one.holds.to_string(),
            ]
        });
        let parties: Vec<_> = parties.collect();
        let headings = ["relying party", "seen", "since", "holds the promotion"];
        text.push_str(&format!(
            "\n\nWho knows {thumbprint}:\n{}",
            output.write(&headings, &parties)
        ));
    }
    Ok(text)
}

fn row(planned: &PlannedCertificate, now: OffsetDateTime) -> anyhow::Result<Vec<String>> {
    let certificate = &planned.listed.certificate;
    let (step, due) = match planned.next {
        Some((step, due)) => (step_name(step), moment(due)),
        None => ("", String::new()),
    };
    Ok(vec![
        planned.listed.role.name().to_owned(),
        planned.listed.primary.to_string(),
        certificate.subject().to_owned(),
        certificate.thumbprint().to_owned(),
        certificate.not_before().format(&Rfc3339)?,
        certificate.not_after().format(&Rfc3339)?,
        days_left(certificate.not_after(), now).to_string(),
        planned.listed.published.format(&Rfc3339)?,
        step.to_owned(),
        due,
    ])
}

const fn step_name(step: PlannedStep) -> &'static str {
    match step {
        PlannedStep::Succession => "successor is published",
        PlannedStep::Promotion => "becomes primary",
        PlannedStep::HeldPromotion => "held, becomes primary at the latest",
        PlannedStep::Retirement => "is no longer published",
    }
}

fn party(party: &PartySight) -> Value {
    json!({
        "name": party.name,
        "seen": party.sight.name(),
        "since": party.sight.since().map(moment),
        "holds": party.holds,
    })
}

/// RFC 3339.
fn moment(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).unwrap_or_default()
}

/// `confirm`.
///
/// # Errors
/// When there is no such relying party or certificate, or no store yet.
pub(super) fn confirm(
    configuration: &Configuration,
    relying_party: &str,
    thumbprint: Option<&str>,
    output: Output,
) -> anyhow::Result<()> {
    let folded = relying_party.to_lowercase();
    let mut trusts = configuration.relying_parties.iter();
    let trust = trusts
        .find(|trust| trust.name.to_lowercase() == folded)
        .cloned()
        .or_else(|| configuration.relying_parties.by_identifier(relying_party))
        .with_context(|| {
            format!("no relying party trust has the name or identifier {relying_party:?}; `adfs relying-party list` shows them")
        })?;
    let listed = Keys::listed(configuration)?;
    let found = match thumbprint {
        None => Plan::successor(&listed),
        Some(wanted) => listed
            .iter()
            .find(|one| one.certificate.thumbprint().eq_ignore_ascii_case(wanted)),
    };
    let found = found.context(
        "no token-signing certificate waits to become primary; `adfs certificate list` shows those there are",
    )?;
    let sighting = CertificateSighting {
        relying_party: trust.name.clone(),
        thumbprint: found.certificate.thumbprint().to_owned(),
        seen: Clock::system().now(),
        confirmed: true,
    };
    runtime()?.block_on(async {
        let store = Store::open_existing(&configuration.store.path).await?;
        store.note_certificate_sighting(&sighting).await?;
        store.close().await;
        anyhow::Ok(())
    })?;
    output.print(
        &["relying party", "thumbprint", "seen"],
        &[vec![
            sighting.relying_party,
            sighting.thumbprint,
            "confirmed".to_owned(),
        ]],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::config::CertificateRollover;
    use crate::keys::sightings::Sight;
    use crate::keys::{CertificateType, ListedCertificate};

    #[test]
    fn a_certificate_is_one_row_with_its_next_step_and_who_knows_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = datetime!(2026-11-25 12:00 UTC);
        let keys = Keys::in_folder(folder.path(), now);
        let signing = keys.token_signing();
        let listed = ListedCertificate {
            role: CertificateType::TokenSigning,
            primary: true,
            published: now,
            certificate: signing.certificate().clone(),
        };
        let none = std::iter::empty();
        let mut plan = Plan::of(vec![listed], &CertificateRollover::default(), none, &[]);
        let thumbprint = signing.certificate().thumbprint();
        let expected = [
            "Token-Signing",
            "true",
            "CN=ADFS Signing - sts.contoso.test",
            thumbprint,
            "2026-11-25T12:00:00Z",
            "2027-11-25T12:00:00Z",
            "365",
            "2026-11-25T12:00:00Z",
            "successor is published",
            "2027-11-05T12:00:00Z",
        ];
        assert_eq!(row(&plan.certificates[0], now).expect("a row"), expected);
        plan.certificates[0].parties = vec![PartySight {
            name: "App".to_owned(),
            sight: Sight::Confirmed(now),
            holds: false,
        }];
        let json: Value = serde_json::from_str(&shown(&plan, now, Output::Json).unwrap()).unwrap();
        assert_eq!(json[0]["thumbprint"], thumbprint);
        assert_eq!(
            json[0]["relying_parties"],
            json!([{"name": "App", "seen": "confirmed", "since": "2026-11-25T12:00:00Z", "holds": false}])
        );
        let table = shown(&plan, now, Output::Table).unwrap();
        assert!(
            table.contains("App            confirmed  2026-11-25T12:00:00Z  false"),
            "{table}"
        );
    }
}
