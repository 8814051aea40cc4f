//! What must not be lost, and the cache that answers for it.
//!
//! - [`Store`]: one writer with group commit, readers, the [`Cache`]
//! - [`Rows`]: what a database must be able to do, a trait for each area; `sqlite` does it
//! - operations on a [`Tx`]: [`opt`] (DND on and off), [`contacts`], [`names`], [`search`], [`agency`], [`evidence`], [`release`], [`reviews`],
//!   [`failures`], [`expiry`], [`reconciliation`], [`ledger`], [`events`],
//!   [`subscribers`], [`deliveries`], [`inbox`], [`spool`], [`scheduled`], [`tokens`], [`meta`]
//! - [`Decisions`]: the last decisions, for `dndgate why --request`
//! - [`record`]: what the policies judged, for `dndgate policy replay`

pub mod agency;
mod cache;
pub mod confirmations;
pub mod contacts;
mod counters;
mod decisions;
pub mod deliveries;
mod engine;
mod error;
pub mod events;
pub mod evidence;
pub mod expiry;
pub mod export;
pub mod failures;
pub mod import;
pub mod imported;
pub mod inbox;
pub mod ledger;
pub mod links;
pub mod meta;
pub mod names;
pub mod opt;
pub mod preferences;
pub mod reconciliation;
pub mod record;
pub mod release;
pub mod reviews;
mod rows;
pub mod scheduled;
pub mod search;
pub mod spool;
mod sqlite;
pub mod subscribers;
pub mod tokens;
mod tx;

pub use cache::{AGENCY, Cache};
pub use contacts::{ChannelWish, ContactDraft, ContactView, Edited, Origin, Part, ViewAddress};
pub use counters::SendCounts;
pub use decisions::{Decision, Decisions};
pub use deliveries::{Offer, Outcome};
pub use engine::{Options, Pending, Store, copy};
pub use error::{Result, StoreError};
pub use events::StoredEvent;
pub use evidence::{EvidenceDraft, EvidenceFile};
pub use inbox::Seen;
pub use ledger::{Checkpoint, Fault, PublicKey, SealKey, Trust, Verified};
pub use links::LinkKey;
pub use opt::Change;
pub use preferences::Preferences;
pub use reconciliation::{Repair, Run, RunState};
pub use reviews::{Decision as ReviewDecision, Doubt, Review};
pub use rows::{
    AddressRow, Column, ConfirmationRows, ContactRow, ContactRows, Decided, DeliveryRow, Difference,
    Direction, EventRow, EventRows, EvidenceRow, EvidenceRows, FailureRows, FileRow, Filter, FoundBy,
    ImportedRow, ImportedRows, InboxRows, LedgerRow, LedgerRows, LinkRows, MetaRows, NameRows, PageRows,
    Place, ReasonRows, ReconciliationRows, ReleaseRows, ReviewRows, Rows, Scalar, ScheduledRow,
    ScheduledRows, Search, SearchRows, ShortLinkRow, Side, SpoolRows, Subject, SubscriberRow, SubscriberRows,
    Tally, Test, TokenRows,
};
pub use scheduled::Waiting;
pub use spool::SpoolEntry;
pub use subscribers::{Configured, Replay, Standing, SubscriberDraft};
pub use tokens::Token;
pub use tx::Tx;
