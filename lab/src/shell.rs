//! Commands that a person can copy into a shell.

use std::path::Path;

/// A path as one word of a POSIX shell: as it is when nothing in it means anything there, else in single quotes.
pub fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+=:,@%".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// How to start a part of the lab by hand.
pub fn serve_command(program: &Path, config: &Path) -> String {
    format!("{} serve --config {}", word(program), word(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        for (path, expected) in [
            ("/a/b-c_1.toml", "/a/b-c_1.toml"),
            ("/my lab/x", "'/my lab/x'"),
            ("/it's", r"'/it'\''s'"),
            ("/a;b", "'/a;b'"),
            ("/ü", "'/ü'"),
            ("", "''"),
        ] {
            assert_eq!(word(Path::new(path)), expected);
        }
    }
}
