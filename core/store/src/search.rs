//! Finding contacts, as people type and as programs ask.
//!
//! What a contact is found by (its words, what it is ordered by, its DND) is derived from its record, its
//! addresses and its reasons, and made anew in the transaction that changes one of them. It says which
//! contacts to look at; what is shown of them is always read from the record itself.

pub(crate) mod values;

use crate::{
    contacts::{self, ContactView},
    error::Result,
    rows::{ContactRow, FoundBy, Place, Search},
    tx::Tx,
};
use dndgate_adapter::{AddressKind, Channel, Channels};
use dndgate_dnd::{AddressKey, Blocks, Reason, Status, address, state};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Contacts of an older version that are indexed in one transaction.
const OLDER_BATCH: usize = 500;
/// The most words by which one contact is found.
const WORDS_MAX: usize = 64;
/// The longest word, in characters: nobody types more.
const WORD_CHARS_MAX: usize = 40;
/// The last digits of a number by which people look for it, too.
const TAILS: [usize; 2] = [7, 4];

/// The bit of a contact's marks that says that a channel is blocked.
pub const fn blocked(channel: Channel) -> u32 {
    1 << channel as u32
}

/// The bit that says that a channel's block is locked.
pub const fn locked(channel: Channel) -> u32 {
    1 << (8 + channel as u32)
}

/// The bit that says that inbound calls and SMS are blocked.
pub const INBOUND: u32 = 1 << 16;
/// The bit that says that the switch for all channels is on.
pub const SWITCH: u32 = 1 << 17;

/// The bits of these channels' blocks.
pub fn all_blocked(channels: Channels) -> u32 {
    channels.iter().fold(0, |bits, channel| bits | blocked(channel))
}

fn marks(reasons: &[Reason]) -> u32 {
    let mut bits = 0;
    for channel in Channel::ALL {
        bits |= match state::channel(reasons, channel).status {
            Status::Inactive => 0,
            Status::Active => blocked(channel),
            Status::Permanent => blocked(channel) | locked(channel),
        };
    }
    let live = |blocks| reasons.iter().any(|one| one.is_live() && one.blocks == blocks);
    bits | if live(Blocks::Inbound) { INBOUND } else { 0 }
        | if live(Blocks::AllChannels) { SWITCH } else { 0 }
}

/// A page of contacts.
#[derive(Debug)]
pub struct Page {
    /// The contacts, each with its place in the list.
    pub contacts: Vec<(ContactView, Place)>,
    /// How many there are in all; see `counted`.
    pub total: u64,
    /// `total` is exact; otherwise there are more.
    pub counted: bool,
}

/// The contacts that are looked for. They are counted up to `count_max`.
///
/// # Errors
/// When the store cannot be read, or the place is not one of this order.
pub fn page(tx: &mut Tx<'_>, search: &Search, count_max: u64) -> Result<Page> {
    let found = tx.rows.search(search)?;
    let first = search.after.is_none();
    let (total, counted) = if first && found.len() < search.limit && (!found.is_empty() || search.offset == 0)
    {
        (search.offset + found.len() as u64, true)
    } else {
        let total = tx.rows.count(search, count_max)?;
        (total, total < count_max)
    };
    let mut all = Vec::with_capacity(found.len());
    for (id, place) in found {
        all.extend(contacts::get(tx, &id)?.map(|contact| (contact, place)));
    }
    Ok(Page { contacts: all, total, counted })
}

/// The words of a text as a tenant's contacts are found by them: in lower case, without accents, what is no
/// letter and no digit between them. A number may be typed with whatever stands between its digits.
pub fn words(tenant: &str, text: &str) -> Vec<String> {
    let mark = mark(tenant);
    let is_number = text.chars().all(|char| char.is_ascii_digit() || " +-./()".contains(char));
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if is_number && digits.len() > 2 {
        return vec![format!("{mark}{digits}")];
    }
    let mut all: Vec<String> = folded(text).map(|word| format!("{mark}{word}")).collect();
    all.truncate(WORDS_MAX);
    all
}

