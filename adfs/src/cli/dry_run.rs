//! A sign-in that is only tried: for a user who is looked up, without a password and without a token.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use claim_rules::RuleSet;
use clap::ValueEnum;

use crate::authentication::PASSWORD_PROTECTED_TRANSPORT;
use crate::claims::{
    self, Authentication, ClaimsError, Decision, Delegation, DryRun, NetworkLocation,
    RequestContext, Requester, Subject, Trial, types,
};
use crate::clock::Clock;
use crate::config::{Configuration, RelyingPartyTrust};
use crate::directory::{FoundAccount, SignInName};
use crate::ids;
use crate::keys::Keys;
use crate::state::Federation;

/// An address that no machine has (RFC 5737), where none is given.
const SOMEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// Path of browser sign-ins.
const PASSIVE_ENDPOINT: &str = "/adfs/ls/";
/// Name that stands for the proxy.
const PROXY: &str = "dry-run";

/// How the user is supposed to come.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Circumstances {
    /// From where
    #[arg(long, value_enum, default_value_t = Place::Extranet)]
    pub(super) from: Place,
    /// Address of the user's machine
    #[arg(long, value_name = "ADDRESS", default_value_t = SOMEWHERE)]
    pub(super) client_ip: IpAddr,
    /// As if a second factor had been used after the password
    #[arg(long)]
    pub(super) second_factor: bool,
    /// Somebody else who asks for the token, as user@domain or DOMAIN\user
    #[arg(long, value_name = "NAME", requires = "user")]
    pub(super) requester: Option<String>,
    /// How that one would show in the token
    #[arg(long, value_enum, default_value_t = Manner::ActAs, requires = "requester")]
    pub(super) delegation: Manner,
}

/// `--delegation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Manner {
    /// Named besides the user; the delegation authorization rules decide
    ActAs,
    /// Not named; the impersonation authorization rules decide
    OnBehalfOf,
}

impl Manner {
    pub(super) fn name(self) -> &'static str {
        match self {
            Manner::ActAs => "act-as",
            Manner::OnBehalfOf => "on-behalf-of",
        }
    }

    pub(super) fn in_words(self) -> &'static str {
        match self {
            Manner::ActAs => "act as the user and be named",
            Manner::OnBehalfOf => "act in the user's place without being named",
        }
    }

    fn delegation(self) -> Delegation {
        match self {
            Manner::ActAs => Delegation::ActAs,
            Manner::OnBehalfOf => Delegation::OnBehalfOf,
        }
    }
}

/// `--from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Place {
    /// Through the proxy
    Extranet,
    /// Directly
    Intranet,
}

impl Place {
    pub(super) fn name(self) -> &'static str {
        match self {
            Place::Extranet => "extranet",
            Place::Intranet => "intranet",
        }
    }
}

impl Circumstances {
    fn authentication(&self, clock: &Clock) -> Authentication {
        let password = PASSWORD_PROTECTED_TRANSPORT.to_owned();
        let mut methods = vec![password.clone()];
        if self.second_factor {
            methods.push(types::MULTIPLE_AUTHENTICATION.to_owned());
        }
        Authentication {
            method_uri: password,
            methods,
            instant: clock.now(),
            persistent: false,
        }
    }

    fn context(&self, relying_party: &str) -> RequestContext {
        let outside = self.from == Place::Extranet;
        RequestContext {
            activity_id: ids::guid(),
            network_location: if outside {
                NetworkLocation::Extranet
            } else {
                NetworkLocation::Intranet
            },
            client_ip: self.client_ip,
            peer_ip: self.client_ip,
            endpoint_path: PASSIVE_ENDPOINT.to_owned(),
            forwarded_client_ip: outside.then(|| self.client_ip.to_string()),
            proxy: outside.then(|| PROXY.to_owned()),
            user_agent: None,
            relying_party_id: Some(relying_party.to_owned()),
        }
    }
}

