#!/usr/bin/env python3
"""A second opinion on a match of engines: what `bot-client match` has written, read by python-chess (PyPI package `chess`).

Reads a PGN file whose games carry the scores of the engines in comments. Every game must read back without an error; the
numbers of the games must be those of a whole run, each once; both games of a pair must have the same opening and colours
swapped; and every game must have been adjudicated at the ply at which its own scores say so, and no other one. Prints, as
JSON, what it computes from the results alone: games, pairs, Elo, normalised Elo, and the log-likelihood ratio. Exits with 1
at the first difference.
"""

import argparse
import json
import math
import re
import sys

import chess
import chess.pgn

SCORE = re.compile(r"([+-])(M?)(\d+(?:\.\d+)?)/\d+ [\d.]+s")


def centipawns(comment):
    """The score of a comment, from the mover's point of view; None if there is none."""
    found = SCORE.search(comment)
    if not found:
        return None
    sign = 1 if found[1] == "+" else -1
    if found[2]:
        return sign * 100_000
    return sign * round(100 * float(found[3]))


def adjudicated(game, rules):
    """(ply, result) at which the scores of a game end it, or None."""
    draw, resign, longest = rules
    level, lost = [0, 0], [0, 0]
    for ply, node in enumerate(game.mainline(), 1):
        white = node.parent.board().turn == chess.WHITE
        side = 0 if white else 1
        score = centipawns(node.comment)
        if draw:
            level[side] = level[side] + 1 if score is not None and abs(score) <= draw["score"] else 0
        if resign:
            lost[side] = lost[side] + 1 if score is not None and score <= -resign["score"] else 0
        if ply < 2:
            # The server ends no game before both have moved.
            continue
        if longest and ply // 2 >= longest:
            return ply, "1/2-1/2"
        if draw and ply // 2 >= draw["movenumber"] and min(level) >= draw["movecount"]:
            return ply, "1/2-1/2"
        if resign and max(lost) >= resign["movecount"]:
            return ply, "0-1" if lost[0] >= resign["movecount"] else "1-0"
    return None


def check(game, rules):
    """What is wrong with a game, or None."""
    if game.errors:
        return f"the PGN does not read: {game.errors[0]}"
    headers = game.headers
    plies = sum(1 for _ in game.mainline())
    end, termination = adjudicated(game, rules), headers.get("Termination")
    board = game.end().board()
    if board.is_checkmate():
        winner = "0-1" if board.turn == chess.WHITE else "1-0"
        if headers["Result"] != winner:
            return f"mate, and the result {headers['Result']}"
    elif termination == "adjudication":
        if end is None:
            return "adjudicated, although its scores do not say so"
        result = headers["Result"]
        loser_lacks_mate = result == "1/2-1/2" and (
            board.has_insufficient_material(chess.WHITE) or board.has_insufficient_material(chess.BLACK))
        if end[0] != plies or (end[1] != result and not loser_lacks_mate):
            return f"adjudicated at ply {plies} as {result}; its scores say {end[1]} at ply {end[0]}"
    elif termination == "normal":
        over = board.is_stalemate() or board.is_insufficient_material() or board.can_claim_draw()
        if headers["Result"] != "1/2-1/2" or not over:
            return f"the result {headers['Result']} on a board that is not decided"
    elif termination not in ("time forfeit", "abandoned"):
        return f"the termination {termination}"
    if end is not None and end[0] < plies:
        return f"its scores end it at ply {end[0]}, and it has {plies}"
    return None


def elo(score):
    return -400 * math.log10(1 / score - 1)


def moments(points):
    total = sum(count for _, count in points)
    mean = sum(value * count for value, count in points) / total
    return mean, sum(count * (value - mean) ** 2 for value, count in points) / total, total


def tilted(values, shares):
    """Shares as near as can be to the given ones under which the values have the mean zero, by Newton's method."""
    low, high = -1 / max(values), -1 / min(values)
    x = 0.0
    for _ in range(500):
        f = sum(p * v / (1 + x * v) for v, p in zip(values, shares))
        slope = -sum(p * (v / (1 + x * v)) ** 2 for v, p in zip(values, shares))
        step = -f / slope
        # Stay inside, where the function is defined.
        while not low < x + step < high:
            step /= 2
        x += step
        if abs(step) < 1e-15:
            break
    return [p / (1 + x * v) for v, p in zip(values, shares)]


