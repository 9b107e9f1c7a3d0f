use bytes::Bytes;
use game_core::Epoch;
use tokio::sync::mpsc;

use super::move_path::STAGES;
use super::*;

const MATCH: u128 = 1;
const OTHER: u128 = 2;

/// A tracer of every command, and what comes out of it.
fn tracer(queue_len: usize) -> (Tracer, mpsc::Receiver<MovePath>) {
    let (exporter, paths) = Exporter::to_test(queue_len);
    let dropped = Metrics::new().traces_dropped;
    let tracer = Tracer::new(SampleRatio(1.0), ShardId::from_random(9), exporter, dropped);
    (tracer, paths)
}

fn accept(tracer: &mut Tracer, id: u128, seq: u32, at: Instant) {
    let what = Accepted {
        match_id: MatchId::from_random(id),
        epoch: Epoch(1),
        seq,
        ply: 1,
    };
    tracer.accepted(what, true, [at; 3]);
}

fn append(id: u128, after: u32, records: usize) -> Append {
    Append {
        is_aftermath: false,
        match_id: MatchId::from_random(id),
        owner: ShardId::from_random(9),
        epoch: Epoch(2),
        after,
        records: vec![Bytes::new(); records],
        snapshot: None,
        ends: false,
    }
}

const STORED: Appended = Appended::Stored { duplicate: false };

#[test]
fn a_path_is_whole_once_its_own_batch_is_stored_and_its_frames_have_left() {
    let (mut tracer, mut paths) = tracer(8);
    let now = Instant::now();
    accept(&mut tracer, MATCH, 1, now);
    let batch: Arc<[Append]> = [append(OTHER, 0, 1), append(MATCH, 0, 1)].into();
    tracer.sent(&batch, now);
    // Accepted while the batch is in flight: the next one holds it.
    accept(&mut tracer, MATCH, 2, now);
    // The same batch once more, after an unknown outcome.
    tracer.sent(&batch, now + Duration::from_secs(1));
    tracer.answered(&[STORED, STORED], now + Duration::from_secs(2));
    assert!(paths.try_recv().is_err(), "its frames have not left");
    tracer.frames_left();
    let path = paths.try_recv().unwrap();
    assert_eq!((path.what.seq, path.what.epoch), (1, Epoch(2)));
    assert_eq!(path.batch_matches, 2);
    assert_eq!(path.times.len(), STAGES.len() + 1);
    assert_eq!(path.times[3], now, "it was first sent then");
    assert_eq!(path.times[4], now + Duration::from_secs(2));
    assert!(paths.try_recv().is_err());

    tracer.sent(&[append(MATCH, 1, 1)].into(), now);
    tracer.answered(&[STORED], now);
    tracer.frames_left();
    assert_eq!(paths.try_recv().unwrap().what.seq, 2);
    assert_eq!((tracer.waiting_len, tracer.waiting.len()), (0, 0));
    assert_eq!(tracer.dropped.get(), 0);
}

#[test]
fn what_is_not_answered_is_given_up_after_a_while_and_counted() {
    let (mut tracer, mut paths) = tracer(8);
    let now = Instant::now();
    accept(&mut tracer, MATCH, 1, now);
    tracer.sent(&[append(MATCH, 0, 1)].into(), now);
    tracer.frames_left();
    assert!(paths.try_recv().is_err());
    tracer.forget_old(now + WAIT_MAX / 2);
    assert_eq!((tracer.waiting_len, tracer.dropped.get()), (1, 0));
    tracer.forget_old(now + WAIT_MAX);
    assert_eq!((tracer.waiting_len, tracer.dropped.get()), (0, 1));
}

#[test]
fn what_is_refused_is_never_traced_as_acknowledged() {
    let (mut tracer, mut paths) = tracer(8);
    let now = Instant::now();
    accept(&mut tracer, MATCH, 5, now);
    tracer.sent(&[append(MATCH, 4, 1)].into(), now);
    tracer.answered(&[Appended::Missing], now);
    assert_eq!((tracer.waiting_len, tracer.dropped.get()), (0, 1));
    // The match comes back, with other events.
    tracer.sent(&[append(MATCH, 9, 1)].into(), now);
    tracer.answered(&[STORED], now);
    tracer.frames_left();
    assert!(paths.try_recv().is_err());
}

#[test]
fn a_ratio_is_from_0_to_1() {
    for (ratio, is_one) in [
        (0.0, true),
        (1.0, true),
        (1.5, false),
        (-0.1, false),
        (f64::NAN, false),
    ] {
        assert_eq!(SampleRatio::try_from(ratio).is_ok(), is_one, "{ratio}");
    }
}

#[test]
fn what_finds_no_room_is_dropped_and_counted() {
    let (mut tracer, mut paths) = tracer(1);
    let now = Instant::now();
    for seq in 1..=3 {
        accept(&mut tracer, MATCH, seq, now);
    }
    tracer.sent(&[append(MATCH, 0, 3)].into(), now);
    tracer.answered(&[STORED], now);
    tracer.frames_left();
    assert!(paths.try_recv().is_ok() && paths.try_recv().is_err());
    assert_eq!(tracer.dropped.get(), 2);

    for seq in 0..=WAITING_MAX as u32 {
        accept(&mut tracer, MATCH, seq, now);
    }
    assert_eq!(tracer.waiting_len, WAITING_MAX);
    assert_eq!(tracer.dropped.get(), 3);
}

#[test]
fn the_url_of_a_collector_is_plain() {
    for (text, shown) in [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318"),
        ("http://collector:4318/", "http://collector:4318"),
        ("http://[::1]:4318/otlp", "http://[::1]:4318/otlp"),
    ] {
        let url: CollectorUrl = text.parse().unwrap();
        assert_eq!(url.to_string(), shown);
    }
    for wrong in [
        "",
        "127.0.0.1:4318",
        "collector",
        "https://collector:4318",
        "http://",
        "http://me:secret@collector",
        "http://collector?x=1",
        "http://collector/v1/traces",
    ] {
        assert!(wrong.parse::<CollectorUrl>().is_err(), "{wrong}");
    }
}
