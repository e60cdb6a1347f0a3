//! Changes settings of a trust file and leaves everything else as it is, octet by octet: comments, order, unknown parts.

use toml_edit::{DocumentMut, Item, Value};

/// The text with these settings changed; a setting without value is removed.
pub(super) fn rewrite(
    text: &str,
    changes: &[(&'static str, Option<toml::Value>)],
) -> Result<String, toml_edit::TomlError> {
    let mut document: DocumentMut = text.parse()?;
    for (key, value) in changes {
        let Some(value) = value else {
            document.remove(key);
            continue;
        };
        let mut new: Value = value.to_string().parse()?;
        match document.get_mut(key) {
            Some(Item::Value(old)) => {
                // The comment behind the value stays there.
                *new.decor_mut() = old.decor().clone();
                *old = new;
            }
            _ => {
                // Endpoints may stand under headings of their own.
                document.remove(key);
                new.decor_mut().set_prefix(" ");
                document.insert(key, Item::Value(new));
            }
        }
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_changes_changes() {
        let text = "# Ours since 2019.\nname = \"App\" # do not rename\n\nidentifiers = [ \"urn:a\" ]\nencrypt_claims = false\n\
                    # where it lives\nws_fed_endpoint = \"https://old.test/\" # ask Ann\nissuance_transform_rules = '''\nx'''\n\
                    [[saml_endpoints]]\nbinding = \"POST\" # old\n\n[access_control_policy_parameters]\nA = [\"b\"]\n";
        let endpoints = toml::Value::Array(vec![toml::Value::Table(toml::Table::from_iter([(
            "binding".to_owned(),
            "POST".into(),
        )]))]);
        let changed = rewrite(
            text,
            &[
                ("ws_fed_endpoint", Some("https://new.test/".into())),
                ("saml_endpoints", Some(endpoints)),
                ("encrypt_claims", None),
                ("absent", None),
            ],
        )
        .unwrap();
        assert_eq!(
            changed,
            "# Ours since 2019.\nname = \"App\" # do not rename\n\nidentifiers = [ \"urn:a\" ]\n\
             # where it lives\nws_fed_endpoint = \"https://new.test/\" # ask Ann\nissuance_transform_rules = '''\nx'''\n\
             saml_endpoints = [{ binding = \"POST\" }]\n\n[access_control_policy_parameters]\nA = [\"b\"]\n"
        );
    }

    #[test]
    fn what_is_no_toml_is_left_alone() {
        assert!(rewrite("name = ", &[("name", None)]).is_err());
    }

    proptest! {
        #[test]
        fn any_text_arrives_and_the_rest_is_what_it_was(old in "\\PC{0,30}", new in "(?s:.{0,40})") {
            let before = format!("a = {}\nb = {} # c\n[d]\ne = 1\n", toml::Value::from(old.as_str()), toml::Value::from(old.as_str()));
            let after = rewrite(&before, &[("a", Some(new.as_str().into()))]).unwrap();
            let mut table: toml::Table = after.parse().unwrap();
            prop_assert_eq!(table.remove("a"), Some(new.as_str().into()));
            let mut expected: toml::Table = before.parse().unwrap();
            expected.remove("a");
            prop_assert_eq!(table, expected);
            prop_assert!(after.contains(" # c\n[d]\n"));
        }
    }
}
