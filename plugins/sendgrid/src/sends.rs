//! Which requests reach somebody, and whom.
//!
//! The API is the same at every host (the world's, the EU's, Twilio's), so that [`anywhere`] takes the host off.

use crate::certain;
use dndgate_adapter::{
    Head, Role, Unreadable, form,
    table::{Act, Api, Endpoint, Send, To},
};

/// The path of what nearly every mail is sent with.
pub(crate) const MAIL_SEND: &str = "/v3/mail/send";

/// "Mail Send": each personalization is one mail.
static MESSAGE: Send = Send {
    to: &[
        To::email("personalizations[].to[].email", Role::To),
        To::email("personalizations[].cc[].email", Role::Cc),
        To::email("personalizations[].bcc[].email", Role::Bcc),
        // Undocumented by now, and in the SDKs still.
        To::email("mail_settings.bcc.email", Role::Bcc),
    ],
    scheduled: &["send_at", "personalizations[].send_at"],
    handle: "batch_id",
    check: Some(certain::check),
    sender: "from.email",
    tags: &["template_id", "categories[]"],
    ..Send::NONE
};
/// A template of Marketing Campaigns, to ten people at the most.
static TEST: Send =
    Send { kind: "test", to: &[To::email("emails[]", Role::To)], tags: &["template_id"], ..Send::NONE };
/// A campaign of the old kind, tested.
static CAMPAIGN_TEST: Send = Send { kind: "test", to: &[To::email("to[]", Role::To)], ..Send::NONE };
/// Mail of SendGrid's own, to people of the account: an invitation, a request to confirm an address.
static TO_EMAIL: Send = Send { kind: "account", to: &[To::email("email", Role::To)], ..Send::NONE };
static TO_SENDER: Send = Send { kind: "account", to: &[To::email("from.email", Role::To)], ..Send::NONE };
static TO_VERIFIED: Send = Send { kind: "account", to: &[To::email("from_email", Role::To)], ..Send::NONE };
/// Changes that may have an address confirmed, and usually do not touch one.
static MAY_BE_TO_SENDER: Send = Send { optional: true, ..TO_SENDER };
static MAY_BE_TO_VERIFIED: Send = Send { optional: true, ..TO_VERIFIED };
/// A single send that is to leave at a time.
static SINGLE_SEND: Send = Send { optional: true, unnamed: &[("send_at", "lists")], ..Send::NONE };
/// A file that a mail to the account's user announces.
static ANNOUNCED: Send =
    Send { optional: true, unnamed: &[("notifications.email", "account")], ..Send::NONE };

