//! Who may write a match, as a model: every order in which claims, writes, their repetitions, losses,
//! delays and crashes can happen within small bounds, and each safeguard taken out in turn.
//!
//! The model is of the contract, not of the code: `simulation` and the conformance tests of the store
//! hold the code to the same contract.

mod evidence;
mod properties;
mod sets;
mod silence;
mod store;
mod system;

use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use evidence::{Evidence, FOUND_OUT, NOT_NEEDLESS, Port};
use properties::{
    AT_MOST_ONCE, CAN_FINISH, CONFIRMED_FIRST, EPOCHS_RISE, KEPT, ONE_PER_SEQ, ONE_TRUTH,
    OWNER_KNOWS, OWNER_WRITES, SHOWN_IS_PREFIX,
};
use sets::{FOUND, Sets};
use silence::{RAN, Silence, WAS_SILENT};
use store::Safeguards;
use system::{Loses, Ownership};

const THREADS: usize = 2;

/// What the checker asks of a model.
trait Checked:
    Model<
        State: Clone + Debug + Hash + PartialEq + Send + Sync,
        Action: Clone + Debug + PartialEq + Send + Sync,
    > + Send
    + Sync
    + 'static
{
}

impl<M> Checked for M where
    M: Model<
            State: Clone + Debug + Hash + PartialEq + Send + Sync,
            Action: Clone + Debug + PartialEq + Send + Sync,
        > + Send
        + Sync
        + 'static
{
}

/// Two shards, and two takeovers between them.
const TWO_SHARDS: Ownership = Ownership {
    safeguards: Safeguards::ALL,
    shards: 2,
    commands: 2,
    epoch_max: 3,
    crashes_max: 0,
    repeats: true,
    loses: None,
};

/// Two shards, one of which may die and come back as another process.
const A_CRASH: Ownership = Ownership {
    epoch_max: 2,
    crashes_max: 1,
    ..TWO_SHARDS
};

/// The same with one takeover more, and one command less so that it stays small.
const A_CRASH_AND_TAKEOVERS: Ownership = Ownership {
    commands: 1,
    epoch_max: 3,
    ..A_CRASH
};

/// Three shards that may all claim at once.
const THREE_SHARDS: Ownership = Ownership {
    shards: 3,
    epoch_max: 2,
    ..TWO_SHARDS
};

/// Visits every state; no property may fail, and all that must be possible must be found.
fn holds(name: &str, model: impl Checked) {
    holds_but(name, model, &[]);
}

/// The same for all properties but some.
fn holds_but(name: &str, model: impl Checked, except: &[&str]) {
    let properties = model.properties();
    let checker = model.checker().threads(THREADS).spawn_bfs().join();
    eprintln!(
        "{name}: {} states, {} deep, all visited",
        checker.unique_state_count(),
        checker.max_depth()
    );
    for property in properties {
        match property.expectation {
            _ if except.contains(&property.name) => {}
            Expectation::Sometimes => drop(checker.assert_any_discovery(property.name)),
            _ => checker.assert_no_discovery(property.name),
        }
    }
}

/// Looks for a counterexample to `property`, which must be there.
fn fails(name: &str, model: impl Checked, property: &'static str) {
    let wanted = HasDiscoveries::AllOf([property].into());
    let checker = model
        .checker()
        .threads(THREADS)
        .finish_when(wanted)
        .spawn_bfs()
        .join();
    let found = checker.discovery(property);
    let states = checker.unique_state_count();
    let path = found.unwrap_or_else(|| panic!("{name}: {states} states, and \"{property}\" holds"));
    eprintln!("{name}: {states} states; \"{property}\" fails by");
    for action in path.into_actions() {
        eprintln!("    {action:?}");
    }
}

/// Two shards with some safeguards taken out: these failures need no crash.
fn without(take_out: impl FnOnce(&mut Safeguards)) -> Ownership {
    let mut safeguards = Safeguards::ALL;
    take_out(&mut safeguards);
    Ownership {
        safeguards,
        ..TWO_SHARDS
    }
}

#[test]
fn two_shards_keep_every_promise() {
    holds("two shards", TWO_SHARDS);
    holds("two shards, a crash", A_CRASH);
    holds("two shards, a crash and takeovers", A_CRASH_AND_TAKEOVERS);
}

#[test]
fn three_shards_keep_every_promise() {
    holds("three shards", THREE_SHARDS);
}

