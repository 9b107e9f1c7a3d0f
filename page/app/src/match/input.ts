// What is typed into the move box: a move in SAN, UCI or words, or a command.
import type { Position } from 'chessops/chess';
import { makeSan } from 'chessops/san';
import { isDrop, type Move, type Role } from 'chessops/types';
import { makeSquare, makeUci, parseUci } from 'chessops/util';
import { castlingSide } from 'chessops/chess';
import { isLegal, legalMoves } from './position.ts';
import type { Variant } from './types.ts';

/** What a line in the move box means. */
export type Entry =
  | { kind: 'move'; uci: string; with: 'draw_offer' | 'draw_claim' | null }
  | { kind: 'ambiguous'; moves: readonly string[] }
  | { kind: 'command'; name: CommandName; argument: string }
  | { kind: 'unknown' }
  | { kind: 'nothing' };

/** The commands, each with the words that call it. */
const COMMANDS = {
  help: ['help', '?', 'h', 'commands'],
  board: ['board', 'position', 'b'],
  rank: ['rank', 'row', 'r'],
  file: ['file', 'column'],
  square: ['square', 's', 'what is on'],
  pieces: ['pieces', 'piece', 'p'],
  moves: ['moves', 'history', 'm'],
  last: ['last', 'l', 'last move'],
  clock: ['clock', 'clocks', 'c', 'time left'],
  turn: ['turn', 'whose turn', 'who', 'status'],
  legal: ['legal', 'legal moves', 'options'],
  pocket: ['pocket', 'pockets'],
  checks: ['checks'],
  opponent: ['opponent'],
  draw: ['draw', 'offer draw'],
  accept: ['accept', 'yes', 'agree', 'accept draw', 'accept takeback', 'accept rematch'],
  decline: ['decline', 'no', 'refuse', 'decline draw', 'decline takeback', 'decline rematch'],
  claim: ['claim', 'claim draw'],
  takeback: ['takeback', 'undo', 'take back'],
  time: ['time', 'give time'],
  resign: ['resign', 'give up'],
  abort: ['abort'],
  win: ['win', 'claim win'],
  rematch: ['rematch', 'again'],
  say: ['say', 'chat'],
  first: ['first', 'start'],
  back: ['back', 'previous'],
  on: ['on', 'next', 'forward'],
  live: ['live', 'now', 'current'],
  flip: ['flip', 'turn board'],
  pgn: ['pgn', 'copy'],
} as const;

/** A command of the move box. */
export type CommandName = keyof typeof COMMANDS;

/** Those that take something after their name. */
const WITH_ARGUMENT: readonly CommandName[] = ['rank', 'file', 'square', 'pieces', 'legal', 'say', 'moves'];

const PIECE_WORDS: Record<string, Role> = {
  pawn: 'pawn',
  pawns: 'pawn',
  knight: 'knight',
  knights: 'knight',
  night: 'knight',
  bishop: 'bishop',
  bishops: 'bishop',
  rook: 'rook',
  rooks: 'rook',
  queen: 'queen',
  queens: 'queen',
  king: 'king',
  kings: 'king',
};

/** The kind of piece that a word names. */
export const pieceNamed = (word: string): Role | undefined => PIECE_WORDS[word.trim().toLowerCase()];

/** Reads a line. A move comes first: `b4` is a pawn's move, and no command of one letter hides a move. */
export function parseEntry(text: string, position: Position | null, variant: Variant): Entry {
  const trimmed = text.trim().replace(/\s+/g, ' ');
  if (trimmed === '') return { kind: 'nothing' };
  if (/^(say|chat) /i.test(trimmed)) return { kind: 'command', name: 'say', argument: trimmed.replace(/^\S+ /, '') };
  if (position !== null) {
    const rider = / (?:and )?(?:offer )?(draw|claim)$/i.exec(trimmed);
    const bare = rider ? trimmed.slice(0, rider.index) : trimmed;
    const moves = movesNamed(bare, position, variant);
    const ride = rider?.[1]?.toLowerCase();
    const extra = ride === 'draw' ? 'draw_offer' : ride === 'claim' ? 'draw_claim' : null;
    if (moves.length === 1) return { kind: 'move', uci: moves[0] as string, with: extra };
    if (moves.length > 1) return { kind: 'ambiguous', moves };
  }
  return parseCommand(trimmed) ?? { kind: 'unknown' };
}

function parseCommand(text: string): Entry | null {
  const lower = text.toLowerCase();
  for (const [name, words] of Object.entries(COMMANDS) as [CommandName, readonly string[]][]) {
    for (const word of words) {
      if (lower === word) return { kind: 'command', name, argument: '' };
      if (WITH_ARGUMENT.includes(name) && lower.startsWith(`${word} `)) {
        return { kind: 'command', name, argument: text.slice(word.length + 1).trim() };
      }
    }
  }
  if (pieceNamed(lower)) return { kind: 'command', name: 'pieces', argument: lower };
  return null;
}

