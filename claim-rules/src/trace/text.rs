//! The record for people.

use std::fmt::{self, Display, Formatter, Write as _};

use super::{ConditionTrace, Fate, Origin, QueryTrace, RuleTrace, Run, Source, Trace, Verdict};
use crate::case::CaseClaim;

/// Characters of one text.
const TEXT: usize = 300;
/// Rows, runs or claims of one kind.
const ITEMS: usize = 20;

impl Trace {
    /// What every rule did, one block of lines each.
    pub fn tell(&self) -> String {
        let blocks: Vec<String> = self.rules.iter().map(|rule| self.tell_rule(rule)).collect();
        blocks.join("\n")
    }

    /// What one rule of this trace did, with the reasons where it did not run. Ends with a line break.
    pub fn tell_rule(&self, rule: &RuleTrace) -> String {
        let mut lines = Lines::default();
        let word = if rule.runs.is_empty() {
            "did not run"
        } else {
            "ran"
        };
        lines.add(0, &format!("{} {word}", rule.rule));
        if rule.runs.is_empty() {
            for condition in &rule.conditions {
                self.tell_obstacle(condition, &mut lines);
            }
            if rule.obstacles().next().is_none() {
                lines.add(1, "no combination of claims meets all of its conditions");
            }
        }
        for run in rule.runs.iter().take(ITEMS) {
            self.tell_run(rule, run, &mut lines);
        }
        lines.more(1, rule.runs.len(), "runs");
        lines.0
    }

    /// Why the rules that name this claim type as theirs issued none: one block for each of them.
    pub fn tell_missing(&self, claim_type: &str) -> String {
        let makers = self
            .rules
            .iter()
            .filter(|rule| rule.makes.iter().any(|made| same_type(made, claim_type)));
        makers.map(|rule| self.tell_rule(rule)).collect()
    }

    fn tell_obstacle(&self, condition: &ConditionTrace, lines: &mut Lines) {
        let text = for_terminal(&condition.text);
        match (condition.verdict, condition.selector) {
            (Verdict::Holds, _) => return,
            (Verdict::Unknown, _) => {
                lines.add(1, &format!("{text} was not looked at"));
                return;
            }
            (Verdict::Fails, true) => lines.add(1, &format!("no claim matches {text}")),
            (Verdict::Fails, false) => {
                let count = match condition.found {
                    0 => "no claim matches".to_owned(),
                    1 => "1 claim matches".to_owned(),
                    count => format!("{count} claims match"),
                };
                lines.add(1, &format!("{text} does not hold, {count}"));
            }
        }
        for claim in &condition.matches {
            lines.add(2, &self.claim(*claim));
        }
        for miss in &condition.nearest {
            lines.add(2, &format!("near: {}", self.claim(miss.claim)));
            for failed in &miss.failed {
                let hint = failed
                    .hint
                    .map(|hint| format!(" ({hint})"))
                    .unwrap_or_default();
                lines.add(
                    3,
                    &format!(
                        "fails {}: it is {}{hint}",
                        for_terminal(&failed.test),
                        quoted(&failed.found)
                    ),
                );
            }
        }
        if condition.nearest.is_empty() && condition.matches.is_empty() {
            lines.add(2, "and none comes near: no claim has this type");
        }
    }

    fn tell_run(&self, rule: &RuleTrace, run: &Run, lines: &mut Lines) {
        if run.bound.is_empty() {
            lines.add(1, "once");
        }
        for (name, claim) in rule.names.iter().zip(&run.bound) {
            let name = name
                .as_ref()
                .map(|name| format!("{name} = "))
                .unwrap_or_default();
            lines.add(1, &format!("for {name}{}", self.claim(*claim)));
        }
        if let Some(query) = &run.query {
            tell_query(2, query, lines);
        }
        for made in run.made.iter().take(ITEMS) {
            let word = match made.fate {
                Fate::Issued => "issued",
                Fate::AlreadyIssued => "issued again, which counts once:",
                Fate::Added => "added for later rules",
                Fate::NoEffect => "added without effect, since it was there:",
            };
            lines.add(2, &format!("{word} {}", self.claim(made.claim)));
        }
        lines.more(2, run.made.len(), "claims");
        if run.made.is_empty() {
            lines.add(2, "made no claim");
        }
    }

