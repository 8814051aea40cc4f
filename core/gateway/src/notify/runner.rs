//! Takes one subscriber through the feed.
//!
//! Events come in pages; each is offered at once unless another of its lane is under way or waits. What is taken
//! moves the cursor, what is not taken gets a row and holds up its own lane alone. Everything is kept before the
//! next of a lane is offered, so that a crash repeats events and reorders none.

use super::{LOOK, client, sign};
use crate::{clock, config::Events, metrics, shared::Shared};
use bytes::Bytes;
use client::{Answer, PostError, Target};
use dndgate_store::{
    Offer, Outcome, StoreError, StoredEvent, SubscriberRow, deliveries, events, subscribers,
};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

/// Events that are held in memory for one subscriber.
const WINDOW: usize = 256;
/// So many contacts with an event that waits, and nothing new is taken up but a probe now and then: the subscriber
/// is down, and the feed keeps the rest.
const HELD_MAX: usize = 1_000;
/// How often one more event is offered to a subscriber that is down.
const PROBE: Duration = Duration::from_secs(60);
/// After so many failures in a row a success means that the subscriber is back.
const DOWN_AFTER: u32 = 3;
/// How often what waits may be hurried because the subscriber is back.
const HURRY: Duration = Duration::from_secs(60);
/// How long deliveries under way may take to end when the gateway drains.
const FAREWELL: Duration = Duration::from_secs(5);
/// 410: the subscriber wants no more of it (Standard Webhooks).
const GONE: u16 = 410;

type Delivered = (Offer, Result<Answer, PostError>);

/// An event of the window.
struct Entry {
    seq: u64,
    lane: String,
    /// None: it was offered.
    event: Option<StoredEvent>,
    done: bool,
}

pub(super) struct Runner {
    shared: Arc<Shared>,
    row: SubscriberRow,
    target: Arc<Target>,
    secrets: Vec<String>,
    limits: Events,
    /// Every event up to here was dealt with.
    cursor: u64,
    /// Up to here the feed was read.
    read_to: u64,
    /// There may be more in the feed.
    more: bool,
    window: VecDeque<Entry>,
    /// Lanes in which something waits.
    held: HashSet<String>,
    /// Lanes with a delivery under way.
    busy: HashSet<String>,
    flying: FuturesUnordered<BoxFuture<'static, Delivered>>,
    /// Since when and how often in a row deliveries have failed.
    failing: Option<(Timestamp, u32)>,
    hurried: Option<Instant>,
    probed: Instant,
}

impl Runner {
    pub(super) fn new(
        shared: Arc<Shared>,
        row: SubscriberRow,
        target: Target,
        secrets: Vec<String>,
        limits: Events,
    ) -> Runner {
        Runner {
            cursor: row.cursor,
            read_to: row.cursor,
            shared,
            row,
            target: Arc::new(target),
            secrets,
            limits,
            more: true,
            window: VecDeque::new(),
            held: HashSet::new(),
            busy: HashSet::new(),
            flying: FuturesUnordered::new(),
            failing: None,
            hurried: None,
            probed: clock::tick(),
        }
    }

