//! What happens without anybody waiting: webhooks that the CRM could not take are passed on, scheduled sends
//! of people who opted out are cancelled, blocks that are over by the policy end, metrics are kept up.

use crate::{apply, call, clock, errand, metrics, shared::Worker, webhook};
use dndgate_adapter::{Authentic, Webhook};
use dndgate_store::{SpoolEntry, Waiting, expiry, opt, scheduled, spool};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use std::{rc::Rc, time::Duration};

/// How often the background looks without being woken.
const PAUSE: Duration = Duration::from_secs(1);
/// How often old bookkeeping is removed.
const PRUNE: Duration = Duration::from_secs(3600);
/// Webhooks and cancellations taken up at a time.
const BATCH: usize = 64;
/// The longest pause between two attempts, in seconds: a CRM that is back is served within minutes.
const BACK_OFF_SECONDS_MAX: i64 = 300;
/// How long a CRM may take over a webhook for which nobody waits.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Runs until the gateway drains.
pub(crate) async fn run(worker: Rc<Worker>) {
    tokio::task::spawn_local(crate::reconcile::run(Rc::clone(&worker)));
    let errands =
        worker.shared.errands_to_run.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    if let Some(errands) = errands {
        tokio::task::spawn_local(errand::carry(Rc::clone(&worker), errands));
    }
    let mut draining = worker.shared.draining.subscribe();
    let mut pruned: Option<std::time::Instant> = None;
    while !*draining.borrow_and_update() {
        if pruned.is_none_or(|at| at.elapsed() > PRUNE) {
            pruned = Some(clock::tick());
            let now = clock::now();
            if let Err(error) = worker.shared.store.write(move |tx| opt::prune(tx, now)).await {
                tracing::warn!(%error, "old bookkeeping could not be removed");
            }
        }
        let more = round(&worker).await;
        worker.shared.prometheus.run_upkeep();
        if more {
            continue;
        }
        tokio::select! {
            () = worker.shared.work.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
            _ = draining.changed() => {}
        }
    }
}

/// One look at everything; true when there may be more at once.
async fn round(worker: &Rc<Worker>) -> bool {
    metrics::cache_entries().set(worker.shared.store.cache().len() as f64);
    let expired = end_expired(worker).await;
    let cancelled = cancel_waiting(worker).await;
    let passed = pass_on_spooled(worker).await;
    expired || cancelled || passed
}

/// Ends what is over by the policy's clock (R19). True when a whole batch was.
async fn end_expired(worker: &Rc<Worker>) -> bool {
    let now = clock::now();
    let store = &worker.shared.store;
    let changes = match store.read(move |tx| expiry::is_due(tx, now)).await {
        Ok(false) => return false,
        Ok(true) => store.write(move |tx| expiry::end_due(tx, now, BATCH)).await,
        Err(error) => Err(error),
    };
    match changes {
        Ok(changes) => {
            apply::announce(&worker.shared, &changes);
            changes.len() == BATCH
        }
        Err(error) => {
            tracing::error!(%error, "blocks that are over could not be ended; it is tried again");
            false
        }
    }
}

/// Passes on what the CRM could not take. True when a whole batch got through.
async fn pass_on_spooled(worker: &Rc<Worker>) -> bool {
    let now = clock::now();
    let due =
        worker.shared.store.read(move |tx| Ok((spool::due(tx, now, BATCH)?, spool::pending(tx)?))).await;
    let (due, pending) = match due {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(%error, "the spool cannot be read");
            return false;
        }
    };
    metrics::spool_pending().set(pending as f64);
    let full = due.len() == BATCH;
    let mut all_taken = true;
    for entry in due {
        all_taken &= pass_on(worker, entry).await;
    }
    full && all_taken
}

