//! Keeps the snapshot of what is published current (spec proxy-integration 8.2). Whatever fails, the last good one
//! stays in force, and it is on disk, so that a proxy can start while the federation server is down.

use std::sync::Arc;

use bytes::Bytes;
use federation::proxy::Configuration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::applications::Applications;
use crate::service::ServiceError;
use crate::state::State;

/// Follows the federation server until `stop`.
pub(crate) struct Follower {
    state: Arc<State>,
    configuration: Bytes,
    applications_version: Option<i64>,
    failing: bool,
}

impl Follower {
    /// Begins with what the last run left on disk.
    pub(crate) fn new(state: Arc<State>) -> Follower {
        let mut follower = Follower {
            state,
            configuration: Bytes::new(),
            applications_version: None,
            failing: false,
        };
        follower.recall();
        follower
    }

    fn recall(&mut self) {
        let folder = &self.state.folder;
        match folder.configuration() {
            Ok(Some(json)) => match federation::proxy::read::<Configuration>(&json) {
                Ok(configuration) => {
                    self.publish_endpoints(&configuration);
                    self.configuration = json.into();
                }
                Err(error) => tracing::warn!("the saved configuration is left aside: {error}"),
            },
            Ok(None) => {}
            Err(error) => tracing::warn!("the saved configuration is left aside: {error}"),
        }
        match self.state.folder.applications() {
            Ok(Some(json)) => {
                let read = Applications::read(&json).map_err(ServiceError::from);
                if let Err(error) = read.and_then(|list| self.publish_applications(&list)) {
                    tracing::warn!("the saved list of applications is left aside: {error}");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!("the saved list of applications is left aside: {error}"),
        }
    }

    /// Looks once.
    pub(crate) async fn look(&mut self) -> Result<(), ServiceError> {
        let service = self.state.control.load_full();
        let fetched = service.configuration().await?;
        if fetched.json != self.configuration {
            self.publish_endpoints(&fetched.value);
            self.state.folder.save_configuration(&fetched.json)?;
            self.configuration = fetched.json;
        }
        let key =
            Applications::store_key().map_err(|error| ServiceError::Internal(error.to_string()))?;
        let entry = service.store_entry(&key).await?;
        let version = entry.as_ref().map(|entry| entry.version);
        // No entry is a version too: somebody may have taken it away.
        if version == self.applications_version
            && (version.is_some() || self.state.routes.load().counts().1 == 0)
        {
            return Ok(());
        }
        let json = entry.and_then(|entry| entry.value);
        let list = json
            .as_deref()
            .map_or(Ok(Applications::default()), |json| {
                Applications::read(json.as_bytes())
            })?;
        self.publish_applications(&list)?;
        self.state
            .folder
            .save_applications(list.write()?.as_bytes())?;
        self.applications_version = version;
        Ok(())
    }

    fn publish_endpoints(&self, configuration: &Configuration) {
        let named = &configuration.service_configuration.service_host_name;
        let own = &self.state.configuration.federation_service.name;
        if !named.eq_ignore_ascii_case(own.as_str()) {
            tracing::warn!(theirs = named, ours = %own, "the federation server calls itself otherwise than federation_service.name");
        }
        let routes = self.state.routes.load().with_endpoints(configuration);
        tracing::info!(
            event_id = 245,
            endpoints = routes.counts().0,
            "the federation server's configuration is in force"
        );
        self.state.routes.store(Arc::new(routes));
    }

    fn publish_applications(&self, list: &Applications) -> Result<(), ServiceError> {
        let routes = self
            .state
            .routes
            .load()
            .with_applications(list, &self.state.configuration)?;
        tracing::info!(
            applications = routes.counts().1,
            "published applications are in force"
        );
        self.state.routes.store(Arc::new(routes));
        Ok(())
    }

    /// Looks again and again, and whenever that is `asked`.
    pub(crate) async fn run(mut self, mut asked: watch::Receiver<()>, stop: CancellationToken) {
        let pause = self
            .state
            .configuration
            .federation_service
            .poll_interval
            .get();
        loop {
            match self.look().await {
                Ok(()) if self.failing => {
                    self.failing = false;
                    tracing::info!("the federation server answers again");
                }
                Ok(()) => {}
                // One line when it begins; the same every poll would bury the rest.
                Err(error) if !self.failing => {
                    self.failing = true;
                    tracing::warn!(
                        event_id = 422,
                        "the last good configuration stays in force: {error}"
                    );
                }
                Err(error) => tracing::debug!("still: {error}"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                Ok(()) = asked.changed() => {}
            }
        }
    }
}
