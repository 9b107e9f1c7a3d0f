/** A seat in a match over one stream after the other: frames and times in; what is to be sent and told out. */

import { type ClientFrame, JOIN_FLAGS, type SentCommand, VERSION } from '../codec/client.ts';
import { isRetryable } from '../codec/names.ts';
import type { ServerBody, ServerFrame, WireState } from '../codec/server.ts';
import { type ChatLine, type CloseCode, type Command, type MatchEvent, type MatchState, type Seat } from '../types.ts';
import type { Away, Change, CommandAnswer, Said } from '../view.ts';
import { applied } from './apply.ts';
import type { Action, Loss } from './outputs.ts';
import { ServerTime } from './server-time.ts';
import { ShownClocks } from './shown-clocks.ts';
import type { Times } from './times.ts';
import { least, Unanswered } from './unanswered.ts';

/** Lines of chat that are kept. */
const CHAT_KEPT_MAX = 200;
/** Lines of chat that may wait for an answer. */
const SAYING_MAX = 16;

/**
 * Where a seat stands between its client and the shard: without a stream; `Join` is sent; the shard has reported a
 * pause instead of the answer; the seat is taken; nothing more will happen.
 */
export type Phase = 'apart' | 'joining' | 'held' | 'seated' | 'over';

export interface SeatSetup {
  readonly matchId: string;
  readonly times: Times;
  /** Commands count from here. */
  readonly firstCommand: bigint;
  readonly now: number;
}

export class SeatMachine {
  readonly #setup: SeatSetup;
  readonly #times: Times;
  /** What is to be sent over the present stream. */
  sends: ClientFrame[] = [];
  /** Answers and changes, for the owner to pass on. */
  outputs: (Action & { do: 'answer' | 'said' | 'tell' })[] = [];
  /** Why the stream was given up, until the owner has taken it. */
  loss: Loss | null = null;

  phase: Phase = 'apart';
  closeCode: CloseCode | null = null;
  match: MatchState | null = null;
  present: Record<Seat, boolean> = { white: false, black: false };
  gone: { seat: Seat; claimAt: number | null } | null = null;
  chat: readonly ChatLine[] = [];
  away: Away | null = null;

  /** Whether the state may be continued by events; not after the shard broke the protocol. */
  #isTrusted = true;
  /** A stream takes the place of another one that was not lost. */
  #isSwitching = false;
  #isRoomFresh = false;
  /** The highest epoch heard of. */
  #epoch = 0;
  #serverTime = new ServerTime();
  readonly #clocks = new ShownClocks();
  readonly #unanswered: Unanswered;
  #nextLine = 1;
  #saying: number[] = [];
  #joinedAt = 0;
  /** When the shard was last heard, or the stream opened. */
  #heardAt: number;
  /** When the present absence began. */
  #awaySince: number | null = null;
  /** When the match last did something. */
  changedAt: number;

  constructor(setup: SeatSetup) {
    this.#setup = setup;
    this.#times = setup.times;
    this.#heardAt = setup.now;
    this.changedAt = setup.now;
    this.#unanswered = new Unanswered(setup.firstCommand, setup.times);
  }

  // ---- what the owner does ------------------------------------------------------------------------

