//! What a database must be able to do, inside one transaction. Everything above it (de-duplication, the rules,
//! the chain, the cache) is shared code, so that a second database is this trait and nothing else.

use crate::{error::Result, scheduled::Waiting, spool::SpoolEntry, tokens::Token};
use dndgate_adapter::{AddressKind, Channel, Channels, Scheduled};
use dndgate_dnd::{AddressKey, Blocks, Ended, Reason, ReasonKind};
use jiff::Timestamp;

/// Whom a reason is kept on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A contact, by its id.
    Contact(String),
    /// An address.
    Address(AddressKey),
}

/// A contact's own row.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactRow {
    /// Its id.
    pub id: String,
    /// Its tenant.
    pub tenant: String,
    /// What the API client sent of it, as JSON.
    pub fields: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

/// One address of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRow {
    /// How it is compared.
    pub key: AddressKey,
    /// How it is shown.
    pub shown: String,
}

/// An entry of the ledger as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerRow {
    /// Its number; the first is 1.
    pub seq: u64,
    /// SHA-256 of the previous hash and `entry`.
    pub hash: [u8; 32],
    /// The entry, JSON without personal data.
    pub entry: String,
    /// The personal part, while it is kept: salt and JSON.
    pub personal: Option<(Vec<u8>, String)>,
}

/// Evidence of an opt-in.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidenceRow {
    /// Its id.
    pub id: String,
    /// Whose.
    pub contact: String,
    /// For which channel.
    pub channel: Channel,
    /// What the person agreed to.
    pub text: String,
    /// Where that stands.
    pub source: String,
    /// When it was given.
    pub obtained_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who filed it.
    pub filed_by: String,
    /// SHA-256 over text, source and file, hexadecimal.
    pub sha256: String,
    /// A file: name, media type, bytes.
    pub file: Option<(String, String, Vec<u8>)>,
}

/// The operations of one transaction. Object-safe and without a database's own types.
pub trait Rows {
    /// A contact.
    fn contact(&mut self, id: &str) -> Result<Option<ContactRow>>;
    /// Inserts a contact, or replaces its fields and time of change.
    fn put_contact(&mut self, contact: &ContactRow) -> Result<()>;
    /// Removes a contact and its addresses.
    fn delete_contact(&mut self, id: &str) -> Result<()>;
    /// A contact's addresses, in their order.
    fn addresses(&mut self, contact: &str) -> Result<Vec<AddressRow>>;
    /// Replaces a contact's addresses of one kind.
    fn put_addresses(
        &mut self,
        tenant: &str,
        contact: &str,
        kind: AddressKind,
        all: &[AddressRow],
    ) -> Result<()>;
    /// Ids of the contacts that hold an address.
    fn holders(&mut self, tenant: &str, address: &AddressKey) -> Result<Vec<String>>;

    /// All reasons on a subject, ended ones too. Those of an erased address are found by its plain key.
    fn reasons(&mut self, tenant: &str, subject: &Subject, erased: &str) -> Result<Vec<Reason>>;
    /// Adds a reason.
    fn insert_reason(&mut self, tenant: &str, subject: &Subject, reason: &Reason) -> Result<()>;
    /// Ends a reason.
    fn end_reason(&mut self, id: &str, ended: &Ended) -> Result<()>;
    /// Ends all rights to a contact's reasons and takes plain addresses out of those on an address (R5).
    fn erase_address(&mut self, tenant: &str, address: &AddressKey, erased: &str) -> Result<()>;
    /// Removes the reasons on a contact (R5).
    fn delete_reasons(&mut self, contact: &str) -> Result<()>;
    /// Calls `each` for every live reason and every address that it blocks.
    fn each_live(&mut self, each: &mut dyn FnMut(&str, AddressKind, &str, Blocks, ReasonKind)) -> Result<()>;
    /// About how many addresses are suppressed, to size the cache.
    fn live_count(&mut self) -> Result<u64>;

