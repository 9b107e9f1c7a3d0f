"""A bot that uses the API as the usual bot program does: URL, token, then options.

It plays games one at a time: those that it challenges somebody to, or those that it accepts. It holds what such a program
holds: a request is given up after two seconds and sent again every 0.1 s for a minute after a timeout, a lost connection
or a server error; any other error is final; a stream that is silent for too long is dead; a game whose stream ends while it
is in play is left; an accepted challenge holds a place until the game with its id is over.

It prints a line for each thing that happens, the last one a JSON object of what it has counted.
"""

import argparse
import json
import os
import random
import sys
import threading
import time

import chess
import chess.engine
import chess.variant
import requests

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("token")
parser.add_argument("--challenge", help="whom to challenge")
parser.add_argument("--games", type=int, default=1)
parser.add_argument("--engine", help="a UCI engine; without one, moves are random")
parser.add_argument("--think", type=float, default=0.05, help="seconds a move")
parser.add_argument("--plies", type=int, default=60, help="White resigns after these")
parser.add_argument("--limit", type=int, default=180)
parser.add_argument("--increment", type=int, default=2)
parser.add_argument("--within", type=float, default=3600, help="seconds after which it gives up")
# The most impatient program waits nine seconds.
parser.add_argument("--silence", type=float, default=9)
args = parser.parse_args()

AGAIN_EVERY_S, AGAIN_FOR_S, CALL_S = 0.1, 60, 2
counted = {"games": 0, "left": 0, "second_workers": 0, "refused_moves": 0, "repeated": 0, "statuses": []}
silent_max = 0.0
places = set()
ended = set()
playing = {}
lock = threading.Condition()


def give_up():
    say("gave up after", args.within, "seconds")
    os._exit(3)


watchdog = threading.Timer(args.within, give_up)
watchdog.daemon = True
watchdog.start()


def say(*words):
    print(*words, flush=True)


def call(method, path, **options):
    """One request, sent again while the server fails."""
    end = time.monotonic() + AGAIN_FOR_S
    while True:
        try:
            response = requests.request(method, args.url + path, headers=headers, timeout=CALL_S, **options)
            if response.status_code < 500:
                return response
            why = response.status_code
        except requests.RequestException as error:
            why = type(error).__name__
        counted["repeated"] += 1
        if time.monotonic() > end:
            raise SystemExit(f"{path}: {why} for a minute")
        time.sleep(AGAIN_EVERY_S)


def stream(path):
    """The lines of a stream, None for a blank one; it ends with the stream."""
    global silent_max
    end = time.monotonic() + AGAIN_FOR_S
    while True:
        try:
            response = requests.get(args.url + path, headers=headers, stream=True, timeout=(CALL_S, args.silence))
            if response.status_code == 200:
                break
            if response.status_code < 500:
                raise SystemExit(f"{path}: {response.status_code} {response.text}")
        except requests.RequestException:
            pass
        if time.monotonic() > end:
            raise SystemExit(f"{path}: not opened for a minute")
        time.sleep(AGAIN_EVERY_S)
    heard = time.monotonic()
    try:
        for line in response.iter_lines(chunk_size=1):
            silent_max = max(silent_max, time.monotonic() - heard)
            heard = time.monotonic()
            yield json.loads(line) if line else None
    except requests.RequestException as error:
        say("stream", path, "broken by", type(error).__name__)


def board_of(full):
    variant, fen = full["variant"]["name"], full["initialFen"]
    if variant == "Chess960" or variant == "From Position":
        return chess.Board(fen, chess960=variant == "Chess960")
    return chess.variant.find_variant(variant)()


def choose(engine, board, state):
    if engine is None:
        time.sleep(args.think)
        return random.choice(list(board.legal_moves)), False
    left = {key: state[key] / 1000 for key in ("wtime", "btime", "winc", "binc")}
    limit = chess.engine.Limit(
        time=args.think, white_clock=left["wtime"], black_clock=left["btime"], white_inc=left["winc"], black_inc=left["binc"]
    )
    played = engine.play(board, limit)
    return played.move, played.draw_offered


