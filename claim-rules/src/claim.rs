//! The claim: one statement about a subject.

use std::collections::BTreeMap;

/// Value type of a claim that names none: `xs:string` (spec section 3.1).
pub const STRING_VALUE_TYPE: &str = "http://www.w3.org/2001/XMLSchema#string";

/// Issuer of a claim that names none, as in the .NET claim object (spec section 3.1).
pub const LOCAL_AUTHORITY: &str = "LOCAL AUTHORITY";

/// One claim as rules see it (spec section 3.1). All fields are plain text; types and value types are URIs by custom.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim {
    /// `Type`, usually a URI.
    pub claim_type: String,
    /// `Value`.
    pub value: String,
    /// `ValueType`, a URI; [`STRING_VALUE_TYPE`] unless told otherwise.
    pub value_type: String,
    /// `Issuer`; [`LOCAL_AUTHORITY`] unless told otherwise.
    pub issuer: String,
    /// `OriginalIssuer`; equal to the issuer unless told otherwise.
    pub original_issuer: String,
    /// `Properties`, by URI.
    pub properties: BTreeMap<String, String>,
}

impl Claim {
    /// A string claim of the local authority.
    pub fn new(claim_type: impl Into<String>, value: impl Into<String>) -> Claim {
        Claim {
            claim_type: claim_type.into(),
            value: value.into(),
            value_type: STRING_VALUE_TYPE.to_owned(),
            issuer: LOCAL_AUTHORITY.to_owned(),
            original_issuer: LOCAL_AUTHORITY.to_owned(),
            properties: BTreeMap::new(),
        }
    }

    /// The same claim with this issuer and original issuer.
    #[must_use]
    pub fn issued_by(mut self, issuer: impl Into<String>) -> Claim {
        self.issuer = issuer.into();
        self.original_issuer.clone_from(&self.issuer);
        self
    }

    /// The same claim, first made by another issuer than the one that vouches for it.
    #[must_use]
    pub fn originally_issued_by(mut self, issuer: impl Into<String>) -> Claim {
        self.original_issuer = issuer.into();
        self
    }

    /// The same claim with this value type (a URI).
    #[must_use]
    pub fn with_value_type(mut self, value_type: impl Into<String>) -> Claim {
        self.value_type = value_type.into();
        self
    }

    /// The same claim with one property more.
    #[must_use]
    pub fn with_property(mut self, name: impl Into<String>, value: impl Into<String>) -> Claim {
        self.properties.insert(name.into(), value.into());
        self
    }

    /// Bytes of text in all fields, for the limit on memory.
    pub(crate) fn size(&self) -> usize {
        let fields = self.claim_type.len()
            + self.value.len()
            + self.value_type.len()
            + self.issuer.len()
            + self.original_issuer.len();
        self.properties
            .iter()
            .fold(fields, |sum, (name, value)| sum + name.len() + value.len())
    }

    /// Bytes of the longest text, for the limit on length.
    pub(crate) fn longest(&self) -> usize {
        let fields = [
            &self.claim_type,
            &self.value,
            &self.value_type,
            &self.issuer,
            &self.original_issuer,
        ];
        let properties = self
            .properties
            .iter()
            .flat_map(|(name, value)| [name, value]);
        fields
            .into_iter()
            .chain(properties)
            .map(String::len)
            .max()
            .unwrap_or_default()
    }
}
