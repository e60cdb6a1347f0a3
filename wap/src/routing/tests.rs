use std::path::Path;

use federation::proxy::{PortType, PublishedEndpoint};

use super::*;
use crate::config::HostName;

const CONFIGURATION: &str = r#"
[federation_service]
name = "sts.contoso.test"
[trust]
folder = "state"
[[listen]]
address = "127.0.0.1:0"
[[certificate]]
hosts = ["sts.contoso.test"]
certificate_file = "a"
private_key_file = "b"
"#;

fn routes() -> Routes {
    let own = config::Configuration::parse(CONFIGURATION, Path::new("wap.toml")).unwrap();
    let mut mex = PublishedEndpoint::https("/adfs/services/trust/mex");
    mex.service_path = "/adfs/services/trust/proxymex".to_owned();
    let mut user_tls = PublishedEndpoint::https("/adfs/usertls/");
    user_tls.port_type = PortType::HttpsForUserTlsAuth;
    let mut certificate = PublishedEndpoint::https("/adfs/certificate/");
    certificate.client_certificate_query_mode =
        federation::proxy::ClientCertificateQueryMode::QueryAndRequire;
    let mut sneaky = PublishedEndpoint::https("/adfs/sneaky/");
    sneaky.service_path = "/adfs/proxy/".to_owned();
    let endpoints = vec![
        PublishedEndpoint::https("/adfs/ls/"),
        mex,
        user_tls,
        certificate,
        sneaky,
        PublishedEndpoint::https("/adfs/backendproxytls"),
        // Wider than anything a server should list: the control channel stays shut all the same.
        PublishedEndpoint::https("/adfs/"),
    ];
    let listed = Configuration {
        service_configuration: federation::proxy::read(br#"{"ServiceConfiguration":{"ServiceHostName":"sts.contoso.test"},"EndpointConfiguration":{"Endpoints":[]}}"#)
            .map(|configuration: Configuration| configuration.service_configuration)
            .unwrap(),
        endpoint_configuration: federation::proxy::EndpointConfiguration { endpoints },
        farm_behavior: "10.0".to_owned(),
        ignore_token_binding: true,
        updated_farm_behavior_level: None,
    };
    let json = r#"{"SchemaVersion":1,"Applications":[
        {"ID":"00000000-0000-0000-0000-000000000001","Name":"root","ExternalUrl":"https://app.contoso.test:8443/","BackendServerUrl":"http://b.test/","ExternalPreauthentication":"PassThrough"},
        {"ID":"00000000-0000-0000-0000-000000000002","Name":"deep","ExternalUrl":"https://app.contoso.test:8443/Deep/er/","BackendServerUrl":"http://c.test/Deep/er/","ExternalPreauthentication":"PassThrough"},
        {"ID":"00000000-0000-0000-0000-000000000003","Name":"shut","ExternalUrl":"https://app.contoso.test:8443/shut/","BackendServerUrl":"http://c.test/shut/","ExternalPreauthentication":"ADFS"},
        {"ID":"00000000-0000-0000-0000-000000000004","Name":"wild","ExternalUrl":"https://*.contoso.test:8443/","BackendServerUrl":"http://d.test/","ExternalPreauthentication":"PassThrough"},
        {"ID":"00000000-0000-0000-0000-000000000005","Name":"partly","ExternalUrl":"https://part.contoso.test:8443/x/","BackendServerUrl":"http://d.test/x/","ExternalPreauthentication":"PassThrough"},
        {"ID":"00000000-0000-0000-0000-000000000006","Name":"thief","ExternalUrl":"https://sts.contoso.test:8443/adfs/","BackendServerUrl":"http://e.test/adfs/","ExternalPreauthentication":"PassThrough"}]}"#;
    let applications = Applications::read(json.as_bytes()).unwrap();
    Routes::unknown(HostName::parse("sts.contoso.test").unwrap())
        .with_endpoints(&listed)
        .with_applications(&applications, &own)
        .unwrap()
}

