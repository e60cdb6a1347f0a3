//! Signed documents, rearranged: elements are copied, moved, renamed and removed, so that the fuzzer spends its time on
//! documents that are well formed.

use std::ops::Range;

use crate::dsig::{self, SIGNED};

const MOST_STEPS: usize = 12;
const LONGEST: usize = 64 * 1024;

/// The first octet chooses a document, and every three further ones are a step.
pub(crate) fn check(program: &[u8]) {
    let Some((first, steps)) = program.split_first() else {
        return;
    };
    let mut document = SIGNED[usize::from(*first) % SIGNED.len()].to_owned();
    for step in steps.chunks_exact(3).take(MOST_STEPS) {
        let Some(changed) = apply(&document, step[0], step[1], step[2]) else {
            break;
        };
        document = changed;
        dsig::check(&document);
    }
}

fn apply(document: &str, step: u8, one: u8, other: u8) -> Option<String> {
    let parsed = roxmltree::Document::parse(document).ok()?;
    let elements: Vec<_> = parsed
        .descendants()
        .filter(|node| node.is_element())
        .collect();
    let one = elements.get(usize::from(one) % elements.len())?;
    let other = elements.get(usize::from(other) % elements.len())?;
    let (from, to) = (one.range(), other.range());
    let text = document.get(from.clone())?;
    let inside = other.first_child().map(|child| child.range().start);
    let changed = match step % 9 {
        0 => inserted(document, to.start, text),
        1 => inserted(document, to.end, text),
        2 => inserted(document, inside?, text),
        3 => moved(document, &from, to.start)?,
        4 => moved(document, &from, to.end)?,
        5 => replaced(document, &from, ""),
        6 => replaced(document, &from, &text.replace("_genuine", "_evil")),
        7 => replaced(document, &from, &text.replace("alice", "evil")),
        _ => replaced(
            document,
            &from,
            &format!("<y:y xmlns:y=\"urn:y\">{text}</y:y>"),
        ),
    };
    (changed.len() <= LONGEST).then_some(changed)
}

fn inserted(document: &str, at: usize, text: &str) -> String {
    replaced(document, &(at..at), text)
}

/// Where the place is within what moves, nothing moves.
fn moved(document: &str, from: &Range<usize>, to: usize) -> Option<String> {
    if to <= from.start {
        let rest = replaced(document, from, "");
        Some(inserted(&rest, to, &document[from.clone()]))
    } else if to >= from.end {
        let rest = inserted(document, to, &document[from.clone()]);
        Some(replaced(&rest, from, ""))
    } else {
        None
    }
}

fn replaced(document: &str, range: &Range<usize>, text: &str) -> String {
    format!(
        "{}{text}{}",
        &document[..range.start],
        &document[range.end..]
    )
}
