// The match view: puts the parts together, and passes on what the session and the player do.
import type { Role, SquareName } from 'chessops/types';
import { parseSquare } from 'chessops/util';
import { h, setAttribute, setText } from '../ui/dom.ts';
import { Announcer } from './announcer.ts';
import { Board } from './board.ts';
import { Chat } from './chat.ts';
import { ClockTicker } from './clock.ts';
import { Game } from './game.ts';
import { jumpKeys } from './keys.ts';
import { Moves } from './moves.ts';
import { Panel } from './panel.ts';
import { isLegal, isPromotion, uciOf } from './position.ts';
import { type Premove, resolvePremove } from './premove.ts';
import { Promotion } from './promotion.ts';
import { fetchRatings, type RatingSource } from './ratings.ts';
import { Reporter } from './reporter.ts';
import { SeatStrip } from './seat.ts';
import { Sounds } from './sounds.ts';
import { ConnectionLine, Notices, ResultCard } from './status.ts';
import { matchStrings as s } from './strings.ts';
import { termsWords } from './terms.ts';
import { TextPanel } from './text.ts';
import { textHost } from './text-host.ts';
import { copyText, Tools } from './tools.ts';
import type { Change, Command, CommandAnswer, Preferences, Seat, Session, View } from './types.ts';
import { opponentOf } from './types.ts';
import { awayWords, refusalWords } from './words.ts';

/** What the match view needs of the matchmaker. */
export interface MatchSource extends RatingSource {
  pgn(id: string): Promise<string>;
}

export interface MatchOptions {
  readonly session: Session;
  readonly matchmaker: MatchSource;
  /** Goes to another view of the page; to the present path, it starts this view afresh. */
  readonly navigate: (path: string) => void;
  readonly preferences: Preferences;
  /** Says something in the page's own region; the match has one, so that this is not used. */
  readonly announce?: (text: string) => void;
  /** Opens the dialogue that takes the match to another device. */
  readonly transfer?: (matchId: string) => void;
  /** The view is a part of another one, which has the first heading and the title. */
  readonly embedded?: boolean;
}

/** Shows a match in `root`, to be played or watched. The caller closes the session after `unmount`. */
export function mountMatch(root: HTMLElement, options: MatchOptions): { unmount(): void } {
  const view = new MatchView(options);
  root.appendChild(view.element);
  view.start();
  return { unmount: () => view.unmount() };
}

class MatchView {
  readonly element: HTMLElement;
  readonly #options: MatchOptions;
  readonly #game: Game;
  readonly #board: Board;
  readonly #promotion: Promotion;
  readonly #moves: Moves;
  readonly #panel: Panel;
  readonly #chat: Chat;
  readonly #seats: Record<Seat, SeatStrip>;
  readonly #ticker: ClockTicker;
  readonly #connection = new ConnectionLine();
  readonly #notices: Notices;
  readonly #result = new ResultCard();
  readonly #sounds: Sounds;
  readonly #announcer = new Announcer(s.input.say);
  readonly #reporter: Reporter;
  readonly #tools: Tools;
  readonly #text: TextPanel;
  readonly #heading: HTMLElement;
  readonly #terms = h('div', { class: 'match-terms', 'data-test': 'terms' });
  readonly #main: HTMLElement;
  readonly #premoveNote: HTMLElement;
  readonly #premoveText = h('span', {});
  readonly #stops: (() => void)[] = [];
  #flipped = false;
  #claimsWithMove = false;
  #wasOver: boolean | null = null;
  #hadRematch: string | null | undefined;
  #isTextMode = false;
  #awayShown: View['away'] = null;
  #title = '';
  #isUnmounted = false;

