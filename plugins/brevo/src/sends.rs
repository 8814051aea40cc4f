//! Which requests reach somebody, and whom. The paths are those of Brevo's own SDKs, whose base URL ends in `/v3`.

use dndgate_adapter::{
    AddressKind, Channel, Channels, Look, Outbound, Request, Role, Unreadable,
    json::{self, Json},
    mail, mailbox, mime,
    outbound::CallbackKind,
    table::{Act, Api, Endpoint, Send, To, Way},
};

/// Names of [`dndgate_adapter::Profile::unnamed`].
pub(crate) const CAMPAIGNS: &str = "campaigns";
pub(crate) const TEST_LISTS: &str = "test lists";
pub(crate) const CONVERSATIONS: &str = "conversations";
pub(crate) const AUTOMATIONS: &str = "automations";
pub(crate) const PAYMENTS: &str = "payment requests";
pub(crate) const INVITATIONS: &str = "invitations";

/// "Send a transactional email". With `messageVersions` each of them is one mail; `to` beside them is ignored, `cc`
/// and `bcc` hold for versions that have none.
static MESSAGE: Send = Send {
    to: &[
        To::email("to[].email", Role::To),
        To::email("cc[].email", Role::Cc),
        To::email("bcc[].email", Role::Bcc),
        To::email("messageVersions[].to[].email", Role::To),
        To::email("messageVersions[].cc[].email", Role::Cc),
        To::email("messageVersions[].bcc[].email", Role::Bcc),
    ],
    scheduled: &["scheduledAt"],
    check: Some(certain),
    sender: "sender.email",
    tags: &["tags[]", "templateId"],
    ..Send::NONE
};
/// A text to one number.
static SMS: Send = Send {
    to: &[To::sms("recipient")],
    callbacks: &[("webUrl", CallbackKind::Status)],
    sender: "sender",
    tags: &["tag", "templateId"],
    ..Send::NONE
};
static WHATSAPP: Send = Send {
    to: &[To::always("contactNumbers[]", Channel::WhatsApp, AddressKind::Phone)],
    sender: "senderNumber",
    tags: &["templateId"],
    ..Send::NONE
};
/// A mail with a link by which somebody says that he wants more.
static DOUBLE_OPT_IN: Send =
    Send { kind: "double_opt_in", to: &[To::email("email", Role::To)], ..Send::NONE };
/// A template or a campaign, tried out: with nobody named it goes to the account's test list.
static TEST: Send = Send {
    kind: "test",
    to: &[
        To::email("emailTo[]", Role::To),
        To::email("emailCc[]", Role::Cc),
        To::email("emailBcc[]", Role::Bcc),
    ],
    check: Some(addresses),
    ..Send::NONE
};
static SMS_TEST: Send = Send { kind: "test", to: &[To::sms("phoneNumber")], ..Send::NONE };
/// What came of a campaign, as a mail.
static REPORT: Send = Send { kind: "report", to: &[To::email("email.to[]", Role::To)], ..Send::NONE };
/// A campaign is kept, and leaves when it says a time.
static CAMPAIGN: Send = Send {
    optional: true,
    unnamed: &[("scheduledAt", CAMPAIGNS), ("sendAtBestTime", CAMPAIGNS), ("rescheduleFor", CAMPAIGNS)],
    ..Send::NONE
};
/// An event starts automations, which write to whom it names on whatever channel they like.
static EVENT: Send = Send { kind: "event", to: EVENT_TO, unnamed: EVENT_IDS, optional: true, ..Send::NONE };
static EVENTS: Send =
    Send { kind: "event", to: EVENTS_TO, unnamed: EVENTS_IDS, optional: true, ..Send::NONE };

/// A number that an automation may reach by text or on WhatsApp.
const ANY_PHONE: Way =
    Way::Always(Channels::of(Channel::Sms).with(Channels::of(Channel::WhatsApp)), AddressKind::Phone);

const fn phone(at: &'static str) -> To {
    To { at, joined: "", way: ANY_PHONE, role: Role::To }
}

const EVENT_TO: &[To] = &[
    To::email("identifiers.email_id", Role::To),
    phone("identifiers.phone_id"),
    phone("identifiers.whatsapp_id"),
    phone("identifiers.landline_number_id"),
];
const EVENT_IDS: &[(&str, &str)] =
    &[("identifiers.ext_id", AUTOMATIONS), ("identifiers.contact_id", AUTOMATIONS)];
const EVENTS_TO: &[To] = &[
    To::email("events[].identifiers.email_id", Role::To),
    phone("events[].identifiers.phone_id"),
    phone("events[].identifiers.whatsapp_id"),
    phone("events[].identifiers.landline_number_id"),
];
const EVENTS_IDS: &[(&str, &str)] =
    &[("events[].identifiers.ext_id", AUTOMATIONS), ("events[].identifiers.contact_id", AUTOMATIONS)];