def game_worker(game):
    engine = chess.engine.SimpleEngine.popen_uci(args.engine) if args.engine else None
    try:
        status = play(game, engine)
    finally:
        # Before the engine ends, which takes longer than a gateway to come back.
        with lock:
            del playing[game]
        if engine:
            engine.quit()
    if status is None:
        # It is begun again when it is told of again.
        counted["left"] += 1
        say("left", game)
        return
    with lock:
        counted["games"] += 1
        counted["statuses"].append(status)
        say("over", game, status)
        places.discard(game)
        lock.notify_all()


def play(game, engine):
    """Plays a game to its end; None if its stream ended before."""
    board = full = moves = None
    for line in stream(f"/api/bot/game/stream/{game}"):
        if full is None:
            assert line and line["type"] == "gameFull", f"the first line is {line}"
            full, state = line, line["state"]
            is_white = full["white"]["name"].lower() == me["username"].lower()
            call("POST", f"/api/bot/game/{game}/chat", data={"room": "player", "text": "hello"})
        elif line and line["type"] == "gameState":
            state = line
        else:
            continue
        for key in ("moves", "wtime", "btime", "winc", "binc", "status"):
            assert key in state, state
        if state["status"] != "started":
            return state["status"]
        if state["moves"] == moves:
            continue
        moves = state["moves"]
        board = board_of(full)
        for uci in moves.split():
            board.push_uci(uci)
        if board.turn != (chess.WHITE if is_white else chess.BLACK) or board.is_game_over():
            continue
        say("ply", game, len(moves.split()))
        if is_white and len(moves.split()) >= args.plies:
            call("POST", f"/api/bot/game/{game}/resign")
            continue
        move, draw = choose(engine, board, state)
        path = f"/api/bot/game/{game}/move/{move.uci()}"
        answer = call("POST", path, params={"offeringDraw": str(draw).lower()})
        if answer.status_code != 200:
            # The game may have ended meanwhile, which the stream tells.
            counted["refused_moves"] += 1
            say("refused", game, move.uci(), answer.status_code, answer.text)
    return None


def event_worker():
    while True:
        for event in stream("/api/stream/event"):
            if event is None:
                continue
            if event["type"] == "challenge":
                challenge = event["challenge"]
                if challenge["challenger"]["name"] == me["username"]:
                    continue
                with lock:
                    is_free = not places and not playing
                    if is_free:
                        places.add(challenge["id"])
                if is_free:
                    call("POST", f"/api/challenge/{challenge['id']}/accept")
                else:
                    call("POST", f"/api/challenge/{challenge['id']}/decline", data={"reason": "later"})
            elif event["type"] in ("challengeDeclined", "challengeCanceled"):
                with lock:
                    # It may be told of before the answer to the challenge itself.
                    ended.add(event["challenge"]["id"])
                    places.discard(event["challenge"]["id"])
                    lock.notify_all()
            elif event["type"] == "gameStart":
                begin(event["game"]["gameId"])
        # It is opened again at once.
        say("events again")


def begin(game):
    with lock:
        if game in playing:
            counted["second_workers"] += 1
            say("second worker for", game)
            return
        places.add(game)
        playing[game] = threading.Thread(target=game_worker, args=(game,), daemon=True)
        playing[game].start()
        say("begins", game)


def challenger():
    terms = {"rated": "false", "clock.limit": args.limit, "clock.increment": args.increment, "color": "random"}
    # One that is declined, as the other bot is not done yet, is made again.
    while counted["games"] < args.games:
        while True:
            answer = call("POST", f"/api/challenge/{args.challenge}", data=terms)
            if answer.status_code == 429:
                time.sleep(float(answer.headers["Retry-After"]))
                continue
            made = answer.json()
            assert "id" in made, made
            break
        with lock:
            if made["id"] not in ended:
                places.add(made["id"])
            # Until the game is over, or the challenge declined.
            lock.wait_for(lambda: made["id"] not in places, timeout=600)
            assert made["id"] not in places, f"{made['id']} never ends"
        time.sleep(0.5)


headers = {"Authorization": f"Bearer {args.token}"}
me = call("GET", "/api/account").json()
threading.Thread(target=event_worker, daemon=True).start()
say("ready", me["username"])
if args.challenge:
    challenger()
else:
    with lock:
        while counted["games"] < args.games:
            lock.wait()
counted["silent_max_s"] = round(silent_max, 2)
say(json.dumps(counted))
sys.stdout.flush()
