/** Where nothing is. */
import type { Mount } from '../context.ts';
import { shell as words } from '../strings.ts';
import { h } from '../ui/dom.ts';
import { linkButton } from '../ui/parts.ts';

export const mount: Mount = (root) => {
  root.append(
    h(
      'section',
      { class: 'stack', test: 'not-found' },
      h('h1', { tabindex: -1 }, words.notFoundTitle),
      h('p', null, words.notFound),
      h('div', { class: 'buttons' }, linkButton(words.toLobby, '/', { class: 'button-primary' })),
    ),
  );
  return { title: words.notFoundTitle };
};
