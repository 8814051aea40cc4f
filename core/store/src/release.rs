//! The release of spam complaints (R21): each step is kept, and each outcome stands in the ledger.

use crate::{
    contacts::{ContactView, Origin},
    error::{Result, StoreError},
    ledger,
    rows::Subject,
    tx::Tx,
};
use dndgate_adapter::AddressKind;
use dndgate_dnd::{AddressKey, ReasonKind, Release};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The addresses of a contact that were marked as spam.
pub fn complained(contact: &ContactView) -> Vec<AddressKey> {
    let mut all: Vec<AddressKey> = Vec::new();
    for reason in contact.reasons.iter().filter(|one| one.is_live() && one.kind == ReasonKind::Complaint) {
        let email = reason.origin.iter().filter(|origin| origin.kind == AddressKind::Email);
        all.extend(email.filter(|origin| !all.contains(origin)).cloned().collect::<Vec<_>>());
    }
    all
}

/// Who reported an address as marked as spam.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reporters {
    /// These providers, by their names in the configuration.
    pub providers: BTreeSet<String>,
    /// Somebody else as well: an import, an operator.
    pub others: bool,
}

/// Who reported the live complaints about an address of a contact: their lists have the last word on it.
pub fn reporters(contact: &ContactView, address: &AddressKey) -> Reporters {
    let mut all = Reporters::default();
    for reason in contact.reasons.iter().filter(|one| one.is_live() && one.kind == ReasonKind::Complaint) {
        if reason.origin.as_ref() != Some(address) {
            continue;
        }
        match dndgate_dnd::reason::reporter(&reason.source) {
            Some(name) => all.providers.extend([name.to_owned()]),
            None => all.others = true,
        }
    }
    all
}

/// What is known of an address's release so far.
///
/// # Errors
/// When the store cannot be read.
pub fn get(tx: &mut Tx<'_>, tenant: &str, address: &AddressKey) -> Result<Option<Release>> {
    let Some(state) = tx.rows.release_of(tenant, address)? else { return Ok(None) };
    serde_json::from_str(&state).map(Some).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The release of an address, begun now if it was not.
///
/// # Errors
/// When the store cannot be written.
pub fn begin(tx: &mut Tx<'_>, tenant: &str, address: &AddressKey, origin: &Origin) -> Result<Release> {
    if let Some(known) = get(tx, tenant, address)? {
        return Ok(known);
    }
    let fresh = Release::new(address.clone(), origin.at);
    put(tx, tenant, &fresh)?;
    Ok(fresh)
}

fn put(tx: &mut Tx<'_>, tenant: &str, release: &Release) -> Result<()> {
    let state = serde_json::to_string(release).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    tx.rows.put_release(tenant, &release.address, &state)
}

/// Keeps what steps found out, each in a ledger entry: `steps` holds what each came to, without the address.
/// False when the release is not `before` any more, because another complaint restarted it or somebody else took steps
/// meanwhile: then these are recorded and count for nothing.
///
/// # Errors
/// When the store cannot be written.
pub fn keep(
    tx: &mut Tx<'_>,
    tenant: &str,
    contact: &str,
    (before, release): (&Release, &Release),
    steps: &[Value],
    origin: &Origin,
) -> Result<bool> {
    for step in steps {
        note(tx, tenant, Some(contact), &release.address, "release", step.clone(), origin)?;
    }
    let known = get(tx, tenant, &release.address)?;
    if known.is_none_or(|known| known != *before) {
        return Ok(false);
    }
    put(tx, tenant, release)?;
    Ok(true)
}

/// Another complaint came: whatever was found out before counts for nothing.
pub(crate) fn restart(tx: &mut Tx<'_>, tenant: &str, address: &AddressKey, source: &str) -> Result<()> {
    if !tx.rows.delete_release(tenant, address)? {
        return Ok(());
    }
    let origin = Origin { source: source.to_owned(), actor: "person".into(), at: crate::tx::now() };
    note(tx, tenant, None, address, "release_restarted", json!({ "why": "another complaint" }), &origin)
}

/// What the rules need to know of releases of a contact's addresses.
pub(crate) fn known(tx: &mut Tx<'_>, tenant: &str, contact: &str) -> Result<Vec<Release>> {
    let mut all = Vec::new();
    for address in tx.rows.addresses(contact)? {
        if address.key.kind == AddressKind::Email {
            all.extend(get(tx, tenant, &address.key)?);
        }
    }
    Ok(all)
}

fn note(
    tx: &mut Tx<'_>,
    tenant: &str,
    contact: Option<&str>,
    address: &AddressKey,
    change: &'static str,
    more: Value,
    origin: &Origin,
) -> Result<()> {
    let now = tx.suppressed(tenant, address)?;
    let mut subjects = vec![Subject::Address(address.clone())];
    subjects.extend(contact.map(|id| Subject::Contact(id.to_owned())));
    let entry = ledger::Entry {
        tenant,
        subjects: &subjects,
        change,
        reasons: &[],
        before: now,
        after: now,
        source: &origin.source,
        actor: &origin.actor,
        event_at: origin.at,
        more,
    };
    ledger::append(tx, &entry)
}
