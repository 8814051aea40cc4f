//! Every metric's name, once (INTERFACE "Metrics"). Labels are few: never an address, never a contact.

use metrics::{Counter, Gauge, Histogram, Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

const SENDS: &str = "dndgate_sends_total";
const REQUESTS: &str = "dndgate_requests_total";
const OVERHEAD: &str = "dndgate_overhead_seconds";
const UPSTREAM: &str = "dndgate_upstream_seconds";
const WEBHOOKS: &str = "dndgate_webhooks_total";
const DND_CHANGES: &str = "dndgate_dnd_changes_total";
const CACHE_ENTRIES: &str = "dndgate_cache_entries";
const CACHE_LAG: &str = "dndgate_cache_lag_seconds";
const EVENTS_PENDING: &str = "dndgate_events_pending";
const EVENT_DELIVERIES: &str = "dndgate_event_deliveries_total";
const POLICY_RELOADS: &str = "dndgate_policy_reloads_total";
const POLICY_SECONDS: &str = "dndgate_policy_seconds";
const POLICY_FAULTS: &str = "dndgate_policy_faults_total";
const RECORD_DROPPED: &str = "dndgate_record_dropped_total";
const RECORD_BYTES: &str = "dndgate_record_bytes";
const RECORD_SHARE: &str = "dndgate_record_share";
const SHADOW_JUDGED: &str = "dndgate_policy_shadow_judged_total";
const SHADOW_DIFFERENCES: &str = "dndgate_policy_shadow_differences_total";
const SHADOW_SKIPPED: &str = "dndgate_policy_shadow_skipped_total";
const SHADOW_RELOADS: &str = "dndgate_policy_shadow_reloads_total";
const SHADOW_LOADED: &str = "dndgate_policy_shadow_loaded";
const SEND_COUNTS: &str = "dndgate_send_counts";
const SEND_COUNTS_MAX: &str = "dndgate_send_counts_max";
const BUILD_INFO: &str = "dndgate_build_info";
const SPOOL_PENDING: &str = "dndgate_spool_pending";
const LEDGER_UNSEALED: &str = "dndgate_ledger_unsealed";
const UNKNOWN_CODES: &str = "dndgate_unknown_codes_total";
const CONFIRMATIONS: &str = "dndgate_confirmations_total";
const LIST_UNSUBSCRIBE: &str = "dndgate_list_unsubscribe_total";
const UNSUBSCRIBE_PAGE: &str = "dndgate_unsubscribe_page_total";

/// Bounds of the time that the gateway itself adds, in seconds: microseconds are what counts.
const OVERHEAD_BOUNDS: [f64; 12] = [5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 5e-3, 0.02, 0.1, 1.0];
/// Bounds of the time that a provider takes, in seconds.
const UPSTREAM_BOUNDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Installs the recorder of this process.
///
/// # Errors
/// When one is installed already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(OVERHEAD.into()), &OVERHEAD_BOUNDS)?
        .set_buckets_for_metric(Matcher::Full(POLICY_SECONDS.into()), &OVERHEAD_BOUNDS)?
        .set_buckets_for_metric(Matcher::Full(UPSTREAM.into()), &UPSTREAM_BOUNDS)?
        .install_recorder()?;
    describe_counter!(SENDS, "Sends by verdict (allowed, blocked, trimmed, refused) and DND reason");
    describe_counter!(REQUESTS, "Requests through the traffic listener");
    describe_histogram!(OVERHEAD, Unit::Seconds, "Time that the gateway itself adds to a request");
    describe_histogram!(UPSTREAM, Unit::Seconds, "Time until an upstream begins its answer");
    describe_counter!(WEBHOOKS, "Provider webhooks by what came of them");
    describe_counter!(DND_CHANGES, "Changes of DND");
    describe_gauge!(CACHE_ENTRIES, "Suppressed addresses in memory");
    describe_gauge!(CACHE_LAG, Unit::Seconds, "How far the cache is behind the store");
    describe_gauge!(EVENTS_PENDING, "DND events that a subscriber has not taken yet");
    describe_counter!(EVENT_DELIVERIES, "Deliveries of DND events by outcome");
    describe_counter!(POLICY_RELOADS, "Policy reloads by outcome");
    describe_histogram!(POLICY_SECONDS, Unit::Seconds, "Time that a send rule takes");
    describe_counter!(RECORD_DROPPED, "Judged and not recorded: the queue was full, or the files unwritable");
    describe_gauge!(RECORD_BYTES, Unit::Bytes, "The files of the record of what policies judged");
    describe_gauge!(RECORD_SHARE, "The share of all people whose sends are recorded");
    describe_counter!(SHADOW_JUDGED, "Judged by the shadow policies (send, message, code, unsubscribe)");
    describe_counter!(
        SHADOW_DIFFERENCES,
        "Of these, what the shadow policies judge otherwise than those in force"
    );
    describe_counter!(SHADOW_SKIPPED, "Not shown to the shadow policies, which did not keep up");
    describe_counter!(SHADOW_RELOADS, "Loadings of the shadow policies by outcome");
    describe_gauge!(SHADOW_LOADED, "1 while shadow policies judge live traffic");
    describe_gauge!(SEND_COUNTS, "Counts that send rules keep");
    describe_gauge!(SEND_COUNTS_MAX, "How many counts of send rules there is room for");
    describe_gauge!(BUILD_INFO, "Always 1; the version is a label");
    describe_gauge!(SPOOL_PENDING, "Webhooks that the CRM has not taken yet");
    describe_counter!(CONFIRMATIONS, "Confirmations of opt-outs (replied, sent, failed, impossible)");
    describe_counter!(
        LIST_UNSUBSCRIBE,
        "Mails that were to get List-Unsubscribe (added, own, several, unfit)"
    );
    describe_counter!(
        UNSUBSCRIBE_PAGE,
        "Requests to unsubscribe links by kind (view, one_click, stop, resume) and status"
    );
    describe_gauge!(LEDGER_UNSEALED, "Entries of the ledger that no checkpoint covers yet");
    describe_counter!(POLICY_FAULTS, "Runs of functions in policy files that failed or were stopped");
    describe_counter!(UNKNOWN_CODES, "Provider error codes that no policy knows");
    metrics::gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    metrics::gauge!(CACHE_LAG).set(0.0);
    Ok(handle)
}

