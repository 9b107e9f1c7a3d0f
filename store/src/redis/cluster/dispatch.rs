//! The commands of one pipeline on their way through a Cluster, as a state machine.
//!
//! A command goes to the primary of its slot, and again only after an answer that proves that it was not executed: it
//! was sent to the wrong node (`MOVED`, `ASK`), in the middle of a slot's move (`TRYAGAIN`), to a Cluster that does not
//! serve the slot (`CLUSTERDOWN`), or to a node without the script (`NOSCRIPT`). A command without an answer is not
//! sent again: its fate is the caller's.

use std::time::Duration;

use redis::{ServerError, Value};

use super::map::{SlotMap, parse_address};
use crate::error::StoreError;
use crate::redis::url::Address;

/// The wait before a command is sent again that the Cluster cannot execute now; it doubles.
const WAIT_MIN: Duration = Duration::from_millis(5);

/// What becomes of a command whose keys are at two nodes, in the middle of their slot's move (`TRYAGAIN`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::redis) enum Torn {
    /// It is sent again after a wait.
    Wait,
    /// That is its answer.
    Answer,
}

/// The commands of a pipeline, by their index in it.
pub(super) struct Dispatch {
    commands: Vec<Command>,
    torn: Torn,
    /// Upper bound on how often one command is sent.
    sent_max: u32,
    /// Rounds after which nothing but waiting helped.
    waits: u32,
}

struct Command {
    /// `None` for one without keys, which any primary may answer.
    slot: Option<u16>,
    state: State,
    sent: u32,
}

enum State {
    /// To be sent to the primary that the map names.
    Due,
    /// To be sent to this node, which is about to have the slot.
    Asking(Address),
    /// To be sent again to this node, which has the script by now.
    Loaded(Address),
    Answered(Result<Value, StoreError>),
}

/// What goes to one node in one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) node: Address,
    /// The script was missing there.
    pub(super) load: bool,
    /// Indices of commands, in their order, and whether `ASKING` goes before each.
    pub(super) commands: Vec<(usize, bool)>,
}

/// What is to be done before the next round.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Between {
    /// Slots that have another primary than the map says.
    pub(super) moved: Vec<(u16, Address)>,
    /// The map is to be read again.
    pub(super) refresh: bool,
    /// How long to wait.
    pub(super) wait: Option<Duration>,
}

impl Dispatch {
    /// Commands by the slots of their keys, each of which is sent `sent_max` times at most.
    pub(super) fn new(slots: impl Iterator<Item = Option<u16>>, sent_max: u32, torn: Torn) -> Self {
        let commands = slots.map(|slot| Command {
            slot,
            state: State::Due,
            sent: 0,
        });
        Self {
            commands: commands.collect(),
            torn,
            sent_max,
            waits: 0,
        }
    }

    /// What to send now, by node; nothing when all commands are answered.
    pub(super) fn round(&mut self, map: &SlotMap) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let any = map.primaries().into_iter().next();
        for (index, command) in self.commands.iter_mut().enumerate() {
            let (node, asking, load) = match &command.state {
                State::Answered(_) => continue,
                State::Asking(node) => (Some(node), true, false),
                State::Loaded(node) => (Some(node), false, true),
                State::Due => match command.slot {
                    Some(slot) => (map.primary(slot), false, false),
                    None => (any.as_ref(), false, false),
                },
            };
            let Some(node) = node.cloned() else {
                let text = "no node of the Redis Cluster has the slot";
                command.state = State::Answered(Err(StoreError::Unavailable(text.to_owned())));
                continue;
            };
            command.sent += 1;
            match groups.iter_mut().find(|group| group.node == node) {
                Some(group) => {
                    group.load |= load;
                    group.commands.push((index, asking));
                }
                None => groups.push(Group {
                    node,
                    load,
                    commands: vec![(index, asking)],
                }),
            }
        }
        groups
    }

    /// The node's answers to a group, one for each of its commands, or why there are none.
    pub(super) fn answered(
        &mut self,
        group: &Group,
        answers: Result<Vec<Value>, StoreError>,
        between: &mut Between,
    ) {
        match answers {
            Ok(answers) => {
                for ((index, _), answer) in group.commands.iter().zip(answers) {
                    self.one_answered(*index, &group.node, answer, between);
                }
            }
            Err(error) => {
                // Another node may have its slots by now.
                between.refresh = true;
                for (index, _) in &group.commands {
                    self.commands[*index].state = State::Answered(Err(error.clone()));
                }
            }
        }
    }

    fn one_answered(&mut self, index: usize, from: &Address, answer: Value, between: &mut Between) {
        let command = &mut self.commands[index];
        let redirection = match &answer {
            Value::ServerError(error) => redirection(error, from),
            _ => None,
        };
        let is_final = match &redirection {
            Some(Redirection::Torn) if self.torn == Torn::Answer => true,
            _ => command.sent >= self.sent_max,
        };
        let Some(redirection) = redirection.filter(|_| !is_final) else {
            command.state = State::Answered(Ok(answer));
            return;
        };
        command.state = match redirection {
            Redirection::Moved(slot, node) => {
                between.moved.push((slot, node));
                between.refresh = true;
                State::Due
            }
            Redirection::Ask(node) => State::Asking(node),
            Redirection::NoScript => State::Loaded(from.clone()),
            Redirection::Torn | Redirection::Down => {
                between.refresh |= redirection == Redirection::Down;
                between.wait = Some(WAIT_MIN * 2_u32.pow(self.waits));
                State::Due
            }
        };
    }

    /// Ends a round.
    pub(super) fn round_ended(&mut self, between: &Between) {
        self.waits += u32::from(between.wait.is_some());
    }

    /// The answers in the order of the commands, when no round is left.
    pub(super) fn into_answers(self) -> Vec<Result<Value, StoreError>> {
        let unanswered = || Err(StoreError::Unavailable("no answer".to_owned()));
        let commands = self.commands.into_iter();
        let answers = commands.map(|command| match command.state {
            State::Answered(answer) => answer,
            _ => unanswered(),
        });
        answers.collect()
    }
}

