//! Keeps token certificates fresh while the server runs: follows what commands and other processes change in the key
//! folder, replaces what is about to expire, and warns before certificates expire.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::task::spawn_blocking;

use crate::audit::Clean;
use crate::config::{CertificateRollover, Configuration};
use crate::keys::expiry::{self, Warnings};
use crate::keys::{
    CertificateType, KeyError, Keys, Plan, PlannedStep, RolledOver, RolloverEvent, sightings,
};
use crate::state::Federation;
use crate::store::CertificateSighting;

const LOOK: Duration = Duration::from_secs(1);
/// Between two looks at how long certificates are still valid.
const BETWEEN_WARNINGS: time::Duration = time::Duration::HOUR;

/// For as long as the server runs.
pub(super) async fn follow(federation: Arc<Federation>) {
    let mut rounds = Rounds::default();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        rounds = look(&federation, rounds).await;
    }
}

/// One look.
pub(super) async fn look(federation: &Arc<Federation>, mut rounds: Rounds) -> Rounds {
    let configuration = federation.configuration.load_full();
    let holds = configuration
        .relying_parties
        .iter()
        .any(|trust| trust.hold_rollover);
    let sightings = if holds {
        // Nobody has seen anything then, so certificates wait.
        federation.store.certificate_sightings().await.unwrap_or_else(|error| {
            tracing::error!(%error, "it is not known who has seen the token-signing certificates");
            Vec::new()
        })
    } else {
        Vec::new()
    };
    let federation = Arc::clone(federation);
    // Finding primes and reading files would hold up requests.
    let round = spawn_blocking(move || {
        let now = federation.clock.now();
        rounds.look(&federation.keys, &configuration, &sightings, now);
        rounds
    });
    round.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a look at the token certificates failed");
        Rounds::default()
    })
}

/// What is remembered from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    last: Option<OffsetDateTime>,
    warned: Option<OffsetDateTime>,
    warnings: Warnings,
    failure: Option<String>,
    /// What was said of a certificate that waits, and when.
    held: Option<(String, OffsetDateTime)>,
}

impl Rounds {
    fn look(
        &mut self,
        keys: &Keys,
        configuration: &Configuration,
        sightings: &[CertificateSighting],
        now: OffsetDateTime,
    ) {
        let rollover = &configuration.properties.certificate_rollover;
        let is_held = |thumbprint: &str| {
            let trusts = configuration.relying_parties.iter();
            let parties = sightings::of(trusts, sightings, thumbprint);
            !sightings::holders(&parties).is_empty()
        };
        let outcome = self.roll(keys, rollover, now, &is_held);
        // A lasting failure is one record, not one a second.
        let failure = outcome.err().map(|error| error.to_string());
        if let Some(error) = &failure
            && self.failure.as_ref() != Some(error)
        {
            tracing::error!(%error, "token certificates cannot be renewed; those in use stay in use");
        }
        self.failure = failure;
        let is_time = self
            .warned
            .is_none_or(|warned| now - warned >= BETWEEN_WARNINGS || now < warned);
        if is_time {
            self.warned = Some(now);
            self.warn(keys, configuration, now);
            self.warn_of_hold(configuration, sightings, now);
        }
    }

    /// The alarm while a certificate is due and waits: each day, and when others wait for it.
    fn warn_of_hold(
        &mut self,
        configuration: &Configuration,
        sightings: &[CertificateSighting],
        now: OffsetDateTime,
    ) {
        let rollover = &configuration.properties.certificate_rollover;
        let trusts = configuration.relying_parties.iter();
        let Ok(listed) = Keys::listed(configuration) else {
            return;
        };
        let plan = Plan::of(listed, rollover, trusts, sightings);
        let held = plan.certificates.iter().find_map(|one| match one.next {
            Some((PlannedStep::HeldPromotion, forced)) => Some((one, forced)),
            _ => None,
        });
        let Some((planned, forced)) = held else {
            self.held = None;
            return;
        };
        if now - planned.listed.published < rollover.promotion_threshold {
            return;
        }
        let waits_for = sightings::holders(&planned.parties).join(", ");
        let is_said = self.held.as_ref().is_some_and(|(said, at)| {
            *said == waits_for && now - *at < time::Duration::DAY && now >= *at
        });
        if !is_said {
            tracing::error!(
                thumbprint = planned.listed.certificate.thumbprint(),
                waits_for = %Clean(&waits_for),
                forced_at = %forced,
                "the new token-signing certificate is due and waits for relying parties that have not seen it; give it to \
                 them and run `adfs certificate confirm`, or they refuse tokens from that time on"
            );
            self.held = Some((waits_for, now));
        }
    }

