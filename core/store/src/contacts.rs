//! Contacts and their addresses.

use crate::{
    error::{Result, StoreError},
    events, links,
    opt::{self, Change, Ending},
    rows::{AddressRow, ContactRow, Subject},
    tx::Tx,
};
use dndgate_adapter::{AddressKind, Channel, Channels};
use dndgate_dnd::{
    AddressKey, Blocks, Cause, Lift, Reason, ReasonKind, Region, Status, Stays, Suppressed, address, state,
};
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
    /// For each kind that is named, all addresses of that kind, the main one first.
    pub addresses: Vec<(AddressKind, Vec<String>)>,
    /// The switch for all channels.
    pub dnd: Option<bool>,
    /// Single channels.
    pub settings: Vec<(Channel, ChannelWish)>,
    /// Inbound calls and SMS.
    pub inbound: Option<ChannelWish>,
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
    for address in tx.rows.addresses(contact)? {
        for reason in tx.reasons(tenant, &Subject::Address(address.key))? {
            let twin = all.iter().any(|one| {
                (one.kind, one.blocks, one.permanent, one.is_live())
                    == (reason.kind, reason.blocks, reason.permanent, reason.is_live())
                    && one.origin == reason.origin
                    && one.code == reason.code
            });
            if !twin {
                all.push(reason);
            }
        }
    }
    Ok(all)
}

/// A contact by its id.
///
/// # Errors
/// When the store cannot be read.
pub fn get(tx: &mut Tx<'_>, id: &str) -> Result<Option<ContactView>> {
    let Some(row) = tx.rows.contact(id)? else { return Ok(None) };
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

/// Makes a contact. What its addresses carry of opt-outs holds for it from the start (R7).
///
/// # Errors
/// When an address is none, or the store cannot be written.
pub fn create(
    tx: &mut Tx<'_>,
    tenant: &str,
    draft: ContactDraft,
    region: Region,
    origin: &Origin,
) -> Result<Edited> {
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
    let (stays, changes) = set_dnd(tx, tenant, &id, &begun, origin)?;
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
    draft: ContactDraft,
    region: Region,
    origin: &Origin,
) -> Result<Edited> {
    let mut row = tx.rows.contact(id)?.ok_or(StoreError::NotFound)?;
    let mut fields: Map<String, Value> =
        serde_json::from_str(&row.fields).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    fields.extend(draft.fields.clone());
    row.fields = Value::Object(fields).to_string();
    row.updated = origin.at;
    tx.rows.put_contact(&row)?;
    claim(tx, &row.tenant, id, &draft.addresses, region)?;
    let (stays, changes) = set_dnd(tx, &row.tenant, id, &draft, origin)?;
    let contact = get(tx, id)?.ok_or(StoreError::NotFound)?;
    Ok(Edited { contact, created: false, stays, changes })
}

/// Changes the contact with that email or phone, or makes one.
///
/// # Errors
/// As [`update`] and [`create`].
pub fn upsert(
    tx: &mut Tx<'_>,
    tenant: &str,
    draft: ContactDraft,
    region: Region,
    origin: &Origin,
) -> Result<Edited> {
    let mut found = None;
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let main =
            draft.addresses.iter().find(|(one, _)| *one == kind).and_then(|(_, values)| values.first());
        if let (None, Some(raw)) = (&found, main) {
            let key = normalised(kind, raw, region)?.key;
            found = tx.rows.holders(tenant, &key)?.into_iter().min();
        }
    }
    let Some(id) = found else { return create(tx, tenant, draft, region, origin) };
    // An upsert that names one address of several does not take the others away.
    let mut draft = draft;
    for (kind, values) in &mut draft.addresses {
        let have = tx.rows.addresses(&id)?;
        let more = have.iter().filter(|one| one.key.kind == *kind).map(|one| one.shown.clone());
        values.extend(more.collect::<Vec<_>>());
    }
    update(tx, &id, draft, region, origin)
}

