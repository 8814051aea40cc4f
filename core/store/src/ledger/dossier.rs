//! Everything that the ledger holds of one person, with proof: to be handed to somebody who has no access to it.
//!
//! Each entry comes as the text that was hashed, with its personal part and salt while that is kept, and with a path
//! through the Merkle tree to a signed checkpoint. [`check`] follows the proof with nothing but the file and the
//! public key; `docs/ledger.md` says how to do it by hand.

use super::{
    ERASE, chained, commitment,
    merkle::{self, Hash},
    note::{Checkpoint, PublicKey, SealKey},
    of_contact, seal, shown,
};
use crate::{
    contacts::{self, ContactView},
    error::{Result, StoreError},
    rows::{EvidenceRow, LedgerRow},
    tx::Tx,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use dndgate_dnd::AddressKey;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The most entries of one person that are handed out.
const ENTRIES_MAX: usize = 100_000;
/// What an export calls its own form.
const FORM: &str = "dndgate-evidence/1";

/// Whose entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// A contact's and its addresses'.
    Contact(String),
    /// An address's and those of the contacts that hold it.
    Address(AddressKey),
}

/// One entry with its proof.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The entry as it is kept.
    pub row: LedgerRow,
    /// The chained hash of the one before it.
    pub previous: [u8; 32],
    /// The path to the checkpoint's root, from the leaf upwards.
    pub path: Vec<[u8; 32]>,
    /// The entry as people read it.
    pub shown: Value,
}

/// Everything of one person.
#[derive(Debug, Clone)]
pub struct Dossier {
    /// The tenant.
    pub tenant: String,
    /// Who was asked for: the contact's id or the address.
    pub whom: Whom,
    /// The contacts concerned, while they are kept.
    pub contacts: Vec<ContactView>,
    /// When the person was erased, if so.
    pub erased: Option<String>,
    /// The entries, oldest first.
    pub pieces: Vec<Piece>,
    /// There were more entries than are handed out.
    pub truncated: bool,
    /// Evidence of opt-ins.
    pub evidence: Vec<Exhibit>,
    /// What the proofs lead to.
    pub checkpoint: Checkpoint,
    /// Who signed it.
    pub key: PublicKey,
    /// When this was taken out.
    pub at: Timestamp,
}

/// Takes out what concerns one person.
///
/// # Errors
/// [`StoreError::NotFound`] when there is nothing, or the store cannot be read.
pub fn collect(tx: &mut Tx<'_>, tenant: &str, whom: &Whom, key: &SealKey, now: Timestamp) -> Result<Dossier> {
    let contacts = match whom {
        Whom::Contact(id) => contacts::get(tx, id)?.into_iter().filter(|one| one.tenant == tenant).collect(),
        Whom::Address(address) => contacts::with_address(tx, tenant, address)?,
    };
    let mut about = match whom {
        Whom::Contact(id) => vec![of_contact(id)],
        Whom::Address(address) => vec![tx.address_subject(tenant, address)],
    };
    for contact in &contacts {
        about.push(of_contact(&contact.id));
        about.extend(tx.rows.merged_into(&contact.id)?.iter().map(|id| of_contact(id)));
        about.extend(contact.addresses.iter().map(|one| tx.address_subject(tenant, &one.key)));
    }
    // Of somebody who was erased the entry of the erasure says under what else there are entries.
    let found = tx.rows.entries_of(&about, ENTRIES_MAX)?;
    for row in &found {
        about.extend(super::verify::erased_by(row));
    }
    about.sort_unstable();
    about.dedup();
    let rows = tx.rows.entries_of(&about, ENTRIES_MAX + 1)?;
    let truncated = rows.len() > ENTRIES_MAX;
    let (checkpoint, mut tree) = seal::sealed_now(tx, key, now)?;
    let (mut pieces, mut erased) = (Vec::new(), None);
    for row in rows.into_iter().take(ENTRIES_MAX) {
        let shown = shown(row.clone());
        if shown["tenant"] != tenant || row.seq > checkpoint.size {
            continue;
        }
        if shown["change"] == ERASE {
            erased = shown["at"].as_str().map(str::to_owned);
        }
        let previous = match row.seq {
            1 => [0; 32],
            seq => tx.rows.entry_hashes(seq - 1, seq - 1)?.pop().ok_or(StoreError::NotFound)?,
        };
        let path = tree.path(tx.rows, row.seq)?;
        pieces.push(Piece { row, previous, path, shown });
    }
    if pieces.is_empty() && contacts.is_empty() {
        return Err(StoreError::NotFound);
    }
    let mut evidence = Vec::new();
    for contact in &contacts {
        for row in tx.rows.evidence_of(&contact.id)? {
            let content = tx.rows.evidence_file(&row.id)?.unwrap_or_default();
            evidence.push(Exhibit { row, content });
        }
    }
    Ok(Dossier {
        tenant: tenant.to_owned(),
        whom: whom.clone(),
        erased: erased.filter(|_| contacts.is_empty()),
        contacts,
        pieces,
        truncated,
        evidence,
        key: key.public(&checkpoint.origin),
        checkpoint,
        at: now,
    })
}

/// Evidence with the bytes of its file, none when it has no file.
#[derive(Debug, Clone)]
pub struct Exhibit {
    /// The evidence.
    pub row: EvidenceRow,
    /// The file's bytes.
    pub content: Vec<u8>,
}