    fn roll(
        &mut self,
        keys: &Keys,
        rollover: &CertificateRollover,
        now: OffsetDateTime,
        is_held: &dyn Fn(&str) -> bool,
    ) -> Result<(), KeyError> {
        // A clock that was set back must not stop the rollover.
        let due = self
            .last
            .is_none_or(|last| now - last >= rollover.interval || now < last);
        if due {
            self.last = Some(now);
            keys.roll_over(rollover, now, is_held)?
                .iter()
                .for_each(report);
        }
        if keys.refresh(now)? {
            tracing::info!(
                primary = keys.token_signing().certificate().thumbprint(),
                "token certificates were changed on disk and are in force"
            );
        }
        Ok(())
    }

    fn warn(&mut self, keys: &Keys, configuration: &Configuration, now: OffsetDateTime) {
        let current = keys.current();
        let decrypting = current.decrypting_keys().first();
        let tokens = [
            (
                CertificateType::TokenSigning.name(),
                Some(current.token_signing().certificate()),
            ),
            (
                CertificateType::TokenDecrypting.name(),
                decrypting.map(|key| key.certificate()),
            ),
        ];
        for (role, certificate) in tokens {
            let Some(certificate) = certificate else {
                continue;
            };
            let thumbprint = certificate.thumbprint();
            self.warn_of(role, thumbprint, thumbprint, certificate.not_after(), now);
        }
        // What cannot be read was reported when it was loaded.
        for one in expiry::watched(configuration) {
            // The same certificate may serve several trusts.
            let name = format!("{}/{}", one.owner, one.thumbprint);
            self.warn_of(one.role, &one.owner, &name, one.not_after, now);
        }
    }

    fn warn_of(
        &mut self,
        role: &str,
        owner: &str,
        name: &str,
        end: OffsetDateTime,
        now: OffsetDateTime,
    ) {
        let owner = Clean(owner);
        if !self.warnings.is_due(name, end, now) {
            return;
        }
        match expiry::days_left(end, now) {
            days if end > now => tracing::warn!(role, %owner, days, "the certificate expires soon"),
            _ => tracing::error!(role, %owner, "the certificate has expired"),
        }
    }
}

fn report(rolled: &RolledOver) {
    let (role, thumbprint) = (rolled.role.name(), rolled.thumbprint.as_str());
    match rolled.event {
        RolloverEvent::Published => tracing::warn!(
            role,
            thumbprint,
            "a new certificate is published as secondary; give it to partners that do not follow the metadata"
        ),
        RolloverEvent::Promoted { urgent: false } => {
            tracing::warn!(role, thumbprint, "the certificate is the primary one now");
        }
        RolloverEvent::Promoted { urgent: true } => tracing::error!(
            role,
            thumbprint,
            "the certificate had to become primary at once; partners that do not know it refuse tokens until they read the \
             metadata again"
        ),
        RolloverEvent::Retired => {
            tracing::warn!(role, thumbprint, "the certificate is no longer published");
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn looks_roll_over_by_the_clock_and_take_what_others_did() {
        let folder = tempfile::tempdir().expect("a folder");
        let begin = datetime!(2026-11-25 12:00 UTC);
        let keys = Keys::in_folder(folder.path(), begin);
        let other = Keys::in_folder(folder.path(), begin);
        let rollover = CertificateRollover::default();
        let mut rounds = Rounds::default();
        let mut others = Rounds::default();
        let count = |keys: &Keys| keys.signing_certificates().len();
        rounds
            .roll(&keys, &rollover, begin, &|_| false)
            .expect("nothing due");
        let soon = begin + time::Duration::days(345);
        others
            .roll(&other, &rollover, soon, &|_| false)
            .expect("rolled over");
        assert_eq!((count(&keys), count(&other)), (1, 2));
        // Its own turn comes later, but what is on disk counts at once.
        rounds.last = Some(soon);
        rounds
            .roll(&keys, &rollover, soon, &|_| false)
            .expect("followed");
        assert_eq!(count(&keys), 2);
        let primary = keys.token_signing().certificate().thumbprint().to_owned();
        let later = soon + time::Duration::days(5);
        rounds
            .roll(&keys, &rollover, later, &|_| false)
            .expect("rolled over");
        assert_ne!(keys.token_signing().certificate().thumbprint(), primary);
    }
}
