//! `wap.toml`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{WriteError, write_toml};
use crate::addresses::Addresses;
use crate::pki::{CertificateFiles, Pki};

#[derive(Serialize)]
struct Wap<'a> {
    federation_service: FederationService<'a>,
    trust: Trust,
    proxy: Proxy,
    backends: Backends<'a>,
    log: Log,
    listen: [Listen; 1],
    certificate: [Certificate; 2],
}

#[derive(Serialize)]
struct FederationService<'a> {
    name: String,
    connect: String,
    ca_file: &'a Path,
    poll_interval: u32,
}

#[derive(Serialize)]
struct Trust {
    folder: PathBuf,
}

#[derive(Serialize)]
struct Proxy {
    name: String,
}

#[derive(Serialize)]
struct Backends<'a> {
    ca_file: &'a Path,
}

#[derive(Serialize)]
struct Log {
    filter: &'static str,
    format: &'static str,
}

#[derive(Serialize)]
struct Listen {
    address: SocketAddr,
}

#[derive(Serialize)]
struct Certificate {
    hosts: Vec<String>,
    certificate_file: PathBuf,
    private_key_file: PathBuf,
}

/// Writes `wap.toml` in `folder`; the proxy keeps its trust in `state`.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_wap(
    folder: &Path,
    state: PathBuf,
    addresses: &Addresses,
    pki: &Pki,
) -> Result<PathBuf, WriteError> {
    let certificate = |names: &[&str], files: &CertificateFiles| Certificate {
        hosts: names.iter().map(|name| addresses.contoso(name)).collect(),
        certificate_file: files.certificate.clone(),
        private_key_file: files.private_key.clone(),
    };
    let content = Wap {
        federation_service: FederationService {
            name: addresses.sts(),
            connect: Addresses::loopback(addresses.ports.adfs).to_string(),
            ca_file: &pki.ca_file,
            // Newly published applications appear while one watches.
            poll_interval: 2,
        },
        trust: Trust { folder: state },
        proxy: Proxy {
            name: addresses.contoso("wap"),
        },
        backends: Backends {
            ca_file: &pki.ca_file,
        },
        log: Log {
            filter: "info",
            format: "text",
        },
        listen: [Listen {
            address: Addresses::loopback(addresses.ports.outside),
        }],
        certificate: [
            certificate(&["sts", "certauth.sts"], &pki.sts),
            certificate(&["app", "mail", "autodiscover"], &pki.published),
        ],
    };
    let path = folder.join("wap.toml");
    write_toml(&path, "The lab's proxy.", &content)?;
    Ok(path)
}
