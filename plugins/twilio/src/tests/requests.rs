use super::{Fixture, fixtures};
use crate::TWILIO;
use dndgate_adapter::{
    Adapter, Asked, CallbackKind, Channel, Look, Outbound, Sending, Unreadable, apply_edits, laws,
};

/// What the adapter says of a request, in the words of the fixtures.
fn said(fixture: &Fixture) -> Vec<String> {
    let request = fixture.request();
    let refused =
        |error: Unreadable| vec![error.code.map_or("refused".to_owned(), |code| format!("refused {code}"))];
    match TWILIO.look(&request.head) {
        Err(error) => return refused(error),
        Ok(Look::Nobody) => return vec!["nobody".into()],
        Ok(Look::Unrecognised) => return vec!["unrecognised".into()],
        Ok(Look::Body) => {}
    }
    match TWILIO.read(&request) {
        Err(error) => refused(error),
        Ok(Outbound::Nobody) => vec!["nobody".into()],
        Ok(Outbound::Unrecognised) => vec!["unrecognised".into()],
        Ok(Outbound::Unnamed(name)) => vec![format!("unnamed {name}")],
        Ok(Outbound::Ask(ask)) => {
            assert_eq!(ask.host, fixture.host, "{}: asked where it is sent", fixture.title);
            vec![format!("asks {}", ask.path_and_query)]
        }
        Ok(Outbound::Send(sending)) => sent(&sending),
    }
}

fn sent(sending: &Sending<'_>) -> Vec<String> {
    let people: Vec<_> = (sending.recipients.iter())
        .map(|one| {
            let channels: Vec<_> = one.channels.iter().map(Channel::name).collect();
            format!("{} {}", channels.join("+"), one.address)
        })
        .collect();
    let mut said = vec![format!("{}: {}", sending.kind, people.join(", ")).trim_end().to_owned()];
    said.extend(sending.scheduled.then(|| "scheduled".to_owned()));
    said.extend(sending.callbacks.iter().map(|one| format!("callback {:?} {}", one.kind, one.url)));
    said.extend(sending.tags.iter().map(|tag| format!("tag {tag}")));
    said
}

#[test]
fn r10_every_fixture_reads_as_it_says() {
    let all = fixtures("requests");
    assert!(all.len() > 100, "{}", all.len());
    for fixture in all {
        assert_eq!(said(&fixture), fixture.expected, "{}", fixture.title);
    }
}

#[test]
fn the_laws_hold_over_every_fixture() {
    for fixture in fixtures("requests") {
        let request = fixture.request();
        laws::calm(&TWILIO, &request);
        laws::finality(&TWILIO, &request);
        laws::identity(&TWILIO, &request);
        let Some(sending) = laws::sending(&TWILIO, &request) else { continue };
        let count = sending.recipients.len();
        for drop in (1..(1u32 << count.min(6)) - 1)
            .map(|bits| (0..count).filter(|at| bits & (1 << at) != 0).collect::<Vec<_>>())
        {
            laws::honesty(&TWILIO, &request, &drop);
        }
    }
}

