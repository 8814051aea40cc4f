//! Which requests reach somebody, and whom: messages, calls, verification codes.

use dndgate_adapter::{
    CallbackKind, Head, Outbound, Request, Unreadable,
    json::Json,
    table::{Act, Api, Endpoint, Send, To},
};

pub(crate) const MESSAGING: &str = "messaging.bandwidth.com";
pub(crate) const VOICE: &str = "voice.bandwidth.com";
pub(crate) const MFA: &str = "mfa.bandwidth.com";
/// Endpoints of browsers and apps, look-ups, registrations, tokens.
pub(crate) const GENERAL: &str = "api.bandwidth.com";
/// Numbers.
const DASHBOARD: &str = "dashboard.bandwidth.com";

pub(crate) const HOSTS: &[&str] = &[MESSAGING, VOICE, MFA, GENERAL, DASHBOARD];

/// Requests whose body is BXML, which the adapter reads itself.
pub(crate) const BXML: &str = "(bxml)";

const DOCUMENT: CallbackKind = CallbackKind::Document;
const STATUS: CallbackKind = CallbackKind::Status;

/// Several numbers are one group.
static MESSAGE: Send = Send { to: &[To::sms("to[]")], sender: "from", tags: &["tag"], ..Send::NONE };
/// Tries RCS, SMS and MMS in the order of its list, all to one person.
static MULTI_CHANNEL: Send = Send {
    to: &[To::sms("to")],
    tags: &["tag"],
    check: Some(|body| {
        let list = body.field("channelList")?.and_then(Json::as_array).unwrap_or_default();
        list.iter().try_for_each(|one| match one.field("to")? {
            Some(_) => Err(Unreadable::new("an entry of channelList names somebody of its own")),
            None => Ok(()),
        })
    }),
    ..Send::NONE
};
static CALL: Send = Send {
    kind: "call",
    to: &[To::call("to")],
    callbacks: &[
        ("answerUrl", DOCUMENT),
        ("answerFallbackUrl", DOCUMENT),
        ("disconnectUrl", STATUS),
        ("machineDetection.callbackUrl", DOCUMENT),
        ("machineDetection.fallbackUrl", DOCUMENT),
    ],
    sender: "from",
    tags: &["tag"],
    ..Send::NONE
};
/// A call or a conference that is there is led elsewhere.
static REDIRECT: Send = Send {
    kind: "call",
    callbacks: &[("redirectUrl", DOCUMENT), ("redirectFallbackUrl", DOCUMENT)],
    ..Send::NONE
};
static CODE_SMS: Send = Send { kind: "verify", to: &[To::sms("to")], sender: "from", ..Send::NONE };
static CODE_CALL: Send = Send { kind: "verify", to: &[To::call("to")], sender: "from", ..Send::NONE };

static API: Api = Api {
    main_host: MESSAGING,
    closing_slash: true,
    endpoints: &[
        row(MESSAGING, "POST", "api/v2/users/*/messages", Act::Send(&MESSAGE)),
        row(MESSAGING, "POST", "api/v2/users/*/messages/multiChannel", Act::Send(&MULTI_CHANNEL)),
        row(MESSAGING, "*", "api/v2/users/*/media/**", Act::Nobody),
        row(VOICE, "POST", "api/v2/accounts/*/calls", Act::Send(&CALL)),
        row(VOICE, "POST", "api/v2/accounts/*/calls/*", Act::Send(&REDIRECT)),
        row(VOICE, "PUT", "api/v2/accounts/*/calls/*/bxml", Act::Unnamed(BXML)),
        row(VOICE, "PUT", "api/v2/accounts/*/calls/*/recording", Act::Nobody),
        row(VOICE, "POST", "api/v2/accounts/*/calls/*/recordings/*/transcription", Act::Nobody),
        row(VOICE, "POST", "api/v2/accounts/*/conferences/*", Act::Send(&REDIRECT)),
        row(VOICE, "PUT", "api/v2/accounts/*/conferences/*/bxml", Act::Unnamed(BXML)),
        row(VOICE, "PUT", "api/v2/accounts/*/conferences/*/members/*", Act::Nobody),
        row(MFA, "POST", "api/v1/accounts/*/code/messaging", Act::Send(&CODE_SMS)),
        row(MFA, "POST", "api/v1/accounts/*/code/voice", Act::Send(&CODE_CALL)),
        row(MFA, "POST", "api/v1/accounts/*/code/verify", Act::Nobody),
        row(GENERAL, "POST", "v2/accounts/*/endpoints", Act::Nobody),
        row(GENERAL, "PUT", "v2/accounts/*/endpoints/*/bxml", Act::Unnamed(BXML)),
        row(GENERAL, "*", "v2/accounts/*/phoneNumberLookup/**", Act::Nobody),
        row(GENERAL, "POST", "v2/accounts/*/phoneNumberLookup", Act::Nobody),
        row(GENERAL, "*", "v2/accounts/*/tollFreeVerification/**", Act::Nobody),
        row(GENERAL, "*", "v2/accounts/*/phoneNumbers/**", Act::Nobody),
        row(GENERAL, "POST", "api/v1/oauth2/token", Act::Nobody),
        row(DASHBOARD, "*", "api/**", Act::Nobody),
    ],
};

const fn row(host: &'static str, method: &'static str, path: &'static str, act: Act) -> Endpoint {
    Endpoint { host, method, path, act }
}

/// Where `upstream` is another API than that for messages, the path tells which.
pub(crate) fn placed<'a>(head: &Head<'a>) -> Head<'a> {
    let by_path = [("/api/v2/accounts/", VOICE), ("/api/v1/accounts/", MFA), ("/v2/accounts/", GENERAL)];
    let named = by_path.into_iter().find(|(start, _)| head.path.starts_with(start)).map(|(_, host)| host);
    Head { host: head.host.or(named), ..*head }
}

/// The table and the request as it finds it.
pub(crate) fn table() -> &'static Api {
    &API
}

/// A request by the table.
pub(crate) fn read<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    API.read(&Request { head: placed(&request.head), ..*request })
}

/// The account: `users/ID` or `accounts/ID`.
pub(crate) fn account(path: &str) -> Option<&str> {
    let mut segments = path.split('/');
    segments.find(|segment| ["users", "accounts"].contains(segment))?;
    segments.next().filter(|account| !account.is_empty())
}
