//! `GET /v1/channels`: what is integrated, and whether it works.

use super::{
    Admin,
    auth::{Caller, Reading},
    problem::Problem,
};
use crate::config::{Config, Provider};
use axum::{Json, extract::State};
use dndgate_adapter::{Adapter, Channel, Channels};
use serde_json::{Value, json};

/// The channels for which a provider is configured, with what is known of each provider.
#[utoipa::path(get, path = "/v1/channels", responses((status = 200, description = "The channels")))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
) -> Result<Json<Value>, Problem> {
    let config = admin.shared.config.load();
    let seen = |one: &&Provider| caller.bound_to().is_none_or(|tenant| serves(&config, one, tenant));
    let providers: Vec<&Provider> = config.providers.iter().filter(seen).collect();
    let listed = providers.iter().fold(Channels::NONE, |all, one| all.with(one.adapter.profile().channels));
    let channels = listed.iter().map(|channel| {
        let providers: Vec<Value> = providers
            .iter()
            .filter(|one| one.adapter.profile().channels.has(channel))
            .map(|one| provider(&admin, one))
            .collect();
        let states = || providers.iter().map(|one| &one["works"]);
        // Unknown until somebody has used it.
        let works = match (states().any(|works| works == true), states().any(|works| works == false)) {
            (true, _) => json!(true),
            (false, true) => json!(false),
            (false, false) => Value::Null,
        };
        json!({ "channel": channel.name(), "works": works, "providers": providers })
    });
    let channels: Vec<Value> = channels.collect();
    let unlisted: Vec<&str> =
        Channel::ALL.into_iter().filter(|channel| !listed.has(*channel)).map(Channel::name).collect();
    let available: Vec<Value> =
        admin.shared.adapters.fixed.iter().map(|one| available(&admin, *one)).collect();
    Ok(Json(json!({ "channels": channels, "notIntegrated": unlisted, "available": available })))
}

/// What a provider may be set up with: its keys, and the URLs to paste once it stands in the configuration under the
/// adapter's name.
fn available(admin: &Admin, adapter: &dyn Adapter) -> Value {
    let profile = adapter.profile();
    let public_url = &admin.shared.traffic.public_url;
    let keys: Vec<Value> = (profile.keys.iter())
        .map(|key| json!({ "name": key.name, "what": key.what, "forWebhooks": key.for_webhooks }))
        .collect();
    json!({
        "adapter": profile.name,
        "title": profile.title,
        "channels": profile.channels.iter().map(Channel::name).collect::<Vec<_>>(),
        "upstream": profile.upstream,
        "keys": keys,
        "baseUrl": format!("{public_url}/{}", profile.name),
        "webhookUrl": format!("{public_url}/hooks/{}", profile.name),
    })
}

/// Does a provider carry something for a tenant: an account of its, or any at all?
fn serves(config: &Config, provider: &Provider, tenant: &str) -> bool {
    let own = |account: &String| config.tenants.get(tenant).is_some_and(|one| one.accounts.contains(account));
    provider.accounts.is_empty() || config.tenants.len() == 1 || provider.accounts.iter().any(own)
}

fn provider(admin: &Admin, one: &Provider) -> Value {
    let signs = admin.shared.health.of(&one.name);
    let works = match (&signs.works_since, &signs.last_error) {
        (Some(_), _) => json!(true),
        (None, Some(_)) => json!(false),
        (None, None) => Value::Null,
    };
    let verifies = one
        .adapter
        .profile()
        .keys
        .iter()
        .any(|key| key.for_webhooks && one.secrets.first(key.name).is_some());
    let public_url = &admin.shared.traffic.public_url;
    json!({
        "name": one.name,
        "adapter": one.adapter.profile().name,
        "title": one.adapter.profile().title,
        "works": works,
        "since": signs.works_since.map(|at| at.to_string()),
        "lastError": signs.last_error.map(|(at, what)| json!({ "at": at.to_string(), "what": what })),
        "lastSuccess": signs.last_success.map(|at| at.to_string()),
        "lastWebhook": signs.last_webhook.map(|at| at.to_string()),
        "webhookSignatureFailures": signs.forged,
        "lastSignatureFailure": signs.last_forged.map(|at| at.to_string()),
        "webhooksVerified": verifies,
        "baseUrl": format!("{public_url}/{}", one.name),
        "webhookUrl": format!("{public_url}/hooks/{}", one.name),
    })
}
