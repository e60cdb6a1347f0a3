//! Request targets: the normal form is stable, and no spelling smuggles a dot segment or a separator through.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wap::request::Target;

fuzz_target!(|text: &str| {
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    let Ok(target) = Target::parse(path, query) else { return };
    let normal = target.path();
    let again = Target::parse(&normal, query).expect("the normal form is a target");
    assert_eq!(again, target, "the normal form is stable");
    assert!(!normal.contains("//") && !normal.contains('\\'));
    assert!(!normal.split('/').any(|segment| segment == "." || segment == ".."));
});
