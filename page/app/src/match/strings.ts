// The texts of the match view, which stand with all others in the page's file of strings, and how they are put together.
import { match as matchStrings } from '../strings.ts';

export { matchStrings };

/** "a, b and c". */
export function listOf(parts: readonly string[], last: string = matchStrings.list.and): string {
  if (parts.length < 2) return parts.join('');
  return `${parts.slice(0, -1).join(matchStrings.list.comma)}${last}${parts[parts.length - 1]}`;
}

/** With a capital letter at its start. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
