//! A tournament as FIDE's tournament report file (TRF16), which pairing programs read: columns of fixed width.

use std::fmt::Write as _;

use game_core::{Seat, UnixMillis};

use super::document::{Document, Entrant};
use super::standings::{Card, Results, cards, halves, standings};

/// Columns of a name.
const NAME_LEN: usize = 33;

/// The report. `XXR` and `XXC`, which pairing programs need, are from JaVaFo's extension of the format.
pub(super) fn report(document: &Document, results: &Results) -> String {
    let cards = cards(document, results);
    let mut ranks = vec![0; cards.len()];
    for row in standings(document, results) {
        ranks[usize::from(row.number) - 1] = row.rank;
    }
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line(format!("012 {}", one_line(&document.name)));
    let begins = document.rounds.first().map(|round| date(round.made_at));
    if let Some(begins) = begins {
        line(format!("042 {begins}"));
    }
    line(format!("062 {}", document.players.len()));
    let rated = document.players.iter().filter(|one| one.rating.is_some());
    line(format!("072 {}", rated.count()));
    let control = document.terms.controls.white;
    line(format!("122 {control}"));
    if document.planned > 0 {
        line(format!("XXR {}", document.planned));
    }
    line("XXC white1".to_owned());
    for ((number, entrant), (own, rank)) in (1_u16..)
        .zip(&document.players)
        .zip(cards.iter().zip(&ranks))
    {
        line(player(number, entrant, own, *rank));
    }
    text
}

fn player(number: u16, entrant: &Entrant, cards: &[Card], rank: u16) -> String {
    let name: String = one_line(&entrant.name).chars().take(NAME_LEN).collect();
    let rating = entrant.rating.map(|rating| rating.to_string());
    let rating = rating.unwrap_or_default();
    let points = halves(cards);
    let mut line = format!(
        "001 {number:>4}      {name:<NAME_LEN$} {rating:>4} {:<3} {:>11} {:<10} {:>4} {rank:>4}",
        "",
        "",
        "",
        format!("{}.{}", points / 2, points % 2 * 5),
    );
    for card in cards {
        let seat = match card.seat {
            Some(Seat::White) => 'w',
            Some(Seat::Black) => 'b',
            None => '-',
        };
        let opponent = if card.opponent == 0 {
            "0000".to_owned()
        } else {
            card.opponent.to_string()
        };
        let token = card.token.as_trf();
        let _ = write!(line, "  {opponent:>4} {seat} {token}");
    }
    line
}

/// A text that cannot be taken for a second line.
fn one_line(text: &str) -> String {
    let kept = text
        .chars()
        .map(|one| if one.is_control() { ' ' } else { one });
    kept.collect()
}

/// A day as TRF writes it.
fn date(at: UnixMillis) -> String {
    let mut day = at.rfc3339().replace('-', "/");
    day.truncate("2026/11/27".len());
    day
}

#[cfg(test)]
mod tests {
    use protocol::http::{BoardResult, PairingSystem};

    use super::super::standings::tests::{DRAWN, LOST, WON, tournament};
    use super::*;

    #[test]
    fn a_report_is_as_it_was() {
        let (document, results) = tournament(
            PairingSystem::Free,
            &["Ann", "Bob", "Cid\n001 Dan", "Dän"],
            &[
                &[(1, 3, WON), (4, 2, DRAWN)],
                &[(2, 1, LOST), (3, 0, None)],
                &[(1, 4, None), (2, 3, Some(BoardResult::BlackByForfeit))],
            ],
        );
        let expected = "\
012 Open
042 2027/01/15
062 4
072 4
122 60+1
XXR 3
XXC white1
001    1      Ann                               1900                             2.0    1     3 w 1     2 b 1     4 w
001    2      Bob                               1900                             0.5    3     4 b =     1 w 0     3 w -
001    3      Cid 001 Dan                       1900                             2.0    2     1 b 0  0000 - U     2 b +
001    4      Dän                               1900                             0.5    4     2 w =  0000 - Z     1 b
";
        assert_eq!(report(&document, &results), expected);
    }

    #[test]
    fn columns_are_where_the_format_has_them() {
        let (document, results) = tournament(
            PairingSystem::Free,
            &["A name that is much longer than the columns for it", "Bob"],
            &[&[(1, 2, WON)]],
        );
        let text = report(&document, &results);
        let line: Vec<char> = text
            .lines()
            .find(|line| line.starts_with("001"))
            .unwrap()
            .chars()
            .collect();
        let columns = |from: usize, to: usize| line[from - 1..to].iter().collect::<String>();
        assert_eq!(columns(5, 8), "   1");
        assert_eq!(columns(15, 47), "A name that is much longer than t");
        assert_eq!(columns(49, 52), "1900");
        assert_eq!(columns(81, 84), " 1.0");
        assert_eq!(columns(86, 89), "   1");
        assert_eq!(columns(92, 99), "   2 w 1");
    }
}
