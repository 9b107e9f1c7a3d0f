/** A seat in a match, or a spectator's place, over the network. */

import type { Matchmaker } from './matchmaker.ts';
import type { Seams } from './seams.ts';
import type { Command, Seat } from './types.ts';
import type { Change, CommandAnswer, Said, TransportKind, View } from './view.ts';

/** What a session is made of. */
export interface SessionOptions {
  matchmaker: Matchmaker;
  matchId: string;
  /** Watches, instead of taking the player's seat. */
  watch?: boolean;
  /** The transports that may be used; by default all that the host has. */
  transports?: readonly TransportKind[];
  /** The host, for tests and for Node. */
  seams?: Seams;
}

/** Learns each change. `view` is the session's view after all of `changes`. */
export type Listener = (view: View, changes: readonly Change[]) => void;

/** Plays or watches one match, and keeps doing so over whatever happens to the network and to the shard. */
export declare class MatchSession {
  constructor(options: SessionOptions);

  /** What stands now. A new object after each change. */
  readonly view: View;

  /** Calls back after each change, and returns what ends it. */
  subscribe(listener: Listener): () => void;

  /** Gives a command. It survives reconnects with the same id; the promise is never rejected. */
  command(command: Command): Promise<CommandAnswer>;

  /** Says a line of chat: 1 to 140 characters. The promise is never rejected. */
  say(text: string): Promise<Said>;

  /** Both clocks as of `now` on the scale of `performance.now()`; they stand while the session is not live. */
  clocks(now?: number): { whiteMs: number; blackMs: number; running: Seat | null };

  /** The server's time in milliseconds since 1970, as of `now`; null before the first frame of a connection. */
  serverTime(now?: number): number | null;

  /** Puts `away` away. */
  dismissAway(): void;

  /** Tries again at once where the session waits before it connects. */
  wake(): void;

  /** Ends the session. With `leave`, the opponent need not wait long for this player. */
  close(leave?: boolean): void;
}
