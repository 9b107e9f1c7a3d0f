/** The machine against a small cluster on simulated time. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { ServerBody } from '../src/codec/server.ts';
import type { MatchEvent, TransportKind } from '../src/index.ts';
import { applied } from '../src/machine/apply.ts';
import { type Faults, NO_FAULTS, World } from './model.ts';

/** Whether the view shows the match as the store has it after as many events. */
function assertTrue(world: World, why: string): void {
  const { match } = world.machine.view();
  if (match === null) return;
  const state = world.stored.states[match.seq];
  assert.ok(state !== undefined, `${why}: seq ${match.seq} is ahead of the store`);
  const { moves, positionSeq, drawOffer, takebackOffer, offeredPlies } = match;
  const expected = {
    moves: state.moves,
    positionSeq: state.positionSeq,
    drawOffer: state.drawOffer,
    takebackOffer: state.takebackOffer,
    offeredPlies: state.offeredPlies,
  };
  assert.deepEqual({ moves, positionSeq, drawOffer, takebackOffer, offeredPlies }, expected, `${why}: seq ${match.seq}`);
}

/** Events are told in order, each once, and none is left out but where the whole state was told. */
function assertInOrder(world: World): void {
  let last: number | null = null;
  for (const { change } of world.told) {
    if (change.kind === 'state') last = null;
    if (change.kind !== 'event') continue;
    const { seq } = change.event;
    if (last !== null) assert.equal(seq, last + 1, 'events are told in order');
    assert.deepEqual(change.event, world.stored.events[seq - 1], 'and as they are stored');
    last = seq;
  }
}

const shown = (world: World) => world.machine.view();
const joined = (world: World) => world.machine.view().connection === 'live';
const sentOf = (world: World, kind: string) => world.done.filter((action) => action.do === 'send' && action.frame.kind === kind);
const openings = (world: World) => world.done.flatMap((action) => (action.do === 'open' ? [action.kind] : []));

describe('a seed of faults', () => {
  const MOVES = ['e2e4', 'g1f3', 'd2d4', 'b1c3', 'f1c4', 'e1g1', 'a2a3', 'h2h3'];

  /** Plays for a while among faults, then without, and checks what was promised. */
  function play(seed: number, faults: Faults): World {
    const world = new World(seed, faults, seed % 5 === 0 ? ['websocket'] : ['webtransport', 'websocket']);
    world.isUdpBlocked = seed % 7 === 0;
    const given: bigint[] = [];
    const one = (): void => {
      const dice = world.random();
      if (dice < 0.35) {
        const id = world.command({ kind: 'move', uci: MOVES[Math.floor(world.random() * MOVES.length)]! });
        if (id !== null) given.push(id);
      } else if (dice < 0.5) {
        const kinds = ['offer_draw', 'decline_draw', 'offer_takeback', 'accept_takeback'] as const;
        const id = world.command({ kind: kinds[Math.floor(world.random() * kinds.length)]! });
        if (id !== null) given.push(id);
      } else if (dice < 0.55) {
        world.machine.wake((['online', 'offline', 'shown'] as const)[Math.floor(world.random() * 3)]!, world.now);
      } else if (dice < 0.6) {
        world.machine.switchTo(world.random() < 0.5 ? 'webtransport' : 'websocket', world.now);
      } else if (dice < 0.8) {
        world.black({ kind: 'move', positionSeq: world.stored.state.positionSeq, uci: 'e7e5' });
      } else {
        const kinds = ['offer_draw', 'decline_draw', 'offer_takeback', 'accept_takeback'] as const;
        world.black({ kind: kinds[Math.floor(world.random() * kinds.length)]! });
      }
      world.act();
      assertTrue(world, `seed ${seed}`);
    };
    for (let round = 0; round < 60; round += 1) {
      one();
      world.run(world.between(0, 900));
      assertTrue(world, `seed ${seed}`);
    }
    world.faults = NO_FAULTS;
    const isQuiet = () => joined(world) && world.machine.view().pending.length === 0 && world.machine.view().match!.seq === world.stored.events.length;
    assert.ok(world.run(60_000, isQuiet), `seed ${seed}: ends as ${JSON.stringify(world.machine.view(), (_, value) => (typeof value === 'bigint' ? String(value) : value))}`);
    assertTrue(world, `seed ${seed}`);
    assertInOrder(world);

    assert.equal(world.answers.size, given.length, `seed ${seed}: each command is answered once`);
    for (const id of given) {
      const answer = world.answers.get(id)!;
      assert.equal(world.stored.answers.get(id), answer.accepted ? answer.seq : undefined, `seed ${seed}: command ${id} took effect as it was answered`);
    }
    const effects = [...world.stored.answers.values()];
    assert.equal(new Set(effects).size, effects.length, 'each command has one effect');
    return world;
  }

  const all: Faults = { cut: 0.03, takeover: 0.02, repeat: 0.1, refuse: 0.1, unopened: 0.05, unreached: 0.1, zombie: 0.5, unanswered: 0.05 };
  for (const [name, faults, seeds] of [
    ['without faults', NO_FAULTS, 20],
    ['with takeovers at any frame', { ...NO_FAULTS, takeover: 0.1, zombie: 0.5 }, 100],
    ['with links that are cut at any frame', { ...NO_FAULTS, cut: 0.1 }, 100],
    ['with all of it', all, 200],
  ] as const) {
    test(`plays ${name}: no event lost, doubled or out of order, each command once`, () => {
      const first = Number(process.env['SEED'] ?? 1);
      const count = process.env['SEED'] === undefined ? Number(process.env['SEEDS'] ?? seeds) : 1;
      let accepted = 0;
      for (let seed = first; seed < first + count; seed += 1) accepted += play(seed, faults).stored.answers.size;
      assert.ok(accepted > count, `${accepted} commands took effect`);
    });
  }

  test('has the same history each time', () => {
    const [one, two] = [play(7, all), play(7, all)];
    assert.deepEqual(one.told, two.told);
    assert.equal(one.now, two.now);
  });
});

