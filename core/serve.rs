//! `dndgate serve`

use crate::{Failure, providers::ADAPTERS};
use dndgate_gateway::{Config, Gateway, Handle, Parts};
use dndgate_policy::{Active, Book};
use dndgate_store::{Decisions, Options, SendCounts, Store, links, meta};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::signal::unix::{SignalKind, signal};

/// How often the configuration file is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Decisions that are remembered for `dndgate why --request`.
pub(crate) const DECISIONS: usize = 65_536;

/// Runs the gateway until SIGTERM or SIGINT.
pub(crate) fn run(path: &Path) -> Result<(), Failure> {
    let config = Config::load(path, ADAPTERS).map_err(Failure::wrong)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let policies_dir = config.policies.dir.clone();
        let limits = dndgate_gateway::limits(&config);
        let policies = policies(&config)?;
        let active = Arc::new(Active::new(policies));
        let prometheus = dndgate_gateway::install_metrics().map_err(Failure::wrong)?;
        let gateway = assemble(config, Arc::clone(&active), prometheus).await?;
        let handle = gateway.handle();
        tracing::info!(traffic = %gateway.traffic_address(), admin = ?gateway.admin_address().ok(), "listening");
        let _watching = watch_policies(&policies_dir, limits, &active, &handle);
        tokio::spawn(reload_on_change(path.to_owned(), handle.clone()));
        tokio::spawn(obey_signals(path.to_owned(), handle, active));
        gateway.serve().await.map_err(Failure::wrong)
    })
}

/// The operator's policies, or the shipped ones where there is no folder.
pub(crate) fn policies(config: &Config) -> Result<Book, Failure> {
    if config.policies.dir.is_dir() {
        Book::load(&config.policies.dir, dndgate_gateway::limits(config))
            .map_err(|error| Failure::Wrong(error.explained()))
    } else {
        Ok(Book::embedded())
    }
}

/// The runtime of the admin listener; workers bring their own.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Failure::wrong)
}

/// Opens the store and binds the addresses.
pub(crate) async fn assemble(
    config: Config,
    policies: Arc<Active>,
    prometheus: PrometheusHandle,
) -> Result<Gateway, Failure> {
    let store = Store::open_alone(&Options::new(&config.store.url)).map_err(Failure::wrong)?;
    let secret = store.write(|tx| meta::secret(tx, "installation")).await.map_err(Failure::wrong)?;
    let now = jiff::Timestamp::now();
    let link_keys = store.write(move |tx| links::keys(tx, now)).await.map_err(Failure::wrong)?;
    let decisions = Decisions::open(&decisions_path(&config), DECISIONS).map_err(Failure::wrong)?;
    let counts_key = std::array::from_fn(|index| secret[index]);
    let send_counts = SendCounts::open(&beside(&config, "counts"), config.policies.counters.0, counts_key)
        .map_err(Failure::wrong)?;
    Gateway::bind(Parts {
        config,
        store,
        policies,
        decisions,
        send_counts,
        secret,
        link_keys,
        prometheus,
        adapters: ADAPTERS,
    })
    .map_err(Failure::wrong)
}

/// The file beside the database that remembers decisions.
pub(crate) fn decisions_path(config: &Config) -> PathBuf {
    beside(config, "decisions")
}

fn beside(config: &Config, what: &str) -> PathBuf {
    PathBuf::from(format!("{}-{what}", config.store.url.trim_start_matches("sqlite:")))
}

fn watch_policies(
    dir: &Path,
    limits: dndgate_policy::Limits,
    active: &Arc<Active>,
    handle: &Handle,
) -> Option<dndgate_policy::Watcher> {
    if !dir.is_dir() {
        tracing::info!(dir = %dir.display(), "no policies folder: the shipped policies are in force");
        return None;
    }
    let handle = handle.clone();
    let report = move |outcome: &Result<(), _>| handle.policies_reloaded(outcome);
    dndgate_policy::watch(dir.to_owned(), limits, Arc::clone(active), report)
        .inspect_err(|error| tracing::warn!(%error, "the policies folder cannot be watched; send SIGHUP after a change"))
        .ok()
}

async fn reload_on_change(path: PathBuf, handle: Handle) {
    let modified = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let mut seen: Option<SystemTime> = modified(&path);
    loop {
        tokio::time::sleep(LOOK).await;
        let now = modified(&path);
        if now.is_some() && now != seen {
            seen = now;
            reload(&path, &handle);
        }
    }
}

fn reload(path: &Path, handle: &Handle) {
    match Config::load(path, ADAPTERS) {
        Ok(config) => handle.reload(config),
        Err(error) => tracing::error!(%error, "the configuration was not reloaded; the running one stays"),
    }
}

async fn obey_signals(path: PathBuf, handle: Handle, active: Arc<Active>) {
    let signals =
        (signal(SignalKind::hangup()), signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut hangup), Ok(mut terminate), Ok(mut interrupt)) = signals else {
        tracing::error!("signals cannot be received");
        return;
    };
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                reload(&path, &handle);
                if let Ok(config) = Config::load(&path, ADAPTERS) {
                    let limits = dndgate_gateway::limits(&config);
                    handle.reload_shadow();
                    handle.policies_reloaded(&dndgate_policy::reload(&config.policies.dir, limits, &active));
                }
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    tracing::info!("draining: open requests may end");
    handle.drain();
}
