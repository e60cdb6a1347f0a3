#![forbid(unsafe_code)]
//! The system from outside: the shipped programs as processes, a real browser, other people's verifiers.
//!
//! One program for all modules, so that it is linked once; every test runs in a process of its own and starts the lab
//! that it needs. docs/testing.md tells what is proven where.

mod accessibility;
mod accounts;
mod artifact;
mod attribute_stores;
mod browser;
mod cloud;
mod commands;
mod delegation;
mod directory;
mod hostile;
mod idp_initiated;
mod lab;
mod local_claims_provider;
mod lockout;
mod mellon;
mod metadata;
mod pages;
mod paginated;
mod proxy;
mod pysaml2;
mod saml;
mod saml_attacks;
mod saml_claims_provider;
mod saml_sessions;
mod scrapers;
mod secrets;
mod sessions;
mod token;
mod wctx;
mod ws_fed_tokens;
