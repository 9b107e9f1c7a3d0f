/** What a shard sends. */

import type {
  ChatLine,
  ChatRefusal,
  Clock,
  CloseCode,
  EventKind,
  MatchEvent,
  MatchState,
  Player,
  Refusal,
  Role,
  Seat,
  Stage,
  Tags,
  TimeControl,
} from '../types.ts';
import { Malformed, Reader } from './bytes.ts';
import { isMatchId } from './client.ts';
import { moveOf } from './moves.ts';
import {
  CHAT_REFUSALS,
  closeCode,
  EVENTS,
  MATCH_REFUSALS,
  OUTCOMES,
  REFUSALS,
  ROLES,
  RULES,
  SEATS,
  TERMINATIONS,
  VARIANTS,
  WITHS,
} from './names.ts';

/** Longest body of a shard's frame, in bytes. */
export const SERVER_FRAME_LEN_MAX = 65_536;
/** Upper bound on the events of one catch-up. */
export const CATCH_UP_EVENTS_MAX = 512;

/** The state of a match as a frame has it: without what the frame itself says. */
export type WireState = Omit<MatchState, 'id' | 'role' | 'seq' | 'epoch'> & { readonly fen: string };

/** What a peer that joins has missed. */
export type CatchUp =
  | { readonly kind: 'state'; readonly state: WireState }
  | { readonly kind: 'events'; readonly events: readonly MatchEvent[] };

/** The content of a frame. */
export type ServerBody =
  | {
      readonly kind: 'joined';
      readonly role: Role;
      readonly catchUp: CatchUp;
      readonly clock: Clock;
      readonly connected: Readonly<Record<Seat, boolean>>;
      readonly paused: boolean;
    }
  | { readonly kind: 'event'; readonly event: MatchEvent }
  | { readonly kind: 'ack'; readonly id: bigint; readonly event: number }
  | { readonly kind: 'refused'; readonly id: bigint; readonly reason: Refusal }
  | { readonly kind: 'presence'; readonly seat: Seat; readonly connected: boolean }
  | { readonly kind: 'paused' }
  | { readonly kind: 'clock'; readonly clock: Clock }
  | { readonly kind: 'closed'; readonly code: CloseCode }
  | { readonly kind: 'unsupported'; readonly min: number; readonly max: number }
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'gone'; readonly seat: Seat; readonly claimInMs: number | null }
  | { readonly kind: 'chat'; readonly lines: readonly ChatLine[] }
  | { readonly kind: 'said'; readonly id: number }
  | { readonly kind: 'not_said'; readonly id: number; readonly reason: ChatRefusal }
  /** A kind of a later version, to be skipped. */
  | { readonly kind: 'unknown' };

/** A frame of a shard. */
export interface ServerFrame {
  /** When it left the server, in microseconds since 1970. */
  readonly time: number;
  readonly epoch: number;
  readonly seq: number;
  readonly body: ServerBody;
}

/** Puts the frames of a stream together from the pieces in which they arrive. Throws {@link Malformed}. */
export class FrameReader {
  #pieces: Uint8Array[] = [];
  #length = 0;

