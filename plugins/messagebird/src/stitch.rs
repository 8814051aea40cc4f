//! The answer to a message counts its recipients and lists them. Those who were taken out are counted and listed too,
//! as ones that it did not reach.

use crate::sends;
use dndgate_adapter::{
    Answer, Edit, Refused, Sending, apply_edits,
    json::{self, Json, Value},
};

pub(crate) fn stitches(send: &Sending<'_>) -> bool {
    send.kind == sends::MESSAGE || send.kind == sends::VOICE_MESSAGE
}

pub(crate) fn stitch(send: &Sending<'_>, refused: &[Refused<'_>], answer: &Answer<'_>) -> Option<Vec<u8>> {
    let body = json::read(answer.body).ok().filter(|_| answer.status.is_success())?;
    let recipients = body.get("recipients")?;
    let items = recipients.get("items")?;
    let listed = items.as_array()?;
    let mut edits: Vec<Edit> = ["totalCount", "totalDeliveryFailedCount"]
        .iter()
        .filter_map(|name| counted(recipients.get(name)?, refused.len()))
        .collect();
    let gone = refused.iter().map(|one| one.refusal.address.unwrap_or(&send.recipients[one.index].address));
    let gone: Vec<String> = gone.map(item).collect();
    let comma = if listed.is_empty() { "" } else { "," };
    let end = items.range.end - 1;
    edits.push(Edit { range: end..end, with: format!("{comma}{}", gone.join(",")).into_bytes() });
    edits.sort_by_key(|edit| edit.range.start);
    Some(apply_edits(answer.body, &edits))
}

fn counted(count: &Json<'_>, more: usize) -> Option<Edit> {
    let Value::Number(number) = count.value else { return None };
    let sum = number.parse::<u64>().ok()?.checked_add(more as u64)?;
    Some(Edit { range: count.range.clone(), with: sum.to_string().into_bytes() })
}

/// A recipient as MessageBird lists one: its digits as a number.
fn item(address: &str) -> String {
    let digits: String = address.chars().filter(char::is_ascii_digit).collect();
    let recipient = digits.parse::<u64>().map_or_else(|_| serde_json::Value::from(address), Into::into);
    serde_json::json!({ "recipient": recipient, "status": "delivery_failed", "statusReason": "opted out" })
        .to_string()
}
