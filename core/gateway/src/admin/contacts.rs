//! Contacts, in the vocabulary of the HighLevel contacts API (v2).

use super::{
    Admin,
    auth::{Caller, Reading, Writing},
    problem::Problem,
    wire::{self, Dialect},
};
use crate::{apply, clock};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use dndgate_adapter::AddressKind;
use dndgate_dnd::{Region, address};
use dndgate_store::{ContactView, Edited, Origin, StoreError, contacts as store, ledger, names};
use serde::Deserialize;
use serde_json::{Value, json};

/// The most ledger entries in one answer.
const HISTORY_MAX: usize = 1_000;

pub(super) fn region(admin: &Admin, tenant: &str) -> Region {
    admin.shared.config.load().tenants.get(tenant).map_or(Region::US, |tenant| tenant.region)
}

pub(super) fn named(body: &Value) -> Option<&str> {
    body.get("locationId").and_then(Value::as_str)
}

fn view(admin: &Admin, contact: &ContactView, dialect: Dialect) -> Value {
    wire::shown(contact, crate::listed(&admin.shared.config.load()), dialect)
}

/// The answer to a change: the contact, and what stays blocked although it was to be switched off (R24).
fn changed(admin: &Admin, edited: &Edited, dialect: Dialect, more: &[(&str, Value)]) -> Value {
    apply::announce(&admin.shared, &edited.changes);
    let mut contact = view(admin, &edited.contact, dialect);
    if !edited.stays.is_empty() {
        contact["stillBlocked"] = serde_json::to_value(&edited.stays).unwrap_or_default();
    }
    let mut body = json!({ "contact": contact, "succeded": true, "succeeded": true, "traceId": uuid::Uuid::now_v7().to_string() });
    for (name, value) in more {
        body[name] = value.clone();
    }
    body
}

/// Creates a contact.
#[utoipa::path(post, path = "/contacts/", request_body = Value,
    responses((status = 201, description = "The contact"), (status = 409, description = "Locked, or there already")))]
pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller<Writing>,
    dialect: Dialect,
    Json(body): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let tenant = caller.tenant(&admin, named(&body))?;
    let draft = wire::draft(body)?;
    let (region, origin) = (region(&admin, &tenant), Origin::api(&caller.actor, clock::now()));
    let edited =
        admin.shared.store.write(move |tx| store::create(tx, &tenant, draft, region, &origin)).await?;
    Ok((StatusCode::CREATED, Json(changed(&admin, &edited, dialect, &[]))))
}

/// Updates the contact with that email or phone, or creates one.
#[utoipa::path(post, path = "/contacts/upsert", request_body = Value,
    responses((status = 200, description = "The contact, and whether it is new")))]
pub(crate) async fn upsert(
    State(admin): State<Admin>,
    caller: Caller<Writing>,
    dialect: Dialect,
    Json(body): Json<Value>,
) -> Result<Json<Value>, Problem> {
    let tenant = caller.tenant(&admin, named(&body))?;
    let anew = body.get("createNewIfDuplicateAllowed") == Some(&json!(true));
    let draft = wire::draft(body)?;
    let (region, origin) = (region(&admin, &tenant), Origin::api(&caller.actor, clock::now()));
    let edited = admin.shared.store.write(move |tx| {
        if anew {
            return store::create(tx, &tenant, draft, region, &origin);
        }
        store::upsert(tx, &tenant, draft, region, &origin)
    });
    let edited = edited.await?;
    let new = edited.created;
    Ok(Json(changed(&admin, &edited, dialect, &[("new", json!(new))])))
}

/// Finds a contact that the caller may see.
async fn find<R: super::auth::Requires>(
    admin: &Admin,
    caller: &Caller<R>,
    id: &str,
) -> Result<ContactView, Problem> {
    let wanted = id.to_owned();
    let found = admin.shared.store.read(move |tx| store::get(tx, &wanted)).await?;
    let found = found.ok_or_else(|| Problem::not_found("there is no such contact"))?;
    if caller.bound_to().is_some_and(|tenant| tenant != found.tenant) {
        return Err(Problem::not_found("there is no such contact"));
    }
    Ok(found)
}

/// One contact.
#[utoipa::path(get, path = "/contacts/{id}", responses((status = 200, description = "The contact")))]
pub(crate) async fn read(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    dialect: Dialect,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let contact = find(&admin, &caller, &id).await?;
    Ok(Json(json!({ "contact": view(&admin, &contact, dialect) })))
}

