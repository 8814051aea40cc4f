//! Which requests reach somebody, and whom.

use crate::{conversations, flow};
use dndgate_adapter::{
    AddressKind, Ask, CallbackKind, CannotTrim, Channel, Channels, Edit, Head, Look, Outbound, Request, Role,
    Sending, Unreadable, form, json, path,
    table::{Act, Api, Endpoint, Form, Send, To, Way},
};

/// The hosts of the API.
pub(crate) const HOSTS: &[&str] = &[REST, CONVERSATIONS, SANDBOX, VOICE, NUMBERS, BIRD];
pub(crate) const REST: &str = "rest.messagebird.com";
pub(crate) const CONVERSATIONS: &str = "conversations.messagebird.com";
const SANDBOX: &str = "whatsapp-sandbox.messagebird.com";
pub(crate) const VOICE: &str = "voice.messagebird.com";
const NUMBERS: &str = "numbers.messagebird.com";
pub(crate) const BIRD: &str = "api.bird.com";

/// Kinds of sends whose answers count recipients.
pub(crate) const MESSAGE: &str = "message";
pub(crate) const VOICE_MESSAGE: &str = "voice message";
/// A message to whatever channel a sender's id stands for.
const ANY_CHANNEL: &str = "conversation";

const BOTH: &[Form] = &[Form::Json, Form::Urlencoded];
const OVER_SMS: Channels = Channels::of(Channel::Sms);
const OVER_CALL: Channels = Channels::of(Channel::Call);
/// Where a number may get a message whose channel only an id tells.
pub(crate) const TEXTS: Channels = OVER_SMS.with(Channels::of(Channel::WhatsApp));
const OVER_MAIL: Channels = Channels::of(Channel::Email);

/// Types of a verification; without one it is a text.
const TYPES: &[(&str, Channels, AddressKind)] = &[
    ("", OVER_SMS, AddressKind::Phone),
    ("sms", OVER_SMS, AddressKind::Phone),
    ("flash", OVER_SMS, AddressKind::Phone),
    ("tts", OVER_CALL, AddressKind::Phone),
    ("email", OVER_MAIL, AddressKind::Email),
];
/// How Bird names a contact.
const IDENTIFIERS: &[(&str, Channels, AddressKind)] =
    &[("phonenumber", TEXTS, AddressKind::Phone), ("emailaddress", OVER_MAIL, AddressKind::Email)];

const fn on(at: &'static str, channels: Channels, kind: AddressKind) -> To {
    To { at, joined: "", way: Way::Always(channels, kind), role: Role::To }
}

static TEXT: Send = Send {
    kind: MESSAGE,
    forms: BOTH,
    to: &[To::sms("recipients[]").joined(",")],
    unnamed: &[("groupIds", "groups"), ("contactIds", "contacts")],
    callbacks: &[("reportUrl", CallbackKind::Status)],
    scheduled: &["scheduledDatetime"],
    sender: "originator",
    tags: &["reference"],
    ..Send::NONE
};
static SPOKEN: Send = Send {
    kind: VOICE_MESSAGE,
    forms: BOTH,
    to: &[To::call("recipients[]").joined(",")],
    unnamed: &[("groupIds", "groups"), ("contactIds", "contacts")],
    callbacks: &[("reportUrl", CallbackKind::Status)],
    scheduled: &["scheduledDatetime"],
    sender: "originator",
    tags: &["reference"],
    ..Send::NONE
};
static VERIFY: Send = Send {
    kind: "verify",
    forms: BOTH,
    to: &[To { at: "recipient", joined: "", way: Way::Beside("type", TYPES), role: Role::To }],
    callbacks: &[("reportUrl", CallbackKind::Status)],
    ..Send::NONE
};
/// The sender is the id of a channel: a number, or somebody on Messenger.
static TO_ANY: Send = Send {
    kind: ANY_CHANNEL,
    to: &[on("to", TEXTS, AddressKind::Phone), on("to", Channels::of(Channel::Fb), AddressKind::Psid)],
    callbacks: &[("reportUrl", CallbackKind::Status)],
    sender: "from",
    tags: &["content.hsm.templateName"],
    ..Send::NONE
};
/// Found here, asked about in [`conversations`].
static IN_CONVERSATION: Send = Send { kind: ANY_CHANNEL, ..Send::NONE };
static CALL: Send = Send {
    kind: "call",
    to: &[To::call("destination"), To::call("callFlow.steps[].options.destination")],
    unnamed: &[("callFlow.id", "call_flows")],
    check: Some(flow::check_call),
    callbacks: &[
        ("webhook.url", CallbackKind::Status),
        ("callFlow.steps[].options.url", CallbackKind::Document),
        ("callFlow.steps[].onFinish", CallbackKind::Document),
        ("callFlow.steps[].onKeypressGoto", CallbackKind::Document),
    ],
    sender: "source",
    ..Send::NONE
};
/// A contact may be named by its id alone.
static BIRD_MESSAGE: Send = Send {
    kind: "message",
    to: &[To {
        at: "receiver.contacts[].identifierValue",
        joined: "",
        way: Way::Beside("identifierKey", IDENTIFIERS),
        role: Role::To,
    }],
    unnamed: &[("receiver.contacts[].id", "contacts"), ("receiver.groups", "groups")],
    tags: &["template.name", "tags[]"],
    ..Send::NONE
};
static BIRD_VERIFY: Send = Send {
    kind: "verify",
    to: &[
        on("identifier.phonenumber", TEXTS.with(OVER_CALL), AddressKind::Phone),
        on("identifier.emailaddress", OVER_MAIL, AddressKind::Email),
    ],
    ..Send::NONE
};

