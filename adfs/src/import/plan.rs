//! What an import is going to do, and doing it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::convert::{self, Converted, Lost};
use super::folder::{Known, Present, TrustFolder, stem_of};
use super::trust_file::{TrustFile, rules_file};
use super::{Export, Form, ImportError};
use crate::config::{Configuration, TrustChanges, TrustCheck};

/// Where trusts go.
#[derive(Debug, Clone)]
pub enum Destination {
    /// Beside this `adfs.toml`, which must load afterwards.
    Configuration(PathBuf),
    /// A folder that stands alone.
    Folder(PathBuf),
}

impl Destination {
    /// The folder of the trust files.
    pub fn folder(&self) -> PathBuf {
        match self {
            Destination::Configuration(path) => Configuration::relying_party_folder(path),
            Destination::Folder(path) => path.clone(),
        }
    }

    fn check(&self) -> TrustCheck {
        match self {
            Destination::Configuration(path) => TrustCheck::of(path),
            Destination::Folder(path) => TrustCheck::of(&path.join("adfs.toml")),
        }
    }

    /// Whether everything loads after these changes.
    ///
    /// # Errors
    /// [`ImportError::Configuration`].
    pub fn verify(&self, changes: &TrustChanges) -> Result<(), ImportError> {
        match self {
            Destination::Configuration(path) => {
                Configuration::load_changed(path, changes).map(drop)?
            }
            Destination::Folder(path) => self.check().folder(path, changes).map(drop)?,
        }
        Ok(())
    }
}

/// What becomes of one trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A new file.
    Added,
    /// A file of an earlier import, or one that `--replace` gives up.
    Replaced,
    /// The file is there, octet by octet.
    Unchanged,
    /// Somebody wrote or edited the file, so it stays.
    Kept,
    /// It cannot be imported.
    Refused,
}

/// One trust of an import.
#[derive(Debug)]
pub struct TrustPlan {
    /// Its name.
    pub name: String,
    /// Its file, unless it is refused.
    pub file: Option<PathBuf>,
    /// What becomes of it.
    pub outcome: Outcome,
    /// Why, where that is not plain.
    pub reason: Option<String>,
    /// Whether the trust as imported gives tokens.
    pub enabled: bool,
    /// Properties that were carried over.
    pub carried_over: Vec<String>,
    /// Properties that were not.
    pub not_carried_over: Vec<Lost>,
    content: Option<TrustFile>,
}

/// An import that was checked and can be carried out.
#[derive(Debug)]
pub struct Plan {
    /// In the order of the export.
    pub trusts: Vec<TrustPlan>,
    folder: TrustFolder,
}

impl Plan {
    /// Decides about every trust of an export, and checks that everything loads afterwards.
    ///
    /// # Errors
    /// [`ImportError`], with nothing changed.
    pub fn new(
        export: &Export,
        destination: &Destination,
        replace: bool,
    ) -> Result<Plan, ImportError> {
        let mut folder = TrustFolder::open(&destination.folder())?;
        let check = destination.check();
        let doubt = (export.form == Form::Console).then_some(
            "what a console shows is not exact: compare the rules, or export again with ConvertTo-Json",
        );
        let mut seen = HashSet::new();
        let mut trusts = Vec::new();
        for object in &export.trusts {
            trusts.push(match convert::trust(object, &check, doubt) {
                Err(refused) => TrustPlan::refused(refused.name, refused.reason),
                Ok(converted) if seen.contains(&converted.name.to_lowercase()) => {
                    TrustPlan::refused(
                        converted.name,
                        "another trust of the export has the same name".to_owned(),
                    )
                }
                Ok(converted) => {
                    seen.insert(converted.name.to_lowercase());
                    place(converted, &mut folder, replace)?
                }
            });
        }
        let changes: TrustChanges = trusts
            .iter()
            .filter(|trust| trust.is_written())
            .filter_map(|trust| {
                Some((
                    trust.file.clone()?,
                    Some(trust.content.as_ref()?.whole.clone()),
                ))
            })
            .collect();
        if !changes.is_empty() {
            destination.verify(&changes)?;
        }
        Ok(Plan { trusts, folder })
    }

