//! What stands between tags and results: tokens, and all that is no part of a game.

use super::*;

fn read_text(pgn: &str) -> Vec<Record> {
    read(pgn.as_bytes()).unwrap()
}

/// The only record of a text: its tokens, and its flaw.
fn one(pgn: &str) -> (Vec<String>, Option<Note>) {
    let mut records = read_text(pgn);
    assert_eq!(records.len(), 1, "{records:?}");
    let record = records.remove(0);
    let tokens = record.tokens.into_iter().map(|token| token.text);
    (tokens.collect(), record.flaw)
}

fn note(line: usize, what: &str) -> Note {
    let what = what.to_owned();
    Note { line, what }
}

/// PGN standard 3.2.1 and 8.2: the import format has white space wherever it likes, escaped lines,
/// comments of both kinds, variations and glyphs.
#[test]
fn what_the_import_format_allows_is_read_over() {
    for movetext in [
        "1. e4 e5 2. Nf3 1-0",
        "1.e4 e5 2.Nf3 1-0",
        "1 e4 e5 2 Nf3 1-0",
        "e4 e5 Nf3 1-0",
        "1. e4\n\n\n1... e5\n\n2. Nf3\n\n1-0",
        "1. e4 1… e5 2.\tNf3 1-0",
        "1. e4 {a comment ( ; } e5 ; another { comment\n2. Nf3 1-0",
        "{before} 1. e4 {over\n\nlines [FEN \"x\"]} e5 2. Nf3 1-0",
        "1. e4 (1. d4 d5 (1... Nf6 {deep )} 2. c4) 1/2-1/2) e5 2. Nf3 1-0",
        "1. e4 $1 e5$2 2. Nf3 $13 1-0",
        "1. e4 ! e5 ?! 2. Nf3 += 1-0",
        "1. e4\n% an escaped line ) } Nc6\ne5 2. Nf3 1-0",
        "1. e4 e5\r2. Nf3\r1-0",
        "1. e4 e5 2. Nf3 1-0 1-0",
        "1. e4 e5 2. Nf3 1-0 {the end} ; indeed",
        "1. e4 e5 2. Nf3 1-0\n\nThis is no part of any game.\n",
        "Played in the rain.\n\n1. e4 e5 2. Nf3 1-0",
    ] {
        let pgn = format!("[Event \"x\"]\n\n{movetext}\n");
        let (tokens, flaw) = one(&pgn);
        assert_eq!(flaw, None, "{movetext}");
        assert_eq!(tokens, ["e4", "e5", "Nf3"], "{movetext}");
    }
}

#[test]
fn what_is_no_part_of_a_game_is_remarked() {
    let records = read_text(
        "Some games:\n[Event \"x\"]\nby some people\n[Site \"y\"]\n\n1. e4 1-0\nend of it\n",
    );
    assert_eq!(records.len(), 1);
    let lines: Vec<_> = records[0].remarks.iter().map(|note| note.line).collect();
    assert_eq!(lines, [1, 3, 7]);
    assert_eq!(records[0].tags.len(), 2);
}

