//! Contacts and their addresses.

mod dnd;
mod erase;
mod upsert;

pub use erase::delete;
pub use upsert::upsert;

use crate::{
    error::{Result, StoreError},
    events,
    opt::{self, Change},
    rows::{AddressRow, ContactRow, Subject},
    tx::Tx,
};
use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::{AddressKey, Cause, Reason, Region, Status, Stays, Suppressed, address, rules};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The most addresses of one kind that a contact may have.
const ADDRESSES_MAX: usize = 100;

/// What a caller wants of a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelWish {
    /// Blocked or not.
    pub status: Status,
    /// In plain words.
    pub message: Option<String>,
    /// A provider's code.
    pub code: Option<String>,
}

/// What a caller wants of a contact. What is not named stays.
#[derive(Debug, Clone, Default)]
pub struct ContactDraft {
    /// Everything but addresses and DND, as sent.
    pub fields: Map<String, Value>,
    /// For each kind that is named as a whole, all addresses of that kind, the main one first.
    pub addresses: Vec<(AddressKind, Vec<String>)>,
    /// Kinds of which a part is named: what it does not name stays.
    pub parts: Vec<(AddressKind, Part)>,
    /// The switch for all channels.
    pub dnd: Option<bool>,
    /// Single channels.
    pub settings: Vec<(Channel, ChannelWish)>,
    /// Inbound calls and SMS.
    pub inbound: Option<ChannelWish>,
}

/// A part of a contact's addresses of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The main one, or that there is none.
    Main(Option<String>),
    /// All others.
    Others(Vec<String>),
}

/// Who wants it.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Where it comes from.
    pub source: String,
    /// Who.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

impl Origin {
    /// A request to the API.
    pub fn api(actor: &str, at: Timestamp) -> Origin {
        Origin { source: "api".into(), actor: actor.into(), at }
    }
}

/// One address of a contact.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewAddress {
    /// Its kind.
    pub kind: AddressKind,
    /// How it is shown.
    pub shown: String,
    /// How it is compared.
    pub key: AddressKey,
    /// What it is protected from.
    pub suppressed: Suppressed,
}

