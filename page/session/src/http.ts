/** The matchmaker's requests and answers, with the keys of their JSON. Times are milliseconds since 1970. */

import type { Outcome, Role, Rule, Seat, Termination, Variant } from './types.ts';

/** A time control in JSON. */
export interface Control {
  initial_ms?: number;
  increment_ms?: number;
  delay?: 'simple' | 'bronstein';
  delay_ms?: number;
  /** One to three; the other keys are left out of a request then. */
  stages?: readonly ControlStage[];
}

/** A stage of a time control in JSON. */
export interface ControlStage {
  /** Absent in the last one. */
  moves?: number;
  time_ms: number;
  increment_ms?: number;
  delay?: 'simple' | 'bronstein';
  delay_ms?: number;
}

/** What is agreed before a match. Only `control` or `controls` has no default. */
export interface Terms {
  variant?: Variant;
  start_fen?: string;
  /** 0 to 959, in Chess960 instead of `start_fen`. */
  start_number?: number;
  control?: Control;
  /** Instead of `control`, where the sides differ. */
  controls?: Record<Seat, Control>;
  clock_start?: 'after_first_moves' | 'at_once';
  start_at?: number;
  rated?: boolean;
  /** 0, or 3 to 60. */
  spectator_delay_s?: number;
  chat?: boolean;
  rules?: readonly Rule[];
  tags?: { event?: string; round?: string; board?: string; site?: string };
}

/** A player's wish for a colour. */
export type Color = Seat | 'random';

/** A request for any opponent who wants the same terms. */
export interface NewTicket extends Terms {
  color?: Color;
  /** Of the opponent; absent: near one's own. */
  rating_range?: { min: number; max: number };
}

/** A request that another player has to accept. */
export interface NewChallenge extends Terms {
  color?: Color;
  /** The id of the player who may accept; absent: anyone. */
  opponent?: string;
  /** Whether everyone finds it in the list. */
  open?: boolean;
  /** 10 to 86400; absent: 15 minutes after the challenger last read it. */
  expires_in_s?: number;
}

/** Why a challenge is declined. */
export type DeclineReason =
  | 'generic'
  | 'later'
  | 'too_fast'
  | 'too_slow'
  | 'time_control'
  | 'rated'
  | 'casual'
  | 'standard'
  | 'variant'
  | 'no_bot'
  | 'only_bot';

/** A ticket or challenge. */
export interface Ticket extends Terms {
  id: string;
  status: 'waiting' | 'matched' | 'cancelled' | 'declined';
  match_id: string | null;
  declined?: DeclineReason;
  /** Of a challenge, where the matchmaker says so: who has made it, the challenger's colour, for whom, and until when. */
  challenger?: SeatView;
  color?: Color;
  opponent?: string | null;
  expires_at?: number;
}

/** A player as shown to others. */
export interface SeatView {
  id: string;
  name: string;
  rating: number | null;
  is_bot: boolean;
}

/** A challenge that waits, in a list. */
export interface ChallengeView extends Terms {
  /** Of the challenge, and of the match that comes of it. */
  id: string;
  challenger: SeatView;
  /** The challenger's. */
  color: Color;
  opponent: string | null;
  created_at: number;
  expires_at: number;
}

/** A player, and the token to act as this player. */
export interface SignedIn {
  player: string;
  name: string;
  token: string;
  expires_at: number;
}

/** What everybody may know of an account. */
export interface PublicPlayer {
  player: string;
  name: string;
  bot: boolean;
  made_at: number;
  /** Whether its events are open somewhere. */
  online: boolean;
}

/** An account, as its owner sees it. */
export interface Account extends PublicPlayer {
  has_password: boolean;
}

/** What an API token allows. */
export type ApiScope = 'read' | 'play' | 'account' | 'bot:play' | 'board:play' | 'challenge:read' | 'challenge:write' | 'challenge:bulk';

/** An API token, without its secret. */
export interface ApiTokenView {
  id: string;
  label: string;
  scopes: ApiScope[];
  made_at: number;
  /** To ten minutes; null if it never was. */
  used_at: number | null;
}

/** A new API token, the only answer that has its secret. */
export interface NewApiToken extends ApiTokenView {
  token: string;
}

/** How a browser reaches a shard by WebTransport. */
export interface WebTransportPlace {
  /** `https://HOST:PORT/`. */
  url: string;
  /** SHA-256 of the certificates to pin, lower-case hexadecimal; empty or absent where an authority vouches. */
  certificate_hashes?: readonly string[];
}

