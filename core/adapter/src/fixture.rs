//! Fixtures: real requests and webhooks in files, with notes on what is to be read in them. For tests.
//!
//! A file holds notes (`# …`), the request line, header fields, a blank line, the body as it is:
//!
//! ```text
//! # one message, as the Python SDK sends it
//! # reaches sms +14155550100
//! POST /v2/messages
//! content-type: application/json
//!
//! {"to":"+14155550100","text":"hello"}
//! ```
//!
//! A file may hold several, each under a line `### title`, which is then its name.
//!
//! Notes of a request: `reaches CHANNEL[+CHANNEL] ADDRESS` (one a recipient), or one of `reaches nobody`,
//! `unrecognised`, `unnamed NAME`, `refused`; further `also unnamed NAME`, `scheduled`, `callback URL`. Notes
//! of a webhook: `says EVENT` (one an event, see [`said`]), or `unreadable`. Other notes are for people.

use crate::{
    Adapter, Event, EventKind, Head, Known, Look, Outbound, Profile, Request, Secrets, Sending, Webhook,
    laws, path,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::path::Path;

/// A request or webhook of a file.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// The file's name.
    pub name: String,
    /// Its notes, without `# `.
    pub notes: Vec<String>,
    /// The method.
    pub method: Method,
    /// Path and query. Where the request is not for the main API host, the path's first segment or the field
    /// `Host` names it.
    pub target: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Fixture {
    /// All fixtures of a folder, by name.
    ///
    /// # Panics
    /// When there is none, or one cannot be read.
    pub fn all(folder: impl AsRef<Path>) -> Vec<Fixture> {
        let folder = folder.as_ref();
        let entries =
            std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files: Vec<_> = entries.map(|entry| entry.expect("a folder's entry").path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{} holds no fixture", folder.display());
        files.iter().flat_map(|file| Fixture::read(file)).collect()
    }

    /// The fixture of that name in a folder, with or without `.http`.
    ///
    /// # Panics
    /// When there is none.
    pub fn named(folder: impl AsRef<Path>, name: &str) -> Fixture {
        let bare = |name: &str| name.trim_end_matches(".http").to_owned();
        let found = Fixture::all(folder).into_iter().find(|one| bare(&one.name) == bare(name));
        found.unwrap_or_else(|| panic!("there is no fixture {name}"))
    }

    fn read(file: &Path) -> Vec<Fixture> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let Some(several) = bytes.strip_prefix(b"### ") else { return vec![Fixture::parse(&name, &bytes)] };
        let text = std::str::from_utf8(several).unwrap_or_else(|_| panic!("{name}: not UTF-8"));
        let one = |one: &str| {
            let (title, one) = one.split_once('\n').unwrap_or_else(|| panic!("{name}: a title alone"));
            let one = one.trim_end_matches('\n');
            let bare = if one.contains("\n\n") { String::new() } else { "\n\n".to_owned() };
            Fixture::parse(title, format!("{one}{bare}").as_bytes())
        };
        text.split("\n### ").map(one).collect()
    }

    /// Reads a fixture's text.
    ///
    /// # Panics
    /// When it is none.
    pub fn parse(name: &str, bytes: &[u8]) -> Fixture {
        let blank = bytes.windows(2).position(|pair| pair == b"\n\n");
        let blank = blank.unwrap_or_else(|| panic!("{name}: no blank line after the header"));
        let head = String::from_utf8(bytes[..blank].to_vec()).unwrap_or_else(|_| panic!("{name}: not UTF-8"));
        let (notes, lines): (Vec<&str>, Vec<&str>) = head.lines().partition(|line| line.starts_with('#'));
        let bad = |what: &str| -> ! { panic!("{name}: bad {what}") };
        // The version, where it stands there, says nothing.
        let mut first = lines.first().map(|line| line.split(' ')).into_iter().flatten();
        let (Some(method), Some(target)) = (first.next(), first.next()) else { bad("request line") };
        let mut headers = HeaderMap::new();
        for line in &lines[1..] {
            let Some((field, value)) = line.split_once(": ") else { bad(line) };
            let (Ok(field), Ok(value)) = (field.parse::<HeaderName>(), value.parse::<HeaderValue>()) else {
                bad(line)
            };
            headers.append(field, value);
        }
        Fixture {
            name: name.to_owned(),
            notes: notes.into_iter().map(|note| note.trim_start_matches("# ").to_owned()).collect(),
            method: method.parse().unwrap_or_else(|_| bad("method")),
            target: target.to_owned(),
            headers,
            body: bytes[blank + 2..].to_vec(),
        }
    }

    /// What notes of that kind say.
    pub fn notes<'f>(&'f self, kind: &'f str) -> impl Iterator<Item = &'f str> {
        self.notes.iter().filter_map(move |note| note.strip_prefix(kind)?.strip_prefix(' '))
    }

    /// Stands that note there?
    pub fn has(&self, note: &str) -> bool {
        self.notes.iter().any(|one| one == note)
    }

    /// The request.
    pub fn request(&self, profile: &Profile) -> Request<'_> {
        let (path, query) =
            self.target.split_once('?').map_or((&*self.target, None), |(path, query)| (path, Some(query)));
        let inside = path.trim_start_matches('/');
        let (first, rest) = inside.split_at(inside.find('/').unwrap_or(inside.len()));
        let is_known = |host: &&str| profile.hosts.iter().any(|pattern| path::host_fits(pattern, host));
        let (host, path) = match Some(first).filter(is_known) {
            Some(first) => (Some(first), rest),
            None => {
                let named = self.headers.get("host").and_then(|host| host.to_str().ok());
                (named.filter(|host| !profile.upstream.ends_with(host)).filter(is_known), path)
            }
        };
        Request {
            head: Head { method: &self.method, host, path, query, headers: &self.headers },
            body: &self.body,
        }
    }

    /// The webhook, as called at `base` and the fixture's target.
    pub fn webhook<T>(&self, base: &str, with: impl FnOnce(Webhook<'_>) -> T) -> T {
        let url = format!("{base}{}", self.target);
        with(Webhook {
            method: &self.method,
            url: &url,
            headers: &self.headers,
            body: &self.body,
            document: None,
        })
    }
}

/// Whom a send reaches, as the notes of fixtures write it: `sms +14155550100`, `whatsapp+call …`, `bcc email …`;
/// of parts that cannot be judged `unreadable` and `unnamed NAME`.
pub fn reached(sending: &Sending<'_>) -> Vec<String> {
    let one = |one: &crate::Recipient<'_>| {
        let channels: Vec<&str> = one.channels.iter().map(|channel| channel.label()).collect();
        let role = match one.role {
            crate::Role::To => "",
            crate::Role::Cc => "cc ",
            crate::Role::Bcc => "bcc ",
        };
        match &one.known {
            Known::Unreadable(_) => "unreadable".to_owned(),
            Known::Unnamed(name) => format!("unnamed {name}"),
            Known::Address | Known::Handle(_) => format!("{role}{} {}", channels.join("+"), one.address),
        }
    };
    sending.recipients.iter().map(one).collect()
}