pub(crate) static API: Api = Api {
    main_host: HOST,
    closing_slash: true,
    endpoints: &[
        any("v3/mail/send", Act::Send(&MESSAGE)),
        any("v3/mail/batch", Act::Nobody),
        // Takes the pause or the cancellation off a batch, and it leaves: also one that the gateway cancelled.
        row("DELETE", "v3/user/scheduled_sends/*", Act::Unnamed("resumed")),
        any("v3/user/scheduled_sends/**", Act::Nobody),
        any("v3/user/scheduled_sends", Act::Nobody),
        // Marketing Campaigns, and the old ones.
        any("v3/marketing/test/send_email", Act::Send(&TEST)),
        any("v3/marketing/singlesends/*/schedule", Act::Unnamed("lists")),
        any("v3/marketing/singlesends/search", Act::Nobody),
        any("v3/marketing/singlesends/**", Act::Send(&SINGLE_SEND)),
        any("v3/marketing/singlesends", Act::Send(&SINGLE_SEND)),
        any("v3/marketing/contacts/exports", Act::Send(&ANNOUNCED)),
        any("v3/marketing/contacts/**", Act::Nobody),
        any("v3/marketing/contacts", Act::Nobody),
        any("v3/marketing/lists/**", Act::Nobody),
        any("v3/marketing/lists", Act::Nobody),
        any("v3/marketing/segments/**", Act::Nobody),
        any("v3/marketing/segments", Act::Nobody),
        any("v3/marketing/field_definitions/**", Act::Nobody),
        any("v3/marketing/field_definitions", Act::Nobody),
        any("v3/marketing/integrations/**", Act::Nobody),
        any("v3/marketing/integrations", Act::Nobody),
        any("v3/designs/**", Act::Nobody),
        any("v3/designs", Act::Nobody),
        any("v3/campaigns/*/schedules/test", Act::Send(&CAMPAIGN_TEST)),
        any("v3/campaigns/*/schedules/**", Act::Unnamed("lists")),
        any("v3/campaigns/*/schedules", Act::Unnamed("lists")),
        any("v3/campaigns/*", Act::Nobody),
        any("v3/campaigns", Act::Nobody),
        any("v3/contactdb/exports", Act::Unnamed("account")),
        any("v3/contactdb/**", Act::Nobody),
        // Mail of SendGrid's own.
        any("v3/marketing/senders/*/resend_verification", Act::Unnamed("account")),
        any("v3/marketing/senders", Act::Send(&TO_SENDER)),
        any("v3/marketing/senders/*", Act::Send(&MAY_BE_TO_SENDER)),
        any("v3/senders/*/resend_verification", Act::Unnamed("account")),
        any("v3/senders", Act::Send(&TO_SENDER)),
        any("v3/senders/*", Act::Send(&MAY_BE_TO_SENDER)),
        any("v3/verified_senders/resend/*", Act::Unnamed("account")),
        any("v3/verified_senders", Act::Send(&TO_VERIFIED)),
        any("v3/verified_senders/*", Act::Send(&MAY_BE_TO_VERIFIED)),
        any("v3/teammates/pending/*/resend", Act::Unnamed("account")),
        any("v3/teammates", Act::Send(&TO_EMAIL)),
        any("v3/teammates/*", Act::Nobody),
        any("v3/sso/teammates", Act::Send(&TO_EMAIL)),
        any("v3/sso/**", Act::Nobody),
        any("v3/subusers", Act::Send(&TO_EMAIL)),
        any("v3/subusers/**", Act::Nobody),
        any("v3/user/email", Act::Send(&TO_EMAIL)),
        any("v3/whitelabel/dns/email", Act::Send(&TO_EMAIL)),
        any("v3/whitelabel/**", Act::Nobody),
        any("v3/messages/download", Act::Unnamed("account")),
        // What contacts nobody.
        any("v3/logs", Act::Nobody),
        any("v3/validations/**", Act::Nobody),
        any("v3/suppression/**", Act::Nobody),
        any("v3/asm/**", Act::Nobody),
        any("v3/templates/**", Act::Nobody),
        any("v3/templates", Act::Nobody),
        any("v3/api_keys/**", Act::Nobody),
        any("v3/api_keys", Act::Nobody),
        any("v3/mail_settings/**", Act::Nobody),
        any("v3/tracking_settings/**", Act::Nobody),
        any("v3/user/webhooks/**", Act::Nobody),
        any("v3/user/settings/**", Act::Nobody),
        any("v3/ips/**", Act::Nobody),
        any("v3/ips", Act::Nobody),
        any("v3/send_ips/**", Act::Nobody),
        any("v3/access_settings/**", Act::Nobody),
        any("v3/recipients/erasejob", Act::Nobody),
        // Version 2: a form, whose x-smtpapi field names other recipients than its to field does.
        any("api/mail.send.json", Act::Unnamed("v2")),
        any("api/mail.send.xml", Act::Unnamed("v2")),
        row("GET", "api/mail.send.json", Act::Unnamed("v2")),
        row("GET", "api/mail.send.xml", Act::Unnamed("v2")),
    ],
};

const HOST: &str = "api.sendgrid.com";

const fn row(method: &'static str, path: &'static str, act: Act) -> Endpoint {
    Endpoint { host: HOST, method, path, act }
}

const fn any(path: &'static str, act: Act) -> Endpoint {
    row("*", path, act)
}

/// None of these takes a query. Whether SendGrid would merge an address there into the body is not known.
pub(crate) fn refuse_query(query: Option<&str>) -> Result<(), Unreadable> {
    let query = form::read(query.unwrap_or_default().as_bytes())?;
    if query.pairs().iter().any(|pair| pair.value.contains('@') || pair.name.contains('@')) {
        return Err(Unreadable::new("an address stands in the query: put it into the body"));
    }
    Ok(())
}

/// A head as if it were for the main host.
pub(crate) fn anywhere<'a>(head: &Head<'a>) -> Head<'a> {
    Head { host: None, ..*head }
}
