//! Which requests reach somebody: Twilio's products, their paths, and what each path does.

use Endpoint::{
    Action, Bulk, Call, CallUpdate, CallerId, ChannelMessage, Conference, ConversationMessage,
    ConversationParticipant, ConversationWithParticipants, Email, Interaction, Message, Nobody, Notification,
    ProxyMessage, ProxyParticipant, ProxySession, QueueMember, Reservation, Studio, Verify,
};
use dndgate_adapter::{Head, Unreadable, path};

/// What a path does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Contacts nobody, whatever its body.
    Nobody,
    Message,
    Call,
    CallUpdate,
    Conference,
    QueueMember,
    CallerId,
    ConversationMessage,
    /// In a channel of Programmable Chat, whose members stand in no list that names their numbers.
    ChannelMessage,
    ConversationParticipant,
    ConversationWithParticipants,
    Action,
    Bulk,
    Email,
    Studio,
    Verify,
    ProxySession,
    ProxyParticipant,
    ProxyMessage,
    Interaction,
    Notification,
    Reservation,
}

/// A path below the product's version (for `api` below the account; `*` is one segment, `**` any number) and
/// what it does.
type Row = (&'static str, Endpoint);

/// Below `/2010-04-01/Accounts/{AC}/`. The first row that fits counts, so the busiest come first.
const API: &[Row] = &[
    ("Messages", Message),
    ("Calls", Call),
    ("Calls/*", CallUpdate),
    ("SMS/Messages", Message),
    ("Conferences/*/Participants", Conference),
    ("Queues/*/Members/*", QueueMember),
    ("OutgoingCallerIds", CallerId),
    ("Messages/*", Nobody),
    ("Messages/*/Feedback", Nobody),
    ("Messages/*/Media/*", Nobody),
    ("SMS/Messages/*", Nobody),
    ("SMS/ShortCodes/*", Nobody),
    ("Calls/*/Events", Nobody),
    ("Calls/*/Feedback", Nobody),
    ("Calls/FeedbackSummary", Nobody),
    ("Calls/*/Notifications", Nobody),
    ("Calls/*/Payments/**", Nobody),
    ("Calls/*/Recordings/**", Nobody),
    ("Calls/*/Siprec/**", Nobody),
    ("Calls/*/Streams/**", Nobody),
    ("Calls/*/Transcriptions/**", Nobody),
    ("Calls/*/UserDefinedMessages", Nobody),
    ("Calls/*/UserDefinedMessageSubscriptions/**", Nobody),
    ("Conferences/*", Nobody),
    ("Conferences/*/Participants/*", Nobody),
    ("Conferences/*/Recordings/**", Nobody),
    ("Addresses/**", Nobody),
    ("Applications/**", Nobody),
    ("AuthorizedConnectApps/**", Nobody),
    ("ConnectApps/**", Nobody),
    ("IncomingPhoneNumbers/**", Nobody),
    ("Keys/**", Nobody),
    ("OutgoingCallerIds/*", Nobody),
    ("Queues", Nobody),
    ("Queues/*", Nobody),
    ("Recordings/**", Nobody),
    ("SIP/**", Nobody),
    ("SigningKeys/**", Nobody),
    ("Tokens", Nobody),
    ("Usage/**", Nobody),
];

const CONVERSATIONS: &[Row] = &[
    ("v1/Conversations/*/Messages", ConversationMessage),
    ("v1/Services/*/Conversations/*/Messages", ConversationMessage),
    ("v1/Conversations/*/Participants", ConversationParticipant),
    ("v1/Services/*/Conversations/*/Participants", ConversationParticipant),
    ("v1/Conversations/*/Participants/*", ConversationParticipant),
    ("v1/Services/*/Conversations/*/Participants/*", ConversationParticipant),
    ("v1/ConversationWithParticipants", ConversationWithParticipants),
    ("v1/Services/*/ConversationWithParticipants", ConversationWithParticipants),
    ("v2/Conversations/*/Actions", Action),
    ("v1/Configuration/**", Nobody),
    ("v1/Conversations", Nobody),
    ("v1/Conversations/*", Nobody),
    ("v1/Conversations/*/Messages/*", Nobody),
    ("v1/Conversations/*/Webhooks/**", Nobody),
    ("v1/Credentials/**", Nobody),
    ("v1/Roles/**", Nobody),
    ("v1/Services", Nobody),
    ("v1/Services/*", Nobody),
    ("v1/Services/*/Configuration/**", Nobody),
    ("v1/Services/*/Conversations", Nobody),
    ("v1/Services/*/Conversations/*", Nobody),
    ("v1/Services/*/Conversations/*/Messages/*", Nobody),
    ("v1/Services/*/Conversations/*/Webhooks/**", Nobody),
    ("v1/Services/*/Roles/**", Nobody),
    ("v1/Services/*/Users/**", Nobody),
    ("v1/Users/**", Nobody),
];

const FLEX: &[Row] = &[
    ("v1/Interactions", Interaction),
    ("v1/Configuration/**", Nobody),
    ("v1/FlexFlows/**", Nobody),
    ("v1/Interactions/*/Channels/*", Nobody),
    ("v1/Interactions/*/Channels/*/Invites/**", Nobody),
    ("v1/PluginService/**", Nobody),
    ("v1/insights/**", Nobody),
];

const MESSAGING: &[Row] = &[
    ("v1/Services/**", Nobody),
    ("v1/LinkShortening/**", Nobody),
    ("v1/Tollfree/**", Nobody),
    ("v2/Channels/**", Nobody),
    ("v2/Indicators/Typing", Nobody),
];

const NUMBERS: &[Row] = &[("v2/RegulatoryCompliance/**", Nobody), ("v1/Porting/**", Nobody)];

const PROXY: &[Row] = &[
    ("v1/Services/*/Sessions", ProxySession),
    ("v1/Services/*/Sessions/*/Participants", ProxyParticipant),
    ("v1/Services/*/Sessions/*/Participants/*/MessageInteractions", ProxyMessage),
    ("v1/Services", Nobody),
    ("v1/Services/*", Nobody),
    ("v1/Services/*/PhoneNumbers/**", Nobody),
    ("v1/Services/*/ShortCodes/**", Nobody),
    ("v1/Services/*/Sessions/*", Nobody),
];

const STUDIO: &[Row] = &[
    ("v1/Flows/*/Engagements", Studio),
    ("v1/Flows/*/Executions", Studio),
    ("v2/Flows/*/Executions", Studio),
    ("v1/Flows/*/Executions/*", Nobody),
    ("v2/Flows", Nobody),
    ("v2/Flows/*", Nobody),
    ("v2/Flows/*/Executions/*", Nobody),
    ("v2/Flows/*/TestUsers", Nobody),
    ("v2/Flows/Validate", Nobody),
];

const TASKROUTER: &[Row] = &[
    ("v1/Workspaces/*/Tasks/*/Reservations/*", Reservation),
    ("v1/Workspaces/*/Workers/*/Reservations/*", Reservation),
    ("v1/Workspaces/**", Nobody),
];

const VERIFY: &[Row] = &[
    ("v2/Services/*/Verifications", Verify),
    ("v2/Services/*/VerificationCheck", Nobody),
    ("v2/Services/*/Verifications/*", Nobody),
    ("v2/Forms/**", Nobody),
    ("v2/SafeList/**", Nobody),
    ("v2/Services", Nobody),
    ("v2/Services/*", Nobody),
    ("v2/Services/*/AccessTokens", Nobody),
    ("v2/Services/*/Entities/**", Nobody),
    ("v2/Services/*/MessagingConfigurations/**", Nobody),
    ("v2/Services/*/Passkeys/**", Nobody),
    ("v2/Services/*/RateLimits/**", Nobody),
    ("v2/Services/*/Webhooks/**", Nobody),
];

/// Programmable Chat. Its channels are conversations under their older name.
const CHAT: &[Row] = &[
    ("v1/Services/*/Channels/*/Messages", ChannelMessage),
    ("v2/Services/*/Channels/*/Messages", ChannelMessage),
    ("v3/Services/*/Channels/*/Messages", ChannelMessage),
];
const BULK: &[Row] = &[("v1/Messages", Bulk)];
const COMMS: &[Row] = &[("v1/Emails", Email)];
const NOTIFY: &[Row] =
    &[("v1/Services/*/Notifications", Notification), ("v1/Credentials/**", Nobody), ("v1/Services", Nobody)];
const VOICE: &[Row] = &[("v1/**", Nobody)];
/// Products that reach no person whatever is asked of them.
const QUIET: &[Row] = &[("v1/**", Nobody), ("v2/**", Nobody), ("v3/**", Nobody)];
/// Products whose paths are not known well enough.
const UNKNOWN: &[Row] = &[];

fn table(product: &str) -> &'static [Row] {
    match product {
        "conversations" => CONVERSATIONS,
        "chat" | "ip-messaging" => CHAT,
        "messaging" => MESSAGING,
        "studio" => STUDIO,
        "verify" => VERIFY,
        "taskrouter" => TASKROUTER,
        "flex-api" => FLEX,
        "proxy" => PROXY,
        "notify" => NOTIFY,
        "numbers" => NUMBERS,
        "comms" => COMMS,
        "preview.messaging" => BULK,
        "voice" => VOICE,
        "accounts" | "bulkexports" | "content" | "events" | "iam" | "insights" | "intelligence"
        | "lookups" | "mcs" | "media" | "monitor" | "oauth" | "pricing" | "serverless" | "supersim"
        | "sync" | "trunking" | "trusthub" | "video" | "wireless" => QUIET,
        _ => UNKNOWN,
    }
}

