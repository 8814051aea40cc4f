//! Which requests reach somebody, and whom: the SMS, Conversation, Voice, Verification and Fax APIs.

use crate::API_TOKEN;
use dndgate_adapter::{
    AddressKind, CallbackKind, Channel, Channels, Head, Outbound, Request, Role, Scheduled, Secrets,
    Unreadable, credentials, form,
    json::Json,
    outbound::Call,
    path,
    table::{Act, Api, Endpoint, Send, To, Way},
};
use http::{HeaderValue, Method, header};
use serde_json::json;

/// The SMS API by service plan, in each region; the main API.
pub(crate) const SMS: &str = "*.sms.api.sinch.com";
/// The same by project.
const SMS_BY_PROJECT: &str = "zt.*.sms.api.sinch.com";
pub(crate) const CONVERSATION: &str = "*.conversation.api.sinch.com";
const TEMPLATE: &str = "*.template.api.sinch.com";
/// Voice of the first generation, and its regions.
pub(crate) const CALLING: &str = "calling.api.sinch.com";
pub(crate) const CALLING_IN: &str = "calling-*.api.sinch.com";
/// Voice of the second generation, and its regions.
pub(crate) const VOICE: &str = "voice.api.sinch.com";
pub(crate) const VOICE_IN: &str = "*.voice.api.sinch.com";
pub(crate) const VERIFICATION: &str = "verification.api.sinch.com";
pub(crate) const FAX: &str = "fax.api.sinch.com";
const NUMBERS: &str = "numbers.api.sinch.com";
const LOOKUP: &str = "lookup.api.sinch.com";
/// Gives tokens.
const AUTH: &str = "auth.sinch.com";

pub(crate) const HOSTS: &[&str] = &[
    SMS,
    SMS_BY_PROJECT,
    CONVERSATION,
    TEMPLATE,
    CALLING,
    CALLING_IN,
    VOICE,
    VOICE_IN,
    VERIFICATION,
    FAX,
    NUMBERS,
    LOOKUP,
    AUTH,
];

/// Requests that the adapter reads itself: what they reach is no row of a table.
pub(crate) const CALLOUT: &str = "(callout)";
pub(crate) const COMMANDS: &str = "(commands)";
pub(crate) const VERIFY: &str = "(verify)";
/// Names of `allow_unnamed`.
pub(crate) const GROUPS: &str = "groups";
pub(crate) const CONTACTS: &str = "contacts";
pub(crate) const CALL_BATCHES: &str = "call batches";

const STATUS: &[(&str, CallbackKind)] = &[("callback_url", CallbackKind::Status)];

/// `to` holds numbers and ids of groups alike.
static BATCH: Send = Send {
    to: &[To::sms("to[]")],
    keyed: &["parameters.*"],
    callbacks: STATUS,
    scheduled: &["send_at"],
    sender: "from",
    tags: &["client_reference"],
    check: Some(batch),
    ..Send::NONE
};
/// Adds people to what has not left yet.
static UPDATE: Send = Send {
    to: &[To::sms("to_add[]")],
    optional: true,
    keyed: &["parameters.*"],
    callbacks: STATUS,
    scheduled: &["to_add"],
    sender: "from",
    check: Some(|body| {
        keyed_by_number(body)?;
        match body.field("to")? {
            Some(_) => Err(Unreadable::new("an update names people in to_add: with to, send it as PUT")),
            None => Ok(()),
        }
    }),
    ..Send::NONE
};

/// A batch names people in `to` alone.
fn batch(body: &Json<'_>) -> Result<(), Unreadable> {
    keyed_by_number(body)?;
    match body.field("to_add")? {
        Some(_) => Err(Unreadable::new("to_add is for updates of a batch: name everybody in to")),
        None => Ok(()),
    }
}

/// Each parameter holds texts, under the number that they are for or under `default`.
fn keyed_by_number(body: &Json<'_>) -> Result<(), Unreadable> {
    let Some(parameters) = body.field("parameters")?.filter(|parameters| !parameters.is_null()) else {
        return Ok(());
    };
    let is_number = |key: &str| key.chars().all(|char| char.is_ascii_digit() || "+ -().".contains(char));
    let fits = |parameter: &Json<'_>| {
        parameter.as_object().is_some_and(|values| {
            values
                .iter()
                .all(|one| (one.key == "default" || is_number(&one.key)) && one.value.as_str().is_some())
        })
    };
    match parameters.as_object() {
        Some(all) if all.iter().all(|one| fits(&one.value)) => Ok(()),
        _ => Err(Unreadable::new("a parameter holds something else than a text for each number")),
    }
}

