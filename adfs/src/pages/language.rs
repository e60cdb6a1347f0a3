//! The languages of the pages: which one a browser gets, and its texts.
//!
//! Every text is in `templates/texts/`, one Fluent file a language, compiled in. A test holds them together: every file
//! has every key, with the same placeables.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

/// Longer lists of wishes than this are cut off.
const MAX_WISHES: usize = 32;
/// Longer headers and parameters than this are not looked at.
const MAX_LENGTH: usize = 512;

/// A language with all its texts.
pub struct Language {
    /// Tag for `<html lang>`, such as `de-DE`.
    pub tag: &'static str,
    /// `ltr` or `rtl`, for `<body dir>`.
    pub direction: &'static str,
    /// What the tag of a wish may begin with.
    matches: &'static [&'static str],
    bundle: FluentBundle<FluentResource>,
}

impl fmt::Debug for Language {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Language")
            .field("tag", &self.tag)
            .finish_non_exhaustive()
    }
}

type Source = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
);

/// Tag, direction, tags of wishes in lower case (the longest that fits wins), texts. The first is the default.
const SOURCES: &[Source] = &[(
    "en-US",
    "ltr",
    &["en"],
    include_str!("../../../templates/texts/en.ftl"),
)];

static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| SOURCES.iter().map(load).collect());

fn load(&(tag, direction, matches, texts): &Source) -> Language {
    let identifier: LanguageIdentifier = tag.parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
    // Marks that keep a name's direction apart from the sentence's; only right-to-left sentences need them.
    bundle.set_use_isolating(direction == "rtl");
    // A test reads every file strictly, so nothing is lost here.
    let resource = match FluentResource::try_new(texts.to_owned()) {
        Ok(resource) | Err((resource, _)) => resource,
    };
    bundle.add_resource_overriding(resource);
    Language {
        tag,
        direction,
        matches,
        bundle,
    }
}

impl Language {
    /// English.
    pub fn english() -> &'static Language {
        // There is always a first.
        static ENGLISH: LazyLock<Language> =
            LazyLock::new(|| load(SOURCES.first().unwrap_or(&("en-US", "ltr", &[], ""))));
        LANGUAGES.first().unwrap_or(&ENGLISH)
    }

    /// Every language, the default one first.
    pub fn all() -> &'static [Language] {
        &LANGUAGES
    }

    /// The language that serves `tag` (BCP 47), if one does.
    pub fn find(tag: &str) -> Option<&'static Language> {
        let wish = tag.trim().to_ascii_lowercase().replace('_', "-");
        let fits = |prefix: &str| {
            wish.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        LANGUAGES
            .iter()
            .filter_map(|language| {
                let longest = language
                    .matches
                    .iter()
                    .filter(|prefix| fits(prefix))
                    .map(|prefix| prefix.len())
                    .max()?;
                Some((longest, language))
            })
            .max_by_key(|(length, _)| *length)
            .map(|(_, language)| language)
    }

    /// What a browser gets: `mkt` or `ui_locales` of the query, then its `Accept-Language`, then `default`.
    pub fn negotiate(
        query: &str,
        accept_language: Option<&str>,
        default: &'static Language,
    ) -> &'static Language {
        of_query(query)
            .or_else(|| accept_language.and_then(of_header))
            .unwrap_or(default)
    }

    /// The text of `key`, without placeables. An unknown key is shown as it is, which tests would notice.
    pub fn say(&self, key: &str) -> Cow<'static, str> {
        self.format(key, None)
    }

    /// The text of `key` with one placeable filled in.
    pub fn say_with(&self, key: &str, name: &str, value: &str) -> Cow<'static, str> {
        let mut arguments = FluentArgs::new();
        arguments.set(name.to_owned(), value.to_owned());
        self.format(key, Some(&arguments))
    }

    fn format(&self, key: &str, arguments: Option<&FluentArgs<'_>>) -> Cow<'static, str> {
        let pattern = self
            .bundle
            .get_message(key)
            .and_then(|message| message.value());
        match pattern {
            Some(pattern) => {
                let text = self
                    .bundle
                    .format_pattern(pattern, arguments, &mut Vec::new());
                Cow::Owned(text.into_owned())
            }
            None => Cow::Owned(key.to_owned()),
        }
    }
}

/// `mkt` is what Microsoft's clients send; `ui_locales` is OpenID Connect's, a list by preference.
fn of_query(query: &str) -> Option<&'static Language> {
    let wish = |wanted: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, value)| name == wanted && value.len() <= MAX_LENGTH)
            .map(|(_, value)| value.into_owned())
    };
    let listed = |list: String| {
        list.split_ascii_whitespace()
            .take(MAX_WISHES)
            .find_map(Language::find)
    };
    wish("mkt")
        .and_then(listed)
        .or_else(|| wish("ui_locales").and_then(listed))
}

/// `Accept-Language` (RFC 9110 12.5.4): the highest weight first, the order of the header among equals.
fn of_header(header: &str) -> Option<&'static Language> {
    if header.len() > MAX_LENGTH {
        return None;
    }
    let mut wishes: Vec<(u16, &str)> = header
        .split(',')
        .take(MAX_WISHES)
        .filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let tag = parts.next()?;
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight = weight.map_or(Some(1.0), |weight| weight.parse::<f32>().ok())?;
            // RFC 9110 12.4.2: at most three digits after the point.
            let thousandths = (0.0..=1.0).contains(&weight).then_some(weight * 1000.0)?;
            Some((thousandths as u16, tag))
        })
        .filter(|(weight, _)| *weight > 0)
        .collect();
    wishes.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    wishes.into_iter().find_map(|(_, tag)| Language::find(tag))
}
