//! Why a player declines a challenge.

use serde::{Deserialize, Serialize};

/// The reason that a player gives for declining a challenge. The names are those of Lichess, without its capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineReason {
    /// None in particular.
    #[default]
    Generic,
    /// Not now.
    Later,
    /// The time control is too fast.
    TooFast,
    /// The time control is too slow.
    TooSlow,
    /// Another time control is wanted.
    TimeControl,
    /// A rated match is wanted.
    Rated,
    /// A casual match is wanted.
    Casual,
    /// Standard chess is wanted.
    Standard,
    /// Another variant is wanted.
    Variant,
    /// No challenges of bots are accepted.
    NoBot,
    /// Challenges of bots alone are accepted.
    OnlyBot,
}

impl DeclineReason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::Generic,
        Self::Later,
        Self::TooFast,
        Self::TooSlow,
        Self::TimeControl,
        Self::Rated,
        Self::Casual,
        Self::Standard,
        Self::Variant,
        Self::NoBot,
        Self::OnlyBot,
    ];

    /// The stable name, as it stands in JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Later => "later",
            Self::TooFast => "too_fast",
            Self::TooSlow => "too_slow",
            Self::TimeControl => "time_control",
            Self::Rated => "rated",
            Self::Casual => "casual",
            Self::Standard => "standard",
            Self::Variant => "variant",
            Self::NoBot => "no_bot",
            Self::OnlyBot => "only_bot",
        }
    }

    /// The reason of a name.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}
