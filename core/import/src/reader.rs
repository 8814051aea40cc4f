//! A file, row by row.

use crate::{
    columns::{Column, plain},
    contact::Draft,
    encoding::{Encoding, decoded},
    format::Format,
    lines::{Lines, Window},
    lists,
    record::Record,
    table::Table,
    write,
};
use dndgate_adapter::Channels;
use dndgate_dnd::Region;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Read},
};

/// The most lines that are read before one tells the format.
const AHEAD_MAX: usize = 100;

/// The tenants that rows may go to.
#[derive(Debug, Clone, Default)]
pub struct Tenants {
    /// All rows go there.
    pub fixed: Option<String>,
    /// All there are, and how each reads national numbers.
    pub all: BTreeMap<String, Region>,
}

impl Tenants {
    fn of(&self, named: Option<&str>) -> Result<(&str, Region), String> {
        let only = || if self.all.len() == 1 { self.all.keys().next().map(String::as_str) } else { None };
        let name = self.fixed.as_deref().or_else(only).or(named);
        let name = name.ok_or("it names no tenant (locationId), and there are several: use --tenant")?;
        let found = self.all.get_key_value(name).ok_or_else(|| format!("there is no tenant {name:?}"))?;
        Ok((found.0, *found.1))
    }
}

/// How a file is read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The file's name: sources name it, and it may tell the format.
    pub file: String,
    /// The format, where the header does not tell.
    pub format: Option<Format>,
    /// The encoding, where it is not UTF-8 and has no mark.
    pub encoding: Option<Encoding>,
    /// Where rows go.
    pub tenants: Tenants,
    /// How national numbers are read, in place of the tenants' own way.
    pub region: Option<Region>,
    /// The channels that an unsubscribe blocks (R17).
    pub unsubscribe: Channels,
    /// The same for tenants whose policy says otherwise.
    pub unsubscribe_of: BTreeMap<String, Channels>,
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The source.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Nothing is in it.
    #[error("the file is empty")]
    Empty,
    /// No format fits.
    #[error("no format has these columns: {columns}. Force one with --format ({formats})")]
    Unknown {
        /// The file's columns.
        columns: String,
        /// All formats.
        formats: String,
    },
}

/// One row.
#[derive(Debug)]
pub struct Row {
    /// The line that it begins on; the first is 1.
    pub line: u64,
    /// What it says, or what is wrong with it.
    pub read: Result<Record, Fault>,
    /// What of it could not be read although the rest could.
    pub left_out: Vec<String>,
}

/// What is wrong with a row, in plain words.
pub type Fault = String;

/// A line's number, and the object that stands on it.
type ReadLine = (u64, Result<Map<String, Value>, Fault>);

enum Shape {
    Table(Box<Table>),
    Lines { lines: Lines, ahead: VecDeque<ReadLine> },
}

/// A file being read.
pub struct Reader {
    options: Options,
    shape: Shape,
    format: Format,
    encoding: Encoding,
    header: Vec<String>,
    columns: Vec<Column>,
    plain: Vec<String>,
    ours: bool,
}

impl Reader {
    /// Reads as far as the header.
    ///
    /// # Errors
    /// When the source cannot be read, is empty, or has columns that no format has.
    pub fn open(source: Box<dyn Read + Send>, options: Options) -> Result<Reader, Unreadable> {
        let (source, encoding) = decoded(source, options.encoding)?;
        let mut window = Window::new(source);
        let begins = loop {
            if let Some(byte) = window.bytes().iter().find(|byte| !byte.is_ascii_whitespace()) {
                break *byte;
            }
            if !window.more()? {
                return Err(Unreadable::Empty);
            }
        };
        let (shape, header) = if begins == b'{' { lines(window)? } else { table(window)? };
        let format = options.format.or_else(|| Format::of(&header, &options.file)).ok_or_else(|| {
            let formats: Vec<_> = Format::ALL.into_iter().map(Format::name).collect();
            Unreadable::Unknown { columns: header.join(", "), formats: formats.join(", ") }
        })?;
        let plain: Vec<String> = header.iter().map(|name| plain(name)).collect();
        let has = |name: &str| plain.iter().any(|one| one == name);
        let ours = has("record") && has("reasons");
        let columns = header.iter().map(|name| Column::of(name)).collect();
        Ok(Reader { options, shape, format, encoding, header, columns, plain, ours })
    }

    /// The format.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Is it our own export, in which an id alone says who somebody is?
    pub const fn is_our_own(&self) -> bool {
        self.ours
    }

    /// The encoding.
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// What stands between the columns; none in a file of JSON lines.
    pub fn separator(&self) -> Option<char> {
        match &self.shape {
            Shape::Table(table) => Some(table.separator()),
            Shape::Lines { .. } => None,
        }
    }

