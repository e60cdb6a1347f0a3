//! What a ready lab tells: `lab.json` for programs, tables for people.

use crate::addresses::Addresses;
use crate::cloud::ENTRA_IDENTIFIER;
use crate::configuration::RELYING_PARTY_NAME;
use crate::contract::{Config, Lab, Pids, PublishedApplication, RelyingParty, User};
use crate::directory::Person;
use crate::pki::Pki;
use crate::state_folder::StateFolder;
use crate::tables::table;

/// The contract of this lab.
pub(super) fn contract(
    addresses: &Addresses,
    pki: &Pki,
    people: &[Person],
    published: Vec<PublishedApplication>,
    pids: Pids,
    config: Config,
) -> Lab {
    let user = |person: &Person| User {
        upn: person.upn.clone(),
        sam_account_name: person.sam_account_name.clone(),
        password: person.password.clone(),
        totp_secret: person.totp_secret.clone(),
        notes: person.notes.clone(),
    };
    Lab {
        ca_file: pki.ca_file.clone(),
        adfs_url: addresses.adfs_url(),
        adfs_internal_url: addresses.adfs_internal_url(),
        federation_service_identifier: addresses.federation_service_identifier(),
        ldap_url: addresses.ldap_url(),
        cloud_url: addresses.login_url(),
        dashboard_url: format!("{}/", addresses.lab_url()),
        published,
        relying_parties: vec![RelyingParty {
            identifier: ENTRA_IDENTIFIER.to_owned(),
            name: RELYING_PARTY_NAME.to_owned(),
            protocol: "wsfed".to_owned(),
        }],
        users: people.iter().map(user).collect(),
        pids,
        config,
    }
}

/// Addresses and people for the terminal.
pub(super) fn tables(addresses: &Addresses, lab: &Lab, state: &StateFolder) -> String {
    let row = |what: &str, address: String| vec![what.to_owned(), address];
    let mut places = vec![
        row("application: sign in here", addresses.application_url()),
        row("dashboard", lab.dashboard_url.clone()),
        row("cloud", format!("{}/", lab.cloud_url)),
        row(
            "federation service, outside",
            format!("{}/adfs/ls/", lab.adfs_url),
        ),
        row(
            "federation service, inside",
            format!("{}/adfs/ls/", lab.adfs_internal_url),
        ),
    ];
    places.extend(
        lab.published
            .iter()
            .map(|application| row(&application.name, application.external_url.clone())),
    );
    places.extend([
        row("directory", lab.ldap_url.clone()),
        row("directory with TLS", addresses.ldaps_url()),
        row("authority to trust", lab.ca_file.display().to_string()),
        row("logs", state.path().join("logs").display().to_string()),
    ]);
    let people: Vec<Vec<String>> = lab
        .users
        .iter()
        .map(|user| vec![user.upn.clone(), user.password.clone(), user.notes.clone()])
        .collect();
    format!(
        "{}\n{}",
        table("Addresses", &["what", "address"], &places),
        table("People", &["user name", "password", "notes"], &people)
    )
}