/// What was tried, and what it came to.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) trust: Arc<RelyingPartyTrust>,
    /// `DOMAIN\user`.
    pub(super) account: String,
    /// Why the account could not sign in at all.
    pub(super) account_refused: Option<String>,
    /// `DOMAIN\user` of the one who asks, when it is somebody else.
    pub(super) requester: Option<String>,
    pub(super) decision: Result<Decision, ClaimsError>,
    pub(super) record: DryRun,
}

/// Tries a sign-in of `user` to `relying_party`. With `rules` these are tried in place of the trust's issuance transform
/// rules.
///
/// # Errors
/// When there is no such user or relying party, the service has no keys yet, or the directory does not answer.
pub(super) async fn try_sign_in(
    config: &Path,
    user: &str,
    relying_party: &str,
    circumstances: &Circumstances,
    rules: Option<&RuleSet>,
) -> anyhow::Result<Tried> {
    let name = SignInName::parse(user.trim()).with_context(|| format!("--user {user:?}"))?;
    // Opening the service would make keys where there are none, and a dry run must leave nothing behind.
    Keys::certificates(&Configuration::load(config)?)
        .context("a dry run needs the keys that the first `adfs serve` makes")?;
    let federation = Federation::open(config, Clock::system()).await?;
    let outcome = try_with(&federation, &name, relying_party, circumstances, rules).await;
    federation.store.close().await;
    outcome
}

async fn try_with(
    federation: &Federation,
    name: &SignInName,
    relying_party: &str,
    circumstances: &Circumstances,
    rules: Option<&RuleSet>,
) -> anyhow::Result<Tried> {
    let configuration = federation.configuration.load_full();
    let Some((trust, identifier)) = find_trust(&configuration, relying_party) else {
        bail!(
            "no relying party trust has the identifier or name {relying_party:?}; the trusts are: {}",
            names(&configuration)
        );
    };
    let found = find(federation, name).await?;
    let requester = match &circumstances.requester {
        None => None,
        Some(requester) => {
            let name = SignInName::parse(requester.trim())
                .with_context(|| format!("--requester {requester:?}"))?;
            let found = find(federation, &name).await?;
            if let Some(reason) = found.refusal() {
                bail!("{name} could not sign in to ask: {reason}");
            }
            Some(found)
        }
    };
    let authentication = circumstances.authentication(&federation.clock);
    let (decision, record) = claims::dry_run(
        federation,
        &Trial {
            trust: &trust,
            rules,
            subject: Subject::Account(found.account()),
            authentication: &authentication,
            context: &circumstances.context(&identifier),
            requester: requester.as_ref().map(|requester| Requester {
                subject: Subject::Account(requester.account()),
                authentication: &authentication,
                delegation: circumstances.delegation.delegation(),
            }),
        },
    )
    .await;
    Ok(Tried {
        account: found.account().windows_account_name(),
        account_refused: found.refusal().map(|reason| reason.to_string()),
        requester: requester.map(|found| found.account().windows_account_name()),
        trust,
        decision,
        record,
    })
}

async fn find(federation: &Federation, name: &SignInName) -> anyhow::Result<FoundAccount> {
    match federation.directory.find(name).await? {
        Ok(found) => Ok(found),
        Err(reason) => bail!("{name} cannot be found: {reason}"),
    }
}

/// The trust and the identifier to ask for it by.
fn find_trust(
    configuration: &Configuration,
    wanted: &str,
) -> Option<(Arc<RelyingPartyTrust>, String)> {
    let parties = &configuration.relying_parties;
    if let Some(trust) = parties.by_identifier(wanted) {
        return Some((trust, wanted.to_owned()));
    }
    let named = parties
        .iter()
        .find(|trust| trust.name.eq_ignore_ascii_case(wanted))?;
    Some((Arc::clone(named), named.identifiers.first()?.clone()))
}

fn names(configuration: &Configuration) -> String {
    let trusts = configuration.relying_parties.iter();
    let names: Vec<String> = trusts.map(|trust| format!("{:?}", trust.name)).collect();
    names.join(", ")
}
