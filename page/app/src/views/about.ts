/** What this is, by which licences, and where its source is. */
import type { Mount } from '../context.ts';
import { about as words } from '../strings.ts';
import { h } from '../ui/dom.ts';

export const mount: Mount = (root) => {
  const section = (title: string, ...inner: (Node | string)[]): HTMLElement => h('section', { class: 'stack-small' }, h('h2', null, title), inner);
  const used = words.usesList.map(([name, what, licence]) =>
    h('tr', null, h('th', { scope: 'row' }, name), h('td', null, what), h('td', null, licence)),
  );
  root.append(
    h(
      'article',
      { class: 'stack-large prose', test: 'about' },
      h('h1', { tabindex: -1 }, words.heading),
      h('p', null, words.lead),
      section(words.keyboard, h('p', null, words.keyboardText)),
      section(words.privacy, h('p', null, words.privacyText)),
      section(words.licences, h('p', null, words.licenceText)),
      section(words.source, h('p', null, words.sourceText)),
      section(
        words.uses,
        h(
          'table',
          { class: 'table' },
          h('thead', null, h('tr', null, words.usesHead.map((title) => h('th', { scope: 'col' }, title)))),
          h('tbody', null, used),
        ),
      ),
      section(words.developers, h('p', null, words.developersText, ' ', h('a', { href: '/openapi.json', target: '_blank', rel: 'noopener' }, '/openapi.json'), '.')),
    ),
  );
  return { title: words.title };
};
