//! What the server's commands say about a configuration that is wrong: file, line, key and remedy (design section 4).

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use end_to_end::lab::Lab;
use end_to_end::paths::program;
use end_to_end::separate::{Changes, Separate};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mistakes {
    case: Vec<Mistake>,
}

/// One line of a good configuration is replaced by another.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mistake {
    name: String,
    /// `adfs.toml`, or a trust's file.
    file: String,
    /// Beginning of the line that is replaced; at the end when empty.
    line: String,
    with: String,
    /// Words that the message must have besides file name and line number.
    says: Vec<String>,
}

fn check(config: &Path) -> Result<Output> {
    Command::new(program("adfs")?)
        .arg("check")
        .arg("--config")
        .arg(config)
        .env_remove("RUST_LOG")
        .output()
        .context("adfs cannot be run")
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test]
async fn a_wrong_configuration_is_told_with_file_line_key_and_remedy() -> Result<()> {
    let lab = Lab::start()?;
    let separate = Separate::beside(&lab, Changes::default())?;
    let good = check(separate.adfs_config())?;
    assert_eq!(
        good.status.code(),
        Some(0),
        "the lab's own configuration is good: {}",
        text(&good)
    );

    let mistakes: Mistakes =
        toml::from_str(include_str!("../../data/configuration-mistakes.toml"))?;
    let mut faults = Vec::new();
    for mistake in mistakes.case {
        let path = find(separate.folder(), &mistake.file)?
            .with_context(|| format!("no file {}", mistake.file))?;
        let original = fs::read_to_string(&path)?;
        let (altered, number) =
            alter(&original, &mistake.line, &mistake.with).with_context(|| mistake.name.clone())?;
        fs::write(&path, altered)?;
        let output = check(separate.adfs_config())?;
        let said = text(&output);
        fs::write(&path, original)?;
        if output.status.code() != Some(1) {
            faults.push(format!(
                "{}: exit {:?}: {said}",
                mistake.name,
                output.status.code()
            ));
        }
        let place = [mistake.file.clone(), number.to_string()];
        let missing: Vec<_> = place
            .iter()
            .chain(&mistake.says)
            .filter(|word| !said.contains(word.as_str()))
            .collect();
        if !missing.is_empty() {
            faults.push(format!("{}: no {missing:?} in: {said}", mistake.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n---\n"));
    Ok(())
}

/// The text with one line replaced, and that line's number.
fn alter(text: &str, line: &str, with: &str) -> Result<(String, usize)> {
    let mut lines: Vec<&str> = text.lines().collect();
    let index = if line.is_empty() {
        lines.push("");
        lines.len() - 1
    } else {
        lines
            .iter()
            .position(|candidate| candidate.starts_with(line))
            .with_context(|| format!("no line begins with {line}:\n{text}"))?
    };
    if let Some(slot) = lines.get_mut(index) {
        *slot = with;
    }
    // The mistake may be in the last of several lines that are put in.
    Ok((lines.join("\n") + "\n", index + with.lines().count().max(1)))
}

fn find(folder: &Path, name: &str) -> Result<Option<std::path::PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = find(&path, name)? {
                return Ok(Some(found));
            }
        } else if path.file_name().is_some_and(|known| known == name) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

#[tokio::test]
async fn lab_keys_are_refused_for_a_real_name() -> Result<()> {
    let lab = Lab::start()?;
    let separate = Separate::beside(&lab, Changes::default())?;
    let config = separate.adfs_config();
    let original = fs::read_to_string(config)?;
    for name in [
        "sts.contoso.com",
        "sts.contoso.localhost.com",
        "localhost.contoso.org",
    ] {
        let (altered, _) = alter(&original, "host_name", &format!("host_name = \"{name}\""))?;
        fs::write(config, altered)?;
        let output = Command::new(program("adfs")?)
            .arg("serve")
            .arg("--config")
            .arg(config)
            .output()?;
        assert_eq!(output.status.code(), Some(1), "{name}: {}", text(&output));
        let said = text(&output).to_ascii_lowercase();
        assert!(
            said.contains("lab") && said.contains(name),
            "{name}: {said}"
        );
    }
    Ok(())
}

#[test]
fn wrong_usage_is_exit_code_2_and_a_missing_file_is_named() -> Result<()> {
    for name in ["adfs", "wap", "lab"] {
        let program = program(name)?;
        let wrong = Command::new(&program).arg("nonsense").output()?;
        assert_eq!(wrong.status.code(), Some(2), "{name}: {}", text(&wrong));
        let help = Command::new(&program).arg("--help").output()?;
        assert!(help.status.success() && !help.stdout.is_empty(), "{name}");
        let version = Command::new(&program).arg("--version").output()?;
        assert!(
            version.status.success() && String::from_utf8_lossy(&version.stdout).starts_with(name),
            "{name}"
        );
    }
    for (name, command) in [("adfs", "check"), ("wap", "status")] {
        let missing = Command::new(program(name)?)
            .args([command, "--config", "/nowhere/at-all.toml"])
            .output()?;
        assert_eq!(missing.status.code(), Some(1), "{name}: {}", text(&missing));
        assert!(
            text(&missing).contains("/nowhere/at-all.toml"),
            "{name}: {}",
            text(&missing)
        );
    }
    Ok(())
}
