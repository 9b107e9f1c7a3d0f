//! The written forms of a time control: as players write it, and as the PGN standard has it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Delay, InvalidTimeControl, Stage, TimeControl};

impl TimeControl {
    /// Parses a time control as players write it: minutes `+` seconds, as in `5+3`, or, with an `s`,
    /// seconds `+` seconds, as in `300s+3`. A delay in seconds follows as `d` (simple) or `b`
    /// (Bronstein): `5+0d2`. Stages are joined by commas, and those before the last begin with their
    /// number of moves: `40/90+30,30+30`. Each time may have up to three decimals.
    ///
    /// # Errors
    ///
    /// [`InvalidTimeControl`]. For more than [`INITIAL_MAX`](Self::INITIAL_MAX) in minutes, the message
    /// explains how seconds are written.
    pub fn from_spoken(text: &str) -> Result<Self, InvalidTimeControl> {
        let stages: Result<Vec<Stage>, _> = text.split(',').map(spoken_stage).collect();
        Self::from_stages(&stages?)
    }

    /// The time control as [`from_spoken`](Self::from_spoken) parses it.
    #[must_use]
    pub fn spoken(self) -> String {
        let spoken = |stage: Stage| {
            let Stage {
                moves, increment, ..
            } = stage;
            let moves = moves.map_or_else(String::new, |moves| format!("{moves}/"));
            let time = if stage.time.as_millis().is_multiple_of(60_000) {
                (stage.time.as_secs() / 60).to_string()
            } else {
                format!("{}s", Seconds(stage.time))
            };
            let delay = match stage.delay {
                Delay::None => String::new(),
                Delay::Simple(delay) => format!("d{}", Seconds(delay)),
                Delay::Bronstein(delay) => format!("b{}", Seconds(delay)),
            };
            format!("{moves}{time}+{}{delay}", Seconds(increment))
        };
        self.stages().map(spoken).collect::<Vec<_>>().join(",")
    }

    /// The value of PGN's `TimeControl` tag (PGN standard 9.6.1), with stages joined by colons, as in
    /// `40/5400+30:1800+30`, and fractions of a second as decimals.
    ///
    /// The standard has no delay. A simple delay is written as python-chess reads it, `300+2d`, and
    /// stands behind an increment if there is one, `300+3+2d`. A Bronstein delay is written `300+0+2b`,
    /// always behind an increment, which other readers then find.
    #[must_use]
    pub fn pgn(self) -> String {
        self.to_string()
    }
}

/// As [`pgn`](TimeControl::pgn).
impl fmt::Display for TimeControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, stage) in self.stages().enumerate() {
            if index > 0 {
                f.write_str(":")?;
            }
            if let Some(moves) = stage.moves {
                write!(f, "{moves}/")?;
            }
            write!(f, "{}", Seconds(stage.time))?;
            // A single stage names its increment also if that is 0, as on Lichess.
            let is_named = match stage.delay {
                Delay::None => !self.is_staged(),
                Delay::Simple(_) => false,
                Delay::Bronstein(_) => true,
            };
            if is_named || !stage.increment.is_zero() {
                write!(f, "+{}", Seconds(stage.increment))?;
            }
            match stage.delay {
                Delay::None => {}
                Delay::Simple(delay) => write!(f, "+{}d", Seconds(delay))?,
                Delay::Bronstein(delay) => write!(f, "+{}b", Seconds(delay))?,
            }
        }
        Ok(())
    }
}

/// Parses the value of PGN's `TimeControl` tag, with delays as [`pgn`](TimeControl::pgn) writes them.
///
/// What the standard can say and a match cannot have is told apart from what cannot be read: `?`
/// ([`Unknown`](InvalidTimeControl::Unknown)), `-` ([`Untimed`](InvalidTimeControl::Untimed)), `*180`
/// ([`Sandclock`](InvalidTimeControl::Sandclock)), `40/9000` alone, which repeats for ever
/// ([`Repeating`](InvalidTimeControl::Repeating)), and values out of bounds.
impl FromStr for TimeControl {
    type Err = InvalidTimeControl;

    fn from_str(text: &str) -> Result<Self, InvalidTimeControl> {
        let text = text.trim();
        match text {
            "?" => return Err(InvalidTimeControl::Unknown),
            "-" => return Err(InvalidTimeControl::Untimed),
            _ => {}
        }
        let stages: Result<Vec<Stage>, _> = text.split(':').map(pgn_stage).collect();
        Self::from_stages(&stages?)
    }
}

