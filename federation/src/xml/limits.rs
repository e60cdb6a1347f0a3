//! Bounds on XML from outside, enforced before a tree is built (spec security 3.4 and XML-7).
//!
//! A tree of hostile text can cost far more than the text. So the text is first walked once, without building anything.
//! The walk decides nothing but size: whether the text is well formed is for the parser, which sees the same text.

use super::ReadError;

/// How large a document may be. [`Limits::message`] and [`Limits::metadata`] are those of spec security 3.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole text.
    pub bytes: usize,
    /// Elements within each other.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// Namespace declarations of one element.
    pub namespaces: usize,
    /// Namespace declarations of an element and all around it.
    pub namespaces_in_scope: usize,
    /// Bytes of an attribute's value, as written.
    pub attribute_bytes: usize,
    /// Bytes of text without markup in it, as written.
    pub text_bytes: usize,
}

impl Limits {
    /// For one protocol message.
    pub const fn message() -> Limits {
        Limits {
            bytes: 256 * 1024,
            depth: 48,
            elements: 10_000,
            attributes: 64,
            namespaces: 32,
            namespaces_in_scope: 64,
            attribute_bytes: 8 * 1024,
            text_bytes: 128 * 1024,
        }
    }

    /// For the metadata of one entity.
    pub const fn metadata() -> Limits {
        Limits {
            bytes: 1024 * 1024,
            ..Limits::message()
        }
    }

    /// For the metadata of a whole federation, which an administrator names.
    pub const fn federation() -> Limits {
        Limits {
            bytes: 32 * 1024 * 1024,
            elements: 1_000_000,
            ..Limits::message()
        }
    }

    /// Walks `text` once.
    pub(super) fn check(&self, text: &str) -> Result<(), ReadError> {
        within("bytes", text.len(), self.bytes)?;
        let mut rest = text;
        let mut open: Vec<usize> = Vec::new();
        let mut declared = 0;
        let mut elements = 0;
        loop {
            let (before, markup) = match rest.find('<') {
                Some(at) => rest.split_at(at),
                None => return within("bytes of text", rest.len(), self.text_bytes),
            };
            within("bytes of text", before.len(), self.text_bytes)?;
            if let Some(comment) = markup.strip_prefix("<!--") {
                rest = behind(comment, "-->")?;
            } else if let Some(data) = markup.strip_prefix("<![CDATA[") {
                rest = behind(data, "]]>")?;
                within("bytes of text", data.len() - rest.len(), self.text_bytes)?;
            } else if markup.starts_with("<!") {
                return Err(ReadError::DocumentType);
            } else if markup.starts_with("<?") {
                return Err(ReadError::ProcessingInstruction);
            } else if let Some(tag) = markup.strip_prefix("</") {
                rest = behind(tag, ">")?;
                declared -= open.pop().unwrap_or(0);
            } else {
                let tag = Tag::walk(markup.get(1..).unwrap_or_default(), self)?;
                rest = tag.rest;
                elements += 1;
                within("elements", elements, self.elements)?;
                within("elements within each other", open.len() + 1, self.depth)?;
                within(
                    "namespaces in scope",
                    declared + tag.namespaces,
                    self.namespaces_in_scope,
                )?;
                if !tag.empty {
                    declared += tag.namespaces;
                    open.push(tag.namespaces);
                }
            }
        }
    }
}

/// A start tag or an empty-element tag.
struct Tag<'a> {
    namespaces: usize,
    empty: bool,
    rest: &'a str,
}

