//! The index of the ledger: by whom entries are found. A token lies anywhere among all others, so that one sorted index
//! costs the more the longer it gets: each line dirties a page of its own. It lies in runs instead. The newest entries
//! are read themselves; when there are [`SHORT`] of them, their lines are sorted and written one behind the other, and
//! when the short runs make up a [`LONG`] one, they become that. Which run holds an entry follows from its number and
//! the head's alone.

use super::{SqliteRows, events::number};
use crate::error::Result;
use rusqlite::params;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Entries of a short run: so many at the most are read one by one to find somebody's newest.
const SHORT: u64 = 1_024;
/// Entries of a long run: it is looked into as often as the ledger has so many, and made within a commit.
const LONG: u64 = 65_536;

/// The run that holds an entry's lines, by its last entry; `None` while the entry is read itself.
const fn run_of(seq: u64, head: u64) -> Option<u64> {
    if seq == 0 {
        None
    } else if seq <= head / LONG * LONG {
        Some(seq.div_ceil(LONG) * LONG)
    } else if seq <= head / SHORT * SHORT {
        Some(seq.div_ceil(SHORT) * SHORT)
    } else {
        None
    }
}

/// The run before one, by its last entry; 0 where there is none.
const fn before(run: u64, head: u64) -> u64 {
    if run <= head / LONG * LONG { run - LONG } else { run - SHORT }
}

/// What an entry says of whom it is about.
#[derive(Deserialize)]
struct About {
    #[serde(default)]
    about: Vec<String>,
}

