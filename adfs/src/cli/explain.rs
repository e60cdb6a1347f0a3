//! `adfs rules explain`: where a claim comes from, and why a rule did not run.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use claim_rules::case::CaseInput;
use claim_rules::trace::{Origin, RuleTrace, Trace, for_terminal, same_type};
use claim_rules::{Diagnostic, RuleSet};
use clap::ValueEnum;
use serde_json::{Value, json};

use super::claims::verdict;
use super::dry_run::{Circumstances, Tried, try_sign_in};
use super::rules::{read, refuse};
use super::{ConfigArgument, Output, runtime};
use crate::claims::Stage;

/// `adfs rules explain ...`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("subject").required(true))]
pub(super) struct Explain {
    /// Rule text to explain; without it the issuance transform rules of the relying party trust; - reads standard input
    #[arg(value_name = "FILE", required_unless_present = "user")]
    file: Option<PathBuf>,
    /// Claims to run the rules on: JSON, an array of claims or a case with `input` and `attribute_store`
    #[arg(long, value_name = "FILE.json", group = "subject")]
    claims: Option<PathBuf>,
    /// A user of the directory, as user@domain or DOMAIN\user; no password is asked
    #[arg(
        long,
        value_name = "NAME",
        group = "subject",
        requires = "relying_party"
    )]
    user: Option<String>,
    /// The relying party trust, by identifier or name
    #[arg(long, value_name = "IDENTIFIER", requires = "user")]
    relying_party: Option<String>,
    /// Where claims of this type come from: the URI, or what stands behind its last slash
    #[arg(long, value_name = "TYPE")]
    claim: Option<String>,
    /// What this rule did: its number from 1, or its name
    #[arg(long, value_name = "NUMBER|NAME", conflicts_with = "claim")]
    rule: Option<String>,
    /// Which rules of the pipeline
    #[arg(long, value_enum, default_value_t = StageName::Transform, conflicts_with = "claims")]
    stage: StageName,
    #[command(flatten)]
    circumstances: Circumstances,
    #[command(flatten)]
    config: ConfigArgument,
}

/// `--stage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StageName {
    /// Acceptance transform rules of the directory
    Acceptance,
    /// Delegation authorization rules, for --requester
    Delegation,
    /// Impersonation authorization rules, for --requester
    Impersonation,
    /// Issuance authorization rules
    Authorization,
    /// Additional authentication rules
    AdditionalAuthentication,
    /// Issuance transform rules
    Transform,
}

impl StageName {
    fn is(self, stage: Stage) -> bool {
        stage
            == match self {
                StageName::Acceptance => Stage::AcceptanceTransform,
                StageName::Delegation => Stage::DelegationAuthorization,
                StageName::Impersonation => Stage::ImpersonationAuthorization,
                StageName::Authorization => Stage::IssuanceAuthorization,
                StageName::AdditionalAuthentication => Stage::AdditionalAuthentication,
                StageName::Transform => Stage::IssuanceTransform,
            }
    }
}

/// Code 0: explained; 1: there is nothing of the kind to explain, or the rules failed; 2: a file cannot be used.
///
/// # Errors
/// When the sign-in cannot be tried, or the rules have nothing that was asked for.
pub(super) fn run(arguments: &Explain, output: Output) -> anyhow::Result<ExitCode> {
    let rules = match arguments.file.as_ref().map(|file| (file, read(file))) {
        None => None,
        Some((_, Err(error))) => return Ok(refuse(&error)),
        Some((file, Ok(text))) => match RuleSet::compile(&text) {
            Ok(rules) => Some(rules),
            Err(finding) => return Ok(wrong(&finding, &file.display().to_string())),
        },
    };
    match (&arguments.claims, &arguments.user, &arguments.relying_party) {
        (Some(claims), _, _) => {
            let given = read(claims).and_then(|text| {
                CaseInput::from_json(text.trim_start_matches('\u{feff}'))
                    .with_context(|| format!("{} holds no claims", claims.display()))
            });
            match (given, rules) {
                (Ok(given), Some(rules)) => offline(arguments, &rules, given, output),
                (Err(error), _) => Ok(refuse(&error)),
                (Ok(_), None) => bail!("name the file with the rules to run on these claims"),
            }
        }
        (None, Some(user), Some(relying_party)) => {
            let tried = runtime()?.block_on(try_sign_in(
                &arguments.config.config,
                user,
                relying_party,
                &arguments.circumstances,
                rules.as_ref(),
            ))?;
            online(arguments, &tried, output)
        }
        // clap asks for one of the two.
        (None, ..) => bail!("name --claims, or --user and --relying-party"),
    }
}

fn wrong(finding: &Diagnostic, origin: &str) -> ExitCode {
    eprintln!("{}", finding.render(origin));
    ExitCode::FAILURE
}

