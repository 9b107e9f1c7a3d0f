//! Evidence that a process has ended, as a model: connections that break, a server that is restarted, ports that
//! are not reachable or stop being so. Whoever is taken for dead has ended, and whoever has ended can be found out.

use stateright::{Model, Property};

/// What an observer asks for before it believes that a process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Safeguards {
    /// Its liveness port must refuse.
    pub(crate) port: bool,
    /// That port must have answered to this observer before.
    pub(crate) port_known: bool,
    /// The store's server must not have its connection any more.
    pub(crate) connection: bool,
    /// That server must be the one that the connection was to.
    pub(crate) run: bool,
    /// This observer's own connection to it must have stood for long enough.
    pub(crate) unbroken: bool,
}

impl Safeguards {
    pub(crate) const ALL: Self = Self {
        port: true,
        port_known: true,
        connection: true,
        run: true,
        unbroken: true,
    };
}

/// How the liveness port can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// It refuses if, and only if, the process has ended.
    Reliable,
    /// A gateway does not forward it, and refuses for it.
    NeverForwarded,
    /// The network may begin to refuse for it at any time.
    MayRefuse,
}

/// The environment of one check.
#[derive(Debug, Clone)]
pub(crate) struct Evidence {
    pub(crate) safeguards: Safeguards,
    pub(crate) port: Port,
    /// Single connections break.
    pub(crate) connections_break: bool,
    /// All connections break at once.
    pub(crate) network_breaks: bool,
    /// The store's server is restarted, so often at most.
    pub(crate) restarts_max: u8,
}

/// A connection: to which start of the server, and its number there.
type Connection = (u8, u8);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    has_ended: bool,
    /// Which start of the server runs now, and how many connections it has given.
    run: u8,
    numbers: u8,
    /// The process's connection, and that in its record.
    own: Option<Connection>,
    recorded: Connection,
    /// The network refuses for the port.
    refuses: bool,
    observer: Observer,
    broken: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Observer {
    /// The start of the server that it is connected to, and whether that connection is new.
    connected: Option<(u8, bool)>,
    /// The record as it read it.
    read: Connection,
    port_is_known: bool,
    /// The answer of the server about which connection: whether it is gone.
    gone: Option<(Connection, bool)>,
    takes_for_dead: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// The process ends.
    End,
    /// Its connection breaks.
    Break,
    /// It connects again.
    Reconnect,
    /// It stores its record.
    Record,
    /// The network breaks all connections, and refuses for the port from now on, if it may.
    BreakAll,
    /// The network begins to refuse for the port.
    Refuse,
    /// The server is restarted.
    Restart,
    /// The observer connects.
    Connect,
    /// Its connection has stood for long: by then, whoever lives has connected and stored its record, and the
    /// observer has read it.
    Age,
    /// It reads the record.
    Read,
    /// It sees the port answer.
    Meet,
    /// It asks the server for the connection in the record.
    Ask,
    /// It tries the port, and judges.
    Knock,
}

/// Upper bound on broken connections, so that the model is finite.
const BROKEN_MAX: u8 = 2;

pub(crate) const NOT_NEEDLESS: &str = "whoever is taken for dead has ended";
pub(crate) const FOUND_OUT: &str = "whoever has ended can be found out";

impl State {
    fn port_refuses(&self, port: Port) -> bool {
        self.has_ended || self.refuses || port == Port::NeverForwarded
    }

    fn break_connection(&mut self) {
        self.own = None;
        self.broken += 1;
    }
}

impl Model for Evidence {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let connection = (0, 0);
        vec![State {
            has_ended: false,
            run: 0,
            numbers: 1,
            own: Some(connection),
            recorded: connection,
            refuses: false,
            observer: Observer {
                connected: Some((0, false)),
                read: connection,
                port_is_known: false,
                gone: None,
                takes_for_dead: false,
            },
            broken: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let all = [
            Action::End,
            Action::Break,
            Action::Reconnect,
            Action::Record,
            Action::BreakAll,
            Action::Refuse,
            Action::Restart,
            Action::Connect,
            Action::Age,
            Action::Read,
            Action::Meet,
            Action::Ask,
            Action::Knock,
        ];
        if !state.observer.takes_for_dead {
            actions.extend(all.into_iter().filter(|action| self.can(state, action)));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::End => {
                state.has_ended = true;
                state.own = None;
            }
            Action::Break => state.break_connection(),
            Action::Reconnect => {
                state.own = Some((state.run, state.numbers));
                state.numbers += 1;
            }
            Action::Record => state.recorded = state.own?,
            Action::BreakAll => {
                state.break_connection();
                state.observer.connected = None;
                state.refuses |= self.port == Port::MayRefuse;
            }
            Action::Refuse => state.refuses = true,
            Action::Restart => {
                state.run += 1;
                state.numbers = 0;
                state.own = None;
                state.observer.connected = None;
            }
            Action::Connect => {
                state.observer.connected = Some((state.run, true));
                state.observer.gone = None;
            }
            Action::Age => {
                state.observer.connected = Some((state.run, false));
                state.observer.read = state.recorded;
            }
            Action::Read => state.observer.read = state.recorded,
            Action::Meet => state.observer.port_is_known = true,
            Action::Ask => self.ask(&mut state)?,
            Action::Knock => self.knock(&mut state),
        }
        Some(state).filter(|state| state != last)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NOT_NEEDLESS, |_, state: &State| {
                !state.observer.takes_for_dead || state.has_ended
            }),
            Property::sometimes(FOUND_OUT, |_, state: &State| {
                state.observer.takes_for_dead && state.has_ended
            }),
        ]
    }
}

impl Evidence {
    fn can(&self, state: &State, action: &Action) -> bool {
        let lives = !state.has_ended;
        match action {
            Action::End => lives,
            Action::Break => {
                self.connections_break && state.own.is_some() && state.broken < BROKEN_MAX
            }
            Action::Reconnect => lives && state.own.is_none(),
            Action::Record => lives && state.own.is_some(),
            Action::BreakAll => self.network_breaks && lives && state.broken < BROKEN_MAX,
            Action::Refuse => self.port == Port::MayRefuse && !self.network_breaks,
            Action::Restart => state.run < self.restarts_max,
            Action::Connect => state.observer.connected.is_none(),
            Action::Age => {
                let is_new = matches!(state.observer.connected, Some((_, true)));
                is_new && (state.has_ended || state.own == Some(state.recorded))
            }
            Action::Meet => !state.port_refuses(self.port),
            Action::Ask => state.observer.connected.is_some(),
            Action::Read | Action::Knock => true,
        }
    }

    /// The server says whether it has the connection that the observer has read of.
    fn ask(&self, state: &mut State) -> Option<()> {
        let (run, is_new) = state.observer.connected?;
        let (of_run, number) = state.observer.read;
        if self.safeguards.run && of_run != run || self.safeguards.unbroken && is_new {
            return None;
        }
        // Numbers mean nothing to another start of the server.
        let listed = state.own.is_some_and(|(_, own)| own == number);
        state.observer.gone = Some((state.observer.read, !listed));
        Some(())
    }

    fn knock(&self, state: &mut State) {
        let guards = self.safeguards;
        let observer = &state.observer;
        let refuses = !guards.port || state.port_refuses(self.port);
        let is_known = !guards.port_known || observer.port_is_known;
        let is_gone = match observer.gone {
            Some((of, gone)) => gone && of == observer.read,
            None => false,
        };
        let is_gone = is_gone || !guards.connection;
        state.observer.takes_for_dead = refuses && is_known && is_gone;
    }
}
