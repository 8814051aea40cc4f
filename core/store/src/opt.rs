//! DND on and off: the one place through which every door goes (R26).
//!
//! Where a reason is kept (R5–R7): what a *person* said from an address goes onto that address and onto every
//! contact that holds it; what concerns the *address* alone (bounce, complaint, carrier) goes onto the address;
//! what an operator sets goes onto the contact.

use crate::{
    error::{Result, StoreError},
    events, evidence, ledger, reconciliation, release,
    rows::Subject,
    scheduled,
    tx::Tx,
};
use dndgate_adapter::{Channel, Channels};
use dndgate_dnd::{
    AddressKey, Blocks, Cause, Ended, Lift, Lifted, Proofs, Reason, ReasonKind, Suppressed, rules, threshold,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A change that was made, for metrics and for who waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The tenant.
    pub tenant: String,
    /// What was blocked or freed, by which kind of reason, and whether it began.
    pub parts: Vec<Part>,
}

/// What was blocked (true) or freed (false), and by which kind of reason.
pub type Part = (Blocks, ReasonKind, bool);

impl Change {
    /// What was blocked (true) or freed (false), and by which kind of reason.
    pub fn reasons(&self) -> impl Iterator<Item = Part> + '_ {
        self.parts.iter().copied()
    }
}

fn names(reasons: &[&Reason]) -> Value {
    let mut all: Vec<&str> = reasons.iter().map(|one| one.blocks.name()).collect();
    all.sort_unstable();
    all.dedup();
    json!(all)
}

fn id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// Begins reasons that came from one address (R16–R19). What was new of them, `None` when nothing was.
///
/// # Errors
/// When the store cannot be written, or a cause names no address.
pub fn record(tx: &mut Tx<'_>, tenant: &str, causes: &[Cause]) -> Result<Option<Change>> {
    let Some(first) = causes.first() else { return Ok(None) };
    let origin =
        first.origin.clone().ok_or_else(|| StoreError::Invalid("a cause names no address".into()))?;
    if let Some(complaint) = causes.iter().find(|cause| cause.kind == ReasonKind::Complaint) {
        release::restart(tx, tenant, &origin, &complaint.source)?;
    }
    let holders = tx.holders(tenant, &origin)?;
    let before = tx.suppressed(tenant, &origin)?;
    let mut concerned: Vec<Subject> = Vec::new();
    let mut begun: Vec<Reason> = Vec::new();
    let subjects = std::iter::once(Subject::Address(origin.clone()))
        .chain(holders.iter().cloned().map(Subject::Contact));
    for subject in subjects {
        let fitting: Vec<&Cause> = causes
            .iter()
            .filter(|cause| matches!(subject, Subject::Address(_)) || !cause.kind.concerns_address())
            .collect();
        let new = insert(tx, tenant, &subject, &fitting)?;
        if let Subject::Contact(contact) = &subject {
            tx.touch_contact(tenant, contact)?;
        }
        if !new.is_empty() {
            concerned.push(subject);
            // The same on the address and on each contact: it is told once.
            if begun.is_empty() {
                begun = new;
            }
        }
    }
    tx.touch(tenant, &origin);
    if begun.is_empty() {
        return Ok(None);
    }
    let after = tx.suppressed(tenant, &origin)?;
    note_begun(tx, tenant, &concerned, &begun, before, after)?;
    let parts: Vec<_> = begun.iter().map(|one| (one.blocks, one.kind, true)).collect();
    let channels = names(&begun.iter().collect::<Vec<_>>());
    for contact in &holders {
        cancel_scheduled(tx, tenant, contact)?;
    }
    let blocked = parts.iter().fold(Channels::NONE, |all, (blocks, ..)| all.with(blocks.channels()));
    for name in tx.names(tenant, &origin)? {
        tx.cancel(tenant, &name, blocked)?;
    }
    events::raise(tx, tenant, &holders, Some(&origin), true, channels)?;
    Ok(Some(Change { tenant: tenant.to_owned(), parts }))
}

