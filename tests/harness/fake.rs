//! Servers that stand in for providers and for the CRM. They record what reaches them and answer by script.

use super::{
    stand_in, until,
    wire::{Message, Wire},
};
use dndgate_adapter::Adapter;
use serde_json::json;
use std::{
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// What a fake server does with a request that it has read.
pub enum Reaction {
    /// Answers, and keeps the connection.
    Answer(Message),
    /// Closes without an answer.
    HangUp,
    /// Keeps the connection open and says nothing until the peer closes.
    Silence,
    /// Whatever the test does with the connection, which then ends.
    Own(Box<dyn FnOnce(&mut TcpStream) + Send>),
}

type Talk = Arc<dyn Fn(&Shared, &mut Wire) + Send + Sync>;
type Script = Arc<dyn Fn(&Message) -> Reaction + Send + Sync>;

/// A server on loopback.
pub struct Fake {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    talk: Talk,
    seen: Mutex<Vec<Message>>,
    script: Mutex<Script>,
    up: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
    accepted: AtomicUsize,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// An answer.
pub fn answer(status: u16, media: &str, body: impl Into<Vec<u8>>) -> Message {
    let fields = vec![("Content-Type".to_owned(), media.to_owned())];
    Message { start: format!("HTTP/1.1 {status} Fake"), fields, body: body.into() }
}

pub fn json_answer(status: u16, body: &serde_json::Value) -> Message {
    answer(status, "application/json", body.to_string())
}

impl Fake {
    /// Answers as the script says.
    pub fn with(script: impl Fn(&Message) -> Reaction + Send + Sync + 'static) -> Fake {
        Fake::serving(Arc::new(converse), script)
    }

    /// Hands every connection to the test.
    pub fn raw(talk: impl Fn(&mut Wire) + Send + Sync + 'static) -> Fake {
        Fake::serving(Arc::new(move |_: &Shared, wire: &mut Wire| talk(wire)), |_| Reaction::HangUp)
    }

    fn serving(talk: Talk, script: impl Fn(&Message) -> Reaction + Send + Sync + 'static) -> Fake {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let shared = Arc::new(Shared {
            talk,
            seen: Mutex::default(),
            script: Mutex::new(Arc::new(script)),
            up: AtomicBool::new(true),
            connections: Mutex::default(),
            accepted: AtomicUsize::new(0),
        });
        let fake = Fake { port: listener.local_addr().expect("an address").port(), shared };
        fake.listen(listener);
        fake
    }

    /// Takes messages and calls as Twilio does.
    pub fn twilio() -> Fake {
        Fake::with(|request| Reaction::Answer(twilio_answer(request)))
    }

    /// Takes mail as Mailgun does; has no mailing lists.
    pub fn mailgun() -> Fake {
        Fake::with(|request| {
            Reaction::Answer(match request.method() {
                "POST" => json_answer(
                    200,
                    &json!({ "id": "<1.fake@mg.example.com>", "message": "Queued. Thank you." }),
                ),
                _ if request.target().contains("/lists/") => {
                    json_answer(404, &json!({ "message": "Mailing list not found" }))
                }
                _ => json_answer(200, &json!({ "items": [] })),
            })
        })
    }

    /// Answers as the stand-in that an adapter brings for the demo.
    pub fn of(adapter: &'static dyn Adapter) -> Fake {
        Fake::with(move |request| Reaction::Answer(stand_in::reply(adapter, request)))
    }

    /// A CRM with nothing to say.
    pub fn crm() -> Fake {
        Fake::with(|_| Reaction::Answer(answer(200, "text/xml", "<Response/>")))
    }

    fn listen(&self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                if !shared.up.load(Ordering::SeqCst) {
                    return;
                }
                shared.accepted.fetch_add(1, Ordering::SeqCst);
                locked(&shared.connections).push(stream.try_clone().expect("a second handle"));
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let mut wire = Wire::new(stream);
                    (shared.talk)(&shared, &mut wire);
                    // The peer may have closed already.
                    let _ = wire.stream().shutdown(Shutdown::Both);
                });
            }
        });
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Follows another script from now on.
    pub fn reacts(&self, script: impl Fn(&Message) -> Reaction + Send + Sync + 'static) {
        *locked(&self.shared.script) = Arc::new(script);
    }

    /// Gives the same answer to everything from now on.
    pub fn answers(&self, message: Message) {
        self.reacts(move |_| Reaction::Answer(message.clone()));
    }

    /// Everything that has reached it.
    pub fn seen(&self) -> Vec<Message> {
        locked(&self.shared.seen).clone()
    }

    /// How many requests have reached it.
    pub fn count(&self) -> usize {
        locked(&self.shared.seen).len()
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// The only request that has reached it.
    pub fn only(&self) -> Message {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "one request was to arrive: {seen:#?}");
        seen[0].clone()
    }

    /// The last request that has reached it.
    pub fn last(&self) -> Message {
        self.seen().last().cloned().expect("no request has arrived")
    }

    /// Waits until so many requests have reached it.
    pub fn wait_for(&self, count: usize) -> Vec<Message> {
        until(&format!("{count} requests"), || Some(self.seen()).filter(|seen| seen.len() >= count))
    }

    /// Is down: connections are refused, open ones cut.
    pub fn goes_down(&self) {
        self.shared.up.store(false, Ordering::SeqCst);
        // Wakes the listener so that it sees this and closes.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        until("the port to be closed", || TcpStream::connect(("127.0.0.1", self.port)).err());
        self.cut();
    }

    /// Closes every open connection.
    pub fn cut(&self) {
        for stream in locked(&self.shared.connections).drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Is back on the same port.
    pub fn comes_back(&self) {
        let listener = until("the port", || TcpListener::bind(("127.0.0.1", self.port)).ok());
        self.shared.up.store(true, Ordering::SeqCst);
        self.listen(listener);
    }
}

