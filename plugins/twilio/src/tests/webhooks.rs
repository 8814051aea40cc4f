use super::{Fixture, Signed, TOKEN, fixtures, secrets};
use crate::TWILIO;
use dndgate_adapter::{Adapter, Authentic, Channel, Event, EventKind, Webhook, laws};
use http::{HeaderMap, Method, StatusCode};

fn proven<'a>(fixture: &'a Fixture, url: &'a str) -> Authentic<'a> {
    // Verification has tests of its own.
    Authentic::from_spool(Webhook {
        method: &fixture.method,
        url,
        headers: &fixture.headers,
        body: &fixture.body,
        document: None,
    })
}

fn said(event: &Event<'_>) -> String {
    let id = &event.id;
    match &event.kind {
        EventKind::Message { channel, from, spoken, .. } => {
            let meaning = spoken.provider_meaning.map_or(String::new(), |meaning| format!(" {meaning}"));
            let texts = if spoken.texts.is_empty() {
                String::new()
            } else {
                format!(": {}", spoken.texts.join(" | "))
            };
            format!("{id} message {channel} {from}{meaning}{texts}")
        }
        EventKind::InboundCall { from } => format!("{id} calls {from}"),
        EventKind::Failure { channel, to, code, severity, message, .. } => {
            format!("{id} failure {channel} {to} {code} {severity:?} {message}").trim_end().to_owned()
        }
        EventKind::Other(name) => format!("{id} {name}"),
        other => format!("{id} {other:?}"),
    }
}

#[test]
fn r19_every_fixture_reads_as_it_says() {
    for fixture in fixtures("webhooks") {
        let url = fixture.url();
        let authentic = proven(&fixture, &url);
        let events = TWILIO.events(&authentic).unwrap();
        let mut seen: Vec<_> = events.iter().map(said).collect();
        if fixture.expected[0].starts_with("* ") {
            seen = seen.iter().map(|said| format!("*{}", &said[said.find(' ').unwrap()..])).collect();
        }
        assert_eq!(seen, fixture.expected, "{}", fixture.title);
        let is_form =
            fixture.method == Method::GET || fixture.body.starts_with(b"[") || fixture.title.contains("task");
        if !is_form {
            assert_eq!(
                events[0].account.as_deref(),
                Some("AC0123456789abcdef0123456789abcdef"),
                "{}",
                fixture.title
            );
        }
        laws::patience(&TWILIO, &authentic);
    }
}

#[test]
fn r30_events_are_known_by_what_is_signed() {
    let (mut ids, all) = (std::collections::HashSet::new(), fixtures("webhooks"));
    for fixture in &all {
        let url = fixture.url();
        ids.insert(TWILIO.events(&proven(fixture, &url)).unwrap()[0].id.to_string());
    }
    assert_eq!(ids.len(), all.len(), "no two fixtures are the same event");
    let mut again = all[0].clone();
    again.headers.insert("i-twilio-idempotency-token", "another".parse().unwrap());
    let url = again.url();
    assert_eq!(TWILIO.events(&proven(&again, &url)), TWILIO.events(&proven(&all[0], &url)));
}

#[test]
fn r27_answers_fit_what_twilio_waits_for() {
    let acknowledged = |title: &str| {
        let fixture = fixtures("webhooks").into_iter().find(|one| one.title == title).unwrap();
        let url = fixture.url();
        let reply = TWILIO.acknowledge(&proven(&fixture, &url));
        (reply.status.as_u16(), String::from_utf8(reply.body).unwrap())
    };
    let empty = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";
    for twiml in ["STOP", "By GET", "A call", "The same call goes on", "WhatsApp, a button"] {
        assert_eq!(acknowledged(twiml), (200, empty.to_owned()), "{twiml}");
    }
    for report in [
        "Delivered",
        "Undelivered",
        "A call that nobody took",
        "A recording",
        "Events as JSON",
        "In a conversation",
    ] {
        assert_eq!(acknowledged(report), (204, String::new()), "{report}");
    }
}

