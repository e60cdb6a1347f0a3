//! Sets, matching, actions and limits.

use std::collections::HashMap;

use super::*;
use crate::store::{AttributeStore, NoStores};
use crate::{Claim, Equality, LOCAL_AUTHORITY};

fn run(rules: &str, input: Vec<Claim>) -> Vec<Claim> {
    let rules = RuleSet::compile(rules).unwrap_or_else(|error| panic!("{}", error.render("rules")));
    let output = rules.evaluate(input, &NoStores);
    output.unwrap_or_else(|error| panic!("{}: {error}", rules.syntax()))
}

fn claims(pairs: &[(&str, &str)]) -> Vec<Claim> {
    pairs
        .iter()
        .map(|(claim_type, value)| Claim::new(*claim_type, *value))
        .collect()
}

#[test]
fn rules_and_their_output() {
    let names = [
        ("first", "Ann"),
        ("first", "Anna"),
        ("last", "Ames"),
        ("last", "Berg"),
    ];
    type Pairs<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, Pairs<'_>, Pairs<'_>); 26] = [
        // Sets.
        ("", &names, &[]),
        ("=> issue(Type = \"a\", Value = \"1\");", &[], &[("a", "1")]),
        ("c:[] => issue(claim = c);", &[], &[]),
        ("c:[] => issue(claim = c);", &names, &names),
        ("c:[] => add(claim = c);", &names, &[]),
        (
            "=> add(Type = \"a\"); c:[Type == \"a\"] => issue(Type = \"b\", Value = c.Type);",
            &[],
            &[("b", "a")],
        ),
        (
            "=> issue(Type = \"a\"); c:[Type == \"a\"] => issue(Type = \"b\");",
            &[],
            &[("a", ""), ("b", "")],
        ),
        // A rule does not see its own results, nor do earlier rules see later ones.
        (
            "c:[] => issue(Type = c.Type, Value = c.Value + \"x\");",
            &[("a", "1")],
            &[("a", "1x")],
        ),
        (
            "c:[Type == \"a\"] => issue(claim = c); => add(Type = \"a\");",
            &[],
            &[],
        ),
        // Product.
        (
            "f:[Type == \"first\"] && l:[Type == \"last\"] => issue(Type = \"full\", Value = f.Value + \" \" + l.Value);",
            &names,
            &[
                ("full", "Ann Ames"),
                ("full", "Ann Berg"),
                ("full", "Anna Ames"),
                ("full", "Anna Berg"),
            ],
        ),
        (
            "[Type == \"first\"] && [Type == \"none\"] => issue(Type = \"a\");",
            &names,
            &[],
        ),
        (
            "a:[] && b:[Type == a.Value] => issue(Type = \"pair\", Value = b.Value);",
            &[("x", "y"), ("y", "z")],
            &[("pair", "z")],
        ),
        // Aggregates.
        (
            "exists([Type == \"first\"]) => issue(Type = \"a\");",
            &names,
            &[("a", "")],
        ),
        (
            "not exists([Type == \"first\", Value == \"Bo\"]) => issue(Type = \"a\");",
            &names,
            &[("a", "")],
        ),
        (
            "count([Type == \"first\"]) == 2 => issue(Type = \"a\");",
            &names,
            &[("a", "")],
        ),
        (
            "count([Type == \"first\"]) > 2 => issue(Type = \"a\");",
            &names,
            &[],
        ),
        (
            "c:[Type == \"last\"] && not exists([Type == \"x\"]) => issue(claim = c);",
            &names,
            &[("last", "Ames"), ("last", "Berg")],
        ),
        (
            "c:[Type == \"a\"] && not exists([Type == \"b\", Value == c.Value]) => issue(claim = c);",
            &[("a", "1"), ("a", "2"), ("b", "1")],
            &[("a", "2")],
        ),
        // A copied claim is no second one to be counted; a new one like it is.
        (
            "c:[] => issue(claim = c); count([]) == 1 => issue(Type = \"one\");",
            &[("a", "1")],
            &[("a", "1"), ("one", "")],
        ),
        (
            "=> add(Type = \"a\"); => add(Type = \"a\"); count([Type == \"a\"]) == 2 => issue(Type = \"two\");",
            &[],
            &[("two", "")],
        ),
        // Comparison.
        (
            "c:[Value != \"Ann\", Type == \"first\"] => issue(claim = c);",
            &names,
            &[("first", "Anna")],
        ),
        ("c:[Value == \"ann\"] => issue(claim = c);", &names, &[]),
        ("c:[Value =~ \"^ann\"] => issue(claim = c);", &names, &[]),
        (
            "c:[Value =~ \"nn\", Value !~ \"a$\"] => issue(claim = c);",
            &names,
            &[("first", "Ann")],
        ),
        (
            "p:[Type == \"last\", Value =~ \"^A\"] && c:[Value =~ p.Value + \"$\"] => issue(claim = c);",
            &names,
            &[("last", "Ames")],
        ),
        // Duplicates by type and value.
        (
            "c:[] => issue(Type = \"a\", Value = \"1\", Issuer = c.Value);",
            &names,
            &[("a", "1")],
        ),
    ];
    for (rules, input, expected) in cases {
        let output = run(rules, claims(input));
        let pairs: Vec<_> = output
            .iter()
            .map(|claim| (claim.claim_type.as_str(), claim.value.as_str()))
            .collect();
        assert_eq!(pairs, expected, "{rules}");
    }
}

