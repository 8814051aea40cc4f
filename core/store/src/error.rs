//! Why the store could not do what it was asked.

use dndgate_dnd::Stays;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be written or read at the moment: the disk is full, read-only or broken. Nothing was changed.
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
    /// More waits than the queue holds.
    #[error("the store is overloaded")]
    Busy,
    /// There is no such thing.
    #[error("there is no such thing in the store")]
    NotFound,
    /// A wish to end DND that is refused, with what would be needed (R20–R22).
    #[error("locked")]
    Locked(Vec<Stays>),
    /// A value that cannot be kept; the sentence names it.
    #[error("{0}")]
    Invalid(String),
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// Another process has it and keeps a cache of it: what a second one wrote would be missed there.
    #[error("another dndgate is using {0}")]
    Held(String),
    /// The one who asks is not the one who may; the sentence says who.
    #[error("{0}")]
    Forbidden(String),
    /// The configuration names a store that this program cannot open.
    #[error("store.url: {0}")]
    Url(String),
    /// What is kept cannot be understood: written by a newer version, or damaged.
    #[error("the store is damaged or of another version: {0}")]
    Corrupt(String),
}

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, StoreError>;