/// Erases a contact (R5): its record, its addresses and everything personal in the ledger go; what its
/// addresses are protected from stays in force, under keyed hashes.
///
/// # Errors
/// When there is none, or the store cannot be written.
pub fn delete(tx: &mut Tx<'_>, id: &str, origin: &Origin) -> Result<()> {
    let row = tx.rows.contact(id)?.ok_or(StoreError::NotFound)?;
    let tenant = row.tenant.as_str();
    let subject = Subject::Contact(id.to_owned());
    let own: Vec<Reason> = tx.reasons(tenant, &subject)?.into_iter().filter(Reason::is_live).collect();
    let before = Suppressed::by(&own);
    for address in tx.rows.addresses(id)? {
        let kept: Vec<Cause> = own.iter().map(|reason| inherited(reason, &address.key)).collect();
        opt::begin(tx, tenant, &Subject::Address(address.key.clone()), &kept.iter().collect::<Vec<_>>())?;
        tx.touch(tenant, &address.key);
        let others = tx.rows.holders(tenant, &address.key)?;
        if others.iter().all(|other| other == id) {
            let erased = tx.erased(tenant, &address.key);
            tx.rows.erase_address(tenant, &address.key, &erased)?;
            links::forget(tx, tenant, &address.key)?;
            let entries = tx.address_subject(tenant, &address.key);
            tx.rows.forget(&entries)?;
        }
    }
    crate::ledger::append(
        tx,
        &crate::ledger::Entry {
            tenant,
            subjects: std::slice::from_ref(&subject),
            change: "erase",
            reasons: &[],
            before,
            after: before,
            source: &origin.source,
            actor: &origin.actor,
            event_at: origin.at,
            more: json!({ "contact": id }),
        },
    )?;
    tx.rows.forget(&format!("c:{id}"))?;
    tx.rows.delete_reasons(id)?;
    tx.rows.delete_contact(id)
}

