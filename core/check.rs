//! `dndgate check`

use crate::{Failure, providers::ADAPTERS, say};
use dndgate_gateway::Config;
use std::path::Path;

/// Reads configuration and policies as `serve` would; touches nothing.
pub(crate) fn run(path: &Path) -> Result<(), Failure> {
    let config = Config::load(path, ADAPTERS).map_err(Failure::wrong)?;
    crate::serve::policies(&config)?;
    say(&format!("{} is good: {}.", path.display(), summary(&config)));
    for warning in warnings(&config) {
        say(&format!("note: {warning}"));
    }
    Ok(())
}

fn summary(config: &Config) -> String {
    let providers: Vec<_> = config.providers.iter().map(|one| one.name.as_str()).collect();
    let providers = if providers.is_empty() { "no provider".to_owned() } else { providers.join(", ") };
    let tenants: Vec<_> = config.tenants.keys().map(String::as_str).collect();
    let dir = &config.policies.dir;
    let policies = if dir.is_dir() { format!("policies in {}", dir.display()) } else { "the shipped policies".into() };
    format!("providers {providers}; tenants {}; {policies}", tenants.join(", "))
}

/// What is right and probably not meant.
fn warnings(config: &Config) -> Vec<String> {
    let mut all = Vec::new();
    for one in &config.providers {
        let missing = one.adapter.profile().keys.iter().find(|key| key.for_webhooks);
        if let Some(key) = missing.filter(|key| one.secrets.first(key.name).is_none()) {
            all.push(format!("provider {:?} has no {} ({}): its webhooks are refused", one.name, key.name, key.what));
        }
        if one.crm_webhook.is_none() {
            all.push(format!("provider {:?} has no crm_webhook: its webhooks are read and not passed on", one.name));
        }
    }
    all
}
