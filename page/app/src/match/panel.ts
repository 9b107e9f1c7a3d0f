// The buttons of a player: what can be done besides moving, and the questions of the opponent.
import { h, setAttribute, setText } from '../ui/dom.ts';
import { type Actions, GIVE_TIME_S } from './actions.ts';
import { ConfirmButton } from './confirm.ts';
import { matchStrings as s } from './strings.ts';
import type { Command } from './types.ts';

export interface PanelEvents {
  command(command: Command): void;
  claimWithMove(on: boolean): void;
  goToRematch(): void;
  goToLobby(): void;
  announce(text: string): void;
}

/** A question that has just come up is no target for a press that was meant for something else, in milliseconds. */
const SETTLE_MS = 400;

/** A question of the opponent, with its two answers. */
class Question {
  readonly element: HTMLElement;
  readonly #buttons: HTMLButtonElement[];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(text: string, yes: readonly [string, string, () => void], no: readonly [string, string, () => void]) {
    this.#buttons = [yes, no].map(([label, test, act], index) =>
      h('button', { type: 'button', class: index === 0 ? 'button button-primary' : 'button', 'data-test': test, onclick: act }, label),
    );
    this.element = h(
      'div',
      { class: 'question', role: 'group', 'aria-label': text, hidden: true },
      h('p', { class: 'question-text' }, text),
      h('div', { class: 'buttons' }, this.#buttons),
    );
  }

  show(isAsked: boolean): void {
    if (isAsked === !this.element.hidden) return;
    this.element.hidden = !isAsked;
    clearTimeout(this.#timer);
    for (const button of this.#buttons) button.disabled = isAsked;
    if (isAsked) {
      this.#timer = setTimeout(() => {
        for (const button of this.#buttons) button.disabled = false;
      }, SETTLE_MS);
    }
  }
}

export class Panel {
  readonly element: HTMLElement;
  /** The questions stand in a place of their own, so that no button moves under a finger. */
  readonly questions: HTMLElement;
  readonly #events: PanelEvents;
  readonly #abort: ConfirmButton;
  readonly #resign: ConfirmButton;
  readonly #draw: ConfirmButton;
  readonly #claim: HTMLButtonElement;
  readonly #claimText: HTMLElement;
  readonly #claimMove: HTMLButtonElement;
  readonly #takeback: HTMLButtonElement;
  readonly #time: HTMLButtonElement;
  readonly #rematch: HTMLButtonElement;
  readonly #rematchGo: HTMLButtonElement;
  readonly #lobby: HTMLButtonElement;
  readonly #asksDraw: Question;
  readonly #asksTakeback: Question;
  readonly #asksRematch: Question;
  readonly #gone: HTMLElement;
  readonly #goneText: HTMLElement;
  readonly #goneButtons: HTMLElement;
  #goneTimer: ReturnType<typeof setInterval> | undefined;
  #claimAt: number | null = null;
  /** The moment for which it was said that the match may be claimed. */
  #goneSaid: number | null = null;

