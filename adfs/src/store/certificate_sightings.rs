//! Which relying party is known to know which token-signing certificate.

use time::OffsetDateTime;

use super::{Store, StoreError, sql};

/// One relying party and one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateSighting {
    /// Name of the trust.
    pub relying_party: String,
    /// SHA-1 of the certificate in upper-case hexadecimal.
    pub thumbprint: String,
    /// Since when that is known.
    pub seen: OffsetDateTime,
    /// Whether an administrator said so; else the metadata that list the certificate were fetched by one of the relying
    /// party's addresses.
    pub confirmed: bool,
}

impl Store {
    /// All that are known.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn certificate_sightings(&self) -> Result<Vec<CertificateSighting>, StoreError> {
        let rows: Vec<(String, String, i64, bool)> = sqlx::query_as(sql::CERTIFICATE_SIGHTINGS)
            .fetch_all(&self.readers)
            .await
            .map_err(StoreError::query("tell who has seen a certificate"))?;
        let sighting = |(relying_party, thumbprint, seen, confirmed)| {
            Ok(CertificateSighting {
                relying_party,
                thumbprint,
                seen: OffsetDateTime::from_unix_timestamp(seen).map_err(|_| {
                    StoreError::Damaged {
                        what: "the time at which a certificate was seen",
                    }
                })?,
                confirmed,
            })
        };
        rows.into_iter().map(sighting).collect()
    }

    /// Notes one. What is known stays; the word of an administrator counts for more than a fetch.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn note_certificate_sighting(
        &self,
        sighting: &CertificateSighting,
    ) -> Result<(), StoreError> {
        sqlx::query(sql::NOTE_CERTIFICATE_SIGHTING)
            .bind(&sighting.relying_party)
            .bind(&sighting.thumbprint)
            .bind(sighting.seen.unix_timestamp())
            .bind(i64::from(sighting.confirmed))
            .execute(&self.writer)
            .await
            .map_err(StoreError::query("note who has seen a certificate"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    #[tokio::test]
    async fn a_first_fetch_is_kept_and_a_confirmation_stands_above_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("adfs.sqlite"))
            .await
            .expect("a store");
        let now = datetime!(2026-11-25 12:00 UTC);
        let sighting = |minutes, confirmed| CertificateSighting {
            relying_party: "App".to_owned(),
            thumbprint: "AB".to_owned(),
            seen: now + Duration::minutes(minutes),
            confirmed,
        };
        for (minutes, confirmed, kept) in [
            (0, false, sighting(0, false)),
            (1, false, sighting(0, false)),
            (2, true, sighting(2, true)),
            (3, false, sighting(2, true)),
            (4, true, sighting(2, true)),
        ] {
            let noted = sighting(minutes, confirmed);
            store
                .note_certificate_sighting(&noted)
                .await
                .expect("noted");
            assert_eq!(store.certificate_sightings().await.expect("read"), [kept]);
        }
    }
}
