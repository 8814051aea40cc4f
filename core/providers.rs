//! The adapters of this binary. A new provider is one folder in `plugins/` and one line here.

use dndgate_gateway::{Adapters, Maker};

/// Every adapter, in the order in which they are listed to people; and those made from the configuration.
pub static ADAPTERS: &Adapters = &Adapters {
    fixed: &[
        &dndgate_twilio::TWILIO,
        &dndgate_mailgun::MAILGUN,
        &dndgate_sendgrid::SENDGRID,
        &dndgate_telnyx::TELNYX,
        &dndgate_google::GMB,
        &dndgate_google::RBM,
        &dndgate_vonage::VONAGE,
        &dndgate_plivo::PLIVO,
        &dndgate_postmark::POSTMARK,
        &dndgate_sinch::SINCH,
        &dndgate_bandwidth::BANDWIDTH,
        &dndgate_sparkpost::SPARKPOST,
        &dndgate_ses::SES,
        &dndgate_brevo::BREVO,
        &dndgate_messagebird::MESSAGEBIRD,
        &dndgate_meta::WHATSAPP,
        &dndgate_meta::MESSENGER,
    ],
    made: &[
        Maker { name: dndgate_custom::NAME, keys: dndgate_custom::KEYS, make: dndgate_custom::make },
        // The channel of RCS is the operator's choice.
        Maker { name: "rbm", keys: dndgate_google::RBM_KEYS, make: |values, _| dndgate_google::rbm(values) },
        // Each region has a host of its own.
        Maker {
            name: "ses",
            keys: dndgate_ses::REGION_KEYS,
            make: |values, _| dndgate_ses::for_region(values),
        },
    ],
};
