/** The commands of a seat, from the asking to the answer. */

import type { ClientFrame, SentCommand } from '../codec/client.ts';
import type { Times } from './times.ts';

/** A player has one move to wait for, and perhaps an offer and a resignation. */
export const UNANSWERED_MAX = 16;

interface Waiting {
  readonly id: bigint;
  readonly command: SentCommand;
  /** When it was sent over the present stream. */
  sentAt: number | null;
  /** When to send it again, after a refusal for a reason that passes. */
  retryAt: number | null;
  retries: number;
}

/** Commands without an answer, in the order in which they were given. */
export class Unanswered {
  readonly #times: Times;
  #waiting: Waiting[] = [];
  #next: bigint;

  constructor(first: bigint, times: Times) {
    this.#next = first;
    this.#times = times;
  }

  get list(): { id: bigint; command: SentCommand }[] {
    return this.#waiting.map(({ id, command }) => ({ id, command }));
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Takes a command up; null if there are too many. */
  add(command: SentCommand): bigint | null {
    if (this.#waiting.length >= UNANSWERED_MAX) return null;
    const id = this.#next;
    this.#next += 1n;
    this.#waiting.push({ id, command, sentAt: null, retryAt: null, retries: 0 });
    return id;
  }

  /** The frame of one that was just added. */
  send(id: bigint, now: number): ClientFrame[] {
    return this.#frames(this.#waiting.filter((waiting) => waiting.id === id), now);
  }

  /** All of them, to be sent over a new stream. */
  sendAll(now: number): ClientFrame[] {
    return this.#frames(this.#waiting, now);
  }

  /** Those whose time has come again. */
  takeRetries(now: number): ClientFrame[] {
    return this.#frames(this.#waiting.filter(({ retryAt }) => retryAt !== null && retryAt <= now), now);
  }

  #frames(sent: Waiting[], now: number): ClientFrame[] {
    return sent.map((waiting) => {
      waiting.sentAt = now;
      waiting.retryAt = null;
      return { kind: 'command', id: waiting.id, command: waiting.command };
    });
  }

  /** The stream is lost. */
  unsent(): void {
    for (const waiting of this.#waiting) {
      waiting.sentAt = null;
      waiting.retryAt = null;
    }
  }

  /** The answer came: whether the command waited, and when it was sent. */
  take(id: bigint): { sentAt: number | null; retries: number } | null {
    const found = this.#waiting.find((waiting) => waiting.id === id);
    if (found === undefined) return null;
    this.#waiting = this.#waiting.filter((waiting) => waiting !== found);
    return found;
  }

  /** Sends a command again later; false if it is unknown, or was tried often enough. */
  retry(id: bigint, now: number): boolean {
    const waiting = this.#waiting.find((each) => each.id === id);
    if (waiting === undefined || waiting.retries >= this.#times.retriesMax) return false;
    waiting.retries += 1;
    waiting.retryAt = now + this.#times.retryAfter;
    return true;
  }

  /** When one has to be sent again. */
  get retryAt(): number | null {
    return least(this.#waiting.map(({ retryAt }) => retryAt));
  }

  /** When the one was sent that has waited for longest over the present stream. */
  get sentSince(): number | null {
    return least(this.#waiting.filter(({ retryAt }) => retryAt === null).map(({ sentAt }) => sentAt));
  }
}

/** The least of some times, of which there may be none. */
export function least(times: readonly (number | null)[]): number | null {
  const there = times.filter((time) => time !== null);
  return there.length === 0 ? null : Math.min(...there);
}
