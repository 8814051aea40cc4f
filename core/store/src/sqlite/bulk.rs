//! What is different while a long import has the store to itself: more memory, few commits, and indexes for lists that
//! are built at the end, sorted, where that costs less than entry by entry. A process that is killed meanwhile leaves
//! no gap: whoever opens the file for writing next makes good what lacks.

use super::{Sqlite, heard::Heard};
use crate::error::Result;
use rusqlite::{Connection, OptionalExtension};

/// The least and the most memory for pages, in KiB; between them a quarter of what is free. What comes in lies all over
/// the indexes: pages that do not fit are written and read again and again.
const CACHE_KIB: (u64, u64) = (131_072, 2_097_152);
/// Pages of the log before it is taken over: 4 GiB.
const LOG_PAGES: i64 = 1 << 20;
/// Memory for new words before they are written down, in bytes: then, and as FTS5 has it by default. Not more, so that
/// a processor's own memory holds most of it.
const WORDS_BYTES: (i64, i64) = (8 << 20, 1 << 20);
/// Processors that sort an index.
const SORTERS: i64 = 2;
/// Up to so many contacts the indexes of lists are built anew: a million rows come in faster so, even after a few
/// thousand that are there.
const CONTACTS_FEW: i64 = 100_000;
/// Up to so many reasons on addresses are learned by heart at the start.
const REASONS_FEW: i64 = 1_000_000;

/// An index: its name, and how it is made.
type Index = (&'static str, &'static str);

/// The indexes of lists. Import itself never asks them.
const OF_LISTS: [Index; 6] = [
    ("contact_tenant", "INDEX IF NOT EXISTS contact_tenant ON contact (tenant, created)"),
    ("found_created", "INDEX IF NOT EXISTS found_created ON found (tenant, created, marks)"),
    ("found_updated", "INDEX IF NOT EXISTS found_updated ON found (tenant, updated)"),
    ("found_first_name", "INDEX IF NOT EXISTS found_first_name ON found (tenant, first_name)"),
    ("found_last_name", "INDEX IF NOT EXISTS found_last_name ON found (tenant, last_name)"),
    ("found_email", "INDEX IF NOT EXISTS found_email ON found (tenant, email)"),
];
/// Those by which contacts are found that are there. Import asks them for what it does not know to be new.
pub(super) const OF_KNOWN: [Index; 2] = [
    ("address_match", "INDEX IF NOT EXISTS address_match ON address (tenant, kind, match_key, contact)"),
    ("found_contact", "UNIQUE INDEX IF NOT EXISTS found_contact ON found (contact)"),
];

impl Sqlite {
    /// Prepares for a long import.
    pub(crate) fn begin_bulk(&mut self) -> Result<()> {
        let Sqlite(connection, heard) = self;
        // Negative is SQLite's way to say KiB.
        connection.pragma_update(None, "cache_size", -i64::try_from(cache_kib()).unwrap_or_default())?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "threads", SORTERS)?;
        words_bytes(connection, WORDS_BYTES.0)?;
        if !is_few(connection, "contact", CONTACTS_FEW)? {
            return Ok(());
        }
        drop_all(connection, &OF_LISTS)?;
        if is_few(connection, "reason WHERE contact IS NULL", REASONS_FEW)? {
            let mut all = Heard::of(connection)?;
            drop_all(connection, &OF_KNOWN)?;
            all.indexed = false;
            *heard = Some(all);
        }
        Ok(())
    }

    /// Puts the file in order after a long import.
    pub(crate) fn end_bulk(&mut self) -> Result<()> {
        self.1 = None;
        mend(&self.0)?;
        Ok(self.0.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }
}

/// Makes good what a long import left open.
pub(super) fn mend(connection: &Connection) -> Result<()> {
    build(connection, &OF_KNOWN)?;
    build(connection, &OF_LISTS)?;
    let words: Option<i64> = connection
        .query_row("SELECT v FROM found_words_config WHERE k = 'hashsize'", [], |row| row.get(0))
        .optional()?;
    if words.is_some_and(|bytes| bytes != WORDS_BYTES.1) {
        words_bytes(connection, WORDS_BYTES.1)?;
    }
    Ok(())
}

/// Builds the indexes that are not there.
pub(super) fn build(connection: &Connection, indexes: &[Index]) -> Result<()> {
    for (_, made) in indexes {
        connection.execute(&format!("CREATE {made}"), [])?;
    }
    Ok(())
}

fn drop_all(connection: &Connection, indexes: &[Index]) -> Result<()> {
    for (name, _) in indexes {
        connection.execute(&format!("DROP INDEX IF EXISTS {name}"), [])?;
    }
    Ok(())
}

fn is_few(connection: &Connection, rows: &str, few: i64) -> Result<bool> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT {few})");
    Ok(connection.query_row(&sql, [], |row| row.get::<_, i64>(0))? < few)
}

fn words_bytes(connection: &Connection, bytes: i64) -> Result<()> {
    connection.execute("INSERT INTO found_words (found_words, rank) VALUES ('hashsize', ?1)", [bytes])?;
    Ok(())
}

fn cache_kib() -> u64 {
    let (least, most) = CACHE_KIB;
    let about = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free = about.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let free: Option<u64> = free.and_then(|text| text.trim().trim_end_matches("kB").trim().parse().ok());
    free.map_or(least, |free| (free / 4).clamp(least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indexes(store: &Sqlite) -> Vec<(String, String)> {
        let mut rows = store
            .0
            .prepare(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name",
            )
            .expect("the schema");
        let all = rows.query_map([], |row| {
            let sql: String = row.get(1)?;
            Ok((row.get(0)?, sql.replace("IF NOT EXISTS ", "")))
        });
        all.expect("rows").collect::<rusqlite::Result<_>>().expect("indexes")
    }

    fn words(store: &Sqlite) -> i64 {
        let found =
            store.0.query_row("SELECT v FROM found_words_config WHERE k = 'hashsize'", [], |row| row.get(0));
        found.optional().expect("the configuration").unwrap_or(WORDS_BYTES.1)
    }

    #[test]
    fn after_a_long_import_everything_is_as_it_was_killed_or_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.db").display().to_string();
        let mut store = Sqlite::open(&path).expect("opens");
        let before = indexes(&store);
        store.begin_bulk().expect("begins");
        assert_eq!(indexes(&store).len(), before.len() - OF_LISTS.len() - OF_KNOWN.len());
        store.end_bulk().expect("ends");
        assert_eq!((indexes(&store), words(&store)), (before.clone(), WORDS_BYTES.1));
        store.begin_bulk().expect("begins");
        drop(store);
        let store = Sqlite::open(&path).expect("opens");
        assert_eq!((indexes(&store), words(&store)), (before, WORDS_BYTES.1));
    }
}
