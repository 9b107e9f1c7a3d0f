/** The matchmaker over HTTP. */

import type {
  Account,
  ApiScope,
  ApiTokenView,
  ChallengeView,
  DeclineReason,
  Demo,
  Games,
  GamesQuery,
  LiveList,
  LiveQuery,
  MatchAnswer,
  NewApiToken,
  NewChallenge,
  NewTicket,
  Pool,
  PublicPlayer,
  RatingHistory,
  Ratings,
  SeatAnswer,
  SignedIn,
  Ticket,
  Transfer,
} from './http.ts';
import { TOKEN_LEN_MAX } from './codec/client.ts';
import { host } from './host.ts';
import { Problem } from './problem.ts';
import type { Fetch, FetchResponse, Signal } from './seams.ts';

/** How long a usual request may take, in milliseconds. */
const ANSWER_WITHIN_MS = 10_000;
/** The same for a seat, which the matchmaker holds back while it is not certain that the owner of a match is dead. */
const SEAT_WITHIN_MS = 15_000;
/** How long the matchmaker holds back a ticket that waits, in milliseconds. */
const WAIT_MS = 20_000;
/** Upper bound on an answer, in characters: far above the longest page of games. */
const ANSWER_LEN_MAX = 16 * 1024 * 1024;
/** How often a request is made at most, where a repetition changes nothing. */
const TRIES_MAX = 3;
/** The longest wait between two tries of one call; a longer `Retry-After` is left to the caller. */
const RETRY_WAIT_MAX_MS = 2_000;

/** What a matchmaker is reached with. */
export interface MatchmakerOptions {
  /** Its origin, for example `https://play.example`; empty for that of the page. */
  base: string;
  /** By default the global one. */
  fetch?: Fetch;
  /** The token of the player, asked for with each request. */
  token?: () => string | null;
  /** A number from 0 to below 1, by default `Math.random()`: for idempotency keys where there is no `crypto`, and for waits. */
  random?: () => number;
}

/** One request. */
interface Asked {
  method?: 'GET' | 'POST' | 'DELETE';
  body?: unknown;
  signal?: Signal | undefined;
  withinMs?: number;
  /** How often it is tried at most. */
  tries?: number;
  /** A plain text instead of JSON. */
  text?: boolean;
}

/** A client of the matchmaker. Every method throws {@link Problem}. */
export class Matchmaker {
  readonly base: string;
  readonly #fetch: Fetch;
  readonly #token: () => string | null;
  readonly #random: () => number;

  constructor(options: MatchmakerOptions) {
    this.base = options.base.replace(/\/+$/, '');
    this.#fetch = options.fetch ?? host.fetch;
    this.#token = options.token ?? (() => null);
    this.#random = options.random ?? Math.random;
  }

  // ---- players ------------------------------------------------------------------------------------

  /** A new guest, whose name the matchmaker makes up if there is none. */
  guest(name?: string): Promise<SignedIn> {
    return this.#post('/v1/players', name === undefined ? {} : { name });
  }

  /** A new account. `invitation`: where accounts are made by invitation. */
  signUp(account: { name: string; password: string; invitation?: string }): Promise<SignedIn> {
    return this.#post('/v1/accounts', account);
  }

  /** Signs in by name and password, or by a login code. */
  signIn(by: { name: string; password: string } | { code: string }): Promise<SignedIn> {
    return this.#post('/v1/login', by);
  }

  /** Ends all player tokens of the account. */
  async signOut(): Promise<void> {
    await this.#ask('/v1/account/logout', { method: 'POST' });
  }

  /** The account of the player; a guest has none (`no_account`). */
  account(): Promise<Account> {
    return this.#get('/v1/account');
  }

  /** Sets another password; the answer has the token that holds from now on. */
  setPassword(password: { current?: string; new: string }): Promise<SignedIn> {
    return this.#post('/v1/account/password', password);
  }

  /** The API tokens of the account, the newest first. */
  apiTokens(): Promise<{ tokens: ApiTokenView[] }> {
    return this.#get('/v1/account/tokens');
  }

