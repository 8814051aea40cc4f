//! Providers' suppression lists: what each entry means (R17–R19). An entry that is no opt-out changes nothing, since
//! import never ends a reason (R25).

use crate::{
    format::Format,
    record::{Address, Claim, Record},
    when,
};
use dndgate_adapter::{AddressKind, Channel, Channels};
use dndgate_dnd::{Blocks, ReasonKind, Region, address};

/// Columns that tell a list of opt-outs on telephone numbers.
pub(crate) const OPT_OUT_MARKS: [&str; 11] = [
    "optouttype",
    "optoutdate",
    "optouttime",
    "optoutat",
    "optoutkeyword",
    "optout",
    "optedout",
    "optedoutat",
    "optoutdateutc",
    "dateofconsent",
    "consentstatus",
];
/// Columns that hold the person's number, the surest first.
pub(crate) const NUMBERS: [&str; 12] = [
    "phonenumber",
    "phone",
    "contactid",
    "recipient",
    "endusernumber",
    "enduser",
    "optedoutnumber",
    "contact",
    "number",
    "to",
    "address",
    "from",
];
const MARKS_OF_STATE: [&str; 5] = ["optouttype", "status", "consentstatus", "optout", "optedout"];
const DATES: [&str; 9] = [
    "createdat",
    "created",
    "optoutdate",
    "optoutdateutc",
    "optouttime",
    "optoutat",
    "optedoutat",
    "dateofconsent",
    "date",
];
/// Twilio's code for a person who opted out: the same that an answer to a send carries.
const TWILIO_OPTED_OUT: &str = "21610";
/// The longest message kept of an entry, in characters: a mail server's whole answer is no use.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// Reads an entry. `cell` gives a column by its plain name, where it is not empty.
pub(crate) fn read<'c>(
    format: Format,
    cell: impl Fn(&str) -> Option<&'c str>,
    (tenant, region): (&str, Region),
    unsubscribe: Channels,
) -> Result<Record, String> {
    if format == Format::TwilioOptOuts {
        return opt_out(&cell, tenant, region);
    }
    let raw = ["address", "email", "recipient", "emailaddress"].iter().find_map(|name| cell(name));
    let raw = raw.ok_or("no email address")?;
    let key = address::normalise(AddressKind::Email, raw, region)
        .map_err(|bad| format!("the address is {bad}"))?
        .key;
    let email = Blocks::Channel(Channel::Email);
    let at = DATES.iter().find_map(|name| cell(name)).and_then(when::read);
    let mut claim = Claim { at, ..Claim::new(ReasonKind::Bounce, email) };
    let short =
        |text: Option<&str>| text.unwrap_or_default().chars().take(MESSAGE_CHARS_MAX).collect::<String>();
    let mut claims = Vec::new();
    match format {
        Format::MailgunBounces => {
            claim.code = cell("code").map(str::to_owned);
            claim.message = short(cell("error"));
        }
        Format::SendgridBounces => {
            claim.code = cell("status").map(str::to_owned);
            claim.message = short(cell("reason"));
        }
        Format::SendgridInvalid => claim.message = short(cell("reason")),
        Format::SendgridBlocks => return Ok(Record::Nothing("a block is a temporary failure")),
        Format::MailgunComplaints | Format::SendgridSpam => {
            claim.kind = ReasonKind::Complaint;
            claim.message = "marked as spam".into();
        }
        _ => {
            claim.kind = ReasonKind::Unsubscribe;
            claim.message = "unsubscribed on Email".into();
            for channel in unsubscribe.with(Channel::Email.into()).iter() {
                claims.push(Claim { blocks: Blocks::Channel(channel), ..claim.clone() });
            }
        }
    }
    if claims.is_empty() {
        claims.push(claim);
    }
    for claim in &mut claims {
        claim.origin = Some(key.clone());
    }
    Ok(Record::Address(Address { tenant: tenant.to_owned(), key, claims }))
}

fn opt_out<'c>(
    cell: &impl Fn(&str) -> Option<&'c str>,
    tenant: &str,
    region: Region,
) -> Result<Record, String> {
    if let Some(state) = MARKS_OF_STATE.iter().find_map(|name| cell(name)) {
        let state: String =
            state.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        match state.as_str() {
            "optin" | "optedin" | "start" | "unstop" | "yes" if !is_flag(cell) => {
                return Ok(Record::Nothing("an opt-in: import ends nothing"));
            }
            "false" | "no" | "0" => return Ok(Record::Nothing("no opt-out")),
            "help" | "info" => return Ok(Record::Nothing("a question for help")),
            _ => {}
        }
    }
    // A list of inbound messages: the person is who wrote.
    let wrote = if cell("optouttype").is_some() { cell("from") } else { None };
    let raw = wrote.or_else(|| NUMBERS.iter().find_map(|name| cell(name))).ok_or("no telephone number")?;
    let (channel, kind, value) = match raw.split_once(':') {
        Some(("whatsapp", number)) => (Channel::WhatsApp, AddressKind::Phone, number),
        Some(("messenger", id)) => (Channel::Fb, AddressKind::Psid, id),
        Some(("rcs" | "sms", number)) => (Channel::Sms, AddressKind::Phone, number),
        _ => (Channel::Sms, AddressKind::Phone, raw),
    };
    let key = address::normalise(kind, value, region).map_err(|bad| format!("the number is {bad}"))?.key;
    let claim = Claim {
        code: Some(TWILIO_OPTED_OUT.into()),
        message: "opted out at Twilio".into(),
        origin: Some(key.clone()),
        at: DATES.iter().find_map(|name| cell(name)).and_then(when::read),
        ..Claim::new(ReasonKind::ProviderOptOut, Blocks::Channel(channel))
    };
    Ok(Record::Address(Address { tenant: tenant.to_owned(), key, claims: vec![claim] }))
}

/// In a column that asks "opted out?" a yes is an opt-out.
fn is_flag<'c>(cell: &impl Fn(&str) -> Option<&'c str>) -> bool {
    ["optout", "optedout"].iter().any(|name| cell(name).is_some())
        && ["optouttype", "status", "consentstatus"].iter().all(|name| cell(name).is_none())
}
