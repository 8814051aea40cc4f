//! What a file says, brought in (R25): reasons begin and never end, contacts are found again, and the same file once
//! more changes nothing.
//!
//! Rows come by the million: what is new to the store is written without asking back, everything else goes through
//! the same doors as a webhook's or an operator's change.

use crate::{
    contacts::{Origin, adopt, on_address, resolve},
    error::{Result, StoreError},
    events, ledger,
    opt::{self, Change},
    rows::{AddressRow, ContactRow, FoundBy, Subject},
    search,
    tx::Tx,
};
use dndgate_adapter::AddressKind;
use dndgate_dnd::{AddressKey, Cause, Normalised, Reason, Suppressed, rules};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The most addresses of one kind that a contact may have.
const ADDRESSES_MAX: usize = 100;
/// Up to so many addresses one question tells whether any is known.
const ADDRESSES_FEW: usize = 8;

/// A contact that comes in.
#[derive(Debug, Clone)]
pub struct Contact {
    /// Its id where it comes from.
    pub id: Option<String>,
    /// The id alone says who it is: two contacts may share an address. Otherwise whoever holds one of its
    /// addresses is the same person.
    pub by_id_alone: bool,
    /// Everything but addresses and DND.
    pub fields: Map<String, Value>,
    /// Its addresses.
    pub addresses: Vec<Normalised>,
    /// What is claimed of it.
    pub causes: Vec<Dated>,
    /// When it was made there.
    pub created: Option<Timestamp>,
}

/// A contact that comes in, with all that can be said of it before the store is asked.
#[derive(Debug, Clone)]
pub struct Ready {
    tenant: String,
    contact: Contact,
    /// Its record as it is kept.
    fields: String,
    by: FoundBy,
}

impl Contact {
    /// Prepares it for its tenant. The store's writer is one for all: whatever can be done before is not done there.
    pub fn ready(self, tenant: String) -> Ready {
        let addresses = self.addresses.iter().map(|one| (&one.key, one.shown.as_str()));
        let by = search::by(&tenant, &self.fields, addresses);
        let fields = Value::Object(self.fields.clone()).to_string();
        Ready { tenant, contact: self, fields, by }
    }
}

/// A cause, and whether its time is the file's own: then it is the same event when it comes again.
#[derive(Debug, Clone)]
pub struct Dated {
    /// The cause.
    pub cause: Cause,
    /// The file dates it.
    pub dated: bool,
}

/// What came of a row.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// The contact, where it is one.
    pub contact: Option<String>,
    /// The contact is new.
    pub new: bool,
    /// The contact's record changed.
    pub edited: bool,
    /// What changed of DND.
    pub change: Option<Change>,
}

/// Brings a contact in. The inner error: the row cannot be taken, and nothing was changed.
///
/// # Errors
/// When the store cannot be read or written.
pub fn contact(
    tx: &mut Tx<'_>,
    ready: &Ready,
    origin: &Origin,
) -> Result<std::result::Result<Taken, String>> {
    let (tenant, incoming) = (ready.tenant.as_str(), &ready.contact);
    let (mut known, new, edited) = if is_fresh(tx, tenant, incoming)? {
        (add(tx, incoming.id.clone().unwrap_or_else(fresh), ready, origin)?, true, false)
    } else {
        match find(tx, tenant, incoming)? {
            Err(why) => return Ok(Err(why)),
            Ok(Found::New(id)) => (create(tx, id, ready, origin)?, true, false),
            Ok(Found::There(row)) => match extend(tx, row, incoming, origin)? {
                Ok((known, edited)) => (known, false, edited),
                Err(why) => return Ok(Err(why)),
            },
        }
    };
    let change = begin(tx, tenant, &mut known, &incoming.causes, origin)?;
    if new {
        search::index_new(tx, &known.row, &ready.by, &known.reasons())?;
    } else if edited || change.is_some() {
        tx.change(&known.row.id, edited);
    }
    Ok(Ok(Taken { contact: Some(known.row.id), new, edited, change }))
}

