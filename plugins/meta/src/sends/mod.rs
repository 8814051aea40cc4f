//! What is a send, and whom it reaches: by the edge, and by whose parameters stand there.

pub(crate) mod messenger;
pub(crate) mod whatsapp;

use crate::{
    graph::{Field, Fields, Path},
    product::Product,
};
use dndgate_adapter::{Outbound, Unreadable};
use serde_json::Value;

/// Edges that contact nobody: set-up, uploads, templates, hand-over, block lists, campaigns that wait for somebody
/// to start them.
const SET_UP: &[&str] = &[
    // Of a number or an account of WhatsApp.
    "media",
    "uploads",
    "request_code",
    "verify_code",
    "register",
    "deregister",
    "settings",
    "username",
    "whatsapp_business_profile",
    "whatsapp_business_encryption",
    "whatsapp_commerce_settings",
    "conversational_automation",
    "message_qrdls",
    "block_users",
    "invite_link",
    "join_requests",
    "message_templates",
    "upsert_message_templates",
    "migrate_message_templates",
    "unpause",
    "archive",
    "unarchive",
    "flows",
    "migrate_flows",
    "assets",
    "publish",
    "deprecate",
    "message_samples",
    "welcome_message_sequences",
    "signups",
    "phone_numbers",
    "subscribed_apps",
    "subscriptions",
    // Of a page or an advertising account.
    "messenger_profile",
    "thread_settings",
    "custom_user_settings",
    "unlink_accounts",
    "messenger_lead_forms",
    "welcome_message_flows",
    "message_attachments",
    "take_thread_control",
    "pass_thread_control",
    "request_thread_control",
    "release_thread_control",
    "extend_thread_control",
    "moderate_conversations",
    "blocked",
    "unsubscribe",
    "personas",
    "message_campaign",
    "adcreatives",
    "ads",
    "photos",
    "videos",
    "custom_labels",
    "label",
    "nlp_configs",
];

/// Whom a request that writes would reach.
///
/// # Errors
/// When that cannot be read with certainty.
pub(crate) fn judge<'a>(home: Product, path: &Path<'_>, fields: &Fields) -> Result<Outbound<'a>, Unreadable> {
    let edge = path.edge();
    match edge.as_str() {
        "messages" if path.node().to_ascii_lowercase().starts_with("act_") => unnamed("audiences", fields),
        "messages" if path.node().to_ascii_lowercase().starts_with("t_") => unnamed("conversations", fields),
        "messages" => match owner(home, fields)? {
            Product::WhatsApp => whatsapp::message(&edge, fields),
            Product::Messenger => messenger::message(fields),
        },
        "marketing_messages" => whatsapp::message(&edge, fields),
        "messages_encrypted" => Err(whatsapp::encrypted()),
        "calls" => match owner(home, fields)? {
            Product::WhatsApp => whatsapp::call(fields),
            Product::Messenger => messenger::call(fields),
        },
        "groups" | "participants" => whatsapp::participants(fields),
        "private_replies" => Ok(messenger::private_reply(path.node())),
        "sponsored_message_ads" | "broadcast_messages" | "message_creatives" => unnamed("audiences", fields),
        edge if SET_UP.contains(&edge) => Ok(Outbound::Nobody),
        // A node by itself: a number's or page's settings, a template, `upload:…`.
        _ if path.len() == 1 && !["to", "recipient", "message"].iter().any(|name| fields.has(name)) => {
            Ok(Outbound::Nobody)
        }
        _ => Ok(Outbound::Unrecognised),
    }
}

/// People whom nobody names to us; whoever names somebody beside them is not read.
fn unnamed<'a>(name: &'static str, fields: &Fields) -> Result<Outbound<'a>, Unreadable> {
    match ["to", "recipient"].iter().any(|field| fields.has(field)) {
        true => Err(Unreadable::new("a message to several people that names somebody")),
        false => Ok(Outbound::Unnamed(name)),
    }
}

/// Both products send over edges of the same name: which one is meant?
fn owner(home: Product, fields: &Fields) -> Result<Product, Unreadable> {
    let unclear = || Unreadable::new("whether this is a message of WhatsApp or of Messenger is not certain");
    let product = match fields.word("messaging_product")?.as_deref() {
        None => None,
        Some("whatsapp") => Some(Product::WhatsApp),
        Some("messenger" | "facebook" | "instagram") => Some(Product::Messenger),
        Some(_) => return Err(unclear()),
    };
    let platform = match fields.word("platform")?.as_deref() {
        None => None,
        Some("whatsapp") => Some(Product::WhatsApp),
        Some("messenger" | "instagram") => Some(Product::Messenger),
        Some(_) => return Err(unclear()),
    };
    let shape = match fields.get("recipient") {
        Some(Field::Json(Value::Object(_))) => Some(Product::Messenger),
        _ => None,
    };
    let mut said = [product, platform, shape].into_iter().flatten();
    let first = said.next().unwrap_or(home);
    if said.any(|other| other != first) { Err(unclear()) } else { Ok(first) }
}
