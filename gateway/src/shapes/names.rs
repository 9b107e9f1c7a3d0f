//! The words of this API for variants, speeds, results and reasons.

use game_core::{DeclineReason, Outcome, Position, Speed, Termination, TimeControl, Variant};
use serde_json::{Value, json};

/// The rules of a game, as this API tells them apart: standard chess from another position is a variant of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) variant: Variant,
    /// Standard chess from a position that is not the initial one.
    pub(crate) is_from_position: bool,
}

/// The key of standard chess from another position.
pub(crate) const FROM_POSITION: &str = "fromPosition";

impl Rules {
    /// The rules of a game that begins at `start`, or at the initial position of the variant.
    pub(crate) fn new(variant: Variant, start: Option<&str>) -> Self {
        let is_other = start.is_some_and(|fen| fen != Position::initial(variant).fen());
        Self {
            variant,
            is_from_position: variant == Variant::Standard && is_other,
        }
    }

    /// Whether clients have to be told where the game begins.
    pub(crate) fn has_start(self) -> bool {
        self.is_from_position || self.variant == Variant::Chess960
    }

    pub(crate) const fn key(self) -> &'static str {
        if self.is_from_position {
            FROM_POSITION
        } else {
            self.variant.code()
        }
    }

    pub(crate) fn json(self) -> Value {
        let (name, short) = self.names();
        json!({"key": self.key(), "name": name, "short": short})
    }

    /// The name decides the board of clients.
    const fn names(self) -> (&'static str, &'static str) {
        if self.is_from_position {
            return ("From Position", "FEN");
        }
        match self.variant {
            Variant::Standard => ("Standard", "Std"),
            Variant::Chess960 => ("Chess960", "960"),
            Variant::Crazyhouse => ("Crazyhouse", "Crazy"),
            Variant::Antichess => ("Antichess", "Anti"),
            Variant::Atomic => ("Atomic", "Atom"),
            Variant::KingOfTheHill => ("King of the Hill", "KotH"),
            Variant::RacingKings => ("Racing Kings", "Racing"),
            Variant::ThreeCheck => ("Three-check", "3check"),
            Variant::Horde => ("Horde", "Horde"),
        }
    }

    /// The key of the rating that the game is about: the speed or, in a variant, the variant.
    pub(crate) const fn perf(self, speed: Speed) -> &'static str {
        match self.variant {
            Variant::Standard => speed_key(speed),
            variant => variant.code(),
        }
    }

    /// The same as people read it.
    pub(crate) const fn perf_name(self, speed: Speed) -> &'static str {
        match self.variant {
            Variant::Standard => match speed {
                Speed::UltraBullet => "UltraBullet",
                Speed::Bullet => "Bullet",
                Speed::Blitz => "Blitz",
                Speed::Rapid => "Rapid",
                Speed::Classical => "Classical",
            },
            _ => self.names().0,
        }
    }
}

/// The key of a speed.
pub(crate) const fn speed_key(speed: Speed) -> &'static str {
    match speed {
        // The one that is not all lower case.
        Speed::UltraBullet => "ultraBullet",
        speed => speed.code(),
    }
}

/// The key of a rating category, `standard-blitz` or `chess960-rapid`; `None` if it is none of this API.
pub(crate) fn perf_of_category(category: &str) -> Option<(Variant, Speed)> {
    let (variant, speed) = category.rsplit_once('-')?;
    let speed = Speed::ALL.into_iter().find(|known| known.code() == speed)?;
    Some((variant.parse().ok()?, speed))
}

/// A time control as people read it.
pub(crate) fn control_text(control: TimeControl) -> String {
    let minutes = match control.initial().as_secs() {
        15 => "¼".to_owned(),
        30 => "½".to_owned(),
        45 => "¾".to_owned(),
        seconds if seconds % 60 == 0 => (seconds / 60).to_string(),
        seconds => {
            let text = format!("{:.2}", seconds as f64 / 60.0);
            text.trim_end_matches('0').to_owned()
        }
    };
    format!("{minutes}+{}", control.increment().as_secs())
}

