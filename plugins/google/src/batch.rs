//! `/batch`: many calls in one `multipart/mixed` body, each an HTTP request of its own ("Batching requests", the
//! client libraries' documentation).
//!
//! Each part gets a verdict of its own. Parts that may not go are taken out, and their answers are put among
//! Google's own. Google's clients write these bodies with either kind of line end; whatever else two readers could
//! see differently makes the part, or where the parts lie, unreadable.

use crate::{
    Service,
    call::{self, Call},
    refuse,
};
use dndgate_adapter::{
    AddressKind, Answer, CannotTrim, Channel, Edit, Known, Outbound, Recipient, Refused, Reply, Request,
    Role, Sending, Unreadable, json, multipart,
};
use http::{HeaderValue, Method, StatusCode, header};
use std::{borrow::Cow, ops::Range};

/// What it is in [`Sending::kind`].
pub(crate) const KIND: &str = "batch";
/// The most calls in one batch ("Batching requests").
const PARTS_MAX: usize = 1000;
/// Fields of a part that make another request of it.
const ODD_FIELDS: [&str; 7] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "transfer-encoding",
    "content-encoding",
    "content-range",
    "expect",
];

/// Is the call a batch?
pub(crate) fn is_one(call: &Call<'_>) -> bool {
    let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    let named = call.path.split_at_checked("/batch".len());
    call.method == Method::POST
        && named.is_some_and(|(first, rest)| first.eq_ignore_ascii_case("/batch") && is_below(rest))
}

/// Whom a batch reaches: a recipient for each part that reaches somebody or cannot be judged.
pub(crate) fn read<'a>(service: &Service, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let mut sending = Sending { kind: KIND, ..Sending::default() };
    for part in parts(request)? {
        let judged = judge(service, &part);
        match judged {
            Judged::Nobody => sending.rest = true,
            Judged::Somebody(recipient, account) => {
                sending.recipients.push(recipient);
                sending.accounts.extend(account);
            }
        }
    }
    Ok(if sending.recipients.is_empty() { Outbound::Nobody } else { Outbound::Send(sending) })
}

/// The edits that take parts out.
pub(crate) fn trim(
    service: &Service,
    request: &Request<'_>,
    drop: &[usize],
) -> Result<Vec<Edit>, CannotTrim> {
    if !is_one(&Call::of(&request.head, request.body)) {
        return if drop.is_empty() {
            Ok(Vec::new())
        } else {
            Err(CannotTrim("it reaches one person".into()))
        };
    }
    let parts = parts(request).map_err(|unreadable| CannotTrim(unreadable.message))?;
    let sends = sends(service, &parts);
    let gone = drop.iter().filter_map(|index| sends.get(*index));
    Ok(gone.map(|at| Edit { range: parts[*at].whole.clone(), with: Vec::new() }).collect())
}

