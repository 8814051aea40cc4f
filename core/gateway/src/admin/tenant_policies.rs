//! `/v1/policies/tenants`: the policy files that a tenant has of its own, in place of the general ones.

use super::{
    Admin,
    auth::{Caller, Operating, Reading},
    policies::{carry_out, known, lua, no_file, text, version_of, versions_of},
    problem::Problem,
};
use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    response::IntoResponse,
};
use dndgate_policy::{Edit, is_folder_name, tenant_file};
use serde_json::{Value, json};

/// A tenant that there is, and whose policies the caller may see.
fn tenant<R>(admin: &Admin, caller: &Caller<R>, name: &str) -> Result<(), Problem> {
    if caller.bound_to().is_some_and(|own| own != name) {
        return Err(Problem::forbidden("this token belongs to another tenant"));
    }
    if !admin.shared.config.load().tenants.contains_key(name) {
        return Err(Problem::not_found("there is no tenant of this name"));
    }
    if !is_folder_name(name) {
        return Err(Problem::bad_request(
            "a tenant of this name cannot have policies: it would be a folder's name",
        ));
    }
    Ok(())
}

/// The files in force for a tenant, and which of them are its own.
#[utoipa::path(get, path = "/v1/policies/tenants/{tenant}",
    responses((status = 200, description = "The files in force, and whether each is the tenant's own")))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    tenant(&admin, &caller, &name)?;
    let book = admin.shared.policies.current();
    let policies = book.of(&name);
    // Of the general cases, the tenant's policies have to pass only those that are said for every tenant.
    let own = |file: &str| book.is_own(&name, file);
    let files: Vec<Value> = policies
        .files()
        .filter(|file| own(file) || !file.starts_with("tests/"))
        .map(|file| json!({ "file": file, "own": own(file) }))
        .collect();
    Ok(Json(json!({ "tenant": name, "files": files, "tests": policies.cases() })))
}

/// The text of a policy file in force for a tenant: its own, or the general one.
#[utoipa::path(get, path = "/v1/policies/tenants/{tenant}/{file}",
    responses((status = 200, description = "The Lua text; Dndgate-Policy says whether it is the tenant's own or general")))]
pub(crate) async fn read(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Path((name, file)): Path<(String, String)>,
) -> Result<impl IntoResponse, Problem> {
    tenant(&admin, &caller, &name)?;
    let book = admin.shared.policies.current();
    let own = book.is_own(&name, &file);
    let text =
        book.of(&name).source(&file).filter(|_| own || !file.starts_with("tests/")).ok_or_else(no_file)?;
    Ok(([("Dndgate-Policy", if own { "own" } else { "general" })], lua(text.to_owned())))
}

/// Gives a tenant a policy file of its own, if everything loads and every case passes.
#[utoipa::path(put, path = "/v1/policies/tenants/{tenant}/{file}", request_body = String,
    responses((status = 200, description = "In force"), (status = 422, description = "Refused, with the reason")))]
pub(crate) async fn replace(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path((name, file)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    tenant(&admin, &caller, &name)?;
    known(&file)?;
    let edit = Edit { file: tenant_file(&name, &file), text: Some(text(&body)?) };
    carry_out(&admin, &caller.actor, edit).await?;
    Ok(Json(json!({ "tenant": name, "file": file, "inForce": true })))
}

/// Takes a tenant's own file away: the general one is in force for it again.
#[utoipa::path(delete, path = "/v1/policies/tenants/{tenant}/{file}",
    responses((status = 200, description = "The general file is in force"), (status = 422, description = "Refused, with the reason")))]
pub(crate) async fn remove(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path((name, file)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    tenant(&admin, &caller, &name)?;
    if !admin.shared.policies.current().is_own(&name, &file) {
        return Err(Problem::not_found("the tenant has no file of its own of this name"));
    }
    carry_out(&admin, &caller.actor, Edit { file: tenant_file(&name, &file), text: None }).await?;
    Ok(Json(json!({ "tenant": name, "file": file, "removed": true })))
}

/// The versions of a tenant's own file that others took the place of, the newest first.
#[utoipa::path(get, path = "/v1/policies/tenants/{tenant}/{file}/history",
    responses((status = 200, description = "The versions")))]
pub(crate) async fn history(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Path((name, file)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    tenant(&admin, &caller, &name)?;
    known(&file)?;
    Ok(versions_of(&admin, tenant_file(&name, &file)).await)
}

/// The text of an earlier version of a tenant's own file.
#[utoipa::path(get, path = "/v1/policies/tenants/{tenant}/{file}/history/{version}",
    responses((status = 200, description = "The Lua text")))]
pub(crate) async fn version(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Path((name, file, version)): Path<(String, String, String)>,
) -> Result<impl IntoResponse, Problem> {
    tenant(&admin, &caller, &name)?;
    known(&file)?;
    version_of(&admin, tenant_file(&name, &file), version).await
}
