#![forbid(unsafe_code)]
//! The Web Application Proxy: stands between the internet and the federation server, relays exactly the endpoints that
//! the server marks as enabled on proxies, and publishes applications that lie behind it.
//!
//! The path of a request: [`front`] accepts it, [`request`] turns it into its one normalised form and takes from it
//! what only a proxy may say, [`routing`] decides, and only the permit that it hands out opens [`relay`].

pub mod applications;
pub mod cli;
pub mod config;
pub mod front;
pub mod install;
pub mod publishing;
pub mod relay;
pub mod request;
pub mod routing;
pub mod service;
pub mod trust;

mod clock;
mod follow;
mod log;
mod pages;
mod probe;
mod refresh;
mod renewal;
mod serve;
mod state;

pub use refresh::Refresh;
pub use serve::{ServeError, Server};
