//! The cases in `tests/cases`, one file each: rules, input and stores with what must come out.
#![expect(clippy::expect_used, reason = "a malformed case fails its test")]

use std::path::{Path, PathBuf};

use claim_rules::Claim;
use claim_rules::case::{Case, CaseClaim, CaseOutcome};
use serde_json::Value;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let entries = std::fs::read_dir(&folder).expect("the folder of cases");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// Compares the fields that the expectation lists.
fn fits(expected: &Value, claim: &CaseClaim) -> bool {
    let written = serde_json::to_value(claim).expect("a claim");
    let fields = expected.as_object().expect("an expected claim");
    fields
        .iter()
        .all(|(name, value)| written.get(name) == Some(value))
}

fn check_claims(document: &Value, mut claims: Vec<CaseClaim>) -> Result<(), String> {
    for expected in document["expected"].as_array().expect("expected claims") {
        let found = claims.iter().position(|claim| fits(expected, claim));
        claims.remove(found.ok_or_else(|| format!("no claim is {expected}; left are {claims:?}"))?);
    }
    if document["exact_count"] == Value::Bool(true) && !claims.is_empty() {
        return Err(format!("too many claims: {claims:?}"));
    }
    Ok(())
}

fn decision(claims: &[CaseClaim]) -> &'static str {
    let has = |claim_type: &str| claims.iter().any(|claim| claim.claim_type == claim_type);
    let permitted = has("http://schemas.microsoft.com/authorization/claims/permit");
    if permitted && !has("http://schemas.microsoft.com/authorization/claims/deny") {
        "permit"
    } else {
        "deny"
    }
}

fn second_factor(claims: &[CaseClaim]) -> bool {
    claims.iter().any(|claim| {
        claim.claim_type
            == "http://schemas.microsoft.com/ws/2008/06/identity/claims/authenticationmethod"
            && claim.value == "http://schemas.microsoft.com/claims/multipleauthn"
    })
}

fn check(text: &str) -> Result<(), String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let outcome = Case::from_json(text)
        .map_err(|error| error.to_string())?
        .run();
    match (document.get("expected_error"), outcome) {
        (Some(expected), CaseOutcome::Error(error)) => {
            let error = serde_json::to_value(error).expect("an error");
            let fields = expected.as_object().expect("an expected error");
            let wrong = fields
                .iter()
                .find(|(name, value)| error.get(name) != Some(value));
            wrong.map_or(Ok(()), |(name, value)| {
                Err(format!("{name} should be {value}: {error}"))
            })
        }
        (Some(expected), CaseOutcome::Claims(claims)) => {
            Err(format!("should fail with {expected}, but gave {claims:?}"))
        }
        (None, CaseOutcome::Error(error)) => Err(error.message),
        (None, CaseOutcome::Claims(claims)) => {
            if let Some(expected) = field(&document, "expected_decision")
                && decision(&claims) != expected
            {
                return Err(format!("should {expected}: {claims:?}"));
            }
            if let Some(expected) = document
                .get("expected_mfa_required")
                .and_then(Value::as_bool)
                && second_factor(&claims) != expected
            {
                return Err(format!("second factor should be {expected}: {claims:?}"));
            }
            if document.get("expected").is_some() {
                check_claims(&document, claims)
            } else {
                Ok(())
            }
        }
    }
}

#[test]
fn every_case_comes_out_as_it_says() {
    let files = files();
    assert!(files.len() > 200, "cases are missing");
    let mut wrong = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).expect("a case");
        if let Err(reason) = check(&text) {
            wrong.push(format!("{}: {reason}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_case_that_expects_something_else_is_noticed() {
    let case = |expectation: &str| {
        format!("{{\"rules\": \"=> issue(Type = \\\"a\\\", Value = \\\"b\\\");\", {expectation}}}")
    };
    for (expectation, holds) in [
        ("\"expected\": [{\"type\": \"a\", \"value\": \"b\"}]", true),
        ("\"expected\": [{\"type\": \"a\", \"value\": \"c\"}]", false),
        ("\"expected\": [], \"exact_count\": true", false),
        ("\"expected_error\": {\"phase\": \"parse\"}", false),
        ("\"expected_decision\": \"permit\"", false),
        ("\"expected_mfa_required\": true", false),
    ] {
        assert_eq!(check(&case(expectation)).is_ok(), holds, "{expectation}");
    }
}

#[test]
fn claims_survive_json() {
    let claim = Claim::new("a", "b")
        .issued_by("c")
        .originally_issued_by("d")
        .with_value_type("e")
        .with_property("f", "g");
    let text = serde_json::to_string(&CaseClaim::from(claim.clone())).expect("JSON");
    assert_eq!(
        Claim::from(serde_json::from_str::<CaseClaim>(&text).expect("a claim")),
        claim
    );
}
