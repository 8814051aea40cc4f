//! `POST /v1/unsubscribe-links`, and the keys that seal links.

use super::{
    Admin,
    auth::{Caller, Operating, Reading, Writing},
    problem::Problem,
};
use crate::{
    clock,
    unsubscribe::{Link, Links, SHORT_TRIES},
};
use axum::{Json, extract::State, http::StatusCode};
use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::{AddressKey, Region, address};
use dndgate_store::{ContactView, LinkKey, StoreError, contacts, links};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// For whom a link is: a contact, or an address.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The tenant, where there are several.
    #[serde(alias = "locationId")]
    tenant: Option<String>,
    /// A contact's id; its main address on the channel is taken.
    #[serde(alias = "contactId")]
    contact: Option<String>,
    /// An address; nobody has to have it.
    address: Option<String>,
    /// The channel of the message in which the link will stand: Email for addresses with an @, else SMS.
    channel: Option<String>,
    /// The kind of address, where it is not the channel's usual one.
    kind: Option<String>,
}

/// A link to unsubscribe: the same for the same person until the key changes, and good for ever. `headers` are
/// ready for a mail; `shortUrl` is for texts.
#[utoipa::path(post, path = "/v1/unsubscribe-links", request_body = Wanted,
    responses((status = 200, description = "The link, a short one, and the List-Unsubscribe headers")))]
pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller<Writing>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, Problem> {
    let link = link(&admin, &caller, &wanted).await?;
    let keys = admin.shared.links.load_full();
    let token = keys.seal(&link).ok_or_else(|| Problem::bad_request("the tenant's name is too long"))?;
    let short = shorten(&admin, keys, &link, &token).await?;
    let public = &admin.shared.traffic.public_url;
    let url = format!("{public}/u/{token}");
    let headers = crate::unsubscribe::list_headers(&url);
    Ok(Json(json!({
        "id": link.id(&admin.shared.secret),
        "tenant": link.tenant,
        "channel": link.channel.name(),
        "url": url,
        "shortUrl": format!("{public}/u/{short}"),
        "headers": serde_json::Map::from_iter(headers.map(|(name, value)| (name.to_owned(), value.into()))),
    })))
}

async fn link(admin: &Admin, caller: &Caller<Writing>, wanted: &Wanted) -> Result<Link, Problem> {
    let channel = wanted.channel.as_deref().filter(|name| !name.is_empty()).map(|name| {
        Channel::parse(name).ok_or_else(|| {
            let names: Vec<_> = Channel::ALL.into_iter().map(Channel::name).collect();
            Problem::bad_request(format!("channel is none of {}", names.join(", ")))
        })
    });
    let channel = channel.transpose()?;
    let filled = |value: &Option<String>| value.clone().filter(|value| !value.trim().is_empty());
    match (filled(&wanted.contact), filled(&wanted.address)) {
        (Some(id), None) => {
            let contact = admin.shared.store.read(move |tx| contacts::get(tx, &id)).await?;
            let contact = contact
                .filter(|one| caller.bound_to().is_none_or(|tenant| tenant == one.tenant))
                .ok_or_else(|| Problem::not_found("there is no such contact"))?;
            let (channel, address) = main_address(&contact, channel)?;
            Ok(Link { tenant: contact.tenant, address, channel })
        }
        (None, Some(raw)) => {
            let tenant = caller.tenant(admin, wanted.tenant.as_deref())?;
            let guess = if raw.contains('@') { Channel::Email } else { Channel::Sms };
            let channel = channel.unwrap_or(guess);
            let kind = match &wanted.kind {
                None => channel.kinds()[0],
                Some(kind) => AddressKind::parse(kind)
                    .ok_or_else(|| Problem::bad_request("kind is not a kind of address"))?,
            };
            let region =
                admin.shared.config.load().tenants.get(&tenant).map_or(Region::US, |tenant| tenant.region);
            let address = address::normalise(kind, &raw, region)
                .map_err(|bad| Problem::bad_request(format!("address: {bad}")))?;
            Ok(Link { tenant, address: address.key, channel })
        }
        _ => Err(Problem::bad_request("name a contact, or an address and its channel")),
    }
}

/// A contact's main address on a channel; on the first channel that it can be reached on when none is named.
fn main_address(contact: &ContactView, channel: Option<Channel>) -> Result<(Channel, AddressKey), Problem> {
    let on = |channel: Channel| {
        let kinds = channel.kinds().iter();
        let found =
            kinds.filter_map(|kind| contact.addresses.iter().find(|one| one.key.kind == *kind)).next();
        found.map(|one| (channel, one.key.clone()))
    };
    let found = match channel {
        Some(channel) => on(channel),
        None => [Channel::Email].into_iter().chain(Channel::ALL).find_map(on),
    };
    found.ok_or_else(|| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "no-address",
            "the contact has no address on this channel: name another channel",
        )
    })
}

/// Keeps a short link: its id, which is the same for the same token.
async fn shorten(admin: &Admin, keys: Arc<Links>, link: &Link, token: &str) -> Result<String, Problem> {
    let (link, token, now) = (link.clone(), token.to_owned(), clock::now());
    let kept = admin.shared.store.write(move |tx| {
        for attempt in 0..SHORT_TRIES {
            let Some(id) = keys.short(&link, attempt) else { continue };
            if links::shorten(tx, &id, &token, &link.tenant, &link.address, now)? {
                return Ok(id);
            }
        }
        Err(StoreError::Conflict("no short id is free for this link: rotate the keys".into()))
    });
    Ok(kept.await?)
}

fn shown(keys: &[LinkKey]) -> Value {
    let newest = keys.last().map_or(0, |key| key.id);
    let keys = keys.iter().map(
        |key| json!({ "id": key.id, "made": key.made.to_string(), "seals": key.id == newest, "opens": true }),
    );
    json!({ "keys": keys.collect::<Vec<_>>() })
}

/// The keys of links, the oldest first, without their secrets. Every one of them opens the links that it sealed.
#[utoipa::path(get, path = "/v1/unsubscribe-keys", responses((status = 200, description = "The keys")))]
pub(crate) async fn keys(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
) -> Result<Json<Value>, Problem> {
    whole_installation(&caller)?;
    let now = clock::now();
    let keys = admin.shared.store.write(move |tx| links::keys(tx, now)).await?;
    Ok(Json(shown(&keys)))
}

/// Makes a new key, which seals the links made from now on. Those made before work on.
#[utoipa::path(post, path = "/v1/unsubscribe-keys", responses((status = 201, description = "The keys")))]
pub(crate) async fn rotate(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    whole_installation(&caller)?;
    let now = clock::now();
    let keys = admin.shared.store.write(move |tx| links::rotate(tx, now)).await?;
    admin.shared.links.store(Arc::new(Links::new(&keys)));
    tracing::info!(by = caller.actor, keys = keys.len(), "a new key seals unsubscribe links");
    Ok((StatusCode::CREATED, Json(shown(&keys))))
}

fn whole_installation<R>(caller: &Caller<R>) -> Result<(), Problem>
where
    R: super::auth::Requires,
{
    match caller.bound_to() {
        None => Ok(()),
        Some(_) => {
            Err(Problem::forbidden("the keys are the whole installation's; this token has one tenant"))
        }
    }
}
