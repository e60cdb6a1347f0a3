//! Claims providers that are asked by OpenID Connect.

use std::path::PathBuf;

use super::secret::Secret;

/// How a provider is asked. Its issuer is the identifier of the trust; where its endpoints are, it says itself (OpenID
/// Connect Discovery 1.0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIdProvider {
    /// Our client id there.
    pub client_id: String,
    /// How we prove to be that client.
    pub authentication: ClientAuthentication,
    /// What is asked for; `openid` is among it.
    pub scopes: Vec<String>,
    /// How answers come back; `None`: by form where the provider can do that, else in the address.
    pub response_mode: Option<ResponseMode>,
    /// `acr` values of sign-ins with a second factor: what is asked for when one is demanded, and what an answer may say.
    pub mfa_acr_values: Vec<String>,
    /// Which member of an ID token becomes a claim of which type.
    pub claim_types: Vec<(String, String)>,
    /// Authorities in PEM to believe besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether its addresses may be those of this machine or of a private network.
    pub allow_private_addresses: bool,
}

/// How a client proves itself at the token endpoint (OpenID Connect Core 9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// `client_secret_basic`.
    Basic(Secret),
    /// `client_secret_post`.
    Post(Secret),
    /// `none`: a public client, protected by PKCE alone.
    Public,
}

/// How an answer comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseMode {
    /// By a form that posts itself (OAuth 2.0 Form Post Response Mode).
    FormPost,
    /// In the query of the address.
    Query,
}

impl ResponseMode {
    /// Its name in `response_mode`.
    pub fn name(self) -> &'static str {
        match self {
            ResponseMode::FormPost => "form_post",
            ResponseMode::Query => "query",
        }
    }
}
