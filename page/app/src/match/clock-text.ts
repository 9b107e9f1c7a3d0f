// What a clock says, on the screen and aloud.

/** What a clock shows: from ten seconds on `m:ss` or `h:mm:ss`, below it `0:0s.t` with tenths. Rounded down, so that
 * no more time is shown than there is. `ms` is at least 0. */
export function clockText(ms: number): string {
  const tenths = Math.floor(Math.max(0, ms) / 100);
  const seconds = Math.floor(tenths / 10);
  if (tenths < 100) return `0:0${seconds}.${tenths % 10}`;
  const minutes = Math.floor(seconds / 60);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** In how many milliseconds the text of a running clock changes next: at least 1. */
export function nextChangeIn(ms: number): number {
  const step = ms < 10_000 ? 100 : 1000;
  return (ms % step) + 1;
}

/** From when on time is low: an eighth of the initial time, 10 to 60 seconds. */
export const lowTimeMs = (initialMs: number): number => Math.max(10_000, Math.min(60_000, initialMs / 8));
