//! The issuance transform rules that Entra Connect writes for its relying party trust (section 7).

use thiserror::Error;

const TEMPLATE: &str = include_str!("../rules/entra-default.claims");
const ALTERNATIVES: &str = "FEDERATED-DOMAINS";
const FIRST: &str = "FIRST-DOMAIN";
const SUB_DOMAINS: &str = "SUB-DOMAINS";

/// A text that is no DNS domain name, or no text at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DomainError {
    /// Not even one domain.
    #[error("name at least one federated domain, since the issuerid rules are made of them")]
    None,
    /// Not a name.
    #[error("'{0}' is no domain name such as contoso.com")]
    Name(String),
}

/// The default rule set for these federated domains. Computers that are joined to the domain get the issuer of the
/// first one. Users below a label of `sub_domains` (`sales` of `sales.contoso.com`) get the issuer of the domain above,
/// as Entra ID knows verified sub-domains only by their parent. A user of any other domain gets an issuer that Entra ID
/// refuses.
///
/// # Errors
/// When no domain is given, or one is no DNS name.
pub fn default_rules(domains: &[&str], sub_domains: &[&str]) -> Result<String, DomainError> {
    let first = domains.first().ok_or(DomainError::None)?;
    let all = domains.iter().chain(sub_domains);
    if let Some(wrong) = all.clone().find(|domain| !is_domain(domain)) {
        return Err(DomainError::Name((*wrong).to_owned()));
    }
    let patterns = |names: &[&str], end: &str| -> Vec<String> {
        let escaped = names.iter().map(|name| name.replace('.', "\\."));
        escaped.map(|name| name + end).collect()
    };
    let below = match patterns(sub_domains, "\\.").as_slice() {
        [] => String::new(),
        labels => format!("({})*", labels.join("|")),
    };
    Ok(TEMPLATE
        .replace(SUB_DOMAINS, &below)
        .replace(ALTERNATIVES, &patterns(domains, "").join("|"))
        .replace(FIRST, first))
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::directory_query::ActiveDirectoryQuery;
    use crate::{AttributeStore, Claim, Rows, RuleSet, StoreError, StoreQuery};

    const WAN: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname";
    const GROUP: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groupsid";
    const PRIMARY: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarysid";
    const UPN: &str = "http://schemas.xmlsoap.org/claims/UPN";
    const IMMUTABLE: &str = "http://schemas.microsoft.com/LiveID/Federation/2008/05/ImmutableID";
    const NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier";
    const ISSUER: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/issuerid";
    const ACCOUNT: &str = "http://schemas.microsoft.com/ws/2012/01/accounttype";
    const ON_PREMISES: &str = "http://schemas.microsoft.com/identity/claims/onpremobjectguid";

    struct Directory {
        consistency_guid: Option<&'static str>,
    }

    impl AttributeStore for Directory {
        fn query(&self, query: &StoreQuery) -> Result<Rows, StoreError> {
            let read = ActiveDirectoryQuery::read(query)?;
            assert!(
                read.effective_filter()
                    .eq_ignore_ascii_case("(samaccountname=alice)"),
                "{read:?}"
            );
            let value = |name: &String| match name.to_lowercase().as_str() {
                "userprincipalname" => Some("Alice@Contoso.com".to_owned()),
                "objectguid" => Some("guid".to_owned()),
                "ms-ds-consistencyguid" => self.consistency_guid.map(str::to_owned),
                other => panic!("{other}"),
            };
            Ok(vec![read.attributes.iter().map(value).collect()])
        }
    }

    fn issue(consistency_guid: Option<&'static str>, groups: &[&str]) -> Vec<(String, String)> {
        let rules =
            RuleSet::compile(&default_rules(&["fabrikam.com", "contoso.com"], &[]).unwrap())
                .unwrap();
        let of_directory =
            |claim_type: &str, value: &str| Claim::new(claim_type, value).issued_by("AD AUTHORITY");
        let mut input = vec![
            of_directory(WAN, "CONTOSO\\alice"),
            of_directory(PRIMARY, "S-1-5-21-1-2-3-1000"),
        ];
        input.extend(groups.iter().map(|group| of_directory(GROUP, group)));
        let stores = HashMap::from([(
            "Active Directory".to_owned(),
            Directory { consistency_guid },
        )]);
        let output = rules.evaluate(input, &stores).unwrap();
        output
            .into_iter()
            .map(|claim| (claim.claim_type, claim.value))
            .collect()
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(claim_type, value)| ((*claim_type).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_user_gets_upn_immutable_id_and_issuer() {
        for (consistency_guid, expected) in [(None, "guid"), (Some("consistency"), "consistency")] {
            let expected = [
                (UPN, "Alice@Contoso.com"),
                (IMMUTABLE, expected),
                (NAME, expected),
                (ISSUER, "http://Contoso.com/adfs/services/trust/"),
            ];
            assert_eq!(
                issue(consistency_guid, &["S-1-5-21-1-2-3-513"]),
                pairs(&expected)
            );
        }
    }

    #[test]
    fn a_joined_computer_gets_its_own_claims() {
        let expected = [
            (UPN, "Alice@Contoso.com"),
            (IMMUTABLE, "guid"),
            (NAME, "guid"),
            (ACCOUNT, "DJ"),
            (ISSUER, "http://fabrikam.com/adfs/services/trust/"),
            (ON_PREMISES, "guid"),
            (PRIMARY, "S-1-5-21-1-2-3-1000"),
        ];
        assert_eq!(issue(None, &["S-1-5-21-1-2-3-515"]), pairs(&expected));
    }

    #[test]
    fn nothing_but_domain_names_gets_into_the_rules() {
        for wrong in [
            "",
            ".",
            "a..b",
            "-a.b",
            "a-.b",
            "a b",
            "a\"",
            "a|b",
            ".*",
            "a.b\"); => issue(Type = \"x\"); //",
        ] {
            let refused = Err(DomainError::Name(wrong.to_owned()));
            assert_eq!(default_rules(&["contoso.com", wrong], &[]), refused);
            assert_eq!(default_rules(&["contoso.com"], &[wrong]), refused);
        }
        assert_eq!(default_rules(&[], &[]), Err(DomainError::None));
        assert_eq!(
            RuleSet::compile(&default_rules(&["contoso.com"], &["sales"]).unwrap())
                .unwrap()
                .warnings(),
            []
        );
    }
}
