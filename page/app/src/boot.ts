/**
 * Sets the chosen colours before anything is painted. It is a script of its own, because the security policy allows none in
 * the page's text, and the rest of the page is loaded later.
 */
import { ownStorage, parsePreferences, STORED_AS } from './preferences.ts';

try {
  const { theme } = parsePreferences(ownStorage()?.getItem(STORED_AS) ?? null);
  if (theme !== 'system') {
    document.documentElement.dataset['theme'] = theme;
  }
} catch {
  // Without storage the colours are those of the system.
}
