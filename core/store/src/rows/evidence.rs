//! Evidence of opt-ins.

use crate::error::Result;
use dndgate_adapter::Channel;
use jiff::Timestamp;

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

/// Evidence of opt-ins.
pub trait EvidenceRows {
    /// Files evidence.
    fn put_evidence(&mut self, row: &EvidenceRow) -> Result<()>;
    /// When the newest evidence for a channel was recorded.
    fn newest_evidence(&mut self, contact: &str, channel: Channel) -> Result<Option<Timestamp>>;
    /// Makes the evidence on one contact another's.
    fn move_evidence(&mut self, from: &str, to: &str) -> Result<()>;
    /// Everything filed for a contact, oldest first.
    fn evidence_of(&mut self, contact: &str) -> Result<Vec<EvidenceRow>>;
    /// Forgets what was filed for a contact (R5); its hashes stay in the ledger.
    fn delete_evidence(&mut self, contact: &str) -> Result<()>;
}
