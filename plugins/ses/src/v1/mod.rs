//! The API of 2010: one path, a form, `Action` says what it is. AWS's older SDKs and the `ses` clients of today's
//! speak it.

mod trim;

pub(crate) use trim::trim;

use crate::{
    people::{self, PEOPLE_MAX, no_hidden_header},
    raw::Raw,
};
use dndgate_adapter::{
    Outbound, Request, Role, Sending, Unreadable,
    form::{self, Form, Pair},
};
use http::Method;
use std::{borrow::Cow, collections::BTreeMap};

/// Mail that SES answers to the sender of a mail that came in.
pub(crate) const BOUNCES: &str = "bounces";

/// What an action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// One mail, its people in `Destination.…`.
    Email,
    /// One raw mail, its people in `Destinations` or in its header.
    Raw,
    /// Many mails, each with its `Destination`.
    Bulk,
    /// SES writes to `EmailAddress`.
    Verify,
    Unnamed(&'static str),
    Nobody,
}

/// Actions that contact nobody (service model of 2010-12-01).
const QUIET: &[&str] = &[
    "CloneReceiptRuleSet",
    "CreateConfigurationSet",
    "CreateConfigurationSetEventDestination",
    "CreateConfigurationSetTrackingOptions",
    "CreateCustomVerificationEmailTemplate",
    "CreateReceiptFilter",
    "CreateReceiptRule",
    "CreateReceiptRuleSet",
    "CreateTemplate",
    "DeleteConfigurationSet",
    "DeleteConfigurationSetEventDestination",
    "DeleteConfigurationSetTrackingOptions",
    "DeleteCustomVerificationEmailTemplate",
    "DeleteIdentity",
    "DeleteIdentityPolicy",
    "DeleteReceiptFilter",
    "DeleteReceiptRule",
    "DeleteReceiptRuleSet",
    "DeleteTemplate",
    "DeleteVerifiedEmailAddress",
    "DescribeActiveReceiptRuleSet",
    "DescribeConfigurationSet",
    "DescribeReceiptRule",
    "DescribeReceiptRuleSet",
    "GetAccountSendingEnabled",
    "GetCustomVerificationEmailTemplate",
    "GetIdentityDkimAttributes",
    "GetIdentityMailFromDomainAttributes",
    "GetIdentityNotificationAttributes",
    "GetIdentityPolicies",
    "GetIdentityVerificationAttributes",
    "GetSendQuota",
    "GetSendStatistics",
    "GetTemplate",
    "ListConfigurationSets",
    "ListCustomVerificationEmailTemplates",
    "ListIdentities",
    "ListIdentityPolicies",
    "ListReceiptFilters",
    "ListReceiptRuleSets",
    "ListTemplates",
    "ListVerifiedEmailAddresses",
    "PutConfigurationSetDeliveryOptions",
    "PutIdentityPolicy",
    "ReorderReceiptRuleSet",
    "SetActiveReceiptRuleSet",
    "SetIdentityDkimEnabled",
    "SetIdentityFeedbackForwardingEnabled",
    "SetIdentityHeadersInNotificationsEnabled",
    "SetIdentityMailFromDomain",
    "SetIdentityNotificationTopic",
    "SetReceiptRulePosition",
    "TestRenderTemplate",
    "UpdateAccountSendingEnabled",
    "UpdateConfigurationSetEventDestination",
    "UpdateConfigurationSetReputationMetricsEnabled",
    "UpdateConfigurationSetSendingEnabled",
    "UpdateConfigurationSetTrackingOptions",
    "UpdateCustomVerificationEmailTemplate",
    "UpdateReceiptRule",
    "UpdateTemplate",
    "VerifyDomainDkim",
    "VerifyDomainIdentity",
];

fn act(action: &str) -> Result<Option<Act>, Unreadable> {
    Ok(Some(match action {
        "SendEmail" | "SendTemplatedEmail" => Act::Email,
        "SendRawEmail" => Act::Raw,
        "SendBulkTemplatedEmail" => Act::Bulk,
        "SendCustomVerificationEmail" | "VerifyEmailIdentity" | "VerifyEmailAddress" => Act::Verify,
        "SendBounce" => Act::Unnamed(BOUNCES),
        _ if QUIET.contains(&action) => Act::Nobody,
        _ => {
            let folded = action.trim().to_ascii_lowercase();
            if folded.starts_with("send") || folded.starts_with("verify") {
                return Err(Unreadable::new("the Action is misspelt, or one that the gateway does not know"));
            }
            return Ok(None);
        }
    }))
}

/// One place where a form names somebody.
#[derive(Debug)]
struct Mention<'f, 'a> {
    pair: &'f Pair<'a>,
    /// Which mail of a bulk send.
    entry: usize,
    role: Role,
    address: Cow<'a, str>,
}

/// Which list a name stands in.
struct Slot {
    entry: usize,
    role: Role,
    place: usize,
}

