//! What it came to: what was acknowledged, what was lost, how long play paused.

use std::fmt;
use std::time::Duration;

use game_core::CommandKind;
use protocol::http::MatchReply;

use super::kill::Kill;
use super::players::PlayedSeat;

/// The account of a demonstration.
pub(super) struct Summary {
    acknowledged: usize,
    lost: usize,
    resumed: u32,
    killed: Option<Kill>,
    /// From the kill to the next acknowledged move.
    pause: Option<Duration>,
}

impl Summary {
    /// Compares the players' acknowledgements with the store.
    pub(super) fn new(seats: &[PlayedSeat], stored: &MatchReply, killed: Option<Kill>) -> Self {
        let told = seats.iter().flat_map(|seat| &seat.acked);
        let lost = told.clone().filter(|acked| match acked.kind {
            // Nothing but moves happens before the last of them, so that the first event is the first move.
            CommandKind::Move { uci, .. } => {
                stored.moves.get(acked.event.saturating_sub(1) as usize) != Some(&uci)
            }
            _ => acked.event > stored.seq,
        });
        let next = killed.as_ref().and_then(|kill| {
            let times = seats.iter().flat_map(|seat| &seat.acked_at);
            let times = times.filter(|&&at| at > kill.at);
            times.min().map(|&at| at - kill.at)
        });
        Self {
            acknowledged: told.clone().count(),
            lost: lost.count(),
            resumed: seats.iter().map(|seat| seat.resumed).sum(),
            killed,
            pause: next,
        }
    }

    pub(super) fn lost(&self) -> usize {
        self.lost
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "acknowledged  {} commands", self.acknowledged)?;
        writeln!(f, "lost          {}", self.lost)?;
        if let Some(kill) = &self.killed {
            writeln!(
                f,
                "came back     {} times a player took a seat again",
                self.resumed
            )?;
            if let Some(takeover) = kill.takeover {
                let (before, after) = (kill.epoch, takeover.epoch);
                writeln!(
                    f,
                    "epoch         {before} before the kill, {after} after it"
                )?;
                let seconds = takeover.after.as_secs_f64();
                writeln!(f, "no owner      for {seconds:.1} s")?;
            }
        }
        if let Some(pause) = self.pause {
            let seconds = pause.as_secs_f64();
            writeln!(f, "play paused   {seconds:.1} s")?;
        }
        Ok(())
    }
}
