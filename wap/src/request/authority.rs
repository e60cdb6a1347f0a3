//! Host and port of a request.

use http::uri;

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
        let authority: uri::Authority = text.parse().ok()?;
        if text.contains('@') || text.ends_with(':') {
            return None;
        }
        let port = match authority.port() {
            Some(port) => port.as_str().parse().ok()?,
            None => 443,
        };
        // A last dot names the same host in the DNS, but nowhere else.
        HostName::parse(authority.host())
            .ok()
            .map(|host| Authority { host, port })
    }
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