/// A send's outcome.
pub(crate) fn sends(
    tenant: &str,
    provider: &str,
    channel: &'static str,
    verdict: &'static str,
    reason: &'static str,
) -> Counter {
    metrics::counter!(SENDS, "tenant" => tenant.to_owned(), "provider" => provider.to_owned(),
        "channel" => channel, "verdict" => verdict, "reason" => reason)
}

/// A request's end.
pub(crate) fn requests(provider: &str, kind: &'static str, status: u16) -> Counter {
    metrics::counter!(REQUESTS, "provider" => provider.to_owned(), "kind" => kind, "status" => status.to_string())
}

/// See [`OVERHEAD`].
pub(crate) fn overhead() -> Histogram {
    metrics::histogram!(OVERHEAD)
}

/// See [`UPSTREAM`].
pub(crate) fn upstream(provider: &str) -> Histogram {
    metrics::histogram!(UPSTREAM, "provider" => provider.to_owned())
}

/// A webhook's end.
pub(crate) fn webhook(provider: &str, kind: &'static str, outcome: &'static str) {
    metrics::counter!(WEBHOOKS, "provider" => provider.to_owned(), "kind" => kind, "outcome" => outcome)
        .increment(1);
}

/// A change of DND.
pub(crate) fn dnd_change(tenant: &str, channel: &'static str, change: &'static str, reason: &'static str) {
    metrics::counter!(DND_CHANGES, "tenant" => tenant.to_owned(), "channel" => channel,
        "change" => change, "reason" => reason)
    .increment(1);
}

/// A policy reload's end.
pub(crate) fn policy_reload(good: bool) {
    let outcome = if good { "ok" } else { "error" };
    metrics::counter!(POLICY_RELOADS, "outcome" => outcome).increment(1);
}

/// See [`POLICY_SECONDS`].
pub(crate) fn policy_seconds() -> Histogram {
    metrics::histogram!(POLICY_SECONDS)
}

