//! Which requests reach somebody, and whom.

use dndgate_adapter::{
    AddressKind, CallbackKind, Channel, Channels, Head, Role,
    table::{Act, Api, Endpoint, Form, Send, To, Way},
};

/// The hosts of the API: flows run on one of their own, look-ups and feedback have theirs.
pub(crate) const HOSTS: &[&str] = &[MAIN, FLOWS, "lookup.plivo.com", FEEDBACK];
const MAIN: &str = "api.plivo.com";
const FLOWS: &str = "phlorunner.plivo.com";
const FEEDBACK: &str = "stats.plivo.com";

/// The kind of a message, whose answer is stitched.
pub(crate) const MESSAGE: &str = "message";

const BOTH: &[Form] = &[Form::Json, Form::Urlencoded];
const OVER_SMS: Channels = Channels::of(Channel::Sms);
const OVER_CALL: Channels = Channels::of(Channel::Call);
const OVER_WHATSAPP: Channels = Channels::of(Channel::WhatsApp);

/// What stands between several numbers in one text.
const AND: &str = "<";

/// Types of a message; without one it is a text.
const TYPES: &[(&str, Channels, AddressKind)] = &[
    ("", OVER_SMS, AddressKind::Phone),
    ("sms", OVER_SMS, AddressKind::Phone),
    ("mms", OVER_SMS, AddressKind::Phone),
    ("whatsapp", OVER_WHATSAPP, AddressKind::Phone),
];
/// Channels of a verification. Without one the application decides.
const STEPS: &[(&str, Channels, AddressKind)] = &[
    ("", OVER_SMS.with(OVER_CALL).with(OVER_WHATSAPP), AddressKind::Phone),
    ("sms", OVER_SMS, AddressKind::Phone),
    ("voice", OVER_CALL, AddressKind::Phone),
    ("whatsapp", OVER_WHATSAPP, AddressKind::Phone),
];
/// Channels by which a caller's number is verified.
const CALLER: &[(&str, Channels, AddressKind)] = &[
    ("", OVER_SMS.with(OVER_CALL), AddressKind::Phone),
    ("sms", OVER_SMS, AddressKind::Phone),
    ("call", OVER_CALL, AddressKind::Phone),
];

const fn beside(
    at: &'static str,
    name: &'static str,
    rows: &'static [(&'static str, Channels, AddressKind)],
) -> To {
    To { at, joined: "", way: Way::Beside(name, rows), role: Role::To }
}

static TEXT: Send = Send {
    kind: MESSAGE,
    forms: BOTH,
    to: &[beside("dst", "type", TYPES).joined(AND)],
    callbacks: &[("url", CallbackKind::Status)],
    sender: "src",
    tags: &["template.name"],
    ..Send::NONE
};
static CALL: Send = Send {
    kind: "call",
    forms: BOTH,
    to: &[To::call("to").joined(AND)],
    callbacks: &[
        ("answer_url", CallbackKind::Document),
        ("fallback_url", CallbackKind::Document),
        ("machine_detection_url", CallbackKind::Status),
        ("ring_url", CallbackKind::Status),
        ("hangup_url", CallbackKind::Status),
        ("callback_url", CallbackKind::Status),
    ],
    sender: "from",
    ..Send::NONE
};
/// Gives the legs of a call something else to do.
static TRANSFER: Send = Send {
    kind: "transfer",
    forms: BOTH,
    callbacks: &[("aleg_url", CallbackKind::Document), ("bleg_url", CallbackKind::Document)],
    ..Send::NONE
};
/// Dials somebody into a conference, or takes a call into it that there is.
static PARTICIPANT: Send = Send {
    kind: "call",
    forms: BOTH,
    to: &[To::call("to").joined(AND)],
    optional: true,
    callbacks: &[
        ("call_status_callback_url", CallbackKind::Status),
        ("status_callback_url", CallbackKind::Status),
        ("recording_callback_url", CallbackKind::Status),
        ("on_exit_action_url", CallbackKind::Document),
        ("wait_music_url", CallbackKind::Document),
    ],
    sender: "from",
    ..Send::NONE
};
/// Two people are connected behind a number of the account's.
static MASKING: Send = Send {
    kind: "call",
    forms: BOTH,
    to: &[To::call("first_party"), To::call("second_party")],
    callbacks: &[
        ("callback_url", CallbackKind::Status),
        ("recording_callback_url", CallbackKind::Status),
        ("first_party_play_url", CallbackKind::Document),
        ("second_party_play_url", CallbackKind::Document),
    ],
    ..Send::NONE
};
static MASKING_CHANGE: Send = Send {
    kind: "call",
    forms: BOTH,
    to: &[To::call("first_party"), To::call("second_party")],
    optional: true,
    ..Send::NONE
};
static VERIFY: Send = Send {
    kind: "verify",
    forms: BOTH,
    to: &[beside("recipient", "channel", STEPS)],
    callbacks: &[("url", CallbackKind::Status)],
    ..Send::NONE
};
static CALLER_ID: Send =
    Send { kind: "caller_id", forms: BOTH, to: &[beside("phone_number", "channel", CALLER)], ..Send::NONE };