impl SqliteRows<'_> {
    /// Makes the run that ends with this entry, if one does.
    pub(super) fn close_run(&mut self, last: u64) -> Result<()> {
        if !last.is_multiple_of(SHORT) {
            return Ok(());
        }
        let mut lines: Vec<(String, u64)> = Vec::new();
        self.each_line_of_entries(last - SHORT, "", &mut |subject, seq| {
            lines.push((subject.to_owned(), seq))
        })?;
        if last.is_multiple_of(LONG) {
            let within = [number(last - LONG), number(last)];
            lines.extend(self.all(
                "SELECT subject, seq FROM ledger_subject WHERE run > ?1 AND run < ?2",
                within,
                |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())),
            )?);
            self.run("DELETE FROM ledger_subject WHERE run > ?1 AND run < ?2", within)?;
        }
        lines.sort_unstable();
        let mut line =
            self.connection.prepare_cached("INSERT OR IGNORE INTO ledger_subject VALUES (?1, ?2, ?3)")?;
        for (subject, seq) in &lines {
            line.execute(params![number(last), subject, number(*seq)])?;
        }
        Ok(())
    }

    /// Calls `each` for whom the entries behind a number are about; of entries that do not hold this text, for nobody.
    fn each_line_of_entries(&self, after: u64, holding: &str, each: &mut dyn FnMut(&str, u64)) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, entry FROM ledger WHERE seq > ?1 AND instr(entry, ?2) > 0 ORDER BY seq",
        )?;
        let mut found = statement.query(params![number(after), holding])?;
        while let Some(row) = found.next()? {
            let seq = row.get::<_, i64>(0)?.unsigned_abs();
            // What cannot be read is for `ledger verify` to tell.
            let said =
                row.get_ref(1)?.as_str().ok().and_then(|text| serde_json::from_str::<About>(text).ok());
            for subject in said.into_iter().flat_map(|said| said.about) {
                each(&subject, seq);
            }
        }
        Ok(())
    }

    /// The numbers of the newest entries about any of these, oldest first.
    pub(super) fn numbers_of(&self, subjects: &[String], head: u64, limit: usize) -> Result<Vec<i64>> {
        let mut numbers: BTreeSet<i64> = BTreeSet::new();
        let mut run = head / SHORT * SHORT;
        for subject in subjects {
            self.each_line_of_entries(run, subject, &mut |one, seq| {
                if one == subject {
                    numbers.insert(number(seq));
                }
            })?;
        }
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        // Whatever an older run holds is older than all that was found.
        while run > 0 && numbers.len() < limit {
            for subject in subjects {
                numbers.extend(self.all(
                    "SELECT seq FROM ledger_subject WHERE run = ?1 AND subject = ?2 ORDER BY seq DESC LIMIT ?3",
                    params![number(run), subject, most],
                    |row| row.get::<_, i64>(0),
                )?);
            }
            run = before(run, head);
        }
        Ok(numbers.iter().skip(numbers.len().saturating_sub(limit)).copied().collect())
    }

    /// Calls `each` for every line; one that stands in another run than its entry's leads nowhere: it is told as the
    /// line of entry 0.
    pub(super) fn each_line(&self, head: u64, each: &mut dyn FnMut(&str, u64)) -> Result<()> {
        let mut statement = self.connection.prepare_cached("SELECT run, subject, seq FROM ledger_subject")?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let subject = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            let seq = row.get::<_, i64>(2)?.unsigned_abs();
            let is_placed = run_of(seq, head) == Some(row.get::<_, i64>(0)?.unsigned_abs());
            each(subject, if is_placed { seq } else { 0 });
        }
        self.each_line_of_entries(head / SHORT * SHORT, "", each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rows::LedgerRow, sqlite::Sqlite};

    /// Each third entry is about one person, all are about somebody.
    fn entry(seq: u64) -> LedgerRow {
        let one = if seq.is_multiple_of(3) { ",\"a:one\"" } else { "" };
        let entry = format!("{{\"about\":[\"a:{}\"{one}]}}", seq % 1_000);
        LedgerRow { seq, hash: [0; 32], entry, personal: None }
    }

    #[test]
    fn whom_an_entry_is_about_leads_to_it_in_every_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Sqlite::open(&folder.path().join("test.db").display().to_string()).expect("opens");
        let last = LONG + 3 * SHORT + 50;
        store.transaction(|rows| (1..=last).try_for_each(|seq| rows.append(&entry(seq)))).expect("appended");
        let mut found = |subjects: &[&str], limit: usize| -> Vec<u64> {
            let subjects: Vec<String> = subjects.iter().map(ToString::to_string).collect();
            let rows = store.transaction(|rows| rows.entries_of(&subjects, limit)).expect("read");
            rows.iter().map(|row| row.seq).collect()
        };
        let sevens: Vec<u64> = (1..=last).filter(|seq| seq % 1_000 == 7).collect();
        assert_eq!(found(&["a:7"], usize::MAX), sevens);
        let thirds: Vec<u64> = (1..=last).filter(|seq| seq.is_multiple_of(3)).collect();
        for limit in [1, 10, 300, 2_000, 20_000] {
            assert_eq!(found(&["a:one"], limit), thirds[thirds.len() - limit..], "{limit}");
        }
        // An entry that both lead to counts once: 23 of 68 are about both.
        assert_eq!(found(&["a:one", "a:999"], usize::MAX).len(), thirds.len() + 68 - 23);
        assert!(found(&["a:nobody"], 10).is_empty());
        let (mut lines, mut runs) = (0u64, Vec::new());
        store.transaction(|rows| rows.each_subject(&mut |_, seq| lines += u64::from(seq > 0))).expect("read");
        assert_eq!(lines, last + thirds.len() as u64);
        let connection = rusqlite::Connection::open(folder.path().join("test.db")).expect("opens");
        let mut rows =
            connection.prepare("SELECT DISTINCT run FROM ledger_subject ORDER BY run").expect("runs");
        runs.extend(
            rows.query_map([], |row| row.get::<_, i64>(0)).expect("runs").map(|run| run.expect("a run")),
        );
        let short = |count: u64| number(LONG + count * SHORT);
        assert_eq!(runs, [number(LONG), short(1), short(2), short(3)]);
    }

    #[test]
    fn every_entry_has_one_place_and_every_run_is_looked_into() {
        for head in [0, 1, SHORT - 1, SHORT, LONG - 1, LONG, LONG + 1, LONG + SHORT, 3 * LONG + 5 * SHORT + 7]
        {
            let (mut runs, mut run) = (Vec::new(), head / SHORT * SHORT);
            while run > 0 {
                runs.push(run);
                run = before(run, head);
            }
            for seq in (1..=head).step_by(97).chain([head]).filter(|seq| *seq > 0) {
                match run_of(seq, head) {
                    None => assert!(seq > head / SHORT * SHORT, "{seq} of {head}"),
                    Some(run) => {
                        assert!(seq <= run && runs.contains(&run), "{seq} of {head} in {run}");
                        assert!(seq > before(run, head), "{seq} of {head} in {run}");
                    }
                }
            }
        }
    }
}
