//! The shards as this matchmaker sees them: which are alive, which takes a new match, which an orphaned one.
//!
//! The view is soft: it is rebuilt from the store within seconds, and a wrong guess costs a player a detour, never a
//! match, as the store decides about ownership.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use game_core::{MatchId, MatchTime, ShardId};
use store::{
    Beat, Heirs, Liveness, LivenessFigures, Proof, Registered, Room, ShardRecord, Store,
    StoreError, Suspicion,
};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// An answer of the registry must come within this, or the store counts as down.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Reads of the registry between two checks of how full the store is: 3 s. In that time an installation that
/// creates a thousand challenges a second fills 2 MB.
const ROOM_EVERY: u32 = 6;

/// A shard counts as having at least this much of its CPU share free, in permille: if all are busy, their free places
/// decide.
const FREE_CPU_MIN: u32 = 50;

/// The state of a match's owner according to the registry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate<'a> {
    /// It is alive.
    Lives(&'a ShardRecord),
    /// It is alive or has just died; which of the two is known within seconds.
    Suspect(&'a ShardRecord),
    /// It is dead: it has left, or its heartbeat counter stands still.
    Dead,
    /// It has no record: it has not registered yet or its record was lost; which of the two is known within seconds.
    Silent,
    /// It has a record that cannot be read here: it is alive, at an unknown address.
    Unreadable,
    /// The registry did not name it when it was last read.
    Absent,
    /// This matchmaker has not seen the registry yet.
    Unknown,
}

/// The registry at one moment.
#[derive(Debug, Default)]
pub(crate) struct RegistryView {
    shards: Vec<Shard>,
    suspects: Vec<ShardId>,
    dead: Vec<ShardId>,
    /// Shards that are not dead and whose records cannot be read.
    unreadable: Vec<ShardId>,
    observed: bool,
    /// How full the store is, as of a few seconds ago.
    room: Room,
    figures: LivenessFigures,
    beats_refused: bool,
}

#[derive(Debug)]
struct Shard {
    record: ShardRecord,
    /// Its heartbeat counter was seen to move. If not, the record may be the last trace of a dead shard.
    proven: bool,
    /// Matches placed there since this view was made, so that a burst is spread over shards.
    placed: AtomicU32,
}

impl RegistryView {
    /// Whether the registry has been read.
    pub(crate) fn observed(&self) -> bool {
        self.observed
    }

    /// How full the store is.
    pub(crate) fn room(&self) -> Room {
        self.room
    }

    /// What was counted of shards' deaths.
    pub(crate) fn figures(&self) -> LivenessFigures {
        self.figures
    }

    /// Whether the store lets this matchmaker neither publish nor hear beats.
    pub(crate) fn beats_refused(&self) -> bool {
        self.beats_refused
    }

    /// The same view, with how full the store is.
    pub(crate) fn with_room(self, room: Room) -> Self {
        Self { room, ..self }
    }

    /// The state of a shard.
    pub(crate) fn fate(&self, id: ShardId) -> Fate<'_> {
        match self.shards.iter().find(|shard| shard.record.id == id) {
            Some(shard) if self.suspects.contains(&id) => Fate::Suspect(&shard.record),
            Some(shard) => Fate::Lives(&shard.record),
            None if self.dead.contains(&id) => Fate::Dead,
            None if self.unreadable.contains(&id) => Fate::Unreadable,
            None if self.suspects.contains(&id) => Fate::Silent,
            None if self.observed => Fate::Absent,
            None => Fate::Unknown,
        }
    }

    /// The records of the live shards.
    pub(crate) fn records(&self) -> impl Iterator<Item = &ShardRecord> {
        self.shards.iter().map(|shard| &shard.record)
    }

    /// The numbers of shards that take matches, drain, and are dead.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let draining = self.records().filter(|record| record.draining).count();
        (self.shards.len() - draining, draining, self.dead.len())
    }

    /// A shard with room, drawn by `dice`: each as likely as its share of the free places, weighted by the part of
    /// its CPU share that is free. Its home tag is that of a new match.
    pub(crate) fn draw(&self, dice: u64) -> Option<&ShardRecord> {
        let candidates = self.candidates();
        let places: u64 = candidates.iter().map(|shard| shard.weight()).sum();
        let mut place = dice.checked_rem(places)?;
        let has_place = |shard: &&Shard| match place.checked_sub(shard.weight()) {
            Some(rest) => {
                place = rest;
                false
            }
            None => true,
        };
        let drawn = candidates.into_iter().find(has_place);
        drawn.map(|shard| &shard.record)
    }

    /// The first owner of a new match: the shard whose home tag it has or, if that has no room, one that `dice` draws.
    pub(crate) fn for_new(&self, id: MatchId, dice: u64) -> Option<&ShardRecord> {
        let candidates = self.candidates().into_iter();
        let at_home = candidates.filter(|shard| shard.record.id.home() == id.tag());
        let home = at_home.max_by_key(|shard| shard.free());
        home.map_or_else(|| self.draw(dice), |shard| Some(&shard.record))
    }

    /// Notes that a new match was placed on a shard.
    pub(crate) fn note_placed(&self, id: ShardId) {
        if let Some(shard) = self.shards.iter().find(|shard| shard.record.id == id) {
            shard.placed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The shard for a match whose owner `gone` is gone: the one that the surviving shards find too
    /// ([`Liveness::heir`]), or the next in that order that is not full. So all who ask for one match
    /// are sent to one place, whichever matchmaker they ask, and it is where the match goes anyway.
    pub(crate) fn for_match(&self, id: MatchId, gone: ShardId) -> Option<&ShardRecord> {
        self.taker(id, gone, |_| true)
    }

    /// The same among the shards that `is_fit` accepts.
    pub(crate) fn taker(
        &self,
        id: MatchId,
        gone: ShardId,
        is_fit: impl Fn(&ShardRecord) -> bool,
    ) -> Option<&ShardRecord> {
        let fit = self.shards.iter().filter(|shard| is_fit(&shard.record));
        Heirs::of(gone, fit.map(|shard| (&shard.record, shard.has_room()))).of_match(id)
    }

    /// The shards for a new match: those whose counter was seen to move, if there are any.
    fn candidates(&self) -> Vec<&Shard> {
        let (proven, new): (Vec<_>, Vec<_>) = self.takers().partition(|shard| shard.proven);
        if proven.is_empty() { new } else { proven }
    }

    /// The shards that take matches.
    fn takers(&self) -> impl Iterator<Item = &Shard> {
        self.shards
            .iter()
            .filter(|shard| !shard.record.draining && shard.has_room())
    }
}

impl Shard {
    fn has_room(&self) -> bool {
        self.free() > 0
    }

    /// Its chance to get a new match, relative to others: its free places times its free CPU share.
    fn weight(&self) -> u64 {
        let free_permille = 1_000_u32.saturating_sub(self.record.load);
        self.free() * u64::from(free_permille.max(FREE_CPU_MIN))
    }

    /// Number of matches that it can still take.
    fn free(&self) -> u64 {
        let placed = self.placed.load(Ordering::Relaxed);
        let used = self.record.live.saturating_add(placed);
        self.record.capacity.saturating_sub(used).into()
    }
}

/// Makes views from reads of the registry and from beats.
#[derive(Debug)]
pub(crate) struct Observer {
    liveness: Liveness,
    /// Under which this matchmaker hears its own beats: an observer that does not hear these judges nobody.
    id: ShardId,
    /// The registry as it was last read.
    registry: Vec<Registered>,
    /// The heartbeat counter of each shard when it was first seen.
    first_beats: HashMap<ShardId, u64>,
}

impl Default for Observer {
    fn default() -> Self {
        Self {
            liveness: Liveness::default(),
            id: ShardId::from_random(rand::random()),
            registry: Vec::new(),
            first_beats: HashMap::new(),
        }
    }
}

impl Observer {
    /// A view of the registry as it was read at `now` on this process's monotonic clock.
    pub(crate) fn observe(&mut self, registry: &[Registered], now: Duration) -> RegistryView {
        self.liveness.observe(registry, now);
        self.registry = registry.to_vec();
        let known = std::mem::take(&mut self.first_beats);
        let first = |record: &ShardRecord| {
            let beat = known.get(&record.id).copied().unwrap_or(record.heartbeat);
            (record.id, beat)
        };
        let records = registry.iter().filter_map(Registered::record);
        self.first_beats = records.map(first).collect();
        self.view()
    }

    /// The registry as it was last read, with what is known now of who lives.
    fn view(&self) -> RegistryView {
        let shard = |record: &ShardRecord| Shard {
            record: record.clone(),
            proven: self.first_beats.get(&record.id) != Some(&record.heartbeat)
                || self.liveness.has_moved(record.id),
            placed: AtomicU32::new(0),
        };
        let dead: Vec<_> = self.liveness.dead().map(|(id, _)| id).collect();
        let unreadable = self.registry.iter().filter_map(|seen| match seen {
            Registered::Unreadable { id, .. } if !dead.contains(id) => Some(*id),
            _ => None,
        });
        RegistryView {
            shards: self.liveness.lives().map(shard).collect(),
            suspects: self.liveness.suspects().collect(),
            unreadable: unreadable.collect(),
            dead,
            observed: self.liveness.has_observed(),
            room: Room::default(),
            figures: self.liveness.figures(),
            beats_refused: false,
        }
    }

    /// Who is suspect and who is dead, in order: what changes between two reads of the registry.
    fn doubts(&self) -> (Vec<ShardId>, Vec<ShardId>) {
        let mut suspects: Vec<_> = self.liveness.suspects().collect();
        let mut dead: Vec<_> = self.liveness.dead().map(|(id, _)| id).collect();
        suspects.sort_unstable();
        dead.sort_unstable();
        (suspects, dead)
    }

    /// The store did not answer.
    pub(crate) fn store_was_down(&mut self) {
        self.liveness.store_was_down();
    }
}

/// What a request of the watcher led to.
enum Done {
    Registry(Result<Vec<Registered>, StoreError>),
    Room(Room),
    Proved(Suspicion, Proof),
    Published,
}

/// Reads the registry and hears beats for as long as the matchmaker runs. While the store does not answer, the last
/// view stands. The log says what changed.
pub(crate) async fn watch_registry(
    store: Arc<dyn Store>,
    views: watch::Sender<Arc<RegistryView>>,
    shutdown: CancellationToken,
) {
    let mut watcher = Watcher {
        store,
        views,
        observer: Observer::default(),
        answers: Answers::default(),
        room: Room::default(),
        known: Default::default(),
        beats_refused: false,
        beats: 0,
        is_reading: false,
        requests: JoinSet::new(),
    };
    let origin = Instant::now();
    let mut looks = interval(Liveness::LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reads = interval(Liveness::HEARTBEAT_EVERY);
    reads.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rooms = interval(Liveness::HEARTBEAT_EVERY * ROOM_EVERY);
    rooms.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut look = 0_u64;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            Some(Ok(done)) = watcher.requests.join_next() => watcher.done(done, origin.elapsed()),
            _ = reads.tick() => watcher.read(),
            _ = rooms.tick() => watcher.look_for_room(),
            _ = looks.tick() => {
                look += 1;
                if look.is_multiple_of(2) {
                    watcher.beat();
                }
                watcher.look(origin.elapsed());
            }
        }
    }
}

