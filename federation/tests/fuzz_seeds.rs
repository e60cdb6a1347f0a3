//! The seeds of the fuzz targets, replayed on the stable compiler, and some steps of the structure-aware one at random.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a broken seed fails its test"
)]

#[path = "../fuzz/checks/bindings.rs"]
mod bindings;
#[path = "../fuzz/checks/decryption.rs"]
mod decryption;
#[path = "../fuzz/checks/dsig.rs"]
mod dsig;
#[path = "../fuzz/checks/metadata.rs"]
mod metadata;
#[path = "../fuzz/checks/saml_messages.rs"]
mod saml_messages;
#[path = "../fuzz/checks/signed_json.rs"]
mod signed_json;
#[path = "../fuzz/checks/wrapping.rs"]
mod wrapping;

use std::path::Path;

use proptest::prelude::*;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let entries = std::fs::read_dir(folder).expect("the seeds");
    let seeds: Vec<Vec<u8>> = entries
        .map(|entry| std::fs::read(entry.expect("an entry").path()).expect("a seed"))
        .collect();
    assert!(seeds.len() >= 10, "{target}: {} seeds", seeds.len());
    seeds
}

fn replay(target: &str, check: fn(&str)) {
    for seed in seeds(target) {
        check(std::str::from_utf8(&seed).expect("text"));
    }
}

#[test]
fn seeds_of_signed_documents() {
    replay("dsig_verify", dsig::check);
}

#[test]
fn seeds_of_rearranged_documents() {
    for seed in seeds("dsig_wrap") {
        wrapping::check(&seed);
    }
}

#[test]
fn seeds_of_metadata() {
    replay("metadata", metadata::check);
}

#[test]
fn seeds_of_saml_messages() {
    replay("saml_authn_request", saml_messages::authn_request);
    replay("saml_logout", saml_messages::logout);
    replay("saml_response", saml_messages::response);
}

#[test]
fn seeds_of_bindings() {
    replay("saml_redirect", bindings::redirect);
    replay("saml_artifact", bindings::artifact);
}

#[test]
fn seeds_of_signed_json() {
    replay("jose", signed_json::check);
}

#[test]
fn seeds_of_encrypted_elements() {
    replay("decrypt", decryption::check);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_rearrangement_of_a_signed_document_says_something_else(program in proptest::collection::vec(any::<u8>(), 4..28)) {
        wrapping::check(&program);
    }
}
