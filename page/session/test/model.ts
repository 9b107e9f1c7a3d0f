/**
 * A small cluster on simulated time: a store that keeps every event, shards that take the match over from each other,
 * a matchmaker, and links that are slow, fall silent, break and repeat themselves. All from one seed.
 */

import type { ClientFrame, SentCommand } from '../src/codec/client.ts';
import type { ServerBody, ServerFrame, WireState } from '../src/codec/server.ts';
import { type Clock, type MatchEvent, opponentOf, Problem, type Refusal, type Seat, type SeatAnswer, type TransportKind } from '../src/index.ts';
import { Machine } from '../src/machine/machine.ts';
import type { Action } from '../src/machine/outputs.ts';
import { TIMES } from '../src/machine/times.ts';

export const MATCH = '0AZaz9876543';
const START = 1_767_225_600_000;
const CONTROL = { stages: [{ moves: null, timeMs: 180_000, incrementMs: 0, delay: null, delayMs: 0 }] };

/** Numbers from 0 to below 1, the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What may go wrong, as chances of 0 to 1. */
export interface Faults {
  /** A frame is the last one of its link, which breaks or falls silent. */
  readonly cut: number;
  /** After a frame, another shard takes the match over. */
  readonly takeover: number;
  /** A frame comes twice. */
  readonly repeat: number;
  /** A command is refused for a reason that passes. */
  readonly refuse: number;
  /** A link that is opened never opens. */
  readonly unopened: number;
  /** The matchmaker is not reached. */
  readonly unreached: number;
  /** The old shard goes on speaking after a takeover. */
  readonly zombie: number;
  /** The matchmaker does not answer. */
  readonly unanswered: number;
}

export const NO_FAULTS: Faults = { cut: 0, takeover: 0, repeat: 0, refuse: 0, unopened: 0, unreached: 0, zombie: 0, unanswered: 0 };

/** A match as the store has it. */
export class Stored {
  readonly events: MatchEvent[] = [];
  /** The state after each number of events. */
  readonly states: WireState[] = [
    {
      players: {
        white: { id: 'w', name: 'Ann', rating: 1_500, isBot: false },
        black: { id: 'b', name: 'Bob', rating: null, isBot: true },
      },
      variant: 'standard',
      controls: { white: CONTROL, black: CONTROL },
      clockStart: 'at_once',
      startAt: null,
      rated: false,
      spectatorDelayS: 0,
      chat: true,
      rules: [],
      tags: null,
      startFen: null,
      fen: 'the position',
      moves: [],
      positionSeq: 0,
      drawOffer: null,
      takebackOffer: null,
      rematchOffer: null,
      rematch: null,
      result: null,
      offeredPlies: [],
    },
  ];
  /** Which event each command of White caused. */
  readonly answers = new Map<bigint, number>();

  get state(): WireState {
    return this.states.at(-1)!;
  }

  get turn(): Seat {
    return this.state.moves.length % 2 === 0 ? 'white' : 'black';
  }

  clock(): Clock {
    return { whiteMs: 180_000 - this.events.length, blackMs: 170_000, running: this.turn, delayMs: 0 };
  }

