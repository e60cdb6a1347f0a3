//! Host and port of a request.

use crate::config::HostName;

/// What the end client asked for: one host in lower case, and the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Host, in lower case.
    pub host: HostName,
    /// Port; 443 when none was named.
    pub port: u16,
}

impl Authority {
    /// Reads a Host field or `:authority`. No user part, no address, no empty port.
    pub fn parse(text: &str) -> Option<Authority> {
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, digits(port)?),
            None => (text, 443),
        };
        // A last dot names the same host in the DNS, but nowhere else.
        HostName::parse(host)
            .ok()
            .map(|host| Authority { host, port })
    }
}

fn digits(port: &str) -> Option<u16> {
    // Rust's own reading would take a sign.
    let only = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|port| only && *port != 0)
}

impl std::fmt::Display for Authority {
    /// As a Host field has it: without the port when that is 443.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            443 => self.host.fmt(formatter),
            port => write!(formatter, "{}:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_strictly() {
        for (text, expected) in [
            ("STS.contoso.test", Some(("sts.contoso.test", 443))),
            ("sts.contoso.test:8443", Some(("sts.contoso.test", 8443))),
            ("sts.contoso.test:443", Some(("sts.contoso.test", 443))),
            ("sts.contoso.test:", None),
            ("sts.contoso.test.", None),
            ("sts.contoso.test:65536", None),
            ("sts.contoso.test:8443x", None),
            ("sts.contoso.test:+443", None),
            ("sts.contoso.test:0", None),
            ("sts.contoso.test:80:443", None),
            ("alice@sts.contoso.test", None),
            ("127.0.0.1", None),
            ("[::1]:443", None),
            ("", None),
            ("sts/adfs", None),
            ("sts contoso", None),
            ("sts,contoso", None),
        ] {
            let read = Authority::parse(text);
            let read = read
                .as_ref()
                .map(|authority| (authority.host.as_str(), authority.port));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn the_usual_port_is_not_written() {
        assert_eq!(
            Authority::parse("a.test:443").unwrap().to_string(),
            "a.test"
        );
        assert_eq!(
            Authority::parse("a.test:8443").unwrap().to_string(),
            "a.test:8443"
        );
    }
}
