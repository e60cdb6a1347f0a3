//! One request: parse, clean, decide, relay.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use http::header::{HOST, HeaderMap};
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use uuid::Uuid;

use super::connection::Connection;
use crate::config::Limits;
use crate::log::{AccessLine, printable};
use crate::pages;
use crate::relay::{self, Body, Outgoing};
use crate::request::{Authority, HeaderError, Target, clean_request};
use crate::state::State;

/// Methods that go on. TRACE would show a back end's view of our header, CONNECT is for other proxies.
const METHODS: &[&str] = &[
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "OPTIONS",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "MERGE",
    "RPC_IN_DATA",
    "RPC_OUT_DATA",
];

/// Refusals that leave a part of an HTTP/1 request unread.
const LEAVES_A_REST: [StatusCode; 3] = [
    StatusCode::BAD_REQUEST,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::PAYLOAD_TOO_LARGE,
];

/// A page instead of an answer, and why, for the log.
struct Stopped {
    status: StatusCode,
    why: String,
}

impl Stopped {
    fn new(status: StatusCode, why: impl ToString) -> Stopped {
        Stopped {
            status,
            why: why.to_string(),
        }
    }
}

/// Answers a request. Every answer writes its access line.
pub(super) async fn handle(
    state: &State,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let mut line = AccessLine {
        activity_id: activity_id(request.headers()),
        client: connection.client,
        method: request.method().clone(),
        host: printable(host_text(&request).unwrap_or_default()),
        path: printable(request.uri().path()),
        route: "refused".to_owned(),
        status: StatusCode::OK,
        started: Instant::now(),
        sent: 0,
        problem: None,
    };
    let http1 = request.version() < Version::HTTP_2;
    let answer = answer(state, connection, request, &mut line).await;
    let response = answer.unwrap_or_else(|stopped| {
        line.problem = Some(stopped.why);
        let mut page = pages::page(stopped.status, line.activity_id);
        // The rest of a request that was not read to its end could be taken for the next one.
        if http1 && LEAVES_A_REST.contains(&stopped.status) {
            crate::request::set(page.headers_mut(), "connection", "close");
        }
        page
    });
    line.status = response.status();
    let (parts, body) = response.into_parts();
    Ok(Response::from_parts(parts, body.with_line(line)))
}

async fn answer(
    state: &State,
    connection: &Arc<Connection>,
    mut request: Request<Incoming>,
    line: &mut AccessLine,
) -> Result<Response<Body>, Stopped> {
    let limits = &state.configuration.limits;
    within(limits, &request)?;
    if !METHODS.contains(&request.method().as_str()) {
        return Err(Stopped::new(StatusCode::METHOD_NOT_ALLOWED, "method"));
    }
    let headers = clean_request(request.headers()).map_err(|error| {
        let expect = error == HeaderError::Expect;
        Stopped::new(
            if expect {
                StatusCode::EXPECTATION_FAILED
            } else {
                StatusCode::BAD_REQUEST
            },
            error,
        )
    })?;
    let authority = authority(&request)?;
    let bad = |error| Stopped::new(StatusCode::BAD_REQUEST, error);
    let target = Target::parse(request.uri().path(), request.uri().query()).map_err(bad)?;
    let permit = state
        .routes
        .load()
        .decide(&connection.arrival, &authority, &target)
        .map_err(|refusal| Stopped::new(refusal.status(), refusal))?;
    line.route = printable(permit.route());
    let service = permit.is_service();
    let outgoing = Outgoing {
        upgrade: relay::upgrade_wanted(&mut request, connection.begin()),
        method: request.method().clone(),
        headers,
        body: request.into_body(),
        client: line.client,
        activity_id: line.activity_id,
    };
    relay::forward(state, permit, outgoing)
        .await
        .map_err(|error| {
            tracing::warn!(activity_id = %line.activity_id, route = line.route, "{error}");
            Stopped::new(error.status(service), error)
        })
}

fn within(limits: &Limits, request: &Request<Incoming>) -> Result<(), Stopped> {
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > limits.target_bytes {
        return Err(Stopped::new(StatusCode::URI_TOO_LONG, "target"));
    }
    let fields = request.headers();
    let bytes: usize = fields
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if fields.len() > limits.header_fields || bytes > limits.header_bytes {
        return Err(Stopped::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "header",
        ));
    }
    Ok(())
}

fn host_text(request: &Request<Incoming>) -> Option<&str> {
    let field = request
        .headers()
        .get(HOST)
        .and_then(|value| value.to_str().ok());
    request
        .uri()
        .authority()
        .map(http::uri::Authority::as_str)
        .or(field)
}

/// The one host of a request: Host, `:authority` and absolute form must agree (spec security PRX-6).
fn authority(request: &Request<Incoming>) -> Result<Authority, Stopped> {
    let bad = || {
        Stopped::new(
            StatusCode::BAD_REQUEST,
            "the request names no host, or several",
        )
    };
    let mut fields = request.headers().get_all(HOST).iter();
    let field = match fields.next() {
        Some(value) => Some(
            value
                .to_str()
                .ok()
                .and_then(Authority::parse)
                .ok_or_else(bad)?,
        ),
        None => None,
    };
    if fields.next().is_some() || (field.is_none() && request.version() < Version::HTTP_2) {
        return Err(bad());
    }
    if request
        .uri()
        .scheme_str()
        .is_some_and(|scheme| scheme != "https")
    {
        return Err(bad());
    }
    let named = match request.uri().authority() {
        Some(authority) => Some(Authority::parse(authority.as_str()).ok_or_else(bad)?),
        None => None,
    };
    match (field, named) {
        (Some(one), Some(other)) if one != other => Err(bad()),
        (one, other) => one.or(other).ok_or_else(bad),
    }
}

/// The end client's own `client-request-id` when it is a GUID, so that its log and ours agree; else a new one.
fn activity_id(headers: &HeaderMap) -> Uuid {
    let text = headers
        .get("client-request-id")
        .and_then(|value| value.to_str().ok());
    text.and_then(|text| Uuid::try_parse(text).ok())
        .unwrap_or_else(Uuid::new_v4)
}
