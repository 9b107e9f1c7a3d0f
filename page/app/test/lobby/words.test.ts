import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveMatch } from 'rookery-session';
import { byInterest, fill } from '../../src/live/choose.ts';
import { plotOf } from '../../src/player/plot.ts';
import { categoryName, resultFor } from '../../src/player/words.ts';
import { lobby, terms } from '../../src/strings.ts';
import { ago, clockTime, controlWords, speedOf, stretch, stretchShort, writtenControlWords } from '../../src/words/times.ts';

test('stretches of time are told in one unit, with the right plural', () => {
  const table: [number, string, string][] = [
    [0, '0 seconds', '1 s'],
    [1_000, '1 second', '1 s'],
    [59_400, '59 seconds', '59 s'],
    [60_000, '1 minute', '1 min'],
    [150_000, '3 minutes', '3 min'],
    [3_600_000, '1 hour', '1 h'],
    [86_400_000, '1 day', '24 h'],
    [200_000_000, '2 days', '56 h'],
  ];
  for (const [ms, long, short] of table) {
    assert.equal(stretch(ms), long);
    assert.equal(stretchShort(ms), short);
  }
  assert.equal(ago(1_000, 5_000), 'just now');
  assert.equal(ago(0, 120_000), '2 minutes ago');
});

test('running times look like clocks', () => {
  assert.deepEqual([-5, 0, 7_999, 750_000, 3_723_000].map(clockTime), ['0:00', '0:00', '0:07', '12:30', '1:02:03']);
});

test('controls as players say them', () => {
  assert.equal(controlWords({ initial_ms: 180_000, increment_ms: 2_000 }), '3+2');
  assert.equal(controlWords({ initial_ms: 30_000, increment_ms: 0 }), '0.5+0');
  assert.equal(controlWords({ initial_ms: 300_000, increment_ms: 0, delay: 'simple', delay_ms: 2_000 }), '5+0 (delay 2 s)');
  const stages = [{ moves: 40, time_ms: 5_400_000, increment_ms: 30_000 }, { time_ms: 1_800_000, increment_ms: 30_000 }];
  assert.equal(controlWords({ stages }), '40 moves in 90+30, then 30+30');
});

test('controls of lists are in seconds', () => {
  const table: [string, string][] = [
    ['180+2', '3+2'],
    ['30+0', '0.5+0'],
    ['300+2d', '5+0 (delay 2 s)'],
    ['300+3+2d', '5+3 (delay 2 s)'],
    ['300+0+2b', '5+0 (Bronstein 2 s)'],
    ['40/5400+30:1800+30', '40 moves in 90+30, then 30+30'],
    ['60+0 / 600+0', '1+0 / 10+0'],
    ['?', '?'],
  ];
  for (const [written, words] of table) {
    assert.equal(writtenControlWords(written), words);
  }
});

test('speeds are those of the server', () => {
  const of = (initial: number, increment: number) => speedOf({ initial_ms: initial * 1000, increment_ms: increment * 1000 });
  assert.deepEqual([of(29, 0), of(30, 0), of(179, 0), of(180, 0), of(479, 0), of(480, 0), of(1499, 0), of(1500, 0)],
    ['ultrabullet', 'bullet', 'bullet', 'blitz', 'blitz', 'rapid', 'rapid', 'classical']);
  assert.equal(of(60, 3), 'blitz');
  // A stage after move 40 adds nothing.
  assert.equal(speedOf({ stages: [{ moves: 40, time_ms: 60_000 }, { time_ms: 3_600_000 }] }), 'bullet');
});

test('counts', () => {
  assert.deepEqual([0, 1, 2].map(lobby.waiting), ['nobody yet', '1 waiting', '2 waiting']);
  assert.deepEqual([1, 2].map(lobby.spectators), ['1 spectator', '2 spectators']);
  assert.equal(terms.spectatorDelay(3), 'Spectators 3 seconds behind');
});