/// `[MOVES/]MINUTES+SECONDS` or `[MOVES/]SECONDSs+SECONDS`, with `dSECONDS` or `bSECONDS` behind it.
fn spoken_stage(text: &str) -> Result<Stage, InvalidTimeControl> {
    const SYNTAX: InvalidTimeControl = InvalidTimeControl::Spoken;
    let seconds = |text: &str| {
        let text = text.strip_suffix('s').unwrap_or(text);
        thousandths(text).map_err(|_| SYNTAX)
    };
    let (moves, times) = split_moves(text.trim()).ok_or(SYNTAX)?;
    let (time, of_move) = times.split_once('+').ok_or(SYNTAX)?;
    let time_ms = if time.ends_with('s') {
        seconds(time)?
    } else {
        let minutes = thousandths(time).map_err(|_| SYNTAX)?;
        if minutes > TimeControl::INITIAL_MAX.as_secs() / 60 * 1000 {
            return Err(InvalidTimeControl::Minutes(minutes / 1000));
        }
        minutes * 60
    };
    let (increment, delay) = match of_move.find(['d', 'b']) {
        Some(at) => {
            let (increment, delay) = of_move.split_at(at);
            let delay_ms = Duration::from_millis(seconds(&delay[1..])?);
            let delay = match delay.as_bytes()[0] {
                b'd' => Delay::Simple(delay_ms),
                _ => Delay::Bronstein(delay_ms),
            };
            (increment, delay)
        }
        None => (of_move, Delay::None),
    };
    Ok(Stage {
        moves,
        time: Duration::from_millis(time_ms),
        increment: Duration::from_millis(seconds(increment)?),
        delay,
    })
}

/// `[MOVES/]SECONDS[+INCREMENT][+DELAYd]`, or with `b` for `d`.
fn pgn_stage(text: &str) -> Result<Stage, InvalidTimeControl> {
    if let Some(seconds) = text.strip_prefix('*') {
        millis(seconds)?;
        return Err(InvalidTimeControl::Sandclock);
    }
    let (moves, times) = split_moves(text).ok_or(InvalidTimeControl::Syntax)?;
    let mut parts = times.split('+');
    let mut stage = Stage {
        moves,
        time: millis(parts.next().unwrap_or_default())?,
        increment: Duration::ZERO,
        delay: Delay::None,
    };
    let mut part = parts.next();
    if let Some(increment) = part.filter(|part| !part.ends_with(['d', 'b'])) {
        stage.increment = millis(increment)?;
        part = parts.next();
    }
    if let Some(delay) = part {
        stage.delay = match (delay.strip_suffix('d'), delay.strip_suffix('b')) {
            (Some(delay), _) => Delay::Simple(millis(delay)?),
            (_, Some(delay)) => Delay::Bronstein(millis(delay)?),
            _ => return Err(InvalidTimeControl::Syntax),
        };
    }
    match parts.next() {
        None => Ok(stage),
        Some(_) => Err(InvalidTimeControl::Syntax),
    }
}

fn millis(seconds: &str) -> Result<Duration, InvalidTimeControl> {
    match thousandths(seconds) {
        Ok(millis) => Ok(Duration::from_millis(millis)),
        Err(NoThousandths::Finer) => Err(InvalidTimeControl::Fraction),
        Err(NoThousandths::NoNumber) => Err(InvalidTimeControl::Syntax),
    }
}

/// The number before a slash, if there is one, and what follows. `None` if it is not a number; one that
/// is too large is out of bounds anyway.
fn split_moves(text: &str) -> Option<(Option<u16>, &str)> {
    let Some((moves, rest)) = text.split_once('/') else {
        return Some((None, text));
    };
    is_digits(moves).then(|| (Some(moves.parse().unwrap_or(u16::MAX)), rest))
}

/// Why a text is not a number of thousandths.
enum NoThousandths {
    /// It is not a decimal number.
    NoNumber,
    /// It has more than three decimals that count.
    Finer,
}

/// A decimal number in thousandths. One that overflows is out of bounds anyway.
fn thousandths(text: &str) -> Result<u64, NoThousandths> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if !is_digits(whole) || !is_digits(part) {
        return Err(NoThousandths::NoNumber);
    }
    let part = part.trim_end_matches('0');
    if part.len() > 3 {
        return Err(NoThousandths::Finer);
    }
    let whole = whole.parse::<u64>().unwrap_or(u64::MAX);
    let part = format!("{part:0<3}").parse::<u64>().unwrap_or(0);
    Ok(whole.saturating_mul(1000).saturating_add(part))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A time in seconds, with as many decimals as it needs.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs())?;
        let millis = self.0.subsec_millis();
        if millis > 0 {
            let decimals = format!("{millis:03}");
            write!(f, ".{}", decimals.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
