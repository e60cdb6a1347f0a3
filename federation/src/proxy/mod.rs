//! Wire format of the proxy integration protocol (MS-ADFSPIP): what a Web Application Proxy and the federation server
//! say to each other.
//!
//! Writers emit exactly the documented spelling; readers are lenient where peers are known to differ (any case of
//! member names, unknown members, quoted numbers, missing optional members) and strict otherwise (size, nesting,
//! a member given twice).

mod configuration;
mod error_response;
pub mod headers;
mod json;
mod query;
mod relying_party;
mod resource;
mod store;
mod trust;

pub use configuration::{
    AUTHENTICATION_ANONYMOUS, AUTHENTICATION_BASIC, CertificateValidation,
    ClientCertificateQueryMode, Configuration, EndpointConfiguration, PortType, PublishedEndpoint,
    ServiceConfiguration,
};
pub use error_response::ErrorResponse;
pub use json::{Document, MAX_DOCUMENT, WireError, read, write};
pub use query::{ApiVersion, ApiVersionError};
pub use relying_party::{EndpointMapping, PublishingSettings, RelyingParty, RelyingPartySummary};
pub use resource::Resource;
pub use store::{MAX_STORE_VALUE, StoreEntry, StoreEntryWrite, StoreKey, StoreKeyError};
pub use trust::{ProxyRelyingParty, ProxyTrust, ProxyTrustRenewal, SerializedCertificate};
