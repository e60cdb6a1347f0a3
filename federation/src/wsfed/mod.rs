//! WS-Federation passive: requests in, the answer's envelope out and in (spec passive-sign-in 2.2 and 2.5).

mod request;
mod response;
mod result;
mod token_type;

pub use request::{PassiveRequest, RequestError, SignInRequest, SignOutRequest};
pub use response::request_security_token_response;
pub(crate) use response::{ADDRESSING, TRUST_2005};
pub use result::{ResultError, ResultToken, read_result};
pub use token_type::{TokenType, requested_token_type};
