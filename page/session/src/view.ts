/** What a session shows to its owner. */

import type { Problem } from './problem.ts';
import type {
  ChatLine,
  ChatRefusal,
  CloseCode,
  Command,
  MatchEvent,
  MatchState,
  Refusal,
  Seat,
} from './types.ts';

/** A way to a shard. */
export type TransportKind = 'webtransport' | 'websocket';

/**
 * How things stand with the shard.
 *
 * - `connecting`: before the match was joined for the first time.
 * - `live`: the shard is heard.
 * - `moving`: the network works, and another shard takes the match over, or it is being asked for.
 * - `paused`: the store does not answer; both clocks stand.
 * - `lost`: neither the shard nor the matchmaker can be reached, also before the match was joined.
 * - `closed`: the session is over, see `closeCode` and `problem`.
 */
export type Connection = 'connecting' | 'live' | 'moving' | 'paused' | 'lost' | 'closed';

/** A command that waits for its answer. */
export interface Pending {
  readonly id: bigint;
  readonly command: Command;
}

/** What happened while this client was away. */
export interface Away {
  /** Moves that were made. */
  readonly moves: number;
  /** All that happened, in order. Empty if the whole state came instead of the events. */
  readonly events: readonly MatchEvent[];
  /** How long the client was away, in milliseconds. */
  readonly ms: number;
}

/** All that a page needs to show a match. Immutable: a change makes a new object. */
export interface View {
  readonly connection: Connection;
  /** The transport of the present or last stream. */
  readonly transport: TransportKind | null;
  /** The last code with which a shard closed the stream; null once the match is joined again. */
  readonly closeCode: CloseCode | null;
  /** The last problem of the matchmaker with the seat; null once there is a seat. */
  readonly problem: Problem | null;
  /** The smallest round trip of the present connection that was measured, in milliseconds. */
  readonly rttMs: number | null;
  /** The match, once it was joined. */
  readonly match: MatchState | null;
  readonly present: Readonly<Record<Seat, boolean>>;
  /** The opponent is gone while to move; `claimAt` is on the scale of `performance.now()`, null if the match cannot be claimed. */
  readonly gone: { readonly seat: Seat; readonly claimAt: number | null } | null;
  /** Commands that wait for their answers, in order. */
  readonly pending: readonly Pending[];
  /** The last lines of the room, at most 200. */
  readonly chat: readonly ChatLine[];
  /** What came in one catch-up after an absence, until `dismissAway()` or the next one. */
  readonly away: Away | null;
}

/** What is new in a view. */
export type Change =
  /** The match did something; `match` has it already. Also told for each event of a catch-up, in order. */
  | { readonly kind: 'event'; readonly event: MatchEvent; readonly caughtUp: boolean }
  /** The whole state was replaced, as at the first join: draw everything afresh. */
  | { readonly kind: 'state' }
  /** `connection`, `transport`, `closeCode`, `problem` or `rttMs`. */
  | { readonly kind: 'connection' }
  /** The clocks are known afresh, or stand. */
  | { readonly kind: 'clock' }
  | { readonly kind: 'chat'; readonly line: ChatLine }
  /** The last lines of the room replaced `chat`, as after each join. */
  | { readonly kind: 'chat_room' }
  | { readonly kind: 'presence'; readonly seat: Seat }
  | { readonly kind: 'gone' }
  /** A command was given or answered. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'away' };

/** The answer to a command. */
export type CommandAnswer =
  /** It took effect as the event with this seq. */
  | { readonly accepted: true; readonly seq: number }
  /**
   * It changed nothing. `session_closed`: the session ended without an answer, so the command may have taken effect;
   * `too_many`: sixteen commands wait already.
   */
  | { readonly accepted: false; readonly refusal: Refusal | 'session_closed' | 'too_many' };

/** The answer to a line of chat. */
export type Said =
  | { readonly said: true }
  /** `not_connected`: nothing was sent; `connection_lost`: it was sent, and the room shows after the join whether it was said. */
  | { readonly said: false; readonly refusal: ChatRefusal | 'not_connected' | 'connection_lost' };
