/** The bytes: the examples of docs/protocol.md, the golden tables of the server, and what a peer must not get through. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { Malformed, Reader, Writer } from '../src/codec/bytes.ts';
import { type ClientFrame, encodeClient, JOIN_FLAGS } from '../src/codec/client.ts';
import { moveNumber, moveOf } from '../src/codec/moves.ts';
import {
  CHAT_REFUSALS,
  CLOSE_CODES,
  COMMANDS,
  EVENTS,
  isRetryable,
  MATCH_REFUSALS,
  OUTCOMES,
  RULES,
  TERMINATIONS,
  VARIANTS,
} from '../src/codec/names.ts';
import { decodeServer, FrameReader, SERVER_FRAME_LEN_MAX, type ServerFrame } from '../src/codec/server.ts';
import { decodeClient, encodeServer, hex, unhex } from './wire.ts';

const root = new URL('../../../', `file://${process.cwd()}/session/test/`);
const document = readFileSync(new URL('docs/protocol.md', root), 'utf8');

/** The examples of the document, as bytes, in order. */
const examples = document
  .split('```bytes\n')
  .slice(1)
  .map((block) => block.split('```')[0]!)
  .map((block) => unhex(block.split('\n').map((line) => line.split('|')[0]!).join('')));

const clockWhite = { whiteMs: 180_000, blackMs: 250, running: 'white', delayMs: 0 } as const;
const control = { stages: [{ moves: null, timeMs: 180_000, incrementMs: 2_000, delay: null, delayMs: 0 }] };
const at = 1_767_225_600_000;
const frame = (body: ServerFrame['body']): ServerFrame => ({ time: 1_767_225_600_000_000, epoch: 3, seq: 260, body });

/** What the examples say, in their order. */
const meanings: (ClientFrame | ServerFrame)[] = [
  { kind: 'join', version: 2, flags: JOIN_FLAGS.heartbeats, matchId: '0AZaz9876543', token: 'a.b.c', seen: 300 },
  frame({
    kind: 'joined',
    role: 'white',
    catchUp: {
      kind: 'state',
      state: {
        players: {
          white: { id: 'w', name: 'Ann', rating: null, isBot: false },
          black: { id: 'b', name: 'Bö', rating: null, isBot: false },
        },
        variant: 'standard',
        controls: { white: control, black: control },
        clockStart: 'after_first_moves',
        startAt: null,
        rated: false,
        spectatorDelayS: 0,
        chat: true,
        rules: [],
        tags: null,
        startFen: null,
        fen: 'k7',
        moves: ['e2e4', 'e7e5'],
        positionSeq: 2,
        drawOffer: null,
        takebackOffer: null,
        rematchOffer: null,
        rematch: null,
        result: null,
        offeredPlies: [],
      },
    },
    clock: clockWhite,
    connected: { white: true, black: false },
    paused: false,
  }),
  frame({
    kind: 'joined',
    role: 'black',
    catchUp: {
      kind: 'events',
      events: [
        { seq: 259, seat: 'black', clock: clockWhite, kind: 'draw_offered' },
        { seq: 260, seat: 'black', clock: clockWhite, kind: 'takeback_offered' },
      ],
    },
    clock: clockWhite,
    connected: { white: true, black: false },
    paused: false,
  }),
  { kind: 'command', id: 1n, command: { kind: 'move', positionSeq: 0, uci: 'e2e4' } },
  { kind: 'command', id: 2n, command: { kind: 'move', positionSeq: 70_000, uci: 'N@f3', with: 'draw_claim' } },
  frame({ kind: 'event', event: { seq: 260, seat: 'black', clock: clockWhite, kind: 'moved', uci: 'e7e5', with: null } }),
  frame({
    kind: 'event',
    event: {
      seq: 260,
      seat: 'white',
      clock: { ...clockWhite, running: 'black', delayMs: 5_000 },
      kind: 'moved',
      uci: 'e1g1',
      with: 'draw_offer',
    },
  }),
  frame({ kind: 'ack', id: 1n, event: 260 }),
  frame({ kind: 'refused', id: 9n, reason: 'stale_position' }),
  frame({
    kind: 'event',
    event: {
      seq: 260,
      seat: null,
      clock: { ...clockWhite, running: null },
      kind: 'ended',
      outcome: 'black_wins',
      termination: 'time_forfeit',
    },
  }),
  frame({ kind: 'gone', seat: 'black', claimInMs: 35_000 }),
  { kind: 'say', id: 1, text: 'Gl hf' },
  frame({
    kind: 'chat',
    lines: [
      { seat: 'black', name: 'Bö', text: 'Gl hf', at },
      { seat: 'white', name: 'Ann', text: '♟', at },
    ],
  }),
  frame({ kind: 'unsupported', min: 2, max: 251 }),
  frame({ kind: 'closed', code: 'unsupported' }),
];