const SMS_ONE: (Channels, AddressKind) = (Channels::of(Channel::Sms), AddressKind::Phone);
/// What the Conversation API calls channels. The others are no channels of ours: nobody could opt out of them.
pub(crate) const CHANNELS: &[(&str, Channels, AddressKind)] = &[
    ("SMS", SMS_ONE.0, SMS_ONE.1),
    ("MMS", SMS_ONE.0, SMS_ONE.1),
    ("RCS", SMS_ONE.0, SMS_ONE.1),
    ("WHATSAPP", Channels::of(Channel::WhatsApp), AddressKind::Phone),
    ("MESSENGER", Channels::of(Channel::Fb), AddressKind::Psid),
];

/// An identity holds texts, and nobody else inside it.
fn plain_identities(body: &Json<'_>) -> Result<(), Unreadable> {
    let recipient = body.field("recipient")?.map(|one| one.field("identified_by")).transpose()?.flatten();
    let all = recipient.map(|one| one.field("channel_identities")).transpose()?.flatten();
    let members = all
        .and_then(Json::as_array)
        .unwrap_or_default()
        .iter()
        .flat_map(|one| one.as_object().unwrap_or_default());
    if members
        .map(|member| &member.value)
        .any(|value| value.as_object().is_some() || value.as_array().is_some())
    {
        return Err(Unreadable::new("an identity holds something that is no text"));
    }
    Ok(())
}

static CONVERSE: Send = Send {
    to: &[To {
        at: "recipient.identified_by.channel_identities[].identity",
        joined: "",
        way: Way::Beside("channel", CHANNELS),
        role: Role::To,
    }],
    unnamed: &[("recipient.contact_id", CONTACTS)],
    callbacks: STATUS,
    check: Some(plain_identities),
    ..Send::NONE
};
/// Composing signs among them, which the adapter lets through.
static EVENT: Send = Send {
    kind: "event",
    to: CONVERSE.to,
    unnamed: CONVERSE.unnamed,
    check: CONVERSE.check,
    callbacks: STATUS,
    ..Send::NONE
};
static FAXED: Send = Send { kind: "fax", to: &[To::call("to[]")], sender: "from", ..Send::NONE };

