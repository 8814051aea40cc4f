//! Requests that say every byte themselves.

use super::wire::{Message, Wire, form_of};

/// A request in the making. Fields go out in the order and case in which they are named here.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Request {
        Request { method: method.into(), target: target.into(), fields: Vec::new(), body: Vec::new() }
    }

    pub fn get(target: &str) -> Request {
        Request::new("GET", target)
    }

    pub fn post(target: &str) -> Request {
        Request::new("POST", target)
    }

    pub fn field(mut self, name: &str, value: &str) -> Request {
        self.fields.push((name.into(), value.into()));
        self
    }

    pub fn body(mut self, media: &str, body: impl Into<Vec<u8>>) -> Request {
        self.body = body.into();
        self.field("Content-Type", media)
    }

    pub fn form(self, pairs: &[(&str, &str)]) -> Request {
        self.body("application/x-www-form-urlencoded", form_of(pairs))
    }

    pub fn json(self, body: &serde_json::Value) -> Request {
        self.body("application/json", body.to_string())
    }

    /// The bytes: `Host` first unless the request names one, `Content-Length` last unless it frames its body itself.
    pub fn bytes(&self) -> Vec<u8> {
        let has = |name: &str| self.fields.iter().any(|(one, _)| one.eq_ignore_ascii_case(name));
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !has("host") {
            head.push_str("Host: gate.test\r\n");
        }
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !has("content-length")
            && !has("transfer-encoding")
            && (!self.body.is_empty() || self.method == "POST")
        {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.into_bytes(), self.body.clone()].concat()
    }

    /// Sends it on a connection of its own and waits for the answer.
    pub fn send(&self, port: u16) -> Message {
        let mut wire = Wire::to(port);
        wire.write(&self.bytes()).expect("the request is written");
        wire.answer()
    }

    /// As [`Request::send`], when the peer may be gone or may go meanwhile.
    pub fn try_send(&self, port: u16) -> Option<Message> {
        let stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
        let mut wire = Wire::new(stream);
        wire.write(&self.bytes()).ok()?;
        wire.message().ok()?
    }
}
