#![forbid(unsafe_code)]
//! The lab: an embedded directory, the shipped `adfs` and `wap` as processes, a played cloud and simple back ends, all
//! on one machine, with no Windows and no internet.

pub mod addresses;
pub mod backends;
mod causes;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod configuration;
pub mod contract;
pub mod directory;
pub mod pki;
pub mod processes;
mod random;
pub mod shell;
pub mod state_folder;
pub mod status;
pub mod tables;
pub mod terminal;
pub mod up;
