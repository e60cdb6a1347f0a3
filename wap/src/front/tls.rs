//! TLS of the listeners: certificates by server name, and no handshake without a name that is ours (spec security 3.1).

use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::ssl::{
    AlpnError, NameType, SniError, SslAcceptor, SslAcceptorBuilder, SslAlert, SslContext,
    SslFiletype, SslMethod, SslOptions, SslVersion, select_next_proto,
};
use thiserror::Error;

use crate::config::{HostCertificate, HostPattern};

/// TLS 1.2 suites (RFC 9325 section 4.2); those of TLS 1.3 are the library's.
const SUITES: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
                      ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
/// Key exchange, the hybrid first; a library that does not know it gets the second list.
const GROUPS: [&str; 2] = ["X25519MLKEM768:X25519:P-256:P-384", "X25519:P-256:P-384"];
const PROTOCOLS: &[u8] = b"\x02h2\x08http/1.1";

/// Why the listeners have no TLS.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A certificate file does not serve.
    #[error("{}: certificate.certificate_file cannot be used ({reason}); it must be PEM, the host's own certificate first", path.display())]
    Certificate {
        /// File.
        path: PathBuf,
        /// What the library says.
        reason: ErrorStack,
    },
    /// A key file does not serve.
    #[error("{}: certificate.private_key_file cannot be used ({reason}); it must be PEM, not encrypted, and belong to the certificate", path.display())]
    PrivateKey {
        /// File.
        path: PathBuf,
        /// What the library says.
        reason: ErrorStack,
    },
    /// Anything else.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] ErrorStack),
}

/// An acceptor that presents the certificate of the name that is asked for, and none to anybody else.
pub(crate) fn acceptor(certificates: &[HostCertificate]) -> Result<SslAcceptor, TlsError> {
    let mut contexts: Vec<(HostPattern, SslContext)> = Vec::new();
    for certificate in certificates {
        let context = context(certificate)?;
        contexts.extend(
            certificate
                .hosts
                .iter()
                .map(|host| (host.clone(), context.clone())),
        );
    }
    // Exact names first: the first that matches is presented.
    contexts.sort_by_key(|(host, _)| !host.is_exact());
    let mut builder = bare()?;
    builder.set_servername_callback(move |ssl, alert| {
        let name = ssl
            .servername(NameType::HOST_NAME)
            .map(str::to_ascii_lowercase);
        let found = name.and_then(|name| contexts.iter().find(|(host, _)| host.matches(&name)));
        match found.map(|(_, context)| ssl.set_ssl_context(context)) {
            Some(Ok(())) => Ok(()),
            _ => {
                *alert = SslAlert::UNRECOGNIZED_NAME;
                Err(SniError::ALERT_FATAL)
            }
        }
    });
    Ok(builder.build())
}

fn context(certificate: &HostCertificate) -> Result<SslContext, TlsError> {
    let mut builder = bare()?;
    let chain: &Path = &certificate.certificate_file;
    let key: &Path = &certificate.private_key_file;
    let of_chain = |reason| TlsError::Certificate {
        path: chain.to_owned(),
        reason,
    };
    let of_key = |reason| TlsError::PrivateKey {
        path: key.to_owned(),
        reason,
    };
    builder
        .set_certificate_chain_file(chain)
        .map_err(of_chain)?;
    builder
        .set_private_key_file(key, SslFiletype::PEM)
        .map_err(of_key)?;
    builder.check_private_key().map_err(of_key)?;
    Ok(builder.build().into_context())
}

fn bare() -> Result<SslAcceptorBuilder, TlsError> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_cipher_list(SUITES)?;
    if builder.set_groups_list(GROUPS[0]).is_err() {
        builder.set_groups_list(GROUPS[1])?;
    }
    builder.set_options(
        SslOptions::NO_COMPRESSION
            | SslOptions::NO_RENEGOTIATION
            | SslOptions::CIPHER_SERVER_PREFERENCE,
    );
    builder.set_session_id_context(b"wap")?;
    // A context that the server name callback switches in loses the protocols unless it has its own callback.
    builder.set_alpn_select_callback(|_, offered| {
        select_next_proto(PROTOCOLS, offered).ok_or(AlpnError::NOACK)
    });
    Ok(builder)
}
