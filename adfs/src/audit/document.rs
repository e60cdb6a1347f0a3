//! The XML document of events 1200 to 1210 (spec passive-sign-in 8.4).

use std::net::IpAddr;

use uuid::Uuid;

use super::xml::{NONE, component, element, optional};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditKind {
    /// A token for an application: 1200, 1201.
    AppToken,
    /// Credentials were given: 1202, 1203.
    FreshCredentials,
    /// A sign-out: 1206, 1207.
    SignOut,
    /// Credentials that were not looked at, because too many wrong ones came before: 1210.
    ExtranetLockout,
}

impl AuditKind {
    /// Number of the event.
    pub fn event_id(self, success: bool) -> u16 {
        let when_good = match self {
            AuditKind::AppToken => 1200,
            AuditKind::FreshCredentials => 1202,
            AuditKind::SignOut => 1206,
            // It never succeeds.
            AuditKind::ExtranetLockout => 1209,
        };
        if success { when_good } else { when_good + 1 }
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            AuditKind::AppToken => ("AppTokenAudit", "AppToken"),
            AuditKind::FreshCredentials => ("FreshCredentialAudit", "FreshCredentials"),
            AuditKind::SignOut => ("SignOutAudit", "SignOut"),
            AuditKind::ExtranetLockout => ("ExtranetLockoutAudit", "ExtranetLockout"),
        }
    }
}

/// The protocol that a request spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthProtocol {
    /// WS-Federation passive.
    WsFederation,
    /// SAML 2.0.
    Saml,
}

impl AuthProtocol {
    /// As AD FS writes it.
    pub fn name(self) -> &'static str {
        match self {
            AuthProtocol::WsFederation => "WSFederation",
            AuthProtocol::Saml => "SAMLP",
        }
    }
}

/// Why it did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    /// Class, one word.
    pub kind: &'a str,
    /// Code within it; none is `N/A`.
    pub code: Option<&'a str>,
}

/// Where the request came from.
#[derive(Debug, Clone, Copy)]
pub struct RequestFacts<'a> {
    /// Ties together what belongs to one sign-in.
    pub activity_id: Uuid,
    /// Identifier of this federation service.
    pub server: &'a str,
    /// The protocol, once that is known.
    pub protocol: Option<AuthProtocol>,
    /// Whether it came through a proxy.
    pub extranet: bool,
    /// The end user's address.
    pub client: IpAddr,
    /// What a proxy said of the addresses before it.
    pub forwarded: Option<&'a str>,
    /// The proxy's address.
    pub proxy_address: Option<IpAddr>,
    /// The proxy's name.
    pub proxy: Option<&'a str>,
    /// The browser's name for itself.
    pub user_agent: Option<&'a str>,
    /// Path.
    pub endpoint: &'a str,
}

/// One event with its document.
#[derive(Debug, Clone, Copy)]
pub struct AuditDocument<'a> {
    /// What happened.
    pub kind: AuditKind,
    /// None when it succeeded.
    pub failure: Option<Failure<'a>>,
    /// Identifier of the relying party.
    pub relying_party: Option<&'a str>,
    /// Identifier of the claims provider; none is Active Directory.
    pub claims_provider: Option<&'a str>,
    /// `DOMAIN\user` where it is known, else what was typed.
    pub user: Option<&'a str>,
    /// Method URI of the first factor.
    pub method: Option<&'a str>,
    /// Where the request came from.
    pub request: RequestFacts<'a>,
}

