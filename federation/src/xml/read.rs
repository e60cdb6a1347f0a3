//! The strict reader for XML that others send (spec security 2.1).

use std::collections::HashSet;

use roxmltree::{Node, ParsingOptions};
use thiserror::Error;

use super::{Limits, XML};

/// Attributes that the schemas we read type as ID, where they stand in no namespace.
const ID_ATTRIBUTES: [&str; 5] = ["ID", "AssertionID", "RequestID", "ResponseID", "Id"];
/// Namespaces in which `Id` or `id` is an ID.
const ID_NAMESPACES: [&str; 2] = [
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "http://www.w3.org/XML/1998/namespace",
];

/// Why a document is refused. No message quotes it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// A limit of [`Limits`].
    #[error("the XML document has too many {what}: at most {limit} are accepted")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much would be accepted.
        limit: usize,
    },
    /// Not UTF-8, or it says that it is not.
    #[error("the XML document is not in UTF-8, the one encoding that is accepted")]
    Encoding,
    /// `<!DOCTYPE` or another declaration.
    #[error("the XML document has a document type declaration, which is never accepted")]
    DocumentType,
    /// `<?...?>` other than the XML declaration.
    #[error("the XML document has a processing instruction, which is never accepted")]
    ProcessingInstruction,
    /// A comment, outside the root element or in text whose meaning it could change.
    #[error("the XML document has a comment where none is accepted")]
    Comment,
    /// The text ends within markup.
    #[error("the XML document ends in the middle of a tag, a comment or a CDATA section")]
    Unfinished,
    /// Not well formed, or not by Namespaces in XML.
    #[error("the XML document is not well formed at line {line}, column {column}")]
    Malformed {
        /// From 1.
        line: u32,
        /// From 1, in characters.
        column: u32,
    },
    /// A namespace name that is no absolute URI.
    #[error("the XML document names a namespace by something else than an absolute URI")]
    RelativeNamespace,
    /// `xml` or `xmlns` bound anew.
    #[error(
        "the XML document gives the prefix xml or xmlns, or what they stand for, another meaning"
    )]
    ReservedNamespace,
    /// Two elements with one id.
    #[error("the XML document has two elements with the same id")]
    DuplicateId,
    /// An element where text alone was expected.
    #[error("the XML document has an element within {0:?}, which may hold text only")]
    Mixed(String),
}

/// A document that was read once, under limits. Nothing reads the bytes again (spec security XML-2).
#[derive(Debug)]
pub struct Document<'input>(roxmltree::Document<'input>);

impl<'input> Document<'input> {
    /// The one outermost element.
    pub fn root(&self) -> Node<'_, 'input> {
        self.0.root_element()
    }
}

/// Reads a whole document.
///
/// # Errors
/// See [`ReadError`]; there is no recovery.
pub fn read<'input>(bytes: &'input [u8], limits: &Limits) -> Result<Document<'input>, ReadError> {
    if bytes.len() > limits.bytes {
        return Err(ReadError::Limit {
            what: "bytes",
            limit: limits.bytes,
        });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ReadError::Encoding)?;
    let text = without_declaration(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    limits.check(text)?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: nodes(limits),
        ..ParsingOptions::default()
    };
    let document = roxmltree::Document::parse_with_options(text, options).map_err(|error| {
        let position = error.pos();
        ReadError::Malformed {
            line: position.row,
            column: position.col,
        }
    })?;
    if document.root().children().any(|node| node.is_comment()) {
        return Err(ReadError::Comment);
    }
    check_namespaces(&document)?;
    check_ids(&document)?;
    Ok(Document(document))
}

/// The text of an element that may hold nothing else. A comment in it is refused: readers that stop at one have taken
/// `admin@corp<!---->.evil` for `admin@corp` (spec security XML-6).
///
/// # Errors
/// [`ReadError::Comment`] or [`ReadError::Mixed`].
pub fn only_text(element: Node<'_, '_>) -> Result<String, ReadError> {
    element
        .children()
        .map(|child| match child.text() {
            Some(text) if child.is_text() => Ok(text),
            _ if child.is_comment() => Err(ReadError::Comment),
            _ => Err(ReadError::Mixed(element.tag_name().name().to_owned())),
        })
        .collect()
}

