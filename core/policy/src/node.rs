//! What a policy file returns, as plain values.

use crate::sandbox::{Fault, shortened};
use mlua::{Table, Value};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Bool(bool),
    Number(f64),
    Text(String),
    Table(Vec<(Key, Node)>),
    Function,
}

/// A key of a table. Positions of lists count from 1 and come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Position(usize),
    Name(String),
}

/// Limits on what a file may return; policies are far below them.
const DEPTH_MAX: usize = 12;
const VALUES_MAX: usize = 200_000;

impl Node {
    /// Copies a table out of Lua. Reads it raw: no metamethod of the script's runs.
    pub(crate) fn read(table: &Table) -> Result<Node, Fault> {
        let mut left = VALUES_MAX;
        read_table(table, 0, &mut left)
    }

    /// A table with one key of this one alone, if it has that key.
    pub(crate) fn only(&self, name: &str) -> Option<Node> {
        let Node::Table(entries) = self else { return None };
        let entry = entries.iter().find(|(key, _)| matches!(key, Key::Name(key) if key == name))?;
        Some(Node::Table(vec![entry.clone()]))
    }

    /// In the words of a message.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Node::Bool(_) => "true or false",
            Node::Number(_) => "a number",
            Node::Text(_) => "a text",
            Node::Table(_) => "a table",
            Node::Function => "a function",
        }
    }
}

fn read_table(table: &Table, depth: usize, left: &mut usize) -> Result<Node, Fault> {
    if depth >= DEPTH_MAX {
        return Err(bad(format!("tables stand within tables more than {DEPTH_MAX} deep")));
    }
    let mut entries = Vec::new();
    let mut failed = None;
    let outcome = table.for_each::<Value, Value>(|key, value| {
        let entry = read_key(&key).and_then(|key| Ok((key, read_value(&value, depth, left)?)));
        match entry {
            Ok(entry) => {
                entries.push(entry);
                Ok(())
            }
            Err(fault) => {
                failed = Some(fault);
                Err(mlua::Error::runtime("unreadable"))
            }
        }
    });
    if let Some(fault) = failed {
        return Err(fault);
    }
    outcome.map_err(|error| Fault::of(&error))?;
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Node::Table(entries))
}

fn read_key(key: &Value) -> Result<Key, Fault> {
    match key {
        Value::String(name) => Ok(Key::Name(text(name)?)),
        Value::Integer(position) => match usize::try_from(*position) {
            Ok(position) if position > 0 => Ok(Key::Position(position)),
            _ => Ok(Key::Name(position.to_string())),
        },
        // Codes may be written as numbers.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        Value::Number(number) if number.fract() == 0.0 && *number > 0.0 && *number < 1e15 => {
            Ok(Key::Position(*number as usize))
        }
        other => {
            Err(bad(format!("a key of a table is {}, but has to be a name or a number", other.type_name())))
        }
    }
}

fn read_value(value: &Value, depth: usize, left: &mut usize) -> Result<Node, Fault> {
    *left =
        left.checked_sub(1).ok_or_else(|| bad(format!("the file returns more than {VALUES_MAX} values")))?;
    match value {
        Value::Boolean(value) => Ok(Node::Bool(*value)),
        #[expect(clippy::cast_precision_loss, reason = "policies hold small numbers")]
        Value::Integer(number) => Ok(Node::Number(*number as f64)),
        Value::Number(number) => Ok(Node::Number(*number)),
        Value::String(value) => Ok(Node::Text(text(value)?)),
        Value::Table(table) => read_table(table, depth + 1, left),
        Value::Function(_) => Ok(Node::Function),
        other => Err(bad(format!("a value is {}, which has no meaning in a policy", other.type_name()))),
    }
}

fn text(value: &mlua::LuaString) -> Result<String, Fault> {
    match value.to_str() {
        Ok(value) => Ok(value.to_string()),
        Err(_) => Err(bad(format!("the text \"{}\" is not UTF-8", shortened(&value.to_string_lossy(), 40)))),
    }
}

fn bad(what: String) -> Fault {
    Fault::Script { line: None, what }
}
