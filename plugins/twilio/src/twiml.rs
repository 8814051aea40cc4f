//! TwiML: whom it reaches, where it leads, and how those who must not be reached are cut out of it so that
//! the rest stays byte for byte.
//!
//! Names are compared without case, and elements count by their local name: Twilio takes only its own
//! spelling, so that at worst something is taken out that would have had no effect.

use crate::address::{self, Way};
use dndgate_adapter::{
    Callback, CallbackKind, Edit, Place, Quoting, Recipient, ReplyGate, ReplyLink, Unreadable, form::Pair, request::xml,
};
use roxmltree::{Attribute, Document, Node};
use std::{borrow::Cow, ops::Range};

/// The largest document that is read, in bytes; Twilio takes 64 KiB.
const BYTES_MAX: usize = 256 << 10;

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
    let document = Document::parse(text).map_err(|_| Unreadable::new("the TwiML is not XML, or has a DTD"))?;
    if !is(document.root_element(), "Response") {
        return Err(Unreadable::new("the XML is not TwiML: its root is not <Response>"));
    }
    let mut reader = Reader { text, context, twiml: Twiml::default() };
    for node in document.descendants().filter(Node::is_element) {
        reader.element(node)?;
    }
    Ok(reader.twiml)
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
        } else if is_person(node) && !node.parent_element().is_some_and(|verb| is(verb, "Dial") || is(verb, "Refer")) {
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
                self.person(address::read(&to, Way::Message)?, verb, Vec::new());
            }
        }
        if named {
            return Ok(());
        }
        match self.context.other {
            // Who is no person to us (a short code, an anonymous caller) has said nothing either.
            Other::Person(other) => {
                let other = Cow::Owned(other.to_owned());
                self.person(address::read(&other, Way::Message).unwrap_or(None), verb, Vec::new());
                Ok(())
            }
            Other::Unknown => Err(Unreadable::new("a message in the TwiML does not say to whom: give it a `to`")),
        }
    }

    fn dial(&mut self, node: Node<'_, '_>) -> Result<(), Unreadable> {
        let verb = self.verb(node, action(node));
        let text: String = node.children().filter(|child| child.is_text()).filter_map(|child| child.text()).collect();
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
            } else if ["Client", "Conference", "Queue", "Application", "Sim"].iter().any(|name| is(child, name)) {
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
                    let next = if is_web(action) { gate.link(action, ReplyLink::Document) } else { action.clone() };
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
                place: Place { range: places[link.range.start]..places[link.range.end], quoting: Quoting::FormXml },
                kind: if link.kind == ReplyLink::Status { CallbackKind::Status } else { CallbackKind::Document },
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

#[cfg(test)]
mod tests {
    use super::*;
    use dndgate_adapter::{Channel, apply_edits, form};
    use proptest::prelude::*;

    /// Blocks addresses that hold 0666, leads links to gate.example.
    struct Test(Vec<String>);

    impl ReplyGate for Test {
        fn allows(&mut self, recipient: &Recipient<'_>) -> bool {
            let channels: Vec<_> = recipient.channels.iter().map(Channel::name).collect();
            self.0.push(format!("{} {}", channels.join("+"), recipient.address));
            !recipient.address.contains("0666")
        }
        fn link(&mut self, url: &str, kind: ReplyLink) -> String {
            if url.starts_with("https://gate.example/") { url.into() } else { format!("https://gate.example/{kind:?}?a&{url}") }
        }
    }

    fn gated(text: &str, other: Other<'_>) -> (String, Vec<String>) {
        let twiml = read(text, Context { other, voice: true }).expect("readable");
        let mut gate = Test(Vec::new());
        let edits = twiml.gated(&mut gate);
        (String::from_utf8(apply_edits(text.as_bytes(), &edits)).expect("text"), gate.0)
    }

    fn check(text: &str, left: &str, reached: &[&str]) {
        let (after, seen) = gated(text, Other::Person("+15550000666"));
        assert_eq!(after, left);
        assert_eq!(seen, reached, "{text}");
        let (again, _) = gated(&after, Other::Person("+15550000666"));
        assert_eq!(again, after, "what was gated once stays as it is");
    }

    #[test]
    fn r14_messages_reach_their_to_or_the_other_end() {
        check("<Response><Message>hi</Message></Response>", "<Response></Response>", &["SMS +15550000666"]);
        check(
            "<Response>\n <Message to='+15550000001'><Body>call +15550000666</Body></Message>\n</Response>",
            "<Response>\n <Message to='+15550000001'><Body>call +15550000666</Body></Message>\n</Response>",
            &["SMS +15550000001"],
        );
        check(
            "<Response><Message to=\"whatsapp:+15550000666\"/><Sms to='15550000001'>x</Sms></Response>",
            "<Response><Sms to='15550000001'>x</Sms></Response>",
            &["WhatsApp +15550000666", "SMS 15550000001"],
        );
        let (left, seen) = gated("<Response><Message>x</Message></Response>", Other::Person("messenger:12340666"));
        assert_eq!((left.as_str(), seen), ("<Response></Response>", vec!["FB 12340666".to_owned()]));
        let (left, seen) = gated("<Response><Message>x</Message></Response>", Other::Person("12345"));
        assert_eq!((left.as_str(), seen.len()), ("<Response><Message>x</Message></Response>", 0), "a short code");
    }

    #[test]
    fn r14_dial_loses_its_blocked_nouns_and_keeps_the_others() {
        check(
            "<Response><Dial timeout='9'><Number>+15550000001</Number> <Number>+1 (555) 000-0666</Number></Dial></Response>",
            "<Response><Dial timeout='9'><Number>+15550000001</Number> </Dial></Response>",
            &["Call +15550000001", "Call +1 (555) 000-0666"],
        );
        check(
            "<Response><Dial>+1555<!-- tricky -->0000666<Client>joe</Client></Dial></Response>",
            "<Response><Dial><!-- tricky --><Client>joe</Client></Dial></Response>",
            &["Call +15550000666"],
        );
        check(
            "<Response><Dial><WhatsApp>+15550000666</WhatsApp><Sip>sip:+15550000666@x;transport=tls</Sip><Sip>sip:joe@x</Sip></Dial></Response>",
            "<Response><Dial><Sip>sip:joe@x</Sip></Dial></Response>",
            &["Call+WhatsApp +15550000666", "Call +15550000666"],
        );
        check("<Response><Dial><![CDATA[+15550000666]]></Dial><Hangup/></Response>", "<Response><Hangup/></Response>", &["Call +15550000666"]);
        check("<Response><Dial>&#43;15550000666</Dial></Response>", "<Response></Response>", &["Call +15550000666"]);
        check("<Response><Gather><dial>15550000666</dial></Gather></Response>", "<Response><Gather></Gather></Response>", &["Call 15550000666"]);
        check("<Response xmlns:x='u'><x:Dial>15550000666</x:Dial></Response>", "<Response xmlns:x='u'></Response>", &["Call 15550000666"]);
        check("<Response><Refer><Sip>sip:15550000666@x</Sip></Refer></Response>", "<Response></Response>", &["Call 15550000666"]);
        check("<Response><Connect><Number>15550000666</Number></Connect></Response>", "<Response><Connect></Connect></Response>", &["Call 15550000666"]);
        for nobody in ["<Client>joe</Client>", "<Conference>+15550000666</Conference>", "<Queue>q</Queue>", "<Sim>DE1</Sim>", ""] {
            let text = format!("<Response><Dial>{nobody}</Dial></Response>");
            check(&text, &text, &[]);
        }
    }

    #[test]
    fn a_dial_without_its_last_noun_goes_on_where_its_action_leads() {
        check(
            "<Response><Dial action='/next?a=1&amp;b=2'>+15550000666</Dial><Say>bye</Say></Response>",
            "<Response><Redirect method=\"POST\">https://gate.example/Document?a&amp;/next?a=1&amp;b=2</Redirect><Say>bye</Say></Response>",
            &["Call +15550000666"],
        );
        check(
            "<Response><Dial action='/n' method='get'><Number>+15550000666</Number></Dial></Response>",
            "<Response><Redirect method=\"GET\">https://gate.example/Document?a&amp;/n</Redirect></Response>",
            &["Call +15550000666"],
        );
    }

    #[test]
    fn links_lead_through_the_gate() {
        check(
            "<Response><Gather action=\"/a\" partialResultCallback='p'><Play>m.mp3</Play></Gather><Redirect> /r </Redirect></Response>",
            "<Response><Gather action=\"https://gate.example/Document?a&amp;/a\" partialResultCallback='https://gate.example/Status?a&amp;p'>\
             <Play>https://gate.example/Media?a&amp;m.mp3</Play></Gather><Redirect>https://gate.example/Document?a&amp;/r</Redirect></Response>",
            &[],
        );
        check(
            "<Response><Dial recordingStatusCallback='/s'><Number url='/w' statusCallbackEvent='answered'>+15550000001</Number></Dial></Response>",
            "<Response><Dial recordingStatusCallback='https://gate.example/Status?a&amp;/s'><Number url='https://gate.example/Document?a&amp;/w' \
             statusCallbackEvent='answered'>+15550000001</Number></Dial></Response>",
            &["Call +15550000001"],
        );
        for untouched in [
            "<Response><Start><Stream url='wss://audio.example/'/></Start></Response>",
            "<Response><Connect><ConversationRelay url=\"wss://x\"/></Connect></Response>",
            "<Response><Redirect/><Play digits='1'/><Play></Play></Response>",
            "<Response><Enqueue waitUrl=''>q</Enqueue></Response>",
            "<Response><Say>see https://crm.example/ or /next, call +15550000666</Say></Response>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<Response/>\r\n",
        ] {
            check(untouched, untouched, &[]);
        }
    }

    #[test]
    fn r10_what_cannot_be_read_with_certainty_is_an_error() {
        let deep = "<a>".repeat(50_000);
        for bad in [
            "", "hello", "<Response>", "<Dial>+15550000001</Dial>", "<Response><Dial>+1555</Response>", "<Response/><Response/>",
            "<!DOCTYPE Response><Response/>",
            "<!DOCTYPE r [<!ENTITY n '+15550000666'>]><Response><Dial>&n;</Dial></Response>",
            "<Response><Dial>&n;</Dial></Response>",
            "<Response><Dial>+1800FLOWERS</Dial></Response>",
            "<Response><Dial><Pigeon>+15550000001</Pigeon></Dial></Response>",
            "<Response><Message to='joe'/></Response>",
            "<Response><Message to='1' to='2'/></Response>",
            &deep,
        ] {
            assert!(read(bad, Context { other: Other::Unknown, voice: false }).is_err(), "{bad:.60}");
        }
        assert!(read(&" ".repeat(BYTES_MAX + 1), Context { other: Other::Unknown, voice: false }).is_err());
        assert!(read("<Response><Message/></Response>", Context { other: Other::Unknown, voice: false }).is_err(), "to whom?");
    }

    #[test]
    fn links_of_a_document_inside_a_form_have_their_places() {
        let twiml = "<Response><Redirect>https://crm.example/é?a=1&amp;b=2</Redirect><Dial action='https://crm.example/x'/></Response>";
        let body = form_urlencoded::Serializer::new(String::new()).append_pair("A", "b").append_pair("Twiml", twiml).finish();
        let form = form::read(body.as_bytes()).expect("a form");
        let pair = form.one("Twiml").expect("once").expect("there");
        let read_in = read(&pair.value, Context { other: Other::Unknown, voice: true }).expect("readable");
        let callbacks = read_in.callbacks(pair, body.as_bytes());
        let urls: Vec<_> = callbacks.iter().map(|one| &*one.url).collect();
        assert_eq!(urls, ["https://crm.example/x", "https://crm.example/é?a=1&b=2"].iter().rev().copied().collect::<Vec<_>>());
        let edits: Vec<_> = callbacks.iter().map(|one| one.place.replace("https://gate.example/1#rc=5&rp=all")).collect();
        let after = apply_edits(body.as_bytes(), &edits);
        let form = form::read(&after).expect("a form");
        assert_eq!(
            form.one("Twiml").expect("once").expect("there").value,
            "<Response><Redirect>https://gate.example/1#rc=5&amp;rp=all</Redirect>\
             <Dial action='https://gate.example/1#rc=5&amp;rp=all'/></Response>"
        );
    }

    proptest! {
        #[test]
        fn calm_and_idempotent(text in "(<(Dial|Number|Message|Redirect|/Dial|/Number)( to='[+0-9]{0,12}'| action='[a-z/&;]{0,6}')?/?>|[+0-9]{1,12}|&#43;|<!--x-->){0,8}") {
            let text = format!("<Response>{text}</Response>");
            if let Ok(twiml) = read(&text, Context { other: Other::Person("+15550000666"), voice: true }) {
                let edits = twiml.gated(&mut Test(Vec::new()));
                let after = String::from_utf8(apply_edits(text.as_bytes(), &edits)).expect("text");
                let again = read(&after, Context { other: Other::Person("+15550000666"), voice: true }).expect("still readable");
                let mut gate = Test(Vec::new());
                prop_assert!(again.gated(&mut gate).is_empty());
                prop_assert!(gate.0.iter().all(|one| !one.contains("0666")), "{}", after);
            }
        }
    }
}
