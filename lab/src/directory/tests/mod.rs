//! The directory as clients meet it: over sockets, with the ldap3 crate.

mod binds;
mod filters;
mod protocol;
mod searches;
mod tls;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use ldap3::{Ldap, LdapConnAsync, Scope, SearchEntry, drive};

use super::{DirectoryServer, Fixtures, Options};

const SUFFIX: &str = "DC=contoso,DC=test";
const PASSWORD: &str = "Pass@word1";
const FREE_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

async fn start() -> DirectoryServer {
    DirectoryServer::start(Options::new(FREE_PORT), Fixtures::load().unwrap())
        .await
        .unwrap()
}

async fn connect(server: &DirectoryServer) -> Ldap {
    let url = format!("ldap://{}", server.ldap_address());
    let (connection, ldap) = LdapConnAsync::new(&url).await.unwrap();
    drive!(connection);
    ldap
}

/// A connection bound as alice.
async fn bound(server: &DirectoryServer) -> Ldap {
    let mut ldap = connect(server).await;
    ldap.simple_bind("alice@contoso.test", PASSWORD)
        .await
        .unwrap()
        .success()
        .unwrap();
    ldap
}

async fn find(ldap: &mut Ldap, filter: &str, attributes: Vec<&str>) -> Vec<SearchEntry> {
    find_below(ldap, SUFFIX, Scope::Subtree, filter, attributes).await
}

async fn find_below(
    ldap: &mut Ldap,
    base: &str,
    scope: Scope,
    filter: &str,
    attributes: Vec<&str>,
) -> Vec<SearchEntry> {
    let found = ldap.search(base, scope, filter, attributes).await.unwrap();
    let (entries, _) = found.success().unwrap();
    entries.into_iter().map(SearchEntry::construct).collect()
}

/// The sAMAccountNames that a filter finds.
async fn names(ldap: &mut Ldap, filter: &str) -> BTreeSet<String> {
    let found = find(ldap, filter, vec!["sAMAccountName"]).await;
    found
        .into_iter()
        .filter_map(|mut e| e.attrs.remove("sAMAccountName")?.pop())
        .collect()
}
