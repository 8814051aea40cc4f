//! SendGrid's suppression lists, of an account or of a subuser, and its address validation.
//!
//! What a person left are groups of mail as well (`asm/groups`). They hold for one kind of mail each and are neither
//! read nor written here: the event `group_unsubscribe` tells of them.

use crate::{API_KEY, SUBUSER, VALIDATION_KEY, credentials};
use dndgate_adapter::{
    Answer, Secrets, Unreadable,
    json::{self, Json, Value},
    outbound::Call,
    suppressions::{List, Listed, Listing, Page, Presence, Suppressions, Validity, is_addressable},
};
use http::{HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The suppression API.
#[derive(Debug)]
pub(crate) struct SendGridSuppressions;

const BOUNCES: List = List { name: "bounces", means: Some(Listing::Bounce) };
/// Mail that was refused for a while, or for what stood in it.
const BLOCKS: List = List { name: "blocks", means: None };
const SPAM_REPORTS: List = List { name: "spam_reports", means: Some(Listing::Complaint) };
const INVALID: List = List { name: "invalid_emails", means: Some(Listing::Bounce) };
/// Those who left all mail.
const UNSUBSCRIBES: List = List { name: "unsubscribes", means: Some(Listing::Unsubscribe) };
/// The path of one entry of that list, and of additions to it.
const GLOBAL: &str = "/v3/asm/suppressions/global";
/// "The maximum page size for this endpoint is 500 items per page."
const PAGE_ENTRIES: usize = 500;
/// Entries of a page that the next one repeats, so that none is missed when some before it go meanwhile.
const OVERLAP: usize = 50;
/// The most addresses in one addition. Not documented; what a page holds.
const ADD_MAX: usize = 500;
/// What stands in a segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

impl Suppressions for SendGridSuppressions {
    fn lists(&self) -> &'static [List] {
        &[BOUNCES, BLOCKS, SPAM_REPORTS, INVALID, UNSUBSCRIBES]
    }

    fn per_account(&self) -> bool {
        true
    }

    fn lists_of_credentials(&self) -> bool {
        true
    }

    fn is_account(&self, name: &str) -> bool {
        name.strip_prefix(SUBUSER).is_some_and(|name| {
            !name.trim().is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        })
    }

    fn look_up(&self, list: &List, account: &str, address: &str, secrets: &Secrets) -> Option<Call> {
        self.call(Method::GET, entry(list, address)?, account, secrets)
    }

    fn looked_up(&self, list: &List, answer: &Answer<'_>) -> Presence {
        match answer.status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Presence::Unknown("the api_key may not read suppressions");
            }
            StatusCode::TOO_MANY_REQUESTS => return Presence::Unknown("SendGrid asks for patience"),
            _ => return Presence::Unknown("SendGrid did not answer as it should"),
        }
        let Ok(body) = json::read(answer.body) else { return Presence::Unknown("the answer is not JSON") };
        if list.name == UNSUBSCRIBES.name {
            let address = body.get("recipient_email").and_then(Json::as_str);
            return match (body.as_object(), address) {
                (Some([]), _) => Presence::Absent,
                (_, Some(_)) => Presence::Present(String::new()),
                _ => Presence::Unknown("the answer names no address"),
            };
        }
        match body.as_array() {
            Some([]) => Presence::Absent,
            Some([first, ..]) => match listed(first) {
                Some(one) => Presence::Present(words(&one)),
                None => Presence::Unknown("the answer names no address"),
            },
            None => Presence::Unknown("the answer is no list"),
        }
    }

    fn remove(&self, list: &List, account: &str, address: &str, secrets: &Secrets) -> Option<Call> {
        self.call(Method::DELETE, entry(list, address)?, account, secrets)
    }

    fn removed(&self, _: &List, answer: &Answer<'_>) -> bool {
        matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_FOUND)
    }

    fn page(&self, list: &List, account: &str, next: Option<&str>, secrets: &Secrets) -> Option<Call> {
        let (offset, _) = next.map_or(Some((0, "")), place)?;
        let path = format!("/v3/suppression/{}?limit={PAGE_ENTRIES}&offset={offset}", list.name);
        self.call(Method::GET, path, account, secrets)
    }

    fn page_read(
        &self,
        _: &List,
        _: &str,
        next: Option<&str>,
        answer: &Answer<'_>,
    ) -> Result<Page, Unreadable> {
        let not = || Unreadable::new("the answer is no page of a suppression list");
        let (offset, seen) = next.map_or(Some((0, "")), place).ok_or_else(not)?;
        let body =
            json::read(answer.body).ok().filter(|_| answer.status == StatusCode::OK).ok_or_else(not)?;
        let items = body.as_array().ok_or_else(not)?;
        let all: Vec<Listed> = items.iter().map(listed).collect::<Option<_>>().ok_or_else(not)?;
        let count = all.len();
        // Where the entry that was read last is not there any more, the page is new as a whole.
        let known = all.iter().rposition(|one| next.is_some() && one.address == seen).map_or(0, |at| at + 1);
        let entries: Vec<Listed> = all.into_iter().skip(known).collect();
        let next = entries
            .last()
            .map(|last| format!("{} {}", offset + count - OVERLAP.min(count / 2), last.address));
        Ok(Page { entries, next })
    }

    fn add_max(&self) -> usize {
        ADD_MAX
    }

    fn add(&self, account: &str, addresses: &[&str], secrets: &Secrets) -> Option<Call> {
        if addresses.is_empty() || !addresses.iter().all(|one| is_addressable(one)) {
            return None;
        }
        let call = self.call(Method::POST, GLOBAL.to_owned(), account, secrets)?;
        Some(with_json(call, &serde_json::json!({ "recipient_emails": addresses })))
    }

    fn validate(&self, address: &str, secrets: &Secrets) -> Option<Call> {
        if !is_addressable(address) {
            return None;
        }
        let key = secrets.first(VALIDATION_KEY).or_else(|| secrets.first(API_KEY))?;
        let call = Call {
            method: Method::POST,
            host: None,
            path_and_query: "/v3/validations/email".to_owned(),
            headers: credentials(key, "")?,
            body: Vec::new(),
        };
        Some(with_json(call, &serde_json::json!({ "email": address, "source": "release" })))
    }

    fn validated(&self, answer: &Answer<'_>) -> Option<Validity> {
        let body = json::read(answer.body).ok().filter(|_| answer.status == StatusCode::OK)?;
        let verdict = body.get("result")?.get("verdict")?.as_str()?.to_owned();
        match verdict.as_str() {
            "Valid" => Some(Validity::Good),
            "Risky" => Some(Validity::Uncertain(verdict)),
            "Invalid" => Some(Validity::Bad(verdict)),
            _ => None,
        }
    }
}

