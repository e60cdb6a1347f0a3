//! What came of looking at a partner's metadata, for reports and for the store.

use std::path::Path;

use time::{Duration, OffsetDateTime};

use super::{Difference, Extent, Partner, Update, UpdateError, schedule};
use crate::ids;
use crate::store::MetadataCheck;

/// What became of a trust.
#[derive(Debug)]
pub struct Compared {
    /// Where it differed from the document.
    pub differences: Vec<Difference>,
    /// Where it still does.
    pub left: Vec<Difference>,
    /// Whether it was changed.
    pub written: bool,
}

impl Compared {
    /// Changes the trust to this extent, or leaves it as it is.
    ///
    /// # Errors
    /// [`UpdateError`]; the trust is as it was then.
    pub fn by(
        update: &Update,
        config: &Path,
        extent: Option<Extent>,
    ) -> Result<Compared, UpdateError> {
        let differences = update.differences().to_vec();
        let (left, written) = match extent {
            Some(extent) => (update.left(extent), update.apply(config, extent)?),
            None => (differences.clone(), false),
        };
        Ok(Compared {
            differences,
            left,
            written,
        })
    }
}

/// What the store is to remember after a look, and when the next one is due.
pub fn remembered(
    partner: &Partner,
    before: Option<&MetadataCheck>,
    outcome: &Result<Compared, String>,
    interval: Duration,
    now: OffsetDateTime,
) -> MetadataCheck {
    let url = partner.source().url.as_ref();
    let updated = before.and_then(|check| check.updated);
    // Without chance the time is the same for all, which is no reason to stop.
    let chance = ids::random().map_or(0, u16::from_ne_bytes);
    let (error, pending, succeeded, updated, failures) = match outcome {
        Ok(compared) => (
            None,
            serde_json::to_string(&compared.left).unwrap_or_else(|_| "[]".to_owned()),
            Some(now),
            if compared.written { Some(now) } else { updated },
            0,
        ),
        Err(error) => (
            Some(error.clone()),
            before.map_or_else(|| "[]".to_owned(), |check| check.pending.clone()),
            before.and_then(|check| check.succeeded),
            updated,
            before.map_or(0, |check| check.failures).saturating_add(1),
        ),
    };
    MetadataCheck {
        partner: partner.key(),
        url: url.map(ToString::to_string).unwrap_or_default(),
        checked: now,
        succeeded,
        updated,
        error,
        pending,
        failures,
        due: schedule::next(now, interval, failures, chance),
    }
}