fn folded(text: &str) -> impl Iterator<Item = String> {
    let plain: String =
        text.nfkd().filter(|char| !is_combining_mark(*char)).flat_map(char::to_lowercase).collect();
    let words: Vec<String> = plain
        .split(|char: char| !char.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(WORD_CHARS_MAX).collect())
        .collect();
    words.into_iter()
}

/// Three characters that stand before every word of a tenant, so that a search stays within it. Tenants that
/// share them are told apart by the tenant itself.
fn mark(tenant: &str) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hash = Sha256::digest(tenant.as_bytes());
    hash.iter().take(3).map(|byte| char::from(DIGITS[usize::from(byte & 31)])).collect()
}

/// A name as it is ordered and compared.
pub fn lower(text: &str) -> String {
    text.trim().to_lowercase()
}

/// What a contact is found by, from its record and its addresses: how each is compared and how it is shown.
pub(crate) fn by<'a>(
    tenant: &str,
    fields: &Map<String, Value>,
    addresses: impl Iterator<Item = (&'a AddressKey, &'a str)>,
) -> FoundBy {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut words: Vec<String> = Vec::new();
    for name in ["firstName", "lastName", "name", "companyName"] {
        words.extend(folded(text(name)));
    }
    let mut email = None;
    for (key, shown) in addresses {
        match key.kind {
            AddressKind::Phone => {
                let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
                let national = address::national(shown);
                let tails = TAILS.iter().filter_map(|count| digits.get(digits.len().checked_sub(*count)?..));
                words.extend(tails.map(str::to_owned).chain(national));
                words.push(digits);
            }
            _ => words.extend(folded(shown)),
        }
        if key.kind == AddressKind::Email {
            email.get_or_insert(key);
        }
    }
    let mark = mark(tenant);
    words.sort_unstable();
    words.dedup();
    words.truncate(WORDS_MAX);
    let words = words.iter().map(|word| format!("{mark}{word}")).chain(values::of(tenant, fields));
    FoundBy {
        first_name: lower(text("firstName")),
        last_name: lower(text("lastName")),
        email: email.map(|key| key.key.clone()).unwrap_or_default(),
        words: words.collect::<Vec<_>>().join(" "),
    }
}

/// Makes a new contact findable, with what it is found by at hand.
pub(crate) fn index_new(
    tx: &mut Tx<'_>,
    contact: &ContactRow,
    by: &FoundBy,
    reasons: &[Reason],
) -> Result<()> {
    tx.rows.add_found(contact, by, marks(reasons))
}

/// Makes anew what the contacts that a transaction changed are found by.
pub(crate) fn index(tx: &mut Tx<'_>, touched: &HashSet<(String, AddressKey)>) -> Result<()> {
    for (tenant, address) in touched {
        for contact in tx.rows.holders(tenant, address)? {
            tx.change(&contact, false);
        }
    }
    for (id, wholly) in std::mem::take(&mut tx.changed) {
        let Some(contact) = tx.rows.contact(&id)? else {
            tx.rows.delete_found(&id)?;
            continue;
        };
        let reasons = contacts::all_reasons(tx, &contact.tenant, &id)?;
        if wholly {
            let addresses = tx.rows.addresses(&id)?;
            let fields: Map<String, Value> = serde_json::from_str(&contact.fields).unwrap_or_default();
            let addresses = addresses.iter().map(|one| (&one.key, one.shown.as_str()));
            tx.rows.put_found(&contact, &by(&contact.tenant, &fields, addresses), marks(&reasons))?;
        } else {
            tx.rows.mark_found(&id, marks(&reasons))?;
        }
    }
    Ok(())
}

/// Makes some of the contacts findable that an older version wrote. Whether none is left.
pub(crate) fn index_older(tx: &mut Tx<'_>) -> Result<bool> {
    const DONE: &str = "search";
    if tx.rows.meta(DONE)?.is_some() {
        return Ok(true);
    }
    let older = tx.rows.not_found(OLDER_BATCH)?;
    older.iter().for_each(|id| tx.change(id, true));
    index(tx, &HashSet::new())?;
    if older.is_empty() {
        tx.rows.put_meta(DONE, b"1")?;
    }
    Ok(older.is_empty())
}
