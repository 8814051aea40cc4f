//! [`ReasonRows`] in SQL.

use super::{Sql, SqliteRows, corrupt, key, micros, time};
use crate::{
    error::Result,
    rows::{ReasonRows, Subject},
};
use dndgate_adapter::AddressKind;
use dndgate_dnd::{AddressKey, Blocks, Ended, Reason, ReasonKind};
use jiff::Timestamp;
use rusqlite::{Row, params};

const REASON: &str = "id, kind, blocks, origin_kind, origin_key, permanent, code, message, source, actor, began, \
                      ended_at, ended_by, ended_why, repeated, expires";

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
        repeated: row.get::<_, Option<i64>>(14)?.map(time),
        expires: row.get::<_, Option<i64>>(15)?.map(time),
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

/// After [`REASON`], whom it is on.
const ON: &str = "tenant, contact, address_kind, match_key";

/// A row of [`REASON`] and [`ON`].
fn on_subject(row: &Row<'_>) -> Sql<Result<(String, Subject, Reason)>> {
    let tenant: String = row.get(16)?;
    let (contact, kind): (Option<String>, Option<String>) = (row.get(17)?, row.get(18)?);
    let match_key: Option<String> = row.get(19)?;
    let reason = reason(row)?;
    Ok((|| {
        let subject = match contact {
            Some(contact) => Subject::Contact(contact),
            None => Subject::Address(key(&kind.unwrap_or_default(), match_key.unwrap_or_default())?),
        };
        Ok((tenant, subject, reason?))
    })())
}

