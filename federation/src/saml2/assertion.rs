//! SAML 2.0 assertions as AD FS writes them (spec passive-sign-in 3.7).

use time::OffsetDateTime;

use super::{ASSERTION, NameId};
use crate::xml::{self, Attribute, Unsigned, Writer, is_ncname};
use crate::xmlenc::EncryptedElement;
use crate::{IssueError, timestamp};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// Everything an assertion says.
#[derive(Debug, Clone)]
pub struct Assertion<'a> {
    /// `ID`: an NCName, unpredictable (spec security ISS-2). It is the `SessionIndex` too.
    pub id: &'a str,
    /// `Issuer`.
    pub issuer: &'a str,
    /// `IssueInstant`.
    pub issued: OffsetDateTime,
    /// Who it is about, and to whom it may be shown.
    pub subject: Subject<'a>,
    /// `NotBefore`, at or before `issued`.
    pub not_before: OffsetDateTime,
    /// `NotOnOrAfter`.
    pub not_on_or_after: OffsetDateTime,
    /// The one `Audience`: the relying party's identifier.
    pub audience: &'a str,
    /// What to say about the subject, in order of issuance.
    pub claims: Vec<Claim<'a>>,
    /// `AuthnInstant`: when the user signed in.
    pub authn_instant: OffsetDateTime,
    /// `AuthnContextClassRef`, a URI.
    pub class_ref: &'a str,
    /// Whether it gets a signature of its own.
    pub signed: bool,
}

/// `Subject` with its one bearer confirmation.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// Name of the subject, when a rule issued one.
    pub name: Option<SubjectName<'a>>,
    /// `InResponseTo`: the request's id.
    pub in_response_to: Option<&'a str>,
    /// `Recipient`: the address that the assertion is sent to; `None` in WS-Federation, which confirms nothing.
    pub recipient: Option<&'a str>,
    /// `NotOnOrAfter` of the confirmation: until when it can be delivered.
    pub not_on_or_after: Option<OffsetDateTime>,
}

/// How the subject is named.
#[derive(Debug, Clone, Copy)]
pub enum SubjectName<'a> {
    /// `NameID`.
    Plain(&'a NameId),
    /// `EncryptedID`, which [`NameId::encrypt`] makes.
    Encrypted(&'a EncryptedElement),
}

/// A claim as one value of an attribute. SAML 2.0 attributes carry no type (spec passive-sign-in 3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Claim type, which becomes `Name` unchanged.
    pub claim_type: &'a str,
    /// Its value, written unchanged.
    pub value: &'a str,
    /// `NameFormat`, a URI.
    pub name_format: Option<&'a str>,
}

impl Assertion<'_> {
    /// Writes the assertion, with a place for its signature behind the issuer.
    ///
    /// # Errors
    /// [`IssueError::ForbiddenCharacter`].
    pub fn write(&self) -> Result<Unsigned, IssueError> {
        if !is_ncname(self.id) || !self.subject.in_response_to.is_none_or(is_ncname) {
            return Err(IssueError::Inconsistent("an assertion's id is no NCName"));
        }
        let issued = timestamp(self.issued);
        let attributes = [
            Attribute::new("ID", self.id),
            Attribute::new("IssueInstant", &issued),
            Attribute::new("Version", "2.0"),
        ];
        xml::write(ASSERTION.name("Assertion"), &attributes, |writer| {
            writer.leaf(ASSERTION.name("Issuer"), &[], self.issuer);
            if self.signed {
                writer.signature(self.id);
            }
            self.subject.write(writer);
            self.conditions(writer);
            self.attribute_statement(writer);
            self.authn_statement(writer);
        })
    }

    fn conditions(&self, writer: &mut Writer) {
        let (not_before, not_on_or_after) =
            (timestamp(self.not_before), timestamp(self.not_on_or_after));
        let attributes = [
            Attribute::new("NotBefore", &not_before),
            Attribute::new("NotOnOrAfter", &not_on_or_after),
        ];
        writer.element(ASSERTION.name("Conditions"), &attributes, |writer| {
            writer.element(ASSERTION.name("AudienceRestriction"), &[], |writer| {
                writer.leaf(ASSERTION.name("Audience"), &[], self.audience);
            });
        });
    }

    fn attribute_statement(&self, writer: &mut Writer) {
        let groups = grouped(&self.claims);
        if groups.is_empty() {
            return;
        }
        writer.element(ASSERTION.name("AttributeStatement"), &[], |writer| {
            for (first, values) in &groups {
                let mut attributes = vec![Attribute::new("Name", first.claim_type)];
                let format = first
                    .name_format
                    .map(|uri| Attribute::new("NameFormat", uri));
                attributes.extend(format);
                writer.element(ASSERTION.name("Attribute"), &attributes, |writer| {
                    for value in values {
                        writer.leaf(ASSERTION.name("AttributeValue"), &[], value);
                    }
                });
            }
        });
    }

    fn authn_statement(&self, writer: &mut Writer) {
        let instant = timestamp(self.authn_instant);
        let attributes = [
            Attribute::new("AuthnInstant", &instant),
            Attribute::new("SessionIndex", self.id),
        ];
        writer.element(ASSERTION.name("AuthnStatement"), &attributes, |writer| {
            writer.element(ASSERTION.name("AuthnContext"), &[], |writer| {
                writer.leaf(ASSERTION.name("AuthnContextClassRef"), &[], self.class_ref);
            });
        });
    }
}

impl Subject<'_> {
    fn write(&self, writer: &mut Writer) {
        writer.element(ASSERTION.name("Subject"), &[], |writer| {
            match self.name {
                None => {}
                Some(SubjectName::Plain(name)) => name.write(writer),
                Some(SubjectName::Encrypted(name)) => {
                    writer.element(ASSERTION.name("EncryptedID"), &[], |writer| {
                        name.write(writer)
                    });
                }
            }
            let method = [Attribute::new("Method", BEARER)];
            writer.element(ASSERTION.name("SubjectConfirmation"), &method, |writer| {
                let until = self.not_on_or_after.map(timestamp);
                let attributes: Vec<Attribute<'_>> = [
                    ("InResponseTo", self.in_response_to),
                    ("NotOnOrAfter", until.as_deref()),
                    ("Recipient", self.recipient),
                ]
                .into_iter()
                .filter_map(|(name, value)| Some(Attribute::new(name, value?)))
                .collect();
                if !attributes.is_empty() {
                    writer.leaf(ASSERTION.name("SubjectConfirmationData"), &attributes, "");
                }
            });
        });
    }
}

/// The claims that share one `Attribute`, in order of first appearance. Claims of one type usually follow each other, so
/// the search begins at the end.
fn grouped<'a>(claims: &[Claim<'a>]) -> Vec<(Claim<'a>, Vec<&'a str>)> {
    let mut groups: Vec<(Claim<'a>, Vec<&'a str>)> = Vec::new();
    for claim in claims {
        let same = |(first, _): &&mut (Claim<'a>, Vec<&'a str>)| {
            first.claim_type == claim.claim_type && first.name_format == claim.name_format
        };
        match groups.iter_mut().rev().find(same) {
            Some((_, values)) => values.push(claim.value),
            None => groups.push((*claim, vec![claim.value])),
        }
    }
    groups
}
