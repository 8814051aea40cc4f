//! [`Rows`] in SQL.

use crate::{
    engine::Batch,
    error::{Result, StoreError},
    rows::{AddressRow, ContactRow, EvidenceRow, LedgerRow, Rows, ScheduledRow, Subject},
    scheduled::Waiting,
    spool::SpoolEntry,
    tokens::Token,
};
use dndgate_adapter::{AddressKind, Channel, Channels};
use dndgate_dnd::{AddressKey, Blocks, Ended, Reason, ReasonKind};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

pub(super) struct SqliteRows<'c>(pub(super) &'c Transaction<'c>);

type Sql<T> = rusqlite::Result<T>;

fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(format!("unknown {what}"))
}

fn key(kind: &str, key: String) -> Result<AddressKey> {
    Ok(AddressKey { kind: AddressKind::parse(kind).ok_or_else(|| corrupt("kind of address"))?, key })
}

fn hash(bytes: Vec<u8>) -> Result<[u8; 32]> {
    bytes.try_into().map_err(|_| corrupt("hash"))
}

const REASON: &str = "id, kind, blocks, origin_kind, origin_key, permanent, code, message, source, actor, began, \
                      ended_at, ended_by, ended_why";

/// A row of [`REASON`].
fn reason(row: &Row<'_>) -> Sql<Result<Reason>> {
    let kind: String = row.get(1)?;
    let blocks: String = row.get(2)?;
    let origin: Option<String> = row.get(3)?;
    let origin_key: Option<String> = row.get(4)?;
    let ended_at: Option<i64> = row.get(11)?;
    let ended = match ended_at {
        None => None,
        Some(at) => Some(Ended {
            at: time(at),
            by: row.get::<_, Option<String>>(12)?.unwrap_or_default(),
            why: row.get::<_, Option<String>>(13)?.unwrap_or_default(),
        }),
    };
    let built = Reason {
        id: row.get(0)?,
        kind: ReasonKind::Manual,
        blocks: Blocks::AllChannels,
        origin: None,
        permanent: row.get(5)?,
        code: row.get(6)?,
        message: row.get(7)?,
        source: row.get(8)?,
        actor: row.get(9)?,
        began: time(row.get(10)?),
        ended,
    };
    Ok((|| {
        let origin = match (origin, origin_key) {
            (Some(kind), Some(value)) => Some(key(&kind, value)?),
            _ => None,
        };
        Ok(Reason {
            kind: ReasonKind::parse(&kind).ok_or_else(|| corrupt("kind of reason"))?,
            blocks: Blocks::parse(&blocks).ok_or_else(|| corrupt("channel"))?,
            origin,
            ..built
        })
    })())
}

impl SqliteRows<'_> {
    fn run(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize> {
        Ok(self.0.prepare_cached(sql)?.execute(values)?)
    }

    fn one<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnOnce(&Row<'_>) -> Sql<T>,
    ) -> Result<Option<T>> {
        Ok(self.0.prepare_cached(sql)?.query_row(values, read).optional()?)
    }

    fn all<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> Sql<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.0.prepare_cached(sql)?;
        let found = statement.query_map(values, read)?.collect::<Sql<Vec<T>>>()?;
        Ok(found)
    }
}

impl Batch for SqliteRows<'_> {
    fn savepoint(&mut self) -> Result<()> {
        self.run("SAVEPOINT job", []).map(drop)
    }
    fn release(&mut self) -> Result<()> {
        self.run("RELEASE job", []).map(drop)
    }
    fn roll_back(&mut self) -> Result<()> {
        self.run("ROLLBACK TO job", [])?;
        self.release()
    }
}

