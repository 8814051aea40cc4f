//! The adapters that a binary brings.

use dndgate_adapter::{Adapter, Key, Secrets};
use std::path::Path;

/// Every adapter of a binary.
#[derive(Debug, Clone, Copy)]
pub struct Adapters {
    /// Those that are the same for every provider, in the order in which they are listed to people.
    pub fixed: &'static [&'static dyn Adapter],
    /// Those that are made from the configuration. One that is listed above as well stands there for people and
    /// for the demo; the configuration uses the one made here.
    pub made: &'static [Maker],
}

/// Makes an adapter for one `[[provider]]`: where its profile depends on the configuration (a region, a channel), or
/// all of it does (a description in a file).
#[derive(Debug, Clone, Copy)]
pub struct Maker {
    /// The adapter's name in the configuration.
    pub name: &'static str,
    /// The keys of the `[[provider]]` that [`Maker::make`] is given. They count as known there.
    pub keys: &'static [Key],
    /// Makes it. `folder` holds the configuration file, to which paths are relative. Runs at start and at each
    /// reload; what it makes lives on, so one that would be equal is to be handed out again.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the keys and what would be right.
    pub make: fn(values: &Secrets, folder: &Path) -> Result<&'static dyn Adapter, String>,
}

impl Adapters {
    /// The names that may stand in the configuration.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.fixed.iter().map(|adapter| adapter.profile().name).collect();
        names.extend(
            self.made.iter().map(|maker| maker.name).filter(|name| !names.contains(name)).collect::<Vec<_>>(),
        );
        names
    }
}
