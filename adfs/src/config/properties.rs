//! `[properties]`: what `Set-AdfsProperties` sets (spec passive-sign-in 6.2, 6.4 and 7.1).

use std::sync::Arc;

use claim_rules::RuleSet;
use time::{Duration, OffsetDateTime};

use super::attribute_store_reader::StoreNames;
use super::certificates::{self, CertificateRollover};
use super::extranet_lockout::{self, ExtranetLockout};
use super::reader::Section;
use super::rules;

/// The global properties.
#[derive(Debug, Clone)]
pub struct Properties {
    /// Life of a session, from the sign-in on (SsoLifetime, minutes).
    pub sso_lifetime: Duration,
    /// Whether users may ask to stay signed in (KmsiEnabled).
    pub kmsi_enabled: bool,
    /// Life of a session whose user asked for that (KmsiLifetimeMins); 7 days at most.
    pub kmsi_lifetime: Duration,
    /// Whether one sign-in serves several requests at all (SsoEnabled).
    pub sso_enabled: bool,
    /// Whether a session may outlive the browser (PersistentSsoEnabled).
    pub persistent_sso_enabled: bool,
    /// Sessions that outlive the browser and began before this are over (PersistentSsoCutoffTime).
    pub persistent_sso_cutoff_time: Option<OffsetDateTime>,
    /// Protection against applications that ask for tokens in a circle; `None` when it is off.
    pub loop_detection: Option<LoopDetection>,
    /// Rules that decide for every relying party whether a second factor is needed
    /// (Set-AdfsAdditionalAuthenticationRule).
    pub additional_authentication_rules: Option<Arc<RuleSet>>,
    /// Life of the certificate of a proxy trust (ProxyTrustTokenLifetime, minutes).
    pub proxy_trust_token_lifetime: Duration,
    /// Whether users inside the network belong to the directory without being asked (IntranetUseLocalClaimsProvider).
    pub intranet_use_local_claims_provider: bool,
    /// Other names of this service that tokens of claims providers may be for (AcceptableIdentifiers).
    pub acceptable_identifiers: Vec<String>,
    /// Whether sign-in may start at the page of this service (EnableIdPInitiatedSignonPage).
    pub idp_initiated_sign_on_page_enabled: bool,
    /// Whether such a sign-in takes its application from `RelayState` (RelayStateForIdpInitiatedSignOnEnabled).
    pub relay_state_for_idp_initiated_sign_on_enabled: bool,
    /// How far apart a SAML message may be sent and received (SamlMessageDeliveryWindow, minutes).
    pub saml_message_delivery_window: Duration,
    /// Whether requests of every relying party must be signed (SignedSamlRequestsRequired).
    pub signed_saml_requests_required: bool,
    /// Whether our own requests to claims providers are signed, whatever their trusts say (SignSamlAuthnRequests).
    pub sign_saml_authn_requests: bool,
    /// Classes of authentication, weakest first (AuthenticationContextOrder).
    pub authentication_context_order: Vec<String>,
    /// How often the metadata of partners are fetched (MonitoringInterval, minutes).
    pub monitoring_interval: Duration,
    /// When guessing passwords from outside ends.
    pub extranet_lockout: ExtranetLockout,
    /// When token certificates are replaced.
    pub certificate_rollover: CertificateRollover,
}

impl Properties {
    /// Whether the page asks users if they want to stay signed in. Without registered devices nothing else makes a session
    /// persistent.
    pub fn offers_to_stay_signed_in(&self) -> bool {
        self.sso_enabled && self.persistent_sso_enabled && self.kmsi_enabled
    }
}

/// Limits of loop detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopDetection {
    /// Length of the window (LoopDetectionTimeIntervalInSeconds).
    pub time_interval: Duration,
    /// Tokens that one browser gets within it (LoopDetectionMaximumTokensIssuedInInterval).
    pub maximum_tokens_issued_in_interval: u32,
}

/// The default of AD FS (spec passive-sign-in 3.4).
const AUTHENTICATION_CONTEXT_ORDER: [&str; 6] = [
    "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:TLSClient",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:X509",
    "urn:federation:authentication:windows",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos",
];
const WEEK_MINUTES: u32 = 7 * 24 * 60;
/// No session lives longer, whatever is configured.
pub const MAX_SESSION_LIFETIME: Duration = Duration::days(7);
const YEAR_MINUTES: u32 = 366 * 24 * 60;

