//! A stand-in for Twilio: answers as it does, with the magic numbers of its test credentials, and signs
//! webhooks as it would. It keeps no state: what it needs to know later stands in the ids that it gives out.

mod answers;

use crate::{Twilio, signature};
use dndgate_adapter::{
    Channel, Request, Secrets,
    outbound::Call,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
};
use http::{HeaderName, header};
use jiff::Timestamp;

/// The account of webhooks that name none.
pub const ACCOUNT: &str = "AC00000000000000000000000000000000";
impl Sandbox for Twilio {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        answers::answer(request, serial)
    }

    fn inbound(
        &self,
        message: &Inbound<'_>,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        _now: Timestamp,
    ) -> Call {
        let prefix = match message.channel {
            Channel::WhatsApp => "whatsapp:",
            Channel::Fb => "messenger:",
            _ => "",
        };
        let (from, to) = (format!("{prefix}{}", message.from), format!("{prefix}{}", message.to));
        let (account, token) = owner(secrets);
        let mut form = vec![("AccountSid", account), ("ApiVersion", "2010-04-01".into())];
        form.extend([("From", from.clone()), ("To", to.clone())]);
        if message.channel == Channel::Call {
            form.extend([("CallSid", sid("CA", serial)), ("CallStatus", "ringing".into())]);
            form.extend([("Direction", "inbound".into()), ("Caller", from), ("Called", to)]);
        } else {
            let id = sid("SM", serial);
            form.extend([("MessageSid", id.clone()), ("SmsSid", id.clone()), ("SmsMessageSid", id)]);
            form.extend([("SmsStatus", "received".into()), ("Body", message.text.into())]);
            form.extend([("NumMedia", "0".into()), ("NumSegments", "1".into())]);
            if message.channel == Channel::WhatsApp {
                form.push(("WaId", message.from.trim_start_matches('+').into()));
            }
        }
        webhook(url, &form, &token)
    }

    fn failure(
        &self,
        delivered: &Delivered,
        code: &str,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        _now: Timestamp,
    ) -> Call {
        let (account, token) = owner(secrets);
        let mut form =
            vec![("AccountSid", account), ("ApiVersion", "2010-04-01".into()), ("ErrorCode", code.into())];
        form.extend([("From", delivered.from.clone()), ("To", delivered.to.clone())]);
        if delivered.channel == Channel::Call {
            form.extend([("CallSid", delivered.id.clone()), ("CallStatus", "failed".into())]);
            form.extend([("Direction", "outbound-api".into()), ("SequenceNumber", serial.to_string())]);
            form.push(("CallbackSource", "call-progress-events".into()));
        } else {
            form.extend([("MessageSid", delivered.id.clone()), ("SmsSid", delivered.id.clone())]);
            form.extend([("MessageStatus", "undelivered".into()), ("SmsStatus", "undelivered".into())]);
        }
        webhook(url, &form, &token)
    }
}

fn sid(prefix: &str, serial: u64) -> String {
    format!("{prefix}{serial:032x}")
}

/// The account that webhooks are of, and its token.
fn owner(secrets: &Secrets) -> (String, String) {
    let first = secrets.first("auth_token").unwrap_or_default();
    match first.split_once(':').filter(|(account, _)| account.starts_with("AC")) {
        Some((account, token)) => (account.to_owned(), token.to_owned()),
        None => (ACCOUNT.to_owned(), first.to_owned()),
    }
}

fn webhook(url: &str, form: &[(&str, String)], token: &str) -> Call {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let signature = signature::sign_form(token, url, body.as_bytes());
    let fields = [
        (header::USER_AGENT, "TwilioProxy/1.1".to_owned()),
        (HeaderName::from_static(signature::SIGNATURE), signature),
    ];
    sandbox::webhook(url, "application/x-www-form-urlencoded; charset=UTF-8", body, fields)
}
