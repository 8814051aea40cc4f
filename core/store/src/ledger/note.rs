//! Checkpoints: a signed statement of how the ledger stood, in the format of signed notes and transparency-log
//! checkpoints (C2SP signed-note, tlog-checkpoint), so that other programs can check and keep them.
//!
//! ```text
//! dndgate-ledger/3c7f…                       which ledger
//! 1284                                       how many entries
//! 9Vs1…=                                     the Merkle root over them, base64
//! number 12                                  which checkpoint
//! chain 5be1…                                the chained hash of the last entry
//! time 2026-11-24T06:00:00Z
//!
//! — dndgate-ledger/3c7f… k0lBsQ…=            Ed25519
//! ```

use crate::error::{Result, StoreError};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};
use std::{fmt, path::Path};

/// What the file of a key begins with.
const KEY_PREFIX: &str = "dndgate-ledger-key:";
/// Ed25519 in signed notes.
const ALGORITHM: u8 = 1;
/// Begins a line with a signature.
const DASH: &str = "\u{2014} ";

/// How the ledger stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger.
    pub origin: String,
    /// How many entries it had.
    pub size: u64,
    /// The Merkle root over them.
    pub root: [u8; 32],
    /// Which checkpoint; the first is 1.
    pub number: u64,
    /// The chained hash of the last entry.
    pub chain: [u8; 32],
    /// When.
    pub at: Timestamp,
    /// The signed text.
    pub note: String,
}

impl Checkpoint {
    /// Reads a note. Nothing is said of its signature.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(note: &str) -> std::result::Result<Checkpoint, &'static str> {
        let (body, _) = note.split_once("\n\n").ok_or("it has no signature")?;
        let mut lines = body.lines();
        let mut line = || lines.next().ok_or("it is cut short");
        let origin = line()?.to_owned();
        let size = line()?.parse().map_err(|_| "its size is no number")?;
        let root = STANDARD.decode(line()?).ok().and_then(|root| root.try_into().ok());
        let mut named = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let number = named("number").and_then(|number| number.parse().ok());
        let chain = named("chain").and_then(|chain| hex::decode(chain).ok()?.try_into().ok());
        let at = named("time").and_then(|at| at.parse().ok());
        Ok(Checkpoint {
            origin,
            size,
            root: root.ok_or("its root is no hash")?,
            number: number.ok_or("it has no number")?,
            chain: chain.ok_or("it has no hash of the chain")?,
            at: at.ok_or("it has no time")?,
            note: note.to_owned(),
        })
    }

    fn body(&self) -> String {
        format!(
            "{}\n{}\n{}\nnumber {}\nchain {}\ntime {}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root),
            self.number,
            hex::encode(self.chain),
            self.at
        )
    }
}

/// Who signs checkpoints. Kept apart from the database, so that whoever can write the one cannot do the other.
pub struct SealKey(Ed25519KeyPair);

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

impl SealKey {
    /// Reads a key from its file, which is made when there is none, for its owner alone.
    ///
    /// # Errors
    /// When the file cannot be made or read, or holds no key.
    pub fn open(path: &Path) -> Result<SealKey> {
        let bad = |why: String| StoreError::Invalid(format!("ledger.key: {}: {why}", path.display()));
        match std::fs::read_to_string(path) {
            Ok(text) => SealKey::parse(&text).ok_or_else(|| bad("it holds no key of a ledger".into())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut seed = [0u8; 32];
                getrandom::fill(&mut seed).map_err(|error| bad(error.to_string()))?;
                let text = format!("{KEY_PREFIX}{}\n", STANDARD.encode(seed));
                keep_secret(path, &text).map_err(|error| bad(error.to_string()))?;
                SealKey::parse(&text).ok_or_else(|| bad("it could not be made".into()))
            }
            Err(error) => Err(bad(error.to_string())),
        }
    }

    fn parse(text: &str) -> Option<SealKey> {
        let seed = STANDARD.decode(text.trim().strip_prefix(KEY_PREFIX)?).ok()?;
        Ed25519KeyPair::from_seed_unchecked(&seed).ok().map(SealKey)
    }

