/** Varints, texts and parts. */

import { utf8 } from '../host.ts';

/** Bytes that are no frame of the protocol. */
export class Malformed extends Error {
  constructor(why: string) {
    super(`a frame that is none of this protocol: ${why}`);
    this.name = 'Malformed';
  }
}

/** Reads one body, or one part of it. Throws {@link Malformed}. */
export class Reader {
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#view.byteLength - this.#at;
  }

  #take(length: number): number {
    if (length > this.left) throw new Malformed('it ends too early');
    const at = this.#at;
    this.#at += length;
    return at;
  }

  byte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  bool(): boolean {
    const byte = this.byte();
    if (byte > 1) throw new Malformed(`${byte} is neither true nor false`);
    return byte === 1;
  }

  u16(): number {
    const first = this.byte();
    if (first <= 250) return first;
    if (first === 251) return this.#view.getUint16(this.#take(2));
    throw new Malformed('a number that is too large');
  }

  u32(): number {
    const first = this.byte();
    if (first <= 250) return first;
    if (first === 251) return this.#view.getUint16(this.#take(2));
    if (first === 252) return this.#view.getUint32(this.#take(4));
    throw new Malformed('a number that is too large');
  }

  big(): bigint {
    const first = this.byte();
    if (first <= 250) return BigInt(first);
    if (first === 251) return BigInt(this.#view.getUint16(this.#take(2)));
    if (first === 252) return BigInt(this.#view.getUint32(this.#take(4)));
    if (first === 253) return this.#view.getBigUint64(this.#take(8));
    throw new Malformed('a number that is too large');
  }

  /** A u64 that is below 2^53, as all counts and times of the protocol are for 285 years. */
  u64(): number {
    return safe(this.big());
  }

  /** Eight bytes without a mark, below 2^53. */
  fixed64(): number {
    return safe(this.#view.getBigUint64(this.#take(8)));
  }

  option<T>(read: () => T): T | null {
    return this.bool() ? read() : null;
  }

  /** As many as it says, each of at least `lengthMin` bytes. */
  list<T>(lengthMin: number, read: () => T): T[] {
    const count = this.u64();
    if (count * lengthMin > this.left) throw new Malformed('a list that is too long');
    return Array.from({ length: count }, read);
  }

  bytes(): Uint8Array {
    const length = this.u64();
    if (length > this.left) throw new Malformed('a text or part that is too long');
    const at = this.#take(length);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, length);
  }

  text(): string {
    return decoded(this.bytes());
  }

  /** A text of a fixed length. */
  plain(length: number): string {
    const at = this.#take(length);
    return decoded(new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, length));
  }

  /** A part with its own length; what `read` leaves of it is skipped. */
  part<T>(read: (part: Reader) => T): T {
    return read(new Reader(this.bytes()));
  }

  /** One of `table`; a number beyond it is malformed. */
  kind<T>(table: readonly T[]): T {
    const known = this.knownKind(table);
    if (known === undefined) throw new Malformed('an unknown kind');
    return known;
  }

  /** One of `table`; undefined where a later version has added kinds. */
  knownKind<T>(table: readonly T[]): T | undefined {
    return table[this.u32()];
  }
}

function safe(number: bigint): number {
  if (number > BigInt(Number.MAX_SAFE_INTEGER)) throw new Malformed('a number that is too large');
  return Number(number);
}

function decoded(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Malformed('a text that is not UTF-8');
  }
}

/** Writes one frame: four bytes of length, then what is added. */
export class Writer {
  #bytes = new Uint8Array(64);
  #length = 4;

  #room(length: number): DataView {
    if (this.#length + length > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.#length + length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    const view = new DataView(this.#bytes.buffer, this.#length, length);
    this.#length += length;
    return view;
  }

  byte(value: number): this {
    this.#room(1).setUint8(0, value);
    return this;
  }

  bool(value: boolean): this {
    return this.byte(value ? 1 : 0);
  }

  /** A varint of any width. */
  varint(value: number | bigint): this {
    const number = BigInt(value);
    if (number <= 250n) return this.byte(Number(number));
    if (number <= 0xffffn) {
      this.byte(251).#room(2).setUint16(0, Number(number));
    } else if (number <= 0xffff_ffffn) {
      this.byte(252).#room(4).setUint32(0, Number(number));
    } else {
      this.byte(253).#room(8).setBigUint64(0, number);
    }
    return this;
  }

  option<T>(value: T | null, write: (value: T) => unknown): this {
    this.bool(value !== null);
    if (value !== null) write(value);
    return this;
  }

  raw(bytes: Uint8Array): this {
    const view = this.#room(bytes.length);
    new Uint8Array(view.buffer, view.byteOffset, bytes.length).set(bytes);
    return this;
  }

  text(value: string): this {
    const bytes = utf8.encode(value);
    return this.varint(bytes.length).raw(bytes);
  }

  /** The frame, with the length of its body. */
  frame(): Uint8Array {
    const frame = this.#bytes.slice(0, this.#length);
    new DataView(frame.buffer).setUint32(0, this.#length - 4);
    return frame;
  }

  /** What was added, without the length. */
  body(): Uint8Array {
    return this.#bytes.slice(4, this.#length);
  }
}