  /** Decides a command: an event, or why not. */
  decide(seat: Seat, command: SentCommand): MatchEvent | Refusal {
    const { state } = this;
    const head = { seq: this.events.length + 1, seat, clock: this.clock() };
    const next = { ...state };
    let event: MatchEvent;
    switch (command.kind) {
      case 'move': {
        if (command.positionSeq !== state.positionSeq) return 'stale_position';
        if (this.turn !== seat) return 'not_your_turn';
        event = { ...head, kind: 'moved', uci: command.uci, with: command.with ?? null };
        next.moves = [...state.moves, command.uci];
        next.positionSeq = head.seq;
        next.takebackOffer = null;
        if (command.with === 'draw_offer') next.drawOffer = seat;
        else if (state.drawOffer === opponentOf(seat)) next.drawOffer = null;
        if (next.drawOffer !== null) next.offeredPlies = [...state.offeredPlies, next.moves.length];
        break;
      }
      case 'offer_draw':
        if (state.drawOffer !== null) return 'offer_too_soon';
        event = { ...head, kind: 'draw_offered' };
        next.drawOffer = seat;
        break;
      case 'decline_draw':
        if (state.drawOffer !== opponentOf(seat)) return 'no_offer';
        event = { ...head, kind: 'draw_declined' };
        next.drawOffer = null;
        break;
      case 'offer_takeback':
        if (state.moves.length === 0 || state.takebackOffer !== null) return 'too_early';
        event = { ...head, kind: 'takeback_offered' };
        next.takebackOffer = seat;
        break;
      case 'accept_takeback': {
        if (state.takebackOffer !== opponentOf(seat)) return 'no_offer';
        event = { ...head, kind: 'taken_back', plies: 1 };
        next.moves = state.moves.slice(0, -1);
        next.positionSeq = head.seq;
        next.takebackOffer = null;
        next.offeredPlies = state.offeredPlies.filter((ply) => ply < state.moves.length);
        const stood = next.moves.length > 0 && next.offeredPlies.includes(next.moves.length);
        next.drawOffer = stood ? (next.moves.length % 2 === 1 ? 'white' : 'black') : null;
        break;
      }
      case 'give_time':
        event = { ...head, kind: 'time_given', seconds: command.seconds };
        break;
      default:
        return 'not_allowed';
    }
    this.events.push(event);
    this.states.push(next);
    return event;
  }
}

interface LinkOf {
  readonly number: number;
  readonly kind: TransportKind;
  readonly shard: number;
  isOpen: boolean;
  /** Nothing passes any more, in either direction. */
  isCut: boolean;
  hasJoined: boolean;
  /** The shard has said goodbye, and reads nothing more. */
  isClosed: boolean;
  /** When the last frame arrives: a stream keeps its order. */
  arrivesAt: number;
  sentAt: number;
}

/** The cluster with one session, White's. */
export class World {
  readonly random: () => number;
  readonly stored = new Stored();
  readonly machine: Machine;
  now = 1_000;
  faults: Faults;
  /** UDP does not pass. */
  isUdpBlocked = false;
  owner = 1;
  epoch = 1;
  /** Shards that have died, and so do not speak. */
  readonly dead = new Set<number>();
  readonly links = new Map<number, LinkOf>();
  readonly answers = new Map<bigint, { accepted: boolean; seq?: number; refusal?: string }>();
  /** All that was told. */
  readonly told: (Action & { do: 'tell' })[] = [];
  /** All that was done. */
  readonly done: Action[] = [];
  #tasks: { at: number; order: number; run: () => void }[] = [];
  #order = 0;
  #asked = new Map<number, boolean>();

  constructor(seed: number, faults: Faults = NO_FAULTS, transports: readonly TransportKind[] = ['webtransport', 'websocket']) {
    this.random = randomOf(seed);
    this.faults = faults;
    this.machine = new Machine({
      matchId: MATCH,
      times: TIMES,
      firstCommand: 1_000n,
      now: this.now,
      random: this.random,
      available: () => transports,
      memory: { failedAt: null },
    });
    this.machine.start(this.now);
    this.act();
    const beat = () => {
      this.heartbeats();
      this.after(500, beat);
    };
    beat();
  }