/// What watches the registry, and the requests that it has under way.
struct Watcher {
    store: Arc<dyn Store>,
    views: watch::Sender<Arc<RegistryView>>,
    observer: Observer,
    answers: Answers,
    room: Room,
    /// Who was suspect and who was dead in the last view.
    known: (Vec<ShardId>, Vec<ShardId>),
    beats_refused: bool,
    beats: u64,
    is_reading: bool,
    requests: JoinSet<Done>,
}

impl Watcher {
    /// Upper bound on requests under way: beyond it no beat is sent, as the store does not answer.
    const REQUESTS_MAX: usize = 128;

    fn read(&mut self) {
        if self.is_reading {
            return;
        }
        self.is_reading = true;
        self.observer.liveness.reading();
        let store = Arc::clone(&self.store);
        self.requests.spawn(async move {
            let late = || StoreError::Unavailable(format!("no answer within {ANSWER_WITHIN:?}"));
            let answer = timeout(ANSWER_WITHIN, store.shards()).await;
            Done::Registry(answer.unwrap_or_else(|_| Err(late())))
        });
    }

    fn look_for_room(&mut self) {
        if self.requests.len() < Self::REQUESTS_MAX {
            let (store, before) = (Arc::clone(&self.store), self.room);
            self.requests
                .spawn(async move { Done::Room(look_for_room(&*store, before).await) });
        }
    }

