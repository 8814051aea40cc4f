//! Who is told of DND events (R29): by configuration or by API, of one tenant or of all.

use crate::{
    error::{Result, StoreError},
    rows::{DeliveryRow, SubscriberRow},
    tx::Tx,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A subscriber that the configuration names. Its secret stays there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// Its id, the same for the same address.
    pub id: String,
    /// Where events are sent.
    pub url: String,
    /// The only tenant of whose events it is told.
    pub tenant: Option<String>,
    /// What it is for.
    pub description: String,
}

/// How a subscriber stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Its row, the secrets left out.
    pub row: SubscriberRow,
    /// Events of the feed that it has not been offered yet.
    pub ahead: u64,
    /// Events that wait for another attempt.
    pub waiting: u64,
    /// Events that were given up.
    pub dead: u64,
}

/// What is to be delivered once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// Every event after this one.
    After(u64),
    /// Every event raised since.
    Since(Timestamp),
    /// Those that were given up.
    Dead,
    /// These events, which were given up.
    These(Vec<u64>),
}

/// Puts the subscribers of the configuration in place. One that is new begins with what happens from now on; one
/// that is left out is told nothing, and goes on where it was when it is back.
///
/// # Errors
/// When the store cannot be written.
pub fn configure(tx: &mut Tx<'_>, all: &[Configured], now: Timestamp) -> Result<()> {
    let newest = tx.rows.newest_event()?;
    let have = tx.rows.subscribers()?;
    for mut row in have.iter().filter(|row| row.configured).cloned() {
        let named = all.iter().any(|one| one.id == row.id);
        if row.named != named {
            row.named = named;
            row.revision += 1;
            tx.rows.put_subscriber(&row)?;
        }
    }
    for one in all {
        let mut row = tx.rows.subscriber(&one.id)?.unwrap_or_else(|| fresh(&one.id, newest, now));
        let before = row.clone();
        row.url.clone_from(&one.url);
        row.tenant.clone_from(&one.tenant);
        row.description.clone_from(&one.description);
        (row.configured, row.named) = (true, true);
        if row != before {
            row.revision += 1;
            tx.rows.put_subscriber(&row)?;
        }
    }
    Ok(())
}

fn fresh(id: &str, cursor: u64, now: Timestamp) -> SubscriberRow {
    SubscriberRow {
        id: id.to_owned(),
        url: String::new(),
        tenant: None,
        description: String::new(),
        configured: false,
        named: true,
        secret: None,
        former: None,
        created: now,
        disabled: None,
        cursor,
        revision: 0,
    }
}

/// What the API asks for.
#[derive(Debug, Clone)]
pub struct SubscriberDraft {
    /// Where events are sent.
    pub url: String,
    /// The only tenant of whose events it is told.
    pub tenant: Option<String>,
    /// What it is for.
    pub description: String,
    /// Its secret, `whsec_…`.
    pub secret: String,
    /// Begin after this event; none: with what happens from now on.
    pub after: Option<u64>,
}

/// Makes a subscriber.
///
/// # Errors
/// When there are `most` already, or the store cannot be written.
pub fn create(tx: &mut Tx<'_>, draft: SubscriberDraft, most: usize, now: Timestamp) -> Result<SubscriberRow> {
    if tx.rows.subscribers()?.len() >= most {
        return Err(StoreError::Conflict(format!(
            "there are {most} subscribers, which is the most (events.subscribers)"
        )));
    }
    let newest = tx.rows.newest_event()?;
    let id = format!("sub_{}", uuid::Uuid::now_v7().simple());
    let row = SubscriberRow {
        url: draft.url,
        tenant: draft.tenant,
        description: draft.description,
        secret: Some(draft.secret),
        ..fresh(&id, draft.after.unwrap_or(newest).min(newest), now)
    };
    tx.rows.put_subscriber(&row)?;
    Ok(row)
}

/// All subscribers, and how they stand.
///
/// # Errors
/// When the store cannot be read.
pub fn standings(tx: &mut Tx<'_>) -> Result<Vec<Standing>> {
    let mut all = Vec::new();
    for row in tx.rows.subscribers()?.into_iter().filter(|row| row.named) {
        all.push(standing(tx, row)?);
    }
    Ok(all)
}

/// How one subscriber stands.
///
/// # Errors
/// When there is none, or the store cannot be read.
pub fn standing_of(tx: &mut Tx<'_>, id: &str) -> Result<Standing> {
    let row = named(tx, id)?;
    standing(tx, row)
}

fn named(tx: &mut Tx<'_>, id: &str) -> Result<SubscriberRow> {
    tx.rows.subscriber(id)?.filter(|row| row.named).ok_or(StoreError::NotFound)
}

fn standing(tx: &mut Tx<'_>, row: SubscriberRow) -> Result<Standing> {
    let (waiting, dead) = tx.rows.delivery_counts(&row.id)?;
    let ahead = tx.rows.events_after(row.cursor, row.tenant.as_deref())?;
    Ok(Standing { row: SubscriberRow { secret: None, former: None, ..row }, ahead, waiting, dead })
}