/// Brings the counts of failed scripts up to date: they are kept where scripts run.
pub(crate) fn policy_faults() {
    for (file, count) in dndgate_policy::faults() {
        metrics::counter!(POLICY_FAULTS, "file" => file).absolute(count);
    }
}

/// A code that no policy knows.
pub(crate) fn unknown_code(provider: &str) {
    metrics::counter!(UNKNOWN_CODES, "provider" => provider.to_owned()).increment(1);
}

/// Something judged that is not recorded: the queue was `full`, or the files `unwritable`.
pub(crate) fn record_dropped(why: &'static str) -> Counter {
    metrics::counter!(RECORD_DROPPED, "why" => why)
}

/// See [`RECORD_BYTES`].
pub(crate) fn record_bytes() -> Gauge {
    metrics::gauge!(RECORD_BYTES)
}

/// See [`RECORD_SHARE`].
pub(crate) fn record_share() -> Gauge {
    metrics::gauge!(RECORD_SHARE)
}

/// The shadow policies judged something.
pub(crate) fn shadow_judged(kind: &'static str) {
    metrics::counter!(SHADOW_JUDGED, "kind" => kind).increment(1);
}

/// The shadow policies judged something otherwise.
pub(crate) fn shadow_difference(kind: &'static str) {
    metrics::counter!(SHADOW_DIFFERENCES, "kind" => kind).increment(1);
}

/// See [`SHADOW_SKIPPED`].
pub(crate) fn shadow_skipped() -> Counter {
    metrics::counter!(SHADOW_SKIPPED)
}

/// A loading of the shadow policies.
pub(crate) fn shadow_reload(good: bool) {
    let outcome = if good { "ok" } else { "error" };
    metrics::counter!(SHADOW_RELOADS, "outcome" => outcome).increment(1);
}

/// See [`SHADOW_LOADED`].
pub(crate) fn shadow_loaded() -> Gauge {
    metrics::gauge!(SHADOW_LOADED)
}

/// A confirmation of an opt-out: `replied` in the webhook's answer, `sent` by the API, `failed`, `impossible`.
pub(crate) fn confirmation(provider: &str, channel: &'static str, outcome: &'static str) {
    metrics::counter!(CONFIRMATIONS, "provider" => provider.to_owned(), "channel" => channel, "outcome" => outcome)
        .increment(1);
}

/// A mail that was to get `List-Unsubscribe`: `added`, it has its `own`, it goes to `several`, or is `unfit`.
pub(crate) fn list_unsubscribe(outcome: &'static str) {
    metrics::counter!(LIST_UNSUBSCRIBE, "outcome" => outcome).increment(1);
}

/// A request to an unsubscribe link. `kind` is one of `view`, `one_click`, `stop`, `resume`, `other`.
pub(crate) fn unsubscribe_page(kind: &'static str, status: u16) {
    metrics::counter!(UNSUBSCRIBE_PAGE, "kind" => kind, "status" => status.to_string()).increment(1);
}

/// How many counts of send rules there are, and for how many there is room.
pub(crate) fn send_counts((used, room): (usize, usize)) {
    metrics::gauge!(SEND_COUNTS).set(used as f64);
    metrics::gauge!(SEND_COUNTS_MAX).set(room as f64);
}

/// Gauges that are read when somebody looks.
pub(crate) fn cache_entries() -> Gauge {
    metrics::gauge!(CACHE_ENTRIES)
}

/// See [`EVENTS_PENDING`].
pub(crate) fn events_pending() -> Gauge {
    metrics::gauge!(EVENTS_PENDING)
}

/// See [`LEDGER_UNSEALED`].
pub(crate) fn ledger_unsealed() -> Gauge {
    metrics::gauge!(LEDGER_UNSEALED)
}

/// See [`SPOOL_PENDING`].
pub(crate) fn spool_pending() -> Gauge {
    metrics::gauge!(SPOOL_PENDING)
}

/// A delivery's end.
pub(crate) fn event_delivery(outcome: &'static str) {
    event_deliveries(outcome, 1);
}

/// The end of several deliveries.
pub(crate) fn event_deliveries(outcome: &'static str, count: u64) {
    metrics::counter!(EVENT_DELIVERIES, "outcome" => outcome).increment(count);
}
