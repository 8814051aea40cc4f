//! Which requests reach somebody, and whom. A path means the same on each of Vonage's hosts.

use crate::{fields::Fields, voice};
use dndgate_adapter::{
    AddressKind, CallbackKind, CannotTrim, Channel, Channels, Edit, Head, Look, Outbound, Request, Role,
    Unreadable,
    json::Json,
    path,
    table::{Act, Api, Endpoint, Form, Send, To, Way},
};
use http::{HeaderMap, HeaderValue, header};
use std::sync::LazyLock;

/// The hosts of the API. Regions have hosts of their own (`api-eu.vonage.com`, `rest-us-1.nexmo.com`).
pub(crate) const HOSTS: &[&str] = &[
    MAIN,
    "api-*.nexmo.com",
    "api.vonage.com",
    "api-*.vonage.com",
    "rest.nexmo.com",
    "rest-*.nexmo.com",
    "messages-sandbox.nexmo.com",
    "video.api.vonage.com",
];
const MAIN: &str = "api.nexmo.com";

/// The kind of a send over the SMS API, whose answer is a 200 in any case.
pub(crate) const SMS: &str = "sms";

/// The first part of paths of the APIs that take forms.
const OLD_APIS: &[&str] = &["sms", "sc", "ussd", "ussd-prompt", "tts", "tts-prompt", "call", "verify"];

const PHONE_CALL: Channels = Channels::of(Channel::Call);
const TEXT_OR_CALL: Channels = Channels::of(Channel::Sms).with(PHONE_CALL);
const OVER_SMS: Channels = Channels::of(Channel::Sms);
const OVER_WHATSAPP: Channels = Channels::of(Channel::WhatsApp);

/// Channels of the Messages API, of its first version too. Viber has no channel of its own here: who opted out of
/// texts gets none over Viber either.
const CHAT: &[(&str, Channels, AddressKind)] = &[
    ("sms", OVER_SMS, AddressKind::Phone),
    ("mms", OVER_SMS, AddressKind::Phone),
    ("rcs", OVER_SMS, AddressKind::Phone),
    ("viber_service", OVER_SMS, AddressKind::Phone),
    ("viber_service_msg", OVER_SMS, AddressKind::Phone),
    ("whatsapp", OVER_WHATSAPP, AddressKind::Phone),
    ("messenger", Channels::of(Channel::Fb), AddressKind::Psid),
];
/// Steps of a verification. Silent authentication asks the network and reaches nobody.
const STEPS: &[(&str, Channels, AddressKind)] = &[
    ("sms", OVER_SMS, AddressKind::Phone),
    ("rcs", OVER_SMS, AddressKind::Phone),
    ("voice", PHONE_CALL, AddressKind::Phone),
    ("whatsapp", OVER_WHATSAPP, AddressKind::Phone),
    ("whatsapp_interactive", OVER_WHATSAPP, AddressKind::Phone),
    ("email", Channels::of(Channel::Email), AddressKind::Email),
    ("silent_auth", Channels::NONE, AddressKind::Phone),
];
const ANY: &[Form] = &[Form::Json, Form::Urlencoded, Form::Query];

const fn beside(at: &'static str, name: &'static str) -> To {
    To { at, joined: "", way: Way::Beside(name, CHAT), role: Role::To }
}

static TEXT: Send = Send { kind: SMS, forms: ANY, to: &[To::sms("to")], sender: "from", ..Send::NONE };
/// Event-based alerts over shared short codes; opting somebody in again may write to them.
static OPT_IN: Send = Send { kind: SMS, forms: ANY, to: &[To::sms("msisdn")], ..Send::NONE };
static SPOKEN: Send = Send { kind: "call", forms: ANY, to: &[To::call("to")], ..Send::NONE };
/// What VoiceXML does may reach further people.
static OLD_CALL: Send = Send {
    kind: "call",
    forms: ANY,
    to: &[To::call("to")],
    unnamed: &[("answer_url", "voicexml")],
    ..Send::NONE
};
static MESSAGE: Send = Send {
    to: &[beside("to", "channel"), beside("failover[].to", "channel")],
    dispensable: &["failover"],
    check: Some(no_fallback_of_a_fallback),
    callbacks: &[("webhook_url", CallbackKind::Status), ("failover[].webhook_url", CallbackKind::Status)],
    sender: "from",
    tags: &["template.name"],
    ..Send::NONE
};
static OLD_MESSAGE: Send = Send { to: &[beside("to.number", "type"), beside("to.id", "type")], ..Send::NONE };
static WORKFLOW: Send =
    Send { to: &[beside("workflow[].to.number", "type"), beside("workflow[].to.id", "type")], ..Send::NONE };
