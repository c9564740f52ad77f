"""The same session with an official client of each language: Weir and the reference give one answer.

A program prints a line for each situation. A line `!WORD` asks for something that only the one who
runs the server can do, see `Driver`; the program goes on when its client noticed. `expected.txt` holds
what all programs print, against whichever server.
"""
import difflib
import os
import re

import pytest

from driver import Driver, build_problem, run_chosen
from harness.server import PEER, WEIR, Server

HERE = os.path.dirname(os.path.abspath(__file__))
LANGUAGES = ["c", "go", "java", "javascript", "python", "rust"]
SERVERS = {"reference": (PEER, None), "weir": (WEIR, 1), "weir with 2 workers": (WEIR, 2)}
CONFIG = """
authorization {
  users = [
    {user: app, password: secret}
    {user: some, password: secret, permissions: {publish: {deny: "closed.>"}, subscribe: {deny: "closed.>"}}}
  ]
}
max_payload: 64KB
max_pending: 256KB
lame_duck_duration: 30s
lame_duck_grace_period: 200ms
"""


def expected(language):
    """The lines of expected.txt for this language: `[x y] line` is for the languages x and y only."""
    lines = []
    with open(os.path.join(HERE, "expected.txt"), encoding="utf-8") as f:
        for line in f.read().splitlines():
            only, text = re.fullmatch(r"(?:\[(.*?)\] )?(.*)", line).groups()
            if only is None or language in only.split():
                lines.append(text)
    return lines


def session(language, server, directory):
    problem = build_problem(language)
    assert problem is None, problem
    binary, workers = SERVERS[server]
    with Server(directory, binary, workers=workers, config=CONFIG) as running:
        host = running.url.removeprefix("nats://")
        urls = [f"nats://{user}@{host}" for user in ("app:secret", "app:wrong", "some:secret")]
        return Driver(running, language, "session", *urls).run()


@pytest.fixture(scope="module")
def sessions(request, tmp_path_factory):
    yield from run_chosen(request, tmp_path_factory, session)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_answers_with_every_client(language, server, sessions):
    differences = list(difflib.unified_diff(expected(language), sessions[language, server].result(),
                                            "expected", f"{language}, {server}", lineterm="", n=1))
    assert not differences, "\n".join(differences)
