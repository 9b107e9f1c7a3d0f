"""Plays bot and board games by an unmodified berserk: URL, then the tokens of two bots.

Every check fails loudly; the last line is "ok".
"""

import queue
import sys
import threading
import time

import berserk
import chess

URL, TOKENS = sys.argv[1], sys.argv[2:4]
PATIENCE_S = 40


class Player:
    """One account, with its event stream read by a thread."""

    def __init__(self, token):
        session = berserk.TokenSession(token)
        self.token = token
        self.api = berserk.Client(session, base_url=URL)
        self.name = self.api.account.get()["username"]
        self.events = queue.Queue()
        self.kept = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        # A session of its own: a stream holds its connection.
        api = berserk.Client(berserk.TokenSession(self.token), base_url=URL)
        for event in api.bots.stream_incoming_events():
            self.events.put(event)

    def event(self, kind, key):
        """The next event of a kind and a game or challenge."""
        end = time.monotonic() + PATIENCE_S
        while True:
            for event in self.kept:
                about = event.get("game", event.get("challenge"))
                if event["type"] == kind and (key is None or about["id"] == key):
                    self.kept.remove(event)
                    return about
            self.kept.append(self.events.get(timeout=end - time.monotonic()))


class Game:
    """One player's stream of one game, read by a thread."""

    def __init__(self, player, game, by):
        self.player, self.id, self.by = player, game, by
        self.lines = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()
        self.full = self.line("gameFull")
        self.state = self.full["state"]
        self.is_white = self.full["white"]["name"].lower() == player.name.lower()

    def api(self):
        return getattr(self.player.api, self.by)

    def listen(self):
        api = getattr(berserk.Client(berserk.TokenSession(self.player.token), base_url=URL), self.by)
        for line in api.stream_game_state(self.id):
            self.lines.put(line)
        self.lines.put({"type": "end"})

    def line(self, kind):
        while True:
            line = self.lines.get(timeout=PATIENCE_S)
            if line["type"] == kind:
                return line
            assert line["type"] != "end", f"the stream ended before {kind}"

    def until(self, reached):
        """Reads states until one is as wanted."""
        while not reached(self.state):
            self.state = self.line("gameState")
        for key in ("moves", "wtime", "btime", "winc", "binc", "status"):
            assert key in self.state, (key, self.state)
        return self.state

    def moves(self, count):
        self.until(lambda state: len(state["moves"].split()) >= count)

    def ends(self, status):
        self.until(lambda state: state["status"] != "started")
        assert self.state["status"] == status, self.state
        self.line("end")


def challenge(one, other, by, **terms):
    made = one.api.challenges.create(other.name, rated=False, clock_limit=300, clock_increment=3, color="white", **terms)
    heard = other.event("challenge", made["id"])
    assert heard["challenger"]["name"] == one.name and heard["destUser"]["name"] == other.name, heard
    assert heard["timeControl"] == {"type": "clock", "limit": 300, "increment": 3, "show": "5+3"}, heard
    other.api.challenges.accept(made["id"])
    for player, color in ((one, "white"), (other, "black")):
        start = player.event("gameStart", made["id"])
        assert start["gameId"] == made["id"] and start["color"] == color, start
    return Game(one, made["id"], by), Game(other, made["id"], by)


def play(games, moves):
    """Makes moves in turns, each seen by both."""
    first = len(games[0].state["moves"].split())
    for ply, uci in enumerate(moves.split(), first):
        mover = next(game for game in games if game.is_white == (ply % 2 == 0))
        mover.api().make_move(mover.id, uci)
        for game in games:
            game.moves(ply + 1)
            assert game.state["moves"].split()[-1] == uci


def refused(call, *args):
    try:
        call(*args)
    except berserk.exceptions.ResponseError as error:
        return error
    raise AssertionError(f"{call} was not refused")


def finishes(games, status, winner=None):
    for game in games:
        game.ends(status)
        assert game.state.get("winner") == winner, game.state
        over = game.player.event("gameFinish", game.id)
        assert over["status"]["name"] == status, over


def accounts(one, other):
    tested = one.api.oauth.test_tokens(*TOKENS, "nonsense")
    assert tested["nonsense"] is None, tested
    assert "bot:play" in tested[one.token]["scopes"], tested
    assert tested[one.token]["userId"] == one.name.lower()
    assert one.api.account.get()["title"] == "BOT"
    one.api.account.upgrade_to_bot()
    statuses = one.api.users.get_realtime_statuses(one.name, other.name.lower())
    assert len(statuses) == 2 and all(status["online"] for status in statuses), statuses
    online = {user["username"] for user in one.api.bots.get_online_bots(limit=10)}
    assert {one.name, other.name} <= online, online
    user = one.api.users.get_public_data(other.name)
    assert user["perfs"]["blitz"]["rating"] == 1500, user
    assert refused(one.api.users.get_public_data, "nobody-here").status_code == 404


