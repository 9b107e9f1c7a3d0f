// A session without a server, for the preview: the opponent plays any legal move after a while.
import { parseUci } from 'chessops/util';
import { legalMoves, Line } from '../../../src/match/position.ts';
import type {
  Change,
  Clocks,
  Command,
  CommandAnswer,
  MatchEvent,
  MatchState,
  Said,
  Seat,
  Session,
  View,
} from '../../../src/match/types.ts';
import { opponentOf } from '../../../src/match/types.ts';

type Body = MatchEvent extends infer E ? (E extends { kind: string } ? Omit<E, 'seq' | 'clock'> : never) : never;

export interface FakeOptions {
  /** How long the server takes to answer, in milliseconds. */
  ackMs: number;
  /** How long the opponent thinks; 0 is for ever. */
  thinkMs: number;
  /** Refuses all moves with this. */
  refuse: string | null;
}

export class FakeSession implements Session {
  view: View;
  readonly #options: FakeOptions;
  readonly #listeners = new Set<(view: View, changes: readonly Change[]) => void>();
  readonly #left: Record<Seat, number>;
  #since = performance.now();
  #nextId = 1n;

  constructor(view: View, left: Record<Seat, number>, options: FakeOptions) {
    this.view = view;
    this.#left = left;
    this.#options = options;
  }

  subscribe(listener: (view: View, changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get #state(): MatchState {
    return this.view.match as MatchState;
  }

  get #line(): Line {
    const { variant, startFen, moves } = this.#state;
    return new Line(variant, startFen, moves);
  }

  get #running(): Seat | null {
    const { result, moves } = this.#state;
    if (result !== null || moves.length < 2 || this.view.connection !== 'live') return null;
    return this.#line.last.position.turn;
  }

  clocks(now = performance.now()): Clocks {
    const running = this.#running;
    const spent = now - this.#since;
    const of = (seat: Seat): number => Math.max(0, this.#left[seat] - (running === seat ? spent : 0));
    return { whiteMs: of('white'), blackMs: of('black'), running };
  }

  change(rest: Partial<View>, changes: readonly Change[] = [{ kind: 'connection' }]): void {
    this.view = { ...this.view, ...rest };
    for (const listener of [...this.#listeners]) listener(this.view, changes);
  }

  happen(body: Body): void {
    const { whiteMs, blackMs, running } = this.clocks();
    this.#left.white = whiteMs;
    this.#left.black = blackMs;
    this.#since = performance.now();
    const state = this.#state;
    const seq = state.seq + 1;
    const event = { ...body, seq, clock: { whiteMs, blackMs, running, delayMs: 0 } } as MatchEvent;
    this.change({ match: { ...apply(state, event), seq } }, [{ kind: 'event', event, caughtUp: false }]);
  }

  async command(command: Command): Promise<CommandAnswer> {
    const id = this.#nextId++;
    this.change({ pending: [...this.view.pending, { id, command }] }, [{ kind: 'pending' }]);
    await new Promise((resolve) => setTimeout(resolve, this.#options.ackMs));
    const refusal = command.kind === 'move' ? this.#options.refuse : null;
    if (refusal === null) this.#obey(command);
    this.change({ pending: this.view.pending.filter((one) => one.id !== id) }, [{ kind: 'pending' }]);
    if (refusal !== null) return { accepted: false, refusal: refusal as 'illegal_move' };
    return { accepted: true, seq: this.#state.seq };
  }

  async say(text: string): Promise<Said> {
    const line = { seat: this.#state.role as Seat, name: 'You', text, at: Date.now() };
    this.change({ chat: [...this.view.chat, line] }, [{ kind: 'chat', line }]);
    return { said: true };
  }

  dismissAway(): void {
    this.change({ away: null }, [{ kind: 'away' }]);
  }

  serverTime(): number {
    return Date.now();
  }

  close(): void {}

  #obey(command: Command): void {
    const seat = this.#state.role as Seat;
    switch (command.kind) {
      case 'move':
        this.happen({ kind: 'moved', seat, uci: command.uci, with: command.with ?? null });
        this.#end();
        this.reply();
        break;
      case 'resign':
        this.happen({ kind: 'ended', seat, outcome: seat === 'white' ? 'black_wins' : 'white_wins', termination: 'resignation' });
        break;
      case 'abort':
        this.happen({ kind: 'ended', seat, outcome: 'aborted', termination: 'aborted' });
        break;
      case 'accept_draw':
        this.happen({ kind: 'ended', seat, outcome: 'draw', termination: 'draw_agreement' });
        break;
      case 'offer_draw':
        this.happen({ kind: 'draw_offered', seat });
        break;
      case 'decline_draw':
        this.happen({ kind: 'draw_declined', seat });
        break;
      case 'offer_takeback':
        this.happen({ kind: 'takeback_offered', seat });
        break;
      case 'give_time':
        this.happen({ kind: 'time_given', seat, seconds: command.seconds });
        break;
      case 'offer_rematch':
        this.happen({ kind: 'rematch_offered', seat });
        break;
    }
  }

  /** The opponent's move, after a while. */
  reply(): void {
    if (this.#options.thinkMs === 0 || this.#state.result) return;
    setTimeout(() => {
      if (this.#state.result) return;
      const { last, variant } = this.#line;
      const moves = [...legalMoves(last.position, variant)];
      const uci = moves[Math.floor(Math.random() * moves.length)];
      if (uci === undefined || last.position.turn === this.#state.role) return;
      this.happen({ kind: 'moved', seat: opponentOf(this.#state.role as Seat), uci, with: null });
      this.#end();
    }, this.#options.thinkMs);
  }

  #end(): void {
    const { position } = this.#line.last;
    const outcome = position.outcome();
    if (!outcome) return;
    this.happen({
      kind: 'ended',
      seat: null,
      outcome: outcome.winner === undefined ? 'draw' : `${outcome.winner}_wins`,
      termination: position.isCheckmate() ? 'checkmate' : position.isStalemate() ? 'stalemate' : 'variant_end',
    });
  }
}

function apply(state: MatchState, event: MatchEvent): MatchState {
  switch (event.kind) {
    case 'moved':
      if (!parseUci(event.uci)) return state;
      return {
        ...state,
        moves: [...state.moves, event.uci],
        positionSeq: event.seq,
        takebackOffer: null,
        drawOffer: event.with === 'draw_offer' ? event.seat : state.drawOffer === event.seat ? state.drawOffer : null,
      };
    case 'draw_offered':
      return { ...state, drawOffer: event.seat };
    case 'draw_declined':
      return { ...state, drawOffer: null };
    case 'takeback_offered':
      return { ...state, takebackOffer: event.seat };
    case 'takeback_declined':
      return { ...state, takebackOffer: null };
    case 'taken_back':
      return { ...state, takebackOffer: null, moves: state.moves.slice(0, -event.plies) };
    case 'ended':
      return {
        ...state,
        drawOffer: null,
        takebackOffer: null,
        result: { outcome: event.outcome, termination: event.termination },
      };
    case 'rematch_offered':
      return { ...state, rematchOffer: event.seat };
    default:
      return state;
  }
}
