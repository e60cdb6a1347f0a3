//! The properties of `Get-AdfsRelyingPartyTrust` (spec claim-rules 10): what each is called in a trust file, and what it
//! means for a trust to lose it.

use super::values::Names;

/// One property.
#[derive(Debug)]
pub(super) struct Property {
    pub(super) name: &'static str,
    /// Its key in a trust file; `None` for what no trust file says.
    pub(super) key: Option<&'static str>,
    pub(super) kind: Kind,
    pub(super) loss: Loss,
    /// What its loss means, as a sentence without capital and full stop.
    pub(super) why: &'static str,
}

/// The shape of a property's values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Flag,
    Number,
    List,
    Uri,
    Rules,
    Named(Names),
    Date,
    Certificate,
    Certificates,
    Parameters,
    /// Endpoints of SAML 2.0.
    Endpoints,
    /// Objects that no trust file can hold.
    Other,
}

/// What becomes of a trust that loses a property which asks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// It has no effect on a trust here.
    Nothing,
    /// It works, and is not weaker for it.
    Harmless,
    /// It would be weaker or would not work, so it is written disabled.
    Disables,
    /// It would let people in who were kept out, so it is written disabled and lets nobody in.
    Opens,
}

const REVOCATION: Names = &[
    (0, "None"),
    (1, "CheckEndCert"),
    (2, "CheckEndCertCacheOnly"),
    (3, "CheckChain"),
    (4, "CheckChainCacheOnly"),
    (5, "CheckChainExcludeRoot"),
    (6, "CheckChainExcludeRootCacheOnly"),
];
const CLIENT_TYPES: Names = &[
    (0, "None"),
    (2, "Public"),
    (4, "Confidential"),
    (6, "Public, Confidential"),
];
const REFRESH_TOKENS: Names = &[
    (0, "NoDevice"),
    (1, "WorkplaceJoinedDevices"),
    (2, "AllDevices"),
];
const DEVICE_METHODS: Names = &[
    (0, "All"),
    (1, "ClientTLS"),
    (2, "SignedToken"),
    (3, "PKeyAuth"),
];

pub(super) const ACCESS_CONTROL_POLICY: &str = "access_control_policy_name";
pub(super) const AUTHORIZATION_RULES: &str = "issuance_authorization_rules";
pub(super) const ENCRYPT_CLAIMS: &str = "EncryptClaims";
pub(super) const ENCRYPTION_CERTIFICATE: &str = "EncryptionCertificate";
pub(super) const CLAIMS_PROVIDERS: &str = "ClaimsProviderName";

use Kind::{
    Certificate, Certificates, Date, Endpoints, Flag, List, Named, Number, Other, Parameters,
    Rules, Text, Uri,
};
use Loss::{Disables, Harmless, Nothing, Opens};

