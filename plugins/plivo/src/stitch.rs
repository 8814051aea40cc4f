//! Plivo answers a message with one id for each number that it took, in their order, and names those that it did not
//! take in `invalid_number`. Those who were taken out belong there.

use dndgate_adapter::{Answer, Edit, Refused, Sending, apply_edits, json};

pub(crate) fn stitch(send: &Sending<'_>, refused: &[Refused<'_>], answer: &Answer<'_>) -> Option<Vec<u8>> {
    let body = json::read(answer.body).ok().filter(|_| answer.status.is_success())?;
    let members = body.as_object().filter(|members| !members.is_empty())?;
    let gone = refused.iter().map(|one| one.refusal.address.unwrap_or(&send.recipients[one.index].address));
    let gone: Vec<String> = gone.map(|address| serde_json::Value::from(address).to_string()).collect();
    let edit = match body.get("invalid_number") {
        Some(there) => {
            let others = there.as_array()?;
            let comma = if others.is_empty() { "" } else { "," };
            let at = there.range.end - 1;
            Edit { range: at..at, with: format!("{comma}{}", gone.join(",")).into_bytes() }
        }
        None => {
            let at = members.last()?.whole.end;
            Edit { range: at..at, with: format!(",\"invalid_number\":[{}]", gone.join(",")).into_bytes() }
        }
    };
    Some(apply_edits(answer.body, &[edit]))
}
