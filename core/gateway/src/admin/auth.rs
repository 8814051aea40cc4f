//! Who asks: bearer tokens with roles, each bound to a tenant or to none.

use super::{Admin, problem::Problem, session};
use crate::config;
use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
};
use dndgate_store::tokens;
use std::marker::PhantomData;

/// A role that a token may have, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Looks.
    Read,
    /// A CRM: contacts, checks, links.
    Crm,
    /// Everything.
    Operator,
}

impl Role {
    fn parse(name: &str) -> Option<Role> {
        match name {
            "read" => Some(Role::Read),
            "crm" => Some(Role::Crm),
            "operator" => Some(Role::Operator),
            _ => None,
        }
    }

    /// As tokens and answers write it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Role::Read => "read",
            Role::Crm => "crm",
            Role::Operator => "operator",
        }
    }
}

impl From<config::UserRole> for Role {
    fn from(role: config::UserRole) -> Role {
        match role {
            config::UserRole::Read => Role::Read,
            config::UserRole::Crm => Role::Crm,
            config::UserRole::Operator => Role::Operator,
        }
    }
}

/// What a handler requires.
pub(crate) trait Requires: Send + Sync + 'static {
    const ROLE: Role;
}

/// Requires [`Role::Read`].
pub(crate) struct Reading;
/// Requires [`Role::Crm`].
pub(crate) struct Writing;
/// Requires [`Role::Operator`].
pub(crate) struct Operating;

impl Requires for Reading {
    const ROLE: Role = Role::Read;
}
impl Requires for Writing {
    const ROLE: Role = Role::Crm;
}
impl Requires for Operating {
    const ROLE: Role = Role::Operator;
}

/// Who asks, before it is known what they want.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Who, for the ledger.
    pub(crate) actor: String,
    /// What they may do.
    pub(crate) role: Role,
    /// The only tenant that they may see.
    pub(crate) tenant: Option<String>,
    /// The session of the console, if it is one.
    pub(super) session: Option<session::Key>,
}

/// Who asks: by a token, by a session of the console, or, in the demo, anybody on this machine.
///
/// # Errors
/// When nobody is known by what the request bears.
pub(super) async fn found(parts: &Parts, admin: &Admin) -> Result<Found, Problem> {
    if admin.shared.config.load().admin.open {
        return Ok(Found { actor: "demo".into(), role: Role::Operator, tenant: None, session: None });
    }
    let unauthorized = |why: &str| {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", format!("{why} (dndgate token create)"))
    };
    let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
        return session::of(parts, admin)
            .await
            .unwrap_or_else(|| Err(unauthorized("send a token: Authorization: Bearer …")));
    };
    let token = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    let token = token.ok_or_else(|| unauthorized("send a token: Authorization: Bearer …"))?;
    by_token(admin, token).await?.ok_or_else(|| unauthorized("this token is not known"))
}

/// Whose token this is.
pub(super) async fn by_token(admin: &Admin, token: String) -> Result<Option<Found>, Problem> {
    by_token_hash(admin, tokens::hash(&token)).await
}

/// Whose token has this hash.
pub(super) async fn by_token_hash(admin: &Admin, hash: [u8; 32]) -> Result<Option<Found>, Problem> {
    let found = admin.shared.store.read(move |tx| tokens::of_hash(tx, &hash)).await?;
    Ok(found.and_then(|found| {
        let role = Role::parse(&found.role)?;
        Some(Found { actor: format!("token:{}", found.name), role, tenant: found.tenant, session: None })
    }))
}

/// A caller who may do what `R` requires.
pub(crate) struct Caller<R> {
    /// Who, for the ledger.
    pub(crate) actor: String,
    /// The only tenant that the caller may see, when bound to one.
    tenant: Option<String>,
    session: Option<session::Key>,
    role: PhantomData<R>,
}

impl<R: Requires> FromRequestParts<Admin> for Caller<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Caller<R>, Problem> {
        let found = found(parts, admin).await?;
        if found.role < R::ROLE {
            return Err(Problem::forbidden("this role does not allow it"));
        }
        Ok(Caller { actor: found.actor, tenant: found.tenant, session: found.session, role: PhantomData })
    }
}

impl<R> Caller<R> {
    /// The tenant to act in: the named one if the caller may, else the caller's own, else the only one.
    pub(crate) fn tenant(&self, admin: &Admin, named: Option<&str>) -> Result<String, Problem> {
        let named = named.filter(|name| !name.is_empty());
        if let Some(own) = &self.tenant {
            return match named {
                Some(other) if other != own => {
                    Err(Problem::forbidden("this token belongs to another tenant"))
                }
                _ => Ok(own.clone()),
            };
        }
        let config = admin.shared.config.load();
        match named {
            Some(name) if config.tenants.contains_key(name) => Ok(name.to_owned()),
            // Without [tenant.…] there is one tenant; whatever a CRM calls its location is that one.
            _ if config.tenants.len() == 1 => Ok(config.tenants.keys().next().cloned().unwrap_or_default()),
            Some(_) => Err(Problem::bad_request("there is no tenant of this name (locationId)")),
            None => Err(Problem::bad_request("name the tenant (locationId): there are several")),
        }
    }

    /// The session of the console that a long answer ends with.
    pub(super) fn session(&self) -> Option<session::Key> {
        self.session
    }

    /// The tenant that limits what the caller sees in lists over all tenants.
    pub(crate) fn bound_to(&self) -> Option<&str> {
        self.tenant.as_deref()
    }
}
