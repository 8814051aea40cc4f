//! A fuzz target for each adapter. `cargo test` spoils a number of requests; a fuzzer that is led by coverage runs as
//! long as one likes (see the README beside this).
#![allow(clippy::unwrap_used)]

use dndgate_adapter::Adapter;
use dndgate_fuzz::Target;
use std::{path::Path, sync::LazyLock};

fn target(adapter: &'static dyn Adapter) -> Target {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let name = adapter.profile().name;
    // The envelope of these is a list of its own: a header only shows somebody as addressee or as copied.
    let shown: &[&str] = match name {
        "sparkpost" => &["recipients.address.header_to", "content.headers.cc"],
        _ => &[],
    };
    let own = plugins.join(name).join("fixtures/requests");
    if own.exists() {
        return Target::new(adapter, &own, shown);
    }
    // One folder for several adapters has fixtures for each.
    let folders = plugins.read_dir().unwrap().map(|one| one.unwrap().path().join("fixtures").join(name));
    let shared = folders.map(|folder| folder.join("requests")).find(|folder| folder.exists());
    Target::new(adapter, &shared.unwrap(), shown)
}

macro_rules! targets {
    ($($name:ident: $adapter:expr),+ $(,)?) => {$(
        #[test]
        fn $name() {
            static TARGET: LazyLock<Target> = LazyLock::new(|| target(&$adapter));
            #[cfg(fuzzing)]
            bolero::check!().for_each(|input: &[u8]| TARGET.judge(input));
            #[cfg(not(fuzzing))]
            dndgate_fuzz::at_random(|input| TARGET.judge(input));
        }
    )+};
}

targets! {
    bandwidth: dndgate_bandwidth::BANDWIDTH,
    brevo: dndgate_brevo::BREVO,
    mailgun: dndgate_mailgun::MAILGUN,
    messagebird: dndgate_messagebird::MESSAGEBIRD,
    messenger: dndgate_meta::MESSENGER,
    plivo: dndgate_plivo::PLIVO,
    postmark: dndgate_postmark::POSTMARK,
    sendgrid: dndgate_sendgrid::SENDGRID,
    ses: dndgate_ses::SES,
    sparkpost: dndgate_sparkpost::SPARKPOST,
    sinch: dndgate_sinch::SINCH,
    telnyx: dndgate_telnyx::TELNYX,
    twilio: dndgate_twilio::TWILIO,
    vonage: dndgate_vonage::VONAGE,
    whatsapp: dndgate_meta::WHATSAPP,
}

/// A provider that is described in a file: the description that is shipped.
#[test]
fn custom() {
    static TARGET: LazyLock<Target> = LazyLock::new(|| {
        let custom = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/custom");
        let text = std::fs::read_to_string(custom.join("examples/smsapi.toml")).unwrap();
        let adapter = dndgate_custom::read(&text, "smsapi.toml").unwrap();
        Target::new(adapter, &custom.join("fixtures/smsapi/requests"), &[])
    });
    #[cfg(fuzzing)]
    bolero::check!().for_each(|input: &[u8]| TARGET.judge(input));
    #[cfg(not(fuzzing))]
    dndgate_fuzz::at_random(|input| TARGET.judge(input));
}
