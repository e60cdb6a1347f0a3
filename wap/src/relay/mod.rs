//! The way to the federation server and to back ends. It opens for a [`Permit`] only.

mod body;
mod failure;
mod progress;
mod translate;
mod upgrade;

use std::net::IpAddr;
use std::time::Duration;

use federation::proxy::headers;
use http::header::HeaderMap;
use http::{Method, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use uuid::Uuid;

pub use body::{Body, BodyError};
pub use failure::RelayError;

use crate::request::{clean_response, set, without_vendor_fields};
use crate::routing::{Application, Destination, Permit};
use crate::service::Upstream;
use crate::state::State;
use progress::Progress;
use upgrade::Upgrade;

/// Header by which a request is found in both logs.
const CLIENT_REQUEST_ID: &str = "client-request-id";

/// What goes on: everything in it is cleaned.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Incoming,
    pub(crate) upgrade: Option<Upgrade>,
    /// TCP peer of the proxy.
    pub(crate) client: IpAddr,
    pub(crate) activity_id: Uuid,
}

pub(crate) use upgrade::wanted as upgrade_wanted;

/// Sends a request where its permit says.
pub(crate) async fn forward(
    state: &State,
    permit: Permit,
    outgoing: Outgoing,
) -> Result<Response<Body>, RelayError> {
    match permit.destination() {
        Destination::Service => to_service(state, &permit, outgoing).await,
        Destination::Application(application) => {
            to_application(state, &permit, application, outgoing).await
        }
    }
}

async fn to_service(
    state: &State,
    permit: &Permit,
    outgoing: Outgoing,
) -> Result<Response<Body>, RelayError> {
    // Requests that wait for a slow server would fill the proxy; a few seconds later they are welcome again.
    let _slot = state
        .service_slots
        .try_acquire()
        .map_err(|_| RelayError::Busy)?;
    let limits = &state.configuration.limits;
    fits(&outgoing.body, limits.service_body_bytes)?;
    let mut fields = without_vendor_fields(outgoing.headers);
    let client = outgoing.client.to_string();
    let url = format!("https://{}{}", permit.authority(), permit_path(permit));
    set(&mut fields, headers::PROXY, &state.proxy_name);
    set(&mut fields, headers::FORWARDED_CLIENT_IP, &client);
    set(&mut fields, headers::ADFS_PROXY_CLIENT_IP, &client);
    set(&mut fields, headers::ENDPOINT_ABSOLUTE_PATH, &url);
    set(
        &mut fields,
        CLIENT_REQUEST_ID,
        &outgoing.activity_id.to_string(),
    );
    set(&mut fields, "host", &permit.authority().to_string());
    let body = Body::stream(
        outgoing.body,
        limits.service_body_bytes,
        limits.body_timeout.get(),
    );
    let upstream = state.relay.load_full();
    let patience = state
        .configuration
        .federation_service
        .response_timeout
        .get();
    let target = permit.target().path_and_query();
    let response = exchange(&upstream, outgoing.method, &target, fields, body, patience).await?;
    let (parts, body) = response.into_parts();
    let mut answer = Response::new(Body::stream(body, u64::MAX, patience));
    *answer.status_mut() = parts.status;
    *answer.headers_mut() = clean_response(&parts.headers);
    Ok(answer)
}

async fn to_application(
    state: &State,
    permit: &Permit,
    application: &Application,
    outgoing: Outgoing,
) -> Result<Response<Body>, RelayError> {
    fits(&outgoing.body, application.body_limit())?;
    let published = application.published();
    let map = translate::UrlMap::new(permit.authority(), &published.backend_server_url);
    let mut fields = outgoing.headers;
    if published.disable_translate_url_in_request_headers {
        set(&mut fields, "host", &permit.authority().to_string());
    } else {
        set(&mut fields, "host", application.upstream().authority());
        map.request(&mut fields);
    }
    set(&mut fields, "x-forwarded-for", &outgoing.client.to_string());
    set(&mut fields, "x-forwarded-proto", "https");
    set(
        &mut fields,
        "x-forwarded-host",
        &permit.authority().to_string(),
    );
    let upgrade = outgoing.upgrade.filter(|_| published.enable_web_sockets);
    if upgrade.is_some() {
        upgrade::ask(&mut fields);
    }
    let patience = application.patience();
    let body = Body::stream(
        outgoing.body,
        application.body_limit(),
        state.configuration.limits.body_timeout.get(),
    );
    let target = permit.target().path_and_query();
    let mut response = exchange(
        application.upstream(),
        outgoing.method,
        &target,
        fields,
        body,
        patience,
    )
    .await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let upgrade = upgrade.ok_or(RelayError::Upgrade)?;
        return upgrade.join(&mut response, patience);
    }
    let (parts, body) = response.into_parts();
    let mut answer = Response::new(Body::stream(body, u64::MAX, patience));
    *answer.status_mut() = parts.status;
    let mut fields = clean_response(&parts.headers);
    map.response(
        &mut fields,
        !published.disable_translate_url_in_response_headers,
    );
    *answer.headers_mut() = fields;
    Ok(answer)
}

/// A body that says beforehand that it is too long is not begun: the end client that waits for `100 Continue` need not
/// send it.
fn fits(body: &Incoming, limit: u64) -> Result<(), RelayError> {
    if body.size_hint().lower() > limit {
        return Err(RelayError::TooLarge(limit));
    }
    Ok(())
}

/// Without the query: it may be long and hold codes, and nothing at the server asks for it.
fn permit_path(permit: &Permit) -> String {
    permit.target().path()
}

async fn exchange(
    upstream: &Upstream,
    method: Method,
    target: &str,
    headers: HeaderMap,
    body: Body,
    patience: Duration,
) -> Result<Response<Incoming>, RelayError> {
    let uri = upstream
        .uri(target)
        .map_err(|error| RelayError::Target(error.to_string()))?;
    let build = |body: Body| {
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers.clone();
        request
    };
    // The client itself sends again what never left on a pooled connection that turned out dead. What may have left is
    // sent again only if that does no harm, and once.
    let repeatable =
        body.is_empty() && matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
    let progress = Progress::new();
    let body = body.reporting(&progress);
    let sending = async {
        match upstream.send(build(body)).await {
            Err(error) if repeatable && failure::is_stale(&error) => {
                upstream.send(build(Body::empty())).await
            }
            answer => answer,
        }
    };
    tokio::select! {
        answer = sending => {
            answer.map_err(|error| RelayError::of_client(upstream.authority(), &error))
        }
        () = progress.silence(patience) => Err(RelayError::Silent {
            address: upstream.authority().to_owned(),
            seconds: patience.as_secs(),
        }),
    }
}
