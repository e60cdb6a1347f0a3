//! `status`.

use anyhow::bail;

use super::output::Output;
use crate::clock;
use crate::config::Configuration;
use crate::service::FederationService;
use crate::trust::StateFolder;

/// Prints what is known, and fails when the federation service does not accept this proxy.
pub(super) async fn status(configuration: &Configuration, output: Output) -> anyhow::Result<()> {
    let identity = StateFolder::new(&configuration.trust.folder).identity()?;
    let service = FederationService::new(
        &configuration.federation_service,
        &configuration.limits,
        Some(&identity),
    )?;
    let answer = service.configuration().await;
    let days = identity
        .validity()
        .map_or(0, |(_, last)| (last - clock::now()).whole_days());
    let mut rows = vec![
        row(
            "federation service",
            configuration.federation_service.name.as_str(),
        ),
        row("address", service.address()),
        row("proxy", &configuration.proxy_name()),
        row("trust certificate", &identity.thumbprint()),
        row("days left", &days.to_string()),
    ];
    match &answer {
        Ok(fetched) => {
            rows.push(row("trust", "accepted"));
            rows.push(row(
                "endpoints",
                &fetched
                    .value
                    .endpoint_configuration
                    .endpoints
                    .len()
                    .to_string(),
            ));
        }
        Err(_) => rows.push(row("trust", "not confirmed")),
    }
    output.print(&["what", "value"], &rows)?;
    match answer {
        Ok(_) => Ok(()),
        Err(error) => bail!("{error}"),
    }
}

fn row(what: &str, value: &str) -> Vec<String> {
    vec![what.to_owned(), value.to_owned()]
}
