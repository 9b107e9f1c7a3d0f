// Tells by ear what happens in a match: in words to screen readers, and by sounds.
import type { Announcer } from './announcer.ts';
import type { Game } from './game.ts';
import type { Sounds } from './sounds.ts';
import { capital, matchStrings as s } from './strings.ts';
import { termsWords } from './terms.ts';
import { type MatchEvent, opponentOf, type Seat } from './types.ts';
import { clockWords, eventWords, resultSentence, spokenMove, who } from './words.ts';

export class Reporter {
  readonly #game: Game;
  readonly #announcer: Announcer;
  readonly #sounds: Sounds;
  readonly #isTextMode: () => boolean;
  /** The newest ply whose sound was played. */
  #heardPly = 0;

  constructor(game: Game, announcer: Announcer, sounds: Sounds, isTextMode: () => boolean) {
    this.#game = game;
    this.#announcer = announcer;
    this.#sounds = sounds;
    this.#isTextMode = isTextMode;
  }

  /** Tells an event. Those of a catch-up are told together, by others. */
  happened(event: MatchEvent, caughtUp: boolean): void {
    const { line, seat, match } = this.#game;
    if (event.kind === 'taken_back') this.#heardPly = line.last.ply;
    if (caughtUp) return;
    if (event.kind === 'moved') {
      // Other moves may have followed in the same breath.
      const step = [...line.steps].reverse().find((one) => one.uci === event.uci);
      // In text mode the move box has said the player's own move.
      if (step && (event.seat !== seat || !this.#isTextMode())) this.#announcer.say(spokenMove(line, step, seat));
      if (event.with === 'draw_offer' && event.seat !== seat) this.#sounds.play('notify');
    } else if (event.kind === 'ended') {
      if (match?.result) this.#announcer.say(resultSentence(match.result, seat));
      this.#sounds.play('end');
    } else {
      const words = eventWords(event, seat);
      if (words) this.#announcer.say(`${capital(words)}.`);
      if (event.seat !== null && event.seat !== seat) this.#sounds.play('notify');
    }
  }

  /** Tells that a player has come or gone. */
  presence(seat: Seat, isHere: boolean): void {
    const { seat: mine, isOver } = this.#game;
    if (mine === null || seat === mine || isOver) return;
    this.#announcer.say(`${capital(s.event.presence(who(seat, mine), isHere))}.`);
  }

  /** Tells the player that time is short. */
  lowTime(seat: Seat, ms: number): void {
    if (seat !== this.#game.seat || !this.#game.plays) return;
    this.#sounds.play('low');
    this.#announcer.say(s.clock.low(clockWords(ms)));
  }

  /** Plays the sound of the newest position, once. */
  position(): void {
    const { tip } = this.#game;
    const isNew = tip.ply > this.#heardPly;
    this.#heardPly = tip.ply;
    if (isNew) this.#sounds.play(tip.check ? 'check' : tip.san.includes('x') ? 'capture' : 'move');
  }

  /** The newest position is to make no sound: it was there before the page. */
  hush(): void {
    this.#heardPly = this.#game.tip.ply;
  }

  /** Whose turn it is, or how the match ended. */
  turn(): string {
    const { match, seat, isMyTurn, tip } = this.#game;
    if (match?.result) return resultSentence(match.result, seat);
    if (seat === null) return s.input.turn(s.side[tip.position.turn]);
    return isMyTurn ? s.input.turnMine : s.input.turnTheirs;
  }

  /** Where one is, for who comes in by ear. */
  summary(): string {
    const { match, seat, line } = this.#game;
    if (match === null) return '';
    const { white, black } = match.players;
    const who = seat === null ? s.input.youWatch(white.name, black.name) : s.input.youPlay(s.side[seat], match.players[opponentOf(seat)].name);
    const last = line.last.ply === 0 ? s.input.noMoves : spokenMove(line, line.last, seat);
    return [who, `${termsWords(match)}.`, last, this.turn()].join(' ');
  }
}
