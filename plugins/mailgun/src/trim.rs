//! Taking recipients out of a send (R11). Everything else keeps its bytes.

use crate::{
    outbound::{Entry, Home, Read},
    path,
};
use dndgate_adapter::{CannotTrim, Edit, Request, Role, apply_edits, json, mailbox};
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
};

/// The edits that leave everybody but those at the indices `drop`.
pub(crate) fn trim(request: &Request<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
    let point = path::send_point(request.head.path).ok_or(CannotTrim("this is no send".into()))?;
    let read = Read::new(request, point).map_err(|unreadable| CannotTrim(unreadable.message))?;
    let plan = Plan::new(&read, drop)?;
    let mut removed = Vec::new();
    let mut edits = Vec::new();
    for (field, left) in plan.touched() {
        match left {
            None => removed.push(field),
            Some(value) => edits.push(replace(&read, field, &value)?),
        }
    }
    edits.extend(read.fields.remove(&removed));
    edits.extend(plan.variables()?);
    edits.sort_by_key(|edit| edit.range.start);
    Ok(edits)
}

/// Who goes and who stays.
struct Plan<'r, 'a> {
    read: &'r Read<'a>,
    goes: Vec<bool>,
    /// The mention of a copied person that becomes the addressee, and the field that it moves to.
    promoted: Option<(usize, usize)>,
}

impl<'r, 'a> Plan<'r, 'a> {
    fn new(read: &'r Read<'a>, drop: &[usize]) -> Result<Plan<'r, 'a>, CannotTrim> {
        let mut goes = vec![false; read.people.list.len()];
        for index in drop {
            *goes.get_mut(*index).ok_or(CannotTrim("no such recipient".into()))? = true;
        }
        let mut plan = Plan { read, goes, promoted: None };
        if read.entries.iter().any(|entry| entry.home == Home::Shown && plan.goes[entry.recipient]) {
            return Err(CannotTrim(
                "a header of the message (h:To, h:Cc, h:Bcc, or Bcc in the MIME) names a blocked recipient"
                    .into(),
            ));
        }
        if !plan.stays(Role::To, false).is_empty() {
            return Ok(plan);
        }
        let former =
            read.entries.iter().find(|entry| entry.home == Home::Sent { role: Role::To, exact: true });
        match (plan.stays(Role::Cc, true).first(), former) {
            (Some(cc), Some(to)) => plan.promoted = Some((*cc, to.field)),
            _ if !plan.stays(Role::Bcc, false).is_empty() => {
                return Err(CannotTrim(
                    "only bcc recipients would be left, whose addresses would have to be shown in the to field".into(),
                ));
            }
            _ => return Err(CannotTrim("nobody would be left in the to field".into())),
        }
        Ok(plan)
    }

    /// The mentions that stay in fields of that role.
    fn stays(&self, role: Role, exactly: bool) -> Vec<usize> {
        let in_role = |entry: &Entry| match entry.home {
            Home::Sent { role: its, exact } => its == role && (exact || !exactly),
            Home::Shown => false,
        };
        let entries = self.read.entries.iter().enumerate();
        entries
            .filter(|(_, entry)| in_role(entry) && !self.goes[entry.recipient])
            .map(|(index, _)| index)
            .collect()
    }

    /// The fields that change, and what is left in them: nothing when the field goes.
    fn touched(&self) -> BTreeMap<usize, Option<String>> {
        let moved = self.promoted.map(|(entry, _)| entry);
        let mut touched: BTreeMap<usize, Option<String>> = BTreeMap::new();
        for (index, entry) in self.read.entries.iter().enumerate() {
            if self.goes[entry.recipient] || moved == Some(index) {
                touched.insert(entry.field, None);
            }
        }
        for (index, entry) in self.read.entries.iter().enumerate() {
            if self.goes[entry.recipient] || moved == Some(index) {
                continue;
            }
            if let Some(left) = touched.get_mut(&entry.field) {
                let text = self.text(entry);
                match left {
                    Some(value) => {
                        value.push_str(", ");
                        value.push_str(&text);
                    }
                    None => *left = Some(text),
                }
            }
        }
        if let Some((entry, field)) = self.promoted {
            touched.insert(field, Some(self.text(&self.read.entries[entry])));
        }
        touched
    }

    /// A mention as it is written.
    fn text(&self, entry: &Entry) -> String {
        self.read.fields.text(entry.field).map_or(String::new(), |text| text[entry.at.clone()].to_owned())
    }

    /// The edits that take those who go out of `recipient-variables`.
    fn variables(&self) -> Result<Vec<Edit>, CannotTrim> {
        let people = self.read.people.list.iter().enumerate();
        let gone: HashSet<String> = people
            .filter(|(index, _)| self.goes[*index])
            .map(|(_, one)| one.address.to_ascii_lowercase())
            .collect();
        let mut edits = Vec::new();
        for field in &self.read.variables {
            let invalid = || CannotTrim("'recipient-variables' parameter is not a valid JSON".into());
            let text = self.read.fields.text(*field).map_err(|_| invalid())?;
            let value = json::read(text.as_bytes()).map_err(|_| invalid())?;
            let members = value.as_object().ok_or_else(invalid)?;
            let drop: Vec<usize> = members
                .iter()
                .enumerate()
                .filter(|(_, member)| gone.contains(&key(&member.key)))
                .map(|(index, _)| index)
                .collect();
            if drop.is_empty() {
                continue;
            }
            let left = if drop.len() == members.len() {
                // Without a key it might be no batch any more, and those who stay would see each other.
                self.empty_variables()
            } else {
                String::from_utf8(apply_edits(text.as_bytes(), &value.without(&drop)))
                    .map_err(|_| invalid())?
            };
            edits.push(replace(self.read, *field, &left)?);
        }
        Ok(edits)
    }

    fn empty_variables(&self) -> String {
        let mut stay = self.stays(Role::To, false);
        stay.extend(self.promoted.map(|(entry, _)| entry));
        let mut object = serde_json::Map::new();
        for index in stay {
            let address = &self.read.people.list[self.read.entries[index].recipient].address;
            object.insert(address.to_string(), serde_json::Value::Object(serde_json::Map::new()));
        }
        serde_json::Value::Object(object).to_string()
    }
}

/// An address as a key of `recipient-variables`.
fn key(written: &str) -> String {
    let list = mailbox::read(written).ok();
    let address = match list.as_deref() {
        Some([one]) => one.address.clone(),
        _ => Cow::Borrowed(written.trim()),
    };
    address.to_ascii_lowercase()
}

fn replace(read: &Read<'_>, field: usize, value: &str) -> Result<Edit, CannotTrim> {
    read.fields.replace(field, value).ok_or_else(|| CannotTrim("the boundary would stand in a value".into()))
}
