//! DND events for subscribers (R29): signed as Standard Webhooks, at least once, in order for one contact.
//!
//! Each subscriber has a task of its own on the admin runtime, away from the threads that carry traffic, so that
//! one that is down or slow holds up nobody. [`client`] delivers one event, [`runner`] takes one subscriber
//! through the feed, [`sign`] makes signatures and secrets, and this file sees to it that the right subscribers
//! are told.

pub(crate) mod client;
mod runner;
pub(crate) mod sign;

use crate::{clock, config::Config, metrics, shared::Shared};
use client::Target;
use dndgate_adapter::sign as hash;
use dndgate_store::{Configured, StoreError, SubscriberRow, deliveries, events, subscribers};
use runner::Runner;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// How often is looked without being told: another process may have changed something.
const LOOK: Duration = Duration::from_secs(1);
/// How often old events are forgotten.
const FORGET: Duration = Duration::from_secs(600);

/// Writes down the subscribers of the configuration: they are told of whatever happens from then on. So it comes
/// before the first request.
pub(crate) async fn enlist(shared: &Shared) -> Result<(), StoreError> {
    let all: Vec<Configured> = shared.config.load().subscribers.iter().map(configured).collect();
    shared.store.write(move |tx| subscribers::configure(tx, &all, clock::now())).await
}

/// Looks after the subscribers until the gateway drains.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut draining = shared.draining.subscribe();
    let mut staff = Staff { shared: Arc::clone(&shared), configured: None, tasks: HashMap::new() };
    let mut forgotten: Option<std::time::Instant> = None;
    loop {
        let told = shared.subscribers_changed.notified();
        if let Err(error) = staff.look().await {
            tracing::error!(%error, "the subscribers of events cannot be read");
        }
        if forgotten.is_none_or(|at| at.elapsed() > FORGET) {
            forgotten = Some(clock::tick());
            forget(&shared).await;
        }
        tokio::select! {
            () = told => {}
            () = tokio::time::sleep(LOOK) => {}
            _ = draining.wait_for(|draining| *draining) => break,
        }
    }
    // Each ends what it has under way.
    for (_, task) in staff.tasks.into_values() {
        let _ = task.await;
    }
}

/// One task for each subscriber.
struct Staff {
    shared: Arc<Shared>,
    /// The configuration that is in the store.
    configured: Option<Arc<Config>>,
    /// By subscriber: the revision that is told, and by whom.
    tasks: HashMap<String, (u64, tokio::task::JoinHandle<()>)>,
}

impl Staff {
    async fn look(&mut self) -> Result<(), StoreError> {
        let config = self.shared.config.load_full();
        if self.configured.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &config)) {
            enlist(&self.shared).await?;
            self.configured = Some(Arc::clone(&config));
            // Secrets and limits may be others.
            self.tasks.drain().for_each(|(_, (_, task))| task.abort());
        }
        let read = self.shared.store.read(|tx| Ok((subscribers::to_tell(tx)?, deliveries::pending(tx)?)));
        let (rows, pending) = read.await?;
        metrics::events_pending().set(pending as f64);
        self.tasks.retain(|id, (revision, task)| {
            let stays = rows.iter().any(|row| row.id == *id && row.revision == *revision);
            if !stays {
                task.abort();
            }
            stays && !task.is_finished()
        });
        for row in rows {
            if !self.tasks.contains_key(&row.id) {
                self.begin(&config, row);
            }
        }
        Ok(())
    }

    fn begin(&mut self, config: &Config, row: SubscriberRow) {
        let target = match Target::new(&row.url, &config.events, Arc::clone(&self.shared.tls)) {
            Ok(target) => target,
            Err(why) => return tracing::error!(subscriber = row.id, why, "its address cannot be used"),
        };
        let secrets = match config.subscribers.iter().find(|one| row.configured && id_of(one) == row.id) {
            Some(one) => one.secrets.clone(),
            None => row.secret.clone().into_iter().collect(),
        };
        let (id, revision) = (row.id.clone(), row.revision);
        let runner = Runner::new(Arc::clone(&self.shared), row, target, secrets, config.events.clone());
        self.tasks.insert(id, (revision, tokio::spawn(runner.run())));
    }
}

fn id_of(one: &crate::config::Subscriber) -> String {
    let named = format!("{}\n{}", one.url, one.tenant.as_deref().unwrap_or_default());
    format!("sub_{}", hash::to_hex(&hash::sha256(named.as_bytes())[..16]))
}

fn configured(one: &crate::config::Subscriber) -> Configured {
    Configured {
        id: id_of(one),
        url: one.url.clone(),
        tenant: one.tenant.clone(),
        description: one.description.clone(),
    }
}

/// Forgets events that are older than the configuration keeps them.
async fn forget(shared: &Shared) {
    let kept = shared.config.load().events.retention.0;
    let Ok(before) = clock::now().checked_sub(kept) else { return };
    loop {
        match shared.store.write(move |tx| events::forget(tx, before)).await {
            Ok(done) => {
                if done.undelivered > 0 {
                    metrics::event_deliveries("expired", done.undelivered);
                    tracing::warn!(
                        deliveries = done.undelivered,
                        "events were forgotten before a subscriber took them"
                    );
                }
                if !done.more {
                    return;
                }
            }
            Err(error) => return tracing::warn!(%error, "old events could not be forgotten"),
        }
    }
}
