/** The wait for an opponent in a pool: one at a time, and over all views of the page. */
import { type Matchmaker, type Pool, Problem } from 'rookery-session';

/** What is waited for. */
export interface Seeking {
  readonly pool: Pool;
  /** Since when, on the scale of `performance.now()`. */
  readonly since: number;
  /** Why it is not certain that the wait goes on, while the server does not answer. */
  readonly trouble: Problem | null;
}

/** How a wait ended. */
export interface SeekHooks {
  /** There is a match. */
  matched(matchId: string): void;
  /** It failed, and nobody waits any more. */
  failed(problem: Problem): void;
  /** Gives the player, a new guest if need be. */
  asSomebody<T>(act: () => Promise<T>): Promise<T>;
}

/** Waits in a pool. */
export class Seek {
  private present: Seeking | null = null;
  private abort: AbortController | null = null;
  private ticket: string | null = null;
  private readonly listeners = new Set<() => void>();

  private readonly matchmaker: Matchmaker;
  private readonly hooks: SeekHooks;

  constructor(matchmaker: Matchmaker, hooks: SeekHooks) {
    this.matchmaker = matchmaker;
    this.hooks = hooks;
  }

  /** What is waited for now. */
  get seeking(): Seeking | null {
    return this.present;
  }

  /** Calls `listener` after each change; returns how to stop that. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Waits in this pool, and in no other any more. */
  async start(pool: Pool): Promise<void> {
    this.stop();
    const abort = new AbortController();
    this.abort = abort;
    this.set({ pool, since: performance.now(), trouble: null });
    const { variant, control, rated } = pool;
    try {
      const made = await this.hooks.asSomebody(() => this.matchmaker.ticket({ variant, control, rated }));
      if (abort.signal.aborted) {
        this.withdraw(made.id);
        return;
      }
      this.ticket = made.id;
      const trouble = (problem: Problem | null): void => {
        if (this.abort === abort && this.present) {
          this.set({ ...this.present, trouble: problem });
        }
      };
      const ticket = made.status === 'waiting' ? await this.matchmaker.wait(made.id, abort.signal, trouble) : made;
      if (this.abort !== abort) {
        return;
      }
      this.clear();
      if (ticket.match_id !== null && ticket.status === 'matched') {
        this.hooks.matched(ticket.match_id);
      }
    } catch (error) {
      if (this.abort !== abort) {
        return;
      }
      this.clear();
      if (error instanceof Problem) {
        this.hooks.failed(error);
      } else {
        throw error;
      }
    }
  }

  /** Stops waiting. */
  stop(): void {
    const { ticket } = this;
    this.abort?.abort();
    this.clear();
    if (ticket !== null) {
      this.withdraw(ticket);
    }
  }

  private withdraw(ticket: string): void {
    this.matchmaker.cancel(ticket).catch(async (problem: unknown) => {
      // An opponent was found a moment before, who must not be left alone.
      if (problem instanceof Problem && problem.code === 'already_matched') {
        const { match_id } = await this.matchmaker.ticketById(ticket);
        if (match_id !== null) {
          this.hooks.matched(match_id);
        }
      }
      // Otherwise the ticket is not read any more, and so not paired.
    });
  }

  private clear(): void {
    this.abort = null;
    this.ticket = null;
    if (this.present) {
      this.set(null);
    }
  }

  private set(seeking: Seeking | null): void {
    this.present = seeking;
    this.listeners.forEach((listener) => listener());
  }
}
