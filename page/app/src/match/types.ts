// The one place where the match view takes its types of the session package from, and what it needs of a session and
// of the matchmaker: a test or a preview can give its own.
import type {
  ChatLine,
  CloseCode,
  Command,
  MatchEvent,
  MatchState,
  Player,
  Result,
  Rule,
  Seat,
  Termination,
  TimeControl,
  Variant,
} from 'rookery-session';
import type { Change, CommandAnswer, Connection, Said, View } from 'rookery-session';
import type { Preferences } from '../preferences.ts';

export { opponentOf } from 'rookery-session';
export type {
  Change,
  ChatLine,
  CloseCode,
  Command,
  CommandAnswer,
  Connection,
  MatchEvent,
  MatchState,
  Player,
  Preferences,
  Result,
  Rule,
  Said,
  Seat,
  Termination,
  TimeControl,
  Variant,
  View,
};

/** What both clocks show. */
export interface Clocks {
  readonly whiteMs: number;
  readonly blackMs: number;
  readonly running: Seat | null;
}

/** What the view needs of a session; `MatchSession` of the session package has it. */
export interface Session {
  readonly view: View;
  subscribe(listener: (view: View, changes: readonly Change[]) => void): () => void;
  command(command: Command): Promise<CommandAnswer>;
  say(text: string): Promise<Said>;
  clocks(now?: number): Clocks;
  /** The server's time in milliseconds since 1970; null before the first frame. */
  serverTime(now?: number): number | null;
  dismissAway(): void;
  close(leave?: boolean): void;
}
