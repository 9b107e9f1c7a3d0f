//! What the page takes: its size, which has a bound, and times, which are printed.

use tests::browser::Hand;

use super::stage::{Stage, content, from};

/// Gzipped bytes until the first board.
const FIRST_BOARD_MAX: u64 = 100_000;
/// A rook goes everywhere while a king steps to and fro.
const START: &str = "7k/8/8/8/8/8/R7/K7 w - - 0 1";

/// Notes when the match can be played, and how long each move takes from the release of the mouse to its confirmation.
const NOTE: &str = "
    window.trips = [];
    let released = 0, ply = '0';
    addEventListener('mouseup', () => { released = performance.now(); }, true);
    new MutationObserver(() => {
        const shown = document.querySelector('[data-test=match]')?.dataset;
        if (!shown || shown.connection !== 'live') return;
        window.playableAt ??= performance.now();
        if (shown.confirmedPly !== ply) {
            ply = shown.confirmedPly;
            if (shown.turn !== shown.role) window.trips.push(performance.now() - released);
        }
    }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-connection', 'data-confirmed-ply'] });
";

#[tokio::test(flavor = "multi_thread")]
async fn the_first_board_is_small_and_its_times_are_told() {
    let stage = Stage::enter().await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let id = stage.match_of(from(START), &ann, &bob).await;
    let mut program = stage.program(&bob, id).await;
    let page = stage.page().await;
    page.at_start(NOTE).await;
    page.belong_to(&ann).await;
    page.goto(&format!("{}/match/{id}", stage.url())).await;
    page.is_live().await;
    let loaded = "const entries = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]; \
                  const files = entries.filter(({ name }) => !new URL(name).pathname.startsWith('/v1/')); \
                  return files.map(({ name, encodedBodySize, decodedBodySize }) => [new URL(name).pathname, encodedBodySize, decodedBodySize])";
    let loaded = page.evaluate(loaded).await;
    let files = loaded.as_array().unwrap();
    let sum: u64 = files.iter().map(|file| file[1].as_u64().unwrap()).sum();
    let raw: u64 = files.iter().map(|file| file[2].as_u64().unwrap()).sum();
    assert!(sum > 10_000 && raw > sum, "they are compressed: {loaded}");
    assert!(sum <= FIRST_BOARD_MAX, "{sum} bytes: {loaded}");
    let playable = page.evaluate("return window.playableAt").await;

    // A rook goes from square to square, so that no position comes up again.
    let files = "abcdef";
    let mut path = (2..8).flat_map(|rank| {
        let file = move |file| if rank % 2 == 0 { file } else { 5 - file };
        (0..6).map(move |step| format!("{}{rank}", &files[file(step)..=file(step)]))
    });
    let mut at = path.next().unwrap();
    for (pair, to) in (0..).zip(path) {
        page.play_by(Hand::Drags, &format!("{at}{to}")).await;
        let kings = ["h8g8", "g8h8"][usize::from(pair % 2)];
        program.play(2 * pair + 1, kings).await;
        page.sees(2 * usize::from(pair) + 2).await;
        at = to;
    }
    let trips = "return window.trips.sort((a, b) => a - b)";
    let trips: Vec<f64> = serde_json::from_value(page.evaluate(trips).await).unwrap();
    assert!(!trips.is_empty());
    let part = |part: usize| trips[(trips.len() * part / 100).min(trips.len() - 1)];
    let frames = "return new Promise((done) => { \
                      let frames = 0; const end = performance.now() + 2000; \
                      const next = (now) => { frames += 1; if (now < end) requestAnimationFrame(next); else done(frames / 2); }; \
                      requestAnimationFrame(next); })";
    let frames = page.evaluate(frames).await;
    eprintln!(
        "first board {sum} bytes gzipped; playable after {:.0} ms; {} moves from drop to ack: p50 {:.1} ms, p99 {:.1} ms; \
         {:.0} frames a second",
        playable.as_f64().unwrap(),
        trips.len(),
        part(50),
        part(99),
        frames.as_f64().unwrap(),
    );
    content(&page);
}
