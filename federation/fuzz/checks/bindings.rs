//! Messages as bindings carry them: what comes out of a query, an artifact or an envelope is bounded, and goes the same
//! way back.

use federation::saml2::redirect::{self, MessageKind};
use federation::saml2::{Artifact, ArtifactResolve};
use federation::soap11;

/// Most of a message, in octets (spec security 3.3).
const MAX_MESSAGE: usize = 256 * 1024;

pub(crate) fn redirect(query: &str) {
    let Ok(message) = redirect::decode(query) else {
        return;
    };
    // However well it was compressed.
    assert!(message.xml().len() <= MAX_MESSAGE);
    assert!(message.verify(&[]).is_err());
    assert!(message.is_signed() || message.algorithm().is_none());
    let kind = message.kind();
    let address = redirect::encode(
        "https://rp.example/",
        kind,
        message.xml(),
        message.relay_state(),
        None,
    )
    .expect("an address");
    let (_, query) = address.split_once('?').expect("a query");
    // Compressed anew, it may be too long to be taken again, but never another message.
    if let Ok(again) = redirect::decode(query) {
        assert_eq!(again.kind(), kind);
        assert_eq!(again.xml(), message.xml());
        assert_eq!(again.relay_state(), message.relay_state());
        assert!(!again.is_signed());
    }
    assert!(matches!(kind, MessageKind::Request | MessageKind::Response));
}

pub(crate) fn artifact(text: &str) {
    if let Ok(artifact) = Artifact::parse(text) {
        // One artifact has one spelling, so that nobody presents it twice under two.
        assert_eq!(artifact.encode(), text);
    }
    let Ok(message) = soap11::read(text.as_bytes()) else {
        return;
    };
    assert!(text.len() <= MAX_MESSAGE);
    if let Ok(resolve) = ArtifactResolve::parse(&message) {
        assert!(!resolve.id.is_empty() && !resolve.issuer.is_empty());
    }
}