/// What an error means that proves that its command was not executed.
#[derive(Debug, PartialEq, Eq)]
enum Redirection {
    Moved(u16, Address),
    Ask(Address),
    NoScript,
    Torn,
    Down,
}

/// `None` for an error that is the command's answer.
fn redirection(error: &ServerError, from: &Address) -> Option<Redirection> {
    let target = || {
        let (slot, node) = error.details()?.trim().split_once(' ')?;
        Some((slot.parse().ok()?, parse_address(node, from)?))
    };
    match error.code() {
        "MOVED" => target().map(|(slot, node)| Redirection::Moved(slot, node)),
        "ASK" => target().map(|(_, node)| Redirection::Ask(node)),
        "NOSCRIPT" => Some(Redirection::NoScript),
        "TRYAGAIN" => Some(Redirection::Torn),
        "CLUSTERDOWN" => Some(Redirection::Down),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::map::tests::{map, node};
    use super::*;
    use crate::redis::reply;

    /// An error as it comes from the server.
    fn error(line: &str) -> Value {
        redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap()
    }

    fn group(port: u16, commands: &[(usize, bool)]) -> Group {
        Group {
            node: node(port),
            load: false,
            commands: commands.to_vec(),
        }
    }

    fn three() -> SlotMap {
        map(&[(0, 99, &[1]), (100, 199, &[2]), (200, 16_383, &[3])])
    }

    const SENT_MAX: u32 = 8;

    fn dispatch(slots: &[u16]) -> Dispatch {
        Dispatch::new(slots.iter().map(|slot| Some(*slot)), SENT_MAX, Torn::Wait)
    }

    fn numbers(dispatch: Dispatch) -> Vec<i64> {
        let answers = dispatch.into_answers().into_iter();
        answers
            .map(|answer| match answer {
                Ok(Value::Int(number)) => number,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn commands_are_grouped_by_node_and_answered_in_their_order() {
        let mut pipeline = dispatch(&[150, 1, 250, 2, 151]);
        let groups = pipeline.round(&three());
        let expected = [
            group(2, &[(0, false), (4, false)]),
            group(1, &[(1, false), (3, false)]),
            group(3, &[(2, false)]),
        ];
        assert_eq!(groups, expected);
        let mut between = Between::default();
        for group in groups.iter().rev() {
            let answers = group
                .commands
                .iter()
                .map(|(index, _)| Value::Int(*index as i64));
            pipeline.answered(group, Ok(answers.collect()), &mut between);
        }
        assert_eq!(between, Between::default());
        assert_eq!(pipeline.round(&three()), []);
        assert_eq!(numbers(pipeline), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_node_that_fails_fails_its_own_commands_and_they_are_not_sent_again() {
        let mut pipeline = dispatch(&[1, 150, 2]);
        let groups = pipeline.round(&three());
        let mut between = Between::default();
        let lost = StoreError::Unavailable("lost".to_owned());
        pipeline.answered(&groups[0], Err(lost), &mut between);
        pipeline.answered(&groups[1], Ok(vec![Value::Okay]), &mut between);
        assert!(between.refresh && between.wait.is_none());
        assert_eq!(pipeline.round(&three()), [], "their fate is the caller's");
        let answers = pipeline.into_answers();
        assert!(matches!(
            answers.as_slice(),
            [
                Err(StoreError::Unavailable(_)),
                Ok(Value::Okay),
                Err(StoreError::Unavailable(_))
            ]
        ));
    }

    #[test]
    fn a_command_follows_moved_with_the_map_and_ask_once() {
        let mut known = three();
        let mut pipeline = dispatch(&[7, 8]);
        let groups = pipeline.round(&known);
        let mut between = Between::default();
        let answers = vec![error("MOVED 7 10.0.0.1:2"), error("ASK 8 10.0.0.1:3")];
        pipeline.answered(&groups[0], Ok(answers), &mut between);
        assert_eq!(between.moved, [(7, node(2))]);
        assert!(between.refresh && between.wait.is_none());
        for (slot, to) in &between.moved {
            known.moved(*slot, to);
        }
        let groups = pipeline.round(&known);
        assert_eq!(groups, [group(2, &[(0, false)]), group(3, &[(1, true)])]);
        // The slot came back meanwhile: the map counts again.
        let mut between = Between::default();
        pipeline.answered(&groups[0], Ok(vec![Value::Int(0)]), &mut between);
        pipeline.answered(
            &groups[1],
            Ok(vec![error("MOVED 8 10.0.0.1:1")]),
            &mut between,
        );
        let groups = pipeline.round(&known);
        assert_eq!(groups, [group(1, &[(1, false)])]);
    }

    #[test]
    fn a_slot_on_the_move_and_a_cluster_that_is_down_are_waited_for_within_bounds() {
        for (line, refresh) in [
            (
                "TRYAGAIN Multiple keys request during rehashing of slot",
                false,
            ),
            ("CLUSTERDOWN The cluster is down", true),
        ] {
            let mut pipeline = dispatch(&[7]);
            let mut waited = Duration::ZERO;
            let mut rounds = 0;
            while let [group] = pipeline.round(&three()).as_slice() {
                rounds += 1;
                let mut between = Between::default();
                pipeline.answered(group, Ok(vec![error(line)]), &mut between);
                pipeline.round_ended(&between);
                assert_eq!(between.refresh, refresh && rounds < SENT_MAX, "{line}");
                waited += between.wait.unwrap_or_default();
            }
            assert_eq!(rounds, SENT_MAX);
            assert_eq!(
                waited,
                Duration::from_millis(5 + 10 + 20 + 40 + 80 + 160 + 320)
            );
            let answer = pipeline.into_answers().remove(0).unwrap();
            let Value::ServerError(error) = answer else {
                panic!("{answer:?}")
            };
            assert!(matches!(
                reply::server_error(&error),
                StoreError::Unavailable(_)
            ));
        }
    }

    #[test]
    fn a_command_that_can_be_divided_is_answered_while_its_slot_moves() {
        let slots = [Some(7), Some(150)];
        let mut pipeline = Dispatch::new(slots.into_iter(), SENT_MAX, Torn::Answer);
        let groups = pipeline.round(&three());
        let mut between = Between::default();
        let torn = error("TRYAGAIN Multiple keys request during rehashing of slot");
        pipeline.answered(&groups[0], Ok(vec![torn]), &mut between);
        assert_eq!(between, Between::default());
        // The Cluster that is down is waited for as ever.
        let down = error("CLUSTERDOWN The cluster is down");
        pipeline.answered(&groups[1], Ok(vec![down]), &mut between);
        assert!(between.refresh && between.wait.is_some());
        let groups = pipeline.round(&three());
        assert_eq!(groups, [group(2, &[(1, false)])]);
        pipeline.answered(&groups[0], Ok(vec![Value::Int(1)]), &mut between);
        let answers = pipeline.into_answers();
        assert!(matches!(
            answers.as_slice(),
            [Ok(torn), Ok(Value::Int(1))] if reply::is_tryagain(torn)
        ));
    }

    #[test]
    fn a_missing_script_is_loaded_where_it_is_missing() {
        let mut pipeline = dispatch(&[1, 150]);
        let groups = pipeline.round(&three());
        let mut between = Between::default();
        let missing = error("NOSCRIPT No matching script. Please use EVAL.");
        pipeline.answered(&groups[0], Ok(vec![missing]), &mut between);
        pipeline.answered(&groups[1], Ok(vec![Value::Int(1)]), &mut between);
        assert_eq!(between, Between::default());
        let groups = pipeline.round(&three());
        let load = Group {
            load: true,
            ..group(1, &[(0, false)])
        };
        assert_eq!(groups, [load]);
        pipeline.answered(&groups[0], Ok(vec![Value::Int(0)]), &mut between);
        assert_eq!(numbers(pipeline), [0, 1]);
    }

    #[test]
    fn other_errors_are_answers_and_a_slot_of_nobody_is_unavailable() {
        let mut pipeline = dispatch(&[1, 150]);
        let part = map(&[(0, 99, &[1])]);
        let groups = pipeline.round(&part);
        assert_eq!(groups, [group(1, &[(0, false)])]);
        let mut between = Between::default();
        let answers = vec![error(
            "CROSSSLOT Keys in request don't hash to the same slot",
        )];
        pipeline.answered(&groups[0], Ok(answers), &mut between);
        assert_eq!(pipeline.round(&part), []);
        assert!(matches!(
            pipeline.into_answers().as_slice(),
            [Ok(Value::ServerError(_)), Err(StoreError::Unavailable(_))]
        ));
    }
}
