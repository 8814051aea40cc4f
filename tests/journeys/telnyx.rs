//! Telnyx through the real binary: its official SDKs, its webhooks.

use super::stand_ins::{
    BLOCKED, FREE, StandIn, a_failure_is_told, a_stop_is_believed_when_signed, reached_only_the_free, sdk,
};
use crate::harness::{Fake, Request, Setup, World};
use dndgate_adapter::{Adapter, Channel};
use dndgate_telnyx::TELNYX;
use serde_json::{Map, json};

fn public_key() -> String {
    TELNYX.sandbox().and_then(|sandbox| sandbox.key("public_key")).expect("the stand-in's key")
}

fn telnyx() -> StandIn {
    StandIn::new(&TELNYX, &[("public_key", &public_key()), ("api_key", "KEY")])
}

fn world(stand_in: &StandIn, crm: &Fake) -> World {
    let configured = format!("{}crm_webhook = \"{}/telnyx\"\n", stand_in.configured(), crm.url());
    let world = Setup::default().tail(&configured).start();
    world.api().contact(&json!({ "phone": BLOCKED, "dnd": true }));
    world
}

fn base(world: &World) -> String {
    format!("http://127.0.0.1:{}/telnyx", world.gate.ports.traffic)
}

#[test]
fn r11_r12_telnyx_for_python() {
    let stand_in = telnyx();
    let world = world(&stand_in, &Fake::crm());
    sdk("telnyx_python.py", &base(&world), &[]);
    reached_only_the_free(&stand_in, 2);
}

#[test]
fn r11_r12_r30_telnyx_for_node() {
    let (stand_in, crm) = (telnyx(), Fake::crm());
    let world = world(&stand_in, &crm);
    a_stop_is_believed_when_signed(&stand_in, &world, Channel::Sms, "+14155550131");
    // What reached the CRM: the SDK itself has to believe it.
    let passed_on = crm.wait_for(1).remove(0);
    let headers: Map<_, _> =
        passed_on.fields.iter().map(|(name, value)| (name.to_lowercase(), json!(value))).collect();
    let webhook = json!({ "headers": headers, "body": passed_on.text() }).to_string();
    sdk("telnyx_node.js", &base(&world), &[("WEBHOOK", &webhook), ("PUBLIC_KEY", &public_key())]);
    reached_only_the_free(&stand_in, 4);
}

#[test]
fn r16_r19_telnyxs_webhooks_count_when_it_signed_them() {
    let stand_in = telnyx();
    let world = world(&stand_in, &Fake::crm());
    a_stop_is_believed_when_signed(&stand_in, &world, Channel::Sms, "+14155550131");
    a_stop_is_believed_when_signed(&stand_in, &world, Channel::WhatsApp, "+14155550132");
    let send = json!({ "from": "+15005550006", "to": FREE, "text": "hello" });
    assert_eq!(world.send(&Request::post("/telnyx/v2/messages").json(&send)).status(), 200);
    a_failure_is_told(&stand_in, &world, "40300");
}
