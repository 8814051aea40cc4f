//! What the journeys are told with: the real binary in a folder of its own, stand-ins for Twilio, Mailgun and
//! the CRM around it, and people who write, call and opt out.
//!
//! Nothing here sleeps in the hope that something has happened by then: [`until`] waits for a condition and
//! fails at a deadline.

pub mod api;
pub mod catalogue;
pub mod client;
pub mod fake;
pub mod gateway;
pub mod meta;
pub mod sdk;
pub mod sendgrid;
pub mod signed;
pub mod stand_in;
pub mod wire;

pub use api::Api;
pub use client::Request;
pub use fake::{Fake, Reaction, answer, json_answer, twilio_answer};
pub use gateway::{Circumstances, Gateway, free_block, hash_of};
pub use wire::{Message, Wire, form_of};

use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub const AUTH_TOKEN: &str = "the-auth-token";
pub const SIGNING_KEY: &str = "the-signing-key";
pub const MAIL_DOMAIN: &str = "mg.example.com";
/// What providers call. Nothing listens there: signatures are checked over it all the same.
pub const PUBLIC_URL: &str = "https://gate.example.com";
pub const MESSAGES: &str = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json";
pub const CALLS: &str = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Calls.json";
pub const SENDER: &str = "+15005550006";

/// How long a condition may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Waits until the probe finds something.
pub fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        thread::sleep(LOOK);
    }
}

/// What a world is made of, before it begins.
#[derive(Default)]
pub struct Setup {
    head: String,
    traffic: String,
    admin: String,
    twilio: String,
    tail: String,
    policies: Option<Vec<(String, String)>>,
    disk_may_fill: bool,
    provider: Option<Fake>,
    without_mailgun_key: bool,
    upstream: Option<String>,
    trusted: Option<PathBuf>,
}

impl Setup {
    /// Adds a line at the beginning of the configuration.
    pub fn head(mut self, line: &str) -> Setup {
        self.head += &format!("{line}\n");
        self
    }

    /// Adds a line to `[traffic]`.
    pub fn traffic(mut self, line: &str) -> Setup {
        self.traffic += &format!("{line}\n");
        self
    }

    /// Adds a line to `[admin]`.
    pub fn admin(mut self, line: &str) -> Setup {
        self.admin += &format!("{line}\n");
        self
    }

    /// Adds a line to the provider `twilio`.
    pub fn twilio(mut self, line: &str) -> Setup {
        self.twilio += &format!("{line}\n");
        self
    }

    /// Adds sections at the end of the configuration.
    pub fn tail(mut self, lines: &str) -> Setup {
        self.tail += &format!("{lines}\n");
        self
    }

    /// Gives the gateway a policies folder of its own, with the shipped files.
    pub fn with_policies(mut self) -> Setup {
        self.policies.get_or_insert_default();
        self
    }

    /// As [`Setup::with_policies`], with this file in place of the shipped one.
    pub fn policy(mut self, file: &str, text: &str) -> Setup {
        self.policies.get_or_insert_default().push((file.into(), text.into()));
        self
    }

    /// Leaves the key out with which the gateway itself asks Mailgun for something.
    pub fn without_mailgun_key(mut self) -> Setup {
        self.without_mailgun_key = true;
        self
    }

    /// Puts another server in Twilio's place.
    pub fn twilio_is(mut self, provider: Fake) -> Setup {
        self.provider = Some(provider);
        self
    }

    /// Sends what is for Twilio to another address.
    pub fn upstream(mut self, url: &str) -> Setup {
        self.upstream = Some(url.into());
        self
    }

    /// Trusts this certificate.
    pub fn trusts(mut self, certificate: &Path) -> Setup {
        self.trusted = Some(certificate.into());
        self
    }

    /// Makes [`Gateway::disk_fills`] possible.
    pub fn disk_may_fill(mut self) -> Setup {
        self.disk_may_fill = true;
        self
    }

    /// Starts it all and waits until the gateway is ready.
    pub fn start(mut self) -> World {
        let twilio = self.provider.take().unwrap_or_else(Fake::twilio);
        let (mailgun, crm) = (Fake::mailgun(), Fake::crm());
        let folder = tempfile::tempdir().expect("a temporary folder");
        if let Some(files) = &self.policies {
            let policies = folder.path().join("policies");
            copy(&shipped_policies(), &policies);
            for (file, text) in files {
                let path = policies.join(file);
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for the policy");
                std::fs::write(path, text).expect("the policy is written");
            }
        }
        let circumstances = Circumstances { disk_may_fill: self.disk_may_fill, trusted: self.trusted.take() };
        let gate =
            Gateway::start(folder, circumstances, |ports| self.configuration(ports, &twilio, &mailgun, &crm));
        World { gate, twilio, mailgun, crm }
    }