fn fresh() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// Has the store never heard of it nor of any of its addresses? One question answers for most.
fn is_fresh(tx: &mut Tx<'_>, tenant: &str, incoming: &Contact) -> Result<bool> {
    if incoming.addresses.len() > ADDRESSES_FEW {
        return Ok(false);
    }
    let mut all = Vec::with_capacity(incoming.addresses.len());
    for one in &incoming.addresses {
        if tx.names(tenant, &one.key)?.len() > 1 {
            return Ok(false);
        }
        all.push((&one.key, tx.erased(&one.key)));
    }
    Ok(!tx.rows.is_known(tenant, incoming.id.as_deref(), &all)?)
}

enum Found {
    There(ContactRow),
    New(String),
}

/// Who the row is about.
fn find(tx: &mut Tx<'_>, tenant: &str, incoming: &Contact) -> Result<std::result::Result<Found, String>> {
    let mut free = None;
    if let Some(id) = &incoming.id {
        match resolve(tx, id)? {
            Some(row) if row.tenant == tenant => return Ok(Ok(Found::There(row))),
            Some(_) if incoming.addresses.is_empty() => {
                return Ok(Err("its id is another tenant's, and it has no address".into()));
            }
            Some(_) => {}
            None => free = Some(id.clone()),
        }
    }
    if !(incoming.by_id_alone && free.is_some()) {
        for kind in
            [AddressKind::Email, AddressKind::Phone, AddressKind::Psid, AddressKind::Gmb, AddressKind::Wa]
        {
            for address in incoming.addresses.iter().filter(|one| one.key.kind == kind) {
                let holder = tx.rows.holders(tenant, &address.key)?.into_iter().min();
                if let Some(row) = holder.map(|id| tx.rows.contact(&id)).transpose()?.flatten() {
                    return Ok(Ok(Found::There(row)));
                }
            }
        }
    }
    Ok(Ok(Found::New(free.unwrap_or_else(fresh))))
}

/// A contact, its addresses, and what stands on them.
struct Known {
    row: ContactRow,
    addresses: Vec<AddressRow>,
    own: Vec<Reason>,
    /// What the addresses carry.
    theirs: Vec<Reason>,
}

impl Known {
    /// All that stands: what a person said is on the contact and on the address, and counts once.
    fn reasons(&self) -> Vec<Reason> {
        let theirs = self.theirs.iter().filter(|one| !self.own.iter().any(|own| is_twin(own, one)));
        self.own.iter().chain(theirs).cloned().collect()
    }
}

/// Makes a contact of which nothing is known.
fn add(tx: &mut Tx<'_>, id: String, ready: &Ready, origin: &Origin) -> Result<Known> {
    let incoming = &ready.contact;
    let row = ContactRow {
        id,
        tenant: ready.tenant.clone(),
        fields: ready.fields.clone(),
        created: incoming.created.map_or(origin.at, |at| at.min(origin.at)),
        updated: origin.at,
    };
    tx.rows.put_contact(&row)?;
    let mut known = Known { row, addresses: Vec::new(), own: Vec::new(), theirs: Vec::new() };
    for kind in AddressKind::ALL {
        let of_kind = incoming.addresses.iter().filter(|one| one.key.kind == kind);
        let rows: Vec<AddressRow> =
            of_kind.map(|one| AddressRow { key: one.key.clone(), shown: one.shown.clone() }).collect();
        if !rows.is_empty() {
            tx.rows.add_addresses(&ready.tenant, &known.row.id, kind, &rows)?;
            known.addresses.extend(rows);
        }
    }
    Ok(known)
}

