//! `[[subscriber]]`

use super::{
    ConfigError, Tenant, Upstream,
    values::{OneOrMany, Secret},
};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt, path::Path};
use toml::Spanned;

/// One `[[subscriber]]`.
#[derive(Clone)]
pub struct Subscriber {
    /// Where events are sent.
    pub url: String,
    /// The Standard Webhooks secrets; several while one is being rotated.
    pub secrets: Vec<String>,
    /// The only tenant of whose events it is told.
    pub tenant: Option<String>,
    /// What it is for.
    pub description: String,
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("url", &self.url)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    url: Spanned<String>,
    secret: OneOrMany<Secret>,
    tenant: Option<Spanned<String>>,
    #[serde(default)]
    description: String,
}

/// Reads one, which begins at an offset of the text.
pub(super) fn read(
    written: Written,
    start: usize,
    folder: &Path,
    tenants: &BTreeMap<String, Tenant>,
    at: &dyn Fn(usize, &str) -> ConfigError,
) -> Result<Subscriber, ConfigError> {
    Upstream::parse(written.url.as_ref().split(['?', '#']).next().unwrap_or_default())
        .map_err(|why| at(written.url.span().start, &format!("subscriber.url {why}")))?;
    if let Some(tenant) = written.tenant.as_ref().filter(|tenant| !tenants.contains_key(tenant.as_ref())) {
        let known: Vec<_> = tenants.keys().map(String::as_str).collect();
        let message = format!("there is no tenant {:?}; there are: {}", tenant.as_ref(), known.join(", "));
        return Err(at(tenant.span().start, &message));
    }
    let mut secrets = Vec::new();
    for secret in written.secret.into_vec() {
        secrets.push(secret.value(folder).map_err(|why| at(start, &format!("subscriber.secret: {why}")))?);
    }
    if secrets.is_empty() {
        return Err(at(start, "subscriber.secret is an empty list: events must be signed"));
    }
    Ok(Subscriber {
        url: written.url.into_inner(),
        secrets,
        tenant: written.tenant.map(Spanned::into_inner),
        description: written.description,
    })
}
