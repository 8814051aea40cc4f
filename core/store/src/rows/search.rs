//! What contacts are found by.

use super::ContactRow;
use crate::error::Result;
use dndgate_adapter::AddressKind;

/// What a contact is found by beside its DND: derived from its record and its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBy {
    /// In lower case.
    pub first_name: String,
    /// In lower case.
    pub last_name: String,
    /// Its main one, as it is compared.
    pub email: String,
    /// The words that it is found by, with the tenant's mark before each, and those of its values; blanks between them.
    pub words: String,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// In this tenant.
    pub tenant: String,
    /// Each must be the beginning of one of the contact's words.
    pub words: Vec<String>,
    /// And this must hold.
    pub filter: Filter,
    /// In this order; without any the newest first.
    pub order: Vec<(Column, Direction)>,
    /// After the contact at this place.
    pub after: Option<Place>,
    /// So many are passed over.
    pub offset: u64,
    /// So many at the most.
    pub limit: usize,
}

/// A place in a list: what it is ordered by, and the contact's number.
pub type Place = (Vec<Scalar>, i64);

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// What must hold of a contact.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of these; of none: everything.
    All(Vec<Filter>),
    /// One of these.
    Any(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// These bits of its marks are exactly so.
    Marks {
        /// The bits.
        of: u32,
        /// What they are.
        are: u32,
    },
    /// A value of its.
    Value(Column, Test),
}

/// What a contact may be filtered and ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// Its id.
    Id,
    /// When it was made, in microseconds.
    Created,
    /// When it was last changed, in microseconds.
    Updated,
    /// In lower case.
    FirstName,
    /// In lower case.
    LastName,
    /// Its main email.
    Email,
    /// Any of its addresses of a kind, as it is compared.
    Address(AddressKind),
    /// A member of its record; any of the elements where it is a list.
    Member(String),
    /// A custom field, by its id or key.
    Custom(String),
}

/// What is asked of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// It is this one.
    Is(Scalar),
    /// It holds this text, in whatever case.
    Contains(String),
    /// There is one.
    Exists,
    /// It lies between these, each as given.
    Between {
        /// Greater than (false) or from (true) here.
        from: Option<(Scalar, bool)>,
        /// Less than (false) or to (true) here.
        to: Option<(Scalar, bool)>,
    },
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A text.
    Text(String),
    /// A whole number, a time in microseconds, or yes (1) and no (0).
    Whole(i64),
    /// A number.
    Real(f64),
}

/// What contacts are found by.
pub trait SearchRows {
    /// Keeps what a new contact is found by; of its DND the marks, see [`crate::search`].
    fn add_found(&mut self, contact: &ContactRow, by: &FoundBy, marks: u32) -> Result<()>;
    /// Keeps what a contact is found by.
    fn put_found(&mut self, contact: &ContactRow, by: &FoundBy, marks: u32) -> Result<()>;
    /// Keeps what changed of its DND.
    fn mark_found(&mut self, contact: &str, marks: u32) -> Result<()>;
    /// Forgets a contact.
    fn delete_found(&mut self, contact: &str) -> Result<()>;
    /// Ids of contacts that are not kept here, so many.
    fn not_found(&mut self, limit: usize) -> Result<Vec<String>>;
    /// The ids of those that are looked for, with their places.
    fn search(&mut self, search: &Search) -> Result<Vec<(String, Place)>>;
    /// How many there are; not counted beyond `max`.
    fn count(&mut self, search: &Search, max: u64) -> Result<u64>;
}
