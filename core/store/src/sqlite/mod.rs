//! The embedded store: one SQLite file.

mod bulk;
mod heard;
mod rows;
mod schema;

use crate::{
    engine::Batch,
    error::{Result, StoreError},
};
use heard::Heard;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig, ffi};
use std::path::Path;

/// Older versions can damage a database whose write-ahead log is reset while another process reads.
const VERSION_MIN: i32 = 3_051_003;
/// Prepared statements kept for each connection: more than this crate has.
const STATEMENTS: usize = 256;

/// A connection, and what a long import knows by heart.
pub(crate) struct Sqlite(Connection, Option<Heard>);

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        match &error {
            rusqlite::Error::SqliteFailure(code, _) if code.code == ffi::ErrorCode::DatabaseCorrupt => {
                StoreError::Corrupt(error.to_string())
            }
            rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..) => {
                StoreError::Corrupt(error.to_string())
            }
            _ => StoreError::Unavailable(error.to_string()),
        }
    }
}

impl Sqlite {
    /// Opens for writing; makes the file and brings its schema up to date.
    pub(crate) fn open(path: &str) -> Result<Sqlite> {
        let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder).map_err(|error| {
                StoreError::Unavailable(format!("cannot make {}: {error}", folder.display()))
            })?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = connect(path, flags)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // An acknowledged opt-out survives a power cut (R27).
        connection.pragma_update(None, "synchronous", "FULL")?;
        // What is erased is overwritten in the file (R5).
        connection.pragma_update(None, "secure_delete", "ON")?;
        schema::migrate(&mut connection)?;
        bulk::mend(&connection)?;
        Ok(Sqlite(connection, None))
    }

    /// Opens to look.
    pub(crate) fn open_read_only(path: &str) -> Result<Sqlite> {
        // Read-write, because a reader of a write-ahead log takes part in its bookkeeping.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = connect(path, flags)?;
        connection.pragma_update(None, "query_only", "ON")?;
        schema::check(&connection)?;
        Ok(Sqlite(connection, None))
    }

    /// Makes the database refuse to grow beyond a size, as a full disk would.
    pub(crate) fn limit_pages(&mut self, pages: u32) -> Result<()> {
        Ok(self.0.pragma_update(None, "max_page_count", pages)?)
    }

    /// Makes nothing durable: for a copy that is thrown away.
    pub(crate) fn throw_away(&mut self) -> Result<()> {
        Ok(self.0.pragma_update(None, "synchronous", "OFF")?)
    }

    /// Copies the database at `from` into a new file.
    pub(crate) fn copy(from: &str, to: &Path) -> Result<()> {
        let connection = connect(from, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        schema::check(&connection)?;
        connection.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
        Ok(())
    }

    /// Runs `work` in a transaction and commits it.
    pub(crate) fn transaction<T>(&mut self, work: impl FnOnce(&mut dyn Batch) -> Result<T>) -> Result<T> {
        let read_only = self.0.pragma_query_value(None, "query_only", |row| row.get::<_, i64>(0))? == 1;
        let behavior = if read_only { TransactionBehavior::Deferred } else { TransactionBehavior::Immediate };
        let Sqlite(connection, heard) = self;
        if heard.as_ref().is_some_and(Heard::is_full) {
            bulk::build(connection, &bulk::OF_KNOWN)?;
            *heard = None;
        }
        let transaction = connection.transaction_with_behavior(behavior)?;
        let done = (|| {
            let mut rows = rows::SqliteRows::new(&transaction, heard.as_mut());
            let outcome = work(&mut rows)?;
            rows.settle()?;
            Ok(outcome)
        })();
        let done = match done {
            Ok(outcome) => transaction.commit().map(|()| outcome).map_err(StoreError::from),
            Err(error) => transaction.rollback().map_err(StoreError::from).and(Err(error)),
        };
        if let (Err(_), Some(heard)) = (&done, heard) {
            // They may have been built in what was taken back.
            heard.indexed = false;
        }
        done
    }
}

fn connect(path: &str, flags: OpenFlags) -> Result<Connection> {
    if rusqlite::version_number() < VERSION_MIN {
        return Err(StoreError::Unavailable(format!("SQLite {} is too old", rusqlite::version())));
    }
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| StoreError::Unavailable(format!("cannot open {path}: {error}")))?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without it every statement that a partial index might serve is prepared anew for each value bound to it,
    // which was half of the writer's work.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    Ok(connection)
}
