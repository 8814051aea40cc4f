//! The demo's pages: plain HTML, no script.

use super::{
    crm::Received,
    sandbox::{Sent, Shown, Station},
};
use axum::{
    http::header,
    response::{Html, IntoResponse, Response},
};
use dndgate_adapter::Channel;
use std::fmt::{self, Write};

const STYLE: &str = "
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2.2rem 0 .6rem; }
p { margin: .3rem 0; opacity: .8; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; font-size: .85rem; opacity: .7; }
td { overflow-wrap: anywhere; }
form { display: flex; flex-wrap: wrap; gap: .4rem; align-items: end; }
td form + form { margin-top: .35rem; }
label { display: grid; font-size: .8rem; gap: .15rem; }
input, select, button { font: inherit; padding: .25rem .5rem; border: 1px solid var(--line); border-radius: .35rem; }
td input { width: 6.5rem; }
button { cursor: pointer; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; }
.narrow { white-space: nowrap; }
";

/// Text as it may stand in HTML, in attribute values in double quotes too.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                char => f.write_char(char)?,
            }
        }
        Ok(())
    }
}

/// A page as an answer. What it shows comes from strangers: it may load and run nothing.
pub(super) fn html(page: String) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'";
    let fields = [(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-store")];
    (fields, Html(page)).into_response()
}

fn whole(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><h1>{title}</h1>{body}</body></html>\n",
        title = Text(title)
    )
}

/// A sandbox provider's page.
pub(super) fn sandbox(station: &Station, delivered: &[Shown], webhooks: &[Sent]) -> String {
    let title = format!("{} sandbox", station.profile.title);
    let mut body = format!(
        "<p>Messages that the gateway let through end here. Reply as the person, or report a failure; \
         the webhook is signed as {}’s own. Reload to see more.</p>",
        Text(station.profile.title)
    );
    body.push_str("<h2>Write as somebody</h2><form method=\"post\" action=\"/_sandbox/inbound\"><label>Channel <select name=\"channel\">");
    for channel in station.profile.channels.iter() {
        let _ = write!(body, "<option>{channel}</option>");
    }
    body.push_str(
        "</select></label><label>From <input name=\"from\" required></label>\
         <label>Text <input name=\"text\" value=\"STOP\"></label><button>Send</button></form>",
    );
    body.push_str("<h2>Delivered</h2>");
    if delivered.is_empty() {
        body.push_str("<p>Nothing yet.</p>");
    } else {
        body.push_str("<table><tr><th>Time<th>Channel<th>From<th>To<th>Text<th></tr>");
        delivered.iter().for_each(|one| message(&mut body, station.profile.name, one));
        body.push_str("</table>");
    }
    if !webhooks.is_empty() {
        body.push_str("<h2>Webhooks sent to the gateway</h2><table><tr><th>Time<th>What<th>Answer</tr>");
        webhooks.iter().for_each(|one| webhook(&mut body, one));
        body.push_str("</table>");
    }
    whole(&title, &body)
}

fn message(out: &mut String, provider: &str, Shown { at, message }: &Shown) {
    let (from, to) = (Text(&message.from), Text(&message.to));
    let _ = write!(
        out,
        "<tr><td class=\"narrow\">{}<td>{channel}<td>{from}<td>{to}<td>{text}<td>\
         <form method=\"post\" action=\"/_sandbox/inbound\"><input type=\"hidden\" name=\"channel\" value=\"{channel}\">\
         <input type=\"hidden\" name=\"from\" value=\"{to}\"><input type=\"hidden\" name=\"to\" value=\"{from}\">\
         <input name=\"text\" value=\"STOP\" aria-label=\"Reply\"><button>Reply</button></form>\
         <form method=\"post\" action=\"/_sandbox/failure\"><input type=\"hidden\" name=\"id\" value=\"{id}\">\
         <input name=\"code\" value=\"{code}\" aria-label=\"Error code\"><button>Report failure</button></form></tr>",
        clock_time(at),
        channel = message.channel,
        text = Text(&message.text),
        id = Text(&message.id),
        code = example_code(provider, message.channel),
    );
}

fn webhook(out: &mut String, one: &Sent) {
    let status = one.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    let _ = write!(
        out,
        "<tr><td class=\"narrow\">{}<td>{}<details><summary>{}</summary><pre>{}</pre></details><td>{status}<pre>{}</pre></tr>",
        clock_time(&one.at),
        Text(&one.what),
        Text(&one.url),
        Text(&one.body),
        Text(&one.answer)
    );
}

/// The CRM's page.
pub(super) fn crm(received: &[Received]) -> String {
    let mut body =
        String::from("<p>Webhooks that the gateway passed on, newest first. Reload to see more.</p>");
    if received.is_empty() {
        body.push_str("<h2>Nothing yet</h2>");
    } else {
        body.push_str("<h2>Received</h2><table><tr><th>Time<th>Request<th>Body</tr>");
        for one in received {
            let _ = write!(
                body,
                "<tr><td class=\"narrow\">{}<td>{} {}<br>{}<td><pre>{}</pre></tr>",
                clock_time(&one.at),
                Text(&one.method),
                Text(&one.path),
                Text(&one.media_type),
                Text(&one.body)
            );
        }
        body.push_str("</table>");
    }
    whole("The CRM", &body)
}

/// A code that the shipped policies know.
fn example_code(provider: &str, channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "bounce",
        _ if provider == "whatsapp" => "131050",
        _ if provider == "messenger" => "551",
        Channel::WhatsApp | Channel::Fb => "63014",
        _ => "30005",
    }
}

/// `2026-11-23T14:33:07.123Z` → `14:33:07`; a time that is written otherwise stays.
fn clock_time(at: &str) -> Text<'_> {
    Text(at.get(11..19).unwrap_or(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_write_stays_text() {
        let shown = Text("<b title=\"x\">Tom & 'Jerry'</b>").to_string();
        assert_eq!(shown, "&lt;b title=&quot;x&quot;&gt;Tom &amp; &#39;Jerry&#39;&lt;/b&gt;");
    }
}
