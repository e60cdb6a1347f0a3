//! `ArtifactResolve` and `ArtifactResponse` (SAML 2.0 Core 3.5).

use time::OffsetDateTime;

use super::reading::{child, header, text};
use super::response::{Head, message};
use super::{MessageError, PROTOCOL, Status};
use crate::IssueError;
use crate::signature::{SignatureAlgorithm, SigningKey};
use crate::xml::{self, Fragment, Limits, Namespace};

/// The answer's own prefix. The message in it was written and signed before, with declarations of its own.
const OUTER: Namespace = Namespace::new("p", PROTOCOL.uri());

/// A request for the message that an artifact stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactResolve {
    /// `ID`.
    pub id: String,
    /// `Issuer`.
    pub issuer: String,
    /// `IssueInstant`.
    pub issue_instant: OffsetDateTime,
    /// `Destination`.
    pub destination: Option<String>,
    /// `Artifact`, a text that need not be one.
    pub artifact: String,
    /// Whether the message itself has a signature. Of no meaning when writing.
    pub is_signed: bool,
}

impl ArtifactResolve {
    /// Reads a message.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn parse(message: &str) -> Result<ArtifactResolve, MessageError> {
        let document = xml::read(message.as_bytes(), &Limits::message())?;
        let root = document.root();
        let header = header(root, "ArtifactResolve")?;
        let artifact =
            child(root, PROTOCOL, "Artifact")?.ok_or(MessageError::Missing("Artifact"))?;
        Ok(ArtifactResolve {
            id: header.id,
            issuer: header.issuer.ok_or(MessageError::Missing("Issuer"))?,
            issue_instant: header.issue_instant,
            destination: header.destination,
            artifact: text(artifact, "Artifact")?,
            is_signed: header.is_signed,
        })
    }
}

/// Writes a request.
///
/// # Errors
/// A value that XML cannot carry, or a failing signature.
pub fn write_artifact_resolve(
    resolve: &ArtifactResolve,
    sign: Option<(&SigningKey, SignatureAlgorithm)>,
) -> Result<Fragment, IssueError> {
    let head = Head {
        id: &resolve.id,
        issue_instant: resolve.issue_instant,
        destination: resolve.destination.as_deref(),
        in_response_to: None,
        issuer: &resolve.issuer,
    };
    message(sign, |place| {
        head.write("ArtifactResolve", &[], place, |writer| {
            writer.leaf(PROTOCOL.name("Artifact"), &[], &resolve.artifact);
        })
    })
}

/// Everything an answer says.
#[derive(Debug)]
pub struct ArtifactResponseParts<'a> {
    /// `ID`, an NCName, unpredictable.
    pub id: &'a str,
    /// `IssueInstant`.
    pub issue_instant: OffsetDateTime,
    /// `InResponseTo`: the request's id.
    pub in_response_to: &'a str,
    /// `Issuer`: the federation service identifier.
    pub issuer: &'a str,
    /// Outcome of the resolution, which is not that of the message.
    pub status: &'a Status,
    /// The message that the artifact stood for.
    pub message: Option<&'a StoredMessage>,
    /// Key for the answer's own signature.
    pub sign: (&'a SigningKey, SignatureAlgorithm),
}

/// Writes an answer and signs it.
///
/// # Errors
/// A value that XML cannot carry, or a failing signature.
pub fn write_artifact_response(parts: &ArtifactResponseParts<'_>) -> Result<Fragment, IssueError> {
    let head = Head {
        id: parts.id,
        issue_instant: parts.issue_instant,
        destination: None,
        in_response_to: Some(parts.in_response_to),
        issuer: parts.issuer,
    };
    message(Some(parts.sign), |place| {
        head.write_as(OUTER.name("ArtifactResponse"), &[], place, |writer| {
            parts.status.write(writer);
            if let Some(message) = parts.message {
                writer.fragment(&message.0);
            }
        })
    })
}

/// A message of ours that waits, as text, to be put into an answer. It stays octet for octet what was signed.
#[derive(Debug, Clone)]
pub struct StoredMessage(Fragment);

impl StoredMessage {
    /// The text to keep.
    ///
    /// # Errors
    /// [`IssueError::Inconsistent`] for a message whose text is not its canonical form; it could not be signed again as
    /// part of another from the text alone.
    pub fn text(message: &Fragment) -> Result<&str, IssueError> {
        if message.canonical().eq([message.as_str()]) {
            Ok(message.as_str())
        } else {
            Err(IssueError::Inconsistent(
                "a message that is to be kept is not in canonical form",
            ))
        }
    }

