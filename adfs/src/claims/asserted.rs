//! What a claims provider said about somebody, and how a session carries it.

use std::collections::BTreeMap;

use claim_rules::{Claim, STRING_VALUE_TYPE};
use federation::saml2::NameId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A person as a claims provider describes them, before the acceptance transform rules of its trust. Proves nothing by
/// itself: a session is only made of one whose token was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssertedIdentity {
    /// Identifier of the claims provider trust.
    #[serde(rename = "p")]
    provider: String,
    /// For audits and logs.
    #[serde(rename = "u")]
    user: String,
    #[serde(rename = "c")]
    claims: Claims,
    /// What the provider knows the person by, where it can be asked again.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    session: Option<ProviderSession>,
}

/// How a claims provider names the person and the sign-in, for sign-out there by SAML 2.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSession {
    /// `NameID` of the assertion, as it came.
    #[serde(rename = "n")]
    pub name: NameId,
    /// `SessionIndex` of its statement.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
}

/// Claims of one issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claims(Vec<Claim>);

impl AssertedIdentity {
    /// `claims` of `provider`, an identifier. Their issuer becomes the provider, whatever they say; who made them
    /// originally stays where they say so (spec passive-sign-in 7.4). `user` names the person for administrators.
    pub fn new(provider: &str, user: &str, claims: impl IntoIterator<Item = Claim>) -> Self {
        AssertedIdentity {
            provider: provider.to_owned(),
            user: user.to_owned(),
            claims: Claims(claims.into_iter().collect()),
            key: None,
            session: None,
        }
        .vouched_for()
    }

    /// The same with what the provider calls person and sign-in.
    #[must_use]
    pub fn with_session(mut self, session: Option<ProviderSession>) -> Self {
        self.session = session;
        self
    }

    /// What the provider calls person and sign-in, where it can be asked to end the latter by SAML 2.0.
    pub fn session(&self) -> Option<&ProviderSession> {
        self.session.as_ref()
    }

    /// Identifier of the claims provider trust.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The same with a key that tells the person from a later one with the same name.
    #[must_use]
    pub fn known_as(self, key: &str) -> Self {
        AssertedIdentity {
            key: Some(key.to_owned()),
            ..self
        }
    }

    /// That key.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Name of the person for audits, as the provider gave it.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What the provider said.
    pub fn claims(&self) -> &[Claim] {
        &self.claims.0
    }

    fn vouched_for(mut self) -> Self {
        for claim in &mut self.claims.0 {
            // A claim that names nobody else was first made by the one who vouches for it.
            if claim.original_issuer == claim.issuer {
                claim.original_issuer.clone_from(&self.provider);
            }
            claim.issuer.clone_from(&self.provider);
        }
        self
    }
}

/// Claims of one type with all else equal, in their order. Providers send groups by the hundred; the type is written
/// once for all of them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    #[serde(rename = "t")]
    claim_type: String,
    #[serde(rename = "y", default, skip_serializing_if = "Option::is_none")]
    value_type: Option<String>,
    #[serde(rename = "i")]
    issuer: u16,
    #[serde(rename = "o")]
    original_issuer: u16,
    #[serde(rename = "p", default, skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<String, String>,
    #[serde(rename = "v")]
    values: Vec<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Every issuer once.
    #[serde(rename = "n")]
    names: Vec<String>,
    #[serde(rename = "r")]
    runs: Vec<Run>,
}

impl Written {
    fn number_of(&mut self, name: &str) -> Option<u16> {
        let place = self.names.iter().position(|known| known == name);
        let place = place.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        u16::try_from(place).ok()
    }
}

impl Serialize for Claims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut written = Written::default();
        for claim in &self.0 {
            let numbers = written
                .number_of(&claim.issuer)
                .zip(written.number_of(&claim.original_issuer));
            let (issuer, original_issuer) =
                numbers.ok_or_else(|| serde::ser::Error::custom("too many issuers"))?;
            let value_type =
                (claim.value_type != STRING_VALUE_TYPE).then(|| claim.value_type.clone());
            match written.runs.last_mut() {
                Some(run)
                    if run.claim_type == claim.claim_type
                        && run.value_type == value_type
                        && run.issuer == issuer
                        && run.original_issuer == original_issuer
                        && run.properties == claim.properties =>
                {
                    run.values.push(claim.value.clone());
                }
                _ => written.runs.push(Run {
                    claim_type: claim.claim_type.clone(),
                    value_type,
                    issuer,
                    original_issuer,
                    properties: claim.properties.clone(),
                    values: vec![claim.value.clone()],
                }),
            }
        }
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Claims, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let mut claims = Vec::new();
        for run in &written.runs {
            let name = |number: u16| {
                let name = written.names.get(usize::from(number));
                name.ok_or_else(|| serde::de::Error::custom("an issuer is missing"))
            };
            let (issuer, original) = (name(run.issuer)?, name(run.original_issuer)?);
            claims.extend(run.values.iter().map(|value| {
                Claim {
                    claim_type: run.claim_type.clone(),
                    value: value.clone(),
                    value_type: run
                        .value_type
                        .clone()
                        .unwrap_or_else(|| STRING_VALUE_TYPE.to_owned()),
                    issuer: issuer.clone(),
                    original_issuer: original.clone(),
                    properties: run.properties.clone(),
                }
            }));
        }
        Ok(Claims(claims))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_provider_vouches_for_all_and_other_origins_stay() {
        let identity = AssertedIdentity::new(
            "http://idp.test/",
            "ann",
            [
                Claim::new("upn", "ann@idp.test"),
                Claim::new("upn", "x").issued_by("AD AUTHORITY"),
                Claim::new("role", "r").originally_issued_by("http://first.test/"),
            ],
        );
        let issuers: Vec<_> = identity
            .claims()
            .iter()
            .map(|claim| (claim.issuer.as_str(), claim.original_issuer.as_str()))
            .collect();
        assert_eq!(
            issuers,
            [
                ("http://idp.test/", "http://idp.test/"),
                ("http://idp.test/", "http://idp.test/"),
                ("http://idp.test/", "http://first.test/"),
            ]
        );
    }

    #[test]
    fn many_groups_cost_little_more_than_their_names() {
        let groups =
            (0..100).map(|number| Claim::new("http://schemas.test/group", number.to_string()));
        let identity = AssertedIdentity::new("http://idp.test/", "ann", groups);
        let text = serde_json::to_string(&identity).expect("JSON");
        assert!(text.len() < 700, "{} octets", text.len());
    }

    fn claim() -> impl Strategy<Value = Claim> {
        (
            "[a-c]",
            ".{0,8}",
            "[st]",
            "[p-r]",
            proptest::option::of("[a-b]"),
        )
            .prop_map(|(claim_type, value, value_type, original, property)| {
                let mut claim = Claim::new(claim_type, value).originally_issued_by(original);
                if value_type == "t" {
                    claim = claim.with_value_type("t");
                }
                if let Some(property) = property {
                    claim = claim.with_property("format", property);
                }
                claim
            })
    }

    proptest! {
        #[test]
        fn a_session_carries_claims_unchanged_and_in_order(claims in proptest::collection::vec(claim(), 0..20)) {
            let identity = AssertedIdentity::new("http://idp.test/", "ann", claims);
            let text = serde_json::to_string(&identity).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<AssertedIdentity>(&text).expect("an identity"), identity);
        }

        #[test]
        fn foreign_text_is_refused(text in ".{0,60}") {
            prop_assert!(serde_json::from_str::<AssertedIdentity>(&text).is_err());
        }
    }
}
