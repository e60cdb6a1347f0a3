//! LDIF text, written: base64 where RFC 2849 needs it, and folded lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::directory::identifiers::{guid_bytes, sid_bytes};

/// An LDIF text as it grows.
pub(super) struct Ldif(pub(super) String);

impl Ldif {
    pub(super) fn new(about: &str) -> Ldif {
        Ldif(format!(
            "# {about}\n# Written from people.toml; README.md says how.\n"
        ))
    }

    pub(super) fn entry(
        &mut self,
        dn: &str,
        classes: &[&str],
        attributes: &[(&str, &str)],
    ) -> &mut Ldif {
        self.0.push('\n');
        self.text("dn", dn);
        for class in classes {
            self.text("objectClass", class);
        }
        for (name, value) in attributes {
            self.text(name, value);
        }
        self
    }

    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Ldif {
        let safe = value.bytes().all(|b| b.is_ascii() && b >= b' ')
            && !value.starts_with([' ', ':', '<'])
            && !value.ends_with(' ');
        if safe {
            self.line(&format!("{name}: {value}"))
        } else {
            self.octets(name, value.as_bytes())
        }
    }

    pub(super) fn octets(&mut self, name: &str, value: &[u8]) -> &mut Ldif {
        self.line(&format!("{name}:: {}", STANDARD.encode(value)))
    }

    /// RFC 2849 asks for lines of at most 76 characters.
    fn line(&mut self, line: &str) -> &mut Ldif {
        let mut width = 76;
        let mut rest = line;
        while rest.len() > width {
            let (head, tail) = rest.split_at(width);
            self.0.push_str(head);
            self.0.push_str("\n ");
            rest = tail;
            width = 75;
        }
        self.0.push_str(rest);
        self.0.push('\n');
        self
    }

    pub(super) fn identifiers(&mut self, guid: &str, sid: &str) -> &mut Ldif {
        self.octets("objectGUID", &guid_bytes(guid).expect("a GUID"));
        self.octets("objectSid", &sid_bytes(sid).expect("a SID"))
    }
}
