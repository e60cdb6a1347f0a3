//! Reads a theme: `web/theme.toml` with colours and texts, and the pictures, style sheet and script beside it.
//! `web/relying-parties/FOLDER/` holds the same for one relying party, which its `theme.toml` names.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::document::Document;
use super::error::{Place, Problem};
use super::reader::{Found, Problems, Section};
use super::web_content::{Layout, Theme, ThemeFile};

/// Beside `adfs.toml`.
pub(super) const FOLDER: &str = "web";
const RELYING_PARTIES: &str = "relying-parties";
/// Where themes are served.
const ADDRESS: &str = "/adfs/portal/theme";

/// More themes than this are a mistake.
const MAX_THEMES: usize = 200;
const MAX_LOGO: u64 = 256 * 1024;
const MAX_ILLUSTRATION: u64 = 2 * 1024 * 1024;
const MAX_CODE: u64 = 256 * 1024;
/// Characters of one text.
const MAX_TEXT: usize = 2000;

/// Texts, named as the parameters of Set-AdfsGlobalWebContent.
const TEXTS: [&str; 9] = [
    "company_name",
    "sign_in_page_description_text",
    "home_realm_discovery_page_description_text",
    "sign_out_page_description_text",
    "error_page_description_text",
    "error_page_authorization_error_message",
    "home_link_text",
    "privacy_link_text",
    "help_desk_link_text",
];
/// Texts that are addresses.
const LINKS: [&str; 3] = ["home_link", "privacy_link", "help_desk_link"];

/// Keys of `[colours]` and `[dark_colours]`, and the custom properties of our style sheet that they set.
const COLOURS: [(&str, &str); 9] = [
    ("page", "--page"),
    ("card", "--card"),
    ("edge", "--edge"),
    ("text", "--text"),
    ("muted", "--muted"),
    ("field", "--field"),
    ("accent", "--accent"),
    ("accent_strong", "--accent-strong"),
    ("on_accent", "--on-accent"),
];

/// The general theme, and those of relying parties. No folder is no theme.
pub(super) fn load(folder: &Path, problems: &Problems) -> (Theme, BTreeMap<String, Theme>) {
    let mut themes = BTreeMap::new();
    if !folder.is_dir() {
        return (Theme::default(), themes);
    }
    let general = read(folder, &format!("{ADDRESS}/default"), problems, false);
    for path in folders(&folder.join(RELYING_PARTIES), problems) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let plain =
            |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        if name == "default" || !name.bytes().all(plain) {
            let message = "the name of this folder cannot be part of an address";
            complain(
                problems,
                &path,
                message,
                "use lower-case letters, digits and hyphens",
            );
            continue;
        }
        let own = read(&path, &format!("{ADDRESS}/{name}"), problems, true);
        if let Some(relying_party) = own.relying_party {
            let theme = own.theme.inherit(&general.theme, own.has_layout);
            if themes.insert(relying_party, theme).is_some() {
                let message = "another folder names the same relying party";
                complain(problems, &path, message, "remove one of the two");
            }
        }
    }
    (general.theme, themes)
}