/// The subscribers to be told now, with their secrets.
///
/// # Errors
/// When the store cannot be read.
pub fn to_tell(tx: &mut Tx<'_>) -> Result<Vec<SubscriberRow>> {
    Ok(tx.rows.subscribers()?.into_iter().filter(|row| row.named && row.disabled.is_none()).collect())
}

/// Removes a subscriber.
///
/// # Errors
/// When there is none, it stands in the configuration, or the store cannot be written.
pub fn delete(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    if named(tx, id)?.configured {
        return Err(StoreError::Conflict(
            "it stands in the configuration: take its [[subscriber]] out there".into(),
        ));
    }
    tx.rows.delete_subscriber(id)
}

/// Gives a subscriber another secret. The one before signs too until then.
///
/// # Errors
/// When there is none, its secret stands in the configuration, or the store cannot be written.
pub fn rotate(tx: &mut Tx<'_>, id: &str, secret: String, until: Timestamp) -> Result<()> {
    let mut row = named(tx, id)?;
    if row.configured {
        return Err(StoreError::Conflict(
            "its secret stands in the configuration: name the new one first in a list there".into(),
        ));
    }
    row.former = row.secret.replace(secret).map(|former| (former, until));
    row.revision += 1;
    tx.rows.put_subscriber(&row)
}

/// Tells a subscriber nothing from now on; what it has not taken waits.
///
/// # Errors
/// When there is none, or the store cannot be written.
pub fn disable(tx: &mut Tx<'_>, id: &str, why: &str, now: Timestamp) -> Result<()> {
    let mut row = named(tx, id)?;
    row.disabled = Some((now, why.to_owned()));
    row.revision += 1;
    tx.rows.put_subscriber(&row)
}

/// Tells it again, from where it stopped.
///
/// # Errors
/// When there is none, or the store cannot be written.
pub fn enable(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    let mut row = named(tx, id)?;
    row.disabled = None;
    row.revision += 1;
    tx.rows.put_subscriber(&row)
}

/// Delivers once more. How many events that concerns.
///
/// # Errors
/// When there is no such subscriber, the place lies ahead of it, or the store cannot be written.
pub fn replay(tx: &mut Tx<'_>, id: &str, what: &Replay, now: Timestamp) -> Result<u64> {
    let mut row = named(tx, id)?;
    let concerned = match what {
        Replay::After(after) => rewind(tx, &mut row, *after)?,
        Replay::Since(since) => {
            let after = tx.rows.last_event_before(*since)?;
            let cursor = row.cursor;
            rewind(tx, &mut row, after.min(cursor))?
        }
        Replay::Dead => {
            let (mut after, mut revived) = (0, 0);
            loop {
                let page = tx.rows.deliveries(id, Some(true), after, 1_000)?;
                let Some(last) = page.last() else { break revived };
                after = last.seq;
                for one in page {
                    revive(tx, id, one, now)?;
                    revived += 1;
                }
            }
        }
        Replay::These(seqs) => {
            let mut revived = 0;
            for seq in seqs {
                if let Some(one) = tx.rows.delivery(id, *seq)?.filter(|one| one.dead) {
                    revive(tx, id, one, now)?;
                    revived += 1;
                }
            }
            revived
        }
    };
    row.revision += 1;
    tx.rows.put_subscriber(&row)?;
    Ok(concerned)
}

fn rewind(tx: &mut Tx<'_>, row: &mut SubscriberRow, after: u64) -> Result<u64> {
    if after > row.cursor {
        return Err(StoreError::Invalid(format!(
            "after lies ahead: this subscriber has been offered the events up to {}",
            row.cursor
        )));
    }
    tx.rows.forget_deliveries_after(&row.id, after)?;
    row.cursor = after;
    tx.rows.events_after(after, row.tenant.as_deref())
}

/// A dead delivery waits again. Whatever waits in its lane comes after it.
fn revive(tx: &mut Tx<'_>, id: &str, one: DeliveryRow, now: Timestamp) -> Result<()> {
    let head = tx.rows.lane_head(id, &one.lane)?;
    let first = head.as_ref().is_none_or(|head| one.seq < head.seq);
    if let Some(head) = head.filter(|_| first) {
        tx.rows.put_delivery(id, &DeliveryRow { next_at: None, ..head })?;
    }
    let next_at = first.then_some(now);
    tx.rows.put_delivery(id, &DeliveryRow { dead: false, attempts: 0, next_at, ..one })
}

/// Failed deliveries after an event, in order, with what they would deliver.
///
/// # Errors
/// When there is no such subscriber, or the store cannot be read.
pub fn deliveries(
    tx: &mut Tx<'_>,
    id: &str,
    dead: Option<bool>,
    after: u64,
    limit: usize,
) -> Result<Vec<(DeliveryRow, Value)>> {
    named(tx, id)?;
    let mut all = Vec::new();
    for row in tx.rows.deliveries(id, dead, after, limit)? {
        let payload =
            tx.rows.event(row.seq)?.map_or_else(|| json!(null), |event| event.into_stored().payload);
        all.push((row, payload));
    }
    Ok(all)
}