def bot_game(one, other):
    white, black = games = challenge(one, other, "bots")
    assert white.full["variant"]["name"] == "Standard" and white.full["initialFen"] == "startpos"
    assert white.full["perf"]["name"] == "Blitz" and black.full["white"]["title"] == "BOT"
    playing = one.api.games.get_ongoing()
    assert [game["gameId"] for game in playing] == [white.id], playing
    white.api().post_message(white.id, "good luck")
    assert black.line("chatLine")["text"] == "good luck"
    play(games, "e2e4 e7e5 g1f3")
    # The answer was lost: the move is sent again, before and after the opponent's.
    white.api().make_move(white.id, "g1f3")
    play(games, "b8c6")
    white.api().make_move(white.id, "g1f3")
    assert "Invalid UCI" in str(refused(white.api().make_move, white.id, "e1e5"))
    assert "Not your turn" in str(refused(black.api().make_move, black.id, "d7d5"))
    assert refused(white.api().abort_game, white.id).status_code == 400
    black.api().resign_game(black.id)
    finishes(games, "resign", "white")
    # The game is over, and stays as it is.
    black.api().resign_game(black.id)
    assert "game already over" in str(refused(white.api().make_move, white.id, "d2d4"))
    white.api().post_message(white.id, "thanks")
    again = Game(one, white.id, "bots")
    assert again.state["status"] == "resign" and again.state["winner"] == "white"
    pgn = one.api.games.export(white.id, as_pgn=True)
    assert "1-0" in pgn and "1. e4" in pgn, pgn


def board_game(one, other):
    white, black = games = challenge(one, other, "board")
    play(games, "e2e4 e7e5 g1f3")
    white.api().offer_takeback(white.id)
    black.until(lambda state: state.get("wtakeback"))
    black.api().accept_takeback(black.id)
    for game in games:
        game.until(lambda state: state["moves"] == "e2e4 e7e5")
    play(games, "f1c4 g8f6")
    black.api().offer_draw(black.id)
    white.until(lambda state: state.get("bdraw"))
    white.api().decline_draw(white.id)
    white.until(lambda state: not state.get("bdraw"))
    # Whatever the rules say, a client hears that it worked.
    white.api().decline_draw(white.id)
    black.api().decline_takeback(black.id)
    refused(white.api().claim_victory, white.id)
    white.api().offer_draw(white.id)
    black.until(lambda state: state.get("wdraw"))
    black.api().accept_draw(black.id)
    finishes(games, "draw")
    chat = white.api().get_game_chat(white.id)
    assert isinstance(chat, list), chat


def repetition(one, other):
    """The API has no claim of a repetition: the third ends the game."""
    games = challenge(one, other, "bots")
    there_and_back = "g1f3 g8f6 f3g1 f6g8"
    play(games, f"{there_and_back} {there_and_back}")
    finishes(games, "draw")


def abort(one, other):
    games = challenge(one, other, "bots")
    # Too early to resign: the game is aborted.
    games[1].api().resign_game(games[1].id)
    finishes(games, "aborted")


def challenges(one, other):
    made = one.api.challenges.create(other.name, rated=False, clock_limit=60, clock_increment=0)
    other.event("challenge", made["id"])
    assert made["id"] in [waiting["id"] for waiting in one.api.challenges.get_mine()["out"]]
    assert made["id"] in [waiting["id"] for waiting in other.api.challenges.get_mine()["in"]]
    other.api.challenges.decline(made["id"], reason="tooFast")
    declined = one.event("challengeDeclined", made["id"])
    assert declined["declineReasonKey"] == "toofast" and declined["declineReason"], declined
    made = one.api.challenges.create(other.name, rated=False, clock_limit=60, clock_increment=0)
    other.event("challenge", made["id"])
    one.api.challenges.cancel(made["id"])
    other.event("challengeCanceled", made["id"])
    assert refused(other.api.challenges.accept, made["id"]).status_code == 404
    assert refused(one.api.challenges.create, "nobody-here", False, 60, 0).status_code == 404
    anyone = one.api.challenges.create_open(clock_limit=60, clock_increment=0)
    other.api.challenges.accept(anyone["id"])
    one.event("gameStart", anyone["id"])
    one.api.bots.abort_game(anyone["id"])


def variants(one, other):
    white, black = games = challenge(one, other, "bots", variant="crazyhouse")
    assert white.full["variant"]["key"] == "crazyhouse" and white.full["initialFen"] == "startpos"
    play(games, "e2e4 d7d5 e4d5 d8d5 b1c3 d5e5 f1e2 P@e3")
    assert white.state["moves"].endswith("P@e3")
    white.api().resign_game(white.id)
    finishes(games, "resign", "black")
    white, black = games = challenge(one, other, "bots", variant="chess960")
    assert white.full["variant"]["name"] == "Chess960"
    board = chess.Board(white.full["initialFen"], chess960=True)
    for _ in range(8):
        uci = next(iter(board.legal_moves)).uci()
        play(games, uci)
        board.push_uci(uci)
    white.api().resign_game(white.id)
    finishes(games, "resign", "black")
    fen = "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1"
    games = challenge(one, other, "bots", variant="fromPosition", position=fen)
    assert games[0].full["variant"]["name"] == "From Position" and games[0].full["initialFen"] == fen
    games[0].api().abort_game(games[0].id)
    finishes(games, "aborted")


def seek(one, other):
    """Two who seek the same are paired, and both requests end."""
    threads = []
    for token in TOKENS:
        api = berserk.Client(berserk.TokenSession(token), base_url=URL)
        args = {"time": 3, "increment": 2}
        threads.append(threading.Thread(target=api.board.seek, kwargs=args, daemon=True))
        threads[-1].start()
    game = one.event("gameStart", None)["gameId"]
    assert other.event("gameStart", game)["gameId"] == game
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "a seek goes on"
    one.api.board.abort_game(game)


def main():
    one, other = Player(TOKENS[0]), Player(TOKENS[1])
    # Their event streams are open once this arrives.
    end = time.monotonic() + PATIENCE_S
    while not all(status["online"] for status in one.api.users.get_realtime_statuses(one.name, other.name)):
        assert time.monotonic() < end, "they are never online"
    for part in (accounts, bot_game, board_game, repetition, abort, challenges, variants, seek):
        part(one, other)
        print(part.__name__, flush=True)
    print("ok")


main()
