/**
 * What a session needs of its host, as small as it can be: no types of the DOM. Browsers have all of it; Node has all
 * but `WebTransport`, and `WebSocket` from version 22.
 */

/** An `AbortSignal`. */
export interface Signal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** A response of `fetch`. */
export interface FetchResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}

/** What `fetch` is called with. */
export interface FetchInit {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  cache?: 'no-store';
  /** The host's `AbortSignal`, which has more members than {@link Signal}. */
  signal?: any;
}

/** `fetch`, as far as it is used. */
export type Fetch = (url: string, init?: FetchInit) => Promise<FetchResponse>;

/** A `WebSocket`, as far as it is used. */
export interface WebSocketLike {
  binaryType: string;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: { data: any }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number): void;
}

/** The constructor of a `WebSocket`. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => any;

/** A reader of a stream of bytes. */
export interface ByteReader {
  read(): Promise<{ done: boolean; value?: Uint8Array }>;
  cancel(): Promise<void>;
}

/** A writer of a stream of bytes. */
export interface ByteWriter {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** A bidirectional stream of a `WebTransport`. */
export interface ByteStream {
  readonly readable: { getReader(): ByteReader };
  readonly writable: { getWriter(): ByteWriter };
}

/** A `WebTransport`, as far as it is used. */
export interface WebTransportLike {
  readonly ready: Promise<unknown>;
  readonly closed: Promise<{ closeCode?: number }>;
  createBidirectionalStream(): Promise<ByteStream>;
  close(info?: { closeCode: number }): void;
}

/** The constructor of a `WebTransport`. */
export type WebTransportConstructor = new (url: string, options: any) => any;

/** What is known of the transports for as long as the page lives. */
export interface TransportMemory {
  /** When WebTransport last failed where WebSocket then worked. */
  failedAt: number | null;
}

/** What a host says of its network and of its page. */
export type Waking = 'online' | 'offline' | 'shown';

/** The host, for tests and for Node. What is absent is taken from the global object. */
export interface Seams {
  /** Milliseconds that never decrease, by default `performance.now()`. */
  now?: () => number;
  /** Calls back after `ms`, by default `setTimeout`. */
  setTimer?: (callback: () => void, ms: number) => unknown;
  clearTimer?: (timer: unknown) => void;
  /** A number from 0 to below 1. */
  random?: () => number;
  /** null: there is none. */
  WebSocket?: WebSocketConstructor | null;
  /** null: there is none. */
  WebTransport?: WebTransportConstructor | null;
  /**
   * Calls back when the host is on a network again, or off it, or in view again; returns what ends it. By default the
   * events `online`, `offline`, `pageshow` and `visibilitychange`.
   */
  onWake?: (listener: (news: Waking) => void) => () => void;
  /** By default one for all sessions of the page. */
  memory?: TransportMemory;
}
