/** A session over real bytes: WebSockets on loopback, and WebTransports made of streams. */

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { WebSocket, WebSocketServer } from 'ws';

import type { ClientFrame } from '../src/codec/client.ts';
import { CLOSE_CODES } from '../src/codec/names.ts';
import { FrameReader, type ServerBody } from '../src/codec/server.ts';
import { type Change, MatchSession, Problem, type SeatAnswer, type Seams, type SessionOptions, type View } from '../src/index.ts';
import { MATCH, Stored } from './model.ts';
import { decodeClient, encodeServer } from './wire.ts';

/** One shard's side of a stream. */
class Peer {
  readonly received: ClientFrame[] = [];
  readonly #frames = new FrameReader();
  readonly #shard: TestShard;
  readonly write: (bytes: Uint8Array) => void;

  constructor(shard: TestShard, write: (bytes: Uint8Array) => void) {
    this.#shard = shard;
    this.write = write;
    shard.peers.push(this);
  }

  bytes(bytes: Uint8Array): void {
    for (const body of this.#frames.push(new Uint8Array(bytes))) {
      const frame = decodeClient(body);
      this.received.push(frame);
      this.#shard.received(this, frame);
    }
  }

  send(...bodies: ServerBody[]): void {
    this.write(Buffer.concat(bodies.map((body) => this.frame(body))));
  }

  frame(body: ServerBody): Uint8Array {
    const seq = body.kind === 'event' ? body.event.seq : this.#shard.stored.events.length;
    return encodeServer({ time: Date.now() * 1_000, epoch: 1, seq, body });
  }
}

/** A shard with both doors. */
class TestShard {
  readonly stored = new Stored();
  readonly peers: Peer[] = [];
  readonly server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  /** Whether `Join` and commands are answered. */
  answers = true;

  constructor() {
    this.server.on('connection', (socket) => {
      const peer = new Peer(this, (bytes) => socket.send(bytes));
      socket.on('message', (data) => peer.bytes(data));
    });
  }

  async url(): Promise<string> {
    if (this.server.address() === null) await new Promise<void>((resolve) => this.server.on('listening', resolve));
    return `ws://127.0.0.1:${this.server.address().port}/`;
  }

  get peer(): Peer {
    return this.peers.at(-1)!;
  }

  get socket(): WebSocket {
    return [...this.server.clients].at(-1)!;
  }

  received(peer: Peer, frame: ClientFrame): void {
    const { stored } = this;
    if (!this.answers) return;
    if (frame.kind === 'join') {
      peer.send({
        kind: 'joined',
        role: 'white',
        catchUp: frame.seen === null ? { kind: 'state', state: stored.state } : { kind: 'events', events: stored.events.slice(frame.seen) },
        clock: stored.clock(),
        connected: { white: true, black: true },
        paused: false,
      });
    } else if (frame.kind === 'command') {
      const known = stored.answers.get(frame.id);
      if (known !== undefined) return peer.send({ kind: 'ack', id: frame.id, event: known });
      const event = stored.decide('white', frame.command);
      if (typeof event === 'string') return peer.send({ kind: 'refused', id: frame.id, reason: event });
      stored.answers.set(frame.id, event.seq);
      peer.send({ kind: 'event', event }, { kind: 'ack', id: frame.id, event: event.seq });
    } else if (frame.kind === 'say') {
      peer.send({ kind: 'chat', lines: [{ seat: 'white', name: 'Ann', text: frame.text, at: 1 }] }, { kind: 'said', id: frame.id });
    } else {
      peer.send({ kind: 'closed', code: 'done' });
    }
  }
}

const shards: TestShard[] = [];
const sessions: MatchSession[] = [];
after(() => {
  for (const session of sessions) session.close();
  for (const { server } of shards) {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});

function seatOf(shard: Partial<SeatAnswer['shard']>): SeatAnswer {
  return { match_id: MATCH, role: 'white', token: 'a.b.c', expires_at: 0, shard: { id: 's', ...shard } };
}

interface Played {
  shard: TestShard;
  session: MatchSession;
  changes: Change[];
  until(isThere: (view: View) => boolean): Promise<View>;
}

async function play(seams: Seams = {}, place: Partial<SeatAnswer['shard']> = {}, options: Partial<SessionOptions> = {}): Promise<Played> {
  const shard = new TestShard();
  shards.push(shard);
  const seat = seatOf({ web_socket: await shard.url(), ...place });
  const matchmaker = { seat: async () => seat, watch: async () => seat };
  const session = new MatchSession({
    matchmaker,
    matchId: MATCH,
    seams: { WebSocket, WebTransport: null, memory: { failedAt: null }, ...seams },
    ...options,
  });
  sessions.push(session);
  const changes: Change[] = [];
  session.subscribe((_, told) => changes.push(...told));
  const until = (isThere: (view: View) => boolean) => seen(session, isThere);
  return { shard, session, changes, until };
}

/** Waits for a view, with a failure instead of an endless wait. */
function seen(session: MatchSession, isThere: (view: View) => boolean): Promise<View> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`it never came: ${session.view.connection}`)), 10_000);
    const check = (view: View) => {
      if (!isThere(view)) return;
      clearTimeout(limit);
      end();
      resolve(view);
    };
    const end = session.subscribe(check);
    check(session.view);
  });
}

