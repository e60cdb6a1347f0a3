//! What holds for any rules on any claims.

use claim_rules::{Claim, NoStores, RuleSet};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const TYPES: [&str; 4] = ["a", "b", "c", "d"];
const VALUES: [&str; 4] = ["1", "2", "12", "x"];

fn test(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let left = select(vec![
        "Type",
        "Value",
        "Issuer",
        "ValueType",
        "Properties[\"p\"]",
    ]);
    let comparison = select(vec!["==", "!=", "=~", "!~"]);
    let right = prop_oneof![
        3 => select(TYPES.to_vec()).prop_map(|text| format!("\"{text}\"")),
        3 => select(VALUES.to_vec()).prop_map(|text| format!("\"{text}\"")),
        1 => select(names.to_vec()).prop_map(str::to_owned),
    ];
    (left, comparison, right)
        .prop_map(|(left, comparison, right)| format!("{left} {comparison} {right}"))
}

fn body(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    vec(test(names), 0..3).prop_map(|tests| format!("[{}]", tests.join(", ")))
}

fn aggregate() -> impl Strategy<Value = String> {
    prop_oneof![
        body(&["\"z\""]).prop_map(|body| format!("EXISTS({body})")),
        body(&["\"z\""]).prop_map(|body| format!("NOT EXISTS({body})")),
        (body(&["\"z\""]), 0..4_u8).prop_map(|(body, number)| format!("COUNT({body}) > {number}")),
    ]
}

/// A rule over two claims, one, or none.
fn rule() -> impl Strategy<Value = String> {
    let verb = || select(vec!["issue", "add"]);
    let value = |names: Vec<&'static str>| {
        let plain = select(names);
        let end = select(VALUES.to_vec());
        (plain, end, any::<bool>()).prop_map(|(plain, end, replaced)| {
            if replaced {
                format!("RegExReplace({plain}, \"([12])+\", \"<$1>\") + \"{end}\"")
            } else {
                plain.to_owned()
            }
        })
    };
    let create = move |names: Vec<&'static str>| {
        (select(TYPES.to_vec()), value(names))
            .prop_map(|(claim_type, value)| format!("Type = \"{claim_type}\", Value = {value}"))
    };
    prop_oneof![
        (vec(aggregate(), 0..3), verb(), create(vec!["\"v\""])).prop_map(
            |(conditions, verb, action)| {
                format!("{} => {verb}({action});", conditions.join(" && "))
            }
        ),
        (
            body(&["\"z\""]),
            verb(),
            prop_oneof![
                Just("claim = c".to_owned()),
                create(vec!["c.Value", "c.Type"])
            ]
        )
            .prop_map(|(body, verb, action)| format!("c:{body} => {verb}({action});")),
        (
            body(&["\"z\""]),
            body(&["c.Value", "c.Type"]),
            proptest::option::of(aggregate()),
            verb(),
            prop_oneof![
                Just("claim = d".to_owned()),
                create(vec!["c.Value", "d.Value"])
            ]
        )
            .prop_map(|(first, second, aggregate, verb, action)| {
                let aggregate = aggregate
                    .map(|text| format!(" && {text}"))
                    .unwrap_or_default();
                format!("c:{first} && d:{second}{aggregate} => {verb}({action});")
            }),
    ]
}

fn rules() -> impl Strategy<Value = RuleSet> {
    vec(rule(), 0..6).prop_map(|rules| {
        let text = rules.join("\n");
        RuleSet::compile(&text).unwrap_or_else(|error| panic!("{}", error.render(&text)))
    })
}

fn claims() -> impl Strategy<Value = Vec<Claim>> {
    let claim = (
        select(TYPES.to_vec()),
        select(VALUES.to_vec()),
        any::<bool>(),
    );
    vec(
        claim.prop_map(|(claim_type, value, known)| {
            let claim = Claim::new(claim_type, value);
            if known {
                claim.with_property("p", "1")
            } else {
                claim
            }
        }),
        0..8,
    )
}

/// The output as the set that it is (section 3.8); `None` when a limit ended the evaluation.
fn output(rules: &RuleSet, input: Vec<Claim>) -> Option<Vec<(String, String)>> {
    let claims = rules.evaluate(input, &NoStores).ok()?;
    let pairs = claims
        .into_iter()
        .map(|claim| (claim.claim_type, claim.value));
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    Some(pairs)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_order_of_incoming_claims_does_not_matter(
        rules in rules(),
        (one, other) in claims().prop_flat_map(|claims| (Just(claims.clone()), Just(claims).prop_shuffle())),
    ) {
        prop_assert_eq!(output(&rules, one), output(&rules, other), "{}", rules.syntax());
    }

    #[test]
    fn claims_that_no_rule_reads_do_not_matter(rules in rules(), input in claims()) {
        let read: Vec<Claim> = input.iter().filter(|claim| rules.may_read(&claim.claim_type)).cloned().collect();
        // Fewer claims may keep an evaluation within its limits.
        if let (Some(all), Some(read)) = (output(&rules, input), output(&rules, read)) {
            prop_assert_eq!(all, read, "{}", rules.syntax());
        }
    }

    #[test]
    fn the_printed_rules_do_the_same(rules in rules(), input in claims()) {
        let printed = rules.syntax().to_string();
        let again = RuleSet::compile(&printed).map_err(|error| TestCaseError::fail(error.render(&printed)))?;
        let outcome = |rules: &RuleSet| {
            let outcome = rules.evaluate(input.clone(), &NoStores);
            // The lines of rules are others.
            outcome.map_err(|error| error.failure().clone())
        };
        prop_assert_eq!(outcome(&rules), outcome(&again));
    }

    #[test]
    fn a_record_changes_nothing_and_accounts_for_every_claim(rules in rules(), input in claims()) {
        let (outcome, trace) = rules.explain(input.clone(), &NoStores);
        prop_assert_eq!(&outcome, &rules.evaluate(input.clone(), &NoStores));
        if let Ok(issued) = outcome {
            let told: Vec<Claim> = trace.issued().map(|(claim, ..)| trace.claims[claim].clone()).collect();
            prop_assert_eq!(told, issued);
            prop_assert_eq!(&trace.claims[..trace.incoming], &input[..]);
            for origin in trace.origins(|_| true) {
                prop_assert!(!origin.to_string().is_empty());
            }
            // A rule that did not run has a condition to blame, or nothing to combine.
            for rule in &trace.rules {
                prop_assert!(rule.runs.is_empty() || rule.obstacles().next().is_none(), "{}", trace.tell_rule(rule));
            }
        }
    }
}