    fn configuration(&self, ports: &gateway::Ports, twilio: &Fake, mailgun: &Fake, crm: &Fake) -> String {
        let Setup { head, traffic, admin, twilio: for_twilio, tail, .. } = self;
        let upstream = self.upstream.clone().unwrap_or_else(|| twilio.url());
        // A journey that says nothing of accounts has the usual one.
        let key = if self.without_mailgun_key { "" } else { "api_key = \"the-api-key\"" };
        let account =
            if for_twilio.contains("account") { String::new() } else { format!("account = {ACCOUNT:?}") };
        format!(
            "{head}
             [traffic]\nlisten = \"127.0.0.1:{}\"\npublic_url = {PUBLIC_URL:?}\nworkers = 2\n{traffic}
             [admin]\nlisten = \"127.0.0.1:{}\"\n{admin}
             [[provider]]\nname = \"twilio\"\nadapter = \"twilio\"\nupstream = {:?}\nlisten = \"127.0.0.1:{}\"
             host = \"twilio.gate.test\"\n{account}\nauth_token = {AUTH_TOKEN:?}\ncrm_webhook = \"{}/hooks/twilio\"\n{for_twilio}
             [[provider]]\nname = \"mailgun\"\nadapter = \"mailgun\"\nupstream = {:?}\nsigning_key = {SIGNING_KEY:?}
             {key}\ncrm_webhook = \"{}/hooks/mailgun\"\n{tail}",
            ports.traffic, ports.admin, upstream, ports.twilio, crm.url(), mailgun.url(), crm.url(),
        )
    }
}

/// The policies of this repository.
pub fn shipped_policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder to copy") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// A gateway and everybody around it.
pub struct World {
    pub gate: Gateway,
    pub twilio: Fake,
    pub mailgun: Fake,
    pub crm: Fake,
}

impl World {
    /// The usual one.
    pub fn start() -> World {
        Setup::default().start()
    }

    /// Sends a request to the traffic listener.
    pub fn send(&self, request: &Request) -> Message {
        request.send(self.gate.ports.traffic)
    }

    /// The CRM sends a message through Twilio.
    pub fn message(&self, to: &str, text: &str) -> Message {
        self.send(&message(to, text))
    }

    /// The CRM calls through Twilio.
    pub fn call(&self, to: &str) -> Message {
        let form = [("To", to), ("From", SENDER), ("Twiml", "<Response><Say>Hello</Say></Response>")];
        self.send(&Request::post(&format!("/twilio{CALLS}")).form(&form))
    }

    /// The CRM sends a mail through Mailgun.
    pub fn mail(&self, recipients: &[(&str, &str)]) -> Message {
        self.send(&mail(recipients))
    }

    /// The person replies, and the provider's webhook is taken.
    pub fn hears(&self, from: &str, text: &str) -> Message {
        let answer = self.send(&signed::text_message(from, text));
        assert_eq!(answer.status(), 200, "{answer:?}");
        answer
    }

    /// Mailgun reports an event, and it is taken.
    pub fn mailgun_reports(&self, event: &Value) -> Message {
        let answer = self.send(&signed::mailgun_webhook(&signed::mailgun_proof(), event));
        assert_eq!(answer.status(), 200, "{answer:?}");
        answer
    }

    /// The admin API with an operator's token.
    pub fn api(&self) -> Api<'_> {
        Api { gate: &self.gate, token: self.gate.operator_token() }
    }

    /// Would a send go out now?
    pub fn is_blocked(&self, channel: &str, address: &str) -> bool {
        let question = json!({ "sends": [{ "channel": channel, "address": address }] });
        let answer = self.api().post("/v1/check", &question).json();
        match answer["results"][0]["verdict"].as_str() {
            Some("block") => true,
            Some("allow") => false,
            _ => panic!("no verdict: {answer}"),
        }
    }
}

/// A message through Twilio by the path's prefix.
pub fn message(to: &str, text: &str) -> Request {
    Request::post(&format!("/twilio{MESSAGES}")).form(&[("To", to), ("From", SENDER), ("Body", text)])
}

/// Where mail is sent.
pub fn mail_path() -> String {
    format!("/mailgun/v3/{MAIL_DOMAIN}/messages")
}

/// A mail through Mailgun; `recipients` are fields such as `("to", "a@example.com")`.
pub fn mail(recipients: &[(&str, &str)]) -> Request {
    let mut form = vec![("from", "team@mg.example.com")];
    form.extend(recipients);
    form.extend([("subject", "Hello"), ("text", "Hello")]);
    Request::post(&mail_path()).form(&form)
}

/// Checks a refusal of Twilio's kind.
#[track_caller]
pub fn assert_twilio_refusal(answer: &Message, code: u32) {
    assert_eq!(answer.status(), 400, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["status"], 400, "{body}");
    assert!(body["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    assert!(!answer.request_id().is_empty(), "no request id");
}
