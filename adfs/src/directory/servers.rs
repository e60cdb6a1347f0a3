//! The servers of one directory, and which of them is asked.

use std::sync::Arc;
use std::time::Instant;

use super::DirectoryError;
use super::connection::Fault;
use super::health::Advice;
use super::server::{Operation, Server};

/// Servers with the same content.
#[derive(Debug)]
pub(super) struct Servers {
    directory: String,
    servers: Vec<Arc<Server>>,
}

impl Servers {
    pub(super) fn new(directory: &str, servers: Vec<Server>) -> Servers {
        let servers = servers.into_iter().map(Arc::new).collect();
        Servers {
            directory: directory.to_owned(),
            servers,
        }
    }

    /// Performs an operation on the first server that serves.
    ///
    /// # Errors
    /// When none does, or one refuses the operation itself.
    pub(super) async fn run<O: Operation>(
        &self,
        operation: &O,
    ) -> Result<O::Output, DirectoryError> {
        let mut failure = DirectoryError::Recovering {
            directory: self.directory.clone(),
        };
        for server in self.order() {
            match server.perform(operation).await {
                Ok(output) => return Ok(output),
                Err(fault) => {
                    tracing::warn!(directory = %self.directory, server = %server.url, %fault, "a directory server failed");
                    failure = self.error(&fault, &server.url);
                    if !fault.is_the_servers() {
                        break;
                    }
                }
            }
        }
        Err(failure)
    }

    /// The servers in the order in which to ask them: those that answered the last time, then the others. Empty when
    /// all failed moments ago, so that nobody waits for them.
    fn order(&self) -> Vec<Arc<Server>> {
        let (mut good, mut rested, mut resting) = (Vec::new(), Vec::new(), Vec::new());
        let now = Instant::now();
        for server in &self.servers {
            let group = match server.health.advice(now, server.trial()) {
                Advice::Use => &mut good,
                Advice::Try => &mut rested,
                Advice::Leave => &mut resting,
            };
            group.push(Arc::clone(server));
        }
        match (good.is_empty(), rested.is_empty()) {
            (true, true) => return Vec::new(),
            (true, false) => good = rested,
            (false, _) => {
                // A request that can be served is not made to wait for a server that most likely cannot.
                for server in rested {
                    resting.push(Arc::clone(&server));
                    tokio::spawn(async move { server.examine().await });
                }
            }
        }
        good.extend(resting);
        good
    }

    pub(super) fn error(&self, fault: &Fault, server: &str) -> DirectoryError {
        let directory = self.directory.clone();
        let reason = format!("{server}: {fault}");
        match fault {
            Fault::ServiceAccount(_) => DirectoryError::ServiceAccount { directory, reason },
            Fault::Answer(_) => DirectoryError::Refused { directory, reason },
            Fault::Timeout => DirectoryError::Timeout { directory },
            Fault::Busy | Fault::Connect(_) | Fault::Lost(_) => {
                DirectoryError::Unavailable { directory, reason }
            }
        }
    }
}