/// One connection: reads requests and reacts, until either side closes.
fn converse(shared: &Shared, wire: &mut Wire) {
    while let Ok(Some(request)) = wire.message() {
        let script = Arc::clone(&*locked(&shared.script));
        locked(&shared.seen).push(request.clone());
        match script(&request) {
            Reaction::Answer(message) => {
                let no_body = request.method() == "HEAD" || [204, 304].contains(&message.status());
                let mut head = format!("{}\r\n", message.start);
                for (name, value) in &message.fields {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                if !no_body {
                    head.push_str(&format!("Content-Length: {}\r\n", message.body.len()));
                }
                head.push_str("\r\n");
                let body = if no_body { &[][..] } else { &message.body };
                if wire.write(&[head.as_bytes(), body].concat()).is_err() {
                    return;
                }
            }
            Reaction::HangUp => break,
            Reaction::Silence => {
                wire.rest();
                break;
            }
            Reaction::Own(act) => {
                act(wire.stream());
                break;
            }
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.shared.up.store(false, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        self.cut();
    }
}

/// What Twilio says to a request that it takes.
pub fn twilio_answer(request: &Message) -> Message {
    let target = request.target().split('?').next().unwrap_or_default();
    if request.method() != "POST" {
        return json_answer(200, &json!({ "messages": [], "page": 0 }));
    }
    let number = format!("{:032x}", sum(&request.body));
    let value = |name: &str| request.form(name).into_iter().next();
    let mut body = if target.ends_with("/Calls.json") {
        json!({ "sid": format!("CA{number}"), "status": "queued", "direction": "outbound-api" })
    } else {
        let status = if value("ScheduleType").is_some() { "scheduled" } else { "queued" };
        json!({ "sid": format!("SM{number}"), "status": status, "body": value("Body"), "num_segments": "1",
                "num_media": "0", "direction": "outbound-api", "error_code": null, "error_message": null })
    };
    body["to"] = json!(value("To"));
    body["from"] = json!(value("From"));
    body["account_sid"] = json!(super::ACCOUNT);
    body["api_version"] = json!("2010-04-01");
    body["date_created"] = json!("Mon, 23 Nov 2026 10:00:00 +0000");
    body["uri"] = json!(target);
    json_answer(201, &body)
}

/// Tells bodies apart.
fn sum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
