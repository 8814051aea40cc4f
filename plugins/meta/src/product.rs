//! The two products behind one API. A request is judged for what it is, whichever of the two it is sent through: a
//! program may know one address of Graph only.

use crate::graph::{
    Path,
    refuse::{self, Code},
};
use dndgate_adapter::{AddressKind, Channel, Channels, Refusal, RefusalCause};
use serde_json::Value;

/// The product for which an adapter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    WhatsApp,
    Messenger,
}

/// WhatsApp's "this person opted out, do not try again". Never 131026: programs take it for a number without
/// WhatsApp, and fall back to SMS.
const STOPPED: Code = Code {
    code: 131_050,
    subcode: 0,
    title: "User has stopped receiving messages from this business",
    product: Some("whatsapp"),
};
/// WhatsApp's, for calls.
const NO_CALLS: Code = Code {
    code: 138_006,
    subcode: 0,
    title: "No approved call permission from the recipient",
    product: Some("whatsapp"),
};
/// WhatsApp's, for recipients that cannot be read.
const INVALID: Code =
    Code { code: 131_009, subcode: 0, title: "Parameter value is not valid", product: Some("whatsapp") };
/// What a block by the person looks like in Messenger: every bot framework handles it as "stop writing".
const UNAVAILABLE: Code =
    Code { code: 551, subcode: 1_545_041, title: "This person isn't available right now", product: None };
/// Messenger's, for recipients that cannot be read.
const UNREADABLE: Code =
    Code { code: 100, subcode: 0, title: "Recipient could not be determined", product: None };

impl Product {
    /// The account of a send, as tenants name it.
    pub(crate) fn account(self, path: &Path<'_>) -> Option<String> {
        let edge = path.edge();
        let sends =
            ["messages", "marketing_messages", "messages_encrypted", "calls"].contains(&edge.as_str());
        let kind = match self {
            Product::WhatsApp => "phone",
            Product::Messenger => "page",
        };
        sends.then(|| path.number()).flatten().map(|id| format!("{kind}:{id}"))
    }

    /// Channel and kind of address of a recipient that cannot be read.
    pub(crate) fn usual(self) -> (Channels, AddressKind) {
        match self {
            Product::WhatsApp => (Channel::WhatsApp.into(), AddressKind::Phone),
            Product::Messenger => (Channel::Fb.into(), AddressKind::Psid),
        }
    }

    /// `{"error": …}` for a request to this path, as the product that it was meant for says it.
    pub(crate) fn error(self, path: &str, refusal: &Refusal<'_>) -> Value {
        let meant = match refusal.channel {
            Some(Channel::WhatsApp) => Product::WhatsApp,
            Some(Channel::Fb) => Product::Messenger,
            _ => self,
        };
        let calls =
            Path::read(path.split('?').next().unwrap_or(path)).is_ok_and(|path| path.edge() == "calls");
        let blocked = refusal.cause == RefusalCause::Blocked;
        let code = match (meant, blocked) {
            (Product::WhatsApp, true) if calls => NO_CALLS,
            (Product::WhatsApp, true) => STOPPED,
            (Product::WhatsApp, false) => INVALID,
            (Product::Messenger, true) => UNAVAILABLE,
            (Product::Messenger, false) => UNREADABLE,
        };
        refuse::error(refusal, &code)
    }
}
