//! Contacts and suppressions, written: what [`Reader`](crate::Reader) reads back to the same states.

use crate::format::Format;
use dndgate_adapter::{AddressKind, Channel, Channels};
use dndgate_dnd::{AddressKey, Blocks, Reason, ReasonKind, state};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// How records are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// Values with commas between them, RFC 4180, UTF-8.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// A contact to be written.
#[derive(Debug)]
pub struct Contact<'a> {
    /// Its tenant.
    pub tenant: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Everything but addresses and DND.
    pub fields: &'a Map<String, Value>,
    /// Its addresses as they are shown, the main one of each kind first.
    pub addresses: &'a [(AddressKind, String)],
    /// Its own reasons: what is read back.
    pub own: &'a [Reason],
    /// Its own and its addresses' reasons: what is shown.
    pub all: &'a [Reason],
    /// Channels that are integrated (R3).
    pub listed: Channels,
    /// When it was made.
    pub created: Timestamp,
}

/// Text fields with a column of their own.
const TEXTS: [&str; 3] = ["firstName", "lastName", "name"];
const COLUMNS: [&str; 20] = [
    "record",
    "id",
    "locationId",
    "firstName",
    "lastName",
    "name",
    "email",
    "additionalEmails",
    "phone",
    "additionalPhones",
    "addresses",
    "dnd",
    "dndStatus",
    "dndSettings",
    "inboundDndSettings",
    "reasons",
    "fields",
    "dateAdded",
    "kind",
    "value",
];

/// The first line, where there is one.
pub fn header(syntax: Syntax) -> String {
    match syntax {
        Syntax::Csv => row(COLUMNS.map(str::to_owned).to_vec()),
        Syntax::Ndjson => String::new(),
    }
}

/// One contact.
pub fn contact(syntax: Syntax, one: &Contact<'_>) -> String {
    let mut fields = one.fields.clone();
    let mut object = Map::new();
    object.insert("record".into(), json!("contact"));
    object.insert("id".into(), json!(one.id));
    object.insert("locationId".into(), json!(one.tenant));
    for name in TEXTS {
        if fields.get(name).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty()) {
            object.insert(name.into(), fields.shift_remove(name).unwrap_or_default());
        }
    }
    let of = |kind: AddressKind| {
        one.addresses.iter().filter(move |(each, _)| *each == kind).map(|(_, shown)| shown)
    };
    for (kind, first, more) in
        [(AddressKind::Email, "email", "additionalEmails"), (AddressKind::Phone, "phone", "additionalPhones")]
    {
        object.insert(first.into(), json!(of(kind).next()));
        object.insert(more.into(), json!(of(kind).skip(1).collect::<Vec<_>>()));
    }
    let others =
        one.addresses.iter().filter(|(kind, _)| !matches!(kind, AddressKind::Email | AddressKind::Phone));
    let others: Vec<Value> =
        others.map(|(kind, value)| json!({ "kind": kind.name(), "value": value })).collect();
    object.insert("addresses".into(), json!(others));
    dnd(&mut object, one.all, one.listed);
    object.insert("reasons".into(), reasons(one.own));
    object.insert("fields".into(), Value::Object(fields));
    object.insert("dateAdded".into(), json!(one.created.to_string()));
    laid_out(syntax, object)
}

/// What stands on an address.
pub fn address(syntax: Syntax, tenant: &str, key: &AddressKey, live: &[Reason]) -> String {
    let mut object = Map::new();
    object.insert("record".into(), json!("address"));
    object.insert("locationId".into(), json!(tenant));
    object.insert("kind".into(), json!(key.kind.name()));
    object.insert("value".into(), json!(key.key));
    object.insert("reasons".into(), reasons(live));
    laid_out(syntax, object)
}

fn laid_out(syntax: Syntax, object: Map<String, Value>) -> String {
    if syntax == Syntax::Ndjson {
        return format!("{}\n", Value::Object(object));
    }
    let cell = |name: &&str| match object.get(*name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::Array(list)) if list.is_empty() && *name != "reasons" => String::new(),
        Some(Value::Object(map)) if map.is_empty() => String::new(),
        Some(value) => crate::claims::text(value),
    };
    row(COLUMNS.iter().map(cell).collect())
}

fn dnd(object: &mut Map<String, Value>, all: &[Reason], listed: Channels) {
    let shown = |state: &state::ChannelState<'_>| {
        let first = state.reasons.first();
        let code = first.and_then(|first| first.code.as_deref()).unwrap_or_default();
        json!({ "status": state.status, "message": first.map_or("", |first| &first.message), "code": code })
    };
    let mut settings = Map::new();
    let mut blocked = Channels::NONE;
    for channel in Channel::ALL {
        let state = state::channel(all, channel);
        if !state.reasons.is_empty() {
            blocked = blocked.with(channel.into());
            settings.insert(channel.name().into(), shown(&state));
        }
    }
    let switch = all.iter().any(|one| one.is_live() && one.blocks == Blocks::AllChannels);
    object.insert("dnd".into(), json!(switch));
    object.insert("dndStatus".into(), json!(state::overall(blocked, listed)));
    object.insert("dndSettings".into(), Value::Object(settings));
    let inbound = state::inbound(all);
    let inbound = if inbound.reasons.is_empty() { json!({}) } else { json!({ "all": shown(&inbound) }) };
    object.insert("inboundDndSettings".into(), inbound);
}

