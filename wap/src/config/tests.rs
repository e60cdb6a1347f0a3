use proptest::prelude::*;

use super::*;

const GOOD: &str = r#"
[federation_service]
name = "STS.contoso.test"
connect = "127.0.0.1:9443"
ca_file = "ca.pem"

[trust]
folder = "state"

[[listen]]
address = "0.0.0.0:8443"
public_port = 443

[[certificate]]
hosts = ["sts.contoso.test", "*.contoso.test"]
certificate_file = "sts.pem"
private_key_file = "/keys/sts.key"

[limits]
header_timeout = 5

[log]
format = "json"
"#;

fn parse(text: &str) -> Result<Configuration, ConfigError> {
    Configuration::parse(text, Path::new("wap.toml"))
}

#[test]
fn a_full_file_is_read_and_its_paths_lie_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wap.toml");
    std::fs::write(&path, GOOD).unwrap();
    let configuration = Configuration::load(&path).unwrap();
    assert_eq!(
        configuration.federation_service.name.as_str(),
        "sts.contoso.test"
    );
    assert_eq!(
        configuration.federation_service.address().to_string(),
        "127.0.0.1:9443"
    );
    assert_eq!(
        configuration.federation_service.ca_file,
        Some(folder.path().join("ca.pem"))
    );
    assert_eq!(configuration.trust.folder, folder.path().join("state"));
    let certificate = configuration.certificate.first().unwrap();
    assert_eq!(certificate.private_key_file, Path::new("/keys/sts.key"));
    let listener = configuration.listen.first().unwrap();
    assert_eq!(listener.outside_port(8443), 443);
    assert_eq!(
        configuration.limits.header_timeout.get(),
        Duration::from_secs(5)
    );
    assert_eq!(configuration.limits.header_fields, 100);
    assert_eq!(configuration.log.format, LogFormat::Json);
    assert_eq!(
        configuration.federation_service.poll_interval.get(),
        Duration::from_secs(30)
    );
}

#[test]
fn errors_name_line_key_and_remedy() {
    for (from, to, expected) in [
        (
            "header_timeout",
            "header_timeuot",
            "wap.toml:20: limits.header_timeuot: unknown key `header_timeuot`; did you mean `header_timeout`?",
        ),
        (
            "folder =",
            "zzzzzz =",
            "wap.toml:8: trust.zzzzzz: unknown key `zzzzzz`; known here: folder",
        ),
        (
            "\"STS.contoso.test\"",
            "\"https://sts\"",
            "wap.toml:3: federation_service.name: \"https://sts\" is no host name; write one such as \"sts.contoso.com\"",
        ),
        (
            "\"127.0.0.1:9443\"",
            "\"127.0.0.1\"",
            "wap.toml:4: federation_service.connect: \"127.0.0.1\" is no address; write host:port, such as \"adfs.corp.contoso.com:443\"",
        ),
        (
            "header_timeout = 5",
            "header_timeout = 0",
            "wap.toml:20: limits.header_timeout: 0 is out of range; write seconds from 1 to 86400",
        ),
        (
            "format = \"json\"",
            "format = \"xml\"",
            "wap.toml:23: log.format: unknown variant",
        ),
        ("[trust]\nfolder = \"state\"", "", "missing field `trust`"),
        (
            "hosts = [\"sts.contoso.test\", \"*.contoso.test\"]",
            "hosts = []",
            "certificate.hosts: nothing is configured",
        ),
        ("[trust]", "[trust", "wap.toml:7: "),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let error = parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{to}:\n{error}");
    }
}

#[test]
fn an_absent_file_is_named() {
    let error = Configuration::load(Path::new("/nowhere/wap.toml"))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("/nowhere/wap.toml: the configuration cannot be read"),
        "{error}"
    );
    assert!(error.contains("--config"), "{error}");
}

#[test]
fn host_patterns_cover_one_label() {
    let below = HostPattern::parse("*.Contoso.test").unwrap();
    for (host, expected) in [
        ("a.contoso.test", true),
        ("contoso.test", false),
        ("a.b.contoso.test", false),
        (".contoso.test", false),
        ("acontoso.test", false),
    ] {
        assert_eq!(below.matches(host), expected, "{host}");
    }
    for bad in [
        "*", "*.", "a.*.test", "", ".", "a..b", "-a", "10.0.0.1", "a b", "a/b", "é.test",
    ] {
        assert!(HostPattern::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn addresses_may_be_of_both_families() {
    for (text, host, port) in [("[::1]:9443", "::1", 9443), ("adfs:443", "adfs", 443)] {
        let address = ConnectAddress::try_from(text.to_owned()).unwrap();
        assert_eq!((address.host.as_str(), address.port), (host, port));
        assert_eq!(address.to_string(), text);
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(text in ".{0,200}") {
        let _ = parse(&text);
        let _ = HostPattern::parse(&text);
    }
}
