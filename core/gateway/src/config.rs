//! `dndgate.toml`: what the operator writes, read strictly. Every error names line, key and what would be right.

mod admin;
mod events;
mod ledger;

pub use admin::{Admin, User, UserRole};
pub use events::{Events, Targets};
pub use ledger::Ledger;

use crate::adapters::Adapters;
use dndgate_adapter::{Adapter, Channel, Channels, Key, Secrets};
use dndgate_dnd::{EvidenceRules, Region, ReleaseRules};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
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

/// `[traffic]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traffic {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// What providers and people see, without a slash at the end.
    pub public_url: String,
    /// Certificate and key, to serve HTTPS.
    pub tls: Option<Tls>,
    /// The largest request body.
    pub max_body: Size,
    /// Bodies up to this size are kept in memory, larger ones in a temporary file.
    pub memory_body: Size,
    /// Where temporary files go; the system's folder when absent.
    pub temp_dir: Option<PathBuf>,
    /// The largest header section of a request.
    pub max_header: Size,
    /// The most header fields of a request.
    pub max_headers: usize,
    /// The most open connections.
    pub max_connections: usize,
    /// How long a client may take to send its header section.
    pub header_timeout: Time,
    /// How long a client may take between two pieces of a body.
    pub body_timeout: Time,
    /// How long connecting to an upstream may take.
    pub connect_timeout: Time,
    /// How long an upstream may take to begin its answer.
    pub upstream_timeout: Time,
    /// How long open requests may take to end after SIGTERM.
    pub drain_timeout: Time,
    /// Threads that carry traffic; as many as there are processors when 0.
    pub workers: usize,
}

impl Default for Traffic {
    fn default() -> Traffic {
        Traffic {
            listen: ([127, 0, 0, 1], 8080).into(),
            public_url: String::new(),
            tls: None,
            max_body: Size(60 << 20),
            memory_body: Size(256 << 10),
            temp_dir: None,
            max_header: Size(64 << 10),
            max_headers: 128,
            max_connections: 10_000,
            header_timeout: Time(Duration::from_secs(15)),
            body_timeout: Time(Duration::from_secs(60)),
            connect_timeout: Time(Duration::from_secs(5)),
            upstream_timeout: Time(Duration::from_secs(60)),
            drain_timeout: Time(Duration::from_secs(30)),
            workers: 0,
        }
    }
}

/// Certificate and key of a listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the certificate chain.
    pub cert: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
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

/// `[policies]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoliciesConfig {
    /// The folder with the Lua files; the shipped policies serve for files that are not there.
    pub dir: PathBuf,
    /// How long a script may run.
    pub time_limit: Time,
    /// How much memory a script may take.
    pub memory_limit: Size,
}

impl Default for PoliciesConfig {
    fn default() -> PoliciesConfig {
        PoliciesConfig {
            dir: "policies".into(),
            time_limit: Time(Duration::from_millis(50)),
            memory_limit: Size(16 << 20),
        }
    }
}

/// `[unsubscribe]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Unsubscribe {
    /// How people reach the business when a link does not work: an email address, a link, a number or words.
    pub reach: Option<String>,
    /// How often one person's links may be pressed in a minute.
    pub changes_per_minute: u32,
    /// How many links that are not ours may be tried from one address in a minute.
    pub misses_per_minute: u32,
}

impl Default for Unsubscribe {
    fn default() -> Unsubscribe {
        Unsubscribe { reach: None, changes_per_minute: 30, misses_per_minute: 60 }
    }
}

/// `[evidence]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvidenceConfig {
    /// Who approves it.
    pub approval: Approval,
    /// How long after its approval it begins to count.
    pub cool_down: Time,
    /// The longest text with its source.
    pub text_max: Size,
    /// The largest file.
    pub file_max: Size,
    /// The media types of files that are taken.
    pub file_types: Vec<String>,
}

/// Who approves evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Approval {
    /// Whoever files it.
    #[default]
    #[serde(rename = "none")]
    None,
    /// Somebody else.
    #[serde(rename = "second person")]
    SecondPerson,
}

