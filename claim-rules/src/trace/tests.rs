use super::*;
use crate::{AttributeStore, NoStores, RuleSet, StoreError};

fn explain(rules: &str, claims: &[(&str, &str)]) -> Trace {
    let input = claims
        .iter()
        .map(|(claim_type, value)| Claim::new(*claim_type, *value))
        .collect();
    let rules = RuleSet::compile(rules).unwrap();
    let (outcome, trace) = rules.explain(input, &NoStores);
    outcome.unwrap();
    trace
}

/// The only condition of the first rule.
fn condition(rules: &str, claims: &[(&str, &str)]) -> ConditionTrace {
    explain(rules, claims).rules[0].conditions[0].clone()
}

#[test]
fn near_misses_tell_the_test_and_the_mistake() {
    let cases = [
        (
            "c:[Type == \"a\", Value == \"x\"]",
            ("a", "y"),
            "Value == \"x\"",
            "y",
            None,
        ),
        (
            "c:[Type == \"a\", Value == \"X\"]",
            ("a", "x"),
            "Value == \"X\"",
            "x",
            Some(Hint::Case),
        ),
        (
            "c:[Type == \"a\", Value == \" x\"]",
            ("a", "x"),
            "Value == \" x\"",
            "x",
            Some(Hint::Blanks),
        ),
        (
            "c:[Type == \"a\", Value == \"x|y\"]",
            ("a", "y"),
            "Value == \"x|y\"",
            "y",
            Some(Hint::PlainComparison),
        ),
        (
            "c:[Value == \"x\", Type == \"https://a\"]",
            ("http://a", "x"),
            "Type == \"https://a\"",
            "http://a",
            Some(Hint::Scheme),
        ),
        (
            "c:[Type == \"A\"]",
            ("a", "x"),
            "Type == \"A\"",
            "a",
            Some(Hint::Case),
        ),
        (
            "c:[Type == \"a\", Issuer =~ \"^AD\"]",
            ("a", "x"),
            "Issuer =~ \"^AD\"",
            "LOCAL AUTHORITY",
            None,
        ),
        (
            "EXISTS([Type == \"a\", Value != \"x\"])",
            ("a", "x"),
            "Value != \"x\"",
            "x",
            None,
        ),
    ];
    for (text, claim, test, found, hint) in cases {
        let condition = condition(&format!("{text} => issue(Type = \"z\");"), &[claim]);
        assert_eq!(condition.verdict, Verdict::Fails, "{text}");
        let failed = FailedTest {
            test: test.to_owned(),
            found: found.to_owned(),
            hint,
        };
        assert_eq!(
            condition.nearest,
            [NearMiss {
                claim: 0,
                failed: vec![failed]
            }],
            "{text}"
        );
    }
}

#[test]
fn claims_of_other_types_are_not_near() {
    let condition = condition(
        "c:[Type == \"a\", Value == \"x\"] => issue(claim = c);",
        &[("b", "x")],
    );
    assert_eq!(
        (condition.verdict, condition.nearest),
        (Verdict::Fails, vec![])
    );
}

#[test]
fn the_nearest_claims_come_first_and_are_few() {
    let rules =
        "c:[Type == \"a\", Value == \"x\", Issuer == \"LOCAL AUTHORITY\"] => issue(claim = c);";
    let claims = [("a", "1"), ("a", "2"), ("a", "X"), ("a", "3"), ("a", "4")];
    let nearest: Vec<usize> = condition(rules, &claims)
        .nearest
        .iter()
        .map(|miss| miss.claim)
        .collect();
    assert_eq!(nearest, [2, 0, 1]);
}

#[test]
fn aggregates_tell_what_they_found() {
    let cases = [
        ("EXISTS([Type == \"a\"])", Verdict::Holds, vec![0, 1]),
        ("NOT EXISTS([Type == \"a\"])", Verdict::Fails, vec![0, 1]),
        ("COUNT([Type == \"a\"]) > 2", Verdict::Fails, vec![0, 1]),
        ("COUNT([Type == \"b\"]) == 1", Verdict::Holds, vec![2]),
        ("EXISTS([Type == \"c\"])", Verdict::Fails, vec![]),
    ];
    for (text, verdict, matches) in cases {
        let found = condition(
            &format!("{text} => issue(Type = \"z\");"),
            &[("a", "1"), ("a", "2"), ("b", "1")],
        );
        assert_eq!(
            (found.verdict, found.matches, found.selector),
            (verdict, matches, false),
            "{text}"
        );
    }
}