/// The answer to a batch of which nothing is left.
pub(crate) fn refuse_each(
    service: &Service,
    request: &Request<'_>,
    refused: &[Refused<'_>],
) -> Option<Reply> {
    if !is_one(&Call::of(&request.head, request.body)) {
        return None;
    }
    let parts = parts(request).ok()?;
    let sends = sends(service, &parts);
    let boundary = "batch_dndgate";
    let mut body = Vec::new();
    for one in refused {
        body.extend(answer_to(parts.get(*sends.get(one.index)?)?, one, boundary));
    }
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    let media = HeaderValue::from_static("multipart/mixed; boundary=batch_dndgate");
    Some(Reply { status: StatusCode::OK, headers: vec![(header::CONTENT_TYPE, media)], body })
}

/// Google's answer with those of the parts that were taken out, each in its place.
pub(crate) fn stitch(
    service: &Service,
    request: &Request<'_>,
    refused: &[Refused<'_>],
    answer: &Answer<'_>,
) -> Option<Vec<u8>> {
    if !answer.status.is_success() {
        return None;
    }
    let boundary = multipart::boundary(answer.headers.get(header::CONTENT_TYPE)?.to_str().ok()?).ok()?;
    let delimiters = delimiters(boundary, answer.body).ok()?;
    let (end, answered) = delimiters.split_last()?;
    let parts = parts(request).ok()?;
    let sends = sends(service, &parts);
    let gone: Vec<(usize, &Refused<'_>)> =
        refused.iter().map(|one| Some((*sends.get(one.index)?, one))).collect::<Option<_>>()?;
    let in_order = answered.len() + gone.len() == parts.len();
    let mut out = answer.body[..answered.first().unwrap_or(end).start].to_vec();
    let mut theirs = answered.iter().enumerate();
    let mut copy = |out: &mut Vec<u8>| {
        if let Some((index, one)) = theirs.next() {
            let until = answered.get(index + 1).unwrap_or(end).start;
            out.extend_from_slice(&answer.body[one.start..until]);
        }
    };
    // What cannot be placed stands at the end: clients go by Content-ID.
    let places = if in_order { parts.len() } else { answered.len() };
    for place in 0..places {
        match gone.iter().find(|(at, _)| in_order && *at == place) {
            Some((at, one)) => out.extend(answer_to(&parts[*at], one, boundary)),
            None => copy(&mut out),
        }
    }
    if !in_order {
        for (at, one) in &gone {
            out.extend(answer_to(&parts[*at], one, boundary));
        }
    }
    out.extend_from_slice(&answer.body[end.start..]);
    Some(out)
}

/// What a part does.
enum Judged<'a> {
    Nobody,
    Somebody(Recipient<'a>, Option<Cow<'a, str>>),
}

fn judge<'a>(service: &Service, part: &Part<'a>) -> Judged<'a> {
    let read = part.call.as_ref().map_err(Clone::clone).and_then(|call| {
        call::refuse_override(call.query)?;
        match call::read(service, call)? {
            Outbound::Nobody => Ok(Judged::Nobody),
            Outbound::Send(mut sending) => {
                let account = call::account(service, call.query.unwrap_or_default())?;
                let recipient = sending.recipients.pop();
                Ok(recipient.map_or(Judged::Nobody, |recipient| Judged::Somebody(recipient, account)))
            }
            _ => Err(Unreadable::new(
                "the gateway does not know this endpoint. In a batch the paths must be the API's own: where they \
                 begin with the gateway's prefix, give the provider a port or a host of its own (listen, host)",
            )),
        }
    });
    read.unwrap_or_else(|why| {
        let (channel, kind): (Channel, AddressKind) = service.way;
        let known = Known::Unreadable(why);
        let address = Cow::Borrowed("");
        Judged::Somebody(Recipient { channels: channel.into(), kind, address, role: Role::To, known }, None)
    })
}

/// Which parts stand behind the recipients, in their order.
fn sends(service: &Service, parts: &[Part<'_>]) -> Vec<usize> {
    let is_send = |part: &Part<'_>| matches!(judge(service, part), Judged::Somebody(..));
    parts.iter().enumerate().filter(|(_, part)| is_send(part)).map(|(index, _)| index).collect()
}

/// The answer to a part that was refused.
fn answer_to(part: &Part<'_>, refused: &Refused<'_>, boundary: &str) -> Vec<u8> {
    let (status, body) = refuse::error(&refused.refusal);
    let body = body.to_string();
    let id = part.id.map(|id| match id.strip_prefix('<') {
        Some(bare) => format!("Content-ID: <response-{bare}\r\n"),
        None => format!("Content-ID: response-{id}\r\n"),
    });
    format!(
        "--{boundary}\r\nContent-Type: application/http\r\n{}\r\nHTTP/1.1 {} {}\r\n\
         Content-Type: application/json; charset=UTF-8\r\nContent-Length: {}\r\n\r\n{body}\r\n",
        id.unwrap_or_default(),
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
    )
    .into_bytes()
}

/// A part of a batch.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// From its delimiter to the next one.
    whole: Range<usize>,
    /// Its `Content-ID`.
    pub(crate) id: Option<&'a str>,
    pub(crate) call: Result<Call<'a>, Unreadable>,
}

