//! Tables, and how an older file becomes a current one.

use crate::error::{Result, StoreError};
use rusqlite::Connection;

/// Each step brings the schema from its place in the list to the next. Steps that were released never change.
/// A new step is a file of its own, named here at the end.
const STEPS: &[&str] = &[
    include_str!("schema/0001_first.sql"),
    include_str!("schema/0002_links.sql"),
    include_str!("schema/0003_search.sql"),
    include_str!("schema/0004_confirmation.sql"),
    include_str!("schema/0005_events.sql"),
    include_str!("schema/0006_ledger.sql"),
    include_str!("schema/0007_removal.sql"),
    include_str!("schema/0008_repeated.sql"),
    include_str!("schema/0009_names.sql"),
    include_str!("schema/0010_reviews.sql"),
    include_str!("schema/0011_imported.sql"),
    include_str!("schema/0012_expiry.sql"),
    include_str!("schema/0013_ledger_runs.sql"),
    include_str!("schema/0014_search_values.sql"),
];

fn version(connection: &Connection) -> Result<usize> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    usize::try_from(version).ok().filter(|version| *version <= STEPS.len()).ok_or_else(|| {
        StoreError::Corrupt("the file was written by a newer dndgate; use that version or a backup".into())
    })
}

/// Brings the schema up to date.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let from = version(connection)?;
    for (index, step) in STEPS.iter().enumerate().skip(from) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", (index + 1) as i64)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Refuses a file that is not up to date.
pub(super) fn check(connection: &Connection) -> Result<()> {
    if version(connection)? == STEPS.len() {
        Ok(())
    } else {
        Err(StoreError::Corrupt("the file is empty or of an older version; start dndgate serve once".into()))
    }
}
