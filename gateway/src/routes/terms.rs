//! The terms of a game, from the fields of a challenge, a seek or a bulk pairing.

use std::time::Duration;

use game_core::{ColorChoice, Delay, Rule, Rules, Stage, TimeControl, Variant};
use protocol::http::{RatingRange, Start, Terms};

use crate::fields::Fields;
use crate::refusal::Refusal;
use crate::shapes::names::FROM_POSITION;

/// Terms of a game whose clock was read already. Repetitions and fifty moves end it by themselves, as this API has no claim
/// for them.
///
/// # Errors
///
/// [`Refusal`] for a variant that does not exist, or a position that does not go with it.
pub(super) fn terms(fields: &Fields, control: TimeControl) -> Result<Terms, Refusal> {
    let key = fields.text("variant").unwrap_or("standard");
    let fen = fields.text("fen");
    let variant = match key {
        FROM_POSITION => Variant::Standard,
        key => key
            .parse()
            .map_err(|_| Refusal::bad(format!("variant: {key:?} is not known")))?,
    };
    let start = match (fen, variant) {
        (None, _) if key == FROM_POSITION => {
            return Err(Refusal::bad("fromPosition needs the field fen"));
        }
        (None, _) => Start::Usual,
        (Some(fen), Variant::Standard | Variant::Chess960) => Start::Fen(fen.to_owned()),
        (Some(_), _) => {
            return Err(Refusal::bad(
                "fen: clients of this API know only the initial position of this variant",
            ));
        }
    };
    let mut terms = Terms::usual(control);
    terms.variant = variant;
    terms.start = start;
    terms.rated = fields.flag("rated");
    terms.rules = rules(fields.text("rules").unwrap_or_default())?;
    Ok(terms)
}

fn rules(list: &str) -> Result<Rules, Refusal> {
    let mut rules = Rules::USUAL.with(Rule::AutoClaim);
    for word in list
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        let rule = match word {
            "noAbort" => Rule::NoAbort,
            "noRematch" => Rule::NoRematch,
            "noGiveTime" => Rule::NoGiveTime,
            "noClaimWin" => Rule::NoClaimWin,
            "noEarlyDraw" => Rule::NoEarlyDraw,
            word => return Err(Refusal::bad(format!("rules: {word:?} is not known"))),
        };
        rules = rules.with(rule);
    }
    Ok(rules)
}

/// The clock of a challenge: `clock.limit` and `clock.increment`, in seconds.
///
/// # Errors
///
/// [`Refusal`] for what no clock of a game is.
pub(super) fn clock(fields: &Fields) -> Result<TimeControl, Refusal> {
    let limit = fields.number("clock.limit")?;
    let increment = fields.number("clock.increment")?.unwrap_or_default();
    let limit = limit
        .ok_or_else(|| Refusal::bad("clock.limit: games without a clock are not played here"))?;
    control(limit, increment)
}

/// The clock of a seek: `time` in minutes and `increment` in seconds.
///
/// # Errors
///
/// [`Refusal`] for what no clock of a game is.
pub(super) fn clock_of_seek(fields: &Fields) -> Result<TimeControl, Refusal> {
    let minutes = fields.number("time")?;
    let minutes =
        minutes.ok_or_else(|| Refusal::bad("time: games without a clock are not played here"))?;
    control(
        minutes * 60.0,
        fields.number("increment")?.unwrap_or_default(),
    )
}

fn control(limit_s: f64, increment_s: f64) -> Result<TimeControl, Refusal> {
    let millis = |seconds: f64| Duration::from_millis((seconds * 1_000.0).round() as u64);
    let stage = Stage {
        moves: None,
        time: millis(limit_s),
        increment: millis(increment_s),
        delay: Delay::None,
    };
    TimeControl::from_stages(&[stage]).map_err(|error| Refusal::bad(format!("clock: {error}")))
}

/// The colour of the caller.
pub(super) fn color(fields: &Fields) -> ColorChoice {
    match fields.text("color") {
        Some("white") => ColorChoice::White,
        Some("black") => ColorChoice::Black,
        _ => ColorChoice::Random,
    }
}

/// The ratings of an opponent, `1500-1800`.
///
/// # Errors
///
/// [`Refusal`] if that is none.
pub(super) fn rating_range(fields: &Fields) -> Result<Option<RatingRange>, Refusal> {
    let Some(text) = fields.text("ratingRange") else {
        return Ok(None);
    };
    let range = || {
        let (min, max) = text.split_once('-')?;
        let (min, max) = (min.trim().parse().ok()?, max.trim().parse().ok()?);
        (min <= max).then_some(RatingRange { min, max })
    };
    let range = range().ok_or_else(|| Refusal::bad("ratingRange is like 1500-1800"))?;
    Ok(Some(range))
}
