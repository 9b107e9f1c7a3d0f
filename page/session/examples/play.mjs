// Two guests play a match of random moves against each other, over whatever happens to their connections.
//
//   npm run package && node session/examples/play.mjs http://127.0.0.1:8080 [--variant atomic] [--cut]
//
// With --cut, their connections are closed now and then. In a Node without WebSocket (before 22), that of `ws` is taken.

import { parseArgs } from 'node:util';

import { makeUci } from 'chessops/util';
import { parseFen } from 'chessops/fen';
import { defaultPosition, setupPosition } from 'chessops/variant';
import { Matchmaker, MatchSession } from 'rookery-session';

const { values: args, positionals } = parseArgs({
  allowPositionals: true,
  options: { variant: { type: 'string', default: 'standard' }, cut: { type: 'boolean', default: false } },
});
const base = positionals[0] ?? 'http://127.0.0.1:8080';
const WebSocket = globalThis.WebSocket ?? (await import('ws')).WebSocket;

/** The rules of chessops for the variants of the protocol. */
const RULES = { standard: 'chess', chess960: 'chess', threeCheck: '3check', kingOfTheHill: 'kingofthehill', racingKings: 'racingkings' };

/** Every WebSocket that is open, to cut them. */
const sockets = new Set();
class Counted extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols);
    sockets.add(this);
    this.addEventListener('close', () => sockets.delete(this));
  }
}

/** A guest of its own, with its own matchmaker. */
async function guest(name) {
  let token = null;
  const matchmaker = new Matchmaker({ base, token: () => token });
  const player = await matchmaker.guest(name);
  token = player.token;
  return { ...player, matchmaker };
}

/** The position after the moves of a match. */
function positionOf({ variant, startFen, moves }) {
  const rules = RULES[variant] ?? variant.toLowerCase();
  const setup = startFen === null ? null : parseFen(startFen).unwrap();
  const position = setup === null ? defaultPosition(rules) : setupPosition(rules, setup).unwrap();
  for (const uci of moves) position.play(parse(uci));
  return position;
}

function parse(uci) {
  const square = (name) => name.charCodeAt(0) - 97 + 8 * (name.charCodeAt(1) - 49);
  const roles = { n: 'knight', b: 'bishop', r: 'rook', q: 'queen', k: 'king', p: 'pawn' };
  if (uci[1] === '@') return { role: roles[uci[0].toLowerCase()], to: square(uci.slice(2)) };
  return { from: square(uci), to: square(uci.slice(2)), ...(uci.length === 5 ? { promotion: roles[uci[4]] } : {}) };
}

/** A random legal move. */
function anyMove(position) {
  const moves = [];
  for (const [from, dests] of position.allDests()) {
    for (const to of dests) {
      const isLast = to < 8 || to >= 56;
      const promotion = isLast && position.board.get(from)?.role === 'pawn' ? 'queen' : undefined;
      moves.push(makeUci({ from, to, promotion }));
    }
  }
  return moves[Math.floor(Math.random() * moves.length)];
}

/** Plays one seat until the end of the match. */
function play({ matchmaker, name }, matchId) {
  const session = new MatchSession({ matchmaker, matchId, seams: { WebSocket: Counted } });
  const moved = new Set();
  const waits = [];
  let connection = '';
  return new Promise((resolve, reject) => {
    session.subscribe((view) => {
      const { match } = view;
      if (view.connection !== connection) {
        connection = view.connection;
        console.log(`${name}: ${connection}${view.closeCode === null ? '' : ` (${view.closeCode})`}`);
      }
      if (connection === 'closed' && match?.result == null) reject(view.problem ?? new Error(view.closeCode));
      if (match === null) return;
      if (match.result !== null) {
        resolve({ match, waits, session });
        return;
      }
      const position = positionOf(match);
      if (position.turn !== match.role || moved.has(match.positionSeq) || position.isEnd()) return;
      moved.add(match.positionSeq);
      const begun = performance.now();
      // In Chess960 chessops castles as the king takes its rook, which the shard understands everywhere.
      void session.command({ kind: 'move', uci: anyMove(position) }).then((answer) => {
        if (answer.accepted) waits.push(performance.now() - begun);
        else if (answer.refusal !== 'match_over') reject(new Error(`a move was refused: ${answer.refusal}`));
      });
      if (match.moves.length >= 300) void session.command({ kind: 'resign' });
    });
  });
}

const [ann, bob] = await Promise.all([guest('Ann'), guest('Bob')]);
const challenge = await ann.matchmaker.challenge({
  variant: args.variant,
  control: { initial_ms: 60_000, increment_ms: 1_000 },
  color: 'white',
});
const { match_id: matchId } = await bob.matchmaker.accept(challenge.id);
console.log(`match ${matchId}`);

const cutting = args.cut
  ? setInterval(() => {
      const open = [...sockets];
      open[Math.floor(Math.random() * open.length)]?.close();
    }, 300)
  : null;
const [white, black] = await Promise.all([play(ann, matchId), play(bob, matchId)]);
clearInterval(cutting);

if (white.match.moves.join() !== black.match.moves.join()) throw new Error('the players saw other moves');
const waits = [...white.waits, ...black.waits].sort((a, b) => a - b);
console.log(white.match.moves.join(' '));
console.log(`${white.match.result.outcome} by ${white.match.result.termination} after ${white.match.moves.length} moves`);
console.log(`a move's round trip: median ${waits[waits.length >> 1]?.toFixed(1)} ms, longest ${waits.at(-1)?.toFixed(1)} ms`);
console.log(await ann.matchmaker.pgn(matchId));
white.session.close();
black.session.close();
