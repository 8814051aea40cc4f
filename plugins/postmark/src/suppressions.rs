//! Postmark's suppression lists: one for each message stream of a server, its entries told apart by their reason.

use crate::SERVER_TOKEN;
use dndgate_adapter::{
    Answer, Secrets, Unreadable, credentials,
    json::{self, Json},
    outbound::Call,
    suppressions::{List, Listed, Listing, Page, Presence, Suppressions, is_addressable},
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// The suppression API.
#[derive(Debug)]
pub(crate) struct PostmarkSuppressions;

const HARD_BOUNCES: List = List { name: "HardBounce", means: Some(Listing::Bounce) };
const MANUAL: List = List { name: "ManualSuppression", means: Some(Listing::Unsubscribe) };
const COMPLAINTS: List = List { name: "SpamComplaint", means: Some(Listing::Complaint) };
/// The most addresses that Postmark takes in one call (Suppressions API).
const ADD_MAX: usize = 50;
/// What stands in a segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

impl Suppressions for PostmarkSuppressions {
    fn lists(&self) -> &'static [List] {
        &[HARD_BOUNCES, MANUAL, COMPLAINTS]
    }

    fn per_account(&self) -> bool {
        true
    }

    /// Message streams are the server's, whose token is configured.
    fn accounts_of_credentials(&self) -> bool {
        true
    }

    fn accounts(&self, secrets: &Secrets) -> Option<Call> {
        call(Method::GET, "/message-streams?MessageStreamType=All".to_owned(), secrets)
    }

    fn accounts_read(&self, answer: &Answer<'_>) -> Result<Vec<String>, Unreadable> {
        let not = || Unreadable::new("the answer is no list of message streams");
        let body = ok_json(answer).ok_or_else(not)?;
        let streams = body.get("MessageStreams").and_then(Json::as_array).ok_or_else(not)?;
        // Inbound streams receive; nobody is suppressed there.
        let sending = streams
            .iter()
            .filter(|stream| stream.get("MessageStreamType").and_then(Json::as_str) != Some("Inbound"));
        let names: Option<Vec<String>> =
            sending.map(|stream| Some(stream.get("ID")?.as_str()?.to_owned())).collect();
        names.filter(|names| names.iter().all(|name| is_stream(name))).ok_or_else(not)
    }

    fn look_up(&self, list: &List, account: &str, address: &str, secrets: &Secrets) -> Option<Call> {
        is_addressable(address).then_some(())?;
        let address = utf8_percent_encode(address, SEGMENT);
        let dump = dump(account)?;
        call(Method::GET, format!("{dump}?EmailAddress={address}&SuppressionReason={}", list.name), secrets)
    }

    fn looked_up(&self, _: &List, answer: &Answer<'_>) -> Presence {
        let Ok(body) = json::read(answer.body) else { return Presence::Unknown("the answer is not JSON") };
        match (answer.status, body.get("Suppressions").and_then(Json::as_array)) {
            (StatusCode::OK, Some([])) => Presence::Absent,
            (StatusCode::OK, Some([first, ..])) => {
                let words = ["SuppressionReason", "Origin", "CreatedAt"].iter();
                let words = words.filter_map(|name| first.get(name).and_then(Json::as_str));
                Presence::Present(words.collect::<Vec<_>>().join(" "))
            }
            (StatusCode::OK, None) => Presence::Unknown("the answer names no suppressions"),
            (StatusCode::UNAUTHORIZED, _) => Presence::Unknown("the server_token is not valid"),
            (StatusCode::TOO_MANY_REQUESTS, _) => Presence::Unknown("Postmark asks for patience"),
            _ => Presence::Unknown("Postmark did not answer as it should"),
        }
    }

    fn remove(&self, _: &List, account: &str, address: &str, secrets: &Secrets) -> Option<Call> {
        self.post(&format!("{}/delete", suppressions(account)?), &[address], secrets)
    }

    fn removed(&self, _: &List, answer: &Answer<'_>) -> bool {
        let Some(body) = ok_json(answer) else { return false };
        let entries = body.get("Suppressions").and_then(Json::as_array).unwrap_or_default();
        let deleted = |entry: &Json<'_>| entry.get("Status").and_then(Json::as_str) == Some("Deleted");
        !entries.is_empty() && entries.iter().all(deleted)
    }

    fn page(&self, list: &List, account: &str, next: Option<&str>, secrets: &Secrets) -> Option<Call> {
        // A dump is the whole list.
        next.is_none().then_some(())?;
        call(Method::GET, format!("{}?SuppressionReason={}", dump(account)?, list.name), secrets)
    }

    fn page_read(
        &self,
        list: &List,
        _: &str,
        _: Option<&str>,
        answer: &Answer<'_>,
    ) -> Result<Page, Unreadable> {
        let not = || Unreadable::new("the answer is no dump of a suppression list");
        let body = ok_json(answer).ok_or_else(not)?;
        let entries = body.get("Suppressions").and_then(Json::as_array).ok_or_else(not)?;
        let of_list = |entry: &&Json<'_>| {
            entry.get("SuppressionReason").and_then(Json::as_str).is_none_or(|reason| reason == list.name)
        };
        let entries: Option<Vec<Listed>> = entries.iter().filter(of_list).map(listed).collect();
        Ok(Page { entries: entries.ok_or_else(not)?, next: None })
    }

    fn add_max(&self) -> usize {
        ADD_MAX
    }

    fn add(&self, account: &str, addresses: &[&str], secrets: &Secrets) -> Option<Call> {
        self.post(&suppressions(account)?, addresses, secrets)
    }
}

impl PostmarkSuppressions {
    fn post(&self, path: &str, addresses: &[&str], secrets: &Secrets) -> Option<Call> {
        if addresses.is_empty() || !addresses.iter().all(|one| is_addressable(one)) {
            return None;
        }
        let entries: Vec<_> = addresses.iter().map(|one| json!({ "EmailAddress": one })).collect();
        let mut call = call(Method::POST, path.to_owned(), secrets)?;
        call.body = json!({ "Suppressions": entries }).to_string().into_bytes();
        call.headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        Some(call)
    }
}

/// Ids of streams: nothing else may come into a path.
fn is_stream(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

fn suppressions(stream: &str) -> Option<String> {
    is_stream(stream).then(|| format!("/message-streams/{stream}/suppressions"))
}

fn dump(stream: &str) -> Option<String> {
    suppressions(stream).map(|path| format!("{path}/dump"))
}

fn listed(entry: &Json<'_>) -> Option<Listed> {
    let text = |name: &str| entry.get(name).and_then(Json::as_str).unwrap_or_default();
    Some(Listed {
        address: entry.get("EmailAddress")?.as_str()?.to_owned(),
        at: text("CreatedAt").parse().ok(),
        code: Some(text("SuppressionReason").to_owned()).filter(|code| !code.is_empty()),
        message: text("Origin").to_owned(),
        // It holds for one stream; another's mail is delivered.
        partial: false,
    })
}

fn ok_json<'a>(answer: &Answer<'a>) -> Option<Json<'a>> {
    (answer.status == StatusCode::OK).then(|| json::read(answer.body).ok()).flatten()
}

/// A request with the server's token.
fn call(method: Method, path_and_query: String, secrets: &Secrets) -> Option<Call> {
    let token = credentials::secret(secrets.first(SERVER_TOKEN)?)?;
    let headers = vec![
        (header::ACCEPT, HeaderValue::from_static("application/json")),
        (HeaderName::from_static("x-postmark-server-token"), token),
    ];
    Some(Call { method, host: None, path_and_query, headers, body: Vec::new() })
}
