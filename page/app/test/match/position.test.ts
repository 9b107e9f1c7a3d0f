import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeUci, parseUci } from 'chessops/util';
import { resolvePremove } from '../../src/match/premove.ts';
import { destinations, goalSquares, isLegal, legalMoves, Line, startPosition, uciOf } from '../../src/match/position.ts';
import type { Variant } from '../../src/match/types.ts';

const moves = (text: string): string[] => text.split(' ').filter((move) => move !== '');

// Numbers of legal moves at the start, as every perft table has them.
for (const [variant, fen, count] of [
  ['standard', null, 20],
  ['chess960', 'bqnb1rkr/pp3ppp/3ppn2/2p5/5P2/P2P4/NPP1P1PP/BQ1BNRKR w HFhf - 2 9', 21],
  ['crazyhouse', null, 20],
  ['crazyhouse', '2k5/8/8/8/8/8/8/4K3[QRBNPqrbnp] w - - 0 1', 301],
  ['antichess', null, 20],
  ['atomic', null, 20],
  ['kingOfTheHill', null, 20],
  ['racingKings', null, 21],
  ['threeCheck', null, 20],
  ['horde', null, 8],
] as [Variant, string | null, number][]) {
  test(`${variant} has ${count} legal moves in ${fen ?? 'its start'}`, () => {
    const found = [...legalMoves(startPosition(variant, fen), variant)];
    assert.equal(found.length, count);
    assert.equal(new Set(found).size, count);
  });
}

test('castling may be played as two squares or as king takes rook', () => {
  const fen = 'r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1';
  const position = startPosition('standard', fen);
  const squares = destinations(position).get('e1') ?? [];
  for (const square of ['c1', 'a1', 'g1', 'h1'] as const) assert.ok(squares.includes(square), square);
  assert.equal(uciOf(position, 'standard', 'e1', 'h1'), 'e1g1');
  assert.equal(uciOf(position, 'standard', 'e1', 'g1'), 'e1g1');
  assert.equal(uciOf(position, 'standard', 'e1', 'a1'), 'e1c1');
  assert.equal(uciOf(position, 'standard', 'e1', 'd1'), 'e1d1');
});

test('in Chess960 the king takes its rook, and a step to where it would castle stays a step', () => {
  const far = startPosition('chess960', '1r3k1r/8/8/8/8/8/8/1R3K1R w HBhb - 0 1');
  assert.deepEqual(destinations(far).get('f1')?.filter((square) => square.endsWith('1')).sort(), ['b1', 'c1', 'e1', 'g1', 'h1']);
  assert.equal(uciOf(far, 'chess960', 'f1', 'h1'), 'f1h1');
  assert.equal(uciOf(far, 'chess960', 'f1', 'b1'), 'f1b1');
  assert.equal(uciOf(far, 'chess960', 'f1', 'c1'), 'f1b1');
  assert.equal(uciOf(far, 'chess960', 'f1', 'g1'), 'f1g1');
  assert.ok(isLegal(far, 'f1h1'));
});

test('a line says its moves in SAN and follows a takeback', () => {
  const line = new Line('standard', null, moves('e2e4 e7e5 g1f3 b8c6 f1b5 g8f6 e1g1'));
  assert.equal(line.steps.map((step) => step.san).join(' '), ' e4 e5 Nf3 Nc6 Bb5 Nf6 O-O');
  assert.deepEqual(line.last.squares, ['e1', 'g1']);
  const kept = line.at(4);
  line.follow(moves('e2e4 e7e5 g1f3 b8c6 f1c4'));
  assert.equal(line.at(4), kept);
  assert.equal(line.last.san, 'Bc4');
  line.follow([]);
  assert.equal(line.last.ply, 0);
});

test('a third repetition may be claimed, and the move before it may claim it', () => {
  const line = new Line('standard', null, moves('g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1'));
  assert.equal(line.claim, null);
  assert.equal(line.hasClaimingMove, true);
  assert.equal(new Line('standard', null, moves('g1f3 g8f6 f3g1 f6g8')).hasClaimingMove, false);
  line.follow(moves('g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1 f6g8'));
  assert.equal(line.claim, 'threefold');
});

test('fifty moves may be claimed', () => {
  const line = new Line('standard', '1k6/8/8/8/8/8/8/K6R w - - 99 80', []);
  assert.equal(line.claim, null);
  assert.equal(line.hasClaimingMove, true);
  line.follow(['h1h2']);
  assert.equal(line.claim, 'fifty_moves');
});

