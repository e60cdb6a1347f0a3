//! A trust and a document of its partner: what would change, and changing it.
//!
//! The document is read by the rules of `relying-party add --metadata`. The new trust file is made first and read back, so
//! that what is compared, reported and written is the same.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use federation::metadata::read::{Entity, MetadataReadError, Reading, read};
use thiserror::Error;
use time::OffsetDateTime;
use toml::Value;

use super::difference::{Difference, differences};
use super::rewrite::rewrite;
use super::{Partner, claims_provider_settings, relying_party_settings};
use crate::config::{ConfigError, Configuration, TrustChanges, TrustCheck};
use crate::import::{ImportError, Setting, TrustFolder};

/// How much of an update is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What needs no person.
    Automatic,
    /// Everything, as an administrator who has read the report asks for.
    Everything,
}

/// Why there is no update.
#[derive(Debug, Error)]
pub enum UpdateError {
    /// The document.
    #[error(transparent)]
    Metadata(#[from] MetadataReadError),
    /// The trust file.
    #[error(transparent)]
    File(#[from] ImportError),
    /// The trust file is gone or too large.
    #[error("{} is no trust file any more", .0.display())]
    Gone(PathBuf),
    /// Somebody was faster.
    #[error("{} was changed meanwhile; look at the differences again", .0.display())]
    Changed(PathBuf),
    /// The trust file cannot be edited.
    #[error("{}: {reason}", path.display())]
    Edit {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: toml_edit::TomlError,
    },
    /// What the metadata say makes no trust.
    #[error("the trust would not load with what the metadata say: {0}")]
    Trust(ConfigError),
    /// The identifier of a claims provider is the issuer of its tokens.
    #[error(
        "the metadata are those of {0:?}, and not of this claims provider; edit the trust by hand if it has another \
         identifier now"
    )]
    Issuer(String),
}

