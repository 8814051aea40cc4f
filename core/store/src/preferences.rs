//! How the channels stand for the person at an address, and what it switches back on itself (R17).

use crate::{
    error::Result,
    events,
    opt::{self, Change, Ending},
    rows::Subject,
    tx::Tx,
};
use dndgate_adapter::{Channel, Channels};
use dndgate_dnd::{AddressKey, Preference, Reason, preference};
use jiff::Timestamp;
use serde_json::{Value, json};

/// How the channels stand for one address.
#[derive(Debug, Clone)]
pub struct Preferences {
    origin: AddressKey,
    reasons: Vec<Reason>,
    /// The language of a contact that has the address, as its `language` says.
    pub language: Option<String>,
}

impl Preferences {
    /// How a channel stands.
    pub fn of(&self, channel: Channel) -> Preference {
        preference(&self.reasons, channel, &self.origin)
    }
}

/// Looks.
///
/// # Errors
/// When the store cannot be read.
pub fn read(tx: &mut Tx<'_>, tenant: &str, origin: &AddressKey) -> Result<Preferences> {
    let mut reasons = Vec::new();
    let mut language = None;
    for subject in subjects(tx, tenant, origin)? {
        reasons.extend(tx.reasons(tenant, &subject)?);
        if let (Subject::Contact(id), None) = (&subject, &language) {
            let fields = tx.rows.contact(id)?.map(|row| row.fields).unwrap_or_default();
            let fields: Value = serde_json::from_str(&fields).unwrap_or_default();
            language = fields["language"].as_str().map(str::to_owned);
        }
    }
    Ok(Preferences { origin: origin.clone(), reasons, language })
}

/// The address, and the contacts that hold it.
fn subjects(tx: &mut Tx<'_>, tenant: &str, origin: &AddressKey) -> Result<Vec<Subject>> {
    let holders = tx.holders(tenant, origin)?;
    Ok(std::iter::once(Subject::Address(origin.clone()))
        .chain(holders.into_iter().map(Subject::Contact))
        .collect())
}

/// The person switches channels back on. Those on which something else than its own unsubscribe stands in the
/// way stay off; the answer names the others, and what changed.
///
/// # Errors
/// When the store cannot be written.
pub fn resume(
    tx: &mut Tx<'_>,
    tenant: &str,
    origin: &AddressKey,
    wanted: Channels,
    source: &str,
    at: Timestamp,
) -> Result<(Channels, Option<Change>)> {
    let preferences = read(tx, tenant, origin)?;
    let mut resumed = Channels::NONE;
    let mut ids: Vec<String> = Vec::new();
    for channel in wanted.iter() {
        if let Preference::Unsubscribed(own) = preferences.of(channel) {
            resumed = resumed.with(channel.into());
            ids.extend(own);
        }
    }
    if resumed.is_empty() {
        return Ok((resumed, None));
    }
    let ending = Ending { by: "person", source, why: "switched back on by the person", event_at: at };
    let before = tx.suppressed(tenant, origin)?;
    let mut concerned: Vec<Subject> = Vec::new();
    let mut told: Vec<Reason> = Vec::new();
    for subject in subjects(tx, tenant, origin)? {
        let gone = opt::end(tx, tenant, &subject, &ids, &ending)?;
        if !gone.is_empty() {
            concerned.push(subject);
        }
        // It stands on the address and on its contacts: it ended once.
        for reason in gone {
            if !told.iter().any(|one| one.blocks == reason.blocks) {
                told.push(reason);
            }
        }
    }
    let after = tx.suppressed(tenant, origin)?;
    opt::note_ended(tx, tenant, &concerned, &told, (before, after), &ending)?;
    let holders = tx.holders(tenant, origin)?;
    let names: Vec<_> = resumed.iter().map(Channel::name).collect();
    events::raise(tx, tenant, &holders, Some(origin), false, json!(names))?;
    let parts = told.iter().map(|one| (one.blocks, one.kind, false)).collect();
    Ok((resumed, Some(Change { tenant: tenant.to_owned(), parts })))
}
