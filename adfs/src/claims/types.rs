//! Claim types that the service itself asserts or acts on (spec claim-rules 5 and 6).

use claim_rules::Claim;

/// `DOMAIN\user`.
pub const WINDOWS_ACCOUNT_NAME: &str =
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname";
/// `DOMAIN\user` again, as AD FS fills it at a directory logon.
pub const NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
/// userPrincipalName.
pub const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
/// sAMAccountName and DNS domain name as `user@domain`.
pub const IMPLICIT_UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/implicitupn";
/// objectSid.
pub const PRIMARY_SID: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarysid";
/// SID of the primary group.
pub const PRIMARY_GROUP_SID: &str =
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid";
/// SID of a group, nested ones included.
pub const GROUP_SID: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groupsid";
/// URI of the claim type that identifies the user at this claims provider.
pub const ANCHOR_CLAIM_TYPE: &str =
    "http://schemas.microsoft.com/ws/2014/01/identity/claims/anchorclaimtype";

/// Method of the primary authentication, a URI.
pub const AUTHENTICATION_METHOD: &str =
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/authenticationmethod";
/// When it happened, ISO 8601 in UTC.
pub const AUTHENTICATION_INSTANT: &str =
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/authenticationinstant";
/// Every method that was used, one claim each.
pub const METHODS_REFERENCES: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";

/// `true` or `false`.
pub const INSIDE_CORPORATE_NETWORK: &str =
    "http://schemas.microsoft.com/ws/2012/01/insidecorporatenetwork";
/// The proxy's name; absent for direct requests.
pub const PROXY: &str = "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-proxy";
/// What the proxy says about addresses in front of it.
pub const FORWARDED_CLIENT_IP: &str =
    "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-forwarded-client-ip";
/// Address of the client.
pub const CLIENT_IP: &str =
    "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-client-ip";
/// Address of the user.
pub const USER_IP: &str = "http://schemas.microsoft.com/2014/09/requestcontext/claims/userip";
/// The client's own description.
pub const CLIENT_USER_AGENT: &str =
    "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-client-user-agent";
/// Path that got the request.
pub const ENDPOINT_ABSOLUTE_PATH: &str =
    "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-endpoint-absolute-path";
/// Identifier of the relying party.
pub const RELYING_PARTY_TRUST_ID: &str =
    "http://schemas.microsoft.com/2012/01/requestcontext/claims/relyingpartytrustid";
/// Activity id.
pub const CLIENT_REQUEST_ID: &str =
    "http://schemas.microsoft.com/2012/01/requestcontext/claims/client-request-id";

/// When the password expires, ISO 8601 in UTC; only near that time.
pub const PASSWORD_EXPIRATION_TIME: &str =
    "http://schemas.microsoft.com/ws/2012/01/passwordexpirationtime";
/// `true` when the session outlives the browser.
pub const PERSISTENT_SSO: &str = "http://schemas.microsoft.com/2014/03/psso";
/// `true` when the device is registered for the user.
pub const IS_REGISTERED_USER: &str =
    "http://schemas.microsoft.com/2012/01/devicecontext/claims/isregistereduser";
/// Value of [`METHODS_REFERENCES`] when a second factor was used, and of [`AUTHENTICATION_METHOD`] where additional
/// authentication rules demand one.
pub const MULTIPLE_AUTHENTICATION: &str = "http://schemas.microsoft.com/claims/multipleauthn";

/// Lets the user in.
pub const PERMIT: &str = "http://schemas.microsoft.com/authorization/claims/permit";
/// Keeps the user out, whatever permits.
pub const DENY: &str = "http://schemas.microsoft.com/authorization/claims/deny";

/// Beginnings of types that state facts about the request or the device.
const CONTEXT_PREFIXES: [&str; 6] = [
    "http://schemas.microsoft.com/2012/01/requestcontext/claims/",
    "http://schemas.microsoft.com/2014/09/requestcontext/claims/",
    "http://schemas.microsoft.com/2012/01/devicecontext/claims/",
    "http://schemas.microsoft.com/2014/02/devicecontext/claims/",
    "http://schemas.microsoft.com/2014/09/devicecontext/claims/",
    "http://schemas.microsoft.com/authorization/claims/",
];
const RESERVED: [&str; 7] = [
    INSIDE_CORPORATE_NETWORK,
    AUTHENTICATION_METHOD,
    AUTHENTICATION_INSTANT,
    METHODS_REFERENCES,
    "http://schemas.microsoft.com/claims/authnmethodsproviders",
    "http://schemas.microsoft.com/ws/2017/04/identity/claims/multifactorauthenticationinstant",
    PERSISTENT_SSO,
];

/// Whether claims say that a second factor was used. Only behind the border that drops what others assert.
pub(super) fn proves_second_factor(claims: &[Claim]) -> bool {
    claims.iter().any(|claim| {
        claim.claim_type == METHODS_REFERENCES && claim.value == MULTIPLE_AUTHENTICATION
    })
}

/// Whether only the service itself may assert claims of this type (spec security CLM-2). Case does not matter, since
/// rules may compare without it.
pub fn is_reserved(claim_type: &str) -> bool {
    let starts_with = |prefix: &str| {
        let start = claim_type.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    RESERVED
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(claim_type))
        || CONTEXT_PREFIXES.iter().any(|prefix| starts_with(prefix))
}
