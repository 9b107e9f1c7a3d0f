import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Entry, parseEntry } from '../../src/match/input.ts';
import { Line } from '../../src/match/position.ts';
import type { Variant } from '../../src/match/types.ts';

function read(text: string, moves = '', variant: Variant = 'standard', fen: string | null = null): Entry {
  const line = new Line(variant, fen, moves.split(' ').filter((move) => move !== ''));
  return parseEntry(text, line.last.position, variant);
}

function uci(text: string, moves = '', variant: Variant = 'standard', fen: string | null = null): string {
  const entry = read(text, moves, variant, fen);
  return entry.kind === 'move' ? entry.uci : entry.kind;
}

test('moves are read in SAN, UCI and words', () => {
  for (const text of ['e4', 'e2e4', 'e2-e4', 'e2 e4', 'pawn e4', 'pawn to e4', 'E4', 'E2E4', 'pawn from e2 to e4', 'move pawn to e4']) {
    assert.equal(uci(text), 'e2e4', text);
  }
  for (const text of ['Nf3', 'nf3', 'N f3', 'knight f3', 'knight to f3', 'Knight from g1 to f3', 'g1f3', 'knight g f3']) {
    assert.equal(uci(text), 'g1f3', text);
  }
});

test('captures are read with and without the sign', () => {
  const moves = 'e2e4 d7d5';
  for (const text of ['exd5', 'ed5', 'e4d5', 'pawn takes d5', 'e takes d5', 'pawn takes pawn', 'pawn x d5', 'e4 takes d5']) {
    assert.equal(uci(text, moves), 'e4d5', text);
  }
});

test('castling is read in every form', () => {
  const fen = 'r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1';
  for (const text of ['O-O', 'o-o', '0-0', 'oo', 'castle', 'castle short', 'castles king side', 'castle kingside', 'e1g1', 'e1h1']) {
    assert.equal(uci(text, '', 'standard', fen), 'e1g1', text);
  }
  for (const text of ['O-O-O', '0-0-0', 'castle long', 'castle queenside', "castle queen's side", 'e1c1', 'e1a1']) {
    assert.equal(uci(text, '', 'standard', fen), 'e1c1', text);
  }
  const chess960 = '1r3k1r/8/8/8/8/8/8/1R3K1R w HBhb - 0 1';
  for (const text of ['O-O', 'castle', 'f1h1']) assert.equal(uci(text, '', 'chess960', chess960), 'f1h1', text);
});

test('promotions are read, and make a queen unless something else is said', () => {
  const fen = '8/4P3/8/8/8/8/8/K6k w - - 0 1';
  for (const text of ['e8=Q', 'e8q', 'e8Q', 'e7e8q', 'e7e8', 'e8', 'pawn e8', 'e8 queen', 'pawn to e8 becomes queen']) {
    assert.equal(uci(text, '', 'standard', fen), 'e7e8q', text);
  }
  for (const text of ['e8=N', 'e8n', 'e7e8n', 'e8 knight', 'pawn e8 promotes to knight']) {
    assert.equal(uci(text, '', 'standard', fen), 'e7e8n', text);
  }
  const antichess = '8/4P3/8/8/8/8/8/7k w - - 0 1';
  assert.equal(uci('e8=K', '', 'antichess', antichess), 'e7e8k');
  assert.equal(uci('e8 king', '', 'antichess', antichess), 'e7e8k');
});

test('drops are read', () => {
  const moves = 'e2e4 d7d5 e4d5 d8d5';
  for (const text of ['P@e4', 'p@e4', '@e4', 'drop pawn e4', 'pawn at e4', 'pawn @ e4']) {
    assert.equal(uci(text, moves, 'crazyhouse'), 'P@e4', text);
  }
});

test('what may mean several moves is asked back', () => {
  const fen = '4k3/8/8/8/8/8/8/R3K2R w - - 0 1';
  const entry = read('rook d1', '', 'standard', '4k3/8/8/8/8/8/4K3/R6R w - - 0 1');
  assert.equal(entry.kind, 'ambiguous');
  assert.deepEqual(entry.kind === 'ambiguous' && [...entry.moves].sort(), ['a1d1', 'h1d1']);
  assert.equal(uci('Rad1', '', 'standard', '4k3/8/8/8/8/8/4K3/R6R w - - 0 1'), 'a1d1');
  assert.equal(uci('rook a d1', '', 'standard', fen), 'a1d1');
});

test('a bishop is not taken for a pawn of the b-file', () => {
  const fen = '4k3/8/8/8/2p5/1P6/4B3/4K3 w - - 0 1';
  assert.equal(uci('bxc4', '', 'standard', fen), 'b3c4');
  assert.equal(uci('Bxc4', '', 'standard', fen), 'e2c4');
  assert.equal(uci('bishop takes c4', '', 'standard', fen), 'e2c4');
});

test('illegal moves are not moves', () => {
  for (const text of ['e5', 'Nf6', 'e2e5', 'Ke2', 'knight e5', 'O-O']) assert.equal(uci(text), 'unknown', text);
});

test('a draw may be offered or claimed with a move', () => {
  assert.deepEqual(read('e4 draw'), { kind: 'move', uci: 'e2e4', with: 'draw_offer' });
  assert.deepEqual(read('Nf3 and offer draw'), { kind: 'move', uci: 'g1f3', with: 'draw_offer' });
  assert.deepEqual(read('e4 claim'), { kind: 'move', uci: 'e2e4', with: 'draw_claim' });
});

test('commands are read in any case, with what follows them', () => {
  for (const [text, name, argument] of [
    ['clock', 'clock', ''],
    ['Clock', 'clock', ''],
    ['c', 'clock', ''],
    ['resign', 'resign', ''],
    ['rank 4', 'rank', '4'],
    ['file e', 'file', 'e'],
    ['square e4', 'square', 'e4'],
    ['pieces white', 'pieces', 'white'],
    ['knights', 'pieces', 'knights'],
    ['legal e2', 'legal', 'e2'],
    ['say Good luck!', 'say', 'Good luck!'],
    ['say e4', 'say', 'e4'],
    ['draw', 'draw', ''],
    ['?', 'help', ''],
  ] as const) {
    assert.deepEqual(read(text), { kind: 'command', name, argument }, text);
  }
});

test('nothing and nonsense are told apart', () => {
  assert.equal(read('  ').kind, 'nothing');
  assert.equal(read('hello there').kind, 'unknown');
  assert.equal(parseEntry('e4', null, 'standard').kind, 'unknown');
});