/// What an event says, as the notes of fixtures write it: `message sms +14155550100 STOP`,
/// `failure sms +14155550100 40300`, `unsubscribe email a@b.c`, `complaint email a@b.c`, `call +14155550100`,
/// `preference fb 123 stop marketing_stop`, `same +1415… US.1349…`, `moved +1415… +1415…`, `other delivered`.
pub fn said(event: &Event<'_>) -> String {
    match &event.kind {
        EventKind::Message { channel, from, spoken, .. } => {
            let meaning = spoken.provider_meaning.map(|meaning| format!(" ({meaning})")).unwrap_or_default();
            format!("message {} {from} {}{meaning}", channel.label(), spoken.texts.join(" | "))
        }
        EventKind::InboundCall { from } => format!("call {from}"),
        EventKind::Failure { channel, to, code, .. } => format!("failure {} {to} {code}", channel.label()),
        EventKind::Unsubscribe { channel, address, .. } => {
            format!("unsubscribe {} {address}", channel.label())
        }
        EventKind::Complaint { channel, address, .. } => format!("complaint {} {address}", channel.label()),
        EventKind::Preference { channel, address, resumes, code, .. } => {
            let wish = if *resumes { "resume" } else { "stop" };
            format!("preference {} {address} {wish} {code}", channel.label())
        }
        EventKind::Same { address, other, .. } => format!("same {address} {other}"),
        EventKind::Moved { from, to, .. } => format!("moved {from} {to}"),
        EventKind::Other(name) => format!("other {name}"),
    }
}