describe('the document', () => {
  test('has the examples that are compared here', () => {
    assert.equal(examples.length, meanings.length);
  });

  for (const [place, meaning] of meanings.entries()) {
    const kind = 'body' in meaning ? meaning.body.kind : meaning.kind;
    test(`example ${place + 1}, ${kind}`, () => {
      const bytes = examples[place]!;
      if ('body' in meaning) {
        assert.deepEqual(decodeServer(bytes.subarray(4)), meaning);
        assert.equal(hex(encodeServer(meaning)), hex(bytes));
      } else {
        assert.equal(hex(encodeClient(meaning)), hex(bytes));
        assert.deepEqual(decodeClient(bytes.subarray(4)), meaning);
      }
    });
  }

  /** Names of the numbered rows of a section, by their numbers. */
  function rows(heading: string): (string | undefined)[] {
    const section = document.split(`\n### ${heading}\n`)[1]!.split(/\n##+ /)[0]!;
    const named: (string | undefined)[] = [];
    for (const [, number, name] of section.matchAll(/^\| (\d+) \| `(\w+)`/gm)) named[Number(number)] = name!;
    return named;
  }
  const snake = (name: string | undefined) => name?.replace(/(?<=.)([A-Z])/g, '_$1').toLowerCase();

  test('numbers everything as it is numbered here', () => {
    assert.deepEqual(rows('Commands').map(snake), COMMANDS);
    assert.deepEqual(rows('Events').map(snake), EVENTS);
    assert.deepEqual(rows('Outcomes'), OUTCOMES);
    assert.deepEqual(rows('Terminations'), TERMINATIONS);
    assert.deepEqual(rows('Variants'), VARIANTS);
    assert.deepEqual(rows('Chat refusals'), CHAT_REFUSALS);
    assert.deepEqual(rows('Close codes'), CLOSE_CODES);
    // The first table of the section ends with `paused`, number 3, whose numbers the second one takes again.
    assert.deepEqual(rows('Refusals'), MATCH_REFUSALS);
    const bits = rows('Rules');
    assert.deepEqual(RULES.map((_, place) => bits[1 << place]), RULES);
  });

  test('says of each close code whether a client comes back', () => {
    const section = document.split('\n### Close codes\n')[1]!.split(/\n##+ /)[0]!;
    let codes = 0;
    for (const [, code, answer] of section.matchAll(/^\| \d+ \| `(\w+)` \| (yes|no)/gm)) {
      codes += 1;
      assert.equal(isRetryable(code as never), answer === 'yes', code);
    }
    assert.equal(codes, CLOSE_CODES.length);
    assert.ok(isRetryable('unknown'));
  });
});

describe('the golden bytes of the server', () => {
  const frames = (file: string) => {
    const source = readFileSync(new URL(`protocol/src/codec/golden/${file}.rs`, root), 'utf8');
    // A text that goes on in the next line has a backslash at its end.
    const texts = [...source.replace(/\\\n\s*/g, '').matchAll(/"([0-9a-f ]{8,})"/g)];
    return texts.map(([, digits]) => digits!.replace(/ /g, '')).filter((digits) => digits.startsWith('0000'));
  };

  test('of a shard are read and written', () => {
    const all = ['joins', 'events', 'shard'].flatMap(frames);
    assert.ok(all.length > 60, `${all.length}`);
    for (const digits of all) {
      assert.equal(hex(encodeServer(decodeServer(unhex(digits).subarray(4)))), digits);
    }
  });

  test('of a client are written', () => {
    const all = frames('client');
    assert.ok(all.length > 20, `${all.length}`);
    for (const digits of all) {
      assert.equal(hex(encodeClient(decodeClient(unhex(digits).subarray(4)))), digits);
    }
  });

  test('of a state in which everything has a value are understood', () => {
    const read = decodeServer(unhex(frames('joins')[1]!).subarray(4)).body;
    assert.ok(read.kind === 'joined' && read.catchUp.kind === 'state');
    const { state } = read.catchUp;
    assert.deepEqual(state.controls.white.stages[0], {
      moves: 40,
      timeMs: 5_400_000,
      incrementMs: 30_000,
      delay: null,
      delayMs: 0,
    });
    assert.deepEqual(state.controls.black.stages[0]!.delay, 'simple');
    assert.deepEqual(state.rules, ['no_abort', 'no_early_draw', 'compensate_bots']);
    assert.deepEqual(state.tags, { event: 'Open', round: '3', board: null, site: 'Ürzig' });
    assert.deepEqual(state.result, { outcome: 'white_wins', termination: 'variant_end' });
    assert.deepEqual([state.variant, state.rematch, state.offeredPlies], ['threeCheck', '0AZaz9876543', [2, 300]]);
  });
});

describe('a later version', () => {
  /** A frame with a body of the next version. */
  const read = (write: (to: Writer) => unknown) => {
    const to = new Writer();
    to.raw(new Uint8Array(8)).varint(3).varint(260);
    write(to);
    return decodeServer(to.text('more').frame().subarray(4)).body;
  };
  const clocks = (to: Writer) => to.varint(1).varint(2).option('white', () => to.varint(0)).varint(3);

  test('may have kinds of frame, which are skipped', () => {
    for (const number of [14, 15, 250, 251, 0xffff_ffff]) {
      assert.deepEqual(read((to) => to.varint(number)), { kind: 'unknown' });
    }
  });

  test('may have kinds of event, which have a seq and a clock', () => {
    const body = read((to) => clocks(to.varint(1).bool(false)).varint(EVENTS.length));
    assert.deepEqual(body, {
      kind: 'event',
      event: { seq: 260, seat: null, clock: { whiteMs: 1, blackMs: 2, running: 'white', delayMs: 3 }, kind: 'unknown' },
    });
  });

  test('may add to parts, and to what follows them', () => {
    const written = clocks(new Writer().varint(259).bool(false)).varint(5).byte(2).text('more').body();
    const body = read((to) => {
      to.varint(0).varint(0).varint(1).varint(1).varint(written.length).raw(written);
      return clocks(to).bool(true).bool(true).bool(false);
    });
    assert.ok(body.kind === 'joined' && body.catchUp.kind === 'events');
    assert.deepEqual(body.catchUp.events[0]!.kind, 'taken_back');
    assert.deepEqual(body.connected, { white: true, black: true });
  });

  test('may have reasons and codes, which are unknown', () => {
    for (const [reason, inner] of [[0, 16], [0, 300], [4, 0], [900, 0]] as const) {
      assert.deepEqual(read((to) => to.varint(3).varint(7).varint(reason).varint(inner)), {
        kind: 'refused',
        id: 7n,
        reason: 'unknown',
      });
    }
    assert.deepEqual(read((to) => to.varint(13).varint(7).varint(5)), { kind: 'not_said', id: 7, reason: 'unknown' });
    assert.deepEqual(read((to) => to.varint(7).varint(16)), { kind: 'closed', code: 'unknown' });
  });
});

describe('what is no frame', () => {
  const head = '0006474846204000 03 05';
  for (const [why, digits] of [
    ['a body that ends in its time', '00064748'],
    ['a body that ends in its epoch', '0006474846204000'],
    ['a number with a mark that there is not', '0006474846204000 fe 05 09'],
    ['a seq above 32 bits', '0006474846204000 03 fd0000000100000000 09'],
    ['a time above 53 bits', 'ffffffffffffffff 03 05 09'],
    ['an epoch above 53 bits', '0006474846204000 fdffffffffffffffff 05 09'],
    ['a seat that there is not', `${head} 04 02 01`],
    ['a bool that is neither', `${head} 04 00 02`],
    ['an option that is neither', `${head} 0a 00 02 00`],
    ['an event that ends early', `${head} 01 00 01`],
    ['a move from and to the same square', `${head} 01 00 01 01 00 00 00 00 00`],
    ['a piece that there is not', `${head} 01 00 01 01 00 00 00 fb710c 00`],
    ['a termination that there is not', `${head} 01 00 01 01 00 00 07 00 11`],
    ['an id that is none', `${head} 01 00 01 01 00 00 0a 2d2d2d2d2d2d2d2d2d2d2d2d`],
    ['a list that is longer than the frame', `${head} 0b fc7fffffff 01 00`],
    ['a list of more than can be counted', `${head} 0b fdffffffffffffffff 01 00`],
    ['a part that is longer than the frame', `${head} 0b 01 fb0400 00`],
    ['a text that is not UTF-8', `${head} 0b 01 06 00 01 ff 00 01 00`],
    ['a catch-up that is neither', `${head} 00 00 02`],
  ] as const) {
    test(why, () => assert.throws(() => decodeServer(unhex(digits)), Malformed));
  }

  test('more events than a catch-up may have', () => {
    const event = { seat: null, clock: clockWhite, kind: 'draw_offered' } as const;
    const joined = (count: number) =>
      encodeServer(
        frame({
          kind: 'joined',
          role: 'white',
          catchUp: { kind: 'events', events: Array.from({ length: count }, (_, seq) => ({ ...event, seq })) },
          clock: clockWhite,
          connected: { white: true, black: true },
          paused: false,
        }),
      ).subarray(4);
    assert.equal(decodeServer(joined(512)).body.kind, 'joined');
    assert.throws(() => decodeServer(joined(513)), Malformed);
  });

  test('a length above the limit, before its body is there', () => {
    const header = (length: number) => new Uint8Array([length >>> 24, length >>> 16, length >>> 8, length]);
    assert.throws(() => new FrameReader().push(header(SERVER_FRAME_LEN_MAX + 1)), Malformed);
    assert.throws(() => new FrameReader().push(header(0xffff_ffff)), Malformed);
    assert.deepEqual(new FrameReader().push(header(SERVER_FRAME_LEN_MAX)), []);
  });

  test('any bytes end in a frame or are refused', () => {
    let seed = 7;
    const random = () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
    const golden = examples.slice(1, 3).map((bytes) => bytes.subarray(4));
    let refused = 0;
    for (let round = 0; round < 20_000; round += 1) {
      const bytes = golden[round % 2]!.slice();
      for (let changes = 0; changes < 3; changes += 1) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      try {
        decodeServer(bytes.subarray(0, Math.ceil(random() * bytes.length)));
      } catch (error) {
        assert.ok(error instanceof Malformed, String(error));
        refused += 1;
      }
    }
    assert.ok(refused > 1_000 && refused < 20_000, `${refused}`);
  });
});

describe('a stream', () => {
  const whole = Buffer.concat(examples.filter((_, place) => 'body' in meanings[place]!));

  for (const size of [1, 2, 3, 5, 64, 1_000]) {
    test(`in pieces of ${size}`, () => {
      const reader = new FrameReader();
      const bodies: Uint8Array[] = [];
      for (let from = 0; from < whole.length; from += size) {
        bodies.push(...reader.push(new Uint8Array(whole.subarray(from, from + size))));
      }
      const read = bodies.map((body) => decodeServer(body));
      assert.deepEqual(read, meanings.filter((meaning) => 'body' in meaning));
    });
  }
});

describe('numbers and moves', () => {
  test('have the shortest bytes, and are read from them', () => {
    for (const [number, digits] of [
      [0n, '00'],
      [250n, 'fa'],
      [251n, 'fb00fb'],
      [65_535n, 'fbffff'],
      [65_536n, 'fc00010000'],
      [4_294_967_295n, 'fcffffffff'],
      [4_294_967_296n, 'fd0000000100000000'],
      [2n ** 64n - 1n, 'fdffffffffffffffff'],
    ] as const) {
      assert.equal(hex(new Writer().varint(number).body()), digits);
      assert.equal(new Reader(unhex(digits)).big(), number);
    }
  });

  test('each move has one number', () => {
    for (const [uci, number] of [['e2e4', 1_804], ['N@f3', 9_557], ['a7a8q', 0x5e30], ['e1g1', 388], ['P@e4', 0x171c]] as const) {
      assert.equal(moveNumber(uci), number);
      assert.equal(moveOf(number), uci);
    }
    const seen = new Set<string>();
    for (let number = 0; number < 0x8000; number += 1) {
      const uci = moveOf(number);
      if (uci === null) continue;
      assert.equal(moveNumber(uci), number);
      seen.add(uci);
    }
    assert.equal(seen.size, 64 * 63 * 6 + 64 * 5);
    for (const none of ['', 'e2', 'e2e2', 'e9e4', 'e7e8p', 'K@e4', 'e2e4 ', '0000']) assert.equal(moveNumber(none), null);
  });

  test('what cannot be sent is refused here', () => {
    const sent = (command: ClientFrame) => () => encodeClient(command);
    assert.throws(sent({ kind: 'command', id: 1n, command: { kind: 'move', uci: 'castle' } }), RangeError);
    assert.throws(sent({ kind: 'command', id: 1n, command: { kind: 'give_time', seconds: 256 } }), RangeError);
    assert.throws(sent({ kind: 'join', version: 2, flags: 0, matchId: 'short', token: '', seen: null }), RangeError);
    assert.throws(sent({ kind: 'say', id: 1, text: 'x'.repeat(2_000) }), RangeError);
  });
});
