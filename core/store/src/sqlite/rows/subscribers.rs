//! [`SubscriberRows`] in SQL.

use super::{SqliteRows, events::number, micros, time};
use crate::{
    error::Result,
    rows::{DeliveryRow, SubscriberRow, SubscriberRows},
};
use jiff::Timestamp;
use rusqlite::{Row, params};

const SUBSCRIBER: &str = "id, url, tenant, description, configured, named, secret, former_secret, former_until, created, \
                          disabled_at, disabled_why, cursor, revision";
const DELIVERY: &str = "seq, lane, dead, attempts, next_at, last_at, status, error";

fn subscriber(row: &Row<'_>) -> rusqlite::Result<SubscriberRow> {
    let former: Option<String> = row.get(7)?;
    let until: Option<i64> = row.get(8)?;
    let disabled: Option<i64> = row.get(10)?;
    Ok(SubscriberRow {
        id: row.get(0)?,
        url: row.get(1)?,
        tenant: row.get(2)?,
        description: row.get(3)?,
        configured: row.get(4)?,
        named: row.get(5)?,
        secret: row.get(6)?,
        former: former.zip(until.map(time)),
        created: time(row.get(9)?),
        disabled: match disabled {
            Some(at) => Some((time(at), row.get(11)?)),
            None => None,
        },
        cursor: row.get::<_, i64>(12)?.unsigned_abs(),
        revision: row.get::<_, i64>(13)?.unsigned_abs(),
    })
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    Ok(DeliveryRow {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        lane: row.get(1)?,
        dead: row.get(2)?,
        attempts: row.get(3)?,
        next_at: row.get::<_, Option<i64>>(4)?.map(time),
        last_at: row.get::<_, Option<i64>>(5)?.map(time),
        status: row.get(6)?,
        error: row.get(7)?,
    })
}

impl SubscriberRows for SqliteRows<'_> {
    fn put_subscriber(&mut self, one: &SubscriberRow) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO subscriber VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            params![
                one.id,
                one.url,
                one.tenant,
                one.description,
                one.configured,
                one.named,
                one.secret,
                one.former.as_ref().map(|(secret, _)| secret),
                one.former.as_ref().map(|(_, until)| micros(*until)),
                micros(one.created),
                one.disabled.as_ref().map(|(at, _)| micros(*at)),
                one.disabled.as_ref().map(|(_, why)| why),
                number(one.cursor),
                number(one.revision),
            ],
        )
        .map(drop)
    }

    fn subscriber(&mut self, id: &str) -> Result<Option<SubscriberRow>> {
        self.one(&format!("SELECT {SUBSCRIBER} FROM subscriber WHERE id = ?1"), [id], subscriber)
    }

    fn subscribers(&mut self) -> Result<Vec<SubscriberRow>> {
        self.all(&format!("SELECT {SUBSCRIBER} FROM subscriber ORDER BY created, id"), [], subscriber)
    }

    fn delete_subscriber(&mut self, id: &str) -> Result<()> {
        self.run("DELETE FROM delivery WHERE subscriber = ?1", [id])?;
        self.run("DELETE FROM subscriber WHERE id = ?1", [id]).map(drop)
    }

    fn advance(&mut self, id: &str, cursor: u64) -> Result<()> {
        self.run("UPDATE subscriber SET cursor = ?2 WHERE id = ?1", params![id, number(cursor)]).map(drop)
    }

    fn put_delivery(&mut self, subscriber: &str, one: &DeliveryRow) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO delivery VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                subscriber,
                number(one.seq),
                one.lane,
                one.dead,
                one.attempts,
                one.next_at.map(micros),
                one.last_at.map(micros),
                one.status,
                one.error,
            ],
        )
        .map(drop)
    }

    fn delivery(&mut self, subscriber: &str, seq: u64) -> Result<Option<DeliveryRow>> {
        self.one(
            &format!("SELECT {DELIVERY} FROM delivery WHERE subscriber = ?1 AND seq = ?2"),
            params![subscriber, number(seq)],
            delivery,
        )
    }

    fn delete_delivery(&mut self, subscriber: &str, seq: u64) -> Result<()> {
        self.run("DELETE FROM delivery WHERE subscriber = ?1 AND seq = ?2", params![subscriber, number(seq)])
            .map(drop)
    }

    fn due(&mut self, subscriber: &str, by: Timestamp, limit: usize) -> Result<Vec<DeliveryRow>> {
        self.all(
            &format!(
                "SELECT {DELIVERY} FROM delivery WHERE subscriber = ?1 AND next_at <= ?2 ORDER BY next_at, seq LIMIT ?3"
            ),
            params![subscriber, micros(by), limit as i64],
            delivery,
        )
    }

    fn next_due(&mut self, subscriber: &str) -> Result<Option<Timestamp>> {
        let next = self.one(
            "SELECT min(next_at) FROM delivery WHERE subscriber = ?1 AND next_at IS NOT NULL",
            [subscriber],
            |row| row.get::<_, Option<i64>>(0),
        )?;
        Ok(next.flatten().map(time))
    }

    fn lane_head(&mut self, subscriber: &str, lane: &str) -> Result<Option<DeliveryRow>> {
        self.one(
            &format!(
                "SELECT {DELIVERY} FROM delivery WHERE subscriber = ?1 AND lane = ?2 AND dead = 0 ORDER BY seq LIMIT 1"
            ),
            [subscriber, lane],
            delivery,
        )
    }

    fn lanes(&mut self, subscriber: &str) -> Result<Vec<String>> {
        self.all(
            "SELECT DISTINCT lane FROM delivery WHERE subscriber = ?1 AND dead = 0",
            [subscriber],
            |row| row.get(0),
        )
    }

    fn deliveries(
        &mut self,
        subscriber: &str,
        dead: Option<bool>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeliveryRow>> {
        self.all(
            &format!(
                "SELECT {DELIVERY} FROM delivery WHERE subscriber = ?1 AND seq > ?2 AND (?3 IS NULL OR dead = ?3)
                 ORDER BY seq LIMIT ?4"
            ),
            params![subscriber, number(after), dead, limit as i64],
            delivery,
        )
    }

    fn delivery_counts(&mut self, subscriber: &str) -> Result<(u64, u64)> {
        let counts = self.one(
            "SELECT count(*), coalesce(sum(dead), 0) FROM delivery WHERE subscriber = ?1",
            [subscriber],
            |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs())),
        )?;
        let (all, dead) = counts.unwrap_or_default();
        Ok((all - dead, dead))
    }

    fn forget_deliveries_after(&mut self, subscriber: &str, seq: u64) -> Result<()> {
        self.run("DELETE FROM delivery WHERE subscriber = ?1 AND seq > ?2", params![subscriber, number(seq)])
            .map(drop)
    }

    fn hurry(&mut self, subscriber: &str, since: Timestamp, now: Timestamp) -> Result<()> {
        self.run(
            "UPDATE delivery SET next_at = ?3, attempts = max(attempts - 1, 0)
             WHERE subscriber = ?1 AND next_at > ?3 AND last_at >= ?2",
            params![subscriber, micros(since), micros(now)],
        )
        .map(drop)
    }

    fn forget_deliveries_up_to(&mut self, seq: u64) -> Result<u64> {
        let waiting = self.run("DELETE FROM delivery WHERE seq <= ?1 AND dead = 0", [number(seq)])?;
        self.run("DELETE FROM delivery WHERE seq <= ?1", [number(seq)])?;
        Ok(waiting as u64)
    }
}
