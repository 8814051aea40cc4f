//! `POST /v1/contacts/{id}/email-release`: the steps after which a spam complaint may be ended (R21).

use super::{
    Admin,
    auth::{Caller, Operating},
    problem::Problem,
};
use crate::{
    apply, clock,
    config::ReleaseConfig,
    lists::{self, Accounts, Keeper, Question},
    mail_domain::{self, Mail},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use dndgate_adapter::{
    Channel,
    suppressions::{List, Presence, Validity},
};
use dndgate_dnd::{AddressKey, Confirmation, Missing, Reading, Release, Status, Validated};
use dndgate_store::{ChannelWish, ContactDraft, ContactView, Origin, contacts, release};
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest reason for a confirmation, in bytes.
const REASON_BYTES_MAX: usize = 4_096;

/// What an operator wants of it besides the next steps.
#[derive(Deserialize, Default, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Wanted {
    /// Take the address off the provider's lists where it is found on them.
    remove: bool,
    /// The operator's word for the address.
    confirmation: Option<Word>,
    /// End the complaint when nothing is missing.
    end: bool,
}

#[derive(Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Word {
    /// Why the address is believed to be good and the person to want mail.
    reason: String,
}

/// Runs the steps that can be run now: reads the provider's lists, validates the address. 409 says what is missing;
/// 200 that an operator may end the complaint, here with `"end": true` or by switching Email off at the contact.
#[utoipa::path(post, path = "/v1/contacts/{id}/email-release", request_body = Wanted,
    responses((status = 200, description = "Nothing is missing"), (status = 409, description = "What is missing")))]
pub(crate) async fn run(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
    body: axum::body::Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let wanted: Wanted = if body.is_empty() {
        Wanted::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| {
            Problem::bad_request(format!("send {{\"remove\", \"confirmation\", \"end\"}}: {error}"))
        })?
    };
    let word = wanted.confirmation.as_ref().map(|word| word.reason.trim());
    if word.is_some_and(|word| word.is_empty() || word.len() > REASON_BYTES_MAX) {
        return Err(Problem::bad_request("confirmation.reason says in words why, in at most 4096 bytes"));
    }
    let contact = super::evidence::visible(&admin, &caller, &id).await?;
    let complained = release::complained(&contact);
    if complained.is_empty() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "nothing-to-release",
            "no address of this contact was marked as spam",
        ));
    }
    let steps = Steps { admin: &admin, contact: &contact, actor: &caller.actor, wanted: &wanted };
    let (mut shown, mut missing, mut retry_at) = (Vec::new(), Vec::new(), None);
    for address in complained {
        let one = steps.take(address).await?;
        missing.extend(
            one.missing
                .iter()
                .map(|missing| json!({ "address": one.address, "step": missing, "how": missing.how() })),
        );
        retry_at = retry_at.max(one.retry_at);
        shown.push(one.shown);
    }
    if !missing.is_empty() {
        let problem = Problem::new(
            StatusCode::CONFLICT,
            "release-incomplete",
            "the complaint cannot be released yet; see missing",
        );
        let problem = problem.with("missing", json!(missing)).with("releases", json!(shown));
        let retry_at = retry_at.map(|at: jiff::Timestamp| json!(at.to_string()));
        return Err(problem.with("retryAt", retry_at.unwrap_or_default()));
    }
    let ended = if wanted.end { steps.end().await? } else { Value::Null };
    Ok((StatusCode::OK, Json(json!({ "releases": shown, "ready": true, "contact": ended }))))
}

/// What is needed to take the steps for a contact.
struct Steps<'a> {
    admin: &'a Admin,
    contact: &'a ContactView,
    actor: &'a str,
    wanted: &'a Wanted,
}

/// What came of the steps for one address.
struct Taken {
    address: String,
    missing: Vec<Missing>,
    shown: Value,
    retry_at: Option<jiff::Timestamp>,
}

