/** What a visitor has chosen for this browser: kept in `localStorage`, and the same in all tabs. */

/** The colours of the page: as the system has them, or always light, or always dark. */
export type Theme = 'system' | 'light' | 'dark';

/** All preferences. */
export interface PreferenceValues {
  /** The colours of the page. */
  theme: Theme;
  /** Whether moves, low time and the end of a match are heard. */
  sound: boolean;
  /** Whether matches are shown as text with a box for moves. */
  text: boolean;
}

/** Reads and changes preferences. */
export interface Preferences {
  get<K extends keyof PreferenceValues>(key: K): PreferenceValues[K];
  set<K extends keyof PreferenceValues>(key: K, value: PreferenceValues[K]): void;
  /** Calls `listener` after each change, also in another tab; returns how to stop that. */
  subscribe(listener: () => void): () => void;
}

/** Where preferences are kept. `boot.ts` reads the theme from there before the page is painted. */
export const STORED_AS = 'rookery.preferences';

const USUAL: Readonly<PreferenceValues> = { theme: 'system', sound: true, text: false };

const ALLOWED: { [K in keyof PreferenceValues]: readonly PreferenceValues[K][] } = {
  theme: ['system', 'light', 'dark'],
  sound: [true, false],
  text: [true, false],
};

/** Preferences out of stored text: what cannot be read is as usual. */
export function parsePreferences(stored: string | null): PreferenceValues {
  const values: PreferenceValues = { ...USUAL };
  let found: unknown;
  try {
    found = JSON.parse(stored ?? '{}');
  } catch {
    return values;
  }
  if (typeof found === 'object' && found !== null) {
    const read = <K extends keyof PreferenceValues>(key: K): void => {
      const value = (found as Record<string, unknown>)[key] as PreferenceValues[K];
      if (ALLOWED[key].includes(value)) {
        values[key] = value;
      }
    };
    (Object.keys(USUAL) as (keyof PreferenceValues)[]).forEach(read);
  }
  return values;
}

/** The preferences of this browser. Without storage (private windows of some browsers) they last as long as the page. */
export function openPreferences(storage: Storage | null = ownStorage()): Preferences {
  const read = (): PreferenceValues => {
    try {
      return parsePreferences(storage?.getItem(STORED_AS) ?? null);
    } catch {
      return { ...USUAL };
    }
  };
  let values = read();
  const listeners = new Set<() => void>();
  const tell = (): void => listeners.forEach((listener) => listener());
  globalThis.addEventListener?.('storage', (event) => {
    if (event.key === STORED_AS || event.key === null) {
      values = read();
      tell();
    }
  });
  return {
    get: (key) => values[key],
    set(key, value) {
      if (values[key] === value) {
        return;
      }
      values = { ...values, [key]: value };
      try {
        storage?.setItem(STORED_AS, JSON.stringify(values));
      } catch {
        // A full or forbidden storage: the preference holds until the page is closed.
      }
      tell();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The browser's storage, or `null` where it is forbidden. */
export function ownStorage(): Storage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}
