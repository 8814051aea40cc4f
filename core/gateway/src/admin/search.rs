//! `POST /contacts/search`: HighLevel's advanced search, filters and free text, by page or by place.

use super::{
    Admin,
    auth::{Caller, Reading},
    contacts::{named, region},
    problem::Problem,
    wire::{self, Dialect},
};
use axum::{Json, extract::State};
use dndgate_adapter::{AddressKind, Channel, Channels};
use dndgate_dnd::{Region, address};
use dndgate_store::{Column, Direction, Filter, Place, Scalar, Search, Test, search};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The most contacts on one page, and how many without being asked.
const LIMIT_MAX: u64 = 500;
const LIMIT: u64 = 20;
/// Pages reach so far; beyond, go by `searchAfter`.
const PAGED_MAX: u64 = 10_000;
/// The longest free text and value, in characters.
const TEXT_CHARS_MAX: usize = 75;
/// Filters in all, nested ones included.
const FILTERS_MAX: usize = 50;
/// Contacts are counted so far where no index counts them.
const COUNT_MAX: u64 = 10_000;

/// Finds contacts: `query` is free text over name, email and phone as people type it; `filters`, `sort`,
/// `page`, `pageLimit` and `searchAfter` as HighLevel has them.
#[utoipa::path(post, path = "/contacts/search", request_body = Value,
    responses((status = 200, description = "The contacts, each with its searchAfter; total, up to 10,000 when filtered")))]
pub(crate) async fn search(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    dialect: Dialect,
    Json(body): Json<Value>,
) -> Result<Json<Value>, Problem> {
    let tenant = caller.tenant(&admin, named(&body))?;
    let listed = crate::listed(&admin.shared.config.load());
    let mut question = Question { tenant: &tenant, region: region(&admin, &tenant), listed, filters: 0 };
    let wanted = question.read(&body)?;
    let count_max = if wanted.words.is_empty() && wanted.filter == Filter::All(Vec::new()) {
        u64::MAX >> 1
    } else {
        COUNT_MAX
    };
    let page = admin.shared.store.read(move |tx| search::page(tx, &wanted, count_max)).await?;
    let contacts: Vec<Value> = page
        .contacts
        .iter()
        .map(|(contact, place)| {
            let mut shown = wire::shown(contact, listed, dialect);
            shown["searchAfter"] = written(place);
            shown
        })
        .collect();
    Ok(Json(json!({
        "contacts": contacts,
        "total": page.total,
        "totalIsExact": page.counted,
        "count": page.contacts.len(),
        "searchAfter": page.contacts.last().map(|(_, place)| written(place)),
        "traceId": uuid::Uuid::now_v7().to_string(),
    })))
}

fn written((values, number): &Place) -> Value {
    let mut all: Vec<Value> = values
        .iter()
        .map(|value| match value {
            Scalar::Text(text) => json!(text),
            Scalar::Whole(whole) => json!(whole),
            Scalar::Real(real) => json!(real),
        })
        .collect();
    all.push(json!(number));
    Value::Array(all)
}

/// What a question needs to be understood.
struct Question<'a> {
    tenant: &'a str,
    region: Region,
    listed: Channels,
    filters: usize,
}

