//! PGN export.

use std::time::Duration;

use crate::date::UtcDate;
use crate::{BySeat, Match, MatchTags, Outcome, Position, Seat, Termination, Uci};

impl Match {
    /// The match as PGN, in play or finished, as one game of a file.
    ///
    /// `site` is the value of the `Site` tag: the address where the match was played. After each move,
    /// `[%clk h:mm:ss]` is the mover's clock in whole seconds (rounded down). An aborted match and a
    /// match in play have the result `*`.
    #[must_use]
    pub fn pgn(&self, site: &str) -> String {
        let result = self.outcome().map_or("*", |(outcome, _)| outcome.as_pgn());
        let mut pgn = String::new();
        for (name, value) in self.pgn_tags(site, result) {
            push_tag(&mut pgn, name, &value);
        }
        pgn.push('\n');
        let mut movetext = Movetext::new(&mut pgn);
        let mut position = self.setup().start.position();
        for (uci, clock) in self.moves() {
            let number = move_number(&position);
            let Some(san) = play_in_san(&mut position, uci) else {
                break;
            };
            movetext.push(&format!("{number} {san} {{ [%clk {}] }}", hms(clock)));
        }
        movetext.push(result);
        pgn.push('\n');
        pgn
    }

    /// The moves made, in standard algebraic notation.
    #[must_use]
    pub fn moves_in_san(&self) -> Vec<String> {
        let mut position = self.setup().start.position();
        self.moves()
            .map_while(|(uci, _)| play_in_san(&mut position, uci))
            .collect()
    }

    /// The tags in the order of the PGN standard: the seven tag roster, then the others.
    fn pgn_tags(&self, site: &str, result: &str) -> Vec<(&'static str, String)> {
        let setup = self.setup();
        let no_tags = MatchTags::default();
        let agreed = setup.tags.as_deref().unwrap_or(&no_tags);
        let or = |tag: &Option<Box<str>>, usual: &str| tag.as_deref().unwrap_or(usual).to_owned();
        let date = UtcDate::from(setup.start_at.unwrap_or(setup.created_at));
        let (date, time) = (pgn_date(date), pgn_time(date));
        let mut tags = vec![
            ("Event", or(&agreed.event, &self.pgn_event())),
            ("Site", or(&agreed.site, site)),
            ("Date", date.clone()),
            ("Round", or(&agreed.round, "-")),
            ("White", setup.players.white.name.to_string()),
            ("Black", setup.players.black.name.to_string()),
            ("Result", result.to_owned()),
        ];
        // Not of the standard; some servers and programs know it. By it, a match that is read back is known.
        tags.push(("GameId", setup.id.to_string()));
        if let Some(board) = &agreed.board {
            tags.push(("Board", board.to_string()));
        }
        tags.extend([("UTCDate", date), ("UTCTime", time)]);
        let players = [
            ("WhiteElo", "WhiteTitle", &setup.players.white),
            ("BlackElo", "BlackTitle", &setup.players.black),
        ];
        for (elo, title, player) in players {
            // `-` stands for a player without a rating (PGN standard 9.1.2).
            let rating = player.rating.map(|rating| rating.to_string());
            tags.push((elo, rating.unwrap_or_else(|| "-".to_owned())));
            if player.is_bot {
                tags.push((title, "BOT".to_owned()));
            }
        }
        tags.extend(self.pgn_time_controls());
        tags.push(("Termination", self.pgn_termination().to_owned()));
        if let Some(variant) = setup.variant().pgn() {
            tags.push(("Variant", variant.to_owned()));
        } else if !setup.start.is_initial() {
            tags.push(("Variant", "From Position".to_owned()));
        }
        if !setup.start.is_initial() {
            tags.push(("SetUp", "1".to_owned()));
            tags.push(("FEN", setup.start.fen()));
        }
        tags
    }

