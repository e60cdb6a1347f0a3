#![forbid(unsafe_code)]
//! The federation server. One sign-in goes down these floors: [`server`] -> [`protocols`] -> [`sign_in`] ->
//! [`authentication`], [`claims`], [`tokens`] -> [`directory`], [`keys`], [`store`]; a lower one never imports a
//! higher one. [`state::Federation`] is what they share.

pub mod audit;
pub mod authentication;
pub mod claims;
pub mod cli;
pub mod clock;
pub mod config;
pub mod directory;
pub mod entra;
pub mod ids;
pub mod import;
pub mod keys;
pub mod outbound;
pub mod pages;
pub mod partner_metadata;
pub mod protocols;
pub mod server;
pub mod sign_in;
pub mod state;
pub mod store;
pub mod tokens;
