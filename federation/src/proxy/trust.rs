//! Trust between proxy and federation server (MS-ADFSPIP 2.2.2.1 to 2.2.2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::json::Document;

/// A certificate as the protocol carries it: base64 (RFC 4648 section 4) of DER, without PEM armour. Here the DER.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SerializedCertificate(
    /// DER. Whether it is a certificate is for the reader to find out.
    pub Vec<u8>,
);

impl TryFrom<String> for SerializedCertificate {
    type Error = String;

    fn try_from(text: String) -> Result<SerializedCertificate, String> {
        // Encoders of some platforms break lines; the alphabet has no white space of its own.
        let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        STANDARD
            .decode(compact)
            .map(SerializedCertificate)
            .map_err(|error| format!("a certificate is not base64 of DER: {error}"))
    }
}

impl From<SerializedCertificate> for String {
    fn from(certificate: SerializedCertificate) -> String {
        STANDARD.encode(certificate.0)
    }
}

/// Body of `POST /adfs/proxy/EstablishTrust` (MS-ADFSPIP 2.2.2.1, "Proxy Trust").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProxyTrust {
    /// The certificate that the proxy will present from now on.
    pub serialized_trust_certificate: SerializedCertificate,
}

impl Document for ProxyTrust {
    const NAME: &'static str = "proxy trust";
    const MEMBERS: &'static [&'static str] = &["SerializedTrustCertificate"];
}

/// Body of `POST /adfs/proxy/RenewTrust` (MS-ADFSPIP 2.2.2.2, "Proxy Trust Renewal").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProxyTrustRenewal {
    /// The certificate that will follow the one that the connection presents.
    pub serialized_replacement_certificate: SerializedCertificate,
}

impl Document for ProxyTrustRenewal {
    const NAME: &'static str = "proxy trust renewal";
    const MEMBERS: &'static [&'static str] = &["SerializedReplacementCertificate"];
}

/// The relying party that stands for all proxies (MS-ADFSPIP 2.2.2.3, "Proxy Relying Party Trust").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProxyRelyingParty {
    /// Its identifier, a URI; the audience of proxy tokens. Windows proxies use `urn:AppProxy:com`.
    pub identifier: String,
}

impl Document for ProxyRelyingParty {
    const NAME: &'static str = "proxy relying party trust";
    const MEMBERS: &'static [&'static str] = &["Identifier"];
}

#[cfg(test)]
mod tests {
    use super::super::json::{read, write};
    use super::*;

    #[test]
    fn a_certificate_travels_as_base64_of_der() {
        let trust = ProxyTrust {
            serialized_trust_certificate: SerializedCertificate(vec![0x30, 0x82, 0xff]),
        };
        let json = write(&trust).unwrap();
        assert_eq!(json, br#"{"SerializedTrustCertificate":"MIL/"}"#);
        assert_eq!(read::<ProxyTrust>(&json).unwrap(), trust);
        let broken_lines = br#"{"serializedtrustcertificate":"MI\r\nL\/"}"#;
        assert_eq!(read::<ProxyTrust>(broken_lines).unwrap(), trust);
    }

    #[test]
    fn another_alphabet_is_no_certificate() {
        for text in ["MIL_", "-----BEGIN CERTIFICATE-----", "MIL"] {
            let json = format!(r#"{{"SerializedTrustCertificate":"{text}"}}"#);
            assert!(read::<ProxyTrust>(json.as_bytes()).is_err(), "{text}");
        }
    }
}
