//! TwiML: whom it reaches, where it leads, and how those who must not be reached are cut out of it so that
//! the rest stays byte for byte.
//!
//! Names are compared without case, and elements count by their local name: Twilio takes only its own
//! spelling, so that at worst something is taken out that would have had no effect.

use crate::address::{self, Way};
use dndgate_adapter::{
    Callback, CallbackKind, Channel, Edit, Place, Quoting, Recipient, ReplyGate, ReplyLink, Unreadable,
    form::Pair, request::xml,
};
use roxmltree::{Attribute, Document, Node};
use std::{borrow::Cow, ops::Range};

/// The largest document that is read, in bytes; Twilio takes 64 KiB.
pub(crate) const BYTES_MAX: usize = 256 << 10;

/// The person at the other end, whom `<Message>` and `<Sms>` without `to` reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Other<'a> {
    /// This address.
    Person(&'a str),
    /// Somebody whom the request does not name.
    Unknown,
}

/// Where a document is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Context<'a> {
    /// The other end.
    pub(crate) other: Other<'a>,
    /// In a call, where an `<Sms>` hands over to its `action`.
    pub(crate) voice: bool,
}

/// What a document does.
#[derive(Debug, Default)]
pub(crate) struct Twiml {
    /// Verbs that reach somebody.
    verbs: Vec<Verb>,
    /// Whom they reach.
    pub(crate) nouns: Vec<Noun>,
    /// Where it leads.
    links: Vec<Link>,
}

#[derive(Debug)]
struct Verb {
    range: Range<usize>,
    /// It also reaches somebody inside (a softphone, a queue).
    has_others: bool,
    /// What happens after it, if it says so: the address and the method.
    action: Option<(String, &'static str)>,
}

/// One person that a verb reaches.
#[derive(Debug)]
pub(crate) struct Noun {
    pub(crate) recipient: Recipient<'static>,
    verb: usize,
    /// What goes when the person goes and the verb stays.
    cuts: Vec<Range<usize>>,
}

#[derive(Debug)]
struct Link {
    range: Range<usize>,
    url: String,
    kind: ReplyLink,
}

/// Reads a document.
///
/// # Errors
/// When it does not parse, has a DTD, or names somebody who cannot be read with certainty.
pub(crate) fn read(text: &str, context: Context<'_>) -> Result<Twiml, Unreadable> {
    if text.len() > BYTES_MAX {
        return Err(Unreadable::new("the TwiML is too large"));
    }
    let document =
        Document::parse(text).map_err(|_| Unreadable::new("the TwiML is not XML, or has a DTD"))?;
    if !is(document.root_element(), "Response") {
        return Err(Unreadable::new("the XML is not TwiML: its root is not <Response>"));
    }
    let mut reader = Reader { text, context, twiml: Twiml::default() };
    for node in document.descendants().filter(Node::is_element) {
        reader.element(node)?;
    }
    Ok(reader.twiml)
}

/// Where a document's first verb stands, or would stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Here.
    Inside(usize),
    /// It has none, and no place for one.
    Empty,
}

/// Where a further verb belongs that is run before all others. `None`: it is no TwiML.
pub(crate) fn start_of_response(text: &str) -> Option<Start> {
    let document = Document::parse(text).ok()?;
    let root = document.root_element();
    let first = root.first_child().map(|child| child.range().start);
    is(root, "Response").then(|| first.map_or(Start::Empty, Start::Inside))
}

struct Reader<'t, 'c> {
    text: &'t str,
    context: Context<'c>,
    twiml: Twiml,
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.tag_name().name().eq_ignore_ascii_case(name)
}

impl Reader<'_, '_> {
    fn element(&mut self, node: Node<'_, '_>) -> Result<(), Unreadable> {
        for attribute in node.attributes() {
            if let Some(kind) = link_kind(node, &attribute) {
                self.link(attribute.range_value(), attribute.value(), kind);
            }
        }
        if is(node, "Message") || is(node, "Sms") {
            self.message(node)
        } else if is(node, "Dial") || is(node, "Refer") {
            self.dial(node)
        } else if is_person(node)
            && !node.parent_element().is_some_and(|verb| is(verb, "Dial") || is(verb, "Refer"))
        {
            // Nobody knows what it would do there.
            let verb = self.verb(node, None);
            self.noun(node, verb)
        } else {
            let kind = match () {
                () if is(node, "Redirect") => ReplyLink::Document,
                () if is(node, "Play") || is(node, "Media") => ReplyLink::Media,
                () => return Ok(()),
            };
            if let Some(range) = self.content(node)
                && node.children().all(|child| child.is_text())
            {
                self.link(range, &all_text(node), kind);
            }
            Ok(())
        }
    }

