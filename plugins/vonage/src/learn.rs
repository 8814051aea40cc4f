//! What Vonage's own errors say of the person.

use dndgate_adapter::{
    Answer, Event, Learned, Sending,
    json::{self, Json},
};

/// An answer names no recipient that is sure to be the person's: only a send to one person teaches something.
pub(crate) fn learn(send: &Sending<'_>, answer: &Answer<'_>) -> Learned {
    let mut learned = Learned::default();
    let [recipient] = &send.recipients[..] else { return learned };
    let said = if answer.status.is_success() { submitted(answer.body) } else { problem(answer.body) };
    let told = said.and_then(|(code, message)| Event::of_answer(answer, recipient, code, message));
    learned.events.extend(told);
    learned
}

/// A message that the SMS API did not take. Its statuses are other ones than the codes of delivery receipts.
fn submitted(body: &[u8]) -> Option<(String, String)> {
    let said = |status: &str, text: String| (status != "0").then(|| (format!("submit/{status}"), text));
    if let Ok(json) = json::read(body) {
        let message = json.get("messages")?.as_array()?.first()?;
        let text = message.get("error-text").and_then(Json::as_str).unwrap_or_default();
        return said(message.get("status")?.as_str()?, text.to_owned());
    }
    let between = |name: &str| {
        let text = std::str::from_utf8(body).ok()?;
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0.to_owned())
    };
    said(&between("status")?, between("errorText").unwrap_or_default())
}

fn problem(body: &[u8]) -> Option<(String, String)> {
    code(&json::read(body).ok()?)
}

/// The number of an error and its words: they stand in its title, or behind the `#` of its type.
pub(crate) fn code(error: &Json<'_>) -> Option<(String, String)> {
    let text = |name: &str| error.get(name).and_then(Json::as_str);
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fragment = text("type").and_then(|kind| Some(kind.rsplit_once('#')?.1));
    let code = text("title").filter(is_number).or(fragment.filter(is_number))?;
    Some((code.to_owned(), text("detail").unwrap_or_default().to_owned()))
}
