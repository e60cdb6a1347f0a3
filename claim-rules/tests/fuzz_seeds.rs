//! The seeds of the fuzz targets, replayed on the stable compiler.
#![expect(clippy::expect_used, reason = "a missing seed fails its test")]

#[path = "../fuzz/checks/evaluation.rs"]
mod evaluation;
#[path = "../fuzz/checks/parsing.rs"]
mod parsing;

use std::path::Path;

fn replay(target: &str, check: fn(&str)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the seeds") {
        let octets = std::fs::read(entry.expect("an entry").path()).expect("a seed");
        // The targets take text, and so leave octets out that are none.
        if let Ok(text) = std::str::from_utf8(&octets) {
            check(text);
            count += 1;
        }
    }
    assert!(count >= 10, "{target}: {count} seeds");
}

#[test]
fn seeds_of_the_parser() {
    replay("claim_rule_parse", parsing::check);
}

#[test]
fn seeds_of_the_evaluation() {
    replay("claim_rule_eval", evaluation::check);
}
