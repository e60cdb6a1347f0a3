//! A writer for the audit document, which is flat and never signed.

use std::fmt::{Display, Write as _};

use super::Clean;

/// What AD FS writes where it has no value.
pub(super) const NONE: &str = "N/A";

/// Appends `<name>value</name>`; the value is made clean first.
pub(super) fn element(out: &mut String, name: &str, value: impl Display) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    let start = out.len();
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
    let raw = out.split_off(start);
    for character in Clean(&raw).to_string().chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Appends a value that may be missing.
pub(super) fn optional(out: &mut String, name: &str, value: Option<impl Display>) {
    match value {
        Some(value) => element(out, name, value),
        None => element(out, name, NONE),
    }
}

/// Appends `<Component xsi:type="kind">` with what `content` appends.
pub(super) fn component(out: &mut String, kind: &str, content: impl FnOnce(&mut String)) {
    out.push_str("<Component xsi:type=\"");
    out.push_str(kind);
    out.push_str("\">");
    content(out);
    out.push_str("</Component>");
}
