//! The admin API as a client of it sees it.

use super::{client::Request, gateway::Gateway, wire::Message};
use serde_json::Value;

/// A client with a token.
pub struct Api<'a> {
    pub gate: &'a Gateway,
    pub token: &'a str,
}

impl Api<'_> {
    pub fn send(&self, request: Request) -> Message {
        request.field("Authorization", &format!("Bearer {}", self.token)).send(self.gate.ports.admin)
    }

    pub fn get(&self, path: &str) -> Message {
        self.send(Request::get(path))
    }

    pub fn post(&self, path: &str, body: &Value) -> Message {
        self.send(Request::post(path).json(body))
    }

    pub fn put(&self, path: &str, body: &Value) -> Message {
        self.send(Request::new("PUT", path).json(body))
    }

    pub fn delete(&self, path: &str) -> Message {
        self.send(Request::new("DELETE", path))
    }

    /// Makes a contact and says its id.
    pub fn contact(&self, body: &Value) -> String {
        let answer = self.post("/contacts/", body);
        assert_eq!(answer.status(), 201, "{}", answer.text());
        answer.json()["contact"]["id"].as_str().expect("an id").to_owned()
    }

    /// A contact as it is shown.
    pub fn show(&self, id: &str) -> Value {
        let answer = self.get(&format!("/contacts/{id}"));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answer.json()["contact"].clone()
    }

    /// A contact's ledger entries.
    pub fn history(&self, id: &str) -> Vec<Value> {
        let answer = self.get(&format!("/v1/contacts/{id}/history"));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answer.json()["entries"].as_array().expect("entries").clone()
    }

    /// All events of the feed.
    pub fn events(&self) -> Vec<Value> {
        let answer = self.get("/v1/events?after=0&limit=1000");
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answer.json()["events"].as_array().expect("events").clone()
    }
}
