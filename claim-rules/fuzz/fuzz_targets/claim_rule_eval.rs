//! Whatever the rules and the claims, an evaluation ends within its limits.
#![no_main]

use claim_rules::{Claim, Limits, NoStores, RuleSet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, Vec<(&str, &str)>)| {
    let (text, pairs) = input;
    let Ok(rules) = RuleSet::compile(text) else {
        return;
    };
    let claims = pairs
        .into_iter()
        .map(|(claim_type, value)| Claim::new(claim_type, value))
        .collect();
    if let Ok(output) = rules.evaluate(claims, &NoStores) {
        assert!(output.len() <= Limits::default().claims);
    }
});