    /// Number and hash of the last ledger entry; locks them until the transaction ends.
    fn head(&mut self) -> Result<(u64, [u8; 32])>;
    /// Appends a ledger entry under its subjects and moves the head.
    fn append(&mut self, row: &LedgerRow, subjects: &[String]) -> Result<()>;
    /// The entries of these subjects, oldest first.
    fn entries_of(&mut self, subjects: &[String], limit: usize) -> Result<Vec<LedgerRow>>;
    /// Calls `each` for every entry in order, until it says false.
    fn each_entry(&mut self, each: &mut dyn FnMut(LedgerRow) -> bool) -> Result<()>;
    /// Forgets the personal part of a subject's entries (R5).
    fn forget(&mut self, subject: &str) -> Result<()>;

    /// Notes an event; the digest noted before when it was there already.
    fn note(&mut self, provider: &str, key: &str, digest: &[u8], at: Timestamp) -> Result<Option<Vec<u8>>>;
    /// Forgets events noted before a time.
    fn forget_noted(&mut self, before: Timestamp) -> Result<()>;

    /// Appends an event to the feed.
    fn put_event(&mut self, tenant: &str, contact: &str, payload: &str) -> Result<u64>;
    /// The number of the newest event; 0 when there is none.
    fn newest_event(&mut self) -> Result<u64>;
    /// The feed after a number.
    fn events(&mut self, after: u64, limit: usize, tenant: Option<&str>) -> Result<Vec<(u64, String)>>;

    /// Keeps a webhook for the CRM.
    fn put_spooled(&mut self, entry: &SpoolEntry) -> Result<()>;
    /// Webhooks that are due.
    fn spooled(&mut self, due: Timestamp, limit: usize) -> Result<Vec<SpoolEntry>>;
    /// How many webhooks wait.
    fn spooled_count(&mut self) -> Result<u64>;
    /// Puts a webhook off and counts the attempt.
    fn put_off_spooled(&mut self, id: &str, next_at: Timestamp) -> Result<()>;
    /// Takes a webhook off.
    fn delete_spooled(&mut self, id: &str) -> Result<()>;

    /// Keeps the handle of a send that leaves later.
    fn put_scheduled(&mut self, row: &ScheduledRow) -> Result<()>;
    /// Marks what waits for an address on these channels as to be cancelled.
    fn mark_scheduled(
        &mut self,
        tenant: &str,
        address: &AddressKey,
        channels: Channels,
        due: Timestamp,
    ) -> Result<()>;
    /// Sends to be cancelled that are due.
    fn scheduled_due(&mut self, due: Timestamp, limit: usize) -> Result<Vec<Waiting>>;
    /// Puts a cancellation off and counts the attempt.
    fn put_off_scheduled(&mut self, id: &str, next_at: Timestamp) -> Result<()>;
    /// Forgets a scheduled send.
    fn delete_scheduled(&mut self, id: &str) -> Result<()>;
    /// Forgets sends that were scheduled before a time: they have left long since.
    fn forget_scheduled(&mut self, before: Timestamp) -> Result<()>;

    /// Files evidence.
    fn put_evidence(&mut self, row: &EvidenceRow) -> Result<()>;
    /// When the newest evidence for a channel was recorded.
    fn newest_evidence(&mut self, contact: &str, channel: Channel) -> Result<Option<Timestamp>>;

    /// Keeps a token by the hash of its text.
    fn put_token(&mut self, hash: &[u8; 32], token: &Token) -> Result<()>;
    /// A token by the hash of its text.
    fn token(&mut self, hash: &[u8; 32]) -> Result<Option<Token>>;

    /// A named value.
    fn meta(&mut self, name: &str) -> Result<Option<Vec<u8>>>;
    /// Sets a named value.
    fn put_meta(&mut self, name: &str, value: &[u8]) -> Result<()>;
}

/// A send that waits at the provider.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduledRow {
    /// Its id here.
    pub id: String,
    /// The provider's name.
    pub provider: String,
    /// The tenant.
    pub tenant: String,
    /// Whom it reaches.
    pub address: AddressKey,
    /// On which channels.
    pub channels: Channels,
    /// The provider's handle.
    pub handle: Scheduled,
    /// When it was scheduled.
    pub at: Timestamp,
    /// It is to be cancelled: from then on. None: it may leave.
    pub cancel_at: Option<Timestamp>,
}
