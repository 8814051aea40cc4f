//! The agency's suppression list: above all tenants, enforced in each of them, seen in none but by its effect.
//!
//! It is kept as reasons on addresses in a scope of its own ([`AGENCY`]), so that ledger, events, cache and
//! import treat it as they treat everything else. To a tenant its entries are a `policy` that blocks.

use crate::{
    cache::AGENCY,
    contacts::Origin,
    error::{Result, StoreError},
    opt::{self, Change, Ending},
    rows::Subject,
    tx::Tx,
};
use dndgate_adapter::AddressKind;
use dndgate_dnd::{AddressKey, Blocks, Cause, Reason, ReasonKind};

/// What is to be put on the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Whom.
    pub address: AddressKey,
    /// From what: a channel, or all of them.
    pub blocks: Blocks,
    /// In plain words, for the agency alone.
    pub message: String,
}

/// Puts addresses on the list. What is on it already stays as it is.
///
/// # Errors
/// When an entry is about inbound messages, or the store cannot be written.
pub fn add(tx: &mut Tx<'_>, entries: &[Entry], origin: &Origin) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for entry in entries {
        if entry.blocks == Blocks::Inbound {
            return Err(StoreError::Invalid(
                "the agency's list is about sends; inbound is a contact's own".into(),
            ));
        }
        let cause = Cause {
            kind: ReasonKind::Policy,
            blocks: entry.blocks,
            origin: Some(entry.address.clone()),
            permanent: false,
            code: None,
            message: entry.message.clone(),
            source: origin.source.clone(),
            actor: origin.actor.clone(),
            at: origin.at,
            expires: None,
        };
        changes.extend(opt::record(tx, AGENCY, &[cause])?);
    }
    Ok(changes)
}

/// Takes an entry off the list.
///
/// # Errors
/// When there is none of this id, or the store cannot be written.
pub fn remove(tx: &mut Tx<'_>, id: &str, origin: &Origin) -> Result<Vec<Change>> {
    let found = tx.rows.reason(id)?.filter(|(scope, _, reason)| scope == AGENCY && reason.is_live());
    let Some((_, Subject::Address(address), reason)) = found else { return Err(StoreError::NotFound) };
    let ending =
        Ending { by: &origin.actor, source: &origin.source, why: "taken off the list", event_at: origin.at };
    Ok(opt::end_on_address(tx, AGENCY, &address, &reason, &ending)?.into_iter().collect())
}

/// The entries after a place, ordered by address.
///
/// # Errors
/// When the store cannot be read.
pub fn page(
    tx: &mut Tx<'_>,
    after: Option<(AddressKey, String)>,
    limit: usize,
) -> Result<Vec<(AddressKey, Reason)>> {
    let first = || (AddressKey { kind: AddressKind::Email, key: String::new() }, String::new());
    tx.rows.live_on_addresses(AGENCY, &after.unwrap_or_else(first), limit)
}

/// The entries of one address.
///
/// # Errors
/// When the store cannot be read.
pub fn of_address(tx: &mut Tx<'_>, address: &AddressKey) -> Result<Vec<Reason>> {
    let all = tx.reasons(AGENCY, &Subject::Address(address.clone()))?;
    Ok(all.into_iter().filter(Reason::is_live).collect())
}
