use std::fs;
use std::path::PathBuf;

use openssl::x509::X509;
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

use super::test_support::{base64, certificate, service_provider as document};
use super::*;
use crate::config::{Configuration, EXAMPLE};

const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);
const SP: &str = "https://sp.test/metadata";

struct Place {
    folder: TempDir,
    trust: PathBuf,
}

impl Place {
    fn with(trust: &str) -> Place {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("adfs.toml"), EXAMPLE).unwrap();
        fs::create_dir_all(folder.path().join("secrets")).unwrap();
        fs::write(folder.path().join("secrets/directory-password"), "x").unwrap();
        let trusts = folder.path().join("trusts/relying-parties");
        fs::create_dir_all(&trusts).unwrap();
        let path = trusts.join("sp.toml");
        fs::write(&path, trust).unwrap();
        Place {
            folder,
            trust: path,
        }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("adfs.toml")
    }

    fn partner(&self) -> Partner {
        let configuration = Configuration::load(&self.config()).unwrap();
        Partner::all(&configuration).next().unwrap()
    }

    fn prepare(&self, document: &str) -> Result<Update, UpdateError> {
        Update::prepare(&self.config(), &self.partner(), document, NOW)
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.trust).unwrap()
    }
}

fn trust_of(signing: &X509, encryption: &X509) -> String {
    format!(
        "# Ours.\nname = \"SP\" # keep\nidentifiers = [\"{SP}\", \"urn:mine\"]\n\
         saml_endpoints = [{{ binding = \"POST\", protocol = \"SAMLAssertionConsumer\", uri = \"https://sp.test/acs\" }}]\n\
         request_signing_certificate = \"{}\" # theirs\nencryption_certificate = \"{}\"\n",
        base64(signing),
        base64(encryption)
    )
}