pub(crate) static API: Api = Api {
    main_host: MAIN,
    closing_slash: true,
    endpoints: &[
        any("v1/Account/*/Message", Act::Send(&TEXT)),
        any("v1/Account/*/Call", Act::Send(&CALL)),
        any("v1/Account/*/Call/*", Act::Send(&TRANSFER)),
        any("v1/Account/*/Call/*/*", Act::Nobody),
        any("v1/Account/*/Conference/**", Act::Nobody),
        any("v1/Account/*/MultiPartyCall/*/Participant", Act::Send(&PARTICIPANT)),
        any("v1/Account/*/MultiPartyCall/**", Act::Nobody),
        any("v1/Account/*/Verify/Session", Act::Send(&VERIFY)),
        any("v1/Account/*/Verify/Session/*", Act::Nobody),
        any("v1/Account/*/VerifiedCallerId", Act::Send(&CALLER_ID)),
        any("v1/Account/*/VerifiedCallerId/**", Act::Nobody),
        any("v1/Account/*/Masking/Session", Act::Send(&MASKING)),
        any("v1/Account/*/Masking/Session/*", Act::Send(&MASKING_CHANGE)),
        any("v1/account/*/phlo/*", Act::Unnamed("phlo")),
        any("v1/phlo/**", Act::Unnamed("phlo")),
        Endpoint { host: FLOWS, method: "*", path: "**", act: Act::Unnamed("phlo") },
        Endpoint { host: FEEDBACK, method: "*", path: "v1/Call/*/Feedback", act: Act::Nobody },
        any("v1/Account/*", Act::Nobody),
        any("v1/Account/*/Application/**", Act::Nobody),
        any("v1/Account/*/Endpoint/**", Act::Nobody),
        any("v1/Account/*/Subaccount/**", Act::Nobody),
        any("v1/Account/*/Number/**", Act::Nobody),
        any("v1/Account/*/PhoneNumber/**", Act::Nobody),
        any("v1/Account/*/NumberPool/**", Act::Nobody),
        any("v1/Account/*/Powerpack/**", Act::Nobody),
        any("v1/Account/*/Media/**", Act::Nobody),
        any("v1/Account/*/Recording/**", Act::Nobody),
        any("v1/Account/*/Transcription/**", Act::Nobody),
        any("v1/Account/*/10dlc/**", Act::Nobody),
        any("v1/Account/*/Profile/**", Act::Nobody),
        any("v1/Account/*/TollfreeVerification/**", Act::Nobody),
        any("v1/Account/*/Address/**", Act::Nobody),
        any("v1/Account/*/Identity/**", Act::Nobody),
        any("v1/Account/*/EndUser/**", Act::Nobody),
        any("v1/Account/*/ComplianceDocument/**", Act::Nobody),
        any("v1/Account/*/ComplianceApplication/**", Act::Nobody),
        any("v1/Account/*/PhoneNumberCompliance/**", Act::Nobody),
        any("v1/Account/*/HostedMessagingNumber/**", Act::Nobody),
        any("v1/Account/*/LOA/**", Act::Nobody),
        any("v1/Account/*/JWT/**", Act::Nobody),
    ],
};

const fn any(path: &'static str, act: Act) -> Endpoint {
    Endpoint { host: MAIN, method: "*", path, act }
}

/// The account in a path.
pub(crate) fn account<'a>(head: &Head<'a>) -> Option<&'a str> {
    let mut segments = head.path.split('/').skip(1);
    let is_account = |segment: &&str| segment.eq_ignore_ascii_case("account");
    segments.next()?;
    segments.next().filter(is_account)?;
    segments.next().filter(|account| !account.is_empty())
}