/** A world whose session has joined. */
function live(transports?: readonly TransportKind[]): World {
  const world = new World(3, NO_FAULTS, transports);
  assert.ok(world.run(1_000, () => joined(world)));
  return world;
}

describe('a shard that dies', () => {
  for (const [kind, within] of [['webtransport', 2_500], ['websocket', 500]] as const) {
    test(`over ${kind} is noticed and replaced within ${within} ms`, () => {
      const world = live([kind]);
      world.run(5_000);
      const killed = world.now;
      world.takeOver(true);
      assert.ok(world.run(5_000, () => world.machine.view().match?.epoch === 2 && joined(world)));
      assert.ok(world.now - killed < within, `${world.now - killed} ms`);
    });
  }

  test('with a command under way is asked for after 300 ms', () => {
    const world = live(['webtransport']);
    world.run(3_000);
    const asks = () => world.done.filter((action) => action.do === 'ask').length;
    const before = asks();
    for (const link of world.links.values()) link.isCut = true;
    world.command({ kind: 'move', uci: 'e2e4' });
    const sent = world.now;
    assert.ok(world.run(2_000, () => asks() > before));
    assert.ok(world.now - sent >= 250 && world.now - sent < 450, `${world.now - sent} ms`);
    assert.ok(world.run(5_000, () => world.stored.events.length === 1 && world.machine.view().pending.length === 0));
  });

  test('and hands its matches over is left without a wait', () => {
    const world = live();
    const before = world.done.length;
    world.takeOver(false);
    assert.ok(world.run(1_000, () => joined(world) && world.machine.view().match?.epoch === 2));
    assert.ok(world.done.slice(before).some((action) => action.do === 'ask'));
  });

  test('and is slow is stayed with, and asked for less and less often', () => {
    const world = live(['webtransport']);
    world.dead.add(1);
    const asks = () => world.done.filter((action) => action.do === 'ask').length;
    const before = asks();
    world.run(2_900);
    const during = asks() - before;
    assert.ok(during >= 1 && during <= 3, `${during}`);
    world.dead.clear();
  });
});