/// A contact with everything that follows from its reasons and its addresses'.
#[derive(Debug, Clone)]
pub struct ContactView {
    /// Its id.
    pub id: String,
    /// Its tenant.
    pub tenant: String,
    /// Everything but addresses and DND, as sent.
    pub fields: Map<String, Value>,
    /// Its addresses.
    pub addresses: Vec<ViewAddress>,
    /// Its reasons and its addresses', each once.
    pub reasons: Vec<Reason>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

/// What came of a change to a contact.
#[derive(Debug)]
pub struct Edited {
    /// The contact now.
    pub contact: ContactView,
    /// It is new.
    pub created: bool,
    /// What stays blocked although it was to be switched off (R24).
    pub stays: Vec<Stays>,
    /// What changed of its DND.
    pub changes: Vec<Change>,
}

/// A contact's own reasons and its addresses'. What a person said stands on both; it counts once.
pub(crate) fn all_reasons(tx: &mut Tx<'_>, tenant: &str, contact: &str) -> Result<Vec<Reason>> {
    let mut all = tx.reasons(tenant, &Subject::Contact(contact.to_owned()))?;
    for name in tx.names_of(tenant, contact)? {
        for reason in tx.reasons(tenant, &Subject::Address(name))? {
            if !all.iter().any(|one| rules::is_twin(one, &reason)) {
                all.push(reason);
            }
        }
    }
    Ok(all)
}

/// The record of a contact by its id, or by that of one that became a part of it.
pub(crate) fn resolve(tx: &mut Tx<'_>, id: &str) -> Result<Option<ContactRow>> {
    if let Some(row) = tx.rows.contact(id)? {
        return Ok(Some(row));
    }
    match tx.rows.merged(id)? {
        Some(now) => tx.rows.contact(&now),
        None => Ok(None),
    }
}

/// A contact by its id, or by that of one that became a part of it.
///
/// # Errors
/// When the store cannot be read.
pub fn get(tx: &mut Tx<'_>, id: &str) -> Result<Option<ContactView>> {
    let Some(row) = resolve(tx, id)? else { return Ok(None) };
    let id = row.id.as_str();
    let reasons = all_reasons(tx, &row.tenant, id)?;
    let mut addresses = Vec::new();
    for one in tx.rows.addresses(id)? {
        let suppressed = tx.suppressed(&row.tenant, &one.key)?;
        addresses.push(ViewAddress { kind: one.key.kind, shown: one.shown, key: one.key, suppressed });
    }
    Ok(Some(ContactView {
        id: row.id,
        tenant: row.tenant,
        fields: serde_json::from_str(&row.fields).map_err(|error| StoreError::Corrupt(error.to_string()))?,
        addresses,
        reasons,
        created: row.created,
        updated: row.updated,
    }))
}

/// The contacts that hold an address, oldest first.
///
/// # Errors
/// When the store cannot be read.
pub fn with_address(tx: &mut Tx<'_>, tenant: &str, key: &AddressKey) -> Result<Vec<ContactView>> {
    let mut ids = tx.rows.holders(tenant, key)?;
    ids.sort_unstable();
    let mut all = Vec::new();
    for id in ids {
        all.extend(get(tx, &id)?);
    }
    Ok(all)
}

/// What is known of the contacts that hold an address under any of its names, without addresses and DND.
///
/// # Errors
/// When the store cannot be read.
pub fn holding(tx: &mut Tx<'_>, tenant: &str, key: &AddressKey) -> Result<Vec<Map<String, Value>>> {
    let mut all = Vec::new();
    for id in tx.holders(tenant, key)? {
        if let Some(row) = tx.rows.contact(&id)? {
            let fields = serde_json::from_str(&row.fields);
            all.push(fields.map_err(|error| StoreError::Corrupt(error.to_string()))?);
        }
    }
    Ok(all)
}

/// Makes a contact. What its addresses carry of opt-outs holds for it from the start (R7).
///
/// # Errors
/// When an address is none, or the store cannot be written.
pub fn create(
    tx: &mut Tx<'_>,
    tenant: &str,
    mut draft: ContactDraft,
    region: Region,
    origin: &Origin,
) -> Result<Edited> {
    complete(&mut draft, &[]);
    let id = uuid::Uuid::now_v7().simple().to_string();
    let row = ContactRow {
        id: id.clone(),
        tenant: tenant.to_owned(),
        fields: Value::Object(draft.fields.clone()).to_string(),
        created: origin.at,
        updated: origin.at,
    };
    tx.rows.put_contact(&row)?;
    claim(tx, tenant, &id, &draft.addresses, region)?;
    // A new contact has nothing to be switched off: "inactive" states what is so, or is overruled by what the
    // person at the address said.
    let on = |wish: &ChannelWish| wish.status != Status::Inactive;
    let begun = ContactDraft {
        dnd: draft.dnd.filter(|dnd| *dnd),
        settings: draft.settings.into_iter().filter(|(_, wish)| on(wish)).collect(),
        inbound: draft.inbound.filter(on),
        ..ContactDraft::default()
    };
    let (stays, changes) = dnd::set_dnd(tx, tenant, &id, &begun, origin)?;
    let contact = get(tx, &id)?.ok_or(StoreError::NotFound)?;
    Ok(Edited { contact, created: true, stays, changes })
}

/// Changes a contact.
///
/// # Errors
/// When there is none, something is locked (then nothing changes), an address is none, or the store cannot be
/// written.
pub fn update(
    tx: &mut Tx<'_>,
    id: &str,
    mut draft: ContactDraft,
    region: Region,
    origin: &Origin,
) -> Result<Edited> {
    let mut row = resolve(tx, id)?.ok_or(StoreError::NotFound)?;
    let id = &row.id.clone();
    complete(&mut draft, &tx.rows.addresses(id)?);
    let mut fields: Map<String, Value> =
        serde_json::from_str(&row.fields).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    fields.extend(draft.fields.clone());
    row.fields = Value::Object(fields).to_string();
    row.updated = origin.at;
    tx.rows.put_contact(&row)?;
    claim(tx, &row.tenant, id, &draft.addresses, region)?;
    let (stays, changes) = dnd::set_dnd(tx, &row.tenant, id, &draft, origin)?;
    let contact = get(tx, id)?.ok_or(StoreError::NotFound)?;
    Ok(Edited { contact, created: false, stays, changes })
}

/// Makes wholes of the parts that a draft names, with what a contact has besides.
fn complete(draft: &mut ContactDraft, have: &[AddressRow]) {
    for (kind, part) in std::mem::take(&mut draft.parts) {
        let mut known = have.iter().filter(|row| row.key.kind == kind).map(|row| row.shown.clone());
        let main = known.next();
        let whole = match part {
            Part::Main(new) => new.into_iter().chain(known).collect(),
            Part::Others(new) => main.into_iter().chain(new).collect(),
        };
        draft.addresses.push((kind, whole));
    }
}

fn normalised(kind: AddressKind, raw: &str, region: Region) -> Result<address::Normalised> {
    let name = match kind {
        AddressKind::Phone => "phone",
        AddressKind::Email => "email",
        _ => "addresses",
    };
    address::normalise(kind, raw, region).map_err(|bad| StoreError::Invalid(format!("{name} is {bad}")))
}

/// Puts a contact's addresses in place and takes over what their people said (R6, R7).
fn claim(
    tx: &mut Tx<'_>,
    tenant: &str,
    id: &str,
    named: &[(AddressKind, Vec<String>)],
    region: Region,
) -> Result<()> {
    let before = tx.rows.addresses(id)?;
    for (kind, values) in named {
        let mut rows: Vec<AddressRow> = Vec::new();
        for raw in values {
            let one = normalised(*kind, raw, region)?;
            if !rows.iter().any(|row| row.key == one.key) {
                rows.push(AddressRow { key: one.key, shown: one.shown });
            }
        }
        if rows.len() > ADDRESSES_MAX {
            return Err(StoreError::Invalid(format!("at most {ADDRESSES_MAX} addresses of a kind")));
        }
        tx.rows.put_addresses(tenant, id, *kind, &rows)?;
        for row in rows.iter().filter(|row| !before.iter().any(|had| had.key == row.key)) {
            adopt(tx, tenant, id, &row.key)?;
        }
    }
    // Those that were removed and those that came.
    for address in &before {
        tx.touch(tenant, &address.key);
    }
    tx.change(id, true);
    tx.touch_contact(tenant, id)
}

/// What stands on an address, under any of its names.
pub(crate) fn on_address(tx: &mut Tx<'_>, tenant: &str, address: &AddressKey) -> Result<Vec<Reason>> {
    let mut all = Vec::new();
    for name in tx.names(tenant, address)? {
        all.extend(tx.reasons(tenant, &Subject::Address(name))?);
    }
    Ok(all)
}

pub(crate) fn adopt(tx: &mut Tx<'_>, tenant: &str, id: &str, address: &AddressKey) -> Result<()> {
    let said = on_address(tx, tenant, address)?;
    let causes: Vec<Cause> = said
        .iter()
        .filter(|reason| reason.is_live() && !reason.kind.concerns_address())
        .map(|reason| Cause {
            origin: reason.origin.clone().or_else(|| Some(address.clone())),
            kind: reason.kind,
            blocks: reason.blocks,
            permanent: reason.permanent,
            code: reason.code.clone(),
            message: reason.message.clone(),
            source: reason.source.clone(),
            actor: reason.actor.clone(),
            at: reason.last_said(),
            expires: reason.expires,
        })
        .collect();
    let begun = opt::begin(tx, tenant, &Subject::Contact(id.to_owned()), &causes.iter().collect::<Vec<_>>())?;
    if !begun.is_empty() {
        let names: Vec<&str> = begun.iter().map(|one| one.blocks.name()).collect();
        events::raise(tx, tenant, &[id.to_owned()], Some(address), true, json!(names))?;
        opt::cancel_scheduled(tx, tenant, id)?;
    }
    Ok(())
}
