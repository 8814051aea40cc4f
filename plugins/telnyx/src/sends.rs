//! Which requests reach somebody, and whom.

use crate::API_KEY;
use dndgate_adapter::{
    AddressKind, CallbackKind, Channel, Channels, Role, Scheduled, Secrets, credentials,
    outbound::Call,
    table::{Act, Api, Endpoint, Form, Send, To, Way},
};
use http::{Method, header};

pub(crate) const HOST: &str = "api.telnyx.com";

/// A number that is called over WhatsApp must be free on both (R9).
const WHATSAPP_CALL: Channels = Channels::of(Channel::WhatsApp).with(Channels::of(Channel::Call));
const STATUS: &[(&str, CallbackKind)] =
    &[("webhook_url", CallbackKind::Status), ("webhook_failover_url", CallbackKind::Status)];

static MESSAGE: Send = Send {
    to: &[To::sms("to")],
    callbacks: STATUS,
    scheduled: &["send_at"],
    sender: "from",
    tags: &["tags[]"],
    ..Send::NONE
};
static GROUP: Send =
    Send { kind: "group", to: &[To::sms("to[]")], callbacks: STATUS, sender: "from", ..Send::NONE };
static WHATSAPP: Send = Send {
    to: &[To::always("to", Channel::WhatsApp, AddressKind::Phone)],
    callbacks: &[("webhook_url", CallbackKind::Status)],
    sender: "from",
    ..Send::NONE
};
/// Rings one number or several; a SIP address that is no number is somebody inside.
static CALL: Send =
    Send { kind: "call", to: &[To::call("to[]")], callbacks: STATUS, sender: "from", ..Send::NONE };
static TRANSFER: Send =
    Send { kind: "transfer", to: &[To::call("to")], callbacks: STATUS, sender: "from", ..Send::NONE };
static VERIFY_SMS: Send = Send { kind: "verify", to: &[To::sms("phone_number")], ..Send::NONE };
static VERIFY_CALL: Send = Send { kind: "verify", to: &[To::call("phone_number")], ..Send::NONE };
static VERIFY_WHATSAPP: Send = Send {
    kind: "verify",
    to: &[To {
        at: "phone_number",
        joined: "",
        way: Way::Always(Channels::of(Channel::WhatsApp), AddressKind::Phone),
        role: Role::To,
    }],
    ..Send::NONE
};
/// Twilio's way of calling, with Twilio's names.
static TEXML_CALL: Send = Send {
    kind: "call",
    forms: &[Form::Urlencoded, Form::Json],
    to: &[To::call("To")],
    callbacks: &[("StatusCallback", CallbackKind::Status)],
    sender: "From",
    // Instructions that stand in the request may dial further people.
    unnamed: &[("Texml", "texml")],
    ..Send::NONE
};
static WHATSAPP_DIAL: Send = Send {
    kind: "call",
    to: &[To { at: "to", joined: "", way: Way::Always(WHATSAPP_CALL, AddressKind::Phone), role: Role::To }],
    ..Send::NONE
};

pub(crate) static API: Api = Api {
    main_host: HOST,
    closing_slash: true,
    endpoints: &[
        post("v2/messages", Act::Send(&MESSAGE)),
        post("v2/messages/long_code", Act::Send(&MESSAGE)),
        post("v2/messages/short_code", Act::Send(&MESSAGE)),
        post("v2/messages/number_pool", Act::Send(&MESSAGE)),
        post("v2/messages/alphanumeric_sender_id", Act::Send(&MESSAGE)),
        post("v2/messages/schedule", Act::Send(&MESSAGE)),
        post("v2/messages/rcs", Act::Send(&MESSAGE)),
        post("v2/messages/whatsapp", Act::Send(&WHATSAPP)),
        post("v2/messages/group_mms", Act::Send(&GROUP)),
        post("v2/whatsapp_messages", Act::Send(&WHATSAPP)),
        post("v2/whatsapp/calls", Act::Send(&WHATSAPP_DIAL)),
        post("v2/calls", Act::Send(&CALL)),
        post("v2/calls/*/actions/transfer", Act::Send(&TRANSFER)),
        post("v2/calls/*/actions/refer", Act::Unnamed("texml")),
        post("v2/calls/*/actions/*", Act::Nobody),
        post("v2/verifications/sms", Act::Send(&VERIFY_SMS)),
        post("v2/verifications/call", Act::Send(&VERIFY_CALL)),
        post("v2/verifications/flashcall", Act::Send(&VERIFY_CALL)),
        post("v2/verifications/whatsapp", Act::Send(&VERIFY_WHATSAPP)),
        post("v2/verifications/*/actions/verify", Act::Nobody),
        post("v2/verifications/by_phone_number/*/actions/verify", Act::Nobody),
        post("v2/texml/Accounts/*/Calls", Act::Send(&TEXML_CALL)),
        post("v2/texml/calls/*", Act::Send(&TEXML_CALL)),
        any("v2/messaging_profiles/**"),
        any("v2/messaging_hosted_numbers/**"),
        any("v2/messaging/**"),
        any("v2/phone_numbers/**"),
        any("v2/number_orders/**"),
        any("v2/number_reservations/**"),
        any("v2/call_control_applications/**"),
        any("v2/texml_applications/**"),
        any("v2/credential_connections/**"),
        any("v2/media/**"),
        any("v2/number_lookup/**"),
        any("v2/verify_profiles/**"),
    ],
};

const fn post(path: &'static str, act: Act) -> Endpoint {
    Endpoint { host: HOST, method: "POST", path, act }
}

const fn any(path: &'static str) -> Endpoint {
    Endpoint { host: HOST, method: "*", path, act: Act::Nobody }
}

/// A scheduled message is cancelled by deleting it ("Cancel a scheduled message", API reference).
pub(crate) fn cancel(scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
    let key = secrets.first(API_KEY)?;
    let credentials = credentials::bearer(key)?;
    Some(Call {
        method: Method::DELETE,
        host: None,
        path_and_query: format!("/v2/messages/{}", scheduled.id),
        headers: vec![(header::AUTHORIZATION, credentials)],
        body: Vec::new(),
    })
}