/// What an address keeps of an erased contact's reason.
fn inherited(reason: &Reason, address: &AddressKey) -> Cause {
    Cause {
        kind: reason.kind,
        blocks: reason.blocks,
        origin: Some(address.clone()),
        permanent: reason.permanent,
        code: reason.code.clone(),
        message: String::new(),
        source: "erased contact".into(),
        actor: reason.actor.clone(),
        at: reason.began,
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
    tx.touch_contact(tenant, id)
}

fn adopt(tx: &mut Tx<'_>, tenant: &str, id: &str, address: &AddressKey) -> Result<()> {
    let said: Vec<Reason> = tx.reasons(tenant, &Subject::Address(address.clone()))?;
    let causes: Vec<Cause> = said
        .iter()
        .filter(|reason| reason.is_live() && !reason.kind.concerns_address())
        .map(|reason| Cause {
            origin: Some(address.clone()),
            kind: reason.kind,
            blocks: reason.blocks,
            permanent: reason.permanent,
            code: reason.code.clone(),
            message: reason.message.clone(),
            source: reason.source.clone(),
            actor: reason.actor.clone(),
            at: reason.began,
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

/// Does what a draft says of DND: ends first, begins after (R15, R20, R24).
fn set_dnd(
    tx: &mut Tx<'_>,
    tenant: &str,
    id: &str,
    draft: &ContactDraft,
    origin: &Origin,
) -> Result<(Vec<Stays>, Vec<Change>)> {
    let shown = all_reasons(tx, tenant, id)?;
    let ending =
        Ending { by: &origin.actor, source: &origin.source, why: "switched off", event_at: origin.at };
    let (mut stays, mut ended) = (Vec::new(), Vec::new());
    let live = |blocks: Blocks| shown.iter().any(|one| one.is_live() && one.blocks == blocks);
    if draft.dnd == Some(false) && live(Blocks::AllChannels) {
        let (lifted, parts) = opt::lift(tx, tenant, id, &Lift::AllSwitch, &ending)?;
        stays.extend(lifted.stays);
        ended.extend(parts);
    }
    for (channel, _) in draft.settings.iter().filter(|(_, wish)| wish.status == Status::Inactive) {
        ended.extend(opt::lift(tx, tenant, id, &Lift::Channel(*channel), &ending)?.1);
    }
    if draft.inbound.as_ref().is_some_and(|wish| wish.status == Status::Inactive) {
        ended.extend(opt::lift(tx, tenant, id, &Lift::Inbound, &ending)?.1);
    }
    if draft.dnd == Some(false) {
        let now = all_reasons(tx, tenant, id)?;
        for reason in now.iter().filter(|one| one.is_live() && one.blocks != Blocks::Inbound) {
            let how = reason.lock().map_or("switch this channel off as well", |lock| lock.how());
            let one = Stays { blocks: reason.blocks.name(), kind: reason.kind, how };
            if !stays.contains(&one) {
                stays.push(one);
            }
        }
    }
    let causes = causes(draft, &shown, origin);
    let begun = opt::begin(tx, tenant, &Subject::Contact(id.to_owned()), &causes.iter().collect::<Vec<_>>())?;
    tx.touch_contact(tenant, id)?;
    let mut changes = Vec::new();
    if !ended.is_empty() {
        let names = ended.iter().map(|(blocks, ..)| blocks.name()).collect::<std::collections::BTreeSet<_>>();
        events::raise(tx, tenant, &[id.to_owned()], None, false, json!(names))?;
        changes.push(Change { tenant: tenant.to_owned(), parts: ended });
    }
    if !begun.is_empty() {
        let names = begun.iter().map(|one| one.blocks.name()).collect::<std::collections::BTreeSet<_>>();
        events::raise(tx, tenant, &[id.to_owned()], None, true, json!(names))?;
        opt::cancel_scheduled(tx, tenant, id)?;
        let parts = begun.iter().map(|one| (one.blocks, one.kind, true)).collect();
        changes.push(Change { tenant: tenant.to_owned(), parts });
    }
    Ok((stays, changes))
}

/// The causes that a draft asks for. What merely repeats what was shown is no wish.
fn causes(draft: &ContactDraft, shown: &[Reason], origin: &Origin) -> Vec<Cause> {
    let cause = |kind, blocks, wish: Option<&ChannelWish>| Cause {
        kind,
        blocks,
        origin: None,
        permanent: wish.is_some_and(|wish| wish.status == Status::Permanent),
        code: wish.and_then(|wish| wish.code.clone()).filter(|code| !code.is_empty()),
        message: wish.and_then(|wish| wish.message.clone()).unwrap_or_default(),
        source: origin.source.clone(),
        actor: origin.actor.clone(),
        at: origin.at,
    };
    let echo = |wish: &ChannelWish, state: &state::ChannelState<'_>| {
        state.reasons.first().is_some_and(|first| {
            wish.status == state.status
                && wish.message.as_deref().is_some_and(|message| message == first.message)
                && wish.code.as_deref().unwrap_or_default() == first.code.as_deref().unwrap_or_default()
        })
    };
    let mut all = Vec::new();
    if draft.dnd == Some(true) {
        all.push(cause(ReasonKind::All, Blocks::AllChannels, None));
    }
    for (channel, wish) in draft.settings.iter().filter(|(_, wish)| wish.status != Status::Inactive) {
        if !echo(wish, &state::channel(shown, *channel)) {
            let kind = if wish.status == Status::Permanent { ReasonKind::Import } else { ReasonKind::Manual };
            all.push(cause(kind, Blocks::Channel(*channel), Some(wish)));
        }
    }
    if let Some(wish) = draft.inbound.as_ref().filter(|wish| wish.status != Status::Inactive)
        && !echo(wish, &state::inbound(shown))
    {
        all.push(cause(ReasonKind::Manual, Blocks::Inbound, Some(wish)));
    }
    all
}

/// The channels that these reasons block.
pub fn blocked(reasons: &[Reason]) -> Channels {
    Suppressed::by(reasons).channels()
}
