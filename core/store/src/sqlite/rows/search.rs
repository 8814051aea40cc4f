//! [`SearchRows`] in SQL.

mod lead;
mod query;

use super::{SqliteRows, micros};
use crate::error::{Result, StoreError};
use crate::rows::{ContactRow, Direction, FoundBy, Place, Scalar, Search, SearchRows};
use lead::Lead;
use query::{Begin, Query, expression};
use rusqlite::{params, params_from_iter, types::Value};

/// So many contacts at the most are taken up together and put in order; where a part of what is asked holds of more,
/// the list is walked in its order, and the first ones come soon.
const FEW: u64 = 5_000;
/// So many at the most are noted before the list is walked, so that what is looked at closely is among them.
const SOME: u64 = 100_000;

impl SearchRows for SqliteRows<'_> {
    fn add_found(&mut self, contact: &ContactRow, by: &FoundBy, marks: u32) -> Result<()> {
        self.run(
            "INSERT INTO found VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                contact.id,
                contact.tenant,
                micros(contact.created),
                micros(contact.updated),
                by.first_name,
                by.last_name,
                by.email,
                marks
            ],
        )?;
        let number = self.connection.last_insert_rowid();
        self.run("INSERT INTO found_words (rowid, words) VALUES (?1, ?2)", params![number, by.words])
            .map(drop)
    }

    fn put_found(&mut self, contact: &ContactRow, by: &FoundBy, marks: u32) -> Result<()> {
        self.in_order()?;
        let number = self.one(
            "INSERT INTO found VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (contact) DO UPDATE SET updated = excluded.updated, first_name = excluded.first_name,
             last_name = excluded.last_name, email = excluded.email, marks = excluded.marks RETURNING number",
            params![
                contact.id,
                contact.tenant,
                micros(contact.created),
                micros(contact.updated),
                by.first_name,
                by.last_name,
                by.email,
                marks
            ],
            |row| row.get::<_, i64>(0),
        )?;
        let number = number.ok_or_else(|| StoreError::Corrupt("a contact has no number".into()))?;
        self.run(
            "INSERT OR REPLACE INTO found_words (rowid, words) VALUES (?1, ?2)",
            params![number, by.words],
        )
        .map(drop)
    }

    fn mark_found(&mut self, contact: &str, marks: u32) -> Result<()> {
        self.in_order()?;
        self.run("UPDATE found SET marks = ?2 WHERE contact = ?1 AND marks != ?2", params![contact, marks])
            .map(drop)
    }

    fn delete_found(&mut self, contact: &str) -> Result<()> {
        self.in_order()?;
        self.run(
            "DELETE FROM found_words WHERE rowid IN (SELECT number FROM found WHERE contact = ?1)",
            [contact],
        )?;
        self.run("DELETE FROM found WHERE contact = ?1", [contact]).map(drop)
    }

    fn not_found(&mut self, limit: usize) -> Result<Vec<String>> {
        self.in_order()?;
        self.all(
            "SELECT id FROM contact WHERE NOT EXISTS (SELECT 1 FROM found WHERE found.contact = contact.id)
             LIMIT ?1",
            [limit as i64],
            |row| row.get(0),
        )
    }

    fn search(&mut self, search: &Search) -> Result<Vec<(String, Place)>> {
        self.in_order()?;
        let leads = lead::of(&search.tenant, &search.filter);
        let begin = self.begin(search, &leads)?;
        let mut query = Query::of(search, &begin);
        let keys: Vec<String> =
            search.order.iter().map(|(column, _)| expression(column, &mut query)).collect();
        let keys =
            if keys.is_empty() && search.words.is_empty() { vec!["found.created".into()] } else { keys };
        let directions = search.order.iter().map(|(_, direction)| *direction);
        let directions: Vec<Direction> = directions.chain([Direction::Descending]).collect();
        if let Some((values, number)) = &search.after {
            query.after(&keys, &directions, values, *number)?;
        }
        // The last key is the contact's number, which no two share.
        let last = directions.get(keys.len() - usize::from(!keys.is_empty())).copied();
        let last = last.filter(|_| !search.order.is_empty()).unwrap_or(Direction::Descending);
        let mut order: Vec<String> =
            keys.iter().zip(&directions).map(|(key, one)| format!("{key} {}", word(*one))).collect();
        order.push(format!("{} {}", query.number, word(last)));
        let shown: String = keys.iter().map(|key| format!(", {key}")).collect();
        let sql = format!(
            "SELECT found.contact, found.number{shown} FROM {} WHERE {} ORDER BY {} LIMIT {} OFFSET {}",
            query.from,
            query.wheres.join(" AND "),
            order.join(", "),
            search.limit,
            search.offset
        );
        let count = keys.len();
        self.all(&sql, params_from_iter(query.values), |row| {
            let mut values = Vec::with_capacity(count);
            for index in 0..count {
                values.push(match row.get::<_, Value>(2 + index)? {
                    Value::Integer(whole) => Scalar::Whole(whole),
                    Value::Real(real) => Scalar::Real(real),
                    Value::Text(text) => Scalar::Text(text),
                    Value::Null | Value::Blob(_) => Scalar::Text(String::new()),
                });
            }
            Ok((row.get(0)?, (values, row.get(1)?)))
        })
    }

    fn count(&mut self, search: &Search, max: u64) -> Result<u64> {
        self.in_order()?;
        let leads = lead::of(&search.tenant, &search.filter);
        let begin = match (self.begin(search, &leads)?, leads.first()) {
            // Nobody's order counts here.
            (Begin::Order | Begin::OrderAmong(_), Some(lead)) => Begin::With(lead),
            (begin, _) => begin,
        };
        let query = Query::of(search, &begin);
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} LIMIT {max})",
            query.from,
            query.wheres.join(" AND ")
        );
        let count = self.one(&sql, params_from_iter(query.values), |row| row.get::<_, i64>(0))?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }
}

impl SqliteRows<'_> {
    /// Where a search begins best.
    fn begin<'l>(&self, search: &Search, leads: &'l [Lead]) -> Result<Begin<'l>> {
        if !search.words.is_empty() {
            let typed = search.words.iter().map(|word| format!("\"{word}\" *"));
            let values = leads.iter().filter_map(Lead::words).map(str::to_owned);
            return Ok(Begin::Words(typed.chain(values).collect::<Vec<_>>().join(" AND ")));
        }
        let mut best: Option<(u64, &Lead)> = None;
        for lead in leads {
            let most = best.map_or(SOME, |(count, _)| count);
            let mut query = Query::only(Vec::new());
            let numbers = lead.numbers(&search.tenant, &mut query);
            let sql = format!("SELECT count(*) FROM (SELECT 1 FROM ({numbers}) LIMIT {most})");
            let count = self.one(&sql, params_from_iter(query.values), |row| row.get::<_, i64>(0))?;
            let count = count.unwrap_or_default().unsigned_abs();
            if count < most {
                best = Some((count, lead));
            }
        }
        Ok(match best {
            None => Begin::Order,
            Some((count, lead)) if count <= FEW => Begin::With(lead),
            Some((_, lead)) => Begin::OrderAmong(lead),
        })
    }
}

const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}
