/** Both clocks in view, and the server's clock that they are counted by. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ServerTime } from '../src/machine/server-time.ts';
import { ShownClocks } from '../src/machine/shown-clocks.ts';
import { randomOf } from './model.ts';

const SAID = { whiteMs: 60_000, blackMs: 50_000, running: 'white', delayMs: 0 } as const;
const shown = (said: Parameters<ShownClocks['say']>[0] = SAID) => {
  const clocks = new ShownClocks();
  clocks.say(said, 1_000);
  return clocks;
};

describe('the clocks in view', () => {
  test('count down where the shard says so', () => {
    assert.deepEqual(shown().at(11_000), { whiteMs: 50_000, blackMs: 50_000, running: 'white' });
    assert.deepEqual(shown({ ...SAID, running: 'black' }).at(11_000), { whiteMs: 60_000, blackMs: 40_000, running: 'black' });
    assert.deepEqual(shown({ ...SAID, running: null }).at(11_000), { whiteMs: 60_000, blackMs: 50_000, running: null });
  });

  test('never go below zero, nor above what was said', () => {
    assert.equal(shown().at(1_000_000).whiteMs, 0);
    assert.equal(shown().at(0).whiteMs, 60_000);
  });

  test('stand for the delay', () => {
    const clocks = shown({ ...SAID, delayMs: 2_000 });
    for (const [now, left] of [[1_000, 60_000], [3_000, 60_000], [4_000, 59_000], [11_000, 52_000]] as const) {
      assert.equal(clocks.at(now).whiteMs, left);
    }
  });

  test('stand where the shard was heard last, whatever comes after', () => {
    const clocks = shown();
    clocks.unheard(9_000);
    clocks.unheard(14_000);
    for (const now of [10_000, 14_000, 100_000]) assert.deepEqual(clocks.at(now), { whiteMs: 52_000, blackMs: 50_000, running: null });
    clocks.say(SAID, 21_000);
    assert.deepEqual(clocks.at(22_000), { whiteMs: 59_000, blackMs: 50_000, running: 'white' });
  });

  test('ran here too where they ran at the shard', () => {
    const clocks = shown();
    clocks.unheard(2_000);
    clocks.heard();
    assert.equal(clocks.at(6_000).whiteMs, 55_000);
  });

  test('stand in a pause that begins in a silence from where the silence did', () => {
    const clocks = shown();
    clocks.unheard(3_000);
    clocks.pause(7_000);
    assert.ok(clocks.isPaused);
    assert.equal(clocks.at(8_000).whiteMs, 58_000);
    clocks.endPause();
    clocks.say(SAID, 10_000);
    assert.equal(clocks.at(11_000).whiteMs, 59_000);
  });
});

describe("the server's time", () => {
  const EPOCH = 1_767_225_600_000;
  const micros = (ms: number) => (EPOCH + ms) * 1_000;

  test('is known to within half of the smallest round trip, however late single frames are', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = randomOf(seed);
      const [there, back] = [1 + random() * 80, 1 + random() * 80];
      const server = new ServerTime();
      server.measured(there + back);
      let left = 0;
      let arrived = 0;
      for (let count = 0; count < 40; count += 1) {
        left += 1 + random() * 3_000;
        const late = count === 0 ? 0 : random() * 2_000;
        arrived = Math.max(arrived, left + back + late);
        server.arrived(micros(left), arrived);
        const error = Math.abs(server.leftAt(micros(left), arrived) - left);
        assert.ok(error <= (there + back) / 2 + 13, `seed ${seed}: ${error}`);
        assert.ok(Math.abs(server.at(arrived)! - EPOCH - arrived) <= (there + back) / 2 + 13);
      }
    }
  });

  test('is corrected by a faster frame', () => {
    const server = new ServerTime();
    server.arrived(micros(0), 500);
    assert.equal(Math.round(server.leftAt(micros(0), 500)), 500);
    server.arrived(micros(1_000), 1_020);
    assert.equal(Math.round(server.leftAt(micros(1_000), 1_020)), 1_020);
    assert.equal(Math.round(server.leftAt(micros(1_100), 1_900)), 1_120);
  });

  test('follows a clock that drifts', () => {
    const server = new ServerTime();
    server.arrived(micros(0), 0);
    // After an hour the own clock is 100 ms ahead.
    server.arrived(micros(3_600_000), 3_600_100);
    assert.equal(Math.round(server.leftAt(micros(3_600_000), 3_600_100)), 3_600_100);
  });

  test('is not known from a frame without one', () => {
    const server = new ServerTime();
    server.arrived(0, 5);
    assert.equal(server.at(5), null);
    assert.equal(server.leftAt(0, 5), 5);
  });

  test('keeps the smallest round trip', () => {
    const server = new ServerTime();
    assert.ok(server.measured(20) && server.measured(10));
    assert.ok(!server.measured(30));
    assert.equal(server.rtt, 10);
  });
});
