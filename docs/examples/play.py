#!/usr/bin/env python3
"""Plays one match of random moves on a Rookery server. Written from docs/protocol.md alone.

    pip install aioquic chess
    python play.py http://127.0.0.1:8080

It prints what happens, and ends with status 0 when the match has a result. When its shard goes away, it asks the
matchmaker for the next one and goes on: no move is lost or made twice.
"""

import argparse
import asyncio
import hashlib
import json
import random
import ssl
import time
import urllib.error
import urllib.request

import chess
import chess.variant
from aioquic.asyncio import connect
from aioquic.quic.configuration import QuicConfiguration
from cryptography.hazmat.primitives.serialization import Encoding

import wire
from wire import Reader, varint

SEATS = ["white", "black", "spectator"]
OUTCOMES = ["white_wins", "black_wins", "draw", "aborted"]
# By their numbers, as python-chess names them; Chess960 is chess there.
VARIANTS = ["chess", "chess", "crazyhouse", "antichess", "atomic", "kingofthehill", "racingkings", "3check", "horde"]
# Close codes after which coming back helps; so does an unknown one.
NO_RETURN = {0, 1, 2, 4, 5, 7, 15}


class Left(Exception):
    """The shard has closed the stream for good."""


class Player:
    def __init__(self, args):
        self.args, self.random = args, random.Random(args.seed)
        self.match = self.token = self.seat = self.board = self.result = None
        self.epoch, self.seq, self.position_seq = 0, None, 0
        self.unanswered = {}  # by id: the frame, and when it was sent
        self.next_id = random.getrandbits(48)
        self.paused, self.rtt = False, 0

    async def request(self, method, path, body=None):
        """A request to the matchmaker; it is repeated while the matchmaker asks for that."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        while True:
            request = urllib.request.Request(self.args.matchmaker + path, data, headers, method=method)
            try:
                answer = await asyncio.to_thread(urllib.request.urlopen, request, timeout=40)
                return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503):
                    raise Left(f"{method} {path}: {error.read().decode()}") from error
                await asyncio.sleep(float(error.headers.get("Retry-After", 1)))

    async def find_match(self):
        self.token = (await self.request("POST", "/v1/players", {"name": self.args.name}))["token"]
        initial, increment = self.args.control.split("+")
        control = {"initial_ms": int(initial) * 1000, "increment_ms": int(increment) * 1000}
        terms = {"control": control, "variant": self.args.variant}
        kind = "tickets"
        if self.args.challenge == "new":
            kind, ticket = "challenges", await self.request("POST", "/v1/challenges", terms)
            print("challenge", ticket["id"], flush=True)
        elif self.args.challenge:
            ticket = await self.request("POST", f"/v1/challenges/{self.args.challenge}/accept")
        else:
            ticket = await self.request("POST", "/v1/tickets", terms)
        while ticket["status"] == "waiting":
            ticket = await self.request("GET", f"/v1/{kind}/{ticket['id']}?wait_ms=20000")
        self.match = ticket["match_id"]
        print("match", self.match, flush=True)

    async def play(self):
        await self.find_match()
        wait = 0.1
        while self.result is None:
            seq = self.seq
            try:
                await self.sit(await self.request("POST", f"/v1/matches/{self.match}/seat"))
            except (ConnectionError, EOFError, OSError) as lost:
                print("lost", repr(lost), flush=True)
            wait = 0.1 if self.seq != seq else min(2, 2 * wait)
            await asyncio.sleep(wait * self.random.uniform(0.5, 1))
        print("result", OUTCOMES[self.result], flush=True)

    async def sit(self, seat):
        """Takes the seat, and plays until the match or the connection ends."""
        host, port = seat["shard"]["address"].rsplit(":", 1)
        pin = seat["shard"]["certificate_sha256"]
        config = QuicConfiguration(alpn_protocols=["rookery"], idle_timeout=5, server_name="rookery")
        if pin:
            config.verify_mode = ssl.CERT_NONE
        async with connect(host.strip("[]"), int(port), configuration=config) as quic:
            # aioquic has verified that the server holds the key of this certificate.
            certificate = quic._quic.tls._peer_certificate.public_bytes(Encoding.DER)
            if pin and hashlib.sha256(certificate).hexdigest() != pin.lower():
                raise ConnectionError("the certificate is not the one that the matchmaker named")
            reader, self.writer = await quic.create_stream()
            self.is_seated, self.offset = False, float("inf")
            self.writer.write(wire.join(self.match, seat["token"], self.seq))
            pinging = asyncio.create_task(self.ping(quic))
            try:
                while self.result is None:
                    length = int.from_bytes(await reader.readexactly(4), "big")
                    self.heard(Reader(await reader.readexactly(length)))
                    await self.think()
            finally:
                pinging.cancel()

    async def ping(self, quic):
        while True:
            await asyncio.sleep(1)
            await quic.ping()

    def send(self, number, data):
        self.unanswered[number] = (data, time.monotonic())
        self.writer.write(data)

    async def think(self):
        """Makes a move, if it is ours to make."""
        over = self.board is None or self.board.is_variant_end() or not any(self.board.legal_moves)
        if not self.is_seated or self.paused or self.unanswered or over or self.board.turn != (self.seat == 0):
            return
        await asyncio.sleep(self.args.think)
        number, self.next_id = self.next_id, self.next_id + 1
        if self.args.resign_after is not None and self.board.ply() >= max(2, self.args.resign_after):
            return self.send(number, wire.command(number, 1))
        move = self.board.uci(self.random.choice(list(self.board.legal_moves)))
        self.send(number, wire.command(number, 0, varint(self.position_seq), varint(wire.to_bits(move)), b"\0"))

    def heard(self, r):
        sent, epoch, seq, kind = int.from_bytes(r.take(8), "big") / 1e6, r.number(), r.number(), r.number()
        if kind == 7:
            code = r.number()
            raise (Left if code in NO_RETURN else ConnectionError)(f"close code {code}")
        if epoch < self.epoch:
            if kind == 0:
                raise ConnectionError("this shard has lost the match")
            return
        self.epoch, self.offset = epoch, min(self.offset, time.monotonic() - sent)
        if kind == 0:
            self.joined(r, seq)
        elif kind == 1:
            self.happened(seq, wire.read_event(r), sent)
        elif kind in (2, 3):
            self.answered(r.number(), kind, r)
        elif kind == 5:
            self.paused = True
        elif kind == 6:
            self.paused = False
        # Other kinds are not needed for a game of random moves, or not known.

    def joined(self, r, seq):
        self.seat = r.number()
        if r.number() == 0:
            self.load(r.part(wire.read_state))
            self.seq = seq
        else:
            for missed, event in r.list(lambda: r.part(lambda part: (part.number(), wire.read_event(part)))):
                self.happened(missed, event, None)
        _clock, _connected, self.paused = wire.read_clock(r), r.take(2), bool(r.byte())
        if self.seq != seq:
            raise ConnectionError(f"the events up to {seq} end at {self.seq}")
        self.is_seated = True
        print("joined", SEATS[self.seat], "epoch", self.epoch, "seq", seq, flush=True)
        for data, _ in self.unanswered.values():
            self.writer.write(data)

    def load(self, state):
        """Takes a full state."""
        kind = chess.variant.find_variant(VARIANTS[state["variant"]])
        self.board = kind(state["start_fen"] or kind.starting_fen, chess960=state["variant"] == 1)
        for bits in state["moves"]:
            self.board.push_uci(wire.to_uci(bits))
        assert self.board.board_fen() == state["fen"].split()[0].split("[")[0].replace("~", ""), state["fen"]
        self.position_seq = state["position_seq"]
        self.result = state["result"] and state["result"][0]

    def happened(self, seq, event, sent):
        if seq <= self.seq:
            return
        if seq > self.seq + 1:
            raise ConnectionError(f"event {seq} after {self.seq}")
        self.seq = seq
        _seat, clock, kind, members = event
        if kind == 0:
            self.board.push_uci(wire.to_uci(members[0]))
            self.position_seq = seq
            print(seq, self.board.peek().uci(), *self.shown(clock, sent), flush=True)
        elif kind == 5:
            for _ in range(members[0]):
                self.board.pop()
            self.position_seq = seq
        elif kind == 7:
            self.result = members[0]

    def shown(self, clock, sent):
        """Both clocks in seconds now, by a frame that left the server at `sent`."""
        now = time.monotonic() - self.offset + self.rtt / 2
        elapsed = max(0, now - sent - clock["delay_ms"] / 1000) if sent else 0
        running = lambda seat: elapsed if clock["running"] == seat else 0
        return [f"{max(0, ms / 1000 - running(seat)):.1f}" for seat, ms in enumerate(clock["ms"])]

    def answered(self, number, kind, r):
        if number not in self.unanswered:
            return
        data, sent_at = self.unanswered[number]
        if kind == 3:
            reason = r.number()
            if reason in (2, 3):
                # Not now: the same command again, a little later.
                asyncio.get_running_loop().call_later(0.5, self.writer.write, data)
                return
            print("refused", reason, r.number() if reason == 0 else "", flush=True)
        elif self.is_seated:
            rtt = time.monotonic() - sent_at
            self.rtt = min(self.rtt or rtt, rtt)
        del self.unanswered[number]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("matchmaker", help="its address, for example http://127.0.0.1:8080")
    parser.add_argument("--name", default="Python")
    parser.add_argument("--control", default="300+3", help="seconds + increment")
    parser.add_argument("--variant", default="standard")
    parser.add_argument("--challenge", help="`new`, or the id of one to accept; otherwise whoever waits is played")
    parser.add_argument("--think", type=float, default=0, help="seconds before each move")
    parser.add_argument("--resign-after", type=int, metavar="PLIES")
    parser.add_argument("--seed", type=int)
    try:
        asyncio.run(Player(parser.parse_args()).play())
    except Left as left:
        raise SystemExit(str(left)) from left


if __name__ == "__main__":
    main()
