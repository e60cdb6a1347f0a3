//! Follows the metadata of partners while the server runs (spec passive-sign-in 4.3): the one place that fetches by itself.
//!
//! Each trust that wants it has its own next time, in the store, so that a restart fetches nothing again. What a trust
//! cannot take automatically is reported once and waits for `adfs relying-party update`.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::task::spawn_blocking;

use crate::audit::{self, MonitoringEvent};
use crate::partner_metadata::{Compared, Extent, Fetch, Partner, Source, Update, remembered};
use crate::state::Federation;
use crate::store::{MetadataCheck, StoreError};

const LOOK: Duration = Duration::from_secs(15);
/// A part of the interval by which chance may have put a time off, and a bit.
const LATEST: f64 = 1.2;

/// For as long as the server runs.
pub(super) async fn follow(federation: Arc<Federation>) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failure = None;
    loop {
        looks.tick().await;
        let failed = round(&federation)
            .await
            .err()
            .map(|error| error.to_string());
        // A lasting failure is one record, not four a minute.
        if let Some(error) = &failed
            && failure.as_ref() != Some(error)
        {
            tracing::error!(%error, "the metadata of partners are not followed");
        }
        failure = failed;
    }
}

/// Looks at what is due now. True when anything was.
pub(super) async fn round(federation: &Arc<Federation>) -> Result<bool, StoreError> {
    let configuration = federation.configuration.load_full();
    let interval = configuration.properties.monitoring_interval;
    let now = federation.clock.now();
    let mut known: HashMap<String, MetadataCheck> = HashMap::new();
    for check in federation.store.metadata_checks().await? {
        known.insert(check.partner.clone(), check);
    }
    let partners: Vec<Partner> = Partner::all(&configuration).collect();
    let keys: HashSet<String> = partners.iter().map(Partner::key).collect();
    for gone in known.keys().filter(|key| !keys.contains(*key)) {
        federation.store.forget_metadata_check(gone).await?;
    }
    let due: Vec<Partner> = partners
        .into_iter()
        .filter(Partner::is_monitored)
        .filter(|partner| is_due(partner, known.get(&partner.key()), interval, now))
        .collect();
    if due.is_empty() {
        return Ok(false);
    }
    audit::monitoring(&MonitoringEvent::Started { trusts: due.len() });
    let (mut fetched, mut failed) = (Fetched::default(), 0);
    for partner in &due {
        let before = known.get(&partner.key());
        let outcome = match fetched.document(partner).await {
            Ok(document) => compare(federation, partner, document, now).await,
            Err(error) => Err(error),
        };
        failed += usize::from(outcome.is_err());
        let check = remembered(partner, before, &outcome, interval, now);
        report(partner, before, &check, &outcome);
        federation.store.note_metadata_check(&check).await?;
    }
    audit::monitoring(&MonitoringEvent::Done {
        compared: due.len() - failed,
        failed,
    });
    Ok(true)
}

/// A clock that was set back, a shorter interval and another address must not leave a trust alone for long.
fn is_due(
    partner: &Partner,
    last: Option<&MetadataCheck>,
    interval: time::Duration,
    now: OffsetDateTime,
) -> bool {
    let Some(last) = last else {
        return true;
    };
    let latest = last.checked.saturating_add(interval * LATEST);
    let url = partner.source().url.as_ref();
    now >= last.due.min(latest)
        || now < last.checked
        || url.is_none_or(|url| url.as_str() != last.url)
}

/// Address, authorities and whether it may be a private one.
type How = (String, Option<PathBuf>, bool);

/// Documents of one cycle: many trusts may follow one, of a whole federation.
#[derive(Default)]
struct Fetched {
    last: Option<(How, Result<Arc<str>, String>)>,
}

impl Fetched {
    async fn document(&mut self, partner: &Partner) -> Result<Arc<str>, String> {
        let source = partner.source();
        let Some(url) = &source.url else {
            return Err("the trust has no metadata_url".to_owned());
        };
        let how = (
            url.to_string(),
            source.ca_file.clone(),
            source.allow_private_addresses,
        );
        if let Some((same, document)) = &self.last
            && *same == how
        {
            return document.clone();
        }
        let fetched = Fetch::of(source).document(&Source::Url(url.clone())).await;
        let document = fetched.map(Arc::from).map_err(|error| error.to_string());
        // One at a time: such documents are large.
        self.last = Some((how, document.clone()));
        document
    }
}

async fn compare(
    federation: &Federation,
    partner: &Partner,
    document: Arc<str>,
    now: OffsetDateTime,
) -> Result<Compared, String> {
    let (partner, config) = (partner.clone(), federation.path().to_owned());
    let extent = partner
        .source()
        .auto_update_enabled
        .then_some(Extent::Automatic);
    // Reading a large document, and the whole configuration for the check, would hold up requests.
    let work = spawn_blocking(move || {
        let update = Update::prepare(&config, &partner, &document, now)?;
        Compared::by(&update, &config, extent)
    });
    match work.await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// A difference that stays is told once, a failure each time.
fn report(
    partner: &Partner,
    before: Option<&MetadataCheck>,
    check: &MetadataCheck,
    outcome: &Result<Compared, String>,
) {
    let trust = partner.name();
    match outcome {
        Err(reason) => audit::monitoring(&MonitoringEvent::Failed {
            trust,
            url: &check.url,
            reason,
        }),
        Ok(compared) => {
            let is_news = before.is_none_or(|before| before.pending != check.pending);
            for difference in &compared.differences {
                let stays = compared.left.contains(difference);
                let difference = &difference.to_string();
                if compared.written && !stays {
                    audit::monitoring(&MonitoringEvent::Updated { trust, difference });
                } else if is_news {
                    audit::monitoring(&MonitoringEvent::Differs { trust, difference });
                }
            }
        }
    }
}
