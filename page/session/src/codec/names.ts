/** The numbers of the protocol: a name's place is its number on the wire. */

import type {
  ChatRefusal,
  CloseCode,
  Command,
  EventKind,
  MoveWith,
  Outcome,
  Refusal,
  Role,
  Rule,
  Seat,
  Termination,
  Variant,
} from '../types.ts';

/** Members of `Names` in the order of their numbers. */
type Table<Names extends string> = readonly Names[];

export const SEATS: Table<Seat> = ['white', 'black'];
export const ROLES: Table<Role> = ['white', 'black', 'spectator'];

export const VARIANTS: Table<Variant> = [
  'standard',
  'chess960',
  'crazyhouse',
  'antichess',
  'atomic',
  'kingOfTheHill',
  'racingKings',
  'threeCheck',
  'horde',
];

/** The first is bit 1, the second bit 2, the third bit 4, and so on. */
export const RULES: Table<Rule> = [
  'no_abort',
  'no_takeback',
  'no_rematch',
  'no_give_time',
  'no_claim_win',
  'no_early_draw',
  'auto_claim',
  'compensate_bots',
];

export const COMMANDS: Table<Command['kind']> = [
  'move',
  'resign',
  'abort',
  'offer_draw',
  'accept_draw',
  'decline_draw',
  'claim_draw',
  'offer_takeback',
  'accept_takeback',
  'decline_takeback',
  'claim_win',
  'claim_abandoned_draw',
  'give_time',
  'offer_rematch',
  'accept_rematch',
  'decline_rematch',
];

export const EVENTS: Table<Exclude<EventKind['kind'], 'unknown'>> = [
  'moved',
  'draw_offered',
  'draw_declined',
  'takeback_offered',
  'takeback_declined',
  'taken_back',
  'time_given',
  'ended',
  'rematch_offered',
  'rematch_declined',
  'rematch_agreed',
  'stopped',
  'resumed',
  'clock_set',
];

/** What a move is made with; null is nothing. */
export const WITHS: readonly (MoveWith | null)[] = [null, 'draw_offer', 'draw_claim'];

export const OUTCOMES: Table<Outcome> = ['white_wins', 'black_wins', 'draw', 'aborted'];

export const TERMINATIONS: Table<Termination> = [
  'checkmate',
  'stalemate',
  'dead_position',
  'variant_end',
  'fivefold_repetition',
  'seventy_five_moves',
  'max_length',
  'threefold_repetition',
  'fifty_moves',
  'abandoned',
  'resignation',
  'draw_agreement',
  'time_forfeit',
  'aborted',
  'white_no_start',
  'black_no_start',
  'adjudicated',
];

/** Reasons of the match, which follow the reason 0. */
export const MATCH_REFUSALS: Table<Refusal> = [
  'match_over',
  'not_your_turn',
  'stale_position',
  'illegal_move',
  'too_early',
  'too_late',
  'offer_too_soon',
  'no_offer',
  'command_id_reused',
  'not_allowed',
  'no_claim',
  'opponent_not_gone',
  'not_started',
  'match_in_play',
  'amount_out_of_bounds',
  'too_many_events',
];

/** Reasons from number 1 on. */
export const REFUSALS: Table<Refusal> = ['not_a_player', 'rate_limited', 'paused'];

export const CHAT_REFUSALS: Table<ChatRefusal> = ['too_long', 'rate_limited', 'chat_off', 'unavailable', 'empty'];

export const CLOSE_CODES: Table<CloseCode> = [
  'done',
  'protocol_violation',
  'token_invalid',
  'token_expired',
  'token_wrong_match',
  'match_not_found',
  'not_owner',
  'superseded',
  'shutting_down',
  'store_unavailable',
  'slow_peer',
  'deadline',
  'full',
  'rate_limited',
  'internal',
  'unsupported',
];

/** Codes after which a client does not come back. One that is unknown is as a lost connection. */
const FINAL: ReadonlySet<CloseCode> = new Set([
  'done',
  'protocol_violation',
  'token_invalid',
  'token_wrong_match',
  'match_not_found',
  'superseded',
  'unsupported',
]);

/** Whether a client that was closed with this code may come back. */
export function isRetryable(code: CloseCode): boolean {
  return !FINAL.has(code);
}

/** The close code with this number. */
export function closeCode(number: number): CloseCode {
  return CLOSE_CODES[number] ?? 'unknown';
}