impl Default for EvidenceConfig {
    fn default() -> EvidenceConfig {
        let types = [
            "application/pdf",
            "image/png",
            "image/jpeg",
            "image/webp",
            "image/heic",
            "image/tiff",
            "text/plain",
            "message/rfc822",
            "audio/mpeg",
            "audio/wav",
        ];
        EvidenceConfig {
            approval: Approval::None,
            cool_down: Time(Duration::ZERO),
            text_max: Size(16 << 10),
            file_max: Size(10 << 20),
            file_types: types.map(str::to_owned).to_vec(),
        }
    }
}

impl EvidenceConfig {
    /// As the rules read it.
    pub fn rules(&self) -> EvidenceRules {
        EvidenceRules {
            second_person: self.approval == Approval::SecondPerson,
            cool_down: signed(self.cool_down),
        }
    }
}

/// `[release]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReleaseConfig {
    /// The least time between two readings of a provider's suppression lists.
    pub reading_interval: Time,
    /// How old the last reading may be when the complaint is ended.
    pub reading_age_max: Time,
    /// The provider whose address validation is asked; absent: mail servers are looked up and an operator confirms.
    pub validate_with: Option<String>,
    /// The name server that is asked for mail servers; absent: the system's.
    pub resolver: Option<SocketAddr>,
}

impl Default for ReleaseConfig {
    fn default() -> ReleaseConfig {
        ReleaseConfig {
            reading_interval: Time(Duration::from_secs(10)),
            reading_age_max: Time(Duration::from_secs(60)),
            validate_with: None,
            resolver: None,
        }
    }
}

impl ReleaseConfig {
    /// As the rules read it.
    pub fn rules(&self) -> ReleaseRules {
        ReleaseRules {
            reading_interval: signed(self.reading_interval),
            reading_age_max: signed(self.reading_age_max),
        }
    }
}

/// `[reconciliation]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReconciliationConfig {
    /// How often every provider's lists are compared; absent: when asked for only.
    pub every: Option<Time>,
    /// What scheduled comparisons put in order.
    pub repair: Vec<RepairSide>,
    /// The pause between two requests to a provider.
    pub pause: Time,
}

/// A side that is put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RepairSide {
    /// What the provider refuses becomes known here.
    Here,
    /// What is blocked here is put on the provider's list.
    There,
}

impl Default for ReconciliationConfig {
    fn default() -> ReconciliationConfig {
        ReconciliationConfig { every: None, repair: Vec::new(), pause: Time(Duration::from_millis(100)) }
    }
}

fn signed(time: Time) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(time.0).unwrap_or(jiff::SignedDuration::MAX)
}

/// One `[[provider]]`.
#[derive(Debug, Clone)]
pub struct Provider {
    /// The path prefix.
    pub name: String,
    /// Who translates.
    pub adapter: &'static dyn Adapter,
    /// Scheme and authority of the provider's API.
    pub upstream: Upstream,
    /// Its API hosts are reached as themselves (false with a stand-in `upstream`).
    pub own_hosts: bool,
    /// A port of its own.
    pub listen: Option<SocketAddr>,
    /// A host name of its own.
    pub host: Option<String>,
    /// The accounts that may be used; empty: any.
    pub accounts: Vec<String>,
    /// Values of the adapter's keys.
    pub secrets: Secrets,
    /// Where its webhooks are passed on.
    pub crm_webhook: Option<String>,
    /// What to do with a request that the adapter does not know.
    pub unrecognised: Unrecognised,
    /// Sends to unknown recipients that are let through, by name.
    pub allow_unnamed: Vec<String>,
    /// Kinds of send that DND does not concern (R9).
    pub exempt: Vec<String>,
    /// Mail to one person gets `List-Unsubscribe` headers that lead here.
    pub list_unsubscribe: bool,
    /// The channels on which an opt-out is confirmed once, where the provider does not (R9's exception).
    pub confirm_opt_out: Channels,
}

/// Scheme and authority of a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// `https`.
    pub tls: bool,
    /// `host` or `host:port`.
    pub authority: String,
    /// A path to put before every request's.
    pub base: String,
}

impl Upstream {
    /// Reads `https://host[:port][/base]`.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn parse(url: &str) -> Result<Upstream, &'static str> {
        const FORM: &str = "is not a URL: write it as https://host or http://host:port";
        let (tls, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(FORM),
        };
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let parsed: http::uri::Authority = authority.parse().map_err(|_| FORM)?;
        if parsed.host().is_empty() || authority.contains('@') || base.contains(['?', '#']) {
            return Err(FORM);
        }
        Ok(Upstream { tls, authority: authority.to_owned(), base: base.trim_end_matches('/').to_owned() })
    }
}

