//! Brevo's blocked contacts: one list of an account, each entry with its reason. Three lists here, by what the reason
//! means. They cannot be asked about one address, and are read page by page.

use crate::{API_KEY, credentials};
use dndgate_adapter::{
    Answer, Secrets, Unreadable,
    json::{self, Json, Value},
    outbound::Call,
    suppressions::{List, Listed, Listing, Page, Presence, Suppressions, is_addressable},
};
use http::{HeaderValue, Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The blocklist API.
#[derive(Debug)]
pub(crate) struct BrevoSuppressions;

const BOUNCES: List = List { name: "hard_bounces", means: Some(Listing::Bounce) };
const COMPLAINTS: List = List { name: "spam", means: Some(Listing::Complaint) };
const UNSUBSCRIBES: List = List { name: "unsubscribes", means: Some(Listing::Unsubscribe) };
/// Contacts whom no mail reaches, transactional or not (`emailBlacklisted`).
const BLOCKLIST: List = List { name: "blocklist", means: None };
const BLOCKED: &str = "/v3/smtp/blockedContacts";
/// The most entries that Brevo gives in a page.
const PAGE_ENTRIES: u64 = 100;
/// What stands in a segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

impl Suppressions for BrevoSuppressions {
    fn lists(&self) -> &'static [List] {
        &[BOUNCES, COMPLAINTS, UNSUBSCRIBES, BLOCKLIST]
    }

    fn per_account(&self) -> bool {
        false
    }

    fn in_pages(&self, list: &List) -> bool {
        *list != BLOCKLIST
    }

    fn look_up(&self, list: &List, _: &str, address: &str, secrets: &Secrets) -> Option<Call> {
        // Blocked contacts come in pages only.
        let path = (*list == BLOCKLIST).then(|| contact(address)).flatten()?;
        call(Method::GET, path, secrets)
    }

    fn looked_up(&self, _: &List, answer: &Answer<'_>) -> Presence {
        let Ok(body) = json::read(answer.body) else { return Presence::Unknown("the answer is not JSON") };
        let said = |name: &str| body.get(name).map(|value| &value.value);
        match answer.status {
            StatusCode::OK => match said("emailBlacklisted") {
                Some(Value::Bool(true)) => Presence::Present("blocklisted for mail".to_owned()),
                Some(Value::Bool(false)) => Presence::Absent,
                _ => Presence::Unknown("the answer does not say whether the contact is blocklisted"),
            },
            StatusCode::NOT_FOUND if is_not_found(&body) => Presence::Absent,
            StatusCode::NOT_FOUND => Presence::Unknown("Brevo does not know the path"),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Presence::Unknown("the api_key may not read contacts")
            }
            StatusCode::TOO_MANY_REQUESTS => Presence::Unknown("Brevo asks for patience"),
            _ => Presence::Unknown("Brevo did not answer as it should"),
        }
    }

    fn remove(&self, list: &List, _: &str, address: &str, secrets: &Secrets) -> Option<Call> {
        if *list == BLOCKLIST {
            let mut call = call(Method::PUT, contact(address)?, secrets)?;
            with_json(&mut call, &serde_json::json!({ "emailBlacklisted": false }));
            return Some(call);
        }
        let path = is_addressable(address)
            .then(|| format!("{BLOCKED}/{}", utf8_percent_encode(address, SEGMENT)))?;
        call(Method::DELETE, path, secrets)
    }

    fn removed(&self, _: &List, answer: &Answer<'_>) -> bool {
        answer.status == StatusCode::NO_CONTENT
            || answer.status == StatusCode::NOT_FOUND
                && json::read(answer.body).is_ok_and(|body| is_not_found(&body))
    }

    fn page(&self, list: &List, _: &str, next: Option<&str>, secrets: &Secrets) -> Option<Call> {
        list.means?;
        let offset = next.unwrap_or("0");
        call(Method::GET, format!("{BLOCKED}?limit={PAGE_ENTRIES}&offset={offset}&sort=asc"), secrets)
    }

    fn page_read(
        &self,
        list: &List,
        _: &str,
        next: Option<&str>,
        answer: &Answer<'_>,
    ) -> Result<Page, Unreadable> {
        let not = || Unreadable::new("the answer is no page of blocked contacts");
        let body = (answer.status == StatusCode::OK).then(|| json::read(answer.body).ok()).flatten();
        let body = body.ok_or_else(not)?;
        let contacts = match body.get("contacts") {
            Some(contacts) => contacts.as_array().ok_or_else(not)?,
            // Of an empty list.
            None if body.get("count").is_some() => &[],
            None => return Err(not()),
        };
        let entries: Option<Vec<Option<Listed>>> = contacts.iter().map(|one| listed(list, one)).collect();
        let entries = entries.ok_or_else(not)?;
        let offset: u64 = next.unwrap_or("0").parse().map_err(|_| not())?;
        let full = contacts.len() as u64 >= PAGE_ENTRIES;
        Ok(Page {
            entries: entries.into_iter().flatten().collect(),
            next: full.then(|| (offset + PAGE_ENTRIES).to_string()),
        })
    }

    fn add_max(&self) -> usize {
        1
    }

    fn add(&self, _: &str, addresses: &[&str], secrets: &Secrets) -> Option<Call> {
        let [address] = addresses else { return None };
        if !is_addressable(address) {
            return None;
        }
        let mut call = call(Method::POST, "/v3/contacts".to_owned(), secrets)?;
        let body = serde_json::json!({ "email": address, "emailBlacklisted": true, "updateEnabled": true });
        with_json(&mut call, &body);
        Some(call)
    }
}

fn contact(address: &str) -> Option<String> {
    is_addressable(address).then(|| format!("/v3/contacts/{}", utf8_percent_encode(address, SEGMENT)))
}

/// Does Brevo say in so many words that it is not there?
fn is_not_found(body: &Json<'_>) -> bool {
    body.get("code").and_then(Json::as_str) == Some("document_not_found")
}

/// What an entry's reason means ("Get the list of blocked or unsubscribed transactional contacts").
fn meaning(code: &str) -> Listing {
    match code {
        "hardBounce" => Listing::Bounce,
        "contactFlaggedAsSpam" => Listing::Complaint,
        // By the person in several ways, or by the business: nobody is to be written to.
        _ => Listing::Unsubscribe,
    }
}

/// An entry of this list, or of another one.
fn listed(list: &List, contact: &Json<'_>) -> Option<Option<Listed>> {
    let text = |of: &Json<'_>, name: &str| of.get(name).and_then(Json::as_str).map(str::to_owned);
    let address = text(contact, "email")?;
    let reason = contact.get("reason")?;
    let code = text(reason, "code")?;
    if list.means != Some(meaning(&code)) {
        return Some(None);
    }
    Some(Some(Listed {
        address,
        at: text(contact, "blockedAt").and_then(|at| at.parse().ok()),
        message: text(reason, "message").unwrap_or_default(),
        // Mail of one sender only.
        partial: code.starts_with("unsubscribed")
            && text(contact, "senderEmail").is_some_and(|sender| !sender.is_empty()),
        code: Some(code),
    }))
}

fn with_json(call: &mut Call, body: &serde_json::Value) {
    call.headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    call.body = body.to_string().into_bytes();
}

/// A request with the account's key.
fn call(method: Method, path_and_query: String, secrets: &Secrets) -> Option<Call> {
    let headers = credentials(secrets.first(API_KEY)?)?;
    Some(Call { method, host: None, path_and_query, headers, body: Vec::new() })
}
