//! Evidence of opt-ins.

use crate::error::Result;
use dndgate_adapter::Channel;
use dndgate_dnd::Standing;
use jiff::Timestamp;

/// Evidence of an opt-in, without the bytes of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRow {
    /// Its id.
    pub id: String,
    /// Whose.
    pub contact: String,
    /// The contact's tenant.
    pub tenant: String,
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
    /// What became of it.
    pub standing: Standing,
    /// From when it counts, once approved.
    pub counts_from: Option<Timestamp>,
    /// Who decided it.
    pub decided: Option<Decided>,
    /// Its file.
    pub file: Option<FileRow>,
}

/// Who approved or rejected evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, in plain words; may be empty.
    pub why: String,
}

/// What is kept of a file beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, hexadecimal; none for what older versions kept.
    pub sha256: Option<String>,
}

/// Evidence of opt-ins.
pub trait EvidenceRows {
    /// Files evidence with the bytes of its file.
    fn put_evidence(&mut self, row: &EvidenceRow, file: Option<&[u8]>) -> Result<()>;
    /// A piece of evidence.
    fn evidence(&mut self, id: &str) -> Result<Option<EvidenceRow>>;
    /// The bytes of its file.
    fn evidence_file(&mut self, id: &str) -> Result<Option<Vec<u8>>>;
    /// A contact's evidence, oldest first.
    fn evidence_of(&mut self, contact: &str) -> Result<Vec<EvidenceRow>>;
    /// The evidence of that standing, in the order of filing, after an id.
    fn evidence_with(
        &mut self,
        standing: Standing,
        tenant: Option<&str>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<EvidenceRow>>;
    /// Keeps a decision.
    fn decide_evidence(
        &mut self,
        id: &str,
        standing: Standing,
        counts_from: Option<Timestamp>,
        decided: &Decided,
    ) -> Result<()>;
    /// Makes the evidence on one contact another's.
    fn move_evidence(&mut self, from: &str, to: &str) -> Result<()>;
    /// Forgets what was filed for a contact (R5); its hashes stay in the ledger.
    fn delete_evidence(&mut self, contact: &str) -> Result<()>;
}
