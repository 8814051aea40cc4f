//! [`SearchRows`] in SQL.

use super::{SqliteRows, micros};
use crate::error::{Result, StoreError};
use crate::rows::{Column, Direction, Filter, FoundRow, Place, Scalar, Search, SearchRows, Test};
use rusqlite::{params, params_from_iter, types::Value};

impl SearchRows for SqliteRows<'_> {
    fn add_found(&mut self, row: &FoundRow) -> Result<()> {
        self.run(
            "INSERT INTO found VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                row.contact,
                row.tenant,
                micros(row.created),
                micros(row.updated),
                row.first_name,
                row.last_name,
                row.email,
                row.marks
            ],
        )?;
        let number = self.connection.last_insert_rowid();
        self.run(
            "INSERT INTO found_words (rowid, words) VALUES (?1, ?2)",
            params![number, row.words.join(" ")],
        )
        .map(drop)
    }

    fn put_found(&mut self, row: &FoundRow) -> Result<()> {
        let number = self.one(
            "INSERT INTO found VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (contact) DO UPDATE SET updated = excluded.updated, first_name = excluded.first_name,
             last_name = excluded.last_name, email = excluded.email, marks = excluded.marks RETURNING number",
            params![
                row.contact,
                row.tenant,
                micros(row.created),
                micros(row.updated),
                row.first_name,
                row.last_name,
                row.email,
                row.marks
            ],
            |row| row.get::<_, i64>(0),
        )?;
        let number = number.ok_or_else(|| StoreError::Corrupt("a contact has no number".into()))?;
        self.run(
            "INSERT OR REPLACE INTO found_words (rowid, words) VALUES (?1, ?2)",
            params![number, row.words.join(" ")],
        )
        .map(drop)
    }

    fn mark_found(&mut self, contact: &str, marks: u32) -> Result<()> {
        self.run("UPDATE found SET marks = ?2 WHERE contact = ?1 AND marks != ?2", params![contact, marks])
            .map(drop)
    }

    fn delete_found(&mut self, contact: &str) -> Result<()> {
        self.run(
            "DELETE FROM found_words WHERE rowid IN (SELECT number FROM found WHERE contact = ?1)",
            [contact],
        )?;
        self.run("DELETE FROM found WHERE contact = ?1", [contact]).map(drop)
    }

    fn not_found(&mut self, limit: usize) -> Result<Vec<String>> {
        self.all(
            "SELECT id FROM contact WHERE NOT EXISTS (SELECT 1 FROM found WHERE found.contact = contact.id)
             LIMIT ?1",
            [limit as i64],
            |row| row.get(0),
        )
    }

    fn search(&mut self, search: &Search) -> Result<Vec<(String, Place)>> {
        let mut query = Query::of(search);
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
        let query = Query::of(search);
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} LIMIT {max})",
            query.from,
            query.wheres.join(" AND ")
        );
        let count = self.one(&sql, params_from_iter(query.values), |row| row.get::<_, i64>(0))?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }
}

const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}

/// A statement as it grows. Every value goes in as a parameter; names of members too.
struct Query {
    from: &'static str,
    number: &'static str,
    wheres: Vec<String>,
    values: Vec<Value>,
}

impl Query {
    fn of(search: &Search) -> Query {
        let mut query =
            Query { from: "found", number: "found.number", wheres: Vec::new(), values: Vec::new() };
        if !search.words.is_empty() {
            // Walked in the order of its numbers, so that the newest are there at once.
            query.from = "found_words CROSS JOIN found ON found.number = found_words.rowid";
            if search.order.is_empty() {
                query.number = "found_words.rowid";
            }
            let words: Vec<String> = search.words.iter().map(|word| format!("\"{word}\" *")).collect();
            let words = query.value(Value::Text(words.join(" AND ")));
            query.wheres.push(format!("found_words MATCH {words}"));
        }
        let tenant = query.value(Value::Text(search.tenant.clone()));
        query.wheres.push(format!("found.tenant = {tenant}"));
        let filter = condition(&search.filter, &mut query);
        query.wheres.push(filter);
        query
    }

