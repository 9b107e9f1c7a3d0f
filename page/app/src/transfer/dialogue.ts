/** The dialogue that takes the visitor to another device: a code that works once, as a link and as a picture. */
import type { Context } from '../context.ts';
import { transfer as words } from '../strings.ts';
import { h, replace, setText } from '../ui/dom.ts';
import { button, copyField, failure, openDialogue } from '../ui/parts.ts';
import { qrCode } from '../ui/qr.ts';
import { clockTime } from '../words/times.ts';
import { transferLink } from './link.ts';

/** How long a code works, in milliseconds. */
const LASTS_MS = 5 * 60_000;

/** Opens the dialogue, which closes when `done` is aborted. With `matchId`, the other device goes on in that match. */
export function openTransfer(context: Context, matchId?: string, done?: AbortSignal): void {
  const abort = new AbortController();
  const dialogue = openDialogue(words.title, 'transfer-dialogue', () => abort.abort());
  done?.addEventListener('abort', () => dialogue.close(), { signal: abort.signal });
  const place = h('div', { class: 'stack', 'aria-busy': true });
  const lead = h('p', null, words.lead, matchId !== undefined && ` ${words.leadMatch}`);
  dialogue.body.append(lead, place);
  const make = async (): Promise<void> => {
    replace(place, h('div', { class: 'qr-place' }, h('div', { class: 'qr skeleton' })));
    try {
      const { code, expires_at: expiresAt } = await context.asSomebody(() => context.matchmaker.transfer());
      if (abort.signal.aborted) {
        return;
      }
      // Counted from now where this device's clock is plainly wrong.
      const span = expiresAt - Date.now();
      const endsAt = performance.now() + (span > 0 && span <= LASTS_MS ? span : LASTS_MS);
      const link = new URL(transferLink(code, matchId), location.origin).href;
      const line = h('p', { class: 'muted', test: 'transfer-expiry' });
      const timer = setInterval(() => tick(), 1000);
      abort.signal.addEventListener('abort', () => clearInterval(timer));
      const tick = (): void => {
        const ms = endsAt - performance.now();
        setText(line, words.expires(clockTime(ms)));
        if (ms <= 0) {
          clearInterval(timer);
          replace(place, h('p', { role: 'status' }, words.expired), button(words.renew, { class: 'button-primary', test: 'transfer-renew', onclick: () => void make() }));
        }
      };
      replace(
        place,
        h('div', { class: 'qr-place' }, qrCode(link, words.qr, 'transfer-qr')),
        line,
        copyField(words.link, link, (text) => context.toast(text), undefined, 'transfer-link'),
      );
      tick();
    } catch (problem) {
      replace(place, failure(problem, () => void make()));
    } finally {
      place.removeAttribute('aria-busy');
    }
  };
  void make();
}