describe('what an absence brought', () => {
  test('is summed up', () => {
    const world = live(['websocket']);
    for (const link of world.links.values()) link.isCut = true;
    world.stored.decide('white', { kind: 'move', positionSeq: 0, uci: 'e2e4' });
    world.stored.decide('black', { kind: 'move', positionSeq: 1, uci: 'e7e5' });
    world.stored.decide('black', { kind: 'offer_draw' });
    assert.ok(world.run(9_000, () => world.machine.view().away !== null));
    const away = world.machine.view().away!;
    assert.ok(away.ms > 1_500 && away.ms < 9_000, `${away.ms}`);
    assert.equal(away.moves, 2);
    if (away.events.length > 0) assert.deepEqual(away.events.map((event) => event.kind), ['moved', 'moved', 'draw_offered']);
    world.machine.dismissAway(world.now);
    assert.equal(world.machine.view().away, null);
  });
});

describe('the transport', () => {
  test('is WebTransport where it can be', () => {
    const world = live();
    assert.equal(world.machine.view().transport, 'webtransport');
    assert.deepEqual(openings(world), ['webtransport']);
  });

  /** A world in which UDP is blocked, and the session has joined by WebSocket. */
  function blocked(): World {
    const world = new World(5);
    world.isUdpBlocked = true;
    const begun = world.now;
    assert.ok(world.run(4_000, () => joined(world)));
    assert.ok(world.now - begun > 2_000 && world.now - begun < 2_400, `${world.now - begun}`);
    return world;
  }

  test('is WebSocket where UDP is blocked, which is remembered', () => {
    const world = blocked();
    assert.deepEqual(openings(world), ['webtransport', 'websocket']);
    assert.equal(world.machine.view().transport, 'websocket');
    const cut = world.now;
    for (const link of world.links.values()) world.break(link);
    assert.ok(world.run(2_000, () => joined(world) && openings(world).length === 3));
    assert.ok(world.now - cut < 700, `${world.now - cut}`);
    assert.deepEqual(openings(world).slice(2), ['websocket']);
  });

  test('is tried again by a connection that is made after a minute', () => {
    const world = blocked();
    world.run(61_000);
    world.isUdpBlocked = false;
    for (const link of world.links.values()) world.break(link);
    assert.ok(world.run(2_000, () => joined(world) && openings(world).length === 3));
    assert.equal(world.machine.view().transport, 'webtransport');
  });

  test('rises in the background without loss, and without an absence', () => {
    const world = blocked();
    world.isUdpBlocked = false;
    const labels = new Set<string>();
    assert.ok(
      world.run(200_000, () => {
        labels.add(world.machine.view().connection);
        return world.machine.view().transport === 'webtransport' && joined(world);
      }),
    );
    assert.ok(world.run(1_000, () => world.links.size === 1), 'the old link is closed');
    assert.deepEqual([...labels], ['live']);
    world.black({ kind: 'offer_draw' });
    assert.ok(world.run(1_000, () => world.machine.view().match?.seq === 1));
    assert.equal(world.machine.view().away, null);
  });

  test('rises at once in another network', () => {
    const world = blocked();
    world.isUdpBlocked = false;
    world.machine.wake('offline', world.now);
    world.machine.wake('online', world.now);
    const changed = world.now;
    assert.ok(world.run(5_000, () => world.machine.view().transport === 'webtransport' && joined(world)));
    assert.ok(world.now - changed < 1_500, `${world.now - changed}`);
  });

  test('stays where the other one does not open, and the shard tries it again later', () => {
    const world = blocked();
    world.run(400_000);
    assert.equal(world.machine.view().transport, 'websocket');
    assert.ok(joined(world));
    const tried = openings(world).filter((kind) => kind === 'webtransport').length;
    assert.ok(tried >= 3 && tried <= 4, `${tried}`);
  });

  test('changes in mid-game with a command under way', () => {
    const world = live();
    world.command({ kind: 'move', uci: 'e2e4' });
    world.machine.switchTo('websocket', world.now);
    world.act();
    assert.ok(world.run(2_000, () => world.machine.view().transport === 'websocket' && world.machine.view().pending.length === 0));
    assert.equal(world.stored.events.length, 1);
    assert.ok(joined(world));
    world.machine.switchTo('webtransport', world.now);
    world.act();
    assert.ok(world.run(2_000, () => world.machine.view().transport === 'webtransport' && joined(world)));
    assertInOrder(world);
  });

  test('that there is none of is said', () => {
    const world = new World(1, NO_FAULTS, []);
    world.run(1_000);
    assert.equal(world.machine.view().connection, 'closed');
    assert.equal(world.machine.view().problem?.code, 'no_transport');
  });

  test('falls back sooner after WebTransport fell silent in the same place', () => {
    const world = live();
    world.isUdpBlocked = true;
    for (const link of world.links.values()) link.isCut = true;
    const cut = world.now;
    assert.ok(world.run(8_000, () => joined(world) && world.machine.view().transport === 'websocket'));
    assert.ok(world.now - cut < 4_500, `${world.now - cut}`);
  });
});

