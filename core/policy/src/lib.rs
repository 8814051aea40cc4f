//! Policies: what a reply means, what an error code means, what an unsubscribe covers, what else may not be
//! sent. Lua files that operators edit; data becomes Rust structures when they are loaded, so that no Lua
//! runs for a message or a send unless a file defines a function.
//!
//! Policies judge and change nothing: the gateway turns a judgement into a cause for the rules.

mod book;
mod cases;
mod classify;
mod codes;
mod confirmation;
mod editor;
mod error;
mod hints;
mod keywords;
mod node;
mod part;
mod policies;
mod reader;
mod sandbox;
mod send_rules;
mod sends;
mod sources;
mod terms;
mod unsubscribe;
mod watch;

pub use book::Book;
pub use codes::{CodeEffect, Effect, FailureCode};
pub use editor::EDITOR_FILES;
pub use error::{At, FailedCase, PolicyError};
pub use keywords::{Meaning, Said, Understood};
pub use policies::Policies;
pub use sandbox::{Limits, faults};
pub use send_rules::{ContactFacts, Judgement, Looking, MemoryCounters};
pub use sends::{SendFacts, SendVerdict};
pub use sources::{Edit, is_folder_name, is_policy_file, tenant_file};
pub use terms::written as length_written;
pub use unsubscribe::{PageTexts, Unsubscribe};
pub use watch::{Active, Watcher, reload, watch, watch_folder};
