use crate::twiml::{BYTES_MAX, Context, Other, read};
use dndgate_adapter::{Channel, Recipient, ReplyGate, ReplyLink, apply_edits, form};
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
        if url.starts_with("https://gate.example/") {
            url.into()
        } else {
            format!("https://gate.example/{kind:?}?a&{url}")
        }
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
    let (left, seen) =
        gated("<Response><Message>x</Message></Response>", Other::Person("messenger:12340666"));
    assert_eq!((left.as_str(), seen), ("<Response></Response>", vec!["FB 12340666".to_owned()]));
    let (left, seen) = gated("<Response><Message>x</Message></Response>", Other::Person("12345"));
    assert_eq!((left.as_str(), seen.len()), ("<Response><Message>x</Message></Response>", 0), "a short code");
}

#[test]
fn r14_a_message_with_two_readings_of_to_goes_when_one_is_blocked() {
    check(
        "<Response><Message to='+15550000001' TO='+15550000666'/></Response>",
        "<Response></Response>",
        &["SMS +15550000001", "SMS +15550000666"],
    );
    check(
        "<Response><Sms to='whatsapp:+15550000666'/></Response>",
        "<Response></Response>",
        &["SMS+WhatsApp +15550000666"],
    );
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
    check(
        "<Response><Dial><![CDATA[+15550000666]]></Dial><Hangup/></Response>",
        "<Response><Hangup/></Response>",
        &["Call +15550000666"],
    );
    check(
        "<Response><Dial>&#43;15550000666</Dial></Response>",
        "<Response></Response>",
        &["Call +15550000666"],
    );
    check(
        "<Response><Gather><dial>15550000666</dial></Gather></Response>",
        "<Response><Gather></Gather></Response>",
        &["Call 15550000666"],
    );
    check(
        "<Response xmlns:x='u'><x:Dial>15550000666</x:Dial></Response>",
        "<Response xmlns:x='u'></Response>",
        &["Call 15550000666"],
    );
    check(
        "<Response><Refer><Sip>sip:15550000666@x</Sip></Refer></Response>",
        "<Response></Response>",
        &["Call 15550000666"],
    );
    check(
        "<Response><Connect><Number>15550000666</Number></Connect></Response>",
        "<Response><Connect></Connect></Response>",
        &["Call 15550000666"],
    );
    for nobody in [
        "<Client>joe</Client>",
        "<Conference>+15550000666</Conference>",
        "<Queue>q</Queue>",
        "<Sim>DE1</Sim>",
        "",
    ] {
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
        "",
        "hello",
        "<Response>",
        "<Dial>+15550000001</Dial>",
        "<Response><Dial>+1555</Response>",
        "<Response/><Response/>",
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
    assert!(
        read("<Response><Message/></Response>", Context { other: Other::Unknown, voice: false }).is_err(),
        "to whom?"
    );
}

#[test]
fn links_of_a_document_inside_a_form_have_their_places() {
    let twiml = "<Response><Redirect>https://crm.example/é?a=1&amp;b=2</Redirect><Dial action='https://crm.example/x'/></Response>";
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("A", "b")
        .append_pair("Twiml", twiml)
        .finish();
    let form = form::read(body.as_bytes()).expect("a form");
    let pair = form.one("Twiml").expect("once").expect("there");
    let read_in = read(&pair.value, Context { other: Other::Unknown, voice: true }).expect("readable");
    let callbacks = read_in.callbacks(pair, body.as_bytes());
    let urls: Vec<_> = callbacks.iter().map(|one| &*one.url).collect();
    assert_eq!(
        urls,
        ["https://crm.example/x", "https://crm.example/é?a=1&b=2"].iter().rev().copied().collect::<Vec<_>>()
    );
    let edits: Vec<_> =
        callbacks.iter().map(|one| one.place.replace("https://gate.example/1#rc=5&rp=all")).collect();
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