/// The parts of a batch.
///
/// # Errors
/// When two readers could disagree about where they lie.
pub(crate) fn parts<'a>(request: &Request<'a>) -> Result<Vec<Part<'a>>, Unreadable> {
    let content_type = request.head.header("content-type").unwrap_or_default();
    if request.head.media_type().as_deref() != Some("multipart/mixed") {
        return Err(Unreadable::new("send a batch as multipart/mixed"));
    }
    let delimiters = delimiters(multipart::boundary(content_type)?, request.body)?;
    if delimiters.len() > PARTS_MAX + 1 {
        return Err(Unreadable::new("more calls than a batch takes (1,000)"));
    }
    let pairs = delimiters.iter().zip(&delimiters[1..]);
    let parts: Vec<Part<'_>> = pairs
        .map(|(begin, next)| {
            let content = &request.body[begin.end..next.start];
            // The line end before a delimiter is its own.
            let content =
                content.strip_suffix(b"\n").map_or(content, |cut| cut.strip_suffix(b"\r").unwrap_or(cut));
            let (id, call) = match part(content) {
                Ok((id, call)) => (id, call),
                Err(why) => (None, Err(why)),
            };
            Part { whole: begin.start..next.start, id, call }
        })
        .collect();
    if parts.is_empty() { Err(Unreadable::new("the batch holds no call")) } else { Ok(parts) }
}

/// Where the delimiters stand, each with its line end; the last is the closing one.
fn delimiters(boundary: &str, body: &[u8]) -> Result<Vec<Range<usize>>, Unreadable> {
    let bad = |why: &'static str| Unreadable::new(format!("the multipart body: {why}"));
    let delimiter = format!("--{boundary}");
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut eol: Option<&[u8]> = None;
    let mut closed = false;
    for at in memchr::memmem::find_iter(body, delimiter.as_bytes()) {
        if closed {
            return Err(bad("something follows its end"));
        }
        let after = &body[at + delimiter.len()..];
        closed = after.starts_with(b"--");
        let after = if closed { &after[2..] } else { after };
        let own: &[u8] = match after {
            [b'\r', b'\n', ..] => b"\r\n",
            [b'\n', ..] => b"\n",
            [] if closed => eol.unwrap_or(b""),
            _ => return Err(bad("its boundary stands where no delimiter is")),
        };
        let eol = *eol.get_or_insert(own);
        let is_at_line = if at == 0 { found.is_empty() } else { body[..at].ends_with(eol) };
        if own != eol || !is_at_line || eol == b"\n" && body[..at].ends_with(b"\r\n") {
            return Err(bad("its lines end in different ways"));
        }
        let end = at + delimiter.len() + if closed { 2 } else { eol.len() };
        found.push(at..end);
    }
    let (Some(first), Some(last), true) = (found.first(), found.last(), closed) else {
        return Err(bad("it has no end"));
    };
    if !body[..first.start].trim_ascii().is_empty() || !body[last.end..].trim_ascii().is_empty() {
        return Err(bad("there is text before its first or after its last delimiter"));
    }
    Ok(found)
}

type Fields<'a> = Vec<(&'a str, &'a str)>;

/// A part: fields that say that it is a request, and the request.
#[allow(clippy::type_complexity)]
fn part(content: &[u8]) -> Result<(Option<&str>, Result<Call<'_>, Unreadable>), Unreadable> {
    let (lines, inside) = header(content)?;
    let fields = fields(&lines)?;
    let id = one(&fields, "content-id")?;
    let media = one(&fields, "content-type")?.unwrap_or_default();
    if !media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/http") {
        return Ok((id, Err(Unreadable::new("a part of the batch is no application/http"))));
    }
    let coding = one(&fields, "content-transfer-encoding")?.unwrap_or("binary");
    if !["binary", "7bit", "8bit"].iter().any(|plain| coding.eq_ignore_ascii_case(plain)) {
        return Ok((id, Err(Unreadable::new("a part of the batch is encoded"))));
    }
    if let Some(length) = one(&fields, "content-length")?
        && !is_length(length, inside)
    {
        return Ok((id, Err(Unreadable::new("the Content-Length of a part is not true"))));
    }
    Ok((id, request(inside)))
}

