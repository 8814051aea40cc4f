//! The gateway: carries requests to providers and webhooks to the CRM, asks the adapters what they are, the
//! cache whether they may, the policies what they mean, and keeps what must not be lost.
//!
//! It knows no provider: adapters are given to it. Reading order: [`config`], `server`, `route`, then the two
//! journeys `outbound` and `webhook`.

mod adapters;
mod admin;
mod answer;
mod apply;
mod background;
mod body;
mod call;
mod callback;
mod clock;
pub mod config;
mod confirm;
mod dossier;
mod errand;
pub mod export;
mod forward;
mod gate;
mod health;
mod ids;
pub mod import;
mod imports;
mod kept_back;
mod lists;
mod mail_domain;
mod metrics;
mod notify;
mod out;
mod outbound;
mod question;
pub mod reconcile;
mod record;
mod replay;
mod route;
mod rules;
mod scan;
mod seal;
mod server;
mod shadow;
mod shared;
mod unsubscribe;
mod upstream;
mod webhook;

pub use adapters::{Adapters, Maker};
pub use admin::{ledger::whom, openapi};
pub use config::{Config, ConfigError};
pub use dossier::html as dossier_page;
pub use metrics::install as install_metrics;
pub use outbound::address_hash;
pub use replay::{
    Asked as ReplayAsked, Change as ReplayChange, Count as ReplayCount, Counts as ReplayCounts, Difference,
    Report as ReplayReport, replay, since as replay_since,
};

use crate::{
    callback::Callbacks,
    health::Health,
    question::Documents,
    route::{Door, Routes},
    shared::Shared,
    unsubscribe::{Limit, Links},
};
use arc_swap::ArcSwap;
use dndgate_adapter::Channels;
use dndgate_policy::{Active, Limits, PolicyError};
use dndgate_store::{Decisions, LinkKey, SendCounts, Store};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicUsize},
};
use tokio::sync::{Notify, watch};

/// A gateway that is bound to its addresses and not started yet.
pub struct Gateway {
    shared: Arc<Shared>,
    bound: Vec<server::Bound>,
    admin: std::net::TcpListener,
    workers: usize,
}

/// What a gateway is made of.
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// The store.
    pub store: Store,
    /// The running policies.
    pub policies: Arc<Active>,
    /// The record of decisions.
    pub decisions: Decisions,
    /// What send rules count.
    pub send_counts: SendCounts,
    /// The secret of this installation.
    pub secret: [u8; 32],
    /// The keys of unsubscribe links, the newest last.
    pub link_keys: Vec<LinkKey>,
    /// The metrics of this process.
    pub prometheus: PrometheusHandle,
    /// The adapters that this binary has: what a provider may be set up with.
    pub adapters: &'static Adapters,
}

