//! What a console shows: `Get-AdfsRelyingPartyTrust | Format-List`. Long lines are broken there, and nothing tells a
//! line end of a rule from a break of the console, so rules that come this way are never put into force unseen.

use serde_json::{Map, Value, json};

/// Properties of one object.
const MAX_PROPERTIES: usize = 500;

/// Whether `text` looks like it: lines `Property : value`, one of them the name, with their colons below each other.
pub(super) fn is_format_list(text: &str) -> bool {
    let column = text
        .lines()
        .filter_map(property)
        .find(|found| found.name == "Name")
        .map(|found| found.column);
    let others = text
        .lines()
        .filter_map(property)
        .filter(|found| found.name != "Name" && Some(found.column) == column);
    others.count() > 0
}

/// The objects of a listing; blank lines part them.
pub(super) fn read(text: &str) -> Value {
    let width = text.lines().map(|line| line.chars().count()).max();
    let mut objects = Vec::new();
    let mut object = Map::new();
    let mut current: Option<(String, Written)> = None;
    let mut column = None;
    for line in text.lines() {
        let start =
            property(line).filter(|found| column.is_none_or(|column| column == found.column));
        if let Some(found) = start {
            finish(&mut object, current.take());
            // The first property of an object comes again with the next one.
            if object.contains_key(found.name) {
                objects.push(Value::Object(std::mem::take(&mut object)));
            }
            column = Some(found.column);
            let written = Written::new(found.value, width == Some(line.chars().count()));
            current = (object.len() < MAX_PROPERTIES).then(|| (found.name.to_owned(), written));
        } else if let (Some((_, written)), Some(column)) = (&mut current, column) {
            let margin = " ".repeat(column + 2);
            let rest = line.strip_prefix(&margin).unwrap_or(line.trim_start());
            written.push(rest, width == Some(line.chars().count()));
        }
    }
    finish(&mut object, current);
    if !object.is_empty() {
        objects.push(Value::Object(object));
    }
    Value::Array(objects)
}

struct Found<'l> {
    name: &'l str,
    value: &'l str,
    column: usize,
}

fn property(line: &str) -> Option<Found<'_>> {
    let (name, value) = line.split_once(" :")?;
    let trimmed = name.trim_end();
    let is_name = !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some(Found {
        name: trimmed,
        value: value.strip_prefix(' ').unwrap_or(value),
        column: name.len() + 1,
    })
}

struct Written {
    text: String,
    is_broken: bool,
}

impl Written {
    fn new(text: &str, is_broken: bool) -> Written {
        Written {
            text: text.to_owned(),
            is_broken,
        }
    }

    /// A line as wide as the console was broken by it; every other one ended by itself.
    fn push(&mut self, line: &str, is_broken: bool) {
        if !self.is_broken {
            self.text.push('\n');
        }
        self.text.push_str(line);
        self.is_broken = is_broken;
    }
}

fn finish(object: &mut Map<String, Value>, current: Option<(String, Written)>) {
    let Some((name, written)) = current else {
        return;
    };
    let text = written.text.trim_end();
    let list = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'))
        .filter(|_| !name.ends_with("Rules"));
    let value = match (text, list) {
        ("", _) => Value::Null,
        ("True", _) => Value::Bool(true),
        ("False", _) => Value::Bool(false),
        // No text and no list, so that whoever needs it refuses it.
        (_, Some(list)) if list.ends_with("...") || list.ends_with('…') => {
            json!({ "the console shows only the beginning of": list })
        }
        (_, Some("")) => Value::Array(Vec::new()),
        (_, Some(list)) => list
            .split(',')
            .map(|item| Value::from(item.trim()))
            .collect(),
        (text, None) => text
            .parse::<i64>()
            .map_or_else(|_| Value::from(text), Value::from),
    };
    object.insert(name, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = r#"
AllowedAuthenticationClassReferences : {}
Enabled                              : True
Identifier                           : {urn:a, https://b.test/}
IssuanceTransformRules               : @RuleName = "x : y"
                                       c:[Type == "http://schemas.test/a-long-na
                                       me"]
                                        => issue(claim = c);

Name                                 : Payroll
TokenLifetime                        : 60
WSFedEndpoint                        :

AllowedAuthenticationClassReferences : {}
Name                                 : Second
"#;

    #[test]
    fn a_listing_gives_its_objects() {
        assert!(is_format_list(LISTING));
        assert_eq!(
            read(LISTING),
            json!([
                {
                    "AllowedAuthenticationClassReferences": [], "Enabled": true, "Identifier": ["urn:a", "https://b.test/"],
                    "IssuanceTransformRules":
                        "@RuleName = \"x : y\"\nc:[Type == \"http://schemas.test/a-long-name\"]\n => issue(claim = c);",
                    "Name": "Payroll", "TokenLifetime": 60, "WSFedEndpoint": null,
                },
                { "AllowedAuthenticationClassReferences": [], "Name": "Second" },
            ])
        );
    }

    #[test]
    fn a_list_that_the_console_cuts_is_no_list() {
        let cut = LISTING.replace(
            "{urn:a, https://b.test/}",
            "{urn:a, urn:b, urn:c, urn:d...}",
        );
        let read = read(&cut);
        assert!(
            super::super::values::list(&read[0]["Identifier"]).is_err(),
            "{read}"
        );
    }

    #[test]
    fn rules_are_no_listing() {
        for text in [
            "",
            "@RuleName = \"a\"\nc:[] => issue(claim = c);",
            "Name : x",
            "c1 :[Type == \"a\"]\n&& c2 :[]",
            "c1 :[]\nc2 :[]",
            "Name : x\nLonger : y",
        ] {
            assert!(!is_format_list(text), "{text}");
        }
    }
}