    /// The time control, or one for each side where they differ.
    fn pgn_time_controls(&self) -> Vec<(&'static str, String)> {
        let BySeat { white, black } = &self.setup().controls;
        if white == black {
            vec![("TimeControl", white.pgn())]
        } else {
            vec![
                ("TimeControl", "?".to_owned()),
                ("WhiteTimeControl", white.pgn()),
                ("BlackTimeControl", black.pgn()),
            ]
        }
    }

    /// For example `Rated blitz match`.
    fn pgn_event(&self) -> String {
        let setup = self.setup();
        let rated = if setup.rated { "Rated" } else { "Casual" };
        let speed = setup.speed().code();
        format!("{rated} {speed} match")
    }

    /// The termination in the words of the PGN standard (9.8.1), spelled as on Lichess.
    fn pgn_termination(&self) -> &'static str {
        match self.outcome() {
            None => "Unterminated",
            Some((Outcome::Aborted, _)) => "Abandoned",
            Some((_, Termination::TimeForfeit)) => "Time forfeit",
            Some((_, Termination::Adjudicated)) => "Adjudication",
            Some((_, Termination::Abandoned)) => "Abandoned",
            Some(_) => "Normal",
        }
    }
}

/// Plays a move and returns it in algebraic notation. The moves of a match are legal; if one were not,
/// a record that ends early would be better than a panic.
fn play_in_san(position: &mut Position, uci: Uci) -> Option<String> {
    let legal = position.resolve(uci)?;
    Some(position.play_in_san(legal))
}

/// Writes movetext, with line breaks between moves.
struct Movetext<'a> {
    pgn: &'a mut String,
    /// Characters on the current line, which are all ASCII.
    column: usize,
}

impl<'a> Movetext<'a> {
    /// Lines of the export format have fewer characters (PGN standard 8.2.1).
    const COLUMNS: usize = 80;

    fn new(pgn: &'a mut String) -> Self {
        Self { pgn, column: 0 }
    }

    fn push(&mut self, text: &str) {
        if self.column + 1 + text.len() >= Self::COLUMNS {
            self.pgn.push('\n');
            self.column = 0;
        } else if self.column > 0 {
            self.pgn.push(' ');
            self.column += 1;
        }
        self.pgn.push_str(text);
        self.column += text.len();
    }
}

/// Adds a tag pair. Quotes and backslashes are escaped (PGN standard 7), line breaks and control
/// characters become spaces, a value that is too long is truncated, and an empty one becomes `?`.
fn push_tag(pgn: &mut String, name: &str, value: &str) {
    /// Upper bound on a value: with its name and punctuation, a line has at most the 255 bytes that
    /// the standard allows.
    const VALUE_BYTES_MAX: usize = 220;

    pgn.push('[');
    pgn.push_str(name);
    pgn.push_str(" \"");
    let start = pgn.len();
    let value = if value.is_empty() { "?" } else { value };
    for character in value.chars() {
        if pgn.len() - start + character.len_utf8() + 1 > VALUE_BYTES_MAX {
            break;
        }
        match character {
            '"' | '\\' => pgn.extend(['\\', character]),
            '\u{2028}' | '\u{2029}' => pgn.push(' '),
            _ if character.is_control() => pgn.push(' '),
            _ => pgn.push(character),
        }
    }
    pgn.push_str("\"]\n");
}

/// `1.` before a move of White, `1...` before one of Black. Every move has a number, as each follows a
/// comment or begins the movetext.
fn move_number(position: &Position) -> String {
    let dots = match position.turn() {
        Seat::White => ".",
        Seat::Black => "...",
    };
    format!("{}{dots}", position.move_number())
}

/// `h:mm:ss`.
fn hms(clock: Duration) -> String {
    let seconds = clock.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours}:{minutes:02}:{:02}", seconds % 60)
}

/// `YYYY.MM.DD`, or question marks for a year of more than four digits.
fn pgn_date(date: UtcDate) -> String {
    if date.year > 9999 {
        "????.??.??".to_owned()
    } else {
        format!("{:04}.{:02}.{:02}", date.year, date.month, date.day)
    }
}

fn pgn_time(date: UtcDate) -> String {
    format!("{:02}:{:02}:{:02}", date.hour, date.minute, date.second)
}