static API: Api = Api {
    main_host: REST,
    closing_slash: true,
    endpoints: &[
        any(REST, "messages", Act::Send(&TEXT)),
        any(REST, "mms", Act::Send(&TEXT)),
        any(REST, "voicemessages", Act::Send(&SPOKEN)),
        any(REST, "verify", Act::Send(&VERIFY)),
        any(REST, "verify/**", Act::Nobody),
        // Questions to the network reach nobody.
        any(REST, "hlr/**", Act::Nobody),
        any(REST, "lookup/**", Act::Nobody),
        any(REST, "contacts/**", Act::Nobody),
        any(REST, "groups/**", Act::Nobody),
        any(CONVERSATIONS, "v1/send", Act::Send(&TO_ANY)),
        any(CONVERSATIONS, "v1/conversations/start", Act::Send(&TO_ANY)),
        any(CONVERSATIONS, "v1/conversations/*/messages", Act::Send(&IN_CONVERSATION)),
        any(CONVERSATIONS, "v1/conversations/*", Act::Nobody),
        any(CONVERSATIONS, "v1/webhooks/**", Act::Nobody),
        any(SANDBOX, "v1/send", Act::Send(&TO_ANY)),
        any(SANDBOX, "v1/conversations/start", Act::Send(&TO_ANY)),
        any(SANDBOX, "v1/conversations/*/messages", Act::Send(&IN_CONVERSATION)),
        any(SANDBOX, "v1/conversations/*", Act::Nobody),
        any(SANDBOX, "v1/webhooks/**", Act::Nobody),
        any(VOICE, "calls", Act::Send(&CALL)),
        any(VOICE, "v1/calls", Act::Send(&CALL)),
        any(VOICE, "calls/*/legs/*/recordings/**", Act::Nobody),
        any(VOICE, "calls/*", Act::Nobody),
        // What a flow does begins when somebody calls in.
        any(VOICE, "call-flows/**", Act::Nobody),
        any(VOICE, "webhooks/**", Act::Nobody),
        any(NUMBERS, "**", Act::Nobody),
        any(BIRD, "workspaces/*/channels/*/messages", Act::Send(&BIRD_MESSAGE)),
        any(BIRD, "workspaces/*/channels/*/calls", Act::Unnamed("call_flows")),
        any(BIRD, "workspaces/*/channels/*/media/**", Act::Nobody),
        any(BIRD, "workspaces/*/verify", Act::Send(&BIRD_VERIFY)),
        any(BIRD, "workspaces/*/verify/*/resend", Act::Unnamed("verify")),
        any(BIRD, "workspaces/*/verify/*/check", Act::Nobody),
        any(BIRD, "workspaces/*/conversations", Act::Unnamed("conversations")),
        any(BIRD, "workspaces/*/conversations/*/messages", Act::Unnamed("conversations")),
        any(BIRD, "workspaces/*/campaigns/**", Act::Unnamed("campaigns")),
        any(BIRD, "workspaces/*/contacts/**", Act::Nobody),
        any(BIRD, "workspaces/*/numbers/**", Act::Nobody),
        any(BIRD, "workspaces/*/webhook-subscriptions/**", Act::Nobody),
        any(BIRD, "organizations/**", Act::Nobody),
    ],
};