  /** Gives a command; null if it cannot be taken. It is sent until it is answered, always with the same id. */
  command(command: Command, now: number): bigint | null {
    const positioned: SentCommand =
      command.kind === 'move' ? { ...command, positionSeq: command.positionSeq ?? this.match?.positionSeq ?? 0 } : command;
    const id = this.#unanswered.add(positioned);
    if (id === null) return null;
    if (this.phase === 'seated') this.sends.push(...this.#unanswered.send(id, now));
    this.#tell({ kind: 'pending' });
    return id;
  }

  /** Says a line of chat, once; null if that cannot be done now. */
  say(text: string): number | null {
    if (this.phase !== 'seated' || this.#saying.length >= SAYING_MAX) return null;
    const id = this.#nextLine;
    this.#nextLine += 1;
    this.#saying.push(id);
    this.sends.push({ kind: 'say', id, text });
    return id;
  }

  get pending(): { id: bigint; command: Command }[] {
    return this.#unanswered.list;
  }

  /** Both clocks at `now`; they stand unless the shard is heard. */
  clocks(now: number): { whiteMs: number; blackMs: number; running: Seat | null } {
    return this.#clocks.at(now);
  }

  serverTime(now: number): number | null {
    return this.#serverTime.at(now);
  }

  get rtt(): number | null {
    return this.#serverTime.rtt;
  }

  /** Whether the store does not answer. */
  get isPaused(): boolean {
    return this.phase === 'held' || (this.phase === 'seated' && this.#clocks.isPaused);
  }

  /** Whether the stream is open, and has brought nothing for too long. */
  get isUnheard(): boolean {
    return this.#clocks.isUnheard;
  }

  get isSwitching(): boolean {
    return this.#isSwitching;
  }

  dismissAway(): void {
    this.away = null;
    this.#tell({ kind: 'away' });
  }

  /** Ends the session. */
  finish(code: CloseCode | null): void {
    if (this.phase === 'over') return;
    this.#stopClocks();
    this.phase = 'over';
    this.closeCode = code;
    this.gone = null;
    this.#linesLost();
    for (const { id } of this.#unanswered.list) this.#answer(id, { accepted: false, refusal: 'session_closed' });
    this.#tell({ kind: 'connection' }, { kind: 'clock' });
  }

  // ---- what the stream does -----------------------------------------------------------------------

  /** A stream is open, and `token` opens the seat. */
  opened(token: string, now: number): void {
    if (this.phase === 'over') return;
    this.#isSwitching = this.phase === 'seated';
    this.phase = 'joining';
    this.#joinedAt = now;
    this.#heardAt = now;
    this.#serverTime = new ServerTime();
    this.#linesLost();
    this.#unanswered.unsent();
    const seen = this.match !== null && this.#isTrusted ? this.match.seq : null;
    const flags = JOIN_FLAGS.heartbeats | JOIN_FLAGS.fastHeartbeats;
    this.sends = [{ kind: 'join', version: VERSION, flags, matchId: this.#setup.matchId, token, seen }];
  }

  /** The stream is of no use any more. */
  lost(loss: Loss): void {
    if (this.phase === 'apart' || this.phase === 'over') return;
    this.phase = 'apart';
    this.#isSwitching = false;
    this.loss = loss;
    this.#awaySince ??= this.#heardAt;
    this.#stopClocks();
    this.sends = [];
    this.#unanswered.unsent();
    this.#linesLost();
    if (loss.kind === 'closed') this.closeCode = loss.code;
    if (loss.kind === 'violation') this.#isTrusted = false;
    if (this.gone !== null) {
      this.gone = null;
      this.#tell({ kind: 'gone' });
    }
    this.#tell({ kind: 'connection' }, { kind: 'clock' });
  }

  /** A frame came. */
  frame(frame: ServerFrame, now: number): void {
    if (this.phase === 'apart' || this.phase === 'over') return;
    const { epoch, seq, body, time } = frame;
    this.#heardAt = now;
    this.#serverTime.arrived(time, now);
    const wasUnheard = this.#clocks.isUnheard;
    switch (body.kind) {
      case 'closed':
        if (isRetryable(body.code)) this.lost({ kind: 'closed', code: body.code });
        else this.finish(body.code);
        return;
      case 'unsupported':
        // This program knows no other version than its own.
        this.finish('unsupported');
        return;
      case 'heartbeat':
      case 'unknown':
        break;
      case 'joined':
        if (epoch < this.#epoch) return this.lost({ kind: 'old_owner' });
        this.#joined(frame, body, now);
        return;
      default:
        if (epoch < this.#epoch) break;
        if (this.phase === 'seated') {
          this.#epoch = epoch;
          this.#said(body, seq, this.#serverTime.leftAt(time, now), now);
        } else if (body.kind === 'paused') {
          this.phase = 'held';
          this.#tell({ kind: 'connection' });
        } else if (body.kind === 'event' || body.kind === 'ack' || body.kind === 'refused') {
          this.lost({ kind: 'violation', why: 'an event or answer before Joined' });
          return;
        }
    }
    if (wasUnheard && this.phase === 'seated') {
      this.#clocks.heard();
      this.#tell({ kind: 'connection' }, { kind: 'clock' });
    }
  }

  // ---- time ---------------------------------------------------------------------------------------

  /** When {@link due} wants to be called, if nothing happens before. */
  get deadline(): number | null {
    return least([this.#lossAt, this.#unresponsiveAt, this.phase === 'seated' ? this.#unanswered.retryAt : null]);
  }

  /** Does what is due. */
  due(now: number): void {
    if (isDue(this.#lossAt, now)) {
      const heard = this.phase !== 'seated' && !this.isPaused;
      return this.lost({ kind: heard ? 'no_answer' : 'silent' });
    }
    if (isDue(this.#unresponsiveAt, now)) {
      this.#stopClocks();
      this.#tell({ kind: 'connection' }, { kind: 'clock' });
    }
    if (this.phase === 'seated') this.sends.push(...this.#unanswered.takeRetries(now));
  }

  /** Since when something is owed that has not come: an answer, or a heartbeat; null if nothing is. */
  get owedSince(): number | null {
    if (this.isPaused) return null;
    if (this.phase === 'joining') return this.#heardAt;
    if (this.phase !== 'seated') return null;
    const sent = this.#unanswered.sentSince;
    const answer = sent === null ? null : Math.max(sent, this.#heardAt);
    return least([answer, this.#heardAt + this.#times.heartbeatEvery]);
  }

  /** How long nothing has been heard over the present stream. */
  silence(now: number): number {
    return now - this.#heardAt;
  }

  get #lossAt(): number | null {
    if (this.phase === 'apart' || this.phase === 'over') return null;
    if (this.isPaused) return this.#heardAt + this.#times.pauseSilenceMax;
    const silent = this.#heardAt + this.#times.silenceMax;
    if (this.phase === 'joining') return Math.min(silent, this.#joinedAt + this.#times.joinMax);
    const sent = this.#unanswered.sentSince;
    if (sent === null) return silent;
    return Math.min(silent, Math.max(sent, this.#heardAt) + this.#times.answerMax);
  }

  get #unresponsiveAt(): number | null {
    const watched = this.phase === 'seated' && !this.isPaused && !this.#clocks.isUnheard;
    return watched ? this.#heardAt + this.#times.unresponsiveAfter : null;
  }

  // ---- parts --------------------------------------------------------------------------------------

  #joined(frame: ServerFrame, body: ServerBody & { kind: 'joined' }, now: number): void {
    if (this.phase === 'seated') return this.lost({ kind: 'violation', why: 'a second Joined' });
    const at = this.#serverTime.leftAt(frame.time, now);
    const before = this.match;
    let missed: readonly MatchEvent[] = [];
    if (body.catchUp.kind === 'state') {
      this.match = whole(this.#setup.matchId, frame, body.role, body.catchUp.state);
    } else {
      const caught = this.#caughtUp(frame, body, body.catchUp.events);
      if (caught === null) return this.lost({ kind: 'violation', why: 'a catch-up that does not continue what is known' });
      missed = caught;
    }
    if (this.#serverTime.measured(now - this.#joinedAt)) this.#tell({ kind: 'connection' });
    this.#epoch = frame.epoch;
    this.#isTrusted = true;
    this.phase = 'seated';
    this.closeCode = null;
    this.present = { ...body.connected };
    this.gone = null;
    this.#isRoomFresh = true;
    this.#clocks.endPause();
    this.#clocks.say(body.clock, at);
    if (body.paused) this.#clocks.pause(now);
    this.#returned(before, missed, now);
    if (body.catchUp.kind === 'state') this.#tell({ kind: 'state' });
    for (const event of missed) this.#tell({ kind: 'event', event, caughtUp: true });
    this.#tell({ kind: 'connection' }, { kind: 'clock' }, { kind: 'presence', seat: 'white' }, { kind: 'presence', seat: 'black' });
    this.sends.push(...this.#unanswered.sendAll(now));
  }

  /** Adds missed events to the state, and returns those that were new; null if they do not continue it. */
  #caughtUp(frame: ServerFrame, body: ServerBody & { kind: 'joined' }, events: readonly MatchEvent[]): MatchEvent[] | null {
    if (this.match === null || !this.#isTrusted) return null;
    let match = this.match;
    const missed: MatchEvent[] = [];
    for (const event of events) {
      if (event.seq <= match.seq) continue;
      if (event.seq !== match.seq + 1) return null;
      match = applied(match, event);
      missed.push(event);
    }
    if (match.seq !== frame.seq) return null;
    this.match = { ...match, role: body.role, epoch: frame.epoch };
    return missed;
  }

  /** Sums up what happened during an absence. */
  #returned(before: MatchState | null, missed: readonly MatchEvent[], now: number): void {
    const since = this.#awaySince;
    this.#awaySince = null;
    this.#isSwitching = false;
    if (before === null || since === null || this.match === null) return;
    if (this.match.seq === before.seq) return;
    const made = missed.filter((event) => event.kind === 'moved').length;
    const moves = missed.length > 0 ? made : Math.max(0, this.match.moves.length - before.moves.length);
    this.away = { moves, events: missed, ms: now - since };
    this.#tell({ kind: 'away' });
  }

  #said(body: ServerBody, seq: number, at: number, now: number): void {
    switch (body.kind) {
      case 'event':
        return this.#event(body.event, at, now);
      case 'ack':
        return this.#acked(body.id, body.event, seq, now);
      case 'refused':
        return this.#refused(body, now);
      case 'presence':
        this.present = { ...this.present, [body.seat]: body.connected };
        if (body.connected && this.gone?.seat === body.seat) this.#isBack();
        return this.#tell({ kind: 'presence', seat: body.seat });
      case 'paused':
        if (this.#clocks.isPaused) return;
        this.#clocks.pause(at);
        return this.#tell({ kind: 'connection' }, { kind: 'clock' });
      case 'clock': {
        const wasPaused = this.#clocks.isPaused;
        this.#clocks.endPause();
        this.#clocks.say(body.clock, at);
        if (wasPaused) this.#tell({ kind: 'connection' });
        return this.#tell({ kind: 'clock' });
      }
      case 'gone':
        this.gone = body.claimInMs === null ? null : { seat: body.seat, claimAt: at + body.claimInMs };
        return this.#tell({ kind: 'gone' });
      case 'chat':
        return this.#lines(body.lines);
      case 'said':
        return this.#lineAnswered(body.id, { said: true });
      case 'not_said':
        return this.#lineAnswered(body.id, { said: false, refusal: body.reason });
      default:
        return;
    }
  }

  #event(event: MatchEvent, at: number, now: number): void {
    const match = this.match;
    if (match === null || event.seq <= match.seq) return;
    if (event.seq !== match.seq + 1) return this.lost({ kind: 'violation', why: `event ${event.seq} after ${match.seq}` });
    this.match = { ...applied(match, event), epoch: this.#epoch };
    this.changedAt = now;
    // Only a `Clock` ends a pause.
    this.#clocks.say(event.clock, at);
    if (event.kind === 'moved' || event.kind === 'taken_back' || event.kind === 'ended') this.#isBack();
    this.#tell({ kind: 'event', event, caughtUp: false }, { kind: 'clock' });
  }

  #isBack(): void {
    if (this.gone === null) return;
    this.gone = null;
    this.#tell({ kind: 'gone' });
  }

  #acked(id: bigint, event: number, seq: number, now: number): void {
    // The event of a command comes before its answer.
    if (event > seq || event > (this.match?.seq ?? 0)) {
      return this.lost({ kind: 'violation', why: 'an answer before its event' });
    }
    const taken = this.#unanswered.take(id);
    if (taken === null) return;
    if (taken.sentAt !== null && taken.retries === 0 && this.#serverTime.measured(now - taken.sentAt)) {
      this.#tell({ kind: 'connection' });
    }
    this.#answer(id, { accepted: true, seq: event });
  }

  #refused(body: ServerBody & { kind: 'refused' }, now: number): void {
    const passes = body.reason === 'rate_limited' || body.reason === 'paused';
    if (passes && this.#unanswered.retry(body.id, now)) return;
    if (this.#unanswered.take(body.id) === null) return;
    this.#answer(body.id, { accepted: false, refusal: body.reason });
  }

  #answer(id: bigint, answer: CommandAnswer): void {
    this.#unanswered.take(id);
    this.outputs.push({ do: 'answer', id, answer });
    this.#tell({ kind: 'pending' });
  }

  /** The first lines after a join are the last of the room, of which some may be known. */
  #lines(lines: readonly ChatLine[]): void {
    const isKnown = (line: ChatLine) =>
      this.chat.some((known) => known.at === line.at && known.seat === line.seat && known.name === line.name && known.text === line.text);
    const fresh = this.#isRoomFresh ? lines.filter((line) => !isKnown(line)) : lines;
    this.chat = [...this.chat, ...fresh].slice(-CHAT_KEPT_MAX);
    if (this.#isRoomFresh) {
      if (fresh.length > 0) this.#tell({ kind: 'chat_room' });
    } else {
      for (const line of fresh) this.#tell({ kind: 'chat', line });
    }
    this.#isRoomFresh = false;
  }

  #lineAnswered(id: number, said: Said): void {
    if (!this.#saying.includes(id)) return;
    this.#saying = this.#saying.filter((line) => line !== id);
    this.outputs.push({ do: 'said', id, said });
  }

  #linesLost(): void {
    for (const id of this.#saying) this.#lineAnswered(id, { said: false, refusal: 'connection_lost' });
  }

  /** Both clocks stand from when the shard was last heard. */
  #stopClocks(): void {
    this.#clocks.unheard(this.#heardAt);
  }

  #tell(...changes: Change[]): void {
    for (const change of changes) this.outputs.push({ do: 'tell', change });
  }
}

function isDue(at: number | null, now: number): boolean {
  return at !== null && at <= now;
}

/** The state of a frame, which replaces everything. */
function whole(id: string, frame: ServerFrame, role: MatchState['role'], { fen: _, ...state }: WireState): MatchState {
  return { ...state, id, role, seq: frame.seq, epoch: frame.epoch };
}

