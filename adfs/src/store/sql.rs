//! Every statement. They keep to what SQLite and PostgreSQL understand alike, but for the migrations and
//! [`BEGIN_WRITE`].

use sqlx::migrate::Migrator;

/// Makes the tables.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

pub(super) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

pub(super) const SIGNED_OUT_SESSIONS_AFTER: &str =
    "SELECT sequence, id, expires FROM signed_out_session WHERE sequence > $1 ORDER BY sequence";
pub(super) const SIGN_OUT_SESSION: &str = "INSERT INTO signed_out_session (id, expires) VALUES ($1, $2) \
    ON CONFLICT (id) DO UPDATE SET expires = excluded.expires WHERE excluded.expires > signed_out_session.expires";
pub(super) const PRUNE_SESSIONS: &str = "DELETE FROM signed_out_session WHERE expires <= $1";

pub(super) const SESSION_CUTOFFS_AFTER: &str =
    "SELECT sequence, subject, before FROM session_cutoff WHERE sequence > $1 ORDER BY sequence";
pub(super) const CUT_OFF_SESSIONS: &str =
    "INSERT INTO session_cutoff (subject, before) VALUES ($1, $2)";
pub(super) const PRUNE_SESSION_CUTOFFS: &str = "DELETE FROM session_cutoff WHERE before <= $1";

pub(super) const CONSUME_ASSERTION: &str =
    "INSERT INTO consumed_assertion (digest, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING";
pub(super) const PRUNE_CONSUMED_ASSERTIONS: &str =
    "DELETE FROM consumed_assertion WHERE expires <= $1";

pub(super) const ACCOUNT_ACTIVITY: &str = "SELECT name, unknown_failures, unknown_last, familiar_failures, familiar_last, \
    locations FROM account_activity WHERE account = $1";
pub(super) const SET_ACCOUNT_ACTIVITY: &str = "INSERT INTO account_activity (account, name, unknown_failures, \
    unknown_last, familiar_failures, familiar_last, locations, changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
    ON CONFLICT (account) DO UPDATE SET name = excluded.name, unknown_failures = excluded.unknown_failures, \
    unknown_last = excluded.unknown_last, familiar_failures = excluded.familiar_failures, \
    familiar_last = excluded.familiar_last, locations = excluded.locations, changed = excluded.changed";
pub(super) const PRUNE_ACCOUNT_ACTIVITY: &str = "DELETE FROM account_activity \
    WHERE (locations = '' AND changed <= $1) OR changed <= $2";
pub(super) const INSTALLED_SINCE: &str = "INSERT INTO installation (only_row, since) VALUES (1, $1) \
    ON CONFLICT (only_row) DO UPDATE SET since = installation.since RETURNING since";
pub(super) const KEEP_ARTIFACT: &str = "INSERT INTO saml_artifact (digest, relying_party, message, expires) \
    SELECT $1, $2, $3, $4 WHERE (SELECT COUNT(*) FROM saml_artifact) < $5";
pub(super) const TAKE_ARTIFACT: &str = "DELETE FROM saml_artifact WHERE digest = $1 AND relying_party = $2 \
    AND expires > $3 RETURNING message";
pub(super) const PRUNE_ARTIFACTS: &str = "DELETE FROM saml_artifact WHERE expires <= $1";

pub(super) const REVISION: &str = "SELECT value FROM revision WHERE subject = $1";
pub(super) const COUNT_REVISION: &str = "UPDATE revision SET value = value + 1 WHERE subject = $1";

pub(super) const PROXY_CERTIFICATES: &str = "SELECT sha256, sha1, proxy, name, trusted_since, trusted_by, not_before, \
    expires, revoked FROM proxy_certificate ORDER BY name, trusted_since, sha256";
pub(super) const PROXIES_OF_PUBLIC_KEY: &str =
    "SELECT sha256, proxy, revoked FROM proxy_certificate WHERE public_key_sha256 = $1";
pub(super) const FORGET_EXPIRED_OF_PROXY: &str =
    "DELETE FROM proxy_certificate WHERE proxy = $1 AND revoked IS NULL AND expires <= $2";
pub(super) const COUNT_CERTIFICATES_OF_PROXY: &str =
    "SELECT COUNT(*) FROM proxy_certificate WHERE proxy = $1 AND revoked IS NULL AND expires > $2";
pub(super) const COUNT_PROXY_CERTIFICATES: &str = "SELECT COUNT(*) FROM proxy_certificate";
pub(super) const TRUSTED_PROXY_OF_CERTIFICATE: &str = "SELECT proxy, name FROM proxy_certificate \
    WHERE sha256 = $1 AND revoked IS NULL AND not_before <= $2 AND expires > $2";
pub(super) const ADD_PROXY_CERTIFICATE: &str = "INSERT INTO proxy_certificate (sha256, sha1, public_key_sha256, \
    certificate, proxy, name, trusted_since, trusted_by, not_before, expires) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
pub(super) const EXTEND_PROXY_CERTIFICATE: &str = "UPDATE proxy_certificate SET trusted_since = $2, trusted_by = $3, expires = $4 WHERE sha256 = $1";
pub(super) const REVOKE_PROXY: &str =
    "UPDATE proxy_certificate SET revoked = $2 WHERE proxy = $1 AND revoked IS NULL";