const isLive = (view: View) => view.connection === 'live';

describe('over a WebSocket', () => {
  test('a session joins, moves, talks and leaves', async () => {
    const { shard, session, changes, until } = await play();
    assert.equal(session.view.connection, 'connecting');
    const view = await until(isLive);
    assert.deepEqual([view.transport, view.match?.players.white.name, view.match?.role], ['websocket', 'Ann', 'white']);
    assert.equal(shard.socket.protocol, 'rookery');
    const join = shard.peer.received[0]!;
    assert.ok(join.kind === 'join' && join.flags === 18 && join.seen === null && join.token === 'a.b.c');

    const moved = session.command({ kind: 'move', uci: 'e2e4' });
    assert.equal(session.view.pending.length, 1);
    assert.deepEqual(await moved, { accepted: true, seq: 1 });
    assert.deepEqual(session.view.match?.moves, ['e2e4']);
    assert.equal(session.view.pending.length, 0);
    assert.deepEqual(await session.command({ kind: 'move', uci: 'd2d4' }), { accepted: false, refusal: 'not_your_turn' });
    assert.deepEqual(await session.command({ kind: 'move', uci: 'castle' }), { accepted: false, refusal: 'illegal_move' });
    assert.deepEqual(await session.command({ kind: 'give_time', seconds: 61 }), { accepted: false, refusal: 'amount_out_of_bounds' });

    assert.deepEqual(await session.say('Gl hf'), { said: true });
    assert.equal(session.view.chat[0]?.text, 'Gl hf');
    assert.deepEqual(await session.say('x'.repeat(141)), { said: false, refusal: 'too_long' });
    assert.ok(session.view.rttMs !== null && session.view.rttMs < 1_000);
    assert.ok(Math.abs(session.serverTime()! - Date.now()) < 1_000);
    assert.deepEqual(new Set(changes.map(({ kind }) => kind)), new Set(['connection', 'state', 'clock', 'presence', 'pending', 'event', 'chat_room']));

    const waiting = session.command({ kind: 'resign' });
    session.close(true);
    assert.deepEqual(await waiting, { accepted: false, refusal: 'session_closed' });
    assert.deepEqual(await session.command({ kind: 'resign' }), { accepted: false, refusal: 'session_closed' });
    assert.deepEqual(await session.say('bye'), { said: false, refusal: 'not_connected' });
    assert.equal(session.view.connection, 'closed');
    while (shard.peer.received.at(-1)!.kind !== 'leave') await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('a command survives a connection that is cut, and what was missed is caught up', async () => {
    const { shard, session, until } = await play();
    await until(isLive);
    shard.answers = false;
    const moved = session.command({ kind: 'move', uci: 'e2e4' });
    while (shard.peer.received.at(-1)!.kind !== 'command') await new Promise((resolve) => setTimeout(resolve, 5));
    const first = shard.peer.received.at(-1)!;
    shard.answers = true;
    shard.stored.decide('black', { kind: 'offer_draw' });
    shard.socket.terminate();
    assert.deepEqual(await moved, { accepted: true, seq: 2 });
    const again = shard.peer.received;
    assert.ok(again[0]!.kind === 'join' && again[0]!.seen === 0);
    assert.deepEqual(again[1], first);
    assert.deepEqual(session.view.away?.events.map(({ kind }) => kind), ['draw_offered']);
  });

  for (const [why, harm] of [
    ['bytes that are no frame', ({ peer }: TestShard) => peer.write(new Uint8Array([0, 0, 0, 3, 1, 2, 3]))],
    ['a frame that is too long', ({ peer }: TestShard) => peer.write(new Uint8Array([1, 0, 0, 0]))],
    ['a second Joined', (shard: TestShard) => shard.received(shard.peer, shard.peer.received[0]!)],
  ] as const) {
    test(`${why}: the match is joined again for the whole state`, async () => {
      const { shard, session, until } = await play();
      await until(isLive);
      harm(shard);
      await until((view) => !isLive(view));
      await until(isLive);
      const join = shard.peer.received[0]!;
      assert.ok(join.kind === 'join' && join.seen === null);
      assert.equal(session.view.match?.seq, 0);
    });
  }

  test('a text message is as good as a broken connection', async () => {
    const { shard, until } = await play();
    await until(isLive);
    shard.socket.send('hello');
    await until((view) => !isLive(view));
    await until(isLive);
    assert.equal(shard.peers.length, 2);
  });

  test('frames in one message, and one frame in two, are read', async () => {
    const { shard, session, until } = await play();
    await until(isLive);
    const event = shard.stored.decide('black', { kind: 'offer_draw' });
    assert.ok(typeof event !== 'string');
    const bytes = shard.peer.frame({ kind: 'event', event });
    shard.peer.write(bytes.subarray(0, 9));
    shard.peer.write(Buffer.concat([bytes.subarray(9), shard.peer.frame({ kind: 'heartbeat' }), shard.peer.frame({ kind: 'paused' })]));
    await until((view) => view.connection === 'paused');
    assert.equal(session.view.match?.drawOffer, 'black');
  });

  test('a close code above 4000 is one of the protocol', async () => {
    const { shard, until } = await play();
    await until(isLive);
    shard.socket.close(4_000 + CLOSE_CODES.indexOf('protocol_violation'));
    const view = await until(({ connection }) => connection === 'closed');
    assert.equal(view.closeCode, 'protocol_violation');
  });

  test('a listener that fails does not stop the session', async () => {
    const thrown: unknown[] = [];
    const setTimer: Seams['setTimer'] = (callback, ms) =>
      setTimeout(() => {
        try {
          callback();
        } catch (error) {
          thrown.push(error);
        }
      }, ms);
    const { session, until } = await play({ setTimer });
    const end = session.subscribe(() => {
      throw new Error('a mistake');
    });
    await until(isLive);
    end();
    assert.deepEqual(await session.command({ kind: 'offer_draw' }), { accepted: true, seq: 1 });
    while (thrown.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('a listener may give commands', async () => {
    const { session, until } = await play();
    let answer: Promise<unknown> | null = null;
    session.subscribe((view) => {
      if (isLive(view)) answer ??= session.command({ kind: 'move', uci: 'e2e4' });
    });
    await until((view) => view.match?.seq === 1 && view.pending.length === 0);
    assert.deepEqual(await answer, { accepted: true, seq: 1 });
  });
});

describe('a seat that is not given', () => {
  test('ends the session with the problem', async () => {
    const problem = new Problem({ code: 'not_a_player', title: 'No', detail: 'Not in it.', status: 403 });
    const session = new MatchSession({
      matchmaker: { seat: () => Promise.reject(problem), watch: () => Promise.reject(problem) },
      matchId: MATCH,
      seams: { WebSocket, WebTransport: null, memory: { failedAt: null } },
    });
    const view = await seen(session, ({ connection }) => connection === 'closed');
    assert.equal(view.problem, problem);
  });

  test('for a moment, as that of a rematch, is asked for again', async () => {
    let asked = 0;
    const { until } = await play({}, {}, {
      matchmaker: {
        seat: async () => {
          asked += 1;
          if (asked === 1) throw new Problem({ code: 'match_not_found', title: 'No', detail: 'Not yet.', status: 404, retryAfterMs: 50 });
          return seatOf({ web_socket: await shards.at(-1)!.url() });
        },
        watch: () => assert.fail('it plays'),
      },
    });
    await until(isLive);
    assert.equal(asked, 2);
  });

  test('may be watched', async () => {
    const seat = seatOf({ web_socket: await new Promise<string>((resolve) => setImmediate(() => resolve(shards[0]!.url()))) });
    const { until } = await play({}, {}, { watch: true, matchmaker: { seat: () => assert.fail('it watches'), watch: async () => seat } });
    await until(isLive);
  });

  test('a match without a name is refused', () => {
    const matchmaker = { seat: async () => seatOf({}), watch: async () => seatOf({}) };
    assert.throws(() => new MatchSession({ matchmaker, matchId: '../etc' }), RangeError);
  });
});

describe('over a WebTransport', () => {
  const HASH = 'ab'.repeat(32);

  /** A WebTransport whose other end is a shard of this test. */
  function transportTo(shard: () => TestShard, behaviour: { isBlocked?: boolean } = {}) {
    const made: { url: string; options: any; reset(code: number): void; end(code: number): void; closedWith: number | null }[] = [];
    class FakeTransport {
      readonly ready: Promise<void>;
      readonly closed: Promise<{ closeCode?: number }>;
      #resolveClosed!: (info: { closeCode?: number }) => void;
      #controller!: ReadableStreamDefaultController<Uint8Array>;
      readonly #self;

      constructor(url: string, options: any) {
        this.ready = behaviour.isBlocked ? Promise.reject(new Error('Opening handshake failed.')) : Promise.resolve();
        this.closed = behaviour.isBlocked ? Promise.reject(new Error('Opening handshake failed.')) : new Promise((resolve) => (this.#resolveClosed = resolve));
        this.#self = {
          url,
          options,
          closedWith: null as number | null,
          reset: (streamErrorCode: number) => this.#controller.error(Object.assign(new Error('reset'), { streamErrorCode })),
          end: (closeCode: number) => this.#resolveClosed({ closeCode }),
        };
        made.push(this.#self);
      }

      async createBidirectionalStream() {
        const readable = new ReadableStream<Uint8Array>({ start: (controller) => void (this.#controller = controller) });
        const peer = new Peer(shard(), (bytes) => this.#controller.enqueue(new Uint8Array(bytes)));
        const writable = new WritableStream<Uint8Array>({ write: (bytes) => peer.bytes(bytes) });
        return { readable, writable };
      }

      close(info: { closeCode: number }) {
        this.#self.closedWith = info.closeCode;
      }
    }
    return { made, WebTransport: FakeTransport };
  }

  const place = { web_transport: { url: 'https://127.0.0.1:4433/', certificate_hashes: [HASH, 'cd'.repeat(32)] } };

  test('a session joins by the hashes of the seat, and plays', async () => {
    const { made, WebTransport } = transportTo(() => shards.at(-1)!);
    const { session, until } = await play({ WebTransport }, place);
    const view = await until(isLive);
    assert.equal(view.transport, 'webtransport');
    assert.equal(made[0]!.url, 'https://127.0.0.1:4433/');
    const { serverCertificateHashes, allowPooling } = made[0]!.options;
    assert.equal(allowPooling, false);
    assert.deepEqual(serverCertificateHashes[0], { algorithm: 'sha-256', value: new Uint8Array(32).fill(0xab) });
    assert.equal(serverCertificateHashes.length, 2);
    assert.deepEqual(await session.command({ kind: 'move', uci: 'e2e4' }), { accepted: true, seq: 1 });
    session.close();
    assert.equal(made[0]!.closedWith, 0);
  });

  test('and by name where an authority vouches', async () => {
    const { made, WebTransport } = transportTo(() => shards.at(-1)!);
    const { until } = await play({ WebTransport }, { web_transport: { url: 'https://shard.example/' } });
    await until(isLive);
    assert.equal(made[0]!.options.serverCertificateHashes, undefined);
  });

  test('one that fails is replaced by a WebSocket at once, which is remembered', async () => {
    const memory = { failedAt: null };
    const { made, WebTransport } = transportTo(() => shards.at(-1)!, { isBlocked: true });
    const { shard, until } = await play({ WebTransport, memory }, place);
    const view = await until(isLive);
    assert.equal(view.transport, 'websocket');
    assert.notEqual(memory.failedAt, null);
    shard.socket.terminate();
    await until((next) => !isLive(next));
    await until(isLive);
    assert.equal(made.length, 1);
  });

  test('a reset with a code that passes is joined again', async () => {
    const { made, WebTransport } = transportTo(() => shards.at(-1)!);
    const { until } = await play({ WebTransport }, place);
    await until(isLive);
    made[0]!.reset(CLOSE_CODES.indexOf('slow_peer'));
    const view = await until((next) => !isLive(next));
    assert.equal(view.closeCode, 'slow_peer');
    await until(isLive);
    assert.equal(made.length, 2);
  });

  test('an end with a final code ends the session, and one without does not', async () => {
    const { made, WebTransport } = transportTo(() => shards.at(-1)!);
    const { until } = await play({ WebTransport }, place);
    await until(isLive);
    made[0]!.end(0);
    await until((next) => !isLive(next));
    await until(isLive);
    made[1]!.end(CLOSE_CODES.indexOf('superseded'));
    const view = await until(({ connection }) => connection === 'closed');
    assert.equal(view.closeCode, 'superseded');
  });

  test('a session changes to a WebSocket and back in mid-game', async () => {
    const { made, WebTransport } = transportTo(() => shards.at(-1)!);
    const { shard, session, until } = await play({ WebTransport }, place);
    await until(isLive);
    await session.command({ kind: 'move', uci: 'e2e4' });
    session.switchTransport('websocket');
    await until((view) => view.transport === 'websocket' && isLive(view) && shard.peers.length === 2);
    const black = shard.stored.decide('black', { kind: 'move', positionSeq: 1, uci: 'e7e5' });
    assert.ok(typeof black !== 'string');
    shard.peer.send({ kind: 'event', event: black });
    await until((view) => view.match?.seq === 2);
    session.switchTransport('webtransport');
    await until((view) => view.transport === 'webtransport' && isLive(view) && shard.peers.length === 3);
    assert.deepEqual(await session.command({ kind: 'move', uci: 'g1f3' }), { accepted: true, seq: 3 });
    assert.deepEqual(session.view.match?.moves, ['e2e4', 'e7e5', 'g1f3']);
    assert.equal(made.length, 2);
    assert.equal(made[0]!.closedWith, 0);
  });
});