impl ReasonRows for SqliteRows<'_> {
    fn reasons(&mut self, tenant: &str, subject: &Subject, erased: &str) -> Result<Vec<Reason>> {
        let found = match subject {
            Subject::Contact(id) => self.all(
                &format!("SELECT {REASON} FROM reason WHERE contact = ?1 ORDER BY began, id"),
                [id],
                reason,
            )?,
            Subject::Address(address) => {
                if self.is_unheard(tenant, address, erased) {
                    return Ok(Vec::new());
                }
                // Two steps into the index: a list of keys would be made a table of first, each time.
                let mut found = Vec::new();
                for key in [address.key.as_str(), erased] {
                    found.extend(self.all(
                        &format!(
                            "SELECT {REASON} FROM reason WHERE contact IS NULL AND tenant = ?1 AND address_kind = ?2
                             AND match_key = ?3"
                        ),
                        [tenant, address.kind.name(), key],
                        reason,
                    )?);
                }
                let mut found = found.into_iter().collect::<Result<Vec<Reason>>>()?;
                found.sort_by(|one, other| (one.began, &one.id).cmp(&(other.began, &other.id)));
                return Ok(found);
            }
        };
        found.into_iter().collect()
    }

    fn insert_reason(&mut self, tenant: &str, subject: &Subject, one: &Reason) -> Result<()> {
        let (contact, kind, match_key) = match subject {
            Subject::Contact(id) => (Some(id.as_str()), None, None),
            Subject::Address(address) => (None, Some(address.kind.name()), Some(address.key.as_str())),
        };
        if let Subject::Address(address) = subject {
            self.hear_of(tenant, address.kind, &address.key);
        }
        let origin = one.origin.as_ref();
        self.run(
            "INSERT INTO reason VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
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
                one.repeated.map(micros),
                one.expires.map(micros),
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

    fn repeat_reason(&mut self, id: &str, at: Timestamp, expires: Option<Timestamp>) -> Result<()> {
        self.run(
            "UPDATE reason SET repeated = max(coalesce(repeated, began), ?2), expires = ?3 WHERE id = ?1",
            params![id, micros(at), expires.map(micros)],
        )
        .map(drop)
    }

    fn expired(&mut self, now: Timestamp, limit: usize) -> Result<Vec<(String, Subject, Reason)>> {
        let found = self.all(
            &format!(
                "SELECT {REASON}, {ON} FROM reason INDEXED BY reason_expires
                 WHERE expires <= ?1 AND ended_at IS NULL ORDER BY expires LIMIT ?2"
            ),
            params![micros(now), limit as i64],
            on_subject,
        )?;
        found.into_iter().collect()
    }

    fn erase_address(&mut self, tenant: &str, address: &AddressKey, erased: &str) -> Result<()> {
        self.hear_of(tenant, address.kind, erased);
        self.run(
            "UPDATE reason SET match_key = ?4, origin_key = CASE WHEN origin_key = ?3 THEN ?4 ELSE origin_key END,
             message = '', expires = NULL WHERE contact IS NULL AND tenant = ?1 AND address_kind = ?2 AND match_key = ?3",
            [tenant, address.kind.name(), &address.key, erased],
        )?;
        self.run(
            "DELETE FROM release WHERE tenant = ?1 AND address_kind = ?2 AND match_key = ?3",
            [tenant, address.kind.name(), &address.key],
        )?;
        self.run("DELETE FROM reconciliation_difference WHERE match_key = ?1", [&address.key]).map(drop)
    }

    fn delete_reasons(&mut self, contact: &str) -> Result<()> {
        self.run("DELETE FROM reason WHERE contact = ?1", [contact]).map(drop)
    }

    fn each_live(&mut self, each: &mut dyn FnMut(&str, AddressKind, &str, Blocks, ReasonKind)) -> Result<()> {
        self.in_order()?;
        for sql in [
            "SELECT tenant, address_kind, match_key, blocks, kind FROM reason INDEXED BY reason_live
             WHERE contact IS NULL AND ended_at IS NULL",
            "SELECT address.tenant, address.kind, address.match_key, reason.blocks, reason.kind
             FROM reason INDEXED BY reason_live_contact JOIN address ON address.contact = reason.contact
             WHERE reason.contact IS NOT NULL AND reason.ended_at IS NULL",
            // What blocks one name of an address blocks the others.
            "SELECT same.tenant, same.kind, same.match_key, reason.blocks, reason.kind
             FROM same JOIN reason INDEXED BY reason_live ON reason.tenant = same.tenant
               AND reason.address_kind = same.other_kind AND reason.match_key = same.other_key
             WHERE reason.contact IS NULL AND reason.ended_at IS NULL",
            "SELECT same.tenant, same.kind, same.match_key, reason.blocks, reason.kind
             FROM same JOIN address ON address.tenant = same.tenant AND address.kind = same.other_kind
               AND address.match_key = same.other_key
             JOIN reason INDEXED BY reason_live_contact ON reason.contact = address.contact
             WHERE reason.contact IS NOT NULL AND reason.ended_at IS NULL",
        ] {
            let mut statement = self.connection.prepare_cached(sql)?;
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

    fn reason(&mut self, id: &str) -> Result<Option<(String, Subject, Reason)>> {
        let found =
            self.one(&format!("SELECT {REASON}, {ON} FROM reason WHERE id = ?1"), [id], on_subject)?;
        found.transpose()
    }

    fn live_on_addresses(
        &mut self,
        tenant: &str,
        (after, id): &(AddressKey, String),
        limit: usize,
    ) -> Result<Vec<(AddressKey, Reason)>> {
        let found = self.all(
            &format!(
                "SELECT {REASON}, address_kind, match_key FROM reason
                 WHERE contact IS NULL AND ended_at IS NULL AND tenant = ?1
                 AND (address_kind, match_key, id) > (?2, ?3, ?4)
                 ORDER BY address_kind, match_key, id LIMIT ?5"
            ),
            params![tenant, after.kind.name(), after.key, id, limit as i64],
            |row| Ok((row.get::<_, String>(16)?, row.get::<_, String>(17)?, reason(row)?)),
        )?;
        found.into_iter().map(|(kind, value, reason)| Ok((key(&kind, value)?, reason?))).collect()
    }

    fn move_reasons(&mut self, from: &str, to: &str) -> Result<()> {
        self.run("UPDATE reason SET contact = ?2 WHERE contact = ?1", [from, to]).map(drop)
    }

    fn scopes(&mut self) -> Result<Vec<String>> {
        self.in_order()?;
        // Hops from one tenant to the next in the index.
        let mut all: Vec<String> = Vec::new();
        for sql in [
            "SELECT min(tenant) FROM address WHERE tenant > ?1",
            "SELECT min(tenant) FROM reason WHERE contact IS NULL AND ended_at IS NULL AND tenant > ?1",
        ] {
            let mut last = String::new();
            while let Some(next) = self.one(sql, [&last], |row| row.get::<_, Option<String>>(0))?.flatten() {
                last.clone_from(&next);
                all.push(next);
            }
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
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
}
