//! Histories in files: the good ones hold, and of the bad ones the answers are named that contradict each other.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use linear::{Contradiction, Judgement, check, read};

const STEPS_MAX: u64 = 100_000;

/// The bad histories, each with the lines of the answers that contradict each other.
const BAD: [(&str, &[usize]); 16] = [
    ("a_client_gave_up", &[3]),
    ("a_command_is_doubled", &[5]),
    ("a_command_without_an_answer_is_doubled", &[4]),
    ("a_later_owner_has_lost_what_was_acknowledged", &[4, 5]),
    ("a_move_comes_after_the_end", &[4, 5]),
    ("a_read_is_stale_after_an_acknowledgement", &[4, 5]),
    ("a_refused_command_is_in_the_log", &[3, 4]),
    ("a_repeated_command_has_another_answer", &[3, 5]),
    ("a_state_has_other_moves", &[3, 4, 5]),
    ("an_acknowledged_command_is_another_one", &[4, 6]),
    ("an_acknowledged_command_is_missing", &[5, 6]),
    ("an_event_is_shown_before_its_command", &[3]),
    ("an_event_of_a_seat_has_no_command", &[3]),
    ("positions_are_against_real_time", &[3, 4]),
    ("two_are_told_of_different_events", &[3, 4]),
    ("two_commands_are_acknowledged_at_one_position", &[4, 5]),
];

/// The histories of a directory by their names, which say what happens in them.
fn names(kind: &str) -> BTreeSet<String> {
    let directory = Path::new("tests/histories").join(kind);
    let files = fs::read_dir(directory).unwrap();
    let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files.map(|file| stem(&file.unwrap().path())).collect()
}

fn judge(kind: &str, name: &str) -> Judgement {
    let path = Path::new("tests/histories")
        .join(kind)
        .join(format!("{name}.jsonl"));
    let history = read(BufReader::new(File::open(path).unwrap())).unwrap();
    let mut verdicts = check(&history, STEPS_MAX);
    assert_eq!(verdicts.len(), 1, "{name}");
    verdicts.remove(0).judgement
}

#[test]
fn every_good_history_holds() {
    let names = names("good");
    assert!(names.len() >= 12, "{names:?}");
    for name in names {
        assert_eq!(judge("good", &name), Judgement::Holds, "{name}");
    }
}

#[test]
fn every_bad_history_is_found_with_the_answers_that_contradict_each_other() {
    let known: BTreeSet<String> = BAD.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("bad"), known);
    for (name, expected) in BAD {
        let Judgement::Violated(Contradiction { last, answers, .. }) = judge("bad", name) else {
            panic!("{name} is not found");
        };
        assert_eq!(answers, expected, "{name}");
        assert_eq!(Some(&last), answers.last(), "{name}");
    }
}

#[test]
fn what_is_no_history_is_refused_with_its_line() {
    let command = |id: u64, uci: &str, rest: &str| {
        let input = format!(r#"{{"seat":"white","command_id":{id},"kind":"move","move":"{uci}"}}"#);
        format!(
            r#"{{"process":1,"match":"0123456789Ab","op":"command","call":5,"input":{input},{rest}}}"#
        )
    };
    let unknown = r#""return":null,"output":null"#;
    let answer = r#""output":{"seq":1,"epoch":1}"#;
    for (second, why) in [
        ("no JSON".to_owned(), "expected"),
        (
            command(2, "e7e5", &format!(r#""return":4,{answer}"#)),
            "before it is called",
        ),
        (
            command(2, "e7e5", &format!(r#""return":null,{answer}"#)),
            "has none",
        ),
        (command(1, "d2d4", unknown), "another one than in line 1"),
        (
            command(2, "e7e5", r#""return":9,"output":{"seq":0,"epoch":1}"#),
            "number 1",
        ),
        (
            command(
                2,
                "e7e5",
                r#""return":9,"output":{"seq":2000000,"epoch":1}"#,
            ),
            "a million",
        ),
    ] {
        let text = format!("{}\n{second}\n", command(1, "e2e4", unknown));
        let error = read(text.as_bytes()).unwrap_err();
        assert_eq!(error.line, 2, "{error}");
        assert!(error.why.contains(why), "{error}");
    }
}

/// Thousands of moves, offers whose answers were lost, and players who join again and again.
fn long_history(events: u32) -> String {
    let mut lines = Vec::new();
    let mut line = |process: u32, op: &str, call: u64, end: Option<u64>, rest: String| {
        let end = end.map_or_else(|| "null".to_owned(), |end| end.to_string());
        lines.push(format!(
            r#"{{"process":{process},"match":"0123456789Ab","op":"{op}","call":{call},"return":{end},{rest}}}"#
        ));
    };
    for seq in 1..=events {
        let at = u64::from(seq) * 100;
        let (process, seat) = if seq % 2 == 1 {
            (1, "white")
        } else {
            (2, "black")
        };
        let asked = |id: u32, kind: &str, uci: &str| {
            format!(r#""input":{{"seat":"{seat}","command_id":{id},"kind":"{kind}","move":{uci}}}"#)
        };
        let ask = asked(seq, "move", r#""a1a2""#);
        let answer = format!(r#"{ask},"output":{{"seq":{seq},"epoch":1}}"#);
        line(process, "command", at, Some(at + 150), answer);
        let told = format!(
            r#""output":{{"seq":{seq},"epoch":1,"seat":"{seat}","event":"moved","move":"a1a2","taken_back":null}}"#
        );
        for process in 1..=3 {
            let shown = at + 120 + u64::from(process);
            line(process, "event", shown, Some(shown), told.clone());
        }
        if seq % 40 == 0 {
            let ask = asked(events + seq, "offer_draw", "null");
            line(
                process,
                "command",
                at,
                None,
                format!(r#"{ask},"output":null"#),
            );
        }
        if seq % 25 == 0 {
            let state = format!(r#""output":{{"seq":{seq},"epoch":1,"moves":null,"over":false}}"#);
            line(
                process,
                "join",
                at,
                Some(at + 199),
                format!(r#""input":{{"role":"{seat}"}},{state}"#),
            );
        }
    }
    lines.join("\n")
}

#[test]
fn thousands_of_operations_take_few_steps() {
    let text = long_history(3_000);
    let history = read(text.as_bytes()).unwrap();
    assert!(history.len() > 12_000, "{}", history.len());
    let steps_max = 20 * history.len() as u64;
    assert_eq!(check(&history, steps_max)[0].judgement, Judgement::Holds);
    // One acknowledgement of another place, in the middle.
    let wrong = text.replacen(
        r#""command_id":1500,"kind":"move","move":"a1a2"},"output":{"seq":1500"#,
        r#""command_id":1500,"kind":"move","move":"a1a2"},"output":{"seq":1499"#,
        1,
    );
    assert_ne!(wrong, text);
    let history = read(wrong.as_bytes()).unwrap();
    let Judgement::Violated(contradiction) = &check(&history, steps_max)[0].judgement else {
        panic!("it is not found");
    };
    assert!(
        contradiction.prefix < history.len() * 6 / 10,
        "{contradiction:?}"
    );
    assert_eq!(contradiction.answers.len(), 2, "{contradiction:?}");
}
