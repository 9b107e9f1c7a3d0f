/** Small boards of live matches, which follow them. */
import { type LiveMatch, Problem } from 'rookery-session';
import type { Context } from '../context.ts';
import { pathOf } from '../router.ts';
import { lobby as words, terms } from '../strings.ts';
import { variantName } from '../terms/words.ts';
import { h, Rows, setText, type Row } from '../ui/dom.ts';
import { playerTag } from '../ui/players.ts';
import { writtenControlWords } from '../words/times.ts';

type BoardModule = typeof import('../match/mini.ts');

let boards: Promise<BoardModule> | null = null;

/** The small board, loaded once: what is around it does not wait for it. */
function boardModule(): Promise<BoardModule> {
  boards ??= import('../match/mini.ts');
  return boards;
}

/** Live matches as small boards, in a list. */
export class LiveBoards {
  readonly element: HTMLUListElement;
  private readonly rows: Rows<LiveMatch>;
  private readonly context: Context;
  private readonly signal: AbortSignal;

  constructor(context: Context, signal: AbortSignal) {
    this.context = context;
    this.signal = signal;
    this.element = h('ul', { class: 'live-boards', test: 'live-matches' });
    this.rows = new Rows(this.element, (match) => match.match_id, (match) => this.row(match));
    signal.addEventListener('abort', () => this.rows.close());
  }

  /** The ids of the matches that are shown, in order. */
  get shown(): string[] {
    return [...this.element.children].flatMap((row) => row.getAttribute('data-match') ?? []);
  }

  /** Shows these matches. */
  show(matches: readonly LiveMatch[]): void {
    this.rows.show(matches);
  }

  private row(match: LiveMatch): Row<LiveMatch> {
    const { white, black } = match.players;
    const board = h('div', { class: 'live-board' });
    const about = h('p', { class: 'live-about small muted' });
    const link = h(
      'a',
      { href: pathOf({ name: 'match', id: match.match_id }), class: 'live-link' },
      h('span', { class: 'live-player' }, playerTag(black, false)),
      board,
      h('span', { class: 'live-player' }, playerTag(white, false)),
      h('span', { class: 'visually-hidden' }, words.watch),
    );
    const element = h('li', { class: 'live-match', test: 'live-match', 'data-match': match.match_id }, link, about);
    let drawn: ReturnType<BoardModule['miniBoard']> | null = null;
    let ply = -1;
    let isClosed = false;
    const follow = async (plyNow: number): Promise<void> => {
      ply = plyNow;
      try {
        const [{ miniBoard }, answer] = await Promise.all([
          boardModule(),
          this.context.matchmaker.match(match.match_id, this.signal),
        ]);
        if (isClosed) {
          return;
        }
        const { fen, moves, variant = 'standard' } = answer;
        const position = { fen, lastMove: moves.at(-1) ?? null };
        if (drawn) {
          drawn.update(position);
        } else {
          drawn = miniBoard(board, { ...position, variant, orientation: 'white', label: '' });
        }
      } catch (problem) {
        // The list says soon what became of the match; until then the board stays as it is.
        ply = -1;
        if (!(problem instanceof Problem)) {
          throw problem;
        }
      }
    };
    return {
      element,
      update(now) {
        setText(about, aboutMatch(now));
        if (now.ply !== ply) {
          void follow(now.ply);
        }
      },
      close() {
        isClosed = true;
        drawn?.destroy();
      },
    };
  }
}

/** What a live match is, in one line. */
export function aboutMatch(match: LiveMatch): string {
  const parts = [writtenControlWords(match.time_control), terms.speeds[match.speed] ?? match.speed];
  if (match.variant !== 'standard') {
    parts.push(variantName(match.variant));
  }
  if (match.rated) {
    parts.push(terms.rated);
  }
  if (match.spectators > 0) {
    parts.push(words.spectators(match.spectators));
  }
  return parts.join(' · ');
}