/** Where a match lives. */
export interface ShardPlace {
  id: string;
  address?: string;
  certificate_sha256?: string | null;
  web_transport?: WebTransportPlace;
  /** `ws://HOST:PORT/` or `wss://HOST:PORT/`. */
  web_socket?: string;
}

/** The right to a seat in a match, or to watch it. */
export interface SeatAnswer {
  match_id: string;
  role: Role;
  token: string;
  expires_at: number;
  shard: ShardPlace;
}

/** Both clocks in JSON. */
export interface ClockView {
  white_ms: number;
  black_ms: number;
  running: Seat | null;
  delay_ms: number;
}

/** A strength, rounded. */
export interface Rating {
  rating: number;
  deviation: number;
  /** Whether it says little yet. */
  provisional: boolean;
}

/** How a match changed a rating. */
export interface RatingChange {
  before: Rating;
  after: Rating;
  games: number;
}

/** A match as everybody may read it. */
export interface MatchAnswer extends Terms {
  match_id: string;
  players: Record<Seat, SeatView>;
  /** Whether it is shown as it began, as spectators do not see yet what has happened since. */
  withheld: boolean;
  seq: number;
  position_seq: number;
  fen: string;
  start_fullmove: number;
  moves: string[];
  clock: ClockView | null;
  draw_offer: Seat | null;
  takeback_offer: Seat | null;
  rematch_offer: Seat | null;
  rematch: string | null;
  outcome: Outcome | null;
  termination: Termination | null;
  rating_changes?: Record<Seat, RatingChange>;
}

/** The class of a time control. */
export type Speed = 'ultrabullet' | 'bullet' | 'blitz' | 'rapid' | 'classical';

/** A live match in a list. */
export interface LiveMatch {
  match_id: string;
  players: Record<Seat, SeatView>;
  /** `from_position` for standard chess from another position. */
  variant: Variant | 'from_position';
  speed: Speed;
  /** For example `3+2`. */
  time_control: string;
  rated: boolean;
  spectator_delay_s: number;
  ply: number;
  turn: Seat;
  clock: ClockView;
  created_at: number;
  spectators: number;
}

/** A page of live matches, the newest first. */
export interface LiveList {
  matches: LiveMatch[];
  /** The `cursor` of the next page. */
  next: string | null;
  total: number;
  complete: boolean;
}

/** Which live matches a list shows. */
export interface LiveQuery {
  /** 1 to 100, by default 50. */
  limit?: number;
  cursor?: string;
  /** A player's id, or the beginning of a name. */
  player?: string;
  variant?: Variant | 'from_position';
  speed?: Speed;
}

/** A finished match. */
export interface FinishedMatch extends Terms {
  match_id: string;
  seq: number;
  players: Record<Seat, SeatView & { rating_diff?: number }>;
  created_at: number;
  ended_at: number;
  outcome: Outcome;
  termination: Termination;
  moves: string[];
  /** What the mover's clock showed after each move, in milliseconds. */
  clocks_ms: number[];
  /** What each move cost its mover's clock; null for an untimed first move. */
  times_ms: (number | null)[];
  rtts_ms: (number | null)[];
}

/** A page of a player's games, the last that ended first. It may be short and not be the last. */
export interface Games {
  games: FinishedMatch[];
  /** The `after` of the next page. */
  next?: string;
}

/** Which games of a player a page shows. */
export interface GamesQuery {
  /** 1 to 100. */
  limit?: number;
  after?: string;
  event?: string;
  variant?: Variant;
  result?: '1-0' | '0-1' | '1/2-1/2' | '*';
  since?: number;
  until?: number;
}

/** A player's rating in a category, for example `standard-blitz`. */
export interface CategoryRating extends Rating {
  category: string;
  games: number;
  at: number;
}

/** A player's ratings. */
export interface Ratings {
  player: string;
  ratings: CategoryRating[];
}

/** A part of a player's history in a category, the newest first. */
export interface RatingHistory {
  player: string;
  category: string;
  ratings: (Rating & { match_id: string; opponent: string; games: number; at: number })[];
  /** The `before` of the next part. */
  next?: number;
}

/** A time control that players are paired by. */
export interface Pool {
  /** For example `3+2`. */
  id: string;
  variant: Variant;
  control: Control;
  rated: boolean;
  /** Players who wait. */
  waiting: number;
  /** The median wait of those lately matched here, in milliseconds; absent if there were none. */
  wait_ms?: number;
  /** Players who play. */
  playing: number;
}

/** What makes another device the same player, once. */
export interface Transfer {
  code: string;
  expires_at: number;
}

/** The cluster of a demonstration. */
export interface Demo {
  demo: true;
  shards: readonly unknown[];
  match_owner: unknown;
}
