//! A contact from the columns of its row or the members of its object.

use crate::{
    claims::{Said, text},
    columns::Column,
    record::{Address, Contact, Record},
    when,
};
use dndgate_adapter::AddressKind;
use dndgate_dnd::{Normalised, Region, address};
use serde_json::{Map, Value};

/// The most addresses of one kind that are read.
const ADDRESSES_MAX: usize = 100;
const ID_BYTES_MAX: usize = 128;

/// A contact as it is being read.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    lone: bool,
    kind: Option<AddressKind>,
    value: Option<String>,
    /// The tenant that the row names.
    pub(crate) named: Option<String>,
    id: Option<String>,
    fields: Map<String, Value>,
    raw: Vec<(AddressKind, String)>,
    said: Said,
    created: Option<jiff::Timestamp>,
}

impl Draft {
    /// Takes one value. `ours`: text stands exactly as it was exported.
    pub(crate) fn take(&mut self, column: &Column, value: Value, ours: bool) -> Result<(), String> {
        if value.is_null() || matches!(&value, Value::String(text) if text.trim().is_empty()) {
            return Ok(());
        }
        match column {
            Column::Record => self.lone = value == "address",
            Column::Id => self.id = Some(id(&value)?),
            Column::Tenant => self.named = Some(text(&value)),
            Column::Address(kind) => self.addresses(*kind, &value),
            Column::Addresses => self.any_addresses(&parsed("addresses", value)?)?,
            Column::Kind => self.kind = AddressKind::parse(&text(&value)),
            Column::Value => self.value = Some(text(&value)),
            Column::Dnd => self.said.legacy(&value)?,
            Column::Settings => self.said.settings(&parsed("dndSettings", value)?)?,
            Column::Status(channel) => self.said.status(*channel, &value)?,
            Column::Message(channel) => self.said.beside(*channel, Some(text(&value)), None),
            Column::Code(channel) => self.said.beside(*channel, None, Some(text(&value))),
            Column::Inbound => self.said.inbound(&value)?,
            Column::InboundSettings => self.said.inbound(&parsed("inboundDndSettings", value)?)?,
            Column::Reasons => self.said.reasons(&parsed("reasons", value)?)?,
            Column::Fields => match parsed("fields", value)? {
                Value::Object(more) => self.fields.extend(more),
                _ => return Err("fields is not a JSON object".into()),
            },
            Column::Created => self.created = when::read(&text(&value)),
            Column::Tags => {
                let tags = match value {
                    Value::String(list) => list.split(',').map(|tag| Value::from(tag.trim())).collect(),
                    other => other,
                };
                self.fields.insert("tags".into(), tags);
            }
            Column::Field(name) => self.keep(name, value, ours),
            Column::Other(name) => self.keep(name, value, ours),
            Column::Derived => {}
        }
        Ok(())
    }

    fn keep(&mut self, name: &str, value: Value, ours: bool) {
        let value = match value {
            Value::String(text) if !ours => Value::from(text.trim()),
            other => other,
        };
        self.fields.insert(name.to_owned(), value);
    }

    /// One address, several in a JSON list, or several with separators between them.
    fn addresses(&mut self, kind: AddressKind, value: &Value) {
        match value {
            Value::Array(list) => list.iter().for_each(|one| self.addresses(kind, one)),
            Value::Object(one) => {
                let inner = ["email", "phone", "value"].iter().find_map(|name| one.get(*name));
                if let Some(Value::String(text)) = inner {
                    self.raw.push((kind, text.clone()));
                }
            }
            Value::String(text) if text.trim_start().starts_with('[') => {
                match serde_json::from_str::<Value>(text) {
                    Ok(list @ Value::Array(_)) => self.addresses(kind, &list),
                    _ => self.raw.push((kind, text.clone())),
                }
            }
            // An email address may hold a comma in quotes; then it is one.
            Value::String(text) if text.contains([',', ';']) && !text.contains('"') => {
                let parts = text.split([',', ';']).map(str::trim).filter(|one| !one.is_empty());
                self.raw.extend(parts.map(|one| (kind, one.to_owned())));
            }
            other => self.raw.push((kind, text(other))),
        }
    }

    fn any_addresses(&mut self, value: &Value) -> Result<(), String> {
        let list = value.as_array().ok_or("addresses is not a JSON list")?;
        for one in list {
            let kind = one.get("kind").and_then(Value::as_str).and_then(AddressKind::parse);
            let (Some(kind), Some(value)) = (kind, one.get("value").and_then(Value::as_str)) else {
                return Err("addresses holds something without kind and value".into());
            };
            self.raw.push((kind, value.to_owned()));
        }
        Ok(())
    }

    /// What the row says, and what of it had to be left out.
    pub(crate) fn finish(self, tenant: &str, region: Region) -> Result<(Record, Vec<String>), String> {
        if self.lone {
            let (Some(kind), Some(value)) = (self.kind, self.value) else {
                return Err("an address without kind and value".into());
            };
            let key =
                address::normalise(kind, &value, region).map_err(|bad| format!("the address is {bad}"))?.key;
            let mut claims = self.said.claims();
            for claim in &mut claims {
                claim.origin.get_or_insert_with(|| key.clone());
            }
            if claims.iter().any(|claim| claim.origin.as_ref() != Some(&key)) {
                return Err("a reason came from another address".into());
            }
            return Ok((Record::Address(Address { tenant: tenant.to_owned(), key, claims }), Vec::new()));
        }
        let (mut addresses, mut left_out): (Vec<Normalised>, _) = (Vec::new(), Vec::new());
        for (kind, raw) in &self.raw {
            match address::normalise(*kind, raw, region) {
                Ok(one) if addresses.iter().any(|have| have.key == one.key) => {}
                Ok(_) if addresses.iter().filter(|have| have.key.kind == *kind).count() == ADDRESSES_MAX => {
                    left_out.push(format!("more than {ADDRESSES_MAX} addresses of a kind"));
                }
                Ok(one) => addresses.push(one),
                Err(bad) => left_out.push(format!("{} is {bad}", kind.name())),
            }
        }
        if addresses.is_empty() && self.id.is_none() {
            let why =
                if left_out.is_empty() { "no address and no id".to_owned() } else { left_out.join("; ") };
            return Err(why);
        }
        let dnd_said = self.said.is_said();
        let claims = self.said.claims();
        let (tenant, id, fields, created) = (tenant.to_owned(), self.id, self.fields, self.created);
        let contact = Contact { tenant, id, fields, addresses, claims, dnd_said, created };
        Ok((Record::Contact(Box::new(contact)), left_out))
    }
}

fn id(value: &Value) -> Result<String, String> {
    let id = text(value).trim().to_owned();
    let good = id.len() <= ID_BYTES_MAX
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    good.then_some(id).ok_or_else(|| "the id holds more than letters, digits, - _ .".into())
}

/// JSON in a cell; in a JSON file it is JSON already.
fn parsed(name: &str, value: Value) -> Result<Value, String> {
    match value {
        Value::String(text) => {
            serde_json::from_str(&text).map_err(|error| format!("{name} is not JSON: {error}"))
        }
        other => Ok(other),
    }
}
