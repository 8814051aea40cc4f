//! Mailgun's suppression lists, each per sending domain, and its address validation.

use crate::API_KEY;
use dndgate_adapter::{
    Answer, Secrets, Unreadable, credentials,
    json::{self, Json},
    outbound::Call,
    suppressions::{List, Listed, Listing, Page, Presence, Suppressions, Validity, is_addressable},
};
use http::{HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The suppression API.
#[derive(Debug)]
pub(crate) struct MailgunSuppressions;

const BOUNCES: List = List { name: "bounces", means: Some(Listing::Bounce) };
const UNSUBSCRIBES: List = List { name: "unsubscribes", means: Some(Listing::Unsubscribe) };
const COMPLAINTS: List = List { name: "complaints", means: Some(Listing::Complaint) };
/// What Mailgun says of an address that is not on the list. Nothing else is proof.
const ABSENT: [&str; 3] = [
    "Address not found in bounces table",
    "Address not found in unsubscribers table",
    "No spam complaints found for this address",
];
/// The most entries that Mailgun gives in a page.
const PAGE_ENTRIES: usize = 1000;
/// The most addresses that Mailgun takes in one call: "Batch size should be less than 1000".
const ADD_MAX: usize = 999;
/// The most domains that it tells at a time.
const DOMAINS: usize = 1000;
/// What stands in a segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

impl Suppressions for MailgunSuppressions {
    fn lists(&self) -> &'static [List] {
        &[BOUNCES, UNSUBSCRIBES, COMPLAINTS]
    }

    fn per_account(&self) -> bool {
        true
    }

    fn is_account(&self, name: &str) -> bool {
        let label = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        name.contains('.') && name.split('.').all(label)
    }

    fn accounts(&self, secrets: &Secrets) -> Option<Call> {
        call(Method::GET, format!("/v4/domains?limit={DOMAINS}"), secrets)
    }

    fn accounts_read(&self, answer: &Answer<'_>) -> Result<Vec<String>, Unreadable> {
        let not = || Unreadable::new("the answer is no list of domains");
        let body = ok_json(answer).ok_or_else(not)?;
        let items = body.get("items").and_then(Json::as_array).ok_or_else(not)?;
        let names: Option<Vec<String>> =
            items.iter().map(|one| one.get("name")?.as_str().map(str::to_lowercase)).collect();
        let names = names.filter(|names| names.iter().all(|name| self.is_account(name))).ok_or_else(not)?;
        if names.len() >= DOMAINS {
            return Err(Unreadable::new(
                "there are more domains than one answer holds: name them in accounts",
            ));
        }
        Ok(names)
    }

    fn look_up(&self, list: &List, account: &str, address: &str, secrets: &Secrets) -> Option<Call> {
        call(Method::GET, self.entry(list, account, address)?, secrets)
    }

    fn looked_up(&self, _: &List, answer: &Answer<'_>) -> Presence {
        let Ok(body) = json::read(answer.body) else { return Presence::Unknown("the answer is not JSON") };
        let text = |name: &str| body.get(name).and_then(Json::as_str);
        match answer.status {
            StatusCode::NOT_FOUND if text("message").is_some_and(|said| ABSENT.contains(&said)) => {
                Presence::Absent
            }
            StatusCode::NOT_FOUND => {
                Presence::Unknown("Mailgun does not know the sending domain, or the path")
            }
            StatusCode::OK if text("address").is_some() => {
                let words = ["code", "error", "created_at"].iter().filter_map(|name| text(name));
                Presence::Present(words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
            }
            StatusCode::OK => Presence::Unknown("the answer names no address"),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Presence::Unknown("the api_key may not read suppression lists")
            }
            StatusCode::TOO_MANY_REQUESTS => Presence::Unknown("Mailgun asks for patience"),
            _ => Presence::Unknown("Mailgun did not answer as it should"),
        }
    }

    fn remove(&self, list: &List, account: &str, address: &str, secrets: &Secrets) -> Option<Call> {
        call(Method::DELETE, self.entry(list, account, address)?, secrets)
    }

    fn removed(&self, list: &List, answer: &Answer<'_>) -> bool {
        let gone = json::read(answer.body).is_ok_and(|body| body.get("message").is_some());
        (answer.status == StatusCode::OK && gone) || self.looked_up(list, answer) == Presence::Absent
    }

    fn page(&self, list: &List, account: &str, next: Option<&str>, secrets: &Secrets) -> Option<Call> {
        let path = match next {
            Some(next) => next.to_owned(),
            None => format!("{}?limit={PAGE_ENTRIES}", self.table(list, account)?),
        };
        call(Method::GET, path, secrets)
    }

    fn page_read(
        &self,
        list: &List,
        account: &str,
        next: Option<&str>,
        answer: &Answer<'_>,
    ) -> Result<Page, Unreadable> {
        let not = || Unreadable::new("the answer is no page of a suppression list");
        let body = ok_json(answer).ok_or_else(not)?;
        let items = body.get("items").and_then(Json::as_array).ok_or_else(not)?;
        let entries: Option<Vec<Listed>> = items.iter().map(listed).collect();
        let entries = entries.ok_or_else(not)?;
        let paging = |name: &str| body.get("paging")?.get(name)?.as_str();
        let last = entries.is_empty() || paging("next").is_none() || paging("next") == paging("last");
        if last {
            return Ok(Page { entries, next: None });
        }
        let further = paging("next").and_then(|url| self.onward(list, account, url));
        let further = further.ok_or_else(|| Unreadable::new("the next page is not of this list"))?;
        if next == Some(&further) {
            return Err(Unreadable::new("the next page is this page again"));
        }
        Ok(Page { entries, next: Some(further) })
    }

    fn add_max(&self) -> usize {
        ADD_MAX
    }

    fn add(&self, account: &str, addresses: &[&str], secrets: &Secrets) -> Option<Call> {
        if addresses.is_empty() || !addresses.iter().all(|one| is_addressable(one)) {
            return None;
        }
        let mut call = call(Method::POST, self.table(&UNSUBSCRIBES, account)?, secrets)?;
        let body = addresses.iter().map(|one| serde_json::json!({ "address": one, "tags": ["*"] }));
        call.body = serde_json::Value::Array(body.collect()).to_string().into_bytes();
        call.headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        Some(call)
    }

    fn validate(&self, address: &str, secrets: &Secrets) -> Option<Call> {
        if !is_addressable(address) {
            return None;
        }
        call(
            Method::GET,
            format!("/v4/address/validate?address={}", utf8_percent_encode(address, SEGMENT)),
            secrets,
        )
    }

    fn validated(&self, answer: &Answer<'_>) -> Option<Validity> {
        let body = ok_json(answer)?;
        let result = body.get("result")?.as_str()?;
        let reasons = body.get("reason").and_then(Json::as_array).unwrap_or_default();
        let mut words = vec![result.to_owned()];
        words.extend(reasons.iter().filter_map(|one| one.as_str().map(str::to_owned)));
        let words = words.join(", ");
        match result {
            "deliverable" => Some(Validity::Good),
            "catch_all" | "unknown" => Some(Validity::Uncertain(words)),
            "undeliverable" | "do_not_send" => Some(Validity::Bad(words)),
            _ => None,
        }
    }
}

