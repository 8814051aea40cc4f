//! What became of imports.

use crate::error::Result;

/// An import over the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedRow {
    /// Its id; later ones are greater.
    pub id: String,
    /// The only tenant that may see it.
    pub tenant: Option<String>,
    /// As the API shows it, JSON.
    pub outcome: String,
    /// The first rows that were left out, CSV.
    pub rejects: String,
}

/// What became of imports.
pub trait ImportedRows {
    /// Keeps an import as it stands now.
    fn put_imported(&mut self, row: &ImportedRow) -> Result<()>;
    /// One of them.
    fn imported(&mut self, id: &str) -> Result<Option<ImportedRow>>;
    /// All, the oldest first, without their rejects.
    fn all_imported(&mut self) -> Result<Vec<ImportedRow>>;
    /// Forgets all but the newest.
    fn forget_imported(&mut self, keep: usize) -> Result<()>;
}
