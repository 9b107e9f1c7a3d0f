//! The verdict on small random histories, beside that of trying every log and every order.

use linear::{
    Action, Answer, Asked, Entry, Joining, Judgement, Operation, Record, Records, Role, Seat,
    State, Told, check,
};
use proptest::prelude::*;

/// Events of a log at the most.
const LEN_MAX: u32 = 3;
/// Epochs under which answers come. Events may have been decided under one more.
const EPOCHS: u64 = 2;

/// An event of a log that might have been.
#[derive(Debug, Clone)]
struct Stored {
    /// The command that caused it, if one did.
    cause: Option<(Seat, u64)>,
    uci: Option<String>,
    event: &'static str,
    /// Under which it was decided.
    epoch: u64,
}

fn asked(seat: Seat, command_id: u64) -> Asked {
    // One number is one command: the even ones are moves, one of them is of a rematch.
    let (kind, uci) = match command_id {
        0 => ("move", Some("e2e4")),
        2 => ("move", Some("d2d4")),
        3 => ("offer_rematch", None),
        _ => ("resign", None),
    };
    Asked {
        seat,
        command_id,
        kind: kind.to_owned(),
        uci: uci.map(str::to_owned),
    }
}

/// What a command with this number is as an event.
fn event_of(command_id: u64) -> &'static str {
    match command_id {
        0 | 2 => "moved",
        3 => "rematch_offered",
        _ => "ended",
    }
}

fn stored(cause: Option<(Seat, u64)>, epoch: u64) -> Stored {
    Stored {
        cause,
        uci: cause.and_then(|(seat, id)| asked(seat, id).uci),
        event: cause.map_or("ended", |(_, id)| event_of(id)),
        epoch,
    }
}

impl Stored {
    fn entry(&self) -> Entry {
        Entry {
            seat: self.cause.map(|(seat, _)| seat),
            event: Some(self.event.to_owned()),
            uci: self.uci.clone(),
            taken_back: None,
        }
    }

    fn is_aftermath(&self) -> bool {
        self.event.starts_with("rematch_")
    }
}

// ---- every log and every order ---------------------------------------------------------------------

/// Whether some log and some order explain a history.
fn brute_force(history: &[Operation]) -> bool {
    let mut causes = Vec::new();
    for operation in history {
        if let Action::Command { input, output } = &operation.action
            && !matches!(output, Some(Answer::Refused { .. }))
            && !causes.contains(&(input.seat, input.command_id))
        {
            causes.push((input.seat, input.command_id));
        }
    }
    any_log(&causes, &mut Vec::new(), &|log| {
        any_order(history, log, 0, &mut Vec::new())
    })
}

/// Whether `explains` a log that begins so.
fn any_log(
    causes: &[(Seat, u64)],
    log: &mut Vec<Stored>,
    explains: &impl Fn(&[Stored]) -> bool,
) -> bool {
    if explains(log) {
        return true;
    }
    if log.len() == LEN_MAX as usize {
        return false;
    }
    let least = log.last().map_or(1, |last| last.epoch);
    let open = causes.iter().copied();
    let open = open.filter(|cause| log.iter().all(|before| before.cause != Some(*cause)));
    let of_seats = open.map(|cause| stored(Some(cause), 0));
    // Of the server itself there are events of both sorts.
    let own = ["ended", "rematch_declined"].map(|event| Stored {
        event,
        ..stored(None, 0)
    });
    let next: Vec<Stored> = own.into_iter().chain(of_seats).collect();
    next.iter().any(|event| {
        (least..=EPOCHS + 1).any(|epoch| {
            log.push(Stored {
                epoch,
                ..event.clone()
            });
            let found = any_log(causes, log, explains);
            log.pop();
            found
        })
    })
}

/// Whether the operations that are not `done` have an order from a log of `len` events on.
fn any_order(history: &[Operation], log: &[Stored], len: usize, done: &mut Vec<usize>) -> bool {
    let left: Vec<usize> = (0..history.len())
        .filter(|index| !done.contains(index) && history[*index].returned.is_some())
        .collect();
    if left.is_empty() {
        return true;
    }
    // An event of the server itself.
    if log.get(len).is_some_and(|next| next.cause.is_none())
        && any_order(history, log, len + 1, done)
    {
        return true;
    }
    (0..history.len()).any(|index| {
        let operation = &history[index];
        let mut others = left.iter().map(|other| history[*other].returned);
        let is_next = others.all(|returned| returned >= Some(operation.call));
        if done.contains(&index) || !is_next {
            return false;
        }
        let Some(len) = step(&operation.action, log, len) else {
            return false;
        };
        done.push(index);
        let found = any_order(history, log, len, done);
        done.pop();
        found
    })
}

