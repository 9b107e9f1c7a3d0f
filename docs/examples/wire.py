"""The bytes of Rookery's frames, as far as play.py needs them."""

import chess


def varint(n):
    if n < 251:
        return bytes([n])
    mark, size = next((mark, size) for mark, size in ((251, 2), (252, 4), (253, 8)) if n < 1 << 8 * size)
    return bytes([mark]) + n.to_bytes(size, "big")


def option(n):
    return b"\0" if n is None else b"\1" + varint(n)


def frame(*parts):
    body = b"".join(parts)
    return len(body).to_bytes(4, "big") + body


def join(match, token, seen):
    token = token.encode()
    return frame(b"\0", varint(2), varint(0), match.encode(), varint(len(token)), token, option(seen))


def command(number, kind, *members):
    return frame(b"\1", varint(number), bytes([kind]), *members)


def to_bits(uci):
    role = lambda letter: "pnbrqk".index(letter.lower()) + 1
    target = chess.parse_square(uci[2:4])
    if uci[1] == "@":
        return target | target << 6 | role(uci[0]) << 12
    return chess.parse_square(uci[:2]) | target << 6 | (role(uci[4]) << 12 if uci[4:] else 0)


def to_uci(bits):
    origin, target, role = bits & 63, bits >> 6 & 63, bits >> 12
    if origin == target:
        return f"{'PNBRQK'[role - 1]}@{chess.square_name(target)}"
    return chess.square_name(origin) + chess.square_name(target) + (" pnbrqk"[role] if role else "")


class Reader:
    """Reads a frame, or a part of one; what is left at its end is skipped."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError("a frame ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self):
        return self.take(1)[0]

    def number(self):
        first = self.byte()
        return first if first < 251 else int.from_bytes(self.take({251: 2, 252: 4, 253: 8}[first]), "big")

    def option(self, read):
        return read() if self.byte() else None

    def list(self, read):
        return [read() for _ in range(self.number())]

    def text(self):
        return self.take(self.number()).decode()

    def part(self, read):
        return read(Reader(self.take(self.number())))


def read_clock(r):
    return {"ms": (r.number(), r.number()), "running": r.option(r.number), "delay_ms": r.number()}


def read_event(r):
    seat, clock, kind = r.option(r.number), read_clock(r), r.number()
    members = {0: (r.number, r.number), 5: (r.byte,), 6: (r.byte,), 7: (r.number, r.number)}.get(kind, ())
    return seat, clock, kind, [read() for read in members]


def read_state(r):
    player = lambda: (r.text(), r.text(), r.option(r.number), r.byte())
    stage = lambda: (r.number(), r.number(), r.number(), r.option(r.number), r.number())
    tags = lambda: [r.option(r.text) for _ in range(4)]
    state = {"players": (player(), player()), "variant": r.byte(), "controls": (r.list(stage), r.list(stage))}
    state["clock_start"], state["start_at"] = r.number(), r.option(r.number)
    state["rated"], state["delay_s"], state["chat"], state["rules"] = r.byte(), r.byte(), r.byte(), r.number()
    state["tags"], state["start_fen"], state["fen"] = r.option(tags), r.option(r.text), r.text()
    state["moves"], state["position_seq"] = r.list(r.number), r.number()
    state["draw_offer"], state["takeback_offer"], state["rematch_offer"] = (r.option(r.number) for _ in range(3))
    state["rematch"] = r.option(lambda: r.take(12).decode())
    state["result"] = r.option(lambda: (r.number(), r.number()))
    state["offered_plies"] = r.list(r.number)
    return state
