//! The text of a trust file. Rules stand in it as they are, or in a file beside it where TOML cannot hold them so.

use openssl::sha::Sha256;

const INTRODUCTION: &str = "# Imported from AD FS. A further `adfs import` replaces this file as long as the digest is that of what follows it.";
const DIGEST: &str = "# digest: ";

/// One line of a trust file.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its key.
    pub key: String,
    /// Its value; rules are texts.
    pub value: toml::Value,
}

impl Setting {
    /// A setting.
    pub fn new(key: &str, value: toml::Value) -> Setting {
        Setting {
            key: key.to_owned(),
            value,
        }
    }
}

/// A trust file with the rule files beside it, not yet on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustFile {
    /// Of the `.toml` file.
    pub text: String,
    /// Name and content of each file beside it, in the order of the names.
    pub beside: Vec<(String, String)>,
    /// The same trust in one piece: for checks, since the files beside it are not there yet.
    pub whole: String,
}

/// Every setting in one piece of TOML, rules with escapes.
pub(super) fn plain(settings: &[Setting]) -> String {
    settings
        .iter()
        .map(|setting| format!("{} = {}\n", setting.key, setting.value))
        .collect()
}

/// Name of the file of rules beside a trust file.
pub(super) fn rules_file(stem: &str, key: &str) -> String {
    format!("{stem}.{key}.rules")
}

impl TrustFile {
    /// Writes a trust file that is named `stem`.
    pub fn new(stem: &str, settings: &[Setting]) -> TrustFile {
        TrustFile::write(stem, &[], settings, Vec::new())
    }

    /// Writes the file of an imported trust, with remarks above its settings and more files beside it.
    pub(super) fn imported(
        stem: &str,
        remarks: &[String],
        settings: &[Setting],
        beside: Vec<(String, String)>,
    ) -> TrustFile {
        let mut file = TrustFile::write(stem, remarks, settings, beside);
        let digest = digest(&file.text, &file.beside);
        file.text = format!("{INTRODUCTION}\n{DIGEST}{digest}\n{}", file.text);
        file
    }

    fn write(
        stem: &str,
        remarks: &[String],
        settings: &[Setting],
        mut beside: Vec<(String, String)>,
    ) -> TrustFile {
        let mut text: String = remarks.iter().map(|remark| comment(remark)).collect();
        for setting in settings {
            let rules = setting
                .value
                .as_str()
                .filter(|_| setting.key.ends_with("_rules"));
            match rules {
                Some(rules) if !rules.is_empty() => {
                    text.push_str(&literal(&setting.key, rules).unwrap_or_else(|| {
                        let name = rules_file(stem, &setting.key);
                        let line = format!(
                            "{}_file = {}\n",
                            setting.key,
                            toml::Value::from(name.as_str())
                        );
                        beside.push((name, rules.to_owned()));
                        line
                    }));
                }
                _ => text.push_str(&format!("{} = {}\n", setting.key, setting.value)),
            }
        }
        beside.sort();
        TrustFile {
            text,
            beside,
            whole: plain(settings),
        }
    }
}

/// Whether a file is still as the import wrote it, so that nothing is lost when it is written anew.
pub(super) fn is_untouched(text: &str, beside: &[(String, String)]) -> bool {
    let written = text
        .strip_prefix(INTRODUCTION)
        .and_then(|rest| rest.strip_prefix('\n'))
        .and_then(|rest| rest.strip_prefix(DIGEST))
        .and_then(|rest| rest.split_once('\n'));
    written.is_some_and(|(written, body)| written == digest(body, beside))
}

fn digest(body: &str, beside: &[(String, String)]) -> String {
    let mut sha = Sha256::new();
    let parts = beside.iter().flat_map(|(name, content)| [name, content]);
    for part in [body].into_iter().chain(parts.map(String::as_str)) {
        sha.update(&part.len().to_be_bytes());
        sha.update(part.as_bytes());
    }
    sha.finish()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

/// A rule text that TOML holds without any escape; it is read back to be sure.
fn literal(key: &str, rules: &str) -> Option<String> {
    let line = format!("{key} = '''\n{rules}'''\n");
    let read: toml::Table = line.parse().ok()?;
    let same = read.len() == 1 && read.get(key).and_then(toml::Value::as_str) == Some(rules);
    same.then_some(line)
}

fn comment(text: &str) -> String {
    let printable = |character: char| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    };
    format!("# {}\n", text.chars().map(printable).collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_back(file: &TrustFile, key: &str) -> String {
        let table: toml::Table = file.text.parse().expect("TOML");
        match table.get(key) {
            Some(inline) => inline.as_str().expect("a text").to_owned(),
            None => {
                let name = table
                    .get(&format!("{key}_file"))
                    .and_then(toml::Value::as_str);
                let name = name.expect("a file");
                let beside = file.beside.iter().find(|(beside, _)| beside == name);
                beside.expect("the file").1.clone()
            }
        }
    }

    #[test]
    fn rules_stand_in_the_file_unless_toml_cannot_hold_them() {
        let inline = [
            "a;\r\nb;\r\n",
            "it's\n",
            "\n\nx",
            "tab\t\"quoted\" \\d",
            "'",
        ];
        let beside = ["'''", "a\rb", "\u{0}", "\u{7f}", "x''''"];
        for (rules, expected) in inline
            .iter()
            .map(|text| (text, 0))
            .chain(beside.iter().map(|text| (text, 1)))
        {
            let settings = [Setting::new("issuance_transform_rules", (*rules).into())];
            let file = TrustFile::new("app", &settings);
            assert_eq!(file.beside.len(), expected, "{rules:?}");
            assert_eq!(read_back(&file, "issuance_transform_rules"), *rules);
        }
    }

    #[test]
    fn every_change_by_hand_is_noticed() {
        let settings = [
            Setting::new("name", "App".into()),
            Setting::new("issuance_transform_rules", "'''".into()),
        ];
        let file = TrustFile::imported("app", &["a\nremark".to_owned()], &settings, Vec::new());
        assert!(is_untouched(&file.text, &file.beside));
        assert!(!is_untouched(
            &file.text.replace("App", "Bpp"),
            &file.beside
        ));
        assert!(!is_untouched(&format!("{} ", file.text), &file.beside));
        assert!(!is_untouched(&file.text, &[]));
        let changed = [(file.beside[0].0.clone(), "other".to_owned())];
        assert!(!is_untouched(&file.text, &changed));
        assert!(!is_untouched("name = \"App\"\n", &[]));
    }

    proptest! {
        #[test]
        fn any_rule_text_survives_octet_by_octet(rules in "\\PC{0,60}|[ '\"\\\\\r\n\ta;=>]{0,40}|(?s:.{0,30})") {
            let settings = [Setting::new("name", rules.as_str().into()), Setting::new("issuance_transform_rules", rules.as_str().into())];
            let file = TrustFile::imported("app", std::slice::from_ref(&rules), &settings, Vec::new());
            prop_assert_eq!(read_back(&file, "issuance_transform_rules"), rules.clone());
            prop_assert!(is_untouched(&file.text, &file.beside));
            let whole: toml::Table = file.whole.parse().unwrap();
            prop_assert_eq!(whole["issuance_transform_rules"].as_str(), Some(rules.as_str()));
            prop_assert_eq!(whole["name"].as_str(), Some(rules.as_str()));
        }
    }
}
