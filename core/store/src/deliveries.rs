//! How far each subscriber has taken the feed. What it took at once leaves no trace but the cursor; what it did
//! not take has a row, and holds up its own lane alone.

use crate::{
    error::{Result, StoreError},
    events::StoredEvent,
    rows::DeliveryRow,
    tx::Tx,
};
use jiff::Timestamp;

/// An event to be delivered, taken up for the first time or again.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The event.
    pub event: StoredEvent,
    /// Attempts so far.
    pub attempts: u32,
    /// It has a row: it failed before, or waited behind one that did.
    pub again: bool,
}

/// What came of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was taken.
    Taken {
        /// The event.
        seq: u64,
        /// Its lane.
        lane: String,
        /// It has a row.
        again: bool,
    },
    /// Another of its lane comes first.
    Behind {
        /// The event.
        seq: u64,
        /// Its lane.
        lane: String,
    },
    /// It was not taken.
    Failed {
        /// The event.
        seq: u64,
        /// Its lane.
        lane: String,
        /// Attempts so far, this one included.
        attempts: u32,
        /// When.
        at: Timestamp,
        /// The next attempt; none: it is given up.
        next_at: Option<Timestamp>,
        /// What was answered.
        status: Option<u16>,
        /// Why it failed.
        error: String,
    },
}

/// Where a subscriber stands when its deliveries begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Lanes in which something waits.
    pub held: Vec<String>,
    /// Every event up to this one was dealt with.
    pub cursor: u64,
}

/// Where a subscriber stands.
///
/// # Errors
/// When there is none, or the store cannot be read.
pub fn begin(tx: &mut Tx<'_>, id: &str) -> Result<Begun> {
    let row = tx.rows.subscriber(id)?.ok_or(StoreError::NotFound)?;
    Ok(Begun { held: tx.rows.lanes(id)?, cursor: row.cursor })
}

/// The deliveries that are due, and when the next one is.
///
/// # Errors
/// When the store cannot be read.
pub fn due(
    tx: &mut Tx<'_>,
    id: &str,
    now: Timestamp,
    limit: usize,
) -> Result<(Vec<Offer>, Option<Timestamp>)> {
    let mut offers = Vec::new();
    for row in tx.rows.due(id, now, limit)? {
        // Events are kept for longer than they are tried for; one that is gone all the same is passed over.
        let event = match tx.rows.event(row.seq)? {
            Some(event) => event.into_stored(),
            None => StoredEvent { seq: row.seq, lane: row.lane, payload: serde_json::Value::Null },
        };
        offers.push(Offer { event, attempts: row.attempts, again: true });
    }
    Ok((offers, tx.rows.next_due(id)?))
}

/// Keeps what came of deliveries. The lanes in which nothing waits any more.
///
/// # Errors
/// [`StoreError::Conflict`] when somebody changed the subscriber meanwhile, who then decides; or the store cannot
/// be written.
pub fn settle(
    tx: &mut Tx<'_>,
    id: &str,
    revision: u64,
    cursor: u64,
    outcomes: &[Outcome],
    now: Timestamp,
) -> Result<Vec<String>> {
    let row = tx.rows.subscriber(id)?;
    if row.is_none_or(|row| row.revision != revision) {
        return Err(StoreError::Conflict("the subscriber was changed meanwhile".into()));
    }
    let mut free = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Taken { again: false, .. } => {}
            Outcome::Taken { seq, lane, again: true } => {
                tx.rows.delete_delivery(id, *seq)?;
                free.extend(next_of(tx, id, lane, now)?);
            }
            Outcome::Behind { seq, lane } => tx.rows.put_delivery(id, &waiting(*seq, lane))?,
            Outcome::Failed { seq, lane, attempts, at, next_at, status, error } => {
                tx.rows.put_delivery(
                    id,
                    &DeliveryRow {
                        dead: next_at.is_none(),
                        attempts: *attempts,
                        next_at: *next_at,
                        last_at: Some(*at),
                        status: *status,
                        error: error.clone(),
                        ..waiting(*seq, lane)
                    },
                )?;
                if next_at.is_none() {
                    free.extend(next_of(tx, id, lane, now)?);
                }
            }
        }
    }
    tx.rows.advance(id, cursor)?;
    Ok(free)
}

fn waiting(seq: u64, lane: &str) -> DeliveryRow {
    DeliveryRow {
        seq,
        lane: lane.to_owned(),
        dead: false,
        attempts: 0,
        next_at: None,
        last_at: None,
        status: None,
        error: String::new(),
    }
}

/// The next of a lane is due now; the lane when there is none.
fn next_of(tx: &mut Tx<'_>, id: &str, lane: &str, now: Timestamp) -> Result<Option<String>> {
    match tx.rows.lane_head(id, lane)? {
        None => Ok(Some(lane.to_owned())),
        Some(head) => {
            let next_at = head.next_at.or(Some(now));
            tx.rows.put_delivery(id, &DeliveryRow { next_at, ..head })?;
            Ok(None)
        }
    }
}

/// A subscriber that was down is back: what failed since then is tried now.
///
/// # Errors
/// When the store cannot be written.
pub fn hurry(tx: &mut Tx<'_>, id: &str, since: Timestamp, now: Timestamp) -> Result<()> {
    tx.rows.hurry(id, since, now)
}

/// How many events subscribers have not taken: those that wait and those not offered yet.
///
/// # Errors
/// When the store cannot be read.
pub fn pending(tx: &mut Tx<'_>) -> Result<u64> {
    let mut all = 0;
    for row in tx.rows.subscribers()?.into_iter().filter(|row| row.named && row.disabled.is_none()) {
        all +=
            tx.rows.delivery_counts(&row.id)?.0 + tx.rows.events_after(row.cursor, row.tenant.as_deref())?;
    }
    Ok(all)
}
