// What becomes of a premove once it is the player's turn.
import type { Position } from 'chessops/chess';
import type { Role, SquareName } from 'chessops/types';
import { makeUci, parseSquare } from 'chessops/util';
import { isLegal, isPromotion, uciOf } from './position.ts';
import type { Variant } from './types.ts';

/** A move, or a drop from the pocket, that was made while the opponent was thinking. */
export type Premove =
  | { kind: 'move'; from: SquareName; to: SquareName; promotion: Role | null }
  | { kind: 'drop'; role: Role; to: SquareName };

/** The move in UCI that a premove makes in this position, or null if it has become illegal. A pawn whose player did
 * not choose becomes a queen. */
export function resolvePremove(position: Position, variant: Variant, premove: Premove): string | null {
  if (premove.kind === 'drop') {
    const uci = makeUci({ role: premove.role, to: parseSquare(premove.to) });
    return isLegal(position, uci) ? uci : null;
  }
  const from = parseSquare(premove.from);
  const to = parseSquare(premove.to);
  if (!position.board[position.turn].has(from)) return null;
  const promotion = isPromotion(position, from, to) ? (premove.promotion ?? 'queen') : undefined;
  const uci = uciOf(position, variant, premove.from, premove.to, promotion);
  return isLegal(position, uci) ? uci : null;
}
