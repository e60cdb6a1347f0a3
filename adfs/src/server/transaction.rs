//! The address that a sign-in keeps returning to.
//!
//! AD FS holds the protocol request in the query string for the whole transaction: forms post to it and redirects
//! lead back to it, with everything that the relying party put there (spec passive-sign-in 2.2), plus a
//! `client-request-id` when it had none.

use actix_web::HttpRequest;
use openssl::sha::sha256;
use uuid::Uuid;

use super::parameters::Parameters;

/// Path and query of this request, complete.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    path_and_query: String,
}

impl Transaction {
    /// The transaction that `request` belongs to.
    pub(super) fn of(
        request: &HttpRequest,
        parameters: &Parameters,
        activity_id: Uuid,
    ) -> Transaction {
        let query = request.query_string();
        let mut path_and_query = request.path().to_owned();
        if !query.is_empty() {
            path_and_query.push('?');
            path_and_query.push_str(query);
        }
        if !parameters.has("client-request-id") {
            path_and_query.push(if query.is_empty() { '?' } else { '&' });
            path_and_query.push_str("client-request-id=");
            path_and_query.push_str(&activity_id.hyphenated().to_string());
        }
        Transaction { path_and_query }
    }

    /// For form actions and redirects.
    pub(super) fn relative(&self) -> &str {
        &self.path_and_query
    }

    /// With scheme, host and port of the federation service, the port written out.
    pub(super) fn absolute(&self, base: &str) -> String {
        let has_port = base
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let port = if has_port { "" } else { ":443" };
        format!("{base}{port}{}", self.path_and_query)
    }

    /// Recognises this very transaction when the browser comes back.
    pub(super) fn digest(&self) -> [u8; 32] {
        sha256(self.path_and_query.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn transaction(uri: &str) -> Transaction {
        let request = TestRequest::with_uri(uri).to_http_request();
        let parameters = Parameters::decode(request.query_string().as_bytes()).unwrap();
        Transaction::of(&request, &parameters, Uuid::from_u128(1))
    }

    #[test]
    fn the_query_survives_octet_for_octet_and_gains_a_request_id() {
        let transaction = transaction("/ADFS/ls/?wa=wsignin1.0&x=%2f+%C3%A9&flag");
        assert_eq!(
            transaction.relative(),
            "/ADFS/ls/?wa=wsignin1.0&x=%2f+%C3%A9&flag&client-request-id=00000000-0000-0000-0000-000000000001"
        );
        assert!(
            transaction
                .absolute("https://sts.test")
                .starts_with("https://sts.test:443/ADFS/ls/?wa")
        );
        assert!(
            transaction
                .absolute("https://sts.test:8443")
                .starts_with("https://sts.test:8443/ADFS/ls/?wa")
        );
    }

    #[test]
    fn a_given_request_id_is_kept() {
        assert_eq!(
            transaction("/adfs/ls/?client-request-id=abc").relative(),
            "/adfs/ls/?client-request-id=abc"
        );
    }
}
