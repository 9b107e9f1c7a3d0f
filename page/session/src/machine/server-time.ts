/** The server's clock over one connection. */

/** By how much two clocks may drift apart: a least difference becomes doubtful by as much. */
const DRIFT = 100e-6;

/** When frames left the server, on the clock of this client. */
export class ServerTime {
  /** The smallest difference between a frame's arrival and its time, in milliseconds, and when it was measured. */
  #least: { offset: number; at: number } | null = null;
  #rtt: number | null = null;

  /** The smallest round trip that was measured, in milliseconds. */
  get rtt(): number | null {
    return this.#rtt;
  }

  /** A round trip was measured; whether it is the smallest. */
  measured(rtt: number): boolean {
    if (this.#rtt !== null && this.#rtt <= rtt) return false;
    this.#rtt = rtt;
    return true;
  }

  /** A frame of this time, in microseconds, arrived. A time of 0 says nothing. */
  arrived(time: number, now: number): void {
    if (time === 0) return;
    const offset = now - time / 1_000;
    if (this.#least === null || offset <= this.#aged(this.#least, now)) this.#least = { offset, at: now };
  }

  /** When a frame of this time left the server, on the clock of this client. */
  leftAt(time: number, now: number): number {
    if (this.#least === null || time === 0) return now;
    return Math.min(now, time / 1_000 + this.#aged(this.#least, now) - this.#half());
  }

  /** The server's time at `now`, in milliseconds since 1970; null if no frame has come. */
  at(now: number): number | null {
    if (this.#least === null) return null;
    return now - this.#aged(this.#least, now) + this.#half();
  }

  #aged(least: { offset: number; at: number }, now: number): number {
    return least.offset + (now - least.at) * DRIFT;
  }

  #half(): number {
    return (this.#rtt ?? 0) / 2;
  }
}
