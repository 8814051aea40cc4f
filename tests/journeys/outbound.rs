//! Sends through Twilio: what goes out, what does not, and what the CRM is told.

use crate::harness::{
    ACCOUNT, CALLS, MESSAGES, Reaction, Request, SENDER, Setup, World, assert_twilio_refusal, json_answer,
    message,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

#[test]
fn r9_a_stop_blocks_the_next_message_and_nobody_elses() {
    let world = World::start();
    assert_eq!(world.message("+14155550101", "Hello").status(), 201);
    world.hears("+14155550101", "STOP");
    let refused = world.message("+14155550101", "Hello again");
    assert_twilio_refusal(&refused, 21610);
    assert_eq!(world.message("+14155550102", "Hello").status(), 201);
    assert_eq!(world.twilio.count(), 2, "the refused one did not reach Twilio");
}

#[test]
fn r12_a_refusal_names_channel_and_reason_for_people_and_programs() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    let refused = world.message("+14155550101", "Hello");
    let body = refused.json();
    assert_eq!(body["message"], "Attempt to send to unsubscribed recipient");
    assert_eq!(body["more_info"], "https://www.twilio.com/docs/errors/21610");
    assert_eq!(body["details"]["dnd_channel"], "SMS");
    assert_eq!(body["details"]["dnd_reason"], "keyword");
    assert!(refused.verdict().starts_with("blocked; channel=sms; reason=keyword"), "{}", refused.verdict());
    assert!(
        !refused.verdict().contains("4155550101"),
        "no address stands in a header: {}",
        refused.verdict()
    );
    assert!(refused.field("Content-Type").is_some_and(|media| media.starts_with("application/json")));
}

#[test]
fn r8_a_chat_channels_members_are_unknown_and_messages_need_the_operators_word() {
    let hosts = [("chat", "v2"), ("ip-messaging", "v1"), ("ip-messaging", "v2"), ("chat", "v1")];
    let send = |world: &World, (host, version): (&str, &str)| {
        let path = format!("/twilio/{host}.twilio.com/{version}/Services/IS1/Channels/CH1/Messages");
        world.send(&Request::post(&path).form(&[("Body", "Hello")]))
    };
    let world = World::start();
    for host in hosts {
        let refused = send(&world, host);
        assert_eq!(refused.status(), 400, "{}", refused.text());
        assert!(refused.text().contains("allow_unnamed = [\\\"chat\\\"]"), "{}", refused.text());
    }
    assert_eq!(world.twilio.count(), 0);
    let world = Setup::default().twilio("allow_unnamed = [\"chat\"]").start();
    for host in hosts {
        assert_eq!(send(&world, host).status(), 201, "{host:?}");
    }
    assert_eq!(world.twilio.count(), 4);
}

#[test]
fn r12_a_path_without_suffix_is_answered_in_xml() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    for suffix in ["", ".xml"] {
        let path = MESSAGES.replace(".json", suffix);
        let form = [("To", "+14155550101"), ("From", SENDER), ("Body", "Hello")];
        let refused = world.send(&Request::post(&format!("/twilio{path}")).form(&form));
        assert_eq!(refused.status(), 400);
        assert!(refused.text().contains("<Code>21610</Code>"), "{}", refused.text());
        assert!(refused.field("Content-Type").is_some_and(|media| media.contains("xml")));
        assert!(refused.verdict().starts_with("blocked"), "{}", refused.verdict());
    }
    assert_eq!(world.twilio.count(), 0);
}

#[test]
fn r12_a_blocked_call_is_21216() {
    let world = World::start();
    let id = world
        .api()
        .contact(&json!({ "phone": "+14155550101", "dndSettings": { "Call": { "status": "active" } } }));
    let refused = world.call("+14155550101");
    assert_twilio_refusal(&refused, 21216);
    assert!(refused.verdict().starts_with("blocked; channel=call; reason=manual"), "{}", refused.verdict());
    assert_eq!(world.message("+14155550101", "Hello").status(), 201, "only calls are blocked for {id}");
    assert_eq!(world.call("+14155550102").status(), 201);
    assert_eq!(world.twilio.count(), 2);
}

#[test]
fn r2_the_switch_for_all_channels_blocks_every_channel() {
    let world = World::start();
    world.api().contact(&json!({ "phone": "+14155550101", "email": "ada@example.com", "dnd": true }));
    assert_twilio_refusal(&world.message("+14155550101", "Hello"), 21610);
    assert_twilio_refusal(&world.message("whatsapp:+14155550101", "Hello"), 21610);
    assert_twilio_refusal(&world.call("+14155550101"), 21216);
    assert_eq!(world.mail(&[("to", "ada@example.com")]).status(), 400);
    assert_eq!((world.twilio.count(), world.mailgun.count()), (0, 0));
}