impl AuditDocument<'_> {
    /// The document, on one line.
    pub fn to_xml(&self) -> String {
        let (document_type, audit_type) = self.kind.names();
        let mut out = String::with_capacity(2048);
        // AD FS declares the encoding that the Windows event log has, whatever the text's encoding elsewhere is.
        out.push_str(r#"<?xml version="1.0" encoding="utf-16"?><AuditBase xmlns:xsd="http://www.w3.org/2001/XMLSchema" "#);
        out.push_str(r#"xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type=""#);
        out.push_str(document_type);
        out.push_str("\">");
        element(&mut out, "AuditType", audit_type);
        element(
            &mut out,
            "AuditResult",
            if self.failure.is_none() {
                "Success"
            } else {
                "Failure"
            },
        );
        element(
            &mut out,
            "FailureType",
            self.failure.map_or("None", |failure| failure.kind),
        );
        optional(
            &mut out,
            "ErrorCode",
            self.failure.and_then(|failure| failure.code),
        );
        out.push_str("<ContextComponents>");
        component(&mut out, "ResourceAuditComponent", |out| {
            optional(out, "RelyingParty", self.relying_party);
            element(
                out,
                "ClaimsProvider",
                self.claims_provider.unwrap_or("AD AUTHORITY"),
            );
            optional(out, "UserId", self.user);
        });
        component(&mut out, "AuthNAuditComponent", |out| {
            self.authentication(out)
        });
        component(&mut out, "ProtocolAuditComponent", |out| {
            element(out, "OAuthClientId", NONE);
            element(out, "OAuthGrant", NONE);
        });
        component(&mut out, "RequestAuditComponent", |out| self.request(out));
        out.push_str("</ContextComponents></AuditBase>");
        out
    }

    /// Devices, second factors and token binding are not part of any sign-in here.
    fn authentication(&self, out: &mut String) {
        optional(out, "PrimaryAuth", self.method);
        element(out, "DeviceAuth", false);
        element(out, "DeviceId", NONE);
        element(out, "MfaPerformed", false);
        element(out, "MfaMethod", NONE);
        element(out, "TokenBindingProvidedId", false);
        element(out, "TokenBindingReferredId", false);
        element(out, "SsoBindingValidationLevel", "TokenUnbound");
    }

    fn request(&self, out: &mut String) {
        let facts = &self.request;
        element(out, "Server", facts.server);
        optional(out, "AuthProtocol", facts.protocol.map(AuthProtocol::name));
        element(
            out,
            "NetworkLocation",
            if facts.extranet {
                "Extranet"
            } else {
                "Intranet"
            },
        );
        element(out, "IpAddress", facts.client);
        match facts.forwarded {
            Some(forwarded) => element(out, "ForwardedIpAddress", forwarded),
            None => out.push_str("<ForwardedIpAddress />"),
        }
        optional(out, "ProxyIpAddress", facts.proxy_address);
        element(out, "NetworkIpAddress", NONE);
        optional(out, "ProxyServer", facts.proxy);
        optional(out, "UserAgentString", facts.user_agent);
        element(out, "Endpoint", facts.endpoint);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts() -> RequestFacts<'static> {
        RequestFacts {
            activity_id: Uuid::from_u128(1),
            server: "http://sts.contoso.test/adfs/services/trust",
            protocol: Some(AuthProtocol::WsFederation),
            extranet: false,
            client: "10.0.0.9".parse().unwrap(),
            forwarded: None,
            proxy_address: None,
            proxy: None,
            user_agent: Some("Mozilla/5.0"),
            endpoint: "/adfs/ls/",
        }
    }

    fn issued() -> AuditDocument<'static> {
        AuditDocument {
            kind: AuditKind::AppToken,
            failure: None,
            relying_party: Some("urn:federation:MicrosoftOnline"),
            claims_provider: None,
            user: Some(r"CONTOSO\alice"),
            method: Some("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"),
            request: facts(),
        }
    }

    fn refused_through_a_proxy() -> AuditDocument<'static> {
        AuditDocument {
            kind: AuditKind::FreshCredentials,
            failure: Some(Failure {
                kind: "CredentialValidationError",
                code: None,
            }),
            user: Some("o'brien@contoso.test <&>\r\n"),
            method: None,
            request: RequestFacts {
                extranet: true,
                client: "203.0.113.7".parse().unwrap(),
                forwarded: Some("203.0.113.7"),
                proxy_address: Some("10.0.0.8".parse().unwrap()),
                proxy: Some("wap01.contoso.test"),
                user_agent: None,
                ..facts()
            },
            ..issued()
        }
    }

    fn signed_out() -> AuditDocument<'static> {
        AuditDocument {
            kind: AuditKind::SignOut,
            relying_party: None,
            claims_provider: None,
            ..issued()
        }
    }

    #[test]
    fn documents_are_those_of_ad_fs() {
        for (document, golden) in [
            (issued(), include_str!("golden/1200.xml")),
            (refused_through_a_proxy(), include_str!("golden/1203.xml")),
            (signed_out(), include_str!("golden/1206.xml")),
        ] {
            // The golden files have a line for each element, for people; the document is one line.
            let expected: String = golden.lines().map(str::trim).collect();
            assert_eq!(document.to_xml(), expected);
        }
    }

    #[test]
    fn numbers_follow_kind_and_outcome() {
        assert_eq!(AuditKind::AppToken.event_id(true), 1200);
        assert_eq!(AuditKind::AppToken.event_id(false), 1201);
        assert_eq!(AuditKind::FreshCredentials.event_id(true), 1202);
        assert_eq!(AuditKind::FreshCredentials.event_id(false), 1203);
        assert_eq!(AuditKind::SignOut.event_id(true), 1206);
        assert_eq!(AuditKind::SignOut.event_id(false), 1207);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_document(user in any::<String>(), agent in any::<String>(), proxy in any::<String>()) {
            let request = RequestFacts { user_agent: Some(&agent), proxy: Some(&proxy), ..facts() };
            let xml = AuditDocument { user: Some(&user), request, ..issued() }.to_xml();
            prop_assert!(!xml.contains(['\r', '\n']));
            let parsed = roxmltree::Document::parse(&xml).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let text = |name: &str| parsed.descendants().find(|node| node.has_tag_name(name)).and_then(|node| node.text());
            prop_assert_eq!(text("UserId").unwrap_or_default(), super::super::Clean(&user).to_string());
            prop_assert_eq!(text("Endpoint"), Some("/adfs/ls/"));
            prop_assert_eq!(parsed.descendants().filter(|node| node.is_element()).count(), 33);
        }
    }
}
