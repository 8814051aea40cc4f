//! The ledger: whatever is changed in it shows, and where (R28); what is erased leaves no false alarm (R5).

mod common;

use common::{Fixture, at, cause, draft, phone};
use dndgate_adapter::Channel;
use dndgate_dnd::{Blocks, Cause, ReasonKind};
use dndgate_store::{
    Checkpoint, PublicKey, SealKey, Trust, Verified,
    ledger::{
        self,
        dossier::{self, Whom},
        seal,
    },
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

const SMS: Blocks = Blocks::Channel(Channel::Sms);

fn stop(number: u64) -> Cause {
    cause(ReasonKind::Keyword, SMS, &format!("+1415{number:07}"))
}

/// A ledger with somebody who signs.
struct Sealed {
    store: Fixture,
    key: Arc<SealKey>,
    public: PublicKey,
    _folder: tempfile::TempDir,
}

impl Sealed {
    fn with(entries: u64) -> Sealed {
        let (store, folder) = (Fixture::new(), tempfile::tempdir().expect("folder"));
        let key = Arc::new(SealKey::open(&folder.path().join("key")).expect("a key"));
        let public = key.public(&store.read(seal::origin));
        let sealed = Sealed { store, key, public, _folder: folder };
        sealed.append(0..entries);
        sealed
    }

    fn append(&self, numbers: std::ops::Range<u64>) {
        self.store.write(move |tx| {
            for number in numbers {
                dndgate_store::opt::record(tx, "default", &[stop(number)])?;
            }
            Ok(())
        });
    }

    fn seal(&self) -> Option<Checkpoint> {
        while self.store.write(seal::tile_on) {}
        let key = Arc::clone(&self.key);
        self.store.write(move |tx| seal::seal(tx, &key, at(0)))
    }

    fn verify_with(&self, outside: &[Checkpoint]) -> Verified {
        let outside = outside.iter().map(|one| ("the kept one".to_owned(), one.clone())).collect();
        let trust = Trust { keys: vec![self.public.clone()], outside };
        ledger::verify(&self.store.store, trust, |_| ()).expect("read")
    }

    fn verify(&self) -> Verified {
        self.verify_with(&[])
    }

    #[track_caller]
    fn is_whole(&self, entries: u64) -> Verified {
        let found = self.verify();
        assert_eq!((found.entries, &found.faults[..]), (entries, &[][..]), "{found:?}");
        found
    }

    #[track_caller]
    fn is_broken(&self, what: &str, seq: u64, word: &str) {
        let found = self.verify();
        let first = found.faults.first().unwrap_or_else(|| panic!("{what}: nothing was found"));
        assert_eq!(first.seq, seq, "{what}: {found:?}");
        assert!(found.faults.iter().any(|fault| fault.why.contains(word)), "{what}: {found:?}");
    }

    /// What an attacker does who may write everything in the database but has no key: chain, head and tiles are made
    /// anew after a change to one entry.
    fn rewrite_chain(&self, changed: u64) {
        let connection = rusqlite::Connection::open(self.store.path()).expect("opens");
        let mut rows = connection.prepare("SELECT seq, entry FROM ledger ORDER BY seq").expect("rows");
        let entries: Vec<(i64, String)> = rows
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("query")
            .collect::<rusqlite::Result<_>>()
            .expect("entries");
        let mut previous = [0u8; 32];
        for (seq, mut entry) in entries {
            if seq.unsigned_abs() == changed {
                entry = entry.replace("\"begin\"", "\"end\"");
            }
            previous = Sha256::new().chain_update(previous).chain_update(&entry).finalize().into();
            connection
                .execute(
                    "UPDATE ledger SET entry = ?2, hash = ?3 WHERE seq = ?1",
                    rusqlite::params![seq, entry, previous],
                )
                .expect("written");
        }
        connection.execute("UPDATE head SET hash = ?1", [previous]).expect("written");
        connection.execute("DELETE FROM ledger_tile", []).expect("written");
    }
}

#[test]
fn r28_a_change_anywhere_is_found_and_told_where() {
    for (what, sql, seq, word) in [
        (
            "entry",
            "UPDATE ledger SET entry = replace(entry, '\"begin\"', '\"end\"') WHERE seq = 3",
            3,
            "changed",
        ),
        ("hash", "UPDATE ledger SET hash = zeroblob(32) WHERE seq = 3", 3, "changed"),
        ("removed", "DELETE FROM ledger WHERE seq = 2", 2, "missing"),
        ("first removed", "DELETE FROM ledger WHERE seq = 1", 1, "missing"),
        ("several removed", "DELETE FROM ledger WHERE seq IN (2, 3)", 2, "2 to 3 are missing"),
        ("cut off", "DELETE FROM ledger WHERE seq = 5", 5, "missing"),
        ("inserted", "INSERT INTO ledger SELECT 6, hash, entry FROM ledger WHERE seq = 5", 6, "behind"),
        (
            "replaced by another",
            "UPDATE ledger SET entry = (SELECT entry FROM ledger AS other WHERE other.seq = 5) WHERE seq = 4",
            4,
            "place of entry 5",
        ),
        (
            "reordered",
            "UPDATE ledger SET entry = CASE seq WHEN 2 THEN (SELECT entry FROM ledger AS o WHERE o.seq = 3)
             ELSE (SELECT entry FROM ledger AS o WHERE o.seq = 2) END WHERE seq IN (2, 3)",
            2,
            "place of entry",
        ),
        ("personal part changed", "UPDATE ledger_personal SET data = '{}' WHERE seq = 4", 4, "personal part"),
        ("salt changed", "UPDATE ledger_personal SET salt = zeroblob(16) WHERE seq = 4", 4, "personal part"),
        ("personal part removed", "DELETE FROM ledger_personal WHERE seq = 4", 4, "nobody in it was erased"),
        ("head back", "UPDATE head SET seq = 4", 4, "head"),
        ("head on", "UPDATE head SET seq = 6", 6, "missing"),
        ("head's hash", "UPDATE head SET hash = zeroblob(32)", 5, "head"),
    ] {
        let sealed = Sealed::with(5);
        sealed.is_whole(5);
        sealed.store.sql(sql);
        sealed.is_broken(what, seq, word);
    }
}

#[test]
fn r28_a_change_of_the_index_is_found_and_told_where() {
    for (what, sql, seq, word) in [
        ("line removed", "DELETE FROM ledger_subject WHERE seq = 4", 4, "does not lead"),
        ("line added", "INSERT INTO ledger_subject VALUES (1024, 'c:somebody', 2)", 2, "not about it"),
        ("line of no entry", "INSERT INTO ledger_subject VALUES (1024, 'c:somebody', 0)", 0, "not about it"),
        ("line led elsewhere", "UPDATE ledger_subject SET seq = 5 WHERE seq = 3", 3, "does not lead"),
        ("line hidden", "UPDATE ledger_subject SET run = 512 WHERE seq = 4", 0, "to entry 4"),
        ("line put ahead", "INSERT INTO ledger_subject VALUES (2048, 'c:somebody', 1026)", 0, "not about it"),
        ("all removed", "DELETE FROM ledger_subject", 1, "does not lead"),
    ] {
        let sealed = Sealed::with(1_030);
        sealed.is_whole(1_030);
        sealed.store.sql(sql);
        sealed.is_broken(what, seq, word);
    }
}

#[test]
fn r28_checkpoints_that_were_tampered_with_are_found() {
    for (what, sql, word) in [
        (
            "changed",
            "UPDATE ledger_checkpoint SET note = replace(note, 'number 1', 'number 9') WHERE number = 1",
            "signature",
        ),
        ("removed", "DELETE FROM ledger_checkpoint WHERE number = 1", "missing"),
        (
            "exchanged",
            "UPDATE ledger_checkpoint SET note = (SELECT note FROM ledger_checkpoint AS o WHERE o.number = 1)
             WHERE number = 2",
            "missing",
        ),
        ("nonsense", "UPDATE ledger_checkpoint SET note = 'x' WHERE number = 1", "checkpoint 1"),
        ("a tile changed", "UPDATE ledger_tile SET root = zeroblob(32) WHERE tile = 0", "1 to 256"),
    ] {
        let sealed = Sealed::with(300);
        assert_eq!(sealed.seal().map(|one| (one.number, one.size)), Some((1, 300)));
        assert_eq!(sealed.seal(), None, "nothing new, nothing to sign");
        sealed.append(300..310);
        assert_eq!(sealed.seal().map(|one| (one.number, one.size)), Some((2, 310)));
        let whole = sealed.is_whole(310);
        assert_eq!((whole.checkpoints, whole.sealed), (2, 310));
        sealed.store.sql(sql);
        let found = sealed.verify();
        assert!(found.faults.iter().any(|fault| fault.why.contains(word)), "{what}: {found:?}");
    }
}

#[test]
fn r28_a_chain_that_was_written_anew_does_not_pass_a_checkpoint() {
    let sealed = Sealed::with(600);
    let kept = sealed.seal().expect("signed");
    sealed.append(600..620);
    sealed.rewrite_chain(580);
    sealed.is_broken("rewritten", 1, "not those that it was signed over");
    // Without the checkpoint in the database it takes the one that was kept elsewhere.
    sealed.store.sql("DELETE FROM ledger_checkpoint");
    assert_eq!(sealed.verify().faults, []);
    let found = sealed.verify_with(std::slice::from_ref(&kept));
    assert!(found.faults[0].why.contains("the kept one"), "{found:?}");
    // And nothing is signed over it.
    assert!(sealed.store.store.write_blocking(seal::tile_on).is_ok());
}

#[test]
fn r28_nothing_is_signed_over_a_ledger_that_is_not_what_it_was() {
    let sealed = Sealed::with(10);
    sealed.seal().expect("signed");
    sealed.append(10..20);
    sealed.rewrite_chain(4);
    let key = Arc::clone(&sealed.key);
    let refused = sealed.store.store.write_blocking(move |tx| seal::seal(tx, &key, at(0)));
    assert!(refused.expect_err("refused").to_string().contains("checkpoint 1"));
}

#[test]
fn r28_an_end_that_was_cut_off_is_found_by_a_checkpoint_kept_elsewhere() {
    let sealed = Sealed::with(20);
    let kept = sealed.seal().expect("signed");
    for sql in [
        "DELETE FROM ledger WHERE seq > 15",
        "DELETE FROM ledger_personal WHERE seq > 15",
        "DELETE FROM ledger_checkpoint",
        "UPDATE head SET seq = 15, hash = (SELECT hash FROM ledger WHERE seq = 15)",
    ] {
        sealed.store.sql(sql);
    }
    assert_eq!(sealed.verify().faults, [], "the database alone cannot know");
    let found = sealed.verify_with(&[kept]);
    assert_eq!(found.faults[0].seq, 16, "{found:?}");
    assert!(found.faults[0].why.contains("cut off"), "{found:?}");
}

#[test]
fn r5_r28_after_an_erasure_the_ledger_is_whole_and_says_so() {
    let sealed = Sealed::with(3);
    let id = sealed.store.create(draft(&["+14155550101"])).id;
    sealed.store.record(vec![cause(ReasonKind::Keyword, SMS, "+14155550101")]);
    let kept = sealed.seal().expect("signed");
    sealed.store.delete(&id);
    let found = sealed.verify_with(&[kept]);
    assert_eq!(found.faults, []);
    assert!(found.erased >= 2, "{found:?}");
    assert!(!sealed.store.dump().contains("+14155550101"));
    // What was erased cannot be taken as an excuse for others.
    sealed.store.sql("DELETE FROM ledger_personal WHERE seq = 2");
    sealed.is_broken("removed", 2, "nobody in it was erased");
}

#[test]
fn r5_the_feed_forgets_whom_the_ledger_forgets() {
    let store = Fixture::new();
    let id = store.create(draft(&["+14155550101"])).id;
    store.record(vec![cause(ReasonKind::Keyword, SMS, "+14155550101")]);
    let before = store.events();
    assert_eq!(
        (before[0].payload["firstName"].as_str(), before[0].payload["phone"].as_str()),
        (Some("Joan"), Some("+14155550101"))
    );
    store.delete(&id);
    let after = store.events();
    assert_eq!(after[0].seq, before[0].seq, "nobody misses a change");
    assert_eq!(after[0].payload["erased"], true);
    for member in ["eventId", "change", "channels", "dndStatus", "id"] {
        assert_eq!(after[0].payload[member], before[0].payload[member], "{member}");
    }
    let text = json!(after.iter().map(|one| one.payload.clone()).collect::<Vec<_>>()).to_string();
    assert!(!text.contains("Joan") && !text.contains("4155550101"), "{text}");
}

fn export(sealed: &Sealed, whom: Whom) -> Value {
    let key = Arc::clone(&sealed.key);
    let found = sealed.store.read(move |tx| dossier::collect(tx, "default", &whom, &key, at(9)));
    dossier::to_json(&found)
}

#[test]
fn r28_an_export_proves_itself_and_nothing_else() {
    let sealed = Sealed::with(700);
    let id = sealed.store.create(draft(&["+14155550101"])).id;
    sealed.store.record(vec![cause(ReasonKind::Keyword, SMS, "+14155550101")]);
    sealed.store.opt_in("+14155550101");
    sealed.append(700..1_300);
    sealed.seal().expect("signed");
    sealed.append(1_300..1_310);
    let whole = export(&sealed, Whom::Contact(id));
    assert_eq!(dossier::check(&whole, &sealed.public), Ok(2), "{whole:#}");
    let by_address = export(&sealed, Whom::Address(phone("+14155550101")));
    assert_eq!(by_address["entries"], whole["entries"], "whichever way it is asked for");
    for number in [0, 255, 256, 1_299, 1_309] {
        let one = export(&sealed, Whom::Address(phone(&format!("+1415{number:07}"))));
        assert_eq!(dossier::check(&one, &sealed.public), Ok(1), "{number}");
    }
    let other = Sealed::with(0);
    assert!(dossier::check(&whole, &other.public).is_err(), "another key");
    for (path, value) in [
        ("/entries/0/shown/change", json!("end")),
        ("/entries/0/shown/subjects/0", json!("other")),
        ("/entries/0/proof/seq", json!(3)),
        ("/entries/0/proof/entry", json!("{}")),
        ("/entries/0/proof/previous", json!("00".repeat(32))),
        ("/entries/0/proof/path/0", json!("00".repeat(32))),
        ("/entries/0/proof/path", json!([])),
        ("/entries/0/proof/personal/data", json!("{}")),
        ("/checkpoint", json!(whole["checkpoint"].as_str().expect("text").replace("1312", "1311"))),
    ] {
        let mut forged = whole.clone();
        *forged.pointer_mut(path).unwrap_or_else(|| panic!("{path}: {whole:#}")) = value;
        assert!(dossier::check(&forged, &sealed.public).is_err(), "{path}");
    }
}

#[test]
fn r5_an_export_after_an_erasure_says_so_and_still_proves_itself() {
    let sealed = Sealed::with(2);
    let id = sealed.store.create(draft(&["+14155550101"])).id;
    sealed.store.record(vec![cause(ReasonKind::Keyword, SMS, "+14155550101")]);
    sealed.store.delete(&id);
    let erased = export(&sealed, Whom::Contact(id));
    assert!(erased["erased"].is_string(), "{erased:#}");
    let entries = erased["entries"].as_array().expect("entries");
    assert!(entries.len() >= 2 && entries.iter().all(|one| one["shown"]["erased"] == true), "{erased:#}");
    assert!(!erased.to_string().contains("4155550101"), "{erased:#}");
    assert_eq!(dossier::check(&erased, &sealed.public), Ok(entries.len()));
}
