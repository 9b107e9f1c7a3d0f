/** The page of one challenge: for the challenger, who sends its link, and for whoever follows it. */
import { Problem, type ChallengeView, type DeclineReason, type SeatView, type Ticket } from 'rookery-session';
import type { Context, Mount } from '../context.ts';
import { pathOf } from '../router.ts';
import { challenge as words, problems, shell, terms as termWords } from '../strings.ts';
import { paceOf, specialTerms, speedOfTerms, variantName } from '../terms/words.ts';
import { h, replace, setText, type Child } from '../ui/dom.ts';
import { everySecond } from '../ui/pace.ts';
import { button, copyField, linkButton, uniqueId } from '../ui/parts.ts';
import { positionPicture } from '../ui/position.ts';
import { playerTag } from '../ui/players.ts';
import { isAborted, problemWords } from '../ui/words.ts';
import { dateTime } from '../words/dates.ts';
import { clockTime } from '../words/times.ts';
import { colorOfAcceptor } from '../lobby/challenges.ts';

/** What is known of a challenge: the ticket, and what lists say of it. */
interface Known {
  readonly ticket: Ticket;
  readonly isMine: boolean;
  readonly challenger: SeatView | null;
  readonly color: ChallengeView['color'] | null;
  readonly opponent: string | null;
  /** The name of the opponent, if it is known. */
  readonly opponentName: string | null;
  /** Whether everyone finds it in the lobby. */
  readonly isOpen: boolean;
}

export const mount: Mount = async (root, context, id, signal) => {
  const me = await context.ensure();
  const known = await find(context, id, me.player);
  const heading = h('h1', { tabindex: -1 }, headingOf(known));
  const body = h('div', { class: 'stack' });
  root.append(h('article', { class: 'card challenge stack', test: 'challenge' }, heading, body));
  show(context, known, heading, body, signal);
  void follow(context, known, heading, body, signal);
  return { title: words.pageTitle, focus: heading };
};

/** Reads the challenge, and what the lists say of it. */
async function find(context: Context, id: string, player: string): Promise<Known> {
  const { matchmaker } = context;
  const [ticket, lists, open] = await Promise.all([
    context.asSomebody(() => matchmaker.challengeById(id)),
    matchmaker.challenges(),
    matchmaker.openChallenges(),
  ]);
  const isIt = (one: ChallengeView): boolean => one.id === id;
  const mine = lists.made.find(isIt);
  const listed = open.find(isIt);
  const view = mine ?? lists.received.find(isIt) ?? listed;
  const challenger = ticket.challenger ?? view?.challenger ?? null;
  const opponent = ticket.opponent ?? view?.opponent ?? null;
  return {
    ticket,
    challenger,
    isMine: challenger?.id === player,
    color: ticket.color ?? view?.color ?? null,
    opponent,
    isOpen: listed !== undefined,
    opponentName: opponent === null ? null : await nameOf(context, opponent),
  };
}

async function nameOf(context: Context, player: string): Promise<string | null> {
  try {
    return (await context.matchmaker.player(player)).name;
  } catch {
    return null;
  }
}

function headingOf({ isMine, challenger }: Known): string {
  if (isMine) {
    return words.yours;
  }
  return challenger ? words.theirs(challenger.name) : words.theirsUnknown;
}

/** Waits until the challenge is accepted or over. For the challenger this also keeps it open. */
async function follow(context: Context, known: Known, heading: HTMLElement, body: HTMLElement, signal: AbortSignal): Promise<void> {
  if (known.ticket.status !== 'waiting') {
    return;
  }
  try {
    const ticket = await context.matchmaker.waitChallenge(known.ticket.id, signal);
    if (signal.aborted) {
      return;
    }
    if (ticket.status === 'matched' && known.isMine) {
      context.sound('found');
      context.seek.stop();
      context.navigate(pathOf({ name: 'match', id: ticket.match_id ?? ticket.id }), { replace: true });
      return;
    }
    show(context, { ...known, ticket }, heading, body, signal);
  } catch (problem) {
    if (!isAborted(problem) && !signal.aborted) {
      over(heading, body, problemWords(problem));
    }
  }
}

function show(context: Context, known: Known, heading: HTMLElement, body: HTMLElement, signal: AbortSignal): void {
  const { ticket, isMine } = known;
  switch (ticket.status) {
    case 'waiting':
      replace(body, isMine ? own(context, known, heading, body, signal) : theirs(context, known, heading, body));
      return;
    case 'matched':
      replace(
        body,
        termsTable(known),
        linkButton(words.toMatch, pathOf({ name: 'match', id: ticket.match_id ?? ticket.id }), { class: 'button-primary', test: 'to-match' }),
      );
      return;
    case 'declined':
      over(heading, body, isMine ? words.theyDeclined : words.declined, ticket.declined);
      return;
    case 'cancelled':
      over(heading, body, isMine ? words.withdrawn : problems['challenge_cancelled'] ?? words.over);
  }
}

/** The challenge is over, for this reason. */
function over(heading: HTMLElement, body: HTMLElement, why: string, reason?: DeclineReason): void {
  setText(heading, words.over);
  replace(
    body,
    h('p', { role: 'status', test: 'challenge-over' }, why),
    reason && h('p', null, h('q', null, words.reasons[reason] ?? reason)),
    h('div', { class: 'buttons' }, linkButton(shell.toLobby, '/', { class: 'button-primary' })),
  );
}

