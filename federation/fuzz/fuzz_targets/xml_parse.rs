//! What the strict reader takes, the parser alone takes too, and it has none of what is always refused.
#![no_main]

use federation::xml::{Limits, only_text, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = read(bytes, &Limits::message()) else {
        return;
    };
    let root = document.root();
    assert!(root.descendants().all(|node| !node.is_pi()));
    assert!(
        root.descendants().filter(|node| node.is_element()).count() <= Limits::message().elements
    );
    let text = std::str::from_utf8(bytes).expect("what was read is UTF-8");
    assert!(!text.contains("<!DOCTYPE") || text.contains("<!--") || text.contains("<![CDATA["));
    let parsed = roxmltree::Document::parse(text).expect("what was read is well formed");
    assert_eq!(parsed.root_element().tag_name(), root.tag_name());
    for element in root.descendants().filter(|node| node.is_element()) {
        if let Ok(whole) = only_text(element) {
            assert!(element.children().all(|child| child.is_text()));
            assert!(whole.starts_with(element.text().unwrap_or_default()));
        }
    }
});
