import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockText, lowTimeMs, nextChangeIn } from '../../src/match/clock-text.ts';
import { Line } from '../../src/match/position.ts';
import {
  awayWords,
  clockWords,
  eventWords,
  fileWords,
  moveWords,
  pocketWords,
  positionWords,
  rankWords,
  refusalWords,
  resultSentence,
  spokenMove,
  squareWords,
} from '../../src/match/words.ts';
import type { MatchEvent, Variant } from '../../src/match/types.ts';
import { match } from './states.ts';

function say(text: string, variant: Variant = 'standard', fen: string | null = null): string {
  const line = new Line(variant, fen, text.split(' '));
  return moveWords(line, line.last);
}

test('moves are said in words', () => {
  assert.equal(say('g1f3'), 'knight from g1 to f3');
  assert.equal(say('e2e4 d7d5 e4d5'), 'pawn from e4 takes pawn on d5');
  assert.equal(say('e2e4 e7e5 f1c4 b8c6 d1h5 g8f6 h5f7'), 'queen from h5 takes pawn on f7, checkmate');
  assert.equal(say('e2e4 f7f6 d1h5'), 'queen from d1 to h5, check');
  assert.equal(say('e1g1', 'standard', 'r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1'), 'castles king’s side');
  assert.equal(say('e1c1', 'standard', 'r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1'), 'castles queen’s side');
  assert.equal(say('e2e4 a7a6 e4e5 d7d5 e5d6'), 'pawn from e5 takes pawn en passant, to d6');
  assert.equal(say('e7e8n', 'standard', '8/4P3/8/8/8/8/8/K6k w - - 0 1'), 'pawn from e7 to e8 and becomes a knight');
  assert.equal(say('e2e4 d7d5 e4d5 d8d5 P@e4', 'crazyhouse'), 'pawn dropped on e4');
  assert.equal(say('e2e4 d7d5 e4d5', 'atomic'), 'pawn from e4 takes pawn on d5, with an explosion');
});

test('moves are said with who played them', () => {
  const line = new Line('standard', null, ['g1f3']);
  assert.equal(spokenMove(line, line.last, 'white'), 'You played knight from g1 to f3.');
  assert.equal(spokenMove(line, line.last, 'black'), 'Opponent played knight from g1 to f3.');
  assert.equal(spokenMove(line, line.last, null), 'White: knight from g1 to f3.');
});

test('positions are said by piece, rank, file and square', () => {
  const position = new Line('standard', null).last.position;
  assert.match(positionWords(position), /^White: king e1, queen d1, rooks a1 h1, bishops c1 f1, knights b1 g1, pawns a2/);
  assert.match(rankWords(position, '1'), /^Rank 1: a1 White rook, b1 White knight/);
  assert.equal(rankWords(position, '4'), 'Rank 4: empty.');
  assert.match(fileWords(position, 'e'), /^File e: e1 White king, e2 White pawn, e7 Black pawn, e8 Black king\.$/);
  assert.equal(squareWords(position, 'e4'), 'e4 is empty');
  assert.equal(squareWords(position, 'd8'), 'd8: Black queen');
  const house = new Line('crazyhouse', null, 'e2e4 d7d5 e4d5 d8d5'.split(' ')).last.position;
  assert.equal(pocketWords(house, 'white'), 'White’s pocket: 1 pawn.');
});

test('clocks show tenths below ten seconds and never more time than there is', () => {
  for (const [ms, text] of [
    [0, '0:00.0'],
    [99, '0:00.0'],
    [9_999, '0:09.9'],
    [10_000, '0:10'],
    [10_999, '0:10'],
    [180_000, '3:00'],
    [3_599_999, '59:59'],
    [3_600_000, '1:00:00'],
    [10_800_000, '3:00:00'],
    [-5, '0:00.0'],
  ] as const) {
    assert.equal(clockText(ms), text);
  }
});

