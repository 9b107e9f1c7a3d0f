// The terms of a match in one line.
import { matchStrings as s } from './strings.ts';
import type { MatchState, TimeControl } from './types.ts';

/** A time control as players write it: "3+2", or "40/90+30, 30+30" with stages; delays as "d5". Minutes, then seconds. */
export function controlText(control: TimeControl): string {
  return control.stages
    .map((stage) => {
      const minutes = stage.timeMs / 60_000;
      const time = Number.isInteger(minutes) ? String(minutes) : minutes === 0.25 ? '¼' : minutes === 0.5 ? '½' : minutes.toFixed(1);
      const moves = stage.moves === null ? '' : `${stage.moves}/`;
      const delay = stage.delay === null ? '' : ` d${stage.delayMs / 1000}`;
      return `${moves}${time}+${stage.incrementMs / 1000}${delay}`;
    })
    .join(', ');
}

type Terms = Pick<MatchState, 'variant' | 'controls' | 'rated' | 'tags'>;

/** Variant, time and whether it is rated. */
export function termsWords(terms: Terms): string {
  const white = controlText(terms.controls.white);
  const black = controlText(terms.controls.black);
  const control = white === black ? white : s.page.controls(white, black);
  const parts = [s.variant[terms.variant], control, terms.rated ? s.page.rated : s.page.casual];
  const event = terms.tags?.event;
  if (event) parts.push(event);
  return parts.join(' · ');
}
