//! A search as a statement.

use super::lead::Lead;
use crate::{
    error::{Result, StoreError},
    rows::{Column, Direction, Filter, Scalar, Search, Test},
};
use rusqlite::types::Value;

/// With which contacts a search begins.
pub(super) enum Begin<'a> {
    /// With the first of the list.
    Order,
    /// With the first of the list that is among these.
    OrderAmong(&'a Lead),
    /// With all of these; they are put in order at the end.
    With(&'a Lead),
    /// With those that have these words, the newest first where no order is asked for.
    Words(String),
}

/// A statement as it grows. Every value goes in as a parameter; names of members too.
pub(super) struct Query {
    pub(super) from: String,
    pub(super) number: &'static str,
    pub(super) wheres: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Query {
    /// What is asked, beginning with those that `begin` says.
    pub(super) fn of(search: &Search, begin: &Begin<'_>) -> Query {
        let mut query =
            Query { from: "found".into(), number: "found.number", wheres: Vec::new(), values: Vec::new() };
        match begin {
            Begin::Order => {}
            Begin::With(lead) => {
                let numbers = lead.numbers(&search.tenant, &mut query);
                query.from = format!("({numbers}) AS lead CROSS JOIN found ON found.number = lead.number");
            }
            Begin::OrderAmong(lead) => {
                let numbers = lead.numbers(&search.tenant, &mut query);
                // The sign keeps them from being looked up instead of walked to.
                query.wheres.push(format!("+found.number IN ({numbers})"));
            }
            Begin::Words(words) => {
                // Walked in the order of its numbers, so that the newest are there at once.
                query.from = "found_words CROSS JOIN found ON found.number = found_words.rowid".into();
                if search.order.is_empty() {
                    query.number = "found_words.rowid";
                }
                let words = query.value(Value::Text(words.clone()));
                query.wheres.push(format!("found_words MATCH {words}"));
            }
        }
        let tenant = query.value(Value::Text(search.tenant.clone()));
        query.wheres.push(format!("found.tenant = {tenant}"));
        let filter = condition(&search.filter, &mut query);
        query.wheres.push(filter);
        query
    }

    pub(super) fn only(values: Vec<Value>) -> Query {
        Query { from: String::new(), number: "", wheres: Vec::new(), values }
    }

    pub(super) fn value(&mut self, value: Value) -> String {
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
    pub(super) fn after(
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
pub(super) fn expression(column: &Column, query: &mut Query) -> String {
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
