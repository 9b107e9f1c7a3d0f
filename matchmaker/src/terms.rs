//! The terms of a match that a request asks for: checked, resolved, and the pool of a ticket.

use std::time::Duration;

use game_core::{MatchTags, StartPosition, UnixMillis, Variant};
use protocol::http::{Start, Terms, hex};
use ring::digest::{SHA256, digest};
use store::{RatingRange, Ticket};

use crate::problem::{Kind, Problem};

/// Upper bound on the time until `start_at`: the match takes a place on a shard until then.
pub(crate) const START_AHEAD_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// A `start_at` that is past by less than this is accepted: the player's clock may be wrong, and the request took time.
const START_LATE_MAX: Duration = Duration::from_secs(60);
/// Bytes of the digest of terms in the name of a pool: enough that no two terms have the same.
const DIGEST_LEN: usize = 16;

/// The terms as they are stored, with the start position drawn where it is left to chance.
///
/// A rated match has equal controls and a usual start: the initial position of its variant or, in Chess960, one of the
/// 960. `start_at` is at most [`START_AHEAD_MAX`] ahead.
pub(crate) fn agree(asked: &Terms, now: UnixMillis) -> Result<store::Terms, Problem> {
    let drawn = rand::random_range(0..Terms::START_NUMBERS);
    let start = asked
        .start_position(drawn)
        .map_err(|error| Problem::new(Kind::InvalidPosition, format!("{error}.")))?;
    if asked.rated {
        check_rated(asked, &start)?;
    }
    if let Some(start_at) = asked.start_at {
        check_start_at(start_at, now)?;
    }
    let tags = MatchTags::from(asked.tags.clone());
    Ok(store::Terms {
        start,
        controls: asked.controls,
        clock_start: asked.clock_start,
        start_at: asked.start_at,
        rated: asked.rated,
        spectator_delay_s: asked.spectator_delay_s,
        chat: asked.chat,
        rules: asked.rules,
        tags: (!tags.is_empty()).then(|| Box::new(tags)),
    })
}

/// The accepted ratings of the opponent.
pub(crate) fn rating_range(
    asked: Option<protocol::http::RatingRange>,
) -> Result<Option<RatingRange>, Problem> {
    match asked {
        Some(range) if range.min > range.max => Err(invalid(
            "rating_range is from the lowest to the highest rating of the opponent.",
        )),
        range => Ok(range.map(|range| RatingRange {
            min: range.min,
            max: range.max,
        })),
    }
}

fn check_rated(asked: &Terms, start: &StartPosition) -> Result<(), Problem> {
    if asked.controls.white != asked.controls.black {
        return Err(invalid("A rated match has the same control for both."));
    }
    if is_usual(start) {
        Ok(())
    } else {
        Err(invalid(
            "A rated match begins from the initial position of its variant or, in chess960, from one of the 960.",
        ))
    }
}

fn is_usual(start: &StartPosition) -> bool {
    match start.variant() {
        Variant::Chess960 => (0..Terms::START_NUMBERS)
            .any(|number| StartPosition::chess960(number).as_ref() == Some(start)),
        _ => start.is_initial(),
    }
}

fn check_start_at(start_at: UnixMillis, now: UnixMillis) -> Result<(), Problem> {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let earliest = now.0.saturating_sub(millis(START_LATE_MAX));
    let latest = now.0.saturating_add(millis(START_AHEAD_MAX));
    if (earliest..=latest).contains(&start_at.0) {
        Ok(())
    } else {
        Err(invalid(
            "start_at is a time in milliseconds since 1970, within the next 24 hours.",
        ))
    }
}

fn invalid(why: &str) -> Problem {
    Problem::new(Kind::InvalidTerms, why)
}

/// The pool of a ticket: who asks for equal terms is in the same one. `agreed` is what `asked` became.
pub(crate) fn pool(asked: &Terms, agreed: &store::Terms) -> Box<str> {
    let by_chance = asked.start == Start::Usual && asked.variant == Variant::Chess960;
    pool_of(&shown(agreed, by_chance))
}

/// The pool of terms in the form that [`shown`] gives them, which is the same for equal terms.
fn pool_of(terms: &Terms) -> Box<str> {
    let control = terms.controls.white;
    if *terms == Terms::usual(control) {
        return control.to_string().into();
    }
    let text = serde_json::to_vec(terms).expect("terms are JSON");
    let digest = digest(&SHA256, &text);
    format!("{control}.{}", hex(&digest.as_ref()[..DIGEST_LEN])).into()
}

/// Terms in their one form; the start is not told if it was drawn `by_chance`.
fn shown(terms: &store::Terms, by_chance: bool) -> Terms {
    let start = &terms.start;
    let tags = terms.tags.as_deref();
    Terms {
        variant: start.variant(),
        start: if by_chance || start.is_initial() {
            Start::Usual
        } else {
            Start::Fen(start.fen())
        },
        controls: terms.controls,
        clock_start: terms.clock_start,
        start_at: terms.start_at,
        rated: terms.rated,
        spectator_delay_s: terms.spectator_delay_s,
        chat: terms.chat,
        rules: terms.rules,
        tags: tags.map(Into::into).unwrap_or_default(),
    }
}

/// The terms of a ticket or challenge as its player sees them.
///
/// Where a pool leaves the start to chance it is not told: each of the two tickets has drawn one, and the match has
/// that of the ticket it was created from.
pub(crate) fn of_ticket(ticket: &Ticket) -> Terms {
    let unnamed = shown(&ticket.terms, true);
    match &ticket.pool {
        Some(pool) if unnamed.variant == Variant::Chess960 && **pool == *pool_of(&unnamed) => {
            unnamed
        }
        _ => shown(&ticket.terms, false),
    }
}

#[cfg(test)]
mod tests;
