//! Query strings and forms, read strictly: what can be read two ways is refused, since somebody else may read it the other way.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use super::refusal::Refusal;

const MAX_PARAMETERS: usize = 64;

/// Decoded names and values, each name once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters(HashMap<String, String>);

impl Parameters {
    /// Reads `application/x-www-form-urlencoded` text.
    ///
    /// # Errors
    /// 90013 on a broken escape, text that is not UTF-8, a NUL, a repeated name, or too many parameters.
    pub(crate) fn parse(text: &str) -> Result<Parameters, Refusal> {
        let mut found = HashMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if found.len() >= MAX_PARAMETERS {
                return Err(Refusal::invalid_input(format!(
                    "The request has more than {MAX_PARAMETERS} parameters."
                )));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            if found.contains_key(&name) {
                return Err(Refusal::invalid_input(format!(
                    "The request has the parameter '{name}' more than once."
                )));
            }
            found.insert(name, decode(value)?);
        }
        Ok(Parameters(found))
    }

    /// Reads the body of a form.
    ///
    /// # Errors
    /// As [`Parameters::parse`].
    pub(crate) fn parse_bytes(body: &[u8]) -> Result<Parameters, Refusal> {
        let text = std::str::from_utf8(body)
            .map_err(|_| Refusal::invalid_input("The form is not encoded in UTF-8."))?;
        Parameters::parse(text)
    }

    /// The value, if the parameter is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

fn decode(text: &str) -> Result<String, Refusal> {
    let bytes = text.as_bytes();
    let broken = bytes.iter().enumerate().any(|(at, byte)| {
        *byte == b'%'
            && !bytes
                .get(at + 1..at + 3)
                .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if broken {
        return Err(Refusal::invalid_input(
            "The request has a broken percent escape.",
        ));
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced)
        .decode_utf8()
        .map_err(|_| Refusal::invalid_input("A parameter of the request is not UTF-8."))?;
    if decoded.contains('\0') {
        return Err(Refusal::invalid_input(
            "A parameter of the request holds a NUL character.",
        ));
    }
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_browsers_send() {
        let read =
            Parameters::parse("wa=wsignin1.0&wctx=a%3D1%26b&name=Zo%C3%AB+M&empty=&flag").unwrap();
        assert_eq!(read.get("wa"), Some("wsignin1.0"));
        assert_eq!(read.get("wctx"), Some("a=1&b"));
        assert_eq!(read.get("name"), Some("Zoë M"));
        assert_eq!(
            (read.get("empty"), read.get("flag"), read.get("gone")),
            (None, None, None)
        );
    }

    #[test]
    fn refuses_what_can_be_read_two_ways() {
        let many: String = (0..65).map(|number| format!("p{number}=1&")).collect();
        for bad in [
            "a=1&a=2",
            "a=1&%61=2",
            "a=%",
            "a=%4",
            "a=%zz",
            "a=%ff",
            "a=%00",
            &many,
        ] {
            assert_eq!(Parameters::parse(bad).unwrap_err().number, 90013, "{bad}");
        }
        assert_eq!(
            Parameters::parse_bytes(b"a=\xff").unwrap_err().number,
            90013
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,200}") {
            let _ = Parameters::parse(&text);
        }

        #[test]
        fn gives_back_what_was_encoded(name in "[a-z]{1,8}", value in "[^\0]{1,40}") {
            let mut encoded = url::form_urlencoded::Serializer::new(String::new());
            encoded.append_pair(&name, &value);
            let read = Parameters::parse(&encoded.finish()).unwrap();
            prop_assert_eq!(read.get(&name), Some(value.as_str()));
        }
    }
}
