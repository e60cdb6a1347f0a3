use serde_json::{Value, json};

use crate::Site;

/// The certificates are made by the first start of the server, so they are put there by one that ends at once: without a
/// certificate for its listener.
fn site_with_keys() -> Site {
    let site = Site::new();
    std::fs::write(site.path().join("tls.pem"), "none").expect("written");
    assert_eq!(site.adfs(&["serve"]).status.code(), Some(1));
    site
}

#[test]
fn what_to_enter_is_shown_and_checked() {
    let site = site_with_keys();
    let show = ["entra", "show", "--domain", "contoso.test"];
    let body = site.json(&show, 0);
    assert_eq!(
        body["issuerUri"],
        "http://sts.contoso.test/adfs/services/trust"
    );
    assert_eq!(
        body["passiveSignInUri"],
        "https://sts.contoso.test/adfs/ls/"
    );
    assert!(
        body["signingCertificate"]
            .as_str()
            .expect("a certificate")
            .len()
            > 500
    );
    let text = site.run(&show, 0);
    for part in [
        "New-MgDomainFederationConfiguration",
        "federationConfiguration",
        "Issue nameidentifier",
        "Note: ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let answer = site.path().join("answer.json");
    let check = [&show[..], &["--check", "answer.json"]].concat();
    std::fs::write(&answer, json!({"value": [body]}).to_string()).expect("written");
    assert_eq!(site.json(&check, 0), json!({"differences": []}));
    let mut changed = body.clone();
    changed["issuerUri"] = "http://contoso.test/adfs/services/trust/".into();
    changed["signingCertificate"] = Value::Null;
    std::fs::write(&answer, changed.to_string()).expect("written");
    let found = site.json(&check, 1);
    let properties = found["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["property"].as_str().expect("a name"));
    assert_eq!(
        properties.collect::<Vec<_>>(),
        ["issuerUri", "signingCertificate"]
    );
    assert!(site.run(&check, 1).contains("remedy"));
}

#[test]
fn several_domains_have_an_issuer_each() {
    let site = site_with_keys();
    let show = [
        "entra",
        "show",
        "--domain",
        "contoso.test",
        "--domain",
        "Fabrikam.test",
    ];
    let bodies = site.json(&show, 0);
    assert_eq!(
        bodies[0]["issuerUri"],
        "http://contoso.test/adfs/services/trust/"
    );
    assert_eq!(
        bodies[1]["issuerUri"],
        "http://fabrikam.test/adfs/services/trust/"
    );
    let rules = site.run(&[&show[..], &["--rules"]].concat(), 0);
    assert!(rules.contains("(contoso\\.test|fabrikam\\.test)"));
    for wrong in [
        vec!["entra", "show", "--domain", "a b"],
        vec!["entra", "show", "--domain", "a.test", "--domain", "A.test"],
    ] {
        assert_eq!(site.adfs(&wrong).status.code(), Some(1));
    }
    assert_eq!(site.adfs(&["entra", "show"]).status.code(), Some(2));
}
