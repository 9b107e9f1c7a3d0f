//! What the terminal of this process can show, as its environment says.

use std::ffi::OsStr;
use std::io::IsTerminal;

use crate::board::{PieceSet, TextStyle};

/// Whether stdout is a terminal on which the cursor can be moved. One that calls itself `dumb` can only
/// print lines.
#[must_use]
pub fn has_screen() -> bool {
    std::io::stdout().is_terminal() && can_draw(std::env::var_os("TERM").as_deref())
}

/// How boards are drawn on stdout; `ascii` asks for letters. Without colours letters tell the sides
/// apart, as many fonts hardly do that for chess symbols.
#[must_use]
pub fn style(ascii: bool) -> TextStyle {
    let no_color = std::env::var_os("NO_COLOR");
    style_for(ascii, has_screen(), no_color.as_deref())
}

fn can_draw(term: Option<&OsStr>) -> bool {
    term != Some(OsStr::new("dumb"))
}

/// `NO_COLOR` counts when it is set and not empty (no-color.org).
fn style_for(ascii: bool, has_screen: bool, no_color: Option<&OsStr>) -> TextStyle {
    let declined = no_color.is_some_and(|value| !value.is_empty());
    TextStyle {
        pieces: if ascii || declined {
            PieceSet::Ascii
        } else {
            PieceSet::Unicode
        },
        colors: has_screen && !declined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_means_letters_and_no_escape_sequences() {
        let style = |no_color: Option<&str>| style_for(false, true, no_color.map(OsStr::new));
        let plain = TextStyle {
            pieces: PieceSet::Ascii,
            colors: false,
        };
        assert_eq!(style(Some("1")), plain);
        for no_color in [None, Some("")] {
            assert_ne!(style(no_color), plain);
            assert!(style(no_color).colors);
        }
        assert!(!style_for(false, false, None).colors);
    }

    #[test]
    fn a_dumb_terminal_is_not_drawn_on() {
        assert!(!can_draw(Some(OsStr::new("dumb"))));
        assert!(can_draw(Some(OsStr::new("xterm-256color"))));
        assert!(can_draw(None));
    }
}