describe('a network that fails', () => {
  test('shows as lost, and a wake ends the wait', () => {
    const world = live(['websocket']);
    world.faults = { ...NO_FAULTS, unreached: 1 };
    for (const link of world.links.values()) world.break(link);
    assert.ok(world.run(5_000, () => world.machine.view().connection === 'lost'));
    world.run(20_000);
    world.faults = NO_FAULTS;
    const woken = world.now;
    world.machine.wake('online', world.now);
    assert.ok(world.run(2_000, () => joined(world)));
    assert.ok(world.now - woken < 500, `${world.now - woken}`);
  });

  test('that swallows everything shows as lost after some seconds, and is left within three when it is back', () => {
    const world = live();
    world.faults = { ...NO_FAULTS, unanswered: 1, unopened: 1 };
    for (const link of world.links.values()) link.isCut = true;
    const cut = world.now;
    assert.ok(world.run(9_000, () => shown(world).connection === 'lost'));
    assert.ok(world.now - cut < 7_000, `${world.now - cut}`);
    world.run(20_000);
    assert.equal(shown(world).connection, 'lost');
    world.faults = NO_FAULTS;
    const back = world.now;
    assert.ok(world.run(5_000, () => joined(world)));
    assert.ok(world.now - back < 3_400, `${world.now - back}`);
  });

  test('lets both clocks stand from when the shard was last heard', () => {
    const world = live(['webtransport']);
    world.run(1_500);
    for (const link of world.links.values()) link.isCut = true;
    const before = world.machine.clocks(world.now);
    assert.equal(before.running, 'white');
    assert.ok(world.run(3_000, () => world.machine.view().connection !== 'live'));
    const then = world.machine.clocks(world.now);
    assert.equal(then.running, null);
    assert.deepEqual(world.machine.clocks(world.now + 60_000), then);
    assert.ok(then.whiteMs >= before.whiteMs - 1_100 && then.whiteMs <= before.whiteMs + 1_100);
  });

  test('is waited for longer and longer, up to two seconds', () => {
    const world = new World(2, { ...NO_FAULTS, unreached: 1 });
    world.run(30_000);
    const asks = world.done.filter((action) => action.do === 'ask').length;
    assert.ok(asks >= 15 && asks <= 35, `${asks}`);
  });
});

