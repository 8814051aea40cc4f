//! A provider's suppression lists: what the gateway asks about them and how the answers are read.
//!
//! Pure as the adapter is: a question is a [`Call`] that the gateway carries out, an answer is a value. The same
//! questions serve the release of a spam complaint (R21) and the comparison of both sides' lists.

use crate::{
    outbound::{Answer, Call, Unreadable},
    words::Secrets,
};
use jiff::Timestamp;
use std::fmt::Debug;

/// One list that a provider keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List {
    /// Its name in the provider's words; never changes, because records hold it.
    pub name: &'static str,
    /// What an entry says of a person. `None`: nothing lasting; the list is looked at for a release only.
    pub means: Option<Listing>,
}

/// What an entry of a list says of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listing {
    /// Mail to the address failed for good.
    Bounce,
    /// The person unsubscribed.
    Unsubscribe,
    /// The person marked a message as spam.
    Complaint,
}

/// Whether an address stands on a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// The provider says in so many words that it does not.
    Absent,
    /// It does; what the provider says of it.
    Present(String),
    /// The answer proves neither; what is wrong with it. Never taken for absence.
    Unknown(&'static str),
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// The address as the provider writes it.
    pub address: String,
    /// Since when.
    pub at: Option<Timestamp>,
    /// The provider's code.
    pub code: Option<String>,
    /// In the provider's words.
    pub message: String,
    /// It holds for some of the mail only (a tag, a group): other mail to the address is delivered.
    pub partial: bool,
}

/// Some entries of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Listed>,
    /// Where the next page begins, for [`Suppressions::page`]; none when this was the last.
    pub next: Option<String>,
}

/// What a provider's address validation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Validity {
    /// Mail arrives there.
    Good,
    /// It does not know; in its words. An operator's reason is needed besides.
    Uncertain(String),
    /// Mail does not arrive there; in its words.
    Bad(String),
}

/// The suppression API of a provider. No call is ever made of an empty address or account: with some providers
/// that would be the whole list.
pub trait Suppressions: Debug + Send + Sync {
    /// Its lists.
    fn lists(&self) -> &'static [List];

    /// Does each account (sending domain) have lists of its own? Otherwise they belong to the credentials, and
    /// `account` is empty everywhere.
    fn per_account(&self) -> bool;

    /// Do the accounts with lists of their own all belong to the credentials (message streams of one server)? Then
    /// [`Suppressions::accounts`] is always asked for them, and no configuration names them.
    fn accounts_of_credentials(&self) -> bool {
        false
    }

    /// Do the credentials have lists of their own beside those of accounts? They are meant by an empty `account`, and
    /// asked where no account is configured.
    fn lists_of_credentials(&self) -> bool {
        false
    }

    /// Could a name in a tenant's `accounts` be an account of this provider?
    fn is_account(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Asks for all accounts, for an installation that names none. `None` where the provider cannot tell.
    fn accounts(&self, secrets: &Secrets) -> Option<Call> {
        let _ = secrets;
        None
    }

    /// The accounts in the answer to [`Suppressions::accounts`].
    ///
    /// # Errors
    /// When it does not name all of them with certainty.
    fn accounts_read(&self, answer: &Answer<'_>) -> Result<Vec<String>, Unreadable> {
        let _ = answer;
        Err(Unreadable::new("this provider does not tell its accounts"))
    }

    /// Does the provider tell of no single address on this list? Then it is read page by page instead of
    /// [`Suppressions::look_up`].
    fn in_pages(&self, list: &List) -> bool {
        let _ = list;
        false
    }

    /// Asks whether an address stands on a list. `None` when credentials are missing, or the address is none.
    fn look_up(&self, list: &List, account: &str, address: &str, secrets: &Secrets) -> Option<Call>;

    /// Reads the answer to [`Suppressions::look_up`].
    fn looked_up(&self, list: &List, answer: &Answer<'_>) -> Presence;

    /// Takes an address off a list. `None` as for [`Suppressions::look_up`].
    fn remove(&self, list: &List, account: &str, address: &str, secrets: &Secrets) -> Option<Call>;

    /// Did the provider take it off, or say that it was not there?
    fn removed(&self, list: &List, answer: &Answer<'_>) -> bool;

    /// Asks for a page of a list: the first, or the one that [`Page::next`] names.
    fn page(&self, list: &List, account: &str, next: Option<&str>, secrets: &Secrets) -> Option<Call>;

    /// Reads the answer to [`Suppressions::page`].
    ///
    /// # Errors
    /// When it is no page of that list.
    fn page_read(
        &self,
        list: &List,
        account: &str,
        next: Option<&str>,
        answer: &Answer<'_>,
    ) -> Result<Page, Unreadable>;

    /// The most addresses in one [`Suppressions::add`]; 0 where the provider has no such list.
    fn add_max(&self) -> usize;

    /// Puts addresses on the list of those who unsubscribed. `None` when credentials are missing, or there is
    /// none.
    fn add(&self, account: &str, addresses: &[&str], secrets: &Secrets) -> Option<Call>;

    /// Asks whether mail arrives at an address. `None` where the provider does not tell or its key is missing.
    fn validate(&self, address: &str, secrets: &Secrets) -> Option<Call> {
        let _ = (address, secrets);
        None
    }

    /// Reads the answer to [`Suppressions::validate`]. `None` when it says nothing.
    fn validated(&self, answer: &Answer<'_>) -> Option<Validity> {
        let _ = answer;
        None
    }
}

/// Is this an address that may stand in a path? One `@` with something on both sides, nothing that is no text.
pub fn is_addressable(address: &str) -> bool {
    let parts = address.rsplit_once('@');
    parts.is_some_and(|(local, domain)| !local.trim().is_empty() && !domain.trim().is_empty())
        && !address.chars().any(char::is_control)
}
