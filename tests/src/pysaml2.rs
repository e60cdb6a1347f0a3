//! pysaml2 as a service provider: `tests/python/service_provider.py` makes its requests and judges the answers.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::paths::repository;
use crate::verifiers::python;

/// Runs one order, JSON in and JSON out.
///
/// # Errors
/// When pysaml2 refuses; the message is its own.
pub fn order(order: &Value) -> Result<Value> {
    run("service_provider.py", order)
}

/// Runs a script of `tests/python` with an order.
pub(crate) fn run(script: &str, order: &Value) -> Result<Value> {
    let mut child = Command::new(python()?)
        .arg(repository().join("tests/python").join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("Python cannot be run")?;
    let mut input = child.stdin.take().context("no standard input")?;
    input.write_all(order.to_string().as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "pysaml2 refuses:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("not JSON: {}", String::from_utf8_lossy(&output.stdout)))
}

/// The message in an address of the Redirect binding, inflated by Python.
///
/// # Errors
/// When there is none.
pub fn inflated(url: &url::Url) -> Result<String> {
    let (_, value) = url
        .query_pairs()
        .find(|(name, _)| name == "SAMLRequest" || name == "SAMLResponse")
        .with_context(|| format!("no message in {url}"))?;
    let script = "import base64, sys, zlib; sys.stdout.write(zlib.decompress(base64.b64decode(sys.argv[1]), -15).decode())";
    let output = Command::new(python()?)
        .args(["-c", script, &value])
        .output()
        .context("Python cannot be run")?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).context("not UTF-8")
}