/// The length of the log after an operation, if its answer is right when it has `len` events.
fn step(action: &Action, log: &[Stored], len: usize) -> Option<usize> {
    match action {
        Action::Command { input, output } => {
            let cause = Some((input.seat, input.command_id));
            let at = log.iter().position(|event| event.cause == cause);
            match output {
                Some(Answer::Refused { .. }) => Some(len),
                Some(Answer::Acknowledged { seq, epoch }) => {
                    let at = at.filter(|at| *at <= len && *seq as usize == at + 1)?;
                    (log[at].epoch <= *epoch).then_some(len.max(at + 1))
                }
                None => (at == Some(len)).then_some(len + 1),
            }
        }
        Action::Event { output } => {
            let event = log[..len].get(output.seq as usize - 1)?;
            let is_so = event.entry() == output.entry && event.epoch <= output.epoch;
            is_so.then_some(len)
        }
        Action::Join { input, output } => {
            let epoch = output.epoch.filter(|_| input.role != Role::Spectator);
            read(output, epoch, log, len).then_some(len)
        }
        Action::Shown { output } => read(output, None, log, len).then_some(len),
        Action::Log { output } => {
            let has = log[..len].iter().map(|event| Record {
                command_id: event.cause.map(|(_, id)| id),
                entry: event.entry(),
            });
            has.eq(output.records.iter().cloned()).then_some(len)
        }
        Action::Broken { .. } => None,
    }
}

/// Whether a reader may be shown this.
fn read(shown: &State, epoch: Option<u64>, log: &[Stored], len: usize) -> bool {
    let seq = shown.seq as usize;
    if seq > len {
        return false;
    }
    let moves: Vec<String> = log[..seq]
        .iter()
        .filter_map(|event| event.uci.clone())
        .collect();
    let told_so = seq == 0 || epoch.is_none_or(|epoch| log[seq - 1].epoch <= epoch);
    let is_whole = |epoch| log[seq..len].iter().all(|event| event.epoch > epoch);
    let is_fresh = shown.over || epoch.is_none_or(is_whole);
    let is_over = !shown.over || log[seq..].iter().all(Stored::is_aftermath);
    let has_moves = shown.moves.as_ref().is_none_or(|has| *has == moves);
    told_so && is_fresh && is_over && has_moves
}

// ---- histories -------------------------------------------------------------------------------------

fn seat() -> impl Strategy<Value = Seat> {
    prop_oneof![Just(Seat::White), Just(Seat::Black)]
}

fn command() -> impl Strategy<Value = Action> {
    let seq = 1..=LEN_MAX;
    let answer = prop_oneof![
        6 => (seq, 1..=EPOCHS).prop_map(|(seq, epoch)| Some(Answer::Acknowledged { seq, epoch })),
        2 => Just(None),
        1 => Just(Some(Answer::Refused { refused: "too_late".to_owned() })),
    ];
    (seat(), 0..4_u64, answer).prop_map(|(seat, id, output)| Action::Command {
        input: asked(seat, id),
        output,
    })
}

fn event() -> impl Strategy<Value = Stored> {
    let cause = prop_oneof![1 => Just(None), 4 => (seat(), 0..4_u64).prop_map(Some)];
    (cause, 1..=EPOCHS).prop_map(|(cause, epoch)| stored(cause, epoch))
}

fn state() -> impl Strategy<Value = State> {
    let over = prop_oneof![4 => Just(false), 1 => Just(true)];
    (0..=LEN_MAX, 1..=EPOCHS, over).prop_map(|(seq, epoch, over)| State {
        seq,
        epoch: Some(epoch),
        moves: None,
        over,
    })
}

fn action() -> impl Strategy<Value = Action> {
    let role = prop_oneof![3 => Just(Role::White), 1 => Just(Role::Spectator)];
    let join = (role, state()).prop_map(|(role, output)| Action::Join {
        input: Joining { role },
        output,
    });
    let told = (1..=LEN_MAX, event()).prop_map(|(seq, event)| Action::Event {
        output: Told {
            seq,
            epoch: event.epoch,
            entry: event.entry(),
        },
    });
    let records = proptest::collection::vec(event(), 0..=LEN_MAX as usize);
    let log = records.prop_map(|events| {
        let record = |event: &Stored| Record {
            command_id: event.cause.map(|(_, id)| id),
            entry: event.entry(),
        };
        let records = events.iter().map(record).collect();
        Action::Log {
            output: Records { records },
        }
    });
    let shown = state().prop_map(|output| Action::Shown { output });
    prop_oneof![8 => command(), 3 => join, 3 => told, 1 => log, 1 => shown]
}