def llr(points, test):
    seen = [(value, count if count else 1e-3) for value, count in points]
    total = sum(count for _, count in seen)
    values = [value for value, _ in seen]
    shares = [count / total for _, count in seen]

    def logistic(elo):
        mean = 1 / (1 + 10 ** (-elo / 400))
        return tilted([value - mean for value in values], shares)

    def normalized(elo):
        scale = math.sqrt(2) if len(values) == 5 else 1
        ratio = scale * elo * math.log(10) / 800
        now = [1 / len(values)] * len(values)
        for _ in range(50):
            mean, variance, _ = moments(list(zip(values, now)))
            deviation = math.sqrt(variance)
            terms = [v - 0.5 - 0.5 * ratio * deviation * (1 + ((v - mean) / deviation) ** 2) for v in values]
            now, before = tilted(terms, shares), now
            if max(abs(a - b) for a, b in zip(now, before)) < 1e-10:
                break
        return now

    likeliest = normalized if test["model"] == "normalized" else logistic
    under_h0, under_h1 = likeliest(test["elo0"]), likeliest(test["elo1"])
    return total * sum(p * math.log(h1 / h0) for p, h0, h1 in zip(shares, under_h0, under_h1))


def statistics(games, first, test):
    """Of games in the order of the file."""
    results = [0, 0, 0]
    pairs, half = [0] * 5, {}
    for game in games:
        points = {"1-0": 2, "1/2-1/2": 1, "0-1": 0}[game.headers["Result"]]
        if game.headers["White"] != first:
            points = 2 - points
        results[points] += 1
        pair = (int(game.headers["GameNumber"]) - 1) // 2
        if pair in half:
            pairs[half.pop(pair) + points] += 1
        else:
            half[pair] = points
    points = [(index / 4, count) for index, count in enumerate(pairs)]
    mean, variance, total = moments(points)
    said = {"games": len(games), "results": results, "pairs": pairs, "llr": None, "elo": None}
    if variance:
        error = 1.959963984540054 * math.sqrt(variance / total)
        said["elo"] = [elo(mean), error * 400 / math.log(10) / mean / (1 - mean)]
        one = math.sqrt(2 * variance)
        size = 800 / math.log(10)
        said["normalized"] = [(mean - 0.5) / one * size, 1.959963984540054 * size / math.sqrt(2 * total)]
    if test:
        said["llr"] = llr(points, test)
    return said


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pgn")
    parser.add_argument("--first", required=True, help="the first engine")
    parser.add_argument("--draw", type=json.loads)
    parser.add_argument("--resign", type=json.loads)
    parser.add_argument("--maxmoves", type=int)
    parser.add_argument("--sprt", type=json.loads)
    args = parser.parse_args()
    games = []
    with open(args.pgn, encoding="utf-8") as file:
        while (game := chess.pgn.read_game(file)) is not None:
            games.append(game)
    by_number = {int(game.headers["GameNumber"]): game for game in games}
    if len(by_number) != len(games):
        return "a game is there twice"
    if sorted(by_number) != list(range(1, len(games) + 1)) and not args.sprt:
        return "the numbers of the games have gaps"
    for number, game in by_number.items():
        if (wrong := check(game, (args.draw, args.resign, args.maxmoves))) is not None:
            return f"game {number}: {wrong}"
        other = by_number.get(number + 1)
        if number % 2 == 1 and other is not None:
            one, two = game.headers, other.headers
            if (one["White"], one["Black"]) != (two["Black"], two["White"]) or one.get("FEN") != two.get("FEN"):
                return f"games {number} and {number + 1} are no pair"
    json.dump(statistics(games, args.first, args.sprt), sys.stdout)
    return None


if __name__ == "__main__":
    difference = main()
    if difference:
        sys.exit(difference)
