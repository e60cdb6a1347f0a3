//! The TLS side of the listener.
//!
//! Client certificates are asked for but never required, and the handshake accepts any of them: whether a certificate
//! belongs to a trusted proxy is decided for each request, so that a revoked trust ends on connections that live on
//! (spec security PIP-3). The certificate request names only the trusted proxies' own subjects, and a name that
//! nobody has, so that browsers on the intranet find no matching certificate and do not ask their user.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::ssl::{
    AlpnError, SslAcceptor, SslAcceptorBuilder, SslContext, SslFiletype, SslMethod, SslOptions,
    SslSessionCacheMode, SslVerifyMode, SslVersion, select_next_proto,
};
use openssl::stack::Stack;
use openssl::x509::{X509, X509Name, X509NameBuilder};
use thiserror::Error;

/// TLS 1.2 suites (RFC 9325 section 4.2); the TLS 1.3 ones are the library's.
const SUITES: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
                      ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
/// Key exchange groups, the hybrid first; libraries that do not know it get the second list.
const GROUPS: [&str; 2] = ["X25519MLKEM768:X25519:P-256:P-384", "X25519:P-256:P-384"];
/// No HTTP/2: the library gives no way to bound what one of its connections may hold (streams, their bodies, answers
/// that nobody reads), and proxies speak HTTP/1.1 to a federation server anyway (spec security DOS-1, DOS-2).
const PROTOCOLS: &[u8] = b"\x08http/1.1";

/// From so many days before its end on, every start and reload warns of a certificate.
const WARNING_DAYS: u32 = 30;

/// Why the listener has no TLS.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The certificate file does not serve.
    #[error("{}: the certificate chain cannot be used ({reason}); it must be PEM, the server's own certificate first", path.display())]
    Certificate {
        /// File named in the configuration.
        path: PathBuf,
        /// What the library said.
        reason: ErrorStack,
    },
    /// The key file does not serve.
    #[error("{}: the private key cannot be used ({reason}); it must be PEM, not encrypted, and belong to the certificate", path.display())]
    PrivateKey {
        /// File named in the configuration.
        path: PathBuf,
        /// What the library said.
        reason: ErrorStack,
    },
    /// Others than the service can read or change the key.
    #[error("{}: others than its owner and group can read the private key, or its group can change it; take that away with `chmod o=,g-w`", path.display())]
    Exposed {
        /// File named in the configuration.
        path: PathBuf,
    },
    /// The certificate's time is over.
    #[error("{}: the certificate has expired on {expired}; every browser and proxy refuses it, so install a new one", path.display())]
    Expired {
        /// File named in the configuration.
        path: PathBuf,
        /// Its end.
        expired: String,
    },
    /// Anything else.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] ErrorStack),
}

/// Certificate files of the listener.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// PEM chain.
    pub certificate: PathBuf,
    /// PEM key.
    pub private_key: PathBuf,
}

/// What new handshakes use. A reload swaps it; connections that exist keep what they have.
#[derive(Clone)]
pub struct TlsIdentity(Arc<ArcSwap<SslContext>>);

impl TlsIdentity {
    /// Reads the files.
    ///
    /// # Errors
    /// Names the file that does not serve.
    pub fn load(files: &CertificateFiles) -> Result<TlsIdentity, TlsError> {
        Ok(TlsIdentity(Arc::new(ArcSwap::from_pointee(context(
            files,
        )?))))
    }

    /// Reads the files again, for handshakes from now on.
    ///
    /// # Errors
    /// As [`TlsIdentity::load`]; the old identity stays then.
    pub fn reload(&self, files: &CertificateFiles) -> Result<(), TlsError> {
        self.0.store(Arc::new(context(files)?));
        Ok(())
    }