  /** Makes an API token; the answer alone has its secret. */
  createApiToken(token: { label: string; scopes: readonly ApiScope[] }): Promise<NewApiToken> {
    return this.#post('/v1/account/tokens', token);
  }

  /** Removes an API token. */
  async removeApiToken(id: string): Promise<void> {
    await this.#ask(`/v1/account/tokens/${part(id)}`, { method: 'DELETE', tries: TRIES_MAX });
  }

  /** What everybody may know of an account. */
  player(id: string): Promise<PublicPlayer> {
    return this.#get(`/v1/players/${part(id)}`);
  }

  /** The account of this name. */
  playerNamed(name: string): Promise<PublicPlayer> {
    return this.#get(`/v1/players${query({ name })}`);
  }

  /** The player's ratings. */
  ratings(player: string): Promise<Ratings> {
    return this.#get(`/v1/players/${part(player)}/ratings`);
  }

  /** The history of one rating, the newest first. `limit`: up to 200. */
  ratingHistory(player: string, category: string, page: { before?: number; limit?: number } = {}): Promise<RatingHistory> {
    return this.#get(`/v1/players/${part(player)}/ratings/${part(category)}${query(page)}`);
  }

  /** The player's finished games. */
  games(player: string, page: GamesQuery = {}): Promise<Games> {
    return this.#get(`/v1/players/${part(player)}/games${query(page)}`);
  }

  // ---- finding a match ----------------------------------------------------------------------------

