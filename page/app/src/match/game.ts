// What the view knows of a match: the line of moves, the player's own move that is not confirmed yet, and which position
// is looked at.
import { type Actions, actionsOf } from './actions.ts';
import { type Destinations, destinations, Line, type Step } from './position.ts';
import type { Clocks, Command, CommandAnswer, MatchState, Seat, Session, View } from './types.ts';

type MoveWith = 'draw_offer' | 'draw_claim' | null;

export class Game {
  readonly session: Session;
  #line = new Line('standard', null);
  #match: MatchState | null = null;
  /** A move that was sent and not answered yet. */
  #ahead: { readonly ply: number; readonly step: Step } | null = null;
  /** The ply that is looked at; null is the newest. */
  #lookAt: number | null = null;
  #destinations: { step: Step; found: Destinations } | null = null;
  /** Told when what is shown changed without the session. */
  readonly #changed: () => void;

  constructor(session: Session, changed: () => void) {
    this.session = session;
    this.#changed = changed;
    this.follow(session.view);
  }

  get view(): View {
    return this.session.view;
  }

  get match(): MatchState | null {
    return this.#match;
  }

  /** The player's seat; null for a spectator. */
  get seat(): Seat | null {
    const role = this.#match?.role;
    return role === 'white' || role === 'black' ? role : null;
  }

  /** The moves that the server has confirmed. */
  get line(): Line {
    return this.#line;
  }

  /** The step of a move that is not confirmed yet. */
  get unconfirmed(): Step | null {
    return this.#ahead?.step ?? null;
  }

  /** The newest position, with the player's own move. */
  get tip(): Step {
    return this.#ahead?.step ?? this.#line.last;
  }

  /** The position that is looked at. */
  get shown(): Step {
    return this.#lookAt === null ? this.tip : this.#line.at(this.#lookAt);
  }

  get isLive(): boolean {
    return this.#lookAt === null;
  }

  get isOver(): boolean {
    return (this.#match?.result ?? null) !== null;
  }

  /** Whether the player may move or premove now. */
  get plays(): boolean {
    return this.seat !== null && !this.isOver && this.view.connection !== 'closed';
  }

  get isMyTurn(): boolean {
    return this.plays && this.tip.position.turn === this.seat;
  }

  get actions(): Actions {
    return actionsOf(this.view, this.#line);
  }

  /** Where the pieces of the side to move may go in the newest position. */
  get destinations(): Destinations {
    const step = this.tip;
    if (this.#destinations?.step !== step) this.#destinations = { step, found: destinations(step.position) };
    return this.#destinations.found;
  }

  clocks(): Clocks {
    return this.session.clocks();
  }

  /** Takes over what the session has. A new move brings the newest position back on the board. */
  follow(view: View): void {
    const match = view.match;
    this.#match = match;
    if (match === null) return;
    const { variant, startFen, moves } = match;
    if (this.#line.variant !== variant || this.#line.startFen !== startFen) {
      this.#line = new Line(variant, startFen, moves);
      this.#ahead = null;
      this.#lookAt = null;
      return;
    }
    const before = this.#line.last;
    this.#line.follow(moves);
    if (this.#line.last === before) return;
    this.#lookAt = null;
    // The move has come back as an event, or the position that it was for is gone.
    if (this.#ahead && this.#ahead.ply !== this.#line.last.ply) this.#ahead = null;
  }

  /** Sends a move and shows it at once. */
  async play(uci: string, extra: MoveWith): Promise<CommandAnswer> {
    const ahead = { ply: this.#line.last.ply, step: this.#line.peek(uci) };
    this.#ahead = ahead;
    this.#lookAt = null;
    const answer = this.session.command(extra ? { kind: 'move', uci, with: extra } : { kind: 'move', uci });
    this.#changed();
    const answered = await answer;
    if (this.#ahead === ahead) {
      this.#ahead = null;
      this.#changed();
    }
    return answered;
  }

  command(command: Command): Promise<CommandAnswer> {
    return this.session.command(command);
  }

  /** Looks at the position after `ply` moves, or at the newest. */
  look(ply: number | null): void {
    this.#lookAt = ply === null || ply >= this.tip.ply ? null : Math.max(0, ply);
    this.#changed();
  }
}
