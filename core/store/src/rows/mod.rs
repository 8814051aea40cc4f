//! What a database must be able to do, inside one transaction: a trait for each area, a file each. Everything
//! above them (de-duplication, the rules, the chain, the cache) is shared code, so that a second database is
//! these traits and nothing else. They are object-safe and know no database's own types.

mod confirmations;
mod contacts;
mod events;
mod evidence;
mod failures;
mod imported;
mod inbox;
mod ledger;
mod links;
mod meta;
mod names;
mod pages;
mod reasons;
mod reconciliation;
mod release;
mod reviews;
mod scheduled;
mod search;
mod spool;
mod subscribers;
mod tokens;

pub use confirmations::ConfirmationRows;
pub use contacts::{AddressRow, ContactRow, ContactRows};
pub use events::{EventRow, EventRows};
pub use evidence::{Decided, EvidenceRow, EvidenceRows, FileRow};
pub use failures::{FailureRows, Tally};
pub use imported::{ImportedRow, ImportedRows};
pub use inbox::InboxRows;
pub use ledger::{LedgerRow, LedgerRows};
pub use links::{LinkRows, ShortLinkRow};
pub use meta::MetaRows;
pub use names::NameRows;
pub use pages::PageRows;
pub use reasons::{ReasonRows, Subject};
pub use reconciliation::{Difference, ReconciliationRows, Side};
pub use release::ReleaseRows;
pub use reviews::ReviewRows;
pub use scheduled::{ScheduledRow, ScheduledRows};
pub use search::{Column, Direction, Filter, FoundBy, Place, Scalar, Search, SearchRows, Test};
pub use spool::SpoolRows;
pub use subscribers::{DeliveryRow, SubscriberRow, SubscriberRows};
pub use tokens::TokenRows;

/// Every area together: what a transaction offers.
pub trait Rows:
    ConfirmationRows
    + ContactRows
    + EventRows
    + EvidenceRows
    + FailureRows
    + ImportedRows
    + InboxRows
    + LedgerRows
    + LinkRows
    + MetaRows
    + NameRows
    + PageRows
    + ReasonRows
    + ReconciliationRows
    + ReleaseRows
    + ReviewRows
    + ScheduledRows
    + SearchRows
    + SpoolRows
    + SubscriberRows
    + TokenRows
{
}

impl<T> Rows for T where
    T: ConfirmationRows
        + ContactRows
        + EventRows
        + EvidenceRows
        + FailureRows
        + ImportedRows
        + InboxRows
        + LedgerRows
        + LinkRows
        + MetaRows
        + NameRows
        + PageRows
        + ReasonRows
        + ReconciliationRows
        + ReleaseRows
        + ReviewRows
        + ScheduledRows
        + SearchRows
        + SpoolRows
        + SubscriberRows
        + TokenRows
{
}