#[test]
fn r8_every_spelling_of_a_number_is_the_same_person() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    for spelling in [
        "+14155550101",
        "14155550101",
        "4155550101",
        "+1 (415) 555-0101",
        "+1-415-555-0101",
        "+1.415.555.0101",
    ] {
        assert_twilio_refusal(&world.message(spelling, "Hello"), 21610);
    }
    assert_eq!(world.twilio.count(), 0);
}

#[test]
fn r8_whatsapp_spells_a_mexican_number_with_a_1_that_is_none() {
    let world = World::start();
    world.hears("whatsapp:+5215512345678", "STOP");
    assert_twilio_refusal(&world.message("whatsapp:+525512345678", "Hola"), 21610);
    assert_twilio_refusal(&world.message("whatsapp:+5215512345678", "Hola"), 21610);
    assert_eq!(world.message("+525512345678", "Hola").status(), 201, "WhatsApp alone was stopped");
}

#[test]
fn r9_no_header_and_no_parameter_gets_past_the_gate() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    for (name, value) in [("ForceDelivery", "true"), ("RiskCheck", "disable"), ("ForceOptIn", "1")] {
        let form = [("To", "+14155550101"), ("From", SENDER), ("Body", "Hello"), (name, value)];
        let refused = world.send(&Request::post(&format!("/twilio{MESSAGES}")).form(&form));
        assert_twilio_refusal(&refused, 21610);
    }
    for name in ["Dndgate-Bypass", "Dndgate-Verdict", "X-Forwarded-For", "X-HTTP-Method"] {
        let refused = world.send(&message("+14155550101", "Hello").field(name, "allowed"));
        assert_eq!(refused.status(), 400, "{name}");
    }
    assert_eq!(world.twilio.count(), 0);
}

#[test]
fn r9_everything_that_contacts_somebody_is_gated() {
    let world = World::start();
    world.api().contact(&json!({ "phone": "+14155550101", "email": "ada@example.com", "dnd": true }));
    let to = "+14155550101";
    let conference = CALLS.replace("Calls", "Conferences/room/Participants");
    let legacy = MESSAGES.replace("Messages", "SMS/Messages");
    let caller_ids = CALLS.replace("Calls", "OutgoingCallerIds");
    let binding = r#"{"binding_type":"sms","address":"+14155550101"}"#;
    for (path, form) in [
        (legacy.as_str(), vec![("To", to), ("From", SENDER), ("Body", "Hi")]),
        (conference.as_str(), vec![("To", to), ("From", SENDER)]),
        (caller_ids.as_str(), vec![("PhoneNumber", to)]),
        ("/studio.twilio.com/v2/Flows/FW1/Executions", vec![("To", to), ("From", SENDER)]),
        ("/verify.twilio.com/v2/Services/VA1/Verifications", vec![("To", to), ("Channel", "sms")]),
        (
            "/verify.twilio.com/v2/Services/VA1/Verifications",
            vec![("To", "ada@example.com"), ("Channel", "email")],
        ),
        (
            "/conversations.twilio.com/v1/Conversations/CH1/Participants",
            vec![("MessagingBinding.Address", to)],
        ),
        ("/proxy.twilio.com/v1/Services/KS1/Sessions/KC1/Participants", vec![("Identifier", to)]),
        ("/notify.twilio.com/v1/Services/IS1/Notifications", vec![("ToBinding", binding), ("Body", "Hi")]),
    ] {
        let refused = world.send(&Request::post(&format!("/twilio{path}")).form(&form));
        assert_eq!(refused.status(), 400, "{path}: {}", refused.text());
        assert!(refused.verdict().starts_with("blocked"), "{path}: {}", refused.verdict());
        assert!(refused.json()["code"].is_number(), "{path}: {}", refused.text());
    }
    assert_eq!(world.twilio.count(), 0);
}

#[test]
fn r9_a_message_in_a_conversation_is_refused_when_a_participant_is_blocked() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    world.twilio.reacts(|request| {
        let participants = json!({ "participants": [
            { "sid": "MB1", "messaging_binding": { "type": "sms", "address": "+14155550102", "proxy_address": SENDER } },
            { "sid": "MB2", "messaging_binding": { "type": "sms", "address": "+14155550101", "proxy_address": SENDER } },
        ], "meta": { "next_page_url": null } });
        Reaction::Answer(match request.method() {
            "GET" => json_answer(200, &participants),
            _ => json_answer(201, &json!({ "sid": "IM1" })),
        })
    });
    let path = "/twilio/conversations.twilio.com/v1/Conversations/CH1/Messages";
    let credentials = format!("Basic {}", STANDARD.encode(format!("{ACCOUNT}:secret")));
    let send = Request::post(path).field("Authorization", &credentials).form(&[("Body", "Hello all")]);
    let refused = world.send(&send);
    assert_eq!(refused.status(), 400, "{}", refused.text());
    assert!(refused.verdict().starts_with("blocked"), "{}", refused.verdict());
    let asked = world.twilio.only();
    assert_eq!(asked.method(), "GET", "the participants are asked for, and nothing is sent");
    assert_eq!(asked.field("Authorization"), Some(credentials.as_str()), "with the CRM's own credentials");
}