/// Text, comments and CDATA between elements are nodes too: at most one before and one within each element would be the
/// normal case, so this leaves room for every sensible document.
fn nodes(limits: &Limits) -> u32 {
    u32::try_from(limits.elements.saturating_mul(4)).unwrap_or(u32::MAX)
}

/// Takes `<?xml version="1.0" ...?>` off. It is checked here, because the parser does not look at the encoding.
fn without_declaration(text: &str) -> Result<&str, ReadError> {
    let Some(rest) = text
        .strip_prefix("<?xml")
        .filter(|rest| rest.starts_with(|next: char| next.is_ascii_whitespace()))
    else {
        return Ok(text);
    };
    let (declaration, rest) = rest.split_once("?>").ok_or(ReadError::Unfinished)?;
    let malformed = ReadError::Malformed { line: 1, column: 1 };
    let mut allowed = ["version", "encoding", "standalone"].into_iter();
    let mut fields = declaration;
    loop {
        let field = fields.trim_start();
        if field.is_empty() {
            break;
        }
        // A field follows white space, names come in their order, and none comes twice.
        let (name, value) = field
            .split_once('=')
            .filter(|_| field.len() < fields.len())
            .ok_or(malformed.clone())?;
        let name = name.trim_end();
        allowed
            .by_ref()
            .find(|known| *known == name)
            .ok_or(malformed.clone())?;
        let value = value.trim_start();
        let quote = value
            .chars()
            .next()
            .filter(|first| matches!(first, '"' | '\''))
            .ok_or(malformed.clone())?;
        let (value, behind) = value
            .get(1..)
            .and_then(|value| value.split_once(quote))
            .ok_or(malformed.clone())?;
        match name {
            "version" if value == "1.0" => {}
            "encoding" if value.eq_ignore_ascii_case("utf-8") => {}
            "encoding" => return Err(ReadError::Encoding),
            "standalone" if matches!(value, "yes" | "no") => {}
            _ => return Err(malformed),
        }
        fields = behind;
    }
    // The version is what is not optional.
    if declaration.trim_start().starts_with("version") {
        Ok(rest)
    } else {
        Err(malformed)
    }
}

fn check_namespaces(document: &roxmltree::Document<'_>) -> Result<(), ReadError> {
    let mut seen: HashSet<&str> = HashSet::new();
    for element in document.descendants().filter(Node::is_element) {
        for namespace in element.namespaces() {
            let uri = namespace.uri();
            if is_reserved(namespace.name(), uri) {
                return Err(ReadError::ReservedNamespace);
            }
            // Only the default namespace can be taken back by an empty name, and the parser does not look.
            let taken_back = uri.is_empty() && namespace.name().is_none();
            if !taken_back && seen.insert(uri) && !is_absolute(uri) {
                return Err(ReadError::RelativeNamespace);
            }
        }
    }
    Ok(())
}

/// Namespaces in XML 1.0, section 3.
fn is_reserved(prefix: Option<&str>, uri: &str) -> bool {
    let means_xml = uri == XML.uri();
    prefix == Some("xmlns")
        || uri == "http://www.w3.org/2000/xmlns/"
        || means_xml != (prefix == Some("xml"))
}

/// Whether a URI begins with a scheme (RFC 3986 section 3.1).
fn is_absolute(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
            && !rest.is_empty()
    })
}