describe('a shard', () => {
  /** Sends a frame to the session's only link. */
  function say(world: World, body: ServerBody, epoch?: number): void {
    const [link] = [...world.links.values()];
    world.send(link!, body, epoch);
  }

  test('that pauses lets clocks stand until its clock comes', () => {
    const world = live();
    say(world, { kind: 'paused' });
    assert.ok(world.run(500, () => shown(world).connection === 'paused'));
    assert.equal(world.machine.clocks(world.now).running, null);
    world.run(2_000);
    say(world, { kind: 'clock', clock: { whiteMs: 100_000, blackMs: 5, running: 'white', delayMs: 0 } });
    assert.ok(world.run(500, () => shown(world).connection === 'live'));
    assert.equal(world.machine.clocks(world.now).running, 'white');
    assert.ok(world.machine.clocks(world.now).whiteMs > 99_900);
  });

  test('that dies in a pause is replaced as fast as any other', () => {
    const world = live(['websocket']);
    say(world, { kind: 'paused' });
    assert.ok(world.run(500, () => shown(world).connection === 'paused'));
    world.takeOver(true);
    assert.ok(world.run(500, () => shown(world).connection === 'moving'));
    assert.ok(world.run(2_000, () => joined(world) && shown(world).match?.epoch === 2));
  });

  test('that reports a pause instead of the answer to a join is waited for', () => {
    const world = live(['websocket']);
    const [link] = [...world.links.values()];
    world.break(link!);
    // Nothing is answered, as by a shard whose store does not answer.
    world.owner = 9;
    assert.ok(world.run(2_000, () => sentOf(world, 'join').length === 2));
    for (const other of world.links.values()) {
      other.isClosed = true;
      world.send(other, { kind: 'paused' });
    }
    assert.ok(world.run(500, () => shown(world).connection === 'paused'));
    const asks = world.done.filter((action) => action.do === 'ask').length;
    world.run(8_000);
    assert.equal(shown(world).connection, 'paused');
    assert.equal(world.done.filter((action) => action.do === 'ask').length, asks);
    assert.ok(world.run(2_000, () => shown(world).connection !== 'paused'));
  });

  test('says who is there, and who is gone', () => {
    const world = live();
    say(world, { kind: 'presence', seat: 'black', connected: false });
    say(world, { kind: 'gone', seat: 'black', claimInMs: 35_000 });
    assert.ok(world.run(500, () => shown(world).gone !== null));
    assert.equal(shown(world).present.black, false);
    const { claimAt } = shown(world).gone!;
    assert.ok(Math.abs(claimAt! - world.now - 35_000) < 100, `${claimAt}`);
    say(world, { kind: 'presence', seat: 'black', connected: true });
    assert.ok(world.run(500, () => shown(world).gone === null));
    assert.equal(shown(world).present.black, true);
  });

  test('brings chat, whose last lines after a join are known', () => {
    const world = live(['websocket']);
    const line = (text: string, at: number) => ({ seat: null, name: 'Eve', text, at });
    say(world, { kind: 'chat', lines: [line('one', 1), line('two', 2)] });
    say(world, { kind: 'chat', lines: [line('three', 3)] });
    assert.ok(world.run(500, () => shown(world).chat.length === 3));
    const changes = () => world.told.map(({ change }) => change.kind).filter((kind) => kind.startsWith('chat'));
    assert.deepEqual(changes(), ['chat_room', 'chat']);
    for (const link of world.links.values()) world.break(link);
    assert.ok(world.run(2_000, () => !joined(world)) && world.run(2_000, () => joined(world)));
    say(world, { kind: 'chat', lines: [line('two', 2), line('three', 3), line('four', 4)] });
    say(world, { kind: 'chat', lines: [line('four', 5)] });
    assert.ok(world.run(500, () => shown(world).chat.length === 5));
    assert.deepEqual(shown(world).chat.map(({ text }) => text), ['one', 'two', 'three', 'four', 'four']);
  });

  test('that lost the match is not listened to, and is left at its Joined', () => {
    const world = live();
    world.run(1_000);
    world.takeOver(true);
    assert.ok(world.run(5_000, () => joined(world) && shown(world).match?.epoch === 2));
    say(world, { kind: 'presence', seat: 'black', connected: false }, 1);
    say(world, { kind: 'event', event: { seq: 1, seat: 'black', clock: world.stored.clock(), kind: 'draw_offered' } }, 1);
    world.run(500);
    assert.equal(shown(world).present.black, true);
    assert.equal(shown(world).match?.seq, 0);
  });

  test('that repeats an event or an answer is stayed with', () => {
    const world = live();
    world.faults = { ...NO_FAULTS, repeat: 1 };
    world.command({ kind: 'move', uci: 'e2e4' });
    world.run(500);
    world.black({ kind: 'move', positionSeq: 1, uci: 'e7e5' });
    assert.ok(world.run(500, () => shown(world).match?.seq === 2));
    world.run(500);
    assert.ok(joined(world));
    assert.equal(sentOf(world, 'join').length, 1);
    assert.equal(world.told.filter(({ change }) => change.kind === 'event').length, 2);
  });

  test('that catches up with what was seen before is believed', () => {
    for (let seed = 1; seed < 20; seed += 1) {
      const world = new World(seed, { ...NO_FAULTS, repeat: 1 }, ['websocket']);
      assert.ok(world.run(1_000, () => joined(world)));
      for (const kind of ['offer_draw', 'give_time', 'give_time'] as const) world.command({ kind, seconds: 15 } as never);
      assert.ok(world.run(1_000, () => shown(world).pending.length === 0));
      for (const link of world.links.values()) world.break(link);
      assert.ok(world.run(1_000, () => !joined(world)) && world.run(3_000, () => joined(world)));
      assert.equal(sentOf(world, 'join').length, 2);
      assertInOrder(world);
    }
  });

  test('that answers a join under an older epoch is left at once', () => {
    const world = live(['websocket']);
    world.epoch = 5;
    world.black({ kind: 'offer_draw' });
    assert.ok(world.run(500, () => shown(world).match?.epoch === 5));
    world.epoch = 4;
    for (const link of world.links.values()) world.break(link);
    assert.ok(world.run(2_000, () => sentOf(world, 'join').length === 3));
    assert.ok(!joined(world));
    assert.equal(shown(world).match?.epoch, 5);
    world.epoch = 6;
    assert.ok(world.run(4_000, () => joined(world)));
    assert.equal(shown(world).match?.epoch, 6);
  });

  for (const code of ['done', 'protocol_violation', 'token_invalid', 'token_wrong_match', 'match_not_found', 'superseded', 'unsupported'] as const) {
    test(`that closes with ${code} ends the session`, () => {
      const world = live();
      const id = world.command({ kind: 'offer_draw' })!;
      say(world, { kind: 'closed', code });
      assert.ok(world.run(1_000, () => shown(world).connection === 'closed'));
      assert.equal(shown(world).closeCode, code);
      world.run(10_000);
      assert.equal(world.machine.deadline, null);
      assert.equal(world.links.size, 0);
      assert.ok(world.answers.has(id));
    });
  }

  for (const code of ['token_expired', 'not_owner', 'shutting_down', 'store_unavailable', 'slow_peer', 'deadline', 'full', 'rate_limited', 'internal', 'unknown'] as const) {
    test(`that closes with ${code} is joined again`, () => {
      const world = live();
      say(world, { kind: 'closed', code });
      assert.ok(world.run(1_000, () => !joined(world)));
      assert.equal(shown(world).closeCode, code);
      assert.ok(world.run(4_000, () => joined(world)));
      assert.equal(shown(world).closeCode, null);
      assert.equal(sentOf(world, 'join').length, 2);
    });
  }

  test('that knows no version of this program ends the session', () => {
    const world = live();
    say(world, { kind: 'unsupported', min: 3, max: 4 });
    assert.ok(world.run(1_000, () => shown(world).connection === 'closed'));
    assert.equal(shown(world).closeCode, 'unsupported');
  });

  test('that leaves a gap is joined again for the whole state', () => {
    const world = live();
    world.stored.decide('white', { kind: 'move', positionSeq: 0, uci: 'e2e4' });
    const event = world.stored.decide('black', { kind: 'offer_draw' }) as MatchEvent;
    say(world, { kind: 'event', event });
    assert.ok(world.run(1_000, () => !joined(world)));
    assert.ok(world.run(4_000, () => joined(world)));
    const joins = sentOf(world, 'join').map((action) => action.do === 'send' && action.frame.kind === 'join' && action.frame.seen);
    assert.deepEqual(joins, [null, null]);
    assert.equal(shown(world).match?.seq, 2);
  });

  test('may skip what this version does not know', () => {
    const world = live();
    const event: MatchEvent = { seq: 1, seat: null, clock: world.stored.clock(), kind: 'unknown' };
    say(world, { kind: 'unknown' });
    say(world, { kind: 'event', event });
    assert.ok(world.run(500, () => shown(world).match?.seq === 1));
  });
});