#[test]
fn r10_twiml_in_a_call_is_a_send_too() {
    let world = World::start();
    world.api().contact(&json!({ "phone": "+14155550101", "dnd": true }));
    let twiml = "<Response><Dial>+14155550101</Dial></Response>";
    let form = [("To", "+14155550102"), ("From", SENDER), ("Twiml", twiml)];
    let refused = world.send(&Request::post(&format!("/twilio{CALLS}")).form(&form));
    assert_eq!(refused.status(), 400, "{}", refused.text());
    assert_eq!(world.twilio.count(), 0);
}

#[test]
fn r9_only_an_exemption_by_name_lets_a_kind_of_send_through() {
    let world = Setup::default().twilio("exempt = [\"twilio:verify\"]").start();
    world.hears("+14155550101", "STOP");
    let path = "/twilio/verify.twilio.com/v2/Services/VA1/Verifications";
    let code = world.send(&Request::post(path).form(&[("To", "+14155550101"), ("Channel", "sms")]));
    assert_eq!(code.status(), 201, "{}", code.text());
    assert_twilio_refusal(&world.message("+14155550101", "Hello"), 21610);
}

#[test]
fn r13_what_contacts_nobody_passes_untouched() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    let list = world.send(&Request::get(&format!("/twilio{MESSAGES}?To=%2B14155550101&PageSize=5")));
    assert_eq!(list.status(), 200);
    assert_eq!(list.verdict(), "allowed");
    assert_eq!(world.twilio.last().target(), format!("{MESSAGES}?To=%2B14155550101&PageSize=5"));
    let redacted = MESSAGES.replace(".json", "/SM1.json");
    let answer = world.send(&Request::post(&format!("/twilio{redacted}")).form(&[("Body", "")]));
    assert_eq!(answer.status(), 201, "{}", answer.text());
    let gone = world.send(&Request::new("DELETE", &format!("/twilio{redacted}")));
    assert_eq!(gone.status(), 200);
    assert_eq!(world.twilio.count(), 3);
}

#[test]
fn accounts_that_are_not_configured_are_refused() {
    let world = World::start();
    let other = MESSAGES.replace(ACCOUNT, "AC00000000000000000000000000000002");
    let form = [("To", "+14155550102"), ("From", SENDER), ("Body", "Hi")];
    let refused = world.send(&Request::post(&format!("/twilio{other}")).form(&form));
    assert!((400..500).contains(&refused.status()), "{}", refused.text());
    assert!(refused.text().contains("account"), "{}", refused.text());
    assert!(refused.verdict().contains("reason=account"), "{}", refused.verdict());
    assert_eq!(world.twilio.count(), 0);
}

#[test]
fn r10_an_endpoint_that_nobody_knows_is_searched_for_blocked_addresses() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    let unknown = "/twilio/frontline-api.twilio.com/v1/Somethings";
    let with = |text: &str| world.send(&Request::post(unknown).form(&[("Whom", text)]));
    let refused = with("+14155550101");
    assert_eq!(refused.status(), 400, "{}", refused.text());
    assert!(refused.verdict().starts_with("blocked"), "{}", refused.verdict());
    assert_eq!(with("+14155550102").status(), 201);
    assert_eq!(world.twilio.count(), 1);
}

#[test]
fn a_tenants_opt_out_is_its_own_unless_the_configuration_says_otherwise() {
    let tenants = format!(
        "[tenant.one]\naccounts = [\"{ACCOUNT}\"]\n[tenant.two]\naccounts = [\"AC00000000000000000000000000000002\"]"
    );
    let other = MESSAGES.replace(ACCOUNT, "AC00000000000000000000000000000002");
    let form = [("To", "+14155550101"), ("From", SENDER), ("Body", "Hi")];
    for (scope, status) in [("tenant", 201), ("global", 400)] {
        let setup = Setup::default().head(&format!("suppression_scope = \"{scope}\"")).tail(&tenants);
        let world = setup.twilio("accounts = \"any\"").start();
        world.hears("+14155550101", "STOP");
        assert_twilio_refusal(&world.message("+14155550101", "Hello"), 21610);
        let answer = world.send(&Request::post(&format!("/twilio{other}")).form(&form));
        assert_eq!(answer.status(), status, "{scope}: {}", answer.text());
    }
}
