#!/usr/bin/env python3
"""A second opinion on the rules: python-chess (PyPI package `chess`) reads what a match exports.

Reads lines of JSON from standard input, as the examples `games_as_json` and `random_games_as_json` of
game-core print them, of any variant. For each game the PGN must read back without an error and hold the
same moves, clocks and result; python-chess must reach the same last position, find the same end by the
rules there, and where a line has the legal moves, find the same in every position.
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
    legal = game["legal"]
    if legal is not None and len(legal) != len(nodes) + 1:
        return f"legal moves of {len(legal)} positions for {len(nodes)} moves"

    board = read.board()
    for ply, node in enumerate(nodes):
        difference = legal and check_legal(board, ply, legal[ply])
        if difference:
            return difference
        move = board.uci(node.move)
        if move != game["moves"][ply]:
            return f"ply {ply}: {move} in the PGN, {game['moves'][ply]} in the match"
        shown = game["clocks"][ply] // 1000
        if node.clock() != shown:
            return f"ply {ply}: clock {node.clock()} in the PGN, {shown} in the match"
        board.push(node.move)
    # After the end of a variant python-chess goes on to find moves.
    difference = legal and not board.is_variant_end() and check_legal(board, len(nodes), legal[-1])
    if difference:
        return difference
    if comparable(board, board.fen()) != comparable(board, game["fen"]):
        return f"last position: {board.fen()} for python-chess, {game['fen']} for the match"
    return check_end(board, game)


def comparable(board, fen):
    """The FEN. In Crazyhouse pockets are brought into one order, and the count of quiet moves is left out:
    for us, as on Lichess, the drop of a pawn resets it; for python-chess no drop does."""
    if board.uci_variant != "crazyhouse":
        return fen
    read = type(board)(fen)
    read.halfmove_clock = 0
    return read.fen()


# Ends that the last position shows by itself, for us and for python-chess.
ENDS = {
    chess.Termination.CHECKMATE: "checkmate",
    chess.Termination.STALEMATE: "stalemate",
    chess.Termination.VARIANT_WIN: "variant_end",
    chess.Termination.VARIANT_LOSS: "variant_end",
    chess.Termination.VARIANT_DRAW: "variant_end",
}


def check_end(board, game):
    """Returns how the end by the rules differs, or None."""
    outcome = board.outcome()
    theirs = outcome and ENDS.get(outcome.termination)
    ours = game["termination"] if game["termination"] in ENDS.values() else None
    if (theirs is None) != (ours is None):
        return f"end: {outcome} for python-chess, {game['termination']} for the match"
    if theirs and outcome.result() != game["result"]:
        return f"end: {outcome.result()} for python-chess, {game['result']} for the match"
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