/// Brevo's own mail to people of the account.
static ACCOUNT: Send = Send { kind: "account", to: &[To::email("email", Role::To)], ..Send::NONE };
static MAY_BE_ACCOUNT: Send = Send { optional: true, ..ACCOUNT };
/// A link to pay, which Brevo sends when it is asked to notify.
static PAYMENT: Send = Send { optional: true, unnamed: &[("notification", PAYMENTS)], ..Send::NONE };

pub(crate) static API: Api = Api {
    main_host: "api.brevo.com",
    closing_slash: true,
    endpoints: &[
        any("v3/smtp/email", Act::Send(&MESSAGE)),
        any("v3/smtp/template/preview", Act::Nobody),
        any("v3/smtp/template/*/send", Act::Send(&TEST)),
        any("v3/smtp/templates/*/send", Act::Send(&TEST)),
        any("v3/smtp/templates/*/sendTest", Act::Send(&TEST)),
        any("v3/smtp/templates/*", Act::Nobody),
        any("v3/smtp/templates", Act::Nobody),
        any("v3/smtp/blockedDomains", Act::Nobody),
        any("v3/smtp/deleteHardbounces", Act::Nobody),
        any("v3/transactionalSMS/sms", Act::Send(&SMS)),
        any("v3/transactionalSMS/send", Act::Send(&SMS)),
        any("v3/whatsapp/sendMessage", Act::Send(&WHATSAPP)),
        any("v3/contacts/doubleOptinConfirmation", Act::Send(&DOUBLE_OPT_IN)),
        any("v3/contacts/**", Act::Nobody),
        any("v3/contacts", Act::Nobody),
        // Campaigns, whose recipients are lists and segments.
        any("v3/emailCampaigns/images", Act::Nobody),
        any("v3/emailCampaigns/*/sendNow", Act::Unnamed(CAMPAIGNS)),
        any("v3/emailCampaigns/*/sendTest", Act::Send(&TEST)),
        any("v3/emailCampaigns/*/sendReport", Act::Send(&REPORT)),
        any("v3/emailCampaigns/*/exportRecipients", Act::Nobody),
        any("v3/emailCampaigns/**", Act::Send(&CAMPAIGN)),
        any("v3/emailCampaigns", Act::Send(&CAMPAIGN)),
        any("v3/smsCampaigns/*/sendNow", Act::Unnamed(CAMPAIGNS)),
        any("v3/smsCampaigns/*/sendTest", Act::Send(&SMS_TEST)),
        any("v3/smsCampaigns/*/sendReport", Act::Send(&REPORT)),
        any("v3/smsCampaigns/*/exportRecipients", Act::Nobody),
        any("v3/smsCampaigns/**", Act::Send(&CAMPAIGN)),
        any("v3/smsCampaigns", Act::Send(&CAMPAIGN)),
        any("v3/whatsappCampaigns/template/**", Act::Nobody),
        any("v3/whatsappCampaigns/template", Act::Nobody),
        any("v3/whatsappCampaigns/**", Act::Send(&CAMPAIGN)),
        any("v3/whatsappCampaigns", Act::Send(&CAMPAIGN)),
        // Automations and chats.
        any("v3/events/batch", Act::Send(&EVENTS)),
        any("v3/events", Act::Send(&EVENT)),
        any("v3/conversations/agentOnlinePing", Act::Nobody),
        any("v3/conversations/visitorGroup", Act::Nobody),
        any("v3/conversations/**", Act::Unnamed(CONVERSATIONS)),
        any("v3/payments/requests", Act::Send(&PAYMENT)),
        // Brevo's own mail.
        any("v3/senders/domains", Act::Nobody),
        any("v3/senders/domains/**", Act::Nobody),
        any("v3/senders/*/validate", Act::Nobody),
        any("v3/senders/*", Act::Send(&MAY_BE_ACCOUNT)),
        any("v3/senders", Act::Send(&ACCOUNT)),
        any("v3/corporate/user/invitation/send", Act::Send(&ACCOUNT)),
        any("v3/corporate/user/invitation/**", Act::Unnamed(INVITATIONS)),
        any("v3/corporate/subAccount", Act::Send(&ACCOUNT)),
        any("v3/corporate/**", Act::Nobody),
        any("v3/organization/user/invitation/send", Act::Send(&ACCOUNT)),
        any("v3/organization/user/invitation/revoke/*", Act::Nobody),
        any("v3/organization/user/invitation/**", Act::Unnamed(INVITATIONS)),
        any("v3/organization/**", Act::Nobody),
        // What contacts nobody.
        any("v3/webhooks/**", Act::Nobody),
        any("v3/webhooks", Act::Nobody),
        any("v3/feeds/**", Act::Nobody),
        any("v3/feeds", Act::Nobody),
        any("v3/companies/**", Act::Nobody),
        any("v3/companies", Act::Nobody),
        any("v3/crm/**", Act::Nobody),
        any("v3/couponCollections/**", Act::Nobody),
        any("v3/couponCollections", Act::Nobody),
        any("v3/coupons", Act::Nobody),
        any("v3/categories/**", Act::Nobody),
        any("v3/categories", Act::Nobody),
        any("v3/ecommerce/**", Act::Nobody),
        any("v3/objects/**", Act::Nobody),
    ],
};

