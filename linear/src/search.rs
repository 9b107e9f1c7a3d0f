//! The search for an order: the algorithm of Wing and Gong, with the memory of visited configurations that Lowe added.

use std::collections::HashSet;
use std::hash::Hash;

/// What is right for a sequence of operations, one after the other.
pub trait Model {
    /// What the operations before have left.
    type State: Clone + Eq + Hash;
    /// An operation together with its answer.
    type Op;
    /// Whether an operation that fits a state and does not change it can never change a state that follows either.
    /// Then it is performed as soon as it fits, and this is not reconsidered.
    const IDLE_FOR_GOOD: bool;

    /// Before the first operation.
    fn initial(&self) -> Self::State;

    /// The state after an operation in `state`; `None` if its answer is wrong there.
    fn step(&self, state: &Self::State, op: &Self::Op) -> Option<Self::State>;
}

/// An operation and when it was under way, in any unit of one clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed<O> {
    /// When it was called.
    pub call: u64,
    /// When its answer was there; `None` if there was none: it may take effect at any time from `call` on, or never.
    pub returned: Option<u64>,
    /// What it is.
    pub op: O,
}

/// What a search finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There is an order.
    Holds,
    /// There is none.
    Violated,
    /// The bound on the work was reached.
    Undecided,
}

/// Searches for an order of all operations that have returned, and any of the others, in which each fits the model.
/// An operation that returned before another was called comes before it; those that share an instant may have either
/// order. Tries at most `steps_max` steps of the model.
pub fn search<M: Model>(model: &M, history: &[Timed<M::Op>], steps_max: u64) -> Outcome {
    let mut search = Search::new(model, history);
    let mut steps = 0;
    while search.left > 0 {
        let Some((index, op)) = search.candidate() else {
            if search.step_back() {
                continue;
            }
            return Outcome::Violated;
        };
        if steps == steps_max {
            return Outcome::Undecided;
        }
        steps += 1;
        if !search.perform(index, &history[op].op) {
            search.cursor = search.after(search.cursor);
        }
    }
    Outcome::Holds
}

/// The end of the list of events, which is also its beginning.
const END: usize = 0;

/// The call or the return of an operation, in a list that is linked in both directions.
#[derive(Debug, Clone, Copy)]
struct Node {
    time: u64,
    /// The number of the operation.
    index: usize,
    /// Where the return is, if this is a call.
    returned: Option<usize>,
    next: usize,
    before: usize,
}

/// What is tried next.
#[derive(Debug, Clone, Copy)]
enum Cursor {
    /// This node of the list.
    Node(usize),
    /// This one of the operations without an answer, of those that were called by a time.
    Pending(usize, u64),
}

/// A step that was performed.
struct Frame<S> {
    index: usize,
    before: S,
    cursor: Cursor,
    /// It need not be reconsidered.
    is_idle: bool,
}

struct Search<'a, M: Model> {
    model: &'a M,
    /// The places in the history by the numbers of operations: those that returned by their calls, then the others.
    places: Vec<usize>,
    nodes: Vec<Node>,
    /// The calls of those without an answer, in order.
    pending: Vec<u64>,
    done: Bits,
    /// How many that returned are not done.
    left: usize,
    state: M::State,
    cursor: Cursor,
    frames: Vec<Frame<M::State>>,
    visited: HashSet<(Bits, M::State)>,
}

impl<'a, M: Model> Search<'a, M> {
    fn new(model: &'a M, history: &[Timed<M::Op>]) -> Self {
        let by_call = |is_wanted: fn(&Timed<M::Op>) -> bool| {
            let wanted = (0..history.len()).filter(|&place| is_wanted(&history[place]));
            let mut places: Vec<usize> = wanted.collect();
            places.sort_by_key(|&place| history[place].call);
            places
        };
        let mut places = by_call(|op| op.returned.is_some());
        let without = by_call(|op| op.returned.is_none());
        let left = places.len();
        let pending = without.iter().map(|&place| history[place].call).collect();
        let nodes = linked(places.iter().map(|&place| &history[place]));
        places.extend(without);
        Self {
            model,
            done: Bits::new(places.len()),
            places,
            cursor: Cursor::Node(nodes[END].next),
            nodes,
            pending,
            left,
            state: model.initial(),
            frames: Vec::new(),
            visited: HashSet::new(),
        }
    }