/// The only version of the main API. An older one called people by other parameters.
const API_PATH: &str = "/2010-04-01/Accounts";
/// The forms of answer that a path's end may ask for.
const SUFFIXES: [&str; 3] = [".json", ".xml", ".csv"];

/// What a request's head asks for. `None`: not a path that the gateway knows.
///
/// # Errors
/// When the path is written in a way that the provider could read as another one.
pub(crate) fn find(head: &Head<'_>) -> Result<Option<Endpoint>, Unreadable> {
    if path::is_read(head.method) {
        return Ok(Some(Nobody));
    }
    path::clean(head.path)?;
    let product = product(head.host);
    if product == "api" {
        let Some(below) = head.path.strip_prefix(API_PATH) else {
            return Err(Unreadable::new(
                "the gateway knows only /2010-04-01/Accounts/… of Twilio's main API; requests to another product \
                 carry its host as the path's first segment, such as /conversations.twilio.com/v1/…",
            ));
        };
        return match below.strip_prefix('/') {
            // The accounts themselves: creating and changing one reaches nobody.
            None if below.is_empty() || SUFFIXES.contains(&below) => Ok(Some(Nobody)),
            None => Ok(None),
            Some(below) => below.split_once('/').map_or(Ok(Some(Nobody)), |(_, path)| lookup(API, path)),
        };
    }
    let table = table(product);
    if !matches!(head.path.split('/').nth(1), Some("v1" | "v2" | "v3")) && product != "preview" {
        return Err(Unreadable::new("the gateway does not know this version of the API"));
    }
    lookup(table, &head.path[1..])
}