/// Makes a contact, with what stands on its addresses.
fn create(tx: &mut Tx<'_>, id: String, ready: &Ready, origin: &Origin) -> Result<Known> {
    let (tenant, incoming) = (ready.tenant.as_str(), &ready.contact);
    let mut known = add(tx, id, ready, origin)?;
    let mut said = false;
    for one in &incoming.addresses {
        let theirs = on_address(tx, tenant, &one.key)?;
        if theirs.iter().any(|reason| reason.is_live() && !reason.kind.concerns_address()) {
            // What a person said from an address holds for whoever claims it (R7).
            adopt(tx, tenant, &known.row.id, &one.key)?;
            said = true;
        }
        known.theirs.extend(theirs);
    }
    if said {
        tx.touch_contact(tenant, &known.row.id)?;
        known.own = tx.reasons(tenant, &Subject::Contact(known.row.id.clone()))?;
    }
    Ok(known)
}

/// Adds to a contact what the row knows more: fields and addresses. Nothing is taken away.
fn extend(
    tx: &mut Tx<'_>,
    mut row: ContactRow,
    incoming: &Contact,
    origin: &Origin,
) -> Result<std::result::Result<(Known, bool), String>> {
    let mut have = tx.rows.addresses(&row.id)?;
    let more: Vec<&Normalised> =
        incoming.addresses.iter().filter(|one| !have.iter().any(|had| had.key == one.key)).collect();
    for kind in AddressKind::ALL {
        let count = have.iter().map(|one| one.key.kind).chain(more.iter().map(|one| one.key.kind));
        if count.filter(|one| *one == kind).count() > ADDRESSES_MAX {
            return Ok(Err(format!("the contact would have more than {ADDRESSES_MAX} addresses of a kind")));
        }
    }
    let mut fields: Map<String, Value> =
        serde_json::from_str(&row.fields).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let news = incoming.fields.iter().any(|(name, value)| fields.get(name) != Some(value));
    let edited = news || !more.is_empty();
    if edited {
        fields.extend(incoming.fields.clone());
        row.fields = Value::Object(fields).to_string();
        row.updated = origin.at;
        tx.rows.put_contact(&row)?;
    }
    let kinds: Vec<AddressKind> =
        AddressKind::ALL.into_iter().filter(|kind| more.iter().any(|one| one.key.kind == *kind)).collect();
    have.extend(more.iter().map(|one| AddressRow { key: one.key.clone(), shown: one.shown.clone() }));
    for kind in kinds {
        let rows: Vec<AddressRow> = have.iter().filter(|one| one.key.kind == kind).cloned().collect();
        tx.rows.put_addresses(&row.tenant, &row.id, kind, &rows)?;
    }
    for one in &more {
        adopt(tx, &row.tenant, &row.id, &one.key)?;
    }
    if !more.is_empty() {
        tx.touch_contact(&row.tenant, &row.id)?;
    }
    let own = tx.reasons(&row.tenant, &Subject::Contact(row.id.clone()))?;
    let mut theirs = Vec::new();
    if !incoming.causes.is_empty() {
        for one in &have {
            theirs.extend(on_address(tx, &row.tenant, &one.key)?);
        }
    }
    Ok(Ok((Known { row, addresses: have, own, theirs }, edited)))
}

/// Is it an event that was here before and has ended since? Then it is told twice, not done twice (R30).
fn is_over(have: &[Reason], dated: &Dated) -> bool {
    let cause = &dated.cause;
    dated.dated
        && have.iter().any(|one| {
            !one.is_live()
                && one.began == cause.at
                && (one.kind, one.blocks, &one.origin, &one.code)
                    == (cause.kind, cause.blocks, &cause.origin, &cause.code)
        })
}

/// What is new of these causes to a subject with these reasons, kept.
fn insert(
    tx: &mut Tx<'_>,
    tenant: &str,
    subject: &Subject,
    have: &mut Vec<Reason>,
    causes: &[Dated],
) -> Result<usize> {
    let before = have.len();
    for dated in causes {
        if is_over(have, dated) {
            continue;
        }
        if let Some(reason) = rules::begin(have, &dated.cause, fresh) {
            tx.rows.insert_reason(tenant, subject, &reason)?;
            have.push(reason);
        }
    }
    Ok(have.len() - before)
}

