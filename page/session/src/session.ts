/** A seat in a match, or a spectator's place, over the network: the driver of the {@link Machine}. */

import { encodeClient, isMatchId } from './codec/client.ts';
import { Malformed } from './codec/bytes.ts';
import { moveNumber } from './codec/moves.ts';
import { decodeServer, FrameReader } from './codec/server.ts';
import { fullSeams, type FullSeams, host } from './host.ts';
import type { SeatAnswer } from './http.ts';
import { Machine } from './machine/machine.ts';
import type { Action } from './machine/outputs.ts';
import { type Times, TIMES } from './machine/times.ts';
import type { Matchmaker } from './matchmaker.ts';
import { Problem } from './problem.ts';
import type { Seams } from './seams.ts';
import { type Link, openWebSocket, openWebTransport } from './transports.ts';
import type { Command, Seat } from './types.ts';
import type { Change, CommandAnswer, Said, TransportKind, View } from './view.ts';

/** What a session is made of. */
export interface SessionOptions {
  /** Who gives the seat, anew for each connection. */
  matchmaker: Pick<Matchmaker, 'seat' | 'watch'>;
  matchId: string;
  /** Watches, instead of taking the player's seat. */
  watch?: boolean;
  /** The transports that may be used; by default all that the host has. */
  transports?: readonly TransportKind[];
  /** The host, for tests and for Node. */
  seams?: Seams;
  /** Other waits than the usual ones, in milliseconds. */
  times?: Partial<Times>;
}

/** Learns each change. `view` is the session's view after all of `changes`. */
export type Listener = (view: View, changes: readonly Change[]) => void;

/** A timer that comes this late tells of a page that was held up: what has arrived meanwhile is heard first. */
const HELD_UP_MS = 400;
const HEAR_FIRST_MS = 60;

/** Plays or watches one match, and keeps doing so over whatever happens to the network and to the shard. */
export class MatchSession {
  readonly #options: SessionOptions;
  readonly #seams: FullSeams;
  readonly #machine: Machine;
  readonly #links = new Map<number, Link>();
  readonly #asks = new Map<number, { abort(): void }>();
  readonly #commands = new Map<bigint, (answer: CommandAnswer) => void>();
  readonly #lines = new Map<number, (said: Said) => void>();
  readonly #listeners = new Set<Listener>();
  readonly #endWake: () => void;
  #view: View;
  #changes: Change[] = [];
  #isTelling = false;
  #timer: unknown = null;

