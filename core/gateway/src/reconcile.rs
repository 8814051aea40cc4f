//! Comparison with providers' suppression lists, a page at a time. Every page is durable before the next is asked
//! for, so that a run goes on after a restart where it stopped.

use crate::{
    apply, clock,
    config::{Config, ReconciliationConfig, RepairSide},
    errand::{self, Answered},
    lists::{self, Accounts},
    route::{Route, Routes},
    shared::Worker,
    upstream::{self, Pool},
};
use dndgate_adapter::{
    AddressKind,
    outbound::Call,
    suppressions::{List, Listing, Suppressions},
};
use dndgate_dnd::{Region, address};
use dndgate_store::{
    Change, Repair, Run, RunState, Store, StoreError,
    reconciliation::{self as store, Entry},
};
use http::{StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use std::{rc::Rc, sync::Arc, time::Duration};

/// How often the background looks for runs.
const LOOK: Duration = Duration::from_secs(1);
/// Addresses of ours compared at a time.
const BATCH: usize = 500;
/// Failures in a row after which a run is given up; with the pauses between them, about an hour.
const ATTEMPTS_MAX: u32 = 16;
/// The longest pause after a failure, in seconds.
const BACK_OFF_SECONDS_MAX: i64 = 300;

/// Why a step did not succeed.
enum Trouble {
    /// Another try may do better, after this long where the provider says so.
    Later(String, Option<i64>),
    /// No try will.
    Never(String),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::Later(error.to_string(), None)
    }
}

/// Names what is to be put in order.
pub fn repair(sides: &[RepairSide]) -> Repair {
    Repair { here: sides.contains(&RepairSide::Here), there: sides.contains(&RepairSide::There) }
}

/// The runs that compare these providers and tenants; none named: all that keep lists.
///
/// # Errors
/// When a name is none, or nothing is left to compare.
pub fn plan(
    config: &Config,
    provider: Option<&str>,
    tenant: Option<&str>,
    repair: Repair,
    by: &str,
) -> Result<Vec<Run>, String> {
    let routes = Routes::new(config);
    if let Some(name) = tenant.filter(|name| !config.tenants.contains_key(*name)) {
        return Err(format!("there is no tenant {name:?}"));
    }
    if let Some(name) = provider {
        let known = config.providers.iter().find(|one| one.name == name);
        let known = known.ok_or_else(|| format!("there is no provider {name:?}"))?;
        if known.adapter.suppressions().is_none() {
            return Err(format!("the provider {name:?} keeps no suppression lists that can be read"));
        }
    }
    let now = clock::now();
    let mut runs = Vec::new();
    for name in config.tenants.keys().filter(|name| tenant.is_none_or(|wanted| wanted == *name)) {
        for keeper in lists::keepers(&routes, name) {
            let its = &keeper.route.provider.name;
            if provider.is_none_or(|wanted| wanted == its) && keeper.accounts != Accounts::Unnamed {
                runs.push(Run::new(its, name, repair, by, now));
            }
        }
    }
    if runs.is_empty() {
        return Err(
            "no configured provider keeps suppression lists for this tenant (accounts, api_key)".into()
        );
    }
    Ok(runs)
}

/// Takes up runs until the gateway drains, and begins those of the schedule.
pub(crate) async fn run(worker: Rc<Worker>) {
    let mut draining = worker.shared.draining.subscribe();
    let mut scheduled = clock::tick();
    loop {
        let config = worker.shared.config.load_full();
        if let Some(every) = config.reconciliation.every
            && scheduled.elapsed() >= every.0
        {
            scheduled = clock::tick();
            begin_scheduled(&worker.shared.store, &config).await;
        }
        let now = clock::now();
        let due = worker.shared.store.read(move |tx| store::due(tx, now, 1)).await;
        let next = due.unwrap_or_default().into_iter().next();
        if let Some(run) = next {
            let routes = worker.routes();
            let reconciler = Reconciler {
                store: &worker.shared.store,
                routes: &routes,
                pool: &worker.pool,
                config: &config.reconciliation,
            };
            let changes = reconciler.step(run).await;
            apply::announce(&worker.shared, &changes);
            tokio::select! {
                () = tokio::time::sleep(config.reconciliation.pause.0) => {}
                _ = draining.wait_for(|draining| *draining) => return,
            }
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = draining.wait_for(|draining| *draining) => return,
        }
    }
}

