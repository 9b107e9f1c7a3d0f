//! The rules that a match may agree on beside the usual ones.

use std::fmt;

/// Rules that differ from the usual ones, each off unless it is agreed.
///
/// The codes are stable: they are how a rule is written in JSON and stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rules(u16);

/// One rule of [`Rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Rule {
    /// No seat can abort.
    NoAbort = 1,
    /// No move can be taken back.
    NoTakeback = 1 << 1,
    /// No rematch can be offered.
    NoRematch = 1 << 2,
    /// No seat can give its opponent time.
    NoGiveTime = 1 << 3,
    /// No seat can claim the match of an opponent who is gone.
    NoClaimWin = 1 << 4,
    /// No draw by agreement before move 30.
    NoEarlyDraw = 1 << 5,
    /// The match ends by itself at the third repetition and at fifty moves (FIDE 9.2 and 9.3 without a
    /// claim).
    AutoClaim = 1 << 6,
    /// Bots get lag compensation too.
    CompensateBots = 1 << 7,
}

impl Rule {
    /// Every rule, in the order of its bits.
    pub const ALL: [Self; 8] = [
        Self::NoAbort,
        Self::NoTakeback,
        Self::NoRematch,
        Self::NoGiveTime,
        Self::NoClaimWin,
        Self::NoEarlyDraw,
        Self::AutoClaim,
        Self::CompensateBots,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoAbort => "no_abort",
            Self::NoTakeback => "no_takeback",
            Self::NoRematch => "no_rematch",
            Self::NoGiveTime => "no_give_time",
            Self::NoClaimWin => "no_claim_win",
            Self::NoEarlyDraw => "no_early_draw",
            Self::AutoClaim => "auto_claim",
            Self::CompensateBots => "compensate_bots",
        }
    }

    /// The rule of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.code() == code)
    }
}

impl Rules {
    /// The usual rules.
    pub const USUAL: Self = Self(0);

    /// These rules and one more.
    #[must_use]
    pub const fn with(self, rule: Rule) -> Self {
        Self(self.0 | rule as u16)
    }

    /// Whether a rule is agreed.
    #[must_use]
    pub const fn has(self, rule: Rule) -> bool {
        self.0 & rule as u16 != 0
    }

    /// The agreed rules.
    pub fn iter(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.into_iter().filter(move |&rule| self.has(rule))
    }

    /// The rules as bits, in the order of [`Rule::ALL`] from the lowest on.
    #[must_use]
    pub const fn to_bits(self) -> u16 {
        self.0
    }

    /// The rules of bits; `None` if a bit is none of ours: a match must not be played by rules that are
    /// only partly understood.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Option<Self> {
        if bits >> Rule::ALL.len() == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }
}

impl FromIterator<Rule> for Rules {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        rules.into_iter().fold(Self::USUAL, Self::with)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_a_set() {
        let rules = Rules::USUAL.with(Rule::NoAbort).with(Rule::AutoClaim);
        assert_eq!(rules.iter().collect::<Rules>(), rules);
        assert!(rules.has(Rule::AutoClaim) && !rules.has(Rule::NoTakeback));
        assert_eq!(Rules::from_bits(rules.to_bits()), Some(rules));
        assert_eq!(Rules::from_bits(1 << 8), None);
        for rule in Rule::ALL {
            assert_eq!(Rule::from_code(rule.code()), Some(rule));
        }
    }
}
