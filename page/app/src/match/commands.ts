// Answers what is typed into the move box.
import { FILE_NAMES, type Role, type SquareName } from 'chessops/types';
import { parseUci } from 'chessops/util';
import { makeSan } from 'chessops/san';
import { type Actions, GIVE_TIME_S } from './actions.ts';
import { type CommandName, parseEntry, pieceNamed } from './input.ts';
import { legalMoves, type Line, type Step } from './position.ts';
import { capital, listOf, matchStrings as s } from './strings.ts';
import { type Clocks, type Command, type CommandAnswer, opponentOf, type Result, type Seat } from './types.ts';
import {
  clockWords,
  fileWords,
  moveWords,
  piecesWords,
  pocketWords,
  positionWords,
  rankWords,
  refusalWords,
  resultSentence,
  spokenMove,
  squareWords,
} from './words.ts';

/** What the move box needs of the match. */
export interface TextHost {
  readonly line: Line;
  /** The newest position. */
  readonly tip: Step;
  /** The position that is looked at. */
  readonly shown: Step;
  readonly seat: Seat | null;
  readonly isMyTurn: boolean;
  readonly result: Result | null;
  readonly actions: Actions;
  readonly opponent: string;
  clocks(): Clocks;
  play(uci: string, extra: 'draw_offer' | 'draw_claim' | null): Promise<CommandAnswer>;
  command(command: Command): Promise<CommandAnswer>;
  /** Says a line in the chat; why it was not said, or an empty text. */
  say(text: string): Promise<string>;
  look(ply: number | null): void;
  flip(): Seat;
  goToRematch(): void;
  copyPgn(): Promise<string>;
}

/** Answers one line. What is typed twice in a row to confirm is remembered here. */
export class MoveBox {
  readonly #host: TextHost;
  #mustConfirm: CommandName | null = null;

  constructor(host: TextHost) {
    this.#host = host;
  }

  /** Does what `text` says; the answer is for the person's ears. */
  async enter(text: string): Promise<string> {
    const host = this.#host;
    const { variant } = host.line;
    const entry = parseEntry(text, host.isMyTurn ? host.tip.position : null, variant);
    const toConfirm = this.#mustConfirm;
    this.#mustConfirm = null;
    switch (entry.kind) {
      case 'nothing':
        return '';
      case 'move':
        return this.#move(entry.uci, entry.with);
      case 'ambiguous': {
        const { position } = host.tip;
        return s.input.ambiguous(text.trim(), listOf(entry.moves.slice(0, 8).map((uci) => sanOf(position, uci)), s.list.or));
      }
      case 'command':
        return this.#command(entry.name, entry.argument, toConfirm);
      case 'unknown':
        return this.#whyNot(text.trim());
    }
  }