impl Steps<'_> {
    async fn take(&self, address: AddressKey) -> Result<Taken, Problem> {
        let (store, tenant) = (&self.admin.shared.store, self.contact.tenant.clone());
        let config = self.admin.shared.config.load_full();
        let rules = config.release.rules();
        let origin = Origin::api(self.actor, clock::now());
        let (of, by, begun) = (tenant.clone(), origin.clone(), address.clone());
        let before = store.write(move |tx| release::begin(tx, &of, &begun, &by)).await?;
        let mut release = before.clone();
        let mut steps = Vec::new();
        let (mut reading, mut questions) = self.read(&address).await;
        if reading == Reading::Present && self.wanted.remove {
            steps.push(json!({ "step": "lists", "outcome": reading, "readings": questions }));
            steps.push(json!({ "step": "removal", "removals": self.remove(&address).await }));
            release.read(reading, clock::now(), &rules);
            (reading, questions) = self.read(&address).await;
        }
        steps.push(json!({ "step": "lists", "outcome": reading, "readings": questions }));
        release.read(reading, clock::now(), &rules);
        if release.validated != Some(Validated::Good) {
            let (validated, record) = self.validate(&config.release, &address).await;
            release.validated = validated;
            steps.push(record);
        }
        if let Some(word) = &self.wanted.confirmation {
            let reason = word.reason.trim().to_owned();
            steps.push(json!({ "step": "confirmation", "reason": reason }));
            release.confirmation = Some(Confirmation { by: self.actor.to_owned(), reason, at: clock::now() });
        }
        let missing = release.settle(clock::now(), &rules);
        let shown = shown(&release, &missing, &steps);
        let retry_at = release.second_reading_at(&rules);
        let contact = self.contact.id.clone();
        let kept = store
            .write(move |tx| release::keep(tx, &tenant, &contact, (&before, &release), &steps, &origin))
            .await?;
        if !kept {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "release-restarted",
                "another complaint came meanwhile, or somebody else took steps: send the request again",
            ));
        }
        Ok(Taken { address: address.key, missing, shown, retry_at })
    }

    /// The spellings under which an address may stand on a list.
    fn spellings(&self, address: &AddressKey) -> Vec<String> {
        let mut all = vec![address.key.clone()];
        let shown =
            self.contact.addresses.iter().filter(|one| one.key == *address).map(|one| one.shown.clone());
        all.extend(shown.filter(|one| *one != address.key).collect::<Vec<_>>());
        all
    }

    /// The providers whose lists decide on an address: those that reported it; where somebody else did, all. And
    /// those of them whose lists cannot be read.
    fn deciding(&self, address: &AddressKey) -> (Vec<Keeper>, Vec<String>) {
        let routes = self.admin.shared.routes.load_full();
        let reporters = release::reporters(self.contact, address);
        let mut keepers = lists::keepers(&routes, &self.contact.tenant);
        let is_kept = |name: &String| keepers.iter().any(|one| one.route.provider.name == *name);
        let dumb = reporters.providers.iter().filter(|name| !is_kept(name)).cloned().collect();
        let reported = |one: &Keeper| reporters.providers.contains(&one.route.provider.name);
        keepers.retain(|one| reporters.others || reported(one));
        (keepers, dumb)
    }

    /// Asks every list of every account that decides, each spelling.
    async fn read(&self, address: &AddressKey) -> (Reading, Vec<Value>) {
        let (keepers, dumb) = self.deciding(address);
        let mut records = Vec::new();
        let mut outcomes: Vec<Presence> = Vec::new();
        let note =
            |provider: &str, why: &str| json!({ "provider": provider, "outcome": "unverified", "says": why });
        for name in &dumb {
            outcomes.push(Presence::Unknown("no lists"));
            records.push(note(
                name,
                "this provider reported the complaint, and its suppression lists cannot be read here: its adapter \
                 knows none, or it is not configured for this tenant any more",
            ));
        }
        if keepers.is_empty() && dumb.is_empty() {
            outcomes.push(Presence::Unknown("no provider"));
            records.push(note(
                "",
                "no provider whose suppression lists can be read is configured for this tenant",
            ));
        }
        for keeper in &keepers {
            let name = keeper.route.provider.name.as_str();
            let accounts = match self.accounts(keeper).await {
                Ok(accounts) => accounts,
                Err(why) => {
                    outcomes.push(Presence::Unknown("no accounts"));
                    records.push(note(name, &why));
                    continue;
                }
            };
            for account in &accounts {
                for list in keeper.lists.lists() {
                    for spelling in self.spellings(address) {
                        let (presence, record) = self.ask(keeper, account, list, &spelling).await;
                        outcomes.push(presence);
                        records.push(record);
                    }
                }
            }
        }
        let reading = if outcomes.iter().any(|one| matches!(one, Presence::Present(_))) {
            Reading::Present
        } else if outcomes.iter().all(|one| *one == Presence::Absent) {
            Reading::Absent
        } else {
            Reading::Unverified
        };
        (reading, records)
    }

    async fn accounts(&self, keeper: &Keeper) -> Result<Vec<String>, String> {
        match &keeper.accounts {
            Accounts::Known(accounts) => Ok(accounts.clone()),
            Accounts::Foreign | Accounts::Unnamed => {
                Err("no sending domain of this tenant is configured (accounts)".into())
            }
            Accounts::Ask => {
                let secrets = &keeper.route.provider.secrets;
                let call =
                    keeper.lists.accounts(secrets).ok_or("the provider's api_key is not configured")?;
                let answer = self.admin.shared.errands.ask(&keeper.route, call).await;
                let answer = answer.map_err(|error| error.to_string())?;
                let accounts = keeper.lists.accounts_read(&answer.as_answer());
                match accounts {
                    Ok(accounts) if !accounts.is_empty() => Ok(accounts),
                    Ok(_) => Err("the provider tells no sending domain".into()),
                    Err(why) => Err(format!(
                        "the sending domains are not configured (account), and the provider does not tell them: {why}"
                    )),
                }
            }
        }
    }

    async fn ask(&self, keeper: &Keeper, account: &str, list: &List, address: &str) -> (Presence, Value) {
        let provider = &keeper.route.provider;
        let call = keeper.lists.look_up(list, account, address, &provider.secrets);
        let at = clock::now();
        let question = |asked, presence: &Presence| {
            Question { provider: &provider.name, account, list, asked, presence, at }.record()
        };
        if keeper.lists.in_pages(list) {
            let errands = &self.admin.shared.errands;
            let (presence, asked) = lists::look_through(errands, keeper, account, list, address).await;
            let asked = asked.as_ref();
            let asked = asked
                .map(|(request, answer)| (request.clone(), answer.as_ref().map_err(ToString::to_string)));
            let record = question(asked, &presence);
            return (presence, record);
        }
        let Some(call) = call else {
            let presence =
                Presence::Unknown("the provider's api_key is not configured, or the address is none");
            let record = question(None, &presence);
            return (presence, record);
        };
        let request = lists::shown(&call);
        let answer = self.admin.shared.errands.ask(&keeper.route, call).await;
        let presence = lists::presence(keeper.lists, list, &answer);
        let record = question(Some((request, answer.as_ref().map_err(ToString::to_string))), &presence);
        (presence, record)
    }

    /// Has the address taken off every list on which it stands.
    async fn remove(&self, address: &AddressKey) -> Vec<Value> {
        let mut records = Vec::new();
        for keeper in &self.deciding(address).0 {
            for account in &self.accounts(keeper).await.unwrap_or_default() {
                for list in keeper.lists.lists() {
                    for spelling in self.spellings(address) {
                        let (presence, _) = self.ask(keeper, account, list, &spelling).await;
                        let provider = &keeper.route.provider;
                        let call = keeper.lists.remove(list, account, &spelling, &provider.secrets);
                        let (Presence::Present(_), Some(call)) = (presence, call) else { continue };
                        let request = lists::shown(&call);
                        let answer = self.admin.shared.errands.ask(&keeper.route, call).await;
                        let removed =
                            answer.as_ref().is_ok_and(|one| keeper.lists.removed(list, &one.as_answer()));
                        records.push(json!({
                            "provider": provider.name, "account": account, "list": list.name, "request": request,
                            "status": answer.as_ref().ok().map(|one| one.status.as_u16()), "removed": removed,
                            "at": clock::now().to_string(),
                        }));
                    }
                }
            }
        }
        records
    }

    /// The provider's validation where one is named, else the domain name system.
    async fn validate(&self, config: &ReleaseConfig, address: &AddressKey) -> (Option<Validated>, Value) {
        let record = |by: &str, outcome: Option<Validated>, says: &str| json!({ "step": "validation", "by": by, "outcome": outcome, "says": says, "at": clock::now().to_string() });
        let Some(name) = &config.validate_with else {
            let (outcome, says) = match mail_domain::of(&address.key, config.resolver).await {
                Mail::Arrives => (Some(Validated::Plausible), "the domain takes mail"),
                Mail::Refused(why) => (Some(Validated::Bad), why),
                Mail::Unknown => (None, "the domain name system did not answer"),
            };
            return (outcome, record("mx", outcome, says));
        };
        let routes = self.admin.shared.routes.load_full();
        let route = routes.providers().iter().find(|route| route.provider.name == *name);
        let lists = route.and_then(|route| route.provider.adapter.suppressions());
        let call = route.zip(lists).and_then(|(route, lists)| {
            Some((route, lists, lists.validate(&address.key, &route.provider.secrets)?))
        });
        let Some((route, lists, call)) = call else {
            return (None, record(name, None, "this provider validates no addresses, or its key is missing"));
        };
        let request = lists::shown(&call);
        let answer = self.admin.shared.errands.ask(route, call).await;
        let validity = answer.as_ref().ok().and_then(|answer| lists.validated(&answer.as_answer()));
        let (outcome, says) = match validity {
            Some(Validity::Good) => (Some(Validated::Good), String::new()),
            Some(Validity::Uncertain(says)) => (Some(Validated::Plausible), says),
            Some(Validity::Bad(says)) => (Some(Validated::Bad), says),
            None => (None, "the provider's answer says nothing of the address".into()),
        };
        let mut record = record(name, outcome, &says);
        record["request"] = json!(request);
        record["status"] = json!(answer.as_ref().ok().map(|one| one.status.as_u16()));
        (outcome, record)
    }

    /// Ends what blocks Email, as an operator would at the contact.
    async fn end(&self) -> Result<Value, Problem> {
        let wish = ChannelWish { status: Status::Inactive, message: None, code: None };
        let draft = ContactDraft { settings: vec![(Channel::Email, wish)], ..ContactDraft::default() };
        let (id, origin) = (self.contact.id.clone(), Origin::api(self.actor, clock::now()));
        let region = self
            .admin
            .shared
            .config
            .load()
            .tenants
            .get(&self.contact.tenant)
            .map_or(dndgate_dnd::Region::US, |tenant| tenant.region);
        let edited = self
            .admin
            .shared
            .store
            .write(move |tx| contacts::update(tx, &id, draft, region, &origin))
            .await?;
        apply::announce(&self.admin.shared, &edited.changes);
        let listed = crate::listed(&self.admin.shared.config.load());
        Ok(super::wire::shown(&edited.contact, listed, super::wire::Dialect::V2))
    }
}

fn shown(release: &Release, missing: &[Missing], steps: &[Value]) -> Value {
    json!({
        "address": release.address.key,
        "began": release.began.to_string(),
        "gone": release.gone,
        "validation": release.validated,
        "confirmation": release.confirmation,
        "openUntil": release.open_until.map(|at| at.to_string()),
        "missing": missing,
        "steps": steps,
    })
}
