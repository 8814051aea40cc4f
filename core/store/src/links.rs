//! Unsubscribe links: the keys that seal them, and the short ones, which are kept.

use crate::{
    error::{Result, StoreError},
    rows::ShortLinkRow,
    tx::Tx,
};
use dndgate_dnd::AddressKey;
use jiff::Timestamp;

/// A key that seals links. None is ever removed: what it sealed goes on working.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkKey {
    /// Its number, which stands in front of what it sealed; the first is 1.
    pub id: u8,
    /// The secret.
    pub secret: [u8; 32],
    /// When it was made.
    pub made: Timestamp,
}

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkKey").field("id", &self.id).field("made", &self.made).finish_non_exhaustive()
    }
}

/// All keys, the newest last; the first one is made when there is none.
///
/// # Errors
/// When the store cannot be written.
pub fn keys(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<LinkKey>> {
    let found = tx.rows.link_keys()?;
    if found.is_empty() { rotate(tx, now) } else { Ok(found) }
}

/// Makes a new key, which seals from now on. All keys, the newest last.
///
/// # Errors
/// When there are 255 already, or the store cannot be written.
pub fn rotate(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<LinkKey>> {
    let mut all = tx.rows.link_keys()?;
    let last = all.last().map_or(0, |key| key.id);
    let id = last
        .checked_add(1)
        .ok_or_else(|| StoreError::Conflict("there are 255 keys for links already; none may go".into()))?;
    let mut secret = [0u8; 32];
    getrandom::fill(&mut secret).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let key = LinkKey { id, secret, made: now };
    tx.rows.put_link_key(&key)?;
    all.push(key);
    Ok(all)
}

/// Keeps a link's token under a short id. False: the id is another link's.
///
/// # Errors
/// When the store cannot be written.
pub fn shorten(
    tx: &mut Tx<'_>,
    id: &str,
    token: &str,
    tenant: &str,
    address: &AddressKey,
    now: Timestamp,
) -> Result<bool> {
    let subject = tx.address_subject(tenant, address);
    tx.rows.put_short_link(&ShortLinkRow {
        id: id.to_owned(),
        token: token.to_owned(),
        subject,
        made: now,
    })?;
    Ok(tx.rows.short_link(id)?.as_deref() == Some(token))
}

/// The token behind a short id.
///
/// # Errors
/// When the store cannot be read.
pub fn lengthen(tx: &mut Tx<'_>, id: &str) -> Result<Option<String>> {
    tx.rows.short_link(id)
}

/// Forgets the short links of an erased address (R5). The long ones hold the address themselves and work on.
pub(crate) fn forget(tx: &mut Tx<'_>, tenant: &str, address: &AddressKey) -> Result<()> {
    let subject = tx.address_subject(tenant, address);
    tx.rows.forget_short_links(&subject)
}
