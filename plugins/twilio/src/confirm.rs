//! The one text that confirms an opt-out, where Twilio sends none itself.

use crate::{
    signature::{self, Params, param, params},
    twiml,
    webhook::{About, about},
};
use dndgate_adapter::{Answer, Authentic, Reply, Secrets, credentials, outbound::Call, request::xml};
use http::{HeaderValue, Method, StatusCode, header};

/// The words to which Twilio replies by itself on long codes, short codes and toll-free numbers, as the whole
/// message and in any case (its page on opt-out keywords). After other wordings it says nothing.
const ANSWERED_BY_TWILIO: [&str; 8] =
    ["stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"];

/// See [`dndgate_adapter::Adapter::confirms_itself`].
pub(crate) fn confirms_itself(webhook: &Authentic<'_>) -> bool {
    let params = params(webhook.webhook());
    // In a conversation an answer is no message, and a message reaches all who take part.
    if about(&params) != About::Message || param(&params, "From").is_empty() {
        return true;
    }
    // Advanced Opt-Out, and only it, says so; it replies on every channel.
    if !param(&params, "OptOutType").is_empty() {
        return true;
    }
    let is_chat = ["whatsapp:", "messenger:"].iter().any(|prefix| param(&params, "From").starts_with(prefix));
    let said = param(&params, "Body").trim();
    !is_chat && ANSWERED_BY_TWILIO.iter().any(|word| said.eq_ignore_ascii_case(word))
}

/// See [`dndgate_adapter::Adapter::confirm`]: a `<Message>` in front of whatever else the answer does.
pub(crate) fn confirm(answer: &Answer<'_>, text: &str) -> Option<Reply> {
    // Twilio runs nothing else: a redirect leads elsewhere, an error is an error.
    if !answer.status.is_success() {
        return None;
    }
    let message = format!("<Message>{}</Message>", ascii_xml(text));
    let whole = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{message}</Response>");
    let content_type = answer.headers.get(header::CONTENT_TYPE);
    if answer.body.trim_ascii().is_empty() {
        return Some(Reply::new(StatusCode::OK, "text/xml", whole));
    }
    let document = std::str::from_utf8(answer.body).ok()?;
    let place = twiml::start_of_response(document)?;
    let body = match place {
        twiml::Start::Inside(at) => [&document[..at], &message, &document[at..]].concat(),
        twiml::Start::Empty => whole,
    };
    let content_type = content_type.cloned().unwrap_or(HeaderValue::from_static("text/xml"));
    Some(Reply {
        status: StatusCode::OK,
        headers: vec![(header::CONTENT_TYPE, content_type)],
        body: body.into_bytes(),
    })
}

/// XML that says the same in every charset that a document may claim.
fn ascii_xml(text: &str) -> String {
    let escaped = xml(text);
    escaped
        .chars()
        .map(|char| if char.is_ascii() { char.to_string() } else { format!("&#{};", u32::from(char)) })
        .collect()
}

/// See [`dndgate_adapter::Adapter::confirm_call`]: from the number that the person wrote to.
pub(crate) fn confirm_call(webhook: &Authentic<'_>, text: &str, secrets: &Secrets) -> Option<Call> {
    let params: Params<'_> = params(webhook.webhook());
    let [account, person, business] = ["AccountSid", "From", "To"].map(|name| param(&params, name));
    if [account, person, business].iter().any(|value| value.is_empty())
        || !account.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return None;
    }
    let token = signature::tokens(secrets, account).next()?;
    let credentials = credentials::basic(&format!("{account}:{token}"))?;
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("To", person)
        .append_pair("From", business)
        .append_pair("Body", text)
        .finish();
    Some(Call {
        method: Method::POST,
        host: None,
        path_and_query: format!("/2010-04-01/Accounts/{account}/Messages.json"),
        headers: vec![
            (header::AUTHORIZATION, credentials),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
            (header::ACCEPT, HeaderValue::from_static("application/json")),
        ],
        body: body.into_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn confirmed(status: u16, media: &'static str, body: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, headers: &headers, body: body.as_bytes() };
        confirm(&answer, "Bye & thanks, José").map(|reply| String::from_utf8(reply.body).unwrap())
    }

    const MESSAGE: &str = "<Message>Bye &amp; thanks, Jos&#233;</Message>";

    #[test]
    fn merges_into_the_crms_answer() {
        let whole = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{MESSAGE}</Response>");
        for empty in ["", " \n", "<Response/>", "<Response />", "<Response></Response>"] {
            assert_eq!(confirmed(200, "text/xml", empty), Some(whole.clone()), "{empty:?}");
        }
        let rest = "<!-- a --><Redirect>/next</Redirect></Response>";
        assert_eq!(
            confirmed(200, "text/xml", &format!("<?xml version=\"1.0\"?>\n<Response a=\">\">{rest}")),
            Some(format!("<?xml version=\"1.0\"?>\n<Response a=\">\">{MESSAGE}{rest}"))
        );
    }

    #[test]
    fn what_twilio_would_not_run_is_left_alone() {
        assert_eq!(confirmed(302, "text/xml", "<Response/>"), None);
        assert_eq!(confirmed(500, "text/xml", "<Response/>"), None);
        assert_eq!(confirmed(200, "application/json", "{\"ok\":true}"), None);
        assert_eq!(confirmed(200, "text/plain", "ok"), None);
    }
}
