import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Game } from '../../src/match/game.ts';
import type { Command, CommandAnswer, MatchState, Session, View } from '../../src/match/types.ts';
import { view } from './states.ts';

/** A session whose answers the test gives. */
class Scripted implements Session {
  view: View;
  readonly sent: Command[] = [];
  readonly #answers: ((answer: CommandAnswer) => void)[] = [];

  constructor(differs: Partial<MatchState> = {}) {
    this.view = view(differs);
  }

  subscribe(): () => void {
    return () => {};
  }
  command(command: Command): Promise<CommandAnswer> {
    this.sent.push(command);
    return new Promise((resolve) => this.#answers.push(resolve));
  }
  async answer(answer: CommandAnswer): Promise<void> {
    this.#answers.shift()?.(answer);
    await new Promise((resolve) => setImmediate(resolve));
  }
  become(differs: Partial<MatchState>): void {
    this.view = view(differs);
  }
  async say(): Promise<{ said: true }> {
    return { said: true };
  }
  clocks() {
    return { whiteMs: 0, blackMs: 0, running: null };
  }
  dismissAway(): void {}
  serverTime(): null {
    return null;
  }
  close(): void {}
}

function begin(differs: Partial<MatchState> = {}) {
  const session = new Scripted(differs);
  let changes = 0;
  const game = new Game(session, () => {
    changes += 1;
  });
  return { session, game, changes: () => changes };
}

test('a move is on the board at once, and unconfirmed until its event', async () => {
  const { session, game } = begin();
  void game.play('e2e4', null);
  assert.deepEqual(session.sent, [{ kind: 'move', uci: 'e2e4' }]);
  assert.equal(game.tip.san, 'e4');
  assert.equal(game.unconfirmed?.san, 'e4');
  assert.equal(game.line.last.ply, 0);
  assert.equal(game.isMyTurn, false);
  session.become({ moves: ['e2e4'] });
  game.follow(session.view);
  assert.equal(game.unconfirmed, null);
  assert.equal(game.tip.ply, 1);
  await session.answer({ accepted: true, seq: 1 });
  assert.equal(game.tip.ply, 1);
});

test('a refused move is taken back', async () => {
  const { session, game, changes } = begin();
  const answer = game.play('e2e4', 'draw_offer');
  assert.deepEqual(session.sent, [{ kind: 'move', uci: 'e2e4', with: 'draw_offer' }]);
  const before = changes();
  await session.answer({ accepted: false, refusal: 'stale_position' });
  assert.deepEqual(await answer, { accepted: false, refusal: 'stale_position' });
  assert.equal(game.tip.ply, 0);
  assert.equal(game.unconfirmed, null);
  assert.equal(game.isMyTurn, true);
  assert.ok(changes() > before);
});

test('a takeback that crosses a move takes it from the board', () => {
  const moves = ['e2e4', 'e7e5'];
  const { session, game } = begin({ moves });
  void game.play('g1f3', null);
  session.become({ moves: [] });
  game.follow(session.view);
  assert.equal(game.tip.ply, 0);
  assert.equal(game.unconfirmed, null);
});

test('a state that has the move in its place confirms it', () => {
  const { session, game } = begin({ moves: ['e2e4', 'e7e5'] });
  void game.play('g1f3', null);
  session.become({ moves: ['e2e4', 'e7e5', 'g1f3', 'b8c6'] });
  game.follow(session.view);
  assert.equal(game.tip.san, 'Nc6');
  assert.equal(game.isMyTurn, true);
});

test('one looks back without acting, and a new move brings the newest position back', () => {
  const { session, game } = begin({ moves: ['e2e4', 'e7e5'] });
  game.look(0);
  assert.equal(game.shown.ply, 0);
  assert.equal(game.isLive, false);
  session.become({ moves: ['e2e4', 'e7e5', 'g1f3'] });
  game.follow(session.view);
  assert.equal(game.isLive, true);
  assert.equal(game.shown.ply, 3);
  game.look(3);
  assert.equal(game.isLive, true);
});

test('an offer does not bring the newest position back', () => {
  const { session, game } = begin({ moves: ['e2e4', 'e7e5'] });
  game.look(1);
  session.become({ moves: ['e2e4', 'e7e5'], drawOffer: 'black' });
  game.follow(session.view);
  assert.equal(game.shown.ply, 1);
});

test('nobody plays in a finished, watched or closed match', () => {
  assert.equal(begin({ role: 'spectator' }).game.plays, false);
  assert.equal(begin({ result: { outcome: 'draw', termination: 'stalemate' } }).game.plays, false);
  const { session, game } = begin();
  session.view = view({}, { connection: 'closed', closeCode: 'superseded' });
  game.follow(session.view);
  assert.equal(game.plays, false);
});
