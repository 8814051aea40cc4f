//! Errors as Graph writes them, so that every client raises its own exception.

use super::answers::JSON;
use dndgate_adapter::{Refusal, RefusalCause, Reply, sign};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// A code with which a product of Meta's says no.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Code {
    pub(crate) code: u32,
    /// The subcode, 0 for none.
    pub(crate) subcode: u32,
    /// What stands behind the code in `message`.
    pub(crate) title: &'static str,
    /// `messaging_product` in `error_data`, where the product has it.
    pub(crate) product: Option<&'static str>,
}

/// `{"error": …}` of a refusal. `code` is the product's for a blocked or an unreadable send.
pub(crate) fn error(refusal: &Refusal<'_>, code: &Code) -> Value {
    let (code, details) = match refusal.cause {
        RefusalCause::Blocked => {
            let channel = refusal.channel.map_or("", |channel| channel.name());
            let reason = refusal.reason.unwrap_or("policy");
            (*code, format!("Blocked by do-not-disturb: {channel}, reason {reason}"))
        }
        RefusalCause::Unreadable | RefusalCause::TooLarge => {
            (*code, format!("{}; refused by the do-not-disturb gateway", refusal.message))
        }
        RefusalCause::Account | RefusalCause::Signature => {
            (Code { code: 10, subcode: 0, title: "Permission denied", ..*code }, refusal.message.to_owned())
        }
        RefusalCause::BadGateway | RefusalCause::GatewayTimeout | RefusalCause::Unavailable => {
            let title = "Service temporarily unavailable";
            (Code { code: 2, subcode: 0, title, ..*code }, refusal.message.to_owned())
        }
    };
    let message = match code.product {
        Some(_) => format!("(#{}) {}", code.code, code.title),
        None => format!("(#{}) {}. {details}", code.code, code.title),
    };
    let mut error = json!({
        "message": message,
        "type": "OAuthException",
        "code": code.code,
        "is_transient": refusal.cause.status().is_server_error(),
        "fbtrace_id": trace(refusal.request_id),
    });
    if code.subcode != 0 {
        error["error_subcode"] = code.subcode.into();
    }
    match code.product {
        Some(product) => error["error_data"] = json!({ "messaging_product": product, "details": details }),
        None => {
            error["error_user_title"] = "Do not disturb".into();
            error["error_user_msg"] = details.into();
        }
    }
    json!({ "error": error })
}

/// The refusal of a whole request.
pub(crate) fn reply(cause: RefusalCause, error: &Value) -> Reply {
    let status = match cause {
        // Clients look for the code in a 400.
        RefusalCause::TooLarge => StatusCode::BAD_REQUEST,
        cause => cause.status(),
    };
    let mut reply = Reply::new(status, JSON, error.to_string());
    if status == StatusCode::BAD_REQUEST {
        let why = HeaderValue::from_static("OAuth \"Facebook Platform\" \"invalid_request\"");
        reply.headers.push((header::WWW_AUTHENTICATE, why));
    }
    reply.headers.push((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
    reply
}

/// 22 letters as Meta's own, from the request's id.
fn trace(request_id: &str) -> String {
    let text = sign::to_base64(&sign::sha256(request_id.as_bytes())[..16]);
    text.trim_end_matches('=').replace(['+', '/'], "_")
}