    fn beat(&mut self) {
        if self.requests.len() >= Self::REQUESTS_MAX {
            return;
        }
        self.beats += 1;
        let beat = Beat {
            shard: self.observer.id,
            count: self.beats,
            clock: MatchTime::default(),
        };
        let store = Arc::clone(&self.store);
        self.requests.spawn(async move {
            let _ = timeout(ANSWER_WITHIN, store.publish(&beat)).await;
            Done::Published
        });
    }

    /// Looks at what was heard.
    fn look(&mut self, now: Duration) {
        let heard = self.store.heard();
        self.say_if_refused(heard.is_refused);
        let id = self.observer.id;
        self.observer.liveness.heard(&heard, id, now);
        if self.observer.liveness.wants_registry() {
            self.read();
        }
        for suspicion in self.observer.liveness.suspicions() {
            let store = Arc::clone(&self.store);
            self.requests.spawn(async move {
                let proof = store::prove(&*store, &suspicion).await;
                Done::Proved(suspicion, proof)
            });
        }
        self.show_if_changed();
    }

    fn done(&mut self, done: Done, now: Duration) {
        match done {
            Done::Registry(Ok(registry)) => {
                self.is_reading = false;
                let view = self.observer.observe(&registry, now);
                self.show(view);
            }
            Done::Registry(Err(error)) => {
                self.is_reading = false;
                self.observer.store_was_down();
                self.answers.failed(&error);
            }
            Done::Room(room) => self.room = room,
            Done::Proved(suspicion, proof) => {
                if self.observer.liveness.proved(&suspicion, proof) {
                    info!(shard = %suspicion.shard, "there is evidence that a shard's process has ended");
                }
                self.show_if_changed();
            }
            Done::Published => {}
        }
    }