  /** Takes bytes, and returns the bodies that are complete now. */
  push(bytes: Uint8Array): Uint8Array[] {
    if (bytes.length === 0) return [];
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    if (this.#length < this.#needed()) return [];
    let rest = this.#joined();
    const bodies: Uint8Array[] = [];
    for (;;) {
      const length = bodyLength(rest);
      if (length === null || rest.length < 4 + length) break;
      bodies.push(rest.subarray(4, 4 + length));
      rest = rest.subarray(4 + length);
    }
    // A copy, so that what is left does not hold the whole piece.
    this.#pieces = rest.length === 0 ? [] : [rest.slice()];
    this.#length = rest.length;
    return bodies;
  }

  /** How many bytes the next frame has, as far as that is known. */
  #needed(): number {
    if (this.#length < 4) return 4;
    if (this.#pieces[0]!.length < 4) this.#pieces = [this.#joined()];
    return 4 + (bodyLength(this.#pieces[0]!) ?? 0);
  }

  #joined(): Uint8Array {
    if (this.#pieces.length === 1) return this.#pieces[0]!;
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}

/** The length of the body that follows; null if it is not there yet. */
function bodyLength(bytes: Uint8Array): number | null {
  if (bytes.length < 4) return null;
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
  if (length > SERVER_FRAME_LEN_MAX) throw new Malformed(`a frame of ${length} bytes`);
  return length;
}

/** Reads the body of a frame. What follows what is known is skipped. Throws {@link Malformed}. */
export function decodeServer(bytes: Uint8Array): ServerFrame {
  if (bytes.length > SERVER_FRAME_LEN_MAX) throw new Malformed(`a frame of ${bytes.length} bytes`);
  const from = new Reader(bytes);
  const time = from.fixed64();
  const epoch = from.u64();
  const seq = from.u32();
  const read = BODIES[from.u32()];
  return { time, epoch, seq, body: read === undefined ? { kind: 'unknown' } : read(from, seq) };
}

/** The kinds of frame by their number. */
const BODIES: readonly ((from: Reader, seq: number) => ServerBody)[] = [
  joined,
  (from, seq) => ({ kind: 'event', event: event(from, seq) }),
  (from) => ({ kind: 'ack', id: from.big(), event: from.u32() }),
  (from) => ({ kind: 'refused', id: from.big(), reason: refusal(from) }),
  (from) => ({ kind: 'presence', seat: from.kind(SEATS), connected: from.bool() }),
  () => ({ kind: 'paused' }),
  (from) => ({ kind: 'clock', clock: clock(from) }),
  (from) => ({ kind: 'closed', code: closeCode(from.u32()) }),
  (from) => ({ kind: 'unsupported', min: from.u16(), max: from.u16() }),
  () => ({ kind: 'heartbeat' }),
  (from) => ({ kind: 'gone', seat: from.kind(SEATS), claimInMs: from.option(() => from.u32()) }),
  (from) => ({ kind: 'chat', lines: from.list(1, () => from.part(chatLine)) }),
  (from) => ({ kind: 'said', id: from.u64() }),
  (from) => ({ kind: 'not_said', id: from.u64(), reason: from.knownKind(CHAT_REFUSALS) ?? 'unknown' }),
];

function joined(from: Reader): ServerBody {
  const role = from.kind(ROLES);
  const isState = from.kind([true, false]);
  const catchUp: CatchUp = isState ? { kind: 'state', state: from.part(state) } : { kind: 'events', events: events(from) };
  return {
    kind: 'joined',
    role,
    catchUp,
    clock: clock(from),
    connected: { white: from.bool(), black: from.bool() },
    paused: from.bool(),
  };
}

function events(from: Reader): MatchEvent[] {
  const missed = from.list(1, () => from.part((part) => event(part, part.u32())));
  if (missed.length > CATCH_UP_EVENTS_MAX) throw new Malformed('too many events at once');
  return missed;
}

function event(from: Reader, seq: number): MatchEvent {
  const seat = from.option(() => from.kind(SEATS));
  const after = clock(from);
  return { seq, seat, clock: after, ...eventKind(from) };
}

function eventKind(from: Reader): EventKind {
  const kind = from.knownKind(EVENTS);
  switch (kind) {
    case undefined:
      return { kind: 'unknown' };
    case 'moved':
      return { kind, uci: move(from), with: from.kind(WITHS) };
    case 'taken_back':
      return { kind, plies: from.byte() };
    case 'time_given':
      return { kind, seconds: from.byte() };
    case 'ended':
      return { kind, outcome: from.kind(OUTCOMES), termination: from.kind(TERMINATIONS) };
    case 'rematch_agreed':
      return { kind, matchId: matchId(from) };
    case 'clock_set':
      return { kind, of: from.kind(SEATS) };
    default:
      return { kind };
  }
}

function refusal(from: Reader): Refusal {
  const reason = from.u32();
  if (reason === 0) return from.knownKind(MATCH_REFUSALS) ?? 'unknown';
  return REFUSALS[reason - 1] ?? 'unknown';
}

function clock(from: Reader): Clock {
  return {
    whiteMs: from.u32(),
    blackMs: from.u32(),
    running: from.option(() => from.kind(SEATS)),
    delayMs: from.u32(),
  };
}

function move(from: Reader): string {
  const uci = moveOf(from.u16());
  if (uci === null) throw new Malformed('a move that is none');
  return uci;
}

function matchId(from: Reader): string {
  const id = from.plain(12);
  if (!isMatchId(id)) throw new Malformed('an id that is none');
  return id;
}

function player(from: Reader): Player {
  return { id: from.text(), name: from.text(), rating: from.option(() => from.u16()), isBot: from.bool() };
}

function control(from: Reader): TimeControl {
  return { stages: from.list(5, () => stage(from)) };
}

function stage(from: Reader): Stage {
  const moves = from.u16();
  return {
    moves: moves === 0 ? null : moves,
    timeMs: from.u64(),
    incrementMs: from.u64(),
    delay: from.option(() => from.kind(['simple', 'bronstein'] as const)),
    delayMs: from.u64(),
  };
}

function tags(from: Reader): Tags {
  const tag = () => from.option(() => from.text());
  return { event: tag(), round: tag(), board: tag(), site: tag() };
}

function state(from: Reader): WireState {
  const seat = () => from.option(() => from.kind(SEATS));
  return {
    players: { white: player(from), black: player(from) },
    variant: variant(from),
    controls: { white: control(from), black: control(from) },
    clockStart: from.kind(['after_first_moves', 'at_once'] as const),
    startAt: from.option(() => from.u64()),
    rated: from.bool(),
    spectatorDelayS: from.byte(),
    chat: from.bool(),
    rules: rules(from.u16()),
    tags: from.option(() => tags(from)),
    startFen: from.option(() => from.text()),
    fen: from.text(),
    moves: from.list(1, () => move(from)),
    positionSeq: from.u32(),
    drawOffer: seat(),
    takebackOffer: seat(),
    rematchOffer: seat(),
    rematch: from.option(() => matchId(from)),
    result: from.option(() => ({ outcome: from.kind(OUTCOMES), termination: from.kind(TERMINATIONS) })),
    offeredPlies: from.list(1, () => from.u16()),
  };
}

function variant(from: Reader) {
  const known = VARIANTS[from.byte()];
  if (known === undefined) throw new Malformed('an unknown variant');
  return known;
}

function rules(bits: number) {
  return RULES.filter((_, place) => (bits & (1 << place)) !== 0);
}

function chatLine(from: Reader): ChatLine {
  return { seat: from.option(() => from.kind(SEATS)), name: from.text(), text: from.text(), at: from.u64() };
}
