/** Whether the server can be reached, as the page's requests find out. */
import type { Fetch } from 'rookery-session';

/** What the visitor is told. */
export type Health = 'well' | 'offline_device' | 'unreachable' | 'busy';

/** Failures in a row before the visitor is told: one lost request is tried again and nobody need know. */
const TELL_AFTER = 2;

/** How often the server is asked while it cannot be reached, in milliseconds. */
const ASK_EVERY_MS = 3_000;

/** Watches the answers of the server. */
export class Watchdog {
  private failures = 0;
  private told: Health = 'well';
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly listeners = new Set<(health: Health) => void>();

  private readonly ask: () => Promise<unknown>;

  /** `ask` is any cheap request, which tells this watchdog how it went. */
  constructor(ask: () => Promise<unknown>) {
    this.ask = ask;
    globalThis.addEventListener?.('online', () => this.recheck());
    globalThis.addEventListener?.('offline', () => this.update('offline_device'));
  }

  /** What the visitor is told now. */
  get health(): Health {
    return this.told;
  }

  /** Calls `listener` after each change. */
  subscribe(listener: (health: Health) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** An answer came, with this HTTP status. */
  answered(status: number): void {
    if (status === 502 || status === 503 || status === 504) {
      this.failed('busy');
    } else {
      this.failures = 0;
      this.update('well');
    }
  }

  /** No answer came. */
  failed(as: Health = 'unreachable'): void {
    this.failures += 1;
    if (this.failures >= TELL_AFTER || this.told !== 'well') {
      this.update(globalThis.navigator?.onLine === false ? 'offline_device' : as);
    } else {
      this.schedule();
    }
  }

  private recheck(): void {
    void this.ask().catch(() => undefined);
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      if (this.failures > 0) {
        this.recheck();
      }
    }, ASK_EVERY_MS);
  }

  private update(health: Health): void {
    if (health !== 'well') {
      this.schedule();
    }
    if (health !== this.told) {
      this.told = health;
      this.listeners.forEach((listener) => listener(health));
    }
  }
}

/** `fetch`, which tells `answered` and `failed` of each request that the caller did not give up. */
export function watched(
  fetch: Fetch,
  answered: (url: string, status: number, token: string | null, text: () => Promise<string>) => void,
  failed: (url: string) => void,
): Fetch {
  return async (url, init) => {
    let response;
    try {
      response = await fetch(url, init);
    } catch (error) {
      if (!(init?.signal as AbortSignal | undefined)?.aborted) {
        failed(url);
      }
      throw error;
    }
    const bearer = init?.headers?.['authorization'] ?? '';
    const token = bearer.startsWith('Bearer ') ? bearer.slice('Bearer '.length) : null;
    // A body can be read once; both readers share it.
    const text = once(() => response.text());
    answered(url, response.status, token, text);
    return { ok: response.ok, status: response.status, headers: response.headers, text };
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => (made ??= make());
}
