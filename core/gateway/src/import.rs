//! A file's way into the store: read on one thread, written on the store's, in batches, so that a million rows take
//! no more memory than a thousand. The command and the API both come through [`run`].

use dndgate_dnd::Cause;
use dndgate_import::{Claim, Options, Reader, Record, Row, Unreadable};
use dndgate_store::{Change, Origin, Store, StoreError, import};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::Read,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::Duration,
};

/// Batches that may wait for the store.
const BATCHES_AHEAD: usize = 4;
/// Rows in one commit while nobody else writes.
pub const BATCH_ALONE: usize = 4_000;
/// Rows in one commit while the gateway serves: a webhook waits for no more than these.
pub const BATCH_SERVING: usize = 500;
/// So much of a file's name stands in the record of what begins.
const FILE_CHARS_MAX: usize = 120;
/// How long to wait when more waits for the store than it takes.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// Where a file goes, and as whom.
pub struct Plan {
    /// How it is read.
    pub options: Options,
    /// Who brings it in, for the ledger.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// Rows in one commit.
    pub batch: usize,
}

/// Who follows an import while it runs.
pub trait Watch {
    /// A row, or a part of it, was left out.
    fn left_out(&mut self, line: u64, why: &str);
    /// A row changed something.
    fn took(&mut self, line: u64, what: &import::Taken);
    /// A batch is durable.
    fn batch(&mut self, so_far: &Summary, changes: &[Change]);
    /// Is it to stop here?
    fn is_cancelled(&self) -> bool;
}

/// What came of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that were read.
    pub rows: u64,
    /// Contacts that are new.
    pub contacts_new: u64,
    /// Contacts whose record changed.
    pub contacts_changed: u64,
    /// Rows that changed DND.
    pub dnd_changed: u64,
    /// Rows that were there already and changed nothing.
    pub unchanged: u64,
    /// Rows that mean no opt-out.
    pub no_opt_out: u64,
    /// Rows that were left out.
    pub rejected: u64,
    /// Rows of which a part was left out.
    pub incomplete: u64,
    /// Reasons that began, by what they block and their kind.
    pub began: BTreeMap<(&'static str, &'static str), u64>,
}

impl Summary {
    /// As JSON.
    pub fn to_json(&self) -> Value {
        let began = self
            .began
            .iter()
            .map(|((blocks, kind), count)| json!({ "channel": blocks, "reason": kind, "count": count }));
        json!({
            "rows": self.rows, "contactsNew": self.contacts_new, "contactsChanged": self.contacts_changed,
            "dndChanged": self.dnd_changed, "unchanged": self.unchanged, "noOptOut": self.no_opt_out,
            "rejected": self.rejected, "incomplete": self.incomplete, "began": began.collect::<Vec<_>>(),
        })
    }

    fn count(&mut self, taken: &import::Taken) {
        if taken.new {
            self.contacts_new += 1;
        } else if taken.edited {
            self.contacts_changed += 1;
        }
        match &taken.change {
            Some(change) => {
                self.dnd_changed += 1;
                for (blocks, kind, _) in change.reasons() {
                    *self.began.entry((blocks.name(), kind.name())).or_default() += 1;
                }
            }
            None if !taken.new && !taken.edited => self.unchanged += 1,
            None => {}
        }
    }
}

/// Why an import ended early. What was done until then is kept, and the same file once more goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The store.
    #[error("stopped before line {line}: {error}. What stands before it is kept; run it again to go on")]
    Store {
        /// The first line that is not in.
        line: u64,
        /// Why.
        error: StoreError,
    },
    /// Somebody stopped it.
    #[error("stopped; what was read until then is kept, and the same file once more goes on from there")]
    Cancelled,
}

/// A row on its way: its line, and what the store is to do with it.
struct Step {
    line: u64,
    what: What,
}

enum What {
    Contact { tenant: String, contact: import::Contact },
    Address { tenant: String, address: dndgate_import::Address, causes: Vec<import::Dated> },
    Nothing,
    LeftOut(String),
}

