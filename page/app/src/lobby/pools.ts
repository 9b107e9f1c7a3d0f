/** The pools as tiles: a press waits for an opponent, and another one stops that. */
import { Problem, type Pool } from 'rookery-session';
import type { Context } from '../context.ts';
import { lobby as words, terms } from '../strings.ts';
import { variantName } from '../terms/words.ts';
import { h, replace, Rows, setAttribute, setText, type Row } from '../ui/dom.ts';
import { everySecond, repeat } from '../ui/pace.ts';
import { button, failure } from '../ui/parts.ts';
import { clockTime, controlWords, speedOf, stretchShort } from '../words/times.ts';

/** How often waiting numbers are asked for, in milliseconds. */
const ASK_EVERY_MS = 3_000;

/** Tiles that keep the place until the pools are known. */
const EXPECTED = 6;

/** The tiles. */
export function pools(context: Context, signal: AbortSignal): HTMLElement {
  const { matchmaker } = context;
  const list = h('ul', { class: 'pools', 'aria-label': words.pools, test: 'pools' });
  const place = h('div', { class: 'pools', 'aria-hidden': true }, placeholders());
  const problem = h('div', { role: 'status' });
  const rows = new Rows<Pool>(list, (pool) => pool.id, (pool) => tile(context, pool, signal));
  let isKnown = false;
  const load = async (): Promise<void> => {
    try {
      const found = await matchmaker.pools();
      isKnown = true;
      place.remove();
      rows.show(found);
      replace(problem, found.length === 0 && h('p', { class: 'muted' }, words.noPools));
    } catch (error) {
      if (!(error instanceof Problem)) {
        throw error;
      }
      // Numbers that are a little old are better than none.
      if (!isKnown && !signal.aborted) {
        place.remove();
        replace(problem, failure(error, () => void load()));
      }
    }
  };
  repeat(ASK_EVERY_MS, load, signal);
  return h('div', { class: 'stack' }, place, list, problem);
}

function placeholders(): HTMLElement[] {
  return Array.from({ length: EXPECTED }, () => h('div', { class: 'pool-place skeleton' }));
}

function tile(context: Context, first: Pool, signal: AbortSignal): Row<Pool> {
  const { seek } = context;
  let pool = first;
  const pace = controlWords(pool.control);
  const speed = terms.speeds[speedOf(pool.control)] ?? '';
  const variant = pool.variant === 'standard' ? '' : variantName(pool.variant);
  const kind = [variant || speed, pool.rated && terms.rated].filter((part) => part).join(' · ');
  const waiting = h('span');
  const wait = h('span');
  const press = h(
    'button',
    { type: 'button', class: 'pool', test: 'pool', 'data-pool': pool.id },
    h('span', { class: 'pool-pace number' }, pace),
    ' ',
    h('span', { class: 'pool-kind' }, kind),
    ' ',
    h('span', { class: 'pool-numbers' }, waiting, ' ', wait),
  );
  const time = h('time', { class: 'pool-time number', role: 'timer', 'aria-label': words.searching(pace) });
  const stop = button(words.cancelSearch, { class: 'button-small', test: 'seek-cancel' });
  const trouble = h('span', { class: 'small', role: 'status' });
  const waits = h(
    'div',
    { class: 'pool pool-waits', hidden: true, test: 'seeking', 'data-pool': pool.id },
    h('span', { class: 'pool-pace number' }, pace),
    time,
    trouble,
    stop,
  );
  press.addEventListener('click', () => {
    context.announce(words.searching(pace));
    void seek.start(pool);
  });
  stop.addEventListener('click', () => {
    context.announce(words.stopped);
    seek.stop();
  });
  const isMine = (): boolean => seek.seeking?.pool.id === pool.id;
  const showWait = (): void => {
    const { seeking } = seek;
    const isWaiting = isMine();
    if (isWaiting === !waits.hidden) {
      setText(trouble, isWaiting && seeking?.trouble ? words.trouble : '');
      return;
    }
    // The focus stays where it was: on the tile.
    const hadFocus = press.contains(document.activeElement) || waits.contains(document.activeElement);
    press.hidden = isWaiting;
    waits.hidden = !isWaiting;
    if (hadFocus) {
      (isWaiting ? stop : press).focus();
    }
    tick();
  };
  const tick = (): void => {
    if (isMine() && seek.seeking) {
      setText(time, clockTime(performance.now() - seek.seeking.since));
    }
  };
  const stopListening = seek.subscribe(showWait);
  everySecond(tick, signal);
  signal.addEventListener('abort', stopListening);
  const element = h('li', null, press, waits);
  return {
    element,
    update(now) {
      pool = now;
      setText(waiting, now.waiting > 0 || now.wait_ms === undefined ? words.waiting(now.waiting) : '');
      setText(wait, now.wait_ms === undefined ? '' : words.wait(stretchShort(now.wait_ms)));
      setAttribute(press, 'data-waiting', now.waiting);
      showWait();
    },
    close: stopListening,
  };
}