    fn show_if_changed(&mut self) {
        if self.observer.liveness.has_observed() && self.observer.doubts() != self.known {
            let view = self.observer.view();
            self.show(view);
        }
    }

    fn show(&mut self, view: RegistryView) {
        self.known = self.observer.doubts();
        let view = RegistryView {
            beats_refused: self.beats_refused,
            ..view.with_room(self.room)
        };
        self.answers.came(&view);
        self.views.send_replace(Arc::new(view));
    }

    /// Warns once when the store begins to refuse beats.
    fn say_if_refused(&mut self, is_refused: bool) {
        if std::mem::replace(&mut self.beats_refused, is_refused) != is_refused && is_refused {
            warn!(
                "the store's user may not publish or subscribe to the channel of beats, so a dead shard is noticed \
                 after 3 s instead of 1.2 s: give it the right to the channel (&PREFIX:beats) and to PUBLISH \
                 and SUBSCRIBE"
            );
        }
    }
}

/// How full the store is; `before` if it does not answer.
async fn look_for_room(store: &dyn Store, before: Room) -> Room {
    let Ok(Ok(room)) = timeout(ANSWER_WITHIN, store.room()).await else {
        return before;
    };
    if before.is_for_new() && !room.is_for_new() {
        warn!(
            used_bytes = room.used_bytes,
            limit_bytes = room.limit_bytes,
            "the store is nearly full: no matches, challenges or tickets are created until it has room"
        );
    } else if !before.is_for_new() && room.is_for_new() {
        info!("the store has room again");
    }
    room
}

