/**
 * A whole session as a pure state machine: where the match is, how its shard is reached, and the seat there. Times,
 * frames and what happens to links and questions go in; {@link Action}s come out. It does no I/O and reads no clock.
 */

import type { ServerFrame } from '../codec/server.ts';
import { isRetryable } from '../codec/names.ts';
import type { SeatAnswer } from '../http.ts';
import { Problem } from '../problem.ts';
import type { TransportMemory, Waking } from '../seams.ts';
import type { CloseCode, Command } from '../types.ts';
import type { Connection, TransportKind, View } from '../view.ts';
import { Doubt } from './doubt.ts';
import type { Action, Loss } from './outputs.ts';
import { SeatMachine } from './seat.ts';
import type { Times } from './times.ts';
import { least } from './unanswered.ts';

export interface Setup {
  readonly matchId: string;
  readonly times: Times;
  /** Commands count from here. */
  readonly firstCommand: bigint;
  readonly now: number;
  readonly random: () => number;
  /** The transports that may be used now, WebTransport first. */
  readonly available: () => readonly TransportKind[];
  readonly memory: TransportMemory;
}

interface Opening {
  readonly at: 'opening';
  readonly link: number;
  readonly kind: TransportKind;
  readonly seat: SeatAnswer;
  readonly since: number;
  /** When it is given up. */
  readonly by: number;
  /** What else may be tried with the same seat. */
  readonly rest: readonly TransportKind[];
  readonly hasWebTransportFailed: boolean;
}

interface Open {
  readonly at: 'open';
  readonly link: number;
  readonly kind: TransportKind;
  readonly seat: SeatAnswer;
  readonly since: number;
}

/** Where the session stands with its link. */
type Stage =
  | { readonly at: 'none' }
  | { readonly at: 'waiting'; readonly until: number }
  | { readonly at: 'asking'; readonly ask: number; readonly since: number }
  | Opening
  | Open;

/** Another transport that is opened beside the present one. */
type Beside =
  | { readonly at: 'asking'; readonly ask: number; readonly kind: TransportKind }
  | { readonly at: 'opening'; readonly link: number; readonly kind: TransportKind; readonly seat: SeatAnswer; readonly by: number };

export class Machine {
  readonly #setup: Setup;
  readonly #times: Times;
  readonly #seat: SeatMachine;
  readonly #doubt: Doubt;
  /** What is to be done, in order, for the driver to take. */
  actions: Action[] = [];

  #stage: Stage = { at: 'none' };
  #beside: Beside | null = null;
  /** A link that another one has taken the place of, until that has joined. */
  #retired: number | null = null;
  #upgradeAt: number | null = null;
  #next = 1;
  #backoff: number;
  /** Whether the matchmaker was reached last time. */
  #isReached = true;
  #isOffline = false;
  #lostSince: number | null = null;
  /** WebTransport fell silent although the match had not moved. */
  #isWebTransportDoubted = false;
  #problem: Problem | null = null;
  #transport: TransportKind | null = null;
  #startedAt: number;
  #label: Connection = 'connecting';

  constructor(setup: Setup) {
    this.#setup = setup;
    this.#times = setup.times;
    this.#backoff = setup.times.backoffMin;
    this.#startedAt = setup.now;
    this.#seat = new SeatMachine(setup);
    this.#doubt = new Doubt(setup.times, setup.random);
  }

  // ---- what the owner does ------------------------------------------------------------------------

  /** Begins to take the seat. */
  start(now: number): void {
    this.#startedAt = now;
    this.#ask(now);
    this.#settle(now);
  }

  command(command: Command, now: number): bigint | null {
    const id = this.isOver ? null : this.#seat.command(command, now);
    this.#settle(now);
    return id;
  }

  say(text: string, now: number): number | null {
    const id = this.#seat.say(text);
    this.#settle(now);
    return id;
  }

