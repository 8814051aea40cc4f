//! What the columns of a contacts file (the members of its JSON) hold, by their names.

use dndgate_adapter::{AddressKind, Channel};

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Column {
    /// `contact` or `address`, in our own export.
    Record,
    Id,
    Tenant,
    /// One address, or several in a list.
    Address(AddressKind),
    /// Addresses of any kind, JSON.
    Addresses,
    /// The kind of a lone address, in our own export.
    Kind,
    /// A lone address, in our own export.
    Value,
    /// The legacy boolean (R25).
    Dnd,
    /// `dndSettings`, JSON.
    Settings,
    Status(Channel),
    Message(Channel),
    Code(Channel),
    Inbound,
    /// `inboundDndSettings`, JSON.
    InboundSettings,
    /// Reasons as they are, in our own export.
    Reasons,
    /// Further fields, JSON, in our own export.
    Fields,
    Created,
    Tags,
    /// A field of the contacts API.
    Field(&'static str),
    /// A column of its own name, kept as it is.
    Other(String),
    /// What follows from the rest.
    Derived,
}

/// A name without case, blanks and signs: `DND SMS`, `dnd_sms` and `dndSms` are one.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

const FIELDS: [(&str, &str); 20] = [
    ("firstname", "firstName"),
    ("lastname", "lastName"),
    ("name", "name"),
    ("fullname", "name"),
    ("contactname", "name"),
    ("companyname", "companyName"),
    ("businessname", "companyName"),
    ("company", "companyName"),
    ("source", "source"),
    ("contactsource", "source"),
    ("timezone", "timezone"),
    ("country", "country"),
    ("city", "city"),
    ("state", "state"),
    ("address1", "address1"),
    ("streetaddress", "address1"),
    ("postalcode", "postalCode"),
    ("website", "website"),
    ("dateofbirth", "dateOfBirth"),
    ("assignedto", "assignedTo"),
];

impl Column {
    /// What a column of this name holds.
    pub(crate) fn of(name: &str) -> Column {
        let plain = plain(name);
        match plain.as_str() {
            "record" => Column::Record,
            "id" | "contactid" => Column::Id,
            "locationid" | "tenant" => Column::Tenant,
            "email" | "emailaddress" | "additionalemails" | "additionalemail" => {
                Column::Address(AddressKind::Email)
            }
            "phone"
            | "phonenumber"
            | "mobile"
            | "mobilephone"
            | "additionalphones"
            | "additionalphone"
            | "additionalphonenumbers" => Column::Address(AddressKind::Phone),
            "psid" => Column::Address(AddressKind::Psid),
            "addresses" => Column::Addresses,
            "kind" => Column::Kind,
            "value" => Column::Value,
            "dnd" | "donotdisturb" | "dndall" | "dndallchannels" => Column::Dnd,
            "dndsettings" => Column::Settings,
            "inbounddnd" | "dndinbound" => Column::Inbound,
            "inbounddndsettings" => Column::InboundSettings,
            "reasons" => Column::Reasons,
            "fields" => Column::Fields,
            "tags" => Column::Tags,
            "created" | "dateadded" | "createdat" | "createdon" => Column::Created,
            "dndstatus" | "dateupdated" | "updated" | "stillblocked" | "traceid" => Column::Derived,
            other => channel_column(other)
                .or_else(|| {
                    FIELDS.iter().find(|(alias, _)| *alias == other).map(|(_, field)| Column::Field(field))
                })
                .unwrap_or_else(|| Column::Other(name.trim().to_owned())),
        }
    }

    /// What it is called in a preview.
    pub(crate) fn meaning(&self) -> String {
        match self {
            Column::Record => "record".into(),
            Column::Id => "id".into(),
            Column::Tenant => "locationId".into(),
            Column::Address(kind) => kind.name().into(),
            Column::Addresses => "addresses".into(),
            Column::Kind => "kind".into(),
            Column::Value => "value".into(),
            Column::Dnd => "dnd".into(),
            Column::Settings => "dndSettings".into(),
            Column::Status(channel) => format!("dndSettings.{channel}.status"),
            Column::Message(channel) => format!("dndSettings.{channel}.message"),
            Column::Code(channel) => format!("dndSettings.{channel}.code"),
            Column::Inbound | Column::InboundSettings => "inboundDndSettings".into(),
            Column::Reasons => "reasons".into(),
            Column::Fields => "fields".into(),
            Column::Created => "dateAdded".into(),
            Column::Tags => "tags".into(),
            Column::Field(name) => (*name).into(),
            Column::Other(name) => format!("kept as {name:?}"),
            Column::Derived => "not read: it follows from the rest".into(),
        }
    }
}

/// `DND SMS`, `smsDnd`, `dndSettings.SMS.status`, `dndSettings.SMS.message`, …
fn channel_column(plain: &str) -> Option<Column> {
    let rest = plain.strip_prefix("dndsettings").or_else(|| plain.strip_prefix("dnd"));
    let rest = rest.or_else(|| plain.strip_suffix("dnd"))?;
    for (suffix, make) in [
        ("status", Column::Status as fn(Channel) -> Column),
        ("message", Column::Message),
        ("code", Column::Code),
        ("", Column::Status),
    ] {
        if let Some(channel) = rest.strip_suffix(suffix).and_then(channel) {
            return Some(make(channel));
        }
    }
    None
}

/// A channel by any of the names that CRMs give it.
pub(crate) fn channel(name: &str) -> Option<Channel> {
    match plain(name).as_str() {
        "sms" | "text" | "mms" | "rcs" => Some(Channel::Sms),
        "call" | "calls" | "voice" | "phone" | "voicemail" | "callsvoicemails" => Some(Channel::Call),
        "email" | "emails" | "mail" => Some(Channel::Email),
        "whatsapp" => Some(Channel::WhatsApp),
        "fb" | "facebook" | "messenger" | "fbmessenger" | "facebookmessenger" => Some(Channel::Fb),
        "gmb" | "gbp" | "googlemybusiness" => Some(Channel::Gmb),
        _ => None,
    }
}
