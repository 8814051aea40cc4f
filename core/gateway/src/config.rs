//! `dndgate.toml`: what the operator writes, read strictly. Every error names line, key and what would be right.

mod admin;
mod events;
mod evidence;
mod ledger;
mod policies;
mod provider;
mod reconciliation;
mod record;
mod release;
mod subscriber;
mod tenant;
mod traffic;
mod unsubscribe;
mod upstream;
mod values;

pub use admin::{Admin, User, UserRole};
pub use events::{Events, Targets};
pub use evidence::{Approval, EvidenceConfig};
pub use ledger::Ledger;
pub use policies::PoliciesConfig;
pub use provider::{Provider, Unrecognised};
pub use reconciliation::{ReconciliationConfig, RepairSide};
pub use record::Record;
pub use release::ReleaseConfig;
pub use subscriber::Subscriber;
pub use tenant::Tenant;
pub use traffic::{Tls, Traffic};
pub use unsubscribe::Unsubscribe;
pub use upstream::Upstream;
pub use values::{Size, Time};

use crate::adapters::Adapters;
use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};
use toml::Spanned;

/// A configuration error, ready to be shown to an operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// The configuration as `serve` uses it.
#[derive(Debug)]
pub struct Config {
    /// What CRM and providers reach.
    pub traffic: Traffic,
    /// API, console, metrics.
    pub admin: Admin,
    /// Where state is kept.
    pub store: StoreConfig,
    /// The policies.
    pub policies: PoliciesConfig,
    /// What is kept of that which they judged.
    pub record: Record,
    /// Evidence of opt-ins.
    pub evidence: EvidenceConfig,
    /// Releases of spam complaints.
    pub release: ReleaseConfig,
    /// Comparison with providers' suppression lists.
    pub reconciliation: ReconciliationConfig,
    /// The providers, in the order written.
    pub providers: Vec<Provider>,
    /// The record of changes.
    pub ledger: Ledger,
    /// The feed of DND events.
    pub events: Events,
    /// Who is told of DND events.
    pub subscribers: Vec<Subscriber>,
    /// The tenants by name; at least one.
    pub tenants: BTreeMap<String, Tenant>,
    /// DND of one tenant blocks in all.
    pub suppression_global: bool,
    /// The page behind unsubscribe links.
    pub unsubscribe: Unsubscribe,
}

/// `[store]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `sqlite:path`.
    pub url: String,
}

impl Default for StoreConfig {
    fn default() -> StoreConfig {
        StoreConfig { url: "sqlite:dndgate.db".into() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    traffic: Traffic,
    #[serde(default)]
    admin: Admin,
    #[serde(default)]
    store: StoreConfig,
    #[serde(default)]
    policies: PoliciesConfig,
    #[serde(default)]
    record: Option<Spanned<Record>>,
    #[serde(default)]
    evidence: EvidenceConfig,
    #[serde(default)]
    release: ReleaseConfig,
    #[serde(default)]
    reconciliation: ReconciliationConfig,
    #[serde(default)]
    provider: Vec<Spanned<provider::Written>>,
    #[serde(default)]
    ledger: ledger::Written,
    #[serde(default)]
    events: Option<Spanned<Events>>,
    #[serde(default)]
    subscriber: Vec<Spanned<subscriber::Written>>,
    #[serde(default)]
    tenant: BTreeMap<String, Spanned<tenant::Written>>,
    #[serde(default)]
    suppression_scope: Scope,
    #[serde(default)]
    unsubscribe: Unsubscribe,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Scope {
    #[default]
    Tenant,
    Global,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is not right; the error names file, line and key.
    pub fn load(path: &Path, adapters: &Adapters) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError(format!("cannot read {}: {error}; name another file with -c", path.display()))
        })?;
        Config::read(&text, path, adapters)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// When it is not right.
    pub fn read(text: &str, path: &Path, adapters: &Adapters) -> Result<Config, ConfigError> {
        let at = |offset: usize, message: &str| {
            let line = text[..offset.min(text.len())].matches('\n').count() + 1;
            ConfigError(format!("{}:{line}: {message}", path.display()))
        };
        let written: Written = toml::from_str(text)
            .map_err(|error| at(error.span().map_or(0, |span| span.start), error.message()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut traffic = written.traffic;
        traffic
            .settle()
            .map_err(|why| at(text.find("public_url").unwrap_or(0), &format!("traffic.public_url {why}")))?;
        let providers = provider::all(written.provider, text, folder, adapters, &at)?;
        if let Some(name) = &written.release.validate_with
            && !providers.iter().any(|one| one.name == *name && one.adapter.suppressions().is_some())
        {
            let offset = text.find("validate_with").unwrap_or(0);
            return Err(at(
                offset,
                &format!("release.validate_with: {name:?} is no provider that validates addresses"),
            ));
        }
        let tenants = tenant::all(written.tenant, &at)?;
        if let Some(why) = written.admin.fault(|tenant| tenants.contains_key(tenant)) {
            return Err(at(text.find("[[admin.user]]").unwrap_or(0), &why));
        }
        let events = match written.events {
            None => Events::default(),
            Some(events) => match events.as_ref().fault() {
                Some(why) => return Err(at(events.span().start, why)),
                None => events.into_inner(),
            },
        };
        let record = match written.record {
            None => Record::default(),
            Some(record) => match record.as_ref().fault() {
                Some(why) => return Err(at(record.span().start, why)),
                None => record.into_inner(),
            },
        };
        let mut subscribers = Vec::new();
        for spanned in written.subscriber {
            let start = spanned.span().start;
            subscribers.push(subscriber::read(spanned.into_inner(), start, folder, &tenants, &at)?);
        }
        let mut policies = written.policies;
        policies.dir = folder.join(&policies.dir);
        policies.shadow = policies.shadow.map(|shadow| folder.join(shadow));
        let mut store = written.store;
        if let Some(file) = store.url.strip_prefix("sqlite:") {
            store.url = format!("sqlite:{}", folder.join(file).display());
        }
        let ledger = written.ledger.place(folder, &store.url, &at)?;
        Ok(Config {
            traffic,
            admin: written.admin,
            store,
            policies,
            record,
            evidence: written.evidence,
            release: written.release,
            reconciliation: written.reconciliation,
            providers,
            ledger,
            events,
            subscribers,
            tenants,
            suppression_global: written.suppression_scope == Scope::Global,
            unsubscribe: written.unsubscribe,
        })
    }
}
