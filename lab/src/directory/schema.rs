//! The attributes that this directory knows, with the spelling and syntax of Active Directory's schema. The loader
//! refuses an attribute that is not here, so that a spelling mistake in a fixture cannot pass unseen.

/// How values of an attribute are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// A string, compared without regard to case.
    Text,
    /// A decimal number of at most 64 bits.
    Integer,
    /// Bytes, compared as they are.
    Octets,
    /// 16 bytes; a filter may also write the dashed text form.
    Guid,
    /// A binary SID; a filter may also write `S-1-…`.
    Sid,
    /// A distinguished name.
    Name,
}

/// One attribute of the schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AttributeType {
    /// The lDAPDisplayName.
    pub(super) name: &'static str,
    pub(super) syntax: Syntax,
    /// Computed for each answer and returned only when asked for by name; in filters it is undefined (MS-ADTS
    /// 3.1.1.4.5, constructed attributes).
    pub(super) constructed: bool,
    /// Equality is answered from an index.
    pub(super) indexed: bool,
}

const fn stored(name: &'static str, syntax: Syntax) -> AttributeType {
    AttributeType {
        name,
        syntax,
        constructed: false,
        indexed: false,
    }
}

const fn indexed(name: &'static str, syntax: Syntax) -> AttributeType {
    AttributeType {
        name,
        syntax,
        constructed: false,
        indexed: true,
    }
}

const fn constructed(name: &'static str, syntax: Syntax) -> AttributeType {
    AttributeType {
        name,
        syntax,
        constructed: true,
        indexed: false,
    }
}

use Syntax::{Guid, Integer, Name, Octets, Sid, Text};

static ATTRIBUTES: &[AttributeType] = &[
    stored("accountExpires", Integer),
    stored("badPasswordTime", Integer),
    stored("badPwdCount", Integer),
    stored("c", Text),
    indexed("cn", Text),
    stored("company", Text),
    stored("countryCode", Integer),
    stored("currentTime", Text),
    stored("dc", Text),
    stored("defaultNamingContext", Name),
    stored("department", Text),
    stored("description", Text),
    stored("displayName", Text),
    indexed("distinguishedName", Name),
    stored("dnsHostName", Text),
    stored("domainFunctionality", Integer),
    stored("employeeID", Text),
    stored("forestFunctionality", Integer),
    stored("givenName", Text),
    stored("groupType", Integer),
    stored("homeMDB", Name),
    stored("instanceType", Integer),
    stored("isCriticalSystemObject", Text),
    stored("isDeleted", Text),
    stored("l", Text),
    stored("lastLogon", Integer),
    stored("lastLogonTimestamp", Integer),
    stored("legacyExchangeDN", Text),
    stored("lockOutObservationWindow", Integer),
    stored("lockoutDuration", Integer),
    stored("lockoutThreshold", Integer),
    stored("lockoutTime", Integer),
    stored("logonCount", Integer),
    stored("logonHours", Octets),
    indexed("mail", Text),
    stored("mailNickname", Text),
    stored("manager", Name),
    stored("maxPwdAge", Integer),
    stored("member", Name),
    stored("memberOf", Name),
    stored("minPwdAge", Integer),
    stored("minPwdLength", Integer),
    stored("mobile", Text),
    stored("ms-DS-MachineAccountQuota", Integer),
    indexed("mS-DS-ConsistencyGuid", Octets),
    constructed("msDS-PrincipalName", Text),
    constructed("msDS-User-Account-Control-Computed", Integer),
    constructed("msDS-UserPasswordExpiryTimeComputed", Integer),
    stored("name", Text),
    stored("namingContexts", Name),
    stored("nTMixedDomain", Integer),
    stored("o", Text),
    stored("objectCategory", Name),
    stored("objectClass", Text),
    indexed("objectGUID", Guid),
    indexed("objectSid", Sid),
    stored("ou", Text),
    stored("physicalDeliveryOfficeName", Text),
    stored("postalCode", Text),
    stored("primaryGroupID", Integer),
    indexed("proxyAddresses", Text),
    stored("pwdLastSet", Integer),
    stored("rootDomainNamingContext", Name),
    indexed("sAMAccountName", Text),
    stored("sAMAccountType", Integer),
    indexed("servicePrincipalName", Text),
    stored("showInAdvancedViewOnly", Text),
    stored("sn", Text),
    stored("st", Text),
    stored("streetAddress", Text),
    stored("supportedCapabilities", Text),
    stored("supportedControl", Text),
    stored("supportedExtension", Text),
    stored("supportedLDAPPolicies", Text),
    stored("supportedLDAPVersion", Integer),
    stored("telephoneNumber", Text),
    stored("thumbnailPhoto", Octets),
    stored("title", Text),
    constructed("tokenGroups", Sid),
    stored("userAccountControl", Integer),
    stored("userCertificate", Octets),
    indexed("userPrincipalName", Text),
    stored("userWorkstations", Text),
    stored("uSNChanged", Integer),
    stored("uSNCreated", Integer),
    stored("vendorName", Text),
    stored("whenChanged", Text),
    stored("whenCreated", Text),
];

/// Finds an attribute by its description, in any case and with or without the `;binary` option.
pub(super) fn attribute(description: &str) -> Option<&'static AttributeType> {
    let name = match description.split_once(';') {
        Some((name, option)) if option.eq_ignore_ascii_case("binary") => name,
        Some(_) => return None,
        None => description,
    };
    ATTRIBUTES
        .iter()
        .find(|known| known.name.eq_ignore_ascii_case(name))
}

/// The category name that a class stands for in `(objectCategory=user)`: AD accepts a class's display name and looks at
/// its defaultObjectCategory (MS-ADTS 3.1.1.3.1.3.5).
pub(super) fn category_of_class(class: &str) -> Option<&'static str> {
    const CATEGORIES: &[(&str, &str)] = &[
        ("person", "Person"),
        ("user", "Person"),
        ("inetOrgPerson", "Person"),
        ("organizationalPerson", "Person"),
        ("group", "Group"),
        ("computer", "Computer"),
        ("organizationalUnit", "Organizational-Unit"),
        ("container", "Container"),
        ("domainDNS", "Domain-DNS"),
    ];
    CATEGORIES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(class))
        .map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_attributes_in_any_spelling() {
        assert_eq!(attribute("SAMACCOUNTNAME").unwrap().name, "sAMAccountName");
        assert_eq!(
            attribute("userCertificate;binary").unwrap().name,
            "userCertificate"
        );
        assert_eq!(attribute("member;range=0-5"), None);
        assert_eq!(attribute("nonsense"), None);
    }
}