/// A batch of steps, with the parts that were left out of rows that are in.
#[derive(Default)]
struct Batch {
    rows: u64,
    first: u64,
    steps: Vec<Step>,
    incomplete: Vec<(u64, String)>,
}

/// Brings a file in. Rows that cannot be read are told and left out; the rest goes in.
///
/// # Errors
/// When the file or the store fails, or `watch` stops it.
pub fn run(
    source: Box<dyn Read + Send>,
    plan: Plan,
    store: &Store,
    watch: &mut dyn Watch,
) -> Result<Summary, ImportError> {
    let Plan { options, actor, at, batch } = plan;
    let named = options.file.chars().filter(|char| !char.is_control());
    let file: String = named.take(FILE_CHARS_MAX).collect();
    let mut reader = Reader::open(source, options)?;
    let mut summary = Summary::default();
    let (batches, read) = sync_channel::<Batch>(BATCHES_AHEAD);
    std::thread::scope(|threads| {
        let origin = Origin { source: format!("import:{file}"), actor, at };
        let parsing = {
            let origin = origin.clone();
            threads.spawn(move || parse(&mut reader, &batches, batch.max(1), &origin))
        };
        let kept = keep(&read, store, &origin, &mut summary, watch);
        drop(read);
        let parsed =
            parsing.join().unwrap_or_else(|_| Err(std::io::Error::other("the reader of the file failed")));
        kept?;
        Ok(parsed.map_err(Unreadable::Io)?)
    })
    .map(|()| summary)
}

/// Reads until the end, or until nobody takes the batches any more.
fn parse(
    reader: &mut Reader,
    batches: &SyncSender<Batch>,
    size: usize,
    origin: &Origin,
) -> Result<(), std::io::Error> {
    let by_id_alone = reader.is_our_own();
    let mut batch = Batch::default();
    loop {
        let row = reader.next_row();
        let over = !matches!(row, Ok(Some(_)));
        let full = batch.steps.len() >= size || over && !batch.steps.is_empty();
        if full && batches.send(std::mem::take(&mut batch)).is_err() {
            return Ok(());
        }
        let Some(Row { line, read, left_out }) = row? else { return Ok(()) };
        if batch.rows == 0 {
            batch.first = line;
        }
        batch.rows += 1;
        if !left_out.is_empty() {
            batch.incomplete.push((line, left_out.join("; ")));
        }
        let what = match read {
            Err(why) => What::LeftOut(why),
            Ok(Record::Nothing(_)) => What::Nothing,
            Ok(Record::Contact(contact)) => {
                let contact = *contact;
                let causes = contact.claims.into_iter().map(|claim| cause(claim, line, origin)).collect();
                let (id, fields, addresses, created) =
                    (contact.id, contact.fields, contact.addresses, contact.created);
                let incoming = import::Contact { id, by_id_alone, fields, addresses, causes, created };
                What::Contact { tenant: contact.tenant, contact: incoming }
            }
            Ok(Record::Address(mut address)) => {
                let claims = std::mem::take(&mut address.claims);
                let causes = claims.into_iter().map(|claim| cause(claim, line, origin)).collect();
                What::Address { tenant: address.tenant.clone(), address, causes }
            }
        };
        batch.steps.push(Step { line, what });
    }
}

/// A claim as a cause: what the file does not say is said of the import. Nothing began in the future.
fn cause(claim: Claim, line: u64, origin: &Origin) -> import::Dated {
    let at = claim.at.map_or(origin.at, |at| at.min(origin.at));
    import::Dated {
        dated: claim.at.is_some(),
        cause: Cause {
            kind: claim.kind,
            blocks: claim.blocks,
            origin: claim.origin,
            permanent: claim.permanent,
            code: claim.code,
            message: claim.message,
            source: claim.source.unwrap_or_else(|| format!("{} line {line}", origin.source)),
            actor: claim.actor.unwrap_or_else(|| origin.actor.clone()),
            at,
        },
    }
}