const fn any(path: &'static str, act: Act) -> Endpoint {
    Endpoint { host: "api.*.com", method: "*", path, act }
}

/// Reads a request. What no description says: a test with nobody named goes to the account's test list, and a status
/// may have a campaign leave.
pub(crate) fn read<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let path = request.head.path.trim_end_matches('/');
    if path.ends_with("/sendTest") && names_nobody(request) {
        // The path must be one that is known all the same.
        return Ok(match API.look(&request.head)? {
            Look::Body => Outbound::Unnamed(TEST_LISTS),
            Look::Nobody => Outbound::Nobody,
            Look::Unrecognised => Outbound::Unrecognised,
        });
    }
    let read = API.read(request)?;
    let is_campaign = read == Outbound::Nobody && path.contains("Campaigns") && !request.body.is_empty();
    if is_campaign && API.look(&request.head)? == Look::Body && leaves(&json::read(request.body)?)? {
        return Ok(Outbound::Unnamed(CAMPAIGNS));
    }
    Ok(read)
}

fn names_nobody(request: &Request<'_>) -> bool {
    let body = json::read(request.body).ok();
    let members = body.as_ref().and_then(Json::as_object);
    request.body.is_empty() || members.is_some_and(|members| members.iter().all(|one| is_empty(&one.value)))
}

fn is_empty(value: &Json<'_>) -> bool {
    value.is_null() || value.as_array().is_some_and(<[_]>::is_empty)
}

/// What must hold of a mail for its recipients to be certain.
fn certain(body: &Json<'_>) -> Result<(), Unreadable> {
    mail::headers(body)?;
    lines(body)?;
    people(body)?;
    for version in mail::list(body, "messageVersions")? {
        mail::headers(version)?;
        lines(version)?;
        people(version)?;
        if mail::list(version, "to")?.is_empty() {
            return Err(Unreadable::new("each of messageVersions must name somebody in to"));
        }
    }
    Ok(())
}

/// What else stands in the header of a mail must not break into fields of its own.
fn lines(of: &Json<'_>) -> Result<(), Unreadable> {
    let name = |field: &str| of.field(field).ok().flatten().and_then(|one| one.get("name"));
    let texts = [of.field("subject")?, name("sender"), name("replyTo")];
    if texts.into_iter().flatten().filter_map(Json::as_str).any(mime::breaks_into_recipients) {
        return Err(Unreadable::new(
            "a line of the subject or of a name reads as a header field that names recipients",
        ));
    }
    Ok(())
}

fn people(of: &Json<'_>) -> Result<(), Unreadable> {
    for role in ["to", "cc", "bcc"] {
        for person in mail::list(of, role)? {
            mail::name(person)?;
            let address = person.field("email")?.and_then(Json::as_str);
            plain(address.ok_or_else(|| Unreadable::new("a recipient has no email"))?)?;
        }
    }
    Ok(())
}

fn addresses(body: &Json<'_>) -> Result<(), Unreadable> {
    for name in ["emailTo", "emailCc", "emailBcc"] {
        mail::list(body, name)?.iter().filter_map(Json::as_str).try_for_each(plain)?;
    }
    Ok(())
}

/// One address and nothing else.
fn plain(address: &str) -> Result<(), Unreadable> {
    match mailbox::read(address)?.as_slice() {
        [one] if one.at == (0..address.len()) && !one.in_group && one.address == address => Ok(()),
        _ => Err(Unreadable::new("an email must be one address and nothing else")),
    }
}

/// Does a campaign's status have it leave? To pause, to archive and to copy it does not.
fn leaves(body: &Json<'_>) -> Result<bool, Unreadable> {
    const QUIET: [&str; 7] =
        ["suspended", "archive", "darchive", "draft", "replicate", "replicateTemplate", "cancelled"];
    for name in ["status", "campaignStatus"] {
        let Some(value) = body.field(name)?.filter(|value| !value.is_null()) else { continue };
        if !value.as_str().is_some_and(|status| QUIET.contains(&status)) {
            return Ok(true);
        }
    }
    Ok(false)
}
