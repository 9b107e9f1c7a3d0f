//! What is drawn: the match as a spectator sees it.

use std::io::Write;
use std::time::{Duration, Instant};

use bot_client::board::{BoardPicture, TextStyle};
use bot_client::seat::{SeatSession, Update};
use bot_client::{MatchView, Standstill, terminal};
use game_core::Seat;
use program::say;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::Failure;
use super::summary::Summary;

/// Clocks are drawn afresh so often.
const FRAME: Duration = Duration::from_millis(100);
/// Moves that are shown beside the board, in pairs.
const MOVES_SHOWN: usize = 8;
/// The lines that a drawing takes.
const HEIGHT: usize = 13;

/// Draws a match: in place on a terminal, a line for each move elsewhere.
pub(super) struct Show {
    style: TextStyle,
    in_place: bool,
    drawn: bool,
    plies_told: usize,
    headlines: watch::Receiver<String>,
    /// Others are told here how far the game has come.
    ply: watch::Sender<usize>,
    /// Why the clocks stand still, as it was told last.
    standstill_told: Option<Standstill>,
}

impl Show {
    /// Sets the scene: what stands on the stage.
    pub(super) fn new(
        ascii: bool,
        stage: &[String],
        headlines: watch::Receiver<String>,
        ply: watch::Sender<usize>,
    ) -> Self {
        for line in stage {
            say!("{line}");
        }
        say!();
        let (style, in_place) = (terminal::style(ascii), terminal::has_screen());
        let (drawn, plies_told, standstill_told) = (false, 0, None);
        Self {
            style,
            in_place,
            drawn,
            plies_told,
            headlines,
            ply,
            standstill_told,
        }
    }

    /// Follows the match to its end.
    pub(super) async fn follow(&mut self, mut audience: SeatSession) -> Result<(), Failure> {
        let view = audience.view();
        say!(
            "Match {}: {} (White) against {} (Black), {}",
            view.id(),
            view.players().white.name,
            view.players().black.name,
            view.time_control().spoken()
        );
        say!();
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                update = audience.next() => match update? {
                    Update::Closed(code) if audience.view().result().is_none() => {
                        return Err(format!("the audience was sent away: {code}").into());
                    }
                    _ => self.tell(audience.view()),
                },
                _ = frames.tick() => {}
            }
            self.draw(audience.view())?;
            if audience.view().result().is_some() {
                audience.leave().await?;
                return Ok(());
            }
        }
    }

    /// The end: the record, and the account.
    pub(super) fn finish(&self, pgn: &str, summary: &Summary) {
        say!();
        say!("{}", pgn.trim_end());
        say!();
        let _ = program::print(summary);
    }

    /// A line for each new move, where nothing can be drawn in place.
    fn tell(&mut self, view: &MatchView) {
        self.ply.send_replace(view.moves().len());
        if self.in_place {
            return;
        }
        if self.headlines.has_changed().unwrap_or(false) {
            say!("     *** {}", *self.headlines.borrow_and_update());
        }
        let standstill = view.standstill();
        if std::mem::replace(&mut self.standstill_told, standstill) != standstill
            && view.result().is_none()
        {
            let why = standstill.map_or("play goes on", why_stopped);
            let [white, black] = Seat::BOTH.map(|seat| clock(view.remaining(seat, Instant::now())));
            say!("     *** {why}: {} – {}", white.trim(), black.trim());
        }
        let sans = view.sans();
        for (ply, san) in sans.iter().enumerate().skip(self.plies_told) {
            let dots = if ply % 2 == 0 { "." } else { "…" };
            let mover = if ply % 2 == 0 {
                Seat::White
            } else {
                Seat::Black
            };
            let clock = clock(view.remaining(mover, Instant::now()));
            say!("{:>3}{dots} {:<8} {clock}", ply / 2 + 1, san.to_string());
        }
        self.plies_told = sans.len();
        if let Some((outcome, termination)) = view.result() {
            say!("{outcome} by {termination}");
        }
    }

    fn draw(&mut self, view: &MatchView) -> std::io::Result<()> {
        if !self.in_place {
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        if std::mem::replace(&mut self.drawn, true) {
            // Back up over the last drawing.
            write!(out, "\x1b[{HEIGHT}A")?;
        }
        for line in self.lines(view) {
            writeln!(out, "\x1b[2K{line}")?;
        }
        out.flush()
    }

    fn lines(&self, view: &MatchView) -> Vec<String> {
        let board = BoardPicture::new(view.position(), view.last_move(), Seat::White);
        let mut lines = vec![seat_line(view, Seat::Black)];
        let moves = moves(view);
        let beside = |row: usize| moves.get(row).map_or("", String::as_str).to_owned();
        lines.extend(
            board
                .lines(self.style)
                .iter()
                .enumerate()
                .map(|(row, line)| format!("  {line}    {}", beside(row))),
        );
        lines.push(seat_line(view, Seat::White));
        lines.push(match view.result() {
            Some((outcome, termination)) => format!("  {outcome} by {termination}"),
            None => view
                .standstill()
                .map_or_else(String::new, |why| format!("  {}", why_stopped(why))),
        });
        lines.push(format!("  {}", *self.headlines.borrow()));
        lines.resize(HEIGHT, String::new());
        lines
    }
}

/// Why both clocks stand still, in words that say so.
const fn why_stopped(why: Standstill) -> &'static str {
    match why {
        Standstill::Paused => "the store does not answer, clocks stopped",
        Standstill::Unresponsive => "the shard does not answer, clocks stopped",
        Standstill::Reconnecting | Standstill::Closed => {
            "the audience looks for the match, clocks stopped"
        }
    }
}

fn seat_line(view: &MatchView, seat: Seat) -> String {
    let runs = if view.standstill().is_some() {
        "‖"
    } else if view.running() == Some(seat) {
        "▸"
    } else {
        " "
    };
    let clock = clock(view.remaining(seat, Instant::now()));
    format!("{runs} {clock}  {}", view.players()[seat].name)
}

/// The last moves, a line for each pair.
fn moves(view: &MatchView) -> Vec<String> {
    let sans: Vec<String> = view.sans().iter().map(ToString::to_string).collect();
    let pairs: Vec<String> = sans
        .chunks(2)
        .zip(1..)
        .map(|(pair, number)| {
            format!(
                "{number:>3}. {:<7} {}",
                pair[0],
                pair.get(1).map_or("", |san| san)
            )
        })
        .collect();
    pairs[pairs.len().saturating_sub(MOVES_SHOWN)..].to_vec()
}

fn clock(remaining: Duration) -> String {
    let tenths = remaining.as_millis() / 100;
    format!(
        "{:>2}:{:02}.{}",
        tenths / 600,
        tenths / 10 % 60,
        tenths % 10
    )
}