const fn any(host: &'static str, path: &'static str, act: Act) -> Endpoint {
    Endpoint { host, method: "*", path, act }
}

/// A method may stand in the query (`_method=PUT`, as the documentation of groups has it): then nobody knows what
/// the path means.
pub(crate) fn look(head: &Head<'_>) -> Result<Look, Unreadable> {
    let query = head.query.unwrap_or_default();
    if !query.is_empty() && form::query_could_name(query, |name| name.eq_ignore_ascii_case("_method")) {
        return Err(Unreadable::new("use the method itself instead of _method"));
    }
    API.look(head)
}

pub(crate) fn read<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let mut read = match conversation(&request.head) {
        Some(id) if look(&request.head)? == Look::Body => return ask(request, id),
        _ => API.read(request)?,
    };
    if let Outbound::Send(sending) = &mut read {
        if sending.kind == ANY_CHANNEL {
            conversations::whom(sending);
        }
        // Cancelled for one it would be cancelled for all.
        if sending.scheduled && sending.recipients.len() > 1 {
            sending.unnamed.get_or_insert("scheduled");
        }
        if sending.kind == VOICE_MESSAGE || sending.kind == MESSAGE {
            method_in_form(request)?;
        }
    }
    Ok(read)
}

/// What stands in a form can change the method too.
fn method_in_form(request: &Request<'_>) -> Result<(), Unreadable> {
    let is_form = request.head.media_type().as_deref() == Some("application/x-www-form-urlencoded");
    if is_form && form::read(request.body)?.pairs().iter().any(|pair| form::same_field(&pair.name, "_method"))
    {
        return Err(Unreadable::new("use the method itself instead of _method"));
    }
    Ok(())
}

pub(crate) fn trim(
    request: &Request<'_>,
    send: &Sending<'_>,
    drop: &[usize],
) -> Result<Vec<Edit>, CannotTrim> {
    if send.kind == ANY_CHANNEL && !drop.is_empty() {
        return Err(CannotTrim("one address may be a number or an id, and it must be free as both".into()));
    }
    API.trim(request, drop)
}

/// The conversation that a message goes to, by its id in the path.
pub(crate) fn conversation<'a>(head: &Head<'a>) -> Option<&'a str> {
    let in_conversations = head.host.is_some_and(|host| host == CONVERSATIONS || host == SANDBOX);
    let path = head.path.strip_prefix("/v1/conversations/").filter(|_| in_conversations)?;
    let id = path.trim_end_matches('/').strip_suffix("/messages")?;
    (!id.contains('/')).then_some(id)
}

/// Who is in the conversation, the provider says.
fn ask<'a>(request: &Request<'a>, id: &str) -> Result<Outbound<'a>, Unreadable> {
    match request.head.media_type().as_deref() {
        Some("application/json") => drop(json::read(request.body)?),
        _ => return Err(Unreadable::new("send this as application/json")),
    }
    let ask = Ask {
        host: request.head.host.map(str::to_owned),
        path_and_query: format!("/v1/conversations/{id}"),
        unless_allowed: Some("conversations"),
        ..Ask::default()
    };
    Ok(Outbound::Ask(ask))
}

/// The workspace in a path of Bird's.
pub(crate) fn workspace<'a>(head: &Head<'a>) -> Option<&'a str> {
    let path = head.path.strip_prefix("/workspaces/").filter(|_| head.host == Some(BIRD))?;
    path.split('/').next().filter(|id| !id.is_empty() && path::clean(&format!("/{id}")).is_ok())
}
