//! Both kinds of token in answers of WS-Federation, in the clear and encrypted, as xmlsec1 reads them (spec
//! passive-sign-in 2.5 and 2.9).

use anyhow::{Context as _, Result};
use end_to_end::lab::Lab;
use end_to_end::metadata_of;
use end_to_end::passive::sign_in;
use end_to_end::saml::service_provider::ServiceProvider;
use end_to_end::saml::xmlsec;
use end_to_end::token::{Issued, SAML, TRUST, children, descendant};
use end_to_end::verifiers::Evidence;
use openssl::x509::X509;
use roxmltree::Document;
use url::Url;

const SAML_11_ID: (&str, &str) = (
    "AssertionID",
    "urn:oasis:names:tc:SAML:1.0:assertion:Assertion",
);
const SAML_20: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const WISH_20: &str = "<t:RequestSecurityToken xmlns:t=\"http://schemas.xmlsoap.org/ws/2005/02/trust\">\
    <t:TokenType>urn:oasis:names:tc:SAML:2.0:assertion</t:TokenType></t:RequestSecurityToken>";

#[tokio::test]
async fn each_kind_of_token_is_issued_encrypted_and_verified_by_others() -> Result<()> {
    let lab = Lab::start()?;
    let certificate = metadata_of(&lab.client()?, lab.outside())
        .await?
        .signing_certificate()?;
    // Name, its settings, what the request wishes for, and the kind that must come.
    let cases: [(&str, &[&str], &str, &str); 6] = [
        ("old", &[], "", SAML),
        ("new", &["ws_fed_token_type=SAML 2.0"], "", SAML_20),
        ("asked", &[], WISH_20, SAML_20),
        ("babble", &[], "<t:RequestSecurityToken", SAML),
        (
            "open-new",
            &["ws_fed_token_type=SAML 2.0", "encrypt_claims=false"],
            "",
            SAML_20,
        ),
        (
            "gcm",
            &[
                "content_encryption=aes256-gcm",
                "saml_response_signature=MessageOnly",
            ],
            WISH_20,
            SAML_20,
        ),
    ];
    for (name, settings, wish, kind) in cases {
        let party = ServiceProvider::new(name)?.with_encryption()?;
        let endpoint = format!("ws_fed_endpoint=https://{name}.example/wsfed");
        let settings: Vec<&str> = settings
            .iter()
            .copied()
            .chain([endpoint.as_str()])
            .collect();
        party.register(&lab, &settings)?;
        let encrypted = !settings.contains(&"encrypt_claims=false");
        let issued = issued_to(&lab, &party, wish).await.context(name)?;
        let response = issued.response()?;
        let document = Document::parse(response)?;
        let root = document.root_element();
        assert_eq!(
            descendant(root, TRUST, "TokenType")?.text(),
            Some(kind),
            "{name}"
        );
        let requested = descendant(root, TRUST, "RequestedSecurityToken")?;
        let expected = if encrypted {
            (XENC, "EncryptedData")
        } else {
            (kind, "Assertion")
        };
        assert_eq!(children(requested), [expected], "{name}");
        assert_eq!(response.contains("zoe@contoso.test"), !encrypted, "{name}");

        let key = party.encryption.as_ref().context("no key")?.key_pem()?;
        let opened = if encrypted {
            let stranger = ServiceProvider::new("stranger")?.signing.key_pem()?;
            assert!(xmlsec::decrypt(response, &stranger).is_err(), "{name}");
            xmlsec::decrypt(response, &key)?
        } else {
            response.to_owned()
        };
        assert!(opened.contains("zoe@contoso.test"), "{name}: {opened}");
        holds(&opened, kind, &certificate).context(name)?;
        let altered = opened.replacen("zoe@contoso.test", "bob@contoso.test", 1);
        assert!(holds(&altered, kind, &certificate).is_err(), "{name}");
    }
    Ok(())
}

async fn issued_to(lab: &Lab, party: &ServiceProvider, wish: &str) -> Result<Issued> {
    let mut url: Url = lab.outside().join("/adfs/ls/")?;
    url.query_pairs_mut()
        .append_pair("wa", "wsignin1.0")
        .append_pair("wtrealm", &party.entity_id);
    if !wish.is_empty() {
        url.query_pairs_mut().append_pair("wreq", wish);
    }
    sign_in(&lab.client()?, &url, lab.contract().user("zoe")?).await
}

/// That the assertion of this kind in the response is signed by itself.
fn holds(response: &str, kind: &str, certificate: &X509) -> Result<()> {
    let document = Document::parse(response)?;
    let assertion = descendant(document.root_element(), kind, "Assertion")?;
    let text = response.get(assertion.range()).context("out of range")?;
    if kind == SAML {
        return Evidence::new(text, certificate)?.verify_with_xmlsec1(SAML_11_ID);
    }
    let id = assertion.attribute("ID").context("no ID")?;
    xmlsec::verify(text, id, certificate)
}
