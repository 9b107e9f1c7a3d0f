/** The other side of the codec, for shards made of it: writes a shard's frames and reads a client's. */

import { Reader, Writer } from '../src/codec/bytes.ts';
import type { ClientFrame, SentCommand } from '../src/codec/client.ts';
import { moveNumber, moveOf } from '../src/codec/moves.ts';
import {
  CHAT_REFUSALS,
  CLOSE_CODES,
  COMMANDS,
  EVENTS,
  MATCH_REFUSALS,
  OUTCOMES,
  REFUSALS,
  ROLES,
  RULES,
  SEATS,
  TERMINATIONS,
  VARIANTS,
  WITHS,
} from '../src/codec/names.ts';
import type { ServerFrame, WireState } from '../src/codec/server.ts';
import type { Clock, MatchEvent, Seat, TimeControl } from '../src/index.ts';

/** The bytes of a shard's frame. */
export function encodeServer({ time, epoch, seq, body }: ServerFrame): Uint8Array {
  const to = new Writer();
  const stamp = new Uint8Array(8);
  new DataView(stamp.buffer).setBigUint64(0, BigInt(time));
  to.raw(stamp).varint(epoch).varint(seq);
  switch (body.kind) {
    case 'joined':
      to.varint(0).varint(ROLES.indexOf(body.role));
      if (body.catchUp.kind === 'state') {
        part(to.varint(0), state(body.catchUp.state));
      } else {
        to.varint(1).varint(body.catchUp.events.length);
        for (const event of body.catchUp.events) part(to, eventIn(new Writer().varint(event.seq), event));
      }
      clock(to, body.clock);
      to.bool(body.connected.white).bool(body.connected.black).bool(body.paused);
      break;
    case 'event':
      eventIn(to.varint(1), body.event);
      break;
    case 'ack':
      to.varint(2).varint(body.id).varint(body.event);
      break;
    case 'refused':
      to.varint(3).varint(body.id);
      if (REFUSALS.includes(body.reason)) to.varint(1 + REFUSALS.indexOf(body.reason));
      else to.varint(0).varint(MATCH_REFUSALS.indexOf(body.reason));
      break;
    case 'presence':
      seat(to.varint(4), body.seat);
      to.bool(body.connected);
      break;
    case 'paused':
      to.varint(5);
      break;
    case 'clock':
      clock(to.varint(6), body.clock);
      break;
    case 'closed':
      to.varint(7).varint(CLOSE_CODES.indexOf(body.code));
      break;
    case 'unsupported':
      to.varint(8).varint(body.min).varint(body.max);
      break;
    case 'heartbeat':
      to.varint(9);
      break;
    case 'gone':
      seat(to.varint(10), body.seat);
      to.option(body.claimInMs, (ms) => to.varint(ms));
      break;
    case 'chat':
      to.varint(11).varint(body.lines.length);
      for (const line of body.lines) {
        const written = new Writer();
        written.option(line.seat, (said) => seat(written, said)).text(line.name).text(line.text).varint(line.at);
        part(to, written);
      }
      break;
    case 'said':
      to.varint(12).varint(body.id);
      break;
    case 'not_said':
      to.varint(13).varint(body.id).varint(CHAT_REFUSALS.indexOf(body.reason));
      break;
    case 'unknown':
      to.varint(99).text('of a later version');
      break;
  }
  return to.frame();
}

function part(to: Writer, written: Writer): void {
  const bytes = written.body();
  to.varint(bytes.length).raw(bytes);
}

function seat(to: Writer, value: Seat): void {
  to.varint(SEATS.indexOf(value));
}

function clock(to: Writer, value: Clock): void {
  to.varint(value.whiteMs).varint(value.blackMs);
  to.option(value.running, (running) => seat(to, running)).varint(value.delayMs);
}