    /// Each column and what it is read as.
    pub fn mapping(&self) -> Vec<(&str, String)> {
        let meaning = |(name, column): (&String, &Column)| {
            if self.format.holds_contacts() { column.meaning() } else { plain(name) }
        };
        self.header.iter().zip(&self.columns).map(|pair| (pair.0.as_str(), meaning(pair))).collect()
    }

    /// The next row.
    ///
    /// # Errors
    /// When the source cannot be read on.
    pub fn next_row(&mut self) -> io::Result<Option<Row>> {
        let Reader { options, shape, format, columns, plain, ours, .. } = self;
        let (line, outcome) = match shape {
            Shape::Table(table) => {
                let Some(found) = table.next()? else { return Ok(None) };
                let read = found.cells.and_then(|cells| {
                    if format.holds_contacts() {
                        of_cells(&cells, columns, *ours, options)
                    } else {
                        let cell = |name: &str| {
                            let at = plain.iter().position(|one| one == name)?;
                            cells.get(at).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
                        };
                        of_list(*format, cell, options)
                    }
                });
                (found.line, read)
            }
            Shape::Lines { lines, ahead } => {
                let (line, object) = match ahead.pop_front() {
                    Some(read) => read,
                    None => {
                        let Some((line, text)) = lines.next()? else { return Ok(None) };
                        (line, text.and_then(|text| object(&text)))
                    }
                };
                let read = object.and_then(|object| {
                    if format.holds_contacts() {
                        of_object(object, options)
                    } else {
                        of_flat(*format, &object, options)
                    }
                });
                (line, read)
            }
        };
        Ok(Some(match outcome {
            Ok((record, left_out)) => Row { line, read: Ok(record), left_out },
            Err(why) => Row { line, read: Err(why), left_out: Vec::new() },
        }))
    }
}

type Outcome = Result<(Record, Vec<String>), String>;

fn table(window: Window) -> Result<(Shape, Vec<String>), Unreadable> {
    let (table, header) = Table::open(window)?;
    Ok((Shape::Table(Box::new(table)), header))
}

/// The first line that can be read tells the format.
fn lines(window: Window) -> Result<(Shape, Vec<String>), Unreadable> {
    let mut lines = Lines::new(window);
    let mut ahead = VecDeque::new();
    let mut header = Vec::new();
    while header.is_empty() && ahead.len() < AHEAD_MAX {
        let Some((line, text)) = lines.next()? else { break };
        let read = text.and_then(|text| object(&text));
        header.extend(read.iter().flat_map(|object| object.keys().cloned()));
        ahead.push_back((line, read));
    }
    Ok((Shape::Lines { lines, ahead }, header))
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("not a JSON object".into()),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}

fn of_cells(cells: &[&str], columns: &[Column], ours: bool, options: &Options) -> Outcome {
    let mut draft = Draft::default();
    for (cell, column) in cells.iter().zip(columns).filter(|(cell, _)| !cell.is_empty()) {
        let text = if ours { write::unguarded(cell) } else { cell };
        draft.take(column, Value::from(text), ours)?;
    }
    finish(draft, options)
}

fn of_object(mut object: Map<String, Value>, options: &Options) -> Outcome {
    // What the contacts API answers wraps the contact.
    if let (1, Some(Value::Object(inner))) = (object.len(), object.get_mut("contact")) {
        object = std::mem::take(inner);
    }
    let mut draft = Draft::default();
    for (name, value) in object {
        draft.take(&Column::of(&name), value, true)?;
    }
    finish(draft, options)
}

fn finish(draft: Draft, options: &Options) -> Outcome {
    let (tenant, region) = options.tenants.of(draft.named.as_deref())?;
    draft.finish(tenant, options.region.unwrap_or(region))
}

fn of_list<'c>(format: Format, cell: impl Fn(&str) -> Option<&'c str>, options: &Options) -> Outcome {
    let (tenant, region) = options.tenants.of(cell("locationid").or_else(|| cell("tenant")))?;
    let place = (tenant, options.region.unwrap_or(region));
    let unsubscribe = options.unsubscribe_of.get(tenant).copied().unwrap_or(options.unsubscribe);
    Ok((lists::read(format, cell, place, unsubscribe)?, Vec::new()))
}

fn of_flat(format: Format, object: &Map<String, Value>, options: &Options) -> Outcome {
    let texts: Vec<(String, String)> = object
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (plain(name), crate::claims::text(value)))
        .collect();
    let cell = |name: &str| {
        texts.iter().find(|(one, _)| one == name).map(|(_, text)| text.trim()).filter(|text| !text.is_empty())
    };
    of_list(format, cell, options)
}
