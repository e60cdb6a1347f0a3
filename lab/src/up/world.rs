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
use crate::processes::Process;
use crate::terminal::say;

/// What has been started so far. What is not there has not been, or has ended.
#[derive(Default)]
pub(super) struct World {
    directory: Option<DirectoryServer>,
    adfs: Option<Process>,
    wap: Option<Process>,
    servers: Vec<ServerHandle>,
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
        self.adfs = Some(step("adfs", federation.start_adfs()).await?);
        step("wap install", federation.install_wap(&access)).await?;
        let published = step("wap publish", publish::publish(&federation, addresses)).await?;
        let (wap, metadata) = step("wap", federation.start_wap(&published)).await?;
        self.wap = Some(wap);

        let realms = Realms::fixtures(
            &addresses.adfs_url(),
            &cloud::signing_certificates(&metadata)?,
        );
        let cloud = Cloud::new(addresses.clone(), realms, tenant(&people), Clock::system())?
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

    /// Waits until a part that should run on has ended.
    pub(super) async fn part_ended(&mut self) -> UpError {
        match (&mut self.adfs, &mut self.wap) {
            (Some(adfs), Some(wap)) => tokio::select! {
                ended = adfs.ended() => ended.into(),
                ended = wap.ended() => ended.into(),
            },
            _ => std::future::pending().await,
        }
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
