//! BXML: whom it reaches, where it leads, and how those who must not be reached are cut out of it so that the rest
//! stays byte for byte. Names count whatever their case: at worst something goes that would have had no effect.

use dndgate_adapter::{
    AddressKind, Callback, CallbackKind, Channel, Channels, Edit, Known, Place, Quoting, Recipient,
    ReplyGate, ReplyLink, Role, Sending, Unreadable, request::xml, sip,
};
use roxmltree::{Document, Node};
use std::{borrow::Cow, ops::Range};

/// The largest document that is read, in bytes; Bandwidth's own limit is not written down.
const BYTES_MAX: usize = 256 << 10;
/// Verbs and nouns that reach nobody new.
const HARMLESS: [&str; 25] = [
    "bridge",
    "conference",
    "connect",
    "customparam",
    "endpoint",
    "gather",
    "hangup",
    "pause",
    "pauserecording",
    "playaudio",
    "record",
    "redirect",
    "resumerecording",
    "ring",
    "senddtmf",
    "speaksentence",
    "startgather",
    "startrecording",
    "startstream",
    "starttranscription",
    "stopgather",
    "stoprecording",
    "stopstream",
    "stoptranscription",
    "tag",
];
/// Addresses that are told what happened, and whose answer does nothing.
const TOLD: [&str; 9] = [
    "transferdisconnecturl",
    "recordingavailableurl",
    "transcriptionavailableurl",
    "transcriptioneventurl",
    "streameventurl",
    "dtmfurl",
    "eventcallbackurl",
    "eventfallbackurl",
    "partialresultcallback",
];

/// What a document does.
#[derive(Debug, Default)]
pub(crate) struct Instructions {
    verbs: Vec<Verb>,
    links: Vec<(Range<usize>, String, ReplyLink)>,
}

/// Something that reaches people.
#[derive(Debug)]
struct Verb {
    range: Range<usize>,
    /// Each with where it stands; the verb itself where it stands in an attribute.
    people: Vec<(Recipient<'static>, Range<usize>)>,
    /// It also reaches somebody inside.
    others: bool,
    /// Who is asked what to do when it is over.
    next: Option<String>,
}

/// Reads a document of that media type.
///
/// # Errors
/// When it is no BXML, has a DTD, or names somebody who cannot be read with certainty.
pub(crate) fn read(text: &str, media: Option<&str>) -> Result<Instructions, Unreadable> {
    if text.len() > BYTES_MAX {
        return Err(Unreadable::new("the BXML is too large"));
    }
    if !speaks_utf8(text, media) {
        return Err(Unreadable::new("the BXML is not UTF-8"));
    }
    let document = Document::parse(text).map_err(|_| Unreadable::new("it is not XML, or has a DTD"))?;
    let root = document.root_element();
    if !is(root, "Response") && !is(root, "Bxml") {
        return Err(Unreadable::new("the root of the BXML is neither <Response> nor <Bxml>"));
    }
    let mut instructions = Instructions::default();
    for node in root.descendants().filter(Node::is_element).skip(1) {
        instructions.element(node)?;
    }
    Ok(instructions)
}

/// Whatever names a charset names UTF-8, or for a text without others one that has ASCII in it.
fn speaks_utf8(text: &str, media: Option<&str>) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let declaration = text.split("?>").next().filter(|start| start.starts_with("<?xml"));
    [(media, "charset"), (declaration, "encoding")].into_iter().all(|(place, name)| {
        let lower = place.unwrap_or_default().to_ascii_lowercase();
        let Some((_, rest)) = lower.split_once(name) else { return true };
        let rest = rest.trim_start_matches([' ', '=', '"', '\'']);
        let charset = rest.split(['"', '\'', ';', ' ']).next().unwrap_or(rest);
        let has_ascii = ["us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252"].contains(&charset);
        matches!(charset, "utf-8" | "utf8") || text.is_ascii() && has_ascii
    })
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.tag_name().name().eq_ignore_ascii_case(name)
}

fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<(&'a str, Range<usize>)> {
    let found = node.attributes().find(|one| one.name().eq_ignore_ascii_case(name))?;
    Some((found.value(), found.range_value()))
}

fn all_text(node: Node<'_, '_>) -> String {
    node.descendants()
        .filter(Node::is_text)
        .filter_map(|child| child.text())
        .collect::<String>()
        .trim()
        .to_owned()
}

/// A number or a SIP address; `None` for somebody inside.
fn person(address: &str) -> Result<Option<Recipient<'static>>, Unreadable> {
    let is_sip = address.contains(':') || address.contains('@');
    let number = if is_sip { sip::number(address)? } else { Some(address.to_owned()) };
    Ok(number.map(|number| Recipient {
        channels: Channels::of(Channel::Call),
        kind: AddressKind::Phone,
        address: Cow::Owned(number),
        role: Role::To,
        known: Known::Address,
    }))
}

