//! Certificates with which proxies authenticate (spec proxy-integration 1.4, security PIP-2 to PIP-4).
//!
//! A proxy is a line of certificates: one that an administrator let in, and those that renewed it. They share an id and
//! a name, and are revoked together, so that a renewal cannot outlive the proxy that asked for it.

use sqlx::{Row as _, Sqlite, Transaction};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Store, StoreError, sql};
use crate::ids;

/// Unexpired certificates of one proxy. An honest one has three at most.
const MAX_PER_PROXY: i64 = 16;
/// Certificates altogether.
const MAX_CERTIFICATES: i64 = 10_000;
/// How long past its end a certificate stays listed.
const KEPT_AFTER_END: Duration = Duration::days(30);
const REVISION_SUBJECT: &str = "proxy_certificate";

/// A certificate that was checked and may be trusted.
#[derive(Debug, Clone)]
pub struct NewProxyCertificate {
    /// DER.
    pub der: Vec<u8>,
    /// SHA-256 of the DER.
    pub sha256: [u8; 32],
    /// SHA-1 of the DER; the thumbprint that Windows tools show.
    pub sha1: [u8; 20],
    /// SHA-256 of the DER of SubjectPublicKeyInfo.
    pub public_key_sha256: [u8; 32],
    /// Machine name, from the subject.
    pub name: String,
    /// First moment.
    pub not_before: OffsetDateTime,
    /// When trust ends: the end of the certificate or of the trust's own life, whichever comes first.
    pub expires: OffsetDateTime,
}

/// A stored certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyCertificate {
    /// SHA-256 of the DER.
    pub sha256: [u8; 32],
    /// SHA-1 of the DER.
    pub sha1: [u8; 20],
    /// Which proxy; the same for all certificates of one.
    pub proxy: Uuid,
    /// Machine name that the proxy gave when it was let in.
    pub name: String,
    /// When it was let in, or renewed.
    pub trusted_since: OffsetDateTime,
    /// The administrator who let it in; none when the proxy renewed itself.
    pub trusted_by: Option<String>,
    /// First moment.
    pub not_before: OffsetDateTime,
    /// When trust ends.
    pub expires: OffsetDateTime,
    /// When it was revoked.
    pub revoked: Option<OffsetDateTime>,
}

/// What came of adding a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustChange {
    /// Trusted now, as a certificate of this proxy.
    Done(Uuid),
    /// This key was revoked, or belongs to another proxy.
    KeyInUse,
    /// The certificate that asked for the renewal is not trusted (any more).
    NotTrusted,
    /// The proxy, or all of them, have too many.
    TooMany,
}