#[test]
fn conditions_between_claims_are_followed() {
    let rules = "a:[Type == \"a\"] && b:[Type == \"b\", Value == a.Value] && NOT EXISTS([Type == \"c\", Value == b.Value]) => issue(Type = \"z\");";
    let verdicts = |claims: &[(&str, &str)]| -> Vec<Verdict> {
        explain(rules, claims).rules[0]
            .conditions
            .iter()
            .map(|condition| condition.verdict)
            .collect()
    };
    use Verdict::{Fails, Holds, Unknown};
    assert_eq!(verdicts(&[("a", "1"), ("b", "1")]), [Holds, Holds, Holds]);
    assert_eq!(
        verdicts(&[("a", "1"), ("b", "1"), ("c", "1")]),
        [Holds, Holds, Fails]
    );
    assert_eq!(verdicts(&[("a", "1"), ("b", "2")]), [Holds, Fails, Unknown]);
    assert_eq!(verdicts(&[("b", "2")]), [Fails, Unknown, Unknown]);
    let trace = explain(rules, &[("a", "1"), ("b", "2")]);
    assert_eq!(
        trace.rules[0].conditions[1].nearest[0].failed[0].test,
        "Value == a.Value"
    );
}

#[test]
fn every_claim_knows_its_run_and_fate() {
    let rules = "c:[Type == \"a\"] => add(Type = \"m\", Value = \"v\");
        c:[Type == \"m\"] => issue(Type = \"o\", Value = c.Value);
        c:[Type == \"a\"] => issue(claim = c);
        c:[Type == \"a\"] => issue(claim = c);
        c:[Type == \"a\"] => add(claim = c);";
    let trace = explain(rules, &[("a", "1"), ("a", "2")]);
    let fates: Vec<Vec<(usize, Fate)>> = trace
        .rules
        .iter()
        .map(|rule| {
            let made = rule.runs.iter().flat_map(|run| &run.made);
            made.map(|made| (made.claim, made.fate)).collect()
        })
        .collect();
    use Fate::{Added, AlreadyIssued, Issued, NoEffect};
    let expected = [
        vec![(2, Added), (3, Added)],
        vec![(4, Issued), (5, AlreadyIssued)],
        vec![(0, Issued), (1, Issued)],
        vec![(0, AlreadyIssued), (1, AlreadyIssued)],
        vec![(0, NoEffect), (1, NoEffect)],
    ];
    assert_eq!(fates, expected);
    assert_eq!(trace.incoming, 2);
    assert_eq!(
        trace.issued().map(|(claim, ..)| claim).collect::<Vec<_>>(),
        [4, 0, 1]
    );
}

struct Pairs;

impl AttributeStore for Pairs {
    fn query(&self, query: &StoreQuery) -> Result<Rows, StoreError> {
        match query.params[0].as_str() {
            "none" => Ok(vec![]),
            "fail" => Err(StoreError::new("no luck")),
            user => Ok(vec![
                vec![Some(format!("{user}1")), None],
                vec![Some(format!("{user}2")), Some("t".to_owned())],
            ]),
        }
    }
}

fn ask(users: &[&str]) -> (bool, Trace) {
    let rules = "c:[Type == \"u\"] => issue(store = \"S\", types = (\"a\", \"b\"), query = \"q {0}\", param = c.Value);";
    let stores = std::collections::HashMap::from([("S".to_owned(), Pairs)]);
    let input = users.iter().map(|user| Claim::new("u", *user)).collect();
    let (outcome, trace) = RuleSet::compile(rules).unwrap().explain(input, &stores);
    (outcome.is_ok(), trace)
}

#[test]
fn queries_are_told_with_their_answers() {
    let (_, trace) = ask(&["x", "none", "y"]);
    let runs = &trace.rules[0].runs;
    let values = |run: &Run| -> Vec<&str> {
        run.made
            .iter()
            .map(|made| trace.claims[made.claim].value.as_str())
            .collect()
    };
    assert_eq!(values(&runs[0]), ["x1", "x2", "t"]);
    assert_eq!(values(&runs[1]), [""; 0]);
    // The third value of y is the second t and not issued again, but it is there.
    assert_eq!(values(&runs[2]), ["y1", "y2", "t"]);
    assert_eq!(runs[2].made[2].fate, Fate::AlreadyIssued);
    let query = runs[1].query.as_ref().unwrap();
    assert_eq!(
        (query.query.params[0].as_str(), &query.answer),
        ("none", &Some(vec![]))
    );
}

#[test]
fn a_failure_leaves_what_happened_before() {
    let (succeeded, trace) = ask(&["x", "fail"]);
    assert!(!succeeded);
    let answers: Vec<bool> = trace.rules[0]
        .runs
        .iter()
        .map(|run| run.query.as_ref().unwrap().answer.is_some())
        .collect();
    assert_eq!(answers, [true, false]);
    assert!(trace.tell().contains("got no answer"));
}

#[test]
fn origins_lead_back_to_what_came_in() {
    let rules = "@RuleName = \"flag\" NOT EXISTS([Type == \"x\"]) => add(Type = \"f\", Value = \"1\");
        @RuleName = \"both\" c1:[Type == \"f\"] && c2:[Type == \"a\"] => issue(Type = \"urn:o/out\", Value = c1.Value + c2.Value);";
    let trace = explain(rules, &[("a", "2")]);
    let origins = trace.origins(|claim| same_type(&claim.claim_type, "OUT"));
    let expected = "urn:o/out = \"12\"
  issued by rule 2 \"both\" (line 2)
  c1 = f = \"1\"
    added by rule 1 \"flag\" (line 1)
    since NOT EXISTS([Type == \"x\"])
  c2 = a = \"2\"
    came in
";
    assert_eq!(
        origins.iter().map(ToString::to_string).collect::<String>(),
        expected
    );
}

#[test]
fn long_ways_are_cut() {
    let mut rules = "c:[Type == \"t0\"] => add(Type = \"t1\", Value = c.Value);".to_owned();
    for number in 1..60 {
        rules += &format!(
            "c:[Type == \"t{number}\"] && d:[Type == \"t{number}\"] => issue(Type = \"t{}\", Value = c.Value + d.Value);",
            number + 1
        );
    }
    let trace = explain(&rules.replace("c.Value + d.Value", "\"v\""), &[("t0", "v")]);
    let text: String = trace
        .origins(|claim| claim.claim_type == "t60")
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        text.contains("issued by rule 60") && text.lines().count() < 400,
        "{text}"
    );
}

#[test]
fn what_strangers_wrote_does_nothing_to_a_terminal() {
    let trace = explain("c:[] => issue(claim = c);", &[("a", "\u{1b}[2J\u{202e}\n")]);
    assert!(trace.tell().contains("\\u{1b}[2J\\u{202e}\\u{a}"));
}

#[test]
fn rules_are_found_by_number_and_name() {
    let trace = explain(
        "@RuleName = \"One\" => issue(Type = \"a\"); => issue(Type = \"b\");",
        &[],
    );
    for (asked, expected) in [
        ("1", vec![1]),
        ("one", vec![1]),
        ("2", vec![2]),
        ("3", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(
            trace
                .rules_named(asked)
                .map(|rule| rule.rule.number)
                .collect::<Vec<_>>(),
            expected
        );
    }
}

#[test]
fn missing_claims_name_the_rules_that_would_make_them() {
    let rules = "c:[Type == \"x\"] => issue(Type = \"urn:a/want\", Value = \"v\"); c:[Type == \"a\"] => issue(claim = c);";
    let trace = explain(rules, &[("a", "1")]);
    let expected = "rule 1 (line 1) did not run\n  no claim matches c:[Type == \"x\"]\n    and none comes near: no claim has this type\n";
    assert_eq!(trace.tell_missing("want"), expected);
}

#[test]
fn a_trace_changes_nothing() {
    let rules =
        RuleSet::compile(&crate::entra::default_rules(&["contoso.com"], &[]).unwrap()).unwrap();
    let input = vec![
        Claim::new(
            "http://schemas.microsoft.com/ws/2008/06/identity/claims/groupsid",
            "S-1-5-21-1-2-3-515",
        )
        .issued_by("AD AUTHORITY"),
    ];
    let (traced, _) = rules.explain(input.clone(), &NoStores);
    assert_eq!(traced, rules.evaluate(input, &NoStores));
}

struct Person;

impl AttributeStore for Person {
    fn query(&self, query: &StoreQuery) -> Result<Rows, StoreError> {
        let mut row = vec![None; query.columns];
        row[3] = Some("Account manager".to_owned());
        Ok(vec![row])
    }
}

/// The set of thirty rules that docs/claim-rules.md explains.
#[test]
fn mistakes_in_thirty_rules_are_found() {
    let rules = RuleSet::compile(include_str!("../../rules/expenses.claims")).unwrap();
    let stores = std::collections::HashMap::from([("Active Directory".to_owned(), Person)]);
    let account = "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname";
    let inside = "http://schemas.microsoft.com/ws/2012/01/insidecorporatenetwork";
    let input = vec![
        Claim::new(account, "CONTOSO\\alice"),
        Claim::new(inside, "false"),
    ];
    let (outcome, trace) = rules.explain(input, &stores);
    outcome.unwrap();
    assert_eq!(trace.rules.len(), 30);
    for (number, hint) in [
        ("11", Hint::Case),
        ("13", Hint::PlainComparison),
        ("27", Hint::Scheme),
    ] {
        let rule = trace.rules_named(number).next().unwrap();
        let nearest = &rule.conditions[0].nearest[0];
        assert_eq!(nearest.failed[0].hint, Some(hint), "rule {number}");
    }
    let origins = trace.origins(|claim| same_type(&claim.claim_type, "cost-centre"));
    assert_eq!(origins[0].claim.value, "CONTOSO/4100");
}
