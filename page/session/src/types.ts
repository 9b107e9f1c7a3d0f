/** The words of the protocol, as docs/protocol.md has them. Times end with their unit. */

/** A seat of a match. */
export type Seat = 'white' | 'black';

/** What a peer may do in a match. */
export type Role = Seat | 'spectator';

/** The rules of the game. */
export type Variant =
  | 'standard'
  | 'chess960'
  | 'crazyhouse'
  | 'antichess'
  | 'atomic'
  | 'kingOfTheHill'
  | 'racingKings'
  | 'threeCheck'
  | 'horde';

/** Rules that differ from the usual ones. */
export type Rule =
  | 'no_abort'
  | 'no_takeback'
  | 'no_rematch'
  | 'no_give_time'
  | 'no_claim_win'
  | 'no_early_draw'
  | 'auto_claim'
  | 'compensate_bots';

/** Who won. */
export type Outcome = 'white_wins' | 'black_wins' | 'draw' | 'aborted';

/** Why a match ended. */
export type Termination =
  | 'checkmate'
  | 'stalemate'
  | 'dead_position'
  | 'variant_end'
  | 'fivefold_repetition'
  | 'seventy_five_moves'
  | 'max_length'
  | 'threefold_repetition'
  | 'fifty_moves'
  | 'abandoned'
  | 'resignation'
  | 'draw_agreement'
  | 'time_forfeit'
  | 'aborted'
  | 'white_no_start'
  | 'black_no_start'
  | 'adjudicated';

/** How a match ended. */
export interface Result {
  readonly outcome: Outcome;
  readonly termination: Termination;
}

/** Why a stream was closed; `unknown` is a code of a later version. */
export type CloseCode =
  | 'done'
  | 'protocol_violation'
  | 'token_invalid'
  | 'token_expired'
  | 'token_wrong_match'
  | 'match_not_found'
  | 'not_owner'
  | 'superseded'
  | 'shutting_down'
  | 'store_unavailable'
  | 'slow_peer'
  | 'deadline'
  | 'full'
  | 'rate_limited'
  | 'internal'
  | 'unsupported'
  | 'unknown';

/** Why a command changed nothing; `unknown` is a reason of a later version. */
export type Refusal =
  | 'match_over'
  | 'not_your_turn'
  | 'stale_position'
  | 'illegal_move'
  | 'too_early'
  | 'too_late'
  | 'offer_too_soon'
  | 'no_offer'
  | 'command_id_reused'
  | 'not_allowed'
  | 'no_claim'
  | 'opponent_not_gone'
  | 'not_started'
  | 'match_in_play'
  | 'amount_out_of_bounds'
  | 'too_many_events'
  | 'not_a_player'
  | 'rate_limited'
  | 'paused'
  | 'unknown';

/** Why a line of chat was not said; `unknown` is a reason of a later version. */
export type ChatRefusal = 'too_long' | 'rate_limited' | 'chat_off' | 'unavailable' | 'empty' | 'unknown';

/** Both clocks, as of the time of the frame that they came in. */
export interface Clock {
  /** What White has left, in milliseconds, rounded down. */
  readonly whiteMs: number;
  /** What Black has left, in milliseconds, rounded down. */
  readonly blackMs: number;
  /** Whose clock counts down. */
  readonly running: Seat | null;
  /** For how long the running clock still stands, in milliseconds. */
  readonly delayMs: number;
}

/** A player as shown to others. */
export interface Player {
  readonly id: string;
  readonly name: string;
  /** The rating before the match. */
  readonly rating: number | null;
  readonly isBot: boolean;
}

/** One stage of a time control. */
export interface Stage {
  /** The number of moves that it lasts; null in the last one. */
  readonly moves: number | null;
  /** The time that it adds, in milliseconds. */
  readonly timeMs: number;
  /** What each move adds, in milliseconds. */
  readonly incrementMs: number;
  /** The kind of delay. */
  readonly delay: 'simple' | 'bronstein' | null;
  /** The delay of each move, in milliseconds. */
  readonly delayMs: number;
}

/** How much time a side has: one to three stages. */
export interface TimeControl {
  readonly stages: readonly Stage[];
}

/** Where a match belongs, for records. */
export interface Tags {
  readonly event: string | null;
  readonly round: string | null;
  readonly board: string | null;
  readonly site: string | null;
}

