//! Why a request goes no further.

use crate::upstream::UpstreamError;
use dndgate_adapter::{Channel, RefusalCause, Reply, Unreadable};
use std::borrow::Cow;

/// Why a request goes no further, with all that its refusal says.
pub(super) struct Stop {
    /// For the adapter, which words the refusal.
    pub(super) cause: RefusalCause,
    /// In plain words: what is wrong and what would be right.
    pub(super) message: Cow<'static, str>,
    /// The provider's own code for it, where it has one.
    pub(super) code: Option<u32>,
    /// The blocked channel and the kind of reason.
    pub(super) blocked: Option<(Channel, &'static str)>,
    /// The recipient, as it stood in the request.
    pub(super) address: Option<Box<str>>,
    /// The tenant's place among the routes, and its name.
    pub(super) tenant: Option<(usize, String)>,
    /// The channel, when it is known.
    pub(super) channel: Option<Channel>,
    /// The refusal where the provider answers each part of a request for itself.
    pub(super) reply: Option<Box<Reply>>,
}

impl Stop {
    /// A stop of which nothing else is known.
    pub(super) fn new(cause: RefusalCause, message: impl Into<Cow<'static, str>>) -> Stop {
        Stop {
            cause,
            message: message.into(),
            code: None,
            blocked: None,
            address: None,
            tenant: None,
            channel: None,
            reply: None,
        }
    }
}

impl From<Unreadable> for Stop {
    fn from(unreadable: Unreadable) -> Stop {
        Stop { code: unreadable.code, ..Stop::new(RefusalCause::Unreadable, unreadable.message) }
    }
}

/// A send to people whom only the provider knows.
pub(super) fn unnamed(name: &str) -> Stop {
    Stop::new(RefusalCause::Unreadable, unnamed_message(name))
}

/// What such a send is told.
pub(super) fn unnamed_message(name: &str) -> String {
    format!(
        "the recipients of this send are known to the provider only, so that Do-Not-Disturb cannot be checked; \
         the operator may allow it by name: allow_unnamed = [\"{name}\"]"
    )
}

/// A request that the adapter does not know, where the operator refuses those.
pub(super) fn unknown_endpoint() -> Stop {
    Stop::new(RefusalCause::Unreadable, "the gateway does not know this endpoint (unrecognised = \"refuse\")")
}

/// A request that got no answer.
pub(super) fn upstream_stop(error: UpstreamError) -> Stop {
    match error {
        UpstreamError::Timeout | UpstreamError::ConnectTimeout => {
            Stop::new(RefusalCause::GatewayTimeout, "the provider did not answer in time")
        }
        UpstreamError::Stopped => Stop::new(RefusalCause::Blocked, "the recipient opted out just now"),
        UpstreamError::Connect(_) => {
            Stop::new(RefusalCause::BadGateway, "the provider cannot be reached; nothing was sent")
        }
        UpstreamError::Broken(_) => {
            Stop::new(RefusalCause::BadGateway, "the provider broke off; it may have taken the request")
        }
    }
}