async fn begin_scheduled(store: &Store, config: &Config) {
    match plan(config, None, None, repair(&config.reconciliation.repair), "schedule") {
        Ok(runs) => {
            let kept = store.write(move |tx| runs.iter().try_for_each(|run| store::put(tx, run))).await;
            if let Err(error) = kept {
                tracing::error!(%error, "a scheduled comparison with providers' lists could not begin");
            }
        }
        Err(why) => tracing::warn!(why, "there is nothing to compare (reconciliation.every)"),
    }
}

/// Does runs to their end without a gateway, on this thread.
///
/// # Errors
/// When the store cannot be read, or trust in https cannot be set up.
pub fn run_here(config: &Config, store: &Store, ids: &[String]) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let tls = upstream::client_tls().map_err(|error| error.to_string())?;
        let pool = Rc::new(Pool::new(tls, config.traffic.connect_timeout.0));
        let routes = Routes::new(config);
        let reconciler = Reconciler { store, routes: &routes, pool: &pool, config: &config.reconciliation };
        for id in ids {
            loop {
                let wanted = id.clone();
                let found =
                    store.read(move |tx| store::get(tx, &wanted)).await.map_err(|error| error.to_string())?;
                let Some(run) = found.filter(|run| !run.is_over()) else { break };
                let wait = Duration::try_from(run.due.duration_since(clock::now())).unwrap_or_default();
                tokio::time::sleep(wait.max(config.reconciliation.pause.0)).await;
                reconciler.step(run).await;
            }
        }
        Ok(())
    })
}

/// What a step needs.
struct Reconciler<'a> {
    store: &'a Store,
    routes: &'a Routes,
    pool: &'a Rc<Pool>,
    config: &'a ReconciliationConfig,
}

