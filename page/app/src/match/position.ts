// The line of a match, position by position: what is legal, what a move is called, what may be claimed.
// Rules come from chessops; nothing here knows of a screen or of the network.
import { castlingSide, normalizeMove, type Position } from 'chessops/chess';
import { lichessRules } from 'chessops/compat';
import { INITIAL_FEN, makeFen, parseFen } from 'chessops/fen';
import { makeSan } from 'chessops/san';
import { type Color, isDrop, type Move, type Role, type SquareName } from 'chessops/types';
import { kingCastlesTo, makeSquare, makeUci, parseSquare, parseUci, squareFile, squareRank } from 'chessops/util';
import { defaultPosition, setupPosition } from 'chessops/variant';
import type { Variant } from './types.ts';

/** One position of a line, and the move that led to it. */
export interface Step {
  /** The number of moves made: 0 is the start. */
  readonly ply: number;
  /** The move in UCI; empty at the start. */
  readonly uci: string;
  /** The move in SAN; empty at the start. */
  readonly san: string;
  /** Must not be changed: others hold it too. */
  readonly position: Position;
  readonly fen: string;
  /** What makes two positions the same (FIDE 9.2.3): the FEN without its two counters. */
  readonly identity: string;
  /** The squares of the move, for a highlight: one for a drop. */
  readonly squares: readonly SquareName[];
  /** Who is in check. */
  readonly check: Color | null;
  /** Squares that explode with the move, in atomic chess. */
  readonly exploded: readonly SquareName[];
}

/** What a player may do with the pieces of a position: from each square, to which squares. */
export type Destinations = Map<SquareName, SquareName[]>;

/** What a pawn may become, in the order of a chooser. */
export const promotionRoles = (variant: Variant): readonly Role[] =>
  variant === 'antichess' ? ['queen', 'knight', 'rook', 'bishop', 'king'] : ['queen', 'knight', 'rook', 'bishop'];

/** The pieces of a pocket, in the order in which it is shown. */
export const POCKET_ROLES = ['pawn', 'knight', 'bishop', 'rook', 'queen'] as const satisfies readonly Role[];

/** The position at ply 0. One that chessops cannot read is shown as the variant's own start. */
export function startPosition(variant: Variant, startFen: string | null): Position {
  const rules = lichessRules(variant);
  if (startFen === null || startFen === INITIAL_FEN) return defaultPosition(rules);
  const position = parseFen(startFen).chain((setup) => setupPosition(rules, setup));
  return position.isOk ? position.value : defaultPosition(rules);
}

/** A line of moves from a start. It is changed only by `follow`. */
export class Line {
  readonly variant: Variant;
  readonly startFen: string | null;
  readonly #steps: Step[];
  #claiming: { step: Step; found: boolean } | null = null;

  constructor(variant: Variant, startFen: string | null, moves: readonly string[] = []) {
    this.variant = variant;
    this.startFen = startFen;
    const position = startPosition(variant, startFen);
    this.#steps = [stepOf(0, '', '', position, [], [])];
    this.follow(moves);
  }

  /** The positions, from ply 0. */
  get steps(): readonly Step[] {
    return this.#steps;
  }