#[test]
fn tags_are_read_with_what_should_have_been_escaped() {
    for (line, value) in [
        (r#"[Annotator "J. X"]"#, "J. X"),
        (r#"[Annotator "J. "X" Y"]"#, r#"J. "X" Y"#),
        (r#"[Annotator "J. \"X\" Y"]"#, r#"J. "X" Y"#),
        (r#"[Annotator "C:\X\"]"#, r"C:\X\"),
        (r#"[Annotator "a\\b"]"#, r"a\b"),
        (r#"  [ Annotator  "J. X" ]"#, "J. X"),
        (r#"[Annotator ""]"#, ""),
        (r#"[Annotator "[x]"] [Other "y"]"#, "[x]"),
        (r#"[Annotator "J. X"] 1. e4"#, "J. X"),
    ] {
        let pgn = format!("[Event \"x\"]\n{line}\n[ECO \"C44\"]\n\n1. e4 1-0\n");
        let record = read_text(&pgn).remove(0);
        let tag = |name| record.tag(name).map(|tag| tag.value.as_str());
        assert_eq!(tag("Annotator"), Some(value), "{line}");
        if !line.contains("e4") {
            assert_eq!(tag("ECO"), Some("C44"), "{line}");
            assert_eq!(record.flaw, None, "{line}");
        }
    }
    let names = read("[White \"M\u{fc}ller\"]\n\n1-0\n".as_bytes()).unwrap();
    let latin = read(&b"[White \"M\xfcller\"]\n\n1-0\n"[..]).unwrap();
    assert_eq!(names[0].tags, latin[0].tags);
}

#[test]
fn a_tag_that_cannot_be_read_matters_or_not() {
    let text = |tag: &str| format!("[Event \"x\"]\n{tag}\n[Site \"y\"]\n\n1. e4 1-0\n");
    let record = read_text(&text("[Annotator nobody]")).remove(0);
    assert_eq!(record.flaw, None);
    assert_eq!(record.remarks[0].line, 2);
    assert_eq!(record.tags.len(), 2);
    let record = read_text(&text("[FEN 8/8/8/8/8/8/8/8]")).remove(0);
    assert_eq!(record.flaw.map(|flaw| flaw.line), Some(2));
    let twice = text("[FEN \"a\"]\n[fen \"b\"]");
    let record = read_text(&twice).remove(0);
    assert_eq!(record.flaw, Some(note(3, "the tag fen is there twice")));
}

#[test]
fn a_damaged_game_is_named_with_its_line() {
    let no_mark = "the game ends without a result mark";
    for (movetext, line, what) in [
        ("1. e4 e5\n2. Nf3", 4, no_mark),
        ("", 1, no_mark),
        ("{only a comment}", 1, no_mark),
        (
            "1. e4 {never\nclosed 1-0",
            3,
            "the comment that begins here",
        ),
        ("1. e4 (1. d4\n1-0", 3, "the variation that begins here"),
        ("1. e4 e5) 1-0", 3, "\")\" cannot be read"),
        ("1. e4 } e5 1-0", 3, "\"}\" cannot be read"),
        ("1. e4 $ e5 1-0", 3, "\"$\" cannot be read"),
        ("1. e4 1-0 2. Nf3 1-0", 3, "\"2.\" stands behind"),
        ("1. e4 1-0\n2. Nf3 1-0", 4, "\"2.\" stands behind"),
        ("1. e4 1-0\nNc6", 4, "\"Nc6\" stands behind"),
        ("1. e4 1-0 0-1", 3, "\"0-1\" stands behind"),
    ] {
        let (_, flaw) = one(&format!("[Event \"x\"]\n\n{movetext}\n"));
        let flaw = flaw.unwrap_or_else(|| panic!("{movetext} is taken"));
        assert_eq!(flaw.line, line, "{movetext}: {flaw:?}");
        assert!(flaw.what.starts_with(what), "{movetext}: {flaw:?}");
    }
}

#[test]
fn a_damaged_game_does_not_stop_the_next() {
    for damaged in [
        "[Event \"a\"]\n\n1. e4 {never closed e5 1-0\n",
        "[Event \"a\"]\n\n1. e4 (1. d4 1-0\n",
        "[Event \"a\"]\n\n1. e4 e5\n",
        "[Event \"a\"]\n[Site \"x\"]\n",
        "[Event \"a\n",
        "1. e4 e5\n",
    ] {
        let records = read_text(&format!("{damaged}\n[Event \"b\"]\n\n1. d4 1-0\n"));
        let flawed: Vec<_> = records.iter().map(|record| record.flaw.is_some()).collect();
        assert_eq!(flawed, [true, false], "{damaged}: {records:?}");
        assert_eq!(
            records[1].tag("Event").map(|tag| tag.line),
            Some(damaged.lines().count() + 2)
        );
    }
    // Games without tags follow each other by their numbers.
    let records = read_text("1. e4 1-0\n1. d4 0-1 1. c4 *\n");
    let marks: Vec<_> = records.iter().map(|record| record.mark).collect();
    let expected = [Mark::WhiteWins, Mark::BlackWins, Mark::Unfinished];
    assert_eq!(marks, expected.map(Some));
    assert!(records.iter().all(|record| record.flaw.is_none()));
}

#[test]
fn no_word_of_the_main_line_is_dropped() {
    for word in [
        "--", "Z0", "N", "e2", "-", "/", "P-K4", "Nf3,", "xyz", "0", "1:0", "<x>", "[x]",
    ] {
        let pgn = format!("[Event \"x\"]\n\n1. e4 {word} e5 1-0\n");
        let (tokens, _) = one(&pgn);
        assert!(tokens.len() == 3 || word == "1:0", "{word}: {tokens:?}");
    }
}

#[test]
fn clocks_belong_to_the_move_before_them() {
    let record = read_text(
        "1. e4 {[%clk 0:05:00]} e5 {good [%eval 0.1] [%clk\n1:00:01.5]} (1... d5 {[%clk 0:00:01]})\
         2. Nf3 {[%clk 1:1:1:1:1:1:1:1:1:1:1:1:1]} Nc6 {[%clk NaN]} 1-0",
    )
    .remove(0);
    let clocks: Vec<_> = record.tokens.iter().map(|token| token.clock).collect();
    let at = |ms| Some(Duration::from_millis(ms));
    assert_eq!(clocks[..2], [at(300_000), at(3_601_500)]);
    assert_eq!(clocks[3], None);
}

proptest::proptest! {
    /// Whatever the text, each record has a mark or says what is wrong.
    #[test]
    fn no_text_makes_the_reader_panic_or_pass_a_game_without_a_result(
        text in "([\\[\\]{}();$%\"\\\\a-h1-8 .\n*NKxO=-]|1-0|\\[Event \"x\"\\]\n|½|♘){0,80}"
    ) {
        for record in read_text(&text) {
            proptest::prop_assert!(record.mark.is_some() || record.flaw.is_some());
        }
    }
}

#[test]
fn a_file_of_other_text_is_named_and_an_empty_one_holds_no_game() {
    let (tokens, flaw) = one("\nhello world\nand more\n");
    assert!(tokens.is_empty());
    assert_eq!(flaw, Some(note(2, "\"hello world\" is no part of a game")));
    for empty in ["", "\n \n", "% escaped\n"] {
        assert!(read_text(empty).is_empty(), "{empty:?}");
    }
}

/// The standard (4.1) has bytes; two of them a letter would be read as text without a game.
#[test]
fn utf_16_is_refused_by_name() {
    for bytes in [&b"\xff\xfe1\0.\0"[..], b"\xfe\xff\x001\0."] {
        let error = read(bytes).unwrap_err();
        assert!(error.to_string().contains("UTF-16"), "{error}");
    }
}