/// Begins on a contact what is new of its causes.
fn begin(
    tx: &mut Tx<'_>,
    tenant: &str,
    known: &mut Known,
    causes: &[Dated],
    origin: &Origin,
) -> Result<Option<Change>> {
    let subject = Subject::Contact(known.row.id.clone());
    let before = Suppressed::by(&known.own);
    let count = insert(tx, tenant, &subject, &mut known.own, causes)?;
    if count == 0 {
        return Ok(None);
    }
    let after = Suppressed::by(&known.own);
    let begun = &known.own[known.own.len() - count..];
    note(tx, tenant, &subject, begun, (before, after), origin)?;
    for address in &known.addresses {
        tx.block(tenant, &address.key, after);
        tx.cancel(tenant, &address.key, after.channels())?;
    }
    let (change, names) = change(tenant, begun);
    let id = &known.row.id;
    let about = events::contact_members(tx, id)?;
    events::put(tx, tenant, Some(id), about, None, &known.reasons(), true, &json!(names))?;
    Ok(Some(change))
}

/// What a person said stands on the contact and on the address; it is shown once.
fn is_twin(one: &Reason, other: &Reason) -> bool {
    (one.kind, one.blocks, one.permanent, one.is_live(), &one.origin, &one.code)
        == (other.kind, other.blocks, other.permanent, other.is_live(), &other.origin, &other.code)
}

fn note(
    tx: &mut Tx<'_>,
    tenant: &str,
    subject: &Subject,
    begun: &[Reason],
    (before, after): (Suppressed, Suppressed),
    origin: &Origin,
) -> Result<()> {
    let event_at = begun.iter().map(|one| one.began).min().unwrap_or(origin.at);
    ledger::append(
        tx,
        &ledger::Entry {
            tenant,
            subjects: std::slice::from_ref(subject),
            change: "begin",
            reasons: &begun.iter().collect::<Vec<_>>(),
            before,
            after,
            source: &origin.source,
            actor: &origin.actor,
            event_at,
            more: Value::Null,
        },
    )
}

fn change(tenant: &str, begun: &[Reason]) -> (Change, Vec<&'static str>) {
    let parts = begun.iter().map(|one| (one.blocks, one.kind, true)).collect();
    let mut names: Vec<&str> = begun.iter().map(|one| one.blocks.name()).collect();
    names.sort_unstable();
    names.dedup();
    (Change { tenant: tenant.to_owned(), parts }, names)
}

/// Brings in what stands on an address: an entry of a suppression list, an opt-out that no contact has.
///
/// # Errors
/// When the store cannot be read or written.
pub fn address(
    tx: &mut Tx<'_>,
    tenant: &str,
    key: &AddressKey,
    causes: &[Dated],
    origin: &Origin,
) -> Result<Taken> {
    let subject = Subject::Address(key.clone());
    let mut have = tx.reasons(tenant, &subject)?;
    if !tx.rows.holders(tenant, key)?.is_empty() {
        let causes: Vec<Cause> =
            causes.iter().filter(|one| !is_over(&have, one)).map(|one| one.cause.clone()).collect();
        return Ok(Taken { change: opt::record(tx, tenant, &causes)?, ..Taken::default() });
    }
    let before = Suppressed::by(&have);
    let count = insert(tx, tenant, &subject, &mut have, causes)?;
    if count == 0 {
        return Ok(Taken::default());
    }
    let after = Suppressed::by(&have);
    let (change, names) = change(tenant, &have[have.len() - count..]);
    note(tx, tenant, &subject, &have[have.len() - count..], (before, after), origin)?;
    tx.block(tenant, key, after);
    tx.cancel(tenant, key, after.channels())?;
    events::put(tx, tenant, None, serde_json::Map::new(), Some(key), &have, true, &json!(names))?;
    Ok(Taken { change: Some(change), ..Taken::default() })
}
