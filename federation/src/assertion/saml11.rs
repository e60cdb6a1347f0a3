//! SAML 1.1 (SAML 1.1 Core 2).

use roxmltree::Node;

use super::values::{
    attribute, claim_value, elements, is, named, optional, original_issuer, required, text, time,
    value_type,
};
use super::{
    AssertedClaim, Assertion, AssertionError, AuthenticationStatement, Confirmation, SubjectName,
};

pub(super) const NAMESPACE: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
const BEARER: &str = "urn:oasis:names:tc:SAML:1.0:cm:bearer";

pub(super) fn assertion(root: Node<'_, '_>) -> Result<Assertion, AssertionError> {
    if (
        root.attribute("MajorVersion"),
        root.attribute("MinorVersion"),
    ) != (Some("1"), Some("1"))
    {
        return Err(AssertionError::NoAssertion);
    }
    let mut assertion = Assertion {
        id: required(root, "AssertionID")?,
        issuer: required(root, "Issuer")?,
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
    // Every statement repeats the subject, and all must be about the same one.
    let mut subjects: Vec<(Option<SubjectName>, Vec<Confirmation>)> = Vec::new();
    for statement in elements(root) {
        let (is_authentication, is_attributes) = (
            is(statement, NAMESPACE, "AuthenticationStatement"),
            is(statement, NAMESPACE, "AttributeStatement"),
        );
        if !is_authentication && !is_attributes {
            continue;
        }
        let subject =
            optional(statement, NAMESPACE, "Subject")?.ok_or(AssertionError::Missing("Subject"))?;
        subjects.push(read_subject(subject)?);
        if is_authentication {
            let statement = AuthenticationStatement {
                instant: time(statement, "AuthenticationInstant")?
                    .ok_or(AssertionError::Missing("AuthenticationInstant"))?,
                method: attribute(statement, "AuthenticationMethod"),
                session_index: None,
                session_not_on_or_after: None,
            };
            let older = assertion
                .authentication
                .as_ref()
                .is_none_or(|known| statement.instant < known.instant);
            if older {
                assertion.authentication = Some(statement);
            }
        } else {
            for element in named(statement, NAMESPACE, "Attribute") {
                read_attribute(element, &mut assertion.claims)?;
            }
        }
    }
    let mut subjects = subjects.into_iter();
    let (name, confirmations) = subjects
        .next()
        .ok_or(AssertionError::Missing("a statement"))?;
    if subjects.any(|other| other.0 != name || other.1 != confirmations) {
        return Err(AssertionError::Subjects);
    }
    assertion.name = name;
    assertion.confirmations = confirmations;
    Ok(assertion)
}

fn read_conditions(
    conditions: Node<'_, '_>,
    assertion: &mut Assertion,
) -> Result<(), AssertionError> {
    assertion.not_before = time(conditions, "NotBefore")?;
    assertion.not_on_or_after = time(conditions, "NotOnOrAfter")?;
    for condition in elements(conditions) {
        if is(condition, NAMESPACE, "AudienceRestrictionCondition") {
            let audiences = named(condition, NAMESPACE, "Audience");
            let audiences = audiences.map(|audience| text(audience, "Audience"));
            assertion
                .audiences
                .push(audiences.collect::<Result<_, _>>()?);
        } else if !is(condition, NAMESPACE, "DoNotCacheCondition") {
            return Err(AssertionError::Condition);
        }
    }
    Ok(())
}

fn read_subject(
    subject: Node<'_, '_>,
) -> Result<(Option<SubjectName>, Vec<Confirmation>), AssertionError> {
    let name = match optional(subject, NAMESPACE, "NameIdentifier")? {
        Some(name) => Some(SubjectName {
            value: text(name, "NameIdentifier")?,
            format: attribute(name, "Format"),
            name_qualifier: attribute(name, "NameQualifier"),
            sp_name_qualifier: None,
        }),
        None => None,
    };
    let mut confirmations = Vec::new();
    if let Some(confirmation) = optional(subject, NAMESPACE, "SubjectConfirmation")? {
        for method in named(confirmation, NAMESPACE, "ConfirmationMethod") {
            confirmations.push(Confirmation {
                bearer: text(method, "ConfirmationMethod")? == BEARER,
                ..Confirmation::default()
            });
        }
    }
    Ok((name, confirmations))
}

fn read_attribute(
    element: Node<'_, '_>,
    claims: &mut Vec<AssertedClaim>,
) -> Result<(), AssertionError> {
    let name = required(element, "AttributeName")?;
    let claim_type = match attribute(element, "AttributeNamespace") {
        Some(namespace) => format!("{}/{name}", namespace.trim_end_matches('/')),
        None => name,
    };
    for value in named(element, NAMESPACE, "AttributeValue") {
        if let Some(text) = claim_value(value)? {
            claims.push(AssertedClaim {
                claim_type: claim_type.clone(),
                value: text,
                value_type: value_type(value),
                original_issuer: original_issuer(element),
                name_format: None,
            });
        }
    }
    Ok(())
}
