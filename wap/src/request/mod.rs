//! From what a stranger sent to what may be decided upon: one normalised target, one host, and a header without
//! anything that only a proxy may say (spec security 2.12).

mod authority;
mod header;
mod target;

pub use authority::Authority;
pub use header::{HeaderError, clean_request, clean_response, is_reserved};
pub(crate) use header::{set, without_vendor_fields};
pub use target::{Target, TargetError};