  /** The pools, with how many wait and for how long. */
  async pools(): Promise<Pool[]> {
    return (await this.#get<{ pools: Pool[] }>('/v1/pools')).pools;
  }

  /** Asks for an opponent who wants the same terms. */
  ticket(terms: NewTicket): Promise<Ticket> {
    return this.#post('/v1/tickets', terms);
  }

  /** Reads a ticket. */
  ticketById(id: string, signal?: Signal): Promise<Ticket> {
    return this.#get(`/v1/tickets/${part(id)}`, signal);
  }

  /**
   * Waits until the ticket does not wait any more. A ticket that is not read for 10 seconds is not paired, so this has
   * to run all the while. It tries again through passing problems, which `onProblem` learns.
   */
  wait(id: string, signal?: Signal, onProblem?: (problem: Problem | null) => void): Promise<Ticket> {
    return this.#wait(`/v1/tickets/${part(id)}`, signal, onProblem);
  }

  /** Cancels a ticket. */
  async cancel(id: string): Promise<void> {
    await this.#ask(`/v1/tickets/${part(id)}`, { method: 'DELETE', tries: TRIES_MAX });
  }

  /** Challenges a player, or anyone who has the link. */
  challenge(challenge: NewChallenge): Promise<Ticket> {
    return this.#post('/v1/challenges', challenge);
  }

  /** Reads a challenge. */
  challengeById(id: string, signal?: Signal): Promise<Ticket> {
    return this.#get(`/v1/challenges/${part(id)}`, signal);
  }

  /** As {@link wait}, for a challenge. */
  waitChallenge(id: string, signal?: Signal, onProblem?: (problem: Problem | null) => void): Promise<Ticket> {
    return this.#wait(`/v1/challenges/${part(id)}`, signal, onProblem);
  }

  /** The challenges that the player has made and received. */
  challenges(): Promise<{ made: ChallengeView[]; received: ChallengeView[] }> {
    return this.#get('/v1/challenges');
  }

  /** The challenges that everyone may accept, the last first. */
  async openChallenges(): Promise<ChallengeView[]> {
    return (await this.#get<{ open: ChallengeView[] }>('/v1/challenges/open')).open;
  }

  /** Accepts a challenge; the answer has its match. */
  accept(id: string): Promise<Ticket> {
    return this.#post(`/v1/challenges/${part(id)}/accept`);
  }

  /** Declines a challenge. */
  decline(id: string, reason: DeclineReason = 'generic'): Promise<Ticket> {
    return this.#post(`/v1/challenges/${part(id)}/decline`, { reason });
  }

  /** Cancels a challenge that the player has made. */
  async cancelChallenge(id: string): Promise<void> {
    await this.#ask(`/v1/challenges/${part(id)}`, { method: 'DELETE', tries: TRIES_MAX });
  }

  // ---- matches ------------------------------------------------------------------------------------

  /** The player's seat in a match. Never tried again here: a session does that. */
  async seat(matchId: string, signal?: Signal): Promise<SeatAnswer> {
    return checkedSeat(await this.#ask(`/v1/matches/${part(matchId)}/seat`, { method: 'POST', signal, withinMs: SEAT_WITHIN_MS }));
  }

  /** The same for a spectator. */
  async watch(matchId: string, signal?: Signal): Promise<SeatAnswer> {
    return checkedSeat(await this.#ask(`/v1/matches/${part(matchId)}/watch`, { method: 'POST', signal, withinMs: SEAT_WITHIN_MS }));
  }

  /** A match, in play or finished. */
  match(id: string, signal?: Signal): Promise<MatchAnswer> {
    return this.#get(`/v1/matches/${part(id)}`, signal);
  }

  /** The live matches. */
  live(page: LiveQuery = {}, signal?: Signal): Promise<LiveList> {
    return this.#get(`/v1/matches/live${query(page)}`, signal);
  }

  /** A match as PGN. */
  pgn(id: string): Promise<string> {
    return this.#ask(`/v1/matches/${part(id)}/pgn`, { text: true, tries: TRIES_MAX });
  }

  // ---- another device -----------------------------------------------------------------------------

  /** A code that makes another device this player, once. */
  transfer(): Promise<Transfer> {
    return this.#post('/v1/transfers', {});
  }

  /** Takes the player of a code over; `transfer_not_found` if it was used or has expired. */
  redeem(code: string): Promise<SignedIn> {
    return this.#post(`/v1/transfers/${part(code)}/redeem`);
  }

  // ---- a demonstration ----------------------------------------------------------------------------

  /** The cluster of a demonstration; null where there is none. */
  async demo(): Promise<Demo | null> {
    try {
      return await this.#get<Demo>('/demo');
    } catch (problem) {
      if (problem instanceof Problem && (problem.status === 404 || problem.code === 'unreadable')) return null;
      throw problem;
    }
  }

  /** Kills the shard that owns the match, in a demonstration. */
  async killOwner(matchId: string): Promise<void> {
    await this.#ask('/demo/kill-owner', { method: 'POST', body: { match_id: matchId } });
  }

  // ---- parts --------------------------------------------------------------------------------------

  #get<T>(path: string, signal?: Signal): Promise<T> {
    return this.#ask(path, { signal, tries: TRIES_MAX });
  }

  #post<T>(path: string, body?: unknown): Promise<T> {
    return this.#ask(path, { method: 'POST', body, tries: TRIES_MAX });
  }

  async #wait(path: string, signal?: Signal, onProblem?: (problem: Problem | null) => void): Promise<Ticket> {
    let failures = 0;
    for (;;) {
      try {
        const withinMs = WAIT_MS + ANSWER_WITHIN_MS;
        const ticket = await this.#ask<Ticket>(`${path}?wait_ms=${WAIT_MS}`, { signal, withinMs });
        if (failures > 0) onProblem?.(null);
        failures = 0;
        if (ticket.status !== 'waiting') return ticket;
      } catch (problem) {
        if (!(problem instanceof Problem) || !problem.isPassing) throw problem;
        failures += 1;
        onProblem?.(problem);
        const backoff = Math.min(5_000, 250 * 2 ** failures) * (0.5 + this.#random() / 2);
        await host.pause(problem.retryAfterMs ?? backoff, signal);
      }
    }
  }

  /** Makes a request, more than once only where that changes nothing: reads, and POSTs with an idempotency key. */
  async #ask<T>(path: string, asked: Asked): Promise<T> {
    const method = asked.method ?? 'GET';
    const tries = asked.tries ?? 1;
    const key = method === 'POST' && tries > 1 ? host.uniqueKey(this.#random) : null;
    for (let tried = 1; ; tried += 1) {
      try {
        return await this.#once(method, path, asked, key);
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        const passes = problem.isPassing || problem.code === 'request_in_progress';
        const wait = problem.retryAfterMs ?? 200 * 2 ** tried * (0.5 + this.#random() / 2);
        if (!passes || tried >= tries || wait > RETRY_WAIT_MAX_MS) throw problem;
        await host.pause(wait, asked.signal);
      }
    }
  }

  async #once<T>(method: string, path: string, asked: Asked, key: string | null): Promise<T> {
    const headers: Record<string, string> = { accept: asked.text ? '*/*' : 'application/json' };
    const token = this.#token();
    if (token !== null) headers['authorization'] = `Bearer ${token}`;
    if (key !== null) headers['idempotency-key'] = key;
    if (asked.body !== undefined) headers['content-type'] = 'application/json';
    const limit = host.deadline(asked.withinMs ?? ANSWER_WITHIN_MS, asked.signal);
    let response: FetchResponse;
    let text: string;
    try {
      response = await this.#fetch(this.base + path, {
        method,
        headers,
        cache: 'no-store',
        signal: limit.signal,
        ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
      });
      text = await response.text();
    } catch (error) {
      throw unreached(error, limit.isPast(), asked.signal?.aborted ?? false);
    } finally {
      limit.clear();
    }
    if (!response.ok) throw refused(response, text);
    if (asked.text) return text as T;
    if (response.status === 204) return undefined as T;
    const answer = parsed(text);
    if (typeof answer !== 'object' || answer === null) throw unreadable(response.status);
    return answer as T;
  }
}

