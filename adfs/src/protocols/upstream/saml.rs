//! SAML 2.0 towards a claims provider: `AuthnRequest` out, `Response` in (spec passive-sign-in 7.4, SAML 2.0 Profiles
//! 4.1).

use federation::IssueError;
use federation::assertion::{self, Assertion};
use federation::dsig::{self, AcceptedAlgorithms, AuthenticResponse, SignatureError};
use federation::saml2::{
    AuthnRequest, Binding, Comparison, ConsumerChoice, LogoutRequest, LogoutSubject, MessageKind,
    NameIdPolicy, RequestedAuthnContext, Response, post, redirect, write_authn_request,
    write_logout_request,
};
use federation::signature::SigningKey;
use federation::xmlenc::decrypt::{DecryptionKey, Integrity, decrypt};
use time::OffsetDateTime;

use super::AnswerError;
use crate::claims::{ProviderSession, types};
use crate::config::{ClaimsProviderTrust, SamlEndpoint};
use crate::protocols::AutoPost;
use crate::sign_in::{DemandedMethod, Freshness};

/// What is asked of the claims provider.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Whom.
    pub trust: &'a ClaimsProviderTrust,
    /// Our identifier.
    pub issuer: &'a str,
    /// `ID` of the request; comes back with the answer.
    pub id: &'a str,
    /// How fresh the sign-in must be.
    pub freshness: Freshness,
    /// How the user must sign in.
    pub method: DemandedMethod,
    /// Now.
    pub now: OffsetDateTime,
}

/// A message on its way through the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// By the Redirect binding: the whole address.
    Redirect(String),
    /// By the POST binding.
    Post(AutoPost),
}

/// Our request, signed with `key` if there is one. `endpoint` has the binding Redirect or POST.
///
/// # Errors
/// A setting of the trust that XML cannot carry, or a failing signature.
pub fn sign_in_request(
    endpoint: &SamlEndpoint,
    question: &Question<'_>,
    key: Option<&SigningKey>,
) -> Result<Carried, IssueError> {
    let settings = &question.trust.saml;
    let format = settings.request_name_id_format.as_ref();
    let multiple = settings.custom_mfa_uri.as_deref();
    let request = AuthnRequest {
        id: question.id.to_owned(),
        issuer: question.issuer.to_owned(),
        issue_instant: question.now,
        destination: Some(endpoint.location.as_str().to_owned()),
        // Where we are answered is in our metadata; an address in the request would only be one more to be forged.
        consumer: ConsumerChoice {
            index: settings.request_index,
            ..ConsumerChoice::default()
        },
        // SAML has no word for "at most this old". Whether the answer is fresh enough is checked when it comes.
        force_authn: question.freshness != Freshness::AnyAge,
        is_passive: false,
        name_id_policy: Some(NameIdPolicy {
            format: format
                .or(settings.required_name_id_format.as_ref())
                .cloned(),
            sp_name_qualifier: None,
            allow_create: settings.allow_create,
        }),
        requested_authn_context: (question.method == DemandedMethod::SecondFactor).then(|| {
            RequestedAuthnContext {
                comparison: Comparison::Exact,
                classes: vec![
                    multiple
                        .unwrap_or(types::MULTIPLE_AUTHENTICATION)
                        .to_owned(),
                ],
            }
        }),
        scoping: None,
        subject_hint: None,
        is_signed: false,
    };
    let sign = key.map(|key| (key, settings.signature_algorithm));
    let location = endpoint.location.as_str();
    let kind = MessageKind::Request;
    if endpoint.binding == Binding::Redirect {
        let message = write_authn_request(&request, None)?;
        redirect::encode(location, kind, message.as_str(), None, sign).map(Carried::Redirect)
    } else {
        let message = write_authn_request(&request, sign)?;
        Ok(Carried::Post(AutoPost {
            action: location.to_owned(),
            fields: vec![(kind.parameter(), post::encode(message.as_str()))],
        }))
    }
}

/// A session that is to end at a claims provider.
#[derive(Debug, Clone, Copy)]
pub struct SignOut<'a> {
    /// Our identifier.
    pub issuer: &'a str,
    /// What the claims provider calls it.
    pub session: &'a ProviderSession,
    /// `ID` of the request; comes back with the answer.
    pub id: &'a str,
    /// Now.
    pub now: OffsetDateTime,
}

