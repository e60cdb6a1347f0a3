//! Records about the metadata of partners (spec passive-sign-in 8.3: 156, 157, 163).

use super::{Clean, TARGET};

/// What happens when trusts are compared with the metadata of their partners.
#[derive(Debug, Clone, Copy)]
pub enum MonitoringEvent<'a> {
    /// 156: a cycle begins.
    Started {
        /// Trusts that are due.
        trusts: usize,
    },
    /// 157: it is over.
    Done {
        /// Trusts that were compared.
        compared: usize,
        /// Trusts whose metadata could not be had or used.
        failed: usize,
    },
    /// 163: the metadata of a trust could not be had or used; it stays as it is.
    Failed {
        /// Name of the trust.
        trust: &'a str,
        /// Where the metadata are.
        url: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// The metadata say something else than the trust. AD FS sets ConflictWithPublishedPolicy.
    Differs {
        /// Name of the trust.
        trust: &'a str,
        /// One setting.
        difference: &'a str,
    },
    /// The trust was changed to what the metadata say.
    Updated {
        /// Name of the trust.
        trust: &'a str,
        /// One setting.
        difference: &'a str,
    },
}

/// Writes what happened.
pub fn monitoring(event: &MonitoringEvent<'_>) {
    match *event {
        MonitoringEvent::Started { trusts } => tracing::info!(
            target: TARGET,
            event_id = 156,
            trusts,
            "the monitoring of trusts has started"
        ),
        MonitoringEvent::Done { compared, failed } => tracing::info!(
            target: TARGET,
            event_id = 157,
            compared,
            failed,
            "the monitoring of trusts is done"
        ),
        MonitoringEvent::Failed { trust, url, reason } => tracing::warn!(
            target: TARGET,
            event_id = 163,
            trust = %Clean(trust),
            url = %Clean(url),
            reason = %Clean(reason),
            "the metadata of a trust cannot be used; the trust stays as it is"
        ),
        MonitoringEvent::Differs { trust, difference } => tracing::warn!(
            target: TARGET,
            trust = %Clean(trust),
            difference = %Clean(difference),
            "the metadata of a trust say something else; `adfs relying-party update` or `adfs claims-provider update` shows \
             and takes it"
        ),
        MonitoringEvent::Updated { trust, difference } => tracing::warn!(
            target: TARGET,
            trust = %Clean(trust),
            difference = %Clean(difference),
            "a trust was changed to what its metadata say"
        ),
    }
}
