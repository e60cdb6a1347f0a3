// What must hold for any text. Shared by the fuzz target and by the test that replays its seeds.

use claim_rules::RuleSet;
use claim_rules::syntax::parse;

/// What the parser takes, it prints in a form that it reads as the same tree; what it refuses, it can point at.
pub(crate) fn check(text: &str) {
    match parse(text) {
        Ok(parsed) => {
            let printed = parsed.tree.to_string();
            let again = parse(&printed).map(|again| again.tree);
            assert_eq!(again, Ok(parsed.tree), "{printed}");
        }
        Err(finding) => assert!(finding.render("fuzz").contains('^')),
    }
    let _ = RuleSet::compile(text);
}
