//! OpenID Connect as a client sees it: what a provider says about itself, what its token endpoint answers, and who its
//! ID tokens speak of (OpenID Connect Core 1.0, Discovery 1.0).

mod discovery;
mod id_token;
#[cfg(test)]
mod id_token_tests;
mod token_response;

pub use discovery::{Discovery, DiscoveryError, MAX_DISCOVERY};
pub use id_token::{Expected, IdToken, IdTokenError};
pub use token_response::{MAX_TOKEN_RESPONSE, TokenResponse, TokenResponseError};
