//! The records themselves (spec passive-sign-in 8.3, proxy-integration 8.6).

use std::net::IpAddr;

use uuid::Uuid;

use super::{AuditDocument, AuditKind, Clean, TARGET};

/// Writes the event of a document: 1200 to 1210. `token_id` is the id of the token that was issued, if one was, so that
/// a token without an event stands out (spec security LOG-3).
pub fn record(document: &AuditDocument<'_>, token_id: Option<&str>) {
    let success = document.failure.is_none();
    let message = match (document.kind, success) {
        (AuditKind::AppToken, true) => "a token was issued",
        (AuditKind::AppToken, false) => "a token was not issued",
        (AuditKind::FreshCredentials, true) => "credentials were right",
        (AuditKind::FreshCredentials, false) => "credentials were not accepted",
        (AuditKind::SignOut, true) => "a session was signed out",
        (AuditKind::SignOut, false) => "a session could not be signed out",
        (AuditKind::ExtranetLockout, _) => "credentials were refused by extranet lockout",
    };
    tracing::info!(
        target: TARGET,
        event_id = document.kind.event_id(success),
        activity_id = %document.request.activity_id,
        token_id = token_id.map(|id| tracing::field::display(Clean(id))),
        xml = %document.to_xml(),
        "{message}"
    );
}

/// 299: a token was issued for a relying party. The token's id is the instance id of AD FS.
pub fn token_issued(activity_id: Uuid, token_id: &str, relying_party: &str, user: &str) {
    tracing::info!(
        target: TARGET,
        event_id = 299,
        %activity_id,
        token_id = %Clean(token_id),
        relying_party = %Clean(relying_party),
        user = %Clean(user),
        "a token was issued to the relying party"
    );
}

/// 324: the policy of a relying party refused somebody.
pub fn authorization_refused(activity_id: Uuid, relying_party: Option<&str>, user: Option<&str>) {
    tracing::info!(
        target: TARGET,
        event_id = 324,
        %activity_id,
        relying_party = %Clean(relying_party.unwrap_or("-")),
        user = %Clean(user.unwrap_or("-")),
        "the relying party's policy refused the user"
    );
}

/// 411 and 412: credentials were checked. `refused` is why they were not accepted.
pub fn credentials_checked(activity_id: Uuid, user: &str, client: IpAddr, refused: Option<&str>) {
    match refused {
        Some(reason) => tracing::info!(
            target: TARGET,
            event_id = 411,
            %activity_id,
            user = %Clean(user),
            %client,
            reason = %Clean(reason),
            "validation of credentials failed"
        ),
        None => tracing::info!(
            target: TARGET,
            event_id = 412,
            %activity_id,
            user = %Clean(user),
            %client,
            "validation of credentials succeeded"
        ),
    }
}

/// What extranet lockout notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockoutEvent {
    /// 516: the attempt reached the threshold.
    ThresholdReached,
    /// 512: the account is locked out, and the mode lets the attempt through.
    LetThrough,
    /// 515: the right password came for an account that is locked out; perhaps somebody guessed it.
    RightPasswordWhileLocked,
}

/// 512, 515 and 516: an account and extranet lockout.
pub fn lockout(activity_id: Uuid, user: &str, client: IpAddr, event: LockoutEvent) {
    let (event_id, message) = match event {
        LockoutEvent::ThresholdReached => {
            (516, "too many wrong passwords: the account is locked out")
        }
        LockoutEvent::LetThrough => (512, "a locked out account was let through by configuration"),
        LockoutEvent::RightPasswordWhileLocked => (
            515,
            "the right password was given for a locked out account; it may be known to somebody else",
        ),
    };
    tracing::warn!(
        target: TARGET,
        event_id,
        %activity_id,
        user = %Clean(user),
        %client,
        "{message}"
    );
}