pub(super) const REVOKE_EVERY_PROXY: &str =
    "UPDATE proxy_certificate SET revoked = $1 WHERE revoked IS NULL";
pub(super) const PRUNE_PROXY_CERTIFICATES: &str =
    "DELETE FROM proxy_certificate WHERE expires <= $1";

pub(super) const PROXY_RELYING_PARTY: &str =
    "SELECT identifier FROM proxy_relying_party WHERE only_row = 1";
pub(super) const SET_PROXY_RELYING_PARTY: &str = "INSERT INTO proxy_relying_party (only_row, identifier) VALUES (1, $1) ON CONFLICT (only_row) DO NOTHING";
pub(super) const UNSET_PROXY_RELYING_PARTY: &str = "DELETE FROM proxy_relying_party";

pub(super) const PUBLISHED_RELYING_PARTIES: &str =
    "SELECT DISTINCT relying_party FROM proxy_trusted_endpoint";
pub(super) const TRUSTED_ENDPOINTS: &str =
    "SELECT url FROM proxy_trusted_endpoint WHERE relying_party = $1 ORDER BY url";
pub(super) const ENDPOINT_MAPPINGS: &str = "SELECT internal_url, external_url FROM proxy_endpoint_mapping \
    WHERE relying_party = $1 ORDER BY internal_url, external_url";
pub(super) const COUNT_TRUSTED_ENDPOINTS: &str = "SELECT COUNT(*) FROM proxy_trusted_endpoint";
pub(super) const COUNT_ENDPOINT_MAPPINGS: &str = "SELECT COUNT(*) FROM proxy_endpoint_mapping";
pub(super) const ADD_TRUSTED_ENDPOINT: &str = "INSERT INTO proxy_trusted_endpoint (relying_party, url) VALUES ($1, $2) ON CONFLICT DO NOTHING";
pub(super) const ADD_ENDPOINT_MAPPING: &str = "INSERT INTO proxy_endpoint_mapping \
    (relying_party, internal_url, external_url) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
pub(super) const REMOVE_TRUSTED_ENDPOINT: &str =
    "DELETE FROM proxy_trusted_endpoint WHERE relying_party = $1 AND url = $2";
pub(super) const REMOVE_ENDPOINT_MAPPINGS: &str =
    "DELETE FROM proxy_endpoint_mapping WHERE relying_party = $1 AND external_url = $2";

pub(super) const STORE_ENTRIES: &str = "SELECT key, version, CASE WHEN (SELECT SUM(LENGTH(CAST(value AS BLOB))) \
    FROM proxy_store_entry) <= $1 THEN value END AS value FROM proxy_store_entry ORDER BY folded_key";
pub(super) const STORE_ENTRY: &str =
    "SELECT key, version, value FROM proxy_store_entry WHERE folded_key = $1";
pub(super) const COUNT_STORE_ENTRIES: &str = "SELECT COUNT(*) FROM proxy_store_entry";
pub(super) const CREATE_STORE_ENTRY: &str = "INSERT INTO proxy_store_entry (folded_key, key, version, value) \
    VALUES ($1, $2, 1, $3) ON CONFLICT (folded_key) DO NOTHING";
pub(super) const REPLACE_STORE_ENTRY: &str = "UPDATE proxy_store_entry SET value = $3, version = version + 1 WHERE folded_key = $1 AND version = $2";
pub(super) const REMOVE_STORE_ENTRY: &str = "DELETE FROM proxy_store_entry WHERE folded_key = $1";

pub(super) const METADATA_CHECKS: &str = "SELECT partner, url, checked, succeeded, updated, error, pending, failures, due \
    FROM metadata_check ORDER BY partner";
pub(super) const NOTE_METADATA_CHECK: &str = "INSERT INTO metadata_check \
    (partner, url, checked, succeeded, updated, error, pending, failures, due) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
    ON CONFLICT (partner) DO UPDATE SET url = excluded.url, checked = excluded.checked, succeeded = excluded.succeeded, \
    updated = excluded.updated, error = excluded.error, pending = excluded.pending, failures = excluded.failures, \
    due = excluded.due";
pub(super) const FORGET_METADATA_CHECK: &str = "DELETE FROM metadata_check WHERE partner = $1";

pub(super) const CERTIFICATE_SIGHTINGS: &str = "SELECT relying_party, thumbprint, seen, confirmed <> 0 FROM certificate_sighting \
    ORDER BY relying_party, thumbprint";
pub(super) const NOTE_CERTIFICATE_SIGHTING: &str = "INSERT INTO certificate_sighting (relying_party, thumbprint, seen, confirmed) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (relying_party, thumbprint) DO UPDATE SET seen = excluded.seen, \
    confirmed = excluded.confirmed WHERE excluded.confirmed > certificate_sighting.confirmed";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_migrations_have_one_version() {
        let mut seen = HashSet::new();
        for migration in MIGRATIONS.iter() {
            assert!(
                seen.insert(migration.version),
                "{} has the version of another",
                migration.description
            );
        }
    }
}
