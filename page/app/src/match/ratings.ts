// How a rated match changed the ratings: the matchmaker knows it a moment after the end.
import type { MatchAnswer } from 'rookery-session';
import { matchStrings as s } from './strings.ts';
import type { Player, Seat } from './types.ts';

export interface RatingSource {
  match(id: string): Promise<MatchAnswer>;
}

/** When to ask, in milliseconds after the end. */
const ASK_AFTER_MS = [400, 1_000, 2_500, 6_000, 15_000];

/** The changes in words, one line for each player. */
export function ratingLines(answer: MatchAnswer, players: Readonly<Record<Seat, Player>>): string[] {
  const changes = answer.rating_changes;
  if (!changes) return [];
  return (['white', 'black'] as const).map((seat) => {
    const { before, after } = changes[seat];
    return s.result.rating(players[seat].name, before.rating, after.rating);
  });
}

/** Asks until the changes are there, and tells them; returns how to stop. */
export function fetchRatings(
  source: RatingSource,
  match: { readonly id: string; readonly players: Readonly<Record<Seat, Player>> },
  told: (lines: string[]) => void,
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  const ask = (times: readonly number[]): void => {
    const [wait, ...rest] = times;
    if (wait === undefined) return;
    timer = setTimeout(async () => {
      // The matchmaker may be busy: it is asked again.
      const answer = await source.match(match.id).catch(() => null);
      if (isStopped) return;
      const lines = answer === null ? [] : ratingLines(answer, match.players);
      if (lines.length > 0) told(lines);
      else ask(rest);
    }, wait);
  };
  ask(ASK_AFTER_MS);
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
