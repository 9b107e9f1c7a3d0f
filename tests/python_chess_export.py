#!/usr/bin/env python3
"""A second opinion on an export: python-chess (PyPI package `chess`) reads a PGN file of many games.

Arguments: the PGN file, and a file with one line of JSON for each of its games, in the same order. Each game must read
back without an error, and have the players, the number of moves and the result that its line says. Prints how many games
it read. Exits with 1 at the first difference.
"""

import json
import re
import sys

import chess.pgn

RESULTS = {"white_wins": "1-0", "black_wins": "0-1", "draw": "1/2-1/2", "aborted": "*"}


def check(game, line):
    """Returns what differs, or None."""
    if game.errors:
        return f"the PGN does not read: {game.errors[0]}"
    moves = len(list(game.mainline_moves()))
    if moves != len(line["moves"]):
        return f"{moves} moves in the PGN, {len(line['moves'])} in the match"
    for seat in ("white", "black"):
        name = line["players"][seat]["name"]
        # python-chess leaves the escapes of the standard (section 7) in.
        read = re.sub(r"\\(.)", r"\1", game.headers[seat.capitalize()])
        if read != name:
            return f"{seat} is {read} in the PGN, {name} in the match"
    if game.headers["Result"] != RESULTS[line["outcome"]]:
        return f"result: {game.headers['Result']} in the PGN, {line['outcome']} in the match"
    return None


def main():
    with open(sys.argv[2], encoding="utf-8") as lines:
        expected = [json.loads(line) for line in lines]
    read = 0
    with open(sys.argv[1], encoding="utf-8") as pgn:
        while game := chess.pgn.read_game(pgn):
            difference = "no line for it" if read >= len(expected) else check(game, expected[read])
            if difference:
                sys.exit(f"game {read + 1}: {difference}\n{game}")
            read += 1
    if read != len(expected):
        sys.exit(f"{read} games in the PGN, {len(expected)} lines")
    print(f"{read} games")


main()