fn operation() -> impl Strategy<Value = Operation> {
    (action(), 0..12_u64, 0..5_u64).prop_map(|(action, call, takes)| {
        let is_unknown = matches!(action, Action::Command { output: None, .. });
        Operation {
            line: 0,
            process: 0,
            match_id: String::new(),
            call,
            returned: (!is_unknown).then_some(call + takes),
            action,
        }
    })
}

/// Operations that each make sense alone, of which few make sense together.
fn any_history() -> impl Strategy<Value = Vec<Operation>> {
    numbered(proptest::collection::vec(operation(), 0..6))
}

/// Operations that follow from one log, of which one may be replaced by any other.
fn likely_history() -> impl Strategy<Value = Vec<Operation>> {
    let events = proptest::collection::vec(event(), 1..=LEN_MAX as usize);
    let picks = proptest::collection::vec((0..5_u8, 0..LEN_MAX as usize, 0..4_u64, 0..4_u64), 1..6);
    let other = proptest::option::weighted(0.7, (0..6_usize, operation()));
    let history = (events, picks, other).prop_map(|(mut events, picks, other)| {
        events.sort_by_key(|event| event.epoch);
        let picked = picks.iter().filter_map(|pick| told_of(&events, *pick));
        let mut history: Vec<Operation> = picked.collect();
        if let Some((at, other)) = other {
            match history.get_mut(at) {
                Some(slot) => *slot = other,
                None => history.push(other),
            }
        }
        history
    });
    numbered(history)
}

/// An operation that tells of an event of a log, which happens at twelve times its place.
fn told_of(events: &[Stored], pick: (u8, usize, u64, u64)) -> Option<Operation> {
    let (what, index, before, after) = pick;
    let event = events.get(index)?;
    let (seq, epoch) = (u32::try_from(index).ok()? + 1, event.epoch);
    let state = |seq| State {
        seq,
        epoch: Some(epoch),
        moves: None,
        over: false,
    };
    let action = match (what, event.cause) {
        (0 | 1, Some((seat, id))) => Action::Command {
            input: asked(seat, id),
            output: (what == 0).then_some(Answer::Acknowledged { seq, epoch }),
        },
        (2, _) => Action::Join {
            input: Joining { role: Role::White },
            output: state(seq),
        },
        (3, _) => Action::Shown {
            output: state(seq - 1),
        },
        _ => Action::Event {
            output: Told {
                seq,
                epoch,
                entry: event.entry(),
            },
        },
    };
    let at = 4 * u64::from(seq);
    let is_unknown = matches!(action, Action::Command { output: None, .. });
    Some(Operation {
        line: 0,
        process: 0,
        match_id: String::new(),
        call: at - before,
        returned: (!is_unknown).then_some(at + after),
        action,
    })
}

fn numbered(
    history: impl Strategy<Value = Vec<Operation>>,
) -> impl Strategy<Value = Vec<Operation>> {
    history.prop_map(|mut history| {
        for (line, operation) in (1..).zip(&mut history) {
            operation.line = line;
        }
        history
    })
}

fn judge(history: &[Operation]) -> Judgement {
    let verdict = check(history, u64::MAX).pop();
    verdict.map_or(Judgement::Holds, |verdict| verdict.judgement)
}

/// Both say the same, and what is named as wrong is wrong alone.
fn compare(history: &[Operation]) -> Result<(), TestCaseError> {
    let holds = brute_force(history);
    let contradiction = match judge(history) {
        Judgement::Violated(contradiction) => contradiction,
        judgement => {
            prop_assert!(holds && judgement == Judgement::Holds, "{:?}", judgement);
            return Ok(());
        }
    };
    prop_assert!(!holds, "{:?}", contradiction);
    let weakened = history.iter().filter_map(|operation| {
        let mut operation = operation.clone();
        if !contradiction.answers.contains(&operation.line) {
            let Action::Command { output, .. } = &mut operation.action else {
                return None;
            };
            (*output, operation.returned) = (None, None);
        }
        Some(operation)
    });
    let weakened: Vec<Operation> = weakened.collect();
    prop_assert!(!brute_force(&weakened), "{:?}", contradiction);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_verdict_is_that_of_trying_everything(history in any_history()) {
        compare(&history)?;
    }

    #[test]
    fn the_verdict_on_what_almost_holds_is_that_of_trying_everything(history in likely_history()) {
        compare(&history)?;
    }
}

/// The comparison sees both verdicts often enough.
#[test]
fn the_histories_are_of_both_sorts() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut held = 0;
    for _ in 0..200 {
        let history = likely_history().new_tree(&mut runner).unwrap().current();
        held += usize::from(judge(&history) == Judgement::Holds);
    }
    assert!((20..180).contains(&held), "{held} of 200 hold");
}
