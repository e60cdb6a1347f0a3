//! The applications that the lab publishes through the proxy. They live in the federation server's store, so a second
//! start finds them there.

use std::ffi::OsString;

use serde::Deserialize;

use super::UpError;
use super::federation::Federation;
use crate::addresses::Addresses;
use crate::contract::PublishedApplication;

/// Name and host.
const APPLICATIONS: [(&str, &str); 3] = [
    ("Contoso App", "app"),
    ("Exchange", "mail"),
    ("Autodiscover", "autodiscover"),
];

/// Of each; spelled as in `wap publish` and `wap list`.
const PASS_THROUGH: &str = "PassThrough";

/// One line of `wap list --output json`.
#[derive(Debug, Deserialize)]
struct Listed {
    name: String,
    external_url: String,
    backend_url: String,
}

/// Publishes what is missing, anew what has other addresses.
pub(super) async fn publish(
    federation: &Federation,
    addresses: &Addresses,
) -> Result<Vec<PublishedApplication>, UpError> {
    let mut list = federation.wap_arguments("list");
    list.extend(["--output", "json"].map(OsString::from));
    let listed: Vec<Listed> = serde_json::from_slice(&federation.ask_wap(list).await?)
        .map_err(|error| UpError::List(error.to_string()))?;
    let mut published = Vec::new();
    for (name, host) in APPLICATIONS {
        let external_url = addresses.external_url(host);
        // Only browsers and curl resolve the lab's names by themselves, so the proxy connects to localhost; it keeps the
        // outside Host, which Exchange compares with the audience of tokens.
        let backend_url = format!("https://localhost:{}/", addresses.ports.backends);
        let known = listed.iter().find(|listed| listed.name == name);
        let same = known.is_some_and(|known| {
            known.external_url == external_url && known.backend_url == backend_url
        });
        if known.is_some() && !same {
            let mut arguments = federation.wap_arguments("unpublish");
            arguments.extend(["--name", name].map(OsString::from));
            federation.run_wap(arguments, Vec::new()).await?;
        }
        if !same {
            let mut arguments = federation.wap_arguments("publish");
            let words = [
                "--name",
                name,
                "--external-url",
                &external_url,
                "--backend-url",
                &backend_url,
                "--preauthentication",
                PASS_THROUGH,
            ];
            arguments.extend(words.map(OsString::from));
            arguments.extend(["--disable-translate-url-in-request-headers"].map(OsString::from));
            federation.run_wap(arguments, Vec::new()).await?;
        }
        published.push(PublishedApplication {
            name: name.to_owned(),
            external_url,
            preauthentication: PASS_THROUGH.to_owned(),
        });
    }
    Ok(published)
}
