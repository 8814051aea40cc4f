//! Whom a request reaches, for the endpoints of the main API and those that name one person in a form.
//! Endpoints with lists and JSON are in [`crate::lists`].

use crate::{
    address::{self, Way},
    conversations,
    endpoints::{self, Endpoint, Format},
    fields::{self, Media, pick},
    lists,
    twiml::{self, Other},
};
use dndgate_adapter::{
    Callback,
    CallbackKind::{Document, Status},
    Head, Look, Outbound, Recipient, Request, Role, Sending, Unreadable,
    form::{Form, Pair},
};
use smallvec::SmallVec;
use std::borrow::Cow;

/// Header of public-key client validation: a signature over the host and the path that a proxy changes.
const CLIENT_VALIDATION: &str = "twilio-client-validation";

type Recipients<'a> = SmallVec<[Recipient<'a>; 1]>;

impl Endpoint {
    /// What a send there is called in `exempt` and in records.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Endpoint::Nobody => "none",
            Endpoint::Message => "message",
            Endpoint::Call | Endpoint::CallUpdate | Endpoint::QueueMember => "call",
            Endpoint::Conference => "conference",
            Endpoint::CallerId => "caller_id",
            Endpoint::ConversationMessage
            | Endpoint::ConversationParticipant
            | Endpoint::ConversationWithParticipants
            | Endpoint::Action => "conversation",
            Endpoint::ChannelMessage => "chat",
            Endpoint::Bulk => "bulk",
            Endpoint::Email => "email",
            Endpoint::Studio => "studio",
            Endpoint::Verify => "verify",
            Endpoint::ProxySession | Endpoint::ProxyParticipant | Endpoint::ProxyMessage => "proxy",
            Endpoint::Interaction => "flex",
            Endpoint::Notification => "notify",
            Endpoint::Reservation => "taskrouter",
        }
    }

    /// Is it part of the voice API, whose refusals have codes of their own?
    pub(crate) const fn is_voice(self) -> bool {
        use Endpoint::{Call, CallUpdate, CallerId, Conference, QueueMember, Reservation};
        matches!(self, Call | CallUpdate | CallerId | Conference | QueueMember | Reservation)
    }

    const fn media(self) -> Media {
        match self {
            Endpoint::Action | Endpoint::Bulk | Endpoint::Email => Media::Json,
            _ => Media::Form,
        }
    }
}

/// See [`dndgate_adapter::Adapter::look`].
pub(crate) fn look(head: &Head<'_>) -> Result<Look, Unreadable> {
    if head.headers.contains_key(CLIENT_VALIDATION) {
        return Err(Unreadable::new(
            "public-key client validation signs the host and the path, so that it cannot pass a proxy: switch it \
             off in the SDK",
        ));
    }
    // A host such as `messaging.x@proxy.twilio.com` fits a pattern of one product and leads to another.
    let is_host =
        |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if !head.host.is_none_or(is_host) {
        return Err(Unreadable::new("the host in the path is not one"));
    }
    match endpoints::find(head)? {
        None => Ok(Look::Unrecognised),
        Some(Endpoint::Nobody) => Ok(Look::Nobody),
        Some(endpoint) => fields::check_head(head, endpoint.media()).map(|()| Look::Body),
    }
}

/// See [`dndgate_adapter::Adapter::read`].
pub(crate) fn read<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let Some(endpoint) = endpoints::find(&request.head)? else { return Ok(Outbound::Unrecognised) };
    let sent = |sending| Ok(Outbound::Send(Sending { kind: endpoint.kind(), ..sending }));
    let form = || fields::form(request.body);
    match endpoint {
        Endpoint::Nobody => Ok(Outbound::Nobody),
        Endpoint::Message => sent(message(request)?),
        Endpoint::Call => sent(call(request)?),
        Endpoint::CallUpdate => match call_update(request)? {
            sending if sending.recipients.is_empty() && sending.callbacks.is_empty() => Ok(Outbound::Nobody),
            sending => sent(sending),
        },
        Endpoint::Conference => sent(conference(request)?),
        Endpoint::QueueMember => sent(Sending {
            callbacks: fields::callbacks(&form()?, &[("Url", Document)])?,
            ..Sending::default()
        }),
        Endpoint::CallerId => {
            let form = form()?;
            let [number] = pick(&form, ["PhoneNumber"])?;
            let recipients = one(needed(number, Way::Call)?, Way::Call)?;
            let callbacks = fields::callbacks(&form, &[("StatusCallback", Status)])?;
            sent(Sending { recipients, callbacks, ..Sending::default() })
        }
        Endpoint::Reservation => reservation(&form()?).and_then(sent),
        Endpoint::Studio => {
            let form = form()?;
            let [to, from] = pick(&form, ["To", "From"])?;
            let recipients = one(needed(to, Way::Either)?, Way::Either)?;
            sent(Sending { recipients, sender: value(from), ..Sending::default() })
        }
        Endpoint::Verify => sent(verify(&form()?)?),
        Endpoint::ConversationParticipant => {
            let form = form()?;
            let names = [
                "MessagingBinding.Address",
                "MessagingBinding.ProjectedAddress",
                "MessagingBinding.ProxyAddress",
            ];
            let [address, projected, proxy] = pick(&form, names)?;
            let mut recipients = Recipients::new();
            for pair in [address, projected].into_iter().flatten().filter(|pair| !pair.value.is_empty()) {
                recipients.extend(address::read(&pair.value, Way::Message)?);
            }
            sent(Sending { recipients, sender: value(proxy), ..Sending::default() })
        }
        Endpoint::ProxyParticipant => {
            let form = form()?;
            let [identifier] = pick(&form, ["Identifier"])?;
            sent(Sending {
                recipients: one(needed(identifier, Way::Either)?, Way::Either)?,
                ..Sending::default()
            })
        }
        Endpoint::ConversationMessage | Endpoint::ProxyMessage => {
            Ok(Outbound::Ask(conversations::question(&request.head)))
        }
        Endpoint::ChannelMessage => Ok(Outbound::Unnamed("chat")),
        Endpoint::ConversationWithParticipants
        | Endpoint::Action
        | Endpoint::Bulk
        | Endpoint::Email
        | Endpoint::ProxySession
        | Endpoint::Interaction
        | Endpoint::Notification => lists::read(endpoint, request),
    }
}

