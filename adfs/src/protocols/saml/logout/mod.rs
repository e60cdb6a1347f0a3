//! Single logout (spec passive-sign-in 3.10; SAML 2.0 Profiles 4.4).
//!
//! Whoever got an assertion takes part in the session ([`Participants`], which the browser carries sealed). A verified
//! message is a [`LogoutMessage`]; a request that is about a participant starts a [`Chain`], which asks one participant
//! after the other through the browser and at last answers the one who began. The chain, too, travels sealed.

mod chain;
mod message;
mod outgoing;
mod participants;

pub use crate::protocols::Outgoing;
pub use chain::{Chain, Ending};
pub use message::{LogoutMessage, Order, PARAMETER, Report};
pub use participants::{Participant, Participants};

use super::sealing::{open, seal};
