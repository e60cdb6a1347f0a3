//! Facts about the sign-in and the request, and the claims that state them (spec claim-rules 5.6).

use std::net::IpAddr;

use claim_rules::Claim;
use time::OffsetDateTime;
use time::UtcOffset;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use uuid::Uuid;

use super::types;

/// Issuer of claims about the request, as it shows in tokens (spec passive-sign-in 2.7).
const CLIENT_CONTEXT: &str = "CLIENT CONTEXT";
const BOOLEAN: &str = "http://www.w3.org/2001/XMLSchema#boolean";
pub(super) const DATE_TIME: &str = "http://www.w3.org/2001/XMLSchema#dateTime";
const INSTANT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
/// Longest text that a client can put into a claim, in bytes. Longer ones are cut, so that no client makes rules fail.
const MAX_CLIENT_TEXT: usize = 1024;

/// How and when the user proved the identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// URI of the primary method (spec passive-sign-in 2.11).
    pub method_uri: String,
    /// URIs of all methods that were used, the primary one among them.
    pub methods: Vec<String>,
    /// When the primary method succeeded.
    pub instant: OffsetDateTime,
    /// Whether the session outlives the browser ("keep me signed in").
    pub persistent: bool,
}

impl Authentication {
    pub(super) fn claims(&self, issuer: &str) -> Vec<Claim> {
        let instant = utc_instant(self.instant);
        let mut claims = vec![
            Claim::new(types::AUTHENTICATION_METHOD, &self.method_uri),
            Claim::new(types::AUTHENTICATION_INSTANT, instant).with_value_type(DATE_TIME),
        ];
        claims.extend(
            self.methods
                .iter()
                .map(|method| Claim::new(types::METHODS_REFERENCES, method)),
        );
        // Absent rather than false, as relying parties test for its presence.
        if self.persistent {
            claims.push(Claim::new(types::PERSISTENT_SSO, "true").with_value_type(BOOLEAN));
        }
        claims
            .into_iter()
            .map(|claim| claim.issued_by(issuer))
            .collect()
    }
}

/// A moment as claims tell it.
pub(super) fn utc_instant(moment: OffsetDateTime) -> String {
    moment
        .to_offset(UtcOffset::UTC)
        .format(INSTANT)
        .unwrap_or_default()
}

/// Where the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkLocation {
    /// Connected directly.
    Intranet,
    /// Came through a proxy.
    Extranet,
}

/// Facts about the request. What a proxy asserts is in here only when the server recognised the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    /// Goes through logs, pages and audits of one request.
    pub activity_id: Uuid,
    /// Decides `insidecorporatenetwork`.
    pub network_location: NetworkLocation,
    /// Address of the user.
    pub client_ip: IpAddr,
    /// Address of whatever connected to the server.
    pub peer_ip: IpAddr,
    /// Path that got the request, at the proxy if there is one.
    pub endpoint_path: String,
    /// Addresses that a recognised proxy told, comma-separated.
    pub forwarded_client_ip: Option<String>,
    /// Name of the proxy.
    pub proxy: Option<String>,
    /// `User-Agent`; anything that the client likes to say.
    pub user_agent: Option<String>,
    /// Identifier by which the relying party asked.
    pub relying_party_id: Option<String>,
}

impl RequestContext {
    pub(super) fn claims(&self) -> Vec<Claim> {
        let inside = match self.network_location {
            NetworkLocation::Intranet => "true",
            NetworkLocation::Extranet => "false",
        };
        let address = self.client_ip.to_canonical().to_string();
        let always = [
            Claim::new(types::INSIDE_CORPORATE_NETWORK, inside).with_value_type(BOOLEAN),
            Claim::new(types::CLIENT_IP, &address),
            Claim::new(types::USER_IP, &address),
            Claim::new(types::ENDPOINT_ABSOLUTE_PATH, cut(&self.endpoint_path)),
            Claim::new(types::CLIENT_REQUEST_ID, self.activity_id.to_string()),
        ];
        let sometimes = [
            (types::PROXY, &self.proxy),
            (types::FORWARDED_CLIENT_IP, &self.forwarded_client_ip),
            (types::CLIENT_USER_AGENT, &self.user_agent),
            (types::RELYING_PARTY_TRUST_ID, &self.relying_party_id),
        ];
        let sometimes = sometimes
            .into_iter()
            .filter_map(|(claim_type, value)| Some(Claim::new(claim_type, cut(value.as_deref()?))));
        always
            .into_iter()
            .chain(sometimes)
            .map(|claim| claim.issued_by(CLIENT_CONTEXT))
            .collect()
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_CLIENT_TEXT))
        .unwrap_or_default()
}