/// Writes batch after batch.
fn keep(
    read: &Receiver<Batch>,
    store: &Store,
    origin: &Origin,
    summary: &mut Summary,
    watch: &mut dyn Watch,
) -> Result<(), ImportError> {
    for batch in read {
        if watch.is_cancelled() {
            return Err(ImportError::Cancelled);
        }
        let Batch { rows, first, steps, incomplete } = batch;
        let done = write(store, steps, origin).map_err(|error| ImportError::Store { line: first, error })?;
        summary.rows += rows;
        summary.incomplete += incomplete.len() as u64;
        for (line, why) in &incomplete {
            watch.left_out(*line, why);
        }
        let mut changes = Vec::new();
        for (line, outcome) in done {
            match outcome {
                Outcome::Taken(taken) => {
                    summary.count(&taken);
                    watch.took(line, &taken);
                    changes.extend(taken.change);
                }
                Outcome::Nothing => summary.no_opt_out += 1,
                Outcome::LeftOut(why) => {
                    summary.rejected += 1;
                    watch.left_out(line, &why);
                }
            }
        }
        watch.batch(summary, &changes);
    }
    Ok(())
}

enum Outcome {
    Taken(import::Taken),
    Nothing,
    LeftOut(String),
}

/// One commit.
fn write(store: &Store, steps: Vec<Step>, origin: &Origin) -> Result<Vec<(u64, Outcome)>, StoreError> {
    let steps = std::sync::Arc::new(steps);
    loop {
        let (steps, origin) = (std::sync::Arc::clone(&steps), origin.clone());
        let outcome = store.write_blocking(move |tx| {
            let mut all = Vec::with_capacity(steps.len());
            let mut here = origin.clone();
            for step in steps.iter() {
                here.source = format!("{} line {}", origin.source, step.line);
                all.push((step.line, take(tx, step, &here)?));
            }
            Ok(all)
        });
        match outcome {
            Err(StoreError::Busy) => std::thread::sleep(BUSY_PAUSE),
            other => return other,
        }
    }
}

fn take(tx: &mut dndgate_store::Tx<'_>, step: &Step, origin: &Origin) -> Result<Outcome, StoreError> {
    Ok(match &step.what {
        What::Contact { tenant, contact } => match import::contact(tx, tenant, contact, origin)? {
            Ok(taken) => Outcome::Taken(taken),
            Err(why) => Outcome::LeftOut(why),
        },
        What::Address { tenant, address, causes } => {
            Outcome::Taken(import::address(tx, tenant, &address.key, causes, origin)?)
        }
        What::Nothing => Outcome::Nothing,
        What::LeftOut(why) => Outcome::LeftOut(why.clone()),
    })
}

/// A copy of a store beside it, for a dry run: what an import does to it is exactly what it would do, and goes with it.
pub struct Copy {
    store: Store,
    _folder: tempfile::TempDir,
}

impl Copy {
    /// Copies the store as it is now; one that is not there yet is copied as an empty one.
    ///
    /// # Errors
    /// When there is no room beside it, or it cannot be read.
    pub fn of(url: &str) -> Result<Copy, StoreError> {
        let path = std::path::Path::new(url.trim_start_matches("sqlite:"));
        let beside = path.parent().filter(|folder| folder.is_dir()).unwrap_or(std::path::Path::new("."));
        let folder =
            tempfile::Builder::new().prefix(".dndgate-dry-run-").tempdir_in(beside).map_err(|error| {
                StoreError::Unavailable(format!("a dry run works on a copy, which cannot be made: {error}"))
            })?;
        let copy = folder.path().join("copy.db");
        if path.exists() {
            dndgate_store::copy(&dndgate_store::Options::new(url), &copy)?;
        }
        let mut options = dndgate_store::Options::new(&format!("sqlite:{}", copy.display()));
        options.bulk = true;
        options.throwaway = true;
        Ok(Copy { store: Store::open(&options)?, _folder: folder })
    }

    /// The copy.
    pub const fn store(&self) -> &Store {
        &self.store
    }
}
