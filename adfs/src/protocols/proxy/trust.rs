//! Letting proxies in, and renewing their certificates (spec proxy-integration 2.1 and 2.2).

use std::time::Instant;

use actix_web::http::header;
use actix_web::web::Payload;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use federation::proxy::{ProxyTrust, ProxyTrustRenewal};
use openssl::sha::sha256;
use openssl::x509::X509;
use zeroize::Zeroizing;

use super::answer::{Refused, Reply};
use super::call::Call;
use super::certificate::{self, public_key_sha256};
use super::hex;
use crate::audit::{self, ProxyEvent};
use crate::directory::{AuthenticatedAccount, Password, SignInName, SignInRefusal};
use crate::keys::Certificate;
use crate::store::{NewProxyCertificate, TrustChange};

/// `POST EstablishTrust`, with the credentials of somebody who may add proxies.
///
/// Credentials are judged before the body is read, and nothing tells a wrong password from an account that may not.
pub(super) async fn establish(call: &Call<'_>, payload: &mut Payload) -> Result<Reply, Refused> {
    let administrator = administrator(call).await?;
    accept(call, &administrator, payload).await
}

/// Trusts the certificate in the body, on the word of `administrator`.
pub(super) async fn accept(
    call: &Call<'_>,
    administrator: &str,
    payload: &mut Payload,
) -> Result<Reply, Refused> {
    let body: ProxyTrust = call.body(payload).await?;
    let now = call.federation.clock.now();
    let new = judge(call, &body.serialized_trust_certificate.0)?;
    match call
        .federation
        .store
        .establish_proxy_trust(&new, administrator, now)
        .await?
    {
        TrustChange::Done(_) => {}
        TrustChange::KeyInUse | TrustChange::NotTrusted => return Err(Refused::KeyInUse),
        TrustChange::TooMany => return Err(Refused::Full("proxy certificates")),
    }
    call.federation
        .proxy_trusts
        .refresh(&call.federation.store)
        .await?;
    let event = ProxyEvent::Established {
        proxy: &new.name,
        sha256: &hex(&new.sha256),
        administrator,
    };
    audit::proxy(call.activity_id, call.peer, &event);
    Ok(Reply::Done)
}

/// `POST RenewTrust`, over a connection with the certificate (DER) that is to be followed by another. The old one stays
/// trusted until it ends.
pub(super) async fn renew(
    call: &Call<'_>,
    presented: &[u8],
    payload: &mut Payload,
) -> Result<Reply, Refused> {
    let trusts = &call.federation.proxy_trusts;
    let now = call.federation.clock.now();
    let proxy = trusts
        .recognise(presented, now)
        .ok_or(Refused::RenewalNotTrusted)?;
    let body: ProxyTrustRenewal = call.body(payload).await?;
    let new = judge(call, &body.serialized_replacement_certificate.0)?;
    match call
        .federation
        .store
        .renew_proxy_trust(&sha256(presented), &new, now)
        .await?
    {
        TrustChange::Done(_) => {}
        TrustChange::NotTrusted => return Err(Refused::RenewalNotTrusted),
        TrustChange::KeyInUse => return Err(Refused::KeyInUse),
        TrustChange::TooMany => return Err(Refused::Full("certificates of this proxy")),
    }
    trusts.refresh(&call.federation.store).await?;
    let event = ProxyEvent::Renewed {
        proxy: &proxy.name,
        sha256: &hex(&new.sha256),
    };
    audit::proxy(call.activity_id, call.peer, &event);
    Ok(Reply::Done)
}

fn judge(call: &Call<'_>, der: &[u8]) -> Result<NewProxyCertificate, Refused> {
    let lifetime = call
        .federation
        .configuration
        .load()
        .properties
        .proxy_trust_token_lifetime;
    Ok(certificate::check(
        der,
        call.federation.clock.now(),
        lifetime,
        &own_keys(call)?,
    )?)
}

/// Keys that a proxy may not have, because they are the service's own.
fn own_keys(call: &Call<'_>) -> Result<Vec<[u8; 32]>, Refused> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Refused::Internal(format!(
            "a certificate of the federation service cannot be read: {error}"
        ))
    };
    let keys = &call.federation.keys;
    let current = keys.current();
    let decrypting = current.decrypting_keys().iter();
    let tokens = current
        .signing_certificates()
        .chain(decrypting.map(|key| key.certificate()))
        .map(Certificate::to_pem);
    let mut pems = Vec::new();
    for pem in tokens {
        pems.push(pem.map_err(|error| unreadable(&error))?.into_bytes());
    }
    let listener = call
        .federation
        .configuration
        .load()
        .https
        .certificate
        .clone();
    pems.push(std::fs::read(listener).map_err(|error| unreadable(&error))?);
    let own =
        |pem: &Vec<u8>| X509::from_pem(pem).and_then(|certificate| public_key_sha256(&certificate));
    pems.iter()
        .map(|pem| own(pem).map_err(|error| unreadable(&error)))
        .collect()
}

