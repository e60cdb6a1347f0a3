//! The people and groups of `ldap-fixtures/`, carried within the program.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::entry::Entry;
use super::identifiers::{guid_text, sid_text};
use super::ldif::{self, LdifError};
use super::records::TreeError;
use super::tree::Tree;

/// The LDIF files in the order in which they must be read: parents first.
const LDIF: [(&str, &str); 4] = [
    (
        "base.ldif",
        include_str!("../../../ldap-fixtures/base.ldif"),
    ),
    (
        "people.ldif",
        include_str!("../../../ldap-fixtures/people.ldif"),
    ),
    (
        "load.ldif",
        include_str!("../../../ldap-fixtures/load.ldif"),
    ),
    (
        "groups.ldif",
        include_str!("../../../ldap-fixtures/groups.ldif"),
    ),
];
pub(super) const PEOPLE: &str = include_str!("../../../ldap-fixtures/people.toml");
/// How many of the generated people `people()` lists (design: user0001 to user0010).
const GENERATED_LISTED: usize = 10;
const SERVICE_ACCOUNT: &str = "svc-adfs";

/// Why the fixtures cannot be used. The committed ones are covered by tests; this is for directories made from other text.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// The LDIF cannot be read.
    #[error("{file}: {source}")]
    Ldif {
        /// The file's name.
        file: String,
        /// What is wrong.
        source: LdifError,
    },
    /// The entries do not make a directory.
    #[error("the directory fixtures are inconsistent: {0}")]
    Tree(#[from] TreeError),
    /// `people.toml` cannot be read.
    #[error("people.toml: {0}")]
    Index(#[from] toml::de::Error),
    /// `people.toml` lists someone who is not in the LDIF, or who has no password or identifier there.
    #[error(
        "people.toml lists `{0}`, but the LDIF files have no complete entry for that sAMAccountName"
    )]
    Incomplete(String),
}

/// One person, with all that other parts of the lab must know: `lab.json`, and the cloud's copy of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// userPrincipalName, such as `alice@contoso.test`.
    pub upn: String,
    /// sAMAccountName, such as `alice`.
    pub sam_account_name: String,
    /// The password, in clear: the lab shows it.
    pub password: String,
    /// The base32 secret of the enrolled authenticator app (RFC 6238: SHA-1, six digits, 30 s).
    pub totp_secret: Option<String>,
    /// What the person is there for.
    pub notes: String,
    /// The distinguished name.
    pub dn: String,
    /// displayName.
    pub display_name: String,
    /// mail.
    pub mail: Option<String>,
    /// proxyAddresses, such as `SMTP:alice@contoso.test`.
    pub proxy_addresses: Vec<String>,
    /// objectGUID in dashed form.
    pub object_guid: String,
    /// objectSid as `S-1-…`.
    pub object_sid: String,
    /// Base64 of mS-DS-ConsistencyGuid, else of objectGUID: what directory synchronisation makes the ImmutableID (spec
    /// cloud-scenario 5).
    pub immutable_id: String,
}

/// An account that a service signs in to the directory with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// The distinguished name.
    pub dn: String,
    /// The password, in clear.
    pub password: String,
}

/// A directory's content before a server serves it.
#[derive(Debug)]
pub struct Fixtures {
    pub(super) tree: Tree,
    listed: Vec<Listed>,
}

#[derive(Debug, Clone, Deserialize)]
struct Index {
    person: Vec<Listed>,
}

/// What `people.toml` adds to the LDIF. Its other keys went into the LDIF when that was written.
#[derive(Debug, Clone, Deserialize)]
struct Listed {
    sam_account_name: String,
    totp_secret: Option<String>,
    notes: String,
}

impl Fixtures {
    /// Loads the fixtures within the program.
    pub fn load() -> Result<Fixtures, FixtureError> {
        let mut records = Vec::new();
        for (file, text) in LDIF {
            let read = ldif::parse(text).map_err(|source| FixtureError::Ldif {
                file: file.to_owned(),
                source,
            })?;
            records.extend(read);
        }
        let fixtures = Fixtures {
            tree: Tree::build(records)?,
            listed: toml::from_str::<Index>(PEOPLE)?.person,
        };
        if let Some(missing) = fixtures
            .listed
            .iter()
            .find(|l| fixtures.person(l).is_none())
        {
            return Err(FixtureError::Incomplete(missing.sam_account_name.clone()));
        }
        Ok(fixtures)
    }

    /// Makes a directory of one's own from an LDIF text whose first record is the domain. It lists no people.
    pub fn from_ldif(text: &str) -> Result<Fixtures, FixtureError> {
        let records = ldif::parse(text).map_err(|source| FixtureError::Ldif {
            file: "LDIF text".to_owned(),
            source,
        })?;
        Ok(Fixtures {
            tree: Tree::build(records)?,
            listed: Vec::new(),
        })
    }

    /// The people of `people.toml` in its order, then the first of the generated ones.
    pub fn people(&self) -> Vec<Person> {
        self.listed_people()
            .chain(self.generated_people().take(GENERATED_LISTED))
            .collect()
    }

    /// Everyone of `people()` and all of the generated ones: too many to show, but the cloud must know them.
    pub fn everyone(&self) -> Vec<Person> {
        self.listed_people()
            .chain(self.generated_people())
            .collect()
    }

    fn listed_people(&self) -> impl Iterator<Item = Person> {
        self.listed.iter().filter_map(|listed| self.person(listed))
    }

    fn generated_people(&self) -> impl Iterator<Item = Person> {
        (1..).map_while(|number: u32| {
            let entry = self.account(&format!("user{number:04}"))?;
            person_of(entry, "generated, for load", None)
        })
    }

    /// The account that adfs searches with.
    pub fn service_account(&self) -> Option<ServiceAccount> {
        let entry = self.account(SERVICE_ACCOUNT)?;
        let password = entry.password.as_ref()?.reveal();
        Some(ServiceAccount {
            dn: entry.dn.clone(),
            password,
        })
    }

    /// The DN below which everything is, such as `DC=contoso,DC=test`.
    pub fn suffix(&self) -> &str {
        self.tree.suffix()
    }

    /// The domain's NetBIOS name, such as `CONTOSO`.
    pub fn netbios_domain(&self) -> String {
        self.tree.netbios_domain()
    }

    fn account(&self, sam_account_name: &str) -> Option<&Entry> {
        self.tree
            .entry(self.tree.lookup_text("sAMAccountName", sam_account_name)?)
    }

    fn person(&self, listed: &Listed) -> Option<Person> {
        let entry = self.account(&listed.sam_account_name)?;
        person_of(entry, &listed.notes, listed.totp_secret.clone())
    }
}

fn person_of(entry: &Entry, notes: &str, totp_secret: Option<String>) -> Option<Person> {
    let guid = entry.octets("objectGUID")?;
    let anchor = entry.octets("mS-DS-ConsistencyGuid").unwrap_or(guid);
    Some(Person {
        upn: entry.text("userPrincipalName")?.to_owned(),
        sam_account_name: entry.text("sAMAccountName")?.to_owned(),
        password: entry.password.as_ref()?.reveal(),
        totp_secret,
        notes: notes.to_owned(),
        dn: entry.dn.clone(),
        display_name: entry.text("displayName")?.to_owned(),
        mail: entry.text("mail").map(str::to_owned),
        proxy_addresses: entry.texts("proxyAddresses"),
        object_guid: guid_text(guid)?,
        object_sid: sid_text(entry.octets("objectSid")?)?,
        immutable_id: STANDARD.encode(anchor),
    })
}
