//! A part of what is asked by which contacts are found at once, so that not every one is looked at.

use super::query::Query;
use crate::{
    rows::{Column, Filter, Scalar, Test},
    search::values,
};
use dndgate_adapter::AddressKind;
use rusqlite::types::Value;

/// A part of what is asked that has an index.
#[derive(Debug, PartialEq)]
pub(super) enum Lead {
    /// They have these words, as full-text search asks for them.
    Words(String),
    /// They hold this address.
    Address(AddressKind, String),
    /// A column is this.
    Column(&'static str, String),
    /// One of these.
    Any(Vec<Lead>),
}

/// The leads of a filter: whoever it holds of is found by each of them.
pub(super) fn of(tenant: &str, filter: &Filter) -> Vec<Lead> {
    match filter {
        Filter::All(all) => {
            let (words, mut others): (Vec<Lead>, Vec<Lead>) =
                all.iter().flat_map(|one| of(tenant, one)).partition(|lead| lead.words().is_some());
            if !words.is_empty() {
                let words: Vec<&str> = words.iter().filter_map(Lead::words).collect();
                others.push(Lead::Words(words.join(" AND ")));
            }
            others
        }
        Filter::Any(any) => {
            let each: Option<Vec<Lead>> = any.iter().map(|one| of(tenant, one).into_iter().next()).collect();
            match each {
                None => Vec::new(),
                Some(each) if each.is_empty() => Vec::new(),
                Some(each) if each.iter().all(|lead| lead.words().is_some()) => {
                    let words: Vec<&str> = each.iter().filter_map(Lead::words).collect();
                    vec![Lead::Words(format!("({})", words.join(" OR ")))]
                }
                Some(each) => vec![Lead::Any(each)],
            }
        }
        Filter::Value(column, Test::Is(value)) => leaf(tenant, column, value).into_iter().collect(),
        Filter::Value(..) | Filter::Marks { .. } | Filter::Not(_) => Vec::new(),
    }
}

fn leaf(tenant: &str, column: &Column, value: &Scalar) -> Option<Lead> {
    let text = match value {
        Scalar::Text(text) => Some(text.clone()),
        _ => None,
    };
    match column {
        Column::Id => Some(Lead::Column("contact", text?)),
        Column::FirstName => Some(Lead::Column("first_name", text?)),
        Column::LastName => Some(Lead::Column("last_name", text?)),
        Column::Email => Some(Lead::Column("email", text?)),
        Column::Address(kind) => Some(Lead::Address(*kind, text?)),
        Column::Member(_) | Column::Custom(_) => {
            values::word(tenant, column, value).map(|word| Lead::Words(format!("\"{word}\"")))
        }
        Column::Created | Column::Updated => None,
    }
}

impl Lead {
    pub(super) fn words(&self) -> Option<&str> {
        match self {
            Lead::Words(words) => Some(words),
            _ => None,
        }
    }

    /// A statement of their numbers, each once.
    pub(super) fn numbers(&self, tenant: &str, query: &mut Query) -> String {
        match self {
            Lead::Words(words) => {
                let words = query.value(Value::Text(words.clone()));
                format!("SELECT rowid AS number FROM found_words WHERE found_words MATCH {words}")
            }
            Lead::Address(kind, key) => {
                let tenant = query.value(Value::Text(tenant.to_owned()));
                let kind = query.value(Value::Text(kind.name().into()));
                let key = query.value(Value::Text(key.clone()));
                format!(
                    "SELECT DISTINCT found.number FROM address CROSS JOIN found ON found.contact = address.contact
                     WHERE address.tenant = {tenant} AND address.kind = {kind} AND address.match_key = {key}"
                )
            }
            Lead::Column(name, value) => {
                let tenant = query.value(Value::Text(tenant.to_owned()));
                let value = query.value(Value::Text(value.clone()));
                format!("SELECT number FROM found WHERE tenant = {tenant} AND {name} = {value}")
            }
            Lead::Any(each) => {
                let each: Vec<String> = each
                    .iter()
                    .map(|lead| format!("SELECT * FROM ({})", lead.numbers(tenant, query)))
                    .collect();
                each.join(" UNION ")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(column: Column, text: &str) -> Filter {
        Filter::Value(column, Test::Is(Scalar::Text(text.into())))
    }

    #[test]
    fn a_lead_is_only_what_must_hold() {
        let tag = |text: &str| is(Column::Member("tags".into()), text);
        let word = |text: &str| of("t", &tag(text))[0].words().expect("words").to_owned();
        let name = || is(Column::LastName, "smith");
        let last_name = || Lead::Column("last_name", "smith".into());
        let not = |filter| Filter::Not(Box::new(filter));
        let marks = || Filter::Marks { of: 1, are: 1 };
        for (filter, leads) in [
            (Filter::All(vec![]), vec![]),
            (Filter::Any(vec![]), vec![]),
            (not(name()), vec![]),
            (Filter::All(vec![marks(), name()]), vec![last_name()]),
            (Filter::Any(vec![marks(), name()]), vec![]),
            (
                Filter::All(vec![tag("a"), name(), tag("b")]),
                vec![last_name(), Lead::Words(format!("{} AND {}", word("a"), word("b")))],
            ),
            (
                Filter::Any(vec![tag("a"), tag("b")]),
                vec![Lead::Words(format!("({} OR {})", word("a"), word("b")))],
            ),
            (Filter::Any(vec![tag("a"), name()]), vec![Lead::Any(vec![Lead::Words(word("a")), last_name()])]),
            (Filter::Any(vec![tag("a"), not(tag("b"))]), vec![]),
        ] {
            assert_eq!(of("t", &filter), leads, "{filter:?}");
        }
    }
}