    /// What checks its signatures, for a ledger.
    pub fn public(&self, origin: &str) -> PublicKey {
        let key = self.0.public_key().as_ref().try_into().unwrap_or_default();
        PublicKey { origin: origin.to_owned(), key }
    }

    /// Signs how a ledger stands.
    pub(crate) fn seal(&self, mut checkpoint: Checkpoint) -> Checkpoint {
        let body = checkpoint.body();
        let mut signed = self.public(&checkpoint.origin).id().to_vec();
        signed.extend(self.0.sign(body.as_bytes()).as_ref());
        checkpoint.note = format!("{body}\n{DASH}{} {}\n", checkpoint.origin, STANDARD.encode(signed));
        checkpoint
    }
}

fn keep_secret(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// What checks the signatures of a ledger's checkpoints; in text `origin+id+base64`, as signed notes have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    origin: String,
    key: [u8; 32],
}

impl PublicKey {
    /// Reads the text.
    pub fn parse(text: &str) -> Option<PublicKey> {
        let mut parts = text.trim().splitn(3, '+');
        let (origin, id) = (parts.next()?.to_owned(), parts.next()?);
        let bytes = STANDARD.decode(parts.next()?).ok()?;
        let (algorithm, key) = bytes.split_first()?;
        let key = PublicKey { origin, key: key.try_into().ok()? };
        (*algorithm == ALGORITHM && id == hex::encode(key.id())).then_some(key)
    }

    fn id(&self) -> [u8; 4] {
        let digest = Sha256::new()
            .chain_update(self.origin.as_bytes())
            .chain_update([b'\n', ALGORITHM])
            .chain_update(self.key)
            .finalize();
        std::array::from_fn(|index| digest[index])
    }

    /// Did this key sign the checkpoint?
    pub fn signed(&self, checkpoint: &Checkpoint) -> bool {
        let Some((body, signatures)) = checkpoint.note.split_once("\n\n") else { return false };
        let body = format!("{body}\n");
        // What was read must be what was signed, to the byte.
        if checkpoint.origin != self.origin || body != checkpoint.body() {
            return false;
        }
        signatures.lines().any(|line| {
            let signature = line
                .strip_prefix(DASH)
                .and_then(|line| line.strip_prefix(self.origin.as_str())?.strip_prefix(' '))
                .and_then(|signature| STANDARD.decode(signature).ok());
            signature.is_some_and(|bytes| {
                bytes.strip_prefix(&self.id()[..]).is_some_and(|signature| {
                    UnparsedPublicKey::new(&ED25519, self.key).verify(body.as_bytes(), signature).is_ok()
                })
            })
        })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![ALGORITHM];
        bytes.extend(self.key);
        write!(f, "{}+{}+{}", self.origin, hex::encode(self.id()), STANDARD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_as_it_was_sealed_and_no_other() {
        let folder = tempfile::tempdir().expect("folder");
        let key = SealKey::open(&folder.path().join("key")).expect("made");
        let again = SealKey::open(&folder.path().join("key")).expect("read");
        let public = PublicKey::parse(&again.public("dndgate-ledger/1").to_string()).expect("a key");
        let sealed = key.seal(Checkpoint {
            origin: "dndgate-ledger/1".into(),
            size: 7,
            root: [1; 32],
            number: 1,
            chain: [2; 32],
            at: Timestamp::UNIX_EPOCH,
            note: String::new(),
        });
        let read = Checkpoint::read(&sealed.note).expect("good");
        assert_eq!(read, sealed);
        assert!(public.signed(&read));
        let other = SealKey::open(&folder.path().join("other")).expect("made");
        assert!(!other.public("dndgate-ledger/1").signed(&read));
        for (from, to) in [("\n7\n", "\n8\n"), ("number 1", "number 2"), ("1970", "1971")] {
            let forged = Checkpoint::read(&sealed.note.replace(from, to)).expect("well-formed");
            assert!(!public.signed(&forged), "{from} to {to}");
        }
    }
}
