/** Whether the match may be on another shard by now: when the matchmaker is asked again while a link is kept. */

import type { Times } from './times.ts';

/**
 * A shard that does not answer is dead, or slow, or behind a slow store. Only the first is a reason to leave it, and
 * the matchmaker knows which it is sooner than any timeout.
 */
export class Doubt {
  readonly #times: Times;
  readonly #random: () => number;
  /** The number of the question that is being asked. */
  ask: number | null = null;
  /** How often the matchmaker has named the present shard, in a row, and when it last did. */
  #confirmed = 0;
  #confirmedAt = -Infinity;
  #jitter = 0;

  constructor(times: Times, random: () => number) {
    this.#times = times;
    this.#random = random;
    this.begin();
  }

  /** A new link, of which nothing is known. */
  begin(): void {
    this.#confirmed = 0;
    this.#confirmedAt = -Infinity;
    this.#jitter = this.#random() * this.#times.askJitter;
  }

  /** The matchmaker names the present shard, or does not answer. Where a store is slow for everybody, each asks less and less often. */
  stays(now: number): void {
    this.#confirmed = Math.min(this.#confirmed + 1, this.#times.askDoubledMax);
    this.#confirmedAt = now;
    this.#jitter = this.#random() * this.#times.askJitter;
  }

  /** The shard answers as fast as it should. */
  eased(): void {
    this.#confirmed = 0;
  }

  /** When to ask, if something is owed since `since` and the smallest round trip is `rtt`. */
  at(since: number, rtt: number | null): number {
    const patience = Math.max(this.#times.askAfter, 4 * (rtt ?? 0)) * 2 ** this.#confirmed;
    return Math.max(since, this.#confirmedAt) + patience + this.#jitter;
  }
}
