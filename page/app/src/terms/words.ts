/** The terms of a match in words. */
import type { Control, Speed, Terms } from 'rookery-session';
import { terms as words } from '../strings.ts';
import { controlWords, speedOf } from '../words/times.ts';

/** The control of both, or White's and Black's. */
export function paceOf(terms: Terms): string {
  if (terms.controls) {
    const { white, black } = terms.controls;
    return `${words.whiteHas(controlWords(white))} · ${words.blackHas(controlWords(black))}`;
  }
  return controlWords(terms.control ?? {});
}

const SPEEDS: readonly Speed[] = ['ultrabullet', 'bullet', 'blitz', 'rapid', 'classical'];

/** The speed of a match: that of the slower control. */
export function speedOfTerms(terms: Terms): Speed {
  const both: readonly Control[] = terms.controls
    ? [terms.controls.white, terms.controls.black]
    : [terms.control ?? {}];
  const places = both.map((control) => SPEEDS.indexOf(speedOf(control)));
  return SPEEDS[Math.max(...places)] ?? 'classical';
}

/** The name of a variant. */
export function variantName(variant: string | undefined): string {
  return words.variants[variant ?? 'standard'] ?? String(variant);
}

/** What differs from the usual, beside variant, pace and whether it is rated. */
export function specialTerms(terms: Terms, when: (at: number) => string): string[] {
  const special: string[] = [];
  if (terms.start_number !== undefined) {
    special.push(words.startNumber(terms.start_number));
  } else if (terms.start_fen !== undefined && terms.variant !== 'chess960') {
    special.push(words.fromPosition);
  }
  if (terms.clock_start === 'at_once') {
    special.push(words.clockAtOnce);
  }
  if (terms.start_at !== undefined && terms.start_at !== null) {
    special.push(words.startsAt(when(terms.start_at)));
  }
  if (terms.spectator_delay_s) {
    special.push(words.spectatorDelay(terms.spectator_delay_s));
  }
  if (terms.chat === false) {
    special.push(words.noChat);
  }
  for (const rule of terms.rules ?? []) {
    special.push(words.rules[rule] ?? rule);
  }
  return special;
}

/** The terms in one line: `3+2 · Blitz · Casual · Crazyhouse`. */
export function termsLine(terms: Terms): string {
  const parts = [
    paceOf(terms),
    words.speeds[speedOfTerms(terms)] ?? '',
    terms.rated ? words.rated : words.casual,
  ];
  if (terms.variant && terms.variant !== 'standard') {
    parts.push(variantName(terms.variant));
  }
  return parts.join(' · ');
}