impl<'a> Tag<'a> {
    /// `text` begins behind the `<`.
    fn walk(text: &'a str, limits: &Limits) -> Result<Tag<'a>, ReadError> {
        let mut attributes = 0;
        let mut namespaces = 0;
        let mut rest = text;
        loop {
            let Some(at) = rest.find(['"', '\'', '>']) else {
                return Err(ReadError::Unfinished);
            };
            let (before, found) = rest.split_at(at);
            if let Some(behind) = found.strip_prefix('>') {
                return Ok(Tag {
                    namespaces,
                    empty: before.ends_with('/'),
                    rest: behind,
                });
            }
            let name = before.trim_end().strip_suffix('=').unwrap_or(before).trim();
            let name = name
                .rsplit(|character: char| character.is_ascii_whitespace())
                .next()
                .unwrap_or(name);
            attributes += 1;
            namespaces += usize::from(name.starts_with("xmlns"));
            within("attributes", attributes, limits.attributes)?;
            within("namespaces", namespaces, limits.namespaces)?;
            let quote = found.get(..1).unwrap_or_default();
            let value = found.get(1..).unwrap_or_default();
            rest = behind(value, quote)?;
            within(
                "bytes of an attribute",
                value.len() - rest.len(),
                limits.attribute_bytes,
            )?;
        }
    }
}

fn behind<'a>(text: &'a str, end: &str) -> Result<&'a str, ReadError> {
    text.split_once(end)
        .map(|(_, rest)| rest)
        .ok_or(ReadError::Unfinished)
}

fn within(what: &'static str, found: usize, limit: usize) -> Result<(), ReadError> {
    if found <= limit {
        Ok(())
    } else {
        Err(ReadError::Limit { what, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: Limits = Limits {
        bytes: 200,
        depth: 3,
        elements: 5,
        attributes: 3,
        namespaces: 2,
        namespaces_in_scope: 3,
        attribute_bytes: 10,
        text_bytes: 20,
    };

    #[test]
    fn each_limit_is_held_at_its_edge() {
        let long = |text: &str, count| text.repeat(count);
        for (good, bad, what) in [
            (
                long(" ", 0) + "<a/>",
                format!("<a>{}</a>", long("<b/>", 50)),
                "bytes",
            ),
            (
                "<a><b><c/></b></a>".into(),
                "<a><b><c><d/></c></b></a>".into(),
                "elements within each other",
            ),
            (
                "<a><b/><b/><b/><b/></a>".into(),
                "<a><b/><b/><b/><b/><b/></a>".into(),
                "elements",
            ),
            (
                "<a b='' c='' d=''/>".into(),
                "<a b='' c='' d='' e=''/>".into(),
                "attributes",
            ),
            (
                "<a xmlns='u' xmlns:b='u'/>".into(),
                "<a xmlns='u' xmlns:b='u' xmlns:c='u'/>".into(),
                "namespaces",
            ),
            (
                "<a xmlns='u' xmlns:b='u'><c xmlns:d='u'/><c xmlns:d='u'/></a>".into(),
                "<a xmlns='u' xmlns:b='u'><c xmlns:d='u' xmlns:e='u'/></a>".into(),
                "namespaces in scope",
            ),
            (
                format!("<a b='{}'/>", long("x", 9)),
                format!("<a b='{}'/>", long("x", 10)),
                "bytes of an attribute",
            ),
            (
                format!("<a>{}</a>", long("x", 20)),
                format!("<a>{}</a>", long("x", 21)),
                "bytes of text",
            ),
            (
                format!("<a><![CDATA[{}]]></a>", long("x", 17)),
                format!("<a><![CDATA[{}]]></a>", long("x", 18)),
                "bytes of text",
            ),
        ] {
            assert_eq!(TINY.check(&good), Ok(()), "{good}");
            let Err(ReadError::Limit { what: found, .. }) = TINY.check(&bad) else {
                panic!("accepted: {bad}")
            };
            assert_eq!(found, what, "{bad}");
        }
    }

    #[test]
    fn quotes_and_comments_hide_no_markup_and_markup_hides_none_of_them() {
        for good in [
            "<a b='>'/>",
            "<a b=\"'\" c='\"'/>",
            "<a><!-- <b c='--></a>",
            "<a><![CDATA[<b c=']]></a>",
        ] {
            assert_eq!(TINY.check(good), Ok(()), "{good}");
        }
        for bad in ["<a", "<a b='", "<!-- ", "<a><![CDATA[", "</a"] {
            assert_eq!(TINY.check(bad), Err(ReadError::Unfinished), "{bad}");
        }
        assert_eq!(
            TINY.check("<a><!DOCTYPE a></a>"),
            Err(ReadError::DocumentType)
        );
        assert_eq!(
            TINY.check("<a><?b c?></a>"),
            Err(ReadError::ProcessingInstruction)
        );
    }
}
