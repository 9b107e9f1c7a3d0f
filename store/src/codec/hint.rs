//! A hint as it is published: words, on the channel of beats. No beat begins like it, so that programs which know only
//! beats skip it.

use game_core::MatchId;

use crate::presence::{HINT_PLAYERS_MAX, Hint};

/// What each hint begins with, with the version of what follows.
const MARK: &str = "hint1";

/// The message of a hint. Of more players than a hint has room for, the last are left out.
pub(crate) fn encode_hint(hint: &Hint) -> Vec<u8> {
    let mut text = format!("{MARK} {}", hint.about);
    for player in hint.players.iter().take(HINT_PLAYERS_MAX) {
        text.push(' ');
        text.push_str(player.as_str());
    }
    text.into_bytes()
}

/// The hint of a message; `None` if it is none, or one of a newer version.
pub(crate) fn decode_hint(message: &[u8]) -> Option<Hint> {
    let text = std::str::from_utf8(message).ok()?;
    let mut words = text.split(' ');
    if words.next() != Some(MARK) {
        return None;
    }
    let about: MatchId = words.next()?.parse().ok()?;
    let players = words.map(|word| word.parse().ok());
    let players: Vec<_> = players.collect::<Option<_>>()?;
    (players.len() <= HINT_PLAYERS_MAX).then_some(Hint { about, players })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decode_beat;

    #[test]
    fn a_hint_is_words_and_no_beat() {
        let hint = Hint {
            about: MatchId::from_random(7),
            players: vec!["ann".parse().unwrap(), "b@b|1".parse().unwrap()],
        };
        let message = encode_hint(&hint);
        assert_eq!(
            message,
            format!("hint1 {} ann b@b|1", hint.about).as_bytes()
        );
        assert_eq!(decode_hint(&message), Some(hint));
        assert!(decode_beat(&message).is_err());
        for odd in [
            &b""[..],
            b"hint1",
            b"hint1 x ann",
            b"hint2 000000000000 ann",
            b"hint1 000000000000 a/b",
            b"hint1 000000000000 ",
            b"hint1 000000000000 a b c d e f g h i",
            b"\xff\xfe",
        ] {
            assert_eq!(decode_hint(odd), None, "{odd:?}");
        }
        let nobody = decode_hint(b"hint1 000000000000").unwrap();
        assert_eq!(nobody.players, []);
    }
}
