//! A stand-in for SendGrid with its suppression lists, and webhooks as SendGrid signs them.

use super::{
    Fake, Reaction, World,
    client::Request,
    fake::{answer, json_answer},
    signed::{fresh, now},
    wire::Message,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

pub const INBOUND_SECRET: &str = "the-inbound-secret";
/// Entries in a page, whatever is asked for.
const PAGE: usize = 37;

static KEY_PAIR: LazyLock<EcdsaKeyPair> = LazyLock::new(|| {
    let (algorithm, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key pair");
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a key pair")
});

/// The verification key as SendGrid shows it.
pub fn verification_key() -> String {
    let head = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    STANDARD.encode([&head, KEY_PAIR.public_key().as_ref()].concat())
}

/// A webhook with that body, signed now.
pub fn signed(body: &str) -> Request {
    let timestamp = (now() as u64).to_string();
    let message = format!("{timestamp}{body}");
    let signature = KEY_PAIR.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature");
    Request::post("/hooks/sendgrid")
        .body("application/json", body)
        .field("X-Twilio-Email-Event-Webhook-Signature", &STANDARD.encode(signature))
        .field("X-Twilio-Email-Event-Webhook-Timestamp", &timestamp)
}

/// An event about somebody.
pub fn event(name: &str, email: &str, more: Value) -> Value {
    let mut body = json!({
        "email": email, "event": name, "timestamp": now() as u64, "sg_event_id": format!("event-{}", fresh()),
        "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0", "category": ["cat facts"],
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

impl World {
    /// SendGrid reports events, and they are taken.
    pub fn sendgrid_reports(&self, events: &[Value]) -> Message {
        let answer = self.send(&signed(&format!("{}\r\n", json!(events))));
        assert_eq!(answer.status(), 200, "{answer:?}");
        answer
    }
}

/// SendGrid: takes mail, keeps lists. A list is its account's: a subuser's, or the key's own (empty).
#[derive(Clone, Default)]
pub struct SendGrid(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    lists: BTreeMap<(String, String), BTreeSet<String>>,
    questions: usize,
    impatient: bool,
}

impl SendGrid {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server of it.
    pub fn serve(&self) -> Fake {
        let own = self.clone();
        Fake::with(move |request| Reaction::Answer(own.answer(request)))
    }

    /// Asks to come again at every seventh question about its lists.
    pub fn impatient(self) -> SendGrid {
        self.state().impatient = true;
        self
    }

    /// Puts addresses on a list.
    pub fn lists(&self, account: &str, list: &str, add: impl IntoIterator<Item = String>) {
        self.state().lists.entry((account.into(), list.into())).or_default().extend(add);
    }

    /// Who is on a list.
    pub fn on(&self, account: &str, list: &str) -> BTreeSet<String> {
        self.state().lists.get(&(account.to_owned(), list.to_owned())).cloned().unwrap_or_default()
    }

    fn answer(&self, request: &Message) -> Message {
        let (path, query) = request.target().split_once('?').unwrap_or((request.target(), ""));
        let account = request.field("On-Behalf-Of").unwrap_or_default().to_owned();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let bare = |address: &str| address.replace("%40", "@").replace("%2B", "+");
        match (request.method(), &segments[..]) {
            ("POST", ["v3", "mail", "send"]) => {
                let mut taken = answer(202, "text/plain", "");
                taken.fields.push(("X-Message-Id".into(), format!("m{}", fresh())));
                taken
            }
            ("POST", ["v3", "mail", "batch"]) => json_answer(201, &json!({ "batch_id": "b1" })),
            ("POST", ["v3", "user", "scheduled_sends"]) => json_answer(201, &json!({})),
            ("POST", ["v3", "asm", "suppressions", "global"]) => {
                let body: Value = serde_json::from_slice(&request.body).expect("JSON");
                let added = body["recipient_emails"].as_array().expect("addresses");
                self.lists(
                    &account,
                    "unsubscribes",
                    added.iter().filter_map(|one| one.as_str().map(str::to_owned)),
                );
                json_answer(201, &body)
            }
            (method, ["v3", "asm", "suppressions", "global", address]) => {
                self.entry(method, &account, "unsubscribes", &bare(address))
            }
            (method, ["v3", "suppression", list, address]) => {
                self.entry(method, &account, list, &bare(address))
            }
            ("GET", ["v3", "suppression", list]) => self.page(&account, list, query),
            _ => json_answer(200, &json!({})),
        }
    }

    fn entry(&self, method: &str, account: &str, list: &str, address: &str) -> Message {
        let mut state = self.state();
        let entries = state.lists.entry((account.into(), list.into())).or_default();
        let found = entries.contains(address);
        match (method, list, found) {
            ("DELETE", ..) => {
                entries.remove(address);
                answer(204, "application/json", "")
            }
            (_, "unsubscribes", true) => json_answer(200, &json!({ "recipient_email": address })),
            (_, "unsubscribes", false) => json_answer(200, &json!({})),
            (_, _, true) => {
                json_answer(200, &json!([{ "created": 1443651125, "email": address, "reason": "r" }]))
            }
            (_, _, false) => json_answer(200, &json!([])),
        }
    }

    fn page(&self, account: &str, list: &str, query: &str) -> Message {
        let mut state = self.state();
        state.questions += 1;
        if state.impatient && state.questions.is_multiple_of(7) {
            let mut patience = json_answer(429, &json!({ "errors": [{ "message": "too many requests" }] }));
            patience.fields.push(("Retry-After".into(), "0".into()));
            return patience;
        }
        let offset =
            query.split('&').find_map(|pair| pair.strip_prefix("offset=")?.parse().ok()).unwrap_or(0);
        let entries = state.lists.entry((account.into(), list.into())).or_default();
        let page = entries.iter().skip(offset).take(PAGE);
        let page: Vec<Value> = page
            .map(|one| json!({ "created": 1443651141, "email": one, "reason": "550 no such user" }))
            .collect();
        json_answer(200, &json!(page))
    }
}

/// The provider in the configuration, with `more` lines.
pub fn configured(fake: &Fake, crm: &str, more: &str) -> String {
    format!(
        "[[provider]]\nname = \"sendgrid\"\nadapter = \"sendgrid\"\nupstream = {:?}\nverification_key = {:?}\n\
         inbound_secret = {INBOUND_SECRET:?}\napi_key = \"SG.key\"\n{crm}\n{more}\n",
        fake.url(),
        verification_key(),
    )
}