impl Rows for SqliteRows<'_> {
    fn contact(&mut self, id: &str) -> Result<Option<ContactRow>> {
        self.one("SELECT id, tenant, fields, created, updated FROM contact WHERE id = ?1", [id], |row| {
            Ok(ContactRow {
                id: row.get(0)?,
                tenant: row.get(1)?,
                fields: row.get(2)?,
                created: time(row.get(3)?),
                updated: time(row.get(4)?),
            })
        })
    }

    fn put_contact(&mut self, contact: &ContactRow) -> Result<()> {
        self.run(
            "INSERT INTO contact VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET fields = excluded.fields, updated = excluded.updated",
            params![
                contact.id,
                contact.tenant,
                contact.fields,
                micros(contact.created),
                micros(contact.updated)
            ],
        )
        .map(drop)
    }

    fn delete_contact(&mut self, id: &str) -> Result<()> {
        self.run("DELETE FROM address WHERE contact = ?1", [id])?;
        self.run("DELETE FROM evidence WHERE contact = ?1", [id])?;
        self.run("DELETE FROM contact WHERE id = ?1", [id]).map(drop)
    }

    fn addresses(&mut self, contact: &str) -> Result<Vec<AddressRow>> {
        let found = self.all(
            "SELECT kind, match_key, shown FROM address WHERE contact = ?1 ORDER BY kind, position",
            [contact],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)),
        )?;
        found
            .into_iter()
            .map(|(kind, value, shown)| Ok(AddressRow { key: key(&kind, value)?, shown }))
            .collect()
    }

    fn put_addresses(
        &mut self,
        tenant: &str,
        contact: &str,
        kind: AddressKind,
        all: &[AddressRow],
    ) -> Result<()> {
        self.run("DELETE FROM address WHERE contact = ?1 AND kind = ?2", [contact, kind.name()])?;
        for (position, one) in all.iter().enumerate() {
            self.run(
                "INSERT INTO address VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![contact, kind.name(), position as i64, tenant, one.key.key, one.shown],
            )?;
        }
        Ok(())
    }

    fn holders(&mut self, tenant: &str, address: &AddressKey) -> Result<Vec<String>> {
        self.all(
            "SELECT DISTINCT contact FROM address WHERE tenant = ?1 AND kind = ?2 AND match_key = ?3",
            [tenant, address.kind.name(), &address.key],
            |row| row.get(0),
        )
    }

    fn reasons(&mut self, tenant: &str, subject: &Subject, erased: &str) -> Result<Vec<Reason>> {
        let found = match subject {
            Subject::Contact(id) => self.all(
                &format!("SELECT {REASON} FROM reason WHERE contact = ?1 ORDER BY began, id"),
                [id],
                reason,
            )?,
            Subject::Address(address) => self.all(
                &format!(
                    "SELECT {REASON} FROM reason WHERE contact IS NULL AND tenant = ?1 AND address_kind = ?2
                     AND match_key IN (?3, ?4) ORDER BY began, id"
                ),
                [tenant, address.kind.name(), &address.key, erased],
                reason,
            )?,
        };
        found.into_iter().collect()
    }

    fn insert_reason(&mut self, tenant: &str, subject: &Subject, one: &Reason) -> Result<()> {
        let (contact, kind, match_key) = match subject {
            Subject::Contact(id) => (Some(id.as_str()), None, None),
            Subject::Address(address) => (None, Some(address.kind.name()), Some(address.key.as_str())),
        };
        let origin = one.origin.as_ref();
        self.run(
            "INSERT INTO reason VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            params![
                one.id,
                tenant,
                contact,
                kind,
                match_key,
                one.kind.name(),
                one.blocks.name(),
                origin.map(|origin| origin.kind.name()),
                origin.map(|origin| origin.key.as_str()),
                one.permanent,
                one.code,
                one.message,
                one.source,
                one.actor,
                micros(one.began),
                one.ended.as_ref().map(|ended| micros(ended.at)),
                one.ended.as_ref().map(|ended| ended.by.as_str()),
                one.ended.as_ref().map(|ended| ended.why.as_str()),
            ],
        )
        .map(drop)
    }

    fn end_reason(&mut self, id: &str, ended: &Ended) -> Result<()> {
        self.run(
            "UPDATE reason SET ended_at = ?2, ended_by = ?3, ended_why = ?4 WHERE id = ?1 AND ended_at IS NULL",
            params![id, micros(ended.at), ended.by, ended.why],
        )
        .map(drop)
    }

    fn erase_address(&mut self, tenant: &str, address: &AddressKey, erased: &str) -> Result<()> {
        self.run(
            "UPDATE reason SET match_key = ?4, origin_key = CASE WHEN origin_key = ?3 THEN ?4 ELSE origin_key END,
             message = '' WHERE contact IS NULL AND tenant = ?1 AND address_kind = ?2 AND match_key = ?3",
            [tenant, address.kind.name(), &address.key, erased],
        )
        .map(drop)
    }

    fn delete_reasons(&mut self, contact: &str) -> Result<()> {
        self.run("DELETE FROM reason WHERE contact = ?1", [contact]).map(drop)
    }

    fn each_live(&mut self, each: &mut dyn FnMut(&str, AddressKind, &str, Blocks, ReasonKind)) -> Result<()> {
        for sql in [
            "SELECT tenant, address_kind, match_key, blocks, kind FROM reason INDEXED BY reason_live
             WHERE contact IS NULL AND ended_at IS NULL",
            "SELECT address.tenant, address.kind, address.match_key, reason.blocks, reason.kind
             FROM reason INDEXED BY reason_live_contact JOIN address ON address.contact = reason.contact
             WHERE reason.contact IS NOT NULL AND reason.ended_at IS NULL",
        ] {
            let mut statement = self.0.prepare_cached(sql)?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                let text = |index| row.get_ref(index)?.as_str().map_err(rusqlite::Error::from);
                let kind = AddressKind::parse(text(1)?).ok_or_else(|| corrupt("kind of address"))?;
                let blocks = Blocks::parse(text(3)?).ok_or_else(|| corrupt("channel"))?;
                let reason = ReasonKind::parse(text(4)?).ok_or_else(|| corrupt("kind of reason"))?;
                each(text(0)?, kind, text(2)?, blocks, reason);
            }
        }
        Ok(())
    }

    fn live_count(&mut self) -> Result<u64> {
        let count = self.one(
            "SELECT (SELECT count(*) FROM reason INDEXED BY reason_live WHERE contact IS NULL AND ended_at IS NULL)
                  + (SELECT count(*) FROM reason INDEXED BY reason_live_contact
                     WHERE contact IS NOT NULL AND ended_at IS NULL)",
            [],
            |row| row.get::<_, i64>(0),
        )?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }

    fn head(&mut self) -> Result<(u64, [u8; 32])> {
        let found = self.one("SELECT seq, hash FROM head WHERE one = 1", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?))
        })?;
        let (seq, bytes) = found.ok_or_else(|| StoreError::Corrupt("the ledger has no head".into()))?;
        Ok((seq.unsigned_abs(), hash(bytes)?))
    }

    fn append(&mut self, row: &LedgerRow, subjects: &[String]) -> Result<()> {
        let seq = row.seq as i64;
        self.run("INSERT INTO ledger VALUES (?1, ?2, ?3)", params![seq, row.hash, row.entry])?;
        if let Some((salt, data)) = &row.personal {
            self.run("INSERT INTO ledger_personal VALUES (?1, ?2, ?3)", params![seq, salt, data])?;
        }
        for subject in subjects {
            self.run("INSERT OR IGNORE INTO ledger_subject VALUES (?1, ?2)", params![subject, seq])?;
        }
        self.run("UPDATE head SET seq = ?1, hash = ?2 WHERE one = 1", params![seq, row.hash]).map(drop)
    }

    fn entries_of(&mut self, subjects: &[String], limit: usize) -> Result<Vec<LedgerRow>> {
        let mut numbers: Vec<i64> = Vec::new();
        for subject in subjects {
            numbers.extend(self.all(
                "SELECT seq FROM ledger_subject WHERE subject = ?1 ORDER BY seq DESC LIMIT ?2",
                params![subject, limit as i64],
                |row| row.get::<_, i64>(0),
            )?);
        }
        numbers.sort_unstable();
        numbers.dedup();
        let skip = numbers.len().saturating_sub(limit);
        let mut entries = Vec::new();
        for number in &numbers[skip..] {
            let found = self.one(
                "SELECT ledger.seq, hash, entry, salt, data FROM ledger LEFT JOIN ledger_personal USING (seq) WHERE ledger.seq = ?1",
                [number],
                ledger_row,
            )?;
            entries.extend(found.transpose()?);
        }
        Ok(entries)
    }

    fn each_entry(&mut self, each: &mut dyn FnMut(LedgerRow) -> bool) -> Result<()> {
        let mut statement = self.0.prepare_cached(
            "SELECT ledger.seq, hash, entry, salt, data FROM ledger LEFT JOIN ledger_personal USING (seq) ORDER BY ledger.seq",
        )?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            if !each(ledger_row(row)??) {
                break;
            }
        }
        Ok(())
    }

    fn forget(&mut self, subject: &str) -> Result<()> {
        self.run(
            "DELETE FROM ledger_personal WHERE seq IN (SELECT seq FROM ledger_subject WHERE subject = ?1)",
            [subject],
        )
        .map(drop)
    }

    fn note(&mut self, provider: &str, event: &str, digest: &[u8], at: Timestamp) -> Result<Option<Vec<u8>>> {
        let new = self.run(
            "INSERT OR IGNORE INTO inbox VALUES (?1, ?2, ?3, ?4)",
            params![provider, event, digest, micros(at)],
        )?;
        if new == 1 {
            return Ok(None);
        }
        self.one(
            "SELECT digest FROM inbox WHERE provider = ?1 AND event_key = ?2",
            [provider, event],
            |row| row.get(0),
        )
    }

    fn forget_noted(&mut self, before: Timestamp) -> Result<()> {
        self.run("DELETE FROM inbox WHERE at < ?1", [micros(before)]).map(drop)
    }

    fn put_event(&mut self, tenant: &str, contact: &str, payload: &str) -> Result<u64> {
        self.run(
            "INSERT INTO event (tenant, contact, payload) VALUES (?1, ?2, ?3)",
            [tenant, contact, payload],
        )?;
        Ok(self.0.last_insert_rowid().unsigned_abs())
    }

    fn newest_event(&mut self) -> Result<u64> {
        let newest = self.one("SELECT coalesce(max(seq), 0) FROM event", [], |row| row.get::<_, i64>(0))?;
        Ok(newest.unwrap_or(0).unsigned_abs())
    }

    fn events(&mut self, after: u64, limit: usize, tenant: Option<&str>) -> Result<Vec<(u64, String)>> {
        self.all(
            "SELECT seq, payload FROM event WHERE seq > ?1 AND (?3 IS NULL OR tenant = ?3) ORDER BY seq LIMIT ?2",
            params![i64::try_from(after).unwrap_or(i64::MAX), limit as i64, tenant],
            |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?)),
        )
    }

    fn put_spooled(&mut self, entry: &SpoolEntry) -> Result<()> {
        let headers =
            serde_json::to_string(&entry.headers).map_err(|error| StoreError::Invalid(error.to_string()))?;
        self.run(
            "INSERT OR IGNORE INTO spool VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                entry.id,
                entry.provider,
                micros(entry.received_at),
                entry.method,
                entry.url,
                headers,
                entry.body,
                entry.target,
                entry.attempts,
                micros(entry.next_at)
            ],
        )
        .map(drop)
    }

    fn spooled(&mut self, due: Timestamp, limit: usize) -> Result<Vec<SpoolEntry>> {
        self.all(
            "SELECT id, provider, received_at, method, url, headers, body, target, attempts, next_at FROM spool
             WHERE next_at <= ?1 ORDER BY next_at, id LIMIT ?2",
            params![micros(due), limit as i64],
            |row| {
                Ok(SpoolEntry {
                    id: row.get(0)?,
                    provider: row.get(1)?,
                    received_at: time(row.get(2)?),
                    method: row.get(3)?,
                    url: row.get(4)?,
                    headers: serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default(),
                    body: row.get(6)?,
                    target: row.get(7)?,
                    attempts: row.get(8)?,
                    next_at: time(row.get(9)?),
                })
            },
        )
    }

    fn spooled_count(&mut self) -> Result<u64> {
        let count = self.one("SELECT count(*) FROM spool", [], |row| row.get::<_, i64>(0))?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }

    fn put_off_spooled(&mut self, id: &str, next_at: Timestamp) -> Result<()> {
        self.run(
            "UPDATE spool SET attempts = attempts + 1, next_at = ?2 WHERE id = ?1",
            params![id, micros(next_at)],
        )
        .map(drop)
    }

    fn delete_spooled(&mut self, id: &str) -> Result<()> {
        self.run("DELETE FROM spool WHERE id = ?1", [id]).map(drop)
    }

    fn put_scheduled(&mut self, one: &ScheduledRow) -> Result<()> {
        let handle =
            serde_json::to_string(&one.handle).map_err(|error| StoreError::Invalid(error.to_string()))?;
        self.run(
            "INSERT INTO scheduled VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)",
            params![
                one.id,
                one.provider,
                one.tenant,
                one.address.kind.name(),
                one.address.key,
                one.channels.bits(),
                handle,
                micros(one.at),
                one.cancel_at.map(micros)
            ],
        )
        .map(drop)
    }

    fn mark_scheduled(
        &mut self,
        tenant: &str,
        address: &AddressKey,
        channels: Channels,
        due: Timestamp,
    ) -> Result<()> {
        self.run(
            "UPDATE scheduled SET cancel_at = ?5 WHERE tenant = ?1 AND address_kind = ?2 AND match_key = ?3
             AND channels & ?4 != 0 AND cancel_at IS NULL",
            params![tenant, address.kind.name(), address.key, channels.bits(), micros(due)],
        )
        .map(drop)
    }

    fn scheduled_due(&mut self, due: Timestamp, limit: usize) -> Result<Vec<Waiting>> {
        self.all(
            "SELECT id, provider, handle, attempts FROM scheduled WHERE cancel_at <= ?1 ORDER BY cancel_at, id LIMIT ?2",
            params![micros(due), limit as i64],
            |row| {
                Ok(Waiting {
                    id: row.get(0)?,
                    provider: row.get(1)?,
                    handle: serde_json::from_str(&row.get::<_, String>(2)?).unwrap_or_default(),
                    attempts: row.get(3)?,
                })
            },
        )
    }

    fn put_off_scheduled(&mut self, id: &str, next_at: Timestamp) -> Result<()> {
        self.run(
            "UPDATE scheduled SET attempts = attempts + 1, cancel_at = ?2 WHERE id = ?1",
            params![id, micros(next_at)],
        )
        .map(drop)
    }

    fn delete_scheduled(&mut self, id: &str) -> Result<()> {
        self.run("DELETE FROM scheduled WHERE id = ?1", [id]).map(drop)
    }

    fn forget_scheduled(&mut self, before: Timestamp) -> Result<()> {
        self.run("DELETE FROM scheduled WHERE at < ?1 AND cancel_at IS NULL", [micros(before)]).map(drop)
    }

    fn put_evidence(&mut self, one: &EvidenceRow) -> Result<()> {
        let file = one.file.as_ref();
        self.run(
            "INSERT INTO evidence VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                one.id,
                one.contact,
                one.channel.name(),
                one.text,
                one.source,
                micros(one.obtained_at),
                micros(one.recorded_at),
                one.filed_by,
                one.sha256,
                file.map(|file| &file.0),
                file.map(|file| &file.1),
                file.map(|file| &file.2)
            ],
        )
        .map(drop)
    }

    fn newest_evidence(&mut self, contact: &str, channel: Channel) -> Result<Option<Timestamp>> {
        let newest = self.one(
            "SELECT max(recorded_at) FROM evidence WHERE contact = ?1 AND channel = ?2",
            [contact, channel.name()],
            |row| row.get::<_, Option<i64>>(0),
        )?;
        Ok(newest.flatten().map(time))
    }

    fn put_token(&mut self, hash: &[u8; 32], token: &Token) -> Result<()> {
        self.run(
            "INSERT INTO token VALUES (?1, ?2, ?3, ?4, ?5)",
            params![hash, token.name, token.role, token.tenant, micros(token.created)],
        )
        .map(drop)
    }

    fn token(&mut self, hash: &[u8; 32]) -> Result<Option<Token>> {
        self.one("SELECT name, role, tenant, created FROM token WHERE hash = ?1", [hash], |row| {
            Ok(Token {
                name: row.get(0)?,
                role: row.get(1)?,
                tenant: row.get(2)?,
                created: time(row.get(3)?),
            })
        })
    }

    fn meta(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        self.one("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
    }

    fn put_meta(&mut self, name: &str, value: &[u8]) -> Result<()> {
        self.run(
            "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )
        .map(drop)
    }
}

fn ledger_row(row: &Row<'_>) -> Sql<Result<LedgerRow>> {
    let seq: i64 = row.get(0)?;
    let bytes: Vec<u8> = row.get(1)?;
    let entry: String = row.get(2)?;
    let salt: Option<Vec<u8>> = row.get(3)?;
    let data: Option<String> = row.get(4)?;
    Ok(hash(bytes).map(|hash| LedgerRow { seq: seq.unsigned_abs(), hash, entry, personal: salt.zip(data) }))
}
