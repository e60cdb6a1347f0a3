//! What is known of each provider, and the requests that are made to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use federation::jose::{self, JoseError, JwkSet, MAX_KEY_SET, Verified};
use federation::oidc::{
    Discovery, Expected, IdToken, MAX_DISCOVERY, MAX_TOKEN_RESPONSE, TokenResponse,
};
use time::OffsetDateTime;
use url::Url;

use super::cache::{Cached, Wanted};
use super::{Binding, OpenIdError};
use crate::config::{ClientAuthentication, OpenIdProvider};
use crate::outbound::{Outbound, OutboundError};

/// Follows the issuer (OpenID Connect Discovery 1.0 section 4).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";
const DISCOVERY: &str = "discovery document";
const KEYS: &str = "set of keys";

/// All providers that were asked since the start, by their issuers.
#[derive(Debug, Default)]
pub struct Providers(Mutex<HashMap<String, Arc<Provider>>>);

impl Providers {
    /// The provider that is called `issuer` and is asked as `config` says. What was known of it under another
    /// configuration is forgotten.
    ///
    /// # Errors
    /// When the authorities of the configuration cannot be read.
    pub fn get(
        &self,
        issuer: &str,
        config: &OpenIdProvider,
    ) -> Result<Arc<Provider>, OutboundError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(provider) = known.get(issuer)
            && provider.config == *config
        {
            return Ok(Arc::clone(provider));
        }
        let provider = Arc::new(Provider::new(issuer, config)?);
        known.insert(issuer.to_owned(), Arc::clone(&provider));
        Ok(provider)
    }
}

/// A provider.
#[derive(Debug)]
pub struct Provider {
    issuer: String,
    config: OpenIdProvider,
    outbound: Outbound,
    discovery: Cached<Discovery>,
    keys: Cached<JwkSet>,
}

/// A code to redeem.
#[derive(Debug, Clone, Copy)]
pub struct Redemption<'a> {
    /// The code.
    pub code: &'a str,
    /// Where it came, as it was asked for.
    pub redirect_uri: &'a str,
    /// What the question was bound by.
    pub binding: &'a Binding,
    /// Now.
    pub now: OffsetDateTime,
}

impl Provider {
    fn new(issuer: &str, config: &OpenIdProvider) -> Result<Provider, OutboundError> {
        Ok(Provider {
            issuer: issuer.to_owned(),
            outbound: Outbound::new(config.ca_file.as_deref(), config.allow_private_addresses)?,
            config: config.clone(),
            discovery: Cached::default(),
            keys: Cached::default(),
        })
    }

    /// What it says about itself.
    ///
    /// # Errors
    /// See [`OpenIdError`].
    pub async fn discovery(&self, now: OffsetDateTime) -> Result<Arc<Discovery>, OpenIdError> {
        let recovering = OpenIdError::Recovering(DISCOVERY);
        self.discovery
            .get(now, Wanted::Kept, recovering, async || {
                let address = format!("{}{WELL_KNOWN}", self.issuer.trim_end_matches('/'));
                let url = Url::parse(&address)
                    .map_err(|_| OutboundError::Address(self.issuer.clone()))?;
                let document = self.document(&url, DISCOVERY, MAX_DISCOVERY).await?;
                Ok(Discovery::parse(&document, &self.issuer)?)
            })
            .await
    }

    /// Redeems a code for an ID token that is from this provider, for us and for this question.
    ///
    /// # Errors
    /// See [`OpenIdError`].
    pub async fn redeem(
        &self,
        discovery: &Discovery,
        redemption: &Redemption<'_>,
    ) -> Result<IdToken, OpenIdError> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", redemption.code),
            ("redirect_uri", redemption.redirect_uri),
            ("code_verifier", &redemption.binding.verifier),
        ];
        let client_id = self.config.client_id.as_str();
        let basic = match &self.config.authentication {
            ClientAuthentication::Basic(secret) => Some((client_id, secret.expose())),
            ClientAuthentication::Post(secret) => {
                fields.extend([("client_id", client_id), ("client_secret", secret.expose())]);
                None
            }
            ClientAuthentication::Public => {
                fields.push(("client_id", client_id));
                None
            }
        };
        let endpoint = &discovery.token_endpoint;
        let answer = self
            .outbound
            .post_form(endpoint, &fields, basic, MAX_TOKEN_RESPONSE)
            .await?;
        let tokens = TokenResponse::parse(&answer.body, answer.status == 200)?;
        let verified = self
            .verify(discovery, tokens.id_token(), redemption.now)
            .await?;
        let expected = Expected {
            issuer: &self.issuer,
            client_id,
            nonce: redemption.binding.nonce(),
            access_token: tokens.access_token(),
            now: redemption.now,
        };
        Ok(IdToken::accept(&verified, &expected)?)
    }

    /// Keys are exchanged without notice (OpenID Connect Core 10.1.1), so a key that is not known may be a new one.
    async fn verify(
        &self,
        discovery: &Discovery,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<Verified, OpenIdError> {
        let keys = self.keys(discovery, now, Wanted::Kept).await?;
        match jose::verify(token, &keys, &discovery.algorithms) {
            Err(JoseError::UnknownKey) => {
                let keys = self.keys(discovery, now, Wanted::Newer).await?;
                Ok(jose::verify(token, &keys, &discovery.algorithms)?)
            }
            outcome => Ok(outcome?),
        }
    }

    async fn keys(
        &self,
        discovery: &Discovery,
        now: OffsetDateTime,
        wanted: Wanted,
    ) -> Result<Arc<JwkSet>, OpenIdError> {
        let recovering = OpenIdError::Recovering(KEYS);
        self.keys
            .get(now, wanted, recovering, async || {
                let document = self
                    .document(&discovery.jwks_uri, KEYS, MAX_KEY_SET)
                    .await?;
                Ok(JwkSet::parse(&document)?)
            })
            .await
    }

    async fn document(
        &self,
        url: &Url,
        name: &'static str,
        limit: usize,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, OpenIdError> {
        let answer = self.outbound.get(url, limit).await?;
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(OpenIdError::Status(name, answer.status))
        }
    }
}
