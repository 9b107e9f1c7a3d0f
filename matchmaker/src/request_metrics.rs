//! Metrics of requests (how many, how long they take, which are refused), and of what players wait for and watch.

use std::time::Duration;

use axum::http::Method;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use web::ProblemCode;

use crate::metrics::registered;
use crate::webhook_figures::WebhookFigures;

/// Bounds of the histogram of response times, in seconds: from a fast loopback to the longest wait for an opponent.
const SECONDS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// The metrics of one matchmaker's requests. Clones share them.
#[derive(Clone)]
pub(crate) struct RequestMetrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    refusals: IntCounterVec,
    waves: IntCounter,
    pairs: IntCounter,
    waiting: IntGaugeVec,
    watched: IntGauge,
    watchers: IntGauge,
    /// Those of webhooks.
    pub(crate) webhooks: WebhookFigures,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        let registry = Registry::new();
        let help = "Requests answered, by route, method and class of status.";
        let requests = Opts::new("rookery_http_requests_total", help);
        let help =
            "From a request's head to its answer; requests for an opponent include the wait.";
        let seconds = HistogramOpts::new("rookery_http_request_seconds", help);
        let seconds = seconds.buckets(SECONDS.to_vec());
        let help = "Requests answered with a problem, by its code.";
        let refusals = Opts::new("rookery_http_refusals_total", help);
        let labels = &["route", "method", "status"];
        let waves = "Waves of pools in which this matchmaker looked for pairs.";
        let pairs = "Pairs of players that this matchmaker has given a match from a pool.";
        let help = "Tickets that wait in pools, by control; the players of a few may be gone.";
        let waiting = Opts::new("rookery_pool_waiting", help);
        let watched = "Live matches that the public watches at this matchmaker.";
        let watchers = "Streams of live matches that the public has open at this matchmaker.";
        let watched = IntGauge::new("rookery_watched_matches", watched);
        let watchers = IntGauge::new("rookery_watchers", watchers);
        Self {
            requests: registered(&registry, IntCounterVec::new(requests, labels)),
            seconds: registered(&registry, HistogramVec::new(seconds, &["route"])),
            refusals: registered(&registry, IntCounterVec::new(refusals, &["code"])),
            waves: registered(&registry, IntCounter::new("rookery_waves_total", waves)),
            pairs: registered(&registry, IntCounter::new("rookery_pairs_total", pairs)),
            waiting: registered(&registry, IntGaugeVec::new(waiting, &["control"])),
            watched: registered(&registry, watched),
            watchers: registered(&registry, watchers),
            webhooks: WebhookFigures::new(&registry),
            registry,
        }
    }
}

impl RequestMetrics {
    /// Counts a request that was answered. `route` is the template of its path.
    pub(crate) fn answered(
        &self,
        route: &str,
        method: &Method,
        status: u16,
        took: Duration,
        problem: Option<ProblemCode>,
    ) {
        let labels = [route, known(method), class(status)];
        self.requests.with_label_values(&labels).inc();
        let seconds = self.seconds.with_label_values(&[route]);
        seconds.observe(took.as_secs_f64());
        if let Some(ProblemCode(code)) = problem {
            self.refusals.with_label_values(&[code]).inc();
        }
    }

    /// Counts a wave and the pairs that were made in it.
    pub(crate) fn count_wave(&self, pairs: usize) {
        self.waves.inc();
        self.pairs.inc_by(pairs as u64);
    }

    /// Sets how many wait in the pools of a control.
    pub(crate) fn set_waiting(&self, control: &str, waiting: usize) {
        let gauge = self.waiting.with_label_values(&[control]);
        gauge.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// Sets how many live matches the public watches, and how many streams it has open for that.
    pub(crate) fn set_watched(&self, matches: usize, streams: usize) {
        for (gauge, count) in [(&self.watched, matches), (&self.watchers, streams)] {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// The metrics as Prometheus scrapes them.
    pub(crate) fn render(&self) -> String {
        let families = self.registry.gather();
        TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_default()
    }
}

/// The name of a standard method, else `other`: peers may send any word, and each would be a series of its own.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

const fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_method_status_class_and_code() {
        let metrics = RequestMetrics::default();
        let took = Duration::from_millis(3);
        let missing = Some(ProblemCode("match_not_found"));
        metrics.answered("/v1/players", &Method::POST, 201, took, None);
        metrics.answered("/v1/matches/{match}", &Method::GET, 404, took, missing);
        let odd = Method::from_bytes(b"BREW").unwrap();
        metrics.answered(
            "unmatched",
            &odd,
            404,
            took,
            Some(ProblemCode("route_not_found")),
        );
        let text = metrics.render();
        for line in [
            r#"rookery_http_requests_total{method="POST",route="/v1/players",status="2xx"} 1"#,
            r#"rookery_http_requests_total{method="GET",route="/v1/matches/{match}",status="4xx"} 1"#,
            r#"rookery_http_requests_total{method="other",route="unmatched",status="4xx"} 1"#,
            r#"rookery_http_refusals_total{code="match_not_found"} 1"#,
            r#"rookery_http_request_seconds_bucket{route="/v1/players",le="0.0025"} 0"#,
            r#"rookery_http_request_seconds_bucket{route="/v1/players",le="0.005"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
