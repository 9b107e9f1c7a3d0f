/** What a guest can change: the name, and the device. */
import type { Context } from '../context.ts';
import { account as words } from '../strings.ts';
import { h, replace } from '../ui/dom.ts';
import { button, field } from '../ui/parts.ts';
import { formCard } from './forms.ts';

/** The guest's part of the page. */
export function guestPart(context: Context): HTMLElement {
  const { identity, matchmaker } = context;
  const { me } = identity;
  const name = field(words.name, { value: me?.name ?? '', autocomplete: 'nickname', maxlength: 32, test: 'guest-name' }, words.nameHint);
  const rename = async (): Promise<void> => {
    const wanted = name.input.value.trim();
    const present = identity.me;
    if (present && present.name === wanted) {
      return;
    }
    // A guest with another name is another guest, who would have no seat in a match of the former one.
    if (present && (await isPlaying(context, present.player))) {
      name.error(words.finishFirst);
      return;
    }
    context.seek.stop();
    const reply = identity.become(await matchmaker.guest(wanted), false);
    context.toast(words.nameChanged(reply.name));
  };
  const card = formCard({
    title: me ? words.guestTitle : words.asGuest,
    test: 'guest',
    fields: [name],
    submit: me ? words.changeName : words.asGuest,
    more: me && h('div', { class: 'buttons' }, button(words.otherDevice, { test: 'transfer', onclick: () => context.transfer() })),
    check: () => (name.input.value.trim() === '' ? [[name, words.nameMissing]] : []),
    send: rename,
    fieldOf: (code) => (code === 'name_taken' || code === 'invalid_name' ? name : null),
  });
  const lead = h('p', { class: 'muted' });
  replace(lead, me ? words.guestLead : words.noGuest);
  card.querySelector('h2')?.after(lead);
  return card;
}

async function isPlaying(context: Context, player: string): Promise<boolean> {
  const { matches } = await context.matchmaker.live({ player, limit: 5 });
  return matches.some(({ players }) => players.white.id === player || players.black.id === player);
}