impl SendGridSuppressions {
    fn call(&self, method: Method, path_and_query: String, account: &str, secrets: &Secrets) -> Option<Call> {
        if !account.is_empty() && !self.is_account(account) {
            return None;
        }
        let headers = credentials(secrets.first(API_KEY)?, account)?;
        Some(Call { method, host: None, path_and_query, headers, body: Vec::new() })
    }
}

/// The path of one entry. Without an address it would be the path of the whole list.
fn entry(list: &List, address: &str) -> Option<String> {
    is_addressable(address).then_some(())?;
    let address = utf8_percent_encode(address, SEGMENT);
    Some(if list.name == UNSUBSCRIBES.name {
        format!("{GLOBAL}/{address}")
    } else {
        format!("/v3/suppression/{}/{address}", list.name)
    })
}

fn with_json(mut call: Call, body: &serde_json::Value) -> Call {
    call.headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    call.body = body.to_string().into_bytes();
    call
}

/// Where a page begins, and the entry that was read last before it.
fn place(next: &str) -> Option<(usize, &str)> {
    let (offset, seen) = next.split_once(' ')?;
    Some((offset.parse().ok()?, seen))
}

fn listed(item: &Json<'_>) -> Option<Listed> {
    let text = |name: &str| item.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let seconds = match item.get("created").map(|created| &created.value) {
        Some(Value::Number(digits)) => digits.parse().ok(),
        _ => None,
    };
    Some(Listed {
        address: item.get("email")?.as_str()?.to_owned(),
        at: seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()),
        code: Some(text("status")).filter(|code| !code.is_empty()),
        message: text("reason"),
        partial: false,
    })
}

/// What an entry says, for the record.
fn words(one: &Listed) -> String {
    let at = one.at.map(|at| at.to_string());
    let words = [one.code.clone(), Some(one.message.clone()), at].into_iter().flatten();
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
