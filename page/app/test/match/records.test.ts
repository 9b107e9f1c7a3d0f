import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clocksAt, pgnClocks, pgnHeader } from '../../src/match/pgn-clocks.ts';
import { ratingLines } from '../../src/match/ratings.ts';
import { controlText, termsWords } from '../../src/match/terms.ts';
import { match } from './states.ts';

const PGN = `[Event "A \\"B\\" cup"]
[UTCDate "2026.11.27"]

1. e4 { [%clk 0:03:00] } e5 { [%clk 0:02:59] } 2. Nf3 { [%clk 1:00:01.5] } *`;

test('clocks and headers are read from a PGN', () => {
  assert.deepEqual(pgnClocks(PGN), [180_000, 179_000, 3_601_500]);
  assert.deepEqual(pgnClocks(''), []);
  assert.equal(pgnHeader(PGN, 'UTCDate'), '2026.11.27');
  assert.equal(pgnHeader(PGN, 'Event'), 'A "B" cup');
  assert.equal(pgnHeader(PGN, 'Site'), null);
});

test('both clocks are known at every ply', () => {
  const initial = { white: 200_000, black: 190_000 };
  const clocks = [180_000, 179_000, 170_000];
  assert.deepEqual(clocksAt(clocks, 0, initial, true), { whiteMs: 200_000, blackMs: 190_000 });
  assert.deepEqual(clocksAt(clocks, 1, initial, true), { whiteMs: 180_000, blackMs: 190_000 });
  assert.deepEqual(clocksAt(clocks, 3, initial, true), { whiteMs: 170_000, blackMs: 179_000 });
  assert.deepEqual(clocksAt(clocks, 3, initial, false), { whiteMs: 179_000, blackMs: 170_000 });
  assert.deepEqual(clocksAt(clocks, 9, initial, true), { whiteMs: 170_000, blackMs: 179_000 });
});

test('time controls are written as players write them', () => {
  const stage = { moves: null, timeMs: 180_000, incrementMs: 2_000, delay: null, delayMs: 0 } as const;
  assert.equal(controlText({ stages: [stage] }), '3+2');
  assert.equal(controlText({ stages: [{ ...stage, timeMs: 30_000, incrementMs: 0 }] }), '½+0');
  assert.equal(controlText({ stages: [{ ...stage, delay: 'simple', delayMs: 5_000 }] }), '3+2 d5');
  assert.equal(
    controlText({ stages: [{ ...stage, moves: 40, timeMs: 5_400_000, incrementMs: 30_000 }, { ...stage, timeMs: 1_800_000, incrementMs: 30_000 }] }),
    '40/90+30, 30+30',
  );
  assert.equal(termsWords(match()), 'Standard · 3+2 · Casual');
  assert.equal(
    termsWords(match({ rated: true, variant: 'atomic', controls: { white: { stages: [stage] }, black: { stages: [{ ...stage, timeMs: 60_000 }] } } })),
    'Atomic · 3+2 against 1+2 · Rated',
  );
});

test('rating changes are said with their sign', () => {
  const rating = (value: number) => ({ rating: value, deviation: 60, provisional: false });
  const answer = {
    rating_changes: {
      white: { before: rating(1500), after: rating(1507), games: 3 },
      black: { before: rating(1510), after: rating(1503), games: 9 },
    },
  };
  assert.deepEqual(ratingLines(answer as never, match().players), ['Ann: 1500 → 1507 (+7)', 'Bö: 1510 → 1503 (−7)']);
  assert.deepEqual(ratingLines({} as never, match().players), []);
});