/// 364: a browser's request ended in an error.
pub fn passive_request_failed(
    activity_id: Uuid,
    client: IpAddr,
    endpoint: &str,
    relying_party: Option<&str>,
    code: Option<&str>,
    error: &str,
) {
    tracing::warn!(
        target: TARGET,
        event_id = 364,
        %activity_id,
        %client,
        endpoint = %Clean(endpoint),
        relying_party = %Clean(relying_party.unwrap_or("-")),
        code = code.unwrap_or("-"),
        error = %Clean(error),
        "a passive request ended in an error"
    );
}

/// What happens on the proxies' control channel.
#[derive(Debug, Clone, Copy)]
pub enum ProxyEvent<'a> {
    /// 395: an administrator let a proxy in.
    Established {
        /// Name of the proxy.
        proxy: &'a str,
        /// SHA-256 of its certificate, in hexadecimal.
        sha256: &'a str,
        /// Name of the account.
        administrator: &'a str,
    },
    /// 396: a proxy renewed its certificate.
    Renewed {
        /// Name of the proxy.
        proxy: &'a str,
        /// SHA-256 of the new certificate, in hexadecimal.
        sha256: &'a str,
    },
    /// 394: a renewal that was refused, because the certificate is not trusted (any more).
    NotRenewed {
        /// Why.
        reason: &'a str,
    },
    /// 276: a caller that is no trusted proxy.
    NotAuthenticated {
        /// Why.
        reason: &'a str,
    },
    /// 276: an account that may not let proxies in, or a wrong password.
    AdministratorRefused {
        /// What was typed as user name.
        user: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// A proxy changed what it publishes or shares. AD FS has no number for it.
    Changed {
        /// Name of the proxy.
        proxy: &'a str,
        /// What.
        change: &'a str,
    },
    /// A call that failed for another reason. AD FS has no number for it.
    Refused {
        /// Path of the call.
        path: &'a str,
        /// Why.
        reason: &'a str,
    },
}