pub(crate) static API: Api = Api {
    main_host: "us.sms.api.sinch.com",
    closing_slash: true,
    endpoints: &[
        row(SMS, "POST", "xms/v1/*/batches", Act::Send(&BATCH)),
        row(SMS, "POST", "xms/v1/*/batches/dry_run", Act::Nobody),
        row(SMS, "POST", "xms/v1/*/batches/*", Act::Send(&UPDATE)),
        row(SMS, "PUT", "xms/v1/*/batches/*", Act::Send(&BATCH)),
        row(SMS, "POST", "xms/v1/*/batches/*/delivery_feedback", Act::Nobody),
        row(SMS, "*", "xms/v1/*/groups/**", Act::Nobody),
        row(SMS_BY_PROJECT, "POST", "xms/v1/*/batches", Act::Send(&BATCH)),
        row(SMS_BY_PROJECT, "POST", "xms/v1/*/batches/dry_run", Act::Nobody),
        row(SMS_BY_PROJECT, "POST", "xms/v1/*/batches/*", Act::Send(&UPDATE)),
        row(SMS_BY_PROJECT, "PUT", "xms/v1/*/batches/*", Act::Send(&BATCH)),
        row(SMS_BY_PROJECT, "POST", "xms/v1/*/batches/*/delivery_feedback", Act::Nobody),
        row(SMS_BY_PROJECT, "*", "xms/v1/*/groups/**", Act::Nobody),
        row(CONVERSATION, "POST", "v1/projects/*/messages:send", Act::Send(&CONVERSE)),
        row(CONVERSATION, "POST", "v1/projects/*/events:send", Act::Send(&EVENT)),
        row(CONVERSATION, "POST", "v1/projects/*/messages:fetch-last-message", Act::Nobody),
        row(CONVERSATION, "PATCH", "v1/projects/*/messages/*", Act::Nobody),
        row(CONVERSATION, "*", "v1/projects/*/conversations/**", Act::Nobody),
        row(CONVERSATION, "POST", "v1/projects/*/conversations", Act::Nobody),
        row(CONVERSATION, "*", "v1/projects/*/contacts/**", Act::Nobody),
        row(CONVERSATION, "POST", "v1/projects/*/contacts:getChannelProfile", Act::Nobody),
        row(CONVERSATION, "*", "v1/projects/*/apps/**", Act::Nobody),
        row(CONVERSATION, "*", "v1/projects/*/webhooks/**", Act::Nobody),
        row(CONVERSATION, "POST", "v1/projects/*/capability:query", Act::Nobody),
        row(CONVERSATION, "POST", "v1/projects/*/optins:register", Act::Nobody),
        row(CONVERSATION, "POST", "v1/projects/*/optouts:register", Act::Nobody),
        row(TEMPLATE, "*", "v1/projects/**", Act::Nobody),
        row(TEMPLATE, "*", "v2/projects/**", Act::Nobody),
        row(CALLING, "POST", "calling/v1/callouts", Act::Unnamed(CALLOUT)),
        row(CALLING, "PATCH", "calling/v1/calls/id/*", Act::Unnamed(CALLOUT)),
        row(CALLING, "PATCH", "calling/v1/conferences/**", Act::Nobody),
        row(CALLING, "POST", "v1/configuration/**", Act::Nobody),
        row(CALLING_IN, "POST", "calling/v1/callouts", Act::Unnamed(CALLOUT)),
        row(CALLING_IN, "PATCH", "calling/v1/calls/id/*", Act::Unnamed(CALLOUT)),
        row(CALLING_IN, "PATCH", "calling/v1/conferences/**", Act::Nobody),
        row(CALLING_IN, "POST", "v1/configuration/**", Act::Nobody),
        row(VOICE, "POST", "v2/projects/*/calls", Act::Unnamed(COMMANDS)),
        row(VOICE, "PATCH", "v2/projects/*/calls/*", Act::Unnamed(COMMANDS)),
        row(VOICE, "PATCH", "v2/projects/*/sessions/*/calls/*", Act::Unnamed(COMMANDS)),
        row(VOICE, "POST", "v2/projects/*/batches", Act::Unnamed(CALL_BATCHES)),
        row(VOICE, "POST", "v2/projects/*/services", Act::Unnamed(COMMANDS)),
        row(VOICE, "PATCH", "v2/projects/*/services/*", Act::Unnamed(COMMANDS)),
        row(VOICE, "POST", "v2/projects/*/svaml/*", Act::Nobody),
        row(VOICE_IN, "POST", "v2/projects/*/calls", Act::Unnamed(COMMANDS)),
        row(VOICE_IN, "PATCH", "v2/projects/*/calls/*", Act::Unnamed(COMMANDS)),
        row(VOICE_IN, "PATCH", "v2/projects/*/sessions/*/calls/*", Act::Unnamed(COMMANDS)),
        row(VOICE_IN, "POST", "v2/projects/*/batches", Act::Unnamed(CALL_BATCHES)),
        row(VOICE_IN, "POST", "v2/projects/*/services", Act::Unnamed(COMMANDS)),
        row(VOICE_IN, "PATCH", "v2/projects/*/services/*", Act::Unnamed(COMMANDS)),
        row(VOICE_IN, "POST", "v2/projects/*/svaml/*", Act::Nobody),
        row(VERIFICATION, "POST", "verification/v1/verifications", Act::Unnamed(VERIFY)),
        row(VERIFICATION, "PUT", "verification/v1/verifications/*/*", Act::Nobody),
        row(VERIFICATION, "PATCH", "verification/v1/verifications/*/*", Act::Nobody),
        row(FAX, "POST", "v3/projects/*/faxes", Act::Send(&FAXED)),
        row(NUMBERS, "*", "v1/**", Act::Nobody),
        row(LOOKUP, "POST", "v2/projects/*/lookups", Act::Nobody),
        row(LOOKUP, "POST", "v1/lookups", Act::Nobody),
        row(AUTH, "POST", "oauth2/token", Act::Nobody),
    ],
};

