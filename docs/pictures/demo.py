#!/usr/bin/env python3
"""Records `rookery demo` on a terminal and writes what its screen showed as an animated SVG.

    cargo build -p server
    docs/pictures/demo.py target/debug/rookery docs/pictures/demo.svg

The demo runs on a pseudo-terminal; each row of its screen becomes a film strip that CSS moves. Only what
the demo prints is drawn, at the time at which it was printed. Needs Python 3.9 and no packages.
"""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import tempfile
import termios
import time
from html import escape

COLUMNS, ROWS = 80, 32
CELL_WIDTH, CELL_HEIGHT, MARGIN = 8.4, 18, 12
# Shortest time between two states of the screen, in seconds: clocks tick ten times a second, and showing
# a third of that keeps the file small.
STEP = 0.3
# How long the last state stands before the film begins anew, in seconds.
REST = 8.0
SIXTEEN = {30: "#1c1f24", 31: "#ff6b6b", 32: "#6bd490", 33: "#e5c07b", 90: "#7d8590"}
PLAIN = (None, "#d7dae0", False)


def color(number):
    """A colour of the 256 of xterm: the cube of 6 × 6 × 6, or the greys."""
    if number >= 232:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    number -= 16
    levels = [0, 95, 135, 175, 215, 255]
    return "#" + "".join(f"{levels[number // d % 6]:02x}" for d in (36, 6, 1))


class Screen:
    """The part of a terminal that the demo uses: rows, colours, and moving the cursor up."""

    def __init__(self):
        self.rows = [[] for _ in range(ROWS)]
        self.row = self.column = 0
        self.style = PLAIN

    def feed(self, text):
        for sequence, final, character in re.findall(r"\x1b\[([?0-9;]*)([A-Za-z])|(.)", text, re.S):
            if final:
                self.control(sequence, final)
            elif character == "\n":
                self.row += 1
                assert self.row < ROWS, "the demo prints more rows than the picture has"
            elif character == "\r":
                self.column = 0
            elif character >= " ":
                row = self.rows[self.row]
                row.extend([(" ", PLAIN)] * (self.column + 1 - len(row)))
                row[self.column] = (character, self.style)
                self.column += 1

    def control(self, sequence, final):
        if final == "A":
            self.row = max(0, self.row - int(sequence or 1))
        elif final == "K":
            self.rows[self.row] = []
        elif final == "m":
            back, fore, bold = self.style
            codes = [int(code or 0) for code in sequence.split(";")]
            while codes:
                code = codes.pop(0)
                if code == 0:
                    back, fore, bold = PLAIN
                elif code == 1:
                    bold = True
                elif code in (38, 48) and codes[:1] == [5]:
                    value = color(codes[1])
                    fore, back = (value, back) if code == 38 else (fore, value)
                    del codes[:2]
                else:
                    fore = SIXTEEN[code]
            self.style = (back, fore, bold)

    def state(self):
        return [tuple(row) for row in self.rows]


def record(program):
    """The states of the screen while the program runs its demo: pairs of seconds and rows."""
    child, terminal = pty.fork()
    if child == 0:
        with tempfile.TemporaryDirectory() as directory:
            os.chdir(directory)
            os.environ["TERM"] = "xterm-256color"
            os.environ.pop("NO_COLOR", None)
            sys.exit(os.spawnv(os.P_WAIT, program, [program, "demo", "--pgn", "game.pgn"]))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    screen, states, start, pending = Screen(), [], None, b""
    while True:
        readable, _, _ = select.select([terminal], [], [], STEP)
        if readable:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # The terminal is closed: the demo has ended.
                break
            if not data:
                break
            pending += data
            start = start or time.monotonic()
        # A drawing ends with a line; half of one is never shown.
        whole, newline, pending = pending.rpartition(b"\n")
        screen.feed((whole + newline).decode())
        if start is not None:
            states.append((time.monotonic() - start, screen.state()))
    screen.feed(pending.decode())
    states.append((time.monotonic() - start, screen.state()))
    _, status = os.waitpid(child, 0)
    if status != 0:
        sys.exit("the demo failed:\n" + "\n".join("".join(c for c, _ in row) for row in states[-1][1]))
    return states


