//! Artifacts of the Artifact binding: what travels through the browser in place of a message (SAML 2.0 Bindings 3.6.4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::sha::sha1;
use thiserror::Error;

/// Type code of the one format that SAML 2.0 defines.
const TYPE_CODE: u16 = 4;
const ENTITY_ID_DIGEST: usize = 20;
const HANDLE: usize = 20;
/// Octets of an artifact before base64.
const LENGTH: usize = 4 + ENTITY_ID_DIGEST + HANDLE;
/// Length of its base64, in bytes: 44 octets fill it but for one sign of padding.
const TEXT: usize = 60;

/// Why a text is no artifact. The message does not quote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the text is no SAML artifact of type 4")]
pub struct ArtifactError;

/// An artifact of type 0x0004.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    endpoint_index: u16,
    source_id: [u8; ENTITY_ID_DIGEST],
    handle: [u8; HANDLE],
}

impl Artifact {
    /// One of the entity `entity_id`, to be resolved at its endpoint of this index. `handle` must be random.
    pub fn new(entity_id: &str, endpoint_index: u16, handle: [u8; HANDLE]) -> Artifact {
        Artifact {
            endpoint_index,
            source_id: sha1(entity_id.as_bytes()),
            handle,
        }
    }

    /// Reads the value of `SAMLart` or the text of `Artifact`.
    ///
    /// # Errors
    /// [`ArtifactError`] for anything but canonical base64 of 44 octets that begin with the type code.
    pub fn parse(text: &str) -> Result<Artifact, ArtifactError> {
        if text.len() != TEXT {
            return Err(ArtifactError);
        }
        let octets = STANDARD.decode(text).map_err(|_| ArtifactError)?;
        let octets: [u8; LENGTH] = octets.try_into().map_err(|_| ArtifactError)?;
        let [type_high, type_low, index_high, index_low, rest @ ..] = octets;
        if u16::from_be_bytes([type_high, type_low]) != TYPE_CODE {
            return Err(ArtifactError);
        }
        let (source_id, handle) = rest.split_at(ENTITY_ID_DIGEST);
        Ok(Artifact {
            endpoint_index: u16::from_be_bytes([index_high, index_low]),
            source_id: source_id.try_into().map_err(|_| ArtifactError)?,
            handle: handle.try_into().map_err(|_| ArtifactError)?,
        })
    }

    /// As it travels.
    pub fn encode(&self) -> String {
        let mut octets = Vec::with_capacity(LENGTH);
        octets.extend_from_slice(&TYPE_CODE.to_be_bytes());
        octets.extend_from_slice(&self.endpoint_index.to_be_bytes());
        octets.extend_from_slice(&self.source_id);
        octets.extend_from_slice(&self.handle);
        STANDARD.encode(octets)
    }

    /// Index of the endpoint that resolves it.
    pub fn endpoint_index(&self) -> u16 {
        self.endpoint_index
    }

    /// Whether `entity_id` made it.
    pub fn is_of(&self, entity_id: &str) -> bool {
        self.source_id == sha1(entity_id.as_bytes())
    }

    /// The random part, which alone names the message.
    pub fn handle(&self) -> &[u8; HANDLE] {
        &self.handle
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_artifact_has_the_layout_of_the_binding() {
        let artifact = Artifact::new("http://sts.contoso.test/adfs/services/trust", 1, [7; 20]);
        let octets = STANDARD.decode(artifact.encode()).unwrap();
        assert_eq!(octets[..4], [0, 4, 0, 1]);
        assert_eq!(
            octets[4..24],
            sha1(b"http://sts.contoso.test/adfs/services/trust")
        );
        assert_eq!(octets[24..], [7; 20]);
        let read = Artifact::parse(&artifact.encode()).unwrap();
        assert!(read.is_of("http://sts.contoso.test/adfs/services/trust"));
        assert!(!read.is_of("http://other.test/"));
        assert_eq!((read.endpoint_index(), read.handle()), (1, &[7; 20]));
    }

    #[test]
    fn other_types_lengths_and_spellings_are_no_artifacts() {
        let good = Artifact::new("e", 0, [1; 20]).encode();
        let other_type = STANDARD.encode([[0, 3].as_slice(), &[0; 42]].concat());
        let short = STANDARD.encode([0, 4]);
        for text in [
            String::new(),
            other_type,
            short,
            good.trim_end_matches('=').to_owned(),
            format!(" {good}"),
            good.replacen('A', "*", 1),
            "é".repeat(30),
        ] {
            assert_eq!(Artifact::parse(&text), Err(ArtifactError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_artifact_has_one_spelling(index: u16, handle: [u8; 20]) {
            let artifact = Artifact::new("e", index, handle);
            prop_assert_eq!(Artifact::parse(&artifact.encode()), Ok(artifact));
        }

        #[test]
        fn what_is_read_is_written_the_same(text in "AAQ[A-Za-z0-9+/]{56}=|.{0,80}") {
            if let Ok(artifact) = Artifact::parse(&text) {
                prop_assert_eq!(artifact.encode(), text);
            }
        }
    }
}