impl MailgunSuppressions {
    /// The path of a list. None for what is no domain: nothing may slip into the path.
    fn table(&self, list: &List, account: &str) -> Option<String> {
        self.is_account(account).then(|| format!("/v3/{account}/{}", list.name))
    }

    /// The path of one entry. Without an address it would be the path of the whole list.
    fn entry(&self, list: &List, account: &str, address: &str) -> Option<String> {
        is_addressable(address).then_some(())?;
        Some(format!("{}/{}", self.table(list, account)?, utf8_percent_encode(address, SEGMENT)))
    }

    /// Path and query of a paging URL, which is absolute and on Mailgun's hosts: the host is ours to choose, and
    /// the rest must be of the same list.
    fn onward(&self, list: &List, account: &str, url: &str) -> Option<String> {
        let (_, after) = url.split_once("://")?;
        let path_and_query = &after[after.find('/')?..];
        let table = self.table(list, account)?;
        let rest = path_and_query.strip_prefix(&table)?;
        let plain = path_and_query.bytes().all(|byte| byte.is_ascii_graphic());
        (rest.starts_with('?') && plain && !rest.contains('#')).then(|| path_and_query.to_owned())
    }
}

fn ok_json<'a>(answer: &Answer<'a>) -> Option<Json<'a>> {
    (answer.status == StatusCode::OK).then(|| json::read(answer.body).ok()).flatten()
}

fn listed(item: &Json<'_>) -> Option<Listed> {
    let text = |name: &str| item.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let address = item.get("address")?.as_str()?.to_owned();
    // Older answers hold one `tag`.
    let tags: Vec<&str> = match item.get("tags").and_then(Json::as_array) {
        Some(tags) => tags.iter().filter_map(Json::as_str).collect(),
        None => item.get("tag").and_then(Json::as_str).into_iter().collect(),
    };
    Some(Listed {
        address,
        at: instant(&text("created_at")),
        code: Some(text("code")).filter(|code| !code.is_empty()),
        message: text("error"),
        partial: !tags.is_empty() && !tags.contains(&"*"),
    })
}

/// `Thu, 11 Dec 2025 01:49:40 UTC`
fn instant(written: &str) -> Option<Timestamp> {
    let gmt = written.strip_suffix("UTC").map_or_else(|| written.to_owned(), |bare| format!("{bare}GMT"));
    jiff::fmt::rfc2822::parse(&gmt).ok().map(|at| at.timestamp())
}

/// A request with the account's key.
fn call(method: Method, path_and_query: String, secrets: &Secrets) -> Option<Call> {
    let credentials = credentials::basic(&format!("api:{}", secrets.first(API_KEY)?))?;
    let headers = vec![(header::AUTHORIZATION, credentials)];
    Some(Call { method, host: None, path_and_query, headers, body: Vec::new() })
}
