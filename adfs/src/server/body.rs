//! Reading a posted body: bounded in size and in time.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::Payload;
use futures_util::StreamExt as _;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::parameters::Parameters;
use crate::sign_in::Refusal;

/// Largest form of our own pages, and largest body of SOAP (spec security 3.3).
const MAX_PAGE_FORM: usize = 64 * 1024;
/// Largest form that carries a message of a protocol: 256 KiB of XML in base64, with escapes (spec security 3.3).
const MAX_PROTOCOL_FORM: usize = 384 * 1024;
/// Fields that carry such messages.
const MESSAGES: [&str; 3] = ["wresult", "SAMLResponse", "SAMLRequest"];
/// At 240 bytes a second the largest form would take half an hour; nobody on such a line signs in.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The form in the body of `request`; empty when the body is.
///
/// # Errors
/// [`Refusal::TooLarge`] over the limit, [`Refusal::Malformed`] for another media type, a body that stops coming, and
/// text that [`Parameters::decode`] refuses.
pub(super) async fn form(request: &HttpRequest, payload: Payload) -> Result<Parameters, Refusal> {
    let body = octets(request, payload, MAX_PROTOCOL_FORM).await?;
    if body.is_empty() {
        return Ok(Parameters::default());
    }
    if !is_of(request, &["application/x-www-form-urlencoded"]) {
        return Err(Refusal::Malformed);
    }
    let form = Parameters::decode(&body).map_err(|_| Refusal::Malformed)?;
    if body.len() > MAX_PAGE_FORM && !MESSAGES.iter().any(|name| form.has(name)) {
        return Err(Refusal::TooLarge);
    }
    Ok(form)
}

/// The XML in the body of `request`, unread.
///
/// # Errors
/// [`Refusal::TooLarge`] over the limit, [`Refusal::Malformed`] for another media type and a body that stops coming.
pub(super) async fn xml(
    request: &HttpRequest,
    payload: Payload,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let body = octets(request, payload, MAX_PAGE_FORM).await?;
    if is_of(request, &["text/xml", "application/xml"]) {
        Ok(body)
    } else {
        Err(Refusal::Malformed)
    }
}

async fn octets(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(Refusal::TooLarge);
    }
    // Room for all of it at once, so that growing leaves no copy of a password behind.
    let mut body = Zeroizing::new(Vec::with_capacity(length.unwrap_or(MAX_PAGE_FORM)));
    let read = async {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Refusal::Malformed)?;
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(Refusal::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(())
    };
    timeout(TIME_LIMIT, read)
        .await
        .map_err(|_| Refusal::Malformed)??;
    Ok(body)
}

fn is_of(request: &HttpRequest, media_types: &[&str]) -> bool {
    let essence = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim();
    media_types
        .iter()
        .any(|media_type| essence.eq_ignore_ascii_case(media_type))
}
