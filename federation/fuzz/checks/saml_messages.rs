//! SAML messages of anybody: what is read keeps to the bounds, and what is written from it is read as the same again.

use federation::saml2::{
    AuthnRequest, LogoutRequest, LogoutResponse, Response, write_logout_request,
    write_logout_response,
};

/// Most of a message, in octets (spec security 3.3).
const MAX_MESSAGE: usize = 256 * 1024;

fn is_id(id: &str) -> bool {
    !id.is_empty()
        && !id
            .contains(|character: char| character.is_whitespace() || ":<>&\"'".contains(character))
}

pub(crate) fn authn_request(message: &str) {
    let Ok(request) = AuthnRequest::parse(message) else {
        return;
    };
    assert!(message.len() <= MAX_MESSAGE);
    assert!(is_id(&request.id) && !request.issuer.is_empty());
    // An index and an address at once would leave it open where the answer goes.
    assert!(request.consumer.index.is_none() || request.consumer.url.is_none());
    if let Some(context) = &request.requested_authn_context {
        assert!(!context.classes.is_empty());
    }
}

pub(crate) fn logout(message: &str) {
    if let Ok(request) = LogoutRequest::parse(message) {
        assert!(message.len() <= MAX_MESSAGE && is_id(&request.id));
        if let Ok(written) = write_logout_request(&request, None, None) {
            let again = LogoutRequest::parse(written.as_str()).expect("our own message");
            assert!(!again.is_signed);
            assert_eq!(again.id, request.id);
            assert_eq!(again.issuer, request.issuer);
            assert_eq!(again.destination, request.destination);
            assert_eq!(again.subject, request.subject);
            assert_eq!(again.session_indexes, request.session_indexes);
        }
    }
    if let Ok(response) = LogoutResponse::parse(message) {
        assert!(message.len() <= MAX_MESSAGE && is_id(&response.id));
        if let Ok(written) = write_logout_response(&response, None) {
            let again = LogoutResponse::parse(written.as_str()).expect("our own message");
            assert_eq!(again.id, response.id);
            assert_eq!(again.issuer, response.issuer);
            assert_eq!(again.in_response_to, response.in_response_to);
            assert_eq!(again.status.is_success(), response.status.is_success());
        }
    }
}

pub(crate) fn response(message: &str) {
    let Ok(response) = Response::parse(message) else {
        return;
    };
    assert!(message.len() <= MAX_MESSAGE && is_id(&response.id));
    assert!(response.in_response_to.as_deref().is_none_or(is_id));
}
