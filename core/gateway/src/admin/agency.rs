//! `/v1/agency/suppressions`: the list above the tenants. For tokens that belong to no tenant.

use super::{
    Admin,
    auth::{Caller, Operating, Reading, Requires},
    problem::Problem,
};
use crate::{apply, clock};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::{AddressKey, Blocks, Reason, Region, address};
use dndgate_store::{Origin, StoreError, agency};
use serde::Deserialize;
use serde_json::{Value, json};

/// The most entries put on the list at a time, and shown at a time.
const ENTRIES_MAX: usize = 1_000;
const LIMIT: usize = 100;

/// Entries for the list.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entries {
    entries: Vec<Entry>,
}

/// One entry.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// A phone number with its country code, an email address, or a provider's id.
    address: String,
    /// `phone`, `email`, `psid`, `gmb` or `wa`; without it a phone or an email, as it reads.
    kind: Option<String>,
    /// The channel to block; without it all.
    channel: Option<String>,
    /// Why, for the agency alone.
    #[serde(default)]
    message: String,
}

pub(super) fn above_tenants<R: Requires>(caller: &Caller<R>) -> Result<(), Problem> {
    if caller.bound_to().is_some() {
        return Err(Problem::forbidden("this token belongs to a tenant; the agency's list is above them"));
    }
    Ok(())
}

/// Reads an address. The list belongs to no region: a number needs its country code.
fn key(raw: &str, kind: Option<&str>, at: &str) -> Result<AddressKey, Problem> {
    let kind = match kind {
        Some(name) => AddressKind::parse(name)
            .ok_or_else(|| Problem::bad_request(format!("{at}.kind is not a kind of address")))?,
        None if raw.contains('@') => AddressKind::Email,
        None => AddressKind::Phone,
    };
    if kind == AddressKind::Phone && !raw.trim().starts_with('+') {
        return Err(Problem::bad_request(format!(
            "{at}.address: write the number with + and its country code"
        )));
    }
    let read = address::normalise(kind, raw, Region::US);
    read.map(|one| one.key).map_err(|bad| Problem::bad_request(format!("{at}.address is {bad}")))
}

/// Puts addresses on the agency's list: no tenant's send reaches them from now on.
#[utoipa::path(post, path = "/v1/agency/suppressions", request_body = Entries,
    responses((status = 201, description = "How many were new"), (status = 403, description = "The token belongs to a tenant")))]
pub(crate) async fn add(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Json(body): Json<Entries>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    above_tenants(&caller)?;
    if body.entries.len() > ENTRIES_MAX {
        return Err(Problem::bad_request(format!("at most {ENTRIES_MAX} entries at a time")));
    }
    let mut entries = Vec::with_capacity(body.entries.len());
    for (index, entry) in body.entries.into_iter().enumerate() {
        let at = format!("entries[{index}]");
        let blocks = match entry.channel.as_deref() {
            None | Some("all") => Blocks::AllChannels,
            Some(name) => Channel::parse(name).map(Blocks::Channel).ok_or_else(|| {
                let names: Vec<_> = Channel::ALL.into_iter().map(Channel::name).collect();
                Problem::bad_request(format!("{at}.channel is none of all, {}", names.join(", ")))
            })?,
        };
        let address = key(&entry.address, entry.kind.as_deref(), &at)?;
        entries.push(agency::Entry { address, blocks, message: entry.message });
    }
    let origin = Origin::api(&caller.actor, clock::now());
    let changes = admin.shared.store.write(move |tx| agency::add(tx, &entries, &origin)).await?;
    apply::announce(&admin.shared, &changes);
    Ok((StatusCode::CREATED, Json(json!({ "added": changes.len() }))))
}

#[derive(Deserialize)]
pub(crate) struct Which {
    after: Option<String>,
    limit: Option<usize>,
    address: Option<String>,
    kind: Option<String>,
}

/// The agency's list, ordered by address, or one address' entries.
#[utoipa::path(get, path = "/v1/agency/suppressions",
    params(("after" = Option<String>, Query), ("limit" = Option<usize>, Query), ("address" = Option<String>, Query),
        ("kind" = Option<String>, Query)),
    responses((status = 200, description = "The entries, and where to go on")))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Problem> {
    above_tenants(&caller)?;
    if let Some(raw) = &which.address {
        // A + that a client forgot to encode arrives as a space.
        let key =
            key(&raw.replacen(' ', "+", usize::from(raw.starts_with(' '))), which.kind.as_deref(), "query")?;
        let of = key.clone();
        let found = admin.shared.store.read(move |tx| agency::of_address(tx, &of)).await?;
        let entries: Vec<Value> = found.iter().map(|reason| shown(&key, reason)).collect();
        return Ok(Json(json!({ "entries": entries, "next": null })));
    }
    let after = match &which.after {
        None => None,
        Some(cursor) => {
            Some(place(cursor).ok_or_else(|| Problem::bad_request("after is no cursor of this list"))?)
        }
    };
    let limit = which.limit.unwrap_or(LIMIT).clamp(1, ENTRIES_MAX);
    let found = admin.shared.store.read(move |tx| agency::page(tx, after, limit)).await?;
    let next = found
        .last()
        .filter(|_| found.len() == limit)
        .map(|(key, reason)| json!([key.kind.name(), key.key, reason.id]).to_string());
    let entries: Vec<Value> = found.iter().map(|(key, reason)| shown(key, reason)).collect();
    Ok(Json(json!({ "entries": entries, "next": next })))
}

fn place(cursor: &str) -> Option<(AddressKey, String)> {
    let [kind, key, id]: [String; 3] = serde_json::from_str(cursor).ok()?;
    Some((AddressKey { kind: AddressKind::parse(&kind)?, key }, id))
}

fn shown(key: &AddressKey, reason: &Reason) -> Value {
    json!({
        "id": reason.id, "kind": key.kind.name(), "address": key.key, "channel": reason.blocks.name(),
        "message": reason.message, "source": reason.source, "actor": reason.actor,
        "since": reason.began.to_string(),
    })
}

/// Takes an entry off the agency's list.
#[utoipa::path(delete, path = "/v1/agency/suppressions/{id}",
    responses((status = 200, description = "It is off the list"), (status = 404, description = "There is no such entry")))]
pub(crate) async fn remove(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    above_tenants(&caller)?;
    let origin = Origin::api(&caller.actor, clock::now());
    let removed = admin.shared.store.write(move |tx| agency::remove(tx, &id, &origin)).await;
    let changes = removed.map_err(|error| match error {
        StoreError::NotFound => Problem::not_found("there is no such entry on the agency's list"),
        other => other.into(),
    })?;
    apply::announce(&admin.shared, &changes);
    Ok(Json(json!({ "removed": changes.len() })))
}
