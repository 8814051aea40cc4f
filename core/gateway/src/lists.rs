//! Whose suppression lists are whose: which accounts of a provider belong to a tenant, and what its lists say of
//! an address.

use crate::{
    errand::{Answered, ErrandError, Errands},
    route::{Route, Routes},
};
use dndgate_adapter::{
    outbound::Call,
    sign,
    suppressions::{List, Presence, Suppressions},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

/// The accounts of a provider whose lists concern a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accounts {
    /// These; one empty name where lists belong to the credentials.
    Known(Vec<String>),
    /// All that the provider tells when asked.
    Ask,
    /// The provider serves other tenants.
    Foreign,
    /// Nobody says which.
    Unnamed,
}

/// Finds a tenant's accounts at a provider.
pub(crate) fn accounts(routes: &Routes, route: &Route, lists: &dyn Suppressions, tenant: &str) -> Accounts {
    let is_its =
        |account: Option<&str>| routes.tenant(route, account).is_some_and(|one| &*one.name == tenant);
    if !lists.per_account() {
        return if is_its(None) { Accounts::Known(vec![String::new()]) } else { Accounts::Foreign };
    }
    if lists.accounts_of_credentials() {
        return if is_its(None) { Accounts::Ask } else { Accounts::Foreign };
    }
    let configured = &route.provider.accounts;
    let mut all: Vec<String> =
        configured.iter().filter(|one| lists.is_account(one) && is_its(Some(one))).cloned().collect();
    let own = routes.tenant_named(tenant).map(|one| one.tenant.accounts.as_slice()).unwrap_or_default();
    for name in own.iter().filter(|one| lists.is_account(one)) {
        if !all.contains(name) && (configured.is_empty() || configured.contains(name)) {
            all.push(name.clone());
        }
    }
    match (all.is_empty(), configured.is_empty()) {
        (false, _) => Accounts::Known(all),
        (true, _) if lists.lists_of_credentials() && is_its(None) => Accounts::Known(vec![String::new()]),
        (true, true) if is_its(None) => Accounts::Ask,
        (true, true) => Accounts::Unnamed,
        (true, false) => Accounts::Foreign,
    }
}

/// A question to a list, and what came of it, for the record: without key and without the address.
pub(crate) struct Question<'a> {
    pub(crate) provider: &'a str,
    pub(crate) account: &'a str,
    pub(crate) list: &'a List,
    pub(crate) asked: Option<(String, Result<&'a Answered, String>)>,
    pub(crate) presence: &'a Presence,
    pub(crate) at: Timestamp,
}

impl Question<'_> {
    /// As it stands in the ledger.
    pub(crate) fn record(&self) -> Value {
        let (word, says) = match self.presence {
            Presence::Absent => ("absent", String::new()),
            Presence::Present(says) => ("present", says.clone()),
            Presence::Unknown(why) => ("unverified", (*why).to_owned()),
        };
        let mut record = json!({
            "provider": self.provider, "account": self.account, "list": self.list.name, "outcome": word,
            "says": says, "at": self.at.to_string(),
        });
        if let Some((request, answer)) = &self.asked {
            record["request"] = json!(request);
            match answer {
                Ok(answer) => {
                    record["status"] = json!(answer.status.as_u16());
                    record["bodySha256"] = json!(sign::to_hex(&sign::sha256(&answer.body)));
                }
                Err(error) => record["error"] = json!(error),
            }
        }
        record
    }
}

/// Method and path of a call, the address in it hidden.
pub(crate) fn shown(call: &Call) -> String {
    let path = call.path_and_query.as_str();
    let hidden = match path.rfind('/') {
        Some(at) if path[at..].contains("%40") || path[at..].contains('@') => {
            let (start, end) = path.split_at(at + 1);
            let query = end.split_once('=').filter(|_| end.contains('?')).map(|(name, _)| format!("{name}="));
            format!("{start}{}{{address}}", query.unwrap_or_default())
        }
        _ => path.to_owned(),
    };
    format!("{} {hidden}", call.method)
}

/// What an errand's outcome says of a list.
pub(crate) fn presence(
    lists: &dyn Suppressions,
    list: &List,
    answer: &Result<Answered, ErrandError>,
) -> Presence {
    match answer {
        Ok(answer) => lists.looked_up(list, &answer.as_answer()),
        Err(_) => Presence::Unknown("the provider could not be reached"),
    }
}

/// The most pages of a list that are read for one address.
const PAGES_MAX: usize = 1_000;

/// The last request of several, and what came of it.
pub(crate) type Asked = (String, Result<Answered, ErrandError>);

/// Reads a list page by page for one address, where the provider tells of none alone.
pub(crate) async fn look_through(
    errands: &Errands,
    keeper: &Keeper,
    account: &str,
    list: &List,
    address: &str,
) -> (Presence, Option<Asked>) {
    let secrets = &keeper.route.provider.secrets;
    let (mut next, mut asked) = (None, None);
    for _ in 0..PAGES_MAX {
        let Some(call) = keeper.lists.page(list, account, next.as_deref(), secrets) else {
            return (Presence::Unknown("the provider's api_key is not configured"), asked);
        };
        let request = shown(&call);
        let answer = errands.ask(&keeper.route, call).await;
        let page = match &answer {
            Ok(answer) => keeper.lists.page_read(list, account, next.as_deref(), &answer.as_answer()).ok(),
            Err(_) => None,
        };
        asked = Some((request, answer));
        let Some(page) = page else {
            return (Presence::Unknown("a page of the list could not be read"), asked);
        };
        if let Some(entry) = page.entries.iter().find(|one| one.address.eq_ignore_ascii_case(address)) {
            let words = [entry.code.as_deref().unwrap_or_default(), &entry.message];
            return (Presence::Present(words.join(" ").trim().to_owned()), asked);
        }
        next = page.next;
        if next.is_none() {
            return (Presence::Absent, asked);
        }
    }
    (Presence::Unknown("the list is longer than is read for one address"), asked)
}

/// A provider whose lists are asked.
pub(crate) struct Keeper {
    pub(crate) route: Arc<Route>,
    pub(crate) lists: &'static dyn Suppressions,
    pub(crate) accounts: Accounts,
}

/// The providers of mail that keep lists for a tenant.
pub(crate) fn keepers(routes: &Routes, tenant: &str) -> Vec<Keeper> {
    let keepers = routes.providers().iter().filter_map(|route| {
        let lists = route.provider.adapter.suppressions()?;
        let accounts = accounts(routes, route, lists, tenant);
        (accounts != Accounts::Foreign).then(|| Keeper { route: Arc::clone(route), lists, accounts })
    });
    keepers.collect()
}