fn offline(
    arguments: &Explain,
    rules: &RuleSet,
    given: CaseInput,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let (outcome, trace) = given.explain(rules);
    let failure = outcome.err().map(|error| error.to_string());
    let answer = Answer::find(arguments, &trace, |wanted| trace.origins(wanted))?;
    answer.print(&trace, failure.as_deref(), &[], output);
    Ok(code(failure.is_some()))
}

fn online(arguments: &Explain, tried: &Tried, output: Output) -> anyhow::Result<ExitCode> {
    let (decision, reason) = verdict(tried);
    let of_requester = matches!(
        arguments.stage,
        StageName::Delegation | StageName::Impersonation
    );
    let record = if of_requester {
        tried.record.requester()
    } else {
        Some(&tried.record)
    };
    let found = record.and_then(|record| {
        let mut stages = record.stages().iter();
        let stage = stages.find(|stage| arguments.stage.is(stage.stage))?;
        Some((record, stage))
    });
    let Some((record, stage)) = found else {
        bail!(
            "these rules did not run for {}; {decision}: {reason}",
            tried
                .requester
                .as_ref()
                .filter(|_| of_requester)
                .unwrap_or(&tried.account)
        );
    };
    let failure = tried.decision.as_ref().err().map(ToString::to_string);
    let origins =
        |wanted: &dyn Fn(&claim_rules::Claim) -> bool| record.origins(stage, |claim| wanted(claim));
    let answer = Answer::find(arguments, &stage.trace, origins)?;
    let sources: Vec<String> = (stage.trace.claims.iter().take(stage.trace.incoming))
        .map(|claim| record.source(stage.stage, claim))
        .collect();
    answer.print(&stage.trace, failure.as_deref(), &sources, output);
    Ok(code(failure.is_some()))
}

