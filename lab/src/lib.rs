#![forbid(unsafe_code)]
//! The lab: an embedded directory, the shipped `adfs` and `wap` as processes, a played cloud and simple back ends, all
//! on one machine, with no Windows and no internet.

pub mod addresses;
pub mod clock;
pub mod cloud;
pub mod directory;
mod random;
