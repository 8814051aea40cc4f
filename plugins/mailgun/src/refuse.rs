//! Refusals in Mailgun's shape: `{"message": …}`, of which its SDKs show the text.

use dndgate_adapter::{Refusal, RefusalCause, Reply, mailbox};
use http::StatusCode;

/// Renders a refusal.
pub(crate) fn refuse(refusal: &Refusal<'_>) -> Reply {
    let request = refusal.request_id;
    let message = match refusal.cause {
        RefusalCause::Blocked => {
            let who = refusal.address.map_or_else(|| "a recipient".to_owned(), mailbox::masked);
            let channel = refusal.channel.map_or("email", |channel| channel.label());
            let reason = refusal.reason.unwrap_or("policy");
            format!(
                "to parameter is blocked by Do-Not-Disturb: {who} ({channel}, reason: {reason}); {} [request {request}]",
                refusal.message
            )
        }
        RefusalCause::Unreadable => {
            format!("{}; refused by the Do-Not-Disturb gateway [request {request}]", refusal.message)
        }
        _ => format!("{} [Do-Not-Disturb gateway, request {request}]", refusal.message),
    };
    let status = match refusal.cause {
        // 401 and 403 read as trouble with the key.
        RefusalCause::Account => StatusCode::BAD_REQUEST,
        cause => cause.status(),
    };
    Reply::json(status, &serde_json::json!({ "message": message, "request_id": request }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dndgate_adapter::Channel;

    fn refused(cause: RefusalCause) -> Reply {
        refuse(&Refusal {
            cause,
            message: "why",
            address: Some("joan@example.com"),
            channel: Some(Channel::Email),
            reason: Some("complaint"),
            code: None,
            request_id: "0199",
        })
    }

    #[test]
    fn a_block_is_a_400_in_mailguns_shape() {
        let reply = refused(RefusalCause::Blocked);
        assert_eq!(reply.status, 400);
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        let message = body["message"].as_str().unwrap();
        assert!(message.starts_with(
            "to parameter is blocked by Do-Not-Disturb: j***@example.com (email, reason: complaint)"
        ));
        assert!(message.ends_with("[request 0199]"));
    }

    #[test]
    fn statuses_are_those_that_no_client_misreads() {
        for (cause, status) in [
            (RefusalCause::Unreadable, 400),
            (RefusalCause::Account, 400),
            (RefusalCause::TooLarge, 413),
            (RefusalCause::BadGateway, 502),
            (RefusalCause::Unavailable, 503),
            (RefusalCause::GatewayTimeout, 504),
        ] {
            assert_eq!(refused(cause).status, status);
        }
    }
}