/// Begins reasons on one subject, with one ledger entry for what is new.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    tenant: &str,
    subject: &Subject,
    causes: &[&Cause],
) -> Result<Vec<Reason>> {
    let before = Suppressed::by(&tx.reasons(tenant, subject)?);
    let begun = insert(tx, tenant, subject, causes)?;
    if !begun.is_empty() {
        let after = Suppressed::by(&tx.reasons(tenant, subject)?);
        note_begun(tx, tenant, std::slice::from_ref(subject), &begun, before, after)?;
    }
    Ok(begun)
}

/// Adds what is new of these causes to a subject.
fn insert(tx: &mut Tx<'_>, tenant: &str, subject: &Subject, causes: &[&Cause]) -> Result<Vec<Reason>> {
    let mut have = tx.reasons(tenant, subject)?;
    let mut begun = Vec::new();
    let now = crate::tx::now();
    for cause in causes.iter().filter(|cause| !cause.is_over(now)) {
        if let Some(reason) = rules::begin(&have, cause, id) {
            tx.rows.insert_reason(tenant, subject, &reason)?;
            have.push(reason.clone());
            begun.push(reason);
        } else {
            for known in rules::repeated(&have, cause) {
                let expires = rules::later(known.expires, cause.expires());
                tx.rows.repeat_reason(&known.id, cause.at, expires)?;
            }
        }
    }
    Ok(begun)
}

fn note_begun(
    tx: &mut Tx<'_>,
    tenant: &str,
    subjects: &[Subject],
    begun: &[Reason],
    before: Suppressed,
    after: Suppressed,
) -> Result<()> {
    let Some(first) = begun.first() else { return Ok(()) };
    let entry = ledger::Entry {
        tenant,
        subjects,
        change: "begin",
        reasons: &begun.iter().collect::<Vec<_>>(),
        before,
        after,
        source: &first.source,
        actor: &first.actor,
        event_at: first.began,
        more: Value::Null,
    };
    ledger::append(tx, &entry)
}

/// Whatever waits at a provider for this contact on a blocked channel is to be cancelled (R14).
pub(crate) fn cancel_scheduled(tx: &mut Tx<'_>, tenant: &str, contact: &str) -> Result<()> {
    let blocked = Suppressed::by(&tx.reasons(tenant, &Subject::Contact(contact.to_owned()))?).channels();
    for name in tx.names_of(tenant, contact)? {
        tx.cancel(tenant, &name, blocked)?;
    }
    Ok(())
}

/// Who ends something and why.
pub(crate) struct Ending<'a> {
    pub(crate) by: &'a str,
    pub(crate) source: &'a str,
    pub(crate) why: &'a str,
    pub(crate) event_at: Timestamp,
}

/// Ends reasons on one subject.
pub(crate) fn end(
    tx: &mut Tx<'_>,
    tenant: &str,
    subject: &Subject,
    ids: &[String],
    ending: &Ending<'_>,
) -> Result<Vec<Reason>> {
    let ended = Ended { at: crate::tx::now(), by: ending.by.to_owned(), why: ending.why.to_owned() };
    let mut gone = Vec::new();
    for mut reason in
        tx.reasons(tenant, subject)?.into_iter().filter(|one| one.is_live() && ids.contains(&one.id))
    {
        tx.rows.end_reason(&reason.id, &ended)?;
        reason.ended = Some(ended.clone());
        gone.push(reason);
    }
    match subject {
        Subject::Contact(contact) => tx.touch_contact(tenant, contact)?,
        Subject::Address(address) => tx.touch(tenant, address),
    }
    Ok(gone)
}

