//! A board as SVG.

use std::fmt::Write as _;

/// The shapes of the pieces, each a `symbol` such as `white-king` of 45 by 45.
pub(crate) const PIECES: &str = include_str!("page/pieces.svg");

/// Side of a square, in pixels.
const SIDE: u32 = 45;

/// The position of a FEN, seen from White, with the squares of the last move (in UCI) marked. Text that
/// is not FEN gives an empty board.
pub(crate) fn board(fen: &str, last_move: Option<&str>) -> String {
    let side = 8 * SIDE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\">\
         <title>{}</title>",
        escaped(fen)
    );
    svg.push_str(
        PIECES
            .trim_end()
            .trim_start_matches(HEAD)
            .trim_end_matches("</svg>"),
    );
    let marked: Vec<(u32, u32)> = last_move.map_or_else(Vec::new, |uci| {
        let squares = [uci.get(0..2), uci.get(2..4)];
        squares.into_iter().flatten().filter_map(square).collect()
    });
    for row in 0..8 {
        for file in 0..8 {
            let fill = match (marked.contains(&(file, row)), (row + file) % 2) {
                (false, 0) => "#f0d9b5",
                (false, _) => "#b58863",
                (true, 0) => "#cdd26a",
                (true, _) => "#aaa23a",
            };
            let (x, y) = (file * SIDE, row * SIDE);
            // Writing to a string does not fail.
            let _ = write!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"{fill}\"/>"
            );
        }
    }
    let placement = fen.split(' ').next().unwrap_or_default();
    for (rank, row) in placement.split('/').take(8).zip(0_u32..) {
        let mut file = 0;
        // The pockets of Crazyhouse follow the last rank.
        for letter in rank.chars().take_while(|letter| *letter != '[') {
            if let Some(skip) = letter.to_digit(9) {
                file += skip;
            } else if let Some(piece) = piece(letter).filter(|_| file < 8) {
                let (x, y) = (file * SIDE, row * SIDE);
                let _ = write!(
                    svg,
                    "<use href=\"#{piece}\" x=\"{x}\" y=\"{y}\" width=\"{SIDE}\" height=\"{SIDE}\"/>"
                );
                file += 1;
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Beginning of the file of pieces.
const HEAD: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" aria-hidden=\"true\">";

/// File and row from the top, of a square such as `e4`.
fn square(name: &str) -> Option<(u32, u32)> {
    let mut letters = name.chars();
    let file = u32::from(letters.next()?).checked_sub(u32::from('a'))?;
    let rank = letters.next()?.to_digit(9)?;
    (file < 8 && rank >= 1).then(|| (file, 8 - rank))
}

fn piece(letter: char) -> Option<&'static str> {
    Some(match letter {
        'K' => "white-king",
        'Q' => "white-queen",
        'R' => "white-rook",
        'B' => "white-bishop",
        'N' => "white-knight",
        'P' => "white-pawn",
        'k' => "black-king",
        'q' => "black-queen",
        'r' => "black-rook",
        'b' => "black-bishop",
        'n' => "black-knight",
        'p' => "black-pawn",
        _ => return None,
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1";

    #[test]
    fn every_piece_is_drawn_where_it_stands() {
        let svg = board(START, Some("e2e4"));
        assert_eq!(svg.matches("<use ").count(), 32);
        assert_eq!(svg.matches("<svg").count(), 1);
        assert_eq!(svg.matches("</svg>").count(), 1);
        assert_eq!(svg.matches("<rect").count(), 64);
        assert!(svg.contains("<use href=\"#white-pawn\" x=\"180\" y=\"180\""));
        assert_eq!(
            svg.matches("#cdd26a").count() + svg.matches("#aaa23a").count(),
            2
        );
        for letter in "KQRBNPkqrbnp".chars() {
            let id = format!("id=\"{}\"", piece(letter).unwrap());
            assert!(svg.contains(&id), "{id}");
        }
    }

    #[test]
    fn pieces_in_pockets_and_the_marks_of_promoted_ones_are_not_on_the_board() {
        let fen = "r~nbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKB1R[Nqp] w KQkq - 0 1";
        let svg = board(fen, Some("N@f3"));
        assert_eq!(svg.matches("<use ").count(), 31);
        assert!(svg.contains("<use href=\"#black-knight\" x=\"45\" y=\"0\""));
        let marked = svg.matches("#cdd26a").count() + svg.matches("#aaa23a").count();
        assert_eq!(marked, 1, "f3 alone is marked");
    }

    #[test]
    fn what_is_no_position_is_an_empty_board() {
        for fen in ["", "<script>", "9/9/9/9/9/9/9/9/9", "kkkkkkkkkkkkkkkkkkkk"] {
            let svg = board(fen, Some("é2"));
            assert!(svg.matches("<use ").count() <= 8, "{fen}");
            assert!(!svg.contains("<script>"));
        }
    }
}
