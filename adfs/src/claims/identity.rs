//! The claims of a directory logon, before any rule (spec claim-rules 5.4 and 5.6).

use claim_rules::Claim;
use time::{Duration, OffsetDateTime};

use super::context::{DATE_TIME, utc_instant};
use super::stores::PASSWORD_EXPIRY_NOTICE;
use super::types;
use crate::directory::Account;

/// Issuer of what is read from the directory at a logon (spec claim-rules 3.1).
pub(super) const AD_AUTHORITY: &str = "AD AUTHORITY";

/// What the directory asserts about an account.
#[derive(Debug, Clone, Default)]
pub(super) struct Identity {
    pub(super) windows_account_name: String,
    pub(super) upn: Option<String>,
    pub(super) implicit_upn: String,
    pub(super) primary_sid: Option<String>,
    pub(super) primary_group_sid: Option<String>,
    pub(super) group_sids: Vec<String>,
    /// When the password expires, if that is soon.
    pub(super) password_expires: Option<OffsetDateTime>,
}

impl Identity {
    pub(super) fn of(account: &Account, group_sids: Vec<String>, now: OffsetDateTime) -> Identity {
        Identity {
            windows_account_name: account.windows_account_name(),
            upn: account.upn().map(str::to_owned),
            implicit_upn: format!("{}@{}", account.sam_account_name(), account.dns_name()),
            primary_sid: account.object_sid(),
            primary_group_sid: account.primary_group_sid(),
            group_sids,
            password_expires: account.password_expires().filter(|expires| {
                (Duration::ZERO..=PASSWORD_EXPIRY_NOTICE).contains(&(*expires - now))
            }),
        }
    }

    pub(super) fn claims(&self) -> Vec<Claim> {
        let mut claims = vec![
            Claim::new(types::WINDOWS_ACCOUNT_NAME, &self.windows_account_name),
            Claim::new(types::NAME, &self.windows_account_name),
            Claim::new(types::IMPLICIT_UPN, &self.implicit_upn),
            Claim::new(types::ANCHOR_CLAIM_TYPE, types::WINDOWS_ACCOUNT_NAME),
        ];
        let single = [
            (types::UPN, &self.upn),
            (types::PRIMARY_SID, &self.primary_sid),
            (types::PRIMARY_GROUP_SID, &self.primary_group_sid),
        ];
        claims.extend(
            single
                .into_iter()
                .filter_map(|(claim_type, value)| Some(Claim::new(claim_type, value.as_deref()?))),
        );
        claims.extend(
            self.group_sids
                .iter()
                .map(|sid| Claim::new(types::GROUP_SID, sid)),
        );
        claims.extend(self.password_expires.map(|expires| {
            let instant = utc_instant(expires);
            Claim::new(types::PASSWORD_EXPIRATION_TIME, instant).with_value_type(DATE_TIME)
        }));
        claims
            .into_iter()
            .map(|claim| claim.issued_by(AD_AUTHORITY))
            .collect()
    }
}
