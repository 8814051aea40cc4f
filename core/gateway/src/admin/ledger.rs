//! `/v1/ledger/…`: one person's evidence to hand out, and the checkpoints to keep elsewhere.

use super::{
    Admin,
    auth::{Caller, Operating, Reading},
    problem::Problem,
};
use crate::{clock, dossier as page};
use axum::{
    Json,
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use dndgate_adapter::AddressKind;
use dndgate_dnd::{Region, address};
use dndgate_store::{
    StoreError,
    ledger::{
        dossier::{self, Whom},
        seal,
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The most checkpoints in one answer.
const CHECKPOINTS_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    contact: Option<String>,
    address: Option<String>,
    kind: Option<String>,
    #[serde(alias = "locationId")]
    tenant: Option<String>,
    format: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Page {
    limit: Option<usize>,
}

/// Reads an address of a kind; without a kind, what stands with an `@` is an email address and anything else a phone
/// number.
///
/// # Errors
/// When it is none.
pub fn whom(raw: &str, kind: Option<&str>, region: Region) -> Result<Whom, String> {
    let kind = match kind {
        Some(name) => AddressKind::parse(name)
            .ok_or_else(|| format!("{name:?} is none of phone, email, psid, gmb, wa"))?,
        None if raw.contains('@') => AddressKind::Email,
        None => AddressKind::Phone,
    };
    let key = address::normalise(kind, raw, region).map_err(|bad| format!("address is {bad}"))?.key;
    Ok(Whom::Address(key))
}

/// One person's whole evidence, by contact or by address, as JSON with proofs or as a page to print.
#[utoipa::path(get, path = "/v1/ledger/export",
    params(("contact" = Option<String>, Query), ("address" = Option<String>, Query), ("kind" = Option<String>, Query),
        ("tenant" = Option<String>, Query), ("format" = Option<String>, Query)),
    responses((status = 200, description = "The evidence"), (status = 404, description = "The ledger holds nothing")))]
pub(crate) async fn export(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let as_page = match asked.format.as_deref() {
        None | Some("json") => false,
        Some("html") => true,
        Some(_) => return Err(Problem::bad_request("format is neither json nor html")),
    };
    let tenant = caller.tenant(&admin, asked.tenant.as_deref())?;
    let region = admin.shared.config.load().tenants.get(&tenant).map_or(Region::US, |tenant| tenant.region);
    let whom = match (asked.contact, asked.address) {
        (Some(contact), None) => Whom::Contact(contact),
        (None, Some(raw)) => whom(&raw, asked.kind.as_deref(), region).map_err(Problem::bad_request)?,
        _ => return Err(Problem::bad_request("name the person: contact=ID or address=…")),
    };
    let key = Arc::clone(&admin.shared.seal_key);
    let found =
        admin.shared.store.read(move |tx| dossier::collect(tx, &tenant, &whom, &key, clock::now())).await;
    let found = found.map_err(|error| match error {
        StoreError::NotFound => Problem::not_found("the ledger holds nothing about this person"),
        other => other.into(),
    })?;
    if !as_page {
        return Ok(Json(dossier::to_json(&found)).into_response());
    }
    let fields = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY.as_str()),
    ];
    Ok((fields, page::html(&found)).into_response())
}

/// The newest checkpoints, oldest first, and the key that checks them. Keep them where nobody who can write the
/// database can.
#[utoipa::path(get, path = "/v1/ledger/checkpoints", params(("limit" = Option<usize>, Query)),
    responses((status = 200, description = "The checkpoints as they were signed")))]
pub(crate) async fn checkpoints(
    State(admin): State<Admin>,
    _: Caller<Reading>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Problem> {
    let limit = page.limit.unwrap_or(100).clamp(1, CHECKPOINTS_MAX);
    let read = admin.shared.store.read(move |tx| Ok((seal::newest(tx, limit)?, seal::origin(tx)?)));
    let (checkpoints, origin) = read.await?;
    let key = admin.shared.seal_key.public(&origin).to_string();
    Ok(Json(json!({ "checkpoints": checkpoints, "publicKey": key })))
}
