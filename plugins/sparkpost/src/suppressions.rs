//! SparkPost's suppression list, its entries told apart by their source; and its recipient validation.

use crate::{call, call_with};
use dndgate_adapter::{
    Answer, Secrets, Unreadable,
    json::{self, Json},
    outbound::Call,
    suppressions::{List, Listed, Listing, Page, Presence, Suppressions, Validity, is_addressable},
};
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// The suppression API.
#[derive(Debug)]
pub(crate) struct SparkPostSuppressions;

const PATH: &str = "/api/v1/suppression-list";
const BOUNCES: List = List { name: "bounces", means: Some(Listing::Bounce) };
const UNSUBSCRIBES: List = List { name: "unsubscribes", means: Some(Listing::Unsubscribe) };
const COMPLAINTS: List = List { name: "complaints", means: Some(Listing::Complaint) };
/// Put there by the business, or by SparkPost for reasons of law: nobody's own word.
const OTHERS: List = List { name: "others", means: None };
/// Whose entries carry these sources (Suppression List API). The last list takes every other source too.
const SOURCES: [(List, &[&str]); 4] = [
    (BOUNCES, &["Bounce Rule"]),
    (UNSUBSCRIBES, &["List Unsubscribe", "Unsubscribe Link"]),
    (COMPLAINTS, &["Spam Complaint"]),
    (OTHERS, &["Manually Added", "Compliance"]),
];
/// What SparkPost says of an address that is not on its list. Nothing else is proof.
const ABSENT: &str = "Recipient could not be found";
/// The most entries that SparkPost gives in a page.
const PAGE_ENTRIES: usize = 10_000;
/// The most addresses in one call, each of which makes two entries.
const ADD_MAX: usize = 1_000;
/// What stands in a segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

impl Suppressions for SparkPostSuppressions {
    fn lists(&self) -> &'static [List] {
        &[BOUNCES, UNSUBSCRIBES, COMPLAINTS, OTHERS]
    }

    fn per_account(&self) -> bool {
        false
    }

    fn look_up(&self, _: &List, _: &str, address: &str, secrets: &Secrets) -> Option<Call> {
        call(Method::GET, entry(address)?, secrets)
    }

    fn looked_up(&self, list: &List, answer: &Answer<'_>) -> Presence {
        let Ok(body) = json::read(answer.body) else { return Presence::Unknown("the answer is not JSON") };
        match answer.status {
            StatusCode::NOT_FOUND if is_absent(&body) => Presence::Absent,
            StatusCode::NOT_FOUND => Presence::Unknown("SparkPost does not know the path"),
            StatusCode::OK => {
                let entries = body.get("results").and_then(Json::as_array);
                let Some(entries) = entries.filter(|entries| !entries.is_empty()) else {
                    return Presence::Unknown("the answer names no entry");
                };
                match entries.iter().find(|entry| is_of(list, entry)) {
                    None => Presence::Absent,
                    Some(entry) => {
                        let words = ["type", "source", "description", "created"].iter();
                        let words = words.filter_map(|name| entry.get(name).and_then(Json::as_str));
                        Presence::Present(words.collect::<Vec<_>>().join(" "))
                    }
                }
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Presence::Unknown("the api_key may not read the suppression list")
            }
            StatusCode::TOO_MANY_REQUESTS => Presence::Unknown("SparkPost asks for patience"),
            _ => Presence::Unknown("SparkPost did not answer as it should"),
        }
    }

    fn remove(&self, _: &List, _: &str, address: &str, secrets: &Secrets) -> Option<Call> {
        call(Method::DELETE, entry(address)?, secrets)
    }

    fn removed(&self, _: &List, answer: &Answer<'_>) -> bool {
        answer.status == StatusCode::NO_CONTENT
            || (answer.status == StatusCode::NOT_FOUND
                && json::read(answer.body).is_ok_and(|body| is_absent(&body)))
    }

    fn page(&self, list: &List, _: &str, next: Option<&str>, secrets: &Secrets) -> Option<Call> {
        let path = match next {
            Some(next) => next.to_owned(),
            None => {
                let sources = utf8_percent_encode(&sources(list).join(","), SEGMENT).to_string();
                format!("{PATH}?cursor=initial&per_page={PAGE_ENTRIES}&sources={sources}")
            }
        };
        call(Method::GET, path, secrets)
    }

    fn page_read(
        &self,
        list: &List,
        _: &str,
        next: Option<&str>,
        answer: &Answer<'_>,
    ) -> Result<Page, Unreadable> {
        let not = || Unreadable::new("the answer is no page of the suppression list");
        let body = (answer.status == StatusCode::OK)
            .then(|| json::read(answer.body).ok())
            .flatten()
            .ok_or_else(not)?;
        let results = body.get("results").and_then(Json::as_array).ok_or_else(not)?;
        let entries: Option<Vec<Listed>> =
            results.iter().filter(|entry| is_of(list, entry)).map(listed).collect();
        let entries = entries.ok_or_else(not)?;
        let links = body.get("links").and_then(Json::as_array).unwrap_or_default();
        let further = links.iter().find(|link| link.get("rel").and_then(Json::as_str) == Some("next"));
        let Some(href) = further.and_then(|link| link.get("href")).and_then(Json::as_str) else {
            return Ok(Page { entries, next: None });
        };
        let further = onward(href).ok_or_else(|| Unreadable::new("the next page is not of this list"))?;
        if next == Some(&further) {
            return Err(Unreadable::new("the next page is this page again"));
        }
        Ok(Page { entries, next: Some(further) })
    }

    fn add_max(&self) -> usize {
        ADD_MAX
    }

    fn add(&self, _: &str, addresses: &[&str], secrets: &Secrets) -> Option<Call> {
        if addresses.is_empty() || !addresses.iter().all(|one| is_addressable(one)) {
            return None;
        }
        call_with(Method::PUT, PATH.to_owned(), &entries(addresses, "unsubscribed"), secrets)
    }

    fn validate(&self, address: &str, secrets: &Secrets) -> Option<Call> {
        is_addressable(address).then_some(())?;
        let address = utf8_percent_encode(address, SEGMENT);
        call(Method::GET, format!("/api/v1/recipient-validation/single/{address}"), secrets)
    }

    fn validated(&self, answer: &Answer<'_>) -> Option<Validity> {
        let body = (answer.status == StatusCode::OK).then(|| json::read(answer.body).ok()).flatten()?;
        let results = body.get("results")?;
        let text = |name: &str| results.get(name).and_then(Json::as_str).unwrap_or_default();
        let words = [text("result"), text("reason")].join(" ").trim().to_owned();
        match text("result") {
            "valid" => Some(Validity::Good),
            "neutral" | "risky" | "typo" => Some(Validity::Uncertain(words)),
            "undeliverable" => Some(Validity::Bad(words)),
            _ => None,
        }
    }
}

