//! When certificates are replaced (spec passive-sign-in 9). Decisions only; [`super::change`] carries them out.
//!
//! A successor is made some days before the primary certificate expires and published as secondary one, so that partners
//! who follow our metadata know it before anything is signed with it. Then it becomes primary, and the one before it stays
//! published until it expires.

use time::OffsetDateTime;

use super::ListedCertificate;
use crate::config::CertificateRollover;

/// What the decision needs to know of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) published: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
}

impl Life {
    pub(super) fn of(listed: &ListedCertificate) -> Life {
        Life {
            published: listed.published,
            not_after: listed.certificate.not_after(),
        }
    }
}

/// What to do next with the certificates of one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Make a successor and publish it as secondary certificate.
    Generate,
    /// Make the secondary certificate at this place the primary one. `urgent`: partners had no time to learn of it.
    Promote { at: usize, urgent: bool },
    /// Stop publishing the secondary certificate at this place: it has expired.
    Retire { at: usize },
}

/// The next step at `now`, if one is due. `lives` has the primary certificate first. With `held`, somebody needs the
/// successor to wait, which it does until it is critical.
pub(super) fn next_step(
    lives: &[Life],
    rollover: &CertificateRollover,
    now: OffsetDateTime,
    held: bool,
) -> Option<Step> {
    let (primary, secondary) = lives.split_first()?;
    if let Some(at) = secondary.iter().position(|life| life.not_after <= now) {
        return Some(Step::Retire { at: at + 1 });
    }
    let left = primary.not_after - now;
    if successor(primary, secondary).is_none() && left <= rollover.generation_threshold {
        return Some(Step::Generate);
    }
    // A successor that was made on command becomes primary in its time, too.
    promotion(primary, secondary, rollover, now, held)
}

fn promotion(
    primary: &Life,
    secondary: &[Life],
    rollover: &CertificateRollover,
    now: OffsetDateTime,
    held: bool,
) -> Option<Step> {
    let (at, life) = successor(primary, secondary)?;
    let waited = now - life.published >= rollover.promotion_threshold && !held;
    let critical = primary.not_after - now <= rollover.critical_threshold;
    (waited || critical).then_some(Step::Promote {
        at: at + 1,
        urgent: !waited,
    })
}

/// The secondary certificate that outlives the primary one, the longest-lived if there are several.
fn successor<'l>(primary: &Life, secondary: &'l [Life]) -> Option<(usize, &'l Life)> {
    let later = secondary.iter().enumerate();
    later
        .filter(|(_, life)| life.not_after > primary.not_after)
        .max_by_key(|(_, life)| life.not_after)
}

/// What is going to happen to a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedStep {
    /// Its successor is made and published.
    Succession,
    /// It becomes primary.
    Promotion,
    /// It would become primary, and waits for relying parties until it has to.
    HeldPromotion,
    /// It is no longer published.
    Retirement,
}

/// The next step of each certificate, and when that is due, unless something else happens before. `None` for a primary
/// certificate whose successor is there.
pub(super) fn planned(
    lives: &[Life],
    rollover: &CertificateRollover,
    held: bool,
) -> Vec<Option<(PlannedStep, OffsetDateTime)>> {
    let Some((primary, secondary)) = lives.split_first() else {
        return Vec::new();
    };
    let successor = successor(primary, secondary);
    let of_primary = successor.is_none().then(|| {
        let due = primary
            .not_after
            .saturating_sub(rollover.generation_threshold);
        (PlannedStep::Succession, due)
    });
    let critical = primary
        .not_after
        .saturating_sub(rollover.critical_threshold);
    let of_secondary = secondary.iter().enumerate().map(|(at, life)| {
        Some(match successor {
            Some((chosen, _)) if chosen == at && held => (PlannedStep::HeldPromotion, critical),
            Some((chosen, _)) if chosen == at => {
                let waited = life.published.saturating_add(rollover.promotion_threshold);
                (PlannedStep::Promotion, waited.min(critical))
            }
            _ => (PlannedStep::Retirement, life.not_after),
        })
    });
    std::iter::once(of_primary).chain(of_secondary).collect()
}

