//! Whom a typed name means, before a password is tried.

use std::sync::Arc;
use std::time::Instant;

use super::entry::Entry;
use super::realm::Realm;
use super::reason::Reason;

/// The account that a name means, or nobody. Nothing is proved yet: only [`super::Directory::try_password`] makes an
/// authenticated account of it.
#[derive(Debug)]
pub struct Candidate {
    pub(super) realm: Arc<Realm>,
    pub(super) who: Result<Entry, Reason>,
    pub(super) start: Instant,
}

impl Candidate {
    /// Stands for the account, if there is exactly one.
    pub fn digest(&self) -> Option<[u8; 32]> {
        let entry = self.who.as_ref().ok()?;
        Some(self.realm.subject_of(entry)?.digest())
    }

    /// Waits until the attempt has taken as long as a refused one takes, for whoever refuses it without asking the
    /// directory and must not tell that (spec security PWD-8).
    pub async fn wait_as_refused(self) {
        self.realm.wait_as_refused(self.start).await;
    }
}