#[test]
fn without_the_gate_players_see_what_never_happened() {
    let model = || without(|safeguards| safeguards.gate = false);
    fails("no gate", model(), CONFIRMED_FIRST);
    fails("no gate", model(), SHOWN_IS_PREFIX);
    fails("no gate", model(), ONE_TRUTH);
    fails("no gate", model(), OWNER_KNOWS);
}

#[test]
fn without_the_position_check_a_repetition_is_written_twice() {
    let model = || without(|safeguards| safeguards.position = false);
    fails("no position check", model(), ONE_PER_SEQ);
    fails("no position check", model(), AT_MOST_ONCE);
    fails("no position check", model(), KEPT);
    fails("no position check", model(), CAN_FINISH);
}

/// The position check alone stops a fork: a former owner may still write, but only what the log,
/// and so the present owner, has room for. What it cannot do is tell the present owner of that write:
/// a player who saw it comes to an owner who has not.
#[test]
fn the_position_check_stops_a_fork_by_itself_and_no_more() {
    let model = || without(|safeguards| safeguards.epoch = false);
    holds_but("no epoch check", model(), &[OWNER_KNOWS, OWNER_WRITES]);
    fails("no epoch check", model(), OWNER_KNOWS);
    fails("no epoch check", model(), OWNER_WRITES);
}

/// The epoch alone stops a fork too, as long as no write arrives twice: that one it cannot tell.
#[test]
fn the_epoch_check_stops_a_fork_by_itself_where_nothing_is_repeated() {
    let mut model = without(|safeguards| safeguards.position = false);
    model.repeats = false;
    holds("no position check, no repetitions", model);
}

#[test]
fn without_both_checks_the_log_forks() {
    let model = || {
        let mut model = without(|safeguards| {
            safeguards.epoch = false;
            safeguards.position = false;
        });
        model.repeats = false;
        model
    };
    fails("no check, no repetitions", model(), SHOWN_IS_PREFIX);
    fails("no check, no repetitions", model(), ONE_TRUTH);
    fails("no check, no repetitions", model(), ONE_PER_SEQ);
}

#[test]
fn a_claim_that_does_not_compare_lets_epochs_fall() {
    let model = without(|safeguards| safeguards.compare = false);
    fails("no comparison", model, EPOCHS_RISE);
}

/// Two shards hold one epoch number after a claim was lost, which the epoch check cannot tell apart. What a
/// lost claim breaks by itself is left out: the number has two owners, and one who is made the owner again
/// does not know what was shown meanwhile. So are repetitions: one that arrives after its number was given
/// again, to the same shard, is like the first.
#[test]
fn the_owner_tells_two_shards_of_one_epoch_apart() {
    let model = Ownership {
        epoch_max: 2,
        repeats: false,
        loses: Some(Loses::Claim),
        ..TWO_SHARDS
    };
    let broken = [EPOCHS_RISE, OWNER_KNOWS];
    holds_but("a claim is lost", model.clone(), &broken);
    let mut without = model;
    without.safeguards.owner = false;
    fails("a claim is lost, no owner check", without, OWNER_WRITES);
}

#[test]
fn a_store_that_loses_what_it_confirmed_is_noticed() {
    let loses = |loss| Ownership {
        loses: Some(loss),
        ..TWO_SHARDS
    };
    fails("a record is lost", loses(Loses::Record), KEPT);
    fails("a record is lost", loses(Loses::Record), SHOWN_IS_PREFIX);
    fails("a record is lost", loses(Loses::Record), ONE_TRUTH);
    fails("a claim is lost", loses(Loses::Claim), EPOCHS_RISE);
}

/// Three shards, with the match on its way between them.
fn sets_without(take_out: impl FnOnce(&mut sets::Safeguards)) -> Sets {
    let mut safeguards = sets::Safeguards::ALL;
    take_out(&mut safeguards);
    Sets {
        safeguards,
        shards: 3,
        epoch_max: 2,
        deeds_max: 2,
        loses: false,
    }
}

#[test]
fn whoever_stops_or_dies_the_match_is_found() {
    let three_shards = sets_without(|_| ());
    let two_shards = Sets {
        shards: 2,
        epoch_max: 3,
        deeds_max: 3,
        ..three_shards.clone()
    };
    holds("sets of three shards", three_shards);
    holds("sets of two shards", two_shards);
}