  /** Ends the session; with `leave`, the shard is told. */
  close(leave: boolean, now: number): void {
    if (this.isOver) return;
    const link = this.#stage.at === 'open' && this.#seat.phase === 'seated' ? this.#stage.link : null;
    if (leave && link !== null) {
      this.#flush();
      this.actions.push({ do: 'send', link, frame: { kind: 'leave' } });
      this.#drop(link, 1_000);
      this.#stage = { at: 'none' };
    }
    this.#seat.finish('done');
    this.#settle(now);
  }

  /** The host is on a network again, or off it, or in view again. */
  wake(news: Waking, now: number): void {
    if (news !== 'shown') this.#isOffline = news === 'offline';
    if (news === 'online') this.#otherNetwork(now);
    if (news !== 'offline') this.#hurry(now);
    this.#settle(now);
  }

  /** Takes another transport, without losing anything. Nothing if that cannot be had. */
  switchTo(kind: TransportKind, now: number): void {
    if (this.#stage.at === 'open' && this.#stage.kind !== kind && this.#beside === null) this.#askBeside(kind);
    this.#settle(now);
  }

  dismissAway(now: number): void {
    this.#seat.dismissAway();
    this.#settle(now);
  }

  clocks(now: number) {
    return this.#seat.clocks(now);
  }

  serverTime(now: number): number | null {
    return this.#seat.serverTime(now);
  }

  get isOver(): boolean {
    return this.#seat.phase === 'over';
  }

  /** All that is to be shown. */
  view(): View {
    const seat = this.#seat;
    return {
      connection: this.#label,
      transport: this.#transport,
      closeCode: seat.closeCode,
      problem: this.#problem,
      rttMs: seat.rtt,
      match: seat.match,
      present: seat.present,
      gone: seat.gone,
      pending: seat.pending,
      chat: seat.chat,
      away: seat.away,
    };
  }

  // ---- what the matchmaker answers ----------------------------------------------------------------

  seatAnswered(ask: number, seat: SeatAnswer, now: number): void {
    if (this.isOver) return;
    this.#isReached = true;
    const stage = this.#stage;
    if (stage.at === 'asking' && stage.ask === ask) {
      this.#trouble(null);
      this.#open(seat, now);
    } else if (this.#doubt.ask === ask) {
      this.#doubt.ask = null;
      const isHere = (stage.at !== 'opening' && stage.at !== 'open') || stage.seat.shard.id === seat.shard.id;
      if (isHere) this.#doubt.stays(now);
      else this.#moveTo(seat, now);
    } else if (this.#beside?.at === 'asking' && this.#beside.ask === ask) {
      this.#openBeside(seat, this.#beside.kind, now);
    }
    this.#settle(now);
  }

  seatFailed(ask: number, problem: Problem, now: number): void {
    if (this.isOver) return;
    const stage = this.#stage;
    if (stage.at === 'asking' && stage.ask === ask) {
      this.#isReached = problem.status !== 0;
      this.#trouble(problem);
      if (this.#mayPass(problem, now)) this.#wait(now, problem.retryAfterMs ?? 0);
      else this.#seat.finish(null);
    } else if (this.#doubt.ask === ask) {
      this.#isReached = problem.status !== 0;
      this.#doubt.ask = null;
      this.#doubt.stays(now);
    } else if (this.#beside?.at === 'asking' && this.#beside.ask === ask) {
      this.#endBeside(now);
    }
    this.#settle(now);
  }

  // ---- what the links do --------------------------------------------------------------------------

  /** A link has a stream. */
  opened(link: number, now: number): void {
    const stage = this.#stage;
    const beside = this.#beside;
    if (stage.at === 'opening' && stage.link === link) {
      if (stage.kind === 'webtransport') this.#setup.memory.failedAt = null;
      else if (stage.hasWebTransportFailed) this.#setup.memory.failedAt = now;
      this.#begin(stage, now);
    } else if (beside?.at === 'opening' && beside.link === link && stage.at === 'open' && this.#seat.phase === 'seated') {
      // What comes over the old link from now on is in the answer to the new `Join`.
      this.#flush();
      this.#retired = stage.link;
      this.#beside = null;
      if (beside.kind === 'webtransport') this.#setup.memory.failedAt = null;
      this.#begin(beside, now);
    } else {
      this.actions.push({ do: 'close', link, code: 'done' });
      if (beside?.at === 'opening' && beside.link === link) this.#endBeside(now);
    }
    this.#settle(now);
  }

  /** A link cannot be used any more; `code` if the shard has named one. */
  broken(link: number, code: CloseCode | null, now: number): void {
    const stage = this.#stage;
    if (stage.at === 'opening' && stage.link === link) {
      this.#notOpened(stage, now);
    } else if (stage.at === 'open' && stage.link === link) {
      if (code !== null && !isRetryable(code)) this.#seat.finish(code);
      else this.#seat.lost(code === null ? { kind: 'broken' } : { kind: 'closed', code });
    } else if (this.#beside?.at === 'opening' && this.#beside.link === link) {
      this.#besideFailed(now);
    } else if (this.#retired === link) {
      this.#retired = null;
    }
    this.#settle(now);
  }

  /** A frame came over a link. */
  frame(link: number, frame: ServerFrame, now: number): void {
    if (this.#stage.at !== 'open' || this.#stage.link !== link) return;
    this.#heard();
    const before = this.#seat.phase;
    this.#seat.frame(frame, now);
    if (this.#seat.phase === 'seated') {
      if (before !== 'seated') this.#joined();
      if (frame.body.kind === 'event' || frame.body.kind === 'ack') this.#worked();
      if (this.#seat.pending.length === 0) this.#doubt.eased();
    }
    this.#settle(now);
  }

  /** Bytes came over a link that are no frame. */
  malformed(link: number, why: string, now: number): void {
    if (this.#stage.at !== 'open' || this.#stage.link !== link) return;
    this.#seat.lost({ kind: 'violation', why });
    this.#settle(now);
  }

  // ---- time ---------------------------------------------------------------------------------------

  /** When {@link due} wants to be called, if nothing happens before. */
  get deadline(): number | null {
    if (this.isOver) return null;
    const stage = this.#stage;
    return least([
      stage.at === 'open' ? this.#seat.deadline : null,
      stage.at === 'waiting' ? stage.until : null,
      stage.at === 'asking' ? stage.since + this.#times.askMax : null,
      stage.at === 'opening' ? stage.by : null,
      this.#beside?.at === 'opening' ? this.#beside.by : null,
      this.#doubtAt,
      this.#upgradeAt,
      this.#movingUntil,
    ]);
  }

  /** Does what is due. */
  due(now: number): void {
    if (this.isOver) return;
    if (this.#stage.at === 'open') this.#seat.due(now);
    this.#takeLoss(now);
    const stage = this.#stage;
    if (stage.at === 'waiting' && stage.until <= now) this.#ask(now);
    if (stage.at === 'asking' && stage.since + this.#times.askMax <= now) {
      this.#isReached = false;
      this.#askAnew(stage.ask, now);
    }
    if (stage.at === 'opening' && stage.by <= now) {
      this.actions.push({ do: 'close', link: stage.link, code: 'done' });
      this.#notOpened(stage, now);
    }
    if (this.#beside?.at === 'opening' && this.#beside.by <= now) {
      this.actions.push({ do: 'close', link: this.#beside.link, code: 'done' });
      this.#besideFailed(now);
    }
    if ((this.#doubtAt ?? Infinity) <= now) {
      this.#doubt.ask = this.#number();
      this.actions.push({ do: 'ask', ask: this.#doubt.ask });
    }
    if ((this.#upgradeAt ?? Infinity) <= now) this.#upgrade(now);
    this.#settle(now);
  }

  /** When the matchmaker is to be asked, unless the shard is heard before. */
  get #doubtAt(): number | null {
    if (this.#doubt.ask !== null || this.#seat.match?.result) return null;
    if (this.#stage.at === 'opening') return this.#doubt.at(this.#stage.since, null);
    if (this.#stage.at !== 'open') return null;
    const since = this.#seat.owedSince;
    return since === null ? null : this.#doubt.at(since, this.#seat.rtt);
  }

  // ---- finding the shard --------------------------------------------------------------------------

  #number(): number {
    const number = this.#next;
    this.#next += 1;
    return number;
  }

  #ask(now: number): void {
    const ask = this.#number();
    this.#stage = { at: 'asking', ask, since: now };
    this.actions.push({ do: 'ask', ask });
  }

  #askAnew(unanswered: number, now: number): void {
    this.actions.push({ do: 'forget', ask: unanswered });
    this.#ask(now);
  }

  /** Whether the matchmaker may give the seat later. */
  #mayPass(problem: Problem, now: number): boolean {
    if (problem.isPassing) return true;
    // The match of a rematch exists a moment after both agreed.
    const comes = problem.code === 'match_not_found' && problem.retryAfterMs !== null && this.#seat.match === null;
    return comes && now - this.#startedAt < this.#times.foundWithin;
  }

  #trouble(problem: Problem | null): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.actions.push({ do: 'tell', change: { kind: 'connection' } });
  }

  /** Waits before the matchmaker is asked, each for another time, and longer from time to time. */
  #wait(now: number, atLeast: number): void {
    const wait = this.#backoff * (0.5 + this.#setup.random() / 2);
    this.#backoff = Math.min(2 * this.#backoff, this.#times.backoffMax);
    this.#stage = { at: 'waiting', until: now + Math.max(wait, atLeast) };
  }

  #open(seat: SeatAnswer, now: number): void {
    const kinds = this.#kinds(seat, now);
    if (kinds.length === 0) {
      const title = 'No way to the server';
      const detail = 'The server of this match offers no connection that this program can use.';
      this.#trouble(new Problem({ code: 'no_transport', title, detail, status: 0 }));
      this.#seat.finish(null);
      return;
    }
    this.#openBy(seat, kinds, false, now);
  }

  /** The transports that lead to the seat, the first to be tried first. */
  #kinds(seat: SeatAnswer, now: number): TransportKind[] {
    const kinds = this.#setup.available().filter((kind) => leadsTo(kind, seat));
    const { failedAt } = this.#setup.memory;
    const isShunned = failedAt !== null && now - failedAt < this.#times.tryAgainAfter;
    return isShunned ? kinds.reverse() : kinds;
  }

  #openBy(seat: SeatAnswer, kinds: readonly TransportKind[], hasWebTransportFailed: boolean, now: number): void {
    const [kind, ...rest] = kinds as [TransportKind, ...TransportKind[]];
    const link = this.#number();
    const mayFallBack = kind === 'webtransport' && rest.length > 0;
    const within = this.#isWebTransportDoubted ? this.#times.doubtedWithin : this.#times.webTransportWithin;
    const by = now + (mayFallBack ? within : this.#times.openWithin);
    this.#stage = { at: 'opening', link, kind, seat, since: now, by, rest, hasWebTransportFailed };
    this.#doubt.begin();
    this.actions.push({ do: 'open', link, kind, seat });
  }

  #notOpened(stage: Opening, now: number): void {
    const hasWebTransportFailed = stage.hasWebTransportFailed || stage.kind === 'webtransport';
    if (stage.rest.length > 0) this.#openBy(stage.seat, stage.rest, hasWebTransportFailed, now);
    else this.#wait(now, 0);
  }

  /** The link has a stream, on which the seat is taken. */
  #begin(opened: { link: number; kind: TransportKind; seat: SeatAnswer }, now: number): void {
    const { link, kind, seat } = opened;
    this.#stage = { at: 'open', link, kind, seat, since: now };
    this.#transport = kind;
    this.#forgetDoubt();
    this.#doubt.begin();
    this.#seat.opened(seat.token, now);
    const mayRise = kind === 'websocket' && leadsTo('webtransport', seat);
    this.#upgradeAt = mayRise ? now + this.#times.upgradeEvery : null;
  }

  #moveTo(seat: SeatAnswer, now: number): void {
    const stage = this.#stage;
    if (stage.at !== 'opening' && stage.at !== 'open') return;
    if (stage.at === 'open') this.#seat.lost({ kind: 'moved' });
    this.#seat.loss = null;
    this.#lostSince ??= now;
    this.#drop(stage.link);
    this.#open(seat, now);
  }

  /** Closes a link, and what depends on it. */
  #drop(link: number, after?: number): void {
    this.#flush();
    this.actions.push({ do: 'close', link, code: 'done', ...(after === undefined ? {} : { after }) });
    this.#closeRetired();
    if (this.#beside !== null) this.#closeBeside(this.#beside);
    this.#forgetDoubt();
    this.#upgradeAt = null;
  }

  #joined(): void {
    this.#lostSince = null;
    this.#isWebTransportDoubted = false;
    this.#isReached = true;
    this.#closeRetired();
  }

  #closeRetired(): void {
    if (this.#retired !== null) this.actions.push({ do: 'close', link: this.#retired, code: 'done' });
    this.#retired = null;
  }

  #worked(): void {
    this.#backoff = this.#times.backoffMin;
  }

  #heard(): void {
    this.#forgetDoubt();
  }

  #forgetDoubt(): void {
    if (this.#doubt.ask !== null) this.actions.push({ do: 'forget', ask: this.#doubt.ask });
    this.#doubt.ask = null;
  }

  /** WebTransport may work in this network. */
  #otherNetwork(now: number): void {
    this.#setup.memory.failedAt = null;
    if (this.#upgradeAt !== null) this.#upgradeAt = now + this.#times.idleFor;
  }

  /** Does at once what would wait, and doubts what takes long. */
  #hurry(now: number): void {
    const stage = this.#stage;
    const isLong = (since: number) => now - since > this.#times.heartbeatEvery;
    this.#worked();
    if (stage.at === 'waiting') {
      this.#ask(now);
    } else if (stage.at === 'asking' && isLong(stage.since)) {
      this.#askAnew(stage.ask, now);
    } else if (stage.at === 'opening' && isLong(stage.since)) {
      this.#drop(stage.link);
      this.#ask(now);
    } else if (stage.at === 'open' && !this.#seat.isPaused && this.#seat.silence(now) > this.#times.heartbeatEvery + this.#times.askAfter) {
      this.#seat.lost({ kind: 'silent' });
      this.#takeLoss(now);
      this.#ask(now);
    }
  }