  get last(): Step {
    return this.at(this.#steps.length - 1);
  }

  /** The number of the first move, and who makes it. */
  get start(): { fullmoves: number; turn: Color } {
    const { fullmoves, turn } = this.at(0).position;
    return { fullmoves, turn };
  }

  /** The position after `ply` moves, or the nearest that there is. */
  at(ply: number): Step {
    const index = Math.max(0, Math.min(ply, this.#steps.length - 1));
    return this.#steps[index] as Step;
  }

  /** Makes this the line of these moves; what the two have in common stays as it is. */
  follow(moves: readonly string[]): void {
    let common = 0;
    while (common < moves.length && this.#steps[common + 1]?.uci === moves[common]) common += 1;
    this.#steps.length = common + 1;
    for (const uci of moves.slice(common)) this.#steps.push(next(this.last, uci));
  }

  /** The position after one more move, without adding it. */
  peek(uci: string): Step {
    return next(this.last, uci);
  }

  /** How often the last position has been on the board. */
  get repetitions(): number {
    return this.#countOf(this.last.identity);
  }

  /** What the side to move may claim a draw by now, if anything. */
  get claim(): 'threefold' | 'fifty_moves' | null {
    if (this.repetitions >= 3) return 'threefold';
    return this.last.position.halfmoves >= 100 ? 'fifty_moves' : null;
  }

  /** Whether the side to move has a move that brings about a draw, which it may claim together with that move. */
  get hasClaimingMove(): boolean {
    const before = this.last;
    if (this.#claiming?.step !== before) this.#claiming = { step: before, found: this.#findClaimingMove() };
    return this.#claiming.found;
  }

  #findClaimingMove(): boolean {
    const { position } = this.last;
    const seen = new Set<string>();
    const twice = new Set<string>();
    for (const { identity } of this.#steps) (seen.has(identity) ? twice : seen).add(identity);
    if (twice.size === 0 && position.halfmoves < 99) return false;
    for (const uci of legalMoves(position, this.variant)) {
      const move = parseUci(uci);
      if (!move) continue;
      const after = position.clone();
      after.play(move);
      if (after.halfmoves >= 100 || (twice.size > 0 && twice.has(identityOf(makeFen(after.toSetup()))))) return true;
    }
    return false;
  }

  #countOf(identity: string): number {
    return this.#steps.reduce((count, step) => (step.identity === identity ? count + 1 : count), 0);
  }
}

const identityOf = (fen: string): string => fen.split(' ').slice(0, -2).join(' ');

function stepOf(
  ply: number,
  uci: string,
  san: string,
  position: Position,
  squares: readonly SquareName[],
  exploded: readonly SquareName[],
): Step {
  const fen = makeFen(position.toSetup());
  const identity = identityOf(fen);
  return { ply, uci, san, position, fen, identity, squares, check: position.isCheck() ? position.turn : null, exploded };
}

function next(before: Step, uci: string): Step {
  const move = parseUci(uci);
  const position = before.position.clone();
  if (!move || !position.isLegal(move)) {
    // The server alone decides what is legal: its move is shown as well as it can be.
    if (move) position.play(move);
    return stepOf(before.ply + 1, uci, uci, position, move ? squaresOf(before.position, move) : [], []);
  }
  const san = makeSan(before.position, move);
  position.play(move);
  const captures = position.rules === 'atomic' && san.includes('x');
  const exploded = captures ? around(move.to).map(makeSquare) : [];
  return stepOf(before.ply + 1, uci, san, position, squaresOf(before.position, move), exploded);
}

/** The squares that a move is shown on: for castling, those of the king. */
function squaresOf(position: Position, move: Move): SquareName[] {
  if (isDrop(move)) return [makeSquare(move.to)];
  const side = castlingSide(position, move);
  const to = side ? kingCastlesTo(position.turn, side) : move.to;
  return [makeSquare(move.from), makeSquare(to)];
}

function around(square: number): number[] {
  const squares: number[] = [];
  for (let file = squareFile(square) - 1; file <= squareFile(square) + 1; file += 1) {
    for (let rank = squareRank(square) - 1; rank <= squareRank(square) + 1; rank += 1) {
      if (file >= 0 && file < 8 && rank >= 0 && rank < 8) squares.push(file + 8 * rank);
    }
  }
  return squares;
}

/** All legal moves of a position in UCI, with promotions and drops. */
export function* legalMoves(position: Position, variant: Variant): Generator<string> {
  const context = position.ctx();
  for (const [from, squares] of position.allDests(context)) {
    for (const to of squares) {
      if (isPromotion(position, from, to)) {
        for (const promotion of promotionRoles(variant)) yield makeUci({ from, to, promotion });
      } else {
        yield uciOf(position, variant, makeSquare(from), makeSquare(to));
      }
    }
  }
  for (const to of position.dropDests(context)) {
    for (const role of POCKET_ROLES) {
      const move = { role, to };
      if (position.isLegal(move, context)) yield makeUci(move);
    }
  }
}

/** Where the pieces of the side to move may go. Castling is offered both as a step of the king by two squares (to
 * where it ends up) and as the king taking its own rook, where that is no ordinary step. */
export function destinations(position: Position): Destinations {
  const result: Destinations = new Map();
  const context = position.ctx();
  for (const [from, squares] of position.allDests(context)) {
    if (squares.isEmpty()) continue;
    const to = new Set(Array.from(squares, makeSquare));
    for (const square of squares) {
      const side = from === context.king ? castlingSide(position, { from, to: square }) : undefined;
      if (side) to.add(makeSquare(kingCastlesTo(position.turn, side)));
    }
    to.delete(makeSquare(from));
    result.set(makeSquare(from), [...to]);
  }
  return result;
}

/** Whether a pawn that goes there becomes another piece. */
export function isPromotion(position: Position, from: number, to: number): boolean {
  const rank = squareRank(to);
  return position.board.pawn.has(from) && (rank === 0 || rank === 7);
}

/** A move from square to square in the form that the protocol has: castling as the king's step by two squares, in
 * Chess960 as the king taking its rook. */
export function uciOf(
  position: Position,
  variant: Variant,
  fromName: SquareName,
  toName: SquareName,
  promotion?: Role,
): string {
  const from = parseSquare(fromName);
  let to = parseSquare(toName);
  if (position.board.king.has(from)) {
    const legal = position.dests(from);
    const rook = castlingRook(position, from, to, legal.has(to));
    if (rook !== undefined) {
      const side = rook > from ? 'h' : 'a';
      to = variant === 'chess960' ? rook : kingCastlesTo(position.turn, side);
    }
  }
  return makeUci(promotion ? { from, to, promotion } : { from, to });
}

/** The rook that the king castles with if it is moved like this. */
function castlingRook(position: Position, from: number, to: number, isLegal: boolean): number | undefined {
  const takesOwn = position.board[position.turn].has(to);
  if (isLegal) return takesOwn ? to : undefined;
  for (const side of ['a', 'h'] as const) {
    const rook = position.castles.rook[position.turn][side];
    if (rook === undefined || kingCastlesTo(position.turn, side) !== to) continue;
    if (squareRank(from) === squareRank(to)) return rook;
  }
  return undefined;
}

/** Whether a move in UCI is legal. */
export function isLegal(position: Position, uci: string): boolean {
  const move = parseUci(uci);
  return move !== undefined && position.isLegal(normalizeMove(position, move));
}

/** The squares that a king strives for, in the variants that have some. */
export function goalSquares(variant: Variant): readonly SquareName[] {
  if (variant === 'kingOfTheHill') return ['d4', 'e4', 'd5', 'e5'];
  if (variant === 'racingKings') return ['a8', 'b8', 'c8', 'd8', 'e8', 'f8', 'g8', 'h8'];
  return [];
}