/// A locale, in lower case: the beginning of a language tag.
pub(super) fn locale(tag: &str) -> Result<String, &'static str> {
    let part = |part: &str| {
        (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    if tag.split('-').all(part) && tag.len() <= 35 {
        Ok(tag.to_ascii_lowercase())
    } else {
        Err("this is not a language tag")
    }
}

#[derive(Default)]
struct Read {
    theme: Theme,
    has_layout: bool,
    relying_party: Option<String>,
}

fn read(folder: &Path, address: &str, problems: &Problems, of_relying_party: bool) -> Read {
    let mut read = Read::default();
    let mut colours = String::new();
    let description = folder.join("theme.toml");
    if description.exists() || of_relying_party {
        match Document::read(&description) {
            Err(problem) => problems.borrow_mut().push(*problem),
            Ok(document) => {
                if let Some(root) = Section::root(&document, None, problems) {
                    describe(root, of_relying_party, &mut read, &mut colours);
                }
            }
        }
    }
    let picture = |name: &str, limit: u64| {
        let kinds = [
            ("svg", "image/svg+xml"),
            ("png", "image/png"),
            ("jpg", "image/jpeg"),
            ("webp", "image/webp"),
        ];
        kinds.iter().find_map(|(extension, content_type)| {
            let file = format!("{name}.{extension}");
            let content = bytes(&folder.join(&file), limit, extension, problems)?;
            Some(ThemeFile::new(
                format!("{address}/{file}"),
                content_type,
                content,
            ))
        })
    };
    read.theme.logo = picture("logo", MAX_LOGO);
    read.theme.illustration = picture("illustration", MAX_ILLUSTRATION);
    let style = bytes(&folder.join("style.css"), MAX_CODE, "css", problems);
    if style.is_some() || !colours.is_empty() {
        let mut content = colours.into_bytes();
        content.extend(style.unwrap_or_default());
        let path = format!("{address}/style.css");
        read.theme.style = Some(ThemeFile::new(path, "text/css; charset=utf-8", content));
    }
    read.theme.script = bytes(&folder.join("onload.js"), MAX_CODE, "js", problems).map(|content| {
        let path = format!("{address}/onload.js");
        ThemeFile::new(path, "text/javascript; charset=utf-8", content)
    });
    read
}

fn describe(mut root: Section<'_>, of_relying_party: bool, read: &mut Read, colours: &mut String) {
    if of_relying_party {
        let name = root.required("relying_party", "the name of a relying party trust");
        read.relying_party = name.map(|found| found.value);
    }
    if let Some(found) = root.find::<Layout>("layout", "\"centred\" or \"classic\"") {
        read.theme.layout = found.value;
        read.has_layout = true;
    }
    let light = colour_rules(root.section("colours"));
    if !light.is_empty() {
        let _ = writeln!(colours, ":root {{ {light}}}");
    }
    let dark = colour_rules(root.section("dark_colours"));
    if !dark.is_empty() {
        let _ = writeln!(
            colours,
            "@media (prefers-color-scheme: dark) {{ :root {{ {dark}}} }}"
        );
    }
    for (name, section) in root.section("texts").named_sections() {
        match locale(&name) {
            Ok(locale) => {
                let texts = texts(section);
                read.theme.texts.insert(locale, texts);
            }
            Err(message) => section.complain_about_all(
                message.to_owned(),
                "write [texts.default], or [texts.LANGUAGE] with a language tag such as de",
            ),
        }
    }
    root.finish();
}

fn colour_rules(mut section: Section<'_>) -> String {
    let expected = "a colour such as \"#2457d6\"";
    let mut rules = String::new();
    for (key, property) in COLOURS {
        let found = section.text(key, expected).and_then(|found| {
            section.check(key, found, expected, |colour| {
                let digits = colour.strip_prefix('#').unwrap_or_default();
                let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                if hexadecimal && matches!(digits.len(), 3 | 6) {
                    Ok(colour)
                } else {
                    Err("this is not a colour".to_owned())
                }
            })
        });
        if let Some(colour) = found {
            let _ = write!(rules, "{property}: {}; ", colour.value);
        }
    }
    section.finish();
    rules
}

fn texts(mut section: Section<'_>) -> BTreeMap<&'static str, String> {
    let mut texts = BTreeMap::new();
    for key in TEXTS {
        let expected = "a text of at most 2000 characters; it is shown as it is, not as HTML";
        let checked = section
            .text(key, expected)
            .and_then(|found: Found<String>| {
                section.check(key, found, expected, |text| {
                    let fits = text.chars().count() <= MAX_TEXT;
                    let printable = text
                        .chars()
                        .all(|letter| letter == '\n' || !letter.is_control());
                    if fits && printable {
                        Ok(text)
                    } else {
                        Err("this text cannot be shown".to_owned())
                    }
                })
            });
        texts.extend(checked.map(|text| (key, text.value)));
    }
    for key in LINKS {
        let expected = "an address that begins with https:// or mailto:";
        let checked = section.text(key, expected).and_then(|found| {
            section.check(key, found, expected, |address| {
                match url::Url::parse(&address) {
                    Ok(url) if matches!(url.scheme(), "https" | "mailto") => Ok(url.to_string()),
                    _ => Err("this is not such an address".to_owned()),
                }
            })
        });
        texts.extend(checked.map(|address| (key, address.value)));
    }
    section.finish();
    texts
}

/// A file of the theme, if it is there: not larger than `limit`, and of the kind that its name says.
fn bytes(path: &Path, limit: u64, extension: &str, problems: &Problems) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let taken = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        other => other.and_then(|file| file.take(limit + 1).read_to_end(&mut content)),
    };
    if let Err(error) = taken {
        let message = format!("the file cannot be read ({error})");
        complain(
            problems,
            path,
            &message,
            "let the service's user read it, or remove it",
        );
        return None;
    }
    if content.len() as u64 > limit {
        let message = format!("the file is larger than {} KiB", limit / 1024);
        complain(
            problems,
            path,
            &message,
            "make it smaller; every visitor loads it",
        );
        return None;
    }
    let text = || std::str::from_utf8(&content).ok();
    let fits = match extension {
        "png" => content.starts_with(b"\x89PNG\r\n\x1a\n"),
        "jpg" => content.starts_with(b"\xff\xd8\xff"),
        "webp" => content.starts_with(b"RIFF") && content.get(8..12) == Some(b"WEBP"),
        "svg" => text().is_some_and(|text| text.contains("<svg")),
        _ => text().is_some_and(|text| !text.contains('\0')),
    };
    if !fits {
        let message = format!("the content is not that of a .{extension} file");
        complain(
            problems,
            path,
            &message,
            "save it in that format, text files in UTF-8",
        );
        return None;
    }
    Some(content)
}

fn folders(folder: &Path, problems: &Problems) -> Vec<std::path::PathBuf> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        other => other.and_then(Iterator::collect::<Result<Vec<_>, _>>),
    };
    match entries {
        Err(error) => {
            let message = format!("the folder cannot be read ({error})");
            complain(problems, folder, &message, "let the service's user read it");
            Vec::new()
        }
        Ok(entries) => {
            let mut folders: Vec<_> = entries
                .iter()
                .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
                .map(std::fs::DirEntry::path)
                .filter(|path| path.is_dir())
                .collect();
            folders.sort();
            if folders.len() > MAX_THEMES {
                let message = format!("there are more than {MAX_THEMES} themes");
                complain(
                    problems,
                    folder,
                    &message,
                    "let relying parties share the general theme",
                );
                folders.truncate(MAX_THEMES);
            }
            folders
        }
    }
}

fn complain(problems: &Problems, path: &Path, message: &str, remedy: &str) {
    problems.borrow_mut().push(Problem {
        place: Place::File {
            path: path.to_owned(),
            line: None,
        },
        key: String::new(),
        message: message.to_owned(),
        remedy: remedy.to_owned(),
        excerpt: None,
    });
}
