/** What a session's machine wants done and told. */

import type { ClientFrame } from '../codec/client.ts';
import type { SeatAnswer } from '../http.ts';
import type { CloseCode } from '../types.ts';
import type { Change, CommandAnswer, Said, TransportKind } from '../view.ts';

/** What the driver does for the machine. Numbers of questions and links are never used twice. */
export type Action =
  /** Ask the matchmaker for the seat. */
  | { readonly do: 'ask'; readonly ask: number }
  /** The answer to a question is not wanted any more. */
  | { readonly do: 'forget'; readonly ask: number }
  /** Open a transport and a stream. */
  | { readonly do: 'open'; readonly link: number; readonly kind: TransportKind; readonly seat: SeatAnswer }
  | { readonly do: 'send'; readonly link: number; readonly frame: ClientFrame }
  /** Close a link, whatever it has become; with `after` milliseconds for the shard to say goodbye first. */
  | { readonly do: 'close'; readonly link: number; readonly code: CloseCode; readonly after?: number }
  | { readonly do: 'answer'; readonly id: bigint; readonly answer: CommandAnswer }
  | { readonly do: 'said'; readonly id: number; readonly said: Said }
  /** Tell of a change. */
  | { readonly do: 'tell'; readonly change: Change };

/** Why a stream is given up. */
export type Loss =
  | { readonly kind: 'closed'; readonly code: CloseCode }
  /** The transport broke. */
  | { readonly kind: 'broken' }
  /** Nothing was heard for too long. */
  | { readonly kind: 'silent' }
  /** No answer to a command or to `Join`. */
  | { readonly kind: 'no_answer' }
  /** The matchmaker names another shard. */
  | { readonly kind: 'moved' }
  /** A shard that lost the match to another one spoke. */
  | { readonly kind: 'old_owner' }
  /** The shard broke the protocol. */
  | { readonly kind: 'violation'; readonly why: string };
