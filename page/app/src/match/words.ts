// Moves, positions, results and events in words, for screen readers, text mode and notices.
import type { Position } from 'chessops/chess';
import { castlingSide } from 'chessops/chess';
import { type Color, FILE_NAMES, isDrop, RANK_NAMES, type Role, ROLES, type SquareName } from 'chessops/types';
import { makeSquare, parseSquare, parseUci, squareFile } from 'chessops/util';
import type { Line, Step } from './position.ts';
import { capital, listOf, matchStrings as s } from './strings.ts';
import { type MatchEvent, type MatchState, opponentOf, type Result, type Seat } from './types.ts';

/** A move in words, as "knight from g1 to f3, check". */
export function moveWords(line: Line, step: Step): string {
  if (step.ply === 0) return '';
  const before = line.at(step.ply - 1).position;
  const parts = [bareMove(before, step.uci)];
  if (step.exploded.length > 0) parts.push(s.move.explodes);
  if (step.san.endsWith('#') && step.check) parts.push(s.move.checkmate);
  else if (step.check) parts.push(s.move.check);
  return parts.join(', ');
}

function bareMove(before: Position, uci: string): string {
  const move = parseUci(uci);
  if (!move) return uci;
  const to = makeSquare(move.to);
  if (isDrop(move)) return s.move.drop(s.piece[move.role], to);
  const from = makeSquare(move.from);
  const role = before.board.getRole(move.from);
  if (!role) return uci;
  const side = castlingSide(before, move);
  if (side) return side === 'h' ? s.move.castlesShort : s.move.castlesLong;
  const taken = before.board.getRole(move.to);
  let words: string;
  if (taken) words = s.move.takes(s.piece[role], from, s.piece[taken], to);
  else if (role === 'pawn' && squareFile(move.from) !== squareFile(move.to)) words = s.move.enPassant(from, to);
  else words = s.move.normal(s.piece[role], from, to);
  return move.promotion ? `${words} ${s.move.promotes(s.piece[move.promotion])}` : words;
}

/** A move with who played it, as seen from a seat, or by a spectator. */
export function spokenMove(line: Line, step: Step, seat: Seat | null): string {
  const mover = opponentOf(step.position.turn);
  const words = moveWords(line, step);
  if (seat === null) return `${s.move.by(s.side[mover], words)}.`;
  return `${seat === mover ? s.move.mine(words) : s.move.theirs(words)}.`;
}

const SPOKEN_ORDER: readonly Role[] = [...ROLES].reverse();

/** Where a side's pieces of one kind, or all of them, stand: "knights b1, g1". */
export function piecesWords(position: Position, side: Color, roles: readonly Role[] = SPOKEN_ORDER): string {
  const parts = roles.flatMap((role) => {
    const squares = Array.from(position.board.pieces(side, role), makeSquare);
    const name = squares.length === 1 ? s.piece[role] : s.pieces[role];
    return squares.length === 0 ? [] : [`${name} ${squares.join(' ')}`];
  });
  return `${s.side[side]}: ${parts.join(s.list.comma) || s.board.allEmpty}.`;
}

/** The whole position, both sides' pieces. */
export const positionWords = (position: Position): string =>
  `${piecesWords(position, 'white')} ${piecesWords(position, 'black')}`;

/** What stands on a square. */
export function squareWords(position: Position, square: SquareName): string {
  const piece = position.board.get(parseSquare(square));
  return piece ? s.board.square(square, s.side[piece.color], s.piece[piece.role]) : s.board.squareEmpty(square);
}

function rowWords(position: Position, squares: readonly SquareName[]): string {
  const parts = squares.flatMap((square) => {
    const piece = position.board.get(parseSquare(square));
    return piece ? [`${square} ${s.side[piece.color]} ${s.piece[piece.role]}`] : [];
  });
  return parts.join(s.list.comma) || s.board.allEmpty;
}

/** What stands on a rank, 1 to 8. */
export const rankWords = (position: Position, rank: string): string =>
  `${s.board.rankText(rank, rowWords(position, FILE_NAMES.map((file) => `${file}${rank}` as SquareName)))}.`;

/** What stands on a file, a to h. */
export const fileWords = (position: Position, file: string): string =>
  `${s.board.fileText(file, rowWords(position, RANK_NAMES.map((rank) => `${file}${rank}` as SquareName)))}.`;

/** What is in a side's pocket. */
export function pocketWords(position: Position, side: Color): string {
  const pocket = position.pockets?.[side];
  const parts = SPOKEN_ORDER.flatMap((role) => {
    const count = pocket?.[role] ?? 0;
    return count === 0 ? [] : [`${count} ${count === 1 ? s.piece[role] : s.pieces[role]}`];
  });
  return s.input.pocket(s.side[side], parts.join(s.list.comma) || s.board.allEmpty);
}

