//! What administrators and their monitoring read afterwards: events with the numbers that AD FS gives them, as
//! structured log records with the target `audit`.
//!
//! Numbers from 1200 on carry the XML document of AD FS as well, so that what reads AD FS's Security log can read this.
//! Every text from outside is cut and escaped before it gets here ([`Clean`]); passwords, tokens and cookies have no way
//! in, because no type in here holds one.

mod document;
mod events;
mod monitoring;
mod text;
mod xml;

pub use document::{AuditDocument, AuditKind, AuthProtocol, Failure, RequestFacts};
pub use events::{
    LockoutEvent, ProxyEvent, authorization_refused, credentials_checked, lockout,
    passive_request_failed, proxy, record, token_issued,
};
pub use monitoring::{MonitoringEvent, monitoring};
pub use text::Clean;

/// Target of every record.
pub const TARGET: &str = "audit";