/// Why a gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({key}): {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Its key in the configuration.
        key: String,
        /// Why.
        error: std::io::Error,
    },
    /// A thread or certificate.
    #[error("cannot start: {0}")]
    Io(#[from] std::io::Error),
    /// The key that signs checkpoints of the ledger.
    #[error("{0}")]
    Ledger(dndgate_store::StoreError),
    /// The trust in https upstreams.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl Gateway {
    /// Binds every address of the configuration.
    ///
    /// # Errors
    /// When an address is taken or trust in https upstreams cannot be set up.
    pub fn bind(parts: Parts) -> Result<Gateway, StartError> {
        let Parts {
            config,
            store,
            policies,
            decisions,
            send_counts,
            secret,
            link_keys,
            prometheus,
            adapters,
        } = parts;
        let workers = match config.traffic.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            some => some,
        };
        let listen = |door, address, key: String| {
            server::bind(door, address, workers).map_err(|error| StartError::Listen { address, key, error })
        };
        let mut bound = vec![listen(Door::Main, config.traffic.listen, "traffic.listen".into())?];
        for (index, provider) in config.providers.iter().enumerate() {
            if let Some(address) = provider.listen {
                bound.push(listen(
                    Door::Own(index),
                    address,
                    format!("provider {:?} listen", provider.name),
                )?);
            }
        }
        let admin = std::net::TcpListener::bind(config.admin.listen).map_err(|error| StartError::Listen {
            address: config.admin.listen,
            key: "admin.listen".into(),
            error,
        })?;
        admin.set_nonblocking(true)?;
        let seal_key = Arc::new(seal::key(&config).map_err(StartError::Ledger)?);
        store.set_listed(listed(&config));
        store.cache().set_global(config.suppression_global);
        let (errands, errands_to_run) = errand::Errands::new();
        let recorder =
            record::Recorder::new(dndgate_store::record::folder(&config.store.url), secret, &config);
        let shadow = shadow::Shadow::new(&config);
        let shared = Arc::new(Shared {
            traffic: config.traffic.clone(),
            routes: ArcSwap::from_pointee(Routes::new(&config)),
            policy_dir: config.policies.dir.clone(),
            policy_limits: limits(&config),
            policy_edits: std::sync::Mutex::new(()),
            callbacks: Callbacks::new(&secret, &config.traffic.public_url),
            secret,
            links: ArcSwap::from_pointee(Links::new(&link_keys)),
            link_uses: Limit::default(),
            link_misses: Limit::default(),
            config: ArcSwap::from_pointee(config),
            store,
            seal_key,
            policies,
            decisions,
            recorder,
            shadow,
            send_counts: Arc::new(send_counts),
            documents: Documents::default(),
            tls: upstream::client_tls()?,
            prometheus,
            adapters,
            work: Notify::new(),
            news: Notify::new(),
            subscribers_changed: Notify::new(),
            connections: AtomicUsize::new(0),
            draining: watch::Sender::new(false),
            health: Health::default(),
            kept_back: kept_back::KeptBack::default(),
            imports: imports::Imports::default(),
            errands,
            errands_to_run: std::sync::Mutex::new(Some(errands_to_run)),
        });
        Ok(Gateway { shared, bound, admin, workers })
    }

    /// The address of the traffic listener.
    pub fn traffic_address(&self) -> SocketAddr {
        self.bound.first().map_or(self.shared.traffic.listen, |bound| bound.address)
    }

    /// The address of the admin listener.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn admin_address(&self) -> std::io::Result<SocketAddr> {
        self.admin.local_addr()
    }

    /// A handle to steer the gateway while it runs.
    pub fn handle(&self) -> Handle {
        Handle { shared: Arc::clone(&self.shared) }
    }

    /// Serves until [`Handle::drain`]; returns when everything open has ended.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub async fn serve(self) -> Result<(), StartError> {
        let Gateway { shared, bound, admin, workers } = self;
        note_policies(&shared);
        if let Err(error) = notify::enlist(&shared).await {
            tracing::error!(%error, "the subscribers of the configuration cannot be written down; it is tried again");
        }
        // The cache fills while the listeners answer: until it is complete every send is refused with 503.
        let filling = Arc::clone(&shared);
        let fill = tokio::task::spawn_blocking(move || filling.store.fill_cache());
        let recording = record::Recorder::start(&shared)?;
        let shadowing = shadow::Shadow::start(&shared)?;
        let threads = server::start(&shared, bound, workers)?;
        let serving =
            tokio::spawn(admin::serve(Arc::clone(&shared), tokio::net::TcpListener::from_std(admin)?));
        let telling = tokio::spawn(notify::run(Arc::clone(&shared)));
        let sealing = tokio::spawn(seal::run(Arc::clone(&shared)));
        match fill.await {
            Ok(Ok(entries)) => tracing::info!(entries, "ready: the cache is complete"),
            Ok(Err(error)) => tracing::error!(%error, "the cache could not be filled; sends are refused"),
            Err(error) => tracing::error!(%error, "the cache could not be filled; sends are refused"),
        }
        let joined =
            tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
        let _ = joined.await;
        let _ = serving.await;
        let _ = telling.await;
        let _ = sealing.await;
        let stopped = tokio::task::spawn_blocking(move || {
            shared.recorder.stop(recording);
            if let Some(running) = shadowing {
                shared.shadow.stop(running);
            }
        });
        let _ = stopped.await;
        Ok(())
    }
}

/// Steers a running gateway.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    /// Takes no new connection and lets open requests end.
    pub fn drain(&self) {
        self.shared.draining.send_replace(true);
        self.shared.imports.stop();
        self.shared.work.notify_one();
        self.shared.news.notify_waiters();
    }

    /// Puts another configuration in place: providers, tenants, subscribers. Addresses, the store and limits
    /// need a restart.
    pub fn reload(&self, mut config: Config) {
        config.admin.open = self.shared.config.load().admin.open;
        let before = self.shared.config.load();
        if before.traffic.listen != config.traffic.listen
            || before.admin.listen != config.admin.listen
            || before.store.url != config.store.url
        {
            tracing::warn!("listen addresses and the store change at the next start only");
        }
        if before.policies.shadow != config.policies.shadow {
            tracing::warn!("another folder for shadow policies counts at the next start only");
        }
        self.shared.store.set_listed(listed(&config));
        self.shared.recorder.configure(&config);
        self.shared.routes.store(Arc::new(Routes::new(&config)));
        self.shared.config.store(Arc::new(config));
        self.shared.subscribers_changed.notify_waiters();
        tracing::info!("the configuration was reloaded");
    }

    /// Loads the shadow policies anew.
    pub fn reload_shadow(&self) {
        self.shared.shadow.load();
    }

    /// To be called after each reload of the policies, with what came of it.
    pub fn policies_reloaded(&self, outcome: &Result<(), PolicyError>) {
        metrics::policy_reload(outcome.is_ok());
        match outcome {
            Ok(()) => {
                tracing::info!("the policies were reloaded");
                note_policies(&self.shared);
            }
            Err(error) => tracing::error!(%error, "the policies were not reloaded; the running ones stay"),
        }
    }
}

/// Warns of policies that are in force for nobody.
fn note_policies(shared: &Shared) {
    let config = shared.config.load();
    for note in shared.policies.current().notes(|tenant| config.tenants.contains_key(tenant)) {
        tracing::warn!("policies: {note}");
    }
}

/// The limits on scripts that a configuration sets.
pub fn limits(config: &Config) -> Limits {
    Limits {
        time: config.policies.time_limit.0,
        steps_max: config.policies.step_limit,
        memory_bytes_max: usize::try_from(config.policies.memory_limit.0).unwrap_or(usize::MAX),
    }
}

/// The channels for which a provider is configured.
pub fn listed(config: &Config) -> Channels {
    config.providers.iter().fold(Channels::NONE, |all, one| all.with(one.adapter.profile().channels))
}
