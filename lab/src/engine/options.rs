//! What a UCI program says of the variants that it plays.

use game_core::Variant;

/// The options of a program that are about variants, as it has listed them after `uci`.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    /// It has `UCI_Chess960`.
    has_chess960: bool,
    /// The values of its `UCI_Variant`; none if it has no such option.
    variants: Vec<String>,
}

impl Options {
    /// A program does not list more variants, which bounds what is kept of its answer.
    const VARIANTS_MAX: usize = 1_000;

    /// Takes in a line of the program, which may be an option.
    pub(super) fn note(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        if words.next() != Some("option") || words.next() != Some("name") {
            return;
        }
        match words.next() {
            Some("UCI_Chess960") => self.has_chess960 = true,
            Some("UCI_Variant") => {
                while let Some(word) = words.next() {
                    let is_room = self.variants.len() < Self::VARIANTS_MAX;
                    if word == "var" && is_room {
                        self.variants.extend(words.next().map(str::to_owned));
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether the program can be told to play a variant.
    pub(super) fn plays(&self, variant: Variant) -> bool {
        match variant {
            Variant::Standard => true,
            Variant::Chess960 => self.has_chess960,
            _ => self.variants.iter().any(|known| known == variant.uci()),
        }
    }

    /// What tells the program to play a variant that it knows.
    pub(super) fn commands(&self, variant: Variant) -> Vec<String> {
        let mut commands = Vec::new();
        if !self.variants.is_empty() {
            let name = variant.uci();
            commands.push(format!("setoption name UCI_Variant value {name}"));
        }
        if self.has_chess960 {
            let is_chess960 = variant == Variant::Chess960;
            commands.push(format!("setoption name UCI_Chess960 value {is_chess960}"));
        }
        commands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_plays_what_its_options_say() {
        let mut options = Options::default();
        assert!(options.plays(Variant::Standard));
        assert!(!options.plays(Variant::Chess960) && !options.plays(Variant::Horde));
        // As Stockfish and Fairy-Stockfish list them.
        options.note("option name UCI_Chess960 type check default false");
        assert!(options.plays(Variant::Chess960) && !options.plays(Variant::Atomic));
        assert_eq!(
            options.commands(Variant::Chess960),
            ["setoption name UCI_Chess960 value true"]
        );
        options.note(
            "option name UCI_Variant type combo default chess var 3check var atomic var chess",
        );
        assert!(options.plays(Variant::ThreeCheck) && !options.plays(Variant::Horde));
        assert_eq!(
            options.commands(Variant::ThreeCheck),
            [
                "setoption name UCI_Variant value 3check",
                "setoption name UCI_Chess960 value false"
            ]
        );
    }
}
