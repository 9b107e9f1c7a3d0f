//! The path of a move as traces, in a collector of the tests; and play where there is no collector.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::Value;
use supervisor::Signal;
use tests::installation::{Endpoint, Installation, PlayedMatch, eventually};
use tests::process::{Server, free_tcp_port};

const MOVES: [&str; 6] = ["e2e4", "e7e5", "g1f3", "b8c6", "f1b5", "a7a6"];
const STAGES: [&str; 5] = ["queue", "apply", "batch", "append", "send"];
/// A server that is told to stop has stopped within this, whatever its collector does.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// A collector of traces that takes OTLP over HTTP.
struct Collector {
    url: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    async fn start() -> Self {
        let spans = Arc::default();
        let routes = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&spans));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, routes).await });
        Self { url, spans }
    }

    /// Every trace so far by its id in hexadecimal digits: its spans in order of their begin, the root first.
    fn traces(&self) -> BTreeMap<String, Vec<Span>> {
        let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for span in self.spans.lock().unwrap().iter() {
            let id = span.trace_id.iter().map(|byte| format!("{byte:02x}"));
            traces.entry(id.collect()).or_default().push(span.clone());
        }
        for spans in traces.values_mut() {
            spans.sort_by_key(|span| {
                let place = STAGES.iter().position(|name| *name == span.name);
                (span.start_time_unix_nano, place)
            });
        }
        traces
    }
}

async fn take(
    State(spans): State<Arc<Mutex<Vec<Span>>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    for resource in request.resource_spans {
        let of = resource.resource.unwrap();
        let name = of.attributes.iter().find(|a| a.key == "service.name");
        assert_eq!(text(name.unwrap().value.clone()), "rookery");
        let found = resource.scope_spans.into_iter().flat_map(|of| of.spans);
        spans.lock().unwrap().extend(found);
    }
    StatusCode::OK
}

fn text(value: Option<opentelemetry_proto::tonic::common::v1::AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The attributes of a trace of a move, whose stages must fill the span of the whole.
fn checked(spans: &[Span]) -> BTreeMap<String, String> {
    let (root, stages) = spans.split_first().unwrap();
    assert_eq!(root.name, "move");
    assert!(root.parent_span_id.is_empty(), "{root:?}");
    let names: Vec<&str> = stages.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, STAGES);
    let mut at = root.start_time_unix_nano;
    for stage in stages {
        assert_eq!(stage.parent_span_id, root.span_id);
        assert_eq!(stage.start_time_unix_nano, at, "{spans:?}");
        assert!(stage.end_time_unix_nano >= at, "{spans:?}");
        at = stage.end_time_unix_nano;
    }
    assert_eq!(at, root.end_time_unix_nano);
    let took = Duration::from_nanos(at - root.start_time_unix_nano);
    assert!(
        took > Duration::ZERO && took < Duration::from_secs(60),
        "{took:?}"
    );
    let attributes = root.attributes.iter();
    let attributes = attributes.map(|a| (a.key.clone(), text(a.value.clone())));
    attributes.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_acknowledged_move_has_one_trace_and_is_found_in_the_log() {
    let collector = Collector::start().await;
    let environment = [
        ("ROOKERY_OTLP_ENDPOINT", collector.url.as_str()),
        ("ROOKERY_OTLP_SAMPLE", "1"),
        ("ROOKERY_LOG_FORMAT", "json"),
        ("RUST_LOG", "shard=debug"),
    ];
    let installation = Installation::start_with(1, &environment).await;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    for (ply, uci) in (0..).zip(MOVES) {
        game.play(ply, uci).await;
        // What is refused is none.
        game.white.play(100 + ply, uci).await;
    }
    let traces = eventually("every move has a trace", || async {
        let traces = collector.traces();
        let spans: usize = traces.values().map(Vec::len).sum();
        (spans >= MOVES.len() * (1 + STAGES.len())).then_some(traces)
    })
    .await;
    let shard = &installation.shards[0].id;
    let mut moves = Vec::new();
    for (id, spans) in &traces {
        let attributes = checked(spans);
        assert_eq!(attributes["match_id"], game.id.to_string());
        assert_eq!(attributes["shard"], *shard);
        assert_eq!(attributes["epoch"], "1");
        assert_eq!(attributes["batch_matches"], "1");
        assert_eq!(attributes["seq"], attributes["ply"]);
        moves.push(attributes["ply"].parse::<usize>().unwrap());

        let log = installation.log();
        let lines = log.lines().filter(|line| line.contains(id.as_str()));
        let lines: Vec<Value> = lines.map(|l| serde_json::from_str(l).unwrap()).collect();
        let [line] = &lines[..] else {
            panic!("{lines:?}")
        };
        assert_eq!(line["fields"]["trace_id"], *id);
        for name in ["match_id", "shard", "epoch", "ply"] {
            let said = &line["fields"][name];
            let said = said.as_str().map_or(said.to_string(), str::to_owned);
            assert_eq!(said, attributes[name], "{line}");
        }
    }
    moves.sort_unstable();
    assert_eq!(moves, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_traces_are_exported_before_the_process_ends() {
    let collector = Collector::start().await;
    let url = collector.url.as_str();
    let mut server = Server::start(&["--otlp-endpoint", url, "--otlp-sample", "1"]);
    let mut game = PlayedMatch::begin(&server.ready.matchmaker).await;
    game.play(0, MOVES[0]).await;
    server.signal(Signal::TERM);
    let ended = tokio::task::spawn_blocking(move || server.wait(STOPS_WITHIN));
    assert!(ended.await.unwrap());
    let traces = collector.traces();
    assert_eq!(traces.len(), 1);
    traces.values().for_each(|spans| drop(checked(spans)));
}

/// Plays with traces of every move to a collector that takes none of them.
async fn play_without(collector: &str) {
    let mut server = Server::start(&["--otlp-endpoint", collector, "--otlp-sample", "1"]);
    let mut game = PlayedMatch::begin(&server.ready.matchmaker).await;
    for (ply, uci) in (0..).zip(MOVES) {
        game.play(ply, uci).await;
    }
    let shards = server.ready.shards.iter();
    let token = &server.ready.admin_token;
    let shards: Vec<_> = shards.map(|s| Endpoint::new(&s.admin, token)).collect();
    eventually("every lost trace is counted", || async {
        let mut dropped = 0;
        for shard in &shards {
            let (_, text) = shard.text("/metrics").await;
            let mut lines = text.lines();
            let count = lines.find_map(|l| l.strip_prefix("rookery_traces_dropped_total "));
            dropped += count?.parse::<usize>().ok()?;
        }
        (dropped == MOVES.len()).then_some(())
    })
    .await;
    assert_eq!(server.log().matches("takes no traces").count(), 1);
    // One more, which is on its way when the server stops.
    game.play(6, "b5a4").await;
    server.signal(Signal::TERM);
    let ended = tokio::task::spawn_blocking(move || server.wait(STOPS_WITHIN));
    assert!(ended.await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn play_goes_on_where_there_is_no_collector() {
    play_without(&format!("http://127.0.0.1:{}", free_tcp_port())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn play_goes_on_where_the_collector_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    play_without(&format!("http://{}", listener.local_addr().unwrap())).await;
}