/// The account that the request authenticates as, if it may add proxies; its name is for the audit.
async fn administrator(call: &Call<'_>) -> Result<String, Refused> {
    let authorization = call
        .request
        .headers()
        .get(header::AUTHORIZATION)
        .ok_or(Refused::Credentials)?;
    let (name, password) = basic(authorization.as_bytes()).ok_or(Refused::Credentials)?;
    call.federation
        .proxy_trusts
        .attempts
        .begin(call.peer, call.federation.clock.now())
        .map_err(|retry_after| Refused::TooManyAttempts { retry_after })?;
    let start = Instant::now();
    let directory = &call.federation.directory;
    let outcome = directory.authenticate(&name, &password).await;
    let failed = |reason: &str| {
        let event = ProxyEvent::AdministratorRefused {
            user: &name.to_string(),
            reason,
        };
        audit::proxy(call.activity_id, call.peer, &event);
        Err(Refused::Credentials)
    };
    match outcome {
        Ok(account) => {
            let configuration = call.federation.configuration.load_full();
            if !may_add_proxies(&account, &configuration.proxy.administrators) {
                directory.wait_as_refused(&name, start).await;
                return failed(
                    "the account is not among the proxy administrators of the configuration",
                );
            }
            call.federation.proxy_trusts.attempts.succeeded(call.peer);
            Ok(account.windows_account_name())
        }
        Err(SignInRefusal::Unavailable(error)) => {
            // Nobody's guess was judged.
            call.federation.proxy_trusts.attempts.succeeded(call.peer);
            tracing::error!(activity_id = %call.activity_id, %error, "an administrator could not be authenticated");
            Err(Refused::Directory)
        }
        Err(SignInRefusal::Incorrect(reason) | SignInRefusal::MustChangePassword(reason)) => {
            directory.wait_as_refused(&name, start).await;
            failed(&reason.to_string())
        }
    }
}

fn may_add_proxies(account: &AuthenticatedAccount, administrators: &[String]) -> bool {
    let windows_name = account.windows_account_name();
    let names = [Some(windows_name.as_str()), account.upn()];
    let listed = |name: &str| {
        administrators
            .iter()
            .any(|listed| listed.to_lowercase() == name.to_lowercase())
    };
    names.into_iter().flatten().any(listed)
}

/// Name and password of a Basic `Authorization` header (RFC 7617, UTF-8).
fn basic(header: &[u8]) -> Option<(SignInName, Password)> {
    let (scheme, credentials) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(credentials.trim()).ok()?);
    let (name, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((
        SignInName::parse(name).ok()?,
        Password::new(password.to_owned()).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(scheme: &str, credentials: &str) -> Vec<u8> {
        format!("{scheme} {}", STANDARD.encode(credentials)).into_bytes()
    }

    #[test]
    fn basic_credentials_are_read() {
        for (credentials, name) in [
            (r"CONTOSO\admin:p", r"CONTOSO\admin"),
            ("admin@contoso.test:p:w", "admin@contoso.test"),
            ("zoë@contoso.test:pässword", "zoë@contoso.test"),
        ] {
            let (read, _) = basic(&header("bAsIc", credentials)).unwrap();
            assert_eq!(read.to_string(), name);
        }
    }

    #[test]
    fn credentials_that_no_directory_may_see_are_refused() {
        let good = header("Basic", "admin@contoso.test:p");
        assert!(basic(&good).is_some());
        for bad in [
            header("Bearer", "admin@contoso.test:p"),
            header("Basic", "admin@contoso.test:"),
            header("Basic", "admin@contoso.test"),
            header("Basic", ":p"),
            header("Basic", "admin@contoso.test:p\0q"),
            b"Basic ???".to_vec(),
            b"Basic".to_vec(),
            b"".to_vec(),
            b"Basic \xff\xfe".to_vec(),
            [
                b"Basic ".as_slice(),
                STANDARD.encode(b"a@b:\xff").as_bytes(),
            ]
            .concat(),
        ] {
            assert!(basic(&bad).is_none(), "{:?}", String::from_utf8_lossy(&bad));
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(header in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = basic(&header);
        }

        #[test]
        fn any_credentials_are_read_or_refused(credentials in ".{0,64}") {
            let _ = basic(&header("Basic", &credentials));
        }
    }
}
