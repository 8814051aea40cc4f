//! The adapters of this binary. A new provider is one folder in `plugins/` and one line here.

use dndgate_adapter::Adapter;

/// Every adapter, in the order in which they are listed to people.
pub static ADAPTERS: &[&dyn Adapter] =
    &[&dndgate_twilio::TWILIO, &dndgate_mailgun::MAILGUN, &dndgate_telnyx::TELNYX];