/** A value as a part of a path. */
function part(value: string): string {
  return encodeURIComponent(value);
}

function query(values: object): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== undefined);
  if (pairs.length === 0) return '';
  return '?' + pairs.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(String(value))}`).join('&');
}

function parsed(text: string): unknown {
  if (text.length > ANSWER_LEN_MAX) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Why there was no answer. */
function unreached(error: unknown, isLate: boolean, isAborted: boolean): Problem {
  const detail = error instanceof Error ? error.message : String(error);
  if (isAborted) return new Problem({ code: 'aborted', title: 'Given up', detail, status: 0 });
  if (isLate) return new Problem({ code: 'timed_out_here', title: 'No answer in time', detail, status: 0 });
  return new Problem({ code: 'network', title: 'The server cannot be reached', detail, status: 0 });
}

/** The problem that a response tells of; one of its own where a proxy answered. */
function refused(response: FetchResponse, text: string): Problem {
  const said = parsed(text);
  const words = (typeof said === 'object' && said !== null ? said : {}) as Record<string, unknown>;
  const word = (key: string, otherwise: string) => (typeof words[key] === 'string' ? (words[key] as string) : otherwise);
  return new Problem({
    code: word('code', 'unreadable'),
    title: word('title', `HTTP ${response.status}`),
    detail: word('detail', 'The answer is none of the matchmaker.'),
    status: response.status,
    retryAfterMs: retryAfterMs(response.headers.get('retry-after')),
  });
}

/** `Retry-After` in seconds, up to an hour; a date counts as none. */
function retryAfterMs(header: string | null): number | null {
  if (header === null || !/^\d{1,6}$/.test(header.trim())) return null;
  return Math.min(Number(header), 3_600) * 1_000;
}

function unreadable(status: number): Problem {
  return new Problem({ code: 'unreadable', title: 'An answer that cannot be read', detail: 'It is not what was asked for.', status });
}

/** A seat that a session can use; anything else is unreadable. */
function checkedSeat(seat: SeatAnswer): SeatAnswer {
  const isText = (value: unknown) => typeof value === 'string' && value.length <= TOKEN_LEN_MAX;
  const place = seat.shard as unknown;
  const isPlace = typeof place === 'object' && place !== null && isText((place as { id?: unknown }).id);
  const isRole = seat.role === 'white' || seat.role === 'black' || seat.role === 'spectator';
  if (!isText(seat.token) || !isRole || !isPlace) throw unreadable(200);
  return seat;
}