/// Properties of AD FS that mean something which this version does not do.
const UNAVAILABLE: [(&str, &str); 3] = [
    (
        "device_usage_window_in_days",
        "remove it; there are no registered devices",
    ),
    (
        "persistent_sso_lifetime_mins",
        "remove it; use `kmsi_lifetime_mins`, there are no registered devices",
    ),
    (
        "tls_client_port",
        "remove it; certificates are not taken for sign-in",
    ),
];

pub(super) fn properties(mut section: Section<'_>, stores: Option<&StoreNames>) -> Properties {
    let sso_lifetime = section.minutes("sso_lifetime", 1..=WEEK_MINUTES, 480);
    let kmsi_enabled = section.flag("kmsi_enabled", false);
    let kmsi_lifetime = section.minutes("kmsi_lifetime_mins", 1..=WEEK_MINUTES, 1440);
    let sso_enabled = section.flag("sso_enabled", true);
    let persistent_sso_enabled = section.flag("persistent_sso_enabled", true);
    let persistent_sso_cutoff_time =
        section.moment("persistent_sso_cutoff_time", "2026-01-31T08:00:00Z");
    let loop_detection_enabled = section.flag("loop_detection_enabled", true);
    let time_interval = section.seconds("loop_detection_time_interval_in_seconds", 1..=3600, 20);
    let maximum = section.number(
        "loop_detection_maximum_tokens_issued_in_interval",
        1..=1000,
        5,
    );
    let proxy_trust_token_lifetime =
        section.minutes("proxy_trust_token_lifetime", 60..=YEAR_MINUTES, 21600);
    let monitoring_interval = section.minutes("monitoring_interval", 1..=WEEK_MINUTES, 1440);
    let extranet_lockout = extranet_lockout::extranet_lockout(&mut section);
    let certificate_rollover = certificates::certificate_rollover(&mut section);
    let additional_authentication_rules = rules::find(
        &mut section,
        "additional_authentication_rules",
        "additional_authentication_rules_file",
        stores,
    );
    let idp_initiated_sign_on_page_enabled =
        section.flag("enable_idp_initiated_signon_page", false);
    let relay_state_for_idp_initiated_sign_on_enabled =
        section.flag("enable_relay_state_for_idp_initiated_sign_on", false);
    let saml_message_delivery_window = section.minutes("saml_message_delivery_window", 1..=60, 5);
    let signed_saml_requests_required = section.flag("signed_saml_requests_required", false);
    let sign_saml_authn_requests = section.flag("sign_saml_authn_requests", false);
    let authentication_context_order = section
        .find::<Vec<String>>(
            "authentication_context_order",
            "a list of authentication context classes, weakest first",
        )
        .map_or_else(
            || AUTHENTICATION_CONTEXT_ORDER.map(str::to_owned).to_vec(),
            |found| found.value,
        );
    let intranet_use_local_claims_provider =
        section.flag("intranet_use_local_claims_provider", false);
    let acceptable_identifiers = section
        .find::<Vec<String>>("acceptable_identifiers", "a list of identifiers")
        .map(|found| found.value)
        .unwrap_or_default();
    // Off in AD FS; here a token is never taken twice, whatever an exported configuration says.
    section.flag("prevent_token_replays", true);
    for (key, remedy) in UNAVAILABLE {
        section.unavailable(key, remedy);
    }
    section.finish();
    Properties {
        sso_lifetime,
        kmsi_enabled,
        kmsi_lifetime,
        sso_enabled,
        persistent_sso_enabled,
        persistent_sso_cutoff_time,
        loop_detection: loop_detection_enabled.then_some(LoopDetection {
            time_interval,
            maximum_tokens_issued_in_interval: maximum,
        }),
        additional_authentication_rules,
        proxy_trust_token_lifetime,
        intranet_use_local_claims_provider,
        acceptable_identifiers,
        idp_initiated_sign_on_page_enabled,
        relay_state_for_idp_initiated_sign_on_enabled,
        saml_message_delivery_window,
        signed_saml_requests_required,
        sign_saml_authn_requests,
        authentication_context_order,
        monitoring_interval,
        extranet_lockout,
        certificate_rollover,
    }
}
