//! `AuthnRequest` as service providers send it (SAML 2.0 Core 3.4.1, spec passive-sign-in 3.2).

use roxmltree::Node;
use time::OffsetDateTime;

use super::reading::{attribute, child, flag, header, number, text};
use super::{ASSERTION, Binding, MessageError, PROTOCOL};
use crate::xml::{self, Limits};

/// Most classes or identity providers that one request may name.
const MAX_LIST: usize = 50;

/// A request as it came: well formed, and nothing about it checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthnRequest {
    /// `ID`.
    pub id: String,
    /// `Issuer`.
    pub issuer: String,
    /// `IssueInstant`.
    pub issue_instant: OffsetDateTime,
    /// `Destination`.
    pub destination: Option<String>,
    /// Where the answer is to go.
    pub consumer: ConsumerChoice,
    /// `ForceAuthn`.
    pub force_authn: bool,
    /// `IsPassive`.
    pub is_passive: bool,
    /// `NameIDPolicy`.
    pub name_id_policy: Option<NameIdPolicy>,
    /// `RequestedAuthnContext`.
    pub requested_authn_context: Option<RequestedAuthnContext>,
    /// `Scoping`.
    pub scoping: Option<Scoping>,
    /// Name in `Subject`, to fill in the form with.
    pub subject_hint: Option<String>,
    /// Whether the message itself has a signature.
    pub is_signed: bool,
}

/// What a request says about where the answer goes. All of it is wishes until a registered endpoint fits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsumerChoice {
    /// `AssertionConsumerServiceURL`.
    pub url: Option<String>,
    /// `AssertionConsumerServiceIndex`.
    pub index: Option<u16>,
    /// `ProtocolBinding`.
    pub binding: Option<Binding>,
}

/// What the name in the answer is to be like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameIdPolicy {
    /// `Format`, a URI.
    pub format: Option<String>,
    /// `SPNameQualifier`.
    pub sp_name_qualifier: Option<String>,
    /// `AllowCreate`.
    pub allow_create: bool,
}

/// How the user is to have signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedAuthnContext {
    /// How the classes are meant.
    pub comparison: Comparison,
    /// `AuthnContextClassRef`, in order of preference.
    pub classes: Vec<String>,
}

/// `Comparison` (SAML 2.0 Core 3.3.2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Comparison {
    /// One of the classes, the default.
    #[default]
    Exact,
    /// At least as strong as one of them.
    Minimum,
    /// At most as strong as one of them.
    Maximum,
    /// Stronger than any of them.
    Better,
}

/// By whom the user may be signed in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scoping {
    /// `ProxyCount`: how many further identity providers may stand between.
    pub proxy_count: Option<u32>,
    /// Identifiers in `IDPList`.
    pub identity_providers: Vec<String>,
}

impl AuthnRequest {
    /// Reads a message.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn parse(message: &str) -> Result<AuthnRequest, MessageError> {
        let document = xml::read(message.as_bytes(), &Limits::message())?;
        let root = document.root();
        let header = header(root, "AuthnRequest")?;
        Ok(AuthnRequest {
            id: header.id,
            issuer: header.issuer.ok_or(MessageError::Missing("Issuer"))?,
            issue_instant: header.issue_instant,
            destination: header.destination,
            consumer: ConsumerChoice::read(root)?,
            force_authn: flag(root, "ForceAuthn")?,
            is_passive: flag(root, "IsPassive")?,
            name_id_policy: child(root, PROTOCOL, "NameIDPolicy")?
                .map(NameIdPolicy::read)
                .transpose()?,
            requested_authn_context: child(root, PROTOCOL, "RequestedAuthnContext")?
                .map(RequestedAuthnContext::read)
                .transpose()?,
            scoping: child(root, PROTOCOL, "Scoping")?
                .map(Scoping::read)
                .transpose()?,
            subject_hint: subject_hint(root)?,
            is_signed: header.is_signed,
        })
    }
}

impl ConsumerChoice {
    fn read(root: Node<'_, '_>) -> Result<ConsumerChoice, MessageError> {
        let binding = attribute(root, "ProtocolBinding")?
            .map(|uri| Binding::from_uri(&uri).ok_or(MessageError::Value("ProtocolBinding")))
            .transpose()?;
        let choice = ConsumerChoice {
            url: attribute(root, "AssertionConsumerServiceURL")?,
            index: number(root, "AssertionConsumerServiceIndex")?,
            binding,
        };
        // SAML 2.0 Core 3.4.1: the index excludes the other two.
        if choice.index.is_some() && (choice.url.is_some() || choice.binding.is_some()) {
            return Err(MessageError::Value("AssertionConsumerServiceIndex"));
        }
        Ok(choice)
    }
}

impl NameIdPolicy {
    fn read(element: Node<'_, '_>) -> Result<NameIdPolicy, MessageError> {
        Ok(NameIdPolicy {
            format: attribute(element, "Format")?,
            sp_name_qualifier: attribute(element, "SPNameQualifier")?,
            allow_create: flag(element, "AllowCreate")?,
        })
    }
}

impl RequestedAuthnContext {
    fn read(element: Node<'_, '_>) -> Result<RequestedAuthnContext, MessageError> {
        let comparison = match element.attribute("Comparison") {
            None | Some("exact") => Comparison::Exact,
            Some("minimum") => Comparison::Minimum,
            Some("maximum") => Comparison::Maximum,
            Some("better") => Comparison::Better,
            Some(_) => return Err(MessageError::Value("Comparison")),
        };
        let classes = texts(element, ASSERTION, "AuthnContextClassRef")?;
        // Declarations could be asked for instead; AD FS knows none, so such a request cannot be met.
        if classes.is_empty() {
            return Err(MessageError::Missing("AuthnContextClassRef"));
        }
        Ok(RequestedAuthnContext {
            comparison,
            classes,
        })
    }
}

impl Scoping {
    fn read(element: Node<'_, '_>) -> Result<Scoping, MessageError> {
        let mut identity_providers = Vec::new();
        if let Some(list) = child(element, PROTOCOL, "IDPList")? {
            let entries = list
                .children()
                .filter(|entry| entry.has_tag_name((PROTOCOL.uri(), "IDPEntry")));
            for entry in entries {
                if identity_providers.len() == MAX_LIST {
                    return Err(MessageError::TooLong("IDPList"));
                }
                let id = attribute(entry, "ProviderID")?;
                identity_providers.push(id.ok_or(MessageError::Missing("ProviderID"))?);
            }
        }
        Ok(Scoping {
            proxy_count: number(element, "ProxyCount")?,
            identity_providers,
        })
    }
}

fn subject_hint(root: Node<'_, '_>) -> Result<Option<String>, MessageError> {
    let Some(subject) = child(root, ASSERTION, "Subject")? else {
        return Ok(None);
    };
    let name = child(subject, ASSERTION, "NameID")?;
    name.map(|name| text(name, "NameID")).transpose()
}

/// The texts of all children of this name.
pub(super) fn texts(
    parent: Node<'_, '_>,
    namespace: xml::Namespace,
    name: &'static str,
) -> Result<Vec<String>, MessageError> {
    let mut found = Vec::new();
    let children = parent.children();
    for element in children.filter(|child| child.has_tag_name((namespace.uri(), name))) {
        if found.len() == MAX_LIST {
            return Err(MessageError::TooLong(name));
        }
        found.push(text(element, name)?);
    }
    Ok(found)
}
