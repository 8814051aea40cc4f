//! Who is told of events, and what they have not taken yet.

use crate::error::Result;
use jiff::Timestamp;

/// A subscriber as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct SubscriberRow {
    /// Its id.
    pub id: String,
    /// Where events are sent.
    pub url: String,
    /// The only tenant of whose events it is told; none: all.
    pub tenant: Option<String>,
    /// What it is for, in the operator's words.
    pub description: String,
    /// It stands in the configuration, with its secret.
    pub configured: bool,
    /// The configuration names it at the moment; always true for the others.
    pub named: bool,
    /// Its secret, `whsec_…`; none when the configuration holds it.
    pub secret: Option<String>,
    /// The secret before, and until when it signs too.
    pub former: Option<(String, Timestamp)>,
    /// When it was made.
    pub created: Timestamp,
    /// Since when and why it is told nothing.
    pub disabled: Option<(Timestamp, String)>,
    /// Every event up to this one was taken, or has a [`DeliveryRow`].
    pub cursor: u64,
    /// Counts changes by others than its deliveries: whoever delivers begins anew.
    pub revision: u64,
}

/// An event that a subscriber has not taken at once.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRow {
    /// The event.
    pub seq: u64,
    /// Whose event it is: those of one lane are delivered one after another.
    pub lane: String,
    /// It was given up.
    pub dead: bool,
    /// Attempts so far.
    pub attempts: u32,
    /// When it is tried again; none while it waits behind another of its lane, or is dead.
    pub next_at: Option<Timestamp>,
    /// The last attempt.
    pub last_at: Option<Timestamp>,
    /// What the subscriber answered last, if it answered.
    pub status: Option<u16>,
    /// Why the last attempt failed.
    pub error: String,
}

/// Operations of one transaction.
pub trait SubscriberRows {
    /// Inserts a subscriber, or replaces it.
    fn put_subscriber(&mut self, row: &SubscriberRow) -> Result<()>;
    /// A subscriber.
    fn subscriber(&mut self, id: &str) -> Result<Option<SubscriberRow>>;
    /// All subscribers, oldest first.
    fn subscribers(&mut self) -> Result<Vec<SubscriberRow>>;
    /// Removes a subscriber and its deliveries.
    fn delete_subscriber(&mut self, id: &str) -> Result<()>;
    /// Moves a subscriber's cursor.
    fn advance(&mut self, id: &str, cursor: u64) -> Result<()>;

    /// Inserts a delivery, or replaces it.
    fn put_delivery(&mut self, subscriber: &str, row: &DeliveryRow) -> Result<()>;
    /// A delivery.
    fn delivery(&mut self, subscriber: &str, seq: u64) -> Result<Option<DeliveryRow>>;
    /// Removes a delivery.
    fn delete_delivery(&mut self, subscriber: &str, seq: u64) -> Result<()>;
    /// The deliveries to be tried by then, those that wait longest first.
    fn due(&mut self, subscriber: &str, by: Timestamp, limit: usize) -> Result<Vec<DeliveryRow>>;
    /// When the next delivery is to be tried.
    fn next_due(&mut self, subscriber: &str) -> Result<Option<Timestamp>>;
    /// The first that waits in a lane.
    fn lane_head(&mut self, subscriber: &str, lane: &str) -> Result<Option<DeliveryRow>>;
    /// The lanes in which something waits.
    fn lanes(&mut self, subscriber: &str) -> Result<Vec<String>>;
    /// Deliveries after an event, in order.
    fn deliveries(
        &mut self,
        subscriber: &str,
        dead: Option<bool>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeliveryRow>>;
    /// How many wait, and how many are dead.
    fn delivery_counts(&mut self, subscriber: &str) -> Result<(u64, u64)>;
    /// Forgets the deliveries of events after this one.
    fn forget_deliveries_after(&mut self, subscriber: &str, seq: u64) -> Result<()>;
    /// Those that failed since then and wait for another attempt are tried now, and the attempt is not counted.
    fn hurry(&mut self, subscriber: &str, since: Timestamp, now: Timestamp) -> Result<()>;
    /// Forgets deliveries of events up to this one, for all subscribers; how many were not dead.
    fn forget_deliveries_up_to(&mut self, seq: u64) -> Result<u64>;
}
