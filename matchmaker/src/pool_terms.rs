//! The pools that an operator offers.

use std::fmt;
use std::str::FromStr;

use game_core::{TimeControl, UnixMillis, Variant};
use protocol::http::Terms;
use shard_core::MatchKind;

use crate::terms;

/// The terms of a pool in the lobby: usual ones, but for control, variant and whether they are rated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolTerms(MatchKind);

/// A text that names no pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no pool{why}; a pool is MINUTES+SECONDS, then a variant unless it is standard chess, then \"rated\" if it \
     is: 3+2, \"5+0 rated\", \"3+2 crazyhouse\""
)]
pub struct InvalidPool {
    text: String,
    /// Empty, or a colon and the fault.
    why: String,
}

impl PoolTerms {
    /// The pools that are offered unless the operator names others, in minutes and seconds.
    pub(crate) const DEFAULT: [(u64, u64); 6] =
        [(1, 0), (3, 2), (5, 0), (10, 0), (15, 10), (30, 0)];

    /// Standard chess, not rated.
    pub(crate) const fn casual(control: TimeControl) -> Self {
        Self(MatchKind {
            variant: Variant::Standard,
            control,
            rated: false,
        })
    }

    /// What live matches on these terms are counted by.
    pub(crate) const fn kind(self) -> MatchKind {
        self.0
    }

    /// The name of the pool of tickets on these terms.
    pub(crate) fn pool(self) -> Option<Box<str>> {
        let MatchKind {
            variant,
            control,
            rated,
        } = self.0;
        let asked = Terms {
            variant,
            rated,
            ..Terms::usual(control)
        };
        // Usual terms have no time that could be past.
        let agreed = terms::agree(&asked, UnixMillis(0)).ok()?;
        Some(terms::pool(&asked, &agreed))
    }
}

impl FromStr for PoolTerms {
    type Err = InvalidPool;

    fn from_str(text: &str) -> Result<Self, InvalidPool> {
        let invalid = |why: String| InvalidPool {
            text: text.to_owned(),
            why,
        };
        let mut words = text.split_whitespace();
        let control = words.next().unwrap_or_default();
        let control =
            TimeControl::from_spoken(control).map_err(|error| invalid(format!(": {error}")))?;
        let mut pool = Self::casual(control);
        let mut word = words.next();
        if let Some(variant) = word.and_then(|word| word.parse().ok()) {
            pool.0.variant = variant;
            word = words.next();
        }
        if word == Some("rated") {
            pool.0.rated = true;
            word = words.next();
        }
        match word {
            None => Ok(pool),
            Some(odd) => Err(invalid(format!(
                ": {odd:?} is neither a variant nor \"rated\""
            ))),
        }
    }
}

impl fmt::Display for PoolTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MatchKind {
            variant,
            control,
            rated,
        } = self.0;
        f.write_str(&control.spoken())?;
        if variant != Variant::Standard {
            write!(f, " {variant}")?;
        }
        f.write_str(if rated { " rated" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_comes_back_as_it_is_written() {
        for (text, expected) in [
            ("3+2", "3+2"),
            (" 0.5+0  rated", "30s+0 rated"),
            ("5+0 standard", "5+0"),
            ("3+2 crazyhouse", "3+2 crazyhouse"),
            ("10+0d2 chess960 rated", "10+0d2 chess960 rated"),
        ] {
            let pool: PoolTerms = text.parse().unwrap();
            assert_eq!(pool.to_string(), expected);
            assert_eq!(expected.parse(), Ok(pool));
        }
    }

    #[test]
    fn what_is_no_pool_is_refused_with_the_form_of_one() {
        for (text, expected) in [
            ("", "MINUTES+SECONDS"),
            ("blitz", "MINUTES+SECONDS"),
            ("300+3", "300"),
            ("3+2 chess", "\"chess\" is neither a variant nor \"rated\""),
            ("3+2 rated crazyhouse", "\"crazyhouse\" is neither"),
            ("3+2 rated rated", "\"rated\" is neither"),
        ] {
            let error = text.parse::<PoolTerms>().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains("\"5+0 rated\""), "{error}");
        }
    }

    #[test]
    fn its_name_is_that_of_tickets_on_the_same_terms() {
        let pool = |text: &str| text.parse::<PoolTerms>().unwrap().pool().unwrap();
        assert_eq!(&*pool("3+2"), "180+2");
        let rated = pool("3+2 rated");
        assert!(rated.starts_with("180+2."), "{rated}");
        assert_ne!(pool("3+2 horde"), rated);
        assert_eq!(
            pool("3+2 chess960"),
            pool("3+2 chess960"),
            "the start is left to chance"
        );
    }
}
