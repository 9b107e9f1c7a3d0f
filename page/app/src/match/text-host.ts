// What the move box sees of a match and may do in it.
import type { TextHost } from './commands.ts';
import type { Game } from './game.ts';
import { opponentOf } from './types.ts';

/** A host of the move box that reads from `game` and acts through `deeds`. */
export function textHost(game: Game, deeds: Pick<TextHost, 'play' | 'say' | 'flip' | 'goToRematch' | 'copyPgn'>): TextHost {
  return {
    ...deeds,
    get line() {
      return game.line;
    },
    get tip() {
      return game.tip;
    },
    get shown() {
      return game.shown;
    },
    get seat() {
      return game.seat;
    },
    get isMyTurn() {
      return game.isMyTurn;
    },
    get result() {
      return game.match?.result ?? null;
    },
    get actions() {
      return game.actions;
    },
    get opponent() {
      return game.seat === null ? '' : (game.match?.players[opponentOf(game.seat)].name ?? '');
    },
    clocks: () => game.clocks(),
    command: (command) => game.command(command),
    look: (ply) => game.look(ply),
  };
}
