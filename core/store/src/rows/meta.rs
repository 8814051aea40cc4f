//! Named values.

use crate::error::Result;

/// Named values.
pub trait MetaRows {
    /// A named value.
    fn meta(&mut self, name: &str) -> Result<Option<Vec<u8>>>;
    /// Sets a named value.
    fn put_meta(&mut self, name: &str, value: &[u8]) -> Result<()>;
}