/// One ledger entry for what ended on these subjects.
pub(crate) fn note_ended(
    tx: &mut Tx<'_>,
    tenant: &str,
    subjects: &[Subject],
    gone: &[Reason],
    (before, after): (Suppressed, Suppressed),
    ending: &Ending<'_>,
) -> Result<()> {
    let entry = ledger::Entry {
        tenant,
        subjects,
        change: "end",
        reasons: &gone.iter().collect::<Vec<_>>(),
        before,
        after,
        source: ending.source,
        actor: ending.by,
        event_at: ending.event_at,
        more: json!({ "why": ending.why }),
    };
    ledger::append(tx, &entry)
}

/// An opt-in reply (R23). Recorded in the ledger even when it changes nothing.
///
/// # Errors
/// When the store cannot be written.
pub fn opt_in(
    tx: &mut Tx<'_>,
    tenant: &str,
    channel: Channel,
    origin: &AddressKey,
    at: Timestamp,
    source: &str,
    actor: &str,
) -> Result<Option<Change>> {
    let holders = tx.holders(tenant, origin)?;
    let names = tx.names(tenant, origin)?;
    let ending = Ending { by: actor, source, why: "an opt-in reply", event_at: at };
    let before = tx.suppressed(tenant, origin)?;
    let address = Subject::Address(origin.clone());
    let (mut concerned, mut gone) = (Vec::new(), Vec::new());
    // Who was erased left it on each of its addresses, with the hash of the one that said it (R5).
    let origins: Vec<_> = names.iter().flat_map(|name| [name.clone(), tx.erased_key(name)]).collect();
    let mut addresses = names;
    for contact in &holders {
        let more = tx.names_of(tenant, contact)?;
        addresses.extend(more.into_iter().filter(|one| !origins.contains(one)));
    }
    let subjects = addresses.into_iter().map(Subject::Address);
    for subject in subjects.chain(holders.iter().cloned().map(Subject::Contact)) {
        let have = tx.reasons(tenant, &subject)?;
        let by_name = origins.iter().flat_map(|name| rules::opt_in(&have, channel, name, at));
        let ids: Vec<String> = by_name.map(|one| one.id.clone()).collect();
        if ids.is_empty() {
            continue;
        }
        let ended = end(tx, tenant, &subject, &ids, &ending)?;
        concerned.push(subject);
        if gone.is_empty() {
            gone = ended;
        }
    }
    if gone.is_empty() {
        let entry = ledger::Entry {
            tenant,
            subjects: &[address],
            change: "opt_in",
            reasons: &[],
            before,
            after: before,
            source,
            actor,
            event_at: at,
            more: json!({ "channel": channel.name() }),
        };
        ledger::append(tx, &entry)?;
        return Ok(None);
    }
    let after = tx.suppressed(tenant, origin)?;
    note_ended(tx, tenant, &concerned, &gone, (before, after), &ending)?;
    events::raise(tx, tenant, &holders, Some(origin), false, json!([channel.name()]))?;
    let parts = gone.iter().map(|one| (one.blocks, one.kind, false)).collect();
    Ok(Some(Change { tenant: tenant.to_owned(), parts }))
}

/// Ends one reason on an address.
pub(crate) fn end_on_address(
    tx: &mut Tx<'_>,
    tenant: &str,
    address: &AddressKey,
    reason: &Reason,
    ending: &Ending<'_>,
) -> Result<Option<Change>> {
    let subject = Subject::Address(address.clone());
    let before = tx.suppressed(tenant, address)?;
    let gone = end(tx, tenant, &subject, std::slice::from_ref(&reason.id), ending)?;
    if gone.is_empty() {
        return Ok(None);
    }
    let after = tx.suppressed(tenant, address)?;
    note_ended(tx, tenant, std::slice::from_ref(&subject), &gone, (before, after), ending)?;
    events::raise(tx, tenant, &[], Some(address), false, json!([reason.blocks.name()]))?;
    let parts = vec![(reason.blocks, reason.kind, false)];
    Ok(Some(Change { tenant: tenant.to_owned(), parts }))
}