impl Question<'_> {
    fn read(&mut self, body: &Value) -> Result<Search, Problem> {
        let whole = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| Problem::bad_request(format!("{name} is not a number"))),
        };
        let limit = whole("pageLimit")?.unwrap_or(LIMIT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Problem::bad_request(format!("pageLimit is not between 1 and {LIMIT_MAX}")));
        }
        let offset = whole("page")?.unwrap_or(1).saturating_sub(1).saturating_mul(limit);
        if offset + limit > PAGED_MAX {
            return Err(Problem::bad_request(format!(
                "pages reach {PAGED_MAX} contacts; go on with searchAfter, which each contact has"
            )));
        }
        let text = match body.get("query") {
            None | Some(Value::Null) => "",
            Some(Value::String(text)) if text.chars().count() <= TEXT_CHARS_MAX => text,
            Some(_) => {
                return Err(Problem::bad_request(format!(
                    "query is no text of at most {TEXT_CHARS_MAX} characters"
                )));
            }
        };
        let order = order(body.get("sort"))?;
        let after = match body.get("searchAfter") {
            None | Some(Value::Null) => None,
            Some(Value::Array(place)) if place.is_empty() => None,
            Some(Value::Array(place)) => Some(read_place(place)?),
            Some(_) => return Err(Problem::bad_request("searchAfter is not a list")),
        };
        if after.is_some() && offset > 0 {
            return Err(Problem::bad_request("send either page or searchAfter"));
        }
        let filters = body.get("filters").cloned().unwrap_or(Value::Null);
        let filter = self.all(&filters, "filters")?;
        let words = search::words(self.tenant, text);
        // What is no word at all is found nowhere.
        let filter =
            if words.is_empty() && !text.trim().is_empty() { Filter::Any(Vec::new()) } else { filter };
        Ok(Search {
            tenant: self.tenant.to_owned(),
            words,
            filter,
            order,
            after,
            offset,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        })
    }

    fn all(&mut self, filters: &Value, at: &str) -> Result<Filter, Problem> {
        match filters {
            Value::Null => Ok(Filter::All(Vec::new())),
            Value::Array(all) => {
                let read =
                    all.iter().enumerate().map(|(index, one)| self.one(one, &format!("{at}[{index}]")));
                Ok(Filter::All(read.collect::<Result<_, _>>()?))
            }
            _ => Err(Problem::bad_request(format!("{at} is not a list"))),
        }
    }

    fn one(&mut self, filter: &Value, at: &str) -> Result<Filter, Problem> {
        self.filters += 1;
        if self.filters > FILTERS_MAX {
            return Err(Problem::bad_request(format!("at most {FILTERS_MAX} filters")));
        }
        if let Some(group) = filter.get("group").and_then(Value::as_str) {
            let Filter::All(inner) = self.all(&filter["filters"], &format!("{at}.filters"))? else {
                return Err(Problem::bad_request(format!("{at}.filters is not a list")));
            };
            return match group.to_ascii_uppercase().as_str() {
                "AND" => Ok(Filter::All(inner)),
                "OR" => Ok(Filter::Any(inner)),
                _ => Err(Problem::bad_request(format!("{at}.group is neither AND nor OR"))),
            };
        }
        let field = filter.get("field").and_then(Value::as_str);
        let field = field.ok_or_else(|| Problem::bad_request(format!("{at}.field names no field")))?;
        let operator = filter.get("operator").and_then(Value::as_str).unwrap_or("eq");
        let value = filter.get("value").unwrap_or(&Value::Null);
        if value.as_str().is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX) {
            return Err(Problem::bad_request(format!(
                "{at}.value is longer than {TEXT_CHARS_MAX} characters"
            )));
        }
        if let Some(inner) = operator.strip_prefix("not_") {
            return Ok(Filter::Not(Box::new(self.leaf(field, inner, value, at)?)));
        }
        self.leaf(field, operator, value, at)
    }

    fn leaf(&self, field: &str, operator: &str, value: &Value, at: &str) -> Result<Filter, Problem> {
        if operator == "eq" {
            // Any of several.
            if let Value::Array(several) = value {
                let all = several.iter().map(|one| self.leaf(field, operator, one, at));
                return Ok(Filter::Any(all.collect::<Result<_, _>>()?));
            }
            if let Some(filter) = self.dnd(field, value, at)? {
                return Ok(filter);
            }
        }
        let column = column(field);
        let test = match operator {
            "eq" => Test::Is(self.value(&column, value, at)?),
            "contains" => Test::Contains(text_of(value, at)?.to_lowercase()),
            "exists" => Test::Exists,
            "range" => self.range(&column, value, at)?,
            _ => {
                return Err(Problem::bad_request(format!(
                    "{at}.operator is none of eq, not_eq, contains, not_contains, exists, not_exists, range"
                )));
            }
        };
        Ok(Filter::Value(column, test))
    }

    /// What is asked of DND: the switch, the overall status, a channel's, inbound.
    fn dnd(&self, field: &str, value: &Value, at: &str) -> Result<Option<Filter>, Problem> {
        let bad = |what: &str| Problem::bad_request(format!("{at}.value is none of {what}"));
        let text = value.as_str().unwrap_or_default();
        if field == "dnd" {
            let on = match value {
                Value::Bool(on) => *on,
                _ => text.parse().map_err(|_| bad("true, false"))?,
            };
            return Ok(Some(marks(search::SWITCH, if on { search::SWITCH } else { 0 })));
        }
        if field == "dndStatus" {
            let none = marks(search::all_blocked(Channels::ALL), 0);
            let listed = if self.listed.is_empty() { Channels::ALL } else { self.listed };
            let listed = search::all_blocked(listed);
            return Ok(Some(match text {
                "on" => marks(listed, listed),
                "off" => none,
                "partial" => Filter::Not(Box::new(Filter::Any(vec![none, marks(listed, listed)]))),
                _ => return Err(bad("on, off, partial")),
            }));
        }
        if field.starts_with("inboundDndSettings") {
            let on = if text == "inactive" { 0 } else { search::INBOUND };
            return Ok(Some(marks(search::INBOUND, on)));
        }
        let Some(rest) = field.strip_prefix("dndSettings.").or_else(|| field.strip_prefix("dnd.")) else {
            return Ok(None);
        };
        let name = rest.strip_suffix(".status").unwrap_or(rest);
        let channel = Channel::parse(name)
            .ok_or_else(|| Problem::bad_request(format!("{at}.field: {name} is no channel")))?;
        let (blocked, locked) = (search::blocked(channel), search::locked(channel));
        Ok(Some(match text {
            "inactive" => marks(blocked, 0),
            "active" => marks(blocked | locked, blocked),
            "permanent" => marks(locked, locked),
            "blocked" => marks(blocked, blocked),
            _ => return Err(bad("active, inactive, permanent, blocked (active or permanent)")),
        }))
    }

    fn value(&self, column: &Column, value: &Value, at: &str) -> Result<Scalar, Problem> {
        Ok(match column {
            Column::Created | Column::Updated => Scalar::Whole(time(value, at)?),
            Column::FirstName | Column::LastName => Scalar::Text(search::lower(text_of(value, at)?)),
            Column::Address(kind) => {
                let raw = text_of(value, at)?;
                let key = address::normalise(*kind, raw, self.region);
                Scalar::Text(key.map_or_else(|_| raw.to_lowercase(), |one| one.key.key))
            }
            Column::Email | Column::Id => Scalar::Text(text_of(value, at)?.to_owned()),
            Column::Member(_) | Column::Custom(_) => scalar(value, at)?,
        })
    }

    fn range(&self, column: &Column, value: &Value, at: &str) -> Result<Test, Problem> {
        let bound = |names: [(&str, bool); 2]| -> Result<Option<(Scalar, bool)>, Problem> {
            for (name, inclusive) in names {
                if let Some(bound) = value.get(name).filter(|bound| !bound.is_null()) {
                    return Ok(Some((self.value(column, bound, at)?, inclusive)));
                }
            }
            Ok(None)
        };
        let (from, to) = (bound([("gte", true), ("gt", false)])?, bound([("lte", true), ("lt", false)])?);
        if from.is_none() && to.is_none() {
            return Err(Problem::bad_request(format!("{at}.value holds none of gt, gte, lt, lte")));
        }
        Ok(Test::Between { from, to })
    }
}