    /// An acceptor that takes the current identity at every handshake.
    ///
    /// # Errors
    /// As [`TlsIdentity::load`].
    pub fn acceptor(&self, files: &CertificateFiles) -> Result<SslAcceptorBuilder, TlsError> {
        let mut builder = builder(files)?;
        let identity = self.clone();
        builder.set_servername_callback(move |ssl, _alert| {
            // If the switch fails, the context that the acceptor was built with answers: same policy, older certificate.
            let _ = ssl.set_ssl_context(&identity.0.load());
            Ok(())
        });
        Ok(builder)
    }
}

fn context(files: &CertificateFiles) -> Result<SslContext, TlsError> {
    Ok(builder(files)?.build().into_context())
}

fn builder(files: &CertificateFiles) -> Result<SslAcceptorBuilder, TlsError> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_cipher_list(SUITES)?;
    if builder.set_groups_list(GROUPS[0]).is_err() {
        builder.set_groups_list(GROUPS[1])?;
    }
    builder.set_options(
        SslOptions::NO_COMPRESSION
            | SslOptions::NO_RENEGOTIATION
            | SslOptions::CIPHER_SERVER_PREFERENCE
            // A session remembers its client certificate, of whatever size, long after the connection has ended; and
            // proxies are not to come back without showing theirs (spec security 3.1).
            | SslOptions::NO_TICKET,
    );
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_verify_callback(SslVerifyMode::PEER, |_chain_is_known, _store| true);
    builder.set_client_ca_list(acceptable_names()?);
    // A context switched in by the server name callback loses the protocols unless it carries its own callback.
    builder.set_alpn_protos(PROTOCOLS)?;
    builder.set_alpn_select_callback(|_, offered| {
        select_next_proto(PROTOCOLS, offered).ok_or(AlpnError::NOACK)
    });
    let certificate_error = |reason| TlsError::Certificate {
        path: files.certificate.clone(),
        reason,
    };
    let key_error = |reason| TlsError::PrivateKey {
        path: files.private_key.clone(),
        reason,
    };
    check_permissions(&files.private_key)?;
    builder
        .set_certificate_chain_file(&files.certificate)
        .map_err(certificate_error)?;
    builder
        .set_private_key_file(&files.private_key, SslFiletype::PEM)
        .map_err(key_error)?;
    builder.check_private_key().map_err(key_error)?;
    check_validity(files)?;
    Ok(builder)
}

/// Refuses a key file that everybody can read, or more than its owner can change (spec security KEY-11). A group that
/// reads it is how one certificate serves several programs. A file that cannot be looked at fails when it is read.
fn check_permissions(path: &Path) -> Result<(), TlsError> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & 0o027 != 0 => Err(TlsError::Exposed {
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Refuses an expired certificate and warns of one that soon will be.
fn check_validity(files: &CertificateFiles) -> Result<(), TlsError> {
    let path = || files.certificate.clone();
    let unreadable = |reason| TlsError::Certificate {
        path: path(),
        reason,
    };
    // Without content the library has refused the file already.
    let pem = std::fs::read(&files.certificate).unwrap_or_default();
    let certificate = X509::from_pem(&pem).map_err(unreadable)?;
    let end = certificate.not_after();
    if end <= Asn1Time::days_from_now(0)? {
        return Err(TlsError::Expired {
            path: path(),
            expired: end.to_string(),
        });
    }
    if end <= Asn1Time::days_from_now(WARNING_DAYS)? {
        tracing::warn!(certificate = %files.certificate.display(), expires = %end, "the listener's certificate expires soon");
    }
    Ok(())
}

/// The names in the certificate request. An empty list would mean "any certificate" to a browser.
fn acceptable_names() -> Result<Stack<X509Name>, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, "Trusted federation proxies")?;
    let mut names = Stack::new()?;
    names.push(name.build())?;
    Ok(names)
}

impl CertificateFiles {
    /// From the two paths.
    pub fn new(certificate: &Path, private_key: &Path) -> CertificateFiles {
        CertificateFiles {
            certificate: certificate.to_owned(),
            private_key: private_key.to_owned(),
        }
    }
}