/// An operator's wish to end DND of a contact (R20–R24). All or nothing for one channel and for inbound; for
/// the switch what may end ends, and the rest is told.
///
/// # Errors
/// [`StoreError::Locked`] with what would be needed, or that the store cannot be written.
pub(crate) fn lift(
    tx: &mut Tx<'_>,
    tenant: &str,
    contact: &str,
    wish: &Lift,
    ending: &Ending<'_>,
) -> Result<(Lifted, Vec<Part>)> {
    let mut by_subject: Vec<(Subject, Vec<Reason>)> = Vec::new();
    let own = Subject::Contact(contact.to_owned());
    let reasons = tx.reasons(tenant, &own)?;
    by_subject.push((own, reasons));
    for name in tx.names_of(tenant, contact)? {
        let subject = Subject::Address(name);
        let reasons = tx.reasons(tenant, &subject)?;
        by_subject.push((subject, reasons));
    }
    let (evidence, releases) = (evidence::known(tx, contact)?, release::known(tx, tenant, contact)?);
    let all: Vec<Reason> = by_subject.iter().flat_map(|(_, reasons)| reasons.iter().cloned()).collect();
    let proofs = Proofs { evidence: &evidence, releases: &releases, now: crate::tx::now() };
    let lifted = rules::lift(&all, wish, &proofs);
    if !lifted.stays.is_empty() && matches!(wish, Lift::Channel(_) | Lift::Inbound) {
        return Err(StoreError::Locked(lifted.stays));
    }
    let before = Suppressed::by(&all);
    let (mut concerned, mut gone): (Vec<Subject>, Vec<Reason>) = (Vec::new(), Vec::new());
    for (subject, reasons) in &by_subject {
        let ids: Vec<String> =
            reasons.iter().filter(|one| lifted.ends.contains(&one.id)).map(|one| one.id.clone()).collect();
        if !ids.is_empty() {
            let ended = end(tx, tenant, subject, &ids, ending)?;
            if let Subject::Address(address) = subject
                && ended.iter().any(|one| one.kind == ReasonKind::Complaint)
            {
                // A release is used up by what it opened.
                tx.rows.delete_release(tenant, address)?;
            }
            gone.extend(ended);
            concerned.push(subject.clone());
        }
    }
    // What a person said stands on the contact and on the address: it ended once.
    let mut told: Vec<Reason> = Vec::new();
    for reason in gone {
        if !told.iter().any(|one| rules::is_twin(one, &reason)) {
            told.push(reason);
        }
    }
    if !told.is_empty() {
        let after = Suppressed::by(all.iter().filter(|one| !lifted.ends.contains(&one.id)));
        note_ended(tx, tenant, &concerned, &told, (before, after), ending)?;
    }
    let parts = told.iter().map(|one| (one.blocks, one.kind, false)).collect();
    tx.touch_contact(tenant, contact)?;
    Ok((lifted, parts))
}

/// The channels on which an address may not be reached now, for a send that was just scheduled.
pub(crate) fn blocked_now(tx: &mut Tx<'_>, tenant: &str, address: &AddressKey) -> Result<Channels> {
    Ok(tx.in_force(tenant, address)?.channels())
}

/// Old bookkeeping goes: events noted and sends scheduled longer ago than anybody could ask.
///
/// # Errors
/// When the store cannot be written.
pub fn prune(tx: &mut Tx<'_>, now: Timestamp) -> Result<()> {
    let ago = |days: i64| now.checked_sub(jiff::SignedDuration::from_hours(24 * days)).unwrap_or(now);
    tx.rows.forget_noted(ago(crate::inbox::DAYS))?;
    tx.rows.forget_runs(ago(reconciliation::DAYS))?;
    tx.rows.forget_handles(ago(crate::names::DAYS))?;
    tx.rows.forget_reviews(ago(crate::reviews::DAYS))?;
    tx.rows.forget_failures(ago(threshold::DAYS_MAX))?;
    tx.rows.forget_scheduled(ago(scheduled::DAYS))
}
