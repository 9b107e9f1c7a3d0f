/** What a client sends. */

import type { Command } from '../types.ts';
import { Writer } from './bytes.ts';
import { moveNumber } from './moves.ts';
import { COMMANDS, WITHS } from './names.ts';

/** The version of the protocol that is spoken here. */
export const VERSION = 2;
/** Longest token, in bytes. */
export const TOKEN_LEN_MAX = 1_024;
/** Longest body of a client's frame, in bytes. */
export const CLIENT_FRAME_LEN_MAX = 1_536;
/** Longest line of chat, in characters. */
export const CHAT_LEN_MAX = 140;

/** Wishes for a stream, as bits. */
export const JOIN_FLAGS = {
  /** For a program that passes on the moves of a distant player. */
  noLagCompensation: 1,
  /** A `Heartbeat` after 5 seconds without any other frame. */
  heartbeats: 2,
  /** A `Heartbeat` after 1 second without any other frame. */
  fastHeartbeats: 16,
} as const;

/** A command as it is sent: a move names its position. */
export type SentCommand = Command & { readonly positionSeq?: number };

/** A frame of a client. */
export type ClientFrame =
  | { readonly kind: 'join'; readonly version: number; readonly flags: number; readonly matchId: string; readonly token: string; readonly seen: number | null }
  | { readonly kind: 'command'; readonly id: bigint; readonly command: SentCommand }
  | { readonly kind: 'leave' }
  | { readonly kind: 'say'; readonly id: number; readonly text: string };

/** The bytes of a frame. Throws `RangeError` for what cannot be sent, as a move that is none. */
export function encodeClient(frame: ClientFrame): Uint8Array {
  const to = new Writer();
  switch (frame.kind) {
    case 'join':
      join(to, frame);
      break;
    case 'command':
      to.varint(1).varint(frame.id);
      command(to, frame.command);
      break;
    case 'leave':
      to.varint(2);
      break;
    case 'say':
      to.varint(3).varint(frame.id).text(frame.text);
      break;
  }
  const bytes = to.frame();
  if (bytes.length - 4 > CLIENT_FRAME_LEN_MAX) throw new RangeError('a frame that is too long');
  return bytes;
}

function join(to: Writer, frame: ClientFrame & { kind: 'join' }): void {
  if (!isMatchId(frame.matchId)) throw new RangeError('a match id has 12 letters and digits');
  to.varint(0).varint(frame.version).varint(frame.flags);
  for (let at = 0; at < frame.matchId.length; at += 1) to.byte(frame.matchId.charCodeAt(at));
  to.text(frame.token).option(frame.seen, (seen) => to.varint(seen));
}

function command(to: Writer, given: SentCommand): void {
  to.varint(COMMANDS.indexOf(given.kind));
  if (given.kind === 'move') {
    const move = moveNumber(given.uci);
    if (move === null) throw new RangeError(`${given.uci} is no move`);
    to.varint(given.positionSeq ?? 0).varint(move).varint(WITHS.indexOf(given.with ?? null));
  } else if (given.kind === 'give_time') {
    if (!Number.isInteger(given.seconds) || given.seconds < 0 || given.seconds > 255) throw new RangeError('seconds are 0 to 255');
    to.byte(given.seconds);
  }
}

/** Whether a text is the id of a match. */
export function isMatchId(text: string): boolean {
  return /^[0-9A-Za-z]{12}$/.test(text);
}
