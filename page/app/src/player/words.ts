/** Ratings and results in words. */
import type { FinishedMatch } from 'rookery-session';
import { terms } from '../strings.ts';
import { variantName } from '../terms/words.ts';

/** The name of a category, for example `standard-blitz`. */
export function categoryName(category: string): string {
  const at = category.lastIndexOf('-');
  const [variant, speed] = [category.slice(0, at), category.slice(at + 1)];
  const pace = terms.speeds[speed] ?? speed;
  return variant === 'standard' ? pace : `${variantName(variant)} · ${pace}`;
}

/** How a game ended for a player. */
export function resultFor(game: Pick<FinishedMatch, 'outcome' | 'players'>, id: string): 'won' | 'lost' | 'drawn' | 'aborted' {
  const isWhite = game.players.white.id === id;
  switch (game.outcome) {
    case 'white_wins':
      return isWhite ? 'won' : 'lost';
    case 'black_wins':
      return isWhite ? 'lost' : 'won';
    case 'draw':
      return 'drawn';
    default:
      return 'aborted';
  }
}
