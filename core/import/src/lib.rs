//! Files of contacts and suppressions, read and written: which format a file has, what each row means, which rows
//! mean nothing. Pure: no store, no socket, no clock. What a row changes is decided elsewhere.
//!
//! - [`Reader`]: a file, row by row, whatever its encoding, separator and format
//! - [`Format`]: the formats, and how a header tells which it is
//! - [`Record`]: what a row says
//! - [`write`](mod@write): the same formats, written

mod claims;
mod columns;
mod contact;
mod encoding;
mod format;
mod lines;
mod lists;
mod reader;
mod record;
mod table;
mod when;
pub mod write;

pub use encoding::Encoding;
pub use format::Format;
pub use reader::{Fault, Options, Reader, Row, Tenants, Unreadable};
pub use record::{Address, Claim, Contact, Record};
