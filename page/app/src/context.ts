/** What every view is given. */
import type { Matchmaker } from 'rookery-session';
import type { Identity, Me } from './identity.ts';
import type { Preferences } from './preferences.ts';
import type { Navigate } from './router.ts';
import type { Seek } from './seek.ts';

/** Sounds that the page makes outside of a match. */
export type Sound = 'found' | 'notify';

/** The page, as its views see it. */
export interface Context {
  readonly matchmaker: Matchmaker;
  readonly identity: Identity;
  readonly preferences: Preferences;
  readonly navigate: Navigate;
  /** The wait for an opponent in a pool, which goes on over all views. */
  readonly seek: Seek;
  /** Says something to those who use a screen reader. */
  announce(text: string): void;
  /** Shows a line at the foot of the page for some seconds, and says it. */
  toast(text: string): void;
  /** Says why something did not work; who has to sign in first is taken there, and back afterwards. */
  refuse(problem: unknown): void;
  sound(name: Sound): void;
  /** Opens the way to another device, to a match or to the lobby there; it closes when `done` is aborted. */
  transfer(matchId?: string, done?: AbortSignal): void;
  /** Does what needs a player: as a guest, if nobody is known yet. */
  asSomebody<T>(act: () => Promise<T>): Promise<T>;
  /** The player, who is made a guest if nobody is known yet. */
  ensure(): Promise<Me>;
}

/** A view on the page. */
export interface View {
  /** What the tab is called; `null` if the view says that itself. */
  readonly title: string | null;
  /** Where the focus goes when the visitor comes here; by default the first heading. */
  readonly focus?: HTMLElement | null;
  /** Ends what the view does. */
  close?(): void;
}

/** Puts a view into `root`, which is empty. `signal` is aborted when the visitor leaves. */
export type Mount = (root: HTMLElement, context: Context, id: string, signal: AbortSignal) => View | Promise<View>;