fn reasons(all: &[Reason]) -> Value {
    let live = all.iter().filter(|one| one.is_live());
    live.map(|one| {
        let mut object = Map::new();
        object.insert("kind".into(), json!(one.kind.name()));
        object.insert("blocks".into(), json!(one.blocks.name()));
        if one.permanent {
            object.insert("permanent".into(), json!(true));
        }
        if let Some(code) = &one.code {
            object.insert("code".into(), json!(code));
        }
        object.insert("message".into(), json!(one.message));
        object.insert("source".into(), json!(one.source));
        object.insert("actor".into(), json!(one.actor));
        object.insert("since".into(), json!(one.began.to_string()));
        if let Some(origin) = &one.origin {
            object.insert("address".into(), json!({ "kind": origin.kind.name(), "value": origin.key }));
        }
        Value::Object(object)
    })
    .collect()
}

/// The kind of address that a provider's list holds, and the channel that it is about.
pub const fn list_of(format: Format) -> (AddressKind, Channel) {
    match format {
        Format::TwilioOptOuts => (AddressKind::Phone, Channel::Sms),
        _ => (AddressKind::Email, Channel::Email),
    }
}

/// Does an address with these live reasons on the list's channel belong on the list? By which of them?
pub fn belongs<'r>(format: Format, live: &[&'r Reason]) -> Option<&'r Reason> {
    let of = |kind: ReasonKind| live.iter().find(|one| one.kind == kind).copied();
    match format {
        Format::MailgunBounces
        | Format::SendgridBounces
        | Format::SendgridInvalid
        | Format::SendgridBlocks => of(ReasonKind::Bounce),
        Format::MailgunComplaints | Format::SendgridSpam => of(ReasonKind::Complaint),
        _ => live.first().copied(),
    }
}

/// The header of a provider's list.
pub fn list_header(format: Format) -> &'static str {
    match format {
        Format::MailgunBounces => "address,code,error,created_at\n",
        Format::MailgunUnsubscribes => "address,tags,created_at\n",
        Format::MailgunComplaints => "address,created_at\n",
        Format::SendgridBounces | Format::SendgridBlocks => "status,reason,email,created\n",
        Format::SendgridInvalid => "reason,email,created\n",
        Format::SendgridSpam => "ip,email,created\n",
        Format::SendgridUnsubscribes => "email,created\n",
        Format::TwilioOptOuts => "PhoneNumber,OptOutDate\n",
        Format::Contacts | Format::HighLevel => "",
    }
}

/// An entry of a provider's list.
pub fn list_row(format: Format, address: &str, by: &Reason) -> String {
    let code = by.code.clone().unwrap_or_else(|| "550".into());
    let (address, message) = (address.to_owned(), by.message.clone());
    let mail = by.began.strftime("%a, %d %b %Y %H:%M:%S UTC").to_string();
    let seconds = by.began.as_second().to_string();
    row(match format {
        Format::MailgunBounces => vec![address, code, message, mail],
        Format::MailgunUnsubscribes => vec![address, "*".into(), mail],
        Format::SendgridBounces | Format::SendgridBlocks => vec![code, message, address, seconds],
        Format::SendgridInvalid => vec![message, address, seconds],
        Format::SendgridSpam => vec![String::new(), address, seconds],
        Format::SendgridUnsubscribes => vec![address, seconds],
        Format::TwilioOptOuts => vec![address, by.began.to_string()],
        Format::MailgunComplaints | Format::Contacts | Format::HighLevel => vec![address, mail],
    })
}

/// A line of a report: cells without more ado.
pub fn row(cells: Vec<String>) -> String {
    let mut line = String::new();
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        let cell = guarded(cell);
        if cell.contains([',', '"', '\n', '\r', ';', '\t']) || cell.starts_with(' ') || cell.ends_with(' ') {
            line.push('"');
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(&cell);
        }
    }
    line.push('\n');
    line
}

const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A spreadsheet takes a cell that begins with one of these for a formula, and would run it: an apostrophe before it
/// makes it text. Telephone numbers in E.164 are none.
fn guarded(cell: String) -> String {
    let number = cell
        .strip_prefix('+')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    let quoted =
        cell.strip_prefix('\'').is_some_and(|rest| rest.starts_with(FORMULA) || rest.starts_with('\''));
    if quoted || cell.starts_with(FORMULA) && !number { format!("'{cell}") } else { cell }
}

/// The cell before it was guarded.
pub(crate) fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(FORMULA) || rest.starts_with('\'') => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_are_text() {
        for (cell, written) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0\n"),
            ("@SUM(A1)", "'@SUM(A1)\n"),
            ("-1+2", "'-1+2\n"),
            ("+1(2)", "'+1(2)\n"),
            ("+14155550100", "+14155550100\n"),
            ("'tis", "'tis\n"),
        ] {
            assert_eq!(row(vec![cell.into()]), written);
        }
    }

    proptest! {
        #[test]
        fn a_guard_is_taken_off_again(cell in "['=+@\\-]{0,4}[a-z0-9,\" ]{0,6}") {
            let written = guarded(cell.clone());
            prop_assert_eq!(unguarded(&written), cell);
        }
    }
}