#[test]
fn r11_lists_are_trimmed_and_the_rest_stays() {
    let trimmed = |title: &str, drop: &[usize]| {
        let fixture = fixtures("requests").into_iter().find(|one| one.title == title).unwrap();
        let request = fixture.request();
        let Ok(Outbound::Send(sending)) = TWILIO.read(&request) else { panic!("{title} is a send") };
        let edits = TWILIO.trim(&request, &sending, drop).map_err(|cannot| cannot.to_string())?;
        Ok::<_, String>(String::from_utf8(apply_edits(&fixture.body, &edits)).unwrap())
    };
    assert_eq!(
        trimmed("Bulk messages", &[0, 2]).unwrap(),
        "{\n  \"from\": \"+15005550006\",\n  \"body\": \"Hi {{name}}\",\n  \"messages\": [\n    {\"to\": \"whatsapp:+14155550101\"}\n  ]\n}"
    );
    let mail = trimmed("Mails", &[0, 1]).unwrap();
    assert!(
        mail.contains(r#""to":[{"address":"c@example.com"}],"cc":[],"bcc":[{"address":"d@example.com"}]"#),
        "{mail}"
    );
    assert!(trimmed("Mails", &[0, 1, 2]).is_err(), "blind copies alone");
    let conversation = trimmed("A new conversation with its people", &[1]).unwrap();
    assert!(conversation.starts_with(
        "FriendlyName=x&Participant=%7B%22messaging_binding%22%3A+%7B%22address%22%3A+%22%2B14155550100"
    ));
    assert!(
        conversation.ends_with("&Participant=%7B%22identity%22%3A%22joe%22%7D")
            && !conversation.contains("14155550101")
    );
    let notification = trimmed("A notification", &[0]).unwrap();
    assert!(!notification.contains("14155550100") && notification.contains("1234567890"));
    for whole in
        ["A call with its TwiML", "A proxy session with its participants", "An action", "A text message"]
    {
        assert!(trimmed(whole, &[0]).is_err(), "{whole}");
    }
}

#[test]
fn r14_callbacks_inside_twiml_stand_where_they_are_said_to() {
    let fixture = fixtures("requests").into_iter().find(|one| one.title == "A call with its TwiML").unwrap();
    let Ok(Outbound::Send(sending)) = TWILIO.read(&fixture.request()) else { panic!("a send") };
    let edits: Vec<_> =
        sending.callbacks.iter().map(|one| one.place.replace("https://gate.example/1")).collect();
    let body = apply_edits(&fixture.body, &edits);
    let again = Fixture { body, ..fixture.clone() };
    let Ok(Outbound::Send(after)) = TWILIO.read(&again.request()) else { panic!("a send") };
    assert_eq!(sent(&after)[0], sent(&sending)[0]);
    assert_eq!(
        (after.callbacks[0].url.as_ref(), after.callbacks[0].kind),
        ("https://gate.example/1", CallbackKind::Document)
    );
}

fn asking(title: &str) -> Fixture {
    fixtures("requests").into_iter().find(|one| one.title == title).unwrap()
}

#[test]
fn r10_the_people_of_a_conversation_are_those_that_twilio_names() {
    let fixture = asking("A message in a conversation");
    let request = fixture.request();
    let path = fixture.path.replace("/Messages", "/Participants");
    let page = |next: &str| {
        format!(
            r#"{{"participants":[
                {{"identity":null,"messaging_binding":{{"type":"sms","address":"+14155550100","proxy_address":"+15005550006"}}}},
                {{"identity":null,"messaging_binding":{{"type":"whatsapp","address":"whatsapp:+14155550101","proxy_address":"x"}}}},
                {{"identity":"joe","messaging_binding":null}},
                {{"identity":"ann","messaging_binding":{{"type":"sms","address":null,"projected_address":"+15005550007"}}}}],
              "meta":{{"page":0,"next_page_url":{next}}}}}"#
        )
        .into_bytes()
    };
    match TWILIO.asked(&request, &[page("null")]).unwrap() {
        Asked::Send(sending) => {
            assert_eq!(sent(&sending), ["conversation: SMS +14155550100, WhatsApp +14155550101"])
        }
        more => panic!("{more:?}"),
    }
    let next = format!("\"https://conversations.twilio.com{path}?PageSize=100&Page=1&PageToken=PT1\"");
    match TWILIO.asked(&request, &[page(&next)]).unwrap() {
        Asked::More(ask) => {
            assert_eq!(ask.host.as_deref(), Some("conversations.twilio.com"));
            assert_eq!(ask.path_and_query, format!("{path}?PageSize=100&Page=1&PageToken=PT1"));
        }
        sent => panic!("{sent:?}"),
    }
    match TWILIO.asked(&request, &[page(&next), page("null")]).unwrap() {
        Asked::Send(sending) => assert_eq!(sending.recipients.len(), 4),
        more => panic!("{more:?}"),
    }
    for elsewhere in [
        format!("\"https://evil.example{path}?Page=1\""),
        format!("\"https://conversations.twilio.com.evil.example{path}?Page=1\""),
        format!("\"https://api.twilio.com{path}?Page=1\""),
        format!("\"http://conversations.twilio.com{path}?Page=1\""),
        "\"https://conversations.twilio.com/v1/Conversations/CH2/Participants?Page=1\"".to_owned(),
        format!("\"https://conversations.twilio.com{path}/MB1?Page=1\""),
    ] {
        assert!(TWILIO.asked(&request, &[page(&elsewhere)]).is_err(), "{elsewhere}");
    }
    for unclear in [
        "",
        "{}",
        "[]",
        r#"{"participants":[{"messaging_binding":{"type":"fax","address":"1"}}]}"#,
        r#"{"participants":[{"messaging_binding":{"address":"x","address":"y"}}]}"#,
        r#"{"participants":[{"messaging_binding":7}]}"#,
    ] {
        assert!(TWILIO.asked(&request, &[unclear.as_bytes().to_vec()]).is_err(), "{unclear}");
    }
}

#[test]
fn r10_the_person_of_a_proxy_participant_is_looked_up() {
    let fixture = asking("A message to a proxy participant");
    let answer = br#"{"sid":"KP1","identifier":"+14155550100","proxy_identifier":"+15005550006"}"#.to_vec();
    match TWILIO.asked(&fixture.request(), &[answer]).unwrap() {
        Asked::Send(sending) => assert_eq!(sent(&sending), ["proxy: SMS+Call +14155550100"]),
        more => panic!("{more:?}"),
    }
    assert!(TWILIO.asked(&fixture.request(), &[b"{}".to_vec()]).is_err());
}

#[test]
fn the_account_is_that_of_the_path_or_of_the_credentials() {
    let mut fixture = asking("A text message");
    let account =
        |fixture: &Fixture| TWILIO.account(&fixture.request().head).map(|account| account.into_owned());
    assert_eq!(account(&fixture).as_deref(), Some("AC0123456789abcdef0123456789abcdef"));
    fixture.path = "/2010-04-01/Accounts/AC1.json".into();
    assert_eq!(account(&fixture).as_deref(), Some("AC1"));
    let mut fixture = asking("A Studio execution");
    assert_eq!(account(&fixture), None);
    fixture.headers.insert("authorization", "Basic QUMxMjM6dG9rZW4=".parse().unwrap());
    assert_eq!(account(&fixture).as_deref(), Some("AC123"));
    for other in ["Basic U0sxMjM6c2VjcmV0", "Bearer QUMxMjM6dG9rZW4=", "Basic ???"] {
        fixture.headers.insert("authorization", other.parse().unwrap());
        assert_eq!(account(&fixture), None, "{other}");
    }
}
