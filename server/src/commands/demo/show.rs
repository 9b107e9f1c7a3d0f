//! What is drawn: the match as a spectator sees it.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use client::seat::{SeatSession, Update};
use client::{MatchView, Standstill};
use game_core::{Epoch, Seat};
use lab::board::{BoardPicture, PieceSet, TextStyle};
use lab::terminal;
use program::say;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::Failure;
use super::kill::{Kill, News, heard_of};
use super::stage::{Actor, Stage};
use super::summary::Summary;

/// Interval at which clocks are redrawn.
const FRAME: Duration = Duration::from_millis(100);
/// Moves that are shown beside the board, in pairs.
const MOVES_SHOWN: usize = 8;
/// The lines that a drawing takes beside those of the shards.
const HEIGHT: usize = 14;
/// Interval at which the time without an owner is printed, where nothing can be drawn in place.
const GAP_TOLD_EVERY: Duration = Duration::from_secs(1);

/// Draws a match: in place on a terminal, a line for each move elsewhere.
pub(super) struct Show {
    look: Look,
    in_place: bool,
    drawn: bool,
    shards: Vec<Actor>,
    news: watch::Receiver<News>,
    /// Publishes the number of moves made.
    ply: watch::Sender<usize>,
    plies_told: usize,
    /// Why the clocks stand still, as printed last.
    standstill_told: Option<Standstill>,
    /// How long the match has had no owner, as printed last.
    gap_told: Duration,
}

impl Show {
    /// Prints the processes of the demo.
    pub(super) fn new(
        ascii: bool,
        stage: &Stage,
        news: watch::Receiver<News>,
        ply: watch::Sender<usize>,
    ) -> Self {
        for line in stage.lines() {
            say!("{line}");
        }
        Self {
            look: Look(terminal::style(ascii)),
            in_place: terminal::has_screen(),
            drawn: false,
            shards: stage.shards(),
            news,
            ply,
            plies_told: 0,
            standstill_told: None,
            gap_told: Duration::ZERO,
        }
    }

    /// Follows the match to its end; `epoch` receives the epochs of its owners.
    pub(super) async fn follow(
        &mut self,
        mut audience: SeatSession,
        epoch: &watch::Sender<Epoch>,
    ) -> Result<(), Failure> {
        let view = audience.view();
        if !self.in_place {
            self.list(&self.news.borrow());
        }
        say!(
            "\nMatch {}: {} (White) against {} (Black), {}",
            view.id(),
            view.players().white.name,
            view.players().black.name,
            view.controls().white.spoken()
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
            let view = audience.view();
            heard_of(view.epoch(), epoch);
            if self.in_place {
                self.draw(view)?;
            } else {
                self.tell_news();
            }
            if view.result().is_some() {
                audience.leave().await?;
                return Ok(());
            }
        }
    }

    /// The end: where the record is, and the account.
    pub(super) fn finish(&self, record: Option<&Path>, summary: &Summary) {
        say!();
        if let Some(path) = record {
            say!("record        {}", path.display());
        }
        let _ = program::print(summary);
    }

    /// Lines about the kill, about each second without an owner, and about the new one.
    fn tell_news(&mut self) {
        let is_new = self.news.has_changed().unwrap_or(false);
        let news = self.news.borrow_and_update().clone();
        let Some(kill) = &news.kill else { return };
        if is_new && kill.takeover.is_none() {
            say!("     *** {}", kill.how);
            self.list(&news);
        } else if is_new && news.owner.is_some() {
            say!("     *** {}", gap(kill));
            self.list(&news);
        } else if kill.takeover.is_none() && kill.gap() >= self.gap_told + GAP_TOLD_EVERY {
            self.gap_told += GAP_TOLD_EVERY;
            say!("     *** {}", gap(kill));
        }
    }

    /// The shards, a line for each.
    fn list(&self, news: &News) {
        for shard in &self.shards {
            say!("{}", self.look.shard(shard, news));
        }
    }