    /// The operation to try, by its number and its place in the history; `None` if there is no other.
    fn candidate(&mut self) -> Option<(usize, usize)> {
        loop {
            let index = match self.cursor {
                Cursor::Node(node) => {
                    let Node {
                        time,
                        index,
                        returned,
                        ..
                    } = self.nodes[node];
                    if returned.is_none() {
                        // What has no answer is tried only where nothing else fits.
                        self.cursor = Cursor::Pending(0, time);
                        continue;
                    }
                    index
                }
                Cursor::Pending(number, by) => {
                    let called = self.pending.get(number)?;
                    if *called > by {
                        return None;
                    }
                    let index = self.places.len() - self.pending.len() + number;
                    if self.done.has(index) {
                        self.cursor = self.after(self.cursor);
                        continue;
                    }
                    index
                }
            };
            return Some((index, self.places[index]));
        }
    }

    fn after(&self, cursor: Cursor) -> Cursor {
        match cursor {
            Cursor::Node(node) => Cursor::Node(self.nodes[node].next),
            Cursor::Pending(number, by) => Cursor::Pending(number + 1, by),
        }
    }

    /// Performs the operation at the cursor; `false` if it does not fit, or leads to where the search has been.
    fn perform(&mut self, index: usize, op: &M::Op) -> bool {
        let Some(state) = self.model.step(&self.state, op) else {
            return false;
        };
        let is_idle = M::IDLE_FOR_GOOD && state == self.state;
        let is_pending = matches!(self.cursor, Cursor::Pending(..));
        if is_idle && is_pending {
            return false;
        }
        self.done.set(index, true);
        if !is_idle && !self.visited.insert((self.done.clone(), state.clone())) {
            self.done.set(index, false);
            return false;
        }
        if let Cursor::Node(node) = self.cursor {
            self.lift(node);
            self.left -= 1;
        }
        self.frames.push(Frame {
            index,
            before: std::mem::replace(&mut self.state, state),
            cursor: self.cursor,
            is_idle,
        });
        self.cursor = Cursor::Node(self.nodes[END].next);
        true
    }

    /// Undoes steps up to the last that could have been another; `false` if there is none.
    fn step_back(&mut self) -> bool {
        while let Some(frame) = self.frames.pop() {
            self.done.set(frame.index, false);
            self.state = frame.before;
            if let Cursor::Node(node) = frame.cursor {
                self.put_back(node);
                self.left += 1;
            }
            if !frame.is_idle {
                self.cursor = self.after(frame.cursor);
                return true;
            }
        }
        false
    }

    /// Takes a call and its return out of the list.
    fn lift(&mut self, call: usize) {
        for node in [Some(call), self.nodes[call].returned]
            .into_iter()
            .flatten()
        {
            let Node { next, before, .. } = self.nodes[node];
            self.nodes[before].next = next;
            self.nodes[next].before = before;
        }
    }

    /// Undoes the last [`lift`](Self::lift) that is not undone.
    fn put_back(&mut self, call: usize) {
        for node in [self.nodes[call].returned, Some(call)]
            .into_iter()
            .flatten()
        {
            let Node { next, before, .. } = self.nodes[node];
            self.nodes[before].next = node;
            self.nodes[next].before = node;
        }
    }
}

/// The calls and returns of operations that returned, in the order of time.
fn linked<'a, O: 'a>(history: impl Iterator<Item = &'a Timed<O>>) -> Vec<Node> {
    let mut events = Vec::new();
    for (index, op) in history.enumerate() {
        events.push((op.call, false, index));
        events.extend(op.returned.map(|time| (time, true, index)));
    }
    // Of what happens at once, calls are first: it overlaps.
    events.sort_unstable();
    let last = events.len();
    let mut returns = vec![None; last];
    for (place, &(_, is_return, index)) in events.iter().enumerate() {
        if is_return {
            returns[index] = Some(place + 1);
        }
    }
    let end = Node {
        time: u64::MAX,
        index: 0,
        returned: None,
        next: if last == 0 { END } else { 1 },
        before: last,
    };
    let node = |(place, &(time, is_return, index)): (usize, &(u64, bool, usize))| Node {
        time,
        index,
        returned: if is_return { None } else { returns[index] },
        next: if place + 1 == last { END } else { place + 2 },
        before: place,
    };
    let nodes = events.iter().enumerate().map(node);
    std::iter::once(end).chain(nodes).collect()
}

/// A set of small numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)])
    }

    fn has(&self, index: usize) -> bool {
        self.0[index / 64] & (1 << (index % 64)) != 0
    }

    fn set(&mut self, index: usize, to: bool) {
        let bit = 1 << (index % 64);
        let word = &mut self.0[index / 64];
        *word = if to { *word | bit } else { *word & !bit };
    }
}