  /** The seat has given its stream up. */
  #takeLoss(now: number): void {
    const { loss } = this.#seat;
    const stage = this.#stage;
    if (loss === null) return;
    this.#seat.loss = null;
    if (stage.at !== 'open') return;
    if (now - stage.since > this.#times.worked) this.#worked();
    this.#lostSince ??= now;
    this.#isWebTransportDoubted = loss.kind === 'silent' && stage.kind === 'webtransport';
    this.#drop(stage.link);
    // Shards hand matches over one by one, and where they went is known already.
    if (loss.kind === 'closed' && loss.code === 'shutting_down' && this.#backoff === this.#times.backoffMin) {
      this.#backoff = Math.min(2 * this.#backoff, this.#times.backoffMax);
      this.#ask(now);
    } else {
      this.#wait(now, isLater(loss) ? this.#times.laterMin : 0);
    }
  }

  // ---- another transport beside the present one -----------------------------------------------------

  #upgrade(now: number): void {
    const seat = this.#seat;
    const stage = this.#stage;
    this.#upgradeAt = null;
    if (stage.at !== 'open' || stage.kind !== 'websocket' || seat.match?.result) return;
    const isIdle = seat.pending.length === 0 && now - seat.changedAt >= this.#times.idleFor;
    const isWell = seat.phase === 'seated' && !seat.isPaused && !seat.isUnheard;
    if (!isIdle || !isWell || this.#beside !== null) this.#upgradeAt = now + this.#times.idleFor;
    else if (this.#setup.available().includes('webtransport')) this.#askBeside('webtransport');
    else this.#upgradeAt = now + this.#times.upgradeEvery;
  }

  #askBeside(kind: TransportKind): void {
    const ask = this.#number();
    this.#beside = { at: 'asking', ask, kind };
    this.actions.push({ do: 'ask', ask });
  }