/// Writes what happened on the control channel, and which address called.
pub fn proxy(activity_id: Uuid, peer: IpAddr, event: &ProxyEvent<'_>) {
    match *event {
        ProxyEvent::Established {
            proxy,
            sha256,
            administrator,
        } => tracing::info!(
            target: TARGET,
            event_id = 395,
            %activity_id,
            %peer,
            proxy = %Clean(proxy),
            sha256,
            administrator = %Clean(administrator),
            "trust in a proxy was established"
        ),
        ProxyEvent::Renewed { proxy, sha256 } => tracing::info!(
            target: TARGET,
            event_id = 396,
            %activity_id,
            %peer,
            proxy = %Clean(proxy),
            sha256,
            "trust in a proxy was renewed"
        ),
        ProxyEvent::NotRenewed { reason } => tracing::warn!(
            target: TARGET,
            event_id = 394,
            %activity_id,
            %peer,
            reason = %Clean(reason),
            "a proxy could not renew its trust"
        ),
        ProxyEvent::NotAuthenticated { reason } => tracing::warn!(
            target: TARGET,
            event_id = 276,
            %activity_id,
            %peer,
            reason = %Clean(reason),
            "a caller of the proxy control channel was not authenticated"
        ),
        ProxyEvent::AdministratorRefused { user, reason } => tracing::warn!(
            target: TARGET,
            event_id = 276,
            %activity_id,
            %peer,
            user = %Clean(user),
            reason = %Clean(reason),
            "an account was refused that would let a proxy in"
        ),
        ProxyEvent::Changed { proxy, change } => tracing::info!(
            target: TARGET,
            %activity_id,
            %peer,
            proxy = %Clean(proxy),
            change = %Clean(change),
            "a proxy changed what it publishes or shares"
        ),
        ProxyEvent::Refused { path, reason } => tracing::warn!(
            target: TARGET,
            %activity_id,
            %peer,
            path = %Clean(path),
            reason = %Clean(reason),
            "a call of a proxy was refused"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::fmt::MakeWriter;

    use super::super::{AuthProtocol, Failure, RequestFacts};
    use super::*;

    const ID: Uuid = Uuid::from_u128(7);
    const HOSTILE: &str = "CONTOSO\\mallory\r\n{\"event_id\":1200}\u{1b}[2J";

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Sink {
        type Writer = Sink;

        fn make_writer(&'a self) -> Sink {
            self.clone()
        }
    }

    impl Sink {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn as_json(work: impl FnOnce()) -> Vec<Value> {
        let sink = Sink::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(sink.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, work);
        sink.text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn as_text(work: impl FnOnce()) -> String {
        let sink = Sink::default();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(sink.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, work);
        sink.text()
    }

    fn everything(text: &str) {
        let client = IpAddr::from([192, 0, 2, 1]);
        let request = RequestFacts {
            activity_id: ID,
            server: text,
            protocol: Some(AuthProtocol::WsFederation),
            extranet: true,
            client,
            forwarded: Some(text),
            proxy_address: Some(client),
            proxy: Some(text),
            user_agent: Some(text),
            endpoint: text,
        };
        let document = AuditDocument {
            kind: AuditKind::FreshCredentials,
            failure: Some(Failure {
                kind: "CredentialValidationError",
                code: None,
            }),
            relying_party: Some(text),
            claims_provider: None,
            user: Some(text),
            method: None,
            request,
        };
        record(&document, None);
        record(
            &AuditDocument {
                kind: AuditKind::AppToken,
                failure: None,
                ..document
            },
            Some(text),
        );
        token_issued(ID, text, text, text);
        authorization_refused(ID, Some(text), Some(text));
        credentials_checked(ID, text, client, Some(text));
        credentials_checked(ID, text, client, None);
        passive_request_failed(ID, client, text, Some(text), Some("MSIS7000"), text);
        for event in [
            LockoutEvent::ThresholdReached,
            LockoutEvent::LetThrough,
            LockoutEvent::RightPasswordWhileLocked,
        ] {
            lockout(ID, text, client, event);
        }
        record(
            &AuditDocument {
                kind: AuditKind::ExtranetLockout,
                ..document
            },
            None,
        );
        for event in [
            ProxyEvent::Established {
                proxy: text,
                sha256: "00",
                administrator: text,
            },
            ProxyEvent::Renewed {
                proxy: text,
                sha256: "00",
            },
            ProxyEvent::NotRenewed { reason: text },
            ProxyEvent::NotAuthenticated { reason: text },
            ProxyEvent::AdministratorRefused {
                user: text,
                reason: text,
            },
            ProxyEvent::Changed {
                proxy: text,
                change: text,
            },
            ProxyEvent::Refused {
                path: text,
                reason: text,
            },
        ] {
            proxy(ID, client, &event);
        }
    }

    #[test]
    fn every_event_is_one_record_with_its_number_and_activity() {
        let records = as_json(|| everything(HOSTILE));
        let numbers: Vec<_> = records
            .iter()
            .map(|record| record["fields"]["event_id"].as_u64())
            .collect();
        let expected = [
            1203, 1200, 299, 324, 411, 412, 364, 516, 512, 515, 1210, 395, 396, 394, 276, 276,
        ]
        .map(Some);
        assert_eq!(numbers, [expected.as_slice(), &[None, None]].concat());
        for record in &records {
            assert_eq!(record["target"], TARGET);
            assert_eq!(record["fields"]["activity_id"], ID.to_string());
        }
        assert!(
            records[0]["fields"]["xml"]
                .as_str()
                .unwrap()
                .contains("FreshCredentialAudit")
        );
        assert!(
            records[1]["fields"]["token_id"].is_string()
                && records[0]["fields"].get("token_id").is_none()
        );
    }

    #[test]
    fn no_text_begins_a_record_of_its_own_or_drives_a_terminal() {
        let clean = as_text(|| everything("x")).lines().count();
        let text = as_text(|| everything(HOSTILE));
        assert_eq!(text.lines().count(), clean);
        assert!(!text.contains(['\r', '\u{1b}']), "{text}");
    }
}