/** A clock in words: "2 minutes 5 seconds". */
export function clockWords(ms: number): string {
  const total = Math.floor(Math.max(0, ms) / 1000);
  if (ms > 0 && total < 10) return s.clock.seconds(Math.floor(ms / 100) / 10);
  const parts = [
    [Math.floor(total / 3600), s.clock.hours],
    [Math.floor(total / 60) % 60, s.clock.minutes],
    [total % 60, s.clock.seconds],
  ] as const;
  const said = parts.flatMap(([value, words]) => (value > 0 ? [words(value)] : []));
  return said.join(' ') || s.clock.none;
}

/** A result in two parts: who won, and how; both for the middle of a sentence. */
export function resultWords(result: Result, seat: Seat | null): { title: string; how: string } {
  const { outcome, termination } = result;
  const winner: Seat | null = outcome === 'white_wins' ? 'white' : outcome === 'black_wins' ? 'black' : null;
  let title: string;
  if (outcome === 'aborted') title = s.result.aborted;
  else if (winner === null) title = s.result.draw;
  else if (seat === null) title = s.result.wins(s.side[winner]);
  else title = winner === seat ? s.result.youWin : s.result.youLose;
  return { title, how: terminationWords(termination, winner) };
}

function terminationWords(termination: string, winner: Seat | null): string {
  const t = s.termination;
  const loser = winner && s.side[opponentOf(winner)];
  switch (termination) {
    case 'abandoned':
      return loser ? t.abandoned(loser) : t.abandonedDraw;
    case 'resignation':
      return loser ? t.resignation(loser) : '';
    case 'time_forfeit':
      return loser ? t.time_forfeit(loser) : t.timeDraw;
    default: {
      const words = (t as Record<string, unknown>)[termination];
      return typeof words === 'string' ? words : '';
    }
  }
}

/** A result in one sentence. */
export function resultSentence(result: Result, seat: Seat | null): string {
  const { title, how } = resultWords(result, seat);
  return capital(how ? `${title} ${how}.` : `${title}.`);
}

/** An event that is no move, in words without a full stop; empty for those that are said elsewhere. */
export function eventWords(event: MatchEvent, seat: Seat | null): string {
  const actor = event.seat === null ? '' : who(event.seat, seat);
  const isYou = event.seat !== null && event.seat === seat;
  switch (event.kind) {
    case 'draw_offered':
    case 'draw_declined':
    case 'takeback_offered':
    case 'takeback_declined':
    case 'rematch_offered':
    case 'rematch_declined':
      return s.event[event.kind](actor, isYou);
    case 'taken_back':
      return s.event.taken_back(event.plies);
    case 'time_given':
      return s.event.time_given(actor, isYou, event.seconds);
    case 'rematch_agreed':
      return s.event.rematch_agreed;
    case 'stopped':
      return s.event.stopped;
    case 'resumed':
      return s.event.resumed;
    case 'clock_set':
      return s.event.clock_set(s.side[event.of]);
    default:
      return '';
  }
}

/** A seat as its holder, the opponent or a spectator calls it. */
export function who(acting: Seat, seat: Seat | null): string {
  if (seat === null) return s.side[acting];
  return acting === seat ? s.event.you : s.event.opponent;
}

/** What came in one catch-up, in one sentence: "While you were away: 2 moves played (e4, e5), Black offers a draw." */
export function awayWords(state: MatchState, line: Line, moves: number, events: readonly MatchEvent[]): string {
  const seat = state.role === 'spectator' ? null : state.role;
  const parts: string[] = [];
  if (moves > 0) {
    const sans = line.steps.slice(-moves).flatMap((step) => (step.san ? [step.san] : []));
    const shown = sans.length <= 6 && sans.length > 0 ? ` (${sans.join(s.list.comma)})` : '';
    parts.push(s.away.moves(moves) + shown);
  }
  for (const event of events) {
    const words = eventWords(event, seat);
    if (words) parts.push(words);
  }
  if (state.result && events.some((event) => event.kind === 'ended')) {
    const { title, how } = resultWords(state.result, seat);
    parts.push(`${title} ${how}`.trim());
  }
  return parts.length === 0 ? '' : s.away.line(listOf(parts));
}

/** A refusal in words, with what was not done. */
export function refusalWords(kind: string, reason: string): string {
  const why = s.refusal[reason] ?? s.refusedUnknown;
  return s.refused(s.command[kind] ?? capital(kind), why);
}
