/** Moves as numbers: bits 0–5 from, 6–11 to, 12–14 what a pawn becomes, or what is dropped. */

const FILES = 'abcdefgh';
/** What a pawn becomes, by number. */
const BECOMES: readonly (string | null)[] = ['', null, 'n', 'b', 'r', 'q', 'k'];
/** What is dropped, by number. */
const DROPPED: readonly (string | null)[] = [null, 'P', 'N', 'B', 'R', 'Q'];

const MOVE = /^([a-h][1-8])([a-h][1-8])([nbrqk]?)$/;
const DROP = /^([PNBRQ])@([a-h][1-8])$/;

/** The number of a move in UCI; null if it is none. */
export function moveNumber(uci: string): number | null {
  const drop = DROP.exec(uci);
  if (drop !== null) {
    const square = squareNumber(drop[2]!);
    return square | (square << 6) | (DROPPED.indexOf(drop[1]!) << 12);
  }
  const move = MOVE.exec(uci);
  if (move === null || move[1] === move[2]) return null;
  return squareNumber(move[1]!) | (squareNumber(move[2]!) << 6) | (BECOMES.indexOf(move[3]!) << 12);
}

/** The move of a number, in UCI; null if it is none. */
export function moveOf(number: number): string | null {
  const [from, to, piece] = [number & 63, (number >> 6) & 63, number >> 12];
  if (from === to) {
    const dropped = DROPPED[piece] ?? null;
    return dropped === null ? null : `${dropped}@${squareName(to)}`;
  }
  const becomes = BECOMES[piece] ?? null;
  return becomes === null ? null : squareName(from) + squareName(to) + becomes;
}

function squareNumber(name: string): number {
  return FILES.indexOf(name[0]!) + 8 * (Number(name[1]) - 1);
}

function squareName(square: number): string {
  return `${FILES[square & 7]}${(square >> 3) + 1}`;
}