async fn pass_on(worker: &Rc<Worker>, entry: SpoolEntry) -> bool {
    let routes = worker.routes();
    let route = routes.providers().iter().find(|route| route.provider.name == entry.provider);
    let outcome = match route {
        None => Err("its provider is not configured any more"),
        Some(route) => {
            let mut headers = HeaderMap::new();
            for (name, value) in &entry.headers {
                if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                    headers.append(name, value);
                }
            }
            let method = entry.method.parse().unwrap_or(http::Method::POST);
            let webhook = Webhook {
                method: &method,
                url: &entry.url,
                headers: &headers,
                body: &entry.body,
                document: None,
            };
            let authentic = Authentic::from_spool(webhook);
            webhook::deliver(worker, route, &authentic, &entry.target, true, TIMEOUT).await
        }
    };
    let id = entry.id.clone();
    let taken = outcome.is_ok();
    let attempts = entry.attempts;
    let stored = match outcome {
        Ok(_) => {
            metrics::webhook(&entry.provider, "spooled", "passed_on");
            worker.shared.store.write(move |tx| spool::done(tx, &id)).await
        }
        Err(why) => {
            tracing::warn!(
                provider = entry.provider,
                webhook = id,
                attempts,
                why,
                "the CRM still does not take a webhook"
            );
            let next = back_off(clock::now(), attempts);
            worker.shared.store.write(move |tx| spool::later(tx, &id, next)).await
        }
    };
    if let Err(error) = stored {
        tracing::error!(%error, "the spool cannot be written");
        return false;
    }
    taken
}

fn back_off(now: Timestamp, attempts: u32) -> Timestamp {
    let seconds =
        1i64.checked_shl(attempts.min(16)).unwrap_or(BACK_OFF_SECONDS_MAX).min(BACK_OFF_SECONDS_MAX);
    now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(now)
}

/// Cancels scheduled sends to people who do not want them any more (R14).
async fn cancel_waiting(worker: &Rc<Worker>) -> bool {
    let now = clock::now();
    let due = match worker.shared.store.read(move |tx| scheduled::to_cancel(tx, now, BATCH)).await {
        Ok(due) => due,
        Err(error) => {
            tracing::error!(%error, "scheduled sends cannot be read");
            return false;
        }
    };
    let full = due.len() == BATCH;
    for waiting in due {
        cancel(worker, waiting).await;
    }
    full
}

async fn cancel(worker: &Rc<Worker>, waiting: Waiting) {
    let routes = worker.routes();
    let route = routes.providers().iter().find(|route| route.provider.name == waiting.provider);
    let call =
        route.and_then(|route| route.provider.adapter.cancel(&waiting.handle, &route.provider.secrets));
    let (Some(route), Some(call)) = (route, call) else {
        tracing::error!(
            provider = waiting.provider,
            "a scheduled send cannot be cancelled: credentials are missing"
        );
        return retry(worker, waiting).await;
    };
    let status = call::make(worker, route, call, TIMEOUT).await;
    match status {
        Ok(status) if route.provider.adapter.cancelled(status) => {
            tracing::info!(
                provider = waiting.provider,
                send = waiting.handle.id,
                status = status.as_u16(),
                "a scheduled send to somebody who opted out was cancelled"
            );
            let id = waiting.id;
            if let Err(error) = worker.shared.store.write(move |tx| scheduled::done(tx, &id)).await {
                tracing::error!(%error, "a cancellation could not be recorded; it is tried again");
            }
        }
        Ok(status) => {
            tracing::warn!(
                provider = waiting.provider,
                status = status.as_u16(),
                "a cancellation was not accepted"
            );
            retry(worker, waiting).await;
        }
        Err(error) => {
            tracing::warn!(provider = waiting.provider, %error, "a cancellation did not get through");
            retry(worker, waiting).await;
        }
    }
}

async fn retry(worker: &Rc<Worker>, waiting: Waiting) {
    let next = back_off(clock::now(), waiting.attempts);
    let id = waiting.id;
    if let Err(error) = worker.shared.store.write(move |tx| scheduled::later(tx, &id, next)).await {
        tracing::error!(%error, "a cancellation could not be put off");
    }
}
