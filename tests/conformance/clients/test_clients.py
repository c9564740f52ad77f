"""The same session with an official client of each language: Weir and the reference give one answer.

A program prints a line for each situation. A line `!WORD` asks for something that only the one who
runs the server can do, see `Driver`; the program goes on when its client noticed. `expected.txt` holds
what all programs print, against whichever server.
"""
import concurrent.futures
import difflib
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from harness.server import PEER, TOP, WEIR, Server
from harness.wire_client import WireClient

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.join(TOP, "build/clients")
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


class Driver:
    """Runs one program against one server and does what it asks for."""

    def __init__(self, server, language, program, *arguments):
        self.server = server
        self.program = subprocess.Popen([os.path.join(BUILT, language, program), *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self.limit = threading.Timer(90, self.program.kill)

    def restart(self):
        self.server.stop()
        self.server.start()

    def kill(self):
        self.server.kill()
        self.server.start()

    def lame_duck(self):
        self.server.process.send_signal(signal.SIGUSR2)
        assert self.server.process.wait(20) == 0
        self.server.start()

    def stall(self, subject):
        """The program stops reading while messages for it pile up, until the server cuts it."""
        self.program.send_signal(signal.SIGSTOP)
        try:
            with WireClient(self.server.port, user="app", **{"pass": "secret"}, seconds=20) as flood:
                message = f"PUB {subject} 65536\r\n".encode() + bytes(65536) + b"\r\n"
                deadline = time.monotonic() + 30
                while "Slow Consumer" not in self.server.log():
                    assert time.monotonic() < deadline, "no slow consumer:\n" + self.server.log()[-2000:]
                    flood.send(message * 10)
                    flood.ping()
        finally:
            self.program.send_signal(signal.SIGCONT)

    def run(self):
        """Everything the program printed, without its commands."""
        lines = []
        self.limit.start()
        try:
            for line in self.program.stdout:
                if line.startswith("!"):
                    name, *arguments = line[1:].split()
                    getattr(self, name.replace("-", "_"))(*arguments)
                else:
                    lines.append(line.rstrip("\n"))
            status = self.program.wait()
        finally:
            self.limit.cancel()
            self.program.kill()
            self.program.wait()
        assert status == 0, f"ended with {status}:\n" + "\n".join(lines[-30:])
        assert self.server.running(), self.server.log()
        return lines


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
def sessions(tmp_path_factory, request):
    """All sessions of the chosen tests, some at a time: most of their time is waiting."""
    chosen = [item.callspec.params for item in request.session.items if item.module is request.module]
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        yield {(c["language"], c["server"]):
               pool.submit(session, c["language"], c["server"], tmp_path_factory.mktemp(c["language"]))
               for c in chosen}


def build_problem(language):
    """Why there is no program, None if there is one."""
    if os.path.exists(os.path.join(BUILT, language, "session")):
        return None
    try:
        with open(os.path.join(BUILT, language + ".log"), encoding="utf-8", errors="replace") as f:
            return f"the program does not build (tests/conformance/clients/build.sh {language}):\n" + f.read()[-3000:]
    except FileNotFoundError:
        return f"not built: tests/conformance/clients/build.sh {language}"


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_answers_with_every_client(language, server, sessions):
    differences = list(difflib.unified_diff(expected(language), sessions[language, server].result(),
                                            "expected", f"{language}, {server}", lineterm="", n=1))
    assert not differences, "\n".join(differences)