/// Changes a contact: what is not named stays.
#[utoipa::path(put, path = "/contacts/{id}", request_body = Value,
    responses((status = 200, description = "The contact"), (status = 409, description = "Locked: what would be needed")))]
pub(crate) async fn update(
    State(admin): State<Admin>,
    caller: Caller<Writing>,
    dialect: Dialect,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Result<Json<Value>, Problem> {
    let tenant = find(&admin, &caller, &id).await?.tenant;
    let draft = wire::draft(body)?;
    let (region, origin) = (region(&admin, &tenant), Origin::api(&caller.actor, clock::now()));
    let edited = admin.shared.store.write(move |tx| store::update(tx, &id, draft, region, &origin)).await?;
    Ok(Json(changed(&admin, &edited, dialect, &[])))
}

/// Erases a contact; its opt-outs stay in force (R5).
#[utoipa::path(delete, path = "/contacts/{id}", responses((status = 200, description = "Erased")))]
pub(crate) async fn delete(
    State(admin): State<Admin>,
    caller: Caller<Writing>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let gone = find(&admin, &caller, &id).await?;
    let origin = Origin::api(&caller.actor, clock::now());
    let (tenant, contact) = (gone.tenant.clone(), gone.id.clone());
    let known = admin.shared.store.read(move |tx| names::of_contact(tx, &tenant, &contact));
    let addresses = known.await?;
    // Before, so that a crash in between leaves nothing, and after, for what came meanwhile.
    admin.shared.recorder.forget(&gone.tenant, &addresses).await.map_err(unforgotten)?;
    admin.shared.store.write(move |tx| store::delete(tx, &id, &origin)).await?;
    admin.shared.recorder.forget(&gone.tenant, &addresses).await.map_err(unforgotten)?;
    admin.shared.kept_back.forget();
    Ok(Json(json!({ "succeded": true, "succeeded": true })))
}

/// Erasing is asked for again: then it goes through, or the disk is mended first.
fn unforgotten(error: std::io::Error) -> Problem {
    tracing::error!(%error, "what policies judged of a contact cannot be erased");
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "record-unwritable",
        "the record cannot be written; erase it again later",
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Duplicate {
    location_id: Option<String>,
    email: Option<String>,
    number: Option<String>,
    phone: Option<String>,
}

/// The contact with that email or number, or `null`.
#[utoipa::path(get, path = "/contacts/search/duplicate",
    params(("locationId" = Option<String>, Query), ("email" = Option<String>, Query), ("number" = Option<String>, Query)),
    responses((status = 200, description = "The contact or null")))]
pub(crate) async fn duplicate(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    dialect: Dialect,
    Query(wanted): Query<Duplicate>,
) -> Result<Json<Value>, Problem> {
    let tenant = caller.tenant(&admin, wanted.location_id.as_deref())?;
    let region = region(&admin, &tenant);
    let mut keys = Vec::new();
    for (kind, raw) in [
        (AddressKind::Email, &wanted.email),
        (AddressKind::Phone, &wanted.number),
        (AddressKind::Phone, &wanted.phone),
    ] {
        if let Some(raw) = raw {
            // A + that a client forgot to encode arrives as a space.
            let raw = if kind == AddressKind::Phone {
                raw.replacen(' ', "+", usize::from(raw.starts_with(' ')))
            } else {
                raw.clone()
            };
            let one = address::normalise(kind, &raw, region)
                .map_err(|bad| Problem::bad_request(bad.to_string()))?;
            keys.push(one.key);
        }
    }
    if keys.is_empty() {
        return Err(Problem::bad_request("name an email or a number"));
    }
    let found = admin.shared.store.read(move |tx| -> Result<_, StoreError> {
        for key in &keys {
            if let Some(found) = store::with_address(tx, &tenant, key)?.into_iter().next() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    });
    let found = found.await?;
    Ok(Json(json!({ "contact": found.map(|one| view(&admin, &one, dialect)) })))
}

/// A contact's ledger entries, its addresses' included, oldest first.
#[utoipa::path(get, path = "/v1/contacts/{id}/history", responses((status = 200, description = "The entries")))]
pub(crate) async fn history(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let contact = find(&admin, &caller, &id).await?;
    let entries = admin.shared.store.read(move |tx| ledger::history(tx, &contact, HISTORY_MAX)).await?;
    Ok(Json(json!({ "entries": entries })))
}
