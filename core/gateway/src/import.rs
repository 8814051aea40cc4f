//! A file's way into the store: read on one thread, written on the store's, in batches, so that a million rows take
//! no more memory than a thousand. The command and the API both come through [`run`].

use dndgate_dnd::{AddressKey, Blocks, Cause, Region};
use dndgate_import::{Claim, Options, Reader, Record, Row, Tenants, Unreadable};
use dndgate_store::{AGENCY, Change, Origin, Pending, Store, StoreError, agency, import};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    io::Read,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

/// Batches that may wait for the store.
const BATCHES_AHEAD: usize = 4;
/// So much of a file's name stands in the record of what begins.
const FILE_CHARS_MAX: usize = 120;
/// How long to wait when more waits for the store than it takes.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// How rows are handed to the store.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Rows handed over together: all of them are taken, or none.
    pub rows: usize,
    /// How many such batches may be handed over before the first of them is durable.
    pub ahead: usize,
}

impl Pace {
    /// While nobody else writes: a store that is opened for bulk puts many batches into one commit.
    pub const ALONE: Pace = Pace { rows: 4_000, ahead: 64 };
    /// While the gateway serves: a webhook waits for no more than one batch.
    pub const SERVING: Pace = Pace { rows: 500, ahead: 1 };
}

/// Where a file goes, and as whom.
pub struct Plan {
    /// How it is read.
    pub options: Options,
    /// Every address goes onto the agency's list, above the tenants.
    pub agency: bool,
    /// Who brings it in, for the ledger.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// In what portions.
    pub pace: Pace,
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
    Contact(Box<import::Ready>),
    Address { tenant: String, address: dndgate_import::Address, causes: Vec<import::Dated> },
    Listed(Vec<agency::Entry>),
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
    let Plan { options, agency, actor, at, pace } = plan;
    let named = options.file.chars().filter(|char| !char.is_control());
    let file: String = named.take(FILE_CHARS_MAX).collect();
    let mut reader = Reader::open(source, options)?;
    let mut summary = Summary::default();
    let (batches, read) = sync_channel::<Batch>(BATCHES_AHEAD);
    std::thread::scope(|threads| {
        let origin = Origin { source: format!("import:{file}"), actor, at };
        let parsing = {
            let origin = origin.clone();
            threads.spawn(move || parse(&mut reader, &batches, (pace.rows.max(1), agency), &origin))
        };
        let kept = keep(&read, store, pace, &origin, &mut summary, watch);
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
    (size, agency): (usize, bool),
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
            Ok(record) if agency => listed(record),
            Ok(Record::Nothing(_)) => What::Nothing,
            Ok(Record::Contact(contact)) => {
                let contact = *contact;
                let causes = contact.claims.into_iter().map(|claim| cause(claim, line, origin)).collect();
                let (id, fields, addresses, created) =
                    (contact.id, contact.fields, contact.addresses, contact.created);
                let incoming = import::Contact { id, by_id_alone, fields, addresses, causes, created };
                What::Contact(Box::new(incoming.ready(contact.tenant)))
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

/// The tenants of an import onto the agency's list: there is one place, and one way to read national numbers.
///
/// # Errors
/// When the tenants read national numbers in several ways, and no region is named.
pub fn agency_tenants(
    regions: impl Iterator<Item = Region>,
    named: Option<Region>,
) -> Result<Tenants, &'static str> {
    let all: std::collections::HashSet<Region> = regions.collect();
    let shared = all.iter().next().copied().filter(|_| all.len() == 1);
    let region = named.or(shared).ok_or(
        "the tenants read telephone numbers without country code in several ways: say the region (US, DE, …)",
    )?;
    Ok(Tenants { fixed: Some(AGENCY.into()), all: [(AGENCY.into(), region)].into() })
}

/// What a row puts on the agency's list: its addresses, on the channels that it blocks; on all where it says nothing
/// of DND, since a list of bare addresses is one of people not to be reached.
fn listed(record: Record) -> What {
    let (addresses, blocks): (Vec<_>, Vec<(Blocks, String)>) = match record {
        Record::Nothing(_) => return What::Nothing,
        Record::Address(one) => {
            (vec![one.key], one.claims.into_iter().map(|claim| (claim.blocks, claim.message)).collect())
        }
        Record::Contact(contact) if contact.addresses.is_empty() => {
            return What::LeftOut("no address: the agency's list is of addresses".into());
        }
        Record::Contact(contact) => {
            let addresses = contact.addresses.into_iter().map(|one| one.key).collect();
            let said = contact.claims.into_iter().map(|claim| (claim.blocks, claim.message)).collect();
            let all = || vec![(Blocks::AllChannels, String::new())];
            (addresses, if contact.dnd_said { said } else { all() })
        }
    };
    // The list is about sends.
    let blocks: Vec<_> = blocks.into_iter().filter(|(blocks, _)| *blocks != Blocks::Inbound).collect();
    if blocks.is_empty() {
        return What::Nothing;
    }
    let entry = |address: &AddressKey, (blocks, message): &(Blocks, String)| agency::Entry {
        address: address.clone(),
        blocks: *blocks,
        message: message.clone(),
    };
    let each = addresses.iter().flat_map(|address| blocks.iter().map(move |one| entry(address, one)));
    What::Listed(each.collect())
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
            expires: None,
        },
    }
}

/// A batch that the store has been handed.
struct UnderWay {
    /// Held until then, so that it is not the store's thread that tidies up.
    _steps: Arc<Vec<Step>>,
    rows: u64,
    first: u64,
    incomplete: Vec<(u64, String)>,
    done: Pending<Vec<(u64, Outcome)>>,
}

/// Writes batch after batch.
fn keep(
    read: &Receiver<Batch>,
    store: &Store,
    pace: Pace,
    origin: &Origin,
    summary: &mut Summary,
    watch: &mut dyn Watch,
) -> Result<(), ImportError> {
    let mut under_way = VecDeque::with_capacity(pace.ahead);
    let mut cancelled = false;
    for batch in read {
        cancelled = watch.is_cancelled();
        if cancelled {
            break;
        }
        while under_way.len() >= pace.ahead.max(1) {
            under_way.pop_front().map_or(Ok(()), |oldest| settle(oldest, summary, watch))?;
        }
        under_way.push_back(hand_over(store, batch, origin)?);
    }
    under_way.into_iter().try_for_each(|batch| settle(batch, summary, watch))?;
    if cancelled { Err(ImportError::Cancelled) } else { Ok(()) }
}

/// Waits until a batch is durable, and tells of it.
fn settle(batch: UnderWay, summary: &mut Summary, watch: &mut dyn Watch) -> Result<(), ImportError> {
    let UnderWay { rows, first, incomplete, done, _steps } = batch;
    let done = done.wait().map_err(|error| ImportError::Store { line: first, error })?;
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
    Ok(())
}

enum Outcome {
    Taken(import::Taken),
    Nothing,
    LeftOut(String),
}

/// Hands a batch to the store; all of it is taken, or none.
fn hand_over(store: &Store, batch: Batch, origin: &Origin) -> Result<UnderWay, ImportError> {
    let Batch { rows, first, steps, incomplete } = batch;
    let kept = Arc::new(steps);
    loop {
        let (steps, origin) = (Arc::clone(&kept), origin.clone());
        let begun = store.begin_write(move |tx| {
            let mut all = Vec::with_capacity(steps.len());
            let mut here = origin.clone();
            for step in steps.iter() {
                here.source = format!("{} line {}", origin.source, step.line);
                all.push((step.line, take(tx, step, &here)?));
            }
            Ok(all)
        });
        match begun {
            Ok(done) => return Ok(UnderWay { _steps: kept, rows, first, incomplete, done }),
            Err(StoreError::Busy) => std::thread::sleep(BUSY_PAUSE),
            Err(error) => return Err(ImportError::Store { line: first, error }),
        }
    }
}

fn take(tx: &mut dndgate_store::Tx<'_>, step: &Step, origin: &Origin) -> Result<Outcome, StoreError> {
    Ok(match &step.what {
        What::Contact(ready) => match import::contact(tx, ready, origin)? {
            Ok(taken) => Outcome::Taken(taken),
            Err(why) => Outcome::LeftOut(why),
        },
        What::Address { tenant, address, causes } => {
            Outcome::Taken(import::address(tx, tenant, &address.key, causes, origin)?)
        }
        What::Listed(entries) => {
            let changes = agency::add(tx, entries, origin)?;
            let parts: Vec<_> = changes.iter().flat_map(Change::reasons).collect();
            let change = (!parts.is_empty()).then(|| Change { tenant: AGENCY.into(), parts });
            Outcome::Taken(import::Taken { change, ..import::Taken::default() })
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