/** What stands in a match. Immutable: a change makes a new object. */
export interface MatchState {
  readonly id: string;
  readonly role: Role;
  /** Number of events so far. */
  readonly seq: number;
  /** Number of the ownership: each shard that takes the match over has a higher one. */
  readonly epoch: number;
  readonly players: Readonly<Record<Seat, Player>>;
  readonly variant: Variant;
  readonly controls: Readonly<Record<Seat, TimeControl>>;
  readonly clockStart: 'after_first_moves' | 'at_once';
  /** When play begins, in milliseconds since 1970 of the server's clock; null: at once. */
  readonly startAt: number | null;
  readonly rated: boolean;
  /** By how many seconds spectators are behind. */
  readonly spectatorDelayS: number;
  readonly chat: boolean;
  readonly rules: readonly Rule[];
  readonly tags: Tags | null;
  /** The position at ply 0, unless it is the initial one of the variant. */
  readonly startFen: string | null;
  /** The moves that stand, from ply 0, in UCI. */
  readonly moves: readonly string[];
  /** The seq of the last event that changed the line of moves; 0 before the first. */
  readonly positionSeq: number;
  readonly drawOffer: Seat | null;
  readonly takebackOffer: Seat | null;
  readonly rematchOffer: Seat | null;
  /** The match that both agreed on after this one. */
  readonly rematch: string | null;
  readonly result: Result | null;
  /** The plies right after whose move a draw offer of the mover stood. */
  readonly offeredPlies: readonly number[];
}

/** What a move is made with. */
export type MoveWith = 'draw_offer' | 'draw_claim';

/** What an event says beside its number, seat and clock. */
export type EventKind =
  | { readonly kind: 'moved'; readonly uci: string; readonly with: MoveWith | null }
  | { readonly kind: 'draw_offered' }
  | { readonly kind: 'draw_declined' }
  | { readonly kind: 'takeback_offered' }
  | { readonly kind: 'takeback_declined' }
  /** `plies` moves are removed from the end of the line. */
  | { readonly kind: 'taken_back'; readonly plies: number }
  /** `seconds` are added to the clock of the opponent of the event's seat. */
  | { readonly kind: 'time_given'; readonly seconds: number }
  | { readonly kind: 'ended'; readonly outcome: Outcome; readonly termination: Termination }
  | { readonly kind: 'rematch_offered' }
  | { readonly kind: 'rematch_declined' }
  | { readonly kind: 'rematch_agreed'; readonly matchId: string }
  /** An arbiter stops play: no clock runs, and no move is taken. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'resumed' }
  /** An arbiter has set the clock of the seat `of`, or added to it: the event's clock shows it. */
  | { readonly kind: 'clock_set'; readonly of: Seat }
  /** An event of a later version, which only has a number, a seat and a clock. */
  | { readonly kind: 'unknown' };

/** An event of a match. */
export type MatchEvent = EventKind & {
  /** Its number; events have consecutive ones. */
  readonly seq: number;
  /** Who caused it; null for time, the rules or an arbiter. */
  readonly seat: Seat | null;
  /** Both clocks after it. */
  readonly clock: Clock;
};

/** What a player wants done. */
export type Command =
  | {
      readonly kind: 'move';
      readonly uci: string;
      readonly with?: MoveWith;
      /** The position that the move is for; by default the one that stands when the command is given. */
      readonly positionSeq?: number;
    }
  | { readonly kind: 'resign' }
  | { readonly kind: 'abort' }
  | { readonly kind: 'offer_draw' }
  | { readonly kind: 'accept_draw' }
  | { readonly kind: 'decline_draw' }
  | { readonly kind: 'claim_draw' }
  | { readonly kind: 'offer_takeback' }
  | { readonly kind: 'accept_takeback' }
  | { readonly kind: 'decline_takeback' }
  | { readonly kind: 'claim_win' }
  | { readonly kind: 'claim_abandoned_draw' }
  /** `seconds`: 5 to 60. */
  | { readonly kind: 'give_time'; readonly seconds: number }
  | { readonly kind: 'offer_rematch' }
  | { readonly kind: 'accept_rematch' }
  | { readonly kind: 'decline_rematch' };

/** A line of chat. */
export interface ChatLine {
  /** Who said it; null for a spectator. */
  readonly seat: Seat | null;
  readonly name: string;
  readonly text: string;
  /** When, in milliseconds since 1970. */
  readonly at: number;
}

/** The seat across the board. */
export function opponentOf(seat: Seat): Seat {
  return seat === 'white' ? 'black' : 'white';
}