impl Instructions {
    fn element(&mut self, node: Node<'_, '_>) -> Result<(), Unreadable> {
        // What is spoken may be marked up with anything.
        if node.ancestors().skip(1).any(|above| is(above, "SpeakSentence")) {
            return Ok(());
        }
        for attribute in node.attributes() {
            let name = attribute.name().to_ascii_lowercase();
            let kind = match () {
                () if TOLD.contains(&&*name) => ReplyLink::Status,
                () if name.ends_with("url") => ReplyLink::Document,
                () => continue,
            };
            self.link(attribute.range_value(), attribute.value(), kind);
        }
        let name = node.tag_name().name().to_ascii_lowercase();
        match &*name {
            "transfer" | "refer" => self.dials(node),
            "forward" => {
                let (to, _) =
                    attribute(node, "to").ok_or_else(|| Unreadable::new("a <Forward> has no to"))?;
                let person = person(to.trim())?;
                let others = person.is_none();
                let people = person.map(|person| (person, node.range())).into_iter().collect();
                self.verbs.push(Verb { range: node.range(), people, others, next: None });
                Ok(())
            }
            "phonenumber" | "sipuri" => {
                let dials = |verb: Node<'_, '_>| is(verb, "Transfer") || is(verb, "Refer");
                if node.parent_element().is_some_and(dials) {
                    return Ok(());
                }
                Err(Unreadable::new("the BXML names somebody outside of a <Transfer>"))
            }
            "playaudio" => {
                if let Some(text) = node.first_child().filter(Node::is_text) {
                    self.link(text.range(), &all_text(node), ReplyLink::Media);
                }
                Ok(())
            }
            name if HARMLESS.contains(&name) || name == "streamparam" => Ok(()),
            _ => Err(Unreadable::new("the BXML holds a verb that the gateway does not know")),
        }
    }

    fn dials(&mut self, node: Node<'_, '_>) -> Result<(), Unreadable> {
        let (mut people, mut others) = (Vec::new(), false);
        for child in node.children().filter(Node::is_element) {
            if !is(child, "PhoneNumber") && !is(child, "SipUri") {
                return Err(Unreadable::new("the BXML dials something that the gateway does not know"));
            }
            match person(&all_text(child))? {
                Some(person) => people.push((person, child.range())),
                None => others = true,
            }
        }
        let next = attribute(node, "transferCompleteUrl").or_else(|| attribute(node, "referCompleteUrl"));
        let next = next.map(|(url, _)| url.trim().to_owned()).filter(|url| !url.is_empty());
        self.verbs.push(Verb { range: node.range(), people, others, next });
        Ok(())
    }

    fn link(&mut self, range: Range<usize>, url: &str, kind: ReplyLink) {
        let url = url.trim();
        if !url.is_empty() {
            self.links.push((range, url.to_owned(), kind));
        }
    }

    /// As a send: everybody, and every address where Bandwidth asks what to do next.
    pub(crate) fn sending<'a>(self) -> Sending<'a> {
        let people = self.verbs.into_iter().flat_map(|verb| verb.people).map(|(person, _)| person);
        let leads = self.links.into_iter().filter(|(.., kind)| *kind != ReplyLink::Media);
        Sending {
            kind: "call",
            recipients: people.collect(),
            callbacks: leads
                .map(|(range, url, kind)| Callback {
                    url: Cow::Owned(url),
                    place: Place { range, quoting: Quoting::Raw },
                    kind: if kind == ReplyLink::Status {
                        CallbackKind::Status
                    } else {
                        CallbackKind::Document
                    },
                })
                .collect(),
            ..Sending::default()
        }
    }

    /// The edits that leave in the document only whom the gate allows, and lead its links through the gate.
    pub(crate) fn gated(&self, gate: &mut dyn ReplyGate) -> Vec<Edit> {
        let mut edits = Vec::new();
        for verb in &self.verbs {
            let gone: Vec<&Range<usize>> = verb
                .people
                .iter()
                .filter_map(|(person, range)| (!gate.allows(person)).then_some(range))
                .collect();
            if gone.is_empty() {
                continue;
            }
            if gone.len() < verb.people.len() || verb.others {
                edits.extend(gone.into_iter().map(|range| Edit { range: range.clone(), with: Vec::new() }));
                continue;
            }
            // As if nobody had answered.
            let with = verb.next.as_ref().map(|next| {
                format!("<Redirect redirectUrl=\"{}\"/>", xml(&gate.link(next, ReplyLink::Document)))
            });
            edits.push(Edit { range: verb.range.clone(), with: with.unwrap_or_default().into_bytes() });
        }
        for (range, url, kind) in &self.links {
            let next = gate.link(url, *kind);
            if next != *url {
                edits.push(Edit { range: range.clone(), with: xml(&next).into_bytes() });
            }
        }
        // Of edits inside one another the outer one counts.
        edits.sort_by_key(|edit| (edit.range.start, std::cmp::Reverse(edit.range.end)));
        let mut end = 0;
        edits.retain(|edit| {
            let stays = edit.range.start >= end;
            end = end.max(edit.range.end);
            stays
        });
        edits
    }
}
