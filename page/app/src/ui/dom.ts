/** Builds the page's elements. There is no framework: a view makes elements once and changes what changes. */

/** What stands between an element's tags: nodes, text, and nothing for `null`, `undefined` and `false`. */
export type Child = Node | string | number | null | undefined | false | readonly Child[];

/** A listener of an element. */
type Listener<E extends Event = Event> = (event: E) => void;

type Listeners = {
  [K in keyof HTMLElementEventMap as `on${K}`]?: Listener<HTMLElementEventMap[K]> | null;
};

/**
 * Attributes by name: text and numbers as they are, `true` as an empty attribute, `false`, `null` and `undefined` as none.
 * ARIA attributes take booleans as words. `test` is short for `data-test`; `value`, `checked` and `selected` also set the
 * property of that name; functions under `on…` are listeners.
 */
export type Props = Listeners & {
  test?: string;
  [attribute: string]: unknown;
};

/** Makes an HTML element. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props?: Props | null,
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (props) {
    setProps(element, props);
  }
  append(element, children);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** Makes an SVG element. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  props?: Record<string, unknown> | null,
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    setAttribute(element, name, value);
  }
  append(element, children);
  return element;
}

/** Sets attributes, properties and listeners of an element. */
export function setProps(element: HTMLElement, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function' && name.startsWith('on')) {
      element.addEventListener(name.slice(2), value as EventListener);
    } else if (name === 'test') {
      setAttribute(element, 'data-test', value);
    } else if ((name === 'value' || name === 'checked' || name === 'selected') && name in element) {
      (element as unknown as Record<string, unknown>)[name] = value;
    } else {
      setAttribute(element, name, value);
    }
  }
}

/** Sets an attribute, or removes it. */
export function setAttribute(element: Element, name: string, value: unknown): void {
  const isWord = name.startsWith('aria-') || name === 'draggable' || name === 'spellcheck';
  if (typeof value === 'boolean' && isWord) {
    element.setAttribute(name, String(value));
  } else if (value === false || value === null || value === undefined) {
    element.removeAttribute(name);
  } else {
    const text = value === true ? '' : String(value);
    // An attribute that is set again to what it is would make observers and assistive technology look again.
    if (element.getAttribute(name) !== text) {
      element.setAttribute(name, text);
    }
  }
}

/** Appends children. */
export function append(parent: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (Array.isArray(child)) {
      append(parent, child as readonly Child[]);
    } else if (child instanceof Node) {
      parent.appendChild(child);
    } else if (child !== null && child !== undefined && child !== false) {
      parent.appendChild(document.createTextNode(String(child)));
    }
  }
}

/** Replaces what is in an element. */
export function replace(parent: Element, ...children: Child[]): void {
  parent.replaceChildren();
  append(parent, children);
}

/** Sets an element's text, and leaves it alone if that is its text. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** A row of a list that changes: its element, and how it shows a newer item. */
export interface Row<T> {
  readonly element: HTMLElement;
  update(item: T): void;
  /** Lets go of what the row holds. */
  close?(): void;
}

/**
 * Keeps a list of elements in step with a list of items: rows of items that stay are updated in their place, so that neither
 * focus nor pictures are lost when a list is asked for again.
 */
export class Rows<T> {
  private readonly rows = new Map<string, Row<T>>();
  private readonly parent: Element;
  private readonly key: (item: T) => string;
  private readonly make: (item: T) => Row<T>;

  constructor(parent: Element, key: (item: T) => string, make: (item: T) => Row<T>) {
    this.parent = parent;
    this.key = key;
    this.make = make;
  }

  /** Shows these items, in this order. */
  show(items: readonly T[]): void {
    const keys = new Set(items.map(this.key));
    for (const [key, row] of this.rows) {
      if (!keys.has(key)) {
        row.element.remove();
        row.close?.();
        this.rows.delete(key);
      }
    }
    let before = this.parent.firstElementChild;
    for (const item of items) {
      const key = this.key(item);
      let row = this.rows.get(key);
      if (row === undefined) {
        row = this.make(item);
        this.rows.set(key, row);
      }
      row.update(item);
      if (row.element === before) {
        before = before.nextElementSibling;
      } else {
        this.parent.insertBefore(row.element, before);
      }
    }
  }

  /** Removes all rows. */
  close(): void {
    this.show([]);
  }
}
