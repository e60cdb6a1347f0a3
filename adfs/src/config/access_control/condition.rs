//! What rules of access control policies ask about.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use tokio::sync::OnceCell;

/// One question. It holds when one of its values fits.
#[derive(Debug)]
pub enum Condition {
    /// Where the client is.
    Location(Vec<Location>),
    /// Which groups the user is in, through other groups too.
    Groups(Vec<Group>),
    /// What a claim says.
    Claim(ClaimCondition),
    /// The device proved to be registered.
    RegisteredDevice,
}

/// Where a client can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// Connected directly.
    Intranet,
    /// Came through a proxy.
    Extranet,
    /// An address of this range, wherever it came through.
    Network(Network),
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Location, String> {
        if text.eq_ignore_ascii_case("intranet") {
            Ok(Location::Intranet)
        } else if text.eq_ignore_ascii_case("extranet") {
            Ok(Location::Extranet)
        } else {
            text.parse().map(Location::Network)
        }
    }
}

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    length: u32,
}

impl Network {
    /// Whether an address is in it. IPv4 addresses within IPv6 count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.length).unwrap_or(0);
                first.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.length).unwrap_or(0);
                first.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let refusal = || {
            format!(
                "{text:?} is neither \"intranet\" nor \"extranet\" nor a range such as \"10.0.0.0/8\""
            )
        };
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| refusal())?;
        if first.to_canonical() != first {
            return Err(format!(
                "{text:?} is an IPv4 address in disguise; write it as IPv4"
            ));
        }
        let longest = if first.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => longest,
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map_err(|_| refusal())?
            }
            Some(_) => return Err(refusal()),
        };
        if length > longest {
            return Err(refusal());
        }
        let network = Network { first, length };
        // 10.1.2.3/8 is more likely a wrong length than the whole of 10.0.0.0/8.
        let has_rest = match first {
            IpAddr::V4(first) => first.to_bits().checked_shl(length).unwrap_or(0) != 0,
            IpAddr::V6(first) => first.to_bits().checked_shl(length).unwrap_or(0) != 0,
        };
        if has_rest {
            return Err(format!(
                "the address of {text:?} has bits beyond the length of its prefix"
            ));
        }
        Ok(network)
    }
}

/// A group of a directory. A name is looked up once, when the policy is first needed, as AD FS notes the SID when a
/// policy is assigned; a reload of the configuration looks it up again.
#[derive(Debug)]
pub struct Group {
    /// As it was written.
    pub reference: GroupReference,
    sid: OnceCell<String>,
}

/// How a group is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupReference {
    /// `S-1-...`.
    Sid(String),
    /// `DOMAIN\group`.
    Name {
        /// NetBIOS or DNS name.
        domain: String,
        /// sAMAccountName.
        group: String,
    },
}

impl Group {
    /// The SID, once it is known.
    pub fn sid(&self) -> Option<&str> {
        match &self.reference {
            GroupReference::Sid(sid) => Some(sid),
            GroupReference::Name { .. } => self.sid.get().map(String::as_str),
        }
    }

    /// The domain, when the group is named and not identified.
    pub fn domain(&self) -> Option<&str> {
        match &self.reference {
            GroupReference::Sid(_) => None,
            GroupReference::Name { domain, .. } => Some(domain),
        }
    }

    /// Makes the SID known by `look_up`, if it is not.
    ///
    /// # Errors
    /// Those of `look_up`.
    pub async fn resolve<E>(
        &self,
        look_up: impl AsyncFnOnce(&str, &str) -> Result<String, E>,
    ) -> Result<(), E> {
        match &self.reference {
            GroupReference::Sid(_) => Ok(()),
            GroupReference::Name { domain, group } => self
                .sid
                .get_or_try_init(|| look_up(domain, group))
                .await
                .map(drop),
        }
    }
}

impl FromStr for Group {
    type Err = String;

    fn from_str(text: &str) -> Result<Group, String> {
        let name = || {
            text.split_once('\\').filter(|(domain, group)| {
                let fits = |part: &str| !part.trim().is_empty() && !part.contains(['\\', '\0']);
                fits(domain) && fits(group)
            })
        };
        let reference = if is_sid(text) {
            GroupReference::Sid(text.to_ascii_uppercase())
        } else if let Some((domain, group)) = name() {
            GroupReference::Name {
                domain: domain.to_owned(),
                group: group.to_owned(),
            }
        } else {
            return Err(format!(
                "{text:?} names no group; write \"DOMAIN\\\\group\" or a SID such as \"S-1-5-21-1-2-3-1104\""
            ));
        };
        Ok(Group {
            reference,
            sid: OnceCell::new(),
        })
    }
}

/// `S-1-5-21-...` with decimal parts ([MS-DTYP] 2.4.2.1).
fn is_sid(text: &str) -> bool {
    /// Identifier authority and up to 15 sub-authorities.
    const MAX_PARTS: usize = 16;
    let Some(("S" | "s", rest)) = text.split_once('-') else {
        return false;
    };
    let Some(rest) = rest.strip_prefix("1-") else {
        return false;
    };
    let fits =
        |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) && part.parse::<u32>().is_ok();
    rest.split('-').count() <= MAX_PARTS && rest.split('-').all(fits)
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reference {
            GroupReference::Sid(sid) => formatter.write_str(sid),
            GroupReference::Name { domain, group } => write!(formatter, "{domain}\\{group}"),
        }
    }
}

/// What a claim must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimCondition {
    /// Type of the claim, compared octet by octet.
    pub claim_type: String,
    /// How its value is compared.
    pub operator: Operator,
    /// With what; none for [`Operator::IsPresent`].
    pub values: Vec<String>,
}

/// How values are compared, always without regard to case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// The same.
    Equals,
    /// The claim's value begins with it.
    StartsWith,
    /// The claim's value ends with it.
    EndsWith,
    /// It stands somewhere in the claim's value.
    Contains,
    /// Any value will do.
    IsPresent,
}

impl FromStr for Operator {
    type Err = String;

    fn from_str(text: &str) -> Result<Operator, String> {
        let known = [
            ("equals", Operator::Equals),
            ("startswith", Operator::StartsWith),
            ("endswith", Operator::EndsWith),
            ("contains", Operator::Contains),
            ("ispresent", Operator::IsPresent),
        ];
        let plain = text.to_ascii_lowercase().replace('_', "");
        known
            .into_iter()
            .find(|(name, _)| *name == plain)
            .map(|(_, operator)| operator)
            .ok_or_else(|| {
                format!(
                    "{text:?} is no operator; write Equals, StartsWith, EndsWith, Contains or IsPresent"
                )
            })
    }
}

impl ClaimCondition {
    /// Whether a claim says what is asked for.
    pub fn holds(&self, claim_type: &str, value: &str) -> bool {
        if claim_type != self.claim_type {
            return false;
        }
        let value = value.to_lowercase();
        let mut wanted = self.values.iter().map(|wanted| wanted.to_lowercase());
        match self.operator {
            Operator::IsPresent => true,
            Operator::Equals => wanted.any(|wanted| value == wanted),
            Operator::StartsWith => wanted.any(|wanted| value.starts_with(&wanted)),
            Operator::EndsWith => wanted.any(|wanted| value.ends_with(&wanted)),
            Operator::Contains => wanted.any(|wanted| value.contains(&wanted)),
        }
    }
}