fn lookup(table: &[Row], path: &str) -> Result<Option<Endpoint>, Unreadable> {
    let path = SUFFIXES.iter().find_map(|suffix| path.strip_suffix(suffix)).unwrap_or(path);
    path::lookup(table.iter().copied(), path)
}

/// The product that a host serves; without one the main API.
pub(crate) fn product(host: Option<&str>) -> &str {
    let Some(host) = host else { return "api" };
    if host.starts_with("preview.messaging.") {
        return "preview.messaging";
    }
    host.split('.').next().unwrap_or(host)
}

/// The account in a path of the main API.
pub(crate) fn account<'a>(head: &Head<'a>) -> Option<&'a str> {
    if product(head.host) != "api" {
        return None;
    }
    let below = head.path.strip_prefix(API_PATH)?.strip_prefix('/')?;
    let account = below.split('/').next().unwrap_or(below);
    let account = SUFFIXES.iter().find_map(|suffix| account.strip_suffix(suffix)).unwrap_or(account);
    (!account.is_empty()).then_some(account)
}

/// The form of answer that a path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Xml,
    Csv,
}

/// The main API answers in XML when its path has no suffix; the others know JSON only.
pub(crate) fn format(head: &Head<'_>) -> Format {
    let dated = head.path.strip_prefix("/20").is_some();
    if product(head.host) != "api" || !dated || head.path.ends_with(".json") {
        Format::Json
    } else if head.path.ends_with(".csv") {
        Format::Csv
    } else {
        Format::Xml
    }
}