/// Our request to end a session there, by the Redirect binding and always signed (SAML 2.0 Profiles 4.4.3.1).
///
/// # Errors
/// A name that XML cannot carry, or a failing signature.
pub fn sign_out_address(
    endpoint: &SamlEndpoint,
    trust: &ClaimsProviderTrust,
    sign_out: &SignOut<'_>,
    key: &SigningKey,
) -> Result<String, IssueError> {
    let location = endpoint.location.as_str();
    let request = LogoutRequest {
        id: sign_out.id.to_owned(),
        issuer: sign_out.issuer.to_owned(),
        issue_instant: sign_out.now,
        destination: Some(location.to_owned()),
        subject: LogoutSubject::Name(sign_out.session.name.clone()),
        session_indexes: sign_out.session.index.iter().cloned().collect(),
        not_on_or_after: None,
        reason: None,
        is_signed: false,
    };
    let message = write_logout_request(&request, None, None)?;
    let sign = Some((key, trust.saml.signature_algorithm));
    redirect::encode(location, MessageKind::Request, message.as_str(), None, sign)
}

/// The request that a response says to answer, to find the question by. Nothing is known of it yet.
///
/// # Errors
/// [`AnswerError::Message`].
pub fn answered_request(message: &str) -> Result<Option<String>, AnswerError> {
    Ok(Response::parse(message)?.in_response_to)
}

/// What a response must fit before its assertion is looked at.
pub struct Expected<'a> {
    /// The one trust that was asked.
    pub trust: &'a ClaimsProviderTrust,
    /// Our address that got it, in every spelling.
    pub recipients: &'a [String],
    /// `ID` of the request that it must answer.
    pub request_id: &'a str,
    /// Our token-decrypting keys.
    pub keys: &'a [&'a dyn DecryptionKey],
}

/// The assertion in a response, if one of the trust's certificates signed either. It was not judged yet: see
/// [`crate::authentication::accept_assertion`].
///
/// # Errors
/// See [`AnswerError`].
pub fn read_answer(message: &str, expected: &Expected<'_>) -> Result<Assertion, AnswerError> {
    let certificates = &expected.trust.token_signing_certificates;
    // SHA-1 is never accepted on a claims provider's token (spec security SIG-8).
    let accepted = AcceptedAlgorithms::default();
    let authentic = match dsig::authenticate_response(message, certificates, &accepted) {
        Ok(authentic) => Some(authentic),
        // An encrypted assertion is signed within; and a refusal grants nothing, whoever sent it.
        Err(SignatureError::NotSigned) => None,
        Err(error) => return Err(error.into()),
    };
    let signed = authentic.as_ref().and_then(AuthenticResponse::message);
    let outside = signed.map_or(message, |message| message.element());
    let response = Response::parse(outside)?;
    check_outside(&response, signed.is_some(), expected)?;
    if !response.status.is_success() {
        let status = response.status;
        let (code, detail) = (status.code, status.detail);
        return Err(AnswerError::Status { code, detail });
    }
    let assertion = match authentic.as_ref().and_then(AuthenticResponse::assertion) {
        Some(assertion) => assertion.element().to_owned(),
        None if response.is_encrypted => {
            let integrity = signed.map_or(Integrity::Unknown, |_| Integrity::Verified);
            let plain = decrypt(outside, expected.keys, integrity)?;
            match dsig::authenticate_root(&plain, certificates, &accepted) {
                Ok(assertion) => assertion.element().to_owned(),
                // The signature of the response covers the ciphertext, and so what it was made of.
                Err(SignatureError::NotSigned) if signed.is_some() => plain,
                Err(error) => return Err(error.into()),
            }
        }
        None if signed.is_some() => return Err(AnswerError::NoAssertion),
        None => return Err(SignatureError::NotSigned.into()),
    };
    Ok(assertion::read_with_keys(&assertion, expected.keys)?)
}

/// What stands around the assertion. Where the response is not signed, this can only refuse what the assertion itself
/// would let pass.
fn check_outside(
    response: &Response,
    signed: bool,
    expected: &Expected<'_>,
) -> Result<(), AnswerError> {
    // Both must be there where the response is signed (SAML 2.0 Profiles 4.1.4.2, Bindings 3.5.5.2).
    let fits = |value: &Option<String>, holds: &dyn Fn(&String) -> bool| match value {
        Some(value) => holds(value),
        None => !signed,
    };
    if !fits(&response.issuer, &|issuer| {
        *issuer == expected.trust.identifier
    }) {
        return Err(AnswerError::Response("Issuer"));
    }
    let ours = |destination: &String| expected.recipients.contains(destination);
    if !fits(&response.destination, &ours) {
        return Err(AnswerError::Response("Destination"));
    }
    if response.in_response_to.as_deref() != Some(expected.request_id) {
        return Err(AnswerError::Response("InResponseTo"));
    }
    Ok(())
}
