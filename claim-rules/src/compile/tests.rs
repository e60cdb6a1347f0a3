//! What is checked beyond syntax.

use crate::RuleSet;

#[test]
fn names_and_properties_are_checked() {
    let cases = [
        (
            "c1:[Type == \"urn:x:a\"] => issue(claim = c2);",
            Some("POLICY0011"),
            40,
            "'c2'",
        ),
        ("=> issue(Type = c.Value);", Some("POLICY0011"), 16, "'c'"),
        (
            "c:[Value == c.Type] => issue(claim = c);",
            Some("POLICY0011"),
            12,
            "'c'",
        ),
        (
            "c:[Value == d.Type] && d:[] => issue(claim = c);",
            Some("POLICY0011"),
            12,
            "'d'",
        ),
        (
            "c:[] && C:[] => issue(claim = c);",
            Some("POLICY0002"),
            8,
            "bound twice",
        ),
        (
            "=> issue(Value = \"a\");",
            Some("POLICY0002"),
            9,
            "needs a Type",
        ),
        (
            "c:[Value =~ \"ab(\"] => issue(claim = c);",
            Some("POLICY0002"),
            16,
            "not closed",
        ),
    ];
    for (text, code, column, message) in cases {
        let finding = RuleSet::compile(text).expect_err(text);
        assert_eq!(
            (finding.code(), finding.column()),
            (code, column),
            "{text}: {finding}"
        );
        assert!(finding.message().contains(message), "{text}: {finding}");
    }
}

#[test]
fn names_ignore_case() {
    assert!(
        RuleSet::compile("C1:[] && c2:[Value == c1.Value] => issue(Type = c1.Value + C2.Value);")
            .is_ok()
    );
}

#[test]
fn doubtful_rules_are_warned_about() {
    let cases = [
        (
            "c:[Type == \"https://schemas.microsoft.com/2014/03/psso\"] => issue(claim = c);",
            "http://",
        ),
        (
            "=> issue(Type = \"https://schemas.microsoft.com/authorization/claims/permit\");",
            "http://",
        ),
        ("c:[Type == \" a\"] => issue(claim = c);", "blank"),
        ("c:[] => add(claim = c);", "no effect"),
        ("c:[] && exists([]) => issue(claim = c);", "mixes"),
    ];
    for (text, message) in cases {
        let rules = RuleSet::compile(text).expect(text);
        let messages: Vec<String> = rules.warnings().iter().map(ToString::to_string).collect();
        assert!(
            messages.len() == 1 && messages[0].contains(message),
            "{text}: {messages:?}"
        );
    }
    assert_eq!(
        RuleSet::compile("c:[Type == \"http://schemas.microsoft.com/a\"] => issue(claim = c);")
            .unwrap()
            .warnings(),
        []
    );
}