impl Reconciler<'_> {
    /// One step of a run; what it changed here.
    async fn step(&self, run: Run) -> Vec<Change> {
        match self.try_step(run.clone()).await {
            Ok(changes) => changes,
            Err(trouble) => {
                let mut run = run;
                let (why, wait) = match trouble {
                    Trouble::Later(why, wait) if run.attempts < ATTEMPTS_MAX => (why, Some(wait)),
                    Trouble::Later(why, _) | Trouble::Never(why) => (why, None),
                };
                tracing::warn!(
                    provider = run.provider,
                    run = run.id,
                    why,
                    "a comparison with a provider's lists stopped"
                );
                run.error = Some(why);
                match wait {
                    Some(wait) => {
                        let own = 1i64.checked_shl(run.attempts.min(16)).unwrap_or(BACK_OFF_SECONDS_MAX);
                        let seconds = wait.unwrap_or(own).clamp(1, BACK_OFF_SECONDS_MAX);
                        run.attempts += 1;
                        run.due = after(clock::now(), SignedDuration::from_secs(seconds));
                    }
                    None => over(&mut run, RunState::Failed),
                }
                if let Err(error) = self.store.write(move |tx| store::put(tx, &run)).await {
                    tracing::error!(%error, "how far a comparison is could not be kept");
                }
                Vec::new()
            }
        }
    }

    async fn try_step(&self, mut run: Run) -> Result<Vec<Change>, Trouble> {
        let route = self.routes.providers().iter().find(|route| route.provider.name == run.provider);
        let lists = route.and_then(|route| route.provider.adapter.suppressions());
        let Some((route, lists)) = route.zip(lists) else {
            return Err(Trouble::Never("its provider is not configured any more".into()));
        };
        if run.accounts.is_none() {
            run.accounts = Some(self.accounts(route, lists, &run.tenant).await?);
        }
        run.attempts = 0;
        run.due = after(clock::now(), SignedDuration::try_from(self.config.pause.0).unwrap_or_default());
        match (run.state, run.current_account().map(str::to_owned)) {
            (RunState::Reading, Some(account)) => self.read_page(run, route, lists, &account).await,
            (RunState::Reading, None) => {
                (run.state, run.account, run.list, run.next) = (RunState::Comparing, 0, 0, None);
                self.keep(run).await
            }
            (RunState::Comparing, Some(account)) => self.compare(run, route, lists, &account).await,
            (_, _) => {
                over(&mut run, RunState::Done);
                self.keep(run).await
            }
        }
    }

    async fn keep(&self, run: Run) -> Result<Vec<Change>, Trouble> {
        self.store.write(move |tx| store::put(tx, &run)).await?;
        Ok(Vec::new())
    }

    async fn accounts(
        &self,
        route: &Arc<Route>,
        lists: &dyn Suppressions,
        tenant: &str,
    ) -> Result<Vec<String>, Trouble> {
        match lists::accounts(self.routes, route, lists, tenant) {
            Accounts::Known(accounts) => Ok(accounts),
            Accounts::Ask => {
                let answer = self.ask(route, lists.accounts(&route.provider.secrets)).await?;
                lists.accounts_read(&answer.as_answer()).map_err(|why| {
                    Trouble::Never(format!("name the sending domains at the provider (account): {why}"))
                })
            }
            Accounts::Foreign | Accounts::Unnamed => {
                Err(Trouble::Never("no sending domain of this tenant is configured (accounts)".into()))
            }
        }
    }

    /// Carries a question; what is no success is trouble.
    async fn ask(&self, route: &Arc<Route>, call: Option<Call>) -> Result<Answered, Trouble> {
        let call = call.ok_or_else(|| Trouble::Never("the provider's api_key is not configured".into()))?;
        let answer = errand::run(self.pool, route, call).await;
        let answer = answer.map_err(|error| Trouble::Later(error.to_string(), None))?;
        let said = || format!("the provider answered {}", answer.status);
        match answer.status {
            status if status.is_success() => Ok(answer),
            StatusCode::TOO_MANY_REQUESTS => {
                let wait =
                    answer.headers.get(header::RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
                Err(Trouble::Later(said(), wait))
            }
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                Err(Trouble::Later(said(), None))
            }
            _ => Err(Trouble::Never(said())),
        }
    }

    async fn read_page(
        &self,
        mut run: Run,
        route: &Arc<Route>,
        lists: &dyn Suppressions,
        account: &str,
    ) -> Result<Vec<Change>, Trouble> {
        let meaningful: Vec<(&List, Listing)> =
            lists.lists().iter().filter_map(|list| Some((list, list.means?))).collect();
        let Some((list, listing)) = meaningful.get(run.list).copied() else {
            (run.account, run.list, run.next) = (run.account + 1, 0, None);
            return self.keep(run).await;
        };
        let at = run.next.clone();
        let call = lists.page(list, account, at.as_deref(), &route.provider.secrets);
        let answer = self.ask(route, call).await?;
        let page = lists
            .page_read(list, account, at.as_deref(), &answer.as_answer())
            .map_err(|why| Trouble::Never(why.to_string()))?;
        let mut entries = Vec::with_capacity(page.entries.len());
        for one in page.entries {
            if one.partial {
                run.found.partial += 1;
                continue;
            }
            match address::normalise(AddressKind::Email, &one.address, Region::US) {
                Ok(known) => {
                    entries.push(Entry { key: known.key, at: one.at, code: one.code, message: one.message });
                }
                Err(_) => run.found.unreadable += 1,
            }
        }
        match page.next {
            Some(next) => run.next = Some(next),
            None => (run.list, run.next) = (run.list + 1, None),
        }
        run.error = None;
        let (account, now) = (account.to_owned(), clock::now());
        let taken = self
            .store
            .write(move |tx| store::take_page(tx, &mut run, &account, (list.name, listing), &entries, now));
        Ok(taken.await?)
    }

    async fn compare(
        &self,
        mut run: Run,
        route: &Arc<Route>,
        lists: &dyn Suppressions,
        account: &str,
    ) -> Result<Vec<Change>, Trouble> {
        let (of, at) = (run.clone(), account.to_owned());
        let repairs = run.repair.there && lists.add_max() > 0;
        let limit = if repairs { BATCH.min(lists.add_max()) } else { BATCH };
        let missing = self.store.read(move |tx| store::not_listed(tx, &of, &at, limit)).await?;
        let Some(last) = missing.last() else {
            (run.account, run.next) = (run.account + 1, None);
            return self.keep(run).await;
        };
        run.next = Some(last.key.clone());
        if repairs {
            let addresses: Vec<&str> = missing.iter().map(|one| one.key.as_str()).collect();
            self.ask(route, lists.add(account, &addresses, &route.provider.secrets)).await?;
        }
        run.error = None;
        let account = account.to_owned();
        self.store.write(move |tx| store::take_missing(tx, &mut run, &account, &missing, repairs)).await?;
        Ok(Vec::new())
    }
}

fn over(run: &mut Run, state: RunState) {
    run.state = state;
    run.finished = Some(clock::now());
}

fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(now)
}
