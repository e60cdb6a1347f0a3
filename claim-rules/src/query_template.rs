//! Query text with placeholders in the manner of .NET's `String.Format` (section 4.1).

use thiserror::Error;

/// Why a query text cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A brace that belongs to no placeholder.
    #[error(
        "the query has a single '{0}'; placeholders look like {{0}}, and a brace itself is written twice"
    )]
    Brace(char),
    /// Something else than a number between braces.
    #[error("the query has the placeholder {{{0}}}; only numbers such as {{0}} are supported")]
    Placeholder(String),
    /// A placeholder without a param.
    #[error(
        "the query has the placeholder {{{index}}}, but the rule gives {given} params, which count from 0"
    )]
    MissingParam {
        /// Of the placeholder.
        index: usize,
        /// Number of params.
        given: usize,
    },
}

/// A part of a query text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePart {
    /// To be taken as it is.
    Text(String),
    /// The param with this index.
    Param(usize),
}

/// A query text taken apart. Stores fill it by their own rules of quoting or binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryTemplate {
    parts: Vec<TemplatePart>,
}

impl QueryTemplate {
    /// Reads a query text for `params` params.
    ///
    /// # Errors
    /// Stray braces, placeholders that are no numbers, and placeholders without a param.
    pub fn parse(text: &str, params: usize) -> Result<QueryTemplate, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(brace) = rest.find(['{', '}']) {
            let (before, from_brace) = rest.split_at(brace);
            literal.push_str(before);
            if let Some(tail) = from_brace.strip_prefix("{{") {
                literal.push('{');
                rest = tail;
            } else if let Some(tail) = from_brace.strip_prefix("}}") {
                literal.push('}');
                rest = tail;
            } else if let Some(inner) = from_brace.strip_prefix('{') {
                let (name, tail) = inner.split_once('}').ok_or(TemplateError::Brace('{'))?;
                let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
                let index = name
                    .parse()
                    .ok()
                    .filter(|_| digits)
                    .ok_or_else(|| TemplateError::Placeholder(name.to_owned()))?;
                if index >= params {
                    return Err(TemplateError::MissingParam {
                        index,
                        given: params,
                    });
                }
                if !literal.is_empty() {
                    parts.push(TemplatePart::Text(std::mem::take(&mut literal)));
                }
                parts.push(TemplatePart::Param(index));
                rest = tail;
            } else {
                return Err(TemplateError::Brace('}'));
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(TemplatePart::Text(literal));
        }
        Ok(QueryTemplate { parts })
    }

    /// The parts in order.
    pub fn parts(&self) -> &[TemplatePart] {
        &self.parts
    }

    /// The text with each placeholder replaced by what `write` makes of its param. The answer of a placeholder beyond
    /// `params` is empty; [`QueryTemplate::parse`] has refused such.
    pub fn fill(&self, params: &[String], write: impl Fn(&str) -> String) -> String {
        let part = |part: &TemplatePart| match part {
            TemplatePart::Text(text) => text.clone(),
            TemplatePart::Param(index) => params
                .get(*index)
                .map(|param| write(param))
                .unwrap_or_default(),
        };
        self.parts.iter().map(part).collect()
    }

    /// Cuts the template at the last `separator` in its own text, never at one that a param brings along.
    pub(crate) fn split_last(&self, separator: char) -> Option<(QueryTemplate, QueryTemplate)> {
        let (index, text, at) = self
            .parts
            .iter()
            .enumerate()
            .rev()
            .find_map(|(index, part)| match part {
                TemplatePart::Text(text) => text.rfind(separator).map(|at| (index, text, at)),
                TemplatePart::Param(_) => None,
            })?;
        let text_part = |text: Option<&str>| {
            text.filter(|text| !text.is_empty())
                .map(|text| TemplatePart::Text(text.to_owned()))
        };
        let mut before: Vec<TemplatePart> = self.parts.iter().take(index).cloned().collect();
        before.extend(text_part(text.get(..at)));
        let mut after: Vec<TemplatePart> = text_part(text.get(at + separator.len_utf8()..))
            .into_iter()
            .collect();
        after.extend(self.parts.iter().skip(index + 1).cloned());
        Some((
            QueryTemplate { parts: before },
            QueryTemplate { parts: after },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(count: usize) -> Vec<String> {
        (0..count).map(|index| format!("p{index}")).collect()
    }

    #[test]
    fn placeholders_are_filled() {
        let cases = [
            ("name = {0} and {1}{0}", "name = <p0> and <p1><p0>"),
            ("{{0}} {0}", "{0} <p0>"),
            ("no placeholder", "no placeholder"),
            ("", ""),
        ];
        for (text, expected) in cases {
            let template = QueryTemplate::parse(text, 2).expect(text);
            assert_eq!(
                template.fill(&params(2), |param| format!("<{param}>")),
                expected
            );
        }
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("{", TemplateError::Brace('{')),
            ("a } b", TemplateError::Brace('}')),
            ("{x}", TemplateError::Placeholder("x".to_owned())),
            ("{}", TemplateError::Placeholder(String::new())),
            ("{0,5}", TemplateError::Placeholder("0,5".to_owned())),
            ("{+1}", TemplateError::Placeholder("+1".to_owned())),
            ("{2}", TemplateError::MissingParam { index: 2, given: 2 }),
        ];
        for (text, error) in cases {
            assert_eq!(QueryTemplate::parse(text, 2), Err(error), "{text}");
        }
    }

    #[test]
    fn params_bring_no_separators() {
        let template = QueryTemplate::parse("a={0};b;{1}", 2).unwrap();
        let (left, right) = template.split_last(';').unwrap();
        let semicolons = [";x;".to_owned(), ";y;".to_owned()];
        assert_eq!(
            (
                left.fill(&semicolons, str::to_owned),
                right.fill(&semicolons, str::to_owned)
            ),
            ("a=;x;;b".to_owned(), ";y;".to_owned())
        );
    }
}