fn marks(of: u32, are: u32) -> Filter {
    Filter::Marks { of, are }
}

fn column(field: &str) -> Column {
    match field {
        "id" | "contactId" => Column::Id,
        "dateAdded" => Column::Created,
        "dateUpdated" => Column::Updated,
        "firstName" | "firstNameLowerCase" => Column::FirstName,
        "lastName" | "lastNameLowerCase" => Column::LastName,
        "email" | "emailLowerCase" | "additionalEmails" => Column::Address(AddressKind::Email),
        "phone" | "additionalPhones" => Column::Address(AddressKind::Phone),
        other => match other.strip_prefix("customFields.").or_else(|| other.strip_prefix("customField.")) {
            Some(name) => Column::Custom(name.to_owned()),
            None => Column::Member(other.to_owned()),
        },
    }
}

fn order(sort: Option<&Value>) -> Result<Vec<(Column, Direction)>, Problem> {
    let all = match sort {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(all)) if all.len() <= 2 => all,
        Some(_) => return Err(Problem::bad_request("sort is no list of one or two orders")),
    };
    all.iter()
        .map(|one| {
            let field = one.get("field").and_then(Value::as_str);
            let field = field.ok_or_else(|| Problem::bad_request("sort[].field names no field"))?;
            let direction = match one.get("direction").and_then(Value::as_str) {
                None | Some("asc") => Direction::Ascending,
                Some("desc") => Direction::Descending,
                Some(_) => return Err(Problem::bad_request("sort[].direction is neither asc nor desc")),
            };
            let column = match column(field) {
                Column::Address(AddressKind::Email) => Column::Email,
                other => other,
            };
            Ok((column, direction))
        })
        .collect()
}

fn read_place(place: &[Value]) -> Result<Place, Problem> {
    let bad = || Problem::bad_request("searchAfter is not what a contact's searchAfter was");
    let (number, values) = place.split_last().ok_or_else(bad)?;
    let values = values.iter().map(|value| scalar(value, "searchAfter")).collect::<Result<_, _>>()?;
    Ok((values, number.as_i64().ok_or_else(bad)?))
}

fn scalar(value: &Value, at: &str) -> Result<Scalar, Problem> {
    match value {
        Value::String(text) => Ok(Scalar::Text(text.clone())),
        Value::Bool(yes) => Ok(Scalar::Whole(i64::from(*yes))),
        Value::Number(number) => Ok(match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Scalar::Whole(whole),
            (None, real) => Scalar::Real(real.unwrap_or_default()),
        }),
        _ => Err(Problem::bad_request(format!("{at} holds no text, number or true and false"))),
    }
}

fn text_of<'v>(value: &'v Value, at: &str) -> Result<&'v str, Problem> {
    value.as_str().ok_or_else(|| Problem::bad_request(format!("{at}.value is not text")))
}

/// Microseconds of a time as text, or as HighLevel's milliseconds.
fn time(value: &Value, at: &str) -> Result<i64, Problem> {
    if let Some(millis) = value.as_i64() {
        return Ok(millis.saturating_mul(1_000));
    }
    let text = text_of(value, at)?;
    let midnight = || format!("{text}T00:00:00Z").parse::<Timestamp>();
    let parsed = text.parse::<Timestamp>().or_else(|_| midnight());
    parsed
        .map(Timestamp::as_microsecond)
        .map_err(|_| Problem::bad_request(format!("{at}.value is no time; write it as 2026-01-31T12:00:00Z")))
}
