//! `[tenant.NAME]`

use super::ConfigError;
use dndgate_dnd::Region;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use toml::Spanned;

/// One `[tenant.NAME]`.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The provider accounts that are its own.
    pub accounts: Vec<String>,
    /// How its national phone numbers are read.
    pub region: Region,
    /// Its name as people know it, for the unsubscribe page.
    pub title: Option<String>,
    /// How people reach it, in place of `unsubscribe.reach`.
    pub reach: Option<String>,
    /// False: its people's opt-outs are not confirmed, whatever the provider's `confirm_opt_out` says.
    pub confirm_opt_out: bool,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    #[serde(default)]
    accounts: Vec<String>,
    default_region: Option<Spanned<String>>,
    title: Option<String>,
    reach: Option<String>,
    confirm_opt_out: Option<bool>,
}

/// Reads all of them; without any there is one, `default`.
pub(super) fn all(
    written: BTreeMap<String, Spanned<Written>>,
    at: &dyn Fn(usize, &str) -> ConfigError,
) -> Result<BTreeMap<String, Tenant>, ConfigError> {
    let mut tenants = BTreeMap::new();
    let mut owners: HashMap<String, String> = HashMap::new();
    for (name, tenant) in written {
        let start = tenant.span().start;
        let tenant = tenant.into_inner();
        if name.is_empty() || name.starts_with('@') {
            return Err(at(start, "a tenant's name is not empty and does not begin with @"));
        }
        for account in &tenant.accounts {
            if let Some(other) = owners.insert(account.clone(), name.clone()) {
                let what = format!("tenant.{name}.accounts: {account} is tenant {other}'s already");
                return Err(at(start, &what));
            }
        }
        let region = match &tenant.default_region {
            None => Region::US,
            Some(code) => code.as_ref().parse().map_err(|error| {
                at(code.span().start, &format!("tenant.{name}.default_region is {error}"))
            })?,
        };
        let Written { accounts, title, reach, confirm_opt_out, .. } = tenant;
        let confirm_opt_out = confirm_opt_out.unwrap_or(true);
        tenants.insert(name, Tenant { accounts, region, title, reach, confirm_opt_out });
    }
    if tenants.is_empty() {
        let only = Tenant {
            accounts: Vec::new(),
            region: Region::US,
            title: None,
            reach: None,
            confirm_opt_out: true,
        };
        tenants.insert("default".into(), only);
    }
    Ok(tenants)
}