#[test]
fn what_metadata_change_is_told_and_written_and_nothing_else_is_touched() {
    let [old, new, encryption] = [1, 2, 3].map(certificate);
    let place = Place::with(&trust_of(&old, &encryption));
    let before = place.text();
    let keys = [("signing", &old), ("encryption", &encryption)];
    let same = document(SP, "https://sp.test/acs", &keys, "");
    let update = place.prepare(&same).unwrap();
    assert_eq!(update.differences(), []);
    assert!(!update.apply(&place.config(), Extent::Everything).unwrap());
    assert_eq!(place.text(), before);

    let keys = [
        ("signing", &old),
        ("signing", &new),
        ("encryption", &encryption),
    ];
    let changed = document(
        SP,
        "https://sp.test/new",
        &keys,
        "AuthnRequestsSigned=\"true\"",
    );
    let update = place.prepare(&changed).unwrap();
    let found: Vec<_> = update
        .differences()
        .iter()
        .map(|one| {
            (
                one.setting.as_str(),
                one.added.len(),
                one.removed.len(),
                one.held,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("saml_endpoints", 1, 1, None),
            ("request_signing_certificate", 1, 0, None),
            ("signed_saml_requests_required", 1, 0, None),
        ]
    );
    assert_eq!(place.text(), before, "a look changes nothing");
    assert!(update.apply(&place.config(), Extent::Automatic).unwrap());
    let after = place.text();
    assert!(after.starts_with("# Ours.\nname = \"SP\" # keep\nidentifiers = [\"https://sp.test/metadata\", \"urn:mine\"]\n"));
    assert!(
        after.contains(" # theirs\n") && after.contains("https://sp.test/new"),
        "{after}"
    );
    assert_eq!(place.prepare(&changed).unwrap().differences(), []);
    // It may ask for more than the metadata promise, so that is not taken back.
    assert_eq!(
        place
            .prepare(&document(SP, "https://sp.test/new", &keys, ""))
            .unwrap()
            .differences(),
        []
    );
}

#[test]
fn what_could_weaken_or_redirect_a_trust_waits_for_a_person() {
    let [old, new, encryption] = [1, 2, 3].map(certificate);
    let both = [("signing", &old), ("encryption", &encryption)];
    let acs = "https://sp.test/acs";
    let scopes = "<RoleDescriptor xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
                  xmlns:fed=\"http://docs.oasis-open.org/wsfed/federation/200706\" xsi:type=\"fed:ApplicationServiceType\" \
                  protocolSupportEnumeration=\"http://docs.oasis-open.org/wsfed/federation/200706\"><fed:TargetScopes>\
                  <EndpointReference xmlns=\"http://www.w3.org/2005/08/addressing\"><Address>urn:victim</Address>\
                  </EndpointReference></fed:TargetScopes></RoleDescriptor></EntityDescriptor>";
    for (name, document, held, settings) in [
        (
            "another identifier",
            document("https://other.test", "https://other.test/acs", &both, ""),
            Held::AnotherIdentity,
            vec!["identifiers", "saml_endpoints"],
        ),
        (
            "a further identifier",
            document(SP, acs, &both, "").replace("</EntityDescriptor>", scopes),
            Held::NewIdentifier,
            vec!["identifiers"],
        ),
        (
            "no signing certificate",
            document(SP, acs, &[("encryption", &encryption)], ""),
            Held::NoSigningCertificate,
            vec!["request_signing_certificate"],
        ),
        (
            "no encryption",
            document(SP, acs, &[("signing", &old)], ""),
            Held::NoEncryption,
            vec!["encryption_certificate"],
        ),
    ] {
        let place = Place::with(&trust_of(&old, &encryption));
        let before = place.text();
        let update = place
            .prepare(&document)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let found: Vec<_> = update
            .differences()
            .iter()
            .map(|one| one.setting.as_str())
            .collect();
        assert_eq!(found, settings, "{name}");
        assert!(
            update
                .differences()
                .iter()
                .all(|one| one.held == Some(held)),
            "{name}"
        );
        assert!(
            !update.apply(&place.config(), Extent::Automatic).unwrap(),
            "{name}"
        );
        assert_eq!(place.text(), before, "{name}");
        assert_eq!(update.left(Extent::Automatic), update.differences());
        // A person may ask for it; identifiers that are there stay.
        assert!(
            update.apply(&place.config(), Extent::Everything).unwrap(),
            "{name}"
        );
        assert!(place.text().contains("urn:mine"), "{name}");
        assert_eq!(
            place.prepare(&document).unwrap().differences(),
            [],
            "{name}"
        );
    }
    // What is held keeps nothing else from being taken.
    let place = Place::with(&trust_of(&old, &encryption));
    let document = document(SP, acs, &[("signing", &new)], "");
    let update = place.prepare(&document).unwrap();
    assert!(update.apply(&place.config(), Extent::Automatic).unwrap());
    let left = place.prepare(&document).unwrap().differences().to_vec();
    assert_eq!(left, update.left(Extent::Automatic));
    assert_eq!(left[0].setting, "encryption_certificate");
}

#[test]
fn a_file_that_somebody_edits_meanwhile_is_not_overwritten() {
    let [old, new, encryption] = [1, 2, 3].map(certificate);
    let place = Place::with(&trust_of(&old, &encryption));
    let keys = [("signing", &new), ("encryption", &encryption)];
    let update = place
        .prepare(&document(SP, "https://sp.test/acs", &keys, ""))
        .unwrap();
    let edited = format!("{}enabled = false\n", place.text());
    fs::write(&place.trust, &edited).unwrap();
    let refused = update.apply(&place.config(), Extent::Everything);
    assert!(
        matches!(refused, Err(UpdateError::Changed(_))),
        "{refused:?}"
    );
    assert_eq!(place.text(), edited);
}

#[test]
fn a_change_that_would_break_the_configuration_is_not_made() {
    let [old, encryption] = [1, 3].map(certificate);
    let place = Place::with(&trust_of(&old, &encryption));
    fs::write(
        place.trust.with_file_name("z.toml"),
        "identifiers = [\"https://other.test\"]\nws_fed_endpoint = \"https://other.test/\"\n",
    )
    .unwrap();
    let keys = [("signing", &old), ("encryption", &encryption)];
    let stolen = document("https://other.test", "https://sp.test/acs", &keys, "");
    let update = place.prepare(&stolen).unwrap();
    let before = place.text();
    let refused = update.apply(&place.config(), Extent::Everything);
    assert!(matches!(refused, Err(UpdateError::Trust(_))), "{refused:?}");
    assert_eq!(place.text(), before);
}

#[test]
fn a_document_that_the_named_certificate_did_not_sign_is_refused() {
    let [old, encryption] = [1, 3].map(certificate);
    let keys = [("signing", &old), ("encryption", &encryption)];
    let unsigned = document(SP, "https://sp.test/acs", &keys, "");
    let pinned = format!("metadata_signing_certificate = \"{}\"\n", base64(&old));
    let place = Place::with(&format!("{}{pinned}", trust_of(&old, &encryption)));
    assert!(matches!(
        place.prepare(&unsigned),
        Err(UpdateError::Metadata(_))
    ));
}