/// The tag in a match's id puts it into another slot than the sets, so that one can be lost without the other.
#[test]
fn an_addition_that_a_failover_lost_is_made_again() {
    let losing = |mut model: Sets| {
        model.loses = true;
        model
    };
    holds("an addition is lost", losing(sets_without(|_| ())));
    let model = sets_without(|safeguards| safeguards.again = false);
    fails("an addition is lost for good", losing(model), FOUND);
}

#[test]
fn a_removal_that_is_not_ordered_against_additions_forgets_a_match() {
    let model = sets_without(|safeguards| safeguards.ordered = false);
    fails("removals in no order", model, FOUND);
}

#[test]
fn a_shard_that_leaves_with_its_set_full_forgets_a_match() {
    let model = sets_without(|safeguards| safeguards.tombstones = false);
    fails("no tombstones", model, FOUND);
}

#[test]
fn a_claim_before_its_hint_forgets_a_match() {
    let model = sets_without(|safeguards| safeguards.hint_first = false);
    fails("claim before hint", model, FOUND);
}

#[test]
fn a_set_under_an_id_that_the_registry_does_not_name_forgets_a_match() {
    let model = sets_without(|safeguards| safeguards.named = false);
    fails("sets without names", model, FOUND);
}

/// A port that can be trusted, and connections that cannot.
fn by_port() -> Evidence {
    Evidence {
        safeguards: evidence::Safeguards::ALL,
        port: Port::Reliable,
        connections_break: true,
        network_breaks: false,
        restarts_max: 1,
    }
}

/// A port that a gateway does not forward.
fn by_nothing() -> Evidence {
    Evidence {
        port: Port::NeverForwarded,
        ..by_port()
    }
}

/// Connections that break only with the server, and a port that may become out of reach.
fn by_connection() -> Evidence {
    Evidence {
        port: Port::MayRefuse,
        connections_break: false,
        restarts_max: 2,
        ..by_port()
    }
}

/// A network that breaks all connections, and refuses for the port.
fn by_a_connection_that_stood() -> Evidence {
    Evidence {
        network_breaks: true,
        restarts_max: 0,
        ..by_connection()
    }
}

#[test]
fn evidence_is_of_those_alone_who_have_ended() {
    holds("evidence by the port", by_port());
    holds("evidence by the connection", by_connection());
    holds("evidence after a break", by_a_connection_that_stood());
    // Silence is what remains there.
    holds_but("no evidence at all", by_nothing(), &[FOUND_OUT]);
}

#[test]
fn evidence_without_one_of_its_parts_is_against_the_living() {
    let mut model = by_port();
    model.safeguards.port = false;
    fails("whatever the port says", model, NOT_NEEDLESS);
    let mut model = by_nothing();
    model.safeguards.port_known = false;
    fails("a port that never answered", model, NOT_NEEDLESS);
    let mut model = by_connection();
    model.safeguards.connection = false;
    fails("whatever the server says", model, NOT_NEEDLESS);
    // After a restart each of two is enough: the server's name, and a connection that has stood.
    let mut model = by_connection();
    model.safeguards.unbroken = false;
    holds("of the same start of the server", model.clone());
    model.safeguards.run = false;
    fails("of another start of the server", model, NOT_NEEDLESS);
    let mut model = by_a_connection_that_stood();
    model.safeguards.unbroken = false;
    fails("by a new connection", model, NOT_NEEDLESS);
}

/// Everything that may stand between a shard and its observer, but a store that takes no records.
const QUIET: Silence = Silence {
    safeguards: silence::Safeguards::ALL,
    beats_are_lost: true,
    stores_stall: false,
    observer_is_suspended: true,
};

/// The same with such a store: the beats alone tell who lives.
const STALLED: Silence = Silence {
    stores_stall: true,
    ..QUIET
};

#[test]
fn silence_is_believed_of_those_alone_who_are_silent() {
    holds("silence", QUIET);
    holds_but("silence of a store too", STALLED, &[WAS_SILENT]);
}

#[test]
fn silence_without_one_of_its_safeguards_is_believed_of_the_living() {
    let mut model = STALLED;
    model.safeguards.own_beats = false;
    fails("time without own beats", model, RAN);
    let mut model = STALLED;
    model.safeguards.ran = false;
    fails("time in which it did not run", model, RAN);
    let mut model = QUIET;
    model.safeguards.read = false;
    fails("no read", model, WAS_SILENT);
    let mut model = QUIET;
    model.safeguards.read_after = false;
    fails("an earlier read", model, WAS_SILENT);
}