/// `unrecognised`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unrecognised {
    /// Refused when a suppressed address of the tenant stands in it.
    #[default]
    Scan,
    /// Refused.
    Refuse,
    /// Let through.
    Pass,
}

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

/// A number of bytes, written `60MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// A time, written `30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic() || char == ' ');
        let unit = match text[digits.len()..].trim() {
            "" | "B" => Some(1),
            "KiB" => Some(1 << 10),
            "MiB" => Some(1 << 20),
            "GiB" => Some(1 << 30),
            _ => None,
        };
        let bytes = unit.and_then(|unit: u64| digits.parse::<u64>().ok()?.checked_mul(unit));
        bytes
            .map(Size)
            .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not a size; write it as \"60MiB\"")))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
        time.map(Time)
            .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not a time; write it as \"30s\"")))
    }
}

/// A secret as it is written: `{ env = "NAME" }`, `{ file = "path" }` or a literal.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "a secret: { env = \"NAME\" }, { file = \"path\" } or a string")]
enum Secret {
    Literal(String),
    Env(EnvSecret),
    File(FileSecret),
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvSecret {
    env: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSecret {
    file: PathBuf,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    fn value(&self, folder: &Path) -> Result<String, String> {
        let value = match self {
            Secret::Literal(value) => value.clone(),
            Secret::Env(EnvSecret { env }) => {
                std::env::var(env).map_err(|_| format!("the environment variable {env} is not set"))?
            }
            Secret::File(FileSecret { file }) => std::fs::read_to_string(folder.join(file))
                .map_err(|error| format!("cannot read {}: {error}", file.display()))?
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
        };
        if value.is_empty() { Err("the secret is empty".into()) } else { Ok(value) }
    }
}

/// One value or a list of them. The list is tried first: a list of one text could be read as a secret whose one
/// field it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
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
    evidence: EvidenceConfig,
    #[serde(default)]
    release: ReleaseConfig,
    #[serde(default)]
    reconciliation: ReconciliationConfig,
    #[serde(default)]
    provider: Vec<Spanned<WrittenProvider>>,
    #[serde(default)]
    ledger: ledger::Written,
    #[serde(default)]
    events: Option<Spanned<Events>>,
    #[serde(default)]
    subscriber: Vec<Spanned<WrittenSubscriber>>,
    #[serde(default)]
    tenant: BTreeMap<String, Spanned<WrittenTenant>>,
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

#[derive(Deserialize)]
struct WrittenProvider {
    name: Spanned<String>,
    adapter: Spanned<String>,
    upstream: Option<Spanned<String>>,
    listen: Option<SocketAddr>,
    host: Option<String>,
    account: Option<OneOrMany<String>>,
    accounts: Option<Spanned<OneOrMany<String>>>,
    crm_webhook: Option<Spanned<String>>,
    #[serde(default)]
    unrecognised: Unrecognised,
    #[serde(default)]
    allow_unnamed: Vec<Spanned<String>>,
    #[serde(default)]
    exempt: Vec<Spanned<String>>,
    list_unsubscribe: Option<Spanned<bool>>,
    #[serde(default)]
    confirm_opt_out: Vec<Spanned<String>>,
    #[serde(flatten)]
    keys: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSubscriber {
    url: Spanned<String>,
    secret: OneOrMany<Secret>,
    tenant: Option<Spanned<String>>,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTenant {
    #[serde(default)]
    accounts: Vec<String>,
    default_region: Option<Spanned<String>>,
    title: Option<String>,
    reach: Option<String>,
    confirm_opt_out: Option<bool>,
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
        if traffic.public_url.is_empty() {
            traffic.public_url = format!("http://{}", traffic.listen);
        }
        Upstream::parse(&traffic.public_url)
            .map_err(|why| at(text.find("public_url").unwrap_or(0), &format!("traffic.public_url {why}")))?;
        traffic.public_url.truncate(traffic.public_url.trim_end_matches('/').len());
        if format!("{}/", traffic.public_url).contains("/hooks/") {
            let message =
                "traffic.public_url holds /hooks/, which the gateway itself puts behind it: leave it out";
            return Err(at(text.find("public_url").unwrap_or(0), message));
        }
        let mut providers: Vec<Provider> = Vec::new();
        for spanned in written.provider {
            let start = spanned.span().start;
            let key_at = |key: &str| start + key_offset(&text[start..], key).unwrap_or(0);
            let provider = provider(spanned.into_inner(), start, folder, adapters, &at, &key_at)?;
            if providers.iter().any(|other| other.name == provider.name) {
                return Err(at(
                    start,
                    &format!("two providers have the name {:?}; give each its own", provider.name),
                ));
            }
            providers.push(provider);
        }
        if let Some(name) = &written.release.validate_with
            && !providers.iter().any(|one| one.name == *name && one.adapter.suppressions().is_some())
        {
            let offset = text.find("validate_with").unwrap_or(0);
            return Err(at(
                offset,
                &format!("release.validate_with: {name:?} is no provider that validates addresses"),
            ));
        }
        let mut tenants = BTreeMap::new();
        let mut owners: HashMap<String, String> = HashMap::new();
        for (name, tenant) in written.tenant {
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
            let WrittenTenant { accounts, title, reach, confirm_opt_out, .. } = tenant;
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
        let mut subscribers = Vec::new();
        for spanned in written.subscriber {
            let start = spanned.span().start;
            subscribers.push(subscriber(spanned.into_inner(), start, folder, &tenants, &at)?);
        }
        let mut policies = written.policies;
        policies.dir = folder.join(&policies.dir);
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

fn subscriber(
    written: WrittenSubscriber,
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

/// Where a key stands in the text of a table: a flattened table does not remember it.
fn key_offset(table: &str, key: &str) -> Option<usize> {
    let mut offset = 0;
    for line in table.split_inclusive('\n') {
        let bare = line.trim_start();
        let rest = bare.strip_prefix(key).or_else(|| bare.strip_prefix(&format!("\"{key}\"")));
        if rest.is_some_and(|rest| rest.trim_start().starts_with('=')) {
            return Some(offset);
        }
        offset += line.len();
    }
    None
}

type Values = Vec<(&'static str, Vec<String>)>;

/// The adapter that a provider names, and the values of its keys.
fn adapter(
    written: &WrittenProvider,
    start: usize,
    folder: &Path,
    adapters: &Adapters,
    at: &dyn Fn(usize, &str) -> ConfigError,
    key_at: &dyn Fn(&str) -> usize,
) -> Result<(&'static dyn Adapter, Values), ConfigError> {
    let wanted = written.adapter.as_ref();
    let value =
        |key: &'static Key, value: &toml::Value| -> Result<(&'static str, Vec<String>), ConfigError> {
            let start = key_at(key.name);
            let secrets: OneOrMany<Secret> = value
                .clone()
                .try_into()
                .map_err(|error: toml::de::Error| at(start, &format!("{}: {}", key.name, error.message())))?;
            let mut all = Vec::new();
            for secret in secrets.into_vec() {
                all.push(secret.value(folder).map_err(|why| {
                    at(start, &format!("provider {:?}: {}: {why}", written.name.as_ref(), key.name))
                })?);
            }
            Ok((key.name, all))
        };
    let maker = adapters.made.iter().find(|maker| maker.name == wanted);
    let adapter = match maker {
        Some(maker) => {
            let mut given = Vec::new();
            for key in maker.keys {
                if let Some(written) = written.keys.get(key.name) {
                    given.push(value(key, written)?);
                }
            }
            (maker.make)(&Secrets::new(given), folder).map_err(|why| at(start, &why))?
        }
        None => *adapters.fixed.iter().find(|one| one.profile().name == wanted).ok_or_else(|| {
            let message =
                format!("there is no adapter {wanted:?}; there are: {}", adapters.names().join(", "));
            at(written.adapter.span().start, &message)
        })?,
    };
    let makers_keys = maker.map_or(&[][..], |maker| maker.keys);
    let mut values = Vec::new();
    for (name, written) in &written.keys {
        let own = adapter.profile().keys.iter().find(|key| key.name == name);
        if let Some(key) = own {
            values.push(value(key, written)?);
        } else if !makers_keys.iter().any(|key| key.name == name) {
            let known = adapter.profile().keys.iter().chain(makers_keys).map(|key| key.name);
            let message = format!(
                "unknown key {name:?} for adapter {wanted}; its own keys are: {}",
                known.collect::<Vec<_>>().join(", ")
            );
            return Err(at(key_at(name), &message));
        }
    }
    Ok((adapter, values))
}

fn provider(
    written: WrittenProvider,
    start: usize,
    folder: &Path,
    adapters: &Adapters,
    at: &dyn Fn(usize, &str) -> ConfigError,
    key_at: &dyn Fn(&str) -> usize,
) -> Result<Provider, ConfigError> {
    let (adapter, values) = adapter(&written, start, folder, adapters, at, key_at)?;
    let profile = adapter.profile();
    let name = written.name.as_ref().clone();
    let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-' || char == '_';
    if name.is_empty() || !name.chars().all(plain) || ["hooks", "u"].contains(&name.as_str()) {
        let message =
            format!("provider name {name:?}: use lower-case letters, digits and -, and neither hooks nor u");
        return Err(at(written.name.span().start, &message));
    }
    let upstream = match &written.upstream {
        None => Upstream::parse(profile.upstream).map_err(|why| at(start, why))?,
        Some(url) => {
            Upstream::parse(url.as_ref()).map_err(|why| at(url.span().start, &format!("upstream {why}")))?
        }
    };
    let own_host = upstream.authority.split(':').next().unwrap_or_default();
    let own_hosts = profile.upstream.ends_with(own_host) || crate::route::is_api_host(profile, own_host);
    let mut accounts = written.account.map(OneOrMany::into_vec).unwrap_or_default();
    if let Some(more) = written.accounts {
        match more.into_inner() {
            OneOrMany::One(any) if any == "any" => accounts.clear(),
            more => accounts.extend(more.into_vec()),
        }
    }
    if let Some(url) = &written.crm_webhook {
        Upstream::parse(url.as_ref().split(['?', '#']).next().unwrap_or_default())
            .map_err(|why| at(url.span().start, &format!("crm_webhook {why}")))?;
    }
    let named = |list: &[Spanned<String>], allowed: &[&str], key: &str| {
        for one in list {
            let bare = one.as_ref().strip_prefix(&format!("{}:", profile.name)).unwrap_or(one.as_ref());
            if !allowed.contains(&bare) {
                let message = format!("{key}: {:?} is none of: {}", one.as_ref(), allowed.join(", "));
                return Err(at(one.span().start, &message));
            }
        }
        let bare = |one: &Spanned<String>| {
            one.as_ref().strip_prefix(&format!("{}:", profile.name)).unwrap_or(one.as_ref()).to_owned()
        };
        Ok(list.iter().map(bare).collect::<Vec<_>>())
    };
    let list_unsubscribe = written.list_unsubscribe.as_ref().is_some_and(|wanted| *wanted.as_ref());
    if let Some(wanted) = &written.list_unsubscribe
        && list_unsubscribe
        && !profile.channels.has(Channel::Email)
    {
        return Err(at(wanted.span().start, "list_unsubscribe is for providers of mail"));
    }
    let mut confirm_opt_out = Channels::NONE;
    for channel in &written.confirm_opt_out {
        let known = Channel::parse(channel.as_ref()).filter(|channel| profile.channels.has(*channel));
        let known = known.filter(|channel| *channel != Channel::Call).ok_or_else(|| {
            let names: Vec<_> =
                profile.channels.iter().filter(|one| *one != Channel::Call).map(Channel::name).collect();
            let message = format!("confirm_opt_out: {:?} is none of: {}", channel.as_ref(), names.join(", "));
            at(channel.span().start, &message)
        })?;
        confirm_opt_out = confirm_opt_out.with(known.into());
    }
    Ok(Provider {
        name,
        adapter,
        upstream,
        own_hosts,
        listen: written.listen,
        host: written.host.map(|host| host.to_ascii_lowercase()),
        accounts,
        secrets: Secrets::new(values),
        crm_webhook: written.crm_webhook.map(Spanned::into_inner),
        unrecognised: written.unrecognised,
        allow_unnamed: named(&written.allow_unnamed, profile.unnamed, "allow_unnamed")?,
        exempt: named(&written.exempt, profile.exemptions, "exempt")?,
        list_unsubscribe,
        confirm_opt_out,
    })
}