/// Every request of a folder reads as its notes say and obeys the laws, damaged at every place, too.
///
/// # Panics
/// When one does not.
pub fn requests_obey(adapter: &dyn Adapter, folder: impl AsRef<Path>) {
    for fixture in Fixture::all(folder) {
        let request = fixture.request(adapter.profile());
        laws::calm(adapter, &request);
        laws::finality(adapter, &request);
        laws::identity(adapter, &request);
        reads_as_noted(adapter, &fixture);
        if let Some(sending) = laws::sending(adapter, &request)
            && sending.recipients.len() > 1
        {
            for index in 0..sending.recipients.len().min(12) {
                let drop = sending.with_followers(vec![index]);
                if drop.len() < sending.recipients.len() || sending.rest {
                    laws::honesty(adapter, &request, &drop);
                }
            }
        }
        for at in (0..fixture.body.len()).step_by((fixture.body.len() / 256).max(1)) {
            for byte in [b'"', b',', b'}', 0xff] {
                let mut body = fixture.body.clone();
                body[at] = byte;
                laws::calm(adapter, &Request { body: &body, ..request });
            }
        }
    }
}

fn reads_as_noted(adapter: &dyn Adapter, fixture: &Fixture) {
    let request = fixture.request(adapter.profile());
    let name = &fixture.name;
    let read = match adapter.look(&request.head) {
        Ok(Look::Nobody) => Ok(Outbound::Nobody),
        Ok(Look::Unrecognised) => Ok(Outbound::Unrecognised),
        Ok(Look::Body) => adapter.read(&request),
        Err(unreadable) => Err(unreadable),
    };
    let expected: Vec<&str> = fixture.notes("reaches").collect();
    match read {
        Ok(Outbound::Send(sending)) => {
            assert_eq!(reached(&sending), expected, "{name}");
            let unnamed: Vec<&str> = fixture.notes("also unnamed").collect();
            assert_eq!(sending.unnamed.into_iter().collect::<Vec<_>>(), unnamed, "{name}: also unnamed");
            assert_eq!(sending.scheduled, fixture.has("scheduled"), "{name}: scheduled");
            let callbacks: Vec<&str> = fixture.notes("callback").collect();
            assert_eq!(
                sending.callbacks.iter().map(|one| &*one.url).collect::<Vec<_>>(),
                callbacks,
                "{name}"
            );
        }
        Ok(Outbound::Nobody) => assert_eq!(expected, ["nobody"], "{name}"),
        Ok(Outbound::Unnamed(list)) => {
            assert_eq!(fixture.notes("unnamed").collect::<Vec<_>>(), [list], "{name}")
        }
        Ok(Outbound::Unrecognised) => assert!(fixture.has("unrecognised"), "{name} is not recognised"),
        Ok(Outbound::Ask(ask)) => {
            assert_eq!(fixture.notes("asks").collect::<Vec<_>>(), [ask.path_and_query], "{name}");
        }
        Err(unreadable) => assert!(fixture.has("refused"), "{name} is refused: {unreadable}"),
    }
}

/// Every webhook of a folder is believed, says what its notes say and obeys the laws. They were signed at
/// `now`, for `base` and their target, with `secrets`; `wrong` are others. A document that a proof needs stands under
/// its file's name in the folder `documents` beside this one.
///
/// # Panics
/// When one does not.
pub fn webhooks_obey(
    adapter: &dyn Adapter,
    folder: impl AsRef<Path>,
    base: &str,
    (secrets, wrong): (&Secrets, &Secrets),
    now: jiff::Timestamp,
    body_signed: bool,
) {
    let folder = folder.as_ref();
    for fixture in Fixture::all(folder) {
        fixture.webhook(base, |webhook| {
            let document = document(adapter, &webhook, folder);
            let webhook = Webhook { document: document.as_deref(), ..webhook };
            laws::vigilance(adapter, &webhook, secrets, wrong, now, body_signed);
            let authentic = webhook.prove(adapter, secrets, now).expect("proven a moment ago");
            laws::patience(adapter, &authentic);
            let expected: Vec<&str> = fixture.notes("says").collect();
            match adapter.events(&authentic) {
                Ok(events) => {
                    assert_eq!(events.iter().map(said).collect::<Vec<_>>(), expected, "{}", fixture.name)
                }
                Err(unreadable) => assert!(fixture.has("unreadable"), "{}: {unreadable}", fixture.name),
            }
        });
    }
}

/// The document that the proof of a webhook needs.
fn document(adapter: &dyn Adapter, webhook: &Webhook<'_>, folder: &Path) -> Option<Vec<u8>> {
    let ask = adapter.proof_document(webhook).expect("a document of the provider's")?;
    let file = ask.path_and_query.rsplit('/').next().unwrap_or_default();
    let path = folder.with_file_name("documents").join(file);
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}