    fn value(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    fn scalar(&mut self, value: &Scalar) -> String {
        self.value(match value {
            Scalar::Text(text) => Value::Text(text.clone()),
            Scalar::Whole(whole) => Value::Integer(*whole),
            Scalar::Real(real) => Value::Real(*real),
        })
    }

    /// What comes after a place: behind it by the first key, or equal by that and behind by the next, and so on.
    fn after(
        &mut self,
        keys: &[String],
        directions: &[Direction],
        values: &[Scalar],
        number: i64,
    ) -> Result<()> {
        if keys.len() != values.len() {
            return Err(StoreError::Invalid("searchAfter is not one of this sort".into()));
        }
        let number = self.value(Value::Integer(number));
        let values: Vec<String> = values.iter().map(|value| self.scalar(value)).collect();
        let last = directions.get(keys.len().saturating_sub(1)).copied().filter(|_| directions.len() > 1);
        let behind = |direction: Direction| if direction == Direction::Ascending { ">" } else { "<" };
        let mut text = format!("{} {} {number}", self.number, behind(last.unwrap_or(Direction::Descending)));
        for ((key, value), direction) in keys.iter().zip(&values).zip(directions).rev() {
            text = format!("({key} {} {value} OR ({key} = {value} AND {text}))", behind(*direction));
        }
        if let (Some(key), Some(value), Some(direction)) = (keys.first(), values.first(), directions.first())
        {
            // Said once more so that an index can begin there.
            text = format!("{key} {}= {value} AND {text}", behind(*direction));
        }
        self.wheres.push(text);
        Ok(())
    }
}

/// A column as one value.
fn expression(column: &Column, query: &mut Query) -> String {
    match column {
        Column::Id => "found.contact".into(),
        Column::Created => "found.created".into(),
        Column::Updated => "found.updated".into(),
        Column::FirstName => "found.first_name".into(),
        Column::LastName => "found.last_name".into(),
        Column::Email => "found.email".into(),
        Column::Address(kind) => {
            let kind = query.value(Value::Text(kind.name().into()));
            format!(
                "coalesce((SELECT match_key FROM address WHERE contact = found.contact AND kind = {kind}
                 ORDER BY position LIMIT 1), '')"
            )
        }
        Column::Member(name) => {
            let path = query.value(Value::Text(path(name)));
            format!(
                "coalesce((SELECT json_extract(fields, {path}) FROM contact WHERE id = found.contact), '')"
            )
        }
        Column::Custom(name) => {
            let name = query.value(Value::Text(name.clone()));
            format!("coalesce((SELECT {CUSTOM_VALUE} FROM {CUSTOM} LIMIT 1), '')", CUSTOM = custom(&name))
        }
    }
}

fn path(name: &str) -> String {
    format!("$.\"{}\"", name.replace('"', ""))
}

/// The value of a custom field, as the API's versions call it.
const CUSTOM_VALUE: &str = "coalesce(json_extract(one.value, '$.value'), json_extract(one.value, '$.field_value'), \
                            json_extract(one.value, '$.fieldValue'))";

fn custom(name: &str) -> String {
    format!(
        "contact, json_each(contact.fields, '$.customFields') AS one WHERE contact.id = found.contact AND
         {name} IN (json_extract(one.value, '$.id'), json_extract(one.value, '$.key'))"
    )
}

fn condition(filter: &Filter, query: &mut Query) -> String {
    match filter {
        Filter::All(all) => joined(all, " AND ", "1", query),
        Filter::Any(all) => joined(all, " OR ", "0", query),
        Filter::Not(inner) => format!("NOT {}", condition(inner, query)),
        Filter::Marks { of, are } => format!("(found.marks & {of} = {are})"),
        Filter::Value(Column::Address(kind), test) => {
            let kind = query.value(Value::Text(kind.name().into()));
            let holds = tested("match_key", test, query);
            format!(
                "EXISTS (SELECT 1 FROM address WHERE contact = found.contact AND kind = {kind} AND {holds})"
            )
        }
        Filter::Value(Column::Member(name), test) => {
            let path = query.value(Value::Text(path(name)));
            let holds = tested("one.atom", test, query);
            format!(
                "EXISTS (SELECT 1 FROM contact, json_each(contact.fields, {path}) AS one
                 WHERE contact.id = found.contact AND one.atom IS NOT NULL AND one.atom != '' AND {holds})"
            )
        }
        Filter::Value(Column::Custom(name), test) => {
            let name = query.value(Value::Text(name.clone()));
            let holds = tested(CUSTOM_VALUE, test, query);
            format!("EXISTS (SELECT 1 FROM {} AND {holds})", custom(&name))
        }
        Filter::Value(column, test) => {
            let value = expression(column, query);
            tested(&value, test, query)
        }
    }
}

fn joined(all: &[Filter], between: &str, of_none: &str, query: &mut Query) -> String {
    if all.is_empty() {
        return of_none.into();
    }
    let all: Vec<String> = all.iter().map(|one| condition(one, query)).collect();
    format!("({})", all.join(between))
}

fn tested(value: &str, test: &Test, query: &mut Query) -> String {
    match test {
        // What is kept in lower case has an index.
        Test::Is(Scalar::Text(text)) if value.starts_with("found.") || value == "match_key" => {
            let text = query.value(Value::Text(text.clone()));
            format!("{value} = {text}")
        }
        Test::Is(Scalar::Text(text)) => {
            let text = query.value(Value::Text(text.clone()));
            format!("{value} = {text} COLLATE NOCASE")
        }
        Test::Is(one) => {
            let one = query.scalar(one);
            format!("{value} = {one}")
        }
        Test::Contains(text) => {
            let text = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let text = query.value(Value::Text(format!("%{text}%")));
            format!("{value} LIKE {text} ESCAPE '\\'")
        }
        Test::Exists => format!("{value} != ''"),
        Test::Between { from, to } => {
            let mut parts = Vec::new();
            for (bound, strict, or_equal) in [(from, ">", ">="), (to, "<", "<=")] {
                if let Some((bound, inclusive)) = bound {
                    let bound = query.scalar(bound);
                    parts.push(format!("{value} {} {bound}", if *inclusive { or_equal } else { strict }));
                }
            }
            if parts.is_empty() { "1".into() } else { format!("({})", parts.join(" AND ")) }
        }
    }
}
