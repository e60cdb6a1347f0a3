//! Who is signed in to the cloud, and codes and application sessions that hang on that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::error::ErrorStack;
use openssl::memcmp;
use openssl::sha::sha256;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::sign_in_request::CodeRequest;
use super::tenant::User;
use super::token::Assertion;
use crate::random;

/// How long a session at the cloud lives.
pub(crate) const SESSION_LIFETIME: Duration = Duration::hours(8);
/// A code is for the next second; the spec allows about ten minutes.
const CODE_LIFETIME: Duration = Duration::minutes(10);
const MAX_KEPT: usize = 20_000;

/// A finished sign-in: the tenant's user and the assertion that named it.
#[derive(Debug)]
pub(crate) struct SignedIn {
    /// The run that it came from.
    pub(crate) run: Uuid,
    /// The tenant's user.
    pub(crate) user: Arc<User>,
    /// What the federation service said.
    pub(crate) assertion: Assertion,
    /// When it was believed.
    pub(crate) at: OffsetDateTime,
}

#[derive(Debug)]
struct Code {
    request: CodeRequest,
    session: String,
    expires: OffsetDateTime,
}

#[derive(Debug, Default)]
struct Kept {
    sessions: HashMap<String, (Arc<SignedIn>, OffsetDateTime)>,
    codes: HashMap<String, Code>,
    applications: HashMap<String, String>,
}

/// Sessions in memory. Ids are 256 random bits, so finding one is proof enough.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Kept>);

impl Sessions {
    /// Begins a session at the cloud; gives its id.
    ///
    /// # Errors
    /// When there is no randomness.
    pub(crate) fn begin(
        &self,
        signed_in: SignedIn,
        now: OffsetDateTime,
    ) -> Result<String, ErrorStack> {
        let id = random::token()?;
        let mut kept = self.kept();
        make_room(&mut kept, now);
        kept.sessions.insert(
            id.clone(),
            (Arc::new(signed_in), now.saturating_add(SESSION_LIFETIME)),
        );
        Ok(id)
    }

    /// The session with this id, while it lives.
    pub(crate) fn find(&self, id: &str, now: OffsetDateTime) -> Option<Arc<SignedIn>> {
        find(&self.kept(), id, now)
    }

    /// Ends a session at the cloud and every application's that hangs on it.
    pub(crate) fn end(&self, id: &str) -> Option<Arc<SignedIn>> {
        let mut kept = self.kept();
        kept.applications.retain(|_, session| session != id);
        kept.codes.retain(|_, code| code.session != id);
        kept.sessions.remove(id).map(|(signed_in, _)| signed_in)
    }

    /// A code for an application.
    ///
    /// # Errors
    /// When there is no randomness.
    pub(crate) fn issue_code(
        &self,
        session: &str,
        request: CodeRequest,
        now: OffsetDateTime,
    ) -> Result<String, ErrorStack> {
        let code = random::token()?;
        let mut kept = self.kept();
        make_room(&mut kept, now);
        let expires = now.saturating_add(CODE_LIFETIME);
        kept.codes.insert(
            code.clone(),
            Code {
                request,
                session: session.to_owned(),
                expires,
            },
        );
        Ok(code)
    }

