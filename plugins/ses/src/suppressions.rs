//! The suppression list of an account in a region. Each of its entries has one reason: a bounce or a complaint, which
//! are two lists here. SES validates addresses, too.

use dndgate_adapter::{
    Answer, Secrets, Unreadable,
    json::{self, Json, Value},
    outbound::Call,
    suppressions::{List, Listed, Listing, Page, Presence, Suppressions, Validity, is_addressable},
};
use http::{HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{ACCESS_KEY, SECRET_KEY};

/// The suppression API.
#[derive(Debug)]
pub(crate) struct SesSuppressions;

const BOUNCES: List = List { name: "bounces", means: Some(Listing::Bounce) };
const COMPLAINTS: List = List { name: "complaints", means: Some(Listing::Complaint) };
const ADDRESSES: &str = "/v2/email/suppression/addresses";
/// The most entries that SES gives in a page.
const PAGE_ENTRIES: usize = 1000;
/// What stands in a segment or a query's value as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// A list's reason in the words of SES.
fn reason(list: &List) -> &'static str {
    if list.means == Some(Listing::Complaint) { "COMPLAINT" } else { "BOUNCE" }
}

impl Suppressions for SesSuppressions {
    fn lists(&self) -> &'static [List] {
        &[BOUNCES, COMPLAINTS]
    }

    fn per_account(&self) -> bool {
        false
    }

    fn look_up(&self, _: &List, _: &str, address: &str, secrets: &Secrets) -> Option<Call> {
        call(Method::GET, entry(address)?, secrets)
    }

    fn looked_up(&self, list: &List, answer: &Answer<'_>) -> Presence {
        if is_absent(answer) {
            return Presence::Absent;
        }
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Presence::Unknown("SES does not know the path"),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
                return Presence::Unknown("the AWS keys may not read the suppression list");
            }
            StatusCode::TOO_MANY_REQUESTS => return Presence::Unknown("SES asks for patience"),
            _ => return Presence::Unknown("SES did not answer as it should"),
        }
        let body = json::read(answer.body).ok();
        let entry = body.as_ref().and_then(|body| body.get("SuppressedDestination"));
        match entry.and_then(|entry| entry.get("Reason")?.as_str()) {
            Some(said) if said == reason(list) => Presence::Present(format!("on the account's list: {said}")),
            Some("BOUNCE" | "COMPLAINT") => Presence::Absent,
            _ => Presence::Unknown("the answer names no reason"),
        }
    }

    fn remove(&self, _: &List, _: &str, address: &str, secrets: &Secrets) -> Option<Call> {
        call(Method::DELETE, entry(address)?, secrets)
    }

    fn removed(&self, _: &List, answer: &Answer<'_>) -> bool {
        answer.status == StatusCode::OK || is_absent(answer)
    }

    fn page(&self, list: &List, _: &str, next: Option<&str>, secrets: &Secrets) -> Option<Call> {
        let mut path = format!("{ADDRESSES}?PageSize={PAGE_ENTRIES}&Reason={}", reason(list));
        if let Some(token) = next {
            path = format!("{path}&NextToken={}", utf8_percent_encode(token, PLAIN));
        }
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
        let body = (answer.status == StatusCode::OK).then(|| json::read(answer.body).ok()).flatten();
        let body = body.ok_or_else(not)?;
        let summaries =
            body.get("SuppressedDestinationSummaries").and_then(Json::as_array).ok_or_else(not)?;
        let entries: Option<Vec<Listed>> = summaries.iter().map(|one| listed(list, one)).collect();
        let further = body.get("NextToken").and_then(Json::as_str).filter(|token| !token.is_empty());
        if further.is_some() && further == next {
            return Err(Unreadable::new("the next page is this page again"));
        }
        Ok(Page { entries: entries.ok_or_else(not)?, next: further.map(str::to_owned) })
    }

    fn add_max(&self) -> usize {
        0
    }

    /// SES has no list of those who unsubscribed: on its one list they would count as bounces or complaints.
    fn add(&self, _: &str, _: &[&str], _: &Secrets) -> Option<Call> {
        None
    }

    fn validate(&self, address: &str, secrets: &Secrets) -> Option<Call> {
        if !is_addressable(address) {
            return None;
        }
        let mut call = call(Method::POST, "/v2/email/email-address-insights/".to_owned(), secrets)?;
        call.headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        call.body = serde_json::json!({ "EmailAddress": address }).to_string().into_bytes();
        Some(call)
    }

    fn validated(&self, answer: &Answer<'_>) -> Option<Validity> {
        let body = (answer.status == StatusCode::OK).then(|| json::read(answer.body).ok()).flatten()?;
        let verdict = body.get("MailboxValidation")?.get("IsValid")?.get("ConfidenceVerdict")?.as_str()?;
        Some(match verdict {
            "HIGH" => Validity::Good,
            "LOW" => Validity::Bad("SES has low confidence in it".to_owned()),
            other => Validity::Uncertain(format!("SES has {} confidence in it", other.to_lowercase())),
        })
    }
}

/// The path of one address. None of what could be the whole list.
fn entry(address: &str) -> Option<String> {
    is_addressable(address).then(|| format!("{ADDRESSES}/{}", utf8_percent_encode(address, PLAIN)))
}

/// Does SES say in so many words that the address is not there?
fn is_absent(answer: &Answer<'_>) -> bool {
    let kind = answer.headers.get("x-amzn-errortype").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    answer.status == StatusCode::NOT_FOUND && kind.split(':').next() == Some("NotFoundException")
}

fn listed(list: &List, summary: &Json<'_>) -> Option<Listed> {
    let text = |name: &str| summary.get(name).and_then(Json::as_str);
    if text("Reason")? != reason(list) {
        return None;
    }
    let at = summary.get("LastUpdateTime").and_then(|at| match &at.value {
        Value::Number(seconds) => {
            let seconds: f64 = seconds.parse().ok()?;
            Timestamp::from_millisecond((seconds * 1e3) as i64).ok()
        }
        _ => at.as_str()?.parse().ok(),
    });
    Some(Listed {
        address: text("EmailAddress")?.to_owned(),
        at,
        code: None,
        message: text("Reason")?.to_owned(),
        partial: false,
    })
}

/// A request that the gateway signs; none without keys.
pub(crate) fn call(method: Method, path_and_query: String, secrets: &Secrets) -> Option<Call> {
    secrets.first(ACCESS_KEY).and(secrets.first(SECRET_KEY))?;
    Some(Call { method, host: None, path_and_query, headers: Vec::new(), body: Vec::new() })
}
