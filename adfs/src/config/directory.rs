//! `[directories.NAME]`: where accounts are and how to ask for them.

use std::path::PathBuf;
use std::time::Duration;

use super::secret::Secret;
use super::server_address::ServerAddress;

/// One directory: a domain of Active Directory, or an LDAP server with accounts like its.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryConfig {
    /// Name of the section; sessions remember it, so it must not change while they live.
    pub name: String,
    /// Servers with the same content; the first that answers is asked.
    pub servers: Vec<ServerAddress>,
    /// PEM file of the authorities that may certify the servers; `None`: those of the system.
    pub ca_file: Option<PathBuf>,
    /// The account that searches.
    pub service_account: ServiceAccount,
    /// Where searches begin.
    pub base_dn: String,
    /// RFC 4515 filter that accounts of people match.
    pub user_filter: String,
    /// Name before the backslash in `DOMAIN\user` (NetBIOS name), upper case.
    pub net_bios_name: String,
    /// DNS name of the domain, lower case.
    pub dns_name: String,
    /// UPN suffixes of its accounts, lower case. Empty: every suffix that no other directory claims.
    pub upn_suffixes: Vec<String>,
    /// What the attributes are called there.
    pub attributes: AttributeNames,
    /// Longest time for a new connection with TLS.
    pub connect_timeout: Duration,
    /// Longest time for the answer to one operation.
    pub operation_timeout: Duration,
    /// Most connections to one server for searches, and as many again for binds.
    pub pool_size: usize,
}

/// The account that searches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// DN, or what the directory takes as a name in a simple bind.
    pub bind_dn: String,
    /// Its password.
    pub password: Secret,
}

/// What attributes are called. The defaults are Active Directory's; a directory that lacks one does without what it
/// says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeNames {
    /// Sign-in name `user@domain`.
    pub user_principal_name: String,
    /// Sign-in name after `DOMAIN\`.
    pub sam_account_name: String,
    /// What never changes while the account lives; octets.
    pub object_guid: String,
    /// Security identifier; octets.
    pub object_sid: String,
    /// Full name.
    pub display_name: String,
    /// Mail address.
    pub mail: String,
    /// Relative identifier of the primary group.
    pub primary_group_id: String,
    /// SIDs of all groups, nested ones too; computed by the directory.
    pub token_groups: String,
    /// Flags of the account.
    pub user_account_control: String,
    /// Flags that the directory computes: locked, password expired.
    pub user_account_control_computed: String,
    /// When the account expires.
    pub account_expires: String,
    /// When it was locked.
    pub lockout_time: String,
    /// When the password was set.
    pub pwd_last_set: String,
    /// When the password expires; computed.
    pub password_expires: String,
}

impl Default for AttributeNames {
    fn default() -> AttributeNames {
        AttributeNames {
            user_principal_name: "userPrincipalName".to_owned(),
            sam_account_name: "sAMAccountName".to_owned(),
            object_guid: "objectGUID".to_owned(),
            object_sid: "objectSid".to_owned(),
            display_name: "displayName".to_owned(),
            mail: "mail".to_owned(),
            primary_group_id: "primaryGroupID".to_owned(),
            token_groups: "tokenGroups".to_owned(),
            user_account_control: "userAccountControl".to_owned(),
            user_account_control_computed: "msDS-User-Account-Control-Computed".to_owned(),
            account_expires: "accountExpires".to_owned(),
            lockout_time: "lockoutTime".to_owned(),
            pwd_last_set: "pwdLastSet".to_owned(),
            password_expires: "msDS-UserPasswordExpiryTimeComputed".to_owned(),
        }
    }
}