    fn message(&mut self, node: Node<'_, '_>) -> Result<(), Unreadable> {
        let mut named = false;
        let action = if is(node, "Sms") && self.context.voice { action(node) } else { None };
        let verb = self.verb(node, action);
        for attribute in node.attributes() {
            if attribute.name().eq_ignore_ascii_case("to") && !attribute.value().trim().is_empty() {
                named = true;
                let to = Cow::Owned(attribute.value().trim().to_owned());
                self.addressee(node, address::read(&to, Way::Message)?, verb);
            }
        }
        if named {
            return Ok(());
        }
        match self.context.other {
            // Who is no person to us (a short code, an anonymous caller) has said nothing either.
            Other::Person(other) => {
                let other = Cow::Owned(other.to_owned());
                self.addressee(node, address::read(&other, Way::Message).unwrap_or(None), verb);
                Ok(())
            }
            Other::Unknown => {
                Err(Unreadable::new("a message in the TwiML does not say to whom: give it a `to`"))
            }
        }
    }

    /// The person whom a message reaches; it goes as a whole. `<Sms>` is one whatever the address says.
    fn addressee(&mut self, node: Node<'_, '_>, person: Option<Recipient<'static>>, verb: usize) {
        let person = person.map(|mut person| {
            if is(node, "Sms") {
                person.channels = person.channels.with(Channel::Sms.into());
            }
            person
        });
        self.person(person, verb, vec![node.range()]);
    }

    fn dial(&mut self, node: Node<'_, '_>) -> Result<(), Unreadable> {
        let verb = self.verb(node, action(node));
        let text: String =
            node.children().filter(|child| child.is_text()).filter_map(|child| child.text()).collect();
        if !text.trim().is_empty() {
            let end = self.end_tag(node);
            let cuts = (node.children().filter(|child| child.is_text()))
                .map(|child| child.range().start..child.next_sibling().map_or(end, |next| next.range().start))
                .collect();
            let number = Cow::Owned(text.trim().to_owned());
            match address::read(&number, Way::Call)? {
                Some(person) => self.person(Some(person), verb, cuts),
                None => self.twiml.verbs[verb].has_others = true,
            }
        }
        for child in node.children().filter(Node::is_element) {
            if is_person(child) {
                self.noun(child, verb)?;
            } else if ["Client", "Conference", "Queue", "Application", "Sim"]
                .iter()
                .any(|name| is(child, name))
            {
                self.twiml.verbs[verb].has_others = true;
            } else {
                return Err(Unreadable::new("the TwiML dials something that the gateway does not know"));
            }
        }
        Ok(())
    }

    fn noun(&mut self, node: Node<'_, '_>, verb: usize) -> Result<(), Unreadable> {
        let text: Cow<'_, str> = Cow::Owned(all_text(node).trim().to_owned());
        if text.is_empty() {
            return Ok(());
        }
        let person = if is(node, "WhatsApp") {
            address::whatsapp_call(&text)?
        } else if is(node, "Sip") && !text.contains("sip:") && !text.contains("sips:") {
            address::sip(&text, Way::Call)?
        } else {
            address::read(&text, Way::Call)?
        };
        match person {
            Some(person) => self.person(Some(person), verb, vec![node.range()]),
            None => self.twiml.verbs[verb].has_others = true,
        }
        Ok(())
    }

    fn verb(&mut self, node: Node<'_, '_>, action: Option<(String, &'static str)>) -> usize {
        self.twiml.verbs.push(Verb { range: node.range(), has_others: false, action });
        self.twiml.verbs.len() - 1
    }

    fn person(&mut self, recipient: Option<Recipient<'static>>, verb: usize, cuts: Vec<Range<usize>>) {
        self.twiml.nouns.extend(recipient.map(|recipient| Noun { recipient, verb, cuts }));
    }

    fn link(&mut self, range: Range<usize>, url: &str, kind: ReplyLink) {
        let url = url.trim();
        if !url.is_empty() && is_web(url) {
            self.twiml.links.push(Link { range, url: url.to_owned(), kind });
        }
    }

    /// What stands between an element's tags.
    fn content(&self, node: Node<'_, '_>) -> Option<Range<usize>> {
        Some(node.first_child()?.range().start..self.end_tag(node))
    }

    fn end_tag(&self, node: Node<'_, '_>) -> usize {
        self.text[..node.range().end].rfind("</").unwrap_or(node.range().end)
    }
}

/// Nouns of `<Dial>` that are persons outside.
fn is_person(node: Node<'_, '_>) -> bool {
    is(node, "Number") || is(node, "Sip") || is(node, "WhatsApp")
}

fn all_text(node: Node<'_, '_>) -> String {
    node.descendants().filter(|child| child.is_text()).filter_map(|child| child.text()).collect()
}

fn action(node: Node<'_, '_>) -> Option<(String, &'static str)> {
    let action = node.attribute("action").map(str::trim).filter(|action| !action.is_empty())?;
    let is_get = node.attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("GET"));
    Some((action.to_owned(), if is_get { "GET" } else { "POST" }))
}

