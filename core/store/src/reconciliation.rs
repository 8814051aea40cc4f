//! Comparison of what is known here with a provider's suppression lists, step by step, so that a restart goes on
//! where it stopped. It begins reasons where asked to, and never ends one.

use crate::{
    error::{Result, StoreError},
    opt::{self, Change},
    rows::{Difference, Side, Subject},
    tx::Tx,
};
use dndgate_adapter::{AddressKind, Channel, suppressions::Listing};
use dndgate_dnd::{AddressKey, Blocks, Cause, Reason, rules};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a run's report is kept, in days.
pub const DAYS: i64 = 30;

/// What a run puts in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Repair {
    /// What the provider refuses becomes known here.
    pub here: bool,
    /// What is blocked here is put on the provider's list.
    pub there: bool,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// The provider's lists are read, page by page.
    Reading,
    /// What is blocked here is looked for among what was read.
    Comparing,
    /// It is over; the report is complete.
    Done,
    /// It was given up; [`Run::error`] says why.
    Failed,
}

/// What a run found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Found {
    /// Entries read from the provider's lists.
    pub entries: u64,
    /// Entries of theirs that are not known here.
    pub theirs: u64,
    /// Those of them that were taken over.
    pub theirs_repaired: u64,
    /// Addresses blocked here that the provider lacks, counted for each account.
    pub ours: u64,
    /// Those of them that were put on the provider's list.
    pub ours_repaired: u64,
    /// Entries that hold for some of the mail only (a tag, a group): left alone.
    pub partial: u64,
    /// Entries whose address cannot be read: left alone.
    pub unreadable: u64,
    /// Entries that the gateway itself put there for somebody who is not blocked here any more: left alone.
    pub stale: u64,
}

/// One comparison of a tenant with a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The provider's name.
    pub provider: String,
    /// The tenant.
    pub tenant: String,
    /// What it puts in order.
    pub repair: Repair,
    /// Who asked for it.
    pub requested_by: String,
    /// When.
    pub created: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// How far it is.
    pub state: RunState,
    /// The provider's accounts, once they are known.
    pub accounts: Option<Vec<String>>,
    /// Its place: which account …
    pub account: usize,
    /// … which of the provider's lists …
    pub list: usize,
    /// … which page, or after which address.
    pub next: Option<String>,
    /// What it found so far.
    pub found: Found,
    /// Failures in a row.
    pub attempts: u32,
    /// What went wrong last.
    pub error: Option<String>,
    /// When it goes on.
    pub due: Timestamp,
}

/// An entry of a provider's list, its address normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The address.
    pub key: AddressKey,
    /// Since when, by the provider's clock.
    pub at: Option<Timestamp>,
    /// The provider's code.
    pub code: Option<String>,
    /// In the provider's words.
    pub message: String,
}

impl Run {
    /// A run that has not begun.
    pub fn new(provider: &str, tenant: &str, repair: Repair, requested_by: &str, at: Timestamp) -> Run {
        Run {
            id: uuid::Uuid::now_v7().simple().to_string(),
            provider: provider.to_owned(),
            tenant: tenant.to_owned(),
            repair,
            requested_by: requested_by.to_owned(),
            created: at,
            finished: None,
            state: RunState::Reading,
            accounts: None,
            account: 0,
            list: 0,
            next: None,
            found: Found::default(),
            attempts: 0,
            error: None,
            due: at,
        }
    }

    /// Is it over?
    pub const fn is_over(&self) -> bool {
        matches!(self.state, RunState::Done | RunState::Failed)
    }

    /// The account that it is at; empty where lists belong to the credentials. None when it has been at all.
    pub fn current_account(&self) -> Option<&str> {
        self.accounts.as_ref()?.get(self.account).map(String::as_str)
    }
}

/// Keeps a run.
///
/// # Errors
/// When the store cannot be written.
pub fn put(tx: &mut Tx<'_>, run: &Run) -> Result<()> {
    let text = serde_json::to_string(run).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    if run.is_over() {
        tx.rows.forget_entries(&run.id)?;
    }
    tx.rows.put_run(&run.id, &run.tenant, !run.is_over(), run.due, run.created, &text)
}

fn read(text: &str) -> Result<Run> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// A run.
///
/// # Errors
/// When the store cannot be read.
pub fn get(tx: &mut Tx<'_>, id: &str) -> Result<Option<Run>> {
    tx.rows.run_of(id)?.as_deref().map(read).transpose()
}

/// The newest runs first.
///
/// # Errors
/// When the store cannot be read.
pub fn newest(tx: &mut Tx<'_>, tenant: Option<&str>, limit: usize) -> Result<Vec<Run>> {
    tx.rows.newest_runs(tenant, limit)?.iter().map(|text| read(text)).collect()
}

