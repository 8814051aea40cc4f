//! A few people to try things with.

use super::{client, sandbox::Station};
use dndgate_adapter::{Channel, sandbox::Delivered};
use serde_json::json;
use std::sync::Arc;

/// A person of the demo.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) phone: &'static str,
    pub(super) email: &'static str,
    /// In the tour's words.
    pub(super) state: &'static str,
}

/// Everybody, in the order shown. [`seed`] makes them so.
pub(super) const PEOPLE: [Person; 4] = [
    Person { name: "Ada", phone: "+14155550101", email: "ada@example.com", state: "wants to hear from us" },
    Person { name: "Bruno", phone: "+14155550102", email: "bruno@example.com", state: "SMS switched off" },
    Person {
        name: "Clara",
        phone: "+14155550103",
        email: "clara@example.com",
        state: "all channels switched off",
    },
    Person { name: "Dev", phone: "+14155550104", email: "dev@example.com", state: "mail bounced" },
];

/// Creates the people through the admin API; the bounce comes as a webhook, as bounces do.
pub(super) async fn seed(admin: &str, stations: &[Arc<Station>]) -> Result<(), String> {
    for person in &PEOPLE {
        let mut contact = json!({
            "firstName": person.name, "lastName": "Example", "phone": person.phone, "email": person.email,
        });
        match person.name {
            "Bruno" => {
                let message = "asked on the telephone not to be texted";
                contact["dndSettings"] = json!({ "SMS": { "status": "active", "message": message } });
            }
            "Clara" => contact["dnd"] = json!(true),
            _ => {}
        }
        client::post_json(admin, "/contacts/upsert", &contact).await?;
    }
    let [.., dev] = &PEOPLE;
    let mail = stations.iter().find(|station| station.profile.name == "mailgun");
    if let Some(station) = mail {
        let bounced = Delivered {
            id: "<welcome@mg.example.com>".into(),
            channel: Channel::Email,
            from: "team@mg.example.com".into(),
            to: dev.email.into(),
            text: "Welcome".into(),
            callback: String::new(),
        };
        let sent = station.fail(&bounced, "bounce").await;
        if sent.status != Some(200) {
            return Err(format!("the gateway did not take a bounce: {}", sent.answer));
        }
    }
    Ok(())
}
