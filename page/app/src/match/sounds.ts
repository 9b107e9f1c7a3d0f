// Sounds, made by the browser itself: there is no file to load. Nothing is heard before a person has touched the page,
// as browsers want it, or while the preference is off.
import type { Preferences } from './types.ts';

/** What can be heard. */
export type SoundName = 'found' | 'move' | 'capture' | 'check' | 'end' | 'low' | 'notify';

/** A tone: pitch in hertz, when it begins and how long it lasts in seconds, how loud, and its shape. */
interface Tone {
  readonly hz: number;
  readonly to?: number;
  readonly at: number;
  readonly for: number;
  readonly gain: number;
  readonly shape: OscillatorType;
}

const tone = (hz: number, at: number, length: number, gain: number, shape: OscillatorType = 'sine', to?: number): Tone => ({
  hz,
  at,
  for: length,
  gain,
  shape,
  ...(to === undefined ? {} : { to }),
});

const SOUNDS: Record<SoundName, readonly Tone[]> = {
  move: [tone(210, 0, 0.07, 0.5, 'triangle', 120)],
  capture: [tone(180, 0, 0.09, 0.6, 'triangle', 80), tone(900, 0, 0.025, 0.12, 'square', 300)],
  check: [tone(210, 0, 0.06, 0.4, 'triangle', 120), tone(660, 0.05, 0.14, 0.22)],
  low: [tone(880, 0, 0.09, 0.25), tone(880, 0.14, 0.09, 0.25)],
  notify: [tone(587, 0, 0.1, 0.22), tone(784, 0.1, 0.16, 0.22)],
  found: [tone(523, 0, 0.12, 0.25), tone(659, 0.12, 0.12, 0.25), tone(784, 0.24, 0.22, 0.25)],
  end: [tone(392, 0, 0.18, 0.25), tone(330, 0.16, 0.18, 0.25), tone(262, 0.32, 0.35, 0.25)],
};

export class Sounds {
  readonly #preferences: Preferences;
  #context: AudioContext | null = null;
  #touched = navigator.userActivation?.hasBeenActive ?? false;

  constructor(preferences: Preferences) {
    this.#preferences = preferences;
    if (!this.#touched) {
      for (const kind of GESTURES) addEventListener(kind, this.#touch, { once: true, passive: true, capture: true });
    }
  }

  /** Plays a sound, if that is wanted and allowed. */
  play(name: SoundName): void {
    if (!this.#touched || !this.#preferences.get('sound') || typeof AudioContext === 'undefined') return;
    const context = (this.#context ??= new AudioContext());
    if (context.state === 'suspended') void context.resume();
    for (const one of SOUNDS[name]) ring(context, one);
  }

  close(): void {
    for (const kind of GESTURES) removeEventListener(kind, this.#touch, { capture: true });
    void this.#context?.close();
    this.#context = null;
  }

  readonly #touch = (): void => {
    this.#touched = true;
  };
}

const GESTURES = ['pointerdown', 'keydown', 'touchend'] as const;

function ring(context: AudioContext, one: Tone): void {
  const start = context.currentTime + one.at;
  const end = start + one.for;
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.type = one.shape;
  oscillator.frequency.setValueAtTime(one.hz, start);
  if (one.to !== undefined) oscillator.frequency.exponentialRampToValueAtTime(one.to, end);
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(one.gain, start + 0.005);
  gain.gain.exponentialRampToValueAtTime(0.001, end);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(end + 0.02);
}
