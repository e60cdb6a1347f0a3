//! Extranet smart lockout (spec security 2.8, passive-sign-in 7.3).
//!
//! Each attempt from outside is counted as wrong in the store before the directory is asked, and taken back when the
//! password was right. However many guesses arrive at once, on whatever node, no more of them than the threshold reach
//! the directory, so its own lockout is never reached from outside.

use std::net::IpAddr;

use openssl::sha::Sha256;
use time::{Duration, OffsetDateTime};

use super::PasswordFailure;
use crate::audit::{self, LockoutEvent};
use crate::claims::{NetworkLocation, RequestContext};
use crate::config::{ExtranetLockout, LockoutMode};
use crate::directory::{Candidate, LocalCandidate, Reason, SignInName, SignInRefusal};
use crate::state::Federation;
use crate::store::{AccountActivity, Failures, StoreError};

/// Familiar addresses that are remembered of an account, the latest ones.
const REMEMBERED: usize = 20;
/// How long a new installation only tells whom it would lock out, unless the configuration says.
const GETTING_TO_KNOW: Duration = Duration::days(7);
/// Longest name that is kept for people, in characters.
const MAX_NAME: usize = 256;

/// Whom a typed name means, in whatever directory, before a password is tried.
pub(super) trait Someone {
    /// Stands for the entry, if there is exactly one.
    fn digest(&self) -> Option<[u8; 32]>;

    /// Waits until the attempt has taken as long as one that the directory refuses.
    async fn wait_as_refused(self);
}

impl Someone for Candidate {
    fn digest(&self) -> Option<[u8; 32]> {
        Candidate::digest(self)
    }

    async fn wait_as_refused(self) {
        Candidate::wait_as_refused(self).await;
    }
}

impl Someone for LocalCandidate {
    fn digest(&self) -> Option<[u8; 32]> {
        LocalCandidate::digest(self)
    }

    async fn wait_as_refused(self) {
        LocalCandidate::wait_as_refused(self).await;
    }
}

/// Leave to ask the directory.
#[derive(Debug)]
enum Admission {
    /// Attempts from inside, or with lockout off, are not counted.
    Uncounted,
    /// The attempt is counted as wrong until [`settle`] hears otherwise.
    Counted(Count),
}

/// An attempt that is counted.
#[derive(Debug)]
struct Count {
    account: [u8; 32],
    user: String,
    familiar: bool,
    /// Whether it would have been refused, if the mode were to enforce.
    over: bool,
    /// Whether it was added to the counter, rather than being the one attempt of a window.
    added: bool,
    addresses: Option<Vec<IpAddr>>,
}

/// Why the directory is not asked.
#[derive(Debug)]
enum NotAdmitted {
    /// Too many wrong passwords.
    LockedOut,
    /// The address is banned.
    Banned,
    /// The store cannot count; who guesses must not profit from that.
    Store(StoreError),
}

/// What an attempt came to, as far as it was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    /// The password was right.
    Right,
    /// It was not, or the account may not be used.
    Wrong,
    /// The directory gave no answer.
    Not,
}

/// Asks the directory about `someone`, who typed `name`, by `ask`, within the limits.
///
/// # Errors
/// See [`PasswordFailure`].
pub(super) async fn within<S: Someone, T>(
    federation: &Federation,
    name: &SignInName,
    context: &RequestContext,
    someone: S,
    ask: impl AsyncFnOnce(S) -> Result<T, SignInRefusal>,
) -> Result<T, PasswordFailure> {
    let refused = |reason| PasswordFailure::Refused(SignInRefusal::Incorrect(reason));
    let account = key(someone.digest(), name);
    let admission = match admit(federation, account, name, context).await {
        Ok(admission) => admission,
        Err(NotAdmitted::Store(error)) => return Err(PasswordFailure::Uncounted(error)),
        Err(NotAdmitted::LockedOut) => {
            someone.wait_as_refused().await;
            return Err(refused(Reason::ExtranetLockout));
        }
        Err(NotAdmitted::Banned) => {
            someone.wait_as_refused().await;
            return Err(refused(Reason::BannedAddress));
        }
    };
    let answer = ask(someone).await;
    let judged = match &answer {
        Ok(_) | Err(SignInRefusal::MustChangePassword(_)) => Judged::Right,
        Err(SignInRefusal::Incorrect(_)) => Judged::Wrong,
        Err(SignInRefusal::Unavailable(_)) => Judged::Not,
    };
    settle(federation, admission, judged, context)
        .await
        .map_err(PasswordFailure::Uncounted)?;
    answer.map_err(PasswordFailure::Refused)
}