/// What an attribute leads to.
fn link_kind(node: Node<'_, '_>, attribute: &Attribute<'_, '_>) -> Option<ReplyLink> {
    let name = attribute.name();
    let is_any = |names: &[&str]| names.iter().any(|one| name.eq_ignore_ascii_case(one));
    if is_any(&["action", "waitUrl", "referUrl", "holdUrl", "announceUrl"]) {
        return Some(ReplyLink::Document);
    }
    if is_any(&["url"]) {
        // Elsewhere (`<Stream url>`) it is where audio goes.
        let is_document = is_person(node) || is(node, "Client") || is(node, "Queue");
        return is_document.then_some(ReplyLink::Document);
    }
    let name = name.to_ascii_lowercase();
    (name.ends_with("callback") || name.ends_with("callbackurl")).then_some(ReplyLink::Status)
}

/// An address of the web, or a relative one; not `wss:`, not `sip:`.
fn is_web(url: &str) -> bool {
    match url.find([':', '/', '?', '#']) {
        Some(at) if url.as_bytes()[at] == b':' => is_absolute(url),
        _ => true,
    }
}

fn is_absolute(url: &str) -> bool {
    let scheme = url.split(':').next().unwrap_or(url);
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")) && url.contains("://")
}

impl Twiml {
    /// The edits that leave in the document only whom the gate allows, and lead its links through the gate.
    pub(crate) fn gated(&self, gate: &mut dyn ReplyGate) -> Vec<Edit> {
        let mut edits: Vec<Edit> = Vec::new();
        let blocked: Vec<bool> = self.nouns.iter().map(|noun| !gate.allows(&noun.recipient)).collect();
        for (index, verb) in self.verbs.iter().enumerate() {
            let nouns = || self.nouns.iter().zip(&blocked).filter(|(noun, _)| noun.verb == index);
            if nouns().any(|(_, blocked)| !blocked) || verb.has_others {
                let cuts = nouns().filter(|(_, blocked)| **blocked).flat_map(|(noun, _)| &noun.cuts);
                edits.extend(cuts.map(|cut| Edit { range: cut.clone(), with: Vec::new() }));
            } else if nouns().next().is_some() {
                let with = verb.action.as_ref().map_or(String::new(), |(action, method)| {
                    let next =
                        if is_web(action) { gate.link(action, ReplyLink::Document) } else { action.clone() };
                    format!("<Redirect method=\"{method}\">{}</Redirect>", xml(&next))
                });
                edits.push(Edit { range: verb.range.clone(), with: with.into_bytes() });
            }
        }
        for link in &self.links {
            let next = gate.link(&link.url, link.kind);
            if next != link.url {
                edits.push(Edit { range: link.range.clone(), with: xml(&next).into_bytes() });
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

    /// The CRM's addresses in a document that stands in a form's value, as callbacks of the request.
    pub(crate) fn callbacks<'a>(&self, pair: &Pair<'_>, body: &[u8]) -> Vec<Callback<'a>> {
        if self.links.is_empty() {
            return Vec::new();
        }
        let places = places(&body[pair.at.clone()], pair.at.start);
        let links = self.links.iter().filter(|link| link.kind != ReplyLink::Media && is_absolute(&link.url));
        links
            .map(|link| Callback {
                url: Cow::Owned(link.url.clone()),
                place: Place {
                    range: places[link.range.start]..places[link.range.end],
                    quoting: Quoting::FormXml,
                },
                kind: if link.kind == ReplyLink::Status {
                    CallbackKind::Status
                } else {
                    CallbackKind::Document
                },
            })
            .collect()
    }
}

/// Where each byte of a form's value stands encoded, its end included.
fn places(encoded: &[u8], start: usize) -> Vec<usize> {
    let mut places = Vec::with_capacity(encoded.len() + 1);
    let mut at = 0;
    while at < encoded.len() {
        places.push(start + at);
        at += if encoded[at] == b'%' { 3 } else { 1 };
    }
    places.push(start + encoded.len());
    places
}