/// Logs changes, each once.
#[derive(Default)]
struct Answers {
    /// Live shards at the last answer; `None` while the store does not answer.
    live: Option<usize>,
    is_down: bool,
}

impl Answers {
    fn came(&mut self, view: &RegistryView) {
        if self.is_down {
            info!("the store answers again");
        }
        self.is_down = false;
        if self.live != Some(view.shards.len()) {
            info!(
                live = view.shards.len(),
                "the number of live shards changed"
            );
        }
        self.live = Some(view.shards.len());
    }

    fn failed(&mut self, error: &StoreError) {
        if !self.is_down {
            warn!(%error, "the registry of shards cannot be read; trying again");
        }
        self.is_down = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shard that takes 100 matches and holds `live`, at heartbeat `beat`.
    fn record(number: u128, beat: u64, live: u32) -> ShardRecord {
        ShardRecord {
            id: ShardId::from_random(number),
            heartbeat: beat,
            address: "127.0.0.1:4433".parse().unwrap(),
            certificate_sha256: None,
            capacity: 100,
            live,
            load: 0,
            cpu_share: 1_000,
            draining: false,
            admin: None,
            clock: MatchTime::default(),
            liveness: None,
            connections: Vec::new(),
            web: store::WebDoors::default(),
        }
    }

    /// A shard that the registry does not name.
    fn gone() -> ShardId {
        ShardId::from_random(1_000)
    }

    fn draining(record: ShardRecord) -> ShardRecord {
        ShardRecord {
            draining: true,
            ..record
        }
    }

    fn after(half_seconds: u32) -> Duration {
        Liveness::HEARTBEAT_EVERY * half_seconds
    }

    fn registered(records: &[ShardRecord]) -> Vec<Registered> {
        records.iter().cloned().map(Registered::from).collect()
    }

    fn view(records: &[ShardRecord]) -> RegistryView {
        Observer::default().observe(&registered(records), Duration::ZERO)
    }

    /// All the shards that some throw of the dice gives a new match to.
    fn chosen(view: &RegistryView) -> Vec<ShardId> {
        let mut ids: Vec<_> = (0..1_000)
            .filter_map(|dice| view.draw(dice * 997))
            .map(|record| record.id)
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }

    fn ids(numbers: &[u128]) -> Vec<ShardId> {
        let mut ids: Vec<_> = numbers.iter().map(|n| ShardId::from_random(*n)).collect();
        ids.sort();
        ids
    }

    #[test]
    fn new_matches_go_to_shards_with_room() {
        let cases: [(&[ShardRecord], &[u128]); 5] = [
            (&[], &[]),
            (&[record(1, 0, 0)], &[1]),
            (
                &[record(1, 0, 8), record(2, 0, 100), record(3, 0, 99)],
                &[1, 3],
            ),
            (&[draining(record(1, 0, 0)), record(2, 0, 99)], &[2]),
            (&[draining(record(1, 0, 0)), record(2, 0, 100)], &[]),
        ];
        for (registry, expected) in cases {
            assert_eq!(chosen(&view(registry)), ids(expected), "{registry:?}");
        }
    }

    #[test]
    fn no_capacity_is_no_choice() {
        let none = ShardRecord {
            capacity: 0,
            ..record(1, 0, 0)
        };
        assert_eq!(chosen(&view(&[none])), []);
    }

    /// Over all free places, each shard is drawn once for each of its own.
    #[test]
    fn new_matches_are_drawn_evenly_by_free_capacity() {
        let half_size = ShardRecord {
            capacity: 50,
            ..record(3, 0, 40)
        };
        let view = view(&[record(1, 0, 0), record(2, 0, 70), half_size]);
        let mut counts = [0; 3];
        // All of them have their whole CPU share free.
        for dice in 0..140 {
            let id = view.draw(dice * 1_000).unwrap().id;
            let n = (1..=3).position(|n| id == ShardId::from_random(n));
            counts[n.unwrap()] += 1;
        }
        assert_eq!(counts, [100, 30, 10]);
    }

    #[test]
    fn new_matches_go_to_shards_with_free_cpu() {
        let with_load = |number, load| ShardRecord {
            load,
            ..record(number, 0, 0)
        };
        let view = view(&[with_load(1, 900), with_load(2, 500), with_load(3, 1_300)]);
        let mut counts = [0; 3];
        // 100 free places each, of which 10 %, 50 % and at least 5 % count.
        for dice in 0..65 {
            let id = view.draw(dice * 1_000).unwrap().id;
            let n = (1..=3).position(|n| id == ShardId::from_random(n));
            counts[n.unwrap()] += 1;
        }
        assert_eq!(counts, [10, 50, 5]);
    }

    #[test]
    fn a_burst_between_two_heartbeats_fills_no_shard_beyond_its_capacity() {
        let view = view(&[record(1, 0, 95), record(2, 0, 97)]);
        for dice in 0..8 {
            view.note_placed(view.draw(dice * 31_000).unwrap().id);
        }
        assert_eq!(view.draw(0).map(|record| record.id), None);
    }

    #[test]
    fn the_first_owner_is_the_shard_of_the_tag_while_it_has_room() {
        let of_tag = |tag: &str, live| ShardRecord {
            id: format!("{tag}0123456789").parse().unwrap(),
            ..record(0, 0, live)
        };
        let id: MatchId = "Bb9876543210".parse().unwrap();
        let first = |live, dice| {
            let view = view(&[of_tag("Aa", 0), of_tag("Bb", live), of_tag("Cc", 0)]);
            view.for_new(id, dice).unwrap().id
        };
        assert!((0..300).all(|dice| first(99, dice).home() == id.tag()));
        let mut others: Vec<_> = (0..300).map(|dice| first(100, dice).to_string()).collect();
        others.sort();
        others.dedup();
        assert_eq!(others, ["Aa0123456789", "Cc0123456789"]);
    }

    #[test]
    fn a_shard_whose_counter_moves_is_preferred_to_one_just_seen() {
        let mut observer = Observer::default();
        let view = observer.observe(&registered(&[record(1, 5, 9), record(2, 7, 0)]), after(0));
        assert_eq!(chosen(&view), ids(&[1, 2]), "neither is proven");
        let view = observer.observe(&registered(&[record(1, 6, 9), record(2, 7, 0)]), after(1));
        assert_eq!(chosen(&view), ids(&[1]));
        let view = observer.observe(&registered(&[record(1, 6, 9), record(2, 8, 0)]), after(2));
        assert_eq!(chosen(&view), ids(&[1, 2]), "once seen to move is enough");
    }

    #[test]
    fn the_fate_of_an_owner() {
        let [beating, still, left, never] = [1, 2, 3, 4].map(ShardId::from_random);
        assert_eq!(RegistryView::default().fate(beating), Fate::Unknown);
        let mut observer = Observer::default();
        let view = observer.observe(
            &registered(&[record(1, 0, 0), record(2, 0, 0), record(3, 0, 0)]),
            after(0),
        );
        assert_eq!(
            view.fate(still),
            Fate::Lives(&record(2, 0, 0)),
            "newly seen is alive"
        );
        assert_eq!(view.fate(never), Fate::Absent);
        for n in 1..6 {
            let registry = [draining(record(1, u64::from(n), 0)), record(2, 0, 0)];
            let view = observer.observe(&registered(&registry), after(n));
            let alive = draining(record(1, u64::from(n), 0));
            assert_eq!(view.fate(beating), Fate::Lives(&alive), "draining is alive");
            let silent = record(2, 0, 0);
            let fate = match n {
                ..3 => Fate::Lives(&silent),
                3.. => Fate::Suspect(&silent),
            };
            assert_eq!(view.fate(still), fate, "at {n}");
            assert_eq!(view.fate(left), Fate::Absent);
        }
        let view = observer.observe(&registered(&[record(1, 9, 0), record(2, 0, 0)]), after(6));
        assert_eq!(view.fate(still), Fate::Dead, "three seconds of silence");
        let view = observer.observe(&registered(&[record(1, 9, 0), record(2, 1, 0)]), after(7));
        assert_eq!(
            view.fate(still),
            Fate::Lives(&record(2, 1, 0)),
            "it was paused, not dead"
        );
    }

    #[test]
    fn an_outage_of_the_store_kills_no_shard() {
        let mut observer = Observer::default();
        observer.observe(&registered(&[record(1, 0, 0)]), after(0));
        for _ in 0..20 {
            observer.store_was_down();
        }
        let view = observer.observe(&registered(&[record(1, 0, 0)]), after(100));
        assert_eq!(
            view.fate(ShardId::from_random(1)),
            Fate::Lives(&record(1, 0, 0))
        );
    }

    #[test]
    fn all_who_ask_for_one_match_are_sent_to_one_place() {
        let mut registry: Vec<_> = (1..=5).map(|n| record(n, 0, 0)).collect();
        let one = view(&registry);
        registry.reverse();
        let other = view(&registry);
        for n in 0..50 {
            let id = MatchId::from_random(n);
            assert_eq!(one.for_match(id, gone()), other.for_match(id, gone()));
        }
    }

    #[test]
    fn players_are_sent_to_the_shard_that_takes_the_match_over() {
        let (mut observer, mut survivor) = (Observer::default(), Liveness::default());
        let before = [record(1, 0, 7), record(2, 0, 0)];
        observer.observe(&registered(&before), after(0));
        survivor.observe(&registered(&before), after(0));
        // One counter moves, one does not, one shard is new, one drains, and all are unlike loaded.
        let registry = [
            record(1, 1, 7),
            record(2, 0, 0),
            record(3, 0, 90),
            draining(record(4, 0, 0)),
        ];
        let view = observer.observe(&registered(&registry), after(1));
        survivor.observe(&registered(&registry), after(1));
        for n in 0..200 {
            let id = MatchId::from_random(n);
            let sent_to = view.for_match(id, gone()).map(|record| record.id);
            assert_eq!(sent_to, survivor.heir(id, gone()));
        }
    }

    #[test]
    fn a_match_of_which_the_heir_is_full_goes_to_the_next() {
        let with = |live| view(&[record(1, 0, live), record(2, 0, 0), record(3, 0, 0)]);
        let (free, full) = (with(0), with(100));
        let first = ShardId::from_random(1);
        let mut moved = 0;
        for n in 0..50 {
            let id = MatchId::from_random(n);
            let (before, after) = (
                free.for_match(id, gone()).unwrap(),
                full.for_match(id, gone()).unwrap(),
            );
            assert_ne!(after.id, first);
            assert!(before.id == first || before == after, "the others stay");
            moved += u32::from(before.id == first);
        }
        assert!(moved > 0);
    }

    #[test]
    fn the_matches_of_a_dead_shard_spread_over_those_that_live() {
        let view = view(&(1..=4).map(|n| record(n, 0, 0)).collect::<Vec<_>>());
        let mut counts = HashMap::new();
        for n in 0..1_000_u128 {
            let id = MatchId::from_random(n * 0x9e37_79b9_7f4a_7c15);
            *counts
                .entry(view.for_match(id, gone()).unwrap().id)
                .or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 4);
        assert!(
            counts.values().all(|count| (150..=350).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn a_match_without_owner_goes_to_neither_a_full_nor_a_draining_shard() {
        let view = view(&[
            record(1, 0, 100),
            draining(record(2, 0, 0)),
            record(3, 0, 99),
        ]);
        for n in 0..50 {
            let shard = view.for_match(MatchId::from_random(n), gone()).unwrap();
            assert_eq!(shard.id, ShardId::from_random(3));
        }
    }
}
