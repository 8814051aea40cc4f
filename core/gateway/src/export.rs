//! Everything out of the store, page by page: contacts with their DND states, what stands on addresses alone, or a
//! provider's suppression list. The command and the API both come through [`run`].

use dndgate_adapter::{AddressKind, Channels};
use dndgate_dnd::Reason;
use dndgate_import::{
    Format,
    write::{self, Syntax},
};
use dndgate_store::{Store, StoreError, export};

/// Contacts or addresses read at a time.
const PAGE: usize = 500;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// All contacts, and what stands on addresses.
    Contacts(Syntax),
    /// Everybody who belongs on a provider's list.
    List(Format),
}

impl What {
    /// Reads the name of a list: one of a provider's lists, or a provider, for everybody who may not be reached
    /// there.
    pub fn list(name: &str) -> Option<What> {
        let format = match name {
            "mailgun" => Format::MailgunUnsubscribes,
            "sendgrid" => Format::SendgridUnsubscribes,
            "twilio" => Format::TwilioOptOuts,
            other => Format::parse(other).filter(|format| !format.holds_contacts())?,
        };
        Some(What::List(format))
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            What::Contacts(Syntax::Ndjson) => "application/x-ndjson",
            _ => "text/csv; charset=utf-8",
        }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// Contacts.
    pub contacts: u64,
    /// Addresses on which something stands, or entries of a list.
    pub addresses: u64,
    /// Opt-outs of erased people: their hashes mean nothing outside this store (R5).
    pub erased: u64,
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Where it goes.
    #[error("cannot write: {0}")]
    Io(#[from] std::io::Error),
}

/// Writes a page of text.
pub type Sink<'a> = &'a mut dyn FnMut(String) -> std::io::Result<()>;

/// Writes everything of these tenants.
///
/// # Errors
/// When the store cannot be read or `sink` does not take it.
pub fn run(
    store: &Store,
    tenants: &[String],
    what: What,
    listed: Channels,
    sink: Sink<'_>,
) -> Result<Exported, ExportError> {
    let mut done = Exported::default();
    sink(match what {
        What::Contacts(syntax) => write::header(syntax),
        What::List(format) => write::list_header(format).to_owned(),
    })?;
    for tenant in tenants {
        contacts(store, tenant, what, listed, sink, &mut done)?;
        addresses(store, tenant, what, sink, &mut done)?;
    }
    Ok(done)
}

fn contacts(
    store: &Store,
    tenant: &str,
    what: What,
    listed: Channels,
    sink: Sink<'_>,
    done: &mut Exported,
) -> Result<(), ExportError> {
    let mut after = None;
    loop {
        let (of, from) = (tenant.to_owned(), after.take());
        let (text, contacts, entries, next) = store.read_blocking(move |tx| {
            let page = export::contacts(tx, &of, from.as_ref(), PAGE)?;
            let (mut text, mut entries) = (String::new(), 0);
            for one in &page {
                match what {
                    What::Contacts(syntax) => text.push_str(&contact(syntax, &of, one, listed)),
                    What::List(format) => {
                        for entry in held_entries(tx, &of, one, format)? {
                            text.push_str(&entry);
                            entries += 1;
                        }
                    }
                }
            }
            let next = page.last().map(export::Contact::cursor);
            Ok((text, page.len() as u64, entries, next))
        })?;
        done.contacts += contacts;
        done.addresses += entries;
        sink(text)?;
        after = next;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn contact(syntax: Syntax, tenant: &str, one: &export::Contact, listed: Channels) -> String {
    let addresses: Vec<(AddressKind, String)> =
        one.addresses.iter().map(|(kind, shown, _)| (*kind, shown.clone())).collect();
    write::contact(
        syntax,
        &write::Contact {
            tenant,
            id: &one.id,
            fields: &one.fields,
            addresses: &addresses,
            own: &one.own,
            all: &one.all,
            listed,
            created: one.created,
        },
    )
}

/// The entries of a list for a contact's addresses, those of which another contact tells left out.
fn held_entries(
    tx: &mut dndgate_store::Tx<'_>,
    tenant: &str,
    one: &export::Contact,
    format: Format,
) -> Result<Vec<String>, StoreError> {
    let (wanted, _) = write::list_of(format);
    let mut all = Vec::new();
    for (_, shown, key) in one.addresses.iter().filter(|(kind, ..)| *kind == wanted) {
        if export::speaks_for(tx, tenant, &one.id, key)? {
            let blocking = export::blocking(tx, tenant, key)?;
            all.extend(entry(format, shown, &blocking));
        }
    }
    Ok(all)
}

fn entry(format: Format, address: &str, live: &[Reason]) -> Option<String> {
    let (_, channel) = write::list_of(format);
    let here: Vec<&Reason> = live.iter().filter(|one| one.blocks.channels().has(channel)).collect();
    write::belongs(format, &here).map(|by| write::list_row(format, address, by))
}

fn addresses(
    store: &Store,
    tenant: &str,
    what: What,
    sink: Sink<'_>,
    done: &mut Exported,
) -> Result<(), ExportError> {
    let mut after = None;
    loop {
        let (of, from) = (tenant.to_owned(), after.take());
        let page = store.read_blocking(move |tx| export::addresses(tx, &of, from.as_ref(), PAGE))?;
        let mut text = String::new();
        for one in &page {
            let written = match what {
                _ if one.is_erased() => {
                    done.erased += 1;
                    None
                }
                What::Contacts(syntax) => Some(write::address(syntax, tenant, &one.key, &one.live)),
                What::List(format) if one.key.kind == write::list_of(format).0 && !one.held => {
                    entry(format, &one.key.key, &one.live)
                }
                What::List(_) => None,
            };
            if let Some(written) = written {
                text.push_str(&written);
                done.addresses += 1;
            }
        }
        sink(text)?;
        after = page.into_iter().last().map(|one| one.key);
        if after.is_none() {
            return Ok(());
        }
    }
}
