//! What a soak says while it runs.

use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::sleep;

use super::samples::Samples;
use super::world::World;

/// Between two looks, where a line is drawn in place.
const DRAW_EVERY: Duration = Duration::from_secs(1);
/// Between two lines, where every one is kept.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Says for ever how the soak goes: a line in place on a terminal, or a line every ten seconds.
pub(super) async fn show(world: &World, samples: &Samples) {
    if !std::io::stderr().is_terminal() {
        loop {
            sleep(LINE_EVERY).await;
            program::complain!("soak: {:.0?}: {}", world.elapsed(), line(world, samples));
        }
    }
    let seconds = world.config.duration.as_secs();
    let bar = ProgressBar::new(seconds);
    let template = "{bar:20} {elapsed} of {len} s · {msg}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_bar()));
    // The line vanishes with the bar, when this is dropped.
    loop {
        sleep(DRAW_EVERY).await;
        bar.set_position(world.elapsed().as_secs().min(seconds));
        bar.set_message(line(world, samples));
    }
}

fn line(world: &World, samples: &Samples) -> String {
    let figures = &world.figures;
    let sample = samples.last().unwrap_or_default();
    let lost: u64 = figures.losses().values().sum();
    let errors: u64 = figures.errors().values().sum();
    let closing = if world.closing.is_cancelled() {
        "closing: "
    } else {
        ""
    };
    format!(
        "{closing}{} matches, {} seated, {} finished, {:.0} moves/s, ack p50 {:.1} p99 {:.1} ms, \
         {lost} connections lost, {errors} errors, {} faults, {} violations",
        figures.playing.load(Ordering::Relaxed),
        figures.seated.load(Ordering::Relaxed),
        figures.matches_finished.load(Ordering::Relaxed),
        sample.moves_per_s,
        sample.ack_ms.p50,
        sample.ack_ms.p99,
        figures.faults.load(Ordering::Relaxed),
        world.broken_counts().values().sum::<u64>(),
    )
}