  between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }

  happens(chance: number): boolean {
    return this.random() < chance;
  }

  after(ms: number, run: () => void): void {
    this.#order += 1;
    this.#tasks.push({ at: this.now + ms, order: this.#order, run });
  }

  /** Lets time pass until `isThere`, or for `ms` at most. */
  run(ms: number, isThere: () => boolean = () => false): boolean {
    const end = this.now + ms;
    for (let steps = 0; ; steps += 1) {
      if (isThere()) return true;
      if (steps > 200_000) throw new Error('the machine does not rest');
      this.#tasks.sort((a, b) => a.at - b.at || a.order - b.order);
      const deadline = Math.max(this.now, this.machine.deadline ?? Infinity);
      const task = this.#tasks[0];
      const next = Math.min(deadline, task?.at ?? Infinity);
      if (next > end) {
        this.now = end;
        return isThere();
      }
      this.now = next;
      if (task !== undefined && task.at <= next) {
        this.#tasks.shift();
        task.run();
      } else {
        this.machine.due(this.now);
      }
      this.act();
    }
  }

  command(command: SentCommand): bigint | null {
    const id = this.machine.command(command, this.now);
    this.act();
    return id;
  }

  /** Black does something; all who are joined to the owner hear of it. */
  black(command: SentCommand): void {
    const event = this.stored.decide('black', command);
    if (typeof event !== 'string') this.tellAll({ kind: 'event', event });
  }

  /** Another shard has the match from now on. */
  takeOver(isKilled: boolean): void {
    const old = this.owner;
    if (isKilled) this.dead.add(old);
    this.owner += 1;
    this.epoch += 1;
    for (const link of this.links.values()) {
      if (link.shard !== old) continue;
      if (isKilled) {
        link.isCut = true;
        if (link.kind === 'websocket' || this.happens(0.3)) this.break(link);
      } else if (!this.happens(this.faults.zombie)) {
        this.#goodbye(link, this.happens(0.5) ? 'shutting_down' : 'not_owner');
      } else {
        // It learns soon that it has lost the match.
        this.after(this.between(500, 4_000), () => this.#goodbye(link, 'not_owner'));
      }
    }
  }

  #goodbye(link: LinkOf, code: 'shutting_down' | 'not_owner' | 'superseded'): void {
    this.send(link, { kind: 'closed', code }, this.epoch - 1);
    link.hasJoined = false;
    link.isClosed = true;
  }

  /** The client learns that a link is broken. */
  break(link: LinkOf): void {
    link.isCut = true;
    this.after(this.between(1, 50), () => {
      if (this.links.delete(link.number)) this.machine.broken(link.number, null, this.now);
    });
  }

  // ---- what the machine wants ---------------------------------------------------------------------

  act(): void {
    while (this.machine.actions.length > 0) {
      const actions = this.machine.actions;
      this.machine.actions = [];
      for (const action of actions) this.#act(action);
    }
  }

  #act(action: Action): void {
    this.done.push(action);
    switch (action.do) {
      case 'ask':
        this.#ask(action.ask);
        break;
      case 'forget':
        this.#asked.delete(action.ask);
        break;
      case 'open':
        this.#open(action.link, action.kind, action.seat);
        break;
      case 'send':
        this.#sent(action.link, action.frame);
        break;
      case 'close':
        this.links.delete(action.link);
        break;
      case 'answer':
        if (this.answers.has(action.id)) throw new Error(`command ${action.id} was answered twice`);
        this.answers.set(action.id, action.answer);
        break;
      case 'tell':
        this.told.push(action);
        break;
      case 'said':
        break;
    }
  }

  #ask(ask: number): void {
    this.#asked.set(ask, true);
    const isUnreached = this.happens(this.faults.unreached);
    if (this.happens(this.faults.unanswered)) return;
    this.after(this.between(2, 60), () => {
      if (!this.#asked.delete(ask)) return;
      if (isUnreached) {
        this.machine.seatFailed(ask, new Problem({ code: 'network', title: 'No', detail: 'Not reached.', status: 0 }), this.now);
      } else {
        this.machine.seatAnswered(ask, this.seat(), this.now);
      }
    });
  }

  seat(): SeatAnswer {
    const id = `s${this.owner}`;
    return {
      match_id: MATCH,
      role: 'white',
      token: `token for ${id}`,
      expires_at: START,
      shard: { id, web_transport: { url: `https://${id}/` }, web_socket: `ws://${id}/` },
    };
  }

  #open(number: number, kind: TransportKind, seat: SeatAnswer): void {
    const shard = Number(seat.shard.id.slice(1));
    const link: LinkOf = { number, kind, shard, isOpen: false, isCut: false, hasJoined: false, isClosed: false, arrivesAt: 0, sentAt: this.now };
    this.links.set(number, link);
    const isBlocked = kind === 'webtransport' && this.isUdpBlocked;
    if (isBlocked || this.happens(this.faults.unopened)) return;
    this.after(this.between(3, 80), () => {
      if (!this.links.has(number)) return;
      if (this.dead.has(shard)) {
        if (kind === 'websocket') this.break(link);
        return;
      }
      link.isOpen = true;
      this.machine.opened(number, this.now);
    });
  }

  // ---- what the shard does ------------------------------------------------------------------------

  #sent(number: number, frame: ClientFrame): void {
    const link = this.links.get(number);
    if (link === undefined || link.isCut) return;
    if (!link.isOpen) throw new Error('a frame before the link is open');
    this.after(this.between(1, 30), () => {
      if (!link.isCut && !link.isClosed && !this.dead.has(link.shard)) this.#received(link, frame);
    });
  }

  #received(link: LinkOf, frame: ClientFrame): void {
    if (link.shard !== this.owner) {
      if (frame.kind === 'join') this.send(link, { kind: 'closed', code: 'not_owner' }, 0);
      return;
    }
    if (frame.kind === 'join') {
      if (frame.matchId !== MATCH || frame.token !== `token for s${link.shard}`) throw new Error('a wrong join');
      // Another connection has taken the seat.
      for (const other of this.links.values()) {
        if (other === link || !other.hasJoined || other.shard !== link.shard) continue;
        this.#goodbye(other, 'superseded');
      }
      this.send(link, this.#joined(frame.seen));
      link.hasJoined = true;
      if (this.happens(0.5)) this.send(link, { kind: 'unknown' });
      return;
    }
    if (!link.hasJoined) throw new Error('a frame before the answer to the join');
    if (frame.kind === 'command') this.#command(link, frame.id, frame.command);
  }

  #joined(seen: number | null): ServerBody {
    const { stored } = this;
    const isState = seen === null || seen > stored.events.length || this.happens(0.2);
    return {
      kind: 'joined',
      role: 'white',
      catchUp: isState ? { kind: 'state', state: stored.state } : { kind: 'events', events: stored.events.slice(this.#from(seen)) },
      clock: stored.clock(),
      connected: { white: true, black: true },
      paused: false,
    };
  }

  /** Where a catch-up begins: at what was seen, or, repeating some of it, before. */
  #from(seen: number): number {
    return this.happens(this.faults.repeat) ? Math.max(0, seen - 2) : seen;
  }

  #command(link: LinkOf, id: bigint, command: SentCommand): void {
    const known = this.stored.answers.get(id);
    if (known !== undefined) return this.send(link, { kind: 'ack', id, event: known });
    if (this.happens(this.faults.refuse)) {
      return this.send(link, { kind: 'refused', id, reason: this.happens(0.5) ? 'rate_limited' : 'paused' });
    }
    const event = this.stored.decide('white', command);
    if (typeof event === 'string') return this.send(link, { kind: 'refused', id, reason: event });
    this.stored.answers.set(id, event.seq);
    this.tellAll({ kind: 'event', event });
    this.send(link, { kind: 'ack', id, event: event.seq });
  }

  tellAll(body: ServerBody): void {
    for (const link of [...this.links.values()]) {
      if (link.hasJoined && link.shard === this.owner) this.send(link, body);
    }
  }

  heartbeats(): void {
    for (const link of [...this.links.values()]) {
      if (link.hasJoined && this.now - link.sentAt >= 990) this.send(link, { kind: 'heartbeat' }, 0);
    }
  }

  send(link: LinkOf, body: ServerBody, epoch = this.epoch): void {
    if (link.isCut || this.dead.has(link.shard)) return;
    link.sentAt = this.now;
    const seq = body.kind === 'event' ? body.event.seq : this.stored.events.length;
    const frame: ServerFrame = { time: Math.round((START + this.now) * 1_000), epoch, seq, body };
    const copies = this.happens(this.faults.repeat) && (body.kind === 'event' || body.kind === 'ack') ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      link.arrivesAt = Math.max(link.arrivesAt, this.now + this.between(1, 30));
      this.#tasks.push({ at: link.arrivesAt, order: (this.#order += 1), run: () => this.#arrived(link, frame) });
    }
    if (this.happens(this.faults.cut)) {
      link.isCut = true;
      if (this.happens(0.5)) this.break(link);
    }
    if (this.happens(this.faults.takeover)) this.takeOver(this.happens(0.5));
  }

  #arrived(link: LinkOf, frame: ServerFrame): void {
    // What was under way when a link was cut may arrive or not.
    if (!this.links.has(link.number) || (link.isCut && this.happens(0.5))) {
      link.isCut = true;
      return;
    }
    this.machine.frame(link.number, frame, this.now);
  }
}
