//! `GET /v1/stats`: sends, blocks and opt-outs over time, for the console's charts.
//!
//! The metrics are counted anyway: a sampler reads them now and then and keeps what was added in each minute, for
//! a day, in memory. What has to be kept longer is Prometheus' business.

use super::{
    Admin,
    auth::{Caller, Reading},
    problem::Problem,
};
use crate::clock;
use axum::{
    Json,
    extract::{Query, State},
};
use dndgate_adapter::Channel;
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Minutes that are kept.
const MINUTES: usize = 24 * 60;
/// How often the metrics are read.
pub(super) const PAUSE: Duration = Duration::from_secs(5);
/// Reasons of a person's own.
const OPT_OUTS: [&str; 4] = ["keyword", "unsubscribe", "provider_opt_out", "complaint"];

/// Sends that went out, sends that did not, opt-outs.
type Counts = [u64; 3];
/// Of a send that did not go out: tenant, channel, provider, reason.
type Kind = [String; 4];

/// What the metrics say at a moment, or what they gained in a minute.
#[derive(Debug, Default, Clone)]
struct Totals {
    tenants: BTreeMap<String, Counts>,
    kept_back: BTreeMap<Kind, u64>,
}

/// What was counted in each minute.
#[derive(Default)]
pub(crate) struct Stats(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    last: Totals,
    minutes: VecDeque<(i64, Totals)>,
}

impl Stats {
    /// Reads the metrics and keeps what was added since they were read before.
    pub(super) fn sample(&self, prometheus: &PrometheusHandle, now: Timestamp) {
        let totals = totals(&prometheus.render());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.as_second().div_euclid(60);
        if kept.minutes.back().is_none_or(|(last, _)| *last < minute) {
            kept.minutes.push_back((minute, Totals::default()));
        }
        while kept.minutes.len() > MINUTES {
            kept.minutes.pop_front();
        }
        let last = std::mem::replace(&mut kept.last, totals.clone());
        let Some((_, current)) = kept.minutes.back_mut() else { return };
        for (kind, total) in totals.kept_back {
            let added = total.saturating_sub(last.kept_back.get(&kind).copied().unwrap_or_default());
            if added > 0 {
                *current.kept_back.entry(kind).or_default() += added;
            }
        }
        for (tenant, total) in totals.tenants {
            let before = last.tenants.get(&tenant).copied().unwrap_or_default();
            let added = current.tenants.entry(tenant).or_default();
            for (index, count) in total.iter().enumerate() {
                added[index] += count.saturating_sub(before[index]);
            }
        }
    }

    fn minutes(&self, tenant: Option<&str>, since: i64, now: i64) -> Vec<Value> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |minute: i64| -> Counts {
            let found = kept.minutes.iter().rev().find(|(at, _)| *at == minute);
            let tenants = found.map(|(_, totals)| &totals.tenants).into_iter().flatten();
            let seen = tenants.filter(|(name, _)| tenant.is_none_or(|tenant| tenant == name.as_str()));
            seen.fold([0; 3], |all, (_, one)| std::array::from_fn(|index| all[index] + one[index]))
        };
        (since..=now)
            .map(|minute| {
                let [allowed, blocked, opt_outs] = of(minute);
                let at = Timestamp::from_second(minute * 60).map(|at| at.to_string()).unwrap_or_default();
                json!({ "at": at, "allowed": allowed, "blocked": blocked, "optOuts": opt_outs })
            })
            .collect()
    }

    /// What was kept back since that minute by channel, provider and reason, the most first.
    fn kept_back(&self, tenant: Option<&str>, since: i64) -> Vec<Value> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minutes = kept.minutes.iter().filter(|(at, _)| *at >= since);
        let mut all: BTreeMap<&[String], u64> = BTreeMap::new();
        for (kind, count) in minutes.flat_map(|(_, totals)| &totals.kept_back) {
            if tenant.is_none_or(|tenant| tenant == kind[0]) {
                *all.entry(&kind[1..]).or_default() += count;
            }
        }
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        all.into_iter()
            .map(|(kind, count)| json!({ "channel": kind[0], "provider": kind[1], "reason": kind[2], "count": count }))
            .collect()
    }
}