fn message<'a>(request: &Request<'a>) -> Result<Sending<'a>, Unreadable> {
    let form = fields::form(request.body)?;
    let names = [
        "To",
        "Called",
        "From",
        "MessagingServiceSid",
        "ContentSid",
        "StatusCallback",
        "ScheduleType",
        "SendAt",
    ];
    let [to, called, from, service, content, status, schedule, send_at] = pick(&form, names)?;
    no_legacy_field(called)?;
    let scheduled = schedule.is_some() || send_at.is_some();
    if scheduled && endpoints::format(&request.head) == Format::Csv {
        return Err(Unreadable::new(
            "schedule messages with .json or .xml: the gateway needs their id from the answer",
        ));
    }
    let callbacks = status.filter(|pair| !pair.value.is_empty()).map(|pair| callback(pair, Status));
    Ok(Sending {
        recipients: one(needed(to, Way::Message)?, Way::Message)?,
        callbacks: callbacks.into_iter().collect(),
        scheduled,
        sender: value(from.or(service)),
        tags: content.map(|pair| pair.value.clone()).into_iter().collect(),
        ..Sending::default()
    })
}

fn call<'a>(request: &Request<'a>) -> Result<Sending<'a>, Unreadable> {
    let form = fields::form(request.body)?;
    let [to, called, from, twiml] = pick(&form, ["To", "Called", "From", "Twiml"])?;
    no_legacy_field(called)?;
    let to = needed(to, Way::Call)?;
    let mut recipients = one(to, Way::Call)?;
    let mut callbacks = fields::callbacks(
        &form,
        &[
            ("Url", Document),
            ("FallbackUrl", Document),
            ("StatusCallback", Status),
            ("RecordingStatusCallback", Status),
            ("AsyncAmdStatusCallback", Status),
        ],
    )?;
    inline(twiml, Other::Person(&to.value), request.body, &mut recipients, &mut callbacks)?;
    Ok(Sending { recipients, callbacks, sender: value(from), ..Sending::default() })
}

fn call_update<'a>(request: &Request<'a>) -> Result<Sending<'a>, Unreadable> {
    let form = fields::form(request.body)?;
    let [twiml] = pick(&form, ["Twiml"])?;
    let mut recipients = Recipients::new();
    let mut callbacks = fields::callbacks(
        &form,
        &[("Url", Document), ("FallbackUrl", Document), ("StatusCallback", Status)],
    )?;
    inline(twiml, Other::Unknown, request.body, &mut recipients, &mut callbacks)?;
    Ok(Sending { recipients, callbacks, ..Sending::default() })
}

fn conference<'a>(request: &Request<'a>) -> Result<Sending<'a>, Unreadable> {
    let form = fields::form(request.body)?;
    let [to, called, from, twiml] = pick(&form, ["To", "Called", "From", "Twiml"])?;
    no_legacy_field(called)?;
    let to = needed(to, Way::Call)?;
    let mut recipients = one(to, Way::Call)?;
    let mut callbacks = fields::callbacks(
        &form,
        &[
            ("WaitUrl", Document),
            ("StatusCallback", Status),
            ("AmdStatusCallback", Status),
            ("ConferenceStatusCallback", Status),
            ("ConferenceRecordingStatusCallback", Status),
            ("RecordingStatusCallback", Status),
        ],
    )?;
    inline(twiml, Other::Person(&to.value), request.body, &mut recipients, &mut callbacks)?;
    Ok(Sending { recipients, callbacks, sender: value(from), ..Sending::default() })
}

