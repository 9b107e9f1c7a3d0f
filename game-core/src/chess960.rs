//! The 960 start positions of Chess960 by their numbers.

use crate::Role;

/// How many start positions there are.
pub(crate) const START_POSITIONS: u16 = 960;

/// The files of both knights among the five squares that bishops and queen leave, by the last step of
/// the numbering.
const KNIGHTS: [(usize, usize); 10] = [
    (0, 1),
    (0, 2),
    (0, 3),
    (0, 4),
    (1, 2),
    (1, 3),
    (1, 4),
    (2, 3),
    (2, 4),
    (3, 4),
];

/// The FEN of the start position with this number in Reinhard Scharnagl's numbering, in which 518 is
/// the usual one; `None` from 960 on.
pub(crate) fn fen(number: u16) -> Option<String> {
    let letters: String = back_rank(number)?
        .iter()
        .map(|role| role.letter())
        .collect();
    let white = letters.to_ascii_uppercase();
    Some(format!(
        "{letters}/pppppppp/8/8/8/8/PPPPPPPP/{white} w KQkq - 0 1"
    ))
}

/// The pieces of the first rank from the `a` file on.
fn back_rank(number: u16) -> Option<[Role; 8]> {
    if number >= START_POSITIONS {
        return None;
    }
    let mut rest = usize::from(number);
    let mut step = |choices: usize| {
        let chosen = rest % choices;
        rest /= choices;
        chosen
    };
    let mut rank = [None; 8];
    // A bishop on b, d, f or h, then one on a, c, e or g.
    rank[2 * step(4) + 1] = Some(Role::Bishop);
    rank[2 * step(4)] = Some(Role::Bishop);
    put(&mut rank, step(6), Role::Queen);
    let (first, second) = KNIGHTS[step(10)];
    // The later one first, which leaves the count of free squares before it.
    put(&mut rank, second, Role::Knight);
    put(&mut rank, first, Role::Knight);
    // The king stands between the rooks on what is left.
    for role in [Role::Rook, Role::King, Role::Rook] {
        put(&mut rank, 0, role);
    }
    Some(rank.map(|role| role.unwrap_or(Role::King)))
}

/// Puts a piece on the free square with `index` free ones before it.
fn put(rank: &mut [Option<Role>; 8], index: usize, role: Role) {
    let mut free = rank.iter_mut().filter(|place| place.is_none());
    if let Some(place) = free.nth(index) {
        *place = Some(role);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Numbers and positions from Scharnagl's published table.
    #[test]
    fn positions_have_the_numbers_that_scharnagl_gave_them() {
        for (number, white) in [
            (0, "BBQNNRKR"),
            (1, "BQNBNRKR"),
            (518, "RNBQKBNR"),
            (534, "RNBKQBNR"),
            (959, "RKRNNQBB"),
        ] {
            let fen = fen(number).unwrap();
            let placed = fen.split([' ', '/']).nth(7);
            assert_eq!(placed, Some(white), "{number}");
        }
        assert_eq!(fen(960), None);
    }

    /// FIDE guideline II.2: bishops on squares of different colours, the king between the rooks.
    #[test]
    fn all_960_positions_are_distinct_and_as_the_guideline_asks() {
        let ranks: Vec<[Role; 8]> = (0..START_POSITIONS)
            .map(|number| back_rank(number).unwrap())
            .collect();
        for rank in &ranks {
            let files = |role: Role| -> Vec<usize> {
                let holds = |file: &usize| rank[*file] == role;
                (0..8).filter(holds).collect()
            };
            let counts = Role::ALL.map(|role| files(role).len());
            assert_eq!(counts, [0, 2, 2, 2, 1, 1], "{rank:?}");
            let (bishops, rooks, king) =
                (files(Role::Bishop), files(Role::Rook), files(Role::King)[0]);
            assert_eq!((bishops[0] + bishops[1]) % 2, 1, "{rank:?}");
            assert!(rooks[0] < king && king < rooks[1], "{rank:?}");
        }
        assert_eq!(ranks.iter().collect::<HashSet<_>>().len(), 960);
    }
}