/// The counters of each tenant in the text that Prometheus reads.
fn totals(text: &str) -> Totals {
    let mut all = Totals::default();
    for line in text.lines() {
        let Some((name, rest)) = line.split_once('{') else { continue };
        let Some((labels, count)) = rest.rsplit_once("} ") else { continue };
        let label = |wanted: &str| {
            let at = labels.find(&format!("{wanted}=\""))? + wanted.len() + 2;
            labels[at..].split('"').next()
        };
        let index = match name {
            "dndgate_sends_total" if label("verdict") == Some("allowed") => 0,
            "dndgate_sends_total" => 1,
            "dndgate_dnd_changes_total"
                if label("change") == Some("enabled")
                    && label("reason").is_some_and(|reason| OPT_OUTS.contains(&reason)) =>
            {
                2
            }
            _ => continue,
        };
        let (Some(tenant), Ok(count)) = (label("tenant"), count.trim().parse::<f64>()) else { continue };
        all.tenants.entry(tenant.to_owned()).or_default()[index] += count as u64;
        if index == 1 {
            let of = |name: &str| label(name).unwrap_or_default().to_owned();
            let channel = Channel::ALL.into_iter().find(|one| label("channel") == Some(one.label()));
            let channel = channel.map_or_else(|| of("channel"), |one| one.name().to_owned());
            *all.kept_back.entry([tenant.to_owned(), channel, of("provider"), of("reason")]).or_default() +=
                count as u64;
        }
    }
    all
}

#[derive(Deserialize)]
pub(crate) struct Span {
    hours: Option<u32>,
}

/// Sends that went out, sends that did not, and opt-outs, a minute each, for up to a day; and what was kept back in
/// that time by channel, provider and reason.
#[utoipa::path(get, path = "/v1/stats", params(("hours" = Option<u32>, Query)),
    responses((status = 200, description = "The minutes, the oldest first")))]
pub(crate) async fn read(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Query(span): Query<Span>,
) -> Result<Json<Value>, Problem> {
    let hours = span.hours.unwrap_or(6).clamp(1, 24);
    let now = clock::now();
    admin.stats.sample(&admin.shared.prometheus, now);
    let minute = now.as_second().div_euclid(60);
    let since = minute - i64::from(hours) * 60 + 1;
    Ok(Json(json!({
        "minutes": admin.stats.minutes(caller.bound_to(), since, minute),
        "keptBack": admin.stats.kept_back(caller.bound_to(), since),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_counters_of_each_tenant() {
        let text = "# TYPE dndgate_sends_total counter\n\
            dndgate_sends_total{tenant=\"a\",provider=\"t\",channel=\"sms\",verdict=\"allowed\",reason=\"\"} 7\n\
            dndgate_sends_total{tenant=\"a\",provider=\"t\",channel=\"sms\",verdict=\"blocked\",reason=\"keyword\"} 2\n\
            dndgate_sends_total{tenant=\"b\",provider=\"t\",channel=\"sms\",verdict=\"refused\",reason=\"\"} 1\n\
            dndgate_dnd_changes_total{tenant=\"a\",channel=\"sms\",change=\"enabled\",reason=\"keyword\"} 3\n\
            dndgate_dnd_changes_total{tenant=\"a\",channel=\"sms\",change=\"enabled\",reason=\"manual\"} 9\n";
        let all = totals(text);
        assert_eq!((all.tenants["a"], all.tenants["b"]), ([7, 2, 3], [0, 1, 0]));
        assert_eq!(all.kept_back[&["a", "SMS", "t", "keyword"].map(str::to_owned)], 2);
    }
}
