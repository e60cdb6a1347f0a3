//! Where a partner publishes its metadata, and what becomes of a trust when they change (spec passive-sign-in 4.3).

use std::path::PathBuf;

use openssl::x509::X509;
use url::Url;

use super::certificate_reader::certificates;
use super::reader::Section;

/// What a trust says about the metadata of its partner. By default nothing is fetched.
#[derive(Debug, Clone, Default)]
pub struct MetadataSource {
    /// Where the document is (MetadataUrl); an https address.
    pub url: Option<Url>,
    /// Whether it is fetched regularly and compared with the trust (MonitoringEnabled).
    pub monitoring_enabled: bool,
    /// Whether the trust then follows it (AutoUpdateEnabled).
    pub auto_update_enabled: bool,
    /// Authorities in PEM to believe besides those of the system when it is fetched. AD FS has no such property.
    pub ca_file: Option<PathBuf>,
    /// Whether the address may be one of this machine or of a private network. AD FS has no such property.
    pub allow_private_addresses: bool,
    /// Certificates of which one must have signed the document; none: as AD FS, a signature need not be there, and proves
    /// no more than that the document is whole.
    pub signing_certificates: Vec<X509>,
}

const URL: &str = "metadata_url";

/// Reads the settings of a trust.
pub(super) fn metadata_source(section: &mut Section<'_>) -> MetadataSource {
    let expected = "the https address of the partner's metadata, or remove it";
    // A trust that was exported whole says an empty text.
    let url = section
        .find::<String>(URL, expected)
        .filter(|found| !found.value.is_empty())
        .and_then(|found| section.check(URL, found, expected, |text| metadata_url(&text)))
        .map(|found| found.value);
    let mut asked = |key: &'static str| {
        let found = section.find::<bool>(key, "true or false");
        if let Some(found) = &found
            && found.value
            && url.is_none()
        {
            section.complain(
                key,
                &found.at,
                "there is no `metadata_url` that could be fetched".to_owned(),
                "set it, or remove this".to_owned(),
            );
        }
        found.is_some_and(|found| found.value)
    };
    let monitoring_enabled = asked("monitoring_enabled");
    let auto_update_enabled = asked("auto_update_enabled");
    let ca_file = section
        .text(
            "metadata_ca_file",
            "the name of a file with certificates in PEM",
        )
        .map(|found| section.document.path.with_file_name(found.value));
    MetadataSource {
        url,
        monitoring_enabled,
        auto_update_enabled,
        ca_file,
        allow_private_addresses: section.flag("metadata_allow_private_addresses", false),
        signing_certificates: certificates(section, "metadata_signing_certificate"),
    }
}

/// Others could alter on the way what is not fetched by https.
fn metadata_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let plain = url.scheme() == "https"
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none();
    if plain {
        Ok(url)
    } else {
        Err("this is no https address without a user name".to_owned())
    }
}
