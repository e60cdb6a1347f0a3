//! A relying party of the tests: its keys, its metadata, its registration, its requests.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};
use roxmltree::Document;
use url::Url;

use super::answer::Response;
use super::request::{self, AuthnRequest};
use super::{BINDINGS, PROTOCOL};
use crate::contract::User;
use crate::http::{Answer, Client};
use crate::lab::{Lab, TAKEN};
use crate::passive::credentials;
use crate::token::DSIG;

/// A key with a certificate that it signed itself.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The key.
    pub key: PKey<Private>,
    /// The certificate.
    pub certificate: X509,
}

impl Identity {
    /// Makes one.
    ///
    /// # Errors
    /// When OpenSSL cannot.
    pub fn new(name: &str) -> Result<Identity> {
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        let mut subject = X509NameBuilder::new()?;
        subject.append_entry_by_text("CN", name)?;
        let subject = subject.build();
        let mut builder = X509::builder()?;
        builder.set_version(2)?;
        let serial = BigNum::from_u32(rand_serial())?.to_asn1_integer()?;
        builder.set_serial_number(&serial)?;
        builder.set_subject_name(&subject)?;
        builder.set_issuer_name(&subject)?;
        builder.set_pubkey(&key)?;
        let (begin, end) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(30)?);
        builder.set_not_before(&begin)?;
        builder.set_not_after(&end)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok(Identity {
            key,
            certificate: builder.build(),
        })
    }

    /// The key as PEM.
    ///
    /// # Errors
    /// When OpenSSL cannot write it.
    pub fn key_pem(&self) -> Result<Vec<u8>> {
        Ok(self.key.private_key_to_pem_pkcs8()?)
    }

    /// `KeyDescriptor` for metadata.
    ///
    /// # Errors
    /// When OpenSSL cannot write the certificate.
    pub fn key_descriptor(&self, usage: &str) -> Result<String> {
        use base64::Engine as _;
        let der = base64::engine::general_purpose::STANDARD.encode(self.certificate.to_der()?);
        Ok(format!(
            "<md:KeyDescriptor use=\"{usage}\"><ds:KeyInfo xmlns:ds=\"{DSIG}\"><ds:X509Data><ds:X509Certificate>{der}\
             </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        ))
    }
}

fn rand_serial() -> u32 {
    // Uniqueness is all that a serial number needs here.
    uuid::Uuid::new_v4().as_fields().0 | 1
}

/// Rules that issue name, address and groups, and a name identifier of a format.
pub fn rules(name_id_format: &str) -> String {
    format!(
        r#"c:[Type == "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname", Issuer == "AD AUTHORITY"]
 => issue(store = "Active Directory", types = ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"), query = ";mail,displayName;{{0}}", param = c.Value);
c:[Type == "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"]
 => issue(claim = c);
c:[Type == "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"]
 => issue(Type = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", Value = c.Value, Properties["http://schemas.xmlsoap.org/ws/2005/05/identity/claimproperties/format"] = "{name_id_format}");
"#
    )
}

/// The formats of name identifiers.
pub mod name_id {
    /// Unspecified.
    pub const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
    /// An address of electronic mail.
    pub const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
    /// Persistent.
    pub const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    /// Transient.
    pub const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
}

/// The relying party. Nothing listens at its addresses: a test takes what the browser would post.
#[derive(Debug)]
pub struct ServiceProvider {
    /// Name of the trust.
    pub name: String,
    /// Identifier.
    pub entity_id: String,
    /// Its assertion consumer services, the first one the default with index 0.
    pub consumers: Vec<Url>,
    /// Where it is told that a session ended.
    pub logout: Url,
    /// Where answers to its own sign-outs go.
    pub logout_response: Url,
    /// What it signs with; metadata names it unless `signs` is off.
    pub signing: Identity,
    /// Whether its metadata tell of the signing certificate.
    pub signs: bool,
    /// What assertions for it are encrypted with.
    pub encryption: Option<Identity>,
    /// Format of the name identifier that its rules issue.
    pub name_id_format: String,
}

impl ServiceProvider {
    /// One with its own key, at addresses of its own.
    ///
    /// # Errors
    /// When OpenSSL cannot make a key.
    pub fn new(name: &str) -> Result<ServiceProvider> {
        let url = |path: &str| Url::parse(&format!("https://{name}.example/{path}"));
        Ok(ServiceProvider {
            name: name.to_owned(),
            entity_id: format!("https://{name}.example/metadata"),
            consumers: vec![url("acs")?, url("second/acs")?],
            logout: url("logout")?,
            logout_response: url("logged-out")?,
            signing: Identity::new(name)?,
            signs: true,
            encryption: None,
            name_id_format: name_id::UNSPECIFIED.to_owned(),
        })
    }

    /// With a certificate to encrypt to.
    ///
    /// # Errors
    /// When OpenSSL cannot make a key.
    pub fn with_encryption(mut self) -> Result<ServiceProvider> {
        self.encryption = Some(Identity::new(&format!("{} encryption", self.name))?);
        Ok(self)
    }

    /// With rules that issue another name identifier.
    #[must_use]
    pub fn with_name_id(mut self, format: &str) -> ServiceProvider {
        format.clone_into(&mut self.name_id_format);
        self
    }

    /// Without a signing certificate in its metadata.
    #[must_use]
    pub fn without_signing(mut self) -> ServiceProvider {
        self.signs = false;
        self
    }

    /// Its metadata.
    ///
    /// # Errors
    /// When a certificate cannot be written.
    pub fn metadata(&self) -> Result<String> {
        let mut keys = String::new();
        if self.signs {
            keys.push_str(&self.signing.key_descriptor("signing")?);
        }
        if let Some(encryption) = &self.encryption {
            keys.push_str(&encryption.key_descriptor("encryption")?);
        }
        let logout: String = ["HTTP-Redirect", "HTTP-POST"]
            .iter()
            .map(|binding| {
                format!(
                    "<md:SingleLogoutService Binding=\"{BINDINGS}{binding}\" Location=\"{}\" ResponseLocation=\"{}\"/>",
                    self.logout, self.logout_response
                )
            })
            .collect();
        let consumers: String = self
            .consumers
            .iter()
            .enumerate()
            .map(|(index, url)| {
                let default = if index == 0 { " isDefault=\"true\"" } else { "" };
                format!(
                    "<md:AssertionConsumerService Binding=\"{BINDINGS}HTTP-POST\" Location=\"{url}\" index=\"{index}\"{default}/>"
                )
            })
            .collect();
        Ok(format!(
            "<md:EntityDescriptor xmlns:md=\"{}\" entityID=\"{}\"><md:SPSSODescriptor protocolSupportEnumeration=\"{PROTOCOL}\">\
             {keys}{logout}{consumers}</md:SPSSODescriptor></md:EntityDescriptor>",
            crate::metadata::METADATA,
            self.entity_id
        ))
    }

    /// Makes the trust while the lab runs, as an administrator does.
    ///
    /// # Errors
    /// When the command refuses.
    pub fn register(&self, lab: &Lab, settings: &[&str]) -> Result<()> {
        register(
            lab,
            &self.name,
            &self.metadata()?,
            &rules(&self.name_id_format),
            settings,
        )
        .and_then(|identifier| {
            ensure!(
                identifier == self.entity_id,
                "added as {identifier}, not {}",
                self.entity_id
            );
            Ok(())
        })
    }

    /// An ordinary request to the lab's service from outside.
    ///
    /// # Errors
    /// When the lab's address is none.
    pub fn request(&self, lab: &Lab) -> Result<AuthnRequest> {
        Ok(AuthnRequest::new(&self.entity_id, &endpoint(lab)?))
    }

    /// Sends a request unsigned by the Redirect binding.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(
        &self,
        client: &Client,
        lab: &Lab,
        request: &AuthnRequest,
        relay_state: Option<&str>,
    ) -> Result<Answer> {
        let query = request::query(
            "SAMLRequest",
            &request::deflated(&request.xml()?),
            relay_state,
        );
        let answer = client
            .get(&request::address(&endpoint(lab)?, &query))
            .await?;
        client.follow(answer).await
    }

    /// A whole sign-in by forms with an ordinary request.
    ///
    /// # Errors
    /// When it does not end with a response.
    pub async fn sign_in(&self, client: &Client, lab: &Lab, user: &User) -> Result<Response> {
        let page = self.send(client, lab, &self.request(lab)?, None).await?;
        fill_in(client, &page, user).await
    }
}

/// `/adfs/ls/` from outside.
///
/// # Errors
/// When the lab's address is none.
pub fn endpoint(lab: &Lab) -> Result<Url> {
    Ok(lab.outside().join("/adfs/ls/")?)
}

/// Writes a trust file with what the metadata say, waits until the server has taken it, and gives back the identifier.
///
/// # Errors
/// When the metadata are not as expected, or the server does not take the file.
pub fn register(
    lab: &Lab,
    name: &str,
    metadata: &str,
    rules: &str,
    settings: &[&str],
) -> Result<String> {
    let read = Document::parse(metadata).context("the metadata are not XML")?;
    let root = read.root_element();
    let identifier = root.attribute("entityID").context("no entityID")?;
    let mut text = format!("name = {name:?}\nidentifiers = [{identifier:?}]\n");
    text.push_str(&format!("issuance_transform_rules = '''\n{rules}'''\n"));
    let mut endpoints = Vec::new();
    for node in read.descendants() {
        let protocol = match node.tag_name().name() {
            "AssertionConsumerService" => "SAMLAssertionConsumer",
            "SingleLogoutService" => "SAMLLogout",
            _ => continue,
        };
        let get = |name: &str| node.attribute(name).unwrap_or_default();
        let binding = get("Binding").rsplit("HTTP-").next().unwrap_or_default();
        let mut endpoint = format!(
            "{{ binding = {binding:?}, protocol = {protocol:?}, uri = {:?}",
            get("Location")
        );
        if let Some(response) = node.attribute("ResponseLocation") {
            endpoint.push_str(&format!(", response_uri = {response:?}"));
        }
        if let Some(index) = node.attribute("index") {
            endpoint.push_str(&format!(", index = {index}"));
        }
        if node.attribute("isDefault") == Some("true") {
            endpoint.push_str(", is_default = true");
        }
        endpoints.push(endpoint + " }");
    }
    text.push_str(&format!("saml_endpoints = [{}]\n", endpoints.join(", ")));
    for (usage, property) in [
        ("signing", "request_signing_certificate"),
        ("encryption", "encryption_certificate"),
    ] {
        let certificate = read
            .descendants()
            .find(|node| {
                node.tag_name().name() == "KeyDescriptor" && node.attribute("use") == Some(usage)
            })
            .and_then(|key| {
                key.descendants()
                    .find(|node| node.tag_name().name() == "X509Certificate")
            })
            .and_then(|node| node.text());
        if let Some(certificate) = certificate {
            let joined: String = certificate.split_whitespace().collect();
            text.push_str(&format!("{property} = {joined:?}\n"));
        }
    }
    if metadata.contains("AuthnRequestsSigned=\"true\"")
        && !settings
            .iter()
            .any(|setting| setting.starts_with("signed_saml_requests_required"))
    {
        text.push_str("signed_saml_requests_required = true\n");
    }
    for setting in settings {
        let (property, value) = setting
            .split_once('=')
            .context("a setting without a value")?;
        let value = match value {
            "true" | "false" => value.to_owned(),
            text => format!("{text:?}"),
        };
        text.push_str(&format!("{property} = {value}\n"));
    }
    let folder = lab
        .contract()
        .config
        .adfs
        .with_file_name("trusts/relying-parties");
    let before = lab.logs()?.lines_with(TAKEN).len();
    fs::write(folder.join(format!("{name}.toml")), text)?;
    lab.reload(before)?;
    Ok(identifier.to_owned())
}

/// Fills in the sign-in form and goes on to the response.
///
/// # Errors
/// When there is no form, the credentials are not taken, or no response comes.
pub async fn fill_in(client: &Client, page: &Answer, user: &User) -> Result<Response> {
    let read = page.page();
    let form = read
        .form("loginForm")
        .with_context(|| format!("no sign-in form: {}", page.summary()))?;
    let answer = client
        .submit(page, &form.action, &credentials(&user.upn, &user.password))
        .await?;
    ensure!(
        answer.status == 302,
        "right credentials were not answered with 302: {}",
        answer.summary()
    );
    Response::read(&client.follow(answer).await?)
}
