//! `AuthnRequest` as we send it to claims providers (SAML 2.0 Core 3.4.1, spec passive-sign-in 7.4).

use super::response::{Head, message};
use super::{ASSERTION, AuthnRequest, Comparison, NameIdPolicy, PROTOCOL, RequestedAuthnContext};
use crate::IssueError;
use crate::signature::{SignatureAlgorithm, SigningKey};
use crate::xml::{Attribute, Fragment, Writer};

/// Writes a request. For the Redirect binding the signature is in the query, so `sign` is `None` there. Flags that are
/// false are left out.
///
/// # Errors
/// A value that XML cannot carry, a request with `Scoping` or a subject, which no demand of ours becomes, or a failing
/// signature.
pub fn write_authn_request(
    request: &AuthnRequest,
    sign: Option<(&SigningKey, SignatureAlgorithm)>,
) -> Result<Fragment, IssueError> {
    if request.scoping.is_some() || request.subject_hint.is_some() {
        return Err(IssueError::Inconsistent(
            "a request for authentication with scoping or a subject is not written",
        ));
    }
    let head = Head {
        id: &request.id,
        issue_instant: request.issue_instant,
        destination: request.destination.as_deref(),
        in_response_to: None,
        issuer: &request.issuer,
    };
    let consumer = &request.consumer;
    let index = consumer.index.map(|index| index.to_string());
    let flag = |set: bool| set.then_some("true");
    let more: Vec<Attribute<'_>> = [
        ("AssertionConsumerServiceIndex", index.as_deref()),
        ("AssertionConsumerServiceURL", consumer.url.as_deref()),
        ("ForceAuthn", flag(request.force_authn)),
        ("IsPassive", flag(request.is_passive)),
        ("ProtocolBinding", consumer.binding.map(super::Binding::uri)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(Attribute::new(name, value?)))
    .collect();
    message(sign, |place| {
        head.write("AuthnRequest", &more, place, |writer| {
            if let Some(policy) = &request.name_id_policy {
                policy.write(writer);
            }
            if let Some(context) = &request.requested_authn_context {
                context.write(writer);
            }
        })
    })
}

impl NameIdPolicy {
    fn write(&self, writer: &mut Writer) {
        let attributes: Vec<Attribute<'_>> = [
            ("AllowCreate", self.allow_create.then_some("true")),
            ("Format", self.format.as_deref()),
            ("SPNameQualifier", self.sp_name_qualifier.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(Attribute::new(name, value?)))
        .collect();
        writer.leaf(PROTOCOL.name("NameIDPolicy"), &attributes, "");
    }
}

impl RequestedAuthnContext {
    fn write(&self, writer: &mut Writer) {
        let comparison = match self.comparison {
            Comparison::Exact => "exact",
            Comparison::Minimum => "minimum",
            Comparison::Maximum => "maximum",
            Comparison::Better => "better",
        };
        let attributes = [Attribute::new("Comparison", comparison)];
        writer.element(
            PROTOCOL.name("RequestedAuthnContext"),
            &attributes,
            |writer| {
                for class in &self.classes {
                    writer.leaf(ASSERTION.name("AuthnContextClassRef"), &[], class);
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsig::{self, AcceptedAlgorithms};
    use crate::saml2::tests::{NOW, verifies};
    use crate::saml2::{Binding, ConsumerChoice};
    use crate::test_key::{CERTIFICATE, SIGNING};

    fn request() -> AuthnRequest {
        AuthnRequest {
            id: "id-1".to_owned(),
            issuer: "http://sts.test/adfs/services/trust?a=b&c".to_owned(),
            issue_instant: NOW,
            destination: Some("https://idp.test/sso?a=b&c=\"d\"".to_owned()),
            consumer: ConsumerChoice::default(),
            force_authn: false,
            is_passive: false,
            name_id_policy: None,
            requested_authn_context: None,
            scoping: None,
            subject_hint: None,
            is_signed: false,
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_others_accept_the_signature() {
        let plain = request();
        let full = AuthnRequest {
            force_authn: true,
            is_passive: true,
            consumer: ConsumerChoice {
                index: Some(7),
                ..ConsumerChoice::default()
            },
            name_id_policy: Some(NameIdPolicy {
                format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".to_owned()),
                sp_name_qualifier: Some("urn:a&b".to_owned()),
                allow_create: true,
            }),
            requested_authn_context: Some(RequestedAuthnContext {
                comparison: Comparison::Minimum,
                classes: vec!["urn:one".to_owned(), "urn:<two>".to_owned()],
            }),
            ..request()
        };
        let addressed = AuthnRequest {
            consumer: ConsumerChoice {
                url: Some("https://sts.test/adfs/ls/".to_owned()),
                binding: Some(Binding::Post),
                index: None,
            },
            ..request()
        };
        for request in [plain, full, addressed] {
            let written = write_authn_request(&request, None).unwrap();
            assert_eq!(AuthnRequest::parse(written.as_str()).unwrap(), request);
            let sign = (&*SIGNING, SignatureAlgorithm::RsaSha256);
            let signed = write_authn_request(&request, Some(sign)).unwrap();
            assert!(verifies(signed.as_str()), "{}", signed.as_str());
            let certificates = std::slice::from_ref(&*CERTIFICATE);
            let accepted = AcceptedAlgorithms::default();
            let authentic =
                dsig::authenticate_root(signed.as_str(), certificates, &accepted).unwrap();
            let read = AuthnRequest::parse(authentic.element()).unwrap();
            assert!(read.is_signed || read == request);
        }
    }

    #[test]
    fn a_request_is_written_as_the_spec_shows_it() {
        let request = AuthnRequest {
            name_id_policy: Some(NameIdPolicy {
                allow_create: true,
                ..NameIdPolicy::default()
            }),
            ..request()
        };
        assert_eq!(
            write_authn_request(&request, None).unwrap().as_str(),
            "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
             Consent=\"urn:oasis:names:tc:SAML:2.0:consent:unspecified\" \
             Destination=\"https://idp.test/sso?a=b&amp;c=&quot;d&quot;\" ID=\"id-1\" \
             IssueInstant=\"2026-11-25T12:00:00.123Z\" Version=\"2.0\">\
             <Issuer xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">\
             http://sts.test/adfs/services/trust?a=b&amp;c</Issuer>\
             <samlp:NameIDPolicy AllowCreate=\"true\"></samlp:NameIDPolicy></samlp:AuthnRequest>"
        );
    }

    #[test]
    fn what_would_be_lost_is_not_written() {
        let hinted = AuthnRequest {
            subject_hint: Some("alice".to_owned()),
            ..request()
        };
        assert!(write_authn_request(&hinted, None).is_err());
    }
}
