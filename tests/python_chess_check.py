#!/usr/bin/env python3
"""A second opinion on the rules: python-chess (PyPI package `chess`) reads what a match exports.

Reads lines of JSON from standard input, as the example `games_as_json` of game-core prints them.
For each game the PGN must read back without an error and hold the same moves, clocks and result;
python-chess must reach the same last position, and find the same legal moves in every position.
Exits with 1 at the first difference, and with 2 if there was nothing to check.
"""

import io
import json
import sys

import chess
import chess.pgn


def check(game):
    """Returns what differs, or None."""
    stream = io.StringIO(game["pgn"])
    read = chess.pgn.read_game(stream)
    if read is None:
        return "the PGN holds no game"
    if read.errors:
        return f"the PGN does not read: {read.errors[0]}"
    if chess.pgn.read_game(stream) is not None:
        return "the PGN holds more than one game"
    if read.headers.get("Result") != game["result"]:
        return f"result: {read.headers.get('Result')} in the PGN, {game['result']} in the match"

    nodes = list(read.mainline())
    if len(nodes) != len(game["moves"]) or len(nodes) != len(game["clocks"]):
        return f"moves: {len(nodes)} in the PGN, {len(game['moves'])} in the match"
    if len(game["legal"]) != len(nodes) + 1:
        return f"legal moves of {len(game['legal'])} positions for {len(nodes)} moves"

    board = read.board()
    for ply, node in enumerate(nodes):
        difference = check_legal(board, ply, game["legal"][ply])
        if difference:
            return difference
        move = board.uci(node.move)
        if move != game["moves"][ply]:
            return f"ply {ply}: {move} in the PGN, {game['moves'][ply]} in the match"
        shown = game["clocks"][ply] // 1000
        if node.clock() != shown:
            return f"ply {ply}: clock {node.clock()} in the PGN, {shown} in the match"
        board.push(node.move)
    difference = check_legal(board, len(nodes), game["legal"][-1])
    if difference:
        return difference
    if board.fen() != game["fen"]:
        return f"last position: {board.fen()} for python-chess, {game['fen']} for the match"
    return None


def check_legal(board, ply, ours):
    """Returns how the legal moves differ, or None."""
    theirs = {board.uci(move) for move in board.legal_moves}
    if len(ours) == len(theirs) and theirs == set(ours):
        return None
    only = sorted(theirs.symmetric_difference(ours))
    return f"ply {ply}: legal moves differ by {only} in {board.fen()}"


def main():
    games = plies = 0
    for number, line in enumerate(sys.stdin, start=1):
        game = json.loads(line)
        difference = check(game)
        if difference:
            print(f"game {number}: {difference}\n\n{game['pgn']}", file=sys.stderr)
            return 1
        games += 1
        plies += len(game["moves"])
    if games == 0:
        print("no games to check", file=sys.stderr)
        return 2
    print(f"{games} games, {plies} plies: the same for python-chess")
    return 0


if __name__ == "__main__":
    sys.exit(main())
