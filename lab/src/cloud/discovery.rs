//! Realm discovery: how clients learn who checks a user's password (spec cloud-scenario 2.2).

use actix_web::http::header;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::http;
use super::passive_request::escape;
use super::realms::{Authentication, FederationSettings};
use super::refusal::Refusal;
use super::{Cloud, ENTRA_IDENTIFIER};
use crate::addresses::Addresses;

const MAX_BODY: usize = 8 * 1024;

/// What all four endpoints say, in their own words.
struct Answer<'a> {
    login: &'a str,
    domain: Option<&'a str>,
    federation: Option<&'a FederationSettings>,
    exists: bool,
    addresses: &'a Addresses,
}

impl<'a> Answer<'a> {
    fn about(cloud: &'a Cloud, login: &'a str) -> Answer<'a> {
        let domain = cloud.realms.of_upn(login);
        Answer {
            login,
            // A sub-domain is named by itself although its settings are the parent's.
            domain: domain
                .and_then(|_| login.rsplit_once('@'))
                .map(|(_, suffix)| suffix),
            federation: domain.and_then(|domain| match &domain.authentication {
                Authentication::Federated(settings) => Some(settings),
                Authentication::Managed => None,
            }),
            exists: cloud.tenant.by_upn(login).is_some(),
            addresses: &cloud.addresses,
        }
    }

    fn kind(&self) -> &'static str {
        match (self.domain, self.federation) {
            (None, _) => "Unknown",
            (_, Some(_)) => "Federated",
            (_, None) => "Managed",
        }
    }

    fn auth_url(&self, settings: &FederationSettings) -> String {
        format!(
            "{}?username={}&wa=wsignin1.0&wtrealm={}&wctx=",
            settings.passive_sign_in_uri,
            escape(self.login),
            escape(ENTRA_IDENTIFIER)
        )
    }

    fn instance(&self) -> String {
        self.addresses.cloud("login")
    }

    /// Members of `GetUserRealm.srf`, in order, with their values.
    fn user_realm(&self) -> Vec<(&'static str, String)> {
        let (state, user_state) = match self.kind() {
            "Federated" => ("3", "2"),
            "Managed" => ("4", "1"),
            _ => ("0", "0"),
        };
        let mut members = vec![
            ("State", state.to_owned()),
            ("UserState", user_state.to_owned()),
            ("Login", self.login.to_owned()),
            ("NameSpaceType", self.kind().to_owned()),
        ];
        if let Some(domain) = self.domain {
            members.push(("DomainName", domain.to_owned()));
            members.push(("FederationBrandName", domain.to_owned()));
        }
        if let Some(settings) = self.federation {
            members.push(("FederationGlobalVersion", "-1".to_owned()));
            members.push(("AuthURL", self.auth_url(settings)));
        }
        members.push(("CloudInstanceName", self.instance()));
        members.push(("CloudInstanceIssuerUri", ENTRA_IDENTIFIER.to_owned()));
        members
    }

    fn version_1(&self) -> Version1<'_> {
        Version1 {
            ver: "1.0",
            account_type: self.kind(),
            domain_name: self.domain,
            federation_protocol: self.federation.map(|_| "WSTrust"),
            federation_metadata_url: self
                .federation
                .map(|settings| settings.metadata_exchange_uri.as_str()),
            federation_active_auth_url: self
                .federation
                .map(|settings| settings.active_sign_in_uri.as_str()),
            cloud_instance_name: self.instance(),
            cloud_audience_urn: ENTRA_IDENTIFIER,
        }
    }

    fn version_2(&self) -> Version2<'_> {
        Version2 {
            name_space_type: self.kind(),
            login: self.login,
            domain_name: self.domain,
            federation_brand_name: self.domain,
            federation_protocol: self.federation.map(|_| "WSTrust"),
            auth_url: self.federation.map(|settings| self.auth_url(settings)),
            cloud_instance_name: self.instance(),
        }
    }

    fn credential_type(&self) -> CredentialType<'_> {
        // Entra cannot know whether a federated user exists, and says so of every one.
        let exists = self.exists || self.federation.is_some();
        CredentialType {
            username: self.login,
            display: self.login,
            if_exists_result: u8::from(!exists),
            is_unmanaged: false,
            throttle_status: 0,
            credentials: Credentials {
                pref_credential: if self.federation.is_some() { 4 } else { 1 },
                has_password: self.federation.is_none() && exists,
                federation_redirect_url: self.federation.map(|settings| self.auth_url(settings)),
            },
            ests_properties: EstsProperties {
                domain_type: if self.federation.is_some() { 4 } else { 3 },
            },
        }
    }
}

#[derive(Serialize)]
struct Version1<'a> {
    ver: &'static str,
    account_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_metadata_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_active_auth_url: Option<&'a str>,
    cloud_instance_name: String,
    cloud_audience_urn: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Version2<'a> {
    name_space_type: &'static str,
    login: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_brand_name: Option<&'a str>,
    #[serde(
        rename = "federation_protocol",
        skip_serializing_if = "Option::is_none"
    )]
    federation_protocol: Option<&'static str>,
    #[serde(rename = "AuthURL", skip_serializing_if = "Option::is_none")]
    auth_url: Option<String>,
    #[serde(rename = "cloud_instance_name")]
    cloud_instance_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialType<'a> {
    username: &'a str,
    display: &'a str,
    if_exists_result: u8,
    is_unmanaged: bool,
    throttle_status: u8,
    credentials: Credentials,
    ests_properties: EstsProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    pref_credential: u8,
    has_password: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_redirect_url: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EstsProperties {
    domain_type: u8,
}