/// Runs that can go on now.
///
/// # Errors
/// When the store cannot be read.
pub fn due(tx: &mut Tx<'_>, now: Timestamp, limit: usize) -> Result<Vec<Run>> {
    tx.rows.due_runs(now, limit)?.iter().map(|text| read(text)).collect()
}

/// The differences of a run on one side, after one of them.
///
/// # Errors
/// When the store cannot be read.
pub fn differences(
    tx: &mut Tx<'_>,
    run: &str,
    side: Side,
    after: (&str, &str, &str),
    limit: usize,
) -> Result<Vec<Difference>> {
    tx.rows.differences(run, side, after, limit)
}

/// Takes a page of a provider's list into the run, and what is not known here into DND where the run repairs that.
/// `run` stands already where it goes on after this page.
///
/// # Errors
/// When the store cannot be written.
pub fn take_page(
    tx: &mut Tx<'_>,
    run: &mut Run,
    account: &str,
    list: (&str, Listing),
    entries: &[Entry],
    now: Timestamp,
) -> Result<Vec<Change>> {
    let (name, listing) = list;
    let mut changes = Vec::new();
    for entry in entries {
        run.found.entries += 1;
        tx.rows.put_entry(&run.id, account, &entry.key.key)?;
        if rules::knows(&reasons_of(tx, &run.tenant, &entry.key)?, listing) {
            continue;
        }
        let hash = tx.erased(&entry.key);
        if listing == Listing::Unsubscribe && tx.rows.is_mirrored(&run.provider, account, &hash)? {
            run.found.stale += 1;
            continue;
        }
        let mut difference = Difference {
            side: Side::Theirs,
            account: account.to_owned(),
            key: entry.key.key.clone(),
            list: name.to_owned(),
            repaired: false,
        };
        if run.repair.here {
            let cause = Cause {
                kind: rules::listed(listing),
                blocks: Blocks::Channel(Channel::Email),
                origin: Some(entry.key.clone()),
                permanent: false,
                code: entry.code.clone(),
                message: entry.message.clone(),
                source: format!("reconciliation:{} {name} {account} run {}", run.provider, run.id),
                actor: format!("provider:{}", run.provider),
                at: entry.at.unwrap_or(now),
                expires: None,
            };
            changes.extend(opt::record(tx, &run.tenant, &[cause])?);
            difference.repaired = true;
        }
        // The same page read twice, after a restart, counts once.
        if tx.rows.put_difference(&run.id, &difference)? {
            run.found.theirs += 1;
            run.found.theirs_repaired += u64::from(difference.repaired);
        }
    }
    put(tx, run)?;
    Ok(changes)
}

/// Everything that blocks an address: its own reasons and those of who holds it.
fn reasons_of(tx: &mut Tx<'_>, tenant: &str, address: &AddressKey) -> Result<Vec<Reason>> {
    let mut all = tx.reasons(tenant, &Subject::Address(address.clone()))?;
    for contact in tx.rows.holders(tenant, address)? {
        all.extend(tx.reasons(tenant, &Subject::Contact(contact))?);
    }
    Ok(all)
}

/// The next addresses that are blocked here and stand on no list of the run's account.
///
/// # Errors
/// When the store cannot be read.
pub fn not_listed(tx: &mut Tx<'_>, run: &Run, account: &str, limit: usize) -> Result<Vec<AddressKey>> {
    let after = run.next.as_deref().unwrap_or_default();
    let keys = tx.rows.not_listed(&run.id, &run.tenant, account, after, limit)?;
    Ok(keys.into_iter().map(|key| AddressKey { kind: AddressKind::Email, key }).collect())
}

/// Takes addresses that the provider lacks into the run; `repaired` when they were put on its list.
/// `run` stands already where it goes on after them.
///
/// # Errors
/// When the store cannot be written.
pub fn take_missing(
    tx: &mut Tx<'_>,
    run: &mut Run,
    account: &str,
    missing: &[AddressKey],
    repaired: bool,
) -> Result<()> {
    for address in missing {
        let difference = Difference {
            side: Side::Ours,
            account: account.to_owned(),
            key: address.key.clone(),
            list: String::new(),
            repaired,
        };
        if tx.rows.put_difference(&run.id, &difference)? {
            run.found.ours += 1;
            run.found.ours_repaired += u64::from(repaired);
        }
        if repaired {
            let hash = tx.erased(address);
            tx.rows.put_mirrored(&run.provider, account, &hash)?;
        }
    }
    put(tx, run)
}
