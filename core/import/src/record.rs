//! What a row says.

use dndgate_dnd::{AddressKey, Blocks, Normalised, ReasonKind};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// What a row says.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A contact with its DND states.
    Contact(Box<Contact>),
    /// What stands on an address alone: an entry of a suppression list, an opt-out that no contact has.
    Address(Address),
    /// Something that changes nothing, and why.
    Nothing(&'static str),
}

/// A contact as a file tells of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contact {
    /// The tenant that it goes to.
    pub tenant: String,
    /// Its id in the system that it comes from.
    pub id: Option<String>,
    /// Everything but addresses and DND.
    pub fields: Map<String, Value>,
    /// Its addresses, the main one of each kind first.
    pub addresses: Vec<Normalised>,
    /// Its DND states.
    pub claims: Vec<Claim>,
    /// The row says something of DND, be it that nothing is blocked.
    pub dnd_said: bool,
    /// When it was made there.
    pub created: Option<Timestamp>,
}

/// What stands on an address.
#[derive(Debug, Clone, PartialEq)]
pub struct Address {
    /// The tenant that it goes to.
    pub tenant: String,
    /// The address.
    pub key: AddressKey,
    /// What is known of it.
    pub claims: Vec<Claim>,
}

/// One state that a file claims: the cause of a reason, before it is known when and by whom it is imported.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The kind of reason.
    pub kind: ReasonKind,
    /// What it blocks.
    pub blocks: Blocks,
    /// Locked (R22).
    pub permanent: bool,
    /// The provider's code.
    pub code: Option<String>,
    /// In plain words.
    pub message: String,
    /// The address that it came from, where the file says so.
    pub origin: Option<AddressKey>,
    /// When it began, where the file says so.
    pub at: Option<Timestamp>,
    /// Where it came from at first, where the file says so.
    pub source: Option<String>,
    /// Who caused it at first, where the file says so.
    pub actor: Option<String>,
}

impl Claim {
    /// A bare state.
    pub const fn new(kind: ReasonKind, blocks: Blocks) -> Claim {
        Claim {
            kind,
            blocks,
            permanent: false,
            code: None,
            message: String::new(),
            origin: None,
            at: None,
            source: None,
            actor: None,
        }
    }
}
