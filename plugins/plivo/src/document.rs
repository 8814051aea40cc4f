//! Plivo XML: whom it reaches, where it leads, and how those who must not be reached are cut out of it so that the
//! rest stays byte for byte. Names count whatever their case: at worst something goes that would have had no effect.

use dndgate_adapter::{
    AddressKind, Channel, Edit, Known, Recipient, ReplyGate, ReplyLink, Role, Unreadable, request::xml, sip,
};
use roxmltree::{Document, Node};
use std::{borrow::Cow, ops::Range};

/// The largest document that is read, in bytes; Plivo's own limit is not written down.
const BYTES_MAX: usize = 256 << 10;
/// Attributes with an address that Plivo asks what to do next.
const NEXT: &[&str] =
    &["action", "onexitactionurl", "waitsound", "waitmusicurl", "dialmusic", "confirmsound"];

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
    people: Vec<Recipient<'static>>,
    how: How,
}

/// How people are named in a verb.
#[derive(Debug)]
enum How {
    /// In one attribute, joined by `<`.
    Joined(Range<usize>),
    /// By one element each; it also reaches somebody inside; what follows it.
    Each { nouns: Vec<Range<usize>>, others: bool, next: Option<(String, String)> },
}

/// Reads a document.
///
/// # Errors
/// When it is no Plivo XML, has a DTD, or names somebody who cannot be read with certainty.
pub(crate) fn read(text: &str) -> Result<Instructions, Unreadable> {
    if text.len() > BYTES_MAX {
        return Err(Unreadable::new("the XML is too large"));
    }
    let document = Document::parse(text).map_err(|_| Unreadable::new("it is not XML, or has a DTD"))?;
    if !is(document.root_element(), "Response") {
        return Err(Unreadable::new("the root of the XML is not <Response>"));
    }
    let mut instructions = Instructions::default();
    for node in document.descendants().filter(Node::is_element) {
        instructions.element(text, node)?;
    }
    Ok(instructions)
}

/// Where a further verb belongs that is run before all others, or `None` when there is no place for one.
pub(crate) fn start(text: &str) -> Option<Option<usize>> {
    let document = Document::parse(text).ok()?;
    let root = document.root_element();
    is(root, "Response").then(|| root.first_child().map(|child| child.range().start))
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.tag_name().name().eq_ignore_ascii_case(name)
}

/// An attribute, whatever its case; not when it stands there in two.
fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Result<Option<(&'a str, Range<usize>)>, Unreadable> {
    let mut found = node.attributes().filter(|one| one.name().eq_ignore_ascii_case(name));
    let first = found.next().map(|one| (one.value(), one.range_value()));
    match found.next() {
        Some(_) => Err(Unreadable::new("an attribute in the XML stands there in several cases")),
        None => Ok(first),
    }
}

fn all_text(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|child| child.text()).collect()
}

impl Instructions {
    fn element(&mut self, text: &str, node: Node<'_, '_>) -> Result<(), Unreadable> {
        for attribute in node.attributes() {
            let name = attribute.name().to_ascii_lowercase();
            let is_callback = name.ends_with("callbackurl") || name == "interimspeechresultscallback";
            let kind = match () {
                () if NEXT.contains(&&*name) => ReplyLink::Document,
                () if is_callback || name == "transcriptionurl" => ReplyLink::Status,
                () => continue,
            };
            self.link(attribute.range_value(), attribute.value(), kind);
        }
        if is(node, "Message") {
            self.message(node)
        } else if is(node, "Dial") {
            self.dial(node)
        } else if is(node, "Redirect") {
            if let Some(child) = node.first_child().filter(|_| node.children().all(|child| child.is_text())) {
                let end = text[..node.range().end].rfind("</").unwrap_or(node.range().end);
                self.link(child.range().start..end, &all_text(node), ReplyLink::Document);
            }
            Ok(())
        } else if is_noun(node) && !node.parent_element().is_some_and(|verb| is(verb, "Dial")) {
            Err(Unreadable::new("the XML names somebody outside of a <Dial>"))
        } else {
            Ok(())
        }
    }

