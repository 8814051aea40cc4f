//! What a long import knows by heart: which contacts and addresses the store has ever heard of. Mostly what comes in is
//! new; then no index is asked, and the two that only lead to what is known need not be there before the end, when
//! they are built sorted. The first that is not new has them built at once.

use crate::{cache::AsIs, error::Result};
use rusqlite::Connection;
use std::{
    collections::HashSet,
    hash::{BuildHasher, BuildHasherDefault, RandomState},
};

/// So many at the most: about half a gigabyte.
const MOST: usize = 25_000_000;

/// Hashes: two that meet make something known that is new, and then the store is asked.
pub(super) struct Heard {
    hashed: RandomState,
    all: HashSet<u64, BuildHasherDefault<AsIs>>,
    /// The indexes are there.
    pub(super) indexed: bool,
}

impl Heard {
    /// All that a store has heard of.
    pub(super) fn of(connection: &Connection) -> Result<Heard> {
        let mut heard = Heard { hashed: RandomState::new(), all: HashSet::default(), indexed: true };
        for sql in ["SELECT id FROM contact", "SELECT id FROM merged"] {
            let mut statement = connection.prepare(sql)?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                heard.add_contact(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?);
            }
        }
        for sql in [
            "SELECT tenant, kind, match_key FROM address",
            "SELECT tenant, address_kind, match_key FROM reason WHERE contact IS NULL",
        ] {
            let mut statement = connection.prepare(sql)?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                let text = |index| row.get_ref(index)?.as_str().map_err(rusqlite::Error::from);
                heard.add_address(text(0)?, text(1)?, text(2)?);
            }
        }
        Ok(heard)
    }

    pub(super) fn add_contact(&mut self, id: &str) {
        self.all.insert(self.hashed.hash_one(id));
    }

    pub(super) fn add_address(&mut self, tenant: &str, kind: &str, key: &str) {
        self.all.insert(self.hashed.hash_one((tenant, kind, key)));
    }

    pub(super) fn contact(&self, id: &str) -> bool {
        self.all.contains(&self.hashed.hash_one(id))
    }

    pub(super) fn address(&self, tenant: &str, kind: &str, key: &str) -> bool {
        self.all.contains(&self.hashed.hash_one((tenant, kind, key)))
    }

    pub(super) fn is_full(&self) -> bool {
        self.all.len() > MOST
    }
}