/// In the order of a trust file.
pub(super) const ALL: &[Property] = &[
    keyed("Name", "name", Text, Disables, "a trust has a name"),
    keyed(
        "Identifier",
        "identifiers",
        List,
        Disables,
        "a trust has identifiers",
    ),
    keyed("Enabled", "enabled", Flag, Disables, "a trust is on or off"),
    keyed(
        "ObjectIdentifier",
        "object_identifier",
        Text,
        Harmless,
        "another one is made of the first identifier",
    ),
    keyed(
        "ProtocolProfile",
        "protocol_profile",
        Text,
        Disables,
        "the relying party speaks another protocol",
    ),
    keyed(
        "WSFedEndpoint",
        "ws_fed_endpoint",
        Uri,
        Disables,
        "tokens cannot be sent there",
    ),
    keyed(
        "AdditionalWSFedEndpoint",
        "additional_ws_fed_endpoint",
        List,
        Disables,
        "tokens cannot be sent there",
    ),
    keyed(
        "SamlEndpoints",
        "saml_endpoints",
        Endpoints,
        Harmless,
        "SAML 2.0 is not spoken to this relying party",
    ),
    keyed(
        "TokenLifetime",
        "token_lifetime",
        Number,
        Disables,
        "tokens would live another time",
    ),
    keyed(
        "NotBeforeSkew",
        "not_before_skew",
        Number,
        Disables,
        "tokens would be valid from another time",
    ),
    keyed(
        "SignatureAlgorithm",
        "signature_algorithm",
        Text,
        Disables,
        "tokens would be signed in another way",
    ),
    keyed(
        "SamlResponseSignature",
        "saml_response_signature",
        Text,
        Nothing,
        "it concerns SAML 2.0 alone",
    ),
    keyed(
        "SignedSamlRequestsRequired",
        "signed_saml_requests_required",
        Flag,
        Disables,
        "unsigned requests would be answered",
    ),
    keyed(
        "RequestSigningCertificate",
        "request_signing_certificate",
        Certificates,
        Harmless,
        "signatures of requests are not checked",
    ),
    keyed(
        "SigningCertificateRevocationCheck",
        "signing_certificate_revocation_check",
        Named(REVOCATION),
        Nothing,
        "the registered certificate alone counts; revocation is not looked up",
    ),
    keyed(
        ENCRYPT_CLAIMS,
        "encrypt_claims",
        Flag,
        Disables,
        "claims would be sent unencrypted",
    ),
    keyed(
        ENCRYPTION_CERTIFICATE,
        "encryption_certificate",
        Certificate,
        Disables,
        "claims would be sent unencrypted",
    ),
    keyed(
        "EncryptionCertificateRevocationCheck",
        "encryption_certificate_revocation_check",
        Named(REVOCATION),
        Nothing,
        "the registered certificate alone counts; revocation is not looked up",
    ),
    keyed(
        "EncryptedNameIdRequired",
        "encrypted_name_id_required",
        Flag,
        Disables,
        "name identifiers would be sent and taken unencrypted",
    ),
    keyed(
        "AlwaysRequireAuthentication",
        "always_require_authentication",
        Flag,
        Disables,
        "people would not be asked for their password each time",
    ),
    keyed(
        "AllowedAuthenticationClassReferences",
        "allowed_authentication_class_references",
        List,
        Disables,
        "other authentication methods would do",
    ),
    keyed(
        CLAIMS_PROVIDERS,
        "claims_provider_name",
        List,
        Disables,
        "people of other claims providers would be let in",
    ),
    keyed(
        "RequestMFAFromClaimsProviders",
        "request_mfa_from_claims_providers",
        Flag,
        Disables,
        "the second factor of a claims provider would not be asked for",
    ),
    keyed(
        "AccessControlPolicyName",
        ACCESS_CONTROL_POLICY,
        Text,
        Opens,
        "this policy is not known here",
    ),
    keyed(
        "AccessControlPolicyParameters",
        "access_control_policy_parameters",
        Parameters,
        Opens,
        "the policy means nobody in particular without them",
    ),
    keyed(
        "IssuanceAuthorizationRules",
        AUTHORIZATION_RULES,
        Rules,
        Opens,
        "they cannot be run",
    ),
    keyed(
        "AdditionalAuthenticationRules",
        "additional_authentication_rules",
        Rules,
        Disables,
        "a second factor would not be asked for",
    ),
    keyed(
        "IssuanceTransformRules",
        "issuance_transform_rules",
        Rules,
        Disables,
        "they cannot be run",
    ),
    keyed(
        "DelegationAuthorizationRules",
        "delegation_authorization_rules",
        Rules,
        Harmless,
        "they cannot be run; nobody acts for others without them",
    ),
    keyed(
        "ImpersonationAuthorizationRules",
        "impersonation_authorization_rules",
        Rules,
        Harmless,
        "they cannot be run; nobody acts for others without them",
    ),
    keyed(
        "EnableJWT",
        "enable_jwt",
        Flag,
        Disables,
        "the relying party expects another kind of token",
    ),
    keyed(
        "MetadataUrl",
        "metadata_url",
        Uri,
        Harmless,
        "changes of the relying party are not followed; do so by hand",
    ),
    keyed(
        "MonitoringEnabled",
        "monitoring_enabled",
        Flag,
        Harmless,
        "changes of the relying party are not followed; do so by hand",
    ),
    keyed(
        "AutoUpdateEnabled",
        "auto_update_enabled",
        Flag,
        Harmless,
        "changes of the relying party are not followed; do so by hand",
    ),
    keyed(
        "AllowedClientTypes",
        "allowed_client_types",
        Named(CLIENT_TYPES),
        Nothing,
        "it concerns OAuth alone",
    ),
    keyed(
        "IssueOAuthRefreshTokensTo",
        "issue_oauth_refresh_tokens_to",
        Named(REFRESH_TOKENS),
        Nothing,
        "it concerns OAuth alone",
    ),
    keyed(
        "RefreshTokenProtectionEnabled",
        "refresh_token_protection_enabled",
        Flag,
        Nothing,
        "it concerns OAuth alone",
    ),
    keyed(
        "DeviceAuthenticationMethod",
        "device_authentication_method",
        Named(DEVICE_METHODS),
        Nothing,
        "devices do not authenticate here",
    ),
    keyed(
        "PublishedThroughProxy",
        "published_through_proxy",
        Flag,
        Harmless,
        "publish the application at the proxy",
    ),
    keyed(
        "ProxyEndpointMappings",
        "proxy_endpoint_mappings",
        Other,
        Harmless,
        "publish the application at the proxy",
    ),
    keyed(
        "ProxyTrustedEndpoints",
        "proxy_trusted_endpoints",
        List,
        Harmless,
        "publish the application at the proxy",
    ),
    keyed(
        "Notes",
        "notes",
        Text,
        Harmless,
        "it is for people; write it into the file as a comment",
    ),
    unkeyed("OrganizationInfo", Other, "it is for people"),
    unkeyed("ClaimsAccepted", Other, "it is for people"),
    unkeyed(
        "ResultantPolicy",
        Other,
        "it follows from the policy and its parameters",
    ),
    unkeyed("LastUpdateTime", Date, "it is history"),
    unkeyed("LastMonitoredTime", Date, "it is history"),
    unkeyed("LastPublishedPolicyCheckSuccessful", Other, "it is history"),
    unkeyed("ConflictWithPublishedPolicy", Other, "it is history"),
    unkeyed("ScopeGroupId", Other, "trusts are not grouped"),
    unkeyed("ScopeGroupIdentifier", Other, "trusts are not grouped"),
    unkeyed("PSComputerName", Other, "it is PowerShell's own"),
    unkeyed("PSShowComputerName", Other, "it is PowerShell's own"),
    unkeyed("RunspaceId", Other, "it is PowerShell's own"),
];

const fn keyed(
    name: &'static str,
    key: &'static str,
    kind: Kind,
    loss: Loss,
    why: &'static str,
) -> Property {
    Property {
        name,
        key: Some(key),
        kind,
        loss,
        why,
    }
}

const fn unkeyed(name: &'static str, kind: Kind, why: &'static str) -> Property {
    Property {
        name,
        key: None,
        kind,
        loss: Nothing,
        why,
    }
}
