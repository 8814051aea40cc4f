//! What became of imports over the API, so that it can still be asked after a restart.

use crate::{error::Result, rows::ImportedRow, tx::Tx};

/// Imports that are remembered.
pub const IMPORTED_MAX: usize = 100;

/// Keeps an import as it stands now, and forgets the oldest when there are many.
///
/// # Errors
/// When the store cannot be written.
pub fn keep(tx: &mut Tx<'_>, row: &ImportedRow) -> Result<()> {
    tx.rows.put_imported(row)?;
    tx.rows.forget_imported(IMPORTED_MAX)
}

/// All that are remembered, the oldest first, without the rows that were left out of them.
///
/// # Errors
/// When the store cannot be read.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<ImportedRow>> {
    tx.rows.all_imported()
}

/// One of them, with the first rows that were left out.
///
/// # Errors
/// When the store cannot be read.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<ImportedRow>> {
    tx.rows.imported(id)
}