    /// A line for each new move, where nothing can be drawn in place.
    fn tell(&mut self, view: &MatchView) {
        self.ply.send_replace(view.moves().len());
        if self.in_place {
            return;
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
        // The cursor is not to be seen running over it.
        let mut frame = "\x1b[?25l".to_owned();
        if std::mem::replace(&mut self.drawn, true) {
            // Back up over the last drawing.
            frame += &format!("\x1b[{}A", HEIGHT + self.shards.len());
        }
        for line in self.lines(view) {
            frame += &format!("\x1b[2K{line}\n");
        }
        frame += "\x1b[?25h";
        let mut out = std::io::stdout().lock();
        out.write_all(frame.as_bytes())?;
        out.flush()
    }

    fn lines(&self, view: &MatchView) -> Vec<String> {
        let news = self.news.borrow();
        let board = BoardPicture::new(view.position(), view.last_move(), Seat::White);
        let mut lines = vec![self.look.seat(view, Seat::Black)];
        let moves = moves(view);
        let beside = |row: usize| moves.get(row).map_or("", String::as_str).to_owned();
        lines.extend(
            board
                .lines(self.look.0)
                .iter()
                .enumerate()
                .map(|(row, line)| format!("  {line}    {}", beside(row))),
        );
        lines.push(self.look.seat(view, Seat::White));
        lines.push(match view.result() {
            Some((outcome, termination)) => format!("  {outcome} by {termination}"),
            None => view
                .standstill()
                .map_or_else(String::new, |why| format!("  {}", why_stopped(why))),
        });
        let kill = news.kill.as_ref();
        lines.push(kill.map_or_else(String::new, |kill| format!("  {}", kill.how)));
        lines.push(kill.map_or_else(String::new, |kill| self.look.gap(kill)));
        lines.resize(HEIGHT, String::new());
        let shards = self.shards.iter();
        lines.extend(shards.map(|shard| self.look.shard(shard, &news)));
        lines
    }
}

/// How long the match has had no owner, or when the next one took over.
fn gap(kill: &Kill) -> String {
    let seconds = kill.gap().as_secs_f64();
    match kill.takeover {
        None => format!("nobody owns the match for {seconds:.1} s"),
        Some(takeover) => format!(
            "nobody owned the match for {seconds:.1} s; epoch {} before, {} after",
            kill.epoch, takeover.epoch
        ),
    }
}

/// The style of lines: with colours, or only with signs.
struct Look(TextStyle);

impl Look {
    const GOOD: &str = "32";
    const BAD: &str = "1;31";
    const DARK: &str = "90";

    /// Text in a colour, by its number of ECMA-48, where there are colours.
    fn paint(&self, color: &str, text: &str) -> String {
        if self.0.colors {
            format!("\x1b[{color}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn sign(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self.0.pieces {
            PieceSet::Unicode => unicode,
            PieceSet::Ascii => ascii,
        }
    }

    /// A shard, and what it has to do with the match.
    fn shard(&self, shard: &Actor, news: &News) -> String {
        let line = format!("shard {}  {}", shard.id, shard.place);
        let was_killed = news
            .kill
            .as_ref()
            .is_some_and(|kill| kill.shard == shard.id);
        if was_killed {
            let sign = self.sign("✗", "x");
            self.paint(Self::DARK, &format!("{sign} {line}  dead"))
        } else if let Some((_, epoch)) = news.owner.filter(|(owner, _)| *owner == shard.id) {
            let sign = self.sign("▸", ">");
            self.paint(Self::GOOD, &format!("{sign} {line}  owner, epoch {epoch}"))
        } else {
            format!("  {line}")
        }
    }

    fn gap(&self, kill: &Kill) -> String {
        let color = if kill.takeover.is_none() {
            Self::BAD
        } else {
            Self::GOOD
        };
        self.paint(color, &format!("  {}", gap(kill)))
    }

    fn seat(&self, view: &MatchView, seat: Seat) -> String {
        let runs = if view.standstill().is_some() {
            self.sign("‖", "=")
        } else if view.running() == Some(seat) {
            self.sign("▸", ">")
        } else {
            " "
        };
        let clock = clock(view.remaining(seat, Instant::now()));
        format!("{runs} {clock}  {}", view.players()[seat].name)
    }
}

/// Why both clocks stand still, in words.
const fn why_stopped(why: Standstill) -> &'static str {
    match why {
        Standstill::Paused => "the store does not answer, clocks stopped",
        Standstill::Unresponsive => "the shard does not answer, clocks stopped",
        Standstill::Reconnecting | Standstill::Closed => {
            "the audience looks for the match, clocks stopped"
        }
    }
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
