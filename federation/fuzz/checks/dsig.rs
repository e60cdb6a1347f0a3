//! Whatever is accepted is one of the few elements that the key has ever signed (spec security SIG-1).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use federation::dsig::{
    AcceptedAlgorithms, authenticate_issued_token, authenticate_response, authenticate_root,
};
use federation::metadata::read::{Reading, read};
use openssl::x509::X509;
use time::macros::datetime;

/// Documents that were signed once; the key has been thrown away.
pub(crate) const SIGNED: [&str; 10] = [
    include_str!("signed/assertion-alone.xml"),
    include_str!("signed/assertion-in-response.xml"),
    include_str!("signed/assertion-in-ws-trust.xml"),
    include_str!("signed/assertion-of-saml-1.1.xml"),
    include_str!("signed/authnrequest.xml"),
    include_str!("signed/entitydescriptor-in-a-group.xml"),
    include_str!("signed/entitydescriptor.xml"),
    include_str!("signed/logoutrequest.xml"),
    include_str!("signed/logoutresponse.xml"),
    include_str!("signed/response.xml"),
];

static CERTIFICATES: LazyLock<Vec<X509>> = LazyLock::new(|| {
    let pem = include_bytes!("signed/certificate.pem");
    vec![X509::from_pem(pem).expect("a certificate")]
});

static GENUINE: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut genuine = BTreeSet::new();
    for document in SIGNED {
        let accepted = accepted(document);
        assert!(!accepted.is_empty(), "{document}");
        genuine.extend(accepted);
    }
    genuine
});

/// What each of our entrances makes of the document.
fn accepted(document: &str) -> Vec<String> {
    let (certificates, algorithms) = (CERTIFICATES.as_slice(), AcceptedAlgorithms::default());
    let mut accepted = Vec::new();
    if let Ok(authentic) = authenticate_root(document, certificates, &algorithms) {
        accepted.push(authentic.element().to_owned());
    }
    if let Ok(response) = authenticate_response(document, certificates, &algorithms) {
        for authentic in [response.message(), response.assertion()]
            .into_iter()
            .flatten()
        {
            accepted.push(authentic.element().to_owned());
        }
    }
    if let Ok(authentic) = authenticate_issued_token(document, certificates, &algorithms) {
        accepted.push(authentic.element().to_owned());
    }
    let reading = Reading::at(datetime!(2026-11-25 12:00 UTC)).signed_by(certificates);
    if let Ok(entity) = read(document, &reading) {
        accepted.push(format!("{} {:?}", entity.entity_id, entity.organization));
    }
    accepted
}

pub(crate) fn check(document: &str) {
    for element in accepted(document) {
        assert!(GENUINE.contains(&element), "{element}\nout of {document}");
    }
}
