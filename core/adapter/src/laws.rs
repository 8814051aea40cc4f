//! The laws that every adapter obeys, to be run over its fixtures and over generated traffic by its tests.
//!
//! Each function panics with a sentence when the law is broken.

use crate::{
    Adapter, Answer, Asked, Authentic, Head, Look, Outbound, Refusal, RefusalCause, Refused, Request,
    Secrets, Sending, Webhook, apply_edits,
};
use http::{HeaderMap, StatusCode};

/// The send that an adapter reads in a request, if it is one that names its recipients.
pub fn sending<'a>(adapter: &dyn Adapter, request: &Request<'a>) -> Option<Sending<'a>> {
    match adapter.look(&request.head) {
        Ok(Look::Body) => match adapter.read(request) {
            Ok(Outbound::Send(sending)) => Some(sending),
            _ => None,
        },
        _ => None,
    }
}

/// *Narrowness*: no question or removal at a suppression API is ever made of an empty address or account, because
/// with some providers that would be the whole list.
pub fn narrowness(lists: &dyn crate::suppressions::Suppressions, secrets: &Secrets) {
    let accounts: &[&str] = if lists.per_account() { &["", " ", "..", "a/b", "a?b"] } else { &[] };
    for list in lists.lists() {
        for address in ["", " ", "@", "a", "@example.com", "a@", "\n@example.com"] {
            for account in ["mg.example.com", ""] {
                for call in [
                    lists.look_up(list, account, address, secrets),
                    lists.remove(list, account, address, secrets),
                ] {
                    assert!(call.is_none(), "{}: {address:?} at {account:?} makes {call:?}", list.name);
                }
                assert!(lists.add(account, &[address], secrets).is_none(), "{address:?} is added");
            }
        }
        for account in accounts.iter().filter(|account| !(account.is_empty() && lists.lists_of_credentials()))
        {
            let call = lists.remove(list, account, "ada@example.com", secrets);
            assert!(call.is_none(), "{}: the account {account:?} makes {call:?}", list.name);
        }
    }
    assert!(lists.add("mg.example.com", &[], secrets).is_none(), "nobody is added");
}

/// *Calm*: whatever the bytes, nothing panics.
pub fn calm(adapter: &dyn Adapter, request: &Request<'_>) {
    let _ = adapter.account(&request.head);
    let _ = adapter.look(&request.head);
    let _ = adapter.asked(request, &[request.body.to_vec()]);
    let Ok(Outbound::Send(sending)) = adapter.read(request) else { return };
    let headers = HeaderMap::new();
    for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
        let _ =
            adapter.learn(request, &sending, &[], &Answer { status, headers: &headers, body: request.body });
    }
    for index in 0..sending.recipients.len().min(8) {
        if sending.recipients.len() > 1 {
            let _ = adapter.trim(request, &sending, &[index]);
            let _ = adapter.trim_query(request, &sending, &[index]);
        }
    }
}

/// *Identity*: taking nobody out changes nothing.
pub fn identity(adapter: &dyn Adapter, request: &Request<'_>) {
    let Some(sending) = sending(adapter, request) else { return };
    if let Ok(edits) = adapter.trim(request, &sending, &[]) {
        assert_eq!(
            apply_edits(request.body, &edits),
            request.body,
            "nobody was taken out, and the body changed"
        );
    }
}

/// *Honesty*: a trimmed request names exactly those who stay, each with channel and address unchanged, and
/// roles only ever rise (a cc may become the addressee).
pub fn honesty(adapter: &dyn Adapter, request: &Request<'_>, drop: &[usize]) {
    let sending = sending(adapter, request).expect("a request that is a send");
    let Ok(edits) = adapter.trim(request, &sending, drop) else { return };
    let trimmed = apply_edits(request.body, &edits);
    let query = adapter.trim_query(request, &sending, drop);
    let head = Head { query: query.as_deref().or(request.head.query), ..request.head };
    let again = Request { body: &trimmed, head };
    let after = match adapter.read(&again) {
        Ok(Outbound::Send(after)) => after,
        Ok(Outbound::Nobody) if drop.len() == sending.recipients.len() => return,
        other => panic!("the trimmed request reads as {other:?}"),
    };
    let name = |sending: &Sending<'_>, keep: &dyn Fn(usize) -> bool| {
        let mut names: Vec<_> = (sending.recipients.iter().enumerate())
            .filter(|(index, _)| keep(*index))
            .map(|(_, one)| (one.channels.bits(), one.kind, one.address.to_string()))
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        name(&after, &|_| true),
        name(&sending, &|index| !drop.contains(&index)),
        "the trimmed request names exactly those who stay"
    );
}