test('a plot fills its box, from the oldest to the newest', () => {
  const { points, min, max } = plotOf([{ at: 1, rating: 1400 }, { at: 2, rating: 1600 }, { at: 3, rating: 1500 }], 104, 54, 2);
  assert.deepEqual([min, max], [1400, 1600]);
  assert.deepEqual(points, [[2, 52], [52, 2], [102, 27]]);
});

test('a plot of little change is flat, of one rating a point, of none empty', () => {
  const { points, min, max } = plotOf([{ at: 1, rating: 1500 }, { at: 2, rating: 1504 }], 100, 50);
  assert.equal(max - min, 100);
  assert.ok(Math.abs((points[0]?.[1] ?? 0) - (points[1]?.[1] ?? 0)) <= 2.1);
  assert.deepEqual(plotOf([{ at: 1, rating: 1500 }], 100, 50).points, [[50, 25]]);
  assert.deepEqual(plotOf([], 100, 50).points, []);
});

test('a long history is thinned out and keeps its last rating', () => {
  const history = Array.from({ length: 1000 }, (_, at) => ({ at, rating: 1000 + at }));
  const { points } = plotOf(history, 100, 50);
  assert.ok(points.length <= 101);
  assert.deepEqual(points.at(-1), [100, 0]);
});

const live = (id: string, change: Partial<LiveMatch> = {}): LiveMatch => ({
  match_id: id,
  players: { white: { id: 'w', name: 'W', rating: null, is_bot: false }, black: { id: 'b', name: 'B', rating: null, is_bot: false } },
  variant: 'standard',
  speed: 'blitz',
  time_control: '180+2',
  rated: false,
  spectator_delay_s: 0,
  ply: 10,
  turn: 'white',
  clock: { white_ms: 0, black_ms: 0, running: null, delay_ms: 0 },
  created_at: 0,
  spectators: 0,
  ...change,
});

const rated = (rating: number, isBot = false): LiveMatch['players'] => ({
  white: { id: 'w', name: 'W', rating, is_bot: isBot },
  black: { id: 'b', name: 'B', rating, is_bot: isBot },
});

test('TV prefers strong players, people, and matches that have begun', () => {
  const ids = (matches: LiveMatch[]) => byInterest(matches).map((match) => match.match_id);
  assert.deepEqual(ids([live('weak', { players: rated(1400) }), live('strong', { players: rated(2100) })]), ['strong', 'weak']);
  assert.deepEqual(ids([live('bots', { players: rated(1500, true) }), live('people', { players: rated(1500) })]), ['people', 'bots']);
  assert.deepEqual(ids([live('new', { ply: 0, created_at: 9 }), live('old', { created_at: 1 })]), ['old', 'new']);
  assert.deepEqual(ids([live('alone'), live('watched', { spectators: 5 })]), ['watched', 'alone']);
  assert.deepEqual(ids([live('older', { created_at: 1 }), live('newer', { created_at: 2 })]), ['newer', 'older']);
});

test('boards that are shown stay in their places while they are live', () => {
  const all = [live('a', { spectators: 9 }), live('b'), live('c', { spectators: 5 })];
  const ids = (matches: LiveMatch[]) => matches.map((match) => match.match_id);
  assert.deepEqual(ids(fill([], all, 2)), ['a', 'c']);
  assert.deepEqual(ids(fill(['b', 'gone'], all, 2)), ['b', 'a']);
});

test('results and categories in words', () => {
  const players = { white: { id: 'ann', name: 'Ann', rating: null, is_bot: false }, black: { id: 'bob', name: 'Bob', rating: null, is_bot: false } };
  assert.equal(resultFor({ outcome: 'white_wins', players }, 'ann'), 'won');
  assert.equal(resultFor({ outcome: 'white_wins', players }, 'bob'), 'lost');
  assert.equal(resultFor({ outcome: 'draw', players }, 'bob'), 'drawn');
  assert.equal(resultFor({ outcome: 'aborted', players }, 'bob'), 'aborted');
  assert.equal(categoryName('standard-blitz'), 'Blitz');
  assert.equal(categoryName('kingOfTheHill-rapid'), 'King of the Hill · Rapid');
});
