import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Actions, actionsOf } from '../../src/match/actions.ts';
import { Line } from '../../src/match/position.ts';
import type { MatchState, View } from '../../src/match/types.ts';
import { view } from './states.ts';

function actions(differs: Partial<MatchState>, rest: Partial<View> = {}): Actions {
  const seen = view(differs, rest);
  const line = new Line(seen.match!.variant, seen.match!.startFen, seen.match!.moves);
  return actionsOf(seen, line);
}

const TWO = ['e2e4', 'e7e5'];

test('before both first moves a match can be aborted and not resigned', () => {
  const before = actions({ moves: ['e2e4'] });
  assert.equal(before.abort, true);
  assert.equal(before.resign, false);
  assert.equal(before.draw, 'none');
  const after = actions({ moves: TWO });
  assert.equal(after.abort, false);
  assert.equal(after.resign, true);
  assert.equal(after.draw, 'offer');
  assert.equal(actions({ rules: ['no_abort'] }).abort, false);
});

test('spectators have nothing to press', () => {
  const watched = actions({ role: 'spectator', moves: TWO, drawOffer: 'white' });
  assert.deepEqual(
    [watched.abort, watched.resign, watched.draw, watched.takeback, watched.giveTime, watched.rematch],
    [false, false, 'none', 'none', false, 'none'],
  );
});

test('a draw is offered once per twenty plies, and answered when it is offered', () => {
  assert.equal(actions({ moves: TWO, drawOffer: 'black' }).draw, 'answer');
  assert.equal(actions({ moves: TWO, drawOffer: 'white' }).draw, 'offered');
  // White's offer right after White's first move; it is gone, and too recent for another.
  assert.equal(actions({ moves: TWO, offeredPlies: [1] }).draw, 'none');
  assert.equal(actions({ moves: TWO, offeredPlies: [2] }).draw, 'offer');
  assert.equal(actions({ moves: TWO, rules: ['no_early_draw'] }).draw, 'none');
});

test('takebacks and gifts of time are for casual matches', () => {
  assert.equal(actions({ moves: TWO }).takeback, 'offer');
  assert.equal(actions({ moves: TWO }).giveTime, true);
  assert.equal(actions({ moves: TWO, rated: true }).takeback, 'none');
  assert.equal(actions({ moves: TWO, rated: true }).giveTime, false);
  assert.equal(actions({ moves: TWO, rules: ['no_takeback', 'no_give_time'] }).takeback, 'none');
  assert.equal(actions({ moves: ['e2e4'], role: 'black' }).takeback, 'none');
  assert.equal(actions({ moves: TWO, takebackOffer: 'black' }).takeback, 'answer');
});

test('a draw is claimed by the side to move', () => {
  const moves = 'g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1 f6g8'.split(' ');
  assert.equal(actions({ moves }).claimDraw, 'threefold');
  assert.equal(actions({ moves, role: 'black' }).claimDraw, null);
  assert.equal(actions({ moves: moves.slice(0, 7), role: 'black' }).claimWithMove, true);
});

test('an opponent who is gone can be claimed from, unless the rules forbid it', () => {
  const gone = { seat: 'black', claimAt: 5000 } as const;
  assert.deepEqual(actions({ moves: TWO.slice(0, 1) }, { gone }).gone, { claimAt: 5000 });
  assert.equal(actions({ moves: TWO, rules: ['no_claim_win'] }, { gone }).gone, null);
  assert.equal(actions({ moves: TWO }, { gone: { seat: 'white', claimAt: null } }).gone, null);
});

test('after the end only a rematch is left', () => {
  const result = { outcome: 'draw', termination: 'stalemate' } as const;
  const over = actions({ moves: TWO, result });
  assert.equal(over.resign, false);
  assert.equal(over.rematch, 'offer');
  assert.equal(actions({ result, rematchOffer: 'white' }).rematch, 'offered');
  assert.equal(actions({ result, rematchOffer: 'black' }).rematch, 'answer');
  assert.equal(actions({ result, rematch: '0AZaz9876544' }).rematch, 'agreed');
  assert.equal(actions({ result, rules: ['no_rematch'] }).rematch, 'none');
  assert.equal(actions({ result }, { connection: 'closed' }).rematch, 'none');
});
