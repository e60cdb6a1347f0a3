//! The store that the proxies share (spec proxy-integration 2.7).

use actix_web::http::Method;
use actix_web::web::Payload;
use federation::proxy::{MAX_STORE_VALUE, StoreEntry, StoreEntryWrite, StoreKey};

use super::answer::{Refused, Reply};
use super::call::Call;
use super::trusts::TrustedProxy;
use crate::store::{Created, Replaced};

const ENTRY: &str = "a store entry of this key";

/// `GET Store`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, Refused> {
    let entries = call.federation.store.proxy_store_entries().await?;
    let wire = |entry: crate::store::ProxyStoreListing| StoreEntry {
        key: entry.key,
        version: entry.version,
        value: entry.value,
    };
    Reply::json(&entries.into_iter().map(wire).collect::<Vec<_>>())
}

/// `GET`, `POST`, `PUT` and `DELETE Store/{key}`.
pub(super) async fn entry(
    call: &Call<'_>,
    proxy: &TrustedProxy,
    key: &StoreKey,
    payload: &mut Payload,
) -> Result<Reply, Refused> {
    match *call.request.method() {
        Method::POST => create(call, proxy, key, payload).await,
        Method::PUT => replace(call, proxy, key, payload).await,
        Method::DELETE => remove(call, proxy, key).await,
        _ => get(call, key).await,
    }
}

async fn get(call: &Call<'_>, key: &StoreKey) -> Result<Reply, Refused> {
    let entry = call
        .federation
        .store
        .proxy_store_entry(key.as_str())
        .await?
        .ok_or(Refused::Absent(ENTRY))?;
    Reply::json(&StoreEntry {
        key: entry.key,
        version: entry.version,
        value: Some(entry.value),
    })
}

async fn create(
    call: &Call<'_>,
    proxy: &TrustedProxy,
    key: &StoreKey,
    payload: &mut Payload,
) -> Result<Reply, Refused> {
    let body = body(call, key, payload).await?;
    match call
        .federation
        .store
        .create_proxy_store_entry(key.as_str(), &body.value)
        .await?
    {
        Created::Done => {
            call.note_change(proxy, &format!("store entry {key} created"));
            Ok(Reply::Done)
        }
        Created::Exists => Err(Refused::Exists(ENTRY)),
        Created::Full => Err(Refused::Full("store entries")),
    }
}

async fn replace(
    call: &Call<'_>,
    proxy: &TrustedProxy,
    key: &StoreKey,
    payload: &mut Payload,
) -> Result<Reply, Refused> {
    let body = body(call, key, payload).await?;
    let version = body.version.ok_or_else(|| {
        Refused::Malformed("the body must name the version that it replaces".to_owned())
    })?;
    match call
        .federation
        .store
        .replace_proxy_store_entry(key.as_str(), version, &body.value)
        .await?
    {
        Replaced::Done(version) => {
            call.note_change(
                proxy,
                &format!("store entry {key} replaced; version {version}"),
            );
            // By the rules the answer is empty; by the examples it is this, which spares the proxy a read.
            Reply::json(&StoreEntry {
                key: key.to_string(),
                version,
                value: None,
            })
        }
        Replaced::OtherVersion => Err(Refused::OtherVersion),
        Replaced::Absent => Err(Refused::Absent(ENTRY)),
    }
}

async fn remove(call: &Call<'_>, proxy: &TrustedProxy, key: &StoreKey) -> Result<Reply, Refused> {
    if !call
        .federation
        .store
        .remove_proxy_store_entry(key.as_str())
        .await?
    {
        return Err(Refused::Absent(ENTRY));
    }
    call.note_change(proxy, &format!("store entry {key} removed"));
    Ok(Reply::Done)
}

/// The body, which names the key of the address or none.
async fn body(
    call: &Call<'_>,
    key: &StoreKey,
    payload: &mut Payload,
) -> Result<StoreEntryWrite, Refused> {
    let body: StoreEntryWrite = call.body(payload).await?;
    if body
        .key
        .as_ref()
        .is_some_and(|named| !named.eq_ignore_ascii_case(key.as_str()))
    {
        return Err(Refused::Malformed(
            "the body names another key than the address".to_owned(),
        ));
    }
    if body.value.len() > MAX_STORE_VALUE {
        return Err(Refused::TooLarge {
            limit: MAX_STORE_VALUE,
        });
    }
    Ok(body)
}