#[test]
fn new_claims_have_defaults_and_copies_have_all_fields() {
    let original = Claim::new("a", "1")
        .issued_by("AD AUTHORITY")
        .originally_issued_by("urn:cp")
        .with_value_type("vt")
        .with_property("p", "q");
    assert_eq!(
        run("c:[] => issue(claim = c);", vec![original.clone()]),
        std::slice::from_ref(&original)
    );
    let rules = "c:[Properties[\"p\"] == \"q\", Properties[\"none\"] == \"\"] => issue(Type = \"b\", Value = c.Properties[\"p\"] + c.Properties[\"none\"]);
        c:[Type == \"a\"] => issue(Type = \"c\", ValueType = c.ValueType, Issuer = c.Issuer, Properties[\"r\"] = c.OriginalIssuer);
        c:[Type == \"a\"] => issue(OriginalIssuer = c.OriginalIssuer, Type = \"d\");";
    let expected = [
        Claim::new("b", "q"),
        Claim::new("c", "")
            .with_value_type("vt")
            .issued_by("AD AUTHORITY")
            .with_property("r", "urn:cp"),
        Claim::new("d", "").originally_issued_by("urn:cp"),
    ];
    let output = run(rules, vec![original]);
    assert_eq!(output, expected);
    assert_eq!(output[0].issuer, LOCAL_AUTHORITY);
}

#[test]
fn equality_can_ignore_case() {
    let text = "c:[Type == \"NAME\", Value != \"bO\"] => issue(claim = c);";
    let rules = RuleSet::compile_with(text, Equality::CaseInsensitive).unwrap();
    let output = rules
        .evaluate(claims(&[("name", "Ann"), ("name", "Bo")]), &NoStores)
        .unwrap();
    assert_eq!(output, claims(&[("name", "Ann")]));
}

struct Answers(Result<Rows, StoreError>);

impl AttributeStore for Answers {
    fn query(&self, _query: &StoreQuery) -> Result<Rows, StoreError> {
        self.0.clone()
    }
}

const QUERY: &str = "@RuleName = \"look up\"\nc:[Type == \"u\"] => issue(store = \"S\", types = (\"a\", \"b\"), query = \"q{0}\", param = c.Value);";

fn look_up(answer: Result<Rows, StoreError>) -> Result<Vec<Claim>, EvaluationError> {
    let stores = HashMap::from([("S".to_owned(), Answers(answer))]);
    RuleSet::compile(QUERY)
        .unwrap()
        .evaluate(claims(&[("u", "x")]), &stores)
}

#[test]
fn columns_become_claims() {
    let some = |text: &str| Some(text.to_owned());
    let rows = vec![vec![some("1"), None], vec![some("2"), some("")]];
    assert_eq!(
        look_up(Ok(rows)),
        Ok(claims(&[("a", "1"), ("a", "2"), ("b", "")]))
    );
    assert_eq!(look_up(Ok(Vec::new())), Ok(Vec::new()));
}

#[test]
fn failing_stores_fail_the_evaluation() {
    let error = look_up(Err(StoreError::with_code("POLICY3826", "bad name"))).unwrap_err();
    assert_eq!(
        (error.code(), error.inner_code()),
        (Some("POLICY0018"), Some("POLICY3826"))
    );
    assert_eq!(
        error.to_string(),
        "rule 1 \"look up\" (line 1): POLICY0018: Query to attribute store 'S' failed: POLICY3826: bad name"
    );
    let error = look_up(Ok(vec![vec![None]])).unwrap_err();
    assert!(matches!(
        error.failure(),
        Failure::Columns {
            expected: 2,
            found: 1,
            ..
        }
    ));
    let error = RuleSet::compile(QUERY)
        .unwrap()
        .evaluate(claims(&[("u", "x")]), &NoStores)
        .unwrap_err();
    assert!(matches!(error.failure(), Failure::UnknownStore { store } if store == "S"));
}

#[test]
fn queries_are_handed_out_one_by_one() {
    let rules = RuleSet::compile(QUERY).unwrap();
    let mut evaluation = rules.start(claims(&[("u", "x"), ("u", "y")]));
    let mut asked = Vec::new();
    let output = loop {
        match evaluation.step().unwrap() {
            Step::Done(output) => break output,
            Step::Query(query) => {
                assert_eq!(
                    evaluation.step(),
                    Ok(Step::Query(query.clone())),
                    "asked again without an answer"
                );
                assert_eq!(
                    (query.store.as_str(), query.query.as_str(), query.columns),
                    ("S", "q{0}", 2)
                );
                evaluation.answer(vec![vec![query.params.first().cloned(), None]]);
                asked.push(query.params);
            }
        }
    };
    assert_eq!(asked, [["x"], ["y"]]);
    assert_eq!(output, claims(&[("a", "x"), ("a", "y")]));
}

#[test]
fn limits_stop_an_evaluation() {
    let many: Vec<Claim> = (0..200)
        .map(|number| Claim::new("n", number.to_string()))
        .collect();
    let small = Limits {
        claims: 10,
        tests: 500,
        actions: 50,
        value_length: 64,
        memory: 20_000,
    };
    let cases = [
        ("c:[] => issue(Type = c.Value);", Limit::Actions),
        (
            "a:[] && b:[] && c:[] => issue(Type = \"x\");",
            Limit::Actions,
        ),
        (
            "c:[Value =~ \"^1.$\"] => issue(Type = c.Value); c:[Value =~ \"^2.$\"] => issue(Type = c.Value);",
            Limit::Claims,
        ),
        (
            "exists([Type == \"a\"]) => add(Type = \"b\"); exists([Type == \"a\"]) => add(Type = \"b\"); exists([Type == \"a\"]) => add(Type = \"b\");",
            Limit::Tests,
        ),
        (
            "=> issue(Type = RegExReplace(\"aaaaaaaaaaaaaaaa\", \"a\", \"aaaaa\"));",
            Limit::ValueLength,
        ),
    ];
    for (text, limit) in cases {
        let rules = RuleSet::compile(text).unwrap();
        let mut evaluation = rules.start_within(small, many.clone());
        let error = evaluation.step().unwrap_err();
        assert_eq!(error.failure(), &Failure::Limit(limit), "{text}");
        assert_eq!(
            evaluation.step().map_err(|again| again.failure().clone()),
            Err(Failure::Limit(limit)),
            "stays failed"
        );
    }
    let rules = RuleSet::compile("").unwrap();
    for (input, limit) in [
        (vec![Claim::new("a", "b".repeat(65))], Limit::ValueLength),
        (vec![Claim::new("a", "b"); 1_000], Limit::Memory),
    ] {
        let error = rules.start_within(small, input).step().unwrap_err();
        assert_eq!(
            (error.failure(), error.rule()),
            (&Failure::Limit(limit), None)
        );
    }
}

#[test]
fn a_computed_pattern_can_be_wrong() {
    let error = RuleSet::compile("c:[] && d:[Value =~ c.Value] => issue(claim = d);")
        .unwrap()
        .evaluate(claims(&[("a", "(")]), &NoStores);
    assert!(matches!(error.unwrap_err().failure(), Failure::Pattern(_)));
}