/** What the challenger sees. */
function own(context: Context, known: Known, heading: HTMLElement, body: HTMLElement, signal: AbortSignal): Child {
  const { ticket } = known;
  const link = new URL(pathOf({ name: 'challenge', id: ticket.id }), location.origin).href;
  const qr = h('div', { class: 'qr-place', test: 'challenge-qr' });
  void import('../ui/qr.ts').then(({ qrCode }) => replace(qr, qrCode(link, words.qr, 'qr')));
  const since = performance.now();
  const waited = h('time', { class: 'number' });
  everySecond(() => setText(waited, clockTime(performance.now() - since)), signal);
  const withdraw = button(words.withdraw, { class: 'button-danger', test: 'challenge-withdraw' });
  withdraw.addEventListener('click', () => {
    withdraw.disabled = true;
    context.matchmaker.cancelChallenge(ticket.id).then(
      () => over(heading, body, words.withdrawn),
      (problem: unknown) => {
        withdraw.disabled = false;
        context.toast(problemWords(problem));
      },
    );
  });
  const named = known.opponentName !== null ? words.yoursPlayerLead(known.opponentName) : words.yoursLead;
  const lead = known.isOpen ? words.yoursOpenLead : named;
  return [
    h('p', null, lead),
    copyField(words.link, link, (text) => context.toast(text), undefined, 'challenge-link'),
    h(
      'div',
      { class: 'challenge-send' },
      qr,
      h(
        'div',
        { class: 'stack' },
        'share' in navigator && button(words.share, { onclick: () => void navigator.share({ title: shell.name, text: words.shareText, url: link }).catch(() => undefined) }),
        h('p', { class: 'waiting', role: 'status' }, h('span', { class: 'pulse', 'aria-hidden': true }), words.waitingFor, h('span', { 'aria-hidden': true }, waited)),
      ),
    ),
    termsTable(known),
    h('div', { class: 'buttons' }, withdraw),
  ];
}

/** What whoever follows the link sees. */
function theirs(context: Context, known: Known, heading: HTMLElement, body: HTMLElement): Child {
  const { ticket, challenger } = known;
  const { matchmaker } = context;
  const accept = button(words.accept, { class: 'button-primary button-large', test: 'challenge-accept' });
  accept.addEventListener('click', () => {
    accept.disabled = true;
    setText(accept, words.accepting);
    context
      .asSomebody(() => matchmaker.accept(ticket.id))
      .then(
        (accepted) => {
          context.seek.stop();
          context.navigate(pathOf({ name: 'match', id: accepted.match_id ?? accepted.id }), { replace: true });
        },
        (problem: unknown) => {
          accept.disabled = false;
          setText(accept, words.accept);
          const isOver = problem instanceof Problem && OVER.includes(problem.code);
          if (isOver) {
            over(heading, body, problemWords(problem));
          } else {
            context.toast(problemWords(problem));
          }
        },
      );
  });
  const named = known.opponent !== null && declinePart(context, ticket, heading, body);
  return [
    h('p', { class: 'muted' }, challenger && challenger.rating !== null && [playerTag(challenger), ' · '], words.theirsLead),
    termsTable(known),
    h('div', { class: 'buttons' }, accept, named),
  ];
}

/** Problems after which a challenge cannot be accepted any more. */
const OVER: readonly string[] = ['challenge_taken', 'challenge_cancelled', 'challenge_declined', 'challenge_not_found'];

/** Declining, with a reason. Only a player whom a challenge names may. */
function declinePart(context: Context, ticket: Ticket, heading: HTMLElement, body: HTMLElement): HTMLElement {
  const id = uniqueId('why');
  const reasons = Object.entries(words.reasons);
  const select = h('select', { id, class: 'select', test: 'decline-reason' }, reasons.map(([reason, text]) => h('option', { value: reason }, text)));
  const act = async (): Promise<void> => {
    try {
      await context.matchmaker.decline(ticket.id, select.value as DeclineReason);
      over(heading, body, words.declined);
    } catch (problem) {
      context.toast(problemWords(problem));
    }
  };
  return h(
    'div',
    { class: 'decline' },
    h('label', { for: id, class: 'visually-hidden' }, words.declineWhy),
    select,
    button(words.decline, { test: 'challenge-decline', onclick: () => void act() }),
  );
}

/** The terms, each in words. */
function termsTable({ ticket, color, isMine }: Known): HTMLElement {
  const rows: [string, string][] = [
    [words.variant, variantName(ticket.variant)],
    [words.time, `${paceOf(ticket)} · ${termWords.speeds[speedOfTerms(ticket)] ?? ''}`],
    [words.ratedOrNot, ticket.rated ? termWords.rated : termWords.casual],
  ];
  if (color !== null) {
    const mine = isMine ? color : colorOfAcceptor(color);
    rows.push([words.color, termWords.colors[mine] ?? mine]);
  }
  const special = specialTerms(ticket, dateTime);
  if (special.length > 0) {
    rows.push([words.advanced, special.join(' · ')]);
  }
  const picture = positionPicture(words.position);
  if (ticket.start_fen !== undefined) {
    picture.show(ticket.start_fen);
  }
  const list = h('dl', { class: 'terms-list', test: 'challenge-terms' }, rows.map(([name, text]) => h('div', null, h('dt', null, name), h('dd', null, text))));
  return h('div', { class: 'terms-and-position' }, list, picture.element);
}
