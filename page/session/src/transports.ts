/** Both ways to a shard, as a stream of bytes. */

import { CLOSE_CODES, closeCode } from './codec/names.ts';
import type { WebTransportPlace } from './http.ts';
import type {
  ByteReader,
  ByteWriter,
  WebSocketConstructor,
  WebSocketLike,
  WebTransportConstructor,
  WebTransportLike,
} from './seams.ts';
import type { CloseCode } from './types.ts';

/** What a link tells. After `broken` it tells nothing more. None of them is called before the opening has returned. */
export interface LinkEvents {
  /** The stream is open. */
  opened(): void;
  bytes(bytes: Uint8Array): void;
  /** It cannot be used any more; `code` if the shard has named one. */
  broken(code: CloseCode | null): void;
}

/** An open or opening link. */
export interface Link {
  send(bytes: Uint8Array): void;
  close(code: CloseCode): void;
}

/** The close codes of a WebSocket above this one are those of the protocol. */
const WEB_SOCKET_CODES = 4_000;

/** A WebSocket with the subprotocol `rookery`: each binary message holds whole frames. */
export function openWebSocket(WebSocket: WebSocketConstructor, url: string, events: LinkEvents): Link {
  const told = once(events);
  let socket: WebSocketLike;
  try {
    socket = new WebSocket(url, ['rookery']) as WebSocketLike;
  } catch {
    // An address that the host does not allow, as a plain one on a page by https.
    void Promise.resolve().then(() => told.broken(null));
    return { send: () => {}, close: () => told.mute() };
  }
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => told.opened();
  socket.onmessage = ({ data }) => {
    if (typeof data !== 'string') return told.bytes(new Uint8Array(data as ArrayBuffer));
    socket.close();
    told.broken(null);
  };
  socket.onclose = ({ code }) => told.broken(code > WEB_SOCKET_CODES ? closeCode(code - WEB_SOCKET_CODES) : null);
  socket.onerror = () => {};
  return {
    send: (bytes) => socket.send(bytes),
    close: () => {
      told.mute();
      socket.close(1_000);
    },
  };
}

/** A session of WebTransport with one bidirectional stream. */
export function openWebTransport(WebTransport: WebTransportConstructor, place: WebTransportPlace, events: LinkEvents): Link {
  const told = once(events);
  let transport: WebTransportLike;
  try {
    const hashes = (place.certificate_hashes ?? []).map((hash) => ({ algorithm: 'sha-256', value: unhex(hash) }));
    // A certificate that is pinned needs a connection of its own.
    const options = hashes.length > 0 ? { serverCertificateHashes: hashes, allowPooling: false } : {};
    transport = new WebTransport(place.url, { ...options, congestionControl: 'low-latency' }) as WebTransportLike;
  } catch {
    void Promise.resolve().then(() => told.broken(null));
    return { send: () => {}, close: () => told.mute() };
  }
  let writer: ByteWriter | null = null;
  const broken = (error: unknown) => told.broken(codeOf((error as { streamErrorCode?: number } | undefined)?.streamErrorCode));
  transport.closed.then((info) => told.broken(codeOf(info?.closeCode)), broken);
  const open = async () => {
    await transport.ready;
    const stream = await transport.createBidirectionalStream();
    writer = stream.writable.getWriter();
    told.opened();
    await readAll(stream.readable.getReader(), told);
  };
  open().catch(broken);
  return {
    send: (bytes) => void writer?.write(bytes).catch(broken),
    close: (code) => {
      told.mute();
      closeQuietly(transport, code);
    },
  };
}

async function readAll(reader: ByteReader, told: LinkEvents): Promise<void> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return told.broken(null);
    if (value !== undefined) told.bytes(value);
  }
}

function closeQuietly(transport: WebTransportLike, code: CloseCode): void {
  try {
    transport.close({ closeCode: Math.max(0, CLOSE_CODES.indexOf(code)) });
  } catch {
    // It was closed, or has never been open.
  }
}

/** The code of a close or reset. `done` only counts in a frame: it is also what a transport says that says nothing. */
function codeOf(number: number | undefined): CloseCode | null {
  return number === undefined || number === 0 || !Number.isInteger(number) ? null : closeCode(number);
}

function unhex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/[0-9a-f]{2}/gi) ?? [], (digits) => Number.parseInt(digits, 16));
}

/** Passes events on until it is broken or muted. */
function once(events: LinkEvents): LinkEvents & { mute(): void } {
  let isDone = false;
  return {
    opened: () => {
      if (!isDone) events.opened();
    },
    bytes: (bytes) => {
      if (!isDone) events.bytes(bytes);
    },
    broken: (code) => {
      if (isDone) return;
      isDone = true;
      events.broken(code);
    },
    mute: () => {
      isDone = true;
    },
  };
}
