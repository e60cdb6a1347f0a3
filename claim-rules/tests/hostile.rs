//! Rules and claims that want to cost too much: they end soon, with an error that says why.
#![expect(
    clippy::expect_used,
    reason = "rules that do not compile fail their test"
)]

use std::time::{Duration, Instant};

use claim_rules::{Claim, EvaluationError, Failure, Limit, Limits, NoStores, RuleSet, Step};

/// More than any of these takes without optimisation on a busy machine, and far less than running away would.
const SOON: Duration = Duration::from_secs(20);

fn refused(text: &str) -> String {
    let start = Instant::now();
    let finding = RuleSet::compile(text).expect_err("a refusal");
    assert!(start.elapsed() < SOON, "{finding}");
    let rendered = finding.render("hostile");
    assert!(
        rendered.len() < 2_000,
        "a message of {} bytes",
        rendered.len()
    );
    finding.message().to_owned()
}

fn stopped(text: &str, input: Vec<Claim>) -> Limit {
    let rules = RuleSet::compile(text).expect("rules");
    let start = Instant::now();
    let error = rules.evaluate(input, &NoStores).expect_err("a limit");
    assert!(start.elapsed() < SOON, "{error}");
    match error.failure() {
        Failure::Limit(limit) => *limit,
        other => panic!("{other}"),
    }
}

#[test]
fn large_and_deep_texts_are_refused() {
    let million = 1_000_000;
    let cases = [
        (
            "c:[] => issue(claim = c);\n".repeat(400_000),
            "more than 1048576",
        ),
        ("x".repeat(10 * 1024 * 1024), "more than 1048576"),
        ("(".repeat(million), "unexpected '('"),
        ("[".repeat(million), "unexpected '['"),
        (
            format!("c:[Value == {}", "RegExReplace(".repeat(50_000)),
            "nested more than",
        ),
        (
            format!("=> issue(Type = \"{}", "a".repeat(million)),
            "string",
        ),
        (
            "c:[Value =~ \"a\"] => issue(claim = c);".repeat(2_001),
            "more than 2000 regular expressions",
        ),
    ];
    for (text, message) in cases {
        let found = refused(&text);
        assert!(found.contains(message), "{message}: {found}");
    }
}

#[test]
fn patterns_that_grow_are_refused() {
    for pattern in [
        "(".repeat(10_000),
        format!("{}a{}", "(?:".repeat(5_000), ")".repeat(5_000)),
        format!("{}a{}", "(".repeat(5_000), "{9}){9}".repeat(5_000)),
        "(((a{1000}){1000}){1000}){1000}".to_owned(),
        "\\w{1000}".repeat(1_000),
    ] {
        refused(&format!("c:[Value =~ \"{pattern}\"] => issue(claim = c);"));
    }
}

#[test]
fn the_largest_rule_set_that_is_taken_ends_too() {
    let rule = "c:[]=>add(Type=\"a\");";
    let rules = rule.repeat(1024 * 1024 / rule.len());
    let limit = stopped(&rules, vec![Claim::new("a", "b")]);
    assert!(
        matches!(limit, Limit::Claims | Limit::Actions | Limit::Tests),
        "{limit:?}"
    );
}

#[test]
fn backtracking_is_stopped() {
    let text = format!("{}!", "a".repeat(5_000));
    let mut stops = Vec::new();
    for pattern in [
        "^(a+)+$(?!b)",
        "^(?=(a+)+b)",
        "(a*)*\\1\\1b",
        "^(?:(a|a|aa)+)\\1$",
        "^(?:a(?=a)|a)+$",
    ] {
        let rules = format!("c:[Value =~ \"{pattern}\"] => issue(claim = c);");
        let rules = RuleSet::compile(&rules).expect("rules");
        let start = Instant::now();
        let outcome = rules.evaluate(vec![Claim::new("a", text.as_str())], &NoStores);
        assert!(start.elapsed() < SOON, "{pattern}");
        // A pattern may be simpler than it looks; otherwise the limit is the only way out.
        match outcome.map_err(|error| error.failure().clone()) {
            Ok(claims) => assert_eq!(claims, [], "{pattern}"),
            Err(failure) => {
                assert_eq!(failure, Failure::Limit(Limit::Backtracking), "{pattern}");
                stops.push(pattern);
            }
        }
    }
    assert!(
        stops.contains(&"(a*)*\\1\\1b") && stops.len() >= 2,
        "{stops:?}"
    );
}

#[test]
fn patterns_without_look_around_need_no_limit() {
    let rules = RuleSet::compile("c:[Value =~ \"^(a+)+$\"] => issue(claim = c);").expect("rules");
    let start = Instant::now();
    let input = vec![Claim::new("a", format!("{}!", "a".repeat(60_000)))];
    assert_eq!(rules.evaluate(input, &NoStores), Ok(vec![]));
    assert!(start.elapsed() < SOON);
}

#[test]
fn products_and_growth_are_stopped() {
    let many: Vec<Claim> = (0..200)
        .map(|number| Claim::new("a", number.to_string()))
        .collect();
    let product = format!("{} => issue(Type = \"x\");", ["[]"; 8].join(" && "));
    assert_eq!(stopped(&product, many.clone()), Limit::Actions);
    let joined =
        "a:[] && b:[Value == a.Type] && c:[Value == a.Type] => issue(claim = a);".repeat(60);
    assert_eq!(stopped(&joined, many.clone()), Limit::Tests);
    assert_eq!(
        stopped(&"c:[] => add(Type = \"b\");".repeat(4), many),
        Limit::Claims
    );
    let doubling =
        "c:[] => add(Type = \"t\", Value = c.Value + c.Value + c.Value + c.Value);".repeat(9);
    let limit = stopped(&doubling, vec![Claim::new("t", "x".repeat(1_000))]);
    assert!(
        matches!(limit, Limit::ValueLength | Limit::Memory),
        "{limit:?}"
    );
    let replacing = "c:[] => issue(Type = \"t\", Value = RegExReplace(c.Value, \"\", \"$_\"));";
    let limit = stopped(replacing, vec![Claim::new("t", "x".repeat(5_000))]);
    assert!(
        matches!(limit, Limit::ValueLength | Limit::Matches),
        "{limit:?}"
    );
}

/// Comparisons are what evaluation costs; they are counted, so that this needs no clock.
#[test]
fn rules_of_one_condition_cost_in_proportion_to_claims() {
    const RULES: usize = 10;
    let rule = "c:[Type == \"a\", Value == \"none\"] => issue(claim = c);";
    let rules = RuleSet::compile(&rule.repeat(RULES)).expect("rules");
    for count in [10, 100, 1_000, 10_000] {
        let input: Vec<Claim> = (0..count)
            .map(|number| Claim::new("a", number.to_string()))
            .collect();
        let within = |tests: usize| -> Result<Step, EvaluationError> {
            let limits = Limits {
                tests,
                ..Limits::default()
            };
            rules.start_within(limits, input.clone()).step()
        };
        let exact = RULES * 2 * count;
        assert_eq!(within(exact), Ok(Step::Done(vec![])), "{count}");
        assert!(within(exact - 1).is_err(), "{count}");
    }
}
