//! A contact is erased for privacy (R5).

use super::Origin;
use crate::{
    error::{Result, StoreError},
    failures, ledger, links, names, opt,
    rows::Subject,
    tx::Tx,
};
use dndgate_dnd::{AddressKey, Cause, Reason, Suppressed};
use serde_json::json;

/// Erases a contact (R5): its record, its addresses and everything personal in the ledger go; what its
/// addresses are protected from stays in force, under keyed hashes.
///
/// # Errors
/// When there is none, or the store cannot be written.
pub fn delete(tx: &mut Tx<'_>, id: &str, origin: &Origin) -> Result<()> {
    let row = super::resolve(tx, id)?.ok_or(StoreError::NotFound)?;
    let (id, tenant) = (row.id.as_str(), row.tenant.as_str());
    let subject = Subject::Contact(id.to_owned());
    let own: Vec<Reason> = tx.reasons(tenant, &subject)?.into_iter().filter(Reason::is_live).collect();
    let before = Suppressed::by(&own);
    let mut forgotten = vec![ledger::of_contact(id)];
    let names = tx.names_of(tenant, id)?;
    let mut last = Vec::new();
    for name in &names {
        if tx.holders(tenant, name)?.iter().all(|other| other == id) {
            last.push(name.clone());
        }
    }
    for name in &names {
        let mut said = own.clone();
        // The tie to its other names goes: what they were protected from stays with each.
        for other in tx.names(tenant, name)?.into_iter().skip(1) {
            said.extend(tx.reasons(tenant, &Subject::Address(other))?.into_iter().filter(Reason::is_live));
        }
        let kept: Vec<Cause> = said.iter().map(|reason| inherited(tx, reason, name, &last)).collect();
        opt::begin(tx, tenant, &Subject::Address(name.clone()), &kept.iter().collect::<Vec<_>>())?;
        tx.touch(tenant, name);
    }
    for name in &last {
        let erased = tx.erased(name);
        tx.rows.erase_address(tenant, name, &erased)?;
        links::forget(tx, tenant, name)?;
        tx.rows.forget_reviews_of(tenant, name)?;
        failures::forget(tx, tenant, name)?;
        names::forget(tx, tenant, name)?;
        forgotten.push(tx.address_subject(tenant, name));
    }
    forgotten.extend(tx.rows.merged_into(id)?.iter().map(|merged| ledger::of_contact(merged)));
    ledger::append(
        tx,
        &ledger::Entry {
            tenant,
            subjects: std::slice::from_ref(&subject),
            change: ledger::ERASE,
            reasons: &[],
            before,
            after: before,
            source: &origin.source,
            actor: &origin.actor,
            event_at: origin.at,
            more: json!({ "contact": id, "erased": forgotten }),
        },
    )?;
    for subject in &forgotten {
        ledger::forget(tx, tenant, subject)?;
    }
    tx.rows.delete_evidence(id)?;
    tx.rows.delete_reasons(id)?;
    tx.change(id, true);
    tx.rows.delete_contact(id)
}

/// What an address keeps of an erased contact's reason. It still knows, if need be by a hash, from which address
/// it was said: an opt-in from there ends it (R23).
fn inherited(tx: &Tx<'_>, reason: &Reason, address: &AddressKey, last: &[AddressKey]) -> Cause {
    let origin = match reason.origin.as_ref().unwrap_or(address) {
        other if other != address && last.contains(other) => tx.erased_key(other),
        origin => origin.clone(),
    };
    Cause {
        kind: reason.kind,
        blocks: reason.blocks,
        origin: Some(origin),
        permanent: reason.permanent,
        code: reason.code.clone(),
        message: String::new(),
        source: "erased contact".into(),
        actor: reason.actor.clone(),
        at: reason.last_said(),
        expires: reason.expires,
    }
}