/// The number and name of a status.
pub(crate) type Status = (u8, &'static str);

/// The status of a game in play.
pub(crate) const STARTED: Status = (20, "started");

/// The status of a game, with its result if it has one.
pub(crate) const fn status(result: Option<(Outcome, Termination)>) -> Status {
    let Some((_, termination)) = result else {
        return STARTED;
    };
    match termination {
        Termination::Checkmate => (30, "mate"),
        Termination::Resignation => (31, "resign"),
        Termination::Stalemate => (32, "stalemate"),
        Termination::Abandoned => (33, "timeout"),
        Termination::DrawAgreement
        | Termination::DeadPosition
        | Termination::FivefoldRepetition
        | Termination::SeventyFiveMoves
        | Termination::ThreefoldRepetition
        | Termination::FiftyMoves
        | Termination::MaxLength => (34, "draw"),
        Termination::TimeForfeit => (35, "outoftime"),
        Termination::Aborted => (25, "aborted"),
        Termination::WhiteNoStart | Termination::BlackNoStart => (37, "noStart"),
        Termination::VariantEnd => (60, "variantEnd"),
        Termination::Adjudicated => (38, "unknownFinish"),
    }
}

/// The key of a reason to decline, and what the challenger reads.
pub(crate) const fn declined(reason: DeclineReason) -> (&'static str, &'static str) {
    match reason {
        DeclineReason::Generic => ("generic", "The challenge was declined."),
        DeclineReason::Later => ("later", "Not now: ask again later."),
        DeclineReason::TooFast => (
            "toofast",
            "This is too fast: challenge again with more time.",
        ),
        DeclineReason::TooSlow => (
            "tooslow",
            "This is too slow: challenge again with less time.",
        ),
        DeclineReason::TimeControl => ("timecontrol", "No challenges with this time control."),
        DeclineReason::Rated => ("rated", "Rated challenges only."),
        DeclineReason::Casual => ("casual", "Casual challenges only."),
        DeclineReason::Standard => ("standard", "Standard chess only."),
        DeclineReason::Variant => ("variant", "Another variant only."),
        DeclineReason::NoBot => ("nobot", "No challenges of bots."),
        DeclineReason::OnlyBot => ("onlybot", "Challenges of bots only."),
    }
}

/// The reason of a key, whatever its capitals.
pub(crate) fn decline_reason(key: &str) -> DeclineReason {
    let is_it = |reason: &DeclineReason| declined(*reason).0.eq_ignore_ascii_case(key);
    let found = DeclineReason::ALL.into_iter().find(is_it);
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_chess_from_another_position_has_a_name_of_its_own() {
        let initial = Position::initial(Variant::Standard).fen();
        let other = "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1";
        for (variant, start, key) in [
            (Variant::Standard, None, "standard"),
            (Variant::Standard, Some(initial.as_str()), "standard"),
            (Variant::Standard, Some(other), "fromPosition"),
            (Variant::Chess960, Some(other), "chess960"),
            (Variant::KingOfTheHill, None, "kingOfTheHill"),
        ] {
            assert_eq!(Rules::new(variant, start).key(), key);
        }
        let rules = Rules::new(Variant::Standard, Some(other));
        assert_eq!(rules.json()["name"], "From Position");
        assert_eq!(rules.perf(Speed::UltraBullet), "ultraBullet");
        assert_eq!(
            Rules::new(Variant::Atomic, None).perf(Speed::Blitz),
            "atomic"
        );
    }

    #[test]
    fn every_result_has_the_number_that_clients_know() {
        let result = |termination| status(Some((Outcome::Draw, termination)));
        assert_eq!(status(None), (20, "started"));
        assert_eq!(result(Termination::Checkmate), (30, "mate"));
        assert_eq!(result(Termination::ThreefoldRepetition), (34, "draw"));
        assert_eq!(result(Termination::TimeForfeit), (35, "outoftime"));
        assert_eq!(result(Termination::Aborted), (25, "aborted"));
    }

    #[test]
    fn reasons_are_known_by_their_keys_in_any_case() {
        for reason in DeclineReason::ALL {
            assert_eq!(decline_reason(declined(reason).0), reason);
        }
        assert_eq!(decline_reason("tooFast"), DeclineReason::TooFast);
        assert_eq!(decline_reason("nonsense"), DeclineReason::Generic);
    }

    #[test]
    fn controls_and_categories_are_read_as_people_write_them() {
        let text = |initial_ms, increment_ms| {
            control_text(TimeControl::from_millis(initial_ms, increment_ms).unwrap())
        };
        assert_eq!(text(300_000, 3_000), "5+3");
        assert_eq!(text(30_000, 0), "½+0");
        assert_eq!(text(90_000, 1_000), "1.5+1");
        let category = perf_of_category("standard-ultrabullet");
        assert_eq!(category, Some((Variant::Standard, Speed::UltraBullet)));
        assert_eq!(perf_of_category("nonsense"), None);
    }
}