test('an explosion is told with its squares', () => {
  const line = new Line('atomic', null, moves('e2e4 d7d5 e4d5'));
  assert.deepEqual([...line.last.exploded].sort(), ['c4', 'c5', 'c6', 'd4', 'd5', 'd6', 'e4', 'e5', 'e6']);
  assert.equal(line.last.position.board.get(parseUci('d5d6')!.to - 8), undefined);
});

test('pockets and checks come with the line', () => {
  const house = new Line('crazyhouse', null, moves('e2e4 d7d5 e4d5 d8d5'));
  assert.equal(house.last.position.pockets?.white.pawn, 1);
  assert.equal(house.last.position.pockets?.black.pawn, 1);
  assert.ok(isLegal(house.last.position, 'P@e4'));
  assert.ok(!isLegal(house.last.position, 'P@e1'));
  const checks = new Line('threeCheck', null, moves('e2e4 f7f6 d1h5'));
  assert.equal(checks.last.position.remainingChecks?.white, 2);
  assert.equal(checks.last.check, 'black');
});

test('goals are those of the variant', () => {
  assert.deepEqual(goalSquares('kingOfTheHill'), ['d4', 'e4', 'd5', 'e5']);
  assert.equal(goalSquares('racingKings').length, 8);
  assert.equal(goalSquares('standard').length, 0);
});

test('a premove is played if it is legal then', () => {
  const line = new Line('standard', null, moves('e2e4 e7e5'));
  const premove = { kind: 'move', from: 'f1', to: 'c4', promotion: null } as const;
  assert.equal(resolvePremove(line.last.position, 'standard', premove), 'f1c4');
  assert.equal(resolvePremove(line.last.position, 'standard', { ...premove, from: 'a1', to: 'a5' }), null);
  assert.equal(resolvePremove(line.last.position, 'standard', { ...premove, from: 'e7', to: 'e6' }), null);
});

test('a premoved pawn becomes what was chosen, else a queen', () => {
  const position = startPosition('antichess', '8/4P3/8/8/8/8/8/7k w - - 0 1');
  const premove = { kind: 'move', from: 'e7', to: 'e8', promotion: null } as const;
  assert.equal(resolvePremove(position, 'antichess', premove), 'e7e8q');
  assert.equal(resolvePremove(position, 'antichess', { ...premove, promotion: 'king' }), 'e7e8k');
  const standard = startPosition('standard', '8/4P3/8/8/8/8/8/K6k w - - 0 1');
  assert.equal(resolvePremove(standard, 'standard', { ...premove, promotion: 'king' }), null);
});

test('a premoved drop needs the piece and an empty square', () => {
  const line = new Line('crazyhouse', null, moves('e2e4 d7d5 e4d5 d8d5'));
  const drop = { kind: 'drop', role: 'pawn', to: 'e4' } as const;
  assert.equal(resolvePremove(line.last.position, 'crazyhouse', drop), 'P@e4');
  assert.equal(resolvePremove(line.last.position, 'crazyhouse', { ...drop, role: 'queen' }), null);
  assert.equal(resolvePremove(line.last.position, 'crazyhouse', { ...drop, to: 'e1' }), null);
});

test('castling may be premoved in both forms', () => {
  const position = startPosition('standard', 'r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1');
  for (const to of ['g1', 'h1'] as const) {
    const premove = { kind: 'move', from: 'e1', to, promotion: null } as const;
    assert.equal(resolvePremove(position, 'standard', premove), 'e1g1');
  }
});

test('every variant plays on from its own legal moves', () => {
  const variants: Variant[] = ['standard', 'crazyhouse', 'antichess', 'atomic', 'kingOfTheHill', 'racingKings', 'threeCheck', 'horde'];
  for (const variant of variants) {
    const line = new Line(variant, null);
    const played: string[] = [];
    for (let ply = 0; ply < 60; ply += 1) {
      const legal = [...legalMoves(line.last.position, variant)];
      if (legal.length === 0 || line.last.position.isEnd()) break;
      played.push(legal[(ply * 7) % legal.length]!);
      line.follow(played);
      assert.equal(line.last.uci, played.at(-1));
      assert.notEqual(line.last.san, '--');
      assert.equal(makeUci(parseUci(line.last.uci)!), line.last.uci);
    }
    assert.ok(played.length > 5, variant);
  }
});
