/** Challenges in lists: those that everyone may accept, those for the visitor, those that the visitor has made. */
import { Problem, type ChallengeView } from 'rookery-session';
import type { Context } from '../context.ts';
import { pathOf } from '../router.ts';
import { challenge as challengeWords, lobby as words, terms as termWords } from '../strings.ts';
import { specialTerms, termsLine } from '../terms/words.ts';
import { h, Rows, setText, type Row } from '../ui/dom.ts';
import { repeat } from '../ui/pace.ts';
import { button, linkButton } from '../ui/parts.ts';
import { playerTag } from '../ui/players.ts';
import { problemWords } from '../ui/words.ts';
import { dateTime } from '../words/dates.ts';

/** How often the lists are asked for, in milliseconds. */
const ASK_EVERY_MS = 4_000;

/** The lists, each in a section that is hidden while it is empty, but for the open ones. */
export interface ChallengeLists {
  readonly received: HTMLElement;
  readonly made: HTMLElement;
  readonly open: HTMLElement;
  /** Computers that wait for an opponent. */
  readonly computers: HTMLElement;
}

/** What the visitor would play, by the challenger's colour. */
export function colorOfAcceptor(color: ChallengeView['color']): ChallengeView['color'] {
  return color === 'white' ? 'black' : color === 'black' ? 'white' : 'random';
}

/** Keeps the lists in step with the server. */
export function challengeLists(context: Context, signal: AbortSignal): ChallengeLists {
  const { matchmaker, identity } = context;
  const accept = async (challenge: ChallengeView, press: HTMLButtonElement): Promise<void> => {
    press.disabled = true;
    try {
      const ticket = await context.asSomebody(() => matchmaker.accept(challenge.id));
      context.seek.stop();
      context.navigate(pathOf({ name: 'match', id: ticket.match_id ?? challenge.id }));
    } catch (problem) {
      press.disabled = false;
      context.refuse(problem);
      void load();
    }
  };
  const decline = async (challenge: ChallengeView): Promise<void> => {
    try {
      await matchmaker.decline(challenge.id);
    } catch (problem) {
      context.toast(problemWords(problem));
    }
    void load();
  };
  const id = (challenge: ChallengeView): string => challenge.id;
  const list = (test: string): HTMLUListElement => h('ul', { class: 'rows', test });
  const [received, made, open, computers] = [list('received'), list('made'), list('open-challenges'), list('computers')];

  const toAccept = (test: string, canDecline: boolean) => (challenge: ChallengeView): Row<ChallengeView> => {
    const name = challenge.challenger.name;
    const isComputer = challenge.challenger.is_bot;
    const press = button(isComputer ? words.play : challengeWords.accept, {
      class: 'button-primary button-small',
      test: 'accept',
      'aria-label': isComputer ? words.playAgainst(name) : challengeWords.acceptLabel(name),
    });
    press.addEventListener('click', () => void accept(challenge, press));
    return row(challenge, playerTag(challenge.challenger), test, colorOfAcceptor(challenge.color), [
      press,
      canDecline && button(challengeWords.decline, { class: 'button-small', test: 'decline', onclick: () => void decline(challenge) }),
    ]);
  };
  const ownRow = (challenge: ChallengeView): Row<ChallengeView> =>
    row(challenge, null, 'own-challenge', challenge.color, [
      linkButton(challengeWords.link, pathOf({ name: 'challenge', id: challenge.id }), { class: 'button-small' }),
      button(challengeWords.withdraw, {
        class: 'button-small',
        onclick: () => void matchmaker.cancelChallenge(challenge.id).then(load, (problem: unknown) => context.toast(problemWords(problem))),
      }),
    ]);
  const rows = {
    received: new Rows(received, id, toAccept('received-challenge', true)),
    made: new Rows(made, id, ownRow),
    open: new Rows(open, id, toAccept('open-challenge', false)),
    computers: new Rows(computers, id, toAccept('computer', false)),
  };
  const none = h('p', { class: 'muted', hidden: true }, words.openNone);
  const section = (title: string, inner: HTMLElement, test: string, hidden = true): HTMLElement =>
    h('section', { class: 'stack-small', hidden, test }, h('h2', null, title), inner);
  const sections = {
    received: section(words.received, received, 'section-received'),
    made: section(words.made, made, 'section-made'),
    computers: section(words.computers, computers, 'section-computers'),
    open: h('section', { class: 'stack-small', test: 'section-open' }, h('h2', null, words.open), open, none),
  };
  let known: Set<string> | null = null;

  const showPersonal = (lists: { made: ChallengeView[]; received: ChallengeView[] }): void => {
    rows.received.show(lists.received);
    rows.made.show(lists.made);
    sections.received.hidden = lists.received.length === 0;
    sections.made.hidden = lists.made.length === 0;
    const fresh = lists.received.find((challenge) => known !== null && !known.has(challenge.id));
    known = new Set(lists.received.map(id));
    if (fresh) {
      context.sound('notify');
      context.announce(challengeWords.theirs(fresh.challenger.name));
    }
  };
  const load = async (): Promise<void> => {
    const { me } = identity;
    try {
      const [everyones, personal] = await Promise.all([
        matchmaker.openChallenges(),
        me ? matchmaker.challenges() : { made: [], received: [] },
      ]);
      if (signal.aborted) {
        return;
      }
      const others = everyones.filter((challenge) => challenge.challenger.id !== me?.player);
      const people = others.filter((challenge) => !challenge.challenger.is_bot);
      const programs = others.filter((challenge) => challenge.challenger.is_bot);
      rows.open.show(people);
      rows.computers.show(programs);
      none.hidden = people.length > 0;
      sections.computers.hidden = programs.length === 0;
      showPersonal(personal);
    } catch (problem) {
      // The notice of the shell says that the server is away; the lists stay as they are.
      if (!(problem instanceof Problem)) {
        throw problem;
      }
    }
  };
  repeat(ASK_EVERY_MS, load, signal);
  signal.addEventListener('abort', identity.subscribe(() => void load()));
  return sections;
}

function row(
  challenge: ChallengeView,
  who: HTMLElement | null,
  test: string,
  color: ChallengeView['color'],
  actions: (HTMLElement | false)[],
): Row<ChallengeView> {
  const about = h('p', { class: 'row-terms' });
  const special = h('p', { class: 'small muted' });
  const element = h(
    'li',
    { class: 'row', test, 'data-challenge': challenge.id },
    h('div', { class: 'row-about' }, who, about, special),
    h('div', { class: 'buttons' }, actions),
  );
  return {
    element,
    update(now) {
      setText(about, termsLine(now));
      const more = specialTerms(now, dateTime);
      if (color !== 'random') {
        more.unshift(challengeWords.yourColor(termWords.colors[color] ?? color));
      }
      setText(special, more.join(' · '));
      special.hidden = more.length === 0;
    },
  };
}