describe('the owner of a session', () => {
  test('who leaves says so, and hears nothing more', () => {
    const world = live();
    world.machine.close(true, world.now);
    world.act();
    assert.equal(sentOf(world, 'leave').length, 1);
    const last = world.done.filter((action) => action.do === 'close').at(-1);
    assert.ok(last?.do === 'close' && last.after === 1_000);
    assert.equal(world.machine.view().connection, 'closed');
    assert.equal(world.machine.command({ kind: 'resign' }, world.now), null);
  });

  test('may give sixteen commands, and no more, before they are answered', () => {
    const world = new World(1, { ...NO_FAULTS, unreached: 1 });
    for (let count = 0; count < 16; count += 1) assert.notEqual(world.command({ kind: 'give_time', seconds: 15 }), null);
    assert.equal(world.command({ kind: 'resign' }), null);
    world.faults = NO_FAULTS;
    assert.ok(world.run(9_000, () => world.machine.view().pending.length === 0));
    assert.deepEqual(world.stored.events.map((event) => event.kind), Array.from({ length: 16 }, () => 'time_given'));
  });

  test('sends moves for the position that stands, so that one that crosses a takeback is harmless', () => {
    const world = live();
    world.command({ kind: 'move', uci: 'e2e4' });
    assert.ok(world.run(500, () => world.machine.view().pending.length === 0));
    world.black({ kind: 'move', positionSeq: 1, uci: 'e7e5' });
    assert.ok(world.run(500, () => world.machine.view().match?.seq === 2));
    world.stored.decide('black', { kind: 'offer_takeback' });
    world.stored.decide('white', { kind: 'accept_takeback' });
    const id = world.command({ kind: 'move', uci: 'g1f3' })!;
    assert.ok(world.run(3_000, () => world.answers.has(id)));
    assert.deepEqual(world.answers.get(id), { accepted: false, refusal: 'stale_position' });
  });
});

