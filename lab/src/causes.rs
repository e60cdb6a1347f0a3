//! Errors as a person reads them.

use std::error::Error;

/// An error with its causes in one line. Some errors say their cause themselves, others, such as those of the HTTP
/// client, leave it to the reader to ask: a cause is added only when it has not been said.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::state_folder::StateError;

    #[derive(Debug, thiserror::Error)]
    #[error("sending failed")]
    struct Quiet(#[source] StateError);

    #[test]
    fn each_cause_is_said_once() {
        let cause = || StateError::File {
            path: "/lab".into(),
            source: io::Error::other("disk is gone"),
        };
        let text = with_causes(&cause());
        assert_eq!(text.matches("disk is gone").count(), 1, "{text}");
        let text = with_causes(&Quiet(cause()));
        assert!(text.starts_with("sending failed: /lab: "), "{text}");
        assert_eq!(text.matches("disk is gone").count(), 1, "{text}");
    }
}
