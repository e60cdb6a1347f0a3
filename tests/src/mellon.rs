//! Apache httpd with mod_auth_mellon (Debian packages apache2-bin and libapache2-mod-auth-mellon) as a service provider
//! beside a lab: its own keys and metadata, the lab's TLS certificate for `localhost`, and one page that only those see
//! who signed in.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use roxmltree::Document;
use tempfile::TempDir;
use url::Url;

use crate::clock::{LOOK_AGAIN, START_LIMIT};
use crate::lab::Lab;
use crate::metadata::{METADATA, metadata_of};
use crate::ports::free_port;
use crate::process::Process;
use crate::saml::BINDINGS;

/// What may differ from one set-up to the next.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Name of the trust; a short word.
    pub name: &'a str,
    /// Whether its metadata ask for encryption.
    pub encrypted: bool,
    /// The binding of its requests: `HTTP-Redirect` or `HTTP-POST`.
    pub binding: &'a str,
}

/// The running server.
#[derive(Debug)]
pub struct Mellon {
    /// Identifier of the service provider.
    pub entity_id: String,
    /// What `relying-party add --metadata` is to be given.
    pub metadata: String,
    origin: Url,
    process: Process,
    _folder: TempDir,
}

impl Mellon {
    /// Starts it, with the federation server's metadata as the proxy gives them out.
    ///
    /// # Errors
    /// When a package is missing or Apache does not start.
    pub async fn start(lab: &Lab, options: Options<'_>) -> Result<Mellon> {
        let folder = tempfile::Builder::new().prefix("mellon-").tempdir()?;
        let path = folder.path();
        // Apache's children run as somebody else when the tests run as root.
        fs::set_permissions(path, Permissions::from_mode(0o755))?;
        let origin = Url::parse(&format!("https://localhost:{}", free_port()?))?;
        let entity_id = format!("urn:mellon:{}", options.name);
        let identity_provider = metadata_of(&lab.client()?, lab.outside()).await?;
        fs::write(
            path.join("idp.xml"),
            with_one_binding(identity_provider.text(), options.binding)?,
        )?;
        let made = make_keys_and_metadata(path, &entity_id, &origin)?;
        let metadata = if options.encrypted {
            made
        } else {
            without_encryption(&made)?
        };
        fs::write(path.join("sp.xml"), &metadata)?;
        for name in ["public", "protected"] {
            fs::create_dir_all(path.join("htdocs").join(name))?;
        }
        fs::write(path.join("htdocs/public/index.html"), "anybody")?;
        fs::write(path.join("htdocs/protected/index.shtml"), PAGE)?;
        let tls = lab
            .contract()
            .ca_file
            .parent()
            .context("the authority lies in no folder")?
            .to_owned();
        let configuration = configuration(path, &tls, &origin)?;
        fs::write(path.join("httpd.conf"), configuration)?;
        make_readable(path)?;

        let mut command = Command::new("/usr/sbin/apache2");
        command
            .args(["-X", "-f"])
            .arg(path.join("httpd.conf"))
            .env("TMPDIR", path);
        let process = Process::start("apache2", command)
            .context("Debian packages apache2-bin and libapache2-mod-auth-mellon")?;
        let mut mellon = Mellon {
            entity_id,
            metadata,
            origin,
            process,
            _folder: folder,
        };
        mellon.wait(lab).await?;
        Ok(mellon)
    }

    /// The page that only those see who signed in. It tells what the assertion said, one `name=value` a line.
    ///
    /// # Errors
    /// Never for the addresses made here.
    pub fn protected(&self) -> Result<Url> {
        Ok(self.origin.join("/protected/index.shtml")?)
    }

    /// Where a single logout starts.
    ///
    /// # Errors
    /// Never for the addresses made here.
    pub fn logout(&self) -> Result<Url> {
        let mut url = self.origin.join("/mellon/logout")?;
        let back = self.origin.join("/public/index.html")?;
        url.query_pairs_mut().append_pair("ReturnTo", back.as_str());
        Ok(url)
    }

    /// Its origin.
    pub fn origin(&self) -> &Url {
        &self.origin
    }

    /// What Apache wrote last, for a failure's message.
    pub fn last_lines(&self) -> String {
        self.process.last_lines()
    }