const fn row(host: &'static str, method: &'static str, path: &'static str, act: Act) -> Endpoint {
    Endpoint { host, method, path, act }
}

/// Where `upstream` is another of Sinch's APIs than that for SMS, the path tells which.
pub(crate) fn placed<'a>(head: &Head<'a>) -> Head<'a> {
    let by_path = [
        ("/calling/", CALLING),
        ("/verification/", VERIFICATION),
        ("/v1/projects/", "us.conversation.api.sinch.com"),
        ("/v2/projects/", VOICE),
        ("/v3/projects/", FAX),
    ];
    let named = by_path.into_iter().find(|(start, _)| head.path.starts_with(start)).map(|(_, host)| host);
    Head { host: head.host.or(named), ..*head }
}

/// A request as [`API`] finds it.
///
/// # Errors
/// When its path hides the colon that makes a send of it.
pub(crate) fn found<'a>(head: &Head<'a>) -> Result<Head<'a>, Unreadable> {
    let head = placed(head);
    let hides = head.path.to_ascii_lowercase().contains("%3a");
    if hides && head.host.is_some_and(|host| path::host_fits(CONVERSATION, host)) {
        return Err(Unreadable::new("the path must stand there plainly: its colon is escaped"));
    }
    Ok(head)
}

/// What says in a body who is reached: it has no place in a query, which another reader could merge.
const DECIDING: [&str; 14] = [
    "to",
    "to_add",
    "to_remove",
    "recipient",
    "contact_id",
    "identified_by",
    "channel_identities",
    "identity",
    "endpoint",
    "destination",
    "number",
    "phone",
    "commands",
    "method",
];

/// A request by the table.
pub(crate) fn read<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let query = request.head.query.unwrap_or_default();
    if form::query_could_name(query, |name| DECIDING.iter().any(|one| name.eq_ignore_ascii_case(one))) {
        return Err(Unreadable::new("what decides who is reached stands in the query: put it into the body"));
    }
    API.read(&Request { head: found(&request.head)?, ..*request })
}

/// The service plan or the project.
pub(crate) fn account(path: &str) -> Option<&str> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let found = match segments[..] {
        ["xms", "v1", plan, ..] => plan,
        ["v1" | "v2" | "v3", "projects", project, ..] => project,
        _ => return None,
    };
    (!found.is_empty()).then_some(found)
}

/// Ids are letters and digits; nothing else may come into a path.
pub(crate) fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The handle of a scheduled batch: where it waits, its id, and whether it is for one person.
pub(crate) fn handle(host: Option<&str>, id: &str, of_one: bool) -> String {
    format!("{}/{id}/{}", host.unwrap_or_default(), if of_one { "one" } else { "several" })
}

/// Takes somebody out of what waits: a batch of one is cancelled, of others it goes on.
pub(crate) fn cancel(scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
    let credentials = credentials(secrets)?;
    let mut parts = scheduled.id.split('/');
    let (host, id, whose) = (parts.next()?, parts.next().unwrap_or_default(), parts.next());
    let path_and_query = format!("/xms/v1/{}/batches/{id}", scheduled.account);
    let host = (!host.is_empty()).then(|| host.to_owned());
    if whose == Some("several") {
        return Some(Call {
            method: Method::POST,
            host,
            path_and_query,
            headers: vec![
                (header::AUTHORIZATION, credentials),
                (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            ],
            body: json!({ "to_remove": [scheduled.address] }).to_string().into_bytes(),
        });
    }
    let headers = vec![(header::AUTHORIZATION, credentials)];
    Some(Call { method: Method::DELETE, host, path_and_query, headers, body: Vec::new() })
}

/// A service plan's token, or `key_id:key_secret` of a project, which the API takes as HTTP Basic.
pub(crate) fn credentials(secrets: &Secrets) -> Option<HeaderValue> {
    let token = secrets.first(API_TOKEN)?;
    if token.contains(':') { credentials::basic(token) } else { credentials::bearer(token) }
}