    /// Runs until the subscriber is changed or the gateway drains.
    pub(super) async fn run(mut self) {
        let id = self.row.id.clone();
        match self.shared.store.read(move |tx| deliveries::begin(tx, &id)).await {
            Ok(begun) => {
                self.held.extend(begun.held);
                (self.cursor, self.read_to) = (begun.cursor, begun.cursor);
            }
            Err(error) => {
                return tracing::error!(subscriber = self.row.id, %error, "its place cannot be read");
            }
        }
        let shared = Arc::clone(&self.shared);
        let mut draining = shared.draining.subscribe();
        loop {
            let news = shared.news.notified();
            let due = match self.take_up().await {
                Ok(due) => due,
                Err(StoreError::Conflict(_)) => return,
                Err(error) => {
                    tracing::warn!(subscriber = self.row.id, %error, "its events cannot be read");
                    None
                }
            };
            let until_due =
                due.map(|due| Duration::try_from(due.duration_since(clock::now())).unwrap_or_default());
            // Between rounds a moment at least, should what is due be under way.
            let pause = until_due.unwrap_or(LOOK).clamp(Duration::from_millis(5), LOOK);
            let done = tokio::select! {
                Some(done) = self.flying.next(), if !self.flying.is_empty() => Some(done),
                () = news => None,
                () = tokio::time::sleep(pause) => None,
                _ = draining.wait_for(|draining| *draining) => break,
            };
            match done {
                None => self.more = true,
                Some(done) => {
                    let mut all = vec![done];
                    while let Some(Some(another)) = self.flying.next().now_or_never() {
                        all.push(another);
                    }
                    if !self.keep(all).await {
                        return;
                    }
                }
            }
        }
        let farewell = async {
            while let Some(done) = self.flying.next().await {
                if !self.keep(vec![done]).await {
                    return;
                }
            }
        };
        // What did not end in time comes again after the start.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }

    /// Offers whatever may be offered now. When the next delivery is due.
    async fn take_up(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let mut next = None;
        if !self.held.is_empty() && self.flying.len() < self.limits.concurrency {
            let (id, limit) = (self.row.id.clone(), self.limits.concurrency + self.busy.len());
            let due = self.shared.store.read(move |tx| deliveries::due(tx, &id, clock::now(), limit)).await?;
            next = due.1;
            for offer in due.0 {
                if self.flying.len() < self.limits.concurrency && !self.busy.contains(&offer.event.lane) {
                    self.offer(offer);
                }
            }
        }
        self.read_on().await?;
        let mut behind = Vec::new();
        for index in 0..self.window.len() {
            let full = self.flying.len() >= self.limits.concurrency;
            let stuck = self.held.len() >= HELD_MAX && self.probed.elapsed() < PROBE;
            let entry = &mut self.window[index];
            if entry.done || entry.event.is_none() || self.busy.contains(&entry.lane) {
                continue;
            }
            if self.held.contains(&entry.lane) {
                entry.done = true;
                behind.push(Outcome::Behind { seq: entry.seq, lane: entry.lane.clone() });
            } else if full {
                continue;
            } else if stuck {
                break;
            } else if let Some(event) = entry.event.take() {
                self.probed = clock::tick();
                self.offer(Offer { event, attempts: 0, again: false });
            }
        }
        if !behind.is_empty() {
            self.settle(behind).await?;
        }
        Ok(next)
    }

    /// Reads more of the feed when there may be more and there is room.
    async fn read_on(&mut self) -> Result<(), StoreError> {
        let room = WINDOW - self.window.len();
        if !self.more || room < WINDOW / 2 {
            return Ok(());
        }
        let (after, tenant) = (self.read_to, self.row.tenant.clone());
        let page = self.shared.store.read(move |tx| events::page(tx, after, room, tenant.as_deref())).await?;
        self.more = page.len() == room;
        for event in page {
            self.read_to = event.seq;
            let (seq, lane) = (event.seq, event.lane.clone());
            self.window.push_back(Entry { seq, lane, event: Some(event), done: false });
        }
        Ok(())
    }

    fn offer(&mut self, offer: Offer) {
        self.busy.insert(offer.event.lane.clone());
        let target = Arc::clone(&self.target);
        let request = self.request(&offer.event);
        self.flying.push(
            async move {
                let answer = match request {
                    Some((headers, body)) => target.post(headers, body).await,
                    // It was forgotten meanwhile: there is nothing to tell.
                    None => Ok(Answer { status: 204, retry_after: None }),
                };
                (offer, answer)
            }
            .boxed(),
        );
    }

    /// Fields and body of a delivery, signed.
    fn request(&self, event: &StoredEvent) -> Option<(HeaderMap, Bytes)> {
        let id = event.payload["eventId"].as_str()?;
        let body = event.payload.to_string();
        let now = clock::now();
        let timestamp = now.as_second().to_string();
        let former = self.row.former.iter().filter(|(_, until)| *until > now).map(|(secret, _)| secret);
        let secrets = self.secrets.iter().chain(former).map(String::as_str);
        let signature = sign::signatures(secrets, id, &timestamp, &body);
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("dndgate/", env!("CARGO_PKG_VERSION"))),
        );
        for (name, value) in
            [("webhook-id", id), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)]
        {
            headers.insert(name, HeaderValue::from_str(value).ok()?);
        }
        Some((headers, body.into()))
    }

    /// Keeps what came of deliveries. False: somebody changed the subscriber, this task is over.
    async fn keep(&mut self, all: Vec<Delivered>) -> bool {
        let now = clock::now();
        let mut outcomes = Vec::new();
        let (mut gone, mut back) = (false, None);
        for (offer, answer) in all {
            let StoredEvent { seq, lane, .. } = offer.event;
            self.busy.remove(&lane);
            if !offer.again
                && let Some(entry) = self.window.iter_mut().find(|entry| entry.seq == seq)
            {
                entry.done = true;
            }
            if matches!(&answer, Ok(answer) if (200..300).contains(&answer.status)) {
                metrics::event_delivery("delivered");
                back = back.or(self.failing.take());
                outcomes.push(Outcome::Taken { seq, lane, again: offer.again });
                continue;
            }
            let (since, count) = self.failing.unwrap_or((now, 0));
            self.failing = Some((since, count + 1));
            self.held.insert(lane.clone());
            let is_gone = matches!(&answer, Ok(answer) if answer.status == GONE);
            gone |= is_gone;
            outcomes.push(self.failed(seq, lane, offer.attempts, &answer, is_gone, now));
        }
        if !self.settle_surely(outcomes).await {
            return false;
        }
        if gone {
            let id = self.row.id.clone();
            let disabled = self
                .shared
                .store
                .write(move |tx| subscribers::disable(tx, &id, "it answered 410 (gone)", now));
            if let Err(error) = disabled.await {
                tracing::error!(subscriber = self.row.id, %error, "it wants no more events, which could not be kept");
            }
            tracing::warn!(
                subscriber = self.row.id,
                "it answered 410 and is told nothing any more, until it is enabled"
            );
            self.shared.subscribers_changed.notify_waiters();
            return false;
        }
        if let Some((since, count)) = back {
            self.hurry(since, count).await;
        }
        true
    }

    /// What comes of a delivery that failed: another attempt, or none any more.
    fn failed(
        &self,
        seq: u64,
        lane: String,
        before: u32,
        answer: &Result<Answer, PostError>,
        is_gone: bool,
        now: Timestamp,
    ) -> Outcome {
        let status = answer.as_ref().ok().map(|answer| answer.status);
        let error = match answer {
            Ok(answer) => format!("it answered {}", answer.status),
            Err(error) => error.to_string(),
        };
        // An answer that ends everything is not the event's fault.
        let attempts = if is_gone { before } else { before + 1 };
        let asked = answer.as_ref().ok().and_then(|answer| answer.retry_after).unwrap_or_default();
        let pause = if is_gone { Some(Duration::ZERO) } else { self.limits.pause(attempts) };
        let next_at = pause.map(|pause| now.checked_add(pause.max(asked)).unwrap_or(now));
        let subscriber = self.row.id.as_str();
        match next_at {
            Some(_) => {
                metrics::event_delivery("retried");
                tracing::warn!(subscriber, event = seq, attempts, error, "an event was not taken");
            }
            None => {
                metrics::event_delivery("dead");
                tracing::error!(
                    subscriber,
                    event = seq,
                    attempts,
                    error,
                    "an event was given up; it can be replayed"
                );
            }
        }
        Outcome::Failed { seq, lane, attempts, at: now, next_at, status, error }
    }

    /// Moves the cursor over what is done and keeps it together with the outcomes.
    async fn settle(&mut self, outcomes: Vec<Outcome>) -> Result<(), StoreError> {
        while let Some(first) = self.window.front().filter(|first| first.done) {
            self.cursor = first.seq;
            self.window.pop_front();
        }
        let (id, revision, cursor) = (self.row.id.clone(), self.row.revision, self.cursor);
        let settle = self
            .shared
            .store
            .write(move |tx| deliveries::settle(tx, &id, revision, cursor, &outcomes, clock::now()));
        for lane in settle.await? {
            self.held.remove(&lane);
        }
        Ok(())
    }

    /// Does not give up while the store cannot be written: what was delivered must not be forgotten.
    async fn settle_surely(&mut self, outcomes: Vec<Outcome>) -> bool {
        loop {
            match self.settle(outcomes.clone()).await {
                Ok(()) => return true,
                Err(StoreError::Conflict(_)) => return false,
                Err(error) => {
                    tracing::warn!(subscriber = self.row.id, %error, "a delivery could not be ticked off yet");
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// The subscriber is back after it took nothing for a while: what failed meanwhile is tried at once.
    async fn hurry(&mut self, since: Timestamp, count: u32) {
        if count < DOWN_AFTER || self.hurried.is_some_and(|at| at.elapsed() < HURRY) {
            return;
        }
        self.hurried = Some(clock::tick());
        let id = self.row.id.clone();
        if let Err(error) =
            self.shared.store.write(move |tx| deliveries::hurry(tx, &id, since, clock::now())).await
        {
            tracing::warn!(subscriber = self.row.id, %error, "what waits for it comes later");
        }
    }
}