#[test]
fn r4_an_unwanted_call_is_busy_and_an_unwanted_message_is_not_answered() {
    let declined = |params: &[(&str, &str)]| {
        let signed = Signed::form(params);
        let events = TWILIO.events(&signed.authentic()).unwrap();
        TWILIO.decline(&events[0]).map(|reply| String::from_utf8(reply.body).unwrap())
    };
    let call = declined(&[
        ("CallSid", "CA1"),
        ("Direction", "inbound"),
        ("CallStatus", "ringing"),
        ("From", "+14155550100"),
    ]);
    assert!(call.unwrap().contains("<Response><Reject reason=\"busy\"/></Response>"));
    let message = declined(&[
        ("MessageSid", "SM1"),
        ("SmsStatus", "received"),
        ("From", "+14155550100"),
        ("Body", "hi"),
    ]);
    assert!(message.unwrap().ends_with("<Response/>"));
    assert_eq!(
        declined(&[("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("To", "+14155550100")]),
        None
    );
}

#[test]
fn what_a_person_writes_cannot_change_who_wrote() {
    let signed = Signed::form(&[
        ("Body", "x&From=%2B15550000000&OptOutType=STOP"),
        ("MessageSid", "SM1"),
        ("SmsStatus", "received"),
        ("From", "+14155550100"),
    ]);
    match &TWILIO.events(&signed.authentic()).unwrap()[0].kind {
        EventKind::Message { channel, from, spoken, .. } => {
            assert_eq!((*channel, &**from, spoken.provider_meaning), (Channel::Sms, "+14155550100", None));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn r14_a_scheduled_message_is_cancelled_with_the_accounts_own_token() {
    use dndgate_adapter::{Answer, Scheduled, Secrets};
    let fixture = fixtures("requests").into_iter().find(|one| one.title == "Leaves later").unwrap();
    let request = fixture.request();
    let sending = laws::sending(&TWILIO, &request).unwrap();
    assert!(TWILIO.wants_answer(&sending, StatusCode::CREATED));
    let headers = HeaderMap::new();
    for body in [
        &br#"{"sid":"SM1","status":"scheduled"}"#[..],
        b"<?xml version='1.0'?><TwilioResponse><Message><Sid>SM1</Sid><Status>scheduled</Status></Message></TwilioResponse>",
    ] {
        let learned = TWILIO.learn(&request, &sending, &[], &Answer { status: StatusCode::CREATED, headers: &headers, body });
        assert_eq!(
            learned.scheduled,
            [Scheduled { account: "AC0123456789abcdef0123456789abcdef".into(), id: "SM1".into(), address: "+14155550100".into() }]
        );
        let call = TWILIO.cancel(&learned.scheduled[0], &secrets(TOKEN)).unwrap();
        assert_eq!(call.path_and_query, "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages/SM1.json");
        assert_eq!((call.method, call.host, &call.body[..]), (Method::POST, None, &b"Status=canceled"[..]));
        let basic = "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjoxMjM0NQ==";
        assert!(call.headers.iter().any(|(name, value)| name == "authorization" && value == basic));
    }
    assert_eq!(TWILIO.cancel(&Scheduled::default(), &Secrets::default()), None);
    assert!(TWILIO.cancel(&Scheduled::default(), &secrets(TOKEN)).is_some());
    let abroad = Scheduled {
        account: "AC1".into(),
        id: "api.dublin.ie1.twilio.com/SM1".into(),
        address: String::new(),
    };
    let call = TWILIO.cancel(&abroad, &secrets("AC1:12345")).unwrap();
    assert_eq!(call.host.as_deref(), Some("api.dublin.ie1.twilio.com"));
    assert_eq!(call.path_and_query, "/2010-04-01/Accounts/AC1/Messages/SM1.json");
    assert_eq!(TWILIO.cancel(&abroad, &secrets("AC2:12345")), None, "another account's token");
}
