//! A request by itself, or a batch of them: each part is judged as if it had come alone.

use super::{Field, Fields, Path, fields};
use crate::{product::Product, sends};
use dndgate_adapter::{Head, Known, Outbound, Recipient, Request, Role, Sending, Unreadable, form};
use http::{HeaderMap, Method};
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeSet};

/// Graph takes 50 parts.
const PARTS_MAX: usize = 50;

/// A request's kind, for records.
pub(crate) const KIND: &str = "batch";

/// What a request is, and for whom.
type Judged = Result<Outbound<'static>, Unreadable>;

/// A batch that was read.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) parts: Vec<Part>,
    /// Its parts' answers come with header fields.
    pub(crate) include_headers: bool,
}

/// One part of a batch.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its path, for errors.
    pub(crate) path: String,
    judged: Judged,
    /// Whom it reaches; what is not certain has a place there, too.
    recipients: Vec<Recipient<'static>>,
    name: Option<String>,
    /// The names of parts whose answers it uses.
    uses: Vec<String>,
    account: Option<String>,
}

/// See [`dndgate_adapter::Adapter::read`].
///
/// # Errors
/// When the recipients cannot be read with certainty.
pub(crate) fn read<'a>(home: Product, request: &Request<'_>) -> Result<Outbound<'a>, Unreadable> {
    if fields::is_read(&request.head) {
        return Ok(Outbound::Nobody);
    }
    if !fields::is_file(request) {
        return parameters(home, request);
    }
    // What is asked stands in path and query.
    match parameters(home, &Request { body: b"", ..*request })? {
        Outbound::Nobody => Ok(Outbound::Nobody),
        _ => Err(Unreadable::new("a body of this media type is not read here: send JSON or a form")),
    }
}

fn parameters<'a>(home: Product, request: &Request<'_>) -> Result<Outbound<'a>, Unreadable> {
    let path = Path::read(request.head.path)?;
    let fields = Fields::read(request)?;
    let Some(batch) = fields.get("batch") else { return single(home, &path, request, &fields) };
    if ["recipient", "to", "message"].iter().any(|name| fields.has(name)) {
        return Err(Unreadable::new("a batch and a message in one request"));
    }
    let sending = Batch::of(home, batch, &fields)?.sending();
    Ok(if sending.recipients.is_empty() { Outbound::Nobody } else { Outbound::Send(sending) })
}

/// The batch in a request that was read as one.
pub(crate) fn again(home: Product, request: &Request<'_>) -> Option<Batch> {
    let fields = Fields::read(request).ok()?;
    Batch::of(home, fields.get("batch")?, &fields).ok()
}

fn single<'a>(
    home: Product,
    path: &Path<'_>,
    request: &Request<'_>,
    fields: &Fields,
) -> Result<Outbound<'a>, Unreadable> {
    let said = fields.word("method")?;
    let method = said.clone().unwrap_or_else(|| request.head.method.as_str().to_ascii_lowercase());
    let reads = ["get", "head", "options", "delete"].contains(&method.as_str());
    // Nobody writes a read that would be a message if it were none.
    let names = said.is_none() && (fields.has("recipient") || fields.has("to"));
    if method == "delete" && names {
        return Err(Unreadable::new("a removal with the parameters of a message"));
    }
    let told = names || said.is_none() && method != "delete" && !request.body.trim_ascii().is_empty();
    let odd = reads && told;
    if reads && !odd {
        return Ok(Outbound::Nobody);
    }
    if fields.has("ids") {
        // Several nodes at once: for reads only, as far as anybody knows.
        return Ok(Outbound::Unrecognised);
    }
    match sends::judge(home, path, fields)? {
        Outbound::Nobody | Outbound::Unrecognised if odd => Ok(Outbound::Nobody),
        _ if odd => Err(Unreadable::new("a read with the parameters of a message")),
        Outbound::Send(sending) => {
            Ok(Outbound::Send(Sending { sender: path.node().to_owned().into(), ..sending }))
        }
        other => Ok(other),
    }
}

impl Batch {
    fn of(home: Product, batch: &Field, fields: &Fields) -> Result<Batch, Unreadable> {
        let Field::Json(Value::Array(items)) = batch else {
            return Err(Unreadable::new("batch is not an array of requests"));
        };
        if items.len() > PARTS_MAX {
            return Err(Unreadable::new("a batch has 50 requests at the most"));
        }
        let include_headers = fields.word("include_headers").ok().flatten();
        Ok(Batch {
            parts: items.iter().map(|item| Part::of(home, item)).collect(),
            include_headers: !include_headers.is_some_and(|word| word == "false" || word == "0"),
        })
    }

    /// For each recipient of the whole batch, its part.
    pub(crate) fn homes(&self) -> Vec<usize> {
        let each = self.parts.iter().enumerate();
        each.flat_map(|(index, part)| vec![index; part.recipients.len()]).collect()
    }

    /// The parts that go when these recipients go, and those that use their answers.
    pub(crate) fn gone(&self, drop: &[usize]) -> BTreeSet<usize> {
        let homes = self.homes();
        self.closed(drop.iter().filter_map(|index| homes.get(*index).copied()).collect())
    }

    fn closed(&self, mut gone: BTreeSet<usize>) -> BTreeSet<usize> {
        loop {
            let lost =
                |name: &String| gone.iter().any(|index| self.parts[*index].name.as_ref() == Some(name));
            let more: Vec<usize> = (0..self.parts.len())
                .filter(|index| !gone.contains(index) && self.parts[*index].uses.iter().any(lost))
                .collect();
            if more.is_empty() {
                return gone;
            }
            gone.extend(more);
        }
    }

