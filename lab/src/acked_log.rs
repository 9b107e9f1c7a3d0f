//! A file with one line for every acknowledged command: what the server promised to keep.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use game_core::{CommandKind, MatchId, Seat, Uci};
use serde::Serialize;

use client::seat::Acked;

/// Appends a JSON object a line. Every line is handed to the system in one write before the next
/// command goes out, so that it outlives this process.
#[derive(Debug, Clone)]
pub struct AckedLog(Arc<Mutex<File>>);

#[derive(Serialize)]
struct Line {
    #[serde(rename = "match")]
    match_id: MatchId,
    seat: Seat,
    command_id: u64,
    event: u32,
    kind: &'static str,
    position_seq: Option<u32>,
    uci: Option<Uci>,
    epoch: u64,
}

impl AckedLog {
    /// Opens the file to append to it; it is made if it is not there.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Arc::new(Mutex::new(file))))
    }

    /// Appends one acknowledgement.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn append(&self, match_id: MatchId, seat: Seat, acked: &Acked) -> io::Result<()> {
        let (position_seq, uci) = match acked.kind {
            CommandKind::Move {
                position_seq, uci, ..
            } => (Some(position_seq), Some(uci)),
            _ => (None, None),
        };
        let line = Line {
            match_id,
            seat,
            command_id: acked.id.0,
            event: acked.event,
            kind: kind_name(acked.kind),
            position_seq,
            uci,
            epoch: acked.epoch.0,
        };
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line)
    }
}

/// What a command asks for.
pub(crate) const fn kind_name(kind: CommandKind) -> &'static str {
    match kind {
        CommandKind::Move { .. } => "move",
        CommandKind::Resign => "resign",
        CommandKind::Abort => "abort",
        CommandKind::OfferDraw => "offer_draw",
        CommandKind::AcceptDraw => "accept_draw",
        CommandKind::DeclineDraw => "decline_draw",
        CommandKind::ClaimDraw => "claim_draw",
        CommandKind::OfferTakeback => "offer_takeback",
        CommandKind::AcceptTakeback => "accept_takeback",
        CommandKind::DeclineTakeback => "decline_takeback",
        CommandKind::ClaimWin => "claim_win",
        CommandKind::ClaimAbandonedDraw => "claim_abandoned_draw",
        CommandKind::GiveTime { .. } => "give_time",
        CommandKind::OfferRematch => "offer_rematch",
        CommandKind::AcceptRematch => "accept_rematch",
        CommandKind::DeclineRematch => "decline_rematch",
    }
}

#[cfg(test)]
mod tests {
    use game_core::{CommandId, Epoch};

    use super::*;

    #[test]
    fn every_acknowledgement_is_one_line_and_earlier_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acked.jsonl");
        let id = "0123456789Ab".parse().unwrap();
        for kind in [
            CommandKind::plain_move(4, "e2e4".parse().unwrap()),
            CommandKind::Resign,
        ] {
            let acked = Acked {
                id: CommandId(u64::MAX >> 1),
                event: 5,
                kind,
                epoch: Epoch(2),
            };
            let log = AckedLog::open(&path).unwrap();
            log.append(id, Seat::White, &acked).unwrap();
        }
        let expected = r#"{"match":"0123456789Ab","seat":"white","command_id":9223372036854775807,"event":5,"kind":"move","position_seq":4,"uci":"e2e4","epoch":2}
{"match":"0123456789Ab","seat":"white","command_id":9223372036854775807,"event":5,"kind":"resign","position_seq":null,"uci":null,"epoch":2}
"#;
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    }
}
