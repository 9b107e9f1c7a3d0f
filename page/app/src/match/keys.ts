// The keys that work anywhere in a match or a replay.

export interface KeyEvents {
  step(delta: 1 | -1 | 'first' | 'last'): void;
  escape(): void;
}

const STEPS: Record<string, 1 | -1 | 'first' | 'last'> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  Home: 'first',
  End: 'last',
};

/** Where these keys have a meaning of their own. */
const OWN_KEYS = 'input, select, textarea, [role="grid"], [role="dialog"], dialog, [contenteditable]';

/** Listens to keys while `root` is in the page; returns how to stop. */
export function jumpKeys(root: HTMLElement, events: KeyEvents): () => void {
  const listen = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const target = event.target instanceof Element ? event.target : null;
    // Another view's dialogue has its own keys.
    if (!root.isConnected || (target !== document.body && target !== null && target.closest(OWN_KEYS))) {
      if (event.key !== 'Escape' || target?.closest('dialog, [role="dialog"]')) return;
    }
    const step = STEPS[event.key];
    if (step !== undefined) {
      events.step(step);
      event.preventDefault();
    } else if (event.key === 'Escape') {
      events.escape();
    }
  };
  document.addEventListener('keydown', listen);
  return () => document.removeEventListener('keydown', listen);
}