/// Reads the people and the links of TwiML in a parameter. Twilio ignores it beside `Url`; it counts all the
/// same.
fn inline<'a>(
    pair: Option<&Pair<'a>>,
    other: Other<'_>,
    body: &[u8],
    recipients: &mut Recipients<'a>,
    callbacks: &mut Vec<Callback<'a>>,
) -> Result<(), Unreadable> {
    let Some(pair) = pair.filter(|pair| !pair.value.is_empty()) else { return Ok(()) };
    let twiml = twiml::read(&pair.value, twiml::Context { other, voice: true })?;
    callbacks.extend(twiml.callbacks(pair, body));
    recipients.extend(twiml.nouns.into_iter().map(|noun| noun.recipient));
    Ok(())
}

/// An instruction to a worker, which may ring a telephone.
fn reservation<'a>(form: &Form<'a>) -> Result<Sending<'a>, Unreadable> {
    let names = ["CallTo", "To", "DequeueTo", "CallFrom", "From", "DequeueFrom"];
    let [call_to, to, dequeue_to, call_from, from, dequeue_from] = pick(form, names)?;
    let mut recipients = Recipients::new();
    for pair in [call_to, to, dequeue_to].into_iter().flatten().filter(|pair| !pair.value.is_empty()) {
        recipients.extend(address::read(&pair.value, Way::Call)?);
    }
    let callbacks = fields::callbacks(
        form,
        &[
            ("CallUrl", Document),
            ("RedirectUrl", Document),
            ("WaitUrl", Document),
            ("CallStatusCallbackUrl", Status),
            ("DequeueStatusCallbackUrl", Status),
            ("StatusCallback", Status),
            ("ConferenceStatusCallback", Status),
            ("ConferenceRecordingStatusCallback", Status),
            ("RecordingStatusCallback", Status),
        ],
    )?;
    Ok(Sending {
        recipients,
        callbacks,
        sender: value(call_from.or(from).or(dequeue_from)),
        ..Sending::default()
    })
}

/// A one-time code. Without a channel, or with one that lets Twilio choose, all it may choose count.
fn verify<'a>(form: &Form<'a>) -> Result<Sending<'a>, Unreadable> {
    use dndgate_adapter::Channel::{Call, Sms, WhatsApp};
    let [to, channel] = pick(form, ["To", "Channel"])?;
    let to = needed(to, Way::Either)?;
    let channel = channel.map_or("", |pair| pair.value.trim()).to_ascii_lowercase();
    if channel == "email" || (to.value.contains('@') && matches!(&*channel, "" | "auto")) {
        let recipients = SmallVec::from_iter([address::email(&to.value, Role::To)]);
        return Ok(Sending { recipients, ..Sending::default() });
    }
    let channels = match &*channel {
        "" | "auto" => [Sms, Call, WhatsApp].into_iter().collect(),
        "sms" | "sna" | "rcs" => Sms.into(),
        "call" => Call.into(),
        "whatsapp" => WhatsApp.into(),
        _ => return Err(Unreadable::new("the gateway does not know this Channel")),
    };
    let mut recipients = one(to, Way::Either)?;
    for recipient in &mut recipients {
        // A prefix, if Twilio takes one here, may only add to it.
        let prefixed = to.value.contains(':');
        recipient.channels = if prefixed { recipient.channels.with(channels) } else { channels };
    }
    Ok(Sending { recipients, ..Sending::default() })
}

/// Nobody knows whether the present API still takes the recipient's field of the 2008 one.
fn no_legacy_field(called: Option<&Pair<'_>>) -> Result<(), Unreadable> {
    match called {
        Some(_) => Err(Unreadable::new("Called is a parameter of an older API: name the recipient in To")),
        None => Ok(()),
    }
}

fn needed<'f, 'a>(pair: Option<&'f Pair<'a>>, way: Way) -> Result<&'f Pair<'a>, Unreadable> {
    let code = match way {
        Way::Message => Some(21604),
        Way::Call => Some(21201),
        Way::Either => None,
    };
    pair.ok_or_else(|| Unreadable { code, ..Unreadable::new("the request names no recipient") })
}

fn one<'a>(pair: &Pair<'a>, way: Way) -> Result<Recipients<'a>, Unreadable> {
    Ok(address::read(&pair.value, way)?.into_iter().collect())
}

fn callback<'a>(pair: &Pair<'a>, kind: dndgate_adapter::CallbackKind) -> Callback<'a> {
    Callback { url: fields::web(&pair.value), place: pair.place(), kind }
}

fn value<'a>(pair: Option<&Pair<'a>>) -> Cow<'a, str> {
    pair.map(|pair| pair.value.clone()).unwrap_or_default()
}