/// Counts an attempt.
async fn admit(
    federation: &Federation,
    account: [u8; 32],
    name: &SignInName,
    context: &RequestContext,
) -> Result<Admission, NotAdmitted> {
    let configuration = federation.configuration.load_full();
    let lockout = &configuration.properties.extranet_lockout;
    if context.network_location == NetworkLocation::Intranet {
        return Ok(Admission::Uncounted);
    }
    let addresses = presented(context);
    let all = addresses.iter().flatten().chain([&context.client_ip]);
    if all
        .into_iter()
        .any(|address| lockout.banned.iter().any(|range| range.contains(*address)))
    {
        return Err(NotAdmitted::Banned);
    }
    if !lockout.enabled {
        return Ok(Admission::Uncounted);
    }
    let now = federation.clock.now();
    let mode = mode(federation, lockout, now)
        .await
        .map_err(NotAdmitted::Store)?;
    let user: String = name.to_string().chars().take(MAX_NAME).collect();
    let typed = user.clone();
    let (familiar, verdict, reached) = federation
        .store
        .change_account_activity(&account, now, |activity| {
            activity.name = typed;
            let familiar = mode != LockoutMode::AdPasswordCounter
                && is_familiar(activity, addresses.as_deref());
            let (failures, threshold) = if familiar {
                (&mut activity.familiar, lockout.threshold_familiar_location)
            } else {
                (&mut activity.unknown, lockout.threshold)
            };
            let verdict = count(failures, threshold, lockout.observation_window, now);
            let reached = verdict == Verdict::Within && failures.count == threshold;
            (familiar, verdict, reached)
        })
        .await
        .map_err(NotAdmitted::Store)?;
    let event = |event| audit::lockout(context.activity_id, &user, context.client_ip, event);
    if reached {
        event(LockoutEvent::ThresholdReached);
    }
    let over = verdict == Verdict::Over;
    if over && mode != LockoutMode::LogOnly {
        return Err(NotAdmitted::LockedOut);
    }
    if over {
        event(LockoutEvent::LetThrough);
    }
    Ok(Admission::Counted(Count {
        account,
        user,
        familiar,
        over,
        added: verdict == Verdict::Within,
        addresses,
    }))
}

/// Corrects the count of an attempt that was not wrong.
///
/// # Errors
/// When the store does not answer. The attempt stays counted as wrong then, which is safe.
async fn settle(
    federation: &Federation,
    admission: Admission,
    judged: Judged,
    context: &RequestContext,
) -> Result<(), StoreError> {
    let Admission::Counted(attempt) = admission else {
        return Ok(());
    };
    if judged == Judged::Wrong {
        return Ok(());
    }
    let now = federation.clock.now();
    federation
        .store
        .change_account_activity(&attempt.account, now, |activity| {
            let failures = if attempt.familiar {
                &mut activity.familiar
            } else {
                &mut activity.unknown
            };
            if judged == Judged::Right {
                *failures = Failures::default();
                remember(activity, attempt.addresses.as_deref().unwrap_or_default());
            } else if attempt.added {
                failures.count = failures.count.saturating_sub(1);
            }
        })
        .await?;
    if judged == Judged::Right && attempt.over {
        let event = LockoutEvent::RightPasswordWhileLocked;
        audit::lockout(context.activity_id, &attempt.user, context.client_ip, event);
    }
    Ok(())
}

async fn mode(
    federation: &Federation,
    lockout: &ExtranetLockout,
    now: OffsetDateTime,
) -> Result<LockoutMode, StoreError> {
    if let Some(mode) = lockout.mode {
        return Ok(mode);
    }
    let since = match federation.installed_since.get() {
        Some(since) => *since,
        None => {
            let since = federation.store.installed_since(now).await?;
            *federation.installed_since.get_or_init(|| since)
        }
    };
    Ok(if now - since < GETTING_TO_KNOW {
        LockoutMode::LogOnly
    } else {
        LockoutMode::Enforce
    })
}

/// What is counted by: the account, whatever it is called (`digest`), or else the name that nobody has, in one spelling.
pub fn key(digest: Option<[u8; 32]>, name: &SignInName) -> [u8; 32] {
    digest.unwrap_or_else(|| {
        let mut hash = Sha256::new();
        hash.update(b"name\0");
        hash.update(name.to_string().to_lowercase().as_bytes());
        hash.finish()
    })
}