/// One value may not name two elements, whichever of the ID attributes carries it: signatures refer by it.
fn check_ids(document: &roxmltree::Document<'_>) -> Result<(), ReadError> {
    let mut seen = HashSet::new();
    for element in document.descendants().filter(Node::is_element) {
        for attribute in element.attributes() {
            let is_id = match attribute.namespace() {
                None => ID_ATTRIBUTES.contains(&attribute.name()),
                Some(namespace) => {
                    ID_NAMESPACES.contains(&namespace)
                        && attribute.name().eq_ignore_ascii_case("id")
                }
            };
            if is_id && !seen.insert(attribute.value()) {
                return Err(ReadError::DuplicateId);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> ReadError {
        read(text.as_bytes(), &Limits::message())
            .map(|_| ())
            .expect_err(text)
    }

    #[test]
    fn plain_documents_are_read() {
        for text in [
            "<a/>",
            "\u{feff}<a/>",
            "<?xml version=\"1.0\"?>\n<a/>\n",
            "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?><a/>",
            "<a ID='1'><b ID='2' xml:id='3'/></a>",
            "<a xmlns='urn:x' xmlns:b='http://y/'><b:c xmlns=''/></a>",
        ] {
            assert_eq!(
                read(text.as_bytes(), &Limits::message())
                    .expect(text)
                    .root()
                    .tag_name()
                    .name(),
                "a"
            );
        }
    }

    #[test]
    fn everything_dangerous_is_refused_by_name() {
        let malformed = ReadError::Malformed { line: 1, column: 1 };
        for (text, expected) in [
            ("<!DOCTYPE a><a/>", ReadError::DocumentType),
            (
                "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
                ReadError::DocumentType,
            ),
            ("<a/><?b?>", ReadError::ProcessingInstruction),
            (
                " <?xml version='1.0'?><a/>",
                ReadError::ProcessingInstruction,
            ),
            ("<!-- a --><a/>", ReadError::Comment),
            ("<a/><!-- a -->", ReadError::Comment),
            (
                "<?xml version='1.0' encoding='latin1'?><a/>",
                ReadError::Encoding,
            ),
            ("<?xml version='1.1'?><a/>", malformed.clone()),
            ("<?xml encoding='UTF-8'?><a/>", malformed.clone()),
            ("<?xml version='1.0' version='1.0'?><a/>", malformed.clone()),
            ("<?xml version='1.0'encoding='UTF-8'?><a/>", malformed),
            ("<a xmlns='b'/>", ReadError::RelativeNamespace),
            ("<a xmlns:b='./c'/>", ReadError::RelativeNamespace),
            ("<a xmlns:b=''/>", ReadError::RelativeNamespace),
            ("<a xmlns:xmlns='urn:x'/>", ReadError::ReservedNamespace),
            ("<a ID='1'><b ID='1'/></a>", ReadError::DuplicateId),
            ("<a ID='1'><b AssertionID='1'/></a>", ReadError::DuplicateId),
            ("<a ID='1'><b xml:id='1'/></a>", ReadError::DuplicateId),
        ] {
            assert_eq!(refusal(text), expected, "{text}");
        }
        assert_eq!(
            read(b"<a>\xff</a>", &Limits::message()).map(|_| ()),
            Err(ReadError::Encoding)
        );
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in [
            "",
            " ",
            "a",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "a<a/>",
            "<a/>a",
            "<a b='1' b='2'/>",
            "<a b='<'/>",
            "<b:a/>",
            "<a b:c=''/>",
            "<a xmlns:xml='urn:x'/>",
            "<a>&b;</a>",
            "<a>&#0;</a>",
            "<a>&#x1;</a>",
            "<a>\u{1}</a>",
            "<a>]]></a>",
            "<a><!-- -- --></a>",
            "<a xmlns:b='urn:x' xmlns:c='urn:x' b:d='' c:d=''/>",
            "<1/>",
        ] {
            let error = refusal(text);
            assert!(
                matches!(error, ReadError::Malformed { .. } | ReadError::Unfinished),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn text_is_whole_or_refused() {
        let text = |xml: &str| {
            let document = read(xml.as_bytes(), &Limits::message()).expect(xml);
            only_text(document.root())
        };
        assert_eq!(
            text("<a>b<![CDATA[<c>]]>&amp;d</a>"),
            Ok("b<c>&d".to_owned())
        );
        assert_eq!(text("<a></a>"), Ok(String::new()));
        assert_eq!(
            text("<a>admin@corp<!-- -->.evil</a>"),
            Err(ReadError::Comment)
        );
        assert_eq!(text("<a>b<c/></a>"), Err(ReadError::Mixed("a".to_owned())));
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, &Limits::message());
        }

        #[test]
        fn near_xml_does_not_panic_and_the_walk_passes_what_the_parser_takes(
            text in "(<[a-c]( [a-c](:[a-c])?=('[a-c<>&;]{0,3}'|\"\"))?/?>|</[a-c]>|<!--[a-c]?-->|&amp;|[a-c ]|<!\\[CDATA\\[[<a]?\\]\\]>){0,12}"
        ) {
            let parsed = roxmltree::Document::parse(&text).is_ok();
            let walked = Limits::message().check(&text);
            prop_assert!(!parsed || walked.is_ok(), "{text}: {walked:?}");
            let _ = read(text.as_bytes(), &Limits::message());
        }
    }
}