/// The export as JSON.
pub fn to_json(dossier: &Dossier) -> Value {
    let hexed = |path: &[Hash]| path.iter().map(hex::encode).collect::<Vec<_>>();
    let entries = dossier.pieces.iter().map(|piece| {
        json!({
            "shown": piece.shown,
            "proof": {
                "seq": piece.row.seq,
                "entry": piece.row.entry,
                "personal": piece.row.personal.as_ref().map(|(salt, data)| json!({ "salt": hex::encode(salt), "data": data })),
                "previous": hex::encode(piece.previous),
                "hash": hex::encode(piece.row.hash),
                "path": hexed(&piece.path),
            },
        })
    });
    let evidence = dossier.evidence.iter().map(|Exhibit { row: one, content }| {
        json!({
            "id": one.id, "contact": one.contact, "channel": one.channel.name(), "text": one.text, "source": one.source,
            "obtainedAt": one.obtained_at.to_string(), "recordedAt": one.recorded_at.to_string(),
            "filedBy": one.filed_by, "sha256": one.sha256,
            "status": one.standing.name(),
            "decidedBy": one.decided.as_ref().map(|decided| &decided.by),
            "decidedAt": one.decided.as_ref().map(|decided| decided.at.to_string()),
            "file": one.file.as_ref().map(|file| json!({
                "name": file.name, "mediaType": file.media_type, "bytes": content.len(), "sha256": sha256(content),
                "contentBase64": STANDARD.encode(content),
            })),
        })
    });
    let contacts = dossier.contacts.iter().map(|one| {
        let addresses = one.addresses.iter().map(|one| {
            let blocked: Vec<_> = one.suppressed.channels().iter().map(|channel| channel.name()).collect();
            json!({ "kind": one.kind.name(), "value": one.shown, "blocked": blocked })
        });
        json!({ "id": one.id, "name": name(one), "addresses": addresses.collect::<Vec<_>>(),
                "createdAt": one.created.to_string() })
    });
    json!({
        "form": FORM,
        "exportedAt": dossier.at.to_string(),
        "tenant": dossier.tenant,
        "person": match &dossier.whom {
            Whom::Contact(id) => json!({ "contact": id }),
            Whom::Address(address) => json!({ "kind": address.kind.name(), "address": address.key }),
        },
        "erased": dossier.erased,
        "contacts": contacts.collect::<Vec<_>>(),
        "entries": entries.collect::<Vec<_>>(),
        "truncated": dossier.truncated,
        "evidence": evidence.collect::<Vec<_>>(),
        "checkpoint": dossier.checkpoint.note,
        "publicKey": dossier.key.to_string(),
    })
}

/// SHA-256, hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(bytes))
}

/// What a contact is called.
pub fn name(contact: &ContactView) -> String {
    let field = |name: &str| contact.fields.get(name).and_then(Value::as_str).unwrap_or_default();
    match field("name") {
        "" => format!("{} {}", field("firstName"), field("lastName")).trim().to_owned(),
        name => name.to_owned(),
    }
}

/// Follows the proofs of an export. How many entries are proven.
///
/// # Errors
/// What is not as it was written.
pub fn check(export: &Value, key: &PublicKey) -> std::result::Result<usize, String> {
    if export["form"] != FORM {
        return Err(format!("it is not an export of this form ({FORM})"));
    }
    let checkpoint = Checkpoint::read(export["checkpoint"].as_str().unwrap_or_default())
        .map_err(|why| format!("its checkpoint: {why}"))?;
    if !key.signed(&checkpoint) {
        return Err("its checkpoint is not signed by this key".into());
    }
    let entries = export["entries"].as_array().ok_or("it has no entries")?;
    for one in entries {
        let proof = &one["proof"];
        let seq = proof["seq"].as_u64().ok_or("an entry has no number")?;
        check_entry(one, proof, seq, &checkpoint).map_err(|why| format!("entry {seq}: {why}"))?;
    }
    Ok(entries.len())
}

fn check_entry(
    one: &Value,
    proof: &Value,
    seq: u64,
    checkpoint: &Checkpoint,
) -> std::result::Result<(), &'static str> {
    fn hash(value: &Value) -> Option<Hash> {
        hex::decode(value.as_str()?).ok()?.try_into().ok()
    }
    let text = proof["entry"].as_str().ok_or("it has no text")?;
    let own = hash(&proof["hash"]).ok_or("it has no hash")?;
    let previous = hash(&proof["previous"]).ok_or("it does not say what it is chained to")?;
    if chained(&previous, text) != own {
        return Err("its text is not what was hashed");
    }
    let path: Option<Vec<Hash>> = proof["path"].as_array().map(|path| path.iter().map_while(hash).collect());
    if merkle::root_of(&own, seq, checkpoint.size, &path.unwrap_or_default()) != Some(checkpoint.root) {
        return Err("its path does not lead to the checkpoint");
    }
    let entry: Value = serde_json::from_str(text).map_err(|_| "its text cannot be read")?;
    let personal = match (proof["personal"]["salt"].as_str(), proof["personal"]["data"].as_str()) {
        (Some(salt), Some(data)) => {
            let salt = hex::decode(salt).map_err(|_| "its salt is damaged")?;
            if entry["personal"] != json!(commitment(&salt, data)) {
                return Err("its personal part is not what was bound");
            }
            Some((salt, data.to_owned()))
        }
        _ => None,
    };
    let row = LedgerRow { seq, hash: own, entry: text.to_owned(), personal };
    if entry["seq"] != json!(seq) || shown(row) != one["shown"] {
        return Err("what is shown is not what was written");
    }
    Ok(())
}
