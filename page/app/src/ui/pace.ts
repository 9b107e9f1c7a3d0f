/** Things that are done again and again, only while the page is looked at. */

/**
 * Calls `act` now, and again `ms` after it has ended, until `signal` is aborted. Pauses while the page is hidden, and goes
 * on as soon as it is shown. Failures are for `act` to show: what it throws is a bug.
 */
export function repeat(ms: number, act: () => Promise<void>, signal: AbortSignal): void {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let isRunning = false;
  const run = async (): Promise<void> => {
    if (isRunning || signal.aborted) {
      return;
    }
    isRunning = true;
    if (timer !== null) {
      clearTimeout(timer);
      timer = null;
    }
    try {
      await act();
    } finally {
      isRunning = false;
      if (!signal.aborted && !document.hidden) {
        timer = setTimeout(() => void run(), ms);
      }
    }
  };
  const shown = (): void => {
    if (!document.hidden) {
      void run();
    }
  };
  document.addEventListener('visibilitychange', shown, { signal });
  signal.addEventListener('abort', () => timer !== null && clearTimeout(timer));
  void run();
}

/** Calls `act` now and then each second, for running times. */
export function everySecond(act: () => void, signal: AbortSignal): void {
  act();
  const timer = setInterval(act, 1000);
  signal.addEventListener('abort', () => clearInterval(timer));
}
