//! Cases in files. The first line says what the attack is; lines of the form of [`Case::says`] are conditions.

use std::fs;
use std::path::Path;

use crate::kind::Kind;
use crate::signer::{SIGNER, STRANGER};

const CONDITIONS: [&str; 4] = [
    "needs a container",
    "not verifiable by others",
    "signed with a foreign key",
    "signed with the public key as a secret",
];

pub(crate) struct Case {
    pub(crate) name: String,
    conditions: Vec<String>,
    /// Everything else.
    pub(crate) body: String,
}

impl Case {
    pub(crate) fn says(&self, condition: &str) -> bool {
        assert!(CONDITIONS.contains(&condition));
        self.conditions.iter().any(|line| line == condition)
    }
}

/// All cases of a folder, in the order of their names.
pub(crate) fn cases(folder: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/attacks")
        .join(folder);
    let mut cases: Vec<Case> = fs::read_dir(folder)
        .expect("the folder of cases")
        .map(|entry| {
            let path = entry.expect("a file").path();
            let text = fs::read_to_string(&path).expect("a case");
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let (about, rest) = text.split_once('\n').expect("a description");
            assert!(about.ends_with('.'), "{name} begins with a sentence");
            let (conditions, body): (Vec<&str>, Vec<&str>) =
                rest.lines().partition(|line| CONDITIONS.contains(line));
            Case {
                name,
                conditions: conditions.into_iter().map(str::to_owned).collect(),
                body: body.join("\n").trim_end_matches('\n').to_owned(),
            }
        })
        .collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(cases.len() > 10);
    cases
}

/// Applies lines `- FROM` with `+ TO` to `document`; each must apply. `whole` is what `{document}` stands for.
pub(crate) fn changes(case: &Case, document: &str, whole: &str) -> String {
    let fill = |text: &str| {
        text.replace("{document}", whole)
            .replace("{foreign certificate}", &STRANGER.certificate_base64())
            .replace("{foreign modulus}", &STRANGER.modulus_base64())
            .replace("{certificate}", &SIGNER.certificate_base64())
    };
    let mut changed = document.to_owned();
    let mut lines = case.body.lines();
    while let Some(line) = lines.next() {
        let from = fill(
            line.strip_prefix("- ")
                .expect("a line that begins with '- '"),
        );
        let to = lines
            .next()
            .and_then(|line| line.strip_prefix('+'))
            .expect("a line that begins with '+'");
        let to = fill(to.strip_prefix(' ').unwrap_or(to));
        assert!(
            changed.contains(&from),
            "{}: {from:?} is not in the document",
            case.name
        );
        changed = changed.replacen(&from, &to, 1);
    }
    assert_ne!(changed, document, "{}", case.name);
    changed
}

/// Puts the pieces of a genuine document together as the template says.
pub(crate) fn expand(template: &str, kind: &Kind) -> String {
    let genuine = &kind.genuine;
    let start = genuine.find("<ds:Signature ").expect("a signature");
    let end = genuine.find("</ds:Signature>").expect("its end") + "</ds:Signature>".len();
    let signature = &genuine[start..end];
    let bare = format!("{}{}", &genuine[..start], &genuine[end..]);
    let (head, tail) = kind.evil("_evil");
    let (head_same_id, _) = kind.evil("_genuine");
    let body = tail.strip_suffix(kind.close).expect("the end tag");
    let within = |end: &str, before: &str, content: &str| {
        genuine.replacen(end, &format!("{before}{content}{end}"), 1)
    };
    let evil = format!("{head}{tail}");
    template
        .replace(
            "{genuine-with-key-info:{head}{tail}}",
            &within("</ds:KeyInfo>", "", &evil),
        )
        .replace(
            "{genuine-with-object:{head}{tail}}",
            &within(
                "</ds:Signature>",
                "",
                &format!("<ds:Object>{evil}</ds:Object>"),
            ),
        )
        .replace("{genuine-again}", genuine)
        .replace("{genuine}", genuine)
        .replace("{bare}", &bare)
        .replace(
            "{signature-open}",
            signature.strip_suffix("</ds:Signature>").expect("its end"),
        )
        .replace("{signature}", signature)
        .replace("{head-same-id}", &head_same_id)
        .replace("{head}", &head)
        .replace("{tail}", &tail)
        .replace("{body}", body)
        .replace("{close}", kind.close)
}