    async fn wait(&mut self, lab: &Lab) -> Result<()> {
        let begin = Instant::now();
        let url = self.origin.join("/public/index.html")?;
        let client = lab.client()?;
        loop {
            match client.get(&url).await {
                Ok(answer) => {
                    ensure!(answer.status == 200, "{}", answer.summary());
                    return Ok(());
                }
                Err(error) => {
                    if !self.process.is_running()? || begin.elapsed() > START_LIMIT {
                        bail!("apache2: {error:#}\n{}", self.process.last_lines());
                    }
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

const PAGE: &str = r#"<!DOCTYPE html><title>protected</title><pre id="seen">
NAME_ID=<!--#echo var="MELLON_NAME_ID" -->
MAIL=<!--#echo var="MELLON_mail" -->
NAME=<!--#echo var="MELLON_displayname" -->
UPN=<!--#echo var="MELLON_upn" -->
</pre>
"#;

fn configuration(path: &Path, tls: &Path, origin: &Url) -> Result<String> {
    let port = origin.port().context("an address without a port")?;
    let modules: String = [
        ("mpm_prefork", "mpm_prefork"),
        ("authn_core", "authn_core"),
        ("authz_core", "authz_core"),
        ("authz_user", "authz_user"),
        ("dir", "dir"),
        ("mime", "mime"),
        ("filter", "filter"),
        ("include", "include"),
        ("socache_shmcb", "socache_shmcb"),
        ("ssl", "ssl"),
        ("auth_mellon", "auth_mellon"),
    ]
    .iter()
    .map(|(name, file)| {
        format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{file}.so\n")
    })
    .collect();
    let user = if rustix::process::getuid().is_root() {
        "User www-data\nGroup www-data\n"
    } else {
        ""
    };
    let claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";
    let (folder, tls) = (path.display(), tls.display());
    Ok(format!(
        r#"{modules}{user}ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/httpd.pid
ErrorLog /dev/stderr
LogLevel warn auth_mellon:info
DefaultRuntimeDir {folder}
Mutex file:{folder} default
DocumentRoot {folder}/htdocs
TypesConfig /etc/mime.types
AddType text/html .html .shtml
AddOutputFilter INCLUDES .shtml
SSLEngine on
SSLCertificateFile {tls}/backends.pem
SSLCertificateKeyFile {tls}/backends.key.pem
SSLSessionCache none
MellonPostDirectory {folder}
MellonLockFile {folder}/mellon.lock
<Location />
  Options +Includes
  Require all granted
  MellonEnable info
  MellonEndpointPath /mellon
  MellonSPMetadataFile {folder}/sp.xml
  MellonSPPrivateKeyFile {folder}/sp.key
  MellonSPCertFile {folder}/sp.cert
  MellonIdPMetadataFile {folder}/idp.xml
  MellonSecureCookie On
  MellonCookieSameSite None
  MellonSignatureMethod rsa-sha256
  MellonRedirectDomains [self]
  MellonSetEnv mail {claims}/emailaddress
  MellonSetEnv displayname {claims}/name
  MellonSetEnv upn {claims}/upn
</Location>
<Location /protected>
  AuthType Mellon
  MellonEnable auth
  Require valid-user
</Location>
"#
    ))
}

/// The identity provider's metadata with the sign-in service of one binding only: mellon takes what it finds.
fn with_one_binding(metadata: &str, binding: &str) -> Result<String> {
    let read = Document::parse(metadata).context("the metadata are not XML")?;
    let wanted = format!("{BINDINGS}{binding}");
    let others: Vec<_> = read
        .descendants()
        .filter(|node| node.has_tag_name((METADATA, "SingleSignOnService")))
        .filter(|node| node.attribute("Binding") != Some(wanted.as_str()))
        .map(|node| node.range())
        .collect();
    let mut text = metadata.to_owned();
    for range in others.into_iter().rev() {
        text.replace_range(range, "");
    }
    Ok(text)
}

/// By mellon's own tool.
fn make_keys_and_metadata(path: &Path, entity_id: &str, origin: &Url) -> Result<String> {
    let output = Command::new("/usr/sbin/mellon_create_metadata")
        .current_dir(path)
        .env("TMPDIR", path)
        .args([entity_id, origin.join("/mellon")?.as_str()])
        .output()
        .context("mellon_create_metadata cannot be run")?;
    ensure!(
        output.status.success(),
        "mellon_create_metadata: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let stem: String = entity_id
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || letter == '.' {
                letter
            } else {
                '_'
            }
        })
        .collect();
    for (from, to) in [("key", "sp.key"), ("cert", "sp.cert")] {
        fs::rename(path.join(format!("{stem}.{from}")), path.join(to))
            .with_context(|| format!("no {stem}.{from}"))?;
    }
    Ok(fs::read_to_string(path.join(format!("{stem}.xml")))?)
}

fn without_encryption(metadata: &str) -> Result<String> {
    let (start, rest) = metadata
        .split_once("<KeyDescriptor use=\"encryption\">")
        .context("mellon's metadata have no encryption key")?;
    let (_, rest) = rest
        .split_once("</KeyDescriptor>")
        .context("mellon's metadata are not as expected")?;
    Ok(format!("{start}{rest}"))
}

fn make_readable(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let mode = if path.is_dir() {
            make_readable(&path)?;
            0o755
        } else {
            0o644
        };
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
    }
    Ok(())
}