    /// Turns a code into an application session; once, for the same client, address and PKCE verifier.
    pub(crate) fn redeem(
        &self,
        code: &str,
        client_id: &str,
        redirect_uri: &str,
        verifier: &str,
        now: OffsetDateTime,
    ) -> Option<String> {
        let mut kept = self.kept();
        let code = kept.codes.remove(code)?;
        let challenge = URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()));
        let expected = code.request.code_challenge.as_deref()?;
        let holds = code.expires > now
            && code.request.client_id == client_id
            && code.request.redirect_uri == redirect_uri
            && expected.len() == challenge.len()
            && memcmp::eq(expected.as_bytes(), challenge.as_bytes());
        if !holds || find(&kept, &code.session, now).is_none() {
            return None;
        }
        let id = random::token().ok()?;
        kept.applications.insert(id.clone(), code.session);
        Some(id)
    }

    /// Who is signed in to the application, while the session at the cloud lives.
    pub(crate) fn of_application(&self, id: &str, now: OffsetDateTime) -> Option<Arc<SignedIn>> {
        let kept = self.kept();
        find(&kept, kept.applications.get(id)?, now)
    }

    /// Ends an application's session only.
    pub(crate) fn end_application(&self, id: &str) {
        self.kept().applications.remove(id);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(kept: &Kept, id: &str, now: OffsetDateTime) -> Option<Arc<SignedIn>> {
    kept.sessions
        .get(id)
        .filter(|(_, expires)| *expires > now)
        .map(|(signed_in, _)| Arc::clone(signed_in))
}

/// Forgets what has ended; when that is not enough, everything: in a lab a lost session costs a new sign-in.
fn make_room(kept: &mut Kept, now: OffsetDateTime) {
    if kept
        .sessions
        .len()
        .max(kept.codes.len())
        .max(kept.applications.len())
        < MAX_KEPT
    {
        return;
    }
    kept.codes.retain(|_, code| code.expires > now);
    kept.sessions.retain(|_, (_, expires)| *expires > now);
    let sessions = &kept.sessions;
    kept.applications
        .retain(|_, session| sessions.contains_key(session));
    if kept
        .sessions
        .len()
        .max(kept.codes.len())
        .max(kept.applications.len())
        >= MAX_KEPT
    {
        *kept = Kept::default();
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

    fn signed_in() -> SignedIn {
        SignedIn {
            run: Uuid::from_u128(1),
            user: Arc::new(User {
                id: Uuid::from_u128(2),
                upn: "alice@contoso.test".to_owned(),
                display_name: "Alice".to_owned(),
                immutable_id: None,
                enabled: true,
            }),
            assertion: Assertion {
                id: "_a".to_owned(),
                issuer: "i".to_owned(),
                not_before: NOW,
                not_on_or_after: NOW,
                audiences: Vec::new(),
                name_identifier: None,
                attributes: Vec::new(),
                authentication_method: String::new(),
                authentication_instant: NOW,
            },
            at: NOW,
        }
    }

    fn request(verifier: &str) -> CodeRequest {
        CodeRequest {
            client_id: "client".to_owned(),
            redirect_uri: "https://app/".to_owned(),
            state: None,
            fragment: false,
            code_challenge: Some(URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()))),
        }
    }

    #[test]
    fn a_code_is_for_one_client_address_verifier_and_time() {
        let sessions = Sessions::default();
        let session = sessions.begin(signed_in(), NOW).unwrap();
        for (client, uri, verifier, at, good) in [
            ("client", "https://app/", "v", NOW, true),
            ("other", "https://app/", "v", NOW, false),
            ("client", "https://app/x", "v", NOW, false),
            ("client", "https://app/", "w", NOW, false),
            ("client", "https://app/", "v", NOW + CODE_LIFETIME, false),
        ] {
            let code = sessions.issue_code(&session, request("v"), NOW).unwrap();
            let redeemed = sessions.redeem(&code, client, uri, verifier, at);
            assert_eq!(redeemed.is_some(), good, "{client} {uri} {verifier} {at}");
            assert_eq!(
                sessions.redeem(&code, "client", "https://app/", "v", NOW),
                None,
                "a code is spent by a failure too"
            );
        }
        let mut unprotected = request("v");
        unprotected.code_challenge = None;
        let code = sessions.issue_code(&session, unprotected, NOW).unwrap();
        assert_eq!(
            sessions.redeem(&code, "client", "https://app/", "", NOW),
            None,
            "PKCE is demanded"
        );
    }

    #[test]
    fn an_application_session_lives_no_longer_than_the_cloud_s() {
        let sessions = Sessions::default();
        let session = sessions.begin(signed_in(), NOW).unwrap();
        let code = sessions.issue_code(&session, request("v"), NOW).unwrap();
        let application = sessions
            .redeem(&code, "client", "https://app/", "v", NOW)
            .unwrap();
        assert!(sessions.of_application(&application, NOW).is_some());
        assert!(
            sessions
                .of_application(&application, NOW + SESSION_LIFETIME)
                .is_none()
        );
        let pending = sessions.issue_code(&session, request("v"), NOW).unwrap();
        sessions.end(&session);
        assert!(sessions.of_application(&application, NOW).is_none());
        assert_eq!(
            sessions.redeem(&pending, "client", "https://app/", "v", NOW),
            None
        );
    }
}
