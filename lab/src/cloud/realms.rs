//! Domains of the tenant and how each signs in (spec cloud-scenario 2.1). The federated ones hold the values that an
//! administrator would enter as Graph's `internalDomainFederation` (section 6).

/// A verified domain.
#[derive(Debug, Clone)]
pub struct Domain {
    /// Lower case.
    pub name: &'static str,
    /// Who checks the password.
    pub authentication: Authentication,
}

/// Who checks the password of a domain's users.
#[derive(Debug, Clone)]
pub enum Authentication {
    /// The federation service.
    Federated(FederationSettings),
    /// Entra itself.
    Managed,
}

/// Graph's `internalDomainFederation`, as far as the lab plays it.
#[derive(Debug, Clone)]
pub struct FederationSettings {
    /// `issuerUri`, compared byte for byte.
    pub issuer_uri: String,
    /// `passiveSignInUri`.
    pub passive_sign_in_uri: String,
    /// `activeSignInUri`.
    pub active_sign_in_uri: String,
    /// `metadataExchangeUri`.
    pub metadata_exchange_uri: String,
    /// `signOutUri`.
    pub sign_out_uri: String,
    /// `signingCertificate` and `nextSigningCertificate`, DER.
    pub signing_certificates: Vec<Vec<u8>>,
    /// `promptLoginBehavior`.
    pub prompt_login: PromptLogin,
}

/// What `prompt=login` of an application becomes on the way to the federation service (spec cloud-scenario 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptLogin {
    /// `wfresh=0` and `wauth` of the password method.
    Translate,
    /// `prompt=login` unchanged.
    Native,
    /// `wfresh=0` only.
    Disabled,
}

/// All domains of the tenant.
#[derive(Debug, Clone)]
pub struct Realms(Vec<Domain>);

impl Realms {
    /// The fixture domains, with one federation service at `sts_url` for all federated ones.
    pub fn fixtures(sts_url: &str, signing_certificates: &[Vec<u8>]) -> Realms {
        let federated = |name: &'static str| Domain {
            name,
            authentication: Authentication::Federated(FederationSettings {
                issuer_uri: format!("http://{name}/adfs/services/trust/"),
                passive_sign_in_uri: format!("{sts_url}/adfs/ls/"),
                active_sign_in_uri: format!("{sts_url}/adfs/services/trust/2005/usernamemixed"),
                metadata_exchange_uri: format!("{sts_url}/adfs/services/trust/mex"),
                sign_out_uri: format!("{sts_url}/adfs/ls/"),
                signing_certificates: signing_certificates.to_vec(),
                prompt_login: PromptLogin::Translate,
            }),
        };
        let managed = |name| Domain {
            name,
            authentication: Authentication::Managed,
        };
        Realms(vec![
            federated("contoso.test"),
            federated("fabrikam.test"),
            managed("phs.test"),
            managed("pta.test"),
            managed("contoso.onmicrosoft.test"),
        ])
    }

    /// The domain of a UPN. A sub-domain inherits its parent's settings.
    pub fn of_upn(&self, upn: &str) -> Option<&Domain> {
        let (_, suffix) = upn.rsplit_once('@')?;
        self.of_domain(suffix)
    }

    /// The domain itself or the nearest parent.
    pub fn of_domain(&self, name: &str) -> Option<&Domain> {
        let name = name.to_ascii_lowercase();
        self.0
            .iter()
            .filter(|domain| {
                name == domain.name
                    || name
                        .strip_suffix(domain.name)
                        .is_some_and(|rest| rest.ends_with('.'))
            })
            .max_by_key(|domain| domain.name.len())
    }

    /// The federated domain with exactly this issuer.
    pub(crate) fn of_issuer(&self, issuer: &str) -> Option<(&Domain, &FederationSettings)> {
        self.federated()
            .find(|(_, settings)| settings.issuer_uri == issuer)
    }

    /// All federated domains.
    pub fn federated(&self) -> impl Iterator<Item = (&Domain, &FederationSettings)> {
        self.0
            .iter()
            .filter_map(|domain| match &domain.authentication {
                Authentication::Federated(settings) => Some((domain, settings)),
                Authentication::Managed => None,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_found_by_itself_or_by_a_parent() {
        let realms = Realms::fixtures("https://sts.contoso.localhost:8443", &[]);
        for (upn, expected) in [
            ("alice@contoso.test", Some("contoso.test")),
            ("ALICE@CONTOSO.TEST", Some("contoso.test")),
            ("gil@sub.contoso.test", Some("contoso.test")),
            ("fay@fabrikam.test", Some("fabrikam.test")),
            ("hana@phs.test", Some("phs.test")),
            ("eve@notcontoso.test", None),
            ("alice@other.test", None),
            ("alice", None),
            ("alice@", None),
        ] {
            assert_eq!(
                realms.of_upn(upn).map(|domain| domain.name),
                expected,
                "{upn}"
            );
        }
    }

    #[test]
    fn an_issuer_is_compared_byte_for_byte() {
        let realms = Realms::fixtures("https://sts.contoso.localhost:8443", &[]);
        assert!(
            realms
                .of_issuer("http://contoso.test/adfs/services/trust/")
                .is_some()
        );
        for other in [
            "http://contoso.test/adfs/services/trust",
            "http://Contoso.test/adfs/services/trust/",
            "https://contoso.test/adfs/services/trust/",
            "http://sub.contoso.test/adfs/services/trust/",
            "",
        ] {
            assert!(realms.of_issuer(other).is_none(), "{other}");
        }
    }
}
