//! SAML 1.1 assertions as AD FS writes them (spec passive-sign-in 2.6 and 2.7).

use time::OffsetDateTime;

use crate::xml::{self, Attribute, Namespace, Unsigned, Writer, XSI, is_ncname};
use crate::{IssueError, timestamp};

/// SAML 1.x assertions.
pub const SAML: Namespace = Namespace::new("saml", TOKEN_TYPE);
/// `TokenType` of an assertion in WS-Trust and in metadata.
pub const TOKEN_TYPE: &str = "urn:oasis:names:tc:SAML:1.0:assertion";

const BEARER: &str = "urn:oasis:names:tc:SAML:1.0:cm:bearer";
const CLAIMS_2009: Namespace =
    Namespace::new("a", "http://schemas.xmlsoap.org/ws/2009/09/identity/claims");
const XML_SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";

/// Everything an assertion says.
#[derive(Debug, Clone)]
pub struct Assertion<'a> {
    /// `AssertionID`: an NCName, unpredictable (spec security ISS-2).
    pub id: &'a str,
    /// `Issuer`.
    pub issuer: &'a str,
    /// `IssueInstant`.
    pub issued: OffsetDateTime,
    /// `NotBefore`, at or before `issued`.
    pub not_before: OffsetDateTime,
    /// `NotOnOrAfter`.
    pub not_on_or_after: OffsetDateTime,
    /// The one `Audience`: the relying party's identifier.
    pub audience: &'a str,
    /// Name of the subject, when a rule issued one.
    pub name_identifier: Option<NameIdentifier<'a>>,
    /// What to say about the subject, in order of issuance.
    pub claims: Vec<Claim<'a>>,
    /// `AuthenticationMethod`, a URI.
    pub authentication_method: &'a str,
    /// `AuthenticationInstant`.
    pub authentication_instant: OffsetDateTime,
}

/// `NameIdentifier`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameIdentifier<'a> {
    /// The name.
    pub value: &'a str,
    /// `Format`, a URI.
    pub format: Option<&'a str>,
    /// `NameQualifier`.
    pub qualifier: Option<&'a str>,
}

/// A claim as one value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Claim type, a URI; its last segment becomes `AttributeName`.
    pub claim_type: &'a str,
    /// Its value, written unchanged.
    pub value: &'a str,
    /// Value type: an XML Schema type's URI. Strings are written without one.
    pub value_type: &'a str,
    /// `OriginalIssuer`, when that is not the service itself.
    pub original_issuer: Option<&'a str>,
}

impl Assertion<'_> {
    /// Writes the assertion, with a place for its signature as the last child.
    ///
    /// # Errors
    /// [`IssueError::ClaimType`], [`IssueError::ValueType`], [`IssueError::ForbiddenCharacter`].
    pub fn write(&self) -> Result<Unsigned, IssueError> {
        if !is_ncname(self.id) {
            return Err(IssueError::Inconsistent("an assertion's id is no NCName"));
        }
        let groups = grouped(&self.claims)?;
        let issued = timestamp(self.issued);
        let attributes = [
            Attribute::new("AssertionID", self.id),
            Attribute::new("IssueInstant", &issued),
            Attribute::new("Issuer", self.issuer),
            Attribute::new("MajorVersion", "1"),
            Attribute::new("MinorVersion", "1"),
        ];
        xml::write(SAML.name("Assertion"), &attributes, |writer| {
            self.conditions(writer);
            if !groups.is_empty() {
                writer.element(SAML.name("AttributeStatement"), &[], |writer| {
                    self.subject(writer);
                    groups.iter().for_each(|group| group.write(writer));
                });
            }
            self.authentication_statement(writer);
            writer.signature(self.id);
        })
    }

    fn conditions(&self, writer: &mut Writer) {
        let (not_before, not_on_or_after) =
            (timestamp(self.not_before), timestamp(self.not_on_or_after));
        let attributes = [
            Attribute::new("NotBefore", &not_before),
            Attribute::new("NotOnOrAfter", &not_on_or_after),
        ];
        writer.element(SAML.name("Conditions"), &attributes, |writer| {
            writer.element(SAML.name("AudienceRestrictionCondition"), &[], |writer| {
                writer.leaf(SAML.name("Audience"), &[], self.audience);
            });
        });
    }

    fn subject(&self, writer: &mut Writer) {
        writer.element(SAML.name("Subject"), &[], |writer| {
            if let Some(name) = &self.name_identifier {
                let format = name.format.map(|format| Attribute::new("Format", format));
                let qualifier = name
                    .qualifier
                    .map(|qualifier| Attribute::new("NameQualifier", qualifier));
                let attributes: Vec<Attribute<'_>> = format.into_iter().chain(qualifier).collect();
                writer.leaf(SAML.name("NameIdentifier"), &attributes, name.value);
            }
            writer.element(SAML.name("SubjectConfirmation"), &[], |writer| {
                writer.leaf(SAML.name("ConfirmationMethod"), &[], BEARER);
            });
        });
    }

    fn authentication_statement(&self, writer: &mut Writer) {
        let instant = timestamp(self.authentication_instant);
        let attributes = [
            Attribute::new("AuthenticationInstant", &instant),
            Attribute::new("AuthenticationMethod", self.authentication_method),
        ];
        writer.element(
            SAML.name("AuthenticationStatement"),
            &attributes,
            |writer| self.subject(writer),
        );
    }
}

