//! `/v1/policies`: the general policy files, read, replaced, and brought back.

use super::{
    Admin,
    auth::{Caller, Operating, Reading},
    problem::Problem,
    versions,
};
use crate::{clock, shared::Shared};
use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use dndgate_policy::{Book, Edit, is_policy_file};
use serde_json::{Value, json};
use std::{fs, io, sync::Arc};

/// The text of a policy file in force.
#[utoipa::path(get, path = "/v1/policies/{file}", responses((status = 200, description = "The Lua text")))]
pub(crate) async fn read(
    State(admin): State<Admin>,
    _caller: Caller<Reading>,
    Path(file): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let book = admin.shared.policies.current();
    book.general().source(&file).map(|text| lua(text.to_owned())).ok_or_else(no_file)
}

/// The policy files, which of them tenants have of their own, and how many cases pass with them.
#[utoipa::path(get, path = "/v1/policies", responses((status = 200, description = "The files in force")))]
pub(crate) async fn list(State(admin): State<Admin>, caller: Caller<Reading>) -> Json<Value> {
    let book = admin.shared.policies.current();
    let seen = |tenant: &str| caller.bound_to().is_none_or(|own| own == tenant);
    let tenants: serde_json::Map<String, Value> = book
        .own_files()
        .filter(|(tenant, _)| seen(tenant))
        .map(|(tenant, files)| (tenant.to_owned(), json!(files)))
        .collect();
    let general = book.general();
    Json(
        json!({ "files": general.files().collect::<Vec<_>>(), "tests": general.cases(), "tenants": tenants }),
    )
}

/// The versions of a file that others took the place of, the newest first.
#[utoipa::path(get, path = "/v1/policies/{file}/history", responses((status = 200, description = "The versions")))]
pub(crate) async fn history(
    State(admin): State<Admin>,
    _caller: Caller<Reading>,
    Path(file): Path<String>,
) -> Result<Json<Value>, Problem> {
    known(&file)?;
    Ok(versions_of(&admin, file).await)
}

/// The text of an earlier version.
#[utoipa::path(get, path = "/v1/policies/{file}/history/{version}", responses((status = 200, description = "The Lua text")))]
pub(crate) async fn version(
    State(admin): State<Admin>,
    _caller: Caller<Reading>,
    Path((file, version)): Path<(String, String)>,
) -> Result<impl IntoResponse, Problem> {
    known(&file)?;
    version_of(&admin, file, version).await
}

/// Replaces a policy file, or adds a file of cases, if everything loads and every case passes.
#[utoipa::path(put, path = "/v1/policies/{file}", request_body = String,
    responses((status = 200, description = "In force"), (status = 422, description = "Refused, with the reason")))]
pub(crate) async fn replace(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(file): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    everybodys(&caller)?;
    known(&file)?;
    let edit = Edit { file: file.clone(), text: Some(text(&body)?) };
    carry_out(&admin, &caller.actor, edit).await?;
    Ok(Json(json!({ "file": file, "inForce": true })))
}

/// Takes a policy file away, if everything loads and every case passes without it: the shipped one is in force again.
#[utoipa::path(delete, path = "/v1/policies/{file}",
    responses((status = 200, description = "In force"), (status = 422, description = "Refused, with the reason")))]
pub(crate) async fn remove(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(file): Path<String>,
) -> Result<Json<Value>, Problem> {
    everybodys(&caller)?;
    known(&file)?;
    carry_out(&admin, &caller.actor, Edit { file: file.clone(), text: None }).await?;
    Ok(Json(json!({ "file": file, "removed": true })))
}

fn everybodys(caller: &Caller<Operating>) -> Result<(), Problem> {
    if caller.bound_to().is_none() {
        return Ok(());
    }
    Err(Problem::forbidden(
        "this token belongs to a tenant; these policies are everybody's. The tenant's own are at /v1/policies/tenants/…",
    ))
}

/// # Errors
/// When no policy file can have this name.
pub(super) fn known(file: &str) -> Result<(), Problem> {
    if is_policy_file(file) { Ok(()) } else { Err(no_file()) }
}

pub(super) fn no_file() -> Problem {
    Problem::not_found("there is no policy file of this name")
}

pub(super) fn lua(text: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/x-lua; charset=utf-8")], text)
}

pub(super) fn text(body: &Bytes) -> Result<String, Problem> {
    String::from_utf8(body.to_vec()).map_err(|_| Problem::bad_request("the file is not UTF-8"))
}

pub(super) async fn versions_of(admin: &Admin, file: String) -> Json<Value> {
    let dir = admin.shared.policy_dir.clone();
    let versions = tokio::task::spawn_blocking(move || versions::list(&dir, &file)).await.unwrap_or_default();
    let shown: Vec<Value> =
        versions.iter().map(|one| json!({ "id": one.id, "at": one.at.to_string(), "by": one.by })).collect();
    Json(json!({ "versions": shown }))
}

pub(super) async fn version_of(
    admin: &Admin,
    file: String,
    version: String,
) -> Result<impl IntoResponse + use<>, Problem> {
    let dir = admin.shared.policy_dir.clone();
    let text = tokio::task::spawn_blocking(move || versions::read(&dir, &file, &version)).await;
    let text = text.ok().flatten();
    text.map(lua).ok_or_else(|| Problem::not_found("there is no such version of this file"))
}

/// Makes a change: in force and on disk, or refused with what is wrong.
pub(super) async fn carry_out(admin: &Admin, actor: &str, edit: Edit) -> Result<(), Problem> {
    let (shared, by, file) = (Arc::clone(&admin.shared), actor.to_owned(), edit.file.clone());
    let carried_out = tokio::task::spawn_blocking(move || {
        // One after the other: each is loaded with what the one before has written.
        let _turn = shared.policy_edits.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let dir = shared.policy_dir.is_dir().then_some(shared.policy_dir.as_path());
        let current = shared.policies.current();
        let book = Book::load_with(dir, std::slice::from_ref(&edit), shared.policy_limits, Some(&current));
        let book = book.map_err(|error| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "policy-refused", error.to_string())
        })?;
        write(&shared, &edit, &by).map_err(|error| {
            tracing::error!(%error, "a policy file could not be written");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "policy-not-written",
                "the policies folder cannot be written",
            )
        })?;
        shared.policies.swap(book);
        Ok::<_, Problem>(())
    });
    carried_out.await.map_err(|_| Problem::bad_request("the policy could not be loaded"))??;
    crate::metrics::policy_reload(true);
    tracing::info!(file, actor, "a policy file was changed");
    Ok(())
}

/// Keeps the text that stood there, and puts the new one in its place.
fn write(shared: &Shared, edit: &Edit, by: &str) -> io::Result<()> {
    let path = shared.policy_dir.join(&edit.file);
    let folder = path.parent().unwrap_or(&shared.policy_dir);
    fs::create_dir_all(folder)?;
    let before = match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            shared.policies.current().general().source(&edit.file).map(str::to_owned)
        }
        Err(error) => return Err(error),
    };
    if let Some(before) = &before {
        versions::keep(&shared.policy_dir, &edit.file, before, by, clock::now())?;
    }
    let Some(text) = &edit.text else {
        return match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    };
    // Written beside and moved, so that a crash leaves the old file or the new one.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.new"));
    fs::write(&beside, text.as_bytes())?;
    fs::rename(&beside, &path)
}
