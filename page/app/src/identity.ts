/** Who the visitor is: nobody yet, a guest, or a named player. The token is kept in `localStorage`, for all tabs. */
import { type Matchmaker, Problem, type SignedIn } from 'rookery-session';
import { ownStorage } from './preferences.ts';

/** The player of this browser. */
export interface Me {
  readonly player: string;
  readonly name: string;
  readonly token: string;
  /** When the token ends, in milliseconds since 1970. */
  readonly expiresAt: number;
  /** Whether there is an account, and not only a guest. */
  readonly isNamed: boolean;
}

/** Why a sign-in is over without the visitor's doing. */
export type Ended = 'token_expired' | 'token_invalid' | 'token_revoked';

const STORED_AS = 'rookery.player';

/** A token that ends within this many milliseconds counts as ended: a request with it might come too late. */
const MARGIN_MS = 60_000;

/** The problems that say that a token is of no use any more. */
const ENDED: readonly string[] = ['token_expired', 'token_invalid', 'token_revoked'];

/** Whether a problem says that the token is of no use any more. */
export function isEnded(code: string): code is Ended {
  return ENDED.includes(code);
}

/** A stored player, or `null` for what is none or has ended by `now` (milliseconds since 1970). */
export function parseMe(stored: string | null, now: number): Me | null {
  try {
    const found = JSON.parse(stored ?? 'null') as Partial<Me> | null;
    const { player, name, token, expiresAt, isNamed } = found ?? {};
    const isWhole =
      typeof player === 'string' &&
      typeof name === 'string' &&
      typeof token === 'string' &&
      typeof expiresAt === 'number' &&
      typeof isNamed === 'boolean';
    return isWhole && expiresAt > now + MARGIN_MS ? { player, name, token, expiresAt, isNamed } : null;
  } catch {
    return null;
  }
}

/** Keeps who the visitor is. */
export class Identity {
  private present: Me | null;
  private readonly storage: Storage | null;
  private readonly now: () => number;
  private readonly listeners = new Set<() => void>();
  private making: Promise<Me> | null = null;
  private ended: Ended | null = null;

  constructor(storage: Storage | null = ownStorage(), now: () => number = Date.now) {
    this.storage = storage;
    this.now = now;
    this.present = this.read();
    globalThis.addEventListener?.('storage', (event) => {
      if (event.key === STORED_AS || event.key === null) {
        this.present = this.read();
        this.tell();
      }
    });
  }

  /** Who the visitor is now. */
  get me(): Me | null {
    if (this.present && this.present.expiresAt <= this.now() + MARGIN_MS) {
      this.end('token_expired');
    }
    return this.present;
  }

  /** Why the last sign-in of a named player ended, until there is another. */
  get endedBecause(): Ended | null {
    return this.ended;
  }

  /** The token, for requests. */
  readonly token = (): string | null => this.me?.token ?? null;

  /** Calls `listener` after each change; returns how to stop that. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The player, who is made a guest if nobody is known yet. Throws the matchmaker's `Problem`, for example `no_guests`. */
  ensure(matchmaker: Matchmaker): Promise<Me> {
    const me = this.me;
    if (me) {
      return Promise.resolve(me);
    }
    // Two views that need a guest at the same moment share it.
    this.making ??= matchmaker
      .guest()
      .then((reply) => this.become(reply, false))
      .finally(() => {
        this.making = null;
      });
    return this.making;
  }

  /** Takes on a player. */
  become(reply: SignedIn, isNamed: boolean): Me {
    const { player, name, token, expires_at } = reply;
    const me = { player, name, token, expiresAt: expires_at, isNamed };
    this.set(me);
    this.ended = null;
    this.tell();
    return me;
  }

  /** Forgets the player on this device. */
  forget(): void {
    this.ended = null;
    this.set(null);
    this.tell();
  }

  /** The server has refused this token. */
  refused(token: string | null, why: Ended): void {
    if (this.present && this.present.token === token) {
      this.end(why);
    }
  }

  private end(why: Ended): void {
    // A guest whose time is over just becomes another guest.
    this.ended = this.present?.isNamed ? why : null;
    this.set(null);
    this.tell();
  }

  private set(me: Me | null): void {
    this.present = me;
    try {
      if (me) {
        this.storage?.setItem(STORED_AS, JSON.stringify(me));
      } else {
        this.storage?.removeItem(STORED_AS);
      }
    } catch {
      // Without storage the player lasts as long as the page.
    }
  }

  private read(): Me | null {
    try {
      return parseMe(this.storage?.getItem(STORED_AS) ?? null, this.now());
    } catch {
      return null;
    }
  }

  private tell(): void {
    this.listeners.forEach((listener) => listener());
  }
}

/** Does what needs a player, as a guest if need be; a guest whose token is refused becomes another one, once. */
export async function asSomebody<T>(
  identity: Identity,
  matchmaker: Matchmaker,
  act: () => Promise<T>,
): Promise<T> {
  const me = await identity.ensure(matchmaker);
  try {
    return await act();
  } catch (problem) {
    if (me.isNamed || !(problem instanceof Problem) || !isEnded(problem.code)) {
      throw problem;
    }
    await identity.ensure(matchmaker);
    return act();
  }
}
