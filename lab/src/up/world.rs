//! The parts of a running lab, in the order in which they need each other.

use actix_web::dev::ServerHandle;
use actix_web::web::Data;

use super::federation::{Federation, access};
use super::{UpError, UpOptions, announce, publish, step};
use crate::addresses::Addresses;
use crate::backends;
use crate::clock::Clock;
use crate::cloud::{self, Cloud, DirectoryPerson, PersonCard, Published, Realms, Tenant};
use crate::configuration;
use crate::directory::{DirectoryServer, Fixtures, Options, Person};
use crate::pki::Pki;
use crate::processes::{Process, ProcessError};
use crate::terminal::{note, say};

/// What has been started so far. What is not there has not been, or has ended.
///
/// A part that a person starts by hand in place of one that ended is theirs: it is not here and is not stopped.
#[derive(Default)]
pub(super) struct World {
    directory: Option<DirectoryServer>,
    adfs: Option<Process>,
    wap: Option<Process>,
    servers: Vec<ServerHandle>,
    restart: Restart,
}

/// Commands that start a part by hand.
#[derive(Default)]
struct Restart {
    adfs: String,
    wap: String,
}

impl World {
    /// Starts every part and writes the contract.
    pub(super) async fn start(&mut self, options: &UpOptions) -> Result<(), UpError> {
        let UpOptions {
            state, addresses, ..
        } = options;
        let pki = step("certificates", async {
            Pki::open(&state.folder("pki")?, addresses).map_err(UpError::from)
        })
        .await?;
        let fixtures = Fixtures::load()?;
        let people = fixtures.people();
        let tenant = tenant(&fixtures.everyone());
        let access = access(&fixtures);
        let directory = step("directory", directory(addresses, &pki, fixtures)).await?;
        self.directory = Some(directory);
        self.servers.push(
            backends::serve(
                Addresses::loopback(addresses.ports.backends),
                pki.backends.acceptor()?,
            )
            .map_err(UpError::Backends)?,
        );

        let config = state.folder("config")?;
        let adfs_toml =
            configuration::write_adfs(&config, &state.folder("adfs")?, addresses, &pki, &access)?;
        let wap_toml = configuration::write_wap(&config, state.folder("wap")?, addresses, &pki)?;
        let federation = Federation::new(options, &pki, adfs_toml, wap_toml)?;
        let [adfs, wap] = federation.serve_commands();
        self.restart = Restart { adfs, wap };
        self.adfs = Some(step("adfs", federation.start_adfs()).await?);
        step("wap install", federation.install_wap(&access)).await?;
        let published = step("wap publish", publish::publish(&federation, addresses)).await?;
        let (wap, metadata) = step("wap", federation.start_wap(&published)).await?;
        self.wap = Some(wap);

        let realms = Realms::fixtures(
            &addresses.adfs_url(),
            &cloud::signing_certificates(&metadata)?,
        );
        let cloud = Cloud::new(addresses.clone(), realms, tenant, Clock::system())?
            .showing(cards(&people), published.iter().map(card).collect());
        let tls = pki.cloud.acceptor()?;
        self.servers.push(cloud::serve(
            Data::new(cloud),
            Addresses::loopback(addresses.ports.cloud),
            tls,
        )?);

        let pids = self.pids();
        let lab = announce::contract(
            addresses,
            &pki,
            &people,
            published,
            pids,
            federation.config(),
        );
        lab.write(&state.lab_json()).map_err(UpError::Contract)?;
        say(format_args!(
            "\n{}",
            announce::tables(addresses, &lab, state)
        ));
        Ok(())
    }

    /// Tells of each program that ends and how to start it again. Does not return.
    pub(super) async fn watch<T>(&mut self) -> T {
        loop {
            let (ended, commands) = tokio::select! {
                ended = ended(&mut self.adfs) => (ended, self.restart.adfs.as_str()),
                ended = ended(&mut self.wap) => (ended, self.restart.wap.as_str()),
            };
            note(format_args!(
                "{ended}\nEverything else runs on. Start it again with: {commands}"
            ));
        }
    }

    /// Whether nothing runs.
    pub(super) fn is_empty(&self) -> bool {
        let programs = self.adfs.is_some() || self.wap.is_some();
        !programs && self.directory.is_none() && self.servers.is_empty()
    }

    /// Stops every part that runs, from the outside to the inside.
    pub(super) async fn stop(self) {
        if let Some(wap) = self.wap {
            wap.stop().await;
        }
        if let Some(adfs) = self.adfs {
            adfs.stop().await;
        }
        for server in &self.servers {
            server.stop(true).await;
        }
        if let Some(directory) = self.directory {
            directory.stop().await;
        }
    }

    fn pids(&self) -> crate::contract::Pids {
        let of =
            |process: &Option<Process>| process.as_ref().and_then(Process::id).unwrap_or_default();
        crate::contract::Pids {
            adfs: of(&self.adfs),
            wap: of(&self.wap),
            lab: std::process::id(),
        }
    }
}

/// Waits for the end of a program and takes it away; waits for ever where none runs.
async fn ended(process: &mut Option<Process>) -> ProcessError {
    let Some(running) = process else {
        return std::future::pending().await;
    };
    let ended = running.ended().await;
    *process = None;
    ended
}

async fn directory(
    addresses: &Addresses,
    pki: &Pki,
    fixtures: Fixtures,
) -> Result<DirectoryServer, UpError> {
    let mut options = Options::new(Addresses::loopback(addresses.ports.ldap));
    options.ldaps = Some((
        Addresses::loopback(addresses.ports.ldaps),
        pki.directory.acceptor()?.build(),
    ));
    Ok(DirectoryServer::start(options, fixtures).await?)
}

/// The cloud's copy of the directory, as the sync job would have written it.
fn tenant(people: &[Person]) -> Tenant {
    Tenant::synchronised(people.iter().map(|person| DirectoryPerson {
        upn: person.upn.clone(),
        display_name: person.display_name.clone(),
        immutable_id: person.immutable_id.clone(),
    }))
}

fn cards(people: &[Person]) -> Vec<PersonCard> {
    let card = |person: &Person| PersonCard {
        upn: person.upn.clone(),
        password: person.password.clone(),
        notes: person.notes.clone(),
    };
    people.iter().map(card).collect()
}

fn card(application: &crate::contract::PublishedApplication) -> Published {
    Published {
        name: application.name.clone(),
        external_url: application.external_url.clone(),
        preauthentication: application.preauthentication.clone(),
    }
}