def thin(states):
    """The states that are shown: the latest of each step."""
    shown = {}
    for at, rows in states:
        shown[int(at / STEP)] = rows
    return [(step * STEP, rows) for step, rows in sorted(shown.items())]


def runs(row):
    """The parts of a row that are drawn as one: column, text, style."""
    parts, column = [], 0
    while column < len(row):
        style, end = row[column][1], column + 1
        while end < len(row) and row[end][1] == style:
            end += 1
        parts.append((column, "".join(c for c, _ in row[column:end]), style))
        column = end
    return parts


def number(value):
    return f"{value:.1f}".rstrip("0").rstrip(".")


def draw(row, top):
    """A row as SVG. Words are placed each by itself, so that no font's spaces matter."""
    marks = []
    for column, text, (back, fore, bold) in runs(row):
        if back:
            marks.append(
                f'<rect x="{number(column * CELL_WIDTH)}" y="{top}" width="{number(len(text) * CELL_WIDTH + 0.3)}"'
                f' height="{CELL_HEIGHT}" fill="{back}"/>'
            )
        for word in re.finditer(r"[ -~]+?(?=\s\s|\s*$|[^ -~])|[^ -~]", text):
            words = word.group().strip()
            if not words:
                continue
            left = column + word.start() + len(word.group()) - len(word.group().lstrip())
            fill = "" if fore == PLAIN[1] else f' fill="{fore}"'
            if words.isascii():
                place = f'x="{number(left * CELL_WIDTH)}" textLength="{number(len(words) * CELL_WIDTH)}"'
            else:
                place = f'class="{"p" if back else "m"}" x="{number((left + 0.5) * CELL_WIDTH)}"'
            marks.append(f'<text {place} y="{top + 13}"{fill}>{escape(words)}</text>')
    return "".join(marks)


def film(index, states, length):
    """One row over time: its contents below each other in a window that shows one of them."""
    contents, keys = [], []
    for at, rows in states:
        row = rows[index]
        if keys and contents[keys[-1][1]] == row:
            continue
        if row not in contents:
            contents.append(row)
        keys.append((at, contents.index(row)))
    if not any(contents):
        return "", ""
    top = MARGIN + index * CELL_HEIGHT
    strip = "".join(draw(row, place * CELL_HEIGHT) for place, row in enumerate(contents))
    window = f'<svg x="{MARGIN}" y="{top}" width="{number(COLUMNS * CELL_WIDTH)}" height="{CELL_HEIGHT}">'
    if len(keys) == 1:
        return f"{window}{strip}</svg>\n", ""
    frames = "".join(
        f"{at / length * 100:.2f}%{{transform:translateY({-place * CELL_HEIGHT}px)}}"
        for at, place in keys
    )
    style = f"@keyframes r{index}{{{frames}}}#r{index}{{animation-name:r{index}}}\n"
    return f'{window}<g id="r{index}">{strip}</g></svg>\n', style


def picture(states):
    length = states[-1][0] + REST
    films = [film(index, states, length) for index in range(ROWS)]
    used = max(index for index, (mark, _) in enumerate(films) if mark) + 1
    width, height = COLUMNS * CELL_WIDTH + 2 * MARGIN, used * CELL_HEIGHT + 2 * MARGIN
    styles = "".join(style for _, style in films)
    marks = "".join(mark for mark, _ in films)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}" '
        f'width="{number(width)}" height="{number(height)}" role="img">\n'
        "<title>rookery demo: a game goes on after the shard that owns it is killed</title>\n"
        "<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}"
        ".m,.p{text-anchor:middle}.p{font-size:17px}"
        f"g{{animation:{number(length)}s step-end infinite}}\n{styles}</style>\n"
        f'<rect width="100%" height="100%" rx="8" fill="#16191d"/>\n<svg fill="{PLAIN[1]}">\n{marks}</svg></svg>\n'
    )


def main():
    program, target = (os.path.abspath(argument) for argument in sys.argv[1:3])
    with open(target, "w", encoding="utf-8") as file:
        file.write(picture(thin(record(program))))


if __name__ == "__main__":
    main()
