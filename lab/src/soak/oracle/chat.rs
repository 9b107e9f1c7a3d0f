//! Whether lines of chat are kept: what was confirmed, a later joiner of that room hears.

use client::MatchView;
use protocol::{CHAT_KEPT_MAX, ChatLine};

use super::{Breach, Promise};

/// Lines that one client may say in one match: all of a room's clients together say fewer than are kept.
pub(in crate::soak) const LINES_MAX: u32 = 6;

/// Whether a client that has just joined a room may have heard what it heard. `confirmed` are the lines that each
/// client of that room said and was told are said, in its order.
///
/// # Errors
///
/// [`Breach`] for a line that is missing, repeated, in another order or of the other room.
pub(in crate::soak) fn check_chat(
    heard: &[ChatLine],
    is_of_seats: bool,
    confirmed: &[Vec<String>],
) -> Result<(), Breach> {
    let breach = |got: String| Breach {
        promise: Promise::ChatKept,
        expected: "every confirmed line is heard once, in its order and its room".to_owned(),
        got,
    };
    if heard.len() > CHAT_KEPT_MAX {
        return Err(breach(format!("{} lines at a joining", heard.len())));
    }
    if let Some(line) = heard.iter().find(|line| line.seat.is_some() != is_of_seats) {
        return Err(breach(format!("a line of the other room: {line:?}")));
    }
    for (index, line) in heard.iter().enumerate() {
        if heard[..index].iter().any(|other| other.text == line.text) {
            return Err(breach(format!("{:?} comes twice", line.text)));
        }
    }
    for lines in confirmed {
        let mut rest = heard.iter();
        let mut missing = lines.iter();
        if let Some(line) = missing.find(|line| !rest.any(|heard| heard.text == **line)) {
            let texts: Vec<&str> = heard.iter().map(|line| line.text.as_str()).collect();
            return Err(breach(format!("{line:?} is not in its place in {texts:?}")));
        }
    }
    Ok(())
}

/// Whether everything is there that is confirmed.
pub(in crate::soak) fn has_all(view: &MatchView, confirmed: &[Vec<String>]) -> bool {
    let has = |line: &String| view.chat().iter().any(|heard| heard.text == *line);
    confirmed.iter().flatten().all(has)
}

#[cfg(test)]
mod tests {
    use game_core::{Seat, UnixMillis};

    use super::*;

    fn line(seat: Option<Seat>, text: &str) -> ChatLine {
        ChatLine {
            seat,
            name: "ann".to_owned(),
            text: text.to_owned(),
            at: UnixMillis(1),
        }
    }

    fn is_kept(heard: &[&str], confirmed: &[&[&str]]) -> bool {
        let heard: Vec<ChatLine> = heard
            .iter()
            .map(|text| line(Some(Seat::White), text))
            .collect();
        let owned = |lines: &&[&str]| lines.iter().map(|&line| line.to_owned()).collect();
        let confirmed: Vec<Vec<String>> = confirmed.iter().map(owned).collect();
        match check_chat(&heard, true, &confirmed) {
            Ok(()) => true,
            Err(breach) => {
                assert_eq!(breach.promise, Promise::ChatKept);
                false
            }
        }
    }

    #[test]
    fn confirmed_lines_are_heard_once_and_in_order() {
        assert!(is_kept(&["a", "x", "b"], &[&["a", "b"], &["x"]]));
        // What was said and not confirmed may be heard.
        assert!(is_kept(&["a", "b"], &[&["a"]]));
        assert!(!is_kept(&["a"], &[&["a", "b"]]), "one is lost");
        assert!(!is_kept(&["b", "a"], &[&["a", "b"]]), "another order");
        assert!(!is_kept(&["a", "a"], &[&["a"]]), "twice");
    }

    #[test]
    fn rooms_do_not_hear_each_other_and_keep_so_many() {
        let seats = [line(Some(Seat::Black), "a")];
        assert!(check_chat(&seats, true, &[]).is_ok());
        assert!(check_chat(&seats, false, &[]).is_err());
        let spectators = [line(None, "a")];
        assert!(check_chat(&spectators, false, &[]).is_ok());
        assert!(check_chat(&spectators, true, &[]).is_err());
        let many: Vec<ChatLine> = (0..=CHAT_KEPT_MAX)
            .map(|number| line(None, &number.to_string()))
            .collect();
        assert!(check_chat(&many, false, &[]).is_err());
        assert!(check_chat(&many[1..], false, &[]).is_ok());
    }
}