/// The body that puts addresses on the list, for every kind of mail.
pub(crate) fn entries(addresses: &[&str], why: &str) -> Value {
    let both = addresses.iter().flat_map(|address| {
        ["transactional", "non_transactional"].map(|kind| {
            json!({ "recipient": address, "type": kind, "description": format!("Do-Not-Disturb: {why}") })
        })
    });
    json!({ "recipients": both.collect::<Vec<_>>() })
}

/// The path of one entry. Without an address it would be the path of the whole list.
fn entry(address: &str) -> Option<String> {
    is_addressable(address).then(|| format!("{PATH}/{}", utf8_percent_encode(address, SEGMENT)))
}

fn sources(list: &List) -> &'static [&'static str] {
    SOURCES.iter().find(|(one, _)| one.name == list.name).map_or(&[], |(_, sources)| sources)
}

/// Does an entry belong on a list?
fn is_of(list: &List, entry: &Json<'_>) -> bool {
    let source = entry.get("source").and_then(Json::as_str).unwrap_or_default();
    let known = SOURCES.iter().find(|(_, sources)| sources.contains(&source));
    known.map_or(OTHERS.name, |(one, _)| one.name) == list.name
}

fn is_absent(body: &Json<'_>) -> bool {
    let errors = body.get("errors").and_then(Json::as_array).unwrap_or_default();
    errors.iter().any(|error| error.get("message").and_then(Json::as_str) == Some(ABSENT))
}

fn listed(entry: &Json<'_>) -> Option<Listed> {
    let text = |name: &str| entry.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    Some(Listed {
        address: entry.get("recipient")?.as_str()?.to_owned(),
        at: text("created").parse().ok(),
        code: Some(text("source")).filter(|code| !code.is_empty()),
        message: text("description"),
        partial: false,
    })
}

/// Path and query of a link, which must be of the same list.
fn onward(href: &str) -> Option<String> {
    let path = match href.split_once("://") {
        Some((_, after)) => &after[after.find('/')?..],
        None => href,
    };
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic()) && !path.contains('#');
    (plain && path.strip_prefix(PATH)?.starts_with('?')).then(|| path.to_owned())
}
