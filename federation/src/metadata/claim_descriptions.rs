//! Claim types with names for people (spec passive-sign-in 4.2).

/// A claim type, described for administrators of other systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimDescription<'a> {
    /// Its name in tokens of JSON (ShortName), where it has one.
    pub short_name: Option<&'a str>,
    /// Claim type, a URI.
    pub uri: &'a str,
    /// Its name.
    pub display_name: &'a str,
    /// What it says.
    pub description: &'a str,
    /// Whether metadata lists it as accepted from claims providers.
    pub accepted: bool,
    /// Whether metadata lists it as offered to relying parties.
    pub offered: bool,
}

/// The descriptions that every AD FS has from the start, in its order; all are accepted and offered.
pub const BUILT_IN_CLAIM_DESCRIPTIONS: [ClaimDescription<'static>; 63] = [
    built_in(
        Some("email"),
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
        "E-Mail Address",
        "The user's e-mail address",
    ),
    built_in(
        Some("given_name"),
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
        "Given Name",
        "The user's given name",
    ),
    built_in(
        Some("unique_name"),
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
        "Name",
        "The user's unique name",
    ),
    built_in(
        Some("upn"),
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
        "UPN",
        "The user's principal name",
    ),
    built_in(
        Some("commonname"),
        "http://schemas.xmlsoap.org/claims/CommonName",
        "Common Name",
        "The user's common name",
    ),
    built_in(
        Some("adfs1email"),
        "http://schemas.xmlsoap.org/claims/EmailAddress",
        "AD FS 1.x E-Mail Address",
        "The user's e-mail address, as AD FS 1.x names it",
    ),
    built_in(
        Some("group"),
        "http://schemas.xmlsoap.org/claims/Group",
        "Group",
        "A group that the user belongs to",
    ),
    built_in(
        Some("adfs1upn"),
        "http://schemas.xmlsoap.org/claims/UPN",
        "AD FS 1.x UPN",
        "The user's principal name, as AD FS 1.x names it",
    ),
    built_in(
        Some("role"),
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
        "Role",
        "A role that the user has",
    ),
    built_in(
        Some("family_name"),
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
        "Surname",
        "The user's surname",
    ),
    built_in(
        Some("ppid"),
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/privatepersonalidentifier",
        "PPID",
        "An identifier of the user that no other relying party sees",
    ),
    built_in(
        Some("nameid"),
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
        "Name ID",
        "The user's name in SAML",
    ),
    built_in(
        Some("auth_time"),
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/authenticationinstant",
        "Authentication time stamp",
        "When the user proved the identity",
    ),
    built_in(
        Some("authmethod"),
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/authenticationmethod",
        "Authentication method",
        "How the user proved the identity",
    ),
    built_in(
        Some("denyonlysid"),
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/denyonlysid",
        "Deny only group SID",
        "A group's SID that only denies",
    ),
    built_in(
        Some("denyonlyprimarysid"),
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/denyonlyprimarysid",
        "Deny only primary SID",
        "The user's SID that only denies",
    ),
    built_in(
        Some("denyonlyprimarygroupsid"),
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/denyonlyprimarygroupsid",
        "Deny only primary group SID",
        "The primary group's SID that only denies",
    ),
    built_in(
        Some("groupsid"),
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/groupsid",
        "Group SID",
        "The SID of a group that the user belongs to",
    ),
    built_in(
        Some("primarygroupsid"),
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid",
        "Primary group SID",
        "The SID of the user's primary group",
    ),
    built_in(
        Some("primarysid"),
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarysid",
        "Primary SID",
        "The user's SID",
    ),
    built_in(
        Some("winaccountname"),
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname",
        "Windows account name",
        "The user's account, as DOMAIN\\user",
    ),
    built_in(
        Some("isregistereduser"),
        "http://schemas.microsoft.com/2012/01/devicecontext/claims/isregistereduser",
        "Is Registered User",
        "Whether the user registered the device",
    ),
    built_in(
        Some("deviceid"),
        "http://schemas.microsoft.com/2012/01/devicecontext/claims/identifier",
        "Device Identifier",
        "The device's identifier",
    ),
    built_in(
        Some("deviceregid"),
        "http://schemas.microsoft.com/2012/01/devicecontext/claims/registrationid",
        "Device Registration Identifier",
        "The identifier of the device's registration",
    ),
    built_in(
        Some("devicedispname"),
        "http://schemas.microsoft.com/2012/01/devicecontext/claims/displayname",
        "Device Registration DisplayName",
        "The name of the device's registration",
    ),
    built_in(
        Some("deviceostype"),
        "http://schemas.microsoft.com/2012/01/devicecontext/claims/ostype",
        "Device OS type",
        "The device's operating system",
    ),
    built_in(
        Some("deviceosver"),
        "http://schemas.microsoft.com/2012/01/devicecontext/claims/osversion",
        "Device OS Version",
        "The version of the device's operating system",
    ),
    built_in(
        Some("deviceismanaged"),
        "http://schemas.microsoft.com/2012/01/devicecontext/claims/ismanaged",
        "Is Managed Device",
        "Whether the device is managed",
    ),
    built_in(
        Some("forwardedclientip"),
        "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-forwarded-client-ip",
        "Forwarded Client IP",
        "The user's address, as Exchange saw it",
    ),
    built_in(
        Some("clientapplication"),
        "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-client-application",
        "Client Application",
        "The kind of client, as Exchange saw it",
    ),
    built_in(
        Some("clientuseragent"),
        "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-client-user-agent",
        "Client User Agent",
        "The device's user agent",
    ),
    built_in(
        Some("clientip"),
        "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-client-ip",
        "Client IP",
        "The client's address",
    ),
    built_in(
        Some("endpointpath"),
        "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-endpoint-absolute-path",
        "Endpoint Path",
        "The path of the endpoint that was asked",
    ),
    built_in(
        Some("proxy"),
        "http://schemas.microsoft.com/2012/01/requestcontext/claims/x-ms-proxy",
        "Proxy",
        "The proxy that passed the request on",
    ),
    built_in(
        Some("relyingpartytrustid"),
        "http://schemas.microsoft.com/2012/01/requestcontext/claims/relyingpartytrustid",
        "Application Identifier",
        "The identifier of the relying party",
    ),
    built_in(
        None,
        "http://schemas.microsoft.com/2012/01/requestcontext/claims/client-request-id",
        "Client Request ID",
        "The identifier of the request",
    ),
    built_in(
        Some("certapppolicy"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/extension/applicationpolicy",
        "Application policies",
        "Application policies of the certificate",
    ),
    built_in(
        Some("certauthoritykeyidentifier"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/extension/authoritykeyidentifier",
        "Authority Key Identifier",
        "Key identifier of the certificate's issuer",
    ),
    built_in(
        Some("certbasicconstraints"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/extension/basicconstraints",
        "Basic Constraint",
        "Basic constraints of the certificate",
    ),
    built_in(
        Some("certeku"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/extension/eku",
        "Enhanced Key Usage",
        "An enhanced key usage of the certificate",
    ),
    built_in(
        Some("certkeyusage"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/extension/keyusage",
        "Key Usage",
        "Key usage of the certificate",
    ),
    built_in(
        Some("certpolicy"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/extension/certificatepolicy",
        "Certificate Policies",
        "Policies of the certificate",
    ),
    built_in(
        Some("certsubjectaltname"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/extension/san",
        "Subject Alternative Name",
        "An alternative name of the certificate's subject",
    ),
    built_in(
        Some("certsubjectkeyidentifier"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/extension/subjectkeyidentifier",
        "Subject Key Identifier",
        "Key identifier of the certificate's subject",
    ),
    built_in(
        Some("certtemplateinformation"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/extension/certificatetemplateinformation",
        "V2 Template Name",
        "Version 2 template of the certificate",
    ),
    built_in(
        Some("certtemplatename"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/extension/certificatetemplatename",
        "V1 Template Name",
        "Version 1 template of the certificate",
    ),
    built_in(
        Some("certissuer"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/field/issuer",
        "Issuer",
        "The certificate's issuer",
    ),
    built_in(
        Some("certissuername"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/field/issuername",
        "Issuer Name",
        "The distinguished name of the certificate's issuer",
    ),
    built_in(
        Some("certnotafter"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/field/notafter",
        "Not After",
        "When the certificate ends",
    ),
    built_in(
        Some("certnotbefore"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/field/notbefore",
        "Not Before",
        "When the certificate begins",
    ),
    built_in(
        Some("certrawdata"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/field/rawdata",
        "Certificate Raw Data",
        "The whole certificate",
    ),
    built_in(
        Some("certsignaturealgorithm"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/field/signaturealgorithm",
        "Signature Algorithm",
        "The algorithm of the certificate's signature",
    ),
    built_in(
        Some("certsubject"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/field/subject",
        "Subject",
        "The certificate's subject",
    ),
    built_in(
        Some("certsubjectname"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/field/subjectname",
        "Subject Name",
        "The distinguished name of the certificate's subject",
    ),
    built_in(
        Some("certx509version"),
        "http://schemas.microsoft.com/2012/12/certificatecontext/field/x509version",
        "X.509 Version",
        "The certificate's X.509 version",
    ),
    built_in(
        Some("certpublickey"),
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/rsa",
        "Public Key",
        "The certificate's RSA public key",
    ),
    built_in(
        Some("certserialnumber"),
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/serialnumber",
        "Serial Number",
        "The certificate's serial number",
    ),
    built_in(
        Some("certthumbprint"),
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/thumbprint",
        "Thumbprint",
        "The certificate's thumbprint",
    ),
    built_in(
        Some("insidecorporatenetwork"),
        "http://schemas.microsoft.com/ws/2012/01/insidecorporatenetwork",
        "Inside Corporate Network",
        "Whether the request came from inside the corporate network",
    ),
    built_in(
        Some("pwdexptime"),
        "http://schemas.microsoft.com/ws/2012/01/passwordexpirationtime",
        "Password Expiration Time",
        "When the password expires",
    ),
    built_in(
        Some("pwdexpdays"),
        "http://schemas.microsoft.com/ws/2012/01/passwordexpirationdays",
        "Password Expiration Days",
        "Days until the password expires",
    ),
    built_in(
        Some("pwdchgurl"),
        "http://schemas.microsoft.com/ws/2012/01/passwordchangeurl",
        "Update Password URL",
        "Where the password can be changed",
    ),
    built_in(
        Some("amr"),
        "http://schemas.microsoft.com/claims/authnmethodsreferences",
        "Authentication Methods References",
        "A method by which the user proved the identity",
    ),
];

const fn built_in(
    short_name: Option<&'static str>,
    uri: &'static str,
    display_name: &'static str,
    description: &'static str,
) -> ClaimDescription<'static> {
    ClaimDescription {
        short_name,
        uri,
        display_name,
        description,
        accepted: true,
        offered: true,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn claim_types_are_described_once_and_by_their_http_spelling() {
        let uris: HashSet<&str> = BUILT_IN_CLAIM_DESCRIPTIONS
            .iter()
            .map(|claim| claim.uri)
            .collect();
        assert_eq!(uris.len(), BUILT_IN_CLAIM_DESCRIPTIONS.len());
        let names = BUILT_IN_CLAIM_DESCRIPTIONS
            .iter()
            .filter_map(|claim| claim.short_name);
        let (count, different): (Vec<&str>, HashSet<&str>) =
            (names.clone().collect(), names.collect());
        assert_eq!(count.len(), different.len(), "short names are told apart");
        assert!(different.contains("unique_name") && different.contains("upn"));
        assert!(uris.iter().all(|uri| uri.starts_with("http://schemas.")));
    }
}