/// Every address that the request shows (spec security LOCK-5); `None` when one of them cannot be read, and then the
/// request is not familiar.
fn presented(context: &RequestContext) -> Option<Vec<IpAddr>> {
    let mut addresses = vec![context.client_ip.to_canonical()];
    if let Some(forwarded) = &context.forwarded_client_ip {
        for text in forwarded.split(',') {
            let address: IpAddr = text.trim().parse().ok()?;
            let address = address.to_canonical();
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    // A longer list would push every familiar address out.
    (addresses.len() <= REMEMBERED / 2).then_some(addresses)
}

fn is_familiar(activity: &AccountActivity, addresses: Option<&[IpAddr]>) -> bool {
    addresses.is_some_and(|addresses| {
        addresses
            .iter()
            .all(|address| activity.locations.contains(address))
    })
}

fn remember(activity: &mut AccountActivity, addresses: &[IpAddr]) {
    let known = std::mem::take(&mut activity.locations);
    let older = known
        .into_iter()
        .filter(|address| !addresses.contains(address));
    activity.locations = addresses.iter().copied().chain(older).collect();
    activity.locations.truncate(REMEMBERED);
}

/// What the counter says of one more attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Below the threshold, and counted.
    Within,
    /// At the threshold, but the one attempt that each window has.
    OncePerWindow,
    /// At the threshold.
    Over,
}

/// Counts one more wrong password, unless it is one too many.
fn count(
    failures: &mut Failures,
    threshold: u32,
    window: Duration,
    now: OffsetDateTime,
) -> Verdict {
    // A clock that was set back must not open the account.
    let has_passed = failures.last.is_none_or(|last| now - last > window);
    let verdict = if failures.count >= threshold {
        if has_passed {
            Verdict::OncePerWindow
        } else {
            return Verdict::Over;
        }
    } else {
        if has_passed {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        Verdict::Within
    };
    failures.last = Some(failures.last.map_or(now, |last| last.max(now)));
    verdict
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);
    const WINDOW: Duration = Duration::minutes(30);

    fn context(client: &str, forwarded: Option<&str>) -> RequestContext {
        RequestContext {
            activity_id: uuid::Uuid::nil(),
            network_location: NetworkLocation::Extranet,
            client_ip: client.parse().unwrap(),
            peer_ip: "127.0.0.1".parse().unwrap(),
            endpoint_path: "/adfs/ls/".to_owned(),
            forwarded_client_ip: forwarded.map(str::to_owned),
            proxy: Some("wap".to_owned()),
            user_agent: None,
            relying_party_id: None,
        }
    }

    #[test]
    fn the_threshold_holds_and_each_window_has_one_attempt() {
        let mut failures = Failures::default();
        let mut at =
            |minutes: i64| count(&mut failures, 3, WINDOW, NOW + Duration::minutes(minutes));
        assert_eq!([at(0), at(1), at(2)], [Verdict::Within; 3]);
        assert_eq!([at(3), at(32)], [Verdict::Over; 2]);
        assert_eq!(at(33), Verdict::OncePerWindow);
        assert_eq!([at(34), at(63)], [Verdict::Over; 2]);
        assert_eq!(at(64), Verdict::OncePerWindow);
        // The clock goes back.
        assert_eq!(at(-600), Verdict::Over);
    }

    #[test]
    fn failures_below_the_threshold_are_forgotten_after_the_window() {
        let mut failures = Failures::default();
        let mut at = |minutes: i64| {
            count(&mut failures, 3, WINDOW, NOW + Duration::minutes(minutes));
            failures.count
        };
        assert_eq!([at(0), at(30), at(61), at(62), at(63)], [1, 2, 1, 2, 3]);
    }

    #[test]
    fn a_place_is_familiar_when_all_its_addresses_are() {
        let mut activity = AccountActivity::default();
        let office = context("192.0.2.1", Some("10.0.0.1, 192.0.2.1"));
        let addresses = presented(&office).unwrap();
        assert!(!is_familiar(&activity, Some(&addresses)));
        remember(&mut activity, &addresses);
        for (client, forwarded, familiar) in [
            ("192.0.2.1", Some("10.0.0.1, 192.0.2.1"), true),
            ("192.0.2.1", None, true),
            ("::ffff:192.0.2.1", None, true),
            ("192.0.2.1", Some("10.0.0.2, 192.0.2.1"), false),
            ("192.0.2.1", Some("10.0.0.1, nonsense"), false),
            ("192.0.2.2", None, false),
        ] {
            let addresses = presented(&context(client, forwarded));
            assert_eq!(
                is_familiar(&activity, addresses.as_deref()),
                familiar,
                "{client} {forwarded:?}"
            );
        }
        // An attacker who once knew the password cannot push the office out with one request.
        let long = vec!["203.0.113.1"; 40].join(", ");
        assert!(presented(&context("203.0.113.1", Some(&long))).is_some());
        let many: Vec<String> = (0..40).map(|last| format!("203.0.113.{last}")).collect();
        assert_eq!(
            presented(&context("203.0.113.1", Some(&many.join(",")))),
            None
        );
    }

    proptest! {
        #[test]
        fn no_window_has_more_attempts_than_the_threshold(
            gaps in proptest::collection::vec(0_i64..2_400, 1..200),
            threshold in 1_u32..12,
        ) {
            let mut failures = Failures::default();
            let mut now = NOW;
            let mut admitted: Vec<OffsetDateTime> = Vec::new();
            for gap in gaps {
                now += Duration::seconds(gap);
                if count(&mut failures, threshold, WINDOW, now) != Verdict::Over {
                    admitted.push(now);
                }
                let within = admitted.iter().filter(|at| now - **at < WINDOW).count();
                prop_assert!(within <= threshold as usize, "{within} attempts in one window");
            }
        }
    }
}
