//! An adapter for each protocol: it reads requests into what [`crate::sign_in`] understands and writes what that
//! issues. Adapters know their wire format and nothing of passwords.

mod answer;
mod local;
pub mod metadata;
pub mod proxy;
pub mod saml;
pub mod upstream;
pub mod wsfed;

pub use answer::{AutoPost, CheckedSignIn, Issued, Outgoing, RespondError};
pub use local::LocalSignIn;
