import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionsOf } from '../../src/match/actions.ts';
import { MoveBox, type TextHost } from '../../src/match/commands.ts';
import { Line } from '../../src/match/position.ts';
import type { Command, CommandAnswer, MatchState, Seat } from '../../src/match/types.ts';
import { view } from './states.ts';

function at(differs: Partial<MatchState> = {}, answer: CommandAnswer = { accepted: true, seq: 1 }) {
  const seen = view(differs);
  const match = seen.match!;
  const line = new Line(match.variant, match.startFen, match.moves);
  const seat: Seat | null = match.role === 'spectator' ? null : match.role;
  const did: string[] = [];
  let look: number | null = null;
  const host: TextHost = {
    line,
    tip: line.last,
    get shown() {
      return look === null ? line.last : line.at(look);
    },
    seat,
    isMyTurn: match.result === null && line.last.position.turn === seat,
    result: match.result,
    actions: actionsOf(seen, line),
    opponent: 'Bö',
    clocks: () => ({ whiteMs: 65_000, blackMs: 9_500, running: 'white' }),
    async play(uci, extra) {
      did.push(extra ? `${uci}+${extra}` : uci);
      return answer;
    },
    async command(command: Command) {
      did.push(command.kind);
      return answer;
    },
    async say(text) {
      did.push(`say ${text}`);
      return '';
    },
    look(ply) {
      look = ply;
    },
    flip: () => 'black',
    goToRematch: () => void did.push('rematch'),
    copyPgn: async () => 'copied',
  };
  return { box: new MoveBox(host), did };
}

const TWO = ['e2e4', 'e7e5'];

test('moves are played and said', async () => {
  const { box, did } = at();
  assert.equal(await box.enter('Nf3'), 'Knight from g1 to f3.');
  assert.equal(await box.enter('e4 draw'), 'Pawn from e2 to e4.');
  assert.deepEqual(did, ['g1f3', 'e2e4+draw_offer']);
});

test('a refused move says why', async () => {
  const { box } = at({}, { accepted: false, refusal: 'stale_position' });
  assert.equal(await box.enter('e4'), 'Move not played: The position had changed.');
});

test('what is no move now is told apart from nonsense', async () => {
  assert.equal(await at({ moves: ['e2e4'] }).box.enter('Nf3'), 'It is not your turn.');
  assert.equal(await at({ role: 'spectator' }).box.enter('Nf3'), 'You are watching; you cannot move.');
  assert.match(await at().box.enter('Nf6'), /no legal move/);
  assert.match(await at().box.enter('blah'), /no legal move and no command/);
});

test('resigning is typed twice in a row', async () => {
  const { box, did } = at({ moves: TWO });
  assert.match(await box.enter('resign'), /Type resign again/);
  await box.enter('clock');
  assert.match(await box.enter('resign'), /Type resign again/);
  assert.deepEqual(did, []);
  await box.enter('resign');
  assert.deepEqual(did, ['resign']);
});

test('offers are made and answered by words', async () => {
  const offer = at({ moves: TWO });
  await offer.box.enter('draw');
  await offer.box.enter('takeback');
  await offer.box.enter('time');
  assert.deepEqual(offer.did, ['offer_draw', 'offer_takeback', 'give_time']);
  const asked = at({ moves: TWO, drawOffer: 'black' });
  await asked.box.enter('decline');
  await asked.box.enter('accept');
  assert.deepEqual(asked.did, ['decline_draw', 'accept_draw']);
  assert.equal(await at({ moves: TWO, rated: true }).box.enter('takeback'), 'That is not possible now.');
  assert.equal(await at().box.enter('accept'), 'The offer no longer stands.');
});

test('clocks, turn and last move are told', async () => {
  const { box } = at({ moves: TWO });
  assert.equal(await box.enter('clock'), 'You have 1 minute 5 seconds, your opponent has 9.5 seconds.');
  assert.equal(await box.enter('turn'), 'It is your turn.');
  assert.equal(await box.enter('last'), 'Opponent played pawn from e7 to e5.');
  assert.equal(await box.enter('moves'), '1. e4 e5.');
  assert.equal(await box.enter('opponent'), 'Your opponent is Bö.');
});

test('the position is told by square, rank, file and piece', async () => {
  const { box } = at({ moves: TWO });
  assert.equal(await box.enter('square e4'), 'e4: White pawn.');
  assert.equal(await box.enter('rank 4'), 'Rank 4: e4 White pawn.');
  assert.equal(await box.enter('file e'), 'File e: e1 White king, e4 White pawn, e5 Black pawn, e7 empty.'.replace(', e7 empty', ', e8 Black king'));
  assert.equal(await box.enter('knights'), 'White: knights b1 g1. Black: knights b8 g8.');
  assert.match(await box.enter('pieces black queen'), /^Black: queen d8\.$/);
  assert.match(await box.enter('rank 9'), /For example/);
});

test('legal moves are told, also of one square or piece', async () => {
  const { box } = at({ moves: TWO });
  assert.equal(await box.enter('legal g1'), 'Legal moves: Ne2, Nf3, Nh3.');
  assert.match(await box.enter('legal knight'), /^Legal moves: Na3, Nc3, Ne2, Nf3, Nh3\.$/);
});

test('one looks back and returns', async () => {
  const { box } = at({ moves: TWO });
  assert.equal(await box.enter('first'), 'Start of the game.');
  assert.equal(await box.enter('on'), 'You played pawn from e2 to e4.');
  assert.equal(await box.enter('live'), 'Opponent played pawn from e7 to e5.');
});

test('checks and pockets are told where the variant has them', async () => {
  const checks = at({ variant: 'threeCheck', moves: ['e2e4', 'f7f6', 'd1h5', 'g7g6'] });
  assert.equal(await checks.box.enter('checks'), 'White has given 1 check of 3. Black has given 0 checks of 3.');
  assert.equal(await at().box.enter('checks'), 'That is not possible now.');
  const house = at({ variant: 'crazyhouse', moves: ['e2e4', 'd7d5', 'e4d5', 'd8d5'] });
  assert.equal(await house.box.enter('pocket'), 'White’s pocket: 1 pawn. Black’s pocket: 1 pawn.');
});

test('something is said in the chat', async () => {
  const { box, did } = at();
  await box.enter('say Good luck');
  assert.deepEqual(did, ['say Good luck']);
});