  /** A text that is no move now may be one of another turn. */
  #whyNot(text: string): string {
    const host = this.#host;
    const looksLikeMove = /^[a-h]?x?[a-h][1-8]|^[nbrqkp]?[a-h1-8]?x?@?[a-h][1-8]|^[o0]-?[o0]/i.test(text);
    if (looksLikeMove && host.seat === null) return s.input.watching;
    if (looksLikeMove && host.result !== null) return s.input.over;
    if (looksLikeMove && !host.isMyTurn) return s.input.notYourTurn;
    return s.input.unknown(text);
  }

  async #move(uci: string, extra: 'draw_offer' | 'draw_claim' | null): Promise<string> {
    const words = moveWords(this.#host.line, this.#host.line.peek(uci));
    const answer = await this.#host.play(uci, extra);
    return answer.accepted ? s.input.confirmed(capital(words)) : refusalWords('move', answer.refusal);
  }

  #command(name: CommandName, argument: string, toConfirm: CommandName | null): string | Promise<string> {
    const { shown, actions } = this.#host;
    switch (name) {
      case 'draw':
        if (actions.draw === 'answer') return this.#send({ kind: 'accept_draw' }, true);
        return this.#send({ kind: 'offer_draw' }, actions.draw === 'offer');
      case 'accept':
        return this.#answer(true);
      case 'decline':
        return this.#answer(false);
      case 'claim':
        return this.#send({ kind: 'claim_draw' }, actions.claimDraw !== null);
      case 'takeback':
        return this.#send({ kind: 'offer_takeback' }, actions.takeback === 'offer');
      case 'time':
        return this.#send({ kind: 'give_time', seconds: GIVE_TIME_S }, actions.giveTime);
      case 'resign':
      case 'abort':
        if (name === 'resign' ? !actions.resign : !actions.abort) return s.input.notNow;
        if (toConfirm === name) return this.#send({ kind: name }, true);
        this.#mustConfirm = name;
        return s.input.confirmAgain(name);
      case 'win': {
        const claimAt = actions.gone?.claimAt ?? null;
        return this.#send({ kind: 'claim_win' }, claimAt !== null && claimAt <= performance.now());
      }
      case 'rematch':
        if (actions.rematch === 'agreed') {
          this.#host.goToRematch();
          return '';
        }
        return this.#send(
          { kind: actions.rematch === 'answer' ? 'accept_rematch' : 'offer_rematch' },
          actions.rematch === 'answer' || actions.rematch === 'offer',
        );
      case 'say':
        return this.#host.say(argument);
      case 'pgn':
        return this.#host.copyPgn();
      case 'first':
        return this.#look(0);
      case 'back':
        return this.#look(shown.ply - 1);
      case 'on':
        return this.#look(shown.ply + 1);
      case 'live':
        return this.#look(null);
      case 'flip':
        return s.input.flipped(s.side[this.#host.flip()]);
      default:
        return this.#tell(name, argument);
    }
  }

  #answer(accepts: boolean): string | Promise<string> {
    const { draw, takeback, rematch } = this.#host.actions;
    const word = accepts ? 'accept' : 'decline';
    if (takeback === 'answer') return this.#send({ kind: `${word}_takeback` }, true);
    if (draw === 'answer') return this.#send({ kind: `${word}_draw` }, true);
    if (rematch === 'answer') return this.#send({ kind: `${word}_rematch` }, true);
    return s.refusal['no_offer'] ?? '';
  }

  async #send(command: Command, isPossible: boolean): Promise<string> {
    if (!isPossible) return s.input.notNow;
    const answer = await this.#host.command(command);
    // What took effect comes as an event, which is said.
    return answer.accepted ? '' : refusalWords(command.kind, answer.refusal);
  }

  #look(ply: number | null): string {
    this.#host.look(ply);
    const { shown, line, seat } = this.#host;
    return shown.ply === 0 ? `${s.moves.start}.` : spokenMove(line, shown, seat);
  }

  /** The commands that only tell something. */
  #tell(name: CommandName, argument: string): string {
    const { line, shown, seat } = this.#host;
    const { position } = shown;
    switch (name) {
      case 'help':
        return s.input.help;
      case 'board':
        return positionWords(position);
      case 'rank':
        return /^[1-8]$/.test(argument) ? rankWords(position, argument) : s.input.which(`rank 1 ${s.list.to} 8`);
      case 'file': {
        const file = argument.toLowerCase();
        return FILE_NAMES.some((one) => one === file) ? fileWords(position, file) : s.input.which(`file a ${s.list.to} h`);
      }
      case 'square': {
        const square = argument.toLowerCase();
        return /^[a-h][1-8]$/.test(square) ? `${squareWords(position, square as SquareName)}.` : s.input.which('square e4');
      }
      case 'pieces':
        return this.#pieces(argument.toLowerCase());
      case 'moves':
        return movesWords(line);
      case 'last':
        return line.last.ply === 0 ? s.input.noMoves : spokenMove(line, line.last, seat);
      case 'clock':
        return this.#clock();
      case 'turn':
        return this.#turn();
      case 'legal':
        return this.#legal(argument.toLowerCase());
      case 'pocket':
        return `${pocketWords(position, 'white')} ${pocketWords(position, 'black')}`;
      case 'checks': {
        const left = position.remainingChecks;
        if (!left) return s.input.notNow;
        return (['white', 'black'] as const).map((side) => `${s.checks(s.side[side], 3 - left[side])}.`).join(' ');
      }
      case 'opponent':
        return s.input.opponent(this.#host.opponent);
      default:
        return s.input.unknown(name);
    }
  }

  #pieces(argument: string): string {
    const { position } = this.#host.shown;
    const words = argument.split(' ').filter((word) => word !== '');
    const roles = words.map(pieceNamed).filter((role): role is Role => role !== undefined);
    const sides = (['white', 'black'] as const).filter((side) => words.includes(side));
    const wanted = sides.length === 0 ? (['white', 'black'] as const) : sides;
    return wanted.map((side) => piecesWords(position, side, roles.length === 0 ? undefined : roles)).join(' ');
  }

  #clock(): string {
    const { seat } = this.#host;
    const { whiteMs, blackMs } = this.#host.clocks();
    if (seat === null) return s.clock.both(clockWords(whiteMs), clockWords(blackMs));
    const mine = seat === 'white' ? whiteMs : blackMs;
    const theirs = opponentOf(seat) === 'white' ? whiteMs : blackMs;
    return s.clock.mine(clockWords(mine), clockWords(theirs));
  }

  #turn(): string {
    const { result, seat, tip, isMyTurn } = this.#host;
    if (result !== null) return resultSentence(result, seat);
    if (seat === null) return s.input.turn(s.side[tip.position.turn]);
    return isMyTurn ? s.input.turnMine : s.input.turnTheirs;
  }

  #legal(argument: string): string {
    const { line, tip } = this.#host;
    const { position } = tip;
    const sans = [...legalMoves(position, line.variant)]
      .filter((uci) => argument === '' || uci.startsWith(argument) || roleOf(position.board.getRole(fromOf(uci)), argument))
      .map((uci) => sanOf(position, uci));
    return sans.length === 0 ? s.input.noLegal : s.input.legal(sans.join(s.list.comma));
  }
}

const roleOf = (role: Role | undefined, argument: string): boolean => role !== undefined && pieceNamed(argument) === role;

function fromOf(uci: string): number {
  const move = parseUci(uci);
  return move && 'from' in move ? move.from : -1;
}

function sanOf(position: Step['position'], uci: string): string {
  const move = parseUci(uci);
  return move ? makeSan(position, move) : uci;
}

/** All moves with their numbers, as "1. e4 e5, 2. Nf3". */
function movesWords(line: Line): string {
  const { fullmoves, turn } = line.start;
  const offset = turn === 'black' ? 1 : 0;
  const parts: string[] = [];
  for (const step of line.steps.slice(1)) {
    const half = step.ply - 1 + offset;
    const number = `${fullmoves + Math.floor(half / 2)}.`;
    if (half % 2 === 0) parts.push(`${number} ${step.san}`);
    else if (parts.length === 0) parts.push(`${number} … ${step.san}`);
    else parts.push(`${parts.pop()} ${step.san}`);
  }
  return parts.length === 0 ? s.input.noMoves : `${parts.join(s.list.comma)}.`;
}
