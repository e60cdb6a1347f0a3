//! `FederationMetadata.xml` (spec passive-sign-in 4.1).

use anyhow::{Context as _, Result};
use end_to_end::lab::Lab;
use end_to_end::metadata::{METADATA, role_type};
use end_to_end::metadata_of;
use end_to_end::token::DSIG;
use end_to_end::verifiers::{Evidence, embedded_certificate};
use roxmltree::Document;

#[tokio::test]
async fn metadata_is_signed_by_the_key_that_it_publishes_and_is_the_same_through_the_proxy()
-> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let outside = metadata_of(&client, lab.outside()).await?;
    let text = outside.text();

    let certificate = outside.signing_certificate()?;
    assert_eq!(embedded_certificate(text)?.to_der()?, certificate.to_der()?);
    let evidence = Evidence::new(text, &certificate)?;
    evidence.verify_with_xmlsec1((
        "ID",
        "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor",
    ))?;
    assert_eq!(evidence.verify_with_signxml()?.element, "EntityDescriptor");
    let altered = Evidence::new(&text.replacen("/adfs/ls/", "/adfs/lz/", 1), &certificate)?;
    assert!(
        altered
            .verify_with_xmlsec1((
                "ID",
                "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor"
            ))
            .is_err()
    );
    assert!(altered.verify_with_signxml().is_err());

    let document = Document::parse(text)?;
    let root = document.root_element();
    assert!(root.has_tag_name((METADATA, "EntityDescriptor")));
    assert_eq!(
        root.attribute("entityID"),
        Some(lab.contract().federation_service_identifier.as_str())
    );
    assert_eq!(
        (
            root.attribute("validUntil"),
            root.attribute("cacheDuration")
        ),
        (None, None)
    );
    assert!(
        root.first_element_child()
            .is_some_and(|first| first.has_tag_name((DSIG, "Signature")))
    );
    // Roles keep AD FS's order; those of protocols that are not spoken may be missing.
    let known = [
        "ApplicationServiceType",
        "SecurityTokenServiceType",
        "SPSSODescriptor",
        "IDPSSODescriptor",
    ];
    let roles = root
        .children()
        .filter_map(|node| role_type(node).or_else(|| Some(node.tag_name().name())));
    let order: Vec<usize> = roles
        .filter_map(|role| known.iter().position(|name| *name == role))
        .collect();
    assert!(order.contains(&1) && order.is_sorted(), "{order:?}");
    let endpoint = format!("{}/adfs/ls/", lab.outside().as_str().trim_end_matches('/'));
    assert!(
        text.contains(&format!(">{endpoint}<")),
        "every absolute URL carries the outside port"
    );

    // Its address has no case, and the proxy changes nothing in it.
    let lower = client
        .get(
            &lab.outside()
                .join("/federationmetadata/2007-06/federationmetadata.xml")?,
        )
        .await?;
    assert_eq!((lower.status, lower.body.as_str()), (200, text));
    let media_type = lower.header("content-type").context("no content type")?;
    assert!(media_type.contains("xml"), "{media_type}");
    assert_eq!(metadata_of(&client, lab.inside()).await?.text(), text);
    Ok(())
}