    fn sending<'a>(&self) -> Sending<'a> {
        let mut sending = Sending { kind: KIND, ..Sending::default() };
        for part in &self.parts {
            sending.rest |= part.recipients.is_empty();
            sending.recipients.extend(part.recipients.iter().cloned());
            if let (Some(account), false) = (&part.account, matches!(part.judged, Ok(Outbound::Nobody))) {
                sending.accounts.push(account.clone().into());
            }
        }
        let homes = self.homes();
        for (leader, home) in homes.iter().enumerate() {
            let gone = self.closed(BTreeSet::from([*home]));
            let followers =
                homes.iter().enumerate().filter(|(index, home)| *index != leader && gone.contains(home));
            sending.follows.extend(followers.map(|(follower, _)| (follower, leader)));
        }
        sending
    }
}

impl Part {
    fn of(home: Product, item: &Value) -> Part {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        let url = text("relative_url");
        let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
        let judged = judge(home, item, path, query);
        let mut uses = used(url);
        uses.extend(used(text("body")));
        match item.get("depends_on") {
            Some(Value::String(one)) => uses.extend(one.split(',').map(|one| one.trim().to_owned())),
            Some(Value::Array(all)) => uses.extend(all.iter().filter_map(Value::as_str).map(str::to_owned)),
            _ => {}
        }
        let account = Path::read(path).ok().and_then(|path| home.account(&path));
        Part {
            path: path.to_owned(),
            recipients: recipients(home, &judged),
            judged,
            name: item.get("name").and_then(Value::as_str).map(str::to_owned),
            uses,
            account,
        }
    }
}

/// Whom a part reaches.
fn recipients(home: Product, judged: &Judged) -> Vec<Recipient<'static>> {
    let odd = |known| {
        let (channels, kind) = home.usual();
        vec![Recipient { channels, kind, address: "".into(), role: Role::To, known }]
    };
    match judged {
        Ok(Outbound::Send(sending)) => match sending.unnamed {
            None => sending.recipients.to_vec(),
            Some(name) => odd(Known::Unnamed(name)),
        },
        Ok(Outbound::Nobody) => Vec::new(),
        Ok(Outbound::Unnamed(name)) => odd(Known::Unnamed(name)),
        Ok(Outbound::Ask(_) | Outbound::Unrecognised) => {
            odd(Known::Unreadable(Unreadable::new("the gateway does not know this endpoint in a batch")))
        }
        Err(why) => odd(Known::Unreadable(why.clone())),
    }
}

/// What a part may hold.
const KEYS: [&str; 9] = [
    "method",
    "relative_url",
    "body",
    "headers",
    "name",
    "depends_on",
    "omit_response_on_success",
    "attached_files",
    "access_token",
];

fn judge(home: Product, item: &Value, path: &str, query: Option<&str>) -> Judged {
    let members = item.as_object().ok_or(Unreadable::new("a part of the batch is not an object"))?;
    let text = |key: &str| match members.get(key) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(Unreadable::new(format!("{key} of a part of the batch is no text"))),
    };
    let misspelt = |key: &str| {
        let meant = key.trim().replace('-', "_").to_ascii_lowercase();
        meant != key && KEYS.contains(&&*meant)
    };
    if members.keys().any(|key| misspelt(key)) || path.contains("://") || path.contains('#') {
        return Err(Unreadable::new("a part of the batch can be read in several ways"));
    }
    // A server that honours such a field reads another method than the part says.
    if members
        .get("headers")
        .is_some_and(|fields| fields.to_string().to_ascii_lowercase().contains("-method"))
    {
        return Err(Unreadable::new("a part of the batch holds a header field that overrides its method"));
    }
    let (url, body) = (text("relative_url")?, text("body")?);
    let method: Method = match text("method")? {
        "" => Method::GET,
        word => word.trim().to_ascii_uppercase().parse().map_err(|_| Unreadable::new("method is no word"))?,
    };
    let headers = HeaderMap::new();
    let head = Head { method: &method, host: None, path, query, headers: &headers };
    if body.is_empty() && fields::is_read(&head) {
        return Ok(Outbound::Nobody);
    }
    let segments = Path::read(path)?;
    let request = Request { head, body: body.as_bytes() };
    let read = Fields::read(&request)?;
    if method == Method::GET && !body.is_empty() && !read.has("method") {
        return Err(Unreadable::new("a part of the batch reads, and has a body"));
    }
    if read.has("batch") {
        return Err(Unreadable::new("a batch in a batch"));
    }
    let borrows = |text: &str| !used(text).is_empty();
    if borrows(path) {
        return Err(Unreadable::new("where it goes comes from another part's answer"));
    }
    let judged = single(home, &segments, &request, &read)?;
    if (borrows(url) || borrows(body)) && judged != Outbound::Nobody {
        return Err(Unreadable::new("whom it reaches may come from another part's answer"));
    }
    Ok(judged)
}

/// The names in `{result=NAME:…}`.
fn used(text: &str) -> Vec<String> {
    let decoded = form::decode(text).unwrap_or(Cow::Borrowed(text)).into_owned();
    let each = decoded.match_indices("{result=").map(|(at, found)| {
        let rest = &decoded[at + found.len()..];
        rest[..rest.find([':', '}']).unwrap_or(rest.len())].to_owned()
    });
    each.collect()
}