  constructor(options: MatchOptions) {
    this.#options = options;
    const { session, preferences, navigate } = options;
    this.#game = new Game(session, () => this.#show());
    this.#sounds = new Sounds(preferences);
    this.#reporter = new Reporter(this.#game, this.#announcer, this.#sounds, () => this.#isTextMode);
    this.#board = new Board({
      moved: (from, to) => void this.#moved(from, to),
      dropped: (role, to) => this.#dropped(role, to),
      premoved: (premove) => void this.#premoved(premove),
    });
    this.#board.onHeld((role) => role && this.#announcer.say(s.pocket.select(s.piece[role])));
    this.#promotion = new Promotion(this.#board.element);
    this.#moves = new Moves({ jump: (ply) => this.#game.look(ply) });
    this.#panel = new Panel({
      command: (command) => void this.#command(command),
      claimWithMove: (on) => {
        this.#claimsWithMove = on;
      },
      goToRematch: () => this.#goToRematch(),
      goToLobby: () => navigate('/'),
      announce: (text) => this.#announcer.say(text),
    });
    this.#chat = new Chat((text) => session.say(text));
    this.#seats = {
      white: new SeatStrip('white', this.#board, navigate),
      black: new SeatStrip('black', this.#board, navigate),
    };
    this.#ticker = new ClockTicker(
      { white: this.#seats.white.face, black: this.#seats.black.face },
      () => this.#game.clocks(),
      (seat, ms) => this.#reporter.lowTime(seat, ms),
    );
    this.#notices = new Notices({
      dismissAway: () => session.dismissAway(),
      again: () => navigate(`/match/${this.#matchId}`),
    });
    this.#tools = new Tools({
      flip: () => void this.#flip(),
      pgn: () => options.matchmaker.pgn(this.#matchId),
      link: () => `${location.origin}/match/${this.#matchId}`,
      fileName: () => `rookery-${this.#matchId}.pgn`,
      announce: (text) => this.#announcer.say(text),
      transfer: options.transfer ? () => options.transfer?.(this.#matchId) : null,
      preferences,
    });
    this.#text = new TextPanel(
      textHost(this.#game, {
        play: (uci, extra) => this.#play(uci, extra),
        say: async (text) => ((await this.#chat.send(text)) ? '' : this.#chat.problem),
        flip: () => this.#flip(),
        goToRematch: () => this.#goToRematch(),
        copyPgn: async () => ((await copyText(() => options.matchmaker.pgn(this.#matchId))) ? s.moves.copied : s.moves.copyFailed),
      }),
      this.#announcer,
    );
    this.#heading = h(options.embedded ? 'h2' : 'h1', { class: 'visually-hidden', tabindex: '-1' }, s.page.loading);
    this.#premoveNote = h(
      'div',
      { class: 'premove-note', hidden: true, 'data-test': 'premove' },
      this.#premoveText,
      h('button', { type: 'button', class: 'button button-small', 'data-test': 'cancel-premove', onclick: () => this.#board.release() }, s.premove.cancel),
    );
    this.#main = h('div', { class: 'match-main' });
    this.element = this.#lay();
  }

  get #matchId(): string {
    return this.#game.match?.id ?? location.pathname.split('/').pop() ?? '';
  }

  start(): void {
    const { session, preferences } = this.#options;
    this.#stops.push(
      session.subscribe((view, changes) => this.#changed(view, changes)),
      preferences.subscribe(() => {
        this.#showMode();
        // The text was not kept up to date while the board was shown.
        this.#show();
      }),
      jumpKeys(this.element, {
        step: (delta) => this.#moves.step(delta),
        escape: () => {
          if (this.#promotion.isOpen) this.#promotion.cancel();
          else if (this.#board.release()) this.#announcer.say(s.premove.cancelled);
        },
      }),
    );
    if (new URLSearchParams(location.search).has('text')) preferences.set('text', true);
    this.#showMode();
    this.#changed(session.view, [{ kind: 'state' }]);
  }

  unmount(): void {
    this.#isUnmounted = true;
    for (const stop of this.#stops) stop();
    this.#ticker.stop();
    this.#panel.close();
    this.#notices.close();
    this.#moves.close();
    this.#announcer.close();
    this.#sounds.close();
    this.#promotion.cancel();
    this.#board.destroy();
    this.element.remove();
  }

  #lay(): HTMLElement {
    const side = h(
      'div',
      { class: 'match-side' },
      this.#notices.element,
      this.#result.element,
      this.#panel.questions,
      this.#moves.element,
      this.#panel.element,
      this.#tools.element,
      this.#chat.element,
    );
    return h(
      'div',
      { class: 'match', 'data-test': 'match' },
      this.#heading,
      h('div', { class: 'match-top' }, this.#connection.element, this.#terms),
      this.#main,
      side,
      h('p', { id: 'board-keys', class: 'visually-hidden' }, s.board.keyboard),
      this.#announcer.element,
    );
  }

  /** Puts the seats above and below the board, or the text in its place. */
  #showMode(): void {
    this.#isTextMode = this.#options.preferences.get('text');
    this.#announcer.usesLog = this.#isTextMode;
    const bottom = this.#bottom;
    const middle = this.#isTextMode ? this.#text.element : this.#board.element;
    const wanted = [this.#seats[opponentOf(bottom)].element, middle, this.#seats[bottom].element, this.#premoveNote];
    const isSame = wanted.length === this.#main.childElementCount && wanted.every((one, index) => this.#main.children[index] === one);
    if (!isSame) {
      this.#main.replaceChildren(...wanted);
      if (!this.#isTextMode) this.#board.mounted();
    }
    this.element.classList.toggle('match-text', this.#isTextMode);
    setAttribute(this.element, 'data-mode', this.#isTextMode ? 'text' : 'board');
    this.#tools.show();
  }

  get #bottom(): Seat {
    const base = this.#game.seat ?? 'white';
    return this.#flipped ? opponentOf(base) : base;
  }

  /** In Racing Kings both race up the board. */
  get #orientation(): Seat {
    if (this.#game.line.variant === 'racingKings') return this.#flipped ? 'black' : 'white';
    return this.#bottom;
  }

  #changed(view: View, changes: readonly Change[]): void {
    const tipBefore = this.#game.tip;
    this.#game.follow(view);
    const isFresh = changes.some((change) => change.kind === 'state');
    for (const change of changes) {
      if (change.kind === 'event') {
        if (change.event.kind === 'taken_back') this.#board.clearPremove();
        this.#reporter.happened(change.event, change.caughtUp);
      }
      if (change.kind === 'presence' && !isFresh) this.#reporter.presence(change.seat, view.present[change.seat]);
    }
    if (isFresh) {
      this.#showMode();
      if (this.#isTextMode) this.#announcer.say(this.#reporter.summary());
      this.#reporter.hush();
    }
    const onlyChat = changes.length > 0 && changes.every((change) => change.kind === 'chat' || change.kind === 'chat_room');
    this.#showChat(view);
    if (onlyChat) return;
    if (this.#game.tip !== tipBefore || isFresh) this.#playPremove();
    this.#show();
    if (view.match === null) return;
    this.#ticker.update();
    this.#afterEnd(view);
  }

  /** Draws what stands. */
  #show(): void {
    if (this.#isUnmounted) return;
    const game = this.#game;
    const { view, match, shown } = game;
    const spoken = this.#connection.show(view);
    if (spoken) this.#announcer.say(spoken);
    this.#notices.showClosed(view);
    this.#root();
    if (match === null) return;
    const isMine = game.plays && game.isLive;
    this.#board.show({
      step: shown,
      variant: match.variant,
      orientation: this.#orientation,
      mine: isMine ? game.seat : null,
      destinations: game.isMyTurn ? game.destinations : null,
    });
    if (this.#isTextMode) this.#text.show(shown, this.#orientation, this.#reporter.turn());
    this.#moves.show(game.line, game.unconfirmed, shown.ply, game.isLive);
    for (const seat of ['white', 'black'] as const) {
      const strip = this.#seats[seat];
      strip.showPlayer(match.players[seat], match.controls[seat]);
      strip.showPresence(view.connection === 'live' && !game.isOver ? view.present[seat] : null);
      strip.showPosition(shown.position, isMine && seat === game.seat);
    }
    this.#panel.element.hidden = game.seat === null;
    this.#panel.questions.hidden = game.seat === null;
    this.#panel.show(game.actions, game.isOver, new Set(view.pending.map((one) => one.command.kind)));
    this.#result.show(match.result, game.seat);
    this.#notices.showDelay(game.seat === null ? match.spectatorDelayS : 0);
    this.#notices.showStart(game.isOver || match.moves.length > 0 ? null : match.startAt, () => this.#options.session.serverTime() ?? Date.now());
    this.#showAway(view);
    setText(this.#terms, termsWords(match));
    this.#titles();
    this.#reporter.position();
  }

  #showAway(view: View): void {
    const { match } = this.#game;
    if (match === null || view.away === this.#awayShown) return;
    this.#awayShown = view.away;
    const text = view.away === null ? '' : awayWords(match, this.#game.line, view.away.moves, view.away.events);
    this.#notices.showAway(text);
    this.#announcer.say(text);
  }

  #showChat(view: View): void {
    const { match } = view;
    if (match) this.#chat.show(view.chat, match.role === 'spectator', match.chat);
  }

  /** What tests and style sheets read. */
  #root(): void {
    const { view, match, shown, tip, line, unconfirmed, seat } = this.#game;
    const set = (name: string, value: string | null): void => setAttribute(this.element, `data-${name}`, value);
    set('connection', view.connection);
    set('transport', view.transport);
    if (match === null) return;
    set('match', match.id);
    set('role', seat ?? 'spectator');
    set('variant', match.variant);
    set('fen', shown.fen);
    set('ply', String(tip.ply));
    set('shown-ply', String(shown.ply));
    set('confirmed-ply', String(line.last.ply));
    set('turn', tip.position.turn);
    set('orientation', this.#orientation);
    set('unconfirmed', unconfirmed === null ? 'false' : 'true');
    set('result', match.result?.outcome ?? null);
    set('termination', match.result?.termination ?? null);
    set('premove', this.#premoveName(this.#board.premove));
    set('seq', String(match.seq));
    set('epoch', String(match.epoch));
  }

  #titles(): void {
    const { match, isOver, isMyTurn, seat } = this.#game;
    if (match === null) return;
    const white = match.players.white.name;
    const black = match.players.black.name;
    setText(this.#heading, s.page.heading(white, black));
    if (this.#options.embedded) return;
    const names = s.page.title(white, black);
    let title = `${isMyTurn ? s.page.titleYourMove : s.page.titleWaiting} · ${names}`;
    if (isOver) title = `${s.page.titleOver} · ${names}`;
    else if (seat === null) title = s.page.titleWatching(white, black);
    if (title !== this.#title) document.title = title;
    this.#title = title;
  }

  // What happens in the match.

  #afterEnd(view: View): void {
    const { match } = view;
    if (match === null) return;
    const isOver = match.result !== null;
    if (isOver && this.#wasOver !== true) {
      this.#promotion.cancel();
      this.#board.clearPremove();
      this.#showPremove(null);
      if (match.rated) {
        const stop = fetchRatings(this.#options.matchmaker, match, (lines) => {
          this.#result.showRatings(lines);
          if (this.#wasOver) this.#announcer.say(lines.join('. '));
        });
        this.#stops.push(stop);
      }
    }
    this.#wasOver = isOver;
    const isNew = this.#hadRematch === null && match.rematch !== null;
    this.#hadRematch = match.rematch;
    if (isNew && this.#game.seat !== null) this.#goToRematch();
  }

  #goToRematch(): void {
    const id = this.#game.match?.rematch;
    if (id) this.#options.navigate(`/match/${id}`);
  }

  // What the player does.

  async #moved(from: SquareName, to: SquareName): Promise<void> {
    const game = this.#game;
    const { position } = game.tip;
    const { variant } = game.line;
    if (!isPromotion(position, parseSquare(from), parseSquare(to))) {
      return this.#submit(uciOf(position, variant, from, to));
    }
    const before = game.tip;
    const role = await this.#promotion.ask(to, position.turn, this.#orientation, variant);
    if (role === null || game.tip !== before) this.#show();
    else this.#submit(uciOf(position, variant, from, to, role));
  }

  #dropped(role: Role, to: SquareName): void {
    const letter = role === 'knight' ? 'N' : role.charAt(0).toUpperCase();
    this.#submit(`${letter}@${to}`);
  }

  #submit(uci: string): void {
    if (!this.#game.isMyTurn || !isLegal(this.#game.tip.position, uci)) return this.#show();
    void this.#play(uci, this.#claimsWithMove ? 'draw_claim' : null);
  }

  async #play(uci: string, extra: 'draw_offer' | 'draw_claim' | null): Promise<CommandAnswer> {
    this.#claimsWithMove = false;
    const answer = await this.#game.play(uci, extra);
    if (!answer.accepted && !this.#isTextMode) this.#refused('move', answer.refusal);
    return answer;
  }

  async #command(command: Command): Promise<CommandAnswer> {
    const answer = await this.#game.command(command);
    if (!answer.accepted) this.#refused(command.kind, answer.refusal);
    return answer;
  }

  #refused(kind: string, refusal: string): void {
    const words = refusalWords(kind, refusal);
    this.#notices.showMessage(words);
    this.#announcer.say(words);
  }

  async #premoved(premove: Premove | null): Promise<void> {
    this.#showPremove(premove);
    const game = this.#game;
    if (premove?.kind !== 'move' || premove.promotion !== null || game.seat === null) return;
    const { position } = game.tip;
    if (!isPromotion(position, parseSquare(premove.from), parseSquare(premove.to))) return;
    const role = await this.#promotion.ask(premove.to, game.seat, this.#orientation, game.line.variant);
    if (role !== null) this.#board.choosePremovePromotion(role);
    this.#showPremove(this.#board.premove);
  }

  #premoveName(premove: Premove | null): string | null {
    if (premove === null) return null;
    return premove.kind === 'drop' ? `${premove.role}@${premove.to}` : premove.from + premove.to;
  }

  #showPremove(premove: Premove | null): void {
    const wasHidden = this.#premoveNote.hidden;
    this.#premoveNote.hidden = premove === null;
    setAttribute(this.element, 'data-premove', this.#premoveName(premove));
    if (premove === null) return;
    const words =
      premove.kind === 'drop'
        ? s.move.drop(s.piece[premove.role], premove.to)
        : `${premove.from} ${s.list.to} ${premove.to}${premove.promotion ? ` ${s.move.promotes(s.piece[premove.promotion])}` : ''}`;
    setText(this.#premoveText, s.premove.set(words));
    if (wasHidden) this.#announcer.say(s.premove.set(words));
  }

  /** Sends the premove the moment that it is the player's turn. */
  #playPremove(): void {
    const premove = this.#board.premove;
    const game = this.#game;
    if (premove === null || !game.isMyTurn) return;
    this.#promotion.cancel();
    const uci = resolvePremove(game.tip.position, game.line.variant, premove);
    this.#board.clearPremove();
    this.#showPremove(null);
    if (uci === null) this.#announcer.say(s.premove.impossible);
    else void this.#play(uci, null);
  }

  #flip(): Seat {
    this.#flipped = !this.#flipped;
    this.#showMode();
    this.#show();
    return this.#orientation;
  }
}