  /** Begins to take the seat at once. Throws `RangeError` if `matchId` is none. */
  constructor(options: SessionOptions) {
    if (!isMatchId(options.matchId)) throw new RangeError('a match id has 12 letters and digits');
    this.#options = options;
    this.#seams = fullSeams(options.seams);
    const { now, random, memory } = this.#seams;
    this.#machine = new Machine({
      matchId: options.matchId,
      times: { ...TIMES, ...options.times },
      firstCommand: firstCommand(random),
      now: now(),
      random,
      available: () => this.#available(),
      memory,
    });
    this.#view = this.#machine.view();
    this.#endWake = this.#seams.onWake((news) => {
      this.#machine.wake(news, now());
      this.#run();
    });
    this.#machine.start(now());
    this.#run();
  }

  /** What stands now. A new object after each change. */
  get view(): View {
    return this.#view;
  }

  /** Calls back after each change, and returns what ends it. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Gives a command. It survives reconnects with the same id; the promise is never rejected. */
  command(command: Command): Promise<CommandAnswer> {
    const refused = (refusal: CommandAnswer & { accepted: false }) => Promise.resolve(refusal);
    if (this.#machine.isOver) return refused({ accepted: false, refusal: 'session_closed' });
    if (command.kind === 'move' && moveNumber(command.uci) === null) return refused({ accepted: false, refusal: 'illegal_move' });
    if (command.kind === 'give_time' && !(Number.isInteger(command.seconds) && command.seconds >= 5 && command.seconds <= 60)) {
      return refused({ accepted: false, refusal: 'amount_out_of_bounds' });
    }
    const id = this.#machine.command(command, this.#seams.now());
    if (id === null) return refused({ accepted: false, refusal: 'too_many' });
    const answer = new Promise<CommandAnswer>((resolve) => this.#commands.set(id, resolve));
    this.#run();
    return answer;
  }

  /** Says a line of chat: 1 to 140 characters. The promise is never rejected. */
  say(text: string): Promise<Said> {
    if ([...text].length > 140) return Promise.resolve({ said: false, refusal: 'too_long' });
    const id = this.#machine.say(text, this.#seams.now());
    if (id === null) return Promise.resolve({ said: false, refusal: 'not_connected' });
    const said = new Promise<Said>((resolve) => this.#lines.set(id, resolve));
    this.#run();
    return said;
  }

  /** Both clocks as of `now` on the scale of `performance.now()`; they stand while the shard is not heard. */
  clocks(now: number = this.#seams.now()): { whiteMs: number; blackMs: number; running: Seat | null } {
    return this.#machine.clocks(now);
  }

  /** The server's time in milliseconds since 1970, as of `now`; null before the first frame of a connection. */
  serverTime(now: number = this.#seams.now()): number | null {
    return this.#machine.serverTime(now);
  }

  /** Puts `away` away. */
  dismissAway(): void {
    this.#machine.dismissAway(this.#seams.now());
    this.#run();
  }

  /** Tries again at once where the session waits before it connects. */
  wake(): void {
    this.#machine.wake('shown', this.#seams.now());
    this.#run();
  }

  /** Moves to another transport without losing anything, if the host and the shard have it. */
  switchTransport(kind: TransportKind): void {
    this.#machine.switchTo(kind, this.#seams.now());
    this.#run();
  }

  /** Ends the session. With `leave`, the opponent need not wait long for this player. */
  close(leave = false): void {
    this.#machine.close(leave, this.#seams.now());
    this.#run();
  }

  // ---- parts --------------------------------------------------------------------------------------

  #available(): TransportKind[] {
    const has = { webtransport: this.#seams.WebTransport !== null, websocket: this.#seams.WebSocket !== null };
    const wanted = this.#options.transports ?? ['webtransport', 'websocket'];
    return (['webtransport', 'websocket'] as const).filter((kind) => has[kind] && wanted.includes(kind));
  }

  /** Does what the machine wants, sets the timer, and tells of changes. */
  #run(): void {
    while (this.#machine.actions.length > 0) {
      const actions = this.#machine.actions;
      this.#machine.actions = [];
      for (const action of actions) this.#act(action);
    }
    this.#setTimer();
    if (this.#machine.isOver) this.#endWake();
    this.#tell();
  }

  #act(action: Action): void {
    switch (action.do) {
      case 'ask':
        void this.#ask(action.ask);
        break;
      case 'forget':
        this.#asks.get(action.ask)?.abort();
        this.#asks.delete(action.ask);
        break;
      case 'open':
        this.#open(action.link, action.kind, action.seat);
        break;
      case 'send':
        this.#links.get(action.link)?.send(encodeClient(action.frame));
        break;
      case 'close': {
        const link = this.#links.get(action.link);
        this.#links.delete(action.link);
        if (action.after === undefined) link?.close(action.code);
        else this.#seams.setTimer(() => link?.close(action.code), action.after);
        break;
      }
      case 'answer':
        this.#commands.get(action.id)?.(action.answer);
        this.#commands.delete(action.id);
        break;
      case 'said':
        this.#lines.get(action.id)?.(action.said);
        this.#lines.delete(action.id);
        break;
      case 'tell':
        this.#changes.push(action.change);
        break;
    }
  }

  async #ask(ask: number): Promise<void> {
    const { matchmaker, matchId, watch } = this.#options;
    const aborter = host.aborter();
    this.#asks.set(ask, aborter);
    try {
      const seat = await (watch ? matchmaker.watch(matchId, aborter.signal) : matchmaker.seat(matchId, aborter.signal));
      this.#asks.delete(ask);
      this.#machine.seatAnswered(ask, seat, this.#seams.now());
    } catch (error) {
      this.#asks.delete(ask);
      this.#machine.seatFailed(ask, asProblem(error), this.#seams.now());
    }
    this.#run();
  }

  #open(number: number, kind: TransportKind, { shard }: SeatAnswer): void {
    const frames = new FrameReader();
    const now = this.#seams.now;
    const events = {
      opened: () => this.#after(() => this.#machine.opened(number, now())),
      bytes: (bytes: Uint8Array) => this.#after(() => this.#read(number, frames, bytes)),
      broken: (code: Parameters<Machine['broken']>[1]) =>
        this.#after(() => {
          this.#links.delete(number);
          this.#machine.broken(number, code, now());
        }),
    };
    const { WebSocket, WebTransport } = this.#seams;
    if (kind === 'webtransport' && WebTransport !== null && shard.web_transport !== undefined) {
      this.#links.set(number, openWebTransport(WebTransport, shard.web_transport, events));
    } else if (kind === 'websocket' && WebSocket !== null && shard.web_socket !== undefined) {
      this.#links.set(number, openWebSocket(WebSocket, shard.web_socket, events));
    } else {
      // The host has lost it since it was chosen.
      void Promise.resolve().then(() => events.broken(null));
    }
  }

  #read(number: number, frames: FrameReader, bytes: Uint8Array): void {
    const now = this.#seams.now();
    try {
      for (const body of frames.push(bytes)) this.#machine.frame(number, decodeServer(body), now);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#machine.malformed(number, error.message, now);
    }
  }

  #after(input: () => void): void {
    input();
    this.#run();
  }

  #setTimer(): void {
    if (this.#timer !== null) this.#seams.clearTimer(this.#timer);
    this.#timer = null;
    const deadline = this.#machine.deadline;
    if (deadline === null) return;
    const due = () => this.#after(() => this.#machine.due(this.#seams.now()));
    this.#timer = this.#seams.setTimer(
      () => {
        if (this.#seams.now() - deadline < HELD_UP_MS) due();
        else this.#timer = this.#seams.setTimer(due, HEAR_FIRST_MS);
      },
      Math.max(0, deadline - this.#seams.now()),
    );
  }

  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    while (this.#changes.length > 0) {
      const changes = this.#changes;
      this.#changes = [];
      const view = this.#machine.view();
      this.#view = view;
      for (const listener of [...this.#listeners]) {
        try {
          listener(view, changes);
        } catch (error) {
          // A listener's mistake must not stop the session; the host reports it.
          this.#seams.setTimer(() => {
            throw error;
          }, 0);
        }
      }
    }
    this.#isTelling = false;
  }
}

/** At random, as a shard takes the same number for the same command; half of the numbers are left above. */
function firstCommand(random: () => number): bigint {
  const half = () => BigInt(Math.floor(random() * 2 ** 31));
  return (half() << 31n) | half();
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem({ code: 'network', title: 'The server cannot be reached', detail, status: 0 });
}