fn code(failed: bool) -> ExitCode {
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// What was asked, with what is to be said.
#[derive(Debug)]
enum Answer<'t> {
    Everything,
    Rules(Vec<&'t RuleTrace>),
    Claim {
        asked: String,
        origins: Vec<Origin>,
        makers: Vec<&'t RuleTrace>,
    },
}

impl<'t> Answer<'t> {
    fn find(
        arguments: &Explain,
        trace: &'t Trace,
        origins: impl Fn(&dyn Fn(&claim_rules::Claim) -> bool) -> Vec<Origin>,
    ) -> anyhow::Result<Answer<'t>> {
        if let Some(wanted) = &arguments.rule {
            let rules: Vec<_> = trace.rules_named(wanted).collect();
            if rules.is_empty() {
                let count = trace.rules.len();
                bail!("no rule has the number or name {wanted:?}; {count} rules had their turn");
            }
            return Ok(Answer::Rules(rules));
        }
        let Some(asked) = &arguments.claim else {
            return Ok(Answer::Everything);
        };
        let makes =
            |rule: &RuleTrace| -> bool { rule.makes.iter().any(|made| same_type(made, asked)) };
        Ok(Answer::Claim {
            asked: asked.clone(),
            origins: origins(&|claim| same_type(&claim.claim_type, asked)),
            makers: trace.rules.iter().filter(|rule| makes(rule)).collect(),
        })
    }

    fn print(&self, trace: &Trace, failure: Option<&str>, sources: &[String], output: Output) {
        match output {
            Output::Json => println!("{}", self.as_json(trace, failure, sources)),
            Output::Table => print!("{}", self.as_text(trace, failure, sources)),
        }
    }

    fn as_json(&self, trace: &Trace, failure: Option<&str>, sources: &[String]) -> Value {
        let mut answer = match self {
            Answer::Everything => json!(trace),
            Answer::Rules(rules) => {
                json!({"claims": json!(trace).get("claims"), "rules": rules})
            }
            Answer::Claim {
                asked,
                origins,
                makers,
            } => json!({"claim": asked, "issued": origins, "rules": makers}),
        };
        if let Some(object) = answer.as_object_mut() {
            object.insert("error".to_owned(), json!(failure));
            if !matches!(self, Answer::Claim { .. }) {
                object.insert("sources".to_owned(), json!(sources));
            }
        }
        answer
    }

    fn as_text(&self, trace: &Trace, failure: Option<&str>, sources: &[String]) -> String {
        let mut text = match self {
            Answer::Everything => {
                let mut text = "incoming claims:\n".to_owned();
                for (index, claim) in trace.claims.iter().take(trace.incoming).enumerate() {
                    let (claim_type, value) =
                        (for_terminal(&claim.claim_type), for_terminal(&claim.value));
                    let source = sources.get(index).map(|known| format!(" ({known})"));
                    text += &format!(
                        "  [{index}] {claim_type} = \"{value}\"{}\n",
                        source.unwrap_or_default()
                    );
                }
                text + "\n" + &trace.tell()
            }
            Answer::Rules(rules) => rules.iter().map(|rule| trace.tell_rule(rule)).collect(),
            Answer::Claim { origins, .. } if !origins.is_empty() => {
                origins.iter().map(ToString::to_string).collect()
            }
            Answer::Claim { asked, makers, .. } => {
                let mut text = format!("no claim of type {} was issued\n", for_terminal(asked));
                if makers.is_empty() {
                    text += "  and no rule names this type\n";
                }
                text.extend(makers.iter().map(|rule| trace.tell_rule(rule)));
                text
            }
        };
        if let Some(failure) = failure {
            text += &format!("failed: {failure}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const RULES: &str = "@RuleName = \"Greet\" c:[Type == \"urn:x/name\"] => issue(Type = \"urn:x/hello\", Value = \"Hello \" + c.Value); c:[Type == \"urn:x/Name\"] => issue(Type = \"urn:x/never\", Value = c.Value);";

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        explain: Explain,
    }

    fn parse(line: &[&str]) -> Result<Explain, clap::Error> {
        let words = ["explain"].iter().chain(line);
        Line::try_parse_from(words).map(|line| line.explain)
    }

    fn answer(question: &[&str]) -> (Result<String, String>, Value) {
        let arguments = parse(&[&["f", "--claims", "c"], question].concat()).expect("a line");
        let rules = RuleSet::compile(RULES).expect("rules");
        let given = CaseInput::from_json("[{\"type\": \"urn:x/name\", \"value\": \"Ann\"}]");
        let (_, trace) = given.expect("claims").explain(&rules);
        let found = Answer::find(&arguments, &trace, |wanted| trace.origins(wanted));
        let json = found
            .as_ref()
            .map(|answer| answer.as_json(&trace, None, &[]));
        let json = json.unwrap_or_default();
        let text = found.map(|answer| answer.as_text(&trace, None, &[]));
        (text.map_err(|error| error.to_string()), json)
    }

    #[test]
    fn a_claim_is_led_back() {
        let (text, json) = answer(&["--claim", "hello"]);
        let expected = "urn:x/hello = \"Hello Ann\"\n  issued by rule 1 \"Greet\" (line 1)\n  c = urn:x/name = \"Ann\"\n    came in\n";
        assert_eq!(text.as_deref(), Ok(expected));
        assert_eq!(json["issued"][0]["source"]["rule"]["number"], 1);
        assert_eq!(json["issued"][0]["value"], "Hello Ann");
    }

    #[test]
    fn a_claim_that_is_not_there_names_the_rule_and_the_mistake() {
        let (text, json) = answer(&["--claim", "urn:x/never"]);
        let text = text.expect("an answer");
        assert!(
            text.starts_with(
                "no claim of type urn:x/never was issued\nrule 2 (line 1) did not run"
            )
        );
        assert!(text.contains("only case differs"), "{text}");
        let near = &json["rules"][0]["conditions"][0]["nearest"][0]["failed"][0];
        assert_eq!(
            (&near["hint"], &near["found"]),
            (&json!("case"), &json!("urn:x/name"))
        );
        let (text, _) = answer(&["--claim", "elsewhere"]);
        assert!(text.expect("an answer").contains("no rule names this type"));
    }

    #[test]
    fn rules_are_asked_for_by_name_or_number() {
        for (asked, expected) in [
            ("greet", "rule 1 \"Greet\" (line 1) ran"),
            ("2", "rule 2 (line 1) did not run"),
        ] {
            let (text, json) = answer(&["--rule", asked]);
            assert!(text.expect("an answer").starts_with(expected), "{asked}");
            assert_eq!(json["rules"].as_array().map(Vec::len), Some(1));
        }
        let (text, _) = answer(&["--rule", "3"]);
        assert_eq!(
            text,
            Err("no rule has the number or name \"3\"; 2 rules had their turn".to_owned())
        );
    }

    #[test]
    fn without_a_question_everything_is_told() {
        let (text, json) = answer(&[]);
        let text = text.expect("an answer");
        assert!(
            text.starts_with("incoming claims:\n  [0] urn:x/name = \"Ann\"\n\nrule 1"),
            "{text}"
        );
        assert_eq!(json["rules"].as_array().map(Vec::len), Some(2));
        assert_eq!(json["incoming"], 1);
    }

    #[test]
    fn lines_that_say_too_little_or_too_much_are_refused() {
        for line in [
            &["f"][..],
            &["--claims", "c"],
            &["f", "--user", "a@b"],
            &["f", "--relying-party", "r"],
            &[
                "f",
                "--claims",
                "c",
                "--user",
                "a@b",
                "--relying-party",
                "r",
            ],
            &["f", "--claims", "c", "--claim", "t", "--rule", "1"],
            &["f", "--claims", "c", "--stage", "acceptance"],
        ] {
            assert!(parse(line).is_err(), "{line:?}");
        }
        assert!(parse(&["--user", "a@b", "--relying-party", "r"]).is_ok());
    }
}
