/** Dates as the visitor's browser writes them. */

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** A day. `at` is in milliseconds since 1970. */
export function date(at: number): string {
  return DATE.format(at);
}

/** A day and a time. `at` is in milliseconds since 1970. */
export function dateTime(at: number): string {
  return DATE_TIME.format(at);
}