/// Place of the certificate that is going to be primary.
pub(super) fn successor_of(lives: &[Life]) -> Option<usize> {
    let (primary, secondary) = lives.split_first()?;
    successor(primary, secondary).map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const BEGIN: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn life(published: i64, not_after: i64) -> Life {
        Life {
            published: BEGIN + Duration::days(published),
            not_after: BEGIN + Duration::days(not_after),
        }
    }

    #[test]
    fn the_time_line_of_the_specification() {
        let (old, new, older) = (life(0, 365), life(345, 710), life(-345, 10));
        let promote = |urgent| Some(Step::Promote { at: 1, urgent });
        for (day, lives, step) in [
            (0, vec![old], None),
            (344, vec![old], None),
            (345, vec![old], Some(Step::Generate)),
            (345, vec![old, new], None),
            (349, vec![old, new], None),
            (350, vec![old, new], promote(false)),
            (350, vec![new, old], None),
            (364, vec![new, old], None),
            (365, vec![new, old], Some(Step::Retire { at: 1 })),
            (365, vec![new], None),
            // Late: made and promoted at once.
            (363, vec![old], Some(Step::Generate)),
            (363, vec![old, life(363, 728)], promote(true)),
            (362, vec![old, life(361, 726)], None),
            (400, vec![old], Some(Step::Generate)),
            (400, vec![old, life(400, 765)], promote(true)),
            // Those before the primary one are no successors.
            (5, vec![old, older], None),
            (350, vec![old, life(1, 360)], Some(Step::Generate)),
            (400, vec![], None),
        ] {
            let now = BEGIN + Duration::days(day);
            let found = next_step(&lives, &CertificateRollover::default(), now, false);
            assert_eq!(found, step, "day {day} {lives:?}");
        }
    }

    #[test]
    fn a_held_successor_waits_until_it_is_critical() {
        let lives = [life(0, 365), life(345, 710)];
        let rollover = CertificateRollover::default();
        for (day, step) in [
            (349, None),
            (350, None),
            (362, None),
            (
                363,
                Some(Step::Promote {
                    at: 1,
                    urgent: true,
                }),
            ),
        ] {
            let now = BEGIN + Duration::days(day);
            assert_eq!(next_step(&lives, &rollover, now, true), step, "day {day}");
        }
        // What expires and what must be made waits for nobody.
        let now = BEGIN + Duration::days(345);
        assert_eq!(
            next_step(&[life(0, 365)], &rollover, now, true),
            Some(Step::Generate)
        );
    }

    #[test]
    fn what_is_planned_is_what_happens_at_that_minute_and_not_before() {
        let rollover = CertificateRollover::default();
        for (lives, held, plan) in [
            (
                vec![life(0, 365)],
                false,
                vec![Some((PlannedStep::Succession, 345))],
            ),
            (
                vec![life(0, 365), life(345, 710)],
                false,
                vec![None, Some((PlannedStep::Promotion, 350))],
            ),
            (
                vec![life(0, 365), life(345, 710)],
                true,
                vec![None, Some((PlannedStep::HeldPromotion, 363))],
            ),
            (
                vec![life(0, 365), life(361, 710)],
                false,
                vec![None, Some((PlannedStep::Promotion, 363))],
            ),
            (
                vec![life(345, 710), life(0, 365)],
                false,
                vec![
                    Some((PlannedStep::Succession, 690)),
                    Some((PlannedStep::Retirement, 365)),
                ],
            ),
        ] {
            let at = |day| BEGIN + Duration::days(day);
            let plan: Vec<_> = plan
                .into_iter()
                .map(|step| step.map(|(step, day)| (step, at(day))))
                .collect();
            assert_eq!(planned(&lives, &rollover, held), plan, "{lives:?}");
            let first = plan
                .iter()
                .flatten()
                .map(|(_, due)| *due)
                .min()
                .expect("a step");
            assert_eq!(
                next_step(&lives, &rollover, first - Duration::SECOND, held),
                None
            );
            assert!(
                next_step(&lives, &rollover, first, held).is_some(),
                "{lives:?}"
            );
        }
    }
}
