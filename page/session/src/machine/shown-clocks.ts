/** Both clocks as a client shows them: counted down from what the shard last said, and standing while it cannot be heard. */

import type { Clock, Seat } from '../types.ts';

const STANDING: Clock = { whiteMs: 0, blackMs: 0, running: null, delayMs: 0 };

export class ShownClocks {
  #said: Clock = STANDING;
  /** When `said` left the shard, on the clock of this client. */
  #saidAt = 0;
  #pausedSince: number | null = null;
  #unheardSince: number | null = null;

  /** The shard sent both clocks, which left it at `at`. */
  say(clock: Clock, at: number): void {
    this.#said = clock;
    this.#saidAt = at;
    this.#unheardSince = null;
  }

  /** The shard reports a pause. Clocks that stood before keep their values. */
  pause(now: number): void {
    this.#pausedSince ??= Math.min(now, this.#unheardSince ?? now);
    this.#unheardSince = null;
  }

  endPause(): void {
    this.#pausedSince = null;
  }

  get isPaused(): boolean {
    return this.#pausedSince !== null;
  }

  get isUnheard(): boolean {
    return this.#unheardSince !== null;
  }

  /** Nothing was heard since `since`. */
  unheard(since: number): void {
    this.#unheardSince = Math.min(since, this.#unheardSince ?? since);
  }

  /** The shard is heard again, without its clocks: if only the network had failed, they ran. */
  heard(): void {
    this.#unheardSince = null;
  }

  /** Both clocks at `now`. */
  at(now: number): { whiteMs: number; blackMs: number; running: Seat | null } {
    const { whiteMs, blackMs, running, delayMs } = this.#said;
    const stands = Math.min(this.#pausedSince ?? Infinity, this.#unheardSince ?? Infinity);
    const counted = Math.max(0, Math.min(now, stands) - this.#saidAt - delayMs);
    return {
      whiteMs: running === 'white' ? Math.max(0, whiteMs - counted) : whiteMs,
      blackMs: running === 'black' ? Math.max(0, blackMs - counted) : blackMs,
      running: stands === Infinity ? running : null,
    };
  }
}