    /// The message from text that [`StoredMessage::text`] gave and that nobody else can have written since.
    ///
    /// # Errors
    /// [`MessageError`] when it is no protocol message.
    pub fn restore(text: String) -> Result<StoredMessage, MessageError> {
        let document = xml::read(text.as_bytes(), &Limits::message())?;
        if document.root().tag_name().namespace() != Some(PROTOCOL.uri()) {
            return Err(MessageError::Kind("protocol message"));
        }
        drop(document);
        Ok(StoredMessage(Fragment::from_canonical(
            text,
            vec![PROTOCOL],
        )))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::dsig::authenticate_root;
    use crate::saml2::{Artifact, ResponseParts, write_response};
    use crate::test_key::{CERTIFICATE, SIGNING};

    const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);
    const SHA256: SignatureAlgorithm = SignatureAlgorithm::RsaSha256;

    fn resolve() -> ArtifactResolve {
        ArtifactResolve {
            id: "_r1".to_owned(),
            issuer: "urn:sp".to_owned(),
            issue_instant: NOW,
            destination: Some("https://sts.test/artifact".to_owned()),
            artifact: Artifact::new("e", 0, [1; 20]).encode(),
            is_signed: true,
        }
    }

    #[test]
    fn a_request_is_read_as_it_was_written_and_signed() {
        let written = write_artifact_resolve(&resolve(), Some((&SIGNING, SHA256))).unwrap();
        assert_eq!(ArtifactResolve::parse(written.as_str()), Ok(resolve()));
        let certificates = [CERTIFICATE.clone()];
        let authentic = authenticate_root(written.as_str(), &certificates, &SHA256.into()).unwrap();
        let read = ArtifactResolve::parse(authentic.element()).unwrap();
        assert_eq!(read.artifact, resolve().artifact);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let good = write_artifact_resolve(&resolve(), None)
            .unwrap()
            .into_string();
        let artifact = format!("<samlp:Artifact>{}</samlp:Artifact>", resolve().artifact);
        for (from, to, error) in [
            (artifact.as_str(), "", MessageError::Missing("Artifact")),
            (
                &artifact,
                &artifact.repeat(2),
                MessageError::Repeated("Artifact"),
            ),
            ("Version=\"2.0\"", "Version=\"1.1\"", MessageError::Version),
            (
                "ArtifactResolve",
                "AuthnRequest",
                MessageError::Kind("ArtifactResolve"),
            ),
        ] {
            let changed = good.replace(from, to);
            assert_ne!(changed, good);
            assert_eq!(ArtifactResolve::parse(&changed), Err(error));
        }
    }

    #[test]
    fn both_signatures_hold_in_an_answer_around_a_message_that_was_kept_as_text() {
        let status = Status::success();
        let response = write_response(&ResponseParts {
            id: "_m1",
            issue_instant: NOW,
            destination: "https://sp.test/acs",
            in_response_to: Some("_q1"),
            issuer: "urn:idp",
            status: &status,
            assertion: None,
            sign: Some((&SIGNING, SHA256)),
        })
        .unwrap();
        let kept = StoredMessage::text(&response).unwrap().to_owned();
        let answer = write_artifact_response(&ArtifactResponseParts {
            id: "_a1",
            issue_instant: NOW,
            in_response_to: "_r1",
            issuer: "urn:idp",
            status: &status,
            message: Some(&StoredMessage::restore(kept.clone()).unwrap()),
            sign: (&SIGNING, SHA256),
        })
        .unwrap();
        assert!(answer.as_str().contains(&kept));
        let certificates = [CERTIFICATE.clone()];
        authenticate_root(&kept, &certificates, &SHA256.into()).unwrap();
        // Our own verifier takes one signature a message; others take both.
        use bergshamra::keys::loader::load_rsa_public_pem;
        let pem = CERTIFICATE
            .public_key()
            .unwrap()
            .public_key_to_pem()
            .unwrap();
        let mut keys = bergshamra::KeysManager::new();
        keys.add_key(load_rsa_public_pem(&pem).unwrap());
        let context = bergshamra::DsigContext::new(keys);
        let holds = |text: &str| {
            bergshamra::verify(&context, text)
                .is_ok_and(|result| result.all_reference_digests_verified())
        };
        assert!(holds(answer.as_str()), "{answer}");
        assert!(!holds(&answer.as_str().replace("_q1", "_q2")));
    }

    #[test]
    fn only_messages_can_be_restored() {
        for text in ["", "<a/>", "<p:Response xmlns:p=\"urn:x\"/>"] {
            assert!(StoredMessage::restore(text.to_owned()).is_err(), "{text}");
        }
    }
}