impl Store {
    /// Counts the changes of these certificates; equal counts mean an equal list.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn proxy_certificates_revision(&self) -> Result<i64, StoreError> {
        let (value,): (i64,) = sqlx::query_as(sql::REVISION)
            .bind(REVISION_SUBJECT)
            .fetch_one(&self.readers)
            .await
            .map_err(StoreError::query("see whether proxy trusts changed"))?;
        Ok(value)
    }

    /// Every certificate, revoked and expired ones too.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn proxy_certificates(&self) -> Result<Vec<ProxyCertificate>, StoreError> {
        sqlx::query(sql::PROXY_CERTIFICATES)
            .fetch_all(&self.readers)
            .await
            .map_err(StoreError::query("list proxy trusts"))?
            .iter()
            .map(certificate)
            .collect()
    }

    /// Trusts a certificate on an administrator's word. One that is trusted already begins a new life.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn establish_proxy_trust(
        &self,
        new: &NewProxyCertificate,
        administrator: &str,
        now: OffsetDateTime,
    ) -> Result<TrustChange, StoreError> {
        let failed = || StoreError::query("establish a proxy trust");
        let mut transaction = self.begin_write().await?;
        let known = holders_of_key(&mut transaction, new).await?;
        let change = match known.as_slice() {
            [] => {
                let proxy = ids::guid();
                if !add(
                    &mut transaction,
                    new,
                    proxy,
                    &new.name,
                    Some(administrator),
                    now,
                )
                .await?
                {
                    return Ok(TrustChange::TooMany);
                }
                TrustChange::Done(proxy)
            }
            [holder] if holder.same_certificate && !holder.revoked => {
                sqlx::query(sql::EXTEND_PROXY_CERTIFICATE)
                    .bind(new.sha256.as_slice())
                    .bind(now.unix_timestamp())
                    .bind(administrator)
                    .bind(new.expires.unix_timestamp())
                    .execute(&mut *transaction)
                    .await
                    .map_err(failed())?;
                TrustChange::Done(holder.proxy)
            }
            _ => return Ok(TrustChange::KeyInUse),
        };
        commit(transaction).await?;
        Ok(change)
    }

    /// Trusts a certificate on the word of a trusted one, which is judged in the same transaction: a revocation that
    /// came first wins.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn renew_proxy_trust(
        &self,
        presented_sha256: &[u8; 32],
        new: &NewProxyCertificate,
        now: OffsetDateTime,
    ) -> Result<TrustChange, StoreError> {
        let failed = || StoreError::query("renew a proxy trust");
        let mut transaction = self.begin_write().await?;
        let presented: Option<(Vec<u8>, String)> =
            sqlx::query_as(sql::TRUSTED_PROXY_OF_CERTIFICATE)
                .bind(presented_sha256.as_slice())
                .bind(now.unix_timestamp())
                .fetch_optional(&mut *transaction)
                .await
                .map_err(failed())?;
        let Some((proxy, name)) = presented else {
            return Ok(TrustChange::NotTrusted);
        };
        let proxy = guid(&proxy)?;
        let known = holders_of_key(&mut transaction, new).await?;
        if known
            .iter()
            .any(|holder| holder.revoked || holder.proxy != proxy)
        {
            return Ok(TrustChange::KeyInUse);
        }
        // A repeated request, whose first answer was lost on the way, is done already. It does not begin a new life:
        // only a new certificate does.
        if known.iter().any(|holder| holder.same_certificate) {
            return Ok(TrustChange::Done(proxy));
        }
        // Short-lived certificates that one proxy renews again and again must not fill the table for all.
        sqlx::query(sql::FORGET_EXPIRED_OF_PROXY)
            .bind(proxy.as_bytes().as_slice())
            .bind(now.unix_timestamp())
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
        let (live,): (i64,) = sqlx::query_as(sql::COUNT_CERTIFICATES_OF_PROXY)
            .bind(proxy.as_bytes().as_slice())
            .bind(now.unix_timestamp())
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed())?;
        if live >= MAX_PER_PROXY || !add(&mut transaction, new, proxy, &name, None, now).await? {
            return Ok(TrustChange::TooMany);
        }
        commit(transaction).await?;
        Ok(TrustChange::Done(proxy))
    }

    /// Ends the trust in every certificate of these proxies. Returns how many certificates that were.
    ///
    /// # Errors
    /// When the store does not answer; then nothing has changed.
    pub async fn revoke_proxies(
        &self,
        proxies: &[Uuid],
        now: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.begin_write().await?;
        let mut revoked: u64 = 0;
        for proxy in proxies {
            let done = sqlx::query(sql::REVOKE_PROXY)
                .bind(proxy.as_bytes().as_slice())
                .bind(now.unix_timestamp())
                .execute(&mut *transaction)
                .await
                .map_err(StoreError::query("revoke a proxy trust"))?;
            revoked = revoked.saturating_add(done.rows_affected());
        }
        commit(transaction).await?;
        Ok(revoked)
    }

    /// Ends the trust in every proxy. Returns how many certificates that were.
    ///
    /// # Errors
    /// When the store does not answer; then nothing has changed.
    pub async fn revoke_every_proxy(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        let mut transaction = self.begin_write().await?;
        let done = sqlx::query(sql::REVOKE_EVERY_PROXY)
            .bind(now.unix_timestamp())
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::query("revoke all proxy trusts"))?;
        commit(transaction).await?;
        Ok(done.rows_affected())
    }

    pub(super) async fn prune_proxy_certificates(
        &self,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let before = now.saturating_sub(KEPT_AFTER_END).unix_timestamp();
        let mut transaction = self.begin_write().await?;
        let done = sqlx::query(sql::PRUNE_PROXY_CERTIFICATES)
            .bind(before)
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::query("forget expired proxy trusts"))?;
        if done.rows_affected() > 0 {
            commit(transaction).await?;
        }
        Ok(done.rows_affected())
    }
}