/// *Finality*: a refusal of a blocked or unreadable send is a 4xx that no client repeats, and its body is of
/// the media type it claims. Where a provider tells every error with a 200, it is one whose `status` is an error.
pub fn finality(adapter: &dyn Adapter, request: &Request<'_>) {
    for cause in
        [RefusalCause::Blocked, RefusalCause::Unreadable, RefusalCause::Account, RefusalCause::Signature]
    {
        let reply = adapter.refuse(
            &request.head,
            &Refusal {
                cause,
                message: "why \"quoted\" <and> & so on",
                address: Some("+14155550100"),
                channel: Some(crate::Channel::Sms),
                reason: Some("keyword"),
                code: None,
                request_id: "0199-req",
            },
        );
        let status = reply.status.as_u16();
        let final_status = (400..500).contains(&status) && status != 408 && status != 429;
        assert!(final_status || status == 200 && refuses_within(&reply.body), "{status} is not final");
        let media = reply.headers.iter().find(|(name, _)| name == http::header::CONTENT_TYPE);
        let media = media.expect("a refusal names its media type").1.to_str().expect("text");
        if media.starts_with("application/json") {
            serde_json::from_slice::<serde_json::Value>(&reply.body).expect("the refusal is JSON");
        }
    }
}

/// Do all numbers called `status` in this JSON or XML, one at least, tell an error?
fn refuses_within(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let values = text.match_indices("status").map(|(at, name)| {
        text[at + name.len()..].trim_start_matches(|char: char| !char.is_ascii_alphanumeric())
    });
    let mut numbers = values.filter(|value| value.starts_with(|char: char| char.is_ascii_digit())).peekable();
    numbers.peek().is_some() && numbers.all(|number| !number.starts_with('0'))
}

/// *Fullness*: the stitched answer to a trimmed batch has as many elements as the caller sent parts, the refused
/// ones in their places. `answer` is the provider's JSON array for those who stay; `at` tells where each refused
/// recipient's part stands.
pub fn fullness(adapter: &dyn Adapter, request: &Request<'_>, drop: &[usize], answer: &[u8], at: &[usize]) {
    let sending = sending(adapter, request).expect("a request that is a send");
    assert!(adapter.stitches(&sending), "the answer to this send is stitched");
    let refused: Vec<Refused<'_>> = drop
        .iter()
        .map(|index| Refused {
            index: *index,
            refusal: Refusal {
                cause: RefusalCause::Blocked,
                message: "the recipient does not want to be contacted (keyword)",
                address: Some(&sending.recipients[*index].address),
                channel: sending.recipients[*index].channels.first(),
                reason: Some("keyword"),
                code: None,
                request_id: "0199-req",
            },
        })
        .collect();
    let headers = HeaderMap::new();
    let answered = Answer { status: StatusCode::OK, headers: &headers, body: answer };
    let stitched = adapter.stitch(request, &sending, &refused, &answered).expect("stitched");
    let read = |body: &[u8]| serde_json::from_slice::<Vec<serde_json::Value>>(body).expect("a JSON array");
    let (before, mut after) = (read(answer), read(&stitched));
    assert_eq!(after.len(), before.len() + at.len(), "every part has its answer");
    for place in at.iter().rev() {
        after.remove(*place);
    }
    assert_eq!(after, before, "the provider's own answers are unchanged and in their order");
}

/// *Vigilance*: the webhook as given is believed; with any one byte of the body changed, or with another
/// secret, it is not (unless `body_signed` is false: then only the secret counts).
pub fn vigilance(
    adapter: &dyn Adapter,
    webhook: &Webhook<'_>,
    secrets: &Secrets,
    wrong: &Secrets,
    now: jiff::Timestamp,
    body_signed: bool,
) {
    webhook.prove(adapter, secrets, now).expect("the provider's own webhook is believed");
    assert!(webhook.prove(adapter, wrong, now).is_err(), "a wrong secret is not believed");
    assert!(webhook.prove(adapter, &Secrets::default(), now).is_err(), "no secret, no belief");
    if body_signed {
        for index in (0..webhook.body.len()).step_by((webhook.body.len() / 64).max(1)) {
            let mut body = webhook.body.to_vec();
            body[index] ^= 0x01;
            let forged = Webhook { body: &body, ..*webhook };
            assert!(forged.prove(adapter, secrets, now).is_err(), "byte {index} changed and still believed");
        }
    }
}

/// *Patience*: reading the same webhook twice gives equal events.
pub fn patience(adapter: &dyn Adapter, webhook: &Authentic<'_>) {
    assert_eq!(adapter.events(webhook), adapter.events(webhook), "two readings of one webhook differ");
}

/// The laws of a question: what comes of any answer is a send, a further question or an error, never a panic.
pub fn asked_calm(adapter: &dyn Adapter, request: &Request<'_>, answer: &[u8]) -> Option<usize> {
    match adapter.asked(request, &[answer.to_vec()]) {
        Ok(Asked::Send(sending)) => Some(sending.recipients.len()),
        _ => None,
    }
}