/// A request that was read.
struct Read<'a> {
    form: Form<'a>,
    act: Option<Act>,
    raw: Option<Raw>,
}

impl<'a> Read<'a> {
    fn new(request: &Request<'a>) -> Result<Read<'a>, Unreadable> {
        let query = request.head.query.unwrap_or_default();
        let form = if *request.head.method == Method::POST {
            if form::query_could_name(query, is_telling) {
                return Err(Unreadable::new("parameters stand in the query: put all of them into the body"));
            }
            if !request.head.keeps_ascii() {
                return Err(Unreadable::new("the form is in a charset other than UTF-8"));
            }
            form::read(request.body)?
        } else {
            if !request.body.is_empty() {
                return Err(Unreadable::new("a body belongs to POST alone"));
            }
            form::read(query.as_bytes())?
        };
        let action = form.one("Action")?.map(|pair| pair.value.clone());
        let act = action.as_deref().map(act).transpose()?.flatten();
        let raw = match act {
            Some(Act::Raw) => {
                let data = form.one("RawMessage.Data")?;
                Some(Raw::read(&data.ok_or_else(|| Unreadable::new("RawMessage.Data is missing"))?.value)?)
            }
            _ => None,
        };
        Ok(Read { form, act, raw })
    }

    /// Everybody whom the form names, mail by mail in the order To, Cc, Bcc.
    fn mentions(&self) -> Result<Vec<Mention<'_, 'a>>, Unreadable> {
        let mut found: BTreeMap<(usize, u8, usize), Mention<'_, 'a>> = BTreeMap::new();
        for pair in self.form.pairs().iter().filter(|pair| is_destination(&pair.name)) {
            match self.slot(&pair.name)? {
                Some(Slot { entry, role, place }) => {
                    let address = people::address(pair.value.clone())?;
                    let mention = Mention { pair, entry, role, address };
                    if found.insert((entry, role as u8, place), mention).is_some() {
                        return Err(Unreadable::new("a Destination stands there more than once"));
                    }
                }
                None if pair.value.is_empty() => {}
                None => return Err(Unreadable::new("a parameter of the Destination is misspelt")),
            }
        }
        self.refuse_gaps(found.keys().copied())?;
        Ok(found.into_values().collect())
    }

    /// Lists count from one without a gap: a reader may end at the first.
    fn refuse_gaps(&self, keys: impl Iterator<Item = (usize, u8, usize)>) -> Result<(), Unreadable> {
        let gap = || Unreadable::new("the numbers of a list in the Destination do not follow one another");
        let (mut entries, mut last) = (0, (0, 0, 0));
        for (entry, role, place) in keys {
            let next = if (entry, role) == (last.0, last.1) { last.2 + 1 } else { 1 };
            if place != next {
                return Err(gap());
            }
            if entry != last.0 {
                entries += 1;
            }
            if entry != entries {
                return Err(gap());
            }
            last = (entry, role, place);
        }
        let beside = self.form.pairs().iter().filter_map(|pair| entry_of(&pair.name));
        if self.act == Some(Act::Bulk) && beside.max().unwrap_or_default() > entries {
            return Err(Unreadable::new("an entry of Destinations has no Destination"));
        }
        Ok(())
    }

    /// What a parameter's name stands for; `None` for a list that says that it is empty.
    fn slot(&self, name: &str) -> Result<Option<Slot>, Unreadable> {
        let misspelt = || Unreadable::new("a parameter of the Destination is misspelt");
        let in_destination = |entry: usize, rest: &str| -> Result<Option<Slot>, Unreadable> {
            let (list, place) = rest.split_once(".member.").unwrap_or((rest, ""));
            let role = match list {
                "ToAddresses" => Role::To,
                "CcAddresses" => Role::Cc,
                "BccAddresses" => Role::Bcc,
                _ => return Err(misspelt()),
            };
            if list == rest {
                return Ok(None);
            }
            Ok(Some(Slot { entry, role, place: number(place).ok_or_else(misspelt)? }))
        };
        match self.act {
            Some(Act::Email) => in_destination(0, name.strip_prefix("Destination.").ok_or_else(misspelt)?),
            Some(Act::Raw) if name == "Destinations" => Ok(None),
            Some(Act::Raw) => {
                let place = name.strip_prefix("Destinations.member.").and_then(number);
                Ok(Some(Slot { entry: 0, role: Role::To, place: place.ok_or_else(misspelt)? }))
            }
            Some(Act::Bulk) => {
                let rest = name.strip_prefix("Destinations.member.").ok_or_else(misspelt)?;
                let (entry, rest) = rest.split_once('.').ok_or_else(misspelt)?;
                let entry = number(entry).ok_or_else(misspelt)?;
                match rest.strip_prefix("Destination.") {
                    Some(rest) => in_destination(entry, rest),
                    None => Err(misspelt()),
                }
            }
            _ => Err(misspelt()),
        }
    }
}

/// A number of a list, as AWS's SDKs write it.
fn number(digits: &str) -> Option<usize> {
    let plain =
        !digits.starts_with('0') && digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// The number of the mail of a bulk send that a parameter is about.
fn entry_of(name: &str) -> Option<usize> {
    number(name.strip_prefix("Destinations.member.")?.split_once('.')?.0)
}

/// Could a parameter of this name say whom a request reaches? What stands beside the people of a bulk send does not.
fn is_destination(name: &str) -> bool {
    let is_beside = || {
        let rest = name.strip_prefix("Destinations.member.").and_then(|rest| rest.split_once('.'));
        rest.is_some_and(|(entry, rest)| {
            number(entry).is_some()
                && (rest == "ReplacementTemplateData" || rest.starts_with("ReplacementTags"))
        })
    };
    let bare: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    bare.to_ascii_lowercase().starts_with("destination") && !is_beside()
}

fn is_telling(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["action", "destination", "rawmessage", "emailaddress"].iter().any(|one| name.starts_with(one))
}

/// Whom a request reaches.
pub(crate) fn read<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let read = Read::new(request)?;
    let Some(act) = read.act else { return Ok(Outbound::Unrecognised) };
    match act {
        Act::Nobody => return Ok(Outbound::Nobody),
        Act::Unnamed(name) => return Ok(Outbound::Unnamed(name)),
        _ if *request.head.method != Method::POST => {
            return Err(Unreadable::new("send this as a POST with its parameters in the body"));
        }
        _ => {}
    }
    let mut send = Sending::default();
    let misplaced = || Unreadable::new("a recipient stands where this action takes none");
    let to = read.form.one("EmailAddress")?.map(|pair| pair.value.clone());
    if act == Act::Verify {
        if read.form.pairs().iter().any(|pair| is_destination(&pair.name)) {
            return Err(misplaced());
        }
        send.kind = "verify";
        let to = to.ok_or_else(|| Unreadable::new("EmailAddress is missing"))?;
        people::add(&mut send, [(people::address(to)?, Role::To)]);
        return Ok(Outbound::Send(send));
    }
    if to.is_some() {
        return Err(misplaced());
    }
    send.kind = if act == Act::Bulk { "bulk" } else { "message" };
    let mentions = read.mentions()?;
    let mut mails: BTreeMap<usize, Vec<(Cow<'a, str>, Role)>> = BTreeMap::new();
    for one in mentions {
        mails.entry(one.entry).or_default().push((one.address, one.role));
    }
    if let Some(raw) = &read.raw {
        raw.add_people(mails.entry(0).or_default());
    }
    mails.into_values().for_each(|mail| people::add(&mut send, mail));
    if send.recipients.is_empty() {
        return Err(Unreadable::new("the Destination is missing: nobody is named whom this would reach"));
    }
    if send.recipients.len() > PEOPLE_MAX {
        return Err(Unreadable::new("more recipients than the gateway reads in one request (10,000)"));
    }
    for name in ["Source", "Message.Subject.Data", "ReturnPath"] {
        read.form.one(name)?.map_or(Ok(()), |pair| no_hidden_header(&pair.value))?;
    }
    if let Some(source) = read.form.one("Source")? {
        send.sender = source.value.clone();
    }
    if let Some(template) = read.form.one("Template")? {
        send.tags.push(template.value.clone());
    }
    Ok(Outbound::Send(send))
}

/// The mails of a bulk send of which nobody is left, by their order, and how many there are.
pub(crate) fn gone(request: &Request<'_>, drop: &[usize]) -> Result<(usize, Vec<usize>), Unreadable> {
    let read = Read::new(request)?;
    let mentions = read.mentions()?;
    let entries = entries(&mentions);
    let (mut gone, mut first) = (Vec::new(), 0);
    for (order, (_, people)) in entries.iter().enumerate() {
        if (first..first + people).all(|person| drop.binary_search(&person).is_ok()) {
            gone.push(order);
        }
        first += people;
    }
    Ok((entries.len(), gone))
}

/// How many people each mail of a bulk send names.
pub(crate) fn mails(request: &Request<'_>) -> Vec<usize> {
    let read = Read::new(request).ok();
    let mentions = read.as_ref().and_then(|read| read.mentions().ok()).unwrap_or_default();
    entries(&mentions).into_iter().map(|(_, people)| people).collect()
}

/// The mails by their numbers, and how many people each names.
fn entries(mentions: &[Mention<'_, '_>]) -> Vec<(usize, usize)> {
    let mut entries: Vec<(usize, usize)> = Vec::new();
    for one in mentions {
        match entries.last_mut() {
            Some((entry, people)) if *entry == one.entry => *people += 1,
            _ => entries.push((one.entry, 1)),
        }
    }
    entries
}