/// The claims that share one `Attribute`.
struct Group<'a> {
    name: &'a str,
    namespace: &'a str,
    original_issuer: Option<&'a str>,
    claim_type: &'a str,
    values: Vec<(&'a str, Option<ValueType<'a>>)>,
}

/// Groups claims by type and original issuer, in order of first appearance. Claims of one type usually follow each other,
/// so the search begins at the end.
fn grouped<'a>(claims: &[Claim<'a>]) -> Result<Vec<Group<'a>>, IssueError> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for claim in claims {
        let value = (claim.value, ValueType::parse(claim)?);
        let same = |group: &&mut Group<'a>| {
            group.claim_type == claim.claim_type && group.original_issuer == claim.original_issuer
        };
        if let Some(group) = groups.iter_mut().rev().find(same) {
            group.values.push(value);
            continue;
        }
        let (namespace, name) = claim
            .claim_type
            .rsplit_once('/')
            .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
            .ok_or_else(|| IssueError::ClaimType(claim.claim_type.to_owned()))?;
        groups.push(Group {
            name,
            namespace,
            original_issuer: claim.original_issuer,
            claim_type: claim.claim_type,
            values: vec![value],
        });
    }
    Ok(groups)
}

impl Group<'_> {
    fn write(&self, writer: &mut Writer) {
        let plain = [
            Attribute::new("AttributeName", self.name),
            Attribute::new("AttributeNamespace", self.namespace),
        ];
        let original = self
            .original_issuer
            .map(|issuer| Attribute::qualified(CLAIMS_2009.name("OriginalIssuer"), issuer));
        let attributes: Vec<Attribute<'_>> = plain.into_iter().chain(original).collect();
        writer.element(SAML.name("Attribute"), &attributes, |writer| {
            for (value, value_type) in &self.values {
                match value_type {
                    None => writer.leaf(SAML.name("AttributeValue"), &[], value),
                    Some(ValueType {
                        prefix,
                        namespace,
                        name,
                    }) => {
                        let xsi_type = Attribute::qname(XSI.name("type"), prefix, namespace, name);
                        writer.leaf(SAML.name("AttributeValue"), &[xsi_type], value);
                    }
                }
            }
        });
    }
}

/// A type other than string.
struct ValueType<'a> {
    prefix: &'static str,
    namespace: &'a str,
    name: &'a str,
}

impl<'a> ValueType<'a> {
    fn parse(claim: &Claim<'a>) -> Result<Option<ValueType<'a>>, IssueError> {
        let (namespace, name) = claim
            .value_type
            .rsplit_once('#')
            .filter(|(namespace, name)| !namespace.is_empty() && is_ncname(name))
            .ok_or_else(|| IssueError::ValueType {
                claim_type: claim.claim_type.to_owned(),
                value_type: claim.value_type.to_owned(),
            })?;
        let prefix = if namespace == XML_SCHEMA { "xs" } else { "tn" };
        let is_string = namespace == XML_SCHEMA && name == "string";
        Ok((!is_string).then_some(ValueType {
            prefix,
            namespace,
            name,
        }))
    }
}
