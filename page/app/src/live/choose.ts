/** Which live matches are worth showing. */
import type { LiveMatch } from 'rookery-session';

/** What a player without a rating counts as: below those who have shown something. */
const UNRATED = 1200;

/** The more, the better to watch: mostly by the weaker player's rating, for people rather than programs, and by who else watches. */
export function interest({ players, spectators, ply }: LiveMatch): number {
  const { white, black } = players;
  const rating = Math.min(white.rating ?? UNRATED, black.rating ?? UNRATED);
  const people = [white, black].filter((player) => !player.is_bot).length;
  // A match that has not begun may never begin.
  const hasBegun = ply >= 2 ? 1 : 0;
  return rating + 150 * people + 20 * Math.min(spectators, 50) + 400 * hasBegun;
}

/** Live matches, the best first; the newer one first among equals. */
export function byInterest(matches: readonly LiveMatch[]): LiveMatch[] {
  const age = (match: LiveMatch): number => match.created_at;
  return [...matches].sort((a, b) => interest(b) - interest(a) || age(b) - age(a));
}

/** At most `count` matches: those that are shown already stay in their places while they are live, others fill up. */
export function fill(shown: readonly string[], matches: readonly LiveMatch[], count: number): LiveMatch[] {
  const byId = new Map(matches.map((match) => [match.match_id, match]));
  const kept = shown.flatMap((id) => byId.get(id) ?? []);
  const isKept = new Set(kept.map((match) => match.match_id));
  const others = byInterest(matches).filter((match) => !isKept.has(match.match_id));
  return [...kept, ...others].slice(0, count);
}