/// `GET /common/userrealm/{upn}?api-version=1.0`.
pub(super) async fn user_realm_of(
    request: HttpRequest,
    upn: Path<String>,
    cloud: Data<Cloud>,
) -> HttpResponse {
    answer_version(&request, &cloud, Some(upn.into_inner()))
}

/// `GET /common/userrealm/?user={upn}&api-version=2.1`.
pub(super) async fn user_realm(request: HttpRequest, cloud: Data<Cloud>) -> HttpResponse {
    answer_version(&request, &cloud, None)
}

fn answer_version(request: &HttpRequest, cloud: &Cloud, in_path: Option<String>) -> HttpResponse {
    let parameters = match http::query(request) {
        Ok(parameters) => parameters,
        Err(refusal) => return invalid(&refusal),
    };
    let Some(upn) = in_path
        .as_deref()
        .filter(|upn| !upn.is_empty())
        .or_else(|| parameters.get("user"))
    else {
        return invalid(&Refusal::new(
            90014,
            "The required field 'user' is missing.",
        ));
    };
    let answer = Answer::about(cloud, upn);
    match parameters.get("api-version") {
        Some("1.0") => json_answer(&answer.version_1()),
        Some("2.0" | "2.1") => json_answer(&answer.version_2()),
        _ => invalid(&Refusal::new(90014, "The api-version must be 1.0 or 2.1.")),
    }
}

/// `GET /GetUserRealm.srf?login={upn}[&xml=1]`.
pub(super) async fn get_user_realm(request: HttpRequest, cloud: Data<Cloud>) -> HttpResponse {
    let parameters = match http::query(&request) {
        Ok(parameters) => parameters,
        Err(refusal) => return invalid(&refusal),
    };
    let Some(login) = parameters.get("login") else {
        return invalid(&Refusal::new(
            90014,
            "The required field 'login' is missing.",
        ));
    };
    let members = Answer::about(&cloud, login).user_realm();
    if parameters.get("xml") == Some("1") {
        return HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "text/xml; charset=utf-8"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(realm_xml(&members));
    }
    let members: serde_json::Map<String, Value> = members
        .into_iter()
        .map(|(name, value)| {
            let number = matches!(name, "State" | "UserState" | "FederationGlobalVersion");
            (
                name.to_owned(),
                value
                    .parse::<i64>()
                    .ok()
                    .filter(|_| number)
                    .map_or_else(|| json!(value), |number| json!(number)),
            )
        })
        .collect();
    json_answer(&Value::Object(members))
}

fn realm_xml(members: &[(&'static str, String)]) -> String {
    let body: String = members
        .iter()
        .map(|(name, value)| format!("<{name}>{}</{name}>", xml_text(value)))
        .collect();
    format!("<RealmInfo Success=\"true\">{body}</RealmInfo>")
}

/// Character data; what XML 1.0 has no way to say becomes U+FFFD.
fn xml_text(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '\u{0}'..='\u{8}'
            | '\u{b}'
            | '\u{c}'
            | '\u{e}'..='\u{1f}'
            | '\u{fffe}'
            | '\u{ffff}' => '\u{fffd}'.to_string(),
            other => other.to_string(),
        })
        .collect()
}

#[derive(Deserialize)]
struct CredentialQuestion {
    username: String,
}

/// `POST /common/GetCredentialType`.
pub(super) async fn get_credential_type(payload: Payload, cloud: Data<Cloud>) -> HttpResponse {
    let Ok(Ok(body)) = payload.to_bytes_limited(MAX_BODY).await else {
        return invalid(&Refusal::invalid_input(format!(
            "The body is longer than {MAX_BODY} bytes or did not arrive whole."
        )));
    };
    match serde_json::from_slice::<CredentialQuestion>(&body) {
        Ok(question) => {
            json_answer(&Answer::about(&cloud, question.username.trim()).credential_type())
        }
        Err(_) => invalid(&Refusal::invalid_input(
            "The body must be JSON with the member username.",
        )),
    }
}

fn json_answer(value: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .json(value)
}

fn invalid(refusal: &Refusal) -> HttpResponse {
    HttpResponse::BadRequest()
        .insert_header(("x-lab-aadsts", refusal.number.to_string()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "error": "invalid_request", "error_description": refusal.message(), "error_codes": [refusal.number] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_is_escaped() {
        let text = realm_xml(&[("Login", "a<b>&\"\u{1}@x".to_owned())]);
        assert_eq!(
            text,
            "<RealmInfo Success=\"true\"><Login>a&lt;b&gt;&amp;\"\u{fffd}@x</Login></RealmInfo>"
        );
        roxmltree::Document::parse(&text).unwrap();
    }
}
