//! One server with its two pools: connections of the service account that search, and connections that only ever carry
//! binds of users. They are never mixed, so no search runs with a user's rights.
//!
//! A connection for binds is kept, because a new one costs a TLS handshake. Each bind ends the authentication before it
//! (RFC 4511 section 4.2.1), and nothing but binds is ever sent on it.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool::Runtime;
use deadpool::managed::{
    self, BuildError, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult,
};
use ldap3::LdapResult;

use super::connection::{Connection, Connector, Fault, Found, Search};
use super::health::Health;
use super::password::Password;
use crate::config::{DirectoryConfig, ServiceAccount};

/// Connections older than this are replaced, so that load balancers and changed service accounts take effect.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);
/// Longest wait for a free connection.
const POOL_WAIT: Duration = Duration::from_secs(2);

/// A server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) url: String,
    pub(super) health: Health,
    search: Pool<Manager>,
    bind: Pool<Manager>,
    trial: Duration,
}

/// Makes connections, bound to the service account or to nobody.
pub(super) struct Manager {
    connector: Arc<Connector>,
    account: Option<ServiceAccount>,
}

impl std::fmt::Debug for Manager {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Manager({})", self.connector.address.url())
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = Fault;

    async fn create(&self) -> Result<Connection, Fault> {
        let mut connection = self.connector.connect().await?;
        if let Some(account) = &self.account {
            let result = connection
                .bind(&account.bind_dn, account.password.expose())
                .await?;
            if result.rc != 0 {
                return Err(
                    Fault::unless_served(result).map_or_else(|fault| fault, Fault::ServiceAccount)
                );
            }
        }
        Ok(connection)
    }

    async fn recycle(
        &self,
        connection: &mut Connection,
        metrics: &Metrics,
    ) -> RecycleResult<Fault> {
        if connection.is_usable() && metrics.age() < MAX_AGE {
            Ok(())
        } else {
            Err(RecycleError::message("broken or too old"))
        }
    }
}

/// What can be asked of any server of a directory.
pub(super) trait Operation: Sync {
    type Output: Send;

    fn pool<'s>(&self, server: &'s Server) -> &'s Pool<Manager>;

    fn perform(
        &self,
        connection: &mut Connection,
    ) -> impl Future<Output = Result<Self::Output, Fault>> + Send;
}

impl Operation for Search {
    type Output = Found;

    fn pool<'s>(&self, server: &'s Server) -> &'s Pool<Manager> {
        &server.search
    }

    async fn perform(&self, connection: &mut Connection) -> Result<Found, Fault> {
        connection.search(self).await
    }
}

/// A bind as a user.
pub(super) struct UserBind<'a> {
    pub(super) dn: &'a str,
    pub(super) password: &'a Password,
}

impl Operation for UserBind<'_> {
    type Output = LdapResult;

    fn pool<'s>(&self, server: &'s Server) -> &'s Pool<Manager> {
        &server.bind
    }

    async fn perform(&self, connection: &mut Connection) -> Result<LdapResult, Fault> {
        Fault::unless_served(connection.bind(self.dn, self.password.expose()).await?)
    }
}

impl Server {
    pub(super) fn new(
        connector: &Arc<Connector>,
        config: &DirectoryConfig,
    ) -> Result<Server, BuildError> {
        let pool = |account: Option<ServiceAccount>| {
            Pool::builder(Manager {
                connector: Arc::clone(connector),
                account,
            })
            .max_size(config.pool_size)
            .wait_timeout(Some(POOL_WAIT))
            .runtime(Runtime::Tokio1)
            .build()
        };
        Ok(Server {
            url: connector.address.url(),
            health: Health::new(Instant::now()),
            search: pool(Some(config.service_account.clone()))?,
            bind: pool(None)?,
            trial: config.connect_timeout + config.operation_timeout,
        })
    }

    /// How long a first operation on a new connection may take.
    pub(super) fn trial(&self) -> Duration {
        self.trial
    }

    /// Performs an operation, and remembers whether the server served.
    pub(super) async fn perform<O: Operation>(&self, operation: &O) -> Result<O::Output, Fault> {
        let performed = self.perform_on_pool(operation).await;
        match &performed {
            Ok(_) => self.health.succeeded(),
            Err(Fault::ServiceAccount(_)) => self.health.refused_service_account(Instant::now()),
            // That all connections are in use is no fault of the server.
            Err(Fault::Busy) => (),
            Err(fault) if fault.is_the_servers() => self.health.failed(Instant::now()),
            Err(_) => self.health.succeeded(),
        }
        performed
    }

    async fn perform_on_pool<O: Operation>(&self, operation: &O) -> Result<O::Output, Fault> {
        let pool = operation.pool(self);
        let mut connection = acquire(pool).await?;
        let had_been_used = Object::metrics(&connection).recycled.is_some();
        match operation.perform(&mut connection).await {
            Err(Fault::Lost(_)) if had_been_used => {
                // It most likely broke while it waited, as when the server was started anew, and so did the others.
                drop(connection);
                pool.retain(|_, _| false);
                let mut fresh = acquire(pool).await?;
                operation.perform(&mut fresh).await
            }
            other => other,
        }
    }

    /// Finds out whether it serves again.
    pub(super) async fn examine(&self) {
        match acquire(&self.search).await {
            Ok(_) => self.health.succeeded(),
            Err(Fault::ServiceAccount(_)) => self.health.refused_service_account(Instant::now()),
            Err(_) => self.health.failed(Instant::now()),
        }
    }
}

async fn acquire(pool: &Pool<Manager>) -> Result<Object<Manager>, Fault> {
    pool.get().await.map_err(|error| match error {
        PoolError::Backend(fault) => fault,
        PoolError::Timeout(_) => Fault::Busy,
        other => Fault::Connect(other.to_string()),
    })
}
