//! Plivo through the real binary: its official SDKs, its webhooks.

use super::stand_ins::{
    BLOCKED, FREE, StandIn, a_failure_is_told, a_stop_is_believed_when_signed, reached_only_the_free, sdk,
};
use crate::harness::{Request, Setup, World};
use dndgate_adapter::Channel;
use dndgate_plivo::PLIVO;
use serde_json::json;

fn plivo() -> StandIn {
    StandIn::new(&PLIVO, &[("auth_token", "the-token"), ("auth_id", "MAAAAAAAAAAAAAAAAAAA")])
}

fn world(stand_in: &StandIn) -> World {
    let world = Setup::default().tail(&stand_in.configured()).start();
    world.api().contact(&json!({ "phone": BLOCKED, "dnd": true }));
    world
}

fn base(world: &World) -> String {
    format!("http://127.0.0.1:{}/plivo", world.gate.ports.traffic)
}

#[test]
fn r11_r12_plivo_for_python() {
    let stand_in = plivo();
    let world = world(&stand_in);
    sdk("plivo_python.py", &base(&world), &[]);
    reached_only_the_free(&stand_in, 5);
}

#[test]
fn r11_r12_plivo_for_node() {
    let stand_in = plivo();
    let world = world(&stand_in);
    sdk("plivo_node.js", &base(&world), &[]);
    reached_only_the_free(&stand_in, 2);
}

#[test]
fn r16_r19_plivos_webhooks_count_when_it_signed_them() {
    let stand_in = plivo();
    let world = world(&stand_in);
    a_stop_is_believed_when_signed(&stand_in, &world, Channel::Sms, "+14155550131");
    a_stop_is_believed_when_signed(&stand_in, &world, Channel::WhatsApp, "+14155550132");
    let send = Request::post("/plivo/v1/Account/MAAAAAAAAAAAAAAAAAAA/Message/");
    let send = send.json(&json!({ "src": "15005550006", "dst": FREE, "text": "hello" }));
    assert_eq!(world.send(&send).status(), 202);
    a_failure_is_told(&stand_in, &world, "200");
}