/// By text first, then by call.
static OLD_VERIFY: Send = Send {
    kind: "verify",
    forms: ANY,
    to: &[To {
        at: "number",
        joined: "",
        way: Way::Always(TEXT_OR_CALL, AddressKind::Phone),
        role: Role::To,
    }],
    ..Send::NONE
};
static VERIFY: Send = Send {
    kind: "verify",
    to: &[To { at: "workflow[].to", joined: "", way: Way::Beside("channel", STEPS), role: Role::To }],
    ..Send::NONE
};
/// Takes somebody into a conversation: a telephone is called.
static MEMBER: Send = Send {
    kind: "call",
    to: &[To::call("channel.to.number")],
    unnamed: &[("user", "conversations"), ("user_id", "conversations"), ("user_name", "conversations")],
    ..Send::NONE
};
/// Read by [`special`] readers, and only to be found here.
static ELSEWHERE: Send = Send::NONE;

static API: Api = Api {
    main_host: MAIN,
    closing_slash: true,
    endpoints: &[
        any("v1/messages", Act::Send(&MESSAGE)),
        any("v1/calls", Act::Send(&ELSEWHERE)),
        any("v2/verify", Act::Send(&VERIFY)),
        // The old APIs take a request by any method.
        get("sms/*", Act::Send(&TEXT)),
        head("sms/*", Act::Send(&TEXT)),
        any("sms/*", Act::Send(&TEXT)),
        get("sc/us/*/opt-in/manage/*", Act::Send(&OPT_IN)),
        any("sc/us/*/opt-in/manage/*", Act::Send(&OPT_IN)),
        get("sc/us/*/*", Act::Send(&TEXT)),
        head("sc/us/*/*", Act::Send(&TEXT)),
        any("sc/us/*/*", Act::Send(&TEXT)),
        get("ussd/*", Act::Send(&TEXT)),
        any("ussd/*", Act::Send(&TEXT)),
        get("ussd-prompt/*", Act::Send(&TEXT)),
        any("ussd-prompt/*", Act::Send(&TEXT)),
        get("tts/*", Act::Send(&SPOKEN)),
        any("tts/*", Act::Send(&SPOKEN)),
        get("tts-prompt/*", Act::Send(&SPOKEN)),
        any("tts-prompt/*", Act::Send(&SPOKEN)),
        get("call/*", Act::Send(&OLD_CALL)),
        any("call/*", Act::Send(&OLD_CALL)),
        get("verify/check/*", Act::Nobody),
        any("verify/check/*", Act::Nobody),
        get("verify/search/*", Act::Nobody),
        any("verify/search/*", Act::Nobody),
        any("verify/network-unblock", Act::Nobody),
        get("verify/control/*", Act::Send(&ELSEWHERE)),
        any("verify/control/*", Act::Send(&ELSEWHERE)),
        get("verify/psd2/*", Act::Send(&OLD_VERIFY)),
        any("verify/psd2/*", Act::Send(&OLD_VERIFY)),
        get("verify/*", Act::Send(&OLD_VERIFY)),
        head("verify/*", Act::Send(&OLD_VERIFY)),
        any("verify/*", Act::Send(&OLD_VERIFY)),
        // A message is marked as read, or taken back.
        any("v1/messages/*", Act::Nobody),
        any("v0.1/messages", Act::Send(&OLD_MESSAGE)),
        any("v0.1/dispatch", Act::Send(&WORKFLOW)),
        any("v1/calls/*", Act::Send(&ELSEWHERE)),
        any("v1/calls/*/stream", Act::Nobody),
        any("v1/calls/*/talk", Act::Nobody),
        any("v1/calls/*/dtmf", Act::Nobody),
        any("v1/calls/*/input/dtmf", Act::Nobody),
        any("v2/project/*/dial", Act::Send(&ELSEWHERE)),
        any("v2/project/**", Act::Nobody),
        any("session/create", Act::Nobody),
        any("v2/verify/templates/**", Act::Nobody),
        any("v2/verify/*/next_workflow", Act::Unnamed("verify")),
        any("v2/verify/*", Act::Nobody),
        any("v1/conversations", Act::Nobody),
        any("v1/conversations/*/members", Act::Send(&MEMBER)),
        any("v1/conversations/*/members/*", Act::Nobody),
        any("v1/conversations/*/events", Act::Unnamed("conversations")),
        any("v1/conversations/*", Act::Nobody),
        any("v0.1/bulk/**", Act::Unnamed("proactive_connect")),
        any("v1/users/**", Act::Nobody),
        any("v2/applications/**", Act::Nobody),
        any("v1/applications/**", Act::Nobody),
        any("accounts/**", Act::Nobody),
        any("account/**", Act::Nobody),
        any("number/**", Act::Nobody),
        any("ni/**", Act::Nobody),
        any("conversions/**", Act::Nobody),
        any("v1/redact/**", Act::Nobody),
        any("v3/files/**", Act::Nobody),
        any("v2/reports/**", Act::Nobody),
        any("beta/meetings/**", Act::Nobody),
        any("v1/meetings/**", Act::Nobody),
        any("beta/chatapp-accounts/**", Act::Nobody),
        any("oauth2/**", Act::Nobody),
        any("camara/**", Act::Nobody),
        any("identity-insights/**", Act::Nobody),
    ],
};

