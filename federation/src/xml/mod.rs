//! XML out and XML in.
//!
//! Out: [`write()`] produces text that is its own exclusive canonical form (<http://www.w3.org/2001/10/xml-exc-c14n#>), so
//! signing needs no parser and no canonicaliser. In: [`read()`] accepts a small, bounded part of XML.

mod escape;
mod limits;
mod name;
mod read;
mod writer;

pub(crate) use escape::push_attribute;
pub use limits::Limits;
pub use name::{Attribute, Name, Namespace, is_ncname};
pub use read::{Document, ReadError, only_text, read};
pub use writer::{Fragment, Unsigned, Writer, write};

/// `xsi:type` and its like.
pub const XSI: Namespace = Namespace::new("xsi", "http://www.w3.org/2001/XMLSchema-instance");
/// The prefix that is bound in every document.
pub const XML: Namespace = Namespace::new("xml", "http://www.w3.org/XML/1998/namespace");
