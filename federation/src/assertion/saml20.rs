//! SAML 2.0 (SAML 2.0 Core 2).

use roxmltree::Node;

use super::values::{
    attribute, claim_value, elements, is, named, optional, original_issuer, required, text, time,
    value_type,
};
use super::{
    AssertedClaim, Assertion, AssertionError, AuthenticationStatement, Confirmation, SubjectName,
};
use crate::saml2::standalone;
use crate::xml::{self, Limits};
use crate::xmlenc::decrypt::{DecryptionKey, Integrity, decrypt};

pub(super) const NAMESPACE: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

pub(super) fn assertion(
    root: Node<'_, '_>,
    keys: &[&dyn DecryptionKey],
) -> Result<Assertion, AssertionError> {
    if root.attribute("Version") != Some("2.0") {
        return Err(AssertionError::NoAssertion);
    }
    let issuer = optional(root, NAMESPACE, "Issuer")?.ok_or(AssertionError::Missing("Issuer"))?;
    let mut assertion = Assertion {
        id: required(root, "ID")?,
        issuer: text(issuer, "Issuer")?,
        issued_at: time(root, "IssueInstant")?.ok_or(AssertionError::Missing("IssueInstant"))?,
        not_before: None,
        not_on_or_after: None,
        audiences: Vec::new(),
        name: None,
        confirmations: Vec::new(),
        authentication: None,
        claims: Vec::new(),
    };
    if let Some(conditions) = optional(root, NAMESPACE, "Conditions")? {
        read_conditions(conditions, &mut assertion)?;
    }
    if let Some(subject) = optional(root, NAMESPACE, "Subject")? {
        read_subject(subject, keys, &mut assertion)?;
    }
    // Of several statements the first sign-in counts: it is the oldest claim of freshness that all of them support.
    for statement in named(root, NAMESPACE, "AuthnStatement") {
        let statement = authentication(statement)?;
        let older = assertion
            .authentication
            .as_ref()
            .is_none_or(|known| statement.instant < known.instant);
        if older {
            assertion.authentication = Some(statement);
        }
    }
    for statement in named(root, NAMESPACE, "AttributeStatement") {
        for element in elements(statement) {
            if is(element, NAMESPACE, "EncryptedAttribute") {
                return Err(AssertionError::EncryptedPart);
            }
            if is(element, NAMESPACE, "Attribute") {
                read_attribute(element, &mut assertion.claims)?;
            }
        }
    }
    Ok(assertion)
}

fn read_conditions(
    conditions: Node<'_, '_>,
    assertion: &mut Assertion,
) -> Result<(), AssertionError> {
    assertion.not_before = time(conditions, "NotBefore")?;
    assertion.not_on_or_after = time(conditions, "NotOnOrAfter")?;
    for condition in elements(conditions) {
        if is(condition, NAMESPACE, "AudienceRestriction") {
            let audiences = named(condition, NAMESPACE, "Audience");
            let audiences = audiences.map(|audience| text(audience, "Audience"));
            assertion
                .audiences
                .push(audiences.collect::<Result<_, _>>()?);
        } else if !is(condition, NAMESPACE, "OneTimeUse")
            && !is(condition, NAMESPACE, "ProxyRestriction")
        {
            return Err(AssertionError::Condition);
        }
    }
    Ok(())
}

fn read_subject(
    subject: Node<'_, '_>,
    keys: &[&dyn DecryptionKey],
    assertion: &mut Assertion,
) -> Result<(), AssertionError> {
    let plain = optional(subject, NAMESPACE, "NameID")?;
    let encrypted = optional(subject, NAMESPACE, "EncryptedID")?;
    assertion.name = match (plain, encrypted) {
        (None, None) => None,
        (Some(name), None) => Some(subject_name(name)?),
        (None, Some(encrypted)) => Some(decrypted_name(encrypted, keys)?),
        (Some(_), Some(_)) => return Err(AssertionError::Missing("NameID")),
    };
    for confirmation in named(subject, NAMESPACE, "SubjectConfirmation") {
        let mut read = Confirmation {
            bearer: confirmation.attribute("Method") == Some(BEARER),
            ..Confirmation::default()
        };
        if let Some(data) = optional(confirmation, NAMESPACE, "SubjectConfirmationData")? {
            read.recipient = attribute(data, "Recipient");
            read.in_response_to = attribute(data, "InResponseTo");
            read.not_before = time(data, "NotBefore")?;
            read.not_on_or_after = time(data, "NotOnOrAfter")?;
        }
        assertion.confirmations.push(read);
    }
    Ok(())
}

fn subject_name(name: Node<'_, '_>) -> Result<SubjectName, AssertionError> {
    Ok(SubjectName {
        value: text(name, "NameID")?,
        format: attribute(name, "Format"),
        name_qualifier: attribute(name, "NameQualifier"),
        sp_name_qualifier: attribute(name, "SPNameQualifier"),
    })
}

fn decrypted_name(
    encrypted: Node<'_, '_>,
    keys: &[&dyn DecryptionKey],
) -> Result<SubjectName, AssertionError> {
    if keys.is_empty() {
        return Err(AssertionError::EncryptedPart);
    }
    let plain = decrypt(&standalone(encrypted), keys, Integrity::Verified)
        .map_err(AssertionError::EncryptedName)?;
    let document = xml::read(plain.as_bytes(), &Limits::message())?;
    let name = document.root();
    if !is(name, NAMESPACE, "NameID") {
        return Err(AssertionError::Value("EncryptedID"));
    }
    subject_name(name)
}

fn authentication(statement: Node<'_, '_>) -> Result<AuthenticationStatement, AssertionError> {
    let method = match optional(statement, NAMESPACE, "AuthnContext")? {
        Some(context) => match optional(context, NAMESPACE, "AuthnContextClassRef")? {
            Some(class) => Some(text(class, "AuthnContextClassRef")?),
            None => None,
        },
        None => None,
    };
    Ok(AuthenticationStatement {
        instant: time(statement, "AuthnInstant")?.ok_or(AssertionError::Missing("AuthnInstant"))?,
        method,
        session_index: attribute(statement, "SessionIndex"),
        session_not_on_or_after: time(statement, "SessionNotOnOrAfter")?,
    })
}

fn read_attribute(
    element: Node<'_, '_>,
    claims: &mut Vec<AssertedClaim>,
) -> Result<(), AssertionError> {
    let claim_type = required(element, "Name")?;
    for value in named(element, NAMESPACE, "AttributeValue") {
        if let Some(text) = claim_value(value)? {
            claims.push(AssertedClaim {
                claim_type: claim_type.clone(),
                value: text,
                value_type: value_type(value),
                original_issuer: original_issuer(element),
                name_format: attribute(element, "NameFormat"),
            });
        }
    }
    Ok(())
}
