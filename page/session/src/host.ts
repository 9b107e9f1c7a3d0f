/** The global objects that a session uses where it is given nothing else. No other file reads the global object. */

import { Problem } from './problem.ts';
import type { Fetch, Seams, Signal, TransportMemory, Waking, WebSocketConstructor, WebTransportConstructor } from './seams.ts';

interface Target {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

interface Globals extends Target {
  fetch?: Fetch;
  WebSocket?: WebSocketConstructor;
  WebTransport?: WebTransportConstructor;
  AbortController: new () => { readonly signal: Signal; abort(): void };
  performance: { now(): number };
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  crypto?: { randomUUID?(): string; getRandomValues?(into: Uint32Array): Uint32Array };
  TextEncoder: new () => { encode(text: string): Uint8Array };
  TextDecoder: new (label: string, options: object) => { decode(bytes: Uint8Array): string };
  document?: Target & { readonly visibilityState?: string };
}

const globals = globalThis as unknown as Globals;

const encoder = new globals.TextEncoder();
const decoder = new globals.TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8; `decode` throws at what is none. */
export const utf8 = {
  encode: (text: string) => encoder.encode(text),
  decode: (bytes: Uint8Array) => decoder.decode(bytes),
};

/** The seams of a session, all of them there. */
export interface FullSeams {
  readonly now: () => number;
  readonly setTimer: (callback: () => void, ms: number) => unknown;
  readonly clearTimer: (timer: unknown) => void;
  readonly random: () => number;
  readonly onWake: (listener: (news: Waking) => void) => () => void;
  readonly memory: TransportMemory;
  /** Asked for anew each time. */
  readonly WebSocket: WebSocketConstructor | null;
  readonly WebTransport: WebTransportConstructor | null;
}

/** What is known of the transports for as long as the page lives. */
const memory: TransportMemory = { failedAt: null };

/** What is given, and of the rest the global objects. */
export function fullSeams(given: Seams = {}): FullSeams {
  return {
    now: given.now ?? (() => globals.performance.now()),
    setTimer: given.setTimer ?? ((callback, ms) => globals.setTimeout(callback, ms)),
    clearTimer: given.clearTimer ?? ((timer) => globals.clearTimeout(timer)),
    random: given.random ?? Math.random,
    onWake: given.onWake ?? onWake,
    memory: given.memory ?? memory,
    get WebSocket() {
      return given.WebSocket !== undefined ? given.WebSocket : (globals.WebSocket ?? null);
    },
    get WebTransport() {
      return given.WebTransport !== undefined ? given.WebTransport : (globals.WebTransport ?? null);
    },
  };
}

/** Listens to what a browser tells of the network and of the page; nothing in Node. */
function onWake(listener: (news: Waking) => void): () => void {
  const up = () => listener('online');
  const down = () => listener('offline');
  const shown = () => listener('shown');
  const visible = () => {
    if (globals.document?.visibilityState === 'visible') shown();
  };
  const bound: [Target | undefined, string, () => void][] = [
    [globals, 'online', up],
    [globals, 'offline', down],
    [globals, 'pageshow', shown],
    [globals.document, 'visibilitychange', visible],
  ];
  for (const [target, type, callback] of bound) target?.addEventListener?.(type, callback);
  return () => {
    for (const [target, type, callback] of bound) target?.removeEventListener?.(type, callback);
  };
}

/** What requests of the matchmaker need of the host. */
export const host = {
  fetch: ((url, init) => {
    if (globals.fetch === undefined) return Promise.reject(new Error('there is no fetch'));
    return globals.fetch(url, init);
  }) as Fetch,

  /** What ends a request early. */
  aborter(): { readonly signal: Signal; abort(): void } {
    return new globals.AbortController();
  },

  /** A key that no other request has. */
  uniqueKey(random: () => number): string {
    const uuid = globals.crypto?.randomUUID?.();
    if (uuid !== undefined) return uuid;
    return Array.from({ length: 4 }, () => Math.floor(random() * 0x1_0000_0000).toString(36)).join('-');
  },

  /** Waits; throws `aborted` when the signal says so. */
  pause(ms: number, signal?: Signal): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = () => {
        globals.clearTimeout(timer);
        reject(new Problem({ code: 'aborted', title: 'Given up', detail: 'The caller gave up.', status: 0 }));
      };
      const timer = globals.setTimeout(() => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      }, ms);
      if (signal?.aborted) aborted();
      else signal?.addEventListener('abort', aborted);
    });
  },

  /** A signal that aborts after `ms`, or with another one. */
  deadline(ms: number, signal?: Signal): { signal: Signal; isPast(): boolean; clear(): void } {
    const controller = new globals.AbortController();
    let isPast = false;
    const abort = () => controller.abort();
    const timer = globals.setTimeout(() => {
      isPast = true;
      abort();
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort);
    return {
      signal: controller.signal,
      isPast: () => isPast,
      clear: () => {
        globals.clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      },
    };
  },
};
