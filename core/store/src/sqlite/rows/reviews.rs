//! [`ReviewRows`] in SQL.

use super::{SqliteRows, corrupt, key, micros, time};
use crate::{
    error::Result,
    reviews::{Decided, Decision, Review},
    rows::ReviewRows,
};
use dndgate_adapter::Channel;
use dndgate_dnd::AddressKey;
use jiff::Timestamp;
use rusqlite::{Row, params};

const REVIEW: &str = "id, tenant, channel, address_kind, match_key, text, rule, source, said_at, noted_at, \
                      decided_at, decided_by, decision";

/// A row of [`REVIEW`].
fn review(row: &Row<'_>) -> rusqlite::Result<Result<Review>> {
    let (channel, kind, value): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let decided: Option<(i64, String, String)> = match row.get(10)? {
        Some(at) => Some((at, row.get(11)?, row.get(12)?)),
        None => None,
    };
    let (id, tenant): (String, String) = (row.get(0)?, row.get(1)?);
    let (text, rule, source): (String, String, String) = (row.get(5)?, row.get(6)?, row.get(7)?);
    let (said, noted) = (time(row.get(8)?), time(row.get(9)?));
    Ok((|| {
        let decided = match decided {
            None => None,
            Some((at, by, decision)) => {
                let decision = Decision::parse(&decision).ok_or_else(|| corrupt("decision"))?;
                Some(Decided { decision, by, at: time(at) })
            }
        };
        Ok(Review {
            id,
            tenant,
            channel: Channel::parse(&channel).ok_or_else(|| corrupt("channel"))?,
            address: key(&kind, value)?,
            text,
            rule,
            source,
            said,
            noted,
            decided,
        })
    })())
}

impl ReviewRows for SqliteRows<'_> {
    fn put_review(&mut self, one: &Review) -> Result<()> {
        self.run(
            "INSERT INTO review (id, tenant, channel, address_kind, match_key, text, rule, source, said_at, noted_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                one.id,
                one.tenant,
                one.channel.name(),
                one.address.kind.name(),
                one.address.key,
                one.text,
                one.rule,
                one.source,
                micros(one.said),
                micros(one.noted),
            ],
        )
        .map(drop)
    }

    fn review(&mut self, id: &str) -> Result<Option<Review>> {
        self.one(&format!("SELECT {REVIEW} FROM review WHERE id = ?1"), [id], review)?.transpose()
    }

    fn reviews(
        &mut self,
        tenant: Option<&str>,
        decided: bool,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Review>> {
        let whether = if decided { "IS NOT NULL" } else { "IS NULL" };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = match tenant {
            Some(tenant) => self.all(
                &format!(
                    "SELECT {REVIEW} FROM review WHERE tenant = ?1 AND decided_at {whether} AND id > ?2
                     ORDER BY id LIMIT ?3"
                ),
                params![tenant, after, limit],
                review,
            )?,
            None => self.all(
                &format!(
                    "SELECT {REVIEW} FROM review WHERE decided_at {whether} AND id > ?1 ORDER BY id LIMIT ?2"
                ),
                params![after, limit],
                review,
            )?,
        };
        found.into_iter().collect()
    }

    fn decide_review(&mut self, id: &str, decision: &str, by: &str, at: Timestamp) -> Result<()> {
        self.run(
            "UPDATE review SET decided_at = ?2, decided_by = ?3, decision = ?4 WHERE id = ?1 AND decided_at IS NULL",
            params![id, micros(at), by, decision],
        )
        .map(drop)
    }

    fn forget_reviews_of(&mut self, tenant: &str, address: &AddressKey) -> Result<()> {
        self.run(
            "DELETE FROM review WHERE tenant = ?1 AND address_kind = ?2 AND match_key = ?3",
            [tenant, address.kind.name(), &address.key],
        )
        .map(drop)
    }

    fn forget_reviews(&mut self, before: Timestamp) -> Result<()> {
        self.run("DELETE FROM review WHERE decided_at < ?1", [micros(before)]).map(drop)
    }
}
