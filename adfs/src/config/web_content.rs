//! What an organisation puts on the pages: `[web]` of `adfs.toml`, and the theme, a folder `web` beside it
//! (Set-AdfsGlobalWebContent, Set-AdfsWebTheme; spec passive-sign-in 5.11).

use std::collections::BTreeMap;
use std::path::Path;

use openssl::sha::sha256;
use serde::Deserialize;

use super::reader::{Problems, Section};
use super::theme_reader;

/// `[web]` and the theme.
#[derive(Debug, Clone)]
pub struct WebContent {
    /// Language tag for browsers that wish for none that there is (InstalledLanguage).
    pub installed_language: String,
    /// Who reads error details on the error page (AdditionalErrorPageInfo).
    pub additional_error_page_info: ErrorPageInfo,
    /// Whether name and password are asked for one after the other (EnablePaginatedAuthenticationPages of
    /// Set-AdfsGlobalAuthenticationPolicy).
    pub enable_paginated_authentication_pages: bool,
    /// For every page without one of its own.
    theme: Theme,
    /// By name of the relying party trust (Set-AdfsRelyingPartyWebTheme, Set-AdfsRelyingPartyWebContent).
    relying_parties: BTreeMap<String, Theme>,
}

/// AdditionalErrorPageInfo (spec 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorPageInfo {
    /// Code and text are never shown; the activity id is.
    None,
    /// They are shown inside the corporate network only.
    Private,
    /// They are always shown. The texts are fixed and tell nothing secret.
    #[default]
    Detailed,
}

/// Arrangement of the pages (spec 5.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One card in the middle.
    #[default]
    Centred,
    /// Illustration on one side, a panel of full height on the other.
    Classic,
}

/// Files and texts of the pages.
#[derive(Debug, Clone, Default)]
pub struct Theme {
    /// Arrangement.
    pub layout: Layout,
    /// Instead of the organisation's initial.
    pub logo: Option<ThemeFile>,
    /// Beside the panel of the classic layout, behind the card of the centred one.
    pub illustration: Option<ThemeFile>,
    /// After our own style sheet: the theme's colours, then its `style.css`.
    pub style: Option<ThemeFile>,
    /// After our own script.
    pub script: Option<ThemeFile>,
    /// By locale in lower case, then by name; the locale `default` is for all others.
    pub(super) texts: BTreeMap<String, BTreeMap<&'static str, String>>,
}

/// A file of the theme, as it is served.
#[derive(Debug, Clone)]
pub struct ThemeFile {
    /// Path of its address, lower case.
    pub path: String,
    /// Exact media type.
    pub content_type: &'static str,
    /// The bytes.
    pub content: Vec<u8>,
    /// SHA-256 of the bytes, upper-case hexadecimal.
    pub hash: String,
}

impl ThemeFile {
    pub(super) fn new(path: String, content_type: &'static str, content: Vec<u8>) -> ThemeFile {
        let digest = sha256(&content);
        ThemeFile {
            path,
            content_type,
            hash: digest.iter().map(|byte| format!("{byte:02X}")).collect(),
            content,
        }
    }

    /// The address, which changes with the content.
    pub fn link(&self) -> String {
        format!("{}?id={}", self.path, self.hash)
    }
}

impl Theme {
    /// The administrator's text of this name (the cmdlets' parameters in snake case) for a language tag: in exactly
    /// that language, in its primary language, or for all languages.
    pub fn text(&self, language: &str, name: &str) -> Option<&str> {
        let tag = language.to_ascii_lowercase();
        let primary = tag.split('-').next().unwrap_or_default();
        [tag.as_str(), primary, "default"]
            .iter()
            .find_map(|locale| self.texts.get(*locale)?.get(name))
            .map(String::as_str)
    }

    /// Every file that is served.
    pub fn files(&self) -> impl Iterator<Item = &ThemeFile> {
        [&self.logo, &self.illustration, &self.style, &self.script]
            .into_iter()
            .flatten()
    }

    /// Takes from `general` what this one does not have.
    pub(super) fn inherit(mut self, general: &Theme, has_layout: bool) -> Theme {
        if !has_layout {
            self.layout = general.layout;
        }
        let or = |own: Option<ThemeFile>, other: &Option<ThemeFile>| own.or_else(|| other.clone());
        self.logo = or(self.logo, &general.logo);
        self.illustration = or(self.illustration, &general.illustration);
        self.style = or(self.style, &general.style);
        self.script = or(self.script, &general.script);
        for (locale, texts) in &general.texts {
            let own = self.texts.entry(locale.clone()).or_default();
            for (name, text) in texts {
                own.entry(name).or_insert_with(|| text.clone());
            }
        }
        self
    }
}

impl WebContent {
    /// The theme for a relying party, or the general one.
    pub fn theme(&self, relying_party: Option<&str>) -> &Theme {
        relying_party
            .and_then(|name| self.relying_parties.get(name))
            .unwrap_or(&self.theme)
    }

    /// The file that is served at a path in lower case.
    pub fn file(&self, path: &str) -> Option<&ThemeFile> {
        std::iter::once(&self.theme)
            .chain(self.relying_parties.values())
            .flat_map(Theme::files)
            .find(|file| file.path == path)
    }
}

/// `[web]`, and the folder `web` beside `configuration`.
pub(super) fn web(
    mut section: Section<'_>,
    configuration: &Path,
    problems: &Problems,
) -> WebContent {
    let expected = "a language tag such as \"de\"";
    let installed_language = section
        .text("installed_language", expected)
        .and_then(|found| {
            section.check("installed_language", found, expected, |tag| {
                theme_reader::locale(&tag).map_err(str::to_owned)
            })
        });
    let info = section.find(
        "additional_error_page_info",
        "\"none\", \"private\" or \"detailed\"",
    );
    let enable_paginated_authentication_pages =
        section.flag("enable_paginated_authentication_pages", false);
    section.finish();
    let folder = configuration
        .parent()
        .unwrap_or(Path::new(""))
        .join(theme_reader::FOLDER);
    let (theme, relying_parties) = theme_reader::load(&folder, problems);
    WebContent {
        installed_language: installed_language
            .map(|found| found.value)
            .unwrap_or_else(|| "en".to_owned()),
        additional_error_page_info: info.map(|found| found.value).unwrap_or_default(),
        enable_paginated_authentication_pages,
        theme,
        relying_parties,
    }
}