describe('an event', () => {
  const base = new World(1);
  base.run(1_000, () => joined(base));
  const state = base.machine.view().match!;
  const clock = base.stored.clock();

  test('ends the match and all offers', () => {
    const open = { ...state, drawOffer: 'white', takebackOffer: 'black' } as const;
    const after = applied(open, { seq: 1, seat: null, clock, kind: 'ended', outcome: 'draw', termination: 'stalemate' });
    assert.deepEqual([after.drawOffer, after.takebackOffer], [null, null]);
    assert.deepEqual(after.result, { outcome: 'draw', termination: 'stalemate' });
  });

  test('of a rematch changes what is offered and agreed', () => {
    const offered = applied(state, { seq: 1, seat: 'black', clock, kind: 'rematch_offered' });
    assert.equal(offered.rematchOffer, 'black');
    assert.equal(applied(offered, { seq: 2, seat: 'white', clock, kind: 'rematch_declined' }).rematchOffer, null);
    const agreed = applied(offered, { seq: 2, seat: 'white', clock, kind: 'rematch_agreed', matchId: 'abcdefghijkl' });
    assert.deepEqual([agreed.rematch, agreed.rematchOffer, agreed.seq], ['abcdefghijkl', null, 2]);
  });

  test('of a takeback brings back the offer that stood, also where Black began', () => {
    const position = { ...state, startFen: '8/8/8/8/8/8/8/8 b - - 0 1', moves: ['a', 'b', 'c'], offeredPlies: [1, 3], drawOffer: 'black' } as const;
    const back = applied(position, { seq: 9, seat: 'white', clock, kind: 'taken_back', plies: 2 });
    assert.deepEqual([back.moves, back.drawOffer, back.offeredPlies, back.positionSeq], [['a'], 'black', [1], 9]);
    const further = applied(back, { seq: 10, seat: 'white', clock, kind: 'taken_back', plies: 1 });
    assert.deepEqual([further.moves, further.drawOffer], [[], null]);
  });
});