  constructor(events: PanelEvents) {
    this.#events = events;
    const send = (command: Command) => () => events.command(command);
    const confirm = (label: string, text: string, test: string, command: Command): ConfirmButton =>
      new ConfirmButton({ label, confirm: text, test, act: send(command), armed: () => events.announce(text) });
    const button = (label: string, test: string, act: () => void, look = ''): HTMLButtonElement =>
      h('button', { type: 'button', class: `button ${look}`.trim(), 'data-test': test, hidden: true, onclick: act }, label);
    const a = s.actions;

    this.#abort = confirm(a.abort, a.abortConfirm, 'abort', { kind: 'abort' });
    this.#resign = confirm(a.resign, a.resignConfirm, 'resign', { kind: 'resign' });
    this.#draw = confirm(a.offerDraw, a.offerDrawConfirm, 'offer-draw', { kind: 'offer_draw' });
    this.#claim = button(a.claimDraw, 'claim-draw', send({ kind: 'claim_draw' }), 'button-primary');
    this.#claimText = h('p', { class: 'actions-note', hidden: true });
    this.#claimMove = button(a.claimWithMove, 'claim-with-move', () => this.#toggleClaim());
    this.#takeback = button(a.takeback, 'offer-takeback', send({ kind: 'offer_takeback' }));
    this.#time = button(a.giveTime(GIVE_TIME_S), 'give-time', send({ kind: 'give_time', seconds: GIVE_TIME_S }));
    this.#rematch = button(a.rematch, 'offer-rematch', send({ kind: 'offer_rematch' }), 'button-primary');
    this.#rematchGo = button(a.rematchReady, 'go-rematch', () => events.goToRematch(), 'button-primary');
    this.#lobby = button(a.newGame, 'to-lobby', () => events.goToLobby());

    this.#asksDraw = new Question(
      a.theyOfferDraw,
      [a.acceptDraw, 'accept-draw', send({ kind: 'accept_draw' })],
      [a.declineDraw, 'decline-draw', send({ kind: 'decline_draw' })],
    );
    this.#asksTakeback = new Question(
      a.theyAskTakeback,
      [a.acceptTakeback, 'accept-takeback', send({ kind: 'accept_takeback' })],
      [a.declineTakeback, 'decline-takeback', send({ kind: 'decline_takeback' })],
    );
    this.#asksRematch = new Question(
      a.theyOfferRematch,
      [a.acceptRematch, 'accept-rematch', send({ kind: 'accept_rematch' })],
      [a.declineRematch, 'decline-rematch', send({ kind: 'decline_rematch' })],
    );
    this.#goneText = h('p', { class: 'question-text', 'data-test': 'gone' });
    this.#goneButtons = h(
      'div',
      { class: 'buttons', hidden: true },
      h('button', { type: 'button', class: 'button button-primary', 'data-test': 'claim-win', onclick: send({ kind: 'claim_win' }) }, a.claimWin),
      h('button', { type: 'button', class: 'button', 'data-test': 'claim-abandoned-draw', onclick: send({ kind: 'claim_abandoned_draw' }) }, a.claimAbandonedDraw),
    );
    this.#gone = h('div', { class: 'question question-gone', hidden: true }, this.#goneText, this.#goneButtons);

    this.questions = h(
      'div',
      { class: 'questions' },
      this.#asksDraw.element,
      this.#asksTakeback.element,
      this.#asksRematch.element,
      this.#gone,
    );
    this.element = h(
      'section',
      { class: 'actions', 'aria-label': a.heading, 'data-test': 'actions' },
      this.#claimText,
      h(
        'div',
        { class: 'actions-buttons' },
        this.#claim,
        this.#claimMove,
        this.#abort.element,
        this.#draw.element,
        this.#takeback,
        this.#time,
        this.#resign.element,
        this.#rematchGo,
        this.#rematch,
        this.#lobby,
      ),
    );
    for (const one of [this.#abort, this.#resign, this.#draw]) one.element.hidden = true;
    this.#resign.element.classList.add('button-resign');
  }

  /** Shows what can be done. `isOver`: the match has ended; `waits`: the commands that wait for their answers. */
  show(actions: Actions, isOver: boolean, waits: ReadonlySet<Command['kind']>): void {
    const a = s.actions;
    this.#confirmable(this.#abort, actions.abort, waits.has('abort'));
    this.#confirmable(this.#resign, actions.resign, waits.has('resign'));
    this.#confirmable(this.#draw, actions.draw === 'offer' || actions.draw === 'offered', waits.has('offer_draw') || actions.draw === 'offered');
    if (!this.#draw.isArmed) setText(this.#draw.element, actions.draw === 'offered' ? a.drawOffered : a.offerDraw);
    show(this.#claim, actions.claimDraw !== null, waits.has('claim_draw'));
    this.#claimText.hidden = actions.claimDraw === null;
    if (actions.claimDraw) setText(this.#claimText, actions.claimDraw === 'threefold' ? a.claimThreefold : a.claimFifty);
    if (!actions.claimWithMove && this.#claimMove.getAttribute('aria-pressed') === 'true') this.#toggleClaim();
    show(this.#claimMove, actions.claimWithMove, false);
    show(this.#takeback, actions.takeback === 'offer' || actions.takeback === 'offered', waits.has('offer_takeback') || actions.takeback === 'offered');
    setText(this.#takeback, actions.takeback === 'offered' ? a.takebackAsked : a.takeback);
    show(this.#time, actions.giveTime, waits.has('give_time'));
    show(this.#rematch, actions.rematch === 'offer' || actions.rematch === 'offered', waits.has('offer_rematch') || actions.rematch === 'offered');
    setText(this.#rematch, actions.rematch === 'offered' ? a.rematchOffered : a.rematch);
    show(this.#rematchGo, actions.rematch === 'agreed', false);
    show(this.#lobby, isOver, false);
    this.#asksDraw.show(actions.draw === 'answer');
    this.#asksTakeback.show(actions.takeback === 'answer');
    this.#asksRematch.show(actions.rematch === 'answer');
    this.#showGone(actions.gone);
  }

  close(): void {
    clearInterval(this.#goneTimer);
    for (const one of [this.#abort, this.#resign, this.#draw]) one.disarm();
  }

  #confirmable(button: ConfirmButton, isShown: boolean, isWaiting: boolean): void {
    if (!isShown || isWaiting) {
      if (button.isArmed) button.disarm();
    }
    show(button.element, isShown, isWaiting);
  }

  #toggleClaim(): void {
    const isOn = this.#claimMove.getAttribute('aria-pressed') !== 'true';
    setAttribute(this.#claimMove, 'aria-pressed', isOn);
    this.#events.claimWithMove(isOn);
    if (isOn) this.#events.announce(s.actions.claimWithMoveOn);
  }

  #showGone(gone: Actions['gone']): void {
    clearInterval(this.#goneTimer);
    if (gone !== null && this.#gone.hidden) this.#events.announce(s.actions.gone);
    this.#gone.hidden = gone === null;
    if (gone === null) return;
    this.#claimAt = gone.claimAt;
    this.#count();
    if (gone.claimAt !== null) this.#goneTimer = setInterval(() => this.#count(), 250);
  }

  #count(): void {
    const left = this.#claimAt === null ? null : Math.ceil((this.#claimAt - performance.now()) / 1000);
    const isDue = left !== null && left <= 0;
    this.#goneButtons.hidden = !isDue;
    setText(this.#goneText, left === null ? s.actions.gone : isDue ? s.actions.goneNow : s.actions.goneIn(left));
    if (isDue && this.#goneSaid !== this.#claimAt) this.#events.announce(s.actions.goneNow);
    if (isDue) {
      this.#goneSaid = this.#claimAt;
      clearInterval(this.#goneTimer);
    }
  }
}

function show(button: HTMLButtonElement, isShown: boolean, isWaiting: boolean): void {
  button.hidden = !isShown;
  if (button.disabled === isWaiting) return;
  // A button that is pressed and then waits must not lose the keyboard.
  const hadFocus = document.activeElement === button;
  button.disabled = isWaiting;
  if (hadFocus && isWaiting) button.parentElement?.querySelector<HTMLElement>('button:not([disabled]):not([hidden])')?.focus();
}
