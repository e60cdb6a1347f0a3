//! The languages of the pages: which one a browser gets, and its texts.
//!
//! Every text is in `templates/texts/`, one Fluent file a language, compiled in. A test holds them together: every file
//! has every key, with the same placeables.

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
const SOURCES: &[Source] = &[
    (
        "en-US",
        "ltr",
        &["en"],
        include_str!("../../../templates/texts/en.ftl"),
    ),
    (
        "de-DE",
        "ltr",
        &["de"],
        include_str!("../../../templates/texts/de.ftl"),
    ),
    (
        "fr-FR",
        "ltr",
        &["fr"],
        include_str!("../../../templates/texts/fr.ftl"),
    ),
    (
        "es-ES",
        "ltr",
        &["es"],
        include_str!("../../../templates/texts/es.ftl"),
    ),
    (
        "it-IT",
        "ltr",
        &["it"],
        include_str!("../../../templates/texts/it.ftl"),
    ),
    (
        "nl-NL",
        "ltr",
        &["nl"],
        include_str!("../../../templates/texts/nl.ftl"),
    ),
    (
        "pt-BR",
        "ltr",
        &["pt"],
        include_str!("../../../templates/texts/pt-BR.ftl"),
    ),
    (
        "pl-PL",
        "ltr",
        &["pl"],
        include_str!("../../../templates/texts/pl.ftl"),
    ),
    (
        "tr-TR",
        "ltr",
        &["tr"],
        include_str!("../../../templates/texts/tr.ftl"),
    ),
    (
        "ru-RU",
        "ltr",
        &["ru"],
        include_str!("../../../templates/texts/ru.ftl"),
    ),
    (
        "uk-UA",
        "ltr",
        &["uk"],
        include_str!("../../../templates/texts/uk.ftl"),
    ),
    (
        "ar-SA",
        "rtl",
        &["ar"],
        include_str!("../../../templates/texts/ar.ftl"),
    ),
    (
        "he-IL",
        "rtl",
        &["he", "iw"],
        include_str!("../../../templates/texts/he.ftl"),
    ),
    (
        "ja-JP",
        "ltr",
        &["ja"],
        include_str!("../../../templates/texts/ja.ftl"),
    ),
    (
        "ko-KR",
        "ltr",
        &["ko"],
        include_str!("../../../templates/texts/ko.ftl"),
    ),
    (
        "zh-Hans",
        "ltr",
        &["zh"],
        include_str!("../../../templates/texts/zh-Hans.ftl"),
    ),
    (
        "zh-Hant",
        "ltr",
        &["zh-hant", "zh-tw", "zh-hk", "zh-mo"],
        include_str!("../../../templates/texts/zh-Hant.ftl"),
    ),
];

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
    pub fn say(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// The text of `key` with one placeable filled in.
    pub fn say_with(&self, key: &str, name: &str, value: &str) -> String {
        let mut arguments = FluentArgs::new();
        arguments.set(name.to_owned(), value.to_owned());
        self.format(key, Some(&arguments))
    }

    fn format(&self, key: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        let pattern = self
            .bundle
            .get_message(key)
            .and_then(|message| message.value());
        match pattern {
            Some(pattern) => self
                .bundle
                .format_pattern(pattern, arguments, &mut Vec::new())
                .into_owned(),
            None => key.to_owned(),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Key to text of a file, read strictly: no duplicate keys, no junk, one line a text.
    fn texts(source: &str) -> BTreeMap<&str, &str> {
        assert!(FluentResource::try_new(source.to_owned()).is_ok());
        let mut found = BTreeMap::new();
        for line in source
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (key, text) = line.split_once(" = ").unwrap_or_else(|| panic!("{line:?}"));
            assert!(!text.trim().is_empty(), "{key} is empty");
            assert_eq!(found.insert(key, text), None, "{key} is there twice");
        }
        found
    }

    fn placeables(text: &str) -> Vec<&str> {
        text.split('{')
            .skip(1)
            .filter_map(|part| part.split_once('}').map(|(name, _)| name.trim()))
            .collect()
    }

    #[test]
    fn every_language_has_every_text_with_the_same_placeables() {
        let english = SOURCES
            .first()
            .map(|source| texts(source.3))
            .unwrap_or_default();
        assert!(english.len() > 80);
        for (tag, _, _, source) in SOURCES {
            let own = texts(source);
            assert_eq!(
                own.keys().collect::<Vec<_>>(),
                english.keys().collect::<Vec<_>>(),
                "{tag}"
            );
            for (key, text) in own {
                let expected = english.get(key).map(|text| placeables(text));
                assert_eq!(Some(placeables(text)), expected, "{tag} {key}");
            }
        }
    }

    #[test]
    fn texts_differ_from_the_english_ones_and_use_the_letters_of_their_language() {
        let cases = [
            ("ru-RU", '\u{400}'..='\u{4ff}'),
            ("uk-UA", '\u{400}'..='\u{4ff}'),
            ("ar-SA", '\u{600}'..='\u{6ff}'),
            ("he-IL", '\u{590}'..='\u{5ff}'),
            ("ja-JP", '\u{3040}'..='\u{30ff}'),
            ("ko-KR", '\u{ac00}'..='\u{d7a3}'),
            ("zh-Hans", '\u{4e00}'..='\u{9fff}'),
            ("zh-Hant", '\u{4e00}'..='\u{9fff}'),
        ];
        for (tag, letters) in cases {
            let language = Language::find(tag).unwrap();
            for key in [
                "sign-in",
                "incorrect",
                "password-expired",
                "malformed-message",
            ] {
                let text = language.say(key);
                assert!(
                    text.chars().any(|letter| letters.contains(&letter)),
                    "{tag} {key}: {text}"
                );
            }
        }
    }

    #[test]
    fn the_wish_of_the_request_comes_before_the_browsers_and_the_default_last() {
        let cases = [
            ("mkt=de-DE", Some("fr"), "de-DE"),
            ("mkt=xx-YY&ui_locales=tlh+pt-PT", Some("fr"), "pt-BR"),
            ("ui_locales=ja", None, "ja-JP"),
            ("wa=wsignin1.0", Some("nl-BE,nl;q=0.9,en;q=0.8"), "nl-NL"),
            ("", Some("en;q=0.2, fr-CA;q=0.9"), "fr-FR"),
            ("", Some("sv, ar-EG;q=0.5"), "ar-SA"),
            ("", Some("de;q=0"), "en-US"),
            ("", Some("iw-IL"), "he-IL"),
            ("", Some("zh-TW"), "zh-Hant"),
            ("", Some("zh-Hant-HK"), "zh-Hant"),
            ("", Some("zh-CN"), "zh-Hans"),
            ("", Some("enx"), "en-US"),
            ("", Some("fr;q=2, it;q=NaN, *"), "en-US"),
            ("", None, "en-US"),
        ];
        for (query, header, expected) in cases {
            let language = Language::negotiate(query, header, Language::english());
            assert_eq!(language.tag, expected, "{query} {header:?}");
        }
        let long = format!("de{}", ",x".repeat(600));
        let default = Language::find("uk").unwrap();
        assert_eq!(Language::negotiate("", Some(&long), default).tag, "uk-UA");
    }

    #[test]
    fn names_within_right_to_left_sentences_are_isolated() {
        let text = |tag: &str| {
            Language::find(tag)
                .unwrap()
                .say_with("signed-in-as", "user", "a\\b")
        };
        assert!(text("ar").contains("\u{2068}a\\b\u{2069}"));
        assert_eq!(text("en"), "You are signed in as a\\b.");
    }

    proptest::proptest! {
        #[test]
        fn no_query_and_no_header_is_too_strange(query in ".{0,200}", header in ".{0,200}") {
            let language = Language::negotiate(&query, Some(&header), Language::english());
            proptest::prop_assert!(!language.tag.is_empty());
        }
    }
}
