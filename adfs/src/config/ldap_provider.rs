//! LDAP directories as claims providers (local claims provider trusts, spec passive-sign-in 7.4).

use super::directory::DirectoryConfig;

/// An LDAP directory whose users sign in on the form of this service (Add-AdfsLocalClaimsProviderTrust).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LdapProvider {
    /// Its servers (LdapServerConnection), where people are in it (UserContainer) and which entries are people
    /// (UserObjectClass). Its name is the identifier of the trust.
    pub directory: DirectoryConfig,
    /// The attribute that holds the name that users type, and the claim that it becomes (AnchorClaimLdapAttribute,
    /// AnchorClaimType).
    pub anchor: LdapAttributeToClaim,
    /// What else becomes a claim (LdapAttributeToClaimMapping).
    pub mappings: Vec<LdapAttributeToClaim>,
}

/// An attribute and the type of the claims that its values become (New-AdfsLdapAttributeToClaimMap).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LdapAttributeToClaim {
    /// Name of the attribute (LdapAttribute).
    pub attribute: String,
    /// Type of the claim (ClaimType).
    pub claim_type: String,
}