function eventIn(to: Writer, event: MatchEvent): Writer {
  to.option(event.seat, (by) => seat(to, by));
  clock(to, event.clock);
  if (event.kind === 'unknown') return to.varint(200).text('more');
  to.varint(EVENTS.indexOf(event.kind));
  switch (event.kind) {
    case 'moved':
      return to.varint(moveNumber(event.uci)!).varint(WITHS.indexOf(event.with));
    case 'taken_back':
      return to.byte(event.plies);
    case 'time_given':
      return to.byte(event.seconds);
    case 'ended':
      return to.varint(OUTCOMES.indexOf(event.outcome)).varint(TERMINATIONS.indexOf(event.termination));
    case 'rematch_agreed':
      return to.raw(new TextEncoder().encode(event.matchId));
    case 'clock_set':
      seat(to, event.of);
      return to;
    default:
      return to;
  }
}

function control(to: Writer, value: TimeControl): void {
  to.varint(value.stages.length);
  for (const stage of value.stages) {
    to.varint(stage.moves ?? 0).varint(stage.timeMs).varint(stage.incrementMs);
    to.option(stage.delay, (delay) => to.varint(delay === 'simple' ? 0 : 1)).varint(stage.delayMs);
  }
}

function state(value: WireState): Writer {
  const to = new Writer();
  for (const player of [value.players.white, value.players.black]) {
    to.text(player.id).text(player.name).option(player.rating, (rating) => to.varint(rating)).bool(player.isBot);
  }
  to.byte(VARIANTS.indexOf(value.variant));
  control(to, value.controls.white);
  control(to, value.controls.black);
  to.varint(value.clockStart === 'at_once' ? 1 : 0).option(value.startAt, (at) => to.varint(at));
  to.bool(value.rated).byte(value.spectatorDelayS).bool(value.chat);
  to.varint(value.rules.reduce((bits, rule) => bits | (1 << RULES.indexOf(rule)), 0));
  to.option(value.tags, (tags) => {
    for (const tag of [tags.event, tags.round, tags.board, tags.site]) to.option(tag, (text) => to.text(text));
  });
  to.option(value.startFen, (fen) => to.text(fen)).text(value.fen);
  to.varint(value.moves.length);
  for (const move of value.moves) to.varint(moveNumber(move)!);
  to.varint(value.positionSeq);
  for (const offer of [value.drawOffer, value.takebackOffer, value.rematchOffer]) to.option(offer, (by) => seat(to, by));
  to.option(value.rematch, (id) => to.raw(new TextEncoder().encode(id)));
  to.option(value.result, ({ outcome, termination }) => {
    to.varint(OUTCOMES.indexOf(outcome)).varint(TERMINATIONS.indexOf(termination));
  });
  to.varint(value.offeredPlies.length);
  for (const ply of value.offeredPlies) to.varint(ply);
  return to;
}

/** Reads the body of a client's frame. */
export function decodeClient(body: Uint8Array): ClientFrame {
  const from = new Reader(body);
  switch (from.u32()) {
    case 0:
      return {
        kind: 'join',
        version: from.u16(),
        flags: from.u32(),
        matchId: from.plain(12),
        token: from.text(),
        seen: from.option(() => from.u32()),
      };
    case 1:
      return { kind: 'command', id: from.big(), command: commandFrom(from) };
    case 2:
      return { kind: 'leave' };
    case 3:
      return { kind: 'say', id: from.u64(), text: from.text() };
    default:
      throw new Error('an unknown kind of client frame');
  }
}

function commandFrom(from: Reader): SentCommand {
  const kind = from.kind(COMMANDS);
  if (kind === 'move') {
    const [positionSeq, uci] = [from.u32(), moveOf(from.u16())!];
    const made = from.kind(WITHS);
    return { kind, positionSeq, uci, ...(made === null ? {} : { with: made }) };
  }
  if (kind === 'give_time') return { kind, seconds: from.byte() };
  return { kind } as SentCommand;
}

/** Bytes of hexadecimal digits, with blanks anywhere. */
export function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));
}

/** Hexadecimal digits of bytes. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
