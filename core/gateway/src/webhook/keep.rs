//! What a webhook says is made durable before anybody is told that it was taken.

use super::{Hook, kind_name, later};
use crate::{
    apply::{self, Judged},
    confirm::{self, Confirmation},
    metrics,
    route::Routes,
};
use dndgate_adapter::{Authentic, Event};
use dndgate_store::{Change, Seen, SpoolEntry, StoreError, inbox, spool};
use http::HeaderMap;
use jiff::Timestamp;
use std::sync::Arc;

/// What became of a webhook.
pub(super) enum Kept {
    /// In the spool under that id; and what is to be sent to people who opted out.
    Spooled(Option<String>, Vec<Confirmation>),
    /// Its proof was used for another one before.
    Conflict,
}

impl Hook<'_> {
    /// Judges the events and makes everything durable: what they change, that they were seen, and the
    /// webhook itself until the CRM has it (R27, R30).
    pub(super) async fn keep(
        &self,
        routes: &Routes,
        authentic: &Authentic<'_>,
        events: &[Event<'_>],
        now: Timestamp,
    ) -> Result<Kept, StoreError> {
        let shared = &self.worker.shared;
        let policies = shared.policies.current();
        let request_id = self.id.to_string();
        let judged = events.iter().enumerate().filter_map(|(index, event)| {
            let Some(tenant) = apply::tenant_of(routes, self.route, event) else {
                metrics::webhook(self.provider(), kind_name(&event.kind), "unknown_account");
                return None;
            };
            let own = policies.of(&tenant.name);
            let what = apply::judge(own, self.route, tenant.tenant.region, event, now, &request_id);
            let confirm =
                confirm::due(self.worker, self.route, tenant, authentic, (index, event), &what, now);
            let tenant = Arc::clone(&tenant.name);
            Some(Judged { tenant, event: index, event_id: event.id.to_string(), what, confirm })
        });
        let judged = apply::distinct(judged.collect());
        let once = authentic.proof().once.clone();
        let entry = self.crm.as_ref().map(|target| SpoolEntry {
            id: request_id.clone(),
            provider: self.provider().to_owned(),
            received_at: now,
            method: self.method.as_str().to_owned(),
            url: self.url.to_owned(),
            headers: spoolable(self.headers),
            body: self.body.to_vec(),
            target: target.clone(),
            attempts: 0,
            // The live attempt has until then; after that the background takes over.
            next_at: later(now, self.adapter().profile().webhook_timeout),
        });
        let provider = self.provider().to_owned();
        let book = Arc::clone(&policies);
        let (kept, changes, news) = shared
            .store
            .write(move |tx| {
                if let Some(once) = &once
                    && inbox::first_time(
                        tx,
                        &provider,
                        &format!("token:{}", once.token),
                        Some(&once.digest),
                        now,
                    )? == Seen::Conflict
                {
                    return Ok((Kept::Conflict, Vec::new(), Vec::new()));
                }
                let mut changes: Vec<Change> = Vec::new();
                let mut confirmations = Vec::new();
                let mut news = Vec::new();
                for one in &judged {
                    let key = format!("{}:{}", one.tenant, one.event_id);
                    if inbox::first_time(tx, &provider, &key, None, now)? == Seen::First {
                        let (changed, confirmation) = confirm::apply(tx, one, book.of(&one.tenant), now)?;
                        changes.extend(changed);
                        news.push(one.event);
                        confirmations.extend(confirmation);
                    }
                }
                let id = entry.as_ref().map(|entry| entry.id.clone());
                if let Some(entry) = &entry {
                    spool::put(tx, entry)?;
                }
                Ok((Kept::Spooled(id, confirmations), changes, news))
            })
            .await?;
        apply::announce(shared, &changes);
        for event in news.iter().filter_map(|index| events.get(*index)) {
            if let Some(tenant) = apply::tenant_of(routes, self.route, event) {
                shared.recorder.event(self.route, tenant, event, policies.of(&tenant.name), now);
            }
        }
        Ok(kept)
    }
}

/// Header fields as the spool keeps them; values that are not text are left out.
fn spoolable(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}
