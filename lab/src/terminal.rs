//! Lines for the person at the terminal.
//!
//! The terminal may go away at any time: its window is closed, or the program that reads our pipe ends. `println!` panics
//! then, and a lab that panics does not stop what it started. So nothing here can fail.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line to standard output: what was asked for.
pub fn say(text: impl Display) {
    line(io::stdout(), text);
}

/// Writes a line to standard error: progress and complaints.
pub fn note(text: impl Display) {
    line(io::stderr(), text);
}

/// In one piece, so that lines of several writers do not mix.
fn line(mut to: impl Write, text: impl Display) {
    let _ = to.write_all(format!("{text}\n").as_bytes());
    let _ = to.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_is_gone_is_no_trouble() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        line(writer, "nobody reads this");
    }

    #[test]
    fn a_line_ends_once() {
        let mut written = Vec::new();
        line(&mut written, "lab ready");
        assert_eq!(written, b"lab ready\n");
    }
}
