// What must hold for any rules on any claims. Shared by the fuzz target and by the test that replays its seeds.

use claim_rules::{Claim, Limits, NoStores, RuleSet};

/// Stands between the rules and the claims of an input.
const SEPARATOR: &str = "\n---\n";

/// Whatever the rules and the claims, an evaluation ends within its limits, and looking at it changes nothing. The
/// input is rule text, a line of three hyphens, and a line `type=value` for each claim.
pub(crate) fn check(input: &str) {
    let (text, claims) = input.split_once(SEPARATOR).unwrap_or((input, ""));
    let Ok(rules) = RuleSet::compile(text) else {
        return;
    };
    let claims: Vec<Claim> = claims
        .lines()
        .map(|line| line.split_once('=').unwrap_or((line, "")))
        .map(|(claim_type, value)| Claim::new(claim_type, value))
        .collect();
    let outcome = rules.evaluate(claims.clone(), &NoStores);
    if let Ok(output) = &outcome {
        assert!(output.len() <= Limits::default().claims);
    }
    let (explained, trace) = rules.explain(claims, &NoStores);
    assert_eq!(explained, outcome);
    assert!(trace.rules.len() <= rules.syntax().rules.len());
    let _ = trace.tell();
}
