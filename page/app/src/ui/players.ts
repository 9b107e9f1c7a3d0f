/** Players as they stand in lists. */
import type { SeatView } from 'rookery-session';
import { player as words } from '../strings.ts';
import { pathOf } from '../router.ts';
import { h } from './dom.ts';

/** Name, rating, and whether it is a computer. With `isLink`, it leads to the player's page. */
export function playerTag({ id, name, rating, is_bot: isBot }: SeatView, isLink = true): HTMLElement {
  const inner = [
    h('span', { class: 'player-name' }, name),
    isBot && h('span', { class: 'badge' }, words.bot),
    rating !== null && h('span', { class: 'player-rating number' }, rating),
  ];
  return isLink
    ? h('a', { class: 'player-tag', href: pathOf({ name: 'player', id }) }, inner)
    : h('span', { class: 'player-tag' }, inner);
}