/// The request inside a part.
fn request(inside: &[u8]) -> Result<Call<'_>, Unreadable> {
    let bad = |why: &'static str| Unreadable::new(why);
    let (lines, body) = header(inside)?;
    let (line, lines) = lines.split_first().ok_or_else(|| bad("a part of the batch holds no request"))?;
    let words: Vec<&str> = line.split(' ').collect();
    let (method, target) = match words[..] {
        [method, target] | [method, target, "HTTP/1.1" | "HTTP/1.0"] => (method, target),
        _ => return Err(bad("the first line of a part is no request line")),
    };
    let is_name = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let method = Method::from_bytes(method.as_bytes()).ok().filter(|_| is_name);
    let method = method.ok_or_else(|| bad("the method of a part is none"))?;
    if !target.starts_with('/') || target.contains('#') || !target.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(bad("a part of the batch must name the path alone"));
    }
    let fields = fields(lines)?;
    if let Some(odd) =
        ODD_FIELDS.iter().find(|odd| fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(odd)))
    {
        return Err(Unreadable::new(format!("a part of the batch holds {odd}")));
    }
    let media = one(&fields, "content-type")?;
    let body = match one(&fields, "content-length")? {
        Some(length) if is_length(length, body) => body,
        Some(_) => return Err(bad("the Content-Length of a part is not true")),
        // Without a length there is no body for some readers, and what stands there is the next request (RFC 9112,
        // section 10.2: such a part may hold several).
        None if body.trim_ascii().is_empty() || json::read(body.trim_ascii()).is_ok() => body,
        None => {
            return Err(bad(
                "something that is no JSON follows the header of a part: give its Content-Length",
            ));
        }
    };
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let call = Call { method, path, query, media: Ok(media), body };
    if is_one(&call) { Err(bad("a batch stands inside the batch")) } else { Ok(call) }
}

/// Is that the length of these bytes, but for line ends behind them?
fn is_length(length: &str, bytes: &[u8]) -> bool {
    let is_digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    let Some(length) = length.parse::<usize>().ok().filter(|length| is_digits && *length <= bytes.len())
    else {
        return false;
    };
    bytes[length..].iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}

/// The lines up to the first empty one, and what follows it. All end in the same way.
fn header(bytes: &[u8]) -> Result<(Vec<&str>, &[u8]), Unreadable> {
    let bad = |why: &'static str| Unreadable::new(why);
    let first = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let eol: &[u8] = if bytes[..first].ends_with(b"\r") { b"\r\n" } else { b"\n" };
    let mut lines = Vec::new();
    let mut rest = bytes;
    loop {
        let end = memchr::memmem::find(rest, eol);
        let line = &rest[..end.unwrap_or(rest.len())];
        let line = std::str::from_utf8(line).map_err(|_| bad("a line of a part's header is not UTF-8"))?;
        rest = end.map_or(&[], |end| &rest[end + eol.len()..]);
        if line.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(bad("the lines of a part's header end in different ways"));
        }
        if line.is_empty() {
            return Ok((lines, rest));
        }
        lines.push(line);
        if end.is_none() {
            return Ok((lines, rest));
        }
    }
}

fn fields<'a>(lines: &[&'a str]) -> Result<Fields<'a>, Unreadable> {
    let field = |line: &&'a str| {
        let (name, value) = line.split_once(':')?;
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        is_name.then(|| (name, value.trim()))
    };
    let read: Option<Fields<'a>> = lines.iter().map(field).collect();
    read.ok_or_else(|| Unreadable::new("a line of a part's header is no field"))
}

/// The only field of that name.
fn one<'a>(fields: &Fields<'a>, name: &str) -> Result<Option<&'a str>, Unreadable> {
    let mut found = fields.iter().filter(|(one, _)| one.eq_ignore_ascii_case(name));
    let first = found.next().map(|(_, value)| *value);
    match found.next() {
        None => Ok(first),
        Some(_) => Err(Unreadable::new(format!("a part of the batch holds {name} twice"))),
    }
}
