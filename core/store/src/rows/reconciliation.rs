//! Comparison of what is known here with providers' suppression lists.

use crate::error::Result;
use jiff::Timestamp;

/// On which side an address stands while the other lacks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// On the provider's list, not known here.
    Theirs,
    /// Blocked here, on no list of the provider.
    Ours,
}

impl Side {
    /// The name on the API and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Side::Theirs => "theirs",
            Side::Ours => "ours",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Side> {
        [Side::Theirs, Side::Ours].into_iter().find(|side| side.name() == name)
    }
}

/// An address that one side has and the other has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// On which side it stands.
    pub side: Side,
    /// The provider's account (sending domain); empty where lists belong to the credentials.
    pub account: String,
    /// The address as it is compared.
    pub key: String,
    /// The provider's list; empty for [`Side::Ours`].
    pub list: String,
    /// It was put in order by this run.
    pub repaired: bool,
}

/// Comparisons with providers' lists. Email addresses only: providers offer lists of no others.
pub trait ReconciliationRows {
    /// Keeps a run. `open`: there is something to do for it at `due`.
    fn put_run(
        &mut self,
        id: &str,
        tenant: &str,
        open: bool,
        due: Timestamp,
        created: Timestamp,
        run: &str,
    ) -> Result<()>;
    /// A run.
    fn run_of(&mut self, id: &str) -> Result<Option<String>>;
    /// The newest runs first.
    fn newest_runs(&mut self, tenant: Option<&str>, limit: usize) -> Result<Vec<String>>;
    /// Runs for which there is something to do now.
    fn due_runs(&mut self, now: Timestamp, limit: usize) -> Result<Vec<String>>;
    /// Forgets what is closed and was made before a time, with its differences.
    fn forget_runs(&mut self, before: Timestamp) -> Result<()>;
    /// Notes that an address stands on some list of an account.
    fn put_entry(&mut self, run: &str, account: &str, key: &str) -> Result<()>;
    /// Forgets what a run noted of lists.
    fn forget_entries(&mut self, run: &str) -> Result<()>;
    /// Keeps a difference; whether it is new.
    fn put_difference(&mut self, run: &str, difference: &Difference) -> Result<bool>;
    /// Differences in their order after one, to page through.
    fn differences(
        &mut self,
        run: &str,
        side: Side,
        after: (&str, &str, &str),
        limit: usize,
    ) -> Result<Vec<Difference>>;
    /// Addresses that are blocked on Email in a tenant and stand on no list of the account, in order after one.
    fn not_listed(
        &mut self,
        run: &str,
        tenant: &str,
        account: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>>;
    /// Notes that the gateway itself put an address on a provider's list.
    fn put_mirrored(&mut self, provider: &str, account: &str, address_hash: &str) -> Result<()>;
    /// Did it?
    fn is_mirrored(&mut self, provider: &str, account: &str, address_hash: &str) -> Result<bool>;
}