const fn get(path: &'static str, act: Act) -> Endpoint {
    Endpoint { host: MAIN, method: "GET", path, act }
}

const fn head(path: &'static str, act: Act) -> Endpoint {
    Endpoint { host: MAIN, method: "HEAD", path, act }
}

const fn any(path: &'static str, act: Act) -> Endpoint {
    Endpoint { host: MAIN, method: "*", path, act }
}

/// A fallback has none of its own; should it have one, nobody knows what becomes of that.
fn no_fallback_of_a_fallback(message: &Json<'_>) -> Result<(), Unreadable> {
    for fallback in message.field("failover")?.and_then(Json::as_array).unwrap_or_default() {
        if fallback.field("failover")?.is_some() {
            return Err(Unreadable::new("a fallback in failover has a failover of its own"));
        }
    }
    Ok(())
}

/// What needs a reader of its own.
#[derive(Debug, Clone, Copy)]
enum Special {
    Call,
    CallChange,
    Dial,
    Control,
    OldVerify,
    None,
}

const SPECIAL: &[(&str, Special)] = &[
    ("v1/calls", Special::Call),
    ("v1/calls/*", Special::CallChange),
    ("v2/project/*/dial", Special::Dial),
    ("verify/control/*", Special::Control),
    ("verify/psd2/*", Special::OldVerify),
    ("verify/*", Special::OldVerify),
];

fn special(head: &Head<'_>) -> Special {
    let path = head.path.strip_suffix('/').unwrap_or(head.path);
    let path = path.strip_prefix('/').unwrap_or(path);
    path::lookup(SPECIAL.iter().copied(), path).ok().flatten().unwrap_or(Special::None)
}

/// The request as one to the main host.
fn anywhere<'a>(head: &Head<'a>) -> Head<'a> {
    Head { host: None, ..*head }
}

pub(crate) fn look(head: &Head<'_>) -> Result<Look, Unreadable> {
    API.look(&anywhere(head))
}

/// The SDK for Python leaves the `application/json` of an earlier request on its forms. As JSON such a body reaches
/// nobody, so that the form is all that it can be.
fn as_it_is_meant<'a>(request: &Request<'a>) -> Request<'a> {
    static FORM: LazyLock<HeaderMap> = LazyLock::new(|| {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        HeaderMap::from_iter([(header::CONTENT_TYPE, form)])
    });
    let head = anywhere(&request.head);
    let api = head.path.split('/').nth(1).unwrap_or_default();
    let is_form = request.body.first().is_some_and(u8::is_ascii_alphabetic) && request.body.contains(&b'=');
    let headers = match head.media_type().as_deref() {
        Some("application/json") if is_form && OLD_APIS.contains(&api) => &FORM,
        _ => head.headers,
    };
    Request { head: Head { headers, ..head }, ..*request }
}

pub(crate) fn read<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let request = as_it_is_meant(request);
    if API.look(&request.head)? != Look::Body {
        return API.read(&request);
    }
    match special(&request.head) {
        Special::Call => return voice::call(&request),
        Special::CallChange => return voice::change(&request),
        Special::Dial => return voice::dial(&request),
        Special::Control => return control(&request),
        Special::OldVerify => written_abroad(&request)?,
        Special::None => {}
    }
    let mut read = API.read(&request)?;
    if let Outbound::Send(sending) = &mut read
        && sending.kind == SMS
    {
        sending.accounts.extend(Fields::of(&request)?.text("api_key")?);
    }
    Ok(read)
}

/// A verification is called off, or its next step is taken: whom that reaches stands in an earlier request.
fn control<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    Ok(match Fields::of(request)?.text("cmd")?.as_deref() {
        Some("cancel") => Outbound::Nobody,
        _ => Outbound::Unnamed("verify"),
    })
}

/// With a country beside it, a number is read as one of that country.
fn written_abroad(request: &Request<'_>) -> Result<(), Unreadable> {
    let fields = Fields::of(request)?;
    let national = fields.text("country")?.is_some_and(|country| !country.is_empty())
        && !fields.text("number")?.is_some_and(|number| number.starts_with('+'));
    if national {
        return Err(Unreadable::new(
            "with a country, write the number with + and leave no doubt whose it is",
        ));
    }
    Ok(())
}

pub(crate) fn trim(request: &Request<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
    let request = as_it_is_meant(request);
    match special(&request.head) {
        Special::Call | Special::CallChange => voice::trim(&request, drop),
        Special::Dial => Err(CannotTrim("nobody would be left to dial".into())),
        _ => API.trim(&request, drop),
    }
}