fn decide(routes: &Routes, host: &str, path: &str) -> Result<(String, String), Refusal> {
    let authority = Authority::parse(&format!("{host}:8443")).unwrap();
    let arrival = Arrival {
        server_name: authority.host.as_str().to_owned(),
        outside_port: 8443,
    };
    let target = Target::parse(path, Some("q=1")).unwrap();
    let permit = routes.decide(&arrival, &authority, &target)?;
    Ok((permit.route().to_owned(), permit.target().path_and_query()))
}

#[test]
fn requests_go_where_they_are_published() {
    let routes = routes();
    for (host, path, expected) in [
        (
            "sts.contoso.test",
            "/adfs/ls",
            Ok(("service", "/adfs/ls?q=1")),
        ),
        (
            "sts.contoso.test",
            "/ADFS/LS/x",
            Ok(("service", "/adfs/ls/x?q=1")),
        ),
        (
            "sts.contoso.test",
            "/adfs/services/trust/MEX",
            Ok(("service", "/adfs/services/trust/proxymex?q=1")),
        ),
        ("sts.contoso.test", "/", Err(Refusal::NotFound)),
        ("sts.contoso.test", "/adfsx/ls", Err(Refusal::NotFound)),
        ("app.contoso.test", "/", Ok(("root", "/?q=1"))),
        ("app.contoso.test", "/deep", Ok(("root", "/deep?q=1"))),
        ("app.contoso.test", "/deep/ER", Ok(("deep", "/deep/ER?q=1"))),
        (
            "app.contoso.test",
            "/deep/erx",
            Ok(("root", "/deep/erx?q=1")),
        ),
        (
            "app.contoso.test",
            "/SHUT/x",
            Err(Refusal::Preauthentication),
        ),
        ("other.contoso.test", "/x", Ok(("wild", "/x?q=1"))),
        ("part.contoso.test", "/y", Err(Refusal::NotFound)),
        ("contoso.test", "/", Err(Refusal::Misdirected)),
        ("a.b.contoso.test", "/", Err(Refusal::Misdirected)),
    ] {
        let expected = expected.map(|(route, target)| (route.to_owned(), target.to_owned()));
        assert_eq!(decide(&routes, host, path), expected, "{host}{path}");
    }
}

#[test]
fn the_control_channel_is_shut_in_every_spelling() {
    let routes = routes();
    for path in [
        "/adfs/proxy",
        "/adfs/proxy/EstablishTrust",
        "/ADFS/PROXY/GetConfiguration",
        "/%61dfs/%70roxy/x",
        "/adfs/backendproxytls",
        "/adfs/BackendProxyTLS/",
        "/adfs/sneaky/GetConfiguration",
        "/adfs/probe",
    ] {
        let decided = decide(&routes, "sts.contoso.test", path);
        // "/adfs/" covers the sneaky endpoint's path too, but then under its own name and not the control channel's.
        if path.contains("sneaky") {
            assert_eq!(decided.unwrap().1, "/adfs/sneaky/GetConfiguration?q=1");
        } else {
            assert_eq!(decided, Err(Refusal::NotFound), "{path}");
        }
    }
}

#[test]
fn the_tls_name_and_the_port_must_be_those_of_the_request() {
    let routes = routes();
    let target = Target::parse("/", None).unwrap();
    for (name, port, host) in [
        ("sts.contoso.test", 8443, "app.contoso.test:8443"),
        ("app.contoso.test", 8443, "app.contoso.test"),
        ("app.contoso.test", 443, "app.contoso.test:8443"),
    ] {
        let arrival = Arrival {
            server_name: name.to_owned(),
            outside_port: port,
        };
        let authority = Authority::parse(host).unwrap();
        let refusal = routes.decide(&arrival, &authority, &target).unwrap_err();
        assert_eq!(refusal, Refusal::Misdirected, "{name} {host}");
    }
}

#[test]
fn nothing_is_relayed_before_the_configuration_is_known() {
    let routes = Routes::unknown(HostName::parse("sts.contoso.test").unwrap());
    assert_eq!(
        decide(&routes, "sts.contoso.test", "/adfs/ls"),
        Err(Refusal::NotReady)
    );
    assert_eq!(routes.counts(), (0, 0));
}
