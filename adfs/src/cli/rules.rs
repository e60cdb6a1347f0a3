//! `adfs rules`: tries claim rules. Needs no server, and no configuration either unless a user is named.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use claim_rules::case::Case;
use claim_rules::{Diagnostic, RuleSet, Severity};
use clap::Subcommand;
use serde_json::{Value, json};

use super::Output;
use super::explain::{self, Explain};

/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// The command itself was wrong.
const USAGE: u8 = 2;

/// `adfs rules ...`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read a file with rules and show the first mistake in it, and doubtful places
    Check {
        /// Rule text; - reads standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Say which rule made a claim from what, and why other rules did not run
    Explain(Explain),
    /// Evaluate the rules of a JSON case with its input and stores, and print claims or error as JSON
    Eval {
        /// The case; - reads standard input
        #[arg(value_name = "FILE.json")]
        file: PathBuf,
    },
}

/// Does what the command says.
///
/// # Errors
/// When the result cannot be written as JSON.
pub(super) fn run(command: &Command, output: Output) -> anyhow::Result<ExitCode> {
    let done = match command {
        Command::Check { file } => read(file).map(|text| Ok(check(file, &text, output))),
        Command::Eval { file } => read(file).map(|text| evaluate(file, &text)),
        Command::Explain(arguments) => return explain::run(arguments, output),
    };
    done.unwrap_or_else(|error| Ok(refuse(&error)))
}

pub(super) fn refuse(error: &anyhow::Error) -> ExitCode {
    eprintln!("adfs: {error:#}");
    ExitCode::from(USAGE)
}

pub(super) fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let size = if file == Path::new("-") {
        if std::io::stdin().is_terminal() {
            eprintln!("adfs: reading from the terminal; end with Ctrl-D");
        }
        std::io::stdin()
            .take(MAX_FILE + 1)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(file)
            .and_then(|opened| opened.take(MAX_FILE + 1).read_to_string(&mut text))
    };
    let size = size.with_context(|| format!("{} cannot be read", file.display()))?;
    anyhow::ensure!(
        size as u64 <= MAX_FILE,
        "{} has more than {MAX_FILE} bytes",
        file.display()
    );
    Ok(text)
}

/// Code 0: the rules can be used; 1: they cannot.
fn check(file: &Path, text: &str, output: Output) -> ExitCode {
    let compiled = RuleSet::compile(text);
    let findings = match &compiled {
        Ok(rules) => rules.warnings(),
        Err(finding) => std::slice::from_ref(finding),
    };
    match output {
        Output::Json => println!("{}", Value::from_iter(findings.iter().map(as_json))),
        Output::Table => {
            let origin = file.display().to_string();
            findings
                .iter()
                .for_each(|finding| eprintln!("{}\n", finding.render(&origin)));
            if let Ok(rules) = &compiled {
                println!("{}", summary(rules.syntax().rules.len(), findings.len()));
            }
        }
    }
    if compiled.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn summary(rules: usize, warnings: usize) -> String {
    let counted = |count: usize, word: &str| {
        if count == 1 {
            format!("1 {word}")
        } else {
            format!("{count} {word}s")
        }
    };
    format!(
        "{}, no errors, {}",
        counted(rules, "rule"),
        counted(warnings, "warning")
    )
}

fn as_json(finding: &Diagnostic) -> Value {
    json!({
        "severity": match finding.severity() { Severity::Error => "error", Severity::Warning => "warning" },
        "code": finding.code(),
        "inner_code": finding.inner_code(),
        "line": finding.line(),
        "column": finding.column(),
        "message": finding.message(),
        "help": finding.help(),
    })
}

/// Code 0 for claims and for errors of rules alike, since either may be what the case is about; 2 when it is no case.
fn evaluate(file: &Path, text: &str) -> anyhow::Result<ExitCode> {
    match Case::from_json(text.trim_start_matches('\u{feff}')) {
        Ok(case) => {
            println!("{}", serde_json::to_string(&case.run())?);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Ok(refuse(
            &anyhow::Error::new(error).context(format!("{} is no rule case", file.display())),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        (folder, path)
    }

    /// ExitCode has no comparison of its own.
    fn code(command: &Command) -> String {
        format!("{:?}", run(command, Output::Json).expect("a code"))
    }

    #[test]
    fn codes_say_what_came_out() {
        let success = format!("{:?}", ExitCode::SUCCESS);
        let failure = format!("{:?}", ExitCode::FAILURE);
        let usage = format!("{:?}", ExitCode::from(USAGE));
        for (text, expected) in [
            ("c:[] => issue(claim = c);", &success),
            ("c:[] => issue(claim = d);", &failure),
        ] {
            let (_folder, path) = file("rules", text);
            assert_eq!(&code(&Command::Check { file: path }), expected, "{text}");
        }
        for (text, expected) in [
            (
                "{\"rules\": \"\", \"input\": [], \"attribute_store\": {}}",
                &success,
            ),
            ("{\"rules\": \"oops\"}", &success),
            ("{}", &usage),
            ("", &usage),
        ] {
            let (_folder, path) = file("case.json", text);
            assert_eq!(&code(&Command::Eval { file: path }), expected, "{text}");
        }
        assert_eq!(
            code(&Command::Eval {
                file: PathBuf::from("/nowhere/case.json")
            }),
            usage
        );
        assert_eq!(
            code(&Command::Check {
                file: PathBuf::from("/nowhere/rules")
            }),
            usage
        );
    }

    #[test]
    fn findings_are_complete_in_json() {
        let finding = RuleSet::compile("c1;[]=>Issue(claim=c1);").expect_err("a mistake");
        let written = as_json(&finding);
        assert_eq!(
            (&written["code"], &written["inner_code"]),
            (&json!("POLICY0002"), &json!("POLICY0030"))
        );
        assert_eq!(
            (&written["line"], &written["column"], &written["severity"]),
            (&json!(1), &json!(2), &json!("error"))
        );
    }

    #[test]
    fn summaries_count() {
        assert_eq!(summary(1, 0), "1 rule, no errors, 0 warnings");
        assert_eq!(summary(2, 1), "2 rules, no errors, 1 warning");
    }
}