/// A stored certificate with the same key as the new one.
struct Holder {
    proxy: Uuid,
    same_certificate: bool,
    revoked: bool,
}

async fn holders_of_key(
    transaction: &mut Transaction<'static, Sqlite>,
    new: &NewProxyCertificate,
) -> Result<Vec<Holder>, StoreError> {
    let rows: Vec<(Vec<u8>, Vec<u8>, Option<i64>)> = sqlx::query_as(sql::PROXIES_OF_PUBLIC_KEY)
        .bind(new.public_key_sha256.as_slice())
        .fetch_all(&mut **transaction)
        .await
        .map_err(StoreError::query("look a proxy's key up"))?;
    let holder = |(sha256, proxy, revoked): &(Vec<u8>, Vec<u8>, Option<i64>)| {
        Ok(Holder {
            proxy: guid(proxy)?,
            same_certificate: sha256.as_slice() == new.sha256,
            revoked: revoked.is_some(),
        })
    };
    rows.iter().map(holder).collect()
}

/// Adds the row; false when there are too many.
async fn add(
    transaction: &mut Transaction<'static, Sqlite>,
    new: &NewProxyCertificate,
    proxy: Uuid,
    name: &str,
    administrator: Option<&str>,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let failed = || StoreError::query("add a proxy certificate");
    let (all,): (i64,) = sqlx::query_as(sql::COUNT_PROXY_CERTIFICATES)
        .fetch_one(&mut **transaction)
        .await
        .map_err(failed())?;
    if all >= MAX_CERTIFICATES {
        return Ok(false);
    }
    sqlx::query(sql::ADD_PROXY_CERTIFICATE)
        .bind(new.sha256.as_slice())
        .bind(new.sha1.as_slice())
        .bind(new.public_key_sha256.as_slice())
        .bind(new.der.as_slice())
        .bind(proxy.as_bytes().as_slice())
        .bind(name)
        .bind(now.unix_timestamp())
        .bind(administrator)
        .bind(new.not_before.unix_timestamp())
        .bind(new.expires.unix_timestamp())
        .execute(&mut **transaction)
        .await
        .map_err(failed())?;
    Ok(true)
}

/// Counts the change and commits, so that every node notices.
async fn commit(mut transaction: Transaction<'static, Sqlite>) -> Result<(), StoreError> {
    let failed = || StoreError::query("save a change of proxy trusts");
    sqlx::query(sql::COUNT_REVISION)
        .bind(REVISION_SUBJECT)
        .execute(&mut *transaction)
        .await
        .map_err(failed())?;
    transaction.commit().await.map_err(failed())
}

fn certificate(row: &sqlx::sqlite::SqliteRow) -> Result<ProxyCertificate, StoreError> {
    const DAMAGED: StoreError = StoreError::Damaged {
        what: "a proxy certificate",
    };
    let blob = |column: &str| row.try_get::<Vec<u8>, _>(column).map_err(|_| DAMAGED);
    let moment = |column: &str| {
        let seconds = row.try_get::<Option<i64>, _>(column).map_err(|_| DAMAGED)?;
        seconds
            .map(OffsetDateTime::from_unix_timestamp)
            .transpose()
            .map_err(|_| DAMAGED)
    };
    Ok(ProxyCertificate {
        sha256: blob("sha256")?.try_into().map_err(|_| DAMAGED)?,
        sha1: blob("sha1")?.try_into().map_err(|_| DAMAGED)?,
        proxy: guid(&blob("proxy")?)?,
        name: row.try_get("name").map_err(|_| DAMAGED)?,
        trusted_since: moment("trusted_since")?.ok_or(DAMAGED)?,
        trusted_by: row.try_get("trusted_by").map_err(|_| DAMAGED)?,
        not_before: moment("not_before")?.ok_or(DAMAGED)?,
        expires: moment("expires")?.ok_or(DAMAGED)?,
        revoked: moment("revoked")?,
    })
}

fn guid(octets: &[u8]) -> Result<Uuid, StoreError> {
    Uuid::from_slice(octets).map_err(|_| StoreError::Damaged {
        what: "the id of a proxy",
    })
}
