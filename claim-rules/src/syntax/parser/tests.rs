//! What the parser takes and refuses.

use super::*;

fn refusal(source: &str) -> Diagnostic {
    parse(source).expect_err(source)
}

#[test]
fn published_samples_of_parse_errors() {
    // Claims Transformation Rules Language, example 1: the place is a 0-based column.
    let finding = refusal("c1;[]=>Issue(claim=c1);");
    assert_eq!(
        (finding.code(), finding.inner_code()),
        (Some("POLICY0002"), Some("POLICY0030"))
    );
    assert_eq!((finding.line(), finding.column()), (1, 2));
    assert!(
        finding
            .message()
            .ends_with("unexpected ';', expecting one of the following: ':'"),
        "{finding}"
    );
}

#[test]
fn mistakes_are_found_where_they_are() {
    let cases = [
        (
            "c:[Type == \"a\",] => issue(claim = c);",
            "POLICY0030",
            "unexpected ']'",
        ),
        (
            "c:[Type == 5] => issue(claim = c);",
            "POLICY0029",
            "unexpected '5'",
        ),
        (
            "c:[Type == \"a\"] => issue(= \"b\", value = \"c\");",
            "POLICY0030",
            "unexpected '='",
        ),
        (
            "c:[Type == \"a\"] => issue(Type == \"b\");",
            "POLICY0030",
            "unexpected '=='",
        ),
        (
            "c:[Type == \"a\" Value == \"b\"] => issue(claim = c);",
            "POLICY0030",
            "unexpected 'Value'",
        ),
        (
            "c:[Type = \"a\"] => issue(claim = c);",
            "POLICY0030",
            "unexpected '='",
        ),
        ("=> permit();", "POLICY0030", "unexpected 'permit'"),
        (
            "c:[] => issue(claim = c) d:[] => issue(claim = d);",
            "POLICY0030",
            "unexpected 'd'",
        ),
        (
            "count([]) => issue(Type = \"a\");",
            "POLICY0030",
            "unexpected '=>'",
        ),
        (
            "not count([]) > 1 => issue(Type = \"a\");",
            "POLICY0030",
            "unexpected 'count'",
        ),
        (
            "=> issue(store = \"s\", query = \"q\", types = (\"t\"));",
            "POLICY0030",
            "unexpected 'query'",
        ),
        (
            "=> issue(store = \"s\", types = (), query = \"q\");",
            "POLICY0030",
            "unexpected ')'",
        ),
        (
            "c:[] || d:[] => issue(claim = c);",
            "POLICY0029",
            "unexpected input '|'",
        ),
        (
            "c:[Colour == \"a\"] => issue(claim = c);",
            "POLICY0030",
            "unexpected 'Colour'",
        ),
        ("c:[Type == \"a\"]", "POLICY0030", "the end of the rules"),
    ];
    for (source, code, message) in cases {
        let finding = refusal(source);
        assert_eq!(finding.inner_code(), Some(code), "{source}: {finding}");
        assert!(finding.message().contains(message), "{source}: {finding}");
    }
}

#[test]
fn what_ad_fs_has_no_code_for_is_refused_too() {
    let nested = format!(
        "=> issue(Type = {}\"a\"{});",
        "RegExReplace(".repeat(17),
        ", \"b\", \"c\")".repeat(17)
    );
    let cases = [
        ("=> issue(Type = ToLower(\"a\"));".to_owned(), "no function"),
        (
            "=> issue(Type = \"a\", type = \"b\");".to_owned(),
            "assigned twice",
        ),
        (
            "count([]) > 99999999999999999999 => issue(Type = \"a\");".to_owned(),
            "too large",
        ),
        (nested, "nested more than"),
        (" ".repeat(MAX_TEXT + 1), "bytes, more than"),
    ];
    for (source, message) in cases {
        assert!(refusal(&source).message().contains(message), "{message}");
    }
}

#[test]
fn case_and_blanks_do_not_matter() {
    let loose = parse("@RuleName=\"n\"\r\nC1 : [ TYPE == \"a\" ] && NOT EXISTS ( [] )\r\n=> ISSUE ( type = c1 . VALUE ) ;").unwrap();
    let tight =
        parse("@RuleName = \"n\" C1:[Type==\"a\"]&&not exists([])=>issue(Type=c1.Value);").unwrap();
    assert_eq!(loose.tree, tight.tree);
    assert_eq!(loose.tree.rules[0].value.name(), Some("n"));
}

#[test]
fn words_of_the_language_can_name_claims() {
    assert!(parse("exists:[] && not:[] && value:[] => issue(claim = exists);").is_ok());
}

#[test]
fn a_forgotten_last_semicolon_and_unknown_annotations_are_warned_about() {
    let parsed = parse("@Colour = \"red\" => issue(Type = \"a\")").unwrap();
    let messages: Vec<&str> = parsed.warnings.iter().map(Diagnostic::message).collect();
    assert_eq!(
        messages,
        [
            "unknown annotation @Colour",
            "the last rule does not end with ';'"
        ]
    );
}