/** The legal moves that a text may mean, in UCI: none, one, or several if it is ambiguous. */
function movesNamed(text: string, position: Position, variant: Variant): string[] {
  const lower = text.toLowerCase();
  const uci = parseUci(lower.replace(/[- ]/g, ''));
  if (uci && (isDrop(uci) || /^[a-h][1-8][- ]?[a-h][1-8]/.test(lower))) {
    // A pawn whose new piece is not named becomes a queen.
    const asked = makeUci(uci);
    const queen = isDrop(uci) ? asked : `${asked}q`;
    const found = [asked, queen].find((one) => isLegal(position, one));
    if (found) return [canonical(found, position, variant)];
  }
  const wanted = normalSan(text);
  const moves = [...legalMoves(position, variant)];
  const named = moves.map((move) => [move, normalSan(sanOf(position, move))] as const);
  const exact = named.filter(([, san]) => san === wanted).map(([move]) => move);
  if (exact.length > 0) return exact;
  const pieces = describe(lower);
  return pieces ? queensFirst(moves.filter((move) => matches(position, move, pieces))) : [];
}

const sanOf = (position: Position, uci: string): string => {
  const move = parseUci(uci);
  return move ? makeSan(position, move) : uci;
};

/** The name that the protocol has for a move: a castling in its other form is looked up among the legal moves. */
function canonical(uci: string, position: Position, variant: Variant): string {
  const move = parseUci(uci);
  if (!move || isDrop(move)) return uci;
  const side = castlingSide(position, move);
  if (!side) return uci;
  for (const legal of legalMoves(position, variant)) {
    const other = parseUci(legal);
    if (other && !isDrop(other) && other.from === move.from && castlingSide(position, other) === side) return legal;
  }
  return uci;
}

/** SAN without what people leave out: checks, captures, `=`, and zeros for letters in castling. */
const normalSan = (text: string): string =>
  text
    .replace(/[+#!?]+$/, '')
    .replace(/^[0o]-?[0o](-?[0o])?$/i, (_, long) => (long ? 'O-O-O' : 'O-O'))
    .replace(/[x:= ]/g, '')
    .replace(/(?<=[a-h][18])[nbrqk]$/, (letter) => letter.toUpperCase())
    // "nf3" is a knight's move; "bc3" may be a pawn's, which is looked for first.
    .replace(/^([nrqk])(?=[a-h@1-8])/, (letter) => letter.toUpperCase());

/** What a text in words asks for. */
interface Wish {
  role: Role | null;
  from: string | null;
  to: string | null;
  taken: Role | null;
  takes: boolean;
  promotion: Role | null;
  castle: 'h' | 'a' | null;
  drop: boolean;
}

function describe(text: string): Wish | null {
  const wish: Wish = {
    role: null,
    from: null,
    to: null,
    taken: null,
    takes: false,
    promotion: null,
    castle: null,
    drop: false,
  };
  if (/\bcastles?\b/.test(text)) {
    if (/\b(long|queen'?s?|queenside|queen side)\b/.test(text)) wish.castle = 'a';
    else wish.castle = 'h';
    return wish;
  }
  const words = text.replace(/['’]s\b/g, '').match(/[a-z]+(?:[1-8])?|[a-h]?[1-8]|@/g) ?? [];
  let promotes = false;
  for (const word of words) {
    const role = pieceNamed(word);
    if (role) {
      if (promotes || (wish.to && !wish.takes && wish.role !== null) || (wish.to && wish.role === null)) {
        wish.promotion = role;
      } else if (wish.takes) wish.taken = role;
      else wish.role ??= role;
    } else if (/^[a-h][1-8]$/.test(word)) {
      if (wish.to !== null) wish.from = wish.to;
      wish.to = word;
    } else if (/^[a-h]$|^[1-8]$/.test(word) && word !== 'a') {
      wish.from = word;
    } else if (['takes', 'captures', 'x', 'take', 'capture'].includes(word)) {
      wish.takes = true;
    } else if (['promote', 'promotes', 'becomes', 'become', 'equals', 'promoting'].includes(word)) {
      promotes = true;
    } else if (['drop', 'drops', 'dropped', 'at'].includes(word) || word === '@') {
      wish.drop = true;
    } else if (!['to', 'on', 'from', 'the', 'a', 'and', 'pawn', 'my', 'into', 'move'].includes(word)) {
      return null;
    }
  }
  return wish.to || wish.taken ? wish : null;
}

function matches(position: Position, uci: string, wish: Wish): boolean {
  const move = parseUci(uci) as Move;
  if (isDrop(move)) {
    return wish.drop && move.role === (wish.role ?? 'pawn') && makeSquare(move.to) === wish.to;
  }
  const side = castlingSide(position, move);
  if (wish.castle || side) return wish.castle === (side ?? null);
  if (wish.drop) return false;
  const from = makeSquare(move.from);
  const role = position.board.getRole(move.from);
  if (wish.role ? role !== wish.role : role !== 'pawn' && !(wish.from?.length === 2)) return false;
  if (wish.to && makeSquare(move.to) !== wish.to) return false;
  if (wish.from && !from.includes(wish.from)) return false;
  const taken = position.board.getRole(move.to) ?? (role === 'pawn' && from[0] !== makeSquare(move.to)[0] ? 'pawn' : undefined);
  if (wish.takes && !taken) return false;
  if (wish.taken && taken !== wish.taken) return false;
  return !wish.promotion || move.promotion === wish.promotion;
}

/** Of a pawn's moves that differ only in what it becomes, the one that makes a queen. */
function queensFirst(moves: readonly string[]): string[] {
  const squares = new Set(moves.map((move) => move.slice(0, 4)));
  if (squares.size === 1 && moves.length > 1) {
    const queen = moves.find((move) => move.endsWith('q'));
    if (queen) return [queen];
  }
  return [...moves];
}