  #openBeside(seat: SeatAnswer, kind: TransportKind, now: number): void {
    if (!leadsTo(kind, seat) || !this.#setup.available().includes(kind)) return this.#endBeside(now);
    const link = this.#number();
    this.#beside = { at: 'opening', link, kind, seat, by: now + this.#times.openWithin };
    this.actions.push({ do: 'open', link, kind, seat });
  }

  #besideFailed(now: number): void {
    if (this.#beside?.kind === 'webtransport') this.#setup.memory.failedAt = now;
    this.#endBeside(now);
  }

  #endBeside(now: number): void {
    const wasHigher = this.#beside?.kind === 'webtransport';
    this.#beside = null;
    if (wasHigher && this.#stage.at === 'open') this.#upgradeAt = now + this.#times.upgradeEvery;
  }

  #closeBeside(beside: Beside): void {
    this.#beside = null;
    if (beside.at === 'asking') this.actions.push({ do: 'forget', ask: beside.ask });
    else this.actions.push({ do: 'close', link: beside.link, code: 'done' });
  }

  // ---- after each input ---------------------------------------------------------------------------

  /** Passes on what the seat wants sent and told. */
  #flush(): void {
    const stage = this.#stage;
    if (stage.at === 'open') {
      for (const frame of this.#seat.sends) this.actions.push({ do: 'send', link: stage.link, frame });
    }
    this.#seat.sends = [];
    this.actions.push(...this.#seat.outputs);
    this.#seat.outputs = [];
  }

  #settle(now: number): void {
    this.#takeLoss(now);
    this.#flush();
    if (this.isOver) this.#end();
    const label = this.#connection(now);
    if (label === this.#label) return;
    this.#label = label;
    this.actions.push({ do: 'tell', change: { kind: 'connection' } });
  }

  #end(): void {
    const stage = this.#stage;
    if (stage.at === 'asking') this.actions.push({ do: 'forget', ask: stage.ask });
    if (stage.at === 'opening' || stage.at === 'open') this.#drop(stage.link);
    this.#stage = { at: 'none' };
  }

  /** When a session that looks for its shard counts as lost. */
  get #movingUntil(): number | null {
    return this.#label === 'moving' && this.#lostSince !== null ? this.#lostSince + this.#times.movingMax : null;
  }

  #connection(now: number): Connection {
    const seat = this.#seat;
    if (seat.phase === 'over') return 'closed';
    const isCutOff = !this.#isReached || this.#isOffline;
    if (this.#stage.at === 'open') {
      if (seat.isPaused) return 'paused';
      if (seat.phase === 'seated' || seat.isSwitching) {
        if (!seat.isUnheard) return 'live';
        return isCutOff ? 'lost' : 'moving';
      }
    }
    const isLong = this.#lostSince !== null && now - this.#lostSince >= this.#times.movingMax;
    if (isCutOff || isLong) return 'lost';
    return seat.match === null ? 'connecting' : 'moving';
  }
}

/** Whether a seat names a place for this transport. */
function leadsTo(kind: TransportKind, seat: SeatAnswer): boolean {
  const { web_transport: webTransport, web_socket: webSocket } = seat.shard;
  return kind === 'webtransport' ? typeof webTransport?.url === 'string' : typeof webSocket === 'string';
}

/** Whether the shard asks its clients to come back later. */
function isLater(loss: Loss): boolean {
  return loss.kind === 'violation' || (loss.kind === 'closed' && (loss.code === 'full' || loss.code === 'rate_limited'));
}