/// What a document would change in a trust.
#[derive(Debug)]
pub struct Update {
    file: PathBuf,
    /// The trust file as it was read.
    text: String,
    /// A value for each setting that differs.
    values: Vec<(&'static str, Option<Value>)>,
    differences: Vec<Difference>,
    warnings: Vec<String>,
}

impl Update {
    /// Compares the trust on disk, which is part of the configuration at `config`, with a document of its partner.
    ///
    /// # Errors
    /// [`UpdateError`].
    pub fn prepare(
        config: &Path,
        partner: &Partner,
        document: &str,
        now: OffsetDateTime,
    ) -> Result<Update, UpdateError> {
        let file = partner.file().to_owned();
        let text = TrustFolder::text(&file)?.ok_or_else(|| UpdateError::Gone(file.clone()))?;
        let check = TrustCheck::of(config);
        let old = reread(&check, partner, &file, &text)?;
        let entity = entity(document, &old, now)?;
        let same_identity = old.identifiers().contains(&entity.entity_id);
        let (settings, warnings) = said(&old, &entity, same_identity)?;
        let followed = old.followed();
        let mut values: Vec<(&'static str, Option<Value>)> = followed
            .iter()
            .filter_map(|key| new_value(key, &settings, &old))
            .collect();
        let edit = |reason| UpdateError::Edit {
            path: file.clone(),
            reason,
        };
        let candidate = rewrite(&text, &values).map_err(edit)?;
        let new = reread(&check, partner, &file, &candidate)?;
        let differences = differences(&followed, &old.facts(), &new.facts(), same_identity);
        // What says the same in other words stays as it is written.
        values.retain(|(key, _)| differences.iter().any(|one| one.setting == *key));
        Ok(Update {
            file,
            text,
            values,
            differences,
            warnings,
        })
    }

    /// Where trust and document differ.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// What of the document was left out.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What stays different after an update of this extent.
    pub fn left(&self, extent: Extent) -> Vec<Difference> {
        let differences = self.differences.iter();
        differences
            .filter(|one| !is_taken(one, extent))
            .cloned()
            .collect()
    }

    /// Writes the trust file, in one step, if the whole configuration at `config` loads with it. False when there was
    /// nothing to write.
    ///
    /// # Errors
    /// [`UpdateError`]; nothing was written then.
    pub fn apply(&self, config: &Path, extent: Extent) -> Result<bool, UpdateError> {
        let wanted = |key: &str| {
            let mut differences = self.differences.iter();
            differences.any(|one| one.setting == key && is_taken(one, extent))
        };
        let changes: Vec<_> = self
            .values
            .iter()
            .filter(|(key, _)| wanted(key))
            .cloned()
            .collect();
        if changes.is_empty() {
            return Ok(false);
        }
        let text = rewrite(&self.text, &changes).map_err(|reason| UpdateError::Edit {
            path: self.file.clone(),
            reason,
        })?;
        let change = TrustChanges::from([(self.file.clone(), Some(text.clone()))]);
        Configuration::load_changed(config, &change).map_err(UpdateError::Trust)?;
        if TrustFolder::rewrite(&self.file, &self.text, &text)? {
            Ok(true)
        } else {
            Err(UpdateError::Changed(self.file.clone()))
        }
    }
}

fn is_taken(difference: &Difference, extent: Extent) -> bool {
    extent == Extent::Everything || difference.held.is_none()
}

/// The trust that a text makes.
fn reread(
    check: &TrustCheck,
    partner: &Partner,
    file: &Path,
    text: &str,
) -> Result<Partner, UpdateError> {
    let read = match partner {
        Partner::RelyingParty(_) => check
            .relying_party(file, text)
            .map(|trust| Partner::RelyingParty(Arc::new(trust))),
        Partner::ClaimsProvider(_) => check
            .claims_provider(file, text)
            .map(|trust| Partner::ClaimsProvider(Arc::new(trust))),
    };
    read.map_err(UpdateError::Trust)
}

/// The partner's part of the document: of several entities the one with its identifier, of one entity that one, whoever it
/// says it is.
fn entity(
    document: &str,
    partner: &Partner,
    now: OffsetDateTime,
) -> Result<Entity, MetadataReadError> {
    let mut reading = Reading::at(now);
    let certificates = &partner.source().signing_certificates;
    if !certificates.is_empty() {
        reading = reading.signed_by(certificates);
    }
    let identifier = partner.identifiers().first().map_or("", String::as_str);
    read(document, &reading.clone().of(identifier))
        .or_else(|first| read(document, &reading).map_err(|_| first))
}

/// The settings that the document says, and what of it was left out.
fn said(
    partner: &Partner,
    entity: &Entity,
    same_identity: bool,
) -> Result<(Vec<Setting>, Vec<String>), UpdateError> {
    let (settings, warnings) = match partner {
        Partner::RelyingParty(_) => {
            let party = entity.relying_party()?;
            (relying_party_settings(party), &party.warnings)
        }
        Partner::ClaimsProvider(_) => {
            let provider = entity.claims_provider()?;
            if !same_identity {
                return Err(UpdateError::Issuer(entity.entity_id.clone()));
            }
            (claims_provider_settings(provider), &provider.warnings)
        }
    };
    Ok((settings, warnings.iter().map(ToString::to_string).collect()))
}

/// The value that a setting is to have; `None` for one that stays, and no value for one that goes.
fn new_value(
    key: &&'static str,
    settings: &[Setting],
    old: &Partner,
) -> Option<(&'static str, Option<Value>)> {
    let said = settings.iter().find(|setting| setting.key == *key);
    let said = said.map(|setting| setting.value.clone());
    match (*key, said) {
        // Identifiers are only ever added: others than those of the metadata may be the administrator's.
        ("identifiers", Some(Value::Array(said))) => {
            let mut all: Vec<Value> = old
                .identifiers()
                .iter()
                .map(|own| own.as_str().into())
                .collect();
            let new = said
                .into_iter()
                .filter(|one| !all.contains(one))
                .collect::<Vec<_>>();
            all.extend(new);
            Some((key, Some(Value::Array(all))))
        }
        // The administrator may ask for more than the metadata promise.
        ("signed_saml_requests_required" | "identifiers" | "identifier", None) => None,
        (_, said) => Some((key, said)),
    }
}