    /// `[number] type = "value"`, with the issuer where it is not the usual one.
    fn claim(&self, index: usize) -> String {
        let Some(claim) = self.claims.get(index) else {
            return format!("[{index}]");
        };
        let issuer = if claim.issuer == crate::LOCAL_AUTHORITY {
            String::new()
        } else {
            format!(" (issuer {})", for_terminal(&claim.issuer))
        };
        let (claim_type, value) = (for_terminal(&claim.claim_type), quoted(&claim.value));
        format!("[{index}] {claim_type} = {value}{issuer}")
    }
}

/// Whether `asked` means this claim type: the whole URI, or what stands behind its last slash.
pub fn same_type(claim_type: &str, asked: &str) -> bool {
    let last = claim_type.rsplit('/').next().unwrap_or_default();
    claim_type.eq_ignore_ascii_case(asked) || last.eq_ignore_ascii_case(asked)
}

fn tell_query(depth: usize, query: &QueryTrace, lines: &mut Lines) {
    let params: Vec<String> = query
        .query
        .params
        .iter()
        .map(|param| quoted(param))
        .collect();
    let with = if params.is_empty() {
        String::new()
    } else {
        format!(" with {}", params.join(", "))
    };
    let (store, text) = (
        for_terminal(&query.query.store),
        for_terminal(&query.query.query),
    );
    lines.add(depth, &format!("asked {store}: {text}{with}"));
    let Some(answer) = &query.answer else {
        lines.add(depth, "got no answer");
        return;
    };
    if answer.is_empty() {
        lines.add(depth, "answer: nothing found");
    }
    for row in answer.iter().take(ITEMS) {
        let cells = row.iter().map(|cell| {
            cell.as_ref()
                .map_or("(none)".to_owned(), |text| quoted(text))
        });
        lines.add(
            depth,
            &format!("answer: {}", cells.collect::<Vec<_>>().join(", ")),
        );
    }
    lines.more(depth, answer.len(), "rows");
}

impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut lines = Lines::default();
        tell_origin(0, None, self, &mut lines);
        f.write_str(&lines.0)
    }
}

fn tell_origin(depth: usize, name: Option<&str>, origin: &Origin, lines: &mut Lines) {
    let CaseClaim {
        claim_type, value, ..
    } = &origin.claim;
    let name = name.map(|name| format!("{name} = ")).unwrap_or_default();
    lines.add(
        depth,
        &format!("{name}{} = {}", for_terminal(claim_type), quoted(value)),
    );
    match &origin.source {
        Source::Incoming(None) => lines.add(depth + 1, "came in"),
        Source::Incoming(Some(known)) => lines.add(depth + 1, known),
        Source::Further => lines.add(depth + 1, "was made by further rules"),
        Source::Rule {
            rule,
            fate,
            given,
            query,
        } => {
            let word = match fate {
                Fate::Issued | Fate::AlreadyIssued => "issued",
                Fate::Added | Fate::NoEffect => "added",
            };
            lines.add(depth + 1, &format!("{word} by {rule}"));
            for condition in given {
                lines.add(depth + 1, &format!("since {}", for_terminal(condition)));
            }
            if let Some(query) = query {
                tell_query(depth + 1, query, lines);
            }
        }
    }
    for bound in &origin.from {
        let name = bound.name.as_deref().unwrap_or("a claim");
        tell_origin(depth + 1, Some(name), &bound.origin, lines);
    }
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.0, "{}{text}", "  ".repeat(depth));
    }

    fn more(&mut self, depth: usize, count: usize, word: &str) {
        if count > ITEMS {
            self.add(depth, &format!("... and {} more {word}", count - ITEMS));
        }
    }
}

/// A text as a terminal may have it: claims carry texts of strangers, and nothing in them may act there. Long ones are
/// cut.
pub fn for_terminal(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == TEXT {
            shown.push_str("...");
            break;
        }
        if is_plain(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    shown
}

/// Neither a control character nor one that changes the direction of writing.
fn is_plain(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    !character.is_control() && !turns
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", for_terminal(text))
}