    /// Writes the files.
    ///
    /// # Errors
    /// [`ImportError::File`]; files before it are written by then, each one whole.
    pub fn carry_out(&self) -> Result<(), ImportError> {
        for trust in self.trusts.iter().filter(|trust| trust.is_written()) {
            if let (Some(file), Some(content)) = (&trust.file, &trust.content) {
                self.folder.write(file, content)?;
            }
        }
        Ok(())
    }

    /// Whether every trust is in place as it was exported, as far as it can be.
    pub fn is_complete(&self) -> bool {
        let is_missing =
            |trust: &TrustPlan| matches!(trust.outcome, Outcome::Kept | Outcome::Refused);
        !self.trusts.iter().any(is_missing)
    }
}

impl TrustPlan {
    fn refused(name: String, reason: String) -> TrustPlan {
        TrustPlan {
            name,
            file: None,
            outcome: Outcome::Refused,
            reason: Some(reason),
            enabled: false,
            carried_over: Vec::new(),
            not_carried_over: Vec::new(),
            content: None,
        }
    }

    /// Whether a file is written for it.
    pub fn is_written(&self) -> bool {
        matches!(self.outcome, Outcome::Added | Outcome::Replaced)
    }
}

fn place(
    converted: Converted,
    folder: &mut TrustFolder,
    replace: bool,
) -> Result<TrustPlan, ImportError> {
    if let Some((rival, identifier)) = folder.rival(&converted.name, &converted.identifiers) {
        let reason = format!(
            "its identifier {identifier:?} is that of the trust {:?} in {}; remove one of the two",
            rival.name,
            rival.file.display()
        );
        return Ok(TrustPlan::refused(converted.name, reason));
    }
    let file = folder.place(&converted.name);
    let content = trust_file(&file, &converted);
    let (outcome, reason) = match folder.present(&file, &content)? {
        Present::Nothing => (Outcome::Added, None),
        Present::TheSame => (Outcome::Unchanged, None),
        Present::Untouched => (Outcome::Replaced, None),
        Present::Edited if replace => (Outcome::Replaced, None),
        Present::Edited => (
            Outcome::Kept,
            Some("the file was written or edited by hand; --replace gives that up".to_owned()),
        ),
    };
    folder.expect(Known::new(
        file.clone(),
        converted.name.clone(),
        converted.identifiers,
    ));
    Ok(TrustPlan {
        name: converted.name,
        file: Some(file),
        outcome,
        reason: reason.or_else(|| converted.remark.map(str::to_owned)),
        enabled: converted.enabled,
        carried_over: converted.carried,
        not_carried_over: converted.lost,
        content: Some(content),
    })
}

fn trust_file(file: &Path, converted: &Converted) -> TrustFile {
    let stem = stem_of(file);
    let mut remarks = Vec::new();
    let mut beside = Vec::new();
    let worth_a_line = converted
        .lost
        .iter()
        .filter(|lost| lost.disables || lost.rules.is_some());
    for lost in worth_a_line {
        let mut remark = format!(
            "Not carried over: {} {}: {}",
            lost.property, lost.value, lost.reason
        );
        if let Some((key, rules)) = &lost.rules {
            let name = rules_file(&stem, key);
            remark.push_str(&format!(" (kept in {name})"));
            beside.push((name, rules.clone()));
        }
        remarks.push(remark);
    }
    if !remarks.is_empty() && !converted.enabled {
        remarks.push(
            "Disabled for that. Set `enabled = true` when the trust is right without it."
                .to_owned(),
        );
    }
    TrustFile::imported(&stem, &remarks, &converted.settings, beside)
}
