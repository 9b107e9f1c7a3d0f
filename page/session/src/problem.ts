/** Errors of the matchmaker. */

/** Why a request failed (RFC 9457), in words and in a stable code. */
export class Problem extends Error {
  /**
   * The stable code, as the matchmaker has it. Its own are `network` (nothing was reached), `timed_out_here` (no
   * answer in time), `aborted` (the caller gave up) and `unreadable` (an answer that is none).
   */
  readonly code: string;
  /** The kind of problem, in words. */
  readonly title: string;
  /** What is wrong with this request. */
  readonly detail: string;
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number;
  /** After how many milliseconds to try again, if the matchmaker says so. */
  readonly retryAfterMs: number | null;

  constructor(problem: { code: string; title: string; detail: string; status: number; retryAfterMs?: number | null }) {
    super(`${problem.title}: ${problem.detail}`);
    this.name = 'Problem';
    this.code = problem.code;
    this.title = problem.title;
    this.detail = problem.detail;
    this.status = problem.status;
    this.retryAfterMs = problem.retryAfterMs ?? null;
  }

  /** Whether the same request may succeed later: nothing was reached, or the matchmaker is busy. */
  get isPassing(): boolean {
    return this.code !== 'aborted' && (this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500);
  }
}
