//! User name and password against the directory of a local claims provider trust. What comes of it is what a claims
//! provider would say: claims with the identifier of the trust as issuer, for its acceptance transform rules.

use std::sync::Arc;

use claim_rules::Claim;

use super::claims_provider::may_assert;
use super::lockout;
use super::{Credentials, Identified, PASSWORD_PROTECTED_TRANSPORT, PasswordFailure, Proof};
use crate::claims::{AssertedIdentity, RequestContext};
use crate::config::{ClaimsProviderTrust, LdapProvider};
use crate::directory::LocalPerson;
use crate::state::Federation;

/// Asks the directory of `trust`, within the limits of extranet lockout.
///
/// # Errors
/// As [`super::verify_password`].
pub async fn verify_password_at(
    federation: &Federation,
    trust: &ClaimsProviderTrust,
    credentials: &Credentials,
    context: &RequestContext,
) -> Result<Proof, PasswordFailure> {
    let providers = &federation.local_providers;
    let candidate = providers
        .candidate(&trust.identifier, &credentials.name)
        .await
        .map_err(|error| PasswordFailure::Refused(error.into()))?;
    let person = lockout::within(
        federation,
        &credentials.name,
        context,
        candidate,
        async |candidate| {
            providers
                .try_password(candidate, &credentials.password)
                .await
        },
    )
    .await?;
    let instant = federation.clock.now();
    // The session only remembers who it is: the directory is asked for the rest at every use.
    let identity = AssertedIdentity::new(&trust.identifier, person.name(), []);
    let identity = identity.known_as(person.key());
    Ok(Proof {
        who: Identified::Asserted(Arc::new(identity)),
        method: PASSWORD_PROTECTED_TRANSPORT.to_owned(),
        methods: vec![PASSWORD_PROTECTED_TRANSPORT.to_owned()],
        instant,
        ends: None,
        now: instant,
    })
}

/// What the directory of `trust` says about `person` now.
pub fn local_identity(
    trust: &ClaimsProviderTrust,
    provider: &LdapProvider,
    person: &LocalPerson,
) -> AssertedIdentity {
    let rules = &trust.acceptance_transform_rules;
    let mut claims = vec![Claim::new(&provider.anchor.claim_type, person.name())];
    for mapping in &provider.mappings {
        let values = person.texts(&mapping.attribute);
        claims.extend(values.map(|value| Claim::new(&mapping.claim_type, value)));
    }
    claims.retain(|claim| rules.may_read(&claim.claim_type) && may_assert(trust, claim));
    let identity = AssertedIdentity::new(&trust.identifier, person.name(), claims);
    identity.known_as(person.key())
}