test('the next change of a clock is when its text changes', () => {
  for (const ms of [180_000, 179_500, 10_050, 10_000, 9_950, 9_901, 101, 12_345]) {
    const soon = nextChangeIn(ms);
    assert.ok(soon > 0 && soon <= 1000);
    assert.equal(clockText(ms - soon + 1), clockText(ms), `${ms}`);
    assert.notEqual(clockText(ms - soon), clockText(ms), `${ms}`);
  }
});

test('clocks are said in words', () => {
  assert.equal(clockWords(125_000), '2 minutes 5 seconds');
  assert.equal(clockWords(3_661_000), '1 hour 1 minute 1 second');
  assert.equal(clockWords(9_450), '9.4 seconds');
  assert.equal(clockWords(0), 'no time');
  assert.equal(lowTimeMs(60_000), 10_000);
  assert.equal(lowTimeMs(180_000), 22_500);
  assert.equal(lowTimeMs(1_800_000), 60_000);
});

test('results are said from where one sits', () => {
  const mate = { outcome: 'white_wins', termination: 'checkmate' } as const;
  assert.equal(resultSentence(mate, 'white'), 'You won by checkmate.');
  assert.equal(resultSentence(mate, 'black'), 'You lost by checkmate.');
  assert.equal(resultSentence(mate, null), 'White won by checkmate.');
  assert.equal(resultSentence({ outcome: 'black_wins', termination: 'time_forfeit' }, null), 'Black won as White ran out of time.');
  assert.equal(resultSentence({ outcome: 'draw', termination: 'abandoned' }, null), 'Draw as a player left the game.');
  assert.equal(resultSentence({ outcome: 'aborted', termination: 'aborted' }, null), 'Game aborted.');
  assert.equal(
    resultSentence({ outcome: 'aborted', termination: 'black_no_start' }, 'white'),
    'Game aborted as Black did not make a first move.',
  );
});

const clock = { whiteMs: 1, blackMs: 1, running: null, delayMs: 0 } as const;

test('events are said in good English', () => {
  const offer: MatchEvent = { kind: 'draw_offered', seq: 3, seat: 'black', clock };
  assert.equal(eventWords(offer, 'white'), 'your opponent offers a draw');
  assert.equal(eventWords(offer, 'black'), 'you offer a draw');
  assert.equal(eventWords(offer, null), 'Black offers a draw');
  const given: MatchEvent = { kind: 'time_given', seq: 4, seat: 'white', seconds: 15, clock };
  assert.equal(eventWords(given, 'white'), 'you give 15 seconds');
  assert.equal(
    eventWords({ kind: 'clock_set', seq: 5, seat: null, of: 'black', clock }, 'white'),
    'the arbiter has set the clock of Black',
  );
  assert.equal(eventWords({ kind: 'taken_back', seq: 5, seat: 'white', plies: 2, clock }, null), '2 moves taken back');
});

test('what happened while away is one sentence', () => {
  const state = match({ moves: ['e2e4', 'e7e5'], result: { outcome: 'black_wins', termination: 'resignation' } });
  const line = new Line('standard', null, state.moves);
  const events: MatchEvent[] = [
    { kind: 'moved', seq: 2, seat: 'black', uci: 'e7e5', with: null, clock },
    { kind: 'draw_offered', seq: 3, seat: 'black', clock },
    { kind: 'ended', seq: 4, seat: 'white', outcome: 'black_wins', termination: 'resignation', clock },
  ];
  assert.equal(
    awayWords(state, line, 1, events),
    'While you were away: 1 move played (e5), your opponent offers a draw and you lost by resignation of White.',
  );
  assert.equal(awayWords(state, line, 0, []), '');
});

test('refusals say what was not done and why', () => {
  assert.equal(refusalWords('move', 'illegal_move'), 'Move not played: That move is not legal.');
  assert.equal(refusalWords('offer_draw', 'something_new'), 'No draw offered: The server refused it.');
});