    fn message(&mut self, node: Node<'_, '_>) -> Result<(), Unreadable> {
        let missing = || Unreadable::new("a message in the XML does not say to whom: give it a dst");
        let (to, range) = attribute(node, "dst")?.ok_or_else(missing)?;
        let channel = match attribute(node, "type")?.map(|(kind, _)| kind) {
            None | Some("" | "sms" | "mms") => Channel::Sms,
            Some("whatsapp") => Channel::WhatsApp,
            Some(_) => return Err(Unreadable::new("the gateway does not know this type of message")),
        };
        let numbers = to.split('<').map(str::trim).filter(|number| !number.is_empty());
        let people: Vec<_> = numbers.map(|number| person(channel, number.to_owned())).collect();
        if people.is_empty() {
            return Err(missing());
        }
        self.verbs.push(Verb { range: node.range(), people, how: How::Joined(range) });
        Ok(())
    }

    fn dial(&mut self, node: Node<'_, '_>) -> Result<(), Unreadable> {
        let unknown = || Unreadable::new("the XML dials something that the gateway does not know");
        if node.children().any(|child| child.is_text() && !child.text().unwrap_or_default().trim().is_empty())
        {
            return Err(unknown());
        }
        let (mut people, mut nouns, mut others) = (Vec::new(), Vec::new(), false);
        for child in node.children().filter(Node::is_element) {
            if !is_noun(child) {
                return Err(unknown());
            }
            let text = all_text(child).trim().to_owned();
            let is_sip = is(child, "User") || text.contains(':') || text.contains('@');
            match if is_sip { sip::number(&text)? } else { Some(text) } {
                Some(number) => {
                    people.push(person(Channel::Call, number));
                    nouns.push(child.range());
                }
                None => others = true,
            }
        }
        let stays =
            attribute(node, "redirect")?.is_some_and(|(value, _)| value.eq_ignore_ascii_case("false"));
        let next = attribute(node, "action")?.filter(|(action, _)| !stays && !action.trim().is_empty());
        let method = attribute(node, "method")?.map_or("POST", |(method, _)| method);
        let next = next.map(|(action, _)| (action.trim().to_owned(), method.to_owned()));
        self.verbs.push(Verb { range: node.range(), people, how: How::Each { nouns, others, next } });
        Ok(())
    }

    fn link(&mut self, range: Range<usize>, url: &str, kind: ReplyLink) {
        let url = url.trim();
        if !url.is_empty() && !url.eq_ignore_ascii_case("real") && !url.eq_ignore_ascii_case("none") {
            self.links.push((range, url.to_owned(), kind));
        }
    }

    /// The edits that leave in the document only whom the gate allows, and lead its links through the gate.
    pub(crate) fn gated(&self, gate: &mut dyn ReplyGate) -> Vec<Edit> {
        let mut edits = Vec::new();
        for verb in &self.verbs {
            let stay: Vec<bool> = verb.people.iter().map(|person| gate.allows(person)).collect();
            if stay.iter().all(|stays| *stays) {
                continue;
            }
            let any = stay.iter().any(|stays| *stays);
            match &verb.how {
                How::Joined(range) if any => {
                    let left = verb.people.iter().zip(&stay).filter(|(_, stays)| **stays);
                    let left: Vec<&str> = left.map(|(person, _)| &*person.address).collect();
                    edits.push(Edit { range: range.clone(), with: xml(&left.join("<")).into_bytes() });
                }
                How::Each { nouns, others, .. } if any || *others => {
                    let gone = nouns.iter().zip(&stay).filter(|(_, stays)| !**stays);
                    edits.extend(gone.map(|(range, _)| Edit { range: range.clone(), with: Vec::new() }));
                }
                How::Each { next: Some((action, method)), .. } => {
                    let next = xml(&gate.link(action, ReplyLink::Document));
                    let with = format!("<Redirect method=\"{}\">{next}</Redirect>", xml(method));
                    edits.push(Edit { range: verb.range.clone(), with: with.into_bytes() });
                }
                _ => edits.push(Edit { range: verb.range.clone(), with: Vec::new() }),
            }
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

fn is_noun(node: Node<'_, '_>) -> bool {
    is(node, "Number") || is(node, "User")
}

fn person(channel: Channel, number: String) -> Recipient<'static> {
    let kind = match channel {
        Channel::WhatsApp => AddressKind::on_whatsapp(&number),
        _ => AddressKind::Phone,
    };
    Recipient {
        channels: channel.into(),
        kind,
        address: Cow::Owned(number),
        role: Role::To,
        known: Known::Address,
    }
}
